/* Memory for secrets, and a process that does not leak them.
 *
 * A `struct secret` is the only place where a seed or a passphrase may be kept: guarded pages that
 * are locked into memory, left out of core dumps and wiped when they are closed. Locking can fail
 * (the usual limit of a process is 8 MiB, and some machines allow less); for people's keys that is
 * refused, because their machines swap to disks that outlive the ceremony, while a replica may be
 * told to go on. Any module above crypto/ may use this. */
#ifndef VESTRY_KEYS_SECRET_H
#define VESTRY_KEYS_SECRET_H

#include "crypto/bytes.h"
#include "keys/words/problem.h"

struct secret {
    uint8_t *data; /* NULL when closed */
    size_t len;    /* in use; the caller's to set */
    size_t capacity;
};

enum secret_lock {
    SECRET_LOCK_REQUIRED,
    SECRET_LOCK_WANTED, /* go on without when the machine refuses */
};

/* Get `capacity` zeroed bytes, at least one. */
MUST_USE enum status secret_open(struct secret *secret, size_t capacity, enum secret_lock lock,
                                 struct problem *problem);

/* Wipe and release. A closed one may be closed again. */
void secret_close(struct secret *secret);

MUST_USE struct bytes secret_bytes(const struct secret *secret);

/* Before the first secret: no core dumps (RLIMIT_CORE 0), no debugger and no /proc/self/mem for
 * others of the same user (PR_SET_DUMPABLE 0). Also initialises libsodium. */
MUST_USE enum status process_harden(struct problem *problem);

/* For tests alone: let the next `count` locks succeed and the one after them fail; -1 ends that. */
void secret_fail_lock_for_tests(int count);

#endif
