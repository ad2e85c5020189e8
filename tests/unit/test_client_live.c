/* The client library and four replicas in one process, through epochs: whoever has the charter goes
 * on, with what it did not finish and with what it had seen, and who comes late catches up. */
#include "client/include/vestry/vestry.h"
#include "keys/keyfile.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"
#include "tests/support/hand_off_maker.h"
#include "tests/support/live.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct live *live;
    struct gov_stage stage; /* makes what the officers sign */
    struct hand_off_maker maker;
    char folder[64];
    char charter[96];
    char token[96];
    char key[96];
    char state[96];
    char endpoint_texts[LIVE_HOSTS][32];
    const char *endpoints[LIVE_HOSTS];
};

/* --- Files ------------------------------------------------------------------------------------ */

static void write_token(const struct fixture *fixture)
{
    static struct gov_token token;
    static uint8_t text_memory[ARMOUR_CHARS(TOKEN_BYTES_MAX)];
    struct buffer text = buffer_make(text_memory, sizeof(text_memory));
    struct problem problem;

    gov_token_init(&token, 1, 1);
    struct cap_block *block = &token.blocks[0].body;
    block->ops = OP_APPEND | OP_READ | OP_GOVERN;
    block->max_entry = 8192;
    block->quota_entries = 1000;
    block->not_before_ms = fixture->live->date_ms;
    block->expires_ms = fixture->live->date_ms + FIXTURE_HOUR;
    armour_put(&text, ARMOUR_TOKEN, gov_token_make(&token, &fixture->live->world, &sig_ed25519));
    assert_int_equal(file_create(fixture->token, 0600, buffer_bytes(&text), &problem), STATUS_OK);
}

static void write_key(const struct fixture *fixture)
{
    struct secret_key key;
    struct problem problem;

    assert_int_equal(secret_key_new(&key, ROLE_HOLDER, "alice", &problem), STATUS_OK);
    gov_seed("alice", key.seed.data);
    sig_ed25519.public_key(key.seed.data, key.public_key);
    assert_int_equal(keyfile_create(fixture->key, &key, KEY_SEAL_NONE, NULL, &problem), STATUS_OK);
    secret_key_close(&key);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    void *live = NULL;
    struct problem problem;

    assert_int_equal(live_setup(&live), 0);
    fixture->live = live;
    (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/vestry-live-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->charter, sizeof(fixture->charter), "%s/charter", fixture->folder);
    (void)snprintf(fixture->token, sizeof(fixture->token), "%s/token", fixture->folder);
    (void)snprintf(fixture->key, sizeof(fixture->key), "%s/key", fixture->folder);
    (void)snprintf(fixture->state, sizeof(fixture->state), "%s/state", fixture->folder);
    assert_int_equal(file_create(fixture->charter, 0600, fixture->live->charter_file, &problem),
                     STATUS_OK);
    write_token(fixture);
    write_key(fixture);
    for (uint32_t i = 0; i < LIVE_HOSTS; i++) {
        (void)snprintf(fixture->endpoint_texts[i], sizeof(fixture->endpoint_texts[i]),
                       "r%u=127.0.0.1:%u", i, fixture->live->addresses[i].address.port);
        fixture->endpoints[i] = fixture->endpoint_texts[i];
    }
    fixture->stage.fixture.scheme = &sig_ed25519;
    gov_world_open(&fixture->stage.world, &fixture->live->fixture, 1000);
    fixture->stage.height = 10;
    fixture->stage.time_ms = fixture->live->date_ms + 20000;
    fixture->maker.stage = &fixture->stage;
    *state = fixture;
    return 0;
}

static void remove_folder(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    char name[512];

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
            (void)unlink(name);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    (void)rmdir(path);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *live = fixture->live;

    remove_folder(fixture->state);
    remove_folder(fixture->folder);
    gov_world_close(&fixture->stage.world);
    free(fixture);
    return live_teardown(&live);
}

/* --- The client ------------------------------------------------------------------------------- */

