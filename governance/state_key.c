#include "governance/state_key.h"

#include <string.h>

static_assert(1 + 2 * HASH_BYTES <= STATE_KEY_BYTES_MAX, "two hashes fit a key");
static_assert(1 + ID_BYTES_MAX <= STATE_KEY_BYTES_MAX, "a stream fits a key");

static struct state_key key_make(enum state_kind kind, struct bytes first, struct bytes second)
{
    struct state_key key = {.len = 1 + first.len + second.len};

    CHECK(key.len <= STATE_KEY_BYTES_MAX);
    key.data[0] = (uint8_t)kind;
    if (first.len > 0) {
        memcpy(key.data + 1, first.data, first.len);
    }
    if (second.len > 0) {
        memcpy(key.data + 1 + first.len, second.data, second.len);
    }
    return key;
}

static struct state_key key_of_hash(enum state_kind kind, const uint8_t hash[HASH_BYTES])
{
    return key_make(kind, bytes_make(hash, HASH_BYTES), BYTES_EMPTY);
}

struct state_key state_key_section(enum section section)
{
    const uint8_t number = (uint8_t)section;

    return key_make(STATE_SECTION, bytes_make(&number, 1), BYTES_EMPTY);
}

struct state_key state_key_pending(enum section section)
{
    const uint8_t number = (uint8_t)section;

    return key_make(STATE_PENDING, bytes_make(&number, 1), BYTES_EMPTY);
}

struct state_key state_key_clock(void)
{
    return key_make(STATE_CLOCK, BYTES_EMPTY, BYTES_EMPTY);
}

struct state_key state_key_session(const uint8_t session[PUBLIC_KEY_BYTES])
{
    return key_of_hash(STATE_SESSION, session);
}

struct state_key state_key_result(const uint8_t session[PUBLIC_KEY_BYTES], uint64_t request_no)
{
    const uint8_t place = (uint8_t)(request_no % SESSION_WINDOW);

    return key_make(STATE_SESSION_RESULT, bytes_make(session, PUBLIC_KEY_BYTES),
                    bytes_make(&place, 1));
}

struct state_key state_key_quota(const uint8_t block_id[HASH_BYTES])
{
    return key_of_hash(STATE_QUOTA, block_id);
}

struct state_key state_key_holder(const uint8_t block_id[HASH_BYTES],
                                  const uint8_t holder[PUBLIC_KEY_BYTES])
{
    return key_make(STATE_HOLDER, bytes_make(block_id, HASH_BYTES),
                    bytes_make(holder, PUBLIC_KEY_BYTES));
}

struct state_key state_key_live(const uint8_t issuer[HASH_BYTES])
{
    return key_of_hash(STATE_LIVE, issuer);
}

struct state_key state_key_live_token(const uint8_t issuer[HASH_BYTES],
                                      const uint8_t block_id[HASH_BYTES])
{
    return key_make(STATE_LIVE_TOKEN, bytes_make(issuer, HASH_BYTES),
                    bytes_make(block_id, HASH_BYTES));
}

struct state_key state_key_stream(struct bytes stream)
{
    return key_make(STATE_STREAM, stream, BYTES_EMPTY);
}

struct state_key state_key_registry(const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    return key_of_hash(STATE_REGISTRY, public_key);
}

struct state_key state_key_roots(void)
{
    return key_make(STATE_ROOTS, BYTES_EMPTY, BYTES_EMPTY);
}

struct state_key state_key_endpoints(uint32_t rid)
{
    uint8_t number[4];
    struct buffer buffer = buffer_make(number, sizeof(number));

    buffer_put_u32be(&buffer, rid);
    return key_make(STATE_ENDPOINTS, buffer_bytes(&buffer), BYTES_EMPTY);
}

struct state_key state_key_proposal(const uint8_t pid[HASH_BYTES])
{
    return key_of_hash(STATE_PROPOSAL, pid);
}

struct state_key state_key_bar(struct bytes mid)
{
    return key_make(STATE_BAR, mid, BYTES_EMPTY);
}

struct state_key state_key_conviction(const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    return key_of_hash(STATE_CONVICTION, public_key);
}

struct state_key state_key_counter(enum state_counter counter)
{
    const uint8_t number = (uint8_t)counter;

    return key_make(STATE_COUNTER, bytes_make(&number, 1), BYTES_EMPTY);
}
