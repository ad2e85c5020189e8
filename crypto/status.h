/* What the world can do to us: every function that touches disk, memory or network returns one of
 * these, and the caller must look. Faults of a peer are not here (see `enum drop` of the core). */
#ifndef VESTRY_CRYPTO_STATUS_H
#define VESTRY_CRYPTO_STATUS_H

#include "crypto/contract.h"

enum status {
    STATUS_OK,
    STATUS_NOT_FOUND, /* no such record, file or key */
    STATUS_EXISTS,    /* would overwrite what is there */
    STATUS_NO_MEMORY, /* an allocation failed or a bounded space is full */
    STATUS_NO_SPACE,  /* the disk has less room than the gate asks for */
    STATUS_IO,        /* the operating system reported a failure */
    STATUS_CORRUPT,   /* stored bytes are not what was written */
    STATUS_MISMATCH,  /* well-formed, but of another cluster, key or version */
    STATUS_BUSY,      /* locked by another process, or a bounded queue is full */
    STATUS_REFUSED,   /* permissions or ownership are not safe */
    STATUS_INVALID,   /* input that breaks a stated rule */
};

/* A short lower-case phrase, for messages: "no such record". Never NULL. */
MUST_USE const char *status_text(enum status status);

#endif
