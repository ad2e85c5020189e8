#include "keys/card.h"

#include "crypto/hash.h"
#include "crypto/name.h"
#include "crypto/note.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"

#include <sodium.h>
#include <string.h>

#define ROW_BYTES_MAX 4096
#define CARD_BODY_MAX 1024
#define YEAR_MS (UINT64_C(366) * 86400000)
#define LIVE_TOKENS_USUAL 65536

static const uint8_t no_cluster[HASH_BYTES];

struct scope card_usual_scope(struct buffer *raw)
{
    const struct item_id everything = {BYTES_EMPTY};

    CHECK(item_id_encode(&everything, raw));
    return (struct scope){
        .ops = OP_APPEND | OP_READ,
        .prefixes = {buffer_bytes(raw), 1},
        .max_life_ms = YEAR_MS,
        .max_entry = U64_UNLIMITED,
        .quota_entries = U64_UNLIMITED,
        .quota_bytes = U64_UNLIMITED,
        .rate = {U64_UNLIMITED, 1000},
        .holders = U64_UNLIMITED,
        .depth = TOKEN_BLOCKS_MAX,
        .live_tokens = LIVE_TOKENS_USUAL,
    };
}

/* --- Making ---------------------------------------------------------------------------------- */

static bool put_replica_row(const struct secret_key *const *keys,
                            const struct card_details *details, struct buffer *out)
{
    uint8_t raw[ENDPOINTS_MAX * (ENDPOINT_BYTES_MAX + 3)];
    struct buffer endpoints = buffer_make(raw, sizeof(raw));
    struct replica_row row = {
        .rid = details->rid,
        .operator_name = bytes_of_text(details->operator_name),
        .provider = bytes_of_text(details->provider),
        .region = bytes_of_text(details->region),
        .system = bytes_of_text(details->system),
        .build = bytes_of_text(details->build),
    };

    if (details->endpoint_count > ENDPOINTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < details->endpoint_count; i++) {
        const struct item_endpoint endpoint = {bytes_of_text(details->endpoints[i])};

        if (!item_endpoint_encode(&endpoint, &endpoints)) {
            return false;
        }
    }
    row.endpoints = (struct wire_list){buffer_bytes(&endpoints), (uint32_t)details->endpoint_count};
    memcpy(row.sign_pk, keys[0]->public_key, PUBLIC_KEY_BYTES);
    memcpy(row.cosign_pk, keys[1]->public_key, PUBLIC_KEY_BYTES);
    memcpy(row.transport_pk, keys[2]->public_key, PUBLIC_KEY_BYTES);
    return replica_row_encode(&row, out);
}

static bool put_issuer_row(const struct secret_key *const *keys, uint32_t count,
                           const struct card_details *details, struct buffer *out)
{
    uint8_t raw[ISSUER_KEYS_MAX * (PUBLIC_KEY_BYTES + 12)];
    struct buffer list = buffer_make(raw, sizeof(raw));
    const struct issuer_row row = {
        .iid = bytes_of_text(keys[0]->subject),
        .name = bytes_of_text(details->name),
        .scope = *details->scope,
    };
    struct issuer_row made = row;

    for (uint32_t i = 0; i < count; i++) {
        struct issuer_key key = {.gen = i + 1};

        memcpy(key.pk, keys[i]->public_key, PUBLIC_KEY_BYTES);
        if (!issuer_key_encode(&key, &list)) {
            return false;
        }
    }
    made.keys = (struct wire_list){buffer_bytes(&list), count};
    return issuer_row_encode(&made, out);
}

static bool put_row(const struct secret_key *const *keys, uint32_t count,
                    const struct card_details *details, struct buffer *out)
{
    const uint64_t role = keys[0]->role;

    if (role == ROLE_REPLICA) {
        return count == REPLICA_CARD_KEYS && put_replica_row(keys, details, out);
    }
    if (role == ROLE_ISSUER) {
        return put_issuer_row(keys, count, details, out);
    }
    if (role == ROLE_MEMBER) {
        struct member_row row = {.mid = bytes_of_text(keys[0]->subject),
                                 .name = bytes_of_text(details->name)};

        memcpy(row.pk, keys[0]->public_key, PUBLIC_KEY_BYTES);
        hash_bytes(bytes_make(details->next_key, PUBLIC_KEY_BYTES), row.next_h);
        return count == 1 && member_row_encode(&row, out);
    }
    struct key_row row = {.id = bytes_of_text(keys[0]->subject),
                          .name = bytes_of_text(details->name)};
    memcpy(row.pk, keys[0]->public_key, PUBLIC_KEY_BYTES);
    return count == 1 && key_row_encode(&row, out);
}

