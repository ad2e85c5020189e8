/* A client's read, from frame to question: the part on a worker, which verifies signatures, and the
 * part on the loop, which asks the state whether the token allows it. */
#ifndef VESTRY_REPLICA_HOST_READ_REQUEST_H
#define VESTRY_REPLICA_HOST_READ_REQUEST_H

#include "replica/core/node.h"
#include "replica/host/memo.h"
#include "replica/host/reader.h"

/* Verify the request's signature and those within its token; good ones go into the memo. Any
 * thread. */
MUST_USE enum drop read_request_verify(const struct memo_verifier *verifier,
                                       const uint8_t cluster_id[HASH_BYTES], struct bytes frame);

struct read_gate {
    const struct node *node;
    struct memo_verifier *verifier;
    uint32_t rid;
    uint64_t time_ms; /* T as far as this replica has executed */
    uint64_t height;
    struct item_view *view; /* memory for parsing */
};

/* Judge the read by the state at hand and make a READ question of it, refused or not: the client
 * gets the code. NULL when the frame is no read. Loop only. */
MUST_USE struct question *read_request_judge(const struct read_gate *gate, struct bytes frame);

#endif
