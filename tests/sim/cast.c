#include "tests/sim/cast.h"

#include "crypto/hash.h"
#include "governance/charter.h"
#include "tests/sim/sign_memo.h"
#include "tests/support/sign_fast.h"

#include <string.h>

enum cast_role {
    CAST_MEMBER = 1,
    CAST_RECOVERY,
    CAST_SIGN,
    CAST_COSIGN,
    CAST_TRANSPORT,
    CAST_ISSUER,
};

static void key_make(const struct cast *cast, uint8_t role, uint8_t number, uint8_t generation,
                     struct key_pair *out)
{
    *out = (struct key_pair){.seed = {role, number, 0x5e, generation}};
    cast->scheme->public_key(out->seed, out->pk);
}

void cast_key(const struct cast *cast, uint8_t role, uint8_t number, struct key_pair *out)
{
    key_make(cast, role, number, 0, out);
}

static void replica_keys_make(struct cast *cast, uint8_t rid)
{
    for (uint8_t generation = 0; generation < SIM_GENERATIONS; generation++) {
        struct replica_keys *keys = &cast->keys[rid][generation];
        key_make(cast, CAST_SIGN, rid, generation, &keys->sign);
        key_make(cast, CAST_COSIGN, rid, generation, &keys->cosign);
        key_make(cast, CAST_TRANSPORT, rid, generation, &keys->transport);
    }
}

void cast_roster(const struct cast *cast, const struct sim_epoch *epoch, struct roster *out)
{
    *out = cast->roster;
    out->epoch = epoch->number;
    for (uint32_t i = 0; i < cast->n; i++) {
        const struct replica_keys *keys = cast_keys(cast, epoch, i);
        memcpy(out->members[i].sign_pk, keys->sign.pk, PUBLIC_KEY_BYTES);
        memcpy(out->members[i].cosign_pk, keys->cosign.pk, PUBLIC_KEY_BYTES);
        memcpy(out->members[i].transport_pk, keys->transport.pk, PUBLIC_KEY_BYTES);
    }
}

void cast_note_keys(const struct cast *cast, const struct sim_epoch *epoch,
                    struct note_key out[SIM_REPLICAS_MAX])
{
    for (uint32_t i = 0; i < cast->n; i++) {
        const struct replica_keys *keys = cast_keys(cast, epoch, i);
        out[i].rid = i;
        memcpy(out[i].sign_key, keys->sign.pk, PUBLIC_KEY_BYTES);
        memcpy(out[i].cosign_key, keys->cosign.pk, PUBLIC_KEY_BYTES);
    }
}

const char *cast_member_id(uint32_t number)
{
    static const char *const ids[SIM_MEMBERS] = {"m1", "m2", "m3"};
    CHECK(number < SIM_MEMBERS);
    return ids[number];
}

void cast_member_key(const struct cast *cast, uint32_t number, struct key_pair *out)
{
    cast_key(cast, CAST_MEMBER, (uint8_t)number, out);
}

static void members_put(const struct cast *cast, struct buffer *out)
{
    for (uint32_t i = 0; i < SIM_MEMBERS; i++) {
        struct key_pair key;
        cast_member_key(cast, i, &key);
        struct bytes id = bytes_of_text(cast_member_id(i));
        struct member_row row = {.mid = id, .name = id};
        memcpy(row.pk, key.pk, PUBLIC_KEY_BYTES);
        memset(row.next_h, (int)i + 1, HASH_BYTES);
        CHECK(member_row_encode(&row, out));
    }
}

static void recovery_put(const struct cast *cast, struct buffer *out)
{
    struct key_pair key;
    cast_key(cast, CAST_RECOVERY, 0, &key);
    struct key_row row = {.id = bytes_of_text("h1"), .name = bytes_of_text("h1")};
    memcpy(row.pk, key.pk, PUBLIC_KEY_BYTES);
    CHECK(key_row_encode(&row, out));
}

static void replicas_put(struct cast *cast, struct buffer *out)
{
    struct bytes text = bytes_of_text("simulated");
    for (uint8_t i = 0; i < cast->n; i++) {
        replica_keys_make(cast, i);
        const struct replica_keys *keys = &cast->keys[i][0];
        struct replica_row row = {
            .rid = i,
            .operator_name = text,
            .provider = text,
            .region = text,
            .system = text,
            .build = text,
        };
        memcpy(row.sign_pk, keys->sign.pk, PUBLIC_KEY_BYTES);
        memcpy(row.cosign_pk, keys->cosign.pk, PUBLIC_KEY_BYTES);
        memcpy(row.transport_pk, keys->transport.pk, PUBLIC_KEY_BYTES);
        CHECK(replica_row_encode(&row, out));
    }
}

static void issuer_put(struct cast *cast, struct buffer *out)
{
    uint8_t key_memory[128];
    uint8_t prefix_memory[16];
    struct buffer keys = buffer_make(key_memory, sizeof(key_memory));
    struct buffer prefixes = buffer_make(prefix_memory, sizeof(prefix_memory));
    struct item_id every = {BYTES_EMPTY};
    struct issuer_key key = {.gen = 1};
    cast_key(cast, CAST_ISSUER, 0, &cast->issuer);
    memcpy(key.pk, cast->issuer.pk, PUBLIC_KEY_BYTES);
    CHECK(issuer_key_encode(&key, &keys));
    CHECK(item_id_encode(&every, &prefixes));
    struct issuer_row row = {
        .iid = bytes_of_text("i1"),
        .name = bytes_of_text("issuer"),
        .keys = {buffer_bytes(&keys), 1},
        .scope = {.ops = OPERATIONS_ALL,
                  .prefixes = {buffer_bytes(&prefixes), 1},
                  .max_life_ms = U64_UNLIMITED,
                  .max_entry = U64_UNLIMITED,
                  .quota_entries = U64_UNLIMITED,
                  .quota_bytes = U64_UNLIMITED,
                  .rate = {U64_UNLIMITED, 1000},
                  .holders = U64_UNLIMITED,
                  .depth = TOKEN_BLOCKS_MAX,
                  .live_tokens = 1000},
    };
    CHECK(issuer_row_encode(&row, out));
}