static void put_card(const struct secret_key *const *keys, uint32_t count,
                     const uint8_t nonce[HASH_BYTES], struct buffer *out)
{
    uint8_t raw[ISSUER_KEYS_MAX * (PUBLIC_KEY_BYTES + 2)];
    struct buffer list = buffer_make(raw, sizeof(raw));
    struct card card = {.role = keys[0]->role, .subject = bytes_of_text(keys[0]->subject)};

    for (uint32_t i = 0; i < count; i++) {
        struct item_hash key;

        memcpy(key.value, keys[i]->public_key, PUBLIC_KEY_BYTES);
        CHECK(item_hash_encode(&key, &list));
    }
    card.keys = (struct wire_list){buffer_bytes(&list), count};
    memcpy(card.nonce, nonce, HASH_BYTES);
    CHECK(card_encode(&card, out));
}

enum status card_make(const struct secret_key *const *keys, uint32_t key_count,
                      const uint8_t nonce[HASH_BYTES], const struct card_details *details,
                      struct buffer *out, struct problem *problem)
{
    CHECK(key_count >= 1 && key_count <= ISSUER_KEYS_MAX);
    uint8_t row_raw[ROW_BYTES_MAX];
    uint8_t card_raw[CARD_BODY_MAX];
    uint8_t sig_raw[ISSUER_KEYS_MAX * (SIG_BYTES + 2)];
    struct buffer row = buffer_make(row_raw, sizeof(row_raw));
    struct buffer card = buffer_make(card_raw, sizeof(card_raw));
    struct buffer sigs = buffer_make(sig_raw, sizeof(sig_raw));

    if (!put_row(keys, key_count, details, &row)) {
        (void)problem_say(problem, STATUS_INVALID,
                          "%s: a name or an endpoint is missing, too long or not printable",
                          keys[0]->subject);
        return problem_advise(problem, "give text of 1 to %d printable characters", NAME_BYTES_MAX);
    }
    put_card(keys, key_count, nonce, &card);
    const uint8_t *const cluster_id =
        details->cluster_id == NULL ? no_cluster : details->cluster_id;
    for (uint32_t i = 0; i < key_count; i++) {
        struct item_sig sig;

        secret_key_sign(keys[i], TAG_POSSESSION, cluster_id, buffer_bytes(&card), sig.value);
        CHECK(item_sig_encode(&sig, &sigs));
    }
    const struct card_file file = {
        .proof = {buffer_bytes(&card), {buffer_bytes(&sigs), key_count}},
        .row = buffer_bytes(&row),
    };
    if (!card_file_encode(&file, out)) {
        return problem_say(problem, STATUS_INVALID, "%s: the card is too large", keys[0]->subject);
    }
    return STATUS_OK;
}

void card_nonce(uint8_t out[HASH_BYTES])
{
    randombytes_buf(out, HASH_BYTES);
}

enum status card_write(const char *path, struct bytes object, struct problem *problem)
{
    uint8_t text[ARMOUR_CHARS(CARD_OBJECT_MAX)];
    struct buffer armoured = buffer_make(text, sizeof(text));

    armour_put(&armoured, ARMOUR_CARD, object);
    CHECK(!armoured.full);
    return file_create(path, 0644, buffer_bytes(&armoured), problem);
}

/* --- Checking -------------------------------------------------------------------------------- */

static bool same_key(const struct card_checked *card, uint32_t at,
                     const uint8_t key[PUBLIC_KEY_BYTES])
{
    return at < card->key_count && memcmp(card->keys[at], key, PUBLIC_KEY_BYTES) == 0;
}

static bool replica_row_agrees(struct card_checked *card)
{
    uint8_t raw[REPLICA_NAME_MAX];
    struct buffer name = buffer_make(raw, sizeof(raw));

    if (replica_row_decode(card->row_bytes, &card->replica) != WIRE_OK ||
        card->replica.rid > REPLICA_ID_MAX) {
        return false;
    }
    replica_name_put(&name, (uint32_t)card->replica.rid);
    return card->key_count == REPLICA_CARD_KEYS &&
           bytes_equal(card->subject, buffer_bytes(&name)) &&
           same_key(card, 0, card->replica.sign_pk) && same_key(card, 1, card->replica.cosign_pk) &&
           same_key(card, 2, card->replica.transport_pk);
}

static bool issuer_row_agrees(struct card_checked *card)
{
    struct issuer_key key;

    if (issuer_row_decode(card->row_bytes, &card->issuer) != WIRE_OK ||
        card->issuer.keys.count != card->key_count) {
        return false;
    }
    struct wire_iter iter = wire_iter_make(card->issuer.keys);
    for (uint32_t i = 0; issuer_key_next(&iter, &key); i++) {
        if (!same_key(card, i, key.pk)) {
            return false;
        }
    }
    return bytes_equal(card->subject, card->issuer.iid);
}

