/* EPOCH_RENEW and REPLICA_KEY_ROTATE: what ends an epoch. Neither is enacted while a boundary is
 * pending (motion.h), so the sections of the next epoch are the current ones when they are.
 *
 * The new keys of a replica are registered at once, that nobody else can have them, and authorise
 * nothing before the next epoch begins (epoch.h). A lost key cannot agree to its replacement, so
 * whether the old one has is for members to see: the proof that the new ones are at hand is what is
 * asked for. */
#include "crypto/hash.h"
#include "crypto/note.h"
#include "governance/action.h"
#include "governance/epoch.h"
#include "governance/motion.h"

#include <string.h>

#define KEYS_OF_REPLICA 3

/* A replica's new keys in the order of its card, and what goes with them. */
struct rotation {
    uint64_t rid;
    struct card_proof proof;
    struct bytes old_sig;
    uint8_t old_sign_pk[PUBLIC_KEY_BYTES];
    uint8_t keys[KEYS_OF_REPLICA][PUBLIC_KEY_BYTES];
    size_t subject_len;
    uint8_t subject[REPLICA_NAME_MAX];
};

static struct bytes subject_of(const struct rotation *rotation)
{
    return bytes_make(rotation->subject, rotation->subject_len);
}

static void rotation_take(struct bytes args, struct rotation *out)
{
    struct args_replica_key_rotate decoded;
    struct buffer subject = buffer_make(out->subject, sizeof(out->subject));

    CHECK(args_replica_key_rotate_decode(args, &decoded) == WIRE_OK);
    out->rid = decoded.rid;
    out->proof = decoded.card;
    out->old_sig = decoded.old_sig;
    memcpy(out->keys[0], decoded.sign_pk, PUBLIC_KEY_BYTES);
    memcpy(out->keys[1], decoded.cosign_pk, PUBLIC_KEY_BYTES);
    memcpy(out->keys[2], decoded.transport_pk, PUBLIC_KEY_BYTES);
    replica_name_put(&subject, (uint32_t)decoded.rid); /* the schema bounds it */
    out->subject_len = subject.len;
}

/* Where the epoch would end. */
static uint64_t boundary_of(const struct cap_context *context)
{
    return epoch_boundary(context->height, rights_param(context->rights, PARAM_CHECKPOINT_INTERVAL),
                          rights_param(context->rights, PARAM_WINDOW));
}

/* --- The new keys ---------------------------------------------------------------------------- */

/* The replicas with the new keys in the list; false when the rid is none of theirs. */
static bool keys_replace(struct wire_list replicas, struct rotation *rotation, struct buffer *list)
{
    struct wire_iter iter = wire_iter_make(replicas);
    struct replica_standing row;
    bool found = false;

    while (replica_standing_next(&iter, &row)) {
        if (row.rid == rotation->rid) {
            memcpy(rotation->old_sign_pk, row.sign_pk, PUBLIC_KEY_BYTES);
            memcpy(row.sign_pk, rotation->keys[0], PUBLIC_KEY_BYTES);
            memcpy(row.cosign_pk, rotation->keys[1], PUBLIC_KEY_BYTES);
            memcpy(row.transport_pk, rotation->keys[2], PUBLIC_KEY_BYTES);
            found = true;
        }
        CHECK(replica_standing_encode(&row, list));
    }
    return found;
}

/* Usable, and never registered before, in whatever role. */
static bool keys_are_new(const struct deed *deed, const struct rotation *rotation)
{
    const struct sig_oracle *oracle = deed->context->oracle;
    struct registry_row row;

    for (uint32_t i = 0; i < KEYS_OF_REPLICA; i++) {
        if (!oracle->key_valid(oracle->context, rotation->keys[i]) ||
            hash_equal(rotation->keys[i], rotation->keys[(i + 1) % KEYS_OF_REPLICA]) ||
            registry_find(deed->state, rotation->keys[i], &row)) {
            return false;
        }
    }
    return true;
}

static void key_id_of(const struct deed *deed, const struct rotation *rotation,
                      enum note_key_type type, const uint8_t pk[PUBLIC_KEY_BYTES],
                      uint8_t out[NOTE_KEY_ID_BYTES])
{
    uint8_t bytes[NOTE_KEY_NAME_MAX];
    struct buffer name = buffer_make(bytes, sizeof(bytes));

    note_key_name_put(&name, origin_bytes(deed->context->origin), type, (uint32_t)rotation->rid);
    note_key_id(buffer_bytes(&name), type, pk, out);
}

/* Four bytes tell keys of one name apart in checkpoints: all sign keys, and the cosign keys of one
 * replica. No two that were ever registered may have them in common. */
static bool key_ids_are_new(const struct deed *deed, const struct rotation *rotation)
{
    uint8_t sign_id[NOTE_KEY_ID_BYTES];
    uint8_t cosign_id[NOTE_KEY_ID_BYTES];
    uint8_t other[NOTE_KEY_ID_BYTES];
    uint32_t cursor = 0;
    struct bytes key;
    struct bytes value;
    struct registry_row row;

    key_id_of(deed, rotation, NOTE_SIGN, rotation->keys[0], sign_id);
    key_id_of(deed, rotation, NOTE_COSIGN, rotation->keys[1], cosign_id);
    while (state_next(deed->state, STATE_REGISTRY, &cursor, &key, &value)) {
        CHECK(registry_row_decode(value, &row) == WIRE_OK);
        if (row.role == ROLE_REPLICA) {
            key_id_of(deed, rotation, NOTE_SIGN, key.data + 1, other);
            if (memcmp(other, sign_id, sizeof(other)) == 0) {
                return false;
            }
        }
        if (row.role == ROLE_COSIGN && bytes_equal(row.subject, subject_of(rotation))) {
            key_id_of(deed, rotation, NOTE_COSIGN, key.data + 1, other);
            if (memcmp(other, cosign_id, sizeof(other)) == 0) {
                return false;
            }
        }
    }
    return true;
}

