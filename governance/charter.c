#include "governance/charter.h"

#include "crypto/hash.h"
#include "crypto/note.h"

#include <string.h>

static const uint8_t no_cluster[HASH_BYTES];

void charter_cluster_id(struct bytes charter_body, uint8_t out[HASH_BYTES])
{
    statement_id(TAG_CHARTER, no_cluster, charter_body, out);
}

/* --- Taking apart ------------------------------------------------------------------------------
 */

static void key_add(struct charter_view *view, enum role role, uint32_t key_no,
                    struct bytes subject, const uint8_t pk[PUBLIC_KEY_BYTES])
{
    struct charter_key *key = &view->keys[view->key_count++];
    const bool of_replica = role == ROLE_COSIGN || role == ROLE_TRANSPORT;

    key->role = role;
    key->card_role = of_replica ? ROLE_REPLICA : role;
    key->key_no = key_no;
    key->subject_len = subject.len;
    memcpy(key->subject, subject.data, subject.len);
    memcpy(key->pk, pk, PUBLIC_KEY_BYTES);
}

static void members_take(struct charter_view *view)
{
    struct wire_iter iter = wire_iter_make(view->charter.members);
    struct member_row row;

    while (member_row_next(&iter, &row)) {
        view->members[view->member_count++] = row;
        key_add(view, ROLE_MEMBER, 0, row.mid, row.pk);
    }
}

/* The schema bounds the list by the room that there is in `rows`. */
static uint32_t key_rows_take(struct charter_view *view, enum role role, struct wire_list list,
                              struct key_row *rows)
{
    struct wire_iter iter = wire_iter_make(list);
    struct key_row row;
    uint32_t count = 0;

    while (key_row_next(&iter, &row)) {
        key_add(view, role, 0, row.id, row.pk);
        rows[count++] = row;
    }
    return count;
}

/* False when a replica has the id that nobody can have. */
static bool replicas_take(struct charter_view *view)
{
    struct wire_iter iter = wire_iter_make(view->charter.replicas);
    struct replica_row row;

    while (replica_row_next(&iter, &row)) {
        if (row.rid > REPLICA_ID_MAX) {
            return false;
        }

        struct charter_replica *replica = &view->replicas[view->replica_count++];
        struct buffer name = buffer_make(replica->name, sizeof(replica->name));

        replica->row = row;
        replica_name_put(&name, (uint32_t)row.rid);
        replica->name_len = name.len;
        key_add(view, ROLE_REPLICA, 0, buffer_bytes(&name), row.sign_pk);
        key_add(view, ROLE_COSIGN, 1, buffer_bytes(&name), row.cosign_pk);
        key_add(view, ROLE_TRANSPORT, 2, buffer_bytes(&name), row.transport_pk);
    }
    return true;
}

static void issuers_take(struct charter_view *view)
{
    struct wire_iter iter = wire_iter_make(view->charter.issuers);
    struct issuer_row row;

    while (issuer_row_next(&iter, &row)) {
        struct charter_issuer *issuer = &view->issuers[view->issuer_count++];
        struct wire_iter keys = wire_iter_make(row.keys);
        struct issuer_key key;

        issuer->row = row;
        issuer->key_count = 0;
        while (issuer_key_next(&keys, &key)) {
            key_add(view, ROLE_ISSUER, issuer->key_count, row.iid, key.pk);
            issuer->keys[issuer->key_count++] = key;
        }
    }
}

enum wire_error charter_parse(struct bytes charter_body, struct charter_view *out)
{
    struct charter charter;
    const enum wire_error error = charter_decode(charter_body, &charter);

    if (error != WIRE_OK) {
        return error;
    }
    memset(out, 0, offsetof(struct charter_view, members));
    out->body = charter_body;
    out->charter = charter;
    charter_cluster_id(charter_body, out->cluster_id);
    members_take(out);
    out->recovery_count = key_rows_take(out, ROLE_RECOVERY, charter.recovery, out->recovery);
    if (!replicas_take(out)) {
        return WIRE_RANGE;
    }
    issuers_take(out);
    out->witness_count = key_rows_take(out, ROLE_WITNESS, charter.witnesses, out->witnesses);

