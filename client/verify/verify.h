/* vestry-verify: what anyone can check offline with no help from a cluster or its operators.
 *
 * Contains no code that signs and needs nothing but libsodium, so that it can be built and read
 * apart. For client/verify alone. */
#ifndef VESTRY_CLIENT_VERIFY_VERIFY_H
#define VESTRY_CLIENT_VERIFY_VERIFY_H

#include "governance/charter.h"
#include "governance/roster.h"
#include "keys/words/cli.h"

enum cli_code verify_receipt(struct cli *cli);
enum cli_code verify_charter(struct cli *cli);
enum cli_code verify_token(struct cli *cli);
enum cli_code verify_evidence(struct cli *cli);

/* What goes to stdout: one buffer for the run. */
struct buffer *verify_out(void);

/* Read a file that is to be judged. One that is too large to be what it should be has failed:
 * STATUS_CORRUPT. */
MUST_USE enum status verify_read(const char *path, struct buffer *out, struct problem *problem);

/* Read and verify a charter; `*view` stays valid until the next call. STATUS_CORRUPT with the exact
 * reason when it is not good. */
MUST_USE enum status verify_charter_file(const char *path, const struct charter_view **view,
                                         struct problem *problem);

/* The replicas of an epoch, and what is needed of the one before it. */
struct verify_epoch {
    struct roster roster;
    bool has_ended;
    struct roster ended;
    uint64_t begun; /* the last height of that one */
};

/* The epoch of that number, or the newest that is known: the charter's, or that which the option
 * --state leads to. STATUS_CORRUPT when what the option names does not hold. */
MUST_USE enum status verify_epoch_find(const struct cli *cli, const struct charter_view *charter,
                                       uint64_t epoch, struct verify_epoch *out,
                                       struct problem *problem);

/* Print the problem: STATUS_CORRUPT is a failed verification. */
enum cli_code verify_fail(const struct cli *cli, const struct problem *problem);

#endif
