/* Signatures: what is signed, under which tag, and by which scheme.
 *
 *   signed bytes (always 96) = tag[32] || cluster_id[32] || SHA-256(body as received)
 *   id of an object          = SHA-256 of its 96 bytes
 *
 * A tag is "vestry/1/<name>" in ASCII, zero padded to 32 bytes, so that a signature made for one
 * purpose can never be shown as another, and never as a checkpoint text (no text holds a NUL).
 *
 * `struct sig_scheme` is Ed25519 (RFC 8032, libsodium's verification rules) in every program;
 * the simulator may use a keyed-hash stand-in with the same sizes. Pure and thread-safe. */
#ifndef VESTRY_CRYPTO_SIGN_H
#define VESTRY_CRYPTO_SIGN_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

/* The table of tags: TAG(enumerator, text). FORMATS: signing. */
#define SIGN_TAGS(TAG)                                                                             \
    TAG(TAG_CHARTER, "vestry/1/charter")                                                           \
    TAG(TAG_REQUEST, "vestry/1/request")                                                           \
    TAG(TAG_PRE_PREPARE, "vestry/1/pre-prepare")                                                   \
    TAG(TAG_PREPARE, "vestry/1/prepare")                                                           \
    TAG(TAG_COMMIT, "vestry/1/commit")                                                             \
    TAG(TAG_COMPLAIN, "vestry/1/complain")                                                         \
    TAG(TAG_VIEW_CHANGE, "vestry/1/view-change")                                                   \
    TAG(TAG_NEW_VIEW, "vestry/1/new-view")                                                         \
    TAG(TAG_STATUS, "vestry/1/status")                                                             \
    TAG(TAG_HELLO, "vestry/1/hello")                                                               \
    TAG(TAG_READY, "vestry/1/ready")                                                               \
    TAG(TAG_CAPABLE, "vestry/1/capable")                                                           \
    TAG(TAG_CAPABILITY, "vestry/1/capability")                                                     \
    TAG(TAG_CAPABILITY_REVOKE, "vestry/1/capability-revoke")                                       \
    TAG(TAG_PROPOSAL, "vestry/1/proposal")                                                         \
    TAG(TAG_BALLOT, "vestry/1/ballot")                                                             \
    TAG(TAG_WITHDRAW, "vestry/1/withdraw")                                                         \
    TAG(TAG_DISPUTE, "vestry/1/dispute")                                                           \
    TAG(TAG_KEY_ROTATE, "vestry/1/key-rotate")                                                     \
    TAG(TAG_ENDPOINT, "vestry/1/endpoint")                                                         \
    TAG(TAG_KEY_ERASED, "vestry/1/key-erased")                                                     \
    TAG(TAG_RECOVERY_BALLOT, "vestry/1/recovery-ballot")                                           \
    TAG(TAG_POSSESSION, "vestry/1/possession")                                                     \
    TAG(TAG_ANCHOR, "vestry/1/anchor")                                                             \
    TAG(TAG_TRANSCRIPT, "vestry/1/transcript")                                                     \
    TAG(TAG_REHEARSAL, "vestry/1/rehearsal")                                                       \
    TAG(TAG_EVIDENCE, "vestry/1/evidence")                                                         \
    TAG(TAG_READ_ANSWER, "vestry/1/read-answer")                                                   \
    TAG(TAG_CHALLENGE, "vestry/1/challenge")                                                       \
    TAG(TAG_CHALLENGE_ANSWER, "vestry/1/challenge-answer")

#define SIGN_TAG_ENUM(name, text) name,
enum sign_tag {
    SIGN_TAGS(SIGN_TAG_ENUM) SIGN_TAG_COUNT
};
#undef SIGN_TAG_ENUM

/* "vestry/1/prepare". Never NULL. */
MUST_USE const char *sign_tag_text(enum sign_tag tag);

/* The 96 bytes that are signed for `body` in the cluster `cluster_id`. */
void statement_make(enum sign_tag tag, const uint8_t cluster_id[HASH_BYTES], struct bytes body,
                    uint8_t out[STATEMENT_BYTES]);

/* SHA-256 of those 96 bytes: the id of the object, the same for every signature over it. */
void statement_id(enum sign_tag tag, const uint8_t cluster_id[HASH_BYTES], struct bytes body,
                  uint8_t out[HASH_BYTES]);

/* A way to sign. Every function is pure and may be called from any thread. */
struct sig_scheme {
    const char *name;
    void (*public_key)(const uint8_t seed[SEED_BYTES], uint8_t out[PUBLIC_KEY_BYTES]);
    void (*sign)(const uint8_t seed[SEED_BYTES], const uint8_t public_key[PUBLIC_KEY_BYTES],
                 struct bytes message, uint8_t out[SIG_BYTES]);
    bool (*verify)(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                   const uint8_t sig[SIG_BYTES]);
    /* Whether a public key may be registered or first met in a token (on the curve, of the main
     * subgroup, not of small order). */
    bool (*key_valid)(const uint8_t public_key[PUBLIC_KEY_BYTES]);
};

extern const struct sig_scheme sig_ed25519;

/* Sign or verify the 96-byte statement of `body`. */
void sign_body(const struct sig_scheme *scheme, const uint8_t seed[SEED_BYTES],
               const uint8_t public_key[PUBLIC_KEY_BYTES], enum sign_tag tag,
               const uint8_t cluster_id[HASH_BYTES], struct bytes body, uint8_t out[SIG_BYTES]);
MUST_USE bool verify_body(const struct sig_scheme *scheme,
                          const uint8_t public_key[PUBLIC_KEY_BYTES], enum sign_tag tag,
                          const uint8_t cluster_id[HASH_BYTES], struct bytes body,
                          const uint8_t sig[SIG_BYTES]);

/* Remembers signatures that were found good, by a hash of key, statement and signature, so that
 * what comes again is not verified again: a token's chain with every request, votes in
 * certificates. NULL where one may be given: nothing is remembered. Must be thread-safe where it is
 * used on several. */
struct sig_memo {
    void *context;
    bool (*known)(void *context, const uint8_t key[HASH_BYTES]);
    void (*add)(void *context, const uint8_t key[HASH_BYTES]);
};

#endif
