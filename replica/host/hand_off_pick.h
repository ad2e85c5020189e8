/* Which entries of an epoch a hand-off needs: those of proposals that were enacted and move what a
 * verifier follows, or that are still open or locked when the epoch ends and may yet; and of those
 * that were open when it began and have ended since, that they have. All else follows from nothing,
 * and is left out, so that a hand-off is as large as what was changed and not as what was proposed.
 *
 * Every entry of the epoch is shown twice in the order of the log: first all to pick_note, then
 * each to pick_wants. Pure; for hand_off_make.c. governance/hand_off.h says what becomes of them.
 */
#ifndef VESTRY_REPLICA_HOST_HAND_OFF_PICK_H
#define VESTRY_REPLICA_HOST_HAND_OFF_PICK_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

/* Proposals that are remembered at one time. */
#define PICK_ROWS_MAX 4096

enum pick_state {
    PICK_OPENED,  /* in this epoch, and not ended otherwise than by being enacted */
    PICK_CARRIED, /* the same, opened before it */
    PICK_ENDED,   /* opened before it, and ended with nothing done */
    PICK_OTHER,   /* opened in this epoch, about something that nobody follows */
};

struct pick_row {
    uint8_t pid[HASH_BYTES];
    enum pick_state state;
};

struct picks {
    const uint8_t *cluster_id;
    bool full; /* more than can be remembered: what is wanted is not known */
    uint32_t count;
    struct pick_row rows[PICK_ROWS_MAX];
};

/* About 150 KB; nothing was shown yet. `cluster_id` is borrowed. */
void picks_init(struct picks *picks, const uint8_t cluster_id[HASH_BYTES]);

/* The payload of an entry of kind governance or result. */
void pick_note(struct picks *picks, struct bytes payload);
MUST_USE bool pick_wants(const struct picks *picks, struct bytes payload);

#endif
