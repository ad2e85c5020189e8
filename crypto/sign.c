#include "crypto/sign.h"

#include "crypto/hash.h"

#include <string.h>

#define SIGN_TAG_TEXT(name, text) [name] = (text),
static const char *const tag_texts[SIGN_TAG_COUNT] = {SIGN_TAGS(SIGN_TAG_TEXT)};
#undef SIGN_TAG_TEXT

/* At most 31 characters, so that every padded tag ends in a NUL. */
#define SIGN_TAG_FITS(name, text) static_assert(sizeof(text) <= TAG_BYTES, #name " is too long");
SIGN_TAGS(SIGN_TAG_FITS)
#undef SIGN_TAG_FITS

const char *sign_tag_text(enum sign_tag tag)
{
    CHECK(tag < SIGN_TAG_COUNT);
    return tag_texts[tag];
}

void statement_make(enum sign_tag tag, const uint8_t cluster_id[HASH_BYTES], struct bytes body,
                    uint8_t out[STATEMENT_BYTES])
{
    static_assert(TAG_BYTES + 2 * HASH_BYTES == STATEMENT_BYTES, "tag, cluster, hash of the body");
    const char *text = sign_tag_text(tag);
    uint8_t statement[STATEMENT_BYTES] = {0};

    memcpy(statement, text, strlen(text));
    memcpy(statement + TAG_BYTES, cluster_id, HASH_BYTES);
    hash_bytes(body, statement + TAG_BYTES + HASH_BYTES);
    memcpy(out, statement, STATEMENT_BYTES);
}

void statement_id(enum sign_tag tag, const uint8_t cluster_id[HASH_BYTES], struct bytes body,
                  uint8_t out[HASH_BYTES])
{
    uint8_t statement[STATEMENT_BYTES];

    statement_make(tag, cluster_id, body, statement);
    hash_bytes(BYTES_OF_ARRAY(statement), out);
}

void sign_body(const struct sig_scheme *scheme, const uint8_t seed[SEED_BYTES],
               const uint8_t public_key[PUBLIC_KEY_BYTES], enum sign_tag tag,
               const uint8_t cluster_id[HASH_BYTES], struct bytes body, uint8_t out[SIG_BYTES])
{
    uint8_t statement[STATEMENT_BYTES];

    statement_make(tag, cluster_id, body, statement);
    scheme->sign(seed, public_key, BYTES_OF_ARRAY(statement), out);
}

bool verify_body(const struct sig_scheme *scheme, const uint8_t public_key[PUBLIC_KEY_BYTES],
                 enum sign_tag tag, const uint8_t cluster_id[HASH_BYTES], struct bytes body,
                 const uint8_t sig[SIG_BYTES])
{
    uint8_t statement[STATEMENT_BYTES];

    statement_make(tag, cluster_id, body, statement);
    return scheme->verify(public_key, BYTES_OF_ARRAY(statement), sig);
}
