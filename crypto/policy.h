/* Policy files (c2sp.org/tlog-policy): which keys speak for a log, and how many must.
 *
 *     log <vkey of a sign key>              one line a replica
 *     witness r<rid> <vkey of a cosign key> one line a replica
 *     group replicas <quorum> r<rid>...
 *     quorum replicas
 *
 * One file holds for one epoch. Makers are whoever knows the configuration; the reader is for
 * offline verification and takes only files of this shape: no other groups, no keys of other
 * origins, no URLs. Pure; text may come from anywhere. */
#ifndef VESTRY_CRYPTO_POLICY_H
#define VESTRY_CRYPTO_POLICY_H

#include "crypto/note.h"

#define POLICY_BYTES_MAX 16384

struct policy {
    struct origin origin;
    uint32_t quorum;
    size_t count;
    struct note_key keys[REPLICAS_MAX]; /* in the order of the file */
};

MUST_USE struct note_keyring policy_keyring(const struct policy *policy);

/* Append the file. The keyring is valid, 1 <= quorum <= its count. */
void policy_put(struct buffer *out, struct bytes origin, struct note_keyring keyring,
                uint32_t quorum);

enum policy_result {
    POLICY_OK,
    POLICY_TOO_LONG,
    POLICY_BAD_CHARACTER,
    POLICY_BAD_LINE,   /* not a line of the shape above, or one out of its place */
    POLICY_BAD_KEY,    /* a vkey that is not one, or whose id is not the key's */
    POLICY_DUPLICATE,  /* a replica or a key twice */
    POLICY_INCOMPLETE, /* logs and witnesses do not pair up, or group or quorum are missing */
    POLICY_BAD_QUORUM, /* not a number from 1 to the number of witnesses, or a member left out */
};

/* A short lower-case phrase for messages. Never NULL. */
MUST_USE const char *policy_result_text(enum policy_result result);

/* Read a policy file. `line` is the number of the line at fault (from 1; 0 for the whole file).
 * The k-th log line and the k-th witness line are taken as one replica's. `out` is untouched
 * unless POLICY_OK. */
MUST_USE enum policy_result policy_parse(struct bytes text, struct policy *out, uint32_t *line);

static_assert(REPLICAS_MAX * (2 * (VKEY_TEXT_MAX + REPLICA_NAME_MAX) + 24) + 64 <= POLICY_BYTES_MAX,
              "a policy of as many replicas as there can be fits");

#endif
