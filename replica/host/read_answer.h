/* Answers to reads: entries with their proofs, signed by this replica; and answers to requests that
 * were executed before. Pure over log_reader.h; for the read thread.
 *
 * An entry is shown with its payload only to a token whose every block covers its stream. A read by
 * position in the whole log (an empty stream) may meet entries of other streams: of these it gets
 * the leaf and its path, which are public, and no more. */
#ifndef VESTRY_REPLICA_HOST_READ_ANSWER_H
#define VESTRY_REPLICA_HOST_READ_ANSWER_H

#include "governance/token.h"
#include "replica/core/outbox.h"
#include "replica/host/log_reader.h"
#include "replica/host/speaker.h"

/* What one answer carries at most; the client asks for the rest again. One entry always fits. */
#define READ_ANSWER_BYTES_MAX ((size_t)4 << 20)

/* A read that was checked. */
struct read_ask {
    uint8_t request_id[HASH_BYTES];
    uint64_t code;               /* enum result_code: entries only when RESULT_OK */
    struct wire_list statements; /* of item_bin, each a read_statement */
    struct bytes token;
};

struct read_maker;
MUST_USE enum status read_maker_open(const struct speaker *speaker, struct log_reader *reader,
                                     struct read_maker **out);
void read_maker_close(struct read_maker *maker);

/* The READ-ANSWER frame, with its length header, from this picture. Empty when the store did not
 * give back what was stored: it would be signed. Borrows until the next call. */
MUST_USE struct bytes read_answer_make(struct read_maker *maker, struct store_view *view,
                                       const struct read_ask *ask);

/* The REPLY frame to a request that was executed long ago (ACTION_KNOWN), proven against the newest
 * head. Empty when the store does not have what it takes. Borrows until the next call. */
MUST_USE struct bytes read_known_make(struct read_maker *maker, struct store_view *view,
                                      const struct action *known);

#endif
