/* Whose lines count in a note: what a keyring may hold, and what its replicas are called. */
#include "crypto/hash.h"
#include "crypto/note.h"
#include "tests/support/note_fixture.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct note_fixture fixture;
static uint8_t memory[NOTE_BYTES_MAX];
static struct buffer note;

static int set_up(void **state)
{
    (void)state;
    note_fixture_init(&fixture, &sig_fast);
    note = buffer_make(memory, sizeof(memory));
    return 0;
}

static enum note_result check(size_t keys, struct note_verdict *verdict)
{
    return note_check(fixture.scheme, buffer_bytes(&note), &fixture.checkpoint.origin,
                      note_fixture_keyring(&fixture, keys), verdict);
}

static void a_keyring_that_counts_someone_twice_is_refused(void **state)
{
    struct note_verdict verdict;
    struct note_key good[FIXTURE_REPLICAS];

    (void)state;
    note_fixture_note(&fixture, 4, &note);
    memcpy(good, fixture.keys, sizeof(good));
    for (size_t fault = 0; fault < 7; fault++) {
        memcpy(fixture.keys, good, sizeof(good));
        struct note_key *a = &fixture.keys[1];
        struct note_key *b = &fixture.keys[3];

        switch (fault) {
        case 0:
            b->rid = a->rid;
            break;
        case 1:
            memcpy(b->sign_key, a->sign_key, PUBLIC_KEY_BYTES);
            break;
        case 2:
            memcpy(b->cosign_key, a->cosign_key, PUBLIC_KEY_BYTES);
            break;
        case 3:
            memcpy(b->sign_key, a->cosign_key, PUBLIC_KEY_BYTES);
            break;
        case 4:
            memcpy(b->cosign_key, b->sign_key, PUBLIC_KEY_BYTES);
            break;
        case 5:
            memcpy(b->cosign_key, a->sign_key, PUBLIC_KEY_BYTES);
            break;
        default:
            b->rid = REPLICA_ID_MAX + 1;
            break;
        }
        assert_int_equal(check(4, &verdict), NOTE_BAD_KEYS);
        assert_false(note_keyring_is_valid(note_fixture_keyring(&fixture, 4),
                                           origin_bytes(&fixture.checkpoint.origin)));
    }
    memcpy(fixture.keys, good, sizeof(good));
    assert_int_equal(check(4, &verdict), NOTE_OK);
}

static void a_keyring_has_at_most_as_many_keys_as_there_can_be_replicas(void **state)
{
    struct note_key keys[REPLICAS_MAX + 1] = {0};
    const struct bytes origin = origin_bytes(&fixture.checkpoint.origin);

    (void)state;
    for (uint32_t i = 0; i <= REPLICAS_MAX; i++) {
        keys[i].rid = i % REPLICAS_MAX;
        keys[i].sign_key[0] = (uint8_t)(i + 1);
        keys[i].cosign_key[0] = (uint8_t)(i + 101);
    }
    assert_true(note_keyring_is_valid((struct note_keyring){keys, REPLICAS_MAX}, origin));
    assert_false(note_keyring_is_valid((struct note_keyring){keys, REPLICAS_MAX + 1}, origin));
}

static void a_keyring_is_of_a_log_whose_origin_is_not_too_long(void **state)
{
    uint8_t origin[ORIGIN_BYTES_MAX + 1];

    (void)state;
    memset(origin, 'a', sizeof(origin));
    assert_true(note_keyring_is_valid(note_fixture_keyring(&fixture, 4),
                                      bytes_make(origin, ORIGIN_BYTES_MAX)));
    assert_false(note_keyring_is_valid(note_fixture_keyring(&fixture, 4), BYTES_OF_ARRAY(origin)));
}

