#include "tests/support/gov_stage.h"

#include "crypto/hash.h"
#include "governance/epoch.h"
#include "governance/records.h"
#include "tests/support/sign_fast.h"

#include <stdlib.h>
#include <string.h>

const struct gov_vote yes_of[5] = {
    {.mid = "m1", .choice = CHOICE_YES}, {.mid = "m2", .choice = CHOICE_YES},
    {.mid = "m3", .choice = CHOICE_YES}, {.mid = "m4", .choice = CHOICE_YES},
    {.mid = "m5", .choice = CHOICE_YES},
};

void stage_open(struct gov_stage *stage, uint32_t replicas, bool locks, uint32_t records)
{
    gov_fixture_init(&stage->fixture, &sig_fast, replicas);
    if (locks) {
        stage->fixture.charter.profile = PROFILE_PRODUCTION;
        stage->fixture.charter.name = bytes_of_text("example");
    }
    gov_world_open(&stage->world, &stage->fixture, records);
    stage->height = 10;
    stage->time_ms = FIXTURE_DATE + 1000;
    stage->nonce = 0;
    CHECK(
        origin_make(stage->fixture.charter.name, stage->world.charter.cluster_id, &stage->origin));
}

void stage_close(struct gov_stage *stage)
{
    gov_world_close(&stage->world);
}

static struct bytes encoded(const struct schema *schema, const void *object, uint8_t *space,
                            size_t capacity)
{
    struct buffer out = buffer_make(space, capacity);

    CHECK(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

static void sign_as(const struct gov_stage *stage, const char *signer, enum sign_tag tag,
                    struct bytes body, uint8_t sig[SIG_BYTES])
{
    uint8_t seed[SEED_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];

    gov_seed(signer, seed);
    stage->fixture.scheme->public_key(seed, pk);
    sign_body(stage->fixture.scheme, seed, pk, tag, stage->world.charter.cluster_id, body, sig);
}

/* --- Plans ----------------------------------------------------------------------------------- */

void stage_plan_reads(struct gov_plan *plan, const struct read_version *reads, uint32_t count)
{
    struct buffer out = buffer_make(plan->reads, sizeof(plan->reads));

    for (uint32_t i = 0; i < count; i++) {
        CHECK(read_version_encode(&reads[i], &out));
    }
    plan->body.reads = (struct wire_list){buffer_bytes(&out), count};
}

void stage_plan(struct gov_stage *stage, struct gov_plan *plan, uint64_t action,
                enum section section, const struct schema *schema, const void *object)
{
    const struct read_version reads[] = {
        {SECTION_MEMBERS, stage_version(stage, SECTION_MEMBERS)},
        {section, stage_version(stage, section)},
    };

    memset(plan, 0, sizeof(*plan));
    plan->signer = "m1";
    plan->body.action = action;
    plan->body.args = encoded(schema, object, plan->args, sizeof(plan->args));
    plan->body.deadline_ms = stage->time_ms + STAGE_HOUR;
    plan->body.proposer = (struct proposer){ROLE_MEMBER, bytes_of_text("m1")};
    stage->nonce++;
    memcpy(plan->body.nonce, &stage->nonce, sizeof(stage->nonce));
    stage_plan_reads(plan, reads, section == SECTION_MEMBERS ? 1 : 2);
}

void stage_plan_replica(struct gov_stage *stage, struct gov_plan *plan, uint64_t action,
                        uint64_t rid)
{
    const struct args_replica args = {rid};

    stage_plan(stage, plan, action, SECTION_REPLICAS, &schema_args_replica, &args);
}

void stage_plan_by(struct gov_plan *plan, const char *mid)
{
    plan->signer = mid;
    plan->body.proposer.subject = bytes_of_text(mid);
}

void stage_plan_make(struct gov_stage *stage, struct gov_plan *plan)
{
    const struct bytes body =
        encoded(&schema_proposal, &plan->body, plan->bytes, sizeof(plan->bytes));

    plan->len = body.len;
    sign_as(stage, plan->signer, TAG_PROPOSAL, body, plan->sig);
    statement_id(TAG_PROPOSAL, stage->world.charter.cluster_id, body, plan->pid);
}

/* --- Entries --------------------------------------------------------------------------------- */

static struct cap_context context_of(const struct gov_stage *stage, const struct sig_oracle *oracle)
{
    return (struct cap_context){
        .state = stage->world.state,
        .rights = &stage->world.rights,
        .oracle = oracle,
        .height = stage->height,
        .time_ms = stage->time_ms,
        .cluster_id = stage->world.charter.cluster_id,
        .origin = stage->origin.len > 0 ? &stage->origin : NULL,
    };
}

enum result_code stage_apply(struct gov_stage *stage, uint64_t type, struct bytes body,
                             struct bytes sig)
{
    static const uint8_t no_salt[SALT_BYTES];
    static uint8_t space[GOVERNANCE_BYTES_MAX + 256];
    const struct governance_payload payload = {type, body, sig};
    const struct bytes bytes = encoded(&schema_governance_payload, &payload, space, sizeof(space));
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), bytes};
    const struct sig_oracle oracle = sig_oracle_plain(&stage->fixture.scheme);
    const struct cap_context context = context_of(stage, &oracle);
    uint8_t hash[HASH_BYTES];

    stage->payload = bytes;
    hash_parts(salted, 2, hash);
    stage->view.request.op = OP_GOVERN;
    stage->view.statements[0].payload_len = bytes.len;
    stage->view.statements[0].payload_hash = hash;

    /* Not a byte more than it has: whoever reads beyond is found. */
    uint8_t *exact = malloc(bytes.len);

    CHECK(exact != NULL);
    memcpy(exact, bytes.data, bytes.len);

    const enum result_code code = gov_apply(stage->world.state, &context, &stage->view,
                                            bytes_make(exact, bytes.len), &stage->results);

    free(exact);
    CHECK(rights_refresh(&stage->world.rights, stage->world.state, NULL));
    return code;
}

