/* Parcels: what is made is what the log accepts, and what is read back is the same. */
#include "client/parcel.h"
#include "client/receipts.h"
#include "crypto/hash.h"
#include "governance/item.h"
#include "tests/support/fake_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct fake fake; /* for its key, token and cluster id */
static uint64_t counter;

static int open_fake(void **state)
{
    (void)state;
    fake_open(&fake);
    return 0;
}

static int close_fake(void **state)
{
    (void)state;
    fake_close(&fake);
    return 0;
}

static void entropy(void *context, uint8_t *out, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(counter++ * 7);
    }
}

static struct parcel_plan plan(void)
{
    return (struct parcel_plan){fake.cluster_id, &fake.key, fake.token, 42, 99000};
}

static struct parcel_entry entry(const char *stream, const char *payload)
{
    return (struct parcel_entry){bytes_of_text(stream), bytes_of_text(payload), U64_UNLIMITED};
}

static enum status make(const struct parcel_entry *entries, size_t count, struct parcel *out)
{
    const struct parcel_plan how = plan();

    return parcel_make(&how, entries, count, entropy, NULL, out);
}

static void a_parcel_is_a_request_that_the_log_can_judge(void **state)
{
    (void)state;
    static struct item_view view;
    struct item_signature signatures[ITEM_SIGNATURES_MAX];
    const struct parcel_entry entries[] = {entry("a/b", "one"), entry("c", "")};
    struct parcel parcel;

    assert_int_equal(make(entries, 2, &parcel), STATUS_OK);
    assert_int_equal(item_parse_bytes(parcel.item, fake.cluster_id, &view), RESULT_OK);
    assert_int_equal(view.request.request_no, 42);
    assert_int_equal(view.request.not_after_ms, 99000);
    assert_int_equal(view.request.audience, 0);
    assert_int_equal(view.count, 2);
    assert_memory_equal(view.request_id, parcel.request_id, HASH_BYTES);
    assert_memory_equal(view.author_key, fake.key.public_key, PUBLIC_KEY_BYTES);
    assert_int_equal(item_signatures(&view, signatures), 1);
    assert_true(sig_ed25519.verify(signatures[0].public_key,
                                   BYTES_OF_ARRAY(signatures[0].statement), signatures[0].sig));
    parcel_close(&parcel);
}

static void a_parcel_read_back_is_the_same(void **state)
{
    (void)state;
    const struct parcel_entry entries[] = {entry("a", "one"), entry("b", "two"), entry("a", "")};
    struct parcel parcel;
    struct parcel again;

    assert_int_equal(make(entries, 3, &parcel), STATUS_OK);
    uint8_t *copy = malloc(parcel.frame_len);
    assert_non_null(copy);
    memcpy(copy, parcel.frame, parcel.frame_len);
    assert_int_equal(parcel_parse(copy, parcel.frame_len, fake.cluster_id, &again), STATUS_OK);
    assert_memory_equal(again.request_id, parcel.request_id, HASH_BYTES);
    assert_int_equal(again.request_no, 42);
    assert_int_equal(again.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        const struct parcel_piece *piece = &again.pieces[i];
        const struct bytes parts[] = {bytes_make(piece->salt, SALT_BYTES), piece->payload};
        uint8_t hash[HASH_BYTES];

        assert_true(bytes_equal(piece->stream, entries[i].stream));
        assert_true(bytes_equal(piece->payload, entries[i].payload));
        hash_parts(parts, 2, hash);
        assert_memory_equal(piece->payload_hash, hash, HASH_BYTES);
    }
    parcel_close(&parcel);
    parcel_close(&again);
}

static void every_entry_has_a_salt_of_its_own(void **state)
{
    (void)state;
    const struct parcel_entry entries[] = {entry("a", "same"), entry("a", "same")};
    struct parcel parcel;

    assert_int_equal(make(entries, 2, &parcel), STATUS_OK);
    assert_memory_not_equal(parcel.pieces[0].salt, parcel.pieces[1].salt, SALT_BYTES);
    assert_memory_not_equal(parcel.pieces[0].payload_hash, parcel.pieces[1].payload_hash,
                            HASH_BYTES);
    parcel_close(&parcel);
}

static void every_truncation_and_flipped_bit_of_a_kept_frame_is_seen_or_harmless(void **state)
{
    (void)state;
    const struct parcel_entry entries[] = {entry("a", "one"), entry("b", "two")};
    struct parcel parcel;
    struct parcel again;

    assert_int_equal(make(entries, 2, &parcel), STATUS_OK);
    for (size_t len = 1; len < parcel.frame_len; len++) {
        uint8_t *copy = malloc(len);

        assert_non_null(copy);
        memcpy(copy, parcel.frame, len);
        assert_int_equal(parcel_parse(copy, len, fake.cluster_id, &again), STATUS_CORRUPT);
    }
    for (size_t bit = 0; bit < parcel.frame_len * 8; bit++) {
        uint8_t *copy = malloc(parcel.frame_len);

        assert_non_null(copy);
        memcpy(copy, parcel.frame, parcel.frame_len);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* The sanitizers watch; what still parses is another request, or is badly signed. */
        if (parcel_parse(copy, parcel.frame_len, fake.cluster_id, &again) == STATUS_OK) {
            parcel_close(&again);
        }
    }
    parcel_close(&parcel);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static uint8_t large[PAYLOAD_BYTES_MAX + 1];
    struct parcel parcel;
    struct parcel_entry one = entry("a", "x");
    struct parcel_entry many[3];

    assert_int_equal(make(&one, 0, &parcel), STATUS_INVALID);
    assert_int_equal(make(&one, STATEMENTS_MAX + 1, &parcel), STATUS_INVALID);
    one.stream = bytes_of_text("Not/A/Stream");
    assert_int_equal(make(&one, 1, &parcel), STATUS_INVALID);
    one = entry("a", "x");
    one.payload = bytes_make(large, PAYLOAD_BYTES_MAX + 1);
    assert_int_equal(make(&one, 1, &parcel), STATUS_INVALID);
    one.payload = bytes_make(large, PAYLOAD_BYTES_MAX);
    assert_int_equal(make(&one, 1, &parcel), STATUS_OK);
    parcel_close(&parcel);
    for (int i = 0; i < 3; i++) {
        many[i] = one;
    }
    assert_int_equal(make(many, 3, &parcel), STATUS_INVALID);
}

