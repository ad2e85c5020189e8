/* A replica whose disk is gone, and that joins anew: it is one of the f that may fail from then on,
 * catches up with the whole log, and signs nothing that counts. */
#include "replica/core/node_parts.h"
#include "storage/record.h"
#include "tests/sim/check.h"
#include "tests/sim/world.h"

/* What `vestryd join` puts. */
static void put_recovering(struct world *world, struct host *host)
{
    uint8_t view_memory[64];
    uint8_t boot_memory[64];
    struct buffer view = buffer_make(view_memory, sizeof(view_memory));
    struct buffer boot = buffer_make(boot_memory, sizeof(boot_memory));
    const struct view_record standing = {.mode = MODE_RECOVERING};
    const struct boot_record started = {.boot = host_wall_ms(world, host) / 1000};
    CHECK(view_record_encode(&standing, &view));
    CHECK(boot_record_encode(&started, &boot));
    const struct record_key view_key = record_key_journal(JOURNAL_VIEW, 0);
    const struct record_key boot_key = record_key_journal(JOURNAL_BOOT, 0);
    const struct put puts[] = {
        {FAMILY_JOURNAL, false, record_key_bytes(&view_key), buffer_bytes(&view)},
        {FAMILY_JOURNAL, false, record_key_bytes(&boot_key), buffer_bytes(&boot)},
    };
    CHECK(store_memory_stage(host->store, puts, 2) == STATUS_OK);
    CHECK(store_memory_sync(host->store) == STATUS_OK);
}

void host_lose(struct world *world, struct host *host)
{
    host_crash(world, host);
    world_trace(world, "r%u loses its disk", host->rid);
    store_close(host->store);
    CHECK(store_memory_open(&host->store) == STATUS_OK);
    put_recovering(world, host);
    host->recovering = true;
    world->tally.lost++;
    check_lost(world, host);
}

void check_lost(struct world *world, struct host *host)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    seen->staged = 0;
    seen->durable = 0;
    seen->stable = 0;
    seen->noted = 0;
    seen->view = 0;
    seen->view_durable = 0;
    seen->entered_durable = 0;
    seen->has_genesis = false;
}
