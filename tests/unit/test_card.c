/* Cards: what the owner of a key signs so that it can be registered. */
#include "crypto/schema.h"
#include "tests/support/keys_fixture.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct problem problem;
static const uint8_t nonce[HASH_BYTES] = {7};

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

static void any_changed_byte_of_a_card_is_noticed(void **state)
{
    struct ceremony *ceremony = *state;
    const size_t which[] = {0, CEREMONY_MEMBERS, CEREMONY_MEMBERS + CEREMONY_RECOVERY,
                            CEREMONY_CARDS - 2};

    for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++) {
        const struct card_checked *card = &ceremony->cards[which[i]];
        uint8_t *bytes = ceremony->bytes[which[i]];
        const size_t len = (size_t)(card->row_bytes.data + card->row_bytes.len - bytes);
        const size_t row = (size_t)(card->row_bytes.data - bytes);
        struct card_checked out;

        for (size_t at = 0; at < row; at++) {
            bytes[at] ^= 1;
            assert_int_equal(card_check("card", bytes_make(bytes, len), &out, &problem),
                             STATUS_CORRUPT);
            bytes[at] ^= 1;
        }
        assert_int_equal(card_check("card", bytes_make(bytes, len), &out, &problem), STATUS_OK);
        assert_int_equal(card_check("card", bytes_make(bytes, len - 1), &out, &problem),
                         STATUS_CORRUPT);
    }
}

/* A card_file with the proof of one card and the row of another. */
static enum status check_mixed(const uint8_t *proof_bytes, size_t proof_len, struct bytes row)
{
    struct card_file file;
    uint8_t raw[CARD_OBJECT_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));
    struct card_checked checked;

    assert_int_equal(card_file_decode(bytes_make(proof_bytes, proof_len), &file), WIRE_OK);
    file.row = row;
    assert_true(card_file_encode(&file, &out));
    return card_check("card", buffer_bytes(&out), &checked, &problem);
}

static void a_card_does_not_register_the_row_of_another(void **state)
{
    struct ceremony *ceremony = *state;

    for (size_t i = 0; i < ceremony->count; i++) {
        const struct bytes own = ceremony->cards[i].row_bytes;
        const size_t len = (size_t)(own.data + own.len - ceremony->bytes[i]);

        for (size_t j = 0; j < ceremony->count; j++) {
            const enum status status =
                check_mixed(ceremony->bytes[i], len, ceremony->cards[j].row_bytes);

            assert_int_equal(status, i == j ? STATUS_OK : STATUS_CORRUPT);
        }
    }
}

/* The proof of `which` with that many signatures; those beyond its own are of another card. */
static enum status check_sigs(struct ceremony *ceremony, size_t which, uint32_t count)
{
    const struct bytes row = ceremony->cards[which].row_bytes;
    const size_t len = (size_t)(row.data + row.len - ceremony->bytes[which]);
    struct card_file file;
    struct card_checked checked;
    uint8_t sig_raw[ISSUER_KEYS_MAX * (SIG_BYTES + 2)];
    struct buffer sigs = buffer_make(sig_raw, sizeof(sig_raw));
    uint8_t raw[CARD_OBJECT_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));

    assert_int_equal(card_file_decode(bytes_make(ceremony->bytes[which], len), &file), WIRE_OK);
    for (uint32_t i = 0; i < count; i++) {
        const bool own = i < ceremony->cards[which].key_count;
        struct item_sig sig;

        memcpy(sig.value, own ? ceremony->cards[which].sigs[i] : ceremony->cards[0].sigs[0],
               SIG_BYTES);
        assert_true(item_sig_encode(&sig, &sigs));
    }
    file.proof.sigs = (struct wire_list){buffer_bytes(&sigs), count};
    assert_true(card_file_encode(&file, &out));
    return card_check("card", buffer_bytes(&out), &checked, &problem);
}

static void a_card_is_signed_by_each_of_its_keys_and_nobody_else(void **state)
{
    const size_t replica = CEREMONY_MEMBERS + CEREMONY_RECOVERY;

    assert_int_equal(check_sigs(*state, replica, 3), STATUS_OK);
    assert_int_equal(check_sigs(*state, replica, 2), STATUS_CORRUPT);
    assert_int_equal(check_sigs(*state, replica, 4), STATUS_CORRUPT);
}

