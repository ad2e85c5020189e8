/* Drafts, signatures, sealed charters, and the development cluster. */
#include "crypto/policy.h"
#include "crypto/schema.h"
#include "keys/replica_keys.h"
#include "keys/token.h"
#include "keys/words/token_words.h"
#include "tests/support/keys_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct problem problem;

static int open_ceremony(void **state)
{
    *state = ceremony_open();
    return 0;
}

static int close_ceremony(void **state)
{
    ceremony_close(*state);
    return 0;
}

/* --- Draft ----------------------------------------------------------------------------------- */

static void suggested_thresholds_hold_every_rule(void **state)
{
    struct ceremony *ceremony = *state;

    assert_int_equal(ceremony->plan.thresholds.root, 4);
    assert_int_equal(ceremony->plan.thresholds.ops, 3);
    assert_int_equal(ceremony->plan.thresholds.emergency, 2);
    assert_int_equal(ceremony->plan.thresholds.recovery, 2);
    assert_int_equal(ceremony->plan.f, 1);
    ceremony_draft(ceremony);
}

static void the_order_of_the_cards_does_not_matter(void **state)
{
    struct ceremony *ceremony = *state;
    uint8_t first[HASH_BYTES];

    ceremony_draft(ceremony);
    memcpy(first, ceremony->view.cluster_id, HASH_BYTES);
    for (size_t i = 0; i < ceremony->count / 2; i++) {
        const struct card_checked card = ceremony->cards[i];

        ceremony->cards[i] = ceremony->cards[ceremony->count - 1 - i];
        ceremony->cards[ceremony->count - 1 - i] = card;
    }
    ceremony_draft(ceremony);
    assert_memory_equal(first, ceremony->view.cluster_id, HASH_BYTES);
}

static void a_card_of_another_ceremony_is_refused(void **state)
{
    struct ceremony *ceremony = *state;
    struct buffer out = buffer_make(ceremony->draft_raw, sizeof(ceremony->draft_raw));

    ceremony->plan.salt[31] ^= 1;
    assert_int_equal(
        genesis_draft(&ceremony->plan, ceremony->cards, ceremony->count, &out, &problem),
        STATUS_MISMATCH);
    assert_non_null(strstr(problem.what, "another ceremony"));
}

/* Draft and check, expecting this rule to be the first that does not hold. */
static void assert_rule(struct ceremony *ceremony, enum charter_rule rule)
{
    struct buffer out = buffer_make(ceremony->draft_raw, sizeof(ceremony->draft_raw));
    uint32_t held = 0;

    assert_int_equal(
        genesis_draft(&ceremony->plan, ceremony->cards, ceremony->count, &out, &problem),
        STATUS_OK);
    assert_int_equal(
        genesis_draft_check("draft", buffer_bytes(&out), &ceremony->view, &held, &problem),
        STATUS_INVALID);
    assert_true(held < CHARTER_RULE_COUNT);
    assert_non_null(strstr(problem.what, charter_rule_text(rule)));
    assert_string_equal(problem.todo, charter_rule_advice(rule));
}

static void a_plan_that_breaks_a_rule_is_told_which(void **state)
{
    struct ceremony *ceremony = *state;
    const struct genesis_plan good = ceremony->plan;
    struct genesis_plan *plan = &ceremony->plan;

    plan->profile = PROFILE_DEVELOPMENT;
    assert_rule(ceremony, RULE_PROFILE);
    *plan = good;
    plan->name = "dev.example";
    assert_rule(ceremony, RULE_PROFILE);
    *plan = good;
    plan->date_ms = 0;
    assert_rule(ceremony, RULE_SALT);
    *plan = good;
    plan->f = 2;
    assert_rule(ceremony, RULE_FAULTS);
    *plan = good;
    plan->f = 0;
    assert_rule(ceremony, RULE_FAULTS);
    *plan = good;
    plan->thresholds.ops = 2;
    assert_rule(ceremony, RULE_OPS);
    *plan = good;
    plan->thresholds.root = 2;
    assert_rule(ceremony, RULE_OPS_ROOT);
    *plan = good;
    plan->thresholds.root = 5;
    assert_rule(ceremony, RULE_ROOT);
    *plan = good;
    plan->thresholds.emergency = 1;
    assert_rule(ceremony, RULE_EMERGENCY);
    *plan = good;
    plan->thresholds.emergency = 4;
    assert_rule(ceremony, RULE_EMERGENCY);
    *plan = good;
    plan->thresholds.recovery = 1;
    assert_rule(ceremony, RULE_RECOVERY);
    *plan = good;
    plan->thresholds.recovery = 4;
    assert_rule(ceremony, RULE_RECOVERY);
    *plan = good;
    plan->params[PARAM_WINDOW] = 128;
    assert_rule(ceremony, RULE_PARAMS);
    *plan = good;
    plan->params[PARAM_LOCK_ROOT] = 1;
    assert_rule(ceremony, RULE_PARAMS);
}