    struct wire_iter iter = wire_iter_make(charter.params);
    struct param_row row;

    while (param_row_next(&iter, &row)) {
        out->params[out->param_count++] = row;
    }
    return WIRE_OK;
}

/* --- Cards -------------------------------------------------------------------------------------
 */

static void hash_put(struct buffer *out, const uint8_t hash[HASH_BYTES])
{
    buffer_put_u8(out, 0xc4);
    buffer_put_u8(out, HASH_BYTES);
    buffer_put(out, bytes_make(hash, HASH_BYTES));
}

/* Written by hand, in canonical msgpack, because verifiers have no encoder: five fields, none of
 * which is long. */
void card_put(struct buffer *out, const struct card *card)
{
    CHECK(card->role < 0x80);
    CHECK(card->subject.len <= ID_BYTES_MAX);
    CHECK(card->keys.count <= ISSUER_KEYS_MAX);
    buffer_put_u8(out, 0x95);
    buffer_put_u8(out, 1);
    buffer_put_u8(out, (uint8_t)card->role);
    if (card->subject.len < 32) {
        buffer_put_u8(out, (uint8_t)(0xa0 | card->subject.len));
    } else {
        buffer_put_u8(out, 0xd9);
        buffer_put_u8(out, (uint8_t)card->subject.len);
    }
    buffer_put(out, card->subject);
    buffer_put_u8(out, (uint8_t)(0x90 | card->keys.count));
    buffer_put(out, card->keys.raw);
    hash_put(out, card->nonce);
}

static struct bytes key_subject(const struct charter_key *key)
{
    return bytes_make(key->subject, key->subject_len);
}

/* Keys of one subject lie one behind the other, by key_no. */
static const struct charter_key *first_key(const struct charter_key *key)
{
    return key - key->key_no;
}

void charter_card(const struct charter_view *view, const struct charter_key *key,
                  struct buffer *out)
{
    const struct charter_key *end = view->keys + view->key_count;
    const struct charter_key *first = first_key(key);
    uint8_t bytes[ISSUER_KEYS_MAX * (HASH_BYTES + 2)];
    struct buffer keys = buffer_make(bytes, sizeof(bytes));
    struct card card = {.role = key->card_role, .subject = key_subject(key)};

    for (const struct charter_key *at = first; at < end && first_key(at) == first; at++) {
        hash_put(&keys, at->pk);
        card.keys.count++;
    }
    card.keys.raw = buffer_bytes(&keys);
    memcpy(card.nonce, view->charter.salt, HASH_BYTES);
    card_put(out, &card);
}

void charter_statement(const struct charter_view *view, const struct charter_key *key,
                       uint8_t out[STATEMENT_BYTES])
{
    uint8_t bytes[CARD_BYTES_MAX];
    struct buffer card = buffer_make(bytes, sizeof(bytes));

    if (key->role == ROLE_MEMBER) {
        statement_make(TAG_CHARTER, no_cluster, view->body, out);
        return;
    }
    charter_card(view, key, &card);
    CHECK(!card.full);
    statement_make(TAG_POSSESSION, no_cluster, buffer_bytes(&card), out);
}

void charter_issuer_id(const struct charter_view *view, uint32_t issuer_index,
                       uint8_t out[HASH_BYTES])
{
    const struct bytes iid = view->issuers[issuer_index].row.iid;

    for (uint32_t i = 0; i < view->key_count; i++) {
        const struct charter_key *key = &view->keys[i];

        if (key->role == ROLE_ISSUER && bytes_equal(key_subject(key), iid)) {
            uint8_t statement[STATEMENT_BYTES];

            charter_statement(view, key, statement);
            hash_bytes(BYTES_OF_ARRAY(statement), out);
            return;
        }
    }
    CHECK(false);
}

/* --- The file ----------------------------------------------------------------------------------
 */

