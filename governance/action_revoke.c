/* REVOKE_KEY: holders' keys, for ever. A governed key is no holder's, and has acts of its own. */
#include "crypto/hash.h"
#include "governance/action.h"
#include "governance/records.h"

#include <string.h>

#define KEYS_OF_ONE_MAX 16

struct key_list {
    uint32_t count;
    uint8_t keys[KEYS_OF_ONE_MAX][PUBLIC_KEY_BYTES];
};

/* They ascend, and none is governed or revoked already. */
static bool keys_take(const struct deed *deed, struct wire_list keys, struct key_list *out)
{
    struct wire_iter iter = wire_iter_make(keys);
    struct item_hash key;
    struct registry_row row;

    out->count = 0;
    while (item_hash_next(&iter, &key)) {
        if ((out->count > 0 &&
             memcmp(out->keys[out->count - 1], key.value, PUBLIC_KEY_BYTES) >= 0) ||
            registry_find(deed->state, key.value, &row)) {
            return false;
        }
        memcpy(out->keys[out->count++], key.value, PUBLIC_KEY_BYTES);
    }
    return true;
}

static void key_put(const uint8_t key[PUBLIC_KEY_BYTES], struct buffer *list)
{
    struct item_hash element;

    memcpy(element.value, key, PUBLIC_KEY_BYTES);
    CHECK(item_hash_encode(&element, list));
}

/* Both lists in one, ascending. False when they have a key in common. */
static bool keys_merge(struct wire_list old, const struct key_list *more, struct buffer *list)
{
    struct wire_iter iter = wire_iter_make(old);
    struct item_hash key;
    uint32_t next = 0;

    while (item_hash_next(&iter, &key)) {
        while (next < more->count && memcmp(more->keys[next], key.value, PUBLIC_KEY_BYTES) < 0) {
            key_put(more->keys[next++], list);
        }
        if (next < more->count && hash_equal(more->keys[next], key.value)) {
            return false;
        }
        key_put(key.value, list);
    }
    while (next < more->count) {
        key_put(more->keys[next++], list);
    }
    return true;
}

enum result_code act_revoke_key(const struct deed *deed)
{
    struct buffer list = state_scratch(deed->state, SCRATCH_LIST);
    struct args_revoke_key args;
    struct section_record record;
    struct revocations_section section;
    struct key_list more;

    CHECK(args_revoke_key_decode(deed->args, &args) == WIRE_OK);
    CHECK(section_read(deed->state, SECTION_REVOCATIONS, &record));
    CHECK(revocations_section_decode(record.body, &section) == WIRE_OK);
    if (!keys_take(deed, args.keys, &more) || !keys_merge(section.keys, &more, &list)) {
        return E_PREDICATE;
    }
    if (section.keys.count + more.count > REVOKED_MAX) {
        return E_CAPACITY;
    }
    section.keys = (struct wire_list){buffer_bytes(&list), section.keys.count + more.count};
    return section_replace(deed, SECTION_REVOCATIONS, &schema_revocations_section, &section);
}
