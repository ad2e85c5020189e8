/* The epochs that a client has followed the log through: whose signatures count at which height.
 *
 * It begins with the charter, and goes on by hand-offs, which prove themselves (hand_off.h) and may
 * come from anyone. Those that held are kept in the state directory, one file an epoch
 * (`epoch-<n>`: how epoch n ended), and followed anew at each start: what was seen before may be of
 * any of them. One thread. */
#ifndef VESTRY_CLIENT_EPOCHS_H
#define VESTRY_CLIENT_EPOCHS_H

#include "client/seen.h"
#include "governance/hand_off.h"

struct epochs {
    struct epoch_chain *chain;
    char directory[FILE_PATH_MAX]; /* empty: nothing is kept */
};

/* Follow what is kept in the directory (NULL: nothing is). STATUS_CORRUPT when a file in it does
 * not hold. */
MUST_USE enum status epochs_open(struct epochs *epochs, const struct charter_view *charter,
                                 const struct sig_scheme *scheme, const char *directory,
                                 struct problem *problem);
/* Zeroed memory may be closed. */
void epochs_close(struct epochs *epochs);

/* Follow the hand-off of the newest epoch, and keep it. Otherwise nothing changes. */
MUST_USE enum hand_off_error epochs_follow(struct epochs *epochs, struct bytes hand_off);

/* Borrowed until the epochs are closed. NULL for an epoch that is not known. */
MUST_USE const struct roster *epochs_roster(const struct epochs *epochs, uint64_t epoch);
MUST_USE const struct roster *epochs_newest(const struct epochs *epochs);

/* A seen_keys_of, whose context is the epochs. */
bool epochs_keys(const void *context, uint64_t epoch, struct seen_keys *out);

#endif
