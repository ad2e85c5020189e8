/* What a replica fetches that took a snapshot in the place of blocks: from what comes its leaves
 * follow; what is not there is said so, and nothing below it is sent. */
#include "crypto/hash.h"
#include "governance/item.h"
#include "storage/record.h"
#include "tests/support/served.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define BLOCKS 20
#define REQUESTS 3
#define ENTRIES 9 /* five of each request in one stream and four in another */

static int setup(void **state)
{
    *state = served_open(BLOCKS, REQUESTS, ENTRIES);
    return 0;
}

static void assert_not_there(struct served *served, uint64_t kind, uint64_t from, uint64_t count)
{
    served_ask(served, kind, from, count);
    assert_int_equal(served->frame_count, 1);
    assert_int_equal(served->lens[0], 0);
    assert_int_equal(served->data[0].from, from);
}

static void erase(struct served *served, enum family family, const struct record_key *key)
{
    const struct put put = {.family = family, .erase = true, .key = record_key_bytes(key)};
    assert_int_equal(store_commit(served->log->store, &put, 1), STATUS_OK);
}

/* --- History ---------------------------------------------------------------------------------- */

/* The frontier makes the root of the tree before the block. */
static void assert_frontier(const struct history_parcel *parcel,
                            const struct block_header *previous)
{
    struct merkle_frontier frontier = {.size = previous->tree_size};
    struct wire_iter hashes = wire_iter_make(parcel->frontier);
    struct item_hash hash;
    uint8_t root[HASH_BYTES];
    for (unsigned level = 0; level < MERKLE_PATH_MAX; level++) {
        if ((frontier.size >> level & 1) != 0) {
            assert_true(item_hash_next(&hashes, &hash));
            memcpy(frontier.hashes[level], hash.value, HASH_BYTES);
        }
    }
    assert_int_equal(hashes.left, 0);
    merkle_root(&frontier, root);
    assert_memory_equal(root, previous->tree_root, HASH_BYTES);
}

/* The first positions of the streams of each request of the block, of which `before` requests are
 * in the log already. */
static void assert_positions(const struct history_parcel *parcel, uint64_t before)
{
    struct wire_iter positions = wire_iter_make(parcel->positions);
    struct item_u64 position;
    for (uint64_t i = before; i < before + REQUESTS; i++) {
        assert_true(item_u64_next(&positions, &position));
        assert_int_equal(position.value, 5 * i);
        assert_true(item_u64_next(&positions, &position));
        assert_int_equal(position.value, 4 * i);
    }
    assert_int_equal(positions.left, 0);
}

static struct history_parcel parcel_of(const struct served *served, uint32_t i,
                                       struct block_header *header)
{
    struct history_parcel parcel;
    struct bytes attachment = served_attachment(served, i);
    assert_int_equal(history_parcel_decode(attachment, &parcel), WIRE_OK);
    assert_int_equal(block_header_decode(parcel.header, header), WIRE_OK);
    return parcel;
}

static void history_comes_downwards_with_what_its_leaves_follow_from(void **state)
{
    struct served *served = *state;
    uint8_t above[HASH_BYTES]; /* what the block above says this one's header hashes to */
    hash_bytes(bytes_make(served->log->header, served->log->header_len), above);
    served_ask(served, FETCH_HISTORY, BLOCKS, 100);
    assert_int_equal(served->frame_count, 16);
    for (uint32_t i = 0; i < served->frame_count; i++) {
        struct block_header header;
        struct block_header previous;
        struct certificate certificate;
        uint8_t hash[HASH_BYTES];
        const struct history_parcel parcel = parcel_of(served, i, &header);
        assert_int_equal(served->data[i].from, BLOCKS - i);
        assert_int_equal(header.height, BLOCKS - i);
        hash_bytes(parcel.header, hash);
        assert_memory_equal(hash, above, HASH_BYTES);
        memcpy(above, header.prev_header_hash, HASH_BYTES);
        hash_bytes(parcel.previous, hash);
        assert_memory_equal(hash, header.prev_header_hash, HASH_BYTES);
        hash_bytes(parcel.batch, hash);
        assert_memory_equal(hash, header.batch_digest, HASH_BYTES);
        assert_int_equal(certificate_decode(parcel.commit, &certificate), WIRE_OK);
        assert_int_equal(parcel.results.count, REQUESTS);
        assert_int_equal(block_header_decode(parcel.previous, &previous), WIRE_OK);
        assert_frontier(&parcel, &previous);
        assert_positions(&parcel, (header.height - 1) * REQUESTS);
    }
}

