/* The newest checkpoint that a client has seen, so that nobody can lead it back.
 *
 * Kept in the state directory as the signed note itself (file `head`), which proves itself when it
 * is read again. Whatever is shown later must continue it: an older one is told apart from another
 * past, of which both notes are kept as evidence. Several processes may share the file: the newest
 * wins. */
#ifndef VESTRY_CLIENT_SEEN_H
#define VESTRY_CLIENT_SEEN_H

#include "crypto/note.h"
#include "keys/words/file.h"
#include "keys/words/problem.h"

/* The replicas of an epoch, and how many of them must have signed. */
struct seen_keys {
    uint32_t count;
    uint32_t quorum;
    struct note_key keys[REPLICAS_MAX];
};

/* False for an epoch that is not known. */
typedef bool seen_keys_of(const void *context, uint64_t epoch, struct seen_keys *out);

/* Who must have signed; borrowed for the life of the seen. */
struct seen_trust {
    const struct sig_scheme *scheme;
    const struct origin *origin;
    seen_keys_of *keys_of;
    const void *context;
};

/* One note, and what it says. */
struct seen_note {
    bool known;
    bool unsaved;
    struct checkpoint checkpoint;
    size_t len;
    uint8_t text[NOTE_BYTES_MAX];
};

struct seen {
    struct seen_trust trust;
    char directory[FILE_PATH_MAX]; /* empty: nothing is kept */
    uint64_t saved_ms;
    struct seen_note head;
    struct seen_note anchor;
};

enum seen_verdict {
    SEEN_NEWER, /* or nothing was seen before */
    SEEN_SAME,
    SEEN_OLDER,
    SEEN_FORK, /* cannot be of the same log as what was seen */
};

/* Read what was seen. STATUS_CORRUPT when the file does not prove itself. */
MUST_USE enum status seen_open(struct seen *seen, const struct seen_trust *trust,
                               const char *directory, struct problem *problem);

enum seen_signed {
    SEEN_GOOD,  /* by a quorum of its epoch, with no line that is bad */
    SEEN_LATER, /* of an epoch that is not known: whose signatures count cannot be said */
    SEEN_FALSE,
};

/* Check a note. `signers` is by place in the keys of its epoch. */
MUST_USE enum seen_signed seen_check_note(const struct seen_trust *trust, struct bytes note,
                                          struct checkpoint *checkpoint, uint32_t *signers);

MUST_USE enum seen_verdict seen_judge(const struct seen *seen, const struct checkpoint *checkpoint);

/* Take a checked note when it is newer, and write it down now or a little later. */
void seen_take(struct seen *seen, const struct checkpoint *checkpoint, struct bytes note,
               uint64_t now_ms);
/* Write down what is not yet, unless what is there is newer. */
void seen_save(struct seen *seen);

/* Whether the head is to be proven to continue the anchor; a first head is an anchor at once. */
MUST_USE bool seen_wants_proof(struct seen *seen);
/* A note that was the head was proven: it becomes the anchor. */
void seen_proven(struct seen *seen, const struct seen_note *note);

/* Keep two notes that contradict each other. `path` gets where; empty when it failed. */
void seen_keep_evidence(const struct seen *seen, const struct seen_note *one, struct bytes other,
                        char path[FILE_PATH_MAX]);

#endif