enum result_code stage_propose(struct gov_stage *stage, struct gov_plan *plan)
{
    stage_plan_make(stage, plan);
    return stage_apply(stage, GOV_PROPOSE, bytes_make(plan->bytes, plan->len),
                       BYTES_OF_ARRAY(plan->sig));
}

static struct bytes ballot_make(const struct gov_stage *stage, const struct gov_plan *plan,
                                const struct gov_vote *vote, uint8_t space[512],
                                uint8_t sig[SIG_BYTES])
{
    struct ballot ballot = {
        .mid = bytes_of_text(vote->mid),
        .choice = vote->choice,
        .members_version = stage_version(stage, SECTION_MEMBERS) + vote->version,
    };

    memcpy(ballot.pid, (vote->instead != NULL ? vote->instead : plan)->pid, HASH_BYTES);

    const struct bytes body = encoded(&schema_ballot, &ballot, space, 512);

    sign_as(stage, vote->signer != NULL ? vote->signer : vote->mid, TAG_BALLOT, body, sig);
    return body;
}

enum result_code stage_vote(struct gov_stage *stage, const struct gov_plan *plan,
                            const struct gov_vote *vote)
{
    uint8_t space[512];
    uint8_t sig[SIG_BYTES];
    const struct bytes body = ballot_make(stage, plan, vote, space, sig);

    return stage_apply(stage, GOV_BALLOT, body, BYTES_OF_ARRAY(sig));
}

enum result_code stage_yes(struct gov_stage *stage, const struct gov_plan *plan, const char *mid)
{
    return stage_vote(stage, plan, &(struct gov_vote){.mid = mid, .choice = CHOICE_YES});
}

enum result_code stage_bundle(struct gov_stage *stage, struct gov_plan *plan,
                              const struct gov_vote *votes, uint32_t count)
{
    static uint8_t list[32768];
    static uint8_t space[65536];
    struct buffer parts = buffer_make(list, sizeof(list));
    struct bundle bundle = {.proposal = {.body = bytes_make(plan->bytes, 0)}};

    stage_plan_make(stage, plan);
    bundle.proposal.body = bytes_make(plan->bytes, plan->len);
    memcpy(bundle.proposal.sig, plan->sig, SIG_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t ballot[512];
        struct signed_part part;

        part.body = ballot_make(stage, plan, &votes[i], ballot, part.sig);
        CHECK(signed_part_encode(&part, &parts));
    }
    bundle.ballots = (struct wire_list){buffer_bytes(&parts), count};
    return stage_apply(stage, GOV_BUNDLE, encoded(&schema_bundle, &bundle, space, sizeof(space)),
                       BYTES_EMPTY);
}

enum result_code stage_withdraw(struct gov_stage *stage, const struct gov_plan *plan,
                                const char *mid, const char *signer)
{
    struct withdraw withdraw = {.mid = bytes_of_text(mid)};
    uint8_t space[256];
    uint8_t sig[SIG_BYTES];

    memcpy(withdraw.pid, plan->pid, HASH_BYTES);

    const struct bytes body = encoded(&schema_withdraw, &withdraw, space, sizeof(space));

    sign_as(stage, signer, TAG_WITHDRAW, body, sig);
    return stage_apply(stage, GOV_WITHDRAW, body, BYTES_OF_ARRAY(sig));
}

enum result_code stage_dispute(struct gov_stage *stage, const struct gov_plan *plan,
                               const char *mid, const char *signer)
{
    struct dispute dispute = {.mid = bytes_of_text(mid), .ground = GROUND_CONTENT};
    uint8_t space[256];
    uint8_t sig[SIG_BYTES];

    memcpy(dispute.pid, plan->pid, HASH_BYTES);

    const struct bytes body = encoded(&schema_dispute, &dispute, space, sizeof(space));

    sign_as(stage, signer, TAG_DISPUTE, body, sig);
    return stage_apply(stage, GOV_DISPUTE, body, BYTES_OF_ARRAY(sig));
}