/* --- Their card ------------------------------------------------------------------------------ */

/* It is a replica's, this one's, and has these keys and no other. */
static bool card_fits(const struct card *card, const struct rotation *rotation)
{
    struct wire_iter iter = wire_iter_make(card->keys);
    struct item_hash key;
    uint32_t same = 0;

    if (card->role != ROLE_REPLICA || !bytes_equal(card->subject, subject_of(rotation)) ||
        card->keys.count != KEYS_OF_REPLICA) {
        return false;
    }
    for (uint32_t i = 0; item_hash_next(&iter, &key); i++) {
        same += hash_equal(key.value, rotation->keys[i]) ? 1 : 0;
    }
    return same == KEYS_OF_REPLICA;
}

static bool card_signed(const struct deed *deed, const struct rotation *rotation,
                        const uint8_t pk[PUBLIC_KEY_BYTES], const uint8_t sig[SIG_BYTES])
{
    const struct sig_oracle *oracle = deed->context->oracle;
    uint8_t statement[STATEMENT_BYTES];

    statement_make(TAG_POSSESSION, deed->context->cluster_id, rotation->proof.card, statement);
    return oracle->good(oracle->context, pk, statement, sig);
}

/* By each key on it; and by the key that goes, unless that is lost. */
static bool signatures_hold(const struct deed *deed, const struct rotation *rotation)
{
    struct wire_iter iter = wire_iter_make(rotation->proof.sigs);
    struct item_sig sig;

    if (rotation->proof.sigs.count != KEYS_OF_REPLICA) {
        return false;
    }
    for (uint32_t i = 0; item_sig_next(&iter, &sig); i++) {
        if (!card_signed(deed, rotation, rotation->keys[i], sig.value)) {
            return false;
        }
    }
    return rotation->old_sig.len == 0 ||
           card_signed(deed, rotation, rotation->old_sign_pk, rotation->old_sig.data);
}

static enum result_code rotation_check(const struct deed *deed, const struct rotation *rotation)
{
    struct card card;

    if (deed->context->origin == NULL) {
        return E_ACTION;
    }
    if (card_decode(rotation->proof.card, &card) != WIRE_OK) {
        return E_ENCODING;
    }
    if (!card_fits(&card, rotation)) {
        return E_PREDICATE;
    }
    if (!keys_are_new(deed, rotation) || !key_ids_are_new(deed, rotation)) {
        return E_KEY;
    }
    return signatures_hold(deed, rotation) ? RESULT_OK : E_SIG;
}

/* --- Both ------------------------------------------------------------------------------------ */

static void key_register(struct state *state, const struct rotation *rotation, uint32_t number,
                         uint64_t since_height)
{
    static const uint64_t roles[KEYS_OF_REPLICA] = {ROLE_REPLICA, ROLE_COSIGN, ROLE_TRANSPORT};
    const struct state_key key = state_key_registry(rotation->keys[number]);
    const struct registry_row row = {
        .role = roles[number],
        .subject = subject_of(rotation),
        .since_height = since_height,
        .standing = STANDING_SUSPENDED,
    };
    uint8_t bytes[64];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    CHECK(registry_row_encode(&row, &out));
    CHECK(state_put(state, state_key_bytes(&key), buffer_bytes(&out)));
}

static enum result_code rotation_enact(const struct deed *deed, const struct rotation *rotation,
                                       struct bytes body)
{
    const uint64_t boundary = boundary_of(deed->context);

    /* There was room when it was proposed; it may have gone while it was locked. */
    if (state_free(deed->state) < RECORDS_FREE_MIN ||
        !epoch_set_next(deed->state, SECTION_REPLICAS, body)) {
        return E_CAPACITY;
    }
    for (uint32_t i = 0; i < KEYS_OF_REPLICA; i++) {
        key_register(deed->state, rotation, i, boundary + 1);
    }
    epoch_end_at(deed->state, boundary);
    return RESULT_OK;
}

enum result_code act_replica_key_rotate(const struct deed *deed)
{
    struct buffer list = state_scratch(deed->state, SCRATCH_LIST);
    struct buffer body = state_scratch(deed->state, SCRATCH_BODY);
    struct section_record record;
    struct replicas_section section;
    struct rotation rotation;

    rotation_take(deed->args, &rotation);
    CHECK(section_read(deed->state, SECTION_REPLICAS, &record));
    CHECK(replicas_section_decode(record.body, &section) == WIRE_OK);
    if (!keys_replace(section.replicas, &rotation, &list)) {
        return E_PREDICATE;
    }

    const enum result_code code = rotation_check(deed, &rotation);

    if (code != RESULT_OK) {
        return code;
    }
    if (boundary_of(deed->context) == NO_BOUNDARY) {
        return E_BOUNDS;
    }
    section.replicas.raw = buffer_bytes(&list);
    CHECK(replicas_section_encode(&section, &body));
    return deed->enact ? rotation_enact(deed, &rotation, buffer_bytes(&body)) : RESULT_OK;
}

enum result_code act_epoch_renew(const struct deed *deed)
{
    const uint64_t boundary = boundary_of(deed->context);

    if (boundary == NO_BOUNDARY) {
        return E_BOUNDS;
    }
    if (deed->enact) {
        epoch_end_at(deed->state, boundary);
    }
    return RESULT_OK;
}
