/* Why a message had no effect. Every silent path of the core has its own reason, which is a metric
 * and a trace line; none of them is an error of ours. Pure data. */
#ifndef VESTRY_REPLICA_CORE_DROP_H
#define VESTRY_REPLICA_CORE_DROP_H

#include "crypto/contract.h"

#define DROPS(ROW)                                                                                 \
    ROW(DROP_NONE, "none")                                                                         \
    ROW(DROP_MALFORMED, "malformed")                                                               \
    ROW(DROP_TYPE, "type-unknown")                                                                 \
    ROW(DROP_SENDER, "sender-not-a-member")                                                        \
    ROW(DROP_ROLE, "sender-may-not-send-this")                                                     \
    ROW(DROP_OWN, "own-message")                                                                   \
    ROW(DROP_SIGNATURE, "bad-signature")                                                           \
    ROW(DROP_CLIENT_SIGNATURE, "bad-client-signature")                                             \
    ROW(DROP_EPOCH, "other-epoch")                                                                 \
    ROW(DROP_VIEW_OLD, "old-view")                                                                 \
    ROW(DROP_VIEW_AHEAD, "later-view")                                                             \
    ROW(DROP_NOT_PRIMARY, "not-from-the-primary")                                                  \
    ROW(DROP_SUSPENDED, "led-by-a-suspended-replica")                                              \
    ROW(DROP_FROM_PRIMARY, "prepare-from-the-primary")                                             \
    ROW(DROP_MODE, "not-active")                                                                   \
    ROW(DROP_BELOW_WINDOW, "below-the-window")                                                     \
    ROW(DROP_ABOVE_WINDOW, "above-the-window")                                                     \
    ROW(DROP_DUPLICATE, "duplicate")                                                               \
    ROW(DROP_SURPLUS, "beyond-the-quorum")                                                         \
    ROW(DROP_CONFLICT, "contradicts-an-earlier-message")                                           \
    ROW(DROP_DIGEST, "digest-does-not-match")                                                      \
    ROW(DROP_TIME, "batch-time-out-of-bounds")                                                     \
    ROW(DROP_TOO_LARGE, "too-large")                                                               \
    ROW(DROP_NO_MEMORY, "no-memory-in-the-pool")                                                   \
    ROW(DROP_QUEUE_FULL, "queue-full")                                                             \
    ROW(DROP_KNOWN_REQUEST, "request-known")                                                       \
    ROW(DROP_REFUSED_EARLY, "request-cannot-succeed")                                              \
    ROW(DROP_NOT_WANTED, "not-asked-for")                                                          \
    ROW(DROP_CERTIFICATE, "invalid-certificate")                                                   \
    ROW(DROP_STALE, "counter-did-not-grow")                                                        \
    ROW(DROP_RATE, "too-often")                                                                    \
    ROW(DROP_NOT_STARTED, "not-started")                                                           \
    ROW(DROP_HALTED, "halted")

#define DROP_ENUM(name, text) name,
enum drop {
    DROPS(DROP_ENUM) DROP_COUNT
};
#undef DROP_ENUM

/* "bad-signature". Never NULL. */
MUST_USE const char *drop_text(enum drop drop);

#endif