/* One more card of a person, with the key given or a new one. */
static void add_card(struct ceremony *ceremony, uint64_t role, const char *id, const char *name,
                     const struct secret_key *like)
{
    struct secret_key key;
    const struct secret_key *const list[] = {&key};
    uint8_t raw[8];
    struct buffer prefixes = buffer_make(raw, sizeof(raw));
    struct scope scope = card_usual_scope(&prefixes);
    const struct card_details details = {.name = name, .scope = &scope};

    scope.depth = like == NULL && role == ROLE_ISSUER ? 0 : scope.depth;
    assert_int_equal(secret_key_new(&key, role, id, &problem), STATUS_OK);
    if (like != NULL) {
        memcpy(key.seed.data, like->seed.data, SEED_BYTES);
        memcpy(key.public_key, like->public_key, PUBLIC_KEY_BYTES);
    }
    ceremony_card(ceremony, list, 1, &details);
    secret_key_close(&key);
}

static void an_id_used_twice_is_told(void **state)
{
    add_card(*state, ROLE_WITNESS, "m2", "Nobody", NULL);
    assert_rule(*state, RULE_IDS);
    assert_non_null(strstr(problem.what, "(m2)"));
}

static void a_name_used_twice_is_told(void **state)
{
    add_card(*state, ROLE_WITNESS, "w2", "Ada", NULL);
    assert_rule(*state, RULE_NAMES);
    assert_non_null(strstr(problem.what, "(Ada)"));
}

static void a_key_used_twice_is_told(void **state)
{
    struct ceremony *ceremony = *state;

    add_card(ceremony, ROLE_WITNESS, "w2", "Nobody", &ceremony->members[0]);
    assert_rule(ceremony, RULE_KEYS);
}

static void a_scope_that_allows_no_token_is_told(void **state)
{
    add_card(*state, ROLE_ISSUER, "i2", "Nobody", NULL);
    assert_rule(*state, RULE_SCOPES);
    assert_non_null(strstr(problem.what, "(i2)"));
}

static void a_next_key_that_is_the_present_one_is_told(void **state)
{
    struct ceremony *ceremony = *state;
    struct secret_key key;
    const struct secret_key *const list[] = {&key};
    const struct card_details details = {.name = "Fay", .next_key = key.public_key};

    assert_int_equal(secret_key_new(&key, ROLE_MEMBER, "m6", &problem), STATUS_OK);
    ceremony_card(ceremony, list, 1, &details);
    secret_key_close(&key);
    ceremony->plan.thresholds.ops = 4;
    assert_rule(ceremony, RULE_NEXT_KEYS);
}

static void a_holders_card_does_not_belong_in_a_charter(void **state)
{
    struct ceremony *ceremony = *state;
    struct buffer out = buffer_make(ceremony->draft_raw, sizeof(ceremony->draft_raw));

    add_card(ceremony, ROLE_HOLDER, "c1", "Client", NULL);
    assert_int_equal(
        genesis_draft(&ceremony->plan, ceremony->cards, ceremony->count, &out, &problem),
        STATUS_INVALID);
    assert_non_null(strstr(problem.what, "holder"));
}

static void a_draft_with_a_changed_signature_of_a_card_is_refused(void **state)
{
    struct ceremony *ceremony = *state;
    uint32_t held = 0;

    ceremony_draft(ceremony);
    ceremony->draft_raw[ceremony->draft.len - 1] ^= 1;
    assert_int_equal(genesis_draft_check("draft", buffer_bytes(&ceremony->draft), &ceremony->view,
                                         &held, &problem),
                     STATUS_CORRUPT);
    assert_non_null(strstr(problem.what, "witness key of w1 has not signed its card"));
}

/* --- Signing and sealing --------------------------------------------------------------------- */

static void a_sealed_charter_verifies_and_any_changed_byte_of_it_does_not(void **state)
{
    struct ceremony *ceremony = *state;
    struct charter_check check;

    ceremony_seal(ceremony);
    for (size_t at = 0; at < ceremony->file.len; at += 3) {
        ceremony->file_raw[at] ^= 1;
        if (charter_file_verify(buffer_bytes(&ceremony->file), &sig_ed25519, &ceremony->view,
                                &check) == CHARTER_OK) {
            fail_msg("byte %zu can be changed", at);
        }
        ceremony->file_raw[at] ^= 1;
    }
}

