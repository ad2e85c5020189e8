#include "governance/genesis.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"

#include <string.h>

/* --- Sections: each makes its list in one scratch buffer and its body in another ---------------
 */

static void members_make(const struct charter_view *charter, struct buffer *list,
                         struct buffer *body)
{
    struct members_section section = {.thresholds = charter->charter.thresholds};

    for (uint32_t i = 0; i < charter->member_count; i++) {
        const struct member_standing row = {charter->members[i], STANDING_ACTIVE, U64_UNLIMITED};

        CHECK(member_standing_encode(&row, list));
    }
    section.members = (struct wire_list){buffer_bytes(list), charter->member_count};
    CHECK(members_section_encode(&section, body));
}

static void keys_make(struct wire_list rows, struct buffer *body)
{
    const struct keys_section section = {rows};

    CHECK(keys_section_encode(&section, body));
}

static void replicas_make(const struct charter_view *charter, struct buffer *list,
                          struct buffer *body)
{
    struct replicas_section section = {.f = charter->charter.f};

    for (uint32_t i = 0; i < charter->replica_count; i++) {
        const struct replica_row *row = &charter->replicas[i].row;
        struct replica_standing standing = {
            .rid = row->rid,
            .operator_name = row->operator_name,
            .provider = row->provider,
            .region = row->region,
            .system = row->system,
            .build = row->build,
            .standing = STANDING_ACTIVE,
        };

        memcpy(standing.sign_pk, row->sign_pk, PUBLIC_KEY_BYTES);
        memcpy(standing.cosign_pk, row->cosign_pk, PUBLIC_KEY_BYTES);
        memcpy(standing.transport_pk, row->transport_pk, PUBLIC_KEY_BYTES);
        CHECK(replica_standing_encode(&standing, list));
    }
    section.replicas = (struct wire_list){buffer_bytes(list), charter->replica_count};
    CHECK(replicas_section_encode(&section, body));
}

static void issuer_make(const struct charter_view *charter, uint32_t index, struct buffer *list)
{
    const struct charter_issuer *issuer = &charter->issuers[index];
    uint8_t bytes[ISSUER_KEYS_MAX * 64];
    struct buffer keys = buffer_make(bytes, sizeof(bytes));
    struct issuer_standing standing = {
        .iid = issuer->row.iid,
        .name = issuer->row.name,
        .standing = STANDING_ACTIVE,
        .gen_min = issuer->keys[0].gen,
        .scope = issuer->row.scope,
    };

    for (uint32_t i = 0; i < issuer->key_count; i++) {
        struct issuer_generation generation = {.gen = issuer->keys[i].gen,
                                               .until_ms = U64_UNLIMITED};

        memcpy(generation.pk, issuer->keys[i].pk, PUBLIC_KEY_BYTES);
        CHECK(issuer_generation_encode(&generation, &keys));
    }
    standing.keys = (struct wire_list){buffer_bytes(&keys), issuer->key_count};
    charter_issuer_id(charter, index, standing.card_id);
    CHECK(issuer_standing_encode(&standing, list));
}

static void issuers_make(const struct charter_view *charter, struct buffer *list,
                         struct buffer *body)
{
    for (uint32_t i = 0; i < charter->issuer_count; i++) {
        issuer_make(charter, i, list);
    }

    const struct issuers_section section = {{buffer_bytes(list), charter->issuer_count}};

    CHECK(issuers_section_encode(&section, body));
}

/* Every parameter in force is written down, set or not, so that the section says all there is to
 * say, whatever a later program's defaults are. */
static void params_make(const struct charter_view *charter, struct buffer *list,
                        struct buffer *body)
{
    uint32_t count = 0;
    uint32_t set = 0; /* the charter's own list ascends */

    for (uint64_t number = 1; number < PARAM_NUMBER_END; number++) {
        const struct param_rule *rule = param_rule(number);

        if (rule == NULL) {
            continue;
        }

        struct param_row row = {number, rule->usual};

        if (set < charter->param_count && charter->params[set].id == number) {
            row.value = charter->params[set++].value;
        }
        CHECK(param_row_encode(&row, list));
        count++;
    }

    const struct params_section section = {
        .profile = charter->charter.profile,
        .feature_level = charter->charter.feature_level,
        .crypto_profile = charter->charter.crypto_profile,
        .params = {buffer_bytes(list), count},
        .freezes = {BYTES_EMPTY, 0},
    };

    CHECK(params_section_encode(&section, body));
}

/* The smallest build above `last` (NULL: of all), or an empty name. */
static struct bytes next_build(const struct charter_view *charter, const struct bytes *last)
{
    struct bytes next = BYTES_EMPTY;

    for (uint32_t i = 0; i < charter->replica_count; i++) {
        const struct bytes build = charter->replicas[i].row.build;

        if ((last == NULL || bytes_compare(build, *last) > 0) &&
            (next.len == 0 || bytes_compare(build, next) < 0)) {
            next = build;
        }
    }
    return next;
}

/* The builds that the replicas run at genesis, in ascending order, for the one level there is. */
static void software_make(const struct charter_view *charter, struct buffer *list,
                          struct buffer *body)
{
    const uint64_t level = charter->charter.feature_level;
    uint32_t count = 0;

