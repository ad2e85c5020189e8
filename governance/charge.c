/* What an ordered request leaves in the state, and how that goes again when it has expired. The
 * room for it was made sure of by cap_check, so a put that fails here is our own mistake. */
#include "governance/apply.h"
#include "governance/capability.h"
#include "governance/records.h"
#include "governance/session.h"

#include <string.h>

static void holder_put(struct state *state, const struct state_key *key, uint64_t expires_ms)
{
    const struct holder_record record = {expires_ms};
    uint8_t bytes[32];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    CHECK(holder_record_encode(&record, &out));
    CHECK(state_put(state, state_key_bytes(key), buffer_bytes(&out)));
}

static void account_charge(struct state *state, const struct cap_verdict *verdict,
                           const struct cap_account *account, bool appended)
{
    const struct state_key key = state_key_quota(account->block_id);
    const struct state_key holder_key = state_key_holder(account->block_id, verdict->author_key);
    struct quota_record quota = account->quota;
    uint8_t bytes[96];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    if (quota.uses < UINT64_MAX) {
        quota.uses++;
    }
    if (account->new_holder) {
        quota.holders++;
        holder_put(state, &holder_key, quota.expires_ms);
    }
    if (appended) {
        quota.entries += verdict->count;
        quota.used_bytes += verdict->bytes;
    }
    CHECK(quota_record_encode(&quota, &out));
    CHECK(state_put(state, state_key_bytes(&key), buffer_bytes(&out)));
}

void cap_charge(struct state *state, const struct cap_verdict *verdict,
                const struct cap_outcome *outcome)
{
    const bool appended = outcome->code == RESULT_OK;
    const struct state_key sessions = state_key_counter(COUNTER_SESSIONS);
    struct session_result result = {
        .request_no = verdict->request_no,
        .code = outcome->code,
        .first_index = appended ? outcome->first_index : 0,
        .count = appended ? verdict->count : 0,
        .height = outcome->height,
    };

    if (!verdict->consumes) {
        return;
    }
    memcpy(result.request_id, verdict->request_id, HASH_BYTES);
    CHECK(session_use(state, verdict->session_key, verdict->expires_ms, &result));
    if (verdict->new_session && !verdict->governed) {
        CHECK(counter_add(state, &sessions, 1));
    }
    for (uint32_t i = 0; i < verdict->account_count; i++) {
        account_charge(state, verdict, &verdict->accounts[i], appended);
    }
    if (verdict->new_token) {
        const struct state_key live = state_key_live(verdict->issuer);
        const struct state_key token =
            state_key_live_token(verdict->issuer, verdict->accounts[0].block_id);

        holder_put(state, &token, verdict->accounts[0].quota.expires_ms);
        CHECK(counter_add(state, &live, 1));
    }
}

/* --- Retirement --------------------------------------------------------------------------------
 */

static void sessions_retire(struct state *state, uint64_t time_ms)
{
    const struct state_key sessions = state_key_counter(COUNTER_SESSIONS);
    uint32_t cursor = 0;
    uint64_t retired = 0;
    struct bytes key;
    struct bytes value;

    while (state_next(state, STATE_SESSION, &cursor, &key, &value)) {
        struct session_record record;

        if (session_record_decode(value, &record) == WIRE_OK && record.expires_ms <= time_ms) {
            uint8_t session[PUBLIC_KEY_BYTES];

            memcpy(session, key.data + 1, PUBLIC_KEY_BYTES);
            session_drop(state, session);
            retired++;
        }
    }
    if (retired > 0) {
        counter_subtract(state, &sessions, retired);
    }
}

/* When a record of one of the kinds below has expired; never, when it cannot be read. */
static uint64_t record_expires(enum state_kind kind, struct bytes value)
{
    struct quota_record quota;
    struct holder_record holder;

    if (kind == STATE_QUOTA) {
        return quota_record_decode(value, &quota) == WIRE_OK ? quota.expires_ms : U64_UNLIMITED;
    }
    return holder_record_decode(value, &holder) == WIRE_OK ? holder.expires_ms : U64_UNLIMITED;
}

static void kind_retire(struct state *state, enum state_kind kind, uint64_t time_ms)
{
    uint32_t cursor = 0;
    struct bytes key;
    struct bytes value;

    while (state_next(state, (uint8_t)kind, &cursor, &key, &value)) {
        if (record_expires(kind, value) > time_ms) {
            continue;
        }
        if (kind == STATE_LIVE_TOKEN) {
            const struct state_key live = state_key_live(key.data + 1);

            counter_subtract(state, &live, 1);
        }
        state_erase(state, key);
    }
}

/* Write the section anew without the blocks that have expired. True when there were any. */
static bool revocations_retire(struct state *state, uint64_t time_ms)
{
    struct buffer list = state_scratch(state, SCRATCH_LIST);
    struct buffer body = state_scratch(state, SCRATCH_BODY);
    struct section_record record;
    struct revocations_section section;
    struct revoked_block block;
    uint32_t kept = 0;

    if (!section_read(state, SECTION_REVOCATIONS, &record) ||
        revocations_section_decode(record.body, &section) != WIRE_OK) {
        return false;
    }

    struct wire_iter iter = wire_iter_make(section.blocks);

    while (revoked_block_next(&iter, &block)) {
        if (block.expires_ms > time_ms) {
            CHECK(revoked_block_encode(&block, &list));
            kept++;
        }
    }
    if (kept == section.blocks.count) {
        return false;
    }
    section.blocks = (struct wire_list){buffer_bytes(&list), kept};
    CHECK(revocations_section_encode(&section, &body));
    /* Shorter than what is there, so there is room. */
    CHECK(section_write(state, SECTION_REVOCATIONS, buffer_bytes(&body)));
    return true;
}

bool state_retire(struct state *state, uint64_t time_ms)
{
    sessions_retire(state, time_ms);
    kind_retire(state, STATE_QUOTA, time_ms);
    kind_retire(state, STATE_HOLDER, time_ms);
    kind_retire(state, STATE_LIVE_TOKEN, time_ms);
    gov_retire(state, time_ms);
    return revocations_retire(state, time_ms);
}