/* A key with a part of small order: a signature by it can verify, and its card still be none. */
static void a_key_outside_the_main_subgroup_is_refused_though_it_signs(void **state)
{
    uint8_t order_two[PUBLIC_KEY_BYTES];
    uint8_t a[32] = {3};
    uint8_t r[32] = {5};
    uint8_t pk[PUBLIC_KEY_BYTES];
    struct card card = {.role = ROLE_WITNESS, .subject = bytes_of_text("w1")};
    struct key_row row = {.id = card.subject, .name = bytes_of_text("Witness")};
    struct item_hash key;
    struct item_sig sig;
    uint8_t raw[5][512];
    struct buffer out[5];
    struct card_checked checked;
    static const uint8_t no_cluster[HASH_BYTES];

    (void)state;
    memset(order_two, 0xFF, sizeof(order_two));
    order_two[0] = 0xEC;
    order_two[31] = 0x7F;
    assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(pk, a), 0);
    assert_int_equal(crypto_core_ed25519_add(pk, pk, order_two), 0);
    memcpy(key.value, pk, sizeof(pk));
    memcpy(row.pk, pk, sizeof(pk));
    for (size_t i = 0; i < 5; i++) {
        out[i] = buffer_make(raw[i], sizeof(raw[i]));
    }
    assert_true(item_hash_encode(&key, &out[0]));
    card.keys = (struct wire_list){buffer_bytes(&out[0]), 1};
    assert_true(card_encode(&card, &out[1]));
    do {
        uint8_t statement[STATEMENT_BYTES];
        uint8_t h64[64];
        uint8_t h[32];
        crypto_hash_sha512_state hash;

        /* S = r + h a with R = r B; where h is even the part of order two drops out. */
        r[0]++;
        assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(sig.value, r), 0);
        statement_make(TAG_POSSESSION, no_cluster, buffer_bytes(&out[1]), statement);
        crypto_hash_sha512_init(&hash);
        crypto_hash_sha512_update(&hash, sig.value, 32);
        crypto_hash_sha512_update(&hash, pk, 32);
        crypto_hash_sha512_update(&hash, statement, sizeof(statement));
        crypto_hash_sha512_final(&hash, h64);
        crypto_core_ed25519_scalar_reduce(h, h64);
        crypto_core_ed25519_scalar_mul(h, h, a);
        crypto_core_ed25519_scalar_add(sig.value + 32, h, r);
    } while (!verify_body(&sig_ed25519, pk, TAG_POSSESSION, no_cluster, buffer_bytes(&out[1]),
                          sig.value));
    assert_true(item_sig_encode(&sig, &out[2]));
    assert_true(key_row_encode(&row, &out[3]));
    const struct card_file file = {
        .proof = {buffer_bytes(&out[1]), {buffer_bytes(&out[2]), 1}},
        .row = buffer_bytes(&out[3]),
    };
    assert_true(card_file_encode(&file, &out[4]));
    assert_int_equal(card_check("card", buffer_bytes(&out[4]), &checked, &problem), STATUS_CORRUPT);
    assert_non_null(strstr(problem.what, "or is no key"));
}

static void a_replicas_card_must_carry_its_number_as_its_name(void **state)
{
    struct secret_key keys[REPLICA_CARD_KEYS];
    const struct secret_key *const list[] = {&keys[0], &keys[1], &keys[2]};
    const struct card_details details = {.rid = 1,
                                         .operator_name = "o",
                                         .provider = "p",
                                         .region = "r",
                                         .system = "s",
                                         .build = "b"};
    uint8_t raw[CARD_OBJECT_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));
    struct card_checked checked;

    (void)state;
    for (size_t i = 0; i < REPLICA_CARD_KEYS; i++) {
        assert_int_equal(secret_key_new(&keys[i], ROLE_REPLICA + i, "r2", &problem), STATUS_OK);
    }
    assert_int_equal(card_make(list, REPLICA_CARD_KEYS, nonce, &details, &out, &problem),
                     STATUS_OK);
    assert_int_equal(card_check("card", buffer_bytes(&out), &checked, &problem), STATUS_CORRUPT);
    for (size_t i = 0; i < REPLICA_CARD_KEYS; i++) {
        secret_key_close(&keys[i]);
    }
}

static void a_card_with_text_that_is_not_printable_is_not_made(void **state)
{
    struct secret_key key;
    const struct secret_key *const list[] = {&key};
    const char *const names[] = {"", "a\nb", "\x1b[31m", "\xff"};
    uint8_t raw[CARD_OBJECT_MAX];

    (void)state;
    assert_int_equal(secret_key_new(&key, ROLE_HOLDER, "c1", &problem), STATUS_OK);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct card_details details = {.name = names[i]};
        struct buffer out = buffer_make(raw, sizeof(raw));

        assert_int_equal(card_make(list, 1, nonce, &details, &out, &problem), STATUS_INVALID);
    }
    secret_key_close(&key);
}

#define TEST(body) cmocka_unit_test_setup_teardown(body, open_ceremony, close_ceremony)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(any_changed_byte_of_a_card_is_noticed),
        TEST(a_card_does_not_register_the_row_of_another),
        TEST(a_card_is_signed_by_each_of_its_keys_and_nobody_else),
        cmocka_unit_test(a_key_outside_the_main_subgroup_is_refused_though_it_signs),
        cmocka_unit_test(a_replicas_card_must_carry_its_number_as_its_name),
        cmocka_unit_test(a_card_with_text_that_is_not_printable_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
