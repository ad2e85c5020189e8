/* Which entries a hand-off needs: those of proposals that were enacted in the epoch that it is of
 * and may move what a verifier follows, wherever in the log they were opened and voted on. All else
 * leads to nothing and is left out, so that a hand-off is as large as what was changed and not as
 * what was proposed.
 *
 * Entries are shown twice in the order of the log, those of earlier epochs too: first all to
 * pick_note, then each to pick_wants. Pure; for hand_off_make.c. governance/hand_off.h says what
 * becomes of them. */
#ifndef VESTRY_REPLICA_HOST_HAND_OFF_PICK_H
#define VESTRY_REPLICA_HOST_HAND_OFF_PICK_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

/* Proposals that are remembered at one time. */
#define PICK_ROWS_MAX 4096

struct pick_row {
    uint8_t pid[HASH_BYTES];
    bool enacted; /* in the epoch; else it is open, locked or disputed */
};

struct picks {
    const uint8_t *cluster_id;
    bool full; /* more than can be remembered: what is wanted is not known */
    uint32_t count;
    struct pick_row rows[PICK_ROWS_MAX];
};

/* About 150 KB; nothing was shown yet. `cluster_id` is borrowed. */
void picks_init(struct picks *picks, const uint8_t cluster_id[HASH_BYTES]);

/* The payload of an entry of kind governance or result, of the epoch or of an earlier one. */
void pick_note(struct picks *picks, struct bytes payload, bool in_epoch);
MUST_USE bool pick_wants(const struct picks *picks, struct bytes payload);

#endif