static int sig_compare(const struct charter_sig *a, const struct charter_sig *b)
{
    if (a->role != b->role) {
        return a->role < b->role ? -1 : 1;
    }

    const int order = bytes_compare(a->subject, b->subject);

    if (order != 0) {
        return order;
    }
    return a->key_no == b->key_no ? 0 : a->key_no < b->key_no ? -1 : 1;
}

static uint32_t sig_key_index(const struct charter_view *view, const struct charter_sig *sig)
{
    for (uint32_t i = 0; i < view->key_count; i++) {
        const struct charter_key *key = &view->keys[i];

        if (key->card_role == sig->role && key->key_no == sig->key_no &&
            bytes_equal(key_subject(key), sig->subject)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static enum charter_error refuse(struct charter_check *check, enum charter_error error,
                                 uint64_t role, struct bytes subject, uint64_t key_no)
{
    check->error = error;
    check->role = (enum role)role;
    check->subject_len = subject.len;
    memcpy(check->subject, subject.data, subject.len);
    check->key_no = (uint32_t)key_no;
    return error;
}

static enum charter_error sigs_verify(const struct charter_view *view, struct wire_list sigs,
                                      const struct sig_scheme *scheme, struct charter_check *check)
{
    bool signed_by[CHARTER_KEYS_MAX] = {false};
    struct wire_iter iter = wire_iter_make(sigs);
    struct charter_sig last = {0};
    struct charter_sig sig;
    uint8_t statement[STATEMENT_BYTES];

    while (charter_sig_next(&iter, &sig)) {
        const uint32_t index = sig_key_index(view, &sig);

        if (sig_compare(&last, &sig) >= 0) {
            return refuse(check, CHARTER_SIG_ORDER, sig.role, sig.subject, sig.key_no);
        }
        if (index == UINT32_MAX) {
            return refuse(check, CHARTER_SIG_EXTRA, sig.role, sig.subject, sig.key_no);
        }
        charter_statement(view, &view->keys[index], statement);
        if (!scheme->verify(view->keys[index].pk, BYTES_OF_ARRAY(statement), sig.sig)) {
            return refuse(check, CHARTER_SIG_BAD, sig.role, sig.subject, sig.key_no);
        }
        signed_by[index] = true;
        check->signatures++;
        last = sig;
    }
    for (uint32_t i = 0; i < view->key_count; i++) {
        const struct charter_key *key = &view->keys[i];

        if (!signed_by[i]) {
            return refuse(check, CHARTER_SIG_MISSING, key->card_role, key_subject(key),
                          key->key_no);
        }
    }
    return CHARTER_OK;
}

enum charter_error charter_file_verify(struct bytes file, const struct sig_scheme *scheme,
                                       struct charter_view *view, struct charter_check *check)
{
    struct charter_file decoded;

    *check = (struct charter_check){.error = CHARTER_OK};
    check->wire = charter_file_decode(file, &decoded);
    if (check->wire == WIRE_OK) {
        check->wire = charter_parse(decoded.charter, view);
    }
    if (check->wire != WIRE_OK) {
        check->error = CHARTER_ENCODING;
        return check->error;
    }
    check->rules_held = charter_rules_check(view, scheme, &check->finding);
    if (check->rules_held != CHARTER_RULE_COUNT) {
        check->error = CHARTER_RULE;
        return check->error;
    }
    return sigs_verify(view, decoded.sigs, scheme, check);
}

const char *charter_error_text(enum charter_error error)
{
    switch (error) {
    case CHARTER_OK:
        return "the charter holds";
    case CHARTER_ENCODING:
        return "not a charter file";
    case CHARTER_RULE:
        return "a rule of the charter does not hold";
    case CHARTER_SIG_ORDER:
        return "signatures are out of order, or one is there twice";
    case CHARTER_SIG_EXTRA:
        return "a signature by a key that is not in the charter";
    case CHARTER_SIG_MISSING:
        return "a key of the charter has not signed";
    case CHARTER_SIG_BAD:
        return "a signature does not verify";
    }
    return "unknown";
}
