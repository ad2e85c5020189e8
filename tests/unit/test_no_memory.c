/* What opens takes its memory at once: whichever allocation fails, opening says so and gives back
 * what it had. The linker puts the functions below between the code and the C library. */
#include "governance/in_force.h"
#include "governance/state.h"
#include "replica/core/node.h"
#include "tests/support/bundle_maker.h"
#include "tests/support/gov_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEVER UINT32_MAX

static uint32_t fails_at = NEVER; /* so many succeed before one fails */
static uint32_t asked;

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);

void *__wrap_malloc(size_t len)
{
    return asked++ == fails_at ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
    return asked++ == fails_at ? NULL : __real_calloc(count, len);
}

typedef enum status opener(void);

/* Opens with each allocation failing in turn, until none is left that could. */
static void assert_every_failure_is_told(opener *open_and_close, uint32_t least)
{
    asked = 0;
    assert_int_equal(open_and_close(), STATUS_OK);
    const uint32_t needed = asked;

    assert_true(needed >= least);
    for (uint32_t n = 0; n < needed; n++) {
        asked = 0;
        fails_at = n;
        const enum status status = open_and_close();

        fails_at = NEVER;
        assert_int_equal(status, STATUS_NO_MEMORY);
    }
    assert_int_equal(open_and_close(), STATUS_OK);
}

static enum status open_state(void)
{
    struct state *state = NULL;
    const enum status status = state_open(100, 1000, 1, &state);

    if (status == STATUS_OK) {
        state_close(state);
    } else {
        assert_null(state);
    }
    return status;
}

static void a_state_without_memory_is_not_opened(void **state)
{
    (void)state;
    assert_every_failure_is_told(open_state, 8);
}

static enum status open_outbox(void)
{
    struct outbox outbox = {0};
    const enum status status = outbox_open(&outbox);

    if (status == STATUS_OK) {
        outbox_close(&outbox);
    }
    return status;
}

static void an_outbox_without_memory_is_not_opened(void **state)
{
    (void)state;
    assert_every_failure_is_told(open_outbox, 3);
}

static struct gov_fixture fixture;
static struct node_config config;

static enum status open_node(void)
{
    struct node *node = NULL;
    const enum status status = node_open(&config, &node);

    if (status == STATUS_OK) {
        node_close(node);
    } else {
        assert_null(node);
    }
    return status;
}

static void a_replica_without_memory_is_not_opened(void **state)
{
    static const uint8_t seed[SEED_BYTES];
    static const struct node_key key = {seed, seed};

    (void)state;
    gov_fixture_init(&fixture, &sig_fast, 4);
    config = (struct node_config){
        .charter_file = gov_fixture_file(&fixture),
        .rid = 2,
        .scheme = &sig_fast,
        .keys = &key,
        .key_count = 1,
        .jitter_seed = 1,
        .pool_bytes = (size_t)8 << 20,
        .state_records_max = 1000,
        .state_bytes_max = 1u << 20,
    };
    assert_every_failure_is_told(open_node, 14);
}

static void a_charter_that_is_none_or_of_others_opens_no_replica(void **state)
{
    (void)state;
    config.rid = 4;
    assert_int_equal(open_node(), STATUS_INVALID);
    config.rid = 2;
    const struct bytes file = config.charter_file;

    config.charter_file = bytes_slice(file, 0, file.len - 1);
    assert_int_equal(open_node(), STATUS_INVALID);
    /* A file that is one, around a charter that is none. */
    uint8_t memory[64];
    struct buffer out = buffer_make(memory, sizeof(memory));
    const struct charter_file hollow = {.charter = bytes_of_text("junk")};
    assert_true(charter_file_encode(&hollow, &out));
    config.charter_file = buffer_bytes(&out);
    assert_int_equal(open_node(), STATUS_INVALID);
    node_close(NULL);
    config.charter_file = file;
    assert_int_equal(open_node(), STATUS_OK);
}

/* --- Hand-offs ------------------------------------------------------------------------------- */

static struct charter_view charter;

static enum status open_chain(void)
{
    struct epoch_chain *chain = NULL;
    const enum status status = epoch_chain_open(&charter, &sig_fast, 3, &chain);

    if (status == STATUS_OK) {
        epoch_chain_close(chain);
    } else {
        assert_null(chain);
    }
    return status;
}

static void a_chain_of_epochs_without_memory_is_not_opened(void **state)
{
    struct charter_check check;

    (void)state;
    gov_fixture_init(&fixture, &sig_fast, 4);
    assert_int_equal(charter_file_verify(gov_fixture_file(&fixture), &sig_fast, &charter, &check),
                     CHARTER_OK);
    assert_every_failure_is_told(open_chain, 20);
}

static void a_bundle_is_not_judged_without_memory_for_its_hand_offs(void **state)
{
    static struct bundle_maker maker;
    static struct in_force in_force;
    static struct gov_world world;

    (void)state;
    gov_fixture_init(&fixture, &sig_fast, 4);
    gov_world_open(&world, &fixture, 512);
    bundle_maker_init(&maker, &fixture, &world);
    maker.hand_offs[0] = BYTES_EMPTY;
    maker.hand_off_count = 1;

    const struct bytes bundle = bundle_make(&maker);

    asked = 0;
    fails_at = 0;
    assert_int_equal(
        in_force_verify(bundle, world.charter.cluster_id, &sig_fast, &charter, &in_force),
        IN_FORCE_NO_MEMORY);
    fails_at = NEVER;
    gov_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_without_memory_is_not_opened),
        cmocka_unit_test(an_outbox_without_memory_is_not_opened),
        cmocka_unit_test(a_replica_without_memory_is_not_opened),
        cmocka_unit_test(a_charter_that_is_none_or_of_others_opens_no_replica),
        cmocka_unit_test(a_chain_of_epochs_without_memory_is_not_opened),
        cmocka_unit_test(a_bundle_is_not_judged_without_memory_for_its_hand_offs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
