/* Answers out of the store: every entry of a log with several blocks is found, proven and shown to
 * whom it may be shown; what replicas fetch is what was agreed; what is not there is said so. */
#include "crypto/hash.h"
#include "crypto/receipt.h"
#include "governance/records.h"
#include "replica/core/machine_put.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"
#include "tests/support/served.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define BLOCKS 4
#define REQUESTS 10
#define ENTRIES 9 /* of each request: 361 entries with the charter, more than a group of 256 */
#define SIZE (1 + BLOCKS * REQUESTS * ENTRIES)

static int setup(void **state)
{
    struct served *served = served_open(BLOCKS, REQUESTS, ENTRIES);
    host_log_attest(served->log);
    *state = served;
    return 0;
}

static void every_leaf_leads_to_the_attested_root(void **state)
{
    struct served *served = *state;
    struct block_header header = host_log_header(served->log);
    struct store_view *view = NULL;
    struct log_reader *reader = serve_reader(served->serve);
    assert_int_equal(header.tree_size, SIZE);
    assert_int_equal(store_view_open(served->log->store, &view), STATUS_OK);
    log_reader_use(reader, view);
    for (uint64_t i = 0; i < SIZE; i++) {
        uint64_t index = i * 7 % SIZE; /* forwards and backwards through blocks and groups */
        struct bytes leaf;
        struct merkle_proof proof;
        uint8_t hash[HASH_BYTES];
        assert_true(log_leaf(reader, index, &leaf));
        merkle_leaf_hash(leaf, hash);
        assert_true(merkle_inclusion_make(index, SIZE, log_node, reader, &proof));
        assert_true(merkle_inclusion_verify(index, SIZE, hash, merkle_proof_bytes(&proof),
                                            header.tree_root));
    }
    struct bytes none;
    assert_false(log_leaf(reader, SIZE, &none));
    assert_false(log_reader_damaged(reader));
    log_reader_use(reader, NULL);
    store_view_close(view);
}

static void every_entry_has_its_own_payload_and_request(void **state)
{
    struct served *served = *state;
    struct store_view *view = NULL;
    struct log_reader *reader = serve_reader(served->serve);
    assert_int_equal(store_view_open(served->log->store, &view), STATUS_OK);
    log_reader_use(reader, view);
    for (uint64_t i = 1; i < SIZE; i++) {
        struct bytes bytes;
        struct leaf leaf;
        struct log_entry entry;
        assert_true(log_leaf(reader, i, &bytes));
        assert_int_equal(leaf_decode(bytes, &leaf), WIRE_OK);
        assert_true(log_entry(reader, i, &leaf, &entry));
        assert_int_equal(entry.position, leaf.position);
        assert_int_equal(entry.payload.bytes.len, leaf.payload_len);
        assert_int_equal(receipt_payload_verify(&leaf, entry.payload.salt, entry.payload.bytes),
                         RECEIPT_OK);
        uint8_t id[HASH_BYTES];
        statement_id(TAG_REQUEST, node_cluster_id(served->log->core->nodes[HOST_LOG_NODE]),
                     entry.item.request, id);
        assert_memory_equal(id, leaf.request_id, HASH_BYTES);
    }
    log_reader_use(reader, NULL);
    store_view_close(view);
}

static void streams_are_found_position_by_position(void **state)
{
    struct served *served = *state;
    struct store_view *view = NULL;
    struct log_reader *reader = serve_reader(served->serve);
    struct bytes stream = bytes_of_text("pay/us");
    assert_int_equal(store_view_open(served->log->store, &view), STATUS_OK);
    log_reader_use(reader, view);
    uint64_t length = log_stream_length(reader, stream);
    assert_int_equal(length, BLOCKS * REQUESTS * (ENTRIES / 2));
    for (uint64_t i = 0; i < length; i++) {
        uint64_t index = 0;
        uint64_t run = 0;
        struct bytes bytes;
        struct leaf leaf;
        assert_true(log_stream_run(reader, stream, i, &index, &run));
        assert_true(run >= 1);
        assert_true(log_leaf(reader, index, &bytes));
        assert_int_equal(leaf_decode(bytes, &leaf), WIRE_OK);
        assert_true(bytes_equal(leaf.stream, stream));
        assert_int_equal(leaf.stream_index, i);
    }
    uint64_t index = 0;
    uint64_t run = 0;
    assert_false(log_stream_run(reader, stream, length, &index, &run));
    assert_false(log_stream_run(reader, bytes_of_text("pay/u"), 0, &index, &run));
    assert_false(log_stream_run(reader, bytes_of_text("pay/uss"), 0, &index, &run));
    log_reader_use(reader, NULL);
    store_view_close(view);
}

