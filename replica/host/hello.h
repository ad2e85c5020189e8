/* HELLO: the first message on a channel, which binds it to a key (CHANNEL.md).
 *
 * Pure: bytes in, verdict out. What a HELLO names is compared with the channel it came on and with
 * the replicas in force; the one that connects speaks first, the other answers with its own.
 * A client's HELLO may come again on the same channel, to change its flags. */
#ifndef VESTRY_REPLICA_HOST_HELLO_H
#define VESTRY_REPLICA_HOST_HELLO_H

#include "crypto/schema.h"
#include "crypto/sign.h"
#include "governance/roster.h"
#include "replica/host/channel.h"
#include "replica/host/speaker.h"

#define HELLO_WANTS_PROOFS 1u

/* A HELLO with its frame header is never longer. */
#define HELLO_FRAME_BYTES_MAX 1024

#define HELLO_VERDICTS(ROW)                                                                        \
    ROW(HELLO_OK, "ok")                                                                            \
    ROW(HELLO_MALFORMED, "not a HELLO")                                                            \
    ROW(HELLO_CHANNEL, "HELLO of another channel")                                                 \
    ROW(HELLO_ROLE, "role that may not connect")                                                   \
    ROW(HELLO_SENDER, "not the replica it says, or not its keys")                                  \
    ROW(HELLO_SIGNATURE, "signature of another cluster or key")

#define HELLO_ENUM(name, text) name,
enum hello_verdict {
    HELLO_VERDICTS(HELLO_ENUM) HELLO_VERDICT_COUNT
};
#undef HELLO_ENUM

MUST_USE const char *hello_verdict_text(enum hello_verdict verdict);

/* Append a replica's HELLO for the channel, as a frame with its header. */
void hello_put(struct buffer *out, const struct speaker *speaker, uint64_t epoch,
               const uint8_t exporter[HASH_BYTES]);

/* What the one that listens knows. */
struct hello_scene {
    const struct sig_scheme *scheme;
    const uint8_t *cluster_id;
    const struct roster *roster;
    const struct roster *ended; /* of the epoch before, for who has not left it; NULL: none */
    const struct channel_facts *facts;
    uint32_t self;     /* own rid, which nobody else may say */
    uint32_t expected; /* the replica that was dialled, or ROSTER_NOBODY */
};

struct hello_guest {
    bool is_replica;
    uint32_t rid; /* of a replica */
    uint8_t key[PUBLIC_KEY_BYTES];
    uint32_t flags;
};

/* `frame` is without its header. `out` is set on HELLO_OK only. */
MUST_USE enum hello_verdict hello_judge(const struct hello_scene *scene, struct bytes frame,
                                        struct hello_guest *out);

#endif
