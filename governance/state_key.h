/* The keys of the replicated state: a byte that says what the record is, then fields of a fixed
 * length (the stream name, last in its key, is the exception), so that no two keys collide.
 *
 *   byte  key after it                        value (schema.def)    lives
 *   1     section, 1 byte                     section_record        for ever
 *   2     -                                   clock_record          for ever
 *   3     session key, 32                     session_record        until its token has expired
 *   4     session key, 32; request_no mod 64  session_result        with its session
 *   5     capability block id, 32             quota_record          until the block has expired
 *   6     block id, 32; holder, 32            holder_record         until the block has expired
 *   7     issuer's first card id, 32          live_record           for ever
 *   8     stream name                         stream_record         for ever
 *   9     public key, 32                      registry_row          for ever
 *   10    -                                   roots_record          for ever
 *   11    rid, 4, big endian                  endpoints_record      for ever
 *   12    proposal id, 32                     proposal_record       until it can come no more
 *   13    counter, 1 byte                     live_record           for ever
 *   14    issuer's first card id, 32; id of   holder_record         until the block has expired
 *         a live token's block 0, 32
 *   15    section, 1 byte                     section_record        of the next epoch, while a
 *                                                                   boundary is pending
 *   16    member id                           bar_record            until it has passed
 *   17    public key, 32                      conviction_record     for ever
 *   18    rid, 4, big endian                  the last READY        for ever
 *   19    rid, 4, big endian                  the last CAPABLE      for ever
 *   20    counter, 1 byte                     live_record           for ever
 *
 * Nothing writes 18 to 20 yet, which are for governed changes.
 * "For ever" is bounded by governance; streams by their parameter. Pure; any module that sees the
 * state may use this. */
#ifndef VESTRY_GOVERNANCE_STATE_KEY_H
#define VESTRY_GOVERNANCE_STATE_KEY_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/numbers.h"
#include "governance/state.h"

enum state_kind {
    STATE_SECTION = 1,
    STATE_CLOCK = 2,
    STATE_SESSION = 3,
    STATE_SESSION_RESULT = 4,
    STATE_QUOTA = 5,
    STATE_HOLDER = 6,
    STATE_LIVE = 7,
    STATE_STREAM = 8,
    STATE_REGISTRY = 9,
    STATE_ROOTS = 10,
    STATE_ENDPOINTS = 11,
    STATE_PROPOSAL = 12,
    STATE_COUNTER = 13,
    STATE_LIVE_TOKEN = 14,
    STATE_PENDING = 15,
    STATE_BAR = 16,
    STATE_CONVICTION = 17,
};

enum state_counter {
    COUNTER_SESSIONS = 1, /* sessions of capability blocks; governed keys are not counted */
    COUNTER_STREAMS = 2,  /* streams that are not reserved */
};

struct state_key {
    size_t len;
    uint8_t data[STATE_KEY_BYTES_MAX];
};

static inline struct bytes state_key_bytes(const struct state_key *key)
{
    return bytes_make(key->data, key->len);
}

MUST_USE struct state_key state_key_section(enum section section);
MUST_USE struct state_key state_key_clock(void);
MUST_USE struct state_key state_key_session(const uint8_t session[PUBLIC_KEY_BYTES]);
MUST_USE struct state_key state_key_result(const uint8_t session[PUBLIC_KEY_BYTES],
                                           uint64_t request_no);
MUST_USE struct state_key state_key_quota(const uint8_t block_id[HASH_BYTES]);
MUST_USE struct state_key state_key_holder(const uint8_t block_id[HASH_BYTES],
                                           const uint8_t holder[PUBLIC_KEY_BYTES]);
MUST_USE struct state_key state_key_live(const uint8_t issuer[HASH_BYTES]);
MUST_USE struct state_key state_key_live_token(const uint8_t issuer[HASH_BYTES],
                                               const uint8_t block_id[HASH_BYTES]);
/* `stream` is an identifier. */
MUST_USE struct state_key state_key_stream(struct bytes stream);
MUST_USE struct state_key state_key_registry(const uint8_t public_key[PUBLIC_KEY_BYTES]);
MUST_USE struct state_key state_key_roots(void);
MUST_USE struct state_key state_key_endpoints(uint32_t rid);
MUST_USE struct state_key state_key_proposal(const uint8_t pid[HASH_BYTES]);
/* A section of the next epoch. */
MUST_USE struct state_key state_key_pending(enum section section);
/* `mid` is an identifier. */
MUST_USE struct state_key state_key_bar(struct bytes mid);
MUST_USE struct state_key state_key_conviction(const uint8_t public_key[PUBLIC_KEY_BYTES]);
MUST_USE struct state_key state_key_counter(enum state_counter counter);

#endif