static enum status seal(struct ceremony *ceremony, const struct genesis_signature *list,
                        size_t count)
{
    ceremony->file = buffer_make(ceremony->file_raw, sizeof(ceremony->file_raw));
    return genesis_seal(buffer_bytes(&ceremony->draft), list, count, &ceremony->file, &problem);
}

static void a_missing_signature_is_told_by_name(void **state)
{
    struct ceremony *ceremony = *state;
    struct genesis_signature list[CEREMONY_MEMBERS];

    ceremony_draft(ceremony);
    for (size_t i = 0; i < CEREMONY_MEMBERS; i++) {
        list[i] = ceremony_signature(ceremony, i);
    }
    list[2] = list[3];
    assert_int_equal(seal(ceremony, list, CEREMONY_MEMBERS), STATUS_NOT_FOUND);
    assert_non_null(strstr(problem.what, "member m3 is missing"));
}

static void a_signature_over_another_draft_is_told(void **state)
{
    struct ceremony *ceremony = *state;
    struct genesis_signature list[CEREMONY_MEMBERS];

    ceremony_draft(ceremony);
    list[1] = ceremony_signature(ceremony, 1);
    ceremony->plan.date_ms++;
    ceremony_draft(ceremony);
    for (size_t i = 0; i < CEREMONY_MEMBERS; i++) {
        list[i] = i == 1 ? list[1] : ceremony_signature(ceremony, i);
    }
    assert_int_equal(seal(ceremony, list, CEREMONY_MEMBERS), STATUS_CORRUPT);
    assert_non_null(strstr(problem.what, "member m2 is not over this draft"));
}

static void only_a_member_of_the_draft_signs_it(void **state)
{
    struct ceremony *ceremony = *state;
    struct secret_key stranger;
    uint8_t raw[1024];
    struct buffer text = buffer_make(raw, sizeof(raw));

    ceremony_draft(ceremony);
    assert_int_equal(secret_key_new(&stranger, ROLE_MEMBER, "m1", &problem), STATUS_OK);
    assert_int_equal(genesis_sign(&ceremony->view, &stranger, &text, &problem), STATUS_MISMATCH);
    secret_key_close(&stranger);
    assert_int_equal(genesis_sign(&ceremony->view, &ceremony->issuer, &text, &problem),
                     STATUS_MISMATCH);
    assert_int_equal(text.len, 0);
}

static void a_plain_key_does_not_sign_a_production_charter(void **state)
{
    struct ceremony *ceremony = *state;
    uint8_t raw[1024];
    struct buffer text = buffer_make(raw, sizeof(raw));

    ceremony_draft(ceremony);
    ceremony->members[0].plain = true;
    assert_int_equal(genesis_sign(&ceremony->view, &ceremony->members[0], &text, &problem),
                     STATUS_REFUSED);
}

static void the_policy_of_a_charter_has_its_keys_and_its_quorum(void **state)
{
    struct ceremony *ceremony = *state;
    uint8_t raw[POLICY_BYTES_MAX];
    struct buffer text = buffer_make(raw, sizeof(raw));
    struct policy policy;
    uint32_t line = 0;

    ceremony_seal(ceremony);
    genesis_policy(&ceremony->view, &text);
    assert_int_equal(policy_parse(buffer_bytes(&text), &policy, &line), POLICY_OK);
    assert_int_equal(policy.quorum, 3);
    assert_int_equal(policy.count, CEREMONY_REPLICAS);
    for (size_t i = 0; i < policy.count; i++) {
        assert_memory_equal(policy.keys[i].cosign_key, ceremony->view.replicas[i].row.cosign_pk,
                            PUBLIC_KEY_BYTES);
    }
}

/* --- Development ----------------------------------------------------------------------------- */

static enum status develop(const char *folder, const char *name, uint32_t replicas, uint16_t port)
{
    const struct genesis_development_options options = {
        .name = name, .replicas = replicas, .base_port = port};
    uint8_t cluster_id[HASH_BYTES];

    return genesis_development(folder, &options, cluster_id, &problem);
}