static void fetched_blocks_carry_batch_and_certificate(void **state)
{
    struct served *served = *state;
    served_ask(served, FETCH_BLOCKS, 2, 2);
    assert_int_equal(served->frame_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct block_parcel parcel;
        struct block_header header;
        struct certificate certificate;
        uint8_t digest[HASH_BYTES];
        assert_int_equal(served->data[i].from, 2 + i);
        assert_int_equal(block_parcel_decode(served_attachment(served, i), &parcel), WIRE_OK);
        assert_int_equal(block_header_decode(parcel.header, &header), WIRE_OK);
        assert_int_equal(certificate_decode(parcel.commit, &certificate), WIRE_OK);
        assert_int_equal(header.height, 2 + i);
        hash_bytes(parcel.batch, digest);
        assert_memory_equal(digest, header.batch_digest, HASH_BYTES);
    }
}

static void a_fetch_brings_no_more_blocks_than_there_are(void **state)
{
    struct served *served = *state;
    served_ask(served, FETCH_BLOCKS, BLOCKS, UINT64_MAX);
    assert_int_equal(served->frame_count, 1);
    served_ask(served, FETCH_BLOCKS, BLOCKS + 1, 5);
    assert_int_equal(served->frame_count, 1);
    assert_int_equal(served->lens[0], 0);
    served_ask(served, FETCH_BLOCKS, UINT64_MAX, UINT64_MAX);
    assert_int_equal(served->lens[0], 0);
    served_ask(served, FETCH_BLOCKS, 1, 0);
    assert_int_equal(served->lens[0], 0);
}

static void a_batch_is_fetched_by_its_digest(void **state)
{
    struct served *served = *state;
    struct block_header header = host_log_header(served->log);
    struct fetch fetch = {.kind = FETCH_BATCH};
    struct batch_parcel parcel;
    uint8_t digest[HASH_BYTES];
    memcpy(fetch.digest, header.batch_digest, HASH_BYTES);
    served_fetch(served, &fetch);
    assert_memory_equal(served->data[0].digest, header.batch_digest, HASH_BYTES);
    assert_int_equal(batch_parcel_decode(served_attachment(served, 0), &parcel), WIRE_OK);
    hash_bytes(parcel.batch, digest);
    assert_memory_equal(digest, header.batch_digest, HASH_BYTES);
    fetch.digest[0] ^= 1;
    served_fetch(served, &fetch);
    assert_int_equal(served->lens[0], 0);
}

static void the_checkpoint_is_the_note_of_a_quorum(void **state)
{
    struct served *served = *state;
    uint64_t size = 0;
    struct bytes text;
    struct bytes lines;
    struct checkpoint checkpoint;
    served_ask(served, FETCH_CHECKPOINT, 0, 0);
    assert_int_equal(note_split(served_attachment(served, 0), &text, &lines), NOTE_OK);
    assert_int_equal(checkpoint_parse(text, &checkpoint), NOTE_OK);
    size = checkpoint.tree_size;
    assert_int_equal(size, SIZE);
}

static struct receipt_trust trust_of(const struct served *served, struct note_key keys[4])
{
    const struct node *node = served->log->core->nodes[HOST_LOG_NODE];
    const struct roster *roster = node_roster(node);
    struct receipt_trust trust = {.scheme = &sig_fast,
                                  .keyring = {keys, roster->n},
                                  .quorum = roster->q,
                                  .cluster_id = node_cluster_id(node)};
    assert_true(origin_make(node_charter_name(node), node_cluster_id(node), &trust.origin));
    for (uint32_t i = 0; i < roster->n; i++) {
        keys[i].rid = roster->members[i].rid;
        memcpy(keys[i].sign_key, roster->members[i].sign_pk, PUBLIC_KEY_BYTES);
        memcpy(keys[i].cosign_key, roster->members[i].cosign_pk, PUBLIC_KEY_BYTES);
    }
    return trust;
}

static void receipts_verify_with_their_authorship(void **state)
{
    struct served *served = *state;
    struct note_key keys[4];
    const struct receipt_trust trust = trust_of(served, keys);
    for (uint64_t index = 1; index < SIZE; index += 29) {
        struct receipt_facts facts;
        served_ask(served, FETCH_RECEIPT, index, 0);
        assert_int_equal(receipt_verify(served_attachment(served, 0), &trust, NULL, &facts),
                         RECEIPT_OK);
        assert_int_equal(facts.index, index);
        assert_int_equal(facts.authorship, RECEIPT_AUTHOR_PROVEN);
        assert_false(facts.has_salt);
    }
    served_ask(served, FETCH_RECEIPT, 0, 0);
    struct receipt_facts genesis;
    assert_int_equal(receipt_verify(served_attachment(served, 0), &trust, NULL, &genesis),
                     RECEIPT_OK);
    assert_int_equal(genesis.authorship, RECEIPT_AUTHOR_ABSENT);
    served_ask(served, FETCH_RECEIPT, SIZE, 0);
    assert_int_equal(served->lens[0], 0);
    served_ask(served, FETCH_RECEIPT, UINT64_MAX, 0);
    assert_int_equal(served->lens[0], 0);
}

