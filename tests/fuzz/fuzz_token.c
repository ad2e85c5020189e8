/* Any bytes as a token, or (first byte odd) as an item. What parses is canonical, names one signer
 * for each signature that depends on bytes alone, and its blocks compare with each other in order.
 */
#include "crypto/hash.h"
#include "governance/item.h"
#include "governance/token.h"

#include <string.h>

static const uint8_t cluster_id[HASH_BYTES] = {0x5F, 0x3A, 0x91, 0xC0};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_blocks(const struct token_view *view)
{
    CHECK(view->count >= 1);
    CHECK(view->count <= TOKEN_BLOCKS_MAX);
    for (uint32_t i = 0; i < view->count; i++) {
        const struct cap_limits *limits = &view->blocks[i].limits;
        struct token_block alone;

        /* Nothing is narrower than itself: the depth must fall. */
        CHECK(cap_widens(limits, limits) == WIDEN_DEPTH);
        CHECK(limits->prefixes.count >= 1);
        CHECK(limits->prefixes.count <= STREAM_PREFIXES_MAX);
        for (uint32_t p = 0; p < limits->prefixes.count; p++) {
            CHECK(prefix_set_covers(&limits->prefixes, limits->prefixes.list[p]));
        }
        CHECK(token_block_parse(view->blocks[i].body, cluster_id, &alone) == RESULT_OK);
        CHECK(hash_equal(alone.id, view->blocks[i].id));
        for (uint32_t j = 0; j < i; j++) {
            CHECK(widening_text(cap_widens(limits, &view->blocks[j].limits)) != NULL);
        }
    }
}

static void check_token(struct bytes in)
{
    static uint8_t memory[TOKEN_BYTES_MAX];
    struct buffer again = buffer_make(memory, sizeof(memory));
    struct token_view view;
    struct token token;

    if (token_parse(in, cluster_id, &view) != RESULT_OK) {
        return;
    }
    check_blocks(&view);
    CHECK(token_decode(in, &token) == WIRE_OK);
    CHECK(token_encode(&token, &again));
    CHECK(bytes_equal(buffer_bytes(&again), in));
}

static void check_item(struct bytes in)
{
    static struct item_view view;
    struct item_signature signatures[ITEM_SIGNATURES_MAX];
    uint8_t id[HASH_BYTES];
    struct item item;

    if (item_parse_bytes(in, cluster_id, &view) != RESULT_OK) {
        return;
    }
    CHECK(item_decode(in, &item) == WIRE_OK);
    CHECK(view.count >= 1);
    CHECK(view.count <= STATEMENTS_MAX);
    CHECK(view.count == item.statements.count);
    CHECK((view.chain.count == 0) == (item.token.len == 0));
    const uint32_t count = item_signatures(&view, signatures);

    CHECK(count >= 1);
    CHECK(count <= ITEM_SIGNATURES_MAX);
    CHECK(memcmp(signatures[0].sig, item.sig, SIG_BYTES) == 0 || count > 1);
    statement_id(TAG_REQUEST, cluster_id, item.request, id);
    CHECK(hash_equal(id, view.request_id));
    if (view.chain.count > 0) {
        check_blocks(&view.chain);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0) {
        return 0;
    }
    if (data[0] % 2 == 0) {
        check_token(bytes_make(data + 1, len - 1));
    } else {
        check_item(bytes_make(data + 1, len - 1));
    }
    return 0;
}
