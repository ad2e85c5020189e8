#include "crypto/selftest.h"

#include "crypto/hash.h"
#include "crypto/words.h"

#include <sodium.h>
#include <string.h>

enum selftest_kind {
    SELFTEST_HASH,   /* result = SHA-256(message) */
    SELFTEST_SIGN,   /* key is a seed; result = its public key, then the signature of message */
    SELFTEST_VERIFY, /* result is a signature of message by key, good or not */
    SELFTEST_KEY,    /* key may be registered, or not */
};

struct selftest_vector {
    enum selftest_kind kind;
    bool good;
    const char *what;
    const char *key; /* in hex, like the next two */
    const char *message;
    const char *result;
};

#include "crypto/selftest_vectors.h"

#define SELFTEST_MESSAGE_MAX 64

struct selftest_bytes {
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t message[SELFTEST_MESSAGE_MAX];
    size_t message_len;
    uint8_t result[PUBLIC_KEY_BYTES + SIG_BYTES];
};

static size_t unhex(const char *text, uint8_t *out, size_t capacity)
{
    const size_t len = strlen(text) / 2;

    CHECK(len <= capacity);
    CHECK(hex_parse(bytes_of_text(text), out, len));
    return len;
}

static bool sign_holds(const struct sig_scheme *scheme, const struct selftest_bytes *vector)
{
    const struct bytes message = bytes_make(vector->message, vector->message_len);
    const uint8_t *expected_sig = vector->result + PUBLIC_KEY_BYTES;
    uint8_t key[PUBLIC_KEY_BYTES];
    uint8_t sig[SIG_BYTES];

    /* A program that only verifies has a scheme without its secret half. */
    if (scheme->sign == NULL) {
        return scheme->verify(vector->result, message, expected_sig);
    }
    scheme->public_key(vector->key, key);
    if (memcmp(key, vector->result, PUBLIC_KEY_BYTES) != 0) {
        return false;
    }
    scheme->sign(vector->key, key, message, sig);
    return memcmp(sig, expected_sig, SIG_BYTES) == 0 && scheme->verify(key, message, sig);
}

static bool holds(const struct sig_scheme *scheme, const struct selftest_vector *vector)
{
    struct selftest_bytes bytes = {0};
    uint8_t hash[HASH_BYTES];

    (void)unhex(vector->key, bytes.key, sizeof(bytes.key));
    bytes.message_len = unhex(vector->message, bytes.message, sizeof(bytes.message));
    (void)unhex(vector->result, bytes.result, sizeof(bytes.result));
    const struct bytes message = bytes_make(bytes.message, bytes.message_len);

    switch (vector->kind) {
    case SELFTEST_HASH:
        hash_bytes(message, hash);
        return hash_equal(hash, bytes.result);
    case SELFTEST_SIGN:
        return sign_holds(scheme, &bytes);
    case SELFTEST_VERIFY:
        return scheme->verify(bytes.key, message, bytes.result) == vector->good;
    case SELFTEST_KEY:
        return scheme->key_valid(bytes.key) == vector->good;
    }
    return false;
}

enum status crypto_selftest(const struct sig_scheme *scheme, struct selftest *out)
{
    const size_t total = sizeof(selftest_vectors) / sizeof(selftest_vectors[0]);

    *out = (struct selftest){.total = (uint32_t)total};
    if (sodium_init() < 0) {
        out->first_failure = "initialising libsodium";
        return STATUS_IO;
    }
    for (size_t i = 0; i < total; i++) {
        if (holds(scheme, &selftest_vectors[i])) {
            out->passed++;
        } else if (out->first_failure == NULL) {
            out->first_failure = selftest_vectors[i].what;
        }
    }
    return out->passed == out->total ? STATUS_OK : STATUS_MISMATCH;
}