    for (struct bytes build = next_build(charter, NULL); build.len > 0;
         build = next_build(charter, &build)) {
        const struct build_row row = {build, level, level};

        CHECK(build_row_encode(&row, list));
        count++;
    }

    const struct software_section section = {{buffer_bytes(list), count}};

    CHECK(software_section_encode(&section, body));
}

static void section_make(const struct charter_view *charter, enum section section,
                         struct buffer *list, struct buffer *body)
{
    const struct revocations_section nothing_revoked = {0};

    switch (section) {
    case SECTION_MEMBERS:
        members_make(charter, list, body);
        return;
    case SECTION_RECOVERY:
        keys_make(charter->charter.recovery, body);
        return;
    case SECTION_REPLICAS:
        replicas_make(charter, list, body);
        return;
    case SECTION_ISSUERS:
        issuers_make(charter, list, body);
        return;
    case SECTION_PARAMS:
        params_make(charter, list, body);
        return;
    case SECTION_SOFTWARE:
        software_make(charter, list, body);
        return;
    case SECTION_REVOCATIONS:
        CHECK(revocations_section_encode(&nothing_revoked, body));
        return;
    case SECTION_WITNESSES:
        keys_make(charter->charter.witnesses, body);
        return;
    }
}

/* --- The other records -------------------------------------------------------------------------
 */

static bool registry_write(const struct charter_view *charter, struct state *state)
{
    for (uint32_t i = 0; i < charter->key_count; i++) {
        const struct charter_key *key = &charter->keys[i];
        const struct state_key place = state_key_registry(key->pk);
        const struct registry_row row = {
            .role = key->role,
            .subject = bytes_make(key->subject, key->subject_len),
            .since_height = 0,
            .standing = STANDING_ACTIVE,
        };
        uint8_t bytes[128];
        struct buffer out = buffer_make(bytes, sizeof(bytes));

        CHECK(registry_row_encode(&row, &out));
        if (!state_put(state, state_key_bytes(&place), buffer_bytes(&out))) {
            return false;
        }
    }
    return true;
}

static bool endpoints_write(const struct charter_view *charter, struct state *state)
{
    for (uint32_t i = 0; i < charter->replica_count; i++) {
        const struct replica_row *row = &charter->replicas[i].row;
        const struct state_key place = state_key_endpoints((uint32_t)row->rid);
        const struct endpoints_record record = {0, row->endpoints};
        struct buffer out = state_scratch(state, SCRATCH_BODY);

        CHECK(endpoints_record_encode(&record, &out));
        if (!state_put(state, state_key_bytes(&place), buffer_bytes(&out))) {
            return false;
        }
    }
    return true;
}

static bool roots_begin(struct state *state)
{
    const struct state_key key = state_key_roots();
    const struct roots_record none = {0};
    uint8_t bytes[8];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    CHECK(roots_record_encode(&none, &out));
    return state_put(state, state_key_bytes(&key), buffer_bytes(&out));
}

bool genesis_apply(const struct charter_view *charter, struct state *state)
{
    const struct clock_record clock = {
        .time_ms = charter->charter.date_ms,
        .epoch = 0,
        .pending_boundary = NO_BOUNDARY,
        .last_governance_height = 0,
    };
    const struct state_key sessions = state_key_counter(COUNTER_SESSIONS);
    const struct state_key streams = state_key_counter(COUNTER_STREAMS);
    uint64_t first = 0;

    CHECK(state_count(state) == 0);
    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        struct buffer list = state_scratch(state, SCRATCH_LIST);
        struct buffer body = state_scratch(state, SCRATCH_BODY);

        section_make(charter, section, &list, &body);
        if (!section_write(state, section, buffer_bytes(&body))) {
            return false;
        }
    }
    return registry_write(charter, state) && endpoints_write(charter, state) &&
           clock_write(state, &clock) && roots_begin(state) && counter_add(state, &sessions, 0) &&
           counter_add(state, &streams, 0) &&
           stream_append(state, bytes_of_text(GOVERNANCE_STREAM), 1, &first);
}

void genesis_block(const struct charter_view *charter, struct state *state, struct buffer *header,
                   struct buffer *leaf)
{
    static const uint8_t no_salt[SALT_BYTES];
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), charter->body};
    const size_t leaf_at = leaf->len;
    uint8_t state_root_bytes[HASH_BYTES];
    struct leaf entry = {
        .time_ms = charter->charter.date_ms,
        .kind = LEAF_GOVERNANCE,
        .stream = bytes_of_text(GOVERNANCE_STREAM),
        .payload_len = charter->body.len,
    };
    struct block_header block = {
        .tree_size = 1,
        .time_ms = charter->charter.date_ms,
        .pending_boundary = NO_BOUNDARY,
    };

    hash_parts(salted, 2, entry.payload_hash);
    CHECK(leaf_encode(&entry, leaf));
    memcpy(block.cluster_id, charter->cluster_id, HASH_BYTES);
    merkle_empty_root(block.result_root);
    merkle_leaf_hash(bytes_slice(buffer_bytes(leaf), leaf_at, leaf->len - leaf_at),
                     block.tree_root);
    config_hash(state, block.config_hash);
    state_root(state, state_root_bytes);
    block.state_root = BYTES_OF_ARRAY(state_root_bytes);
    CHECK(block_header_encode(&block, header));
}
