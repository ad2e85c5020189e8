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
#define PART_BYTES 1024

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

/* What few times enough, so that no proposer has as many closed proposals as are remembered. */
#define RENEWALS_MAX 10
#define EPOCHS_MAX (SIM_EPOCHS_MAX - 8)

static uint32_t leader(const struct world *world)
{
    const struct check *check = world->check;
    uint64_t epoch = check_epoch_at(world, check->block_count)->number;
    uint64_t place = check_place(epoch, 0);
    return check_place_primary(world, check->view_entered > place ? check->view_entered : place);
}

/* Often the replica that leads, sometimes one that may not be suspended any more. */
static void choose_standing(struct world *world, struct change *change)
{
    struct prng *prng = &world->prng;
    uint32_t suspended = check_suspended_now(world);
    *change = (struct change){
        .action = ACTION_REPLICA_SUSPEND,
        .subject =
            prng_chance(prng, 500) ? leader(world) : (uint32_t)prng_below(prng, world->plan.n),
        .votes = prng_chance(prng, 100) ? SIM_MEMBERS_NEEDED - 1 : SIM_MEMBERS_NEEDED,
        .version = check_replicas_version(world),
    };
    if (suspended != 0 && prng_chance(prng, 600)) {
        change->action = ACTION_REPLICA_RESTORE;
        change->subject = (uint32_t)__builtin_ctz(suspended);
    } else if (prng_chance(prng, 50)) {
        change->action = ACTION_REPLICA_RESTORE;
    }
}

/* Keys that are new, sometimes some that were there before, or that nobody has shown. */
static void choose_keys(struct world *world, struct change *change)
{
    struct prng *prng = &world->prng;
    uint8_t *newest = &world->generations[change->subject];
    change->action = ACTION_REPLICA_KEY_ROTATE;
    change->forged = prng_chance(prng, 50);
    if (prng_chance(prng, 80)) {
        change->generation = (uint32_t)prng_below(prng, *newest + UINT64_C(1));
    } else {
        change->generation = ++*newest;
    }
}

/* Now and then with too few votes; often what begins an epoch is asked for while one is pending.
 * False when there was enough of that. */
static bool choose_epoch(struct world *world, struct change *change)
{
    struct prng *prng = &world->prng;
    if (!prng_chance(prng, world->plan.epochs_permille) ||
        world->check->governed.epoch_count >= EPOCHS_MAX) {
        return false;
    }
    *change = (struct change){
        .subject =
            prng_chance(prng, 300) ? leader(world) : (uint32_t)prng_below(prng, world->plan.n),
        .votes = prng_chance(prng, 100) ? SIM_MEMBERS_NEEDED - 1 : SIM_MEMBERS_NEEDED,
        .version = check_replicas_version(world),
    };
    bool keys_lie = (world->plan.lies & LIE_KEYS) != 0 && world->plan.liars != 0;
    if (keys_lie && prng_chance(prng, 500)) {
        change->subject = (uint32_t)__builtin_ctz(world->plan.liars);
    }
    bool new_keys = world->generations[change->subject] + 1 < SIM_GENERATIONS;
    if (new_keys && (world->renewals == RENEWALS_MAX || prng_chance(prng, 650))) {
        choose_keys(world, change);
        return true;
    }
    if (world->renewals == RENEWALS_MAX) {
        return false;
    }
    world->renewals++;
    change->action = ACTION_EPOCH_RENEW;
    bool any_version = change->votes == SIM_MEMBERS_NEEDED && prng_chance(prng, 500);
    change->version = any_version ? U64_UNLIMITED : change->version;
    return true;
}

