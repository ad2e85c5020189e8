#include "tests/support/officer_case.h"

#include "tests/support/bundle_maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct charter_view charter;
struct in_force in_force;
struct problem problem;
struct paper paper;
struct paper_tally tally;

static struct bundle_maker bundle;
static uint8_t made_bytes[PAPER_BYTES_MAX];

int officer_setup(void **state)
{
    (void)state;
    gov_fixture_init(&world_fixture, &sig_ed25519, 4);
    gov_world_open(&world, &world_fixture, 512);
    bundle_maker_init(&bundle, &world_fixture, &world);
    officer_refresh();
    memset(&problem, 0, sizeof(problem));
    return 0;
}

int officer_teardown(void **state)
{
    return world_teardown(state);
}

void officer_refresh(void)
{
    assert_int_equal(in_force_verify(bundle_make(&bundle), world.charter.cluster_id, &sig_ed25519,
                                     &charter, &in_force),
                     IN_FORCE_OK);
}

struct secret_key officer_key(const char *subject, const char *name)
{
    struct secret_key key = {.role = ROLE_MEMBER};

    memcpy(key.subject, subject, strlen(subject) + 1);
    assert_int_equal(secret_open(&key.seed, SEED_BYTES, SECRET_LOCK_WANTED, &problem), STATUS_OK);
    gov_seed(name, key.seed.data);
    key.seed.len = SEED_BYTES;
    gov_public_key(&sig_ed25519, name, key.public_key);
    return key;
}

struct bytes officer_propose_as(const char *subject, const char *name,
                                const struct paper_wish *wish)
{
    struct buffer out = buffer_make(made_bytes, sizeof(made_bytes));
    struct secret_key key = officer_key(subject, name);

    assert_int_equal(paper_propose(&in_force, &key, wish, &out, &problem), STATUS_OK);
    secret_key_close(&key);
    assert_true(paper_parse(buffer_bytes(&out), charter.cluster_id, &paper));
    return buffer_bytes(&out);
}

struct bytes officer_propose(const struct paper_wish *wish)
{
    return officer_propose_as("m2", "m2", wish);
}

enum paper_fault officer_judge(void)
{
    const enum paper_fault found = paper_judge(&paper, &in_force, NOW, &tally, &problem);

    if (found != PAPER_GOOD) {
        assert_true(strlen(problem.what) > 10);
        assert_true(strlen(problem.todo) > 10);
    }
    return found;
}