/* Two sign keys with one key id, found by trying: one would shadow the other. */
static void sign_keys_with_one_key_id_are_refused(void **state)
{
    enum {
        TRIED = 200000
    };
    static struct {
        uint8_t id[NOTE_KEY_ID_BYTES];
        uint32_t n;
    } slots[1u << 20];
    const struct bytes origin = origin_bytes(&fixture.checkpoint.origin);
    bool found = false;

    (void)state;
    memset(slots, 0, sizeof(slots));
    for (uint32_t n = 1; n <= TRIED && !found; n++) {
        uint8_t key[PUBLIC_KEY_BYTES] = {0xEE};
        uint8_t id[NOTE_KEY_ID_BYTES];

        memcpy(key + 4, &n, sizeof(n));
        note_key_id(origin, NOTE_SIGN, key, id);
        const size_t slot = bytes_get_u32be(id) >> 12;

        if (slots[slot].n != 0 && memcmp(slots[slot].id, id, sizeof(id)) == 0) {
            memcpy(fixture.keys[0].sign_key, key, sizeof(key));
            memcpy(key + 4, &slots[slot].n, sizeof(n));
            memcpy(fixture.keys[2].sign_key, key, sizeof(key));
            found = true;
        }
        memcpy(slots[slot].id, id, sizeof(id));
        slots[slot].n = n;
    }
    assert_true(found);
    assert_false(note_keyring_is_valid(note_fixture_keyring(&fixture, 4), origin));
    assert_true(note_keyring_is_valid(note_fixture_keyring(&fixture, 2), origin));
}

/* No id is used again, so a cluster that replaces its replicas comes to any number. */
static void replicas_with_large_ids_are_counted(void **state)
{
    static const uint32_t rids[] = {27, 28, 64, REPLICA_ID_MAX};
    struct note_verdict verdict;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        fixture.keys[i].rid = rids[i];
    }
    checkpoint_text(&fixture.checkpoint, &note);
    buffer_put_u8(&note, '\n');
    for (size_t i = 0; i < 4; i++) {
        const struct note_key *key = &fixture.keys[i];
        uint8_t sig[SIG_BYTES];

        checkpoint_sign(fixture.scheme, &fixture.checkpoint, NOTE_COSIGN, fixture.cosign_seeds[i],
                        key->cosign_key, sig);
        note_line_put(&note, &fixture.checkpoint, NOTE_COSIGN, key->rid, key->cosign_key, sig);
    }
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.cosigned_by, 0xF);
    fixture.keys[1].rid = 29;
    assert_int_equal(check(4, &verdict), NOTE_OK);
    assert_int_equal(verdict.cosigned_by, 0xD);
}

static void a_name_of_a_replica_has_one_form(void **state)
{
    static const char *const bad[] = {
        "",    "r",   "7",    "R7",          "r07",         "r00",
        "r-1", "r 1", "r1 ",  "r4294967295", "r4294967296", "r18446744073709551623",
        "r1x", "q1",  "rr12",
    };
    static const uint32_t rids[] = {0, 7, 10, 27, 28, 99, 4294967294};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t rid = 77;

        assert_false(replica_name_parse(bytes_of_text(bad[i]), &rid));
        assert_int_equal(rid, 77);
    }
    for (size_t i = 0; i < sizeof(rids) / sizeof(rids[0]); i++) {
        uint8_t raw[REPLICA_NAME_MAX];
        char expected[16];
        struct buffer name = buffer_make(raw, sizeof(raw));
        uint32_t rid = 77;

        replica_name_put(&name, rids[i]);
        assert_in_range(snprintf(expected, sizeof(expected), "r%u", (unsigned)rids[i]), 2, 11);
        assert_true(bytes_equal(buffer_bytes(&name), bytes_of_text(expected)));
        assert_true(replica_name_parse(buffer_bytes(&name), &rid));
        assert_int_equal(rid, rids[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_keyring_that_counts_someone_twice_is_refused, set_up),
        cmocka_unit_test_setup(a_keyring_has_at_most_as_many_keys_as_there_can_be_replicas, set_up),
        cmocka_unit_test_setup(a_keyring_is_of_a_log_whose_origin_is_not_too_long, set_up),
        cmocka_unit_test_setup(sign_keys_with_one_key_id_are_refused, set_up),
        cmocka_unit_test_setup(replicas_with_large_ids_are_counted, set_up),
        cmocka_unit_test_setup(a_name_of_a_replica_has_one_form, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
