#include "tests/sim/officer.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "governance/item.h"
#include "tests/sim/check.h"
#include "tests/sim/client_ask.h"

#include <stdlib.h>
#include <string.h>

#define LIFE_MS 20000
#define DEADLINE_MS 3600000
#define PART_BYTES 512

static const uint8_t no_salt[SALT_BYTES];

uint32_t officer_number(const struct world *world)
{
    return world->plan.clients;
}

void officer_open(struct world *world)
{
    struct client *client = &world->clients[officer_number(world)];
    *client = (struct client){.next_number = 1};
    client->grant.expires_ms = U64_UNLIMITED;
    cast_member_key(&world->cast, 0, &client->holder);
    memcpy(client->session, client->holder.pk, PUBLIC_KEY_BYTES);
}

/* --- What is asked for -------------------------------------------------------------------------
 */

/* Often the replica that leads, sometimes one that may not be suspended any more. */
static void choose(struct world *world, struct change *change)
{
    struct prng *prng = &world->prng;
    uint32_t suspended = check_suspended_now(world);
    uint32_t leads = (uint32_t)(world->check->view_entered % world->plan.n);
    *change = (struct change){
        .subject = prng_chance(prng, 500) ? leads : (uint32_t)prng_below(prng, world->plan.n),
        .votes = prng_chance(prng, 100) ? SIM_MEMBERS_NEEDED - 1 : SIM_MEMBERS_NEEDED,
        .version = check_replicas_version(world),
    };
    if (suspended != 0 && prng_chance(prng, 600)) {
        change->restores = true;
        change->subject = (uint32_t)__builtin_ctz(suspended);
    }
    change->restores = change->restores || prng_chance(prng, 50);
}

/* --- The bundle --------------------------------------------------------------------------------
 */

/* A body with a member's signature, as it stands in a bundle. */
static void part_put(const struct world *world, uint32_t member, enum sign_tag tag,
                     struct bytes body, struct signed_part *out)
{
    const struct cast *cast = &world->cast;
    struct key_pair key;
    cast_member_key(cast, member, &key);
    out->body = body;
    sign_body(cast->scheme, key.seed, key.pk, tag, cast->cluster_id, body, out->sig);
}

static void proposal_put(struct world *world, const struct change *change, struct buffer *out)
{
    uint8_t args_space[32];
    uint8_t read_space[32];
    struct buffer args = buffer_make(args_space, sizeof(args_space));
    struct buffer reads = buffer_make(read_space, sizeof(read_space));
    struct args_replica replica = {.rid = change->subject};
    struct read_version members = {SECTION_MEMBERS, 1};
    struct read_version replicas = {SECTION_REPLICAS, change->version};
    CHECK(args_replica_encode(&replica, &args));
    CHECK(read_version_encode(&members, &reads));
    CHECK(read_version_encode(&replicas, &reads));
    struct proposal proposal = {
        .action = change->restores ? ACTION_REPLICA_RESTORE : ACTION_REPLICA_SUSPEND,
        .args = buffer_bytes(&args),
        .reads = {buffer_bytes(&reads), 2},
        .deadline_ms = SIM_WALL_MS + world_ms(world) + DEADLINE_MS,
        .proposer = {ROLE_MEMBER, bytes_of_text(cast_member_id(0))},
    };
    prng_fill(&world->prng, proposal.nonce, sizeof(proposal.nonce));
    CHECK(proposal_encode(&proposal, out));
}

static void ballots_put(const struct world *world, const struct change *change, struct buffer *out)
{
    for (uint32_t i = 0; i < change->votes; i++) {
        uint8_t space[PART_BYTES];
        struct buffer body = buffer_make(space, sizeof(space));
        struct signed_part part;
        struct ballot ballot = {
            .mid = bytes_of_text(cast_member_id(i)),
            .choice = CHOICE_YES,
            .members_version = 1,
        };
        memcpy(ballot.pid, change->pid, HASH_BYTES);
        CHECK(ballot_encode(&ballot, &body));
        part_put(world, i, TAG_BALLOT, buffer_bytes(&body), &part);
        CHECK(signed_part_encode(&part, out));
    }
}