void stage_block(struct gov_stage *stage, uint64_t heights, uint64_t ms)
{
    struct clock_record clock;

    stage->height += heights;
    stage->time_ms += ms;
    CHECK(clock_read(stage->world.state, &clock));
    if (stage->height > clock.pending_boundary) {
        epoch_begin(stage->world.state, clock.pending_boundary + 1);
        CHECK(rights_refresh(&stage->world.rights, stage->world.state, NULL));
    }

    const struct sig_oracle oracle = sig_oracle_plain(&stage->fixture.scheme);
    const struct cap_context context = context_of(stage, &oracle);

    gov_due(stage->world.state, &context, &stage->results);
    CHECK(rights_refresh(&stage->world.rights, stage->world.state, NULL));
}

void stage_fill_records(struct gov_stage *stage, uint32_t left)
{
    for (uint32_t i = 0; state_free(stage->world.state) > left; i++) {
        const struct state_key key =
            state_key_quota((uint8_t[HASH_BYTES]){(uint8_t)i, (uint8_t)(i >> 8)});

        CHECK(state_put(stage->world.state, state_key_bytes(&key), bytes_of_text("x")));
    }
}

static const uint8_t filler[1u << 20];

void stage_leave_bytes(struct gov_stage *stage, size_t left)
{
    const struct state_key key = state_key_quota((uint8_t[HASH_BYTES]){0xff, 0});

    CHECK(state_put(stage->world.state, state_key_bytes(&key),
                    bytes_make(filler, sizeof(filler) - left)));
}

void stage_fill_bytes(struct gov_stage *stage)
{
    struct state_key last = state_key_quota((uint8_t[HASH_BYTES]){0xff, 0});
    size_t last_len = 0;
    uint32_t number = 0;

    for (size_t len = sizeof(filler); len > STATE_INLINE_MAX; len -= len > 256 ? len / 2 : 1) {
        struct state_key key = state_key_quota((uint8_t[HASH_BYTES]){0xff, (uint8_t)number});

        while (state_put(stage->world.state, state_key_bytes(&key), bytes_make(filler, len))) {
            last = key;
            last_len = len;
            number++;
            key = state_key_quota((uint8_t[HASH_BYTES]){0xff, (uint8_t)number});
        }
    }
    CHECK(state_put(stage->world.state, state_key_bytes(&last),
                    bytes_make(filler, last_len + state_free_bytes(stage->world.state))));
    CHECK(state_free_bytes(stage->world.state) == 0);
}

/* --- What it came to ------------------------------------------------------------------------- */

bool stage_told(const struct gov_stage *stage, const struct gov_plan *plan,
                enum proposal_state state, enum result_code reason)
{
    const struct gov_result *result = &stage->results.list[0];

    return stage->results.count == 1 && hash_equal(result->pid, plan->pid) &&
           result->state == (uint64_t)state && result->reason == (uint64_t)reason;
}

uint64_t stage_record(const struct gov_stage *stage, const struct gov_plan *plan,
                      struct proposal_record *out)
{
    const struct state_key key = state_key_proposal(plan->pid);
    struct proposal_record record;
    struct bytes value;

    if (!state_get(stage->world.state, state_key_bytes(&key), &value)) {
        return 0;
    }
    CHECK(proposal_record_decode(value, &record) == WIRE_OK);
    if (out != NULL) {
        *out = record;
    }
    return record.state;
}

uint32_t stage_records(const struct gov_stage *stage)
{
    struct bytes key;
    struct bytes value;
    uint32_t cursor = 0;
    uint32_t count = 0;

    while (state_next(stage->world.state, STATE_PROPOSAL, &cursor, &key, &value)) {
        count++;
    }
    return count;
}

static struct section_record section_of(const struct gov_stage *stage, enum section section)
{
    struct section_record record;

    CHECK(section_read(stage->world.state, section, &record));
    return record;
}

uint64_t stage_version(const struct gov_stage *stage, enum section section)
{
    return section_of(stage, section).version;
}

uint64_t stage_replica(const struct gov_stage *stage, uint64_t rid)
{
    struct replicas_section section;
    struct replica_standing row;

    CHECK(replicas_section_decode(section_of(stage, SECTION_REPLICAS).body, &section) == WIRE_OK);

    struct wire_iter iter = wire_iter_make(section.replicas);

    while (replica_standing_next(&iter, &row)) {
        if (row.rid == rid) {
            return row.standing;
        }
    }
    return 0;
}

uint64_t stage_member(const struct gov_stage *stage, const char *mid)
{
    struct members_section section;
    struct member_standing row;

    CHECK(members_section_decode(section_of(stage, SECTION_MEMBERS).body, &section) == WIRE_OK);

    struct wire_iter iter = wire_iter_make(section.members);

    while (member_standing_next(&iter, &row)) {
        if (bytes_equal(row.row.mid, bytes_of_text(mid))) {
            return row.standing;
        }
    }
    return 0;
}