static void there_is_no_receipt_above_the_quorums_checkpoint(void **state)
{
    struct served *served = *state;
    host_log_block(served->log, 1, 1); /* executed here, attested by nobody else */
    served_ask(served, FETCH_RECEIPT, SIZE, 0);
    assert_int_equal(served->lens[0], 0);
    host_log_attest(served->log);
    served_ask(served, FETCH_RECEIPT, SIZE, 0);
    assert_int_not_equal(served->lens[0], 0);
}

static void two_sizes_are_proven_consistent(void **state)
{
    struct served *served = *state;
    struct block_header header = host_log_header(served->log);
    struct store_view *view = NULL;
    struct log_reader *reader = serve_reader(served->serve);
    static const uint64_t sizes[] = {1, 2, 91, 255, 256, 257, 300, SIZE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct consistency consistency;
        struct item_hash element;
        struct merkle_frontier frontier;
        uint8_t root[HASH_BYTES];
        uint8_t hashes[MERKLE_PROOF_MAX][HASH_BYTES];
        uint32_t count = 0;
        served_ask(served, FETCH_CONSISTENCY, sizes[i], SIZE);
        assert_int_equal(consistency_decode(served_attachment(served, 0), &consistency), WIRE_OK);
        struct wire_iter path = wire_iter_make(consistency.path);
        while (item_hash_next(&path, &element)) {
            memcpy(hashes[count++], element.value, HASH_BYTES);
        }
        assert_int_equal(store_view_open(served->log->store, &view), STATUS_OK);
        log_reader_use(reader, view);
        assert_true(merkle_frontier_read(sizes[i], log_node, reader, &frontier));
        log_reader_use(reader, NULL);
        store_view_close(view);
        merkle_root(&frontier, root);
        assert_true(merkle_consistency_verify(sizes[i], SIZE, root, header.tree_root,
                                              bytes_make(hashes, (size_t)count * HASH_BYTES)));
    }
    served_ask(served, FETCH_CONSISTENCY, 5, SIZE + 1);
    assert_int_equal(served->lens[0], 0);
    served_ask(served, FETCH_CONSISTENCY, 0, SIZE);
    assert_int_equal(served->lens[0], 0);
    served_ask(served, FETCH_CONSISTENCY, 9, 8);
    assert_int_equal(served->lens[0], 0);
}

static void streams_are_listed_in_pages(void **state)
{
    struct served *served = *state;
    struct stream_rows rows;
    struct stream_row row;
    static const char *const names[] = {"pay/eu", "pay/us", "vestry/governance"};
    for (uint64_t from = 0; from < 4; from++) {
        served_ask(served, FETCH_STREAMS, from, 0);
        assert_int_equal(stream_rows_decode(served_attachment(served, 0), &rows), WIRE_OK);
        assert_int_equal(rows.list.count, 3 - from);
        struct wire_iter list = wire_iter_make(rows.list);
        for (uint64_t i = from; i < 3; i++) {
            assert_true(stream_row_next(&list, &row));
            assert_true(bytes_equal(row.stream, bytes_of_text(names[i])));
        }
    }
}

static void the_configuration_is_that_of_the_quorums_checkpoint(void **state)
{
    struct served *served = *state;
    struct state_bundle bundle;
    struct block_header header;
    struct section_record records[SECTION_COUNT];
    struct item_section element;
    uint8_t hash[HASH_BYTES];
    uint8_t own[HASH_BYTES];
    struct bytes text;
    struct bytes lines;
    struct checkpoint checkpoint;
    served_ask(served, FETCH_CONFIG, 0, 0);
    assert_int_equal(state_bundle_decode(served_attachment(served, 0), &bundle), WIRE_OK);
    assert_true(bytes_equal(bundle.charter_file, bytes_of_text(SERVED_CHARTER)));
    assert_int_equal(bundle.hand_offs.count, 0);
    assert_int_equal(block_header_decode(bundle.header, &header), WIRE_OK);
    assert_int_equal(header.height, BLOCKS);
    assert_int_equal(note_split(bundle.checkpoint, &text, &lines), NOTE_OK);
    assert_int_equal(checkpoint_parse(text, &checkpoint), NOTE_OK);
    hash_bytes(bundle.header, hash);
    assert_memory_equal(hash, checkpoint.header_hash, HASH_BYTES);
    struct wire_iter iter = wire_iter_make(bundle.sections);
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        assert_true(item_section_next(&iter, &element));
        assert_int_equal(section_record_decode(element.value, &records[i]), WIRE_OK);
    }
    config_hash_of(records, hash);
    config_hash(served->log->core->nodes[HOST_LOG_NODE]->state, own);
    assert_memory_equal(hash, header.config_hash, HASH_BYTES);
    assert_memory_equal(hash, own, HASH_BYTES);
}

