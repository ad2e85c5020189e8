/* REVOKE_CAP: capability blocks, and with each what was delegated from it. The blocks themselves
 * are brought, which prove their ids and say when they would have expired: then their rows go. */
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "governance/action.h"
#include "governance/motion.h"
#include "governance/records.h"

#include <string.h>

#define BLOCKS_OF_ONE_MAX 16

struct block_list {
    uint32_t count;
    struct revoked_block rows[BLOCKS_OF_ONE_MAX]; /* ascending by id */
};

/* False when it is there already. */
static bool row_add(struct block_list *list, const struct revoked_block *row)
{
    uint32_t place = list->count;

    while (place > 0 && memcmp(list->rows[place - 1].id, row->id, HASH_BYTES) > 0) {
        list->rows[place] = list->rows[place - 1];
        place--;
    }
    list->rows[place] = *row;
    list->count++;
    return place == 0 || !hash_equal(list->rows[place - 1].id, row->id);
}

/* Each is a block, none is there twice, and all would be good for a while. */
static enum result_code blocks_take(const struct deed *deed, struct wire_list blocks,
                                    struct block_list *out)
{
    struct wire_iter iter = wire_iter_make(blocks);
    struct item_cap_block element;
    struct cap_block block;

    out->count = 0;
    while (item_cap_block_next(&iter, &element)) {
        struct revoked_block row = {.expires_ms = 0};

        if (cap_block_decode(element.value, &block) != WIRE_OK) {
            return E_ENCODING;
        }
        row.expires_ms = block.expires_ms;
        statement_id(TAG_CAPABILITY, deed->chamber->cluster_id, element.value, row.id);
        if (block.expires_ms <= deed->context->time_ms || !row_add(out, &row)) {
            return E_PREDICATE;
        }
    }
    return RESULT_OK;
}

/* Both lists in one, ascending. False when they have a block in common. */
static bool blocks_merge(struct wire_list old, const struct block_list *more, struct buffer *list)
{
    struct wire_iter iter = wire_iter_make(old);
    struct revoked_block row;
    uint32_t next = 0;

    while (revoked_block_next(&iter, &row)) {
        while (next < more->count && memcmp(more->rows[next].id, row.id, HASH_BYTES) < 0) {
            CHECK(revoked_block_encode(&more->rows[next++], list));
        }
        if (next < more->count && hash_equal(more->rows[next].id, row.id)) {
            return false;
        }
        CHECK(revoked_block_encode(&row, list));
    }
    while (next < more->count) {
        CHECK(revoked_block_encode(&more->rows[next++], list));
    }
    return true;
}

enum result_code act_revoke_cap(const struct deed *deed)
{
    struct buffer list = state_scratch(deed->state, SCRATCH_LIST);
    struct args_revoke_cap args;
    struct section_record record;
    struct revocations_section section;
    struct block_list more;

    CHECK(args_revoke_cap_decode(deed->args, &args) == WIRE_OK);

    const enum result_code code = blocks_take(deed, args.blocks, &more);

    if (code != RESULT_OK) {
        return code;
    }
    CHECK(section_read(deed->state, SECTION_REVOCATIONS, &record));
    CHECK(revocations_section_decode(record.body, &section) == WIRE_OK);
    if (!blocks_merge(section.blocks, &more, &list)) {
        return E_PREDICATE;
    }
    if (section.blocks.count + more.count > REVOKED_MAX) {
        return E_CAPACITY;
    }
    section.blocks = (struct wire_list){buffer_bytes(&list), section.blocks.count + more.count};
    return section_replace(deed, SECTION_REVOCATIONS, &schema_revocations_section, &section);
}