static void genesis_is_not_history(void **state)
{
    struct served *served = *state;
    served_ask(served, FETCH_HISTORY, 3, 100);
    assert_int_equal(served->frame_count, 3);
    assert_int_equal(served->data[2].from, 1);
    assert_not_there(served, FETCH_HISTORY, 0, 1);
    assert_not_there(served, FETCH_HISTORY, 5, 0);
    assert_not_there(served, FETCH_HISTORY, BLOCKS + 1, 5);
    assert_not_there(served, FETCH_HISTORY, UINT64_MAX, UINT64_MAX);
}

/* A request that was ordered twice leaves one result without entries. */
static void a_request_that_was_refused_has_no_positions(void **state)
{
    struct served *served = *state;
    struct block_header header;
    served->log->request_no--;
    host_log_block(served->log, 2, ENTRIES);
    served_ask(served, FETCH_HISTORY, BLOCKS + 1, 1);
    const struct history_parcel parcel = parcel_of(served, 0, &header);
    assert_int_equal(parcel.results.count, 2);
    assert_int_equal(parcel.positions.count, 2);
}

static void history_stops_above_a_gap(void **state)
{
    struct served *served = *state;
    struct record_key header = record_key_block(RECORD_HEADER, 10);
    erase(served, FAMILY_BLOCKS, &header);
    served_ask(served, FETCH_HISTORY, 15, 16);
    assert_int_equal(served->frame_count, 4); /* 11 needs the header of 10 */
    assert_int_equal(served->data[3].from, 12);
    assert_not_there(served, FETCH_HISTORY, 11, 16);
    assert_not_there(served, FETCH_HISTORY, 10, 16);
    served_ask(served, FETCH_HISTORY, 9, 16);
    assert_int_equal(served->frame_count, 9);
}

static void a_block_of_which_a_part_is_missing_is_not_there(void **state)
{
    struct served *served = *state;
    struct block_header header;
    served_ask(served, FETCH_HISTORY, 12, 1);
    (void)parcel_of(served, 0, &header);
    const struct record_key batch = record_key_batch(header.batch_digest);
    const struct record_key certificate = record_key_block(RECORD_CERTIFICATE, 14);
    const struct record_key leaves = record_key_leaves(1 + (uint64_t)(16 - 1) * REQUESTS * ENTRIES);
    erase(served, FAMILY_BLOCKS, &batch);
    erase(served, FAMILY_BLOCKS, &certificate);
    erase(served, FAMILY_LEAVES, &leaves);
    assert_not_there(served, FETCH_HISTORY, 12, 1);
    assert_not_there(served, FETCH_HISTORY, 14, 1);
    assert_not_there(served, FETCH_HISTORY, 16, 1);
}

/* --- Proofs ----------------------------------------------------------------------------------- */

static void put_proof(struct served *served, uint64_t height, const char *text)
{
    const struct record_key key = record_key_journal('k', height);
    const struct put put = {
        .family = FAMILY_JOURNAL, .key = record_key_bytes(&key), .value = bytes_of_text(text)};
    assert_int_equal(store_commit(served->log->store, &put, 1), STATUS_OK);
}

static void assert_proof(struct served *served, uint64_t from, const char *text)
{
    served_ask(served, FETCH_STABLE, from, 0);
    assert_int_equal(served->frame_count, 1);
    assert_true(
        bytes_equal(bytes_make(served->attachments[0], served->lens[0]), bytes_of_text(text)));
}

static void a_proof_is_the_newest_or_the_newest_up_to_a_height(void **state)
{
    struct served *served = *state;
    put_proof(served, 128, "of 128");
    put_proof(served, 256, "of 256");
    put_proof(served, 512, "of 512");
    assert_proof(served, 0, "of 512");
    assert_proof(served, UINT64_MAX, "of 512");
    assert_proof(served, 512, "of 512");
    assert_proof(served, 511, "of 256");
    assert_proof(served, 256, "of 256");
    assert_proof(served, 128, "of 128");
}

static void no_other_record_passes_for_a_proof(void **state)
{
    struct served *served = *state;
    const struct record_key genesis = record_key_journal('k', 0);
    erase(served, FAMILY_JOURNAL, &genesis);
    put_proof(served, 128, "of 128");
    assert_not_there(served, FETCH_STABLE, 127, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(history_comes_downwards_with_what_its_leaves_follow_from),
        TEST(genesis_is_not_history),
        TEST(a_request_that_was_refused_has_no_positions),
        TEST(history_stops_above_a_gap),
        TEST(a_block_of_which_a_part_is_missing_is_not_there),
        TEST(a_proof_is_the_newest_or_the_newest_up_to_a_height),
        TEST(no_other_record_passes_for_a_proof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