static void the_largest_append_that_is_promised_fits(void **state)
{
    (void)state;
    static uint8_t large[VESTRY_APPEND_MAX / VESTRY_ENTRIES_MAX];
    struct parcel_entry *entries = calloc(VESTRY_ENTRIES_MAX, sizeof(*entries));
    struct parcel parcel;

    assert_non_null(entries);
    for (size_t i = 0; i < VESTRY_ENTRIES_MAX; i++) {
        entries[i] =
            entry("s/2345678901234567890123456789012345678901234567890123456789012345", "");
        entries[i].stream.len = ID_BYTES_MAX;
        entries[i].payload = BYTES_OF_ARRAY(large);
    }
    assert_int_equal(make(entries, VESTRY_ENTRIES_MAX, &parcel), STATUS_OK);
    parcel_close(&parcel);
    free(entries);
}

static void a_statement_path_leads_to_the_root_that_was_signed(void **state)
{
    (void)state;
    struct parcel_entry entries[37];
    struct parcel parcel;
    struct request request;

    for (size_t i = 0; i < 37; i++) {
        entries[i] = entry("a", "x");
    }
    assert_int_equal(make(entries, 37, &parcel), STATUS_OK);
    assert_int_equal(request_decode(parcel.request, &request), WIRE_OK);
    for (uint32_t i = 0; i < 37; i++) {
        struct merkle_proof proof;
        uint8_t hash[HASH_BYTES];

        merkle_leaf_hash(parcel.pieces[i].statement, hash);
        assert_true(parcel_statement_path(&parcel, i, &proof));
        assert_true(
            merkle_inclusion_verify(i, 37, hash, merkle_proof_bytes(&proof), request.entries_root));
    }
    parcel_close(&parcel);
}

static void a_place_beyond_any_log_makes_no_leaf(void **state)
{
    (void)state;
    const struct parcel_entry one = entry("a", "x");
    const struct parcel_place place = {.author = fake.key.public_key,
                                       .first_index = UINT64_MAX - 5};
    struct parcel parcel;
    uint8_t memory[LEAF_BYTES_MAX];
    struct buffer leaf = buffer_make(memory, sizeof(memory));

    assert_int_equal(make(&one, 1, &parcel), STATUS_OK);
    parcel_leaf(&parcel, &place, 0, 0, &leaf);
    assert_true(leaf.full);
    parcel_close(&parcel);
}

static void what_officers_decided_is_alone_and_under_a_zero_salt(void **state)
{
    (void)state;
    static const uint8_t no_salt[SALT_BYTES];
    const struct parcel_entry mixed[] = {entry("a", "x"), entry("vestry/governance", "bundle")};
    const struct parcel_place place = {.author = fake.key.public_key};
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), bytes_of_text("bundle")};
    struct parcel parcel;
    struct request request;
    struct leaf leaf;
    uint8_t hash[HASH_BYTES];
    uint8_t memory[LEAF_BYTES_MAX];
    struct buffer bytes = buffer_make(memory, sizeof(memory));

    assert_int_equal(make(mixed, 2, &parcel), STATUS_INVALID);
    assert_int_equal(make(&mixed[0], 1, &parcel), STATUS_OK);
    assert_int_equal(parcel.op, OP_APPEND);
    parcel_close(&parcel);
    assert_int_equal(make(&mixed[1], 1, &parcel), STATUS_OK);
    assert_int_equal(parcel.op, OP_GOVERN);
    assert_int_equal(request_decode(parcel.request, &request), WIRE_OK);
    assert_int_equal(request.op, OP_GOVERN);
    assert_memory_equal(parcel.pieces[0].salt, no_salt, SALT_BYTES);
    hash_parts(salted, 2, hash);
    assert_memory_equal(parcel.pieces[0].payload_hash, hash, HASH_BYTES);
    parcel_leaf(&parcel, &place, 0, 0, &bytes);
    assert_int_equal(leaf_decode(buffer_bytes(&bytes), &leaf), WIRE_OK);
    assert_int_equal(leaf.kind, LEAF_GOVERNANCE);
    parcel_close(&parcel);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, open_fake, close_fake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(a_parcel_is_a_request_that_the_log_can_judge),
        A_TEST(a_parcel_read_back_is_the_same),
        A_TEST(every_entry_has_a_salt_of_its_own),
        A_TEST(every_truncation_and_flipped_bit_of_a_kept_frame_is_seen_or_harmless),
        A_TEST(what_does_not_fit_is_refused),
        A_TEST(the_largest_append_that_is_promised_fits),
        A_TEST(a_statement_path_leads_to_the_root_that_was_signed),
        A_TEST(a_place_beyond_any_log_makes_no_leaf),
        A_TEST(what_officers_decided_is_alone_and_under_a_zero_salt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