static void a_development_cluster_is_whole(void **state)
{
    char folder[FILE_PATH_MAX];
    static uint8_t raw[CHARTER_FILE_MAX];
    static struct charter_view view;
    struct buffer backing = buffer_make(raw, sizeof(raw));
    uint8_t token_raw[TOKEN_BYTES_MAX];
    struct buffer token = buffer_make(token_raw, sizeof(token_raw));
    struct token_view token_view;
    struct token_verdict verdict;
    struct secret_key client;
    const struct key_expected holder = {.role = ROLE_HOLDER, .subject = "client"};

    (void)state;
    keys_folder_make(folder);
    assert_int_equal(develop(folder, NULL, 7, 7100), STATUS_OK);
    assert_int_equal(
        genesis_charter_read(keys_path(folder, CHARTER_NAME), &backing, &view, &problem),
        STATUS_OK);
    assert_int_equal(view.charter.profile, PROFILE_DEVELOPMENT);
    assert_int_equal(view.charter.f, 2);
    assert_int_equal(view.member_count, 3);
    for (uint32_t i = 0; i < view.replica_count; i++) {
        struct replica_public_keys expected;
        struct replica_keys keys;
        char name[32];

        memcpy(expected.sign, view.replicas[i].row.sign_pk, PUBLIC_KEY_BYTES);
        memcpy(expected.cosign, view.replicas[i].row.cosign_pk, PUBLIC_KEY_BYTES);
        memcpy(expected.transport, view.replicas[i].row.transport_pk, PUBLIC_KEY_BYTES);
        snprintf(name, sizeof(name), "r%u/r%u.key", i, i);
        assert_int_equal(replica_keys_load(keys_path(folder, name), i, &expected, &keys, &problem),
                         STATUS_OK);
        replica_keys_close(&keys);
    }
    assert_int_equal(
        keyfile_load(keys_path(folder, "client.key"), &holder, NULL, &client, &problem), STATUS_OK);
    assert_int_equal(token_file_read(keys_path(folder, "client.token"), &token, &problem),
                     STATUS_OK);
    assert_int_equal(token_parse(buffer_bytes(&token), view.cluster_id, &token_view), RESULT_OK);
    assert_int_equal(token_check(&view, &token_view, &sig_ed25519, 1, &verdict), RESULT_OK);
    assert_memory_equal(token_view.blocks[0].holder, client.public_key, PUBLIC_KEY_BYTES);
    assert_int_equal(token_view.blocks[0].limits.ops, OP_APPEND | OP_READ | OP_GOVERN);
    assert_int_equal(token_view.blocks[0].limits.quota_bytes, U64_UNLIMITED);
    secret_key_close(&client);
    assert_int_equal(develop(folder, NULL, 4, 7100), STATUS_EXISTS);
    keys_folder_remove(folder);
}

static void a_development_cluster_keeps_the_rules(void **state)
{
    char folder[FILE_PATH_MAX];

    (void)state;
    keys_folder_make(folder);
    const char *path = keys_path(folder, "dev");
    assert_int_equal(develop(path, NULL, 3, 7100), STATUS_INVALID);
    assert_int_equal(develop(path, NULL, REPLICAS_MAX + 1, 7100), STATUS_INVALID);
    assert_int_equal(develop(path, NULL, 4, 65533), STATUS_INVALID);
    assert_int_equal(develop(path, NULL, 4, 0), STATUS_INVALID);
    assert_int_equal(develop(path, "acme.example/ledger", 4, 7100), STATUS_INVALID);
    assert_non_null(strstr(problem.what, charter_rule_text(RULE_PROFILE)));
    keys_folder_remove(path);
    assert_int_equal(file_folder(path, 0700, &problem), STATUS_OK);
    assert_int_equal(file_create(keys_path(path, "mine"), 0600, bytes_of_text("x"), &problem),
                     STATUS_OK);
    assert_int_equal(develop(path, NULL, 4, 7100), STATUS_EXISTS);
    assert_int_equal(access(keys_path(path, "keys"), F_OK), -1);
    keys_folder_remove(path);
    assert_int_equal(develop(path, NULL, REPLICAS_MAX, 7100), STATUS_OK);
    keys_folder_remove(folder);
}

#define TEST(body) cmocka_unit_test_setup_teardown(body, open_ceremony, close_ceremony)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(suggested_thresholds_hold_every_rule),
        TEST(the_order_of_the_cards_does_not_matter),
        TEST(a_card_of_another_ceremony_is_refused),
        TEST(a_plan_that_breaks_a_rule_is_told_which),
        TEST(an_id_used_twice_is_told),
        TEST(a_name_used_twice_is_told),
        TEST(a_key_used_twice_is_told),
        TEST(a_scope_that_allows_no_token_is_told),
        TEST(a_next_key_that_is_the_present_one_is_told),
        TEST(a_holders_card_does_not_belong_in_a_charter),
        TEST(a_draft_with_a_changed_signature_of_a_card_is_refused),
        TEST(a_sealed_charter_verifies_and_any_changed_byte_of_it_does_not),
        TEST(a_missing_signature_is_told_by_name),
        TEST(a_signature_over_another_draft_is_told),
        TEST(only_a_member_of_the_draft_signs_it),
        TEST(a_plain_key_does_not_sign_a_production_charter),
        TEST(the_policy_of_a_charter_has_its_keys_and_its_quorum),
        cmocka_unit_test(a_development_cluster_is_whole),
        cmocka_unit_test(a_development_cluster_keeps_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