static uint32_t params_put(const struct plan *plan, struct buffer *out)
{
    struct param_row rows[] = {
        {PARAM_CHECKPOINT_INTERVAL, plan->interval},
        {PARAM_WINDOW, plan->window},
        {PARAM_SLOTS_IN_FLIGHT, plan->in_flight},
        {PARAM_BATCH_ITEMS, plan->batch_items},
        {PARAM_VIEW_TIMEOUT, plan->view_timeout_ms},
        {PARAM_VIEW_TIMEOUT_MAX, plan->view_timeout_max_ms},
        {PARAM_TIME_DELTA, 60000},
    };
    uint32_t count = sizeof(rows) / sizeof(rows[0]);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(param_row_encode(&rows[i], out));
    }
    return count;
}

static void file_put(struct cast *cast, const struct charter *charter)
{
    struct buffer body = buffer_make(cast->charter_body, sizeof(cast->charter_body));
    struct buffer file = buffer_make(cast->charter_file, sizeof(cast->charter_file));
    struct charter_view view;
    CHECK(charter_encode(charter, &body));
    struct charter_file whole = {.charter = buffer_bytes(&body)};
    CHECK(charter_file_encode(&whole, &file));
    cast->charter_body_len = body.len;
    cast->charter_file_len = file.len;
    CHECK(charter_parse(buffer_bytes(&body), &view) == WIRE_OK);
    memcpy(cast->cluster_id, view.cluster_id, HASH_BYTES);
    charter_issuer_id(&view, 0, cast->issuer_id);
    CHECK(origin_make(charter->name, cast->cluster_id, &cast->origin));
    CHECK(roster_of_charter(view.body, &cast->roster));
}

void cast_make(struct cast *cast, const struct plan *plan)
{
    uint8_t memory[5][8192];
    struct buffer members = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer recovery = buffer_make(memory[1], sizeof(memory[1]));
    struct buffer replicas = buffer_make(memory[2], sizeof(memory[2]));
    struct buffer issuers = buffer_make(memory[3], sizeof(memory[3]));
    struct buffer params = buffer_make(memory[4], sizeof(memory[4]));
    *cast = (struct cast){
        .scheme = sign_memo(plan->real_signatures ? &sig_ed25519 : &sig_fast),
        .n = plan->n,
        .q = (plan->n + plan->f) / 2 + 1,
        .w = plan->f + 1,
    };
    members_put(cast, &members);
    recovery_put(cast, &recovery);
    replicas_put(cast, &replicas);
    issuer_put(cast, &issuers);
    uint32_t param_count = params_put(plan, &params);
    struct charter charter = {
        .profile = PROFILE_DEVELOPMENT,
        .name = bytes_of_text("dev.sim"),
        .salt = {9},
        .date_ms = SIM_WALL_MS - 1000,
        .members = {buffer_bytes(&members), SIM_MEMBERS},
        .recovery = {buffer_bytes(&recovery), 1},
        .thresholds = {SIM_MEMBERS_NEEDED, SIM_MEMBERS_NEEDED, SIM_MEMBERS_NEEDED, 1},
        .f = plan->f,
        .replicas = {buffer_bytes(&replicas), plan->n},
        .issuers = {buffer_bytes(&issuers), 1},
        .params = {buffer_bytes(&params), param_count},
        .feature_level = FEATURE_LEVEL,
        .crypto_profile = CRYPTO_PROFILE,
    };
    file_put(cast, &charter);
}

void cast_token(const struct cast *cast, const struct grant *grant,
                const uint8_t holder[PUBLIC_KEY_BYTES], struct buffer *out)
{
    uint8_t memory[3][TOKEN_BLOCK_BYTES_MAX];
    struct buffer prefixes = buffer_make(memory[0], sizeof(memory[0]));
    struct buffer body = buffer_make(memory[1], sizeof(memory[1]));
    struct buffer blocks = buffer_make(memory[2], sizeof(memory[2]));
    struct item_id prefix = {bytes_of_text(grant->prefix)};
    CHECK(item_id_encode(&prefix, &prefixes));
    struct cap_block block = {
        .gen = 1,
        .ops = grant->ops,
        .prefixes = {buffer_bytes(&prefixes), 1},
        .expires_ms = grant->expires_ms,
        .expires_height = U64_UNLIMITED,
        .max_entry = grant->max_entry,
        .quota_entries = grant->quota_entries,
        .quota_bytes = U64_UNLIMITED,
        .rate = {U64_UNLIMITED, 1000},
        .holders = U64_UNLIMITED,
        .depth = 1,
    };
    memcpy(block.parent, cast->issuer_id, HASH_BYTES);
    memcpy(block.holder, holder, PUBLIC_KEY_BYTES);
    CHECK(cap_block_encode(&block, &body));
    struct signed_block signed_block = {.block = buffer_bytes(&body)};
    sign_body(cast->scheme, cast->issuer.seed, cast->issuer.pk, TAG_CAPABILITY, cast->cluster_id,
              signed_block.block, signed_block.sig);
    CHECK(signed_block_encode(&signed_block, &blocks));
    struct token token = {.blocks = {buffer_bytes(&blocks), 1}};
    CHECK(token_encode(&token, out));
}
