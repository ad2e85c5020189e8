/* When everything has come to rest: one height, equal stores, empty queues and pools. */
#include "replica/core/node_parts.h"
#include "storage/record.h"
#include "tests/sim/check.h"

#include <string.h>

static bool hosts_idle(const struct world *world)
{
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        const struct host *host = &world->hosts[rid];
        if (!host->up || host->held_count > 0 || store_memory_unsynced(host->store) > 0) {
            return false;
        }
    }
    return true;
}

bool check_at_rest(const struct world *world)
{
    uint64_t height = 0;
    if (!hosts_idle(world)) {
        return false; /* asked after every event: what costs least comes first */
    }
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        const struct host *host = &world->hosts[rid];
        struct node_look look;
        node_look(host->node, &look);
        if (host->node->gap.last != 0) {
            return false;
        }
        bool votes = !host_is_recovering(world, host);
        if ((look.in_flight > 0 && votes) || look.queued > 0 ||
            (rid > 0 && look.executed != height)) {
            return false;
        }
        height = look.executed;
    }
    /* A boundary that is pending must be reached, and each epoch begins with a block. */
    return height + 1 == world->check->block_count &&
           height >= check_epoch_at(world, UINT64_MAX)->first;
}

struct gathering {
    struct world *world;
    uint64_t word;
    uint64_t count;
};

static bool record_mix(void *context, struct bytes key, struct bytes value)
{
    struct gathering *all = context;
    uint64_t kept = all->world->digest;
    all->world->digest = all->word;
    world_note(all->world, key);
    world_note(all->world, value);
    all->word = all->world->digest;
    all->world->digest = kept;
    all->count++;
    return true;
}

static void families_equal(struct world *world)
{
    static const struct {
        enum family family;
        const char *name;
    } families[] = {
        {FAMILY_STATE, "state"},
        {FAMILY_LEAVES, "leaves"},
        {FAMILY_STREAMS, "streams"},
        {FAMILY_TREE, "tree"},
    };
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        struct gathering first = {0};
        for (uint32_t rid = 0; rid < world->plan.n; rid++) {
            struct gathering all = {.world = world};
            CHECK(store_scan(world->hosts[rid].store, families[i].family, BYTES_EMPTY, record_mix,
                             &all) == STATUS_OK);
            first = rid == 0 ? all : first;
            if (all.word != first.word || all.count != first.count) {
                world_fail(world, "I1", rid, "its %s differs from r0's", families[i].name);
            }
        }
    }
}

/* Every complete node that is stored is the tree's; every stored leaf is the log's. */
static bool tree_node_visit(void *context, struct bytes key, struct bytes value)
{
    struct world *world = context;
    uint8_t level = 0;
    uint64_t index = 0;
    if (!record_read_tree(key, &level, &index) || level >= SIM_LEVELS ||
        index >= world->check->levels[level].count || value.len != HASH_BYTES ||
        memcmp(value.data, world->check->levels[level].hashes[index], HASH_BYTES) != 0) {
        world_fail(world, "I6", 0, "a stored node of the tree is wrong");
        return false;
    }
    return true;
}

static void tree_whole(struct world *world)
{
    struct gathering all = {.world = world};
    uint64_t nodes = 0;
    for (unsigned level = 8; level < SIM_LEVELS; level++) {
        nodes += world->check->levels[level].count;
    }
    struct store *store = world->hosts[0].store;
    CHECK(store_scan(store, FAMILY_TREE, BYTES_EMPTY, record_mix, &all) == STATUS_OK);
    CHECK(store_scan(store, FAMILY_TREE, BYTES_EMPTY, tree_node_visit, world) == STATUS_OK);
    if (all.count != nodes) {
        world_fail(world, "I6", 0, "%lu nodes of the tree are stored where there are %lu",
                   (unsigned long)all.count, (unsigned long)nodes);
    }
}

static void nothing_lost(struct world *world)
{
    const struct request_log *log = world->requests;
    for (size_t i = 0; i < log->count; i++) {
        const struct sim_request *request = log->all[i];
        if (request->fate == FATE_ACKNOWLEDGED && !request->appended) {
            world_fail(world, "I5", SIM_NOBODY, "an acknowledged request is not in the log");
        }
    }
}

static size_t block_bytes(size_t len)
{
    size_t block = POOL_BLOCK_BYTES_MIN;
    while (block < len) {
        block *= 2;
    }
    return len == 0 ? 0 : block;
}

/* VIEW-CHANGEs for views that are still to come stay, one of each member, and the NEW-VIEW of this
 * one. */
static size_t kept_bytes(const struct node *node)
{
    size_t total = block_bytes(node->entered.body.len);
    for (uint32_t i = 0; i < node->roster.n; i++) {
        bool kept = i != node->self && node->changes[i].view != 0;
        total += kept ? block_bytes(node->changes[i].body.len) : 0;
    }
    return total;
}

static void host_rests(struct world *world, const struct host *host)
{
    struct node_look look;
    node_look(host->node, &look);
    const struct check_block *last = &world->check->blocks[world->check->block_count - 1];
    if (memcmp(look.header_hash, last->header_hash, HASH_BYTES) != 0 ||
        look.tree_size != last->tree_size || look.time_ms != last->time_ms) {
        world_fail(world, "I1", host->rid, "its head is not the log's");
    }
    if (host->node->pool.used_bytes != kept_bytes(host->node) && !host_is_recovering(world, host)) {
        world_fail(world, "I17", host->rid, "%zu bytes of the pool are still taken",
                   host->node->pool.used_bytes);
    }
    if (look.executed - look.stable >= world->plan.window) {
        world_fail(world, "progress", host->rid,
                   "it cannot take part: its head is %lu, its stable checkpoint %lu",
                   (unsigned long)look.executed, (unsigned long)look.stable);
    }
}

void check_end(struct world *world)
{
    families_equal(world);
    tree_whole(world);
    nothing_lost(world);
    for (uint32_t rid = 0; rid < world->plan.n; rid++) {
        host_rests(world, &world->hosts[rid]);
    }
}
