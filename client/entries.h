/* Entries that were read: an answer of one replica, verified entry by entry, and what it was
 * verified against.
 *
 * The verification is pure: bytes and a checkpoint in, verdict out; whether the checkpoint itself
 * is to be believed was decided before. Used by log_read.c and its tests. */
#ifndef VESTRY_CLIENT_ENTRIES_H
#define VESTRY_CLIENT_ENTRIES_H

#include "crypto/note.h"
#include "crypto/schema.h"

#include <vestry/vestry.h>

struct entries_one {
    struct leaf leaf;
    struct read_entry entry;
    char stream[ID_BYTES_MAX + 1];
};

struct vestry_entries {
    struct vestry_read_look look;
    struct entries_one *list; /* owned; look.count of them, borrowing from `bytes` */
    uint8_t *bytes;           /* owned: the attachment */
    uint8_t *note;            /* owned */
    size_t note_len;
};

/* What was asked for. */
struct entries_query {
    struct bytes stream; /* empty: positions of the whole log */
    uint64_t from;
    uint64_t count;
};

/* Whether the attachment holds entries from query->from on, without gaps, each of them in the tree
 * of the checkpoint, each payload its own. `out` is to be freed; NULL on false, and `memory` says
 * whether that was for want of memory. */
MUST_USE bool entries_verify(const struct entries_query *query, struct bytes attachment,
                             const struct checkpoint *checkpoint, struct vestry_entries **out,
                             bool *memory);

#endif
