#include "tests/support/gov_world.h"

#include "governance/records.h"

#include <string.h>

static uint8_t list_bytes[65536];
static uint8_t body_bytes[65536];

static void section_replace(struct gov_world *world, enum section section,
                            const struct schema *schema, const void *value)
{
    struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));

    CHECK(schema_encode(schema, value, &body));
    CHECK(section_write(world->state, section, buffer_bytes(&body)));
    CHECK(rights_refresh(&world->rights, world->state, NULL));
}

static struct bytes section_body(const struct gov_world *world, enum section section)
{
    struct section_record record;

    CHECK(section_read(world->state, section, &record));
    return record.body;
}

void world_param(struct gov_world *world, enum param param, uint64_t value)
{
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct params_section section;
    struct param_row row;

    CHECK(params_section_decode(section_body(world, SECTION_PARAMS), &section) == WIRE_OK);

    struct wire_iter iter = wire_iter_make(section.params);

    while (param_row_next(&iter, &row)) {
        row.value = row.id == param ? value : row.value;
        CHECK(param_row_encode(&row, &list));
    }
    section.params.raw = buffer_bytes(&list);
    section_replace(world, SECTION_PARAMS, &schema_params_section, &section);
}

void world_freeze(struct gov_world *world, const char *prefix, uint64_t until_ms)
{
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    const struct freeze_row row = {bytes_of_text(prefix), until_ms};
    struct params_section section;

    CHECK(params_section_decode(section_body(world, SECTION_PARAMS), &section) == WIRE_OK);
    buffer_put(&list, section.freezes.raw);
    CHECK(freeze_row_encode(&row, &list));
    section.freezes = (struct wire_list){buffer_bytes(&list), section.freezes.count + 1};
    section_replace(world, SECTION_PARAMS, &schema_params_section, &section);
}

void world_revoke_block(struct gov_world *world, const uint8_t id[HASH_BYTES], uint64_t expires_ms)
{
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct revocations_section section;
    struct revoked_block row = {.expires_ms = expires_ms};

    CHECK(revocations_section_decode(section_body(world, SECTION_REVOCATIONS), &section) ==
          WIRE_OK);
    memcpy(row.id, id, HASH_BYTES);
    CHECK(revoked_block_encode(&row, &list));
    section.blocks = (struct wire_list){buffer_bytes(&list), 1};
    section_replace(world, SECTION_REVOCATIONS, &schema_revocations_section, &section);
}

void world_revoke_key(struct gov_world *world, const uint8_t key[PUBLIC_KEY_BYTES])
{
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct revocations_section section;
    struct item_hash row;

    CHECK(revocations_section_decode(section_body(world, SECTION_REVOCATIONS), &section) ==
          WIRE_OK);
    memcpy(row.value, key, PUBLIC_KEY_BYTES);
    CHECK(item_hash_encode(&row, &list));
    section.keys = (struct wire_list){buffer_bytes(&list), 1};
    section_replace(world, SECTION_REVOCATIONS, &schema_revocations_section, &section);
}

void world_issuer(struct gov_world *world, enum standing standing, uint64_t gen_min,
                  uint64_t until_ms)
{
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    uint8_t key_bytes[512];
    struct buffer keys = buffer_make(key_bytes, sizeof(key_bytes));
    struct issuers_section section;
    struct issuer_standing row;
    struct issuer_generation key;
    bool first = true;

    CHECK(issuers_section_decode(section_body(world, SECTION_ISSUERS), &section) == WIRE_OK);

    struct wire_iter iter = wire_iter_make(section.issuers);

    while (issuer_standing_next(&iter, &row)) {
        struct wire_iter generations = wire_iter_make(row.keys);

        while (first && issuer_generation_next(&generations, &key)) {
            key.until_ms = key.gen == 1 ? until_ms : key.until_ms;
            CHECK(issuer_generation_encode(&key, &keys));
        }
        if (first) {
            row.standing = standing;
            row.gen_min = gen_min;
            row.keys.raw = buffer_bytes(&keys);
        }
        first = false;
        CHECK(issuer_standing_encode(&row, &list));
    }
    section.issuers.raw = buffer_bytes(&list);
    section_replace(world, SECTION_ISSUERS, &schema_issuers_section, &section);
}

void world_standing(struct gov_world *world, const uint8_t key[PUBLIC_KEY_BYTES],
                    enum standing standing)
{
    const struct state_key place = state_key_registry(key);
    struct buffer out = buffer_make(body_bytes, sizeof(body_bytes));
    struct registry_row row;

    CHECK(registry_find(world->state, key, &row));
    row.standing = standing;
    CHECK(registry_row_encode(&row, &out));
    CHECK(state_put(world->state, state_key_bytes(&place), buffer_bytes(&out)));
}

/* --- Trials ------------------------------------------------------------------------------------
 */

void trial_init(struct cap_trial *trial, struct gov_world *world, const struct sig_scheme *scheme,
                uint32_t blocks)
{
    trial->world = world;
    trial->scheme = scheme;
    trial->governed = false;
    trial->height = 10;
    trial->time_ms = FIXTURE_DATE + 5000;
    trial->audience = 0;
    gov_token_init(&trial->token, 0, blocks);
    gov_request_init(&trial->request, 1);
}

enum result_code trial_make(struct cap_trial *trial)
{
    if (!trial->governed) {
        (void)gov_token_make(&trial->token, trial->world, trial->scheme);
    }
    (void)gov_request_make(&trial->request, trial->governed ? NULL : &trial->token, trial->world,
                           trial->scheme);
    return item_parse(&trial->request.item, trial->world->charter.cluster_id, &trial->view);
}

enum result_code trial_check(struct cap_trial *trial)
{
    const struct sig_oracle oracle = sig_oracle_plain(&trial->scheme);
    const struct cap_context context = {
        .state = trial->world->state,
        .rights = &trial->world->rights,
        .oracle = &oracle,
        .height = trial->height,
        .time_ms = trial->time_ms,
        .audience = trial->audience,
    };

    return cap_check(&context, &trial->view, &trial->verdict);
}

enum result_code trial_judge(struct cap_trial *trial)
{
    const enum result_code code = trial_make(trial);

    return code == RESULT_OK ? trial_check(trial) : code;
}

enum result_code trial_run(struct cap_trial *trial)
{
    enum result_code code = trial_make(trial);
    struct cap_outcome outcome = {.first_index = 77, .height = trial->height};

    if (code != RESULT_OK) {
        return code;
    }
    code = trial_check(trial);
    for (uint32_t i = 0; code == RESULT_OK && trial->audience == 0 && i < trial->view.count; i++) {
        uint64_t first = 0;

        CHECK(stream_append(trial->world->state, trial->view.statements[i].stream, 1, &first));
    }
    outcome.code = code;
    cap_charge(trial->world->state, &trial->verdict, &outcome);
    return code;
}
