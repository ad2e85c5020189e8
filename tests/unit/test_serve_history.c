/* What a replica fetches that took a snapshot in the place of blocks: from what comes its leaves
 * follow; what is not there is said so, and nothing below it is sent. */
#include "crypto/hash.h"
#include "governance/item.h"
#include "replica/host/serve.h"
#include "storage/record.h"
#include "tests/support/host_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define BLOCKS 20
#define REQUESTS 3
#define ENTRIES 9 /* five of each request in one stream and four in another */
#define FRAMES_MAX 20

struct fixture {
    struct host_log *log;
    struct serve *serve;
    uint32_t count;
    struct data data[FRAMES_MAX];
    size_t lens[FRAMES_MAX];
    uint8_t *attachments[FRAMES_MAX];
};

static int setup(void **state)
{
    void *log = NULL;
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_int_equal(host_log_setup(&log), 0);
    fixture->log = log;
    for (int i = 0; i < BLOCKS; i++) {
        host_log_block(fixture->log, REQUESTS, ENTRIES);
    }
    const struct serve_setup serve = {.rid = HOST_LOG_NODE};
    assert_int_equal(serve_open(&serve, &fixture->serve), STATUS_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    void *log = fixture->log;
    for (uint32_t i = 0; i < FRAMES_MAX; i++) {
        free(fixture->attachments[i]);
    }
    serve_close(fixture->serve);
    free(fixture);
    return host_log_teardown(&log);
}

static void keep(void *context, struct bytes frame)
{
    struct fixture *fixture = context;
    struct envelope envelope;
    size_t used = 0;
    uint32_t i = fixture->count++;
    assert_true(i < FRAMES_MAX);
    struct bytes content = bytes_slice(frame, FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    assert_int_equal(schema_decode_front(&schema_envelope, content, &envelope, &used), WIRE_OK);
    assert_int_equal(data_decode(envelope.body, &fixture->data[i]), WIRE_OK);
    free(fixture->attachments[i]);
    fixture->lens[i] = content.len - used;
    fixture->attachments[i] = malloc(fixture->lens[i] + 1);
    memcpy(fixture->attachments[i], content.data + used, fixture->lens[i]);
}

static void ask(struct fixture *fixture, uint64_t kind, uint64_t from, uint64_t count)
{
    const struct fetch fetch = {.kind = kind, .from = from, .count = count};
    fixture->count = 0;
    assert_int_equal(serve_fetch_store(fixture->serve, fixture->log->store, &fetch, keep, fixture),
                     STATUS_OK);
    assert_true(fixture->count > 0);
    assert_int_equal(fixture->data[0].kind, kind);
}

static void assert_not_there(struct fixture *fixture, uint64_t kind, uint64_t from, uint64_t count)
{
    ask(fixture, kind, from, count);
    assert_int_equal(fixture->count, 1);
    assert_int_equal(fixture->lens[0], 0);
    assert_int_equal(fixture->data[0].from, from);
}

static void erase(struct fixture *fixture, enum family family, const struct record_key *key)
{
    const struct put put = {.family = family, .erase = true, .key = record_key_bytes(key)};
    assert_int_equal(store_commit(fixture->log->store, &put, 1), STATUS_OK);
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

static struct history_parcel parcel_of(const struct fixture *fixture, uint32_t i,
                                       struct block_header *header)
{
    struct history_parcel parcel;
    struct bytes attachment = bytes_make(fixture->attachments[i], fixture->lens[i]);
    assert_int_equal(history_parcel_decode(attachment, &parcel), WIRE_OK);
    assert_int_equal(block_header_decode(parcel.header, header), WIRE_OK);
    return parcel;
}

static void history_comes_downwards_with_what_its_leaves_follow_from(void **state)
{
    struct fixture *fixture = *state;
    uint8_t above[HASH_BYTES]; /* what the block above says this one's header hashes to */
    hash_bytes(bytes_make(fixture->log->header, fixture->log->header_len), above);
    ask(fixture, FETCH_HISTORY, BLOCKS, 100);
    assert_int_equal(fixture->count, 16);
    for (uint32_t i = 0; i < fixture->count; i++) {
        struct block_header header;
        struct block_header previous;
        struct certificate certificate;
        uint8_t hash[HASH_BYTES];
        const struct history_parcel parcel = parcel_of(fixture, i, &header);
        assert_int_equal(fixture->data[i].from, BLOCKS - i);
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
    struct fixture *fixture = *state;
    ask(fixture, FETCH_HISTORY, 3, 100);
    assert_int_equal(fixture->count, 3);
    assert_int_equal(fixture->data[2].from, 1);
    assert_not_there(fixture, FETCH_HISTORY, 0, 1);
    assert_not_there(fixture, FETCH_HISTORY, 5, 0);
    assert_not_there(fixture, FETCH_HISTORY, BLOCKS + 1, 5);
    assert_not_there(fixture, FETCH_HISTORY, UINT64_MAX, UINT64_MAX);
}

/* A request that was ordered twice leaves one result without entries. */
static void a_request_that_was_refused_has_no_positions(void **state)
{
    struct fixture *fixture = *state;
    struct block_header header;
    fixture->log->request_no--;
    host_log_block(fixture->log, 2, ENTRIES);
    ask(fixture, FETCH_HISTORY, BLOCKS + 1, 1);
    const struct history_parcel parcel = parcel_of(fixture, 0, &header);
    assert_int_equal(parcel.results.count, 2);
    assert_int_equal(parcel.positions.count, 2);
}

static void history_stops_above_a_gap(void **state)
{
    struct fixture *fixture = *state;
    struct record_key header = record_key_block(RECORD_HEADER, 10);
    erase(fixture, FAMILY_BLOCKS, &header);
    ask(fixture, FETCH_HISTORY, 15, 16);
    assert_int_equal(fixture->count, 4); /* 11 needs the header of 10 */
    assert_int_equal(fixture->data[3].from, 12);
    assert_not_there(fixture, FETCH_HISTORY, 11, 16);
    assert_not_there(fixture, FETCH_HISTORY, 10, 16);
    ask(fixture, FETCH_HISTORY, 9, 16);
    assert_int_equal(fixture->count, 9);
}

static void a_block_of_which_a_part_is_missing_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct block_header header;
    ask(fixture, FETCH_HISTORY, 12, 1);
    (void)parcel_of(fixture, 0, &header);
    const struct record_key batch = record_key_batch(header.batch_digest);
    const struct record_key certificate = record_key_block(RECORD_CERTIFICATE, 14);
    const struct record_key leaves = record_key_leaves(1 + (uint64_t)(16 - 1) * REQUESTS * ENTRIES);
    erase(fixture, FAMILY_BLOCKS, &batch);
    erase(fixture, FAMILY_BLOCKS, &certificate);
    erase(fixture, FAMILY_LEAVES, &leaves);
    assert_not_there(fixture, FETCH_HISTORY, 12, 1);
    assert_not_there(fixture, FETCH_HISTORY, 14, 1);
    assert_not_there(fixture, FETCH_HISTORY, 16, 1);
}

/* --- Proofs ----------------------------------------------------------------------------------- */

static void put_proof(struct fixture *fixture, uint64_t height, const char *text)
{
    const struct record_key key = record_key_journal('k', height);
    const struct put put = {
        .family = FAMILY_JOURNAL, .key = record_key_bytes(&key), .value = bytes_of_text(text)};
    assert_int_equal(store_commit(fixture->log->store, &put, 1), STATUS_OK);
}

static void assert_proof(struct fixture *fixture, uint64_t from, const char *text)
{
    ask(fixture, FETCH_STABLE, from, 0);
    assert_int_equal(fixture->count, 1);
    assert_true(
        bytes_equal(bytes_make(fixture->attachments[0], fixture->lens[0]), bytes_of_text(text)));
}

static void a_proof_is_the_newest_or_the_newest_up_to_a_height(void **state)
{
    struct fixture *fixture = *state;
    put_proof(fixture, 128, "of 128");
    put_proof(fixture, 256, "of 256");
    put_proof(fixture, 512, "of 512");
    assert_proof(fixture, 0, "of 512");
    assert_proof(fixture, UINT64_MAX, "of 512");
    assert_proof(fixture, 512, "of 512");
    assert_proof(fixture, 511, "of 256");
    assert_proof(fixture, 256, "of 256");
    assert_proof(fixture, 128, "of 128");
}

static void no_other_record_passes_for_a_proof(void **state)
{
    struct fixture *fixture = *state;
    const struct record_key genesis = record_key_journal('k', 0);
    erase(fixture, FAMILY_JOURNAL, &genesis);
    put_proof(fixture, 128, "of 128");
    assert_not_there(fixture, FETCH_STABLE, 127, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
