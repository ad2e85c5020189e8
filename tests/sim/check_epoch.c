/* Epochs by the log alone: which height belongs to which, whose keys count in each, what headers
 * must say of a boundary, and the hash of the configuration on either side of it.
 *
 * What decides an epoch is in check_governance.c; nothing here asks the code that it judges. */
#include "crypto/hash.h"
#include "governance/charter.h"
#include "governance/genesis.h"
#include "tests/sim/check.h"

#include <string.h>

/* --- Heights and keys --------------------------------------------------------------------------
 */

const struct sim_epoch *check_epoch(const struct world *world, uint64_t number)
{
    const struct check_governed *governed = &world->check->governed;
    return number < governed->epoch_count ? &governed->epochs[number] : NULL;
}

const struct sim_epoch *check_epoch_at(const struct world *world, uint64_t height)
{
    const struct check_governed *governed = &world->check->governed;
    uint32_t at = governed->epoch_count - 1;
    while (governed->epochs[at].first > height) {
        at--;
    }
    return &governed->epochs[at];
}

bool check_in_epoch(const struct world *world, uint64_t epoch, uint64_t stable)
{
    return check_epoch_at(world, stable)->number == epoch ||
           check_epoch_at(world, stable + 1)->number == epoch;
}

uint64_t check_boundary(const struct world *world, uint64_t height)
{
    const struct sim_epoch *next = check_epoch(world, check_epoch_at(world, height)->number + 1);
    return next != NULL && next->since <= height ? next->first - 1 : NO_BOUNDARY;
}

struct sim_epoch *check_epoch_add(struct world *world, uint64_t since)
{
    struct check_governed *governed = &world->check->governed;
    const struct plan *plan = &world->plan;
    uint64_t intervals = (since + plan->window + plan->interval - 1) / plan->interval;
    CHECK(governed->epoch_count < SIM_EPOCHS_MAX);
    struct sim_epoch *epoch = &governed->epochs[governed->epoch_count];
    *epoch = governed->epochs[governed->epoch_count - 1];
    epoch->number = governed->epoch_count++;
    epoch->since = since;
    epoch->first = intervals * plan->interval + 1;
    world->tally.epochs++;
    return epoch;
}

bool check_signed(const struct world *world, uint64_t epoch, uint64_t rid, enum sign_tag tag,
                  struct bytes body, const uint8_t sig[SIG_BYTES])
{
    const struct cast *cast = &world->cast;
    const struct sim_epoch *known = check_epoch(world, epoch);
    return known != NULL && rid < cast->n &&
           verify_body(cast->scheme, cast_keys(cast, known, (uint32_t)rid)->sign.pk, tag,
                       cast->cluster_id, body, sig);
}

/* --- Configurations ----------------------------------------------------------------------------
 */

/* The hash of each section at genesis, and the replicas as they were then. */
static void sections_note(struct check_governed *governed, const struct state *state)
{
    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        struct section_record record;
        CHECK(section_read(state, section, &record));
        hash_bytes(record.body, governed->sections[section - 1]);
        if (section == SECTION_REPLICAS) {
            CHECK(record.body.len <= sizeof(governed->replicas));
            memcpy(governed->replicas, record.body.data, record.body.len);
            governed->replicas_len = record.body.len;
        }
    }
}

void check_epochs_open(struct world *world)
{
    struct check_governed *governed = &world->check->governed;
    const struct cast *cast = &world->cast;
    struct charter_view view;
    struct state *state = NULL;
    governed->epochs[0] = (struct sim_epoch){0};
    governed->epoch_count = 1;
    CHECK(charter_parse(bytes_make(cast->charter_body, cast->charter_body_len), &view) == WIRE_OK);
    CHECK(state_open(SIM_STATE_RECORDS, SIM_STATE_BYTES, 0, &state) == STATUS_OK);
    CHECK(genesis_apply(&view, state));
    sections_note(governed, state);
    state_close(state);
}

/* The replicas as they are with those keys and those of them suspended. */
static void replicas_hash(const struct world *world, const struct sim_epoch *epoch,
                          uint32_t suspended, uint8_t out[HASH_BYTES])
{
    const struct check_governed *governed = &world->check->governed;
    uint8_t space[2][SIM_SECTION_BYTES];
    struct buffer list = buffer_make(space[0], sizeof(space[0]));
    struct buffer body = buffer_make(space[1], sizeof(space[1]));
    struct replicas_section section;
    struct replica_standing row;
    CHECK(replicas_section_decode(bytes_make(governed->replicas, governed->replicas_len),
                                  &section) == WIRE_OK);
    struct wire_iter iter = wire_iter_make(section.replicas);
    while (replica_standing_next(&iter, &row)) {
        const struct replica_keys *keys = cast_keys(&world->cast, epoch, (uint32_t)row.rid);
        memcpy(row.sign_pk, keys->sign.pk, PUBLIC_KEY_BYTES);
        memcpy(row.cosign_pk, keys->cosign.pk, PUBLIC_KEY_BYTES);
        memcpy(row.transport_pk, keys->transport.pk, PUBLIC_KEY_BYTES);
        row.standing = (suspended >> row.rid & 1) != 0 ? STANDING_SUSPENDED : STANDING_ACTIVE;
        CHECK(replica_standing_encode(&row, &list));
    }
    section.replicas.raw = buffer_bytes(&list);
    CHECK(replicas_section_encode(&section, &body));
    hash_bytes(buffer_bytes(&body), out);
}

static void config_hash_make(const struct world *world, const struct sim_epoch *epoch,
                             uint64_t version, uint8_t out[HASH_BYTES])
{
    const struct check_governed *governed = &world->check->governed;
    uint8_t space[2][SECTION_COUNT * 64];
    struct buffer refs = buffer_make(space[0], sizeof(space[0]));
    struct buffer whole = buffer_make(space[1], sizeof(space[1]));
    for (uint64_t section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        struct section_ref ref = {.section = section, .version = 1};
        memcpy(ref.hash, governed->sections[section - 1], HASH_BYTES);
        if (section == SECTION_REPLICAS) {
            ref.version = version;
            replicas_hash(world, epoch, check_suspended_now(world), ref.hash);
        }
        CHECK(section_ref_encode(&ref, &refs));
    }
    struct config_sections sections = {{buffer_bytes(&refs), SECTION_COUNT}};
    CHECK(config_sections_encode(&sections, &whole));
    hash_bytes(buffer_bytes(&whole), out);
}

const char *check_configuration_wrong(struct world *world, const struct block_header *header)
{
    struct check_governed *governed = &world->check->governed;
    const struct sim_epoch *epoch = check_epoch_at(world, header->height);
    uint64_t boundary = check_boundary(world, header->height);
    uint8_t hash[HASH_BYTES];
    if (header->epoch != epoch->number) {
        return "epoch";
    }
    if (header->pending_boundary != boundary) {
        return "pending boundary";
    }
    if (governed->config_epoch != epoch->number || governed->config_version != governed->version ||
        header->height == 0) {
        config_hash_make(world, epoch, governed->version, governed->config_hash);
        governed->config_epoch = epoch->number;
        governed->config_version = governed->version;
    }
    if (!hash_equal(header->config_hash, governed->config_hash)) {
        return "configuration";
    }
    if (header->height != boundary) {
        return header->next_config_hash.len == 0 ? NULL : "next configuration";
    }
    uint64_t version = governed->version + (governed->next_moves ? 1 : 0);
    config_hash_make(world, check_epoch(world, epoch->number + 1), version, hash);
    return bytes_equal(header->next_config_hash, BYTES_OF_ARRAY(hash)) ? NULL
                                                                       : "next configuration";
}
