/* Any bytes as a receipt. What has the form is written as the bytes it was read from; what verifies
 * says of itself what the log said. Parts are checked on their own too, because no fuzzer finds a
 * path or a signature that leads to the parts behind it. */
#include "crypto/receipt.h"
#include "tests/support/receipt_fixture.h"
#include "tests/support/sign_fast.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_parts(const struct receipt *receipt, struct bytes text, const uint8_t *cluster_id)
{
    static uint8_t memory[RECEIPT_BYTES_MAX];
    struct buffer again = buffer_make(memory, sizeof(memory));
    uint8_t extra_memory[RECEIPT_EXTRA_BYTES_MAX];
    struct buffer extra = buffer_make(extra_memory, sizeof(extra_memory));

    CHECK(receipt_extra_encode(&receipt->extra, &extra));
    const struct receipt_parts parts = {
        .index = receipt->index,
        .extra = buffer_bytes(&extra),
        .path = receipt->path,
        .note = receipt->note,
    };

    receipt_put(&again, &parts);
    CHECK(!again.full);
    CHECK(bytes_equal(buffer_bytes(&again), text));
    const enum receipt_verdict fits =
        receipt_authorship_verify(&sig_fast, NULL, &receipt->leaf, receipt->extra.authorship);
    const enum receipt_verdict proven =
        receipt_authorship_verify(&sig_fast, cluster_id, &receipt->leaf, receipt->extra.authorship);

    CHECK(proven != RECEIPT_OK || fits == RECEIPT_OK);
    CHECK(receipt_payload_verify(&receipt->leaf, receipt->extra.salt, text) != RECEIPT_OK ||
          text.len == receipt->leaf.payload_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct receipt_fixture fixture;
    static struct receipt receipt;
    const struct bytes text = bytes_make(data, len);
    struct receipt_facts facts;

    if (fixture.notes.scheme == NULL) {
        receipt_fixture_init(&fixture, &sig_fast);
    }
    const struct receipt_trust trust = receipt_fixture_trust(&fixture);

    if (receipt_parse(text, &receipt) != RECEIPT_OK) {
        CHECK(receipt_verify(text, &trust, NULL, &facts) != RECEIPT_OK);
        return 0;
    }
    check_parts(&receipt, text, fixture.cluster_id);
    if (receipt_verify(text, &trust, NULL, &facts) == RECEIPT_OK) {
        CHECK(facts.index < facts.note.checkpoint.tree_size);
        CHECK(facts.index == receipt.leaf.index);
        CHECK(note_count(facts.note.cosigned_by) >= trust.quorum);
        CHECK(facts.note.signed_by != 0);
        CHECK((facts.note.bad_sign | facts.note.bad_cosign) == 0);
    }
    return 0;
}