static bool row_agrees(struct card_checked *card)
{
    if (card->role == ROLE_REPLICA) {
        return replica_row_agrees(card);
    }
    if (card->role == ROLE_ISSUER) {
        return issuer_row_agrees(card);
    }
    if (card->role == ROLE_MEMBER) {
        return member_row_decode(card->row_bytes, &card->member) == WIRE_OK &&
               card->key_count == 1 && same_key(card, 0, card->member.pk) &&
               bytes_equal(card->subject, card->member.mid);
    }
    if (card->role == ROLE_RECOVERY || card->role == ROLE_WITNESS || card->role == ROLE_HOLDER) {
        return key_row_decode(card->row_bytes, &card->key) == WIRE_OK && card->key_count == 1 &&
               same_key(card, 0, card->key.pk) && bytes_equal(card->subject, card->key.id);
    }
    return false;
}

/* Whether every key may be registered and signed the card. */
static bool proofs_hold(const struct card_proof *proof, struct wire_list keys,
                        const uint8_t cluster_id[HASH_BYTES], struct card_checked *card)
{
    struct wire_iter key_iter = wire_iter_make(keys);
    struct wire_iter sig_iter = wire_iter_make(proof->sigs);
    struct item_hash key;
    struct item_sig sig;

    if (keys.count != proof->sigs.count) {
        return false;
    }
    while (item_hash_next(&key_iter, &key) && item_sig_next(&sig_iter, &sig)) {
        if (!sig_ed25519.key_valid(key.value) ||
            !verify_body(&sig_ed25519, key.value, TAG_POSSESSION, cluster_id, proof->card,
                         sig.value)) {
            return false;
        }
        memcpy(card->keys[card->key_count], key.value, PUBLIC_KEY_BYTES);
        memcpy(card->sigs[card->key_count], sig.value, SIG_BYTES);
        card->key_count++;
    }
    return card->key_count == keys.count;
}

enum status card_check(const char *name, struct bytes object, struct card_checked *out,
                       struct problem *problem)
{
    return card_check_of(name, object, no_cluster, out, problem);
}

enum status card_check_of(const char *name, struct bytes object,
                          const uint8_t cluster_id[HASH_BYTES], struct card_checked *out,
                          struct problem *problem)
{
    struct card_file file;
    struct card body;
    struct card_checked card = {0};

    if (card_file_decode(object, &file) != WIRE_OK ||
        card_decode(file.proof.card, &body) != WIRE_OK) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not a card, or damaged", name);
        return problem_advise(problem, "ask its owner for the file again");
    }
    card.role = body.role;
    card.subject = body.subject;
    card.proof = file.proof;
    card.row_bytes = file.row;
    memcpy(card.nonce, body.nonce, HASH_BYTES);
    statement_id(TAG_POSSESSION, cluster_id, file.proof.card, card.id);
    if (!proofs_hold(&file.proof, body.keys, cluster_id, &card)) {
        (void)problem_say(problem, STATUS_CORRUPT,
                          "%s: a key on the card has not signed it for this log, or is no key",
                          name);
        return problem_advise(problem,
                              "do not register it; ask its owner for the file again (new "
                              "keys of a log that runs are made with --charter, and shown with "
                              "the charter)");
    }
    if (!row_agrees(&card)) {
        (void)problem_say(problem, STATUS_CORRUPT,
                          "%s: what would be registered is not what the card says", name);
        return problem_advise(problem, "do not register it; ask its owner what happened");
    }
    *out = card;
    return STATUS_OK;
}

enum status card_read(const char *path, struct buffer *backing, struct card_checked *card,
                      struct problem *problem)
{
    return card_read_of(path, backing, no_cluster, card, problem);
}

enum status card_read_of(const char *path, struct buffer *backing,
                         const uint8_t cluster_id[HASH_BYTES], struct card_checked *card,
                         struct problem *problem)
{
    uint8_t text[ARMOUR_CHARS(CARD_OBJECT_MAX)];
    struct buffer armoured = buffer_make(text, sizeof(text));

    const enum status status = file_read(path, &armoured, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!armour_read(buffer_bytes(&armoured), ARMOUR_CARD, backing)) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not a card, or damaged", path);
        return problem_advise(problem, "a card begins with the line %s", ARMOUR_CARD);
    }
    return card_check_of(path, buffer_bytes(backing), cluster_id, card, problem);
}