static void payload_put(struct world *world, struct change *change, struct buffer *out)
{
    uint8_t space[3][4 * PART_BYTES];
    struct buffer proposal = buffer_make(space[0], sizeof(space[0]));
    struct buffer ballots = buffer_make(space[1], sizeof(space[1]));
    struct buffer body = buffer_make(space[2], sizeof(space[2]));
    struct bundle bundle;
    proposal_put(world, change, &proposal);
    part_put(world, 0, TAG_PROPOSAL, buffer_bytes(&proposal), &bundle.proposal);
    statement_id(TAG_PROPOSAL, world->cast.cluster_id, buffer_bytes(&proposal), change->pid);
    ballots_put(world, change, &ballots);
    bundle.ballots = (struct wire_list){buffer_bytes(&ballots), change->votes};
    CHECK(bundle_encode(&bundle, &body));
    struct governance_payload payload = {.type = GOV_BUNDLE, .body = buffer_bytes(&body)};
    CHECK(governance_payload_encode(&payload, out));
}

/* --- The request -------------------------------------------------------------------------------
 */

static void request_sign(struct world *world, struct sim_request *request, struct bytes statement,
                         struct bytes payload)
{
    const struct cast *cast = &world->cast;
    const struct key_pair *key = &world->clients[request->client].holder;
    uint8_t body_space[REQUEST_BODY_BYTES_MAX];
    uint8_t entry_space[STATEMENT_BODY_BYTES_MAX + 8];
    uint8_t payload_space[8 * PART_BYTES];
    struct buffer body = buffer_make(body_space, sizeof(body_space));
    struct buffer entry = buffer_make(entry_space, sizeof(entry_space));
    struct buffer payloads = buffer_make(payload_space, sizeof(payload_space));
    struct item_entry item_entry = {statement};
    struct payload salted = {BYTES_OF_ARRAY(no_salt), payload};
    struct request object = {
        .author = {.kind = AUTHOR_KEY},
        .request_no = request->number,
        .op = OP_GOVERN,
        .not_after_ms = request->not_after_ms,
        .count = 1,
    };
    memcpy(object.author.id, key->pk, PUBLIC_KEY_BYTES);
    merkle_leaf_hash(statement, object.entries_root);
    CHECK(request_encode(&object, &body));
    CHECK(item_entry_encode(&item_entry, &entry));
    CHECK(payload_encode(&salted, &payloads));
    struct item item = {
        .request = buffer_bytes(&body),
        .statements = {buffer_bytes(&entry), 1},
    };
    sign_body(cast->scheme, key->seed, key->pk, TAG_REQUEST, cast->cluster_id, item.request,
              item.sig);
    statement_id(TAG_REQUEST, cast->cluster_id, item.request, request->id);
    request_frame(request, &item, (struct wire_list){buffer_bytes(&payloads), 1});
}

static struct sim_request *bundle_make(struct world *world, const struct change *wanted)
{
    uint8_t payload_space[8 * PART_BYTES];
    uint8_t statement_space[STATEMENT_BODY_BYTES_MAX];
    struct buffer payload = buffer_make(payload_space, sizeof(payload_space));
    struct buffer statement = buffer_make(statement_space, sizeof(statement_space));
    struct sim_request *request = calloc(1, sizeof(*request));
    CHECK(request != NULL);
    request->client = officer_number(world);
    request->count = 1;
    request->number = world->clients[request->client].next_number++;
    request->not_after_ms = SIM_WALL_MS + world_ms(world) + LIFE_MS;
    request->wishes = calloc(1, sizeof(request->wishes[0]));
    request->change = malloc(sizeof(*request->change));
    CHECK(request->wishes != NULL);
    CHECK(request->change != NULL);
    *request->change = *wanted;
    payload_put(world, request->change, &payload);
    struct bytes parts[] = {BYTES_OF_ARRAY(no_salt), buffer_bytes(&payload)};
    request->wishes[0] = (struct wish){
        .stream = SIM_GOVERNANCE,
        .payload_len = (uint32_t)payload.len,
        .expect = U64_UNLIMITED,
    };
    hash_parts(parts, 2, request->wishes[0].payload_hash);
    wish_encode(&request->wishes[0], &statement);
    request_sign(world, request, buffer_bytes(&statement), buffer_bytes(&payload));
    request_keep(world, request);
    world_trace(world, "officers %s r%u by %u votes, %lu", wanted->restores ? "restore" : "suspend",
                wanted->subject, wanted->votes, (unsigned long)request->number);
    return request;
}

struct sim_request *officer_ask(struct world *world)
{
    struct change change;
    choose(world, &change);
    return bundle_make(world, &change);
}

void officer_suspends(struct world *world, uint32_t subject)
{
    struct change change = {
        .subject = subject,
        .votes = SIM_MEMBERS_NEEDED,
        .version = check_replicas_version(world),
    };
    client_sends(world, bundle_make(world, &change));
}