static void choose(struct world *world, struct change *change)
{
    if (world->plan.epochs_permille == 0 || !choose_epoch(world, change)) {
        choose_standing(world, change);
    }
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

/* The new keys' card, signed by each of them, and by the key that goes. */
static void rotation_put(struct world *world, const struct change *change, struct buffer *args)
{
    const struct cast *cast = &world->cast;
    const struct replica_keys *keys = &cast->keys[change->subject][change->generation];
    const struct key_pair *list[] = {&keys->sign, &keys->cosign, &keys->transport};
    const struct sim_epoch *epoch = check_epoch_at(world, world->check->block_count);
    const struct key_pair *old = &cast_keys(cast, epoch, change->subject)->sign;
    uint8_t space[3][PART_BYTES];
    uint8_t old_sig[SIG_BYTES];
    struct buffer subject = buffer_make(space[0], sizeof(space[0]));
    struct buffer body = buffer_make(space[1], sizeof(space[1]));
    struct buffer items = buffer_make(space[2], sizeof(space[2]));
    for (uint32_t i = 0; i < 3; i++) {
        struct item_hash item;
        memcpy(item.value, list[i]->pk, PUBLIC_KEY_BYTES);
        CHECK(item_hash_encode(&item, &items));
    }
    replica_name_put(&subject, change->subject);
    struct card card = {
        .role = ROLE_REPLICA,
        .subject = buffer_bytes(&subject),
        .keys = {buffer_bytes(&items), 3},
    };
    prng_fill(&world->prng, card.nonce, sizeof(card.nonce));
    CHECK(card_encode(&card, &body));
    items.len = 0;
    for (uint32_t i = 0; i < 3; i++) {
        struct item_sig item;
        sign_body(cast->scheme, list[i]->seed, list[i]->pk, TAG_POSSESSION, cast->cluster_id,
                  buffer_bytes(&body), item.value);
        item.value[0] ^= i == 1 && change->forged ? 1 : 0;
        CHECK(item_sig_encode(&item, &items));
    }
    sign_body(cast->scheme, old->seed, old->pk, TAG_POSSESSION, cast->cluster_id,
              buffer_bytes(&body), old_sig);
    struct args_replica_key_rotate rotate = {
        .rid = change->subject,
        .card = {buffer_bytes(&body), {buffer_bytes(&items), 3}},
    };
    if (change->generation % 2 == 0) { /* the others have lost theirs */
        rotate.old_sig = BYTES_OF_ARRAY(old_sig);
    }
    memcpy(rotate.sign_pk, keys->sign.pk, PUBLIC_KEY_BYTES);
    memcpy(rotate.cosign_pk, keys->cosign.pk, PUBLIC_KEY_BYTES);
    memcpy(rotate.transport_pk, keys->transport.pk, PUBLIC_KEY_BYTES);
    CHECK(args_replica_key_rotate_encode(&rotate, args));
}

static void args_put(struct world *world, const struct change *change, struct buffer *args)
{
    if (change->action == ACTION_REPLICA_KEY_ROTATE) {
        rotation_put(world, change, args);
    } else if (change->action == ACTION_EPOCH_RENEW) {
        struct args_renew renew = {.reason_hash = {1}};
        CHECK(args_renew_encode(&renew, args));
    } else {
        struct args_replica replica = {.rid = change->subject};
        CHECK(args_replica_encode(&replica, args));
    }
}

static void proposal_put(struct world *world, const struct change *change, struct buffer *out)
{
    uint8_t args_space[2 * PART_BYTES];
    uint8_t read_space[32];
    struct buffer args = buffer_make(args_space, sizeof(args_space));
    struct buffer reads = buffer_make(read_space, sizeof(read_space));
    struct read_version members = {SECTION_MEMBERS, 1};
    struct read_version replicas = {SECTION_REPLICAS, change->version};
    bool reads_replicas = change->version != U64_UNLIMITED;
    args_put(world, change, &args);
    CHECK(read_version_encode(&members, &reads));
    if (reads_replicas) {
        CHECK(read_version_encode(&replicas, &reads));
    }
    struct proposal proposal = {
        .action = change->action,
        .args = buffer_bytes(&args),
        .reads = {buffer_bytes(&reads), reads_replicas ? 2 : 1},
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
    world_trace(world, "officers: %s of r%u by %u votes, keys %u, %lu", action_text(wanted->action),
                wanted->subject, wanted->votes, wanted->generation, (unsigned long)request->number);
    return request;
}

struct sim_request *officer_ask(struct world *world)
{
    struct change change;
    choose(world, &change);
    return bundle_make(world, &change);
}

static void change_send(struct world *world, struct change *change)
{
    change->votes = SIM_MEMBERS_NEEDED;
    change->version = check_replicas_version(world);
    client_sends(world, bundle_make(world, change));
}

void officer_suspends(struct world *world, uint32_t subject)
{
    struct change change = {.action = ACTION_REPLICA_SUSPEND, .subject = subject};
    change_send(world, &change);
}

void officer_restores(struct world *world, uint32_t subject)
{
    struct change change = {.action = ACTION_REPLICA_RESTORE, .subject = subject};
    change_send(world, &change);
}

void officer_renews(struct world *world)
{
    struct change change = {
        .action = ACTION_EPOCH_RENEW,
        .votes = SIM_MEMBERS_NEEDED,
        .version = U64_UNLIMITED,
    };
    world->renewals++;
    client_sends(world, bundle_make(world, &change));
}

void officer_rotates(struct world *world, uint32_t subject)
{
    struct change change = {
        .action = ACTION_REPLICA_KEY_ROTATE,
        .subject = subject,
        .generation = ++world->generations[subject],
    };
    CHECK(change.generation < SIM_GENERATIONS);
    change_send(world, &change);
}
