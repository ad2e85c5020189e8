/* TLS 1.3 between two programs of a cluster, and whose key is at the other end.
 *
 * Keys are pinned, names are not: each replica shows a certificate that it makes at start from its
 * governed transport key, and the one that connects accepts exactly the key that it expects. There
 * is no authority, no name, no date to judge. Clients show no certificate. What is proven here is
 * the channel; who speaks on it is said and signed in HELLO (hello.h), which names this channel by
 * its exported secret. Loop only. */
#ifndef VESTRY_REPLICA_HOST_CHANNEL_H
#define VESTRY_REPLICA_HOST_CHANNEL_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/status.h"

#include <openssl/ssl.h>

#define CHANNEL_ALPN "vestry/1"
#define CHANNEL_EXPORTER "EXPORTER-vestry/1"

struct channel_context;

/* STATUS_IO when OpenSSL cannot make a certificate of the key. The seed is not kept by us; OpenSSL
 * keeps the key. */
MUST_USE enum status channel_context_open(const uint8_t transport_seed[SEED_BYTES],
                                          struct channel_context **out);
void channel_context_close(struct channel_context *context);

/* The two ends; NULL when out of memory. `expected` is the transport key that must be at the other
 * end, copied. */
MUST_USE SSL *channel_for_accept(struct channel_context *context);
MUST_USE SSL *channel_for_dial(struct channel_context *context,
                               const uint8_t expected[PUBLIC_KEY_BYTES]);

/* What a finished handshake proved. */
struct channel_facts {
    uint8_t exporter[HASH_BYTES]; /* the same at both ends of this channel, and of no other */
    bool has_key;                 /* the other end showed a certificate */
    uint8_t key[PUBLIC_KEY_BYTES];
};

/* False when the channel is not one of ours: another protocol was agreed, or no secret is had. */
MUST_USE bool channel_facts_read(SSL *ssl, struct channel_facts *out);

#endif