static struct vestry *open_client(const struct fixture *fixture, const char *state)
{
    struct vestry_options options = VESTRY_OPTIONS;
    struct vestry_problem problem;

    options.charter = fixture->charter;
    options.token = fixture->token;
    options.key = fixture->key;
    options.state = state;
    options.endpoints = fixture->endpoints;
    options.endpoint_count = LIVE_HOSTS;
    struct vestry *log = vestry_open(&options, &problem);
    if (log == NULL) {
        fail_msg("%s", problem.what);
    }
    return log;
}

static void assert_well(struct vestry *log, enum vestry_error error)
{
    if (error != VESTRY_OK) {
        fail_msg("%s: %s", vestry_error_text(error), vestry_last_problem(log)->what);
    }
}

static uint64_t append(struct vestry *log, const char *text)
{
    const struct vestry_entry entry = VESTRY_ENTRY("pay/eu", text, strlen(text));
    struct vestry_receipts *receipts = NULL;
    struct vestry_receipts_look look;

    assert_well(log, vestry_append(log, &entry, 1, NULL, &receipts));
    vestry_receipts_look(receipts, &look);
    vestry_receipts_free(receipts);
    return look.first_index;
}

static uint64_t head_epoch(struct vestry *log)
{
    struct vestry_head head;

    assert_well(log, vestry_head(log, &head));
    return head.epoch;
}

/* The officers' plan, voted for, in one entry. */
static void govern(struct fixture *fixture, struct vestry *log, struct gov_plan *plan)
{
    struct vestry_receipts *receipts = NULL;

    (void)stage_bundle(&fixture->stage, plan, yes_of, 3);
    assert_well(log, vestry_govern(log, fixture->stage.payload.data, fixture->stage.payload.len,
                                   &receipts));
    vestry_receipts_free(receipts);
}

/* Append until the log is in that epoch. */
static void pass(struct vestry *log, uint64_t epoch)
{
    for (int i = 0; i < 200 && head_epoch(log) < epoch; i++) {
        (void)append(log, "on the way");
        (void)usleep(100000);
    }
    assert_int_equal(head_epoch(log), epoch);
}

static void clients_follow_the_log_through_epochs(void **state)
{
    static struct gov_plan plan;
    static const char *const parts[] = {"r2 new", "r2 new cosign", "r2 new transport"};
    struct fixture *fixture = *state;
    struct live_host *host = &fixture->live->hosts[2];
    struct vestry *log = open_client(fixture, fixture->state);
    const uint64_t first = append(log, "in the charter's epoch");
    char *text = NULL;
    size_t len = 0;

    assert_int_equal(head_epoch(log), 0);
    maker_plan_renew(&fixture->maker, &plan);
    govern(fixture, log, &plan);
    pass(log, 1);

    /* The host of r2 is given its new keys before the members decide on them. */
    for (int i = 0; i < 3; i++) {
        gov_seed(parts[i], host->next_seeds[i]);
    }
    host->has_next = true;
    live_stop(fixture->live, 2);
    live_start(fixture->live, 2);
    maker_plan_rotate(&fixture->maker, &plan, 2, "r2 new");
    govern(fixture, log, &plan);
    pass(log, 2);
    /* As its process does: it opens itself anew with the keys that count now. */
    live_stop(fixture->live, 2);
    live_start(fixture->live, 2);
    (void)append(log, "with new keys");
    vestry_close(log);

    /* Without any other but r0, r1 and r2: its new keys count. */
    live_stop(fixture->live, 3);
    log = open_client(fixture, fixture->state);
    (void)append(log, "after a restart");
    assert_int_equal(head_epoch(log), 2);
    assert_well(log, vestry_receipt(log, first, &text, &len));
    vestry_free(text);
    vestry_close(log);

    log = open_client(fixture, NULL);
    assert_int_equal(head_epoch(log), 2);
    void *bundle = NULL;
    assert_well(log, vestry_config(log, 0, &bundle, &len));
    vestry_free(bundle);
    vestry_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clients_follow_the_log_through_epochs, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