static void put_section(struct served *served, const struct section_record *record)
{
    uint8_t memory[4096];
    struct buffer bytes = buffer_make(memory, sizeof(memory));
    struct state_key key = state_key_section(SECTION_WITNESSES);
    assert_true(section_record_encode(record, &bytes));
    const struct put put = {FAMILY_STATE, false, state_key_bytes(&key), buffer_bytes(&bytes)};
    assert_int_equal(store_commit(served->log->store, &put, 1), STATUS_OK);
}

static void a_configuration_above_the_quorums_checkpoint_is_not_there(void **state)
{
    struct served *served = *state;
    struct state_key key = state_key_section(SECTION_WITNESSES);
    struct section_record record;
    uint8_t memory[4096];
    struct buffer bytes = buffer_make(memory, sizeof(memory));
    assert_int_equal(store_get(served->log->store, FAMILY_STATE, state_key_bytes(&key), &bytes),
                     STATUS_OK);
    assert_int_equal(section_record_decode(buffer_bytes(&bytes), &record), WIRE_OK);
    record.version++;
    put_section(served, &record);
    served_ask(served, FETCH_CONFIG, 0, 0);
    assert_int_equal(served->lens[0], 0);
    record.version--;
    put_section(served, &record);
    served_ask(served, FETCH_CONFIG, 0, 0);
    assert_int_not_equal(served->lens[0], 0);
    /* A block that moves no section leaves it as it is, whoever attests that block. */
    host_log_block(served->log, 1, 1);
    served_ask(served, FETCH_CONFIG, 0, 0);
    assert_int_not_equal(served->lens[0], 0);
}

static void without_a_section_or_a_checkpoint_there_is_no_configuration(void **state)
{
    struct served *served = *state;
    struct state_key section = state_key_section(SECTION_PARAMS);
    struct record_key note = record_key_journal(JOURNAL_NOTE, 0);
    struct put put = {FAMILY_STATE, false, state_key_bytes(&section), bytes_of_text("no record")};
    assert_int_equal(store_commit(served->log->store, &put, 1), STATUS_OK);
    served_ask(served, FETCH_CONFIG, 0, 0);
    assert_int_equal(served->lens[0], 0);
    put = (struct put){FAMILY_STATE, true, state_key_bytes(&section), BYTES_EMPTY};
    assert_int_equal(store_commit(served->log->store, &put, 1), STATUS_OK);
    served_ask(served, FETCH_CONFIG, 0, 0);
    assert_int_equal(served->lens[0], 0);
    put = (struct put){FAMILY_JOURNAL, true, record_key_bytes(&note), BYTES_EMPTY};
    assert_int_equal(store_commit(served->log->store, &put, 1), STATUS_OK);
    served_ask(served, FETCH_CONFIG, 0, 0);
    assert_int_equal(served->lens[0], 0);
}

static void what_is_not_of_the_log_is_not_there(void **state)
{
    struct served *served = *state;
    served_ask(served, FETCH_STATUS, 0, 0);
    assert_int_equal(served->lens[0], 0);
    served_ask(served, 200, 0, 0);
    assert_int_equal(served->lens[0], 0);
    served_ask(served, FETCH_CHARTER, 0, 0);
    assert_true(bytes_equal(served_attachment(served, 0), bytes_of_text(SERVED_CHARTER)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, served_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_leaf_leads_to_the_attested_root),
        TEST(every_entry_has_its_own_payload_and_request),
        TEST(streams_are_found_position_by_position),
        TEST(fetched_blocks_carry_batch_and_certificate),
        TEST(a_fetch_brings_no_more_blocks_than_there_are),
        TEST(a_batch_is_fetched_by_its_digest),
        TEST(the_checkpoint_is_the_note_of_a_quorum),
        TEST(receipts_verify_with_their_authorship),
        TEST(there_is_no_receipt_above_the_quorums_checkpoint),
        TEST(two_sizes_are_proven_consistent),
        TEST(streams_are_listed_in_pages),
        TEST(the_configuration_is_that_of_the_quorums_checkpoint),
        TEST(a_configuration_above_the_quorums_checkpoint_is_not_there),
        TEST(without_a_section_or_a_checkpoint_there_is_no_configuration),
        TEST(what_is_not_of_the_log_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
