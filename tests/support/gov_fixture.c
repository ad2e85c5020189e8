#include "tests/support/gov_fixture.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gov_seed(const char *name, uint8_t out[SEED_BYTES])
{
    hash_bytes(bytes_of_text(name), out);
}

void gov_public_key(const struct sig_scheme *scheme, const char *name,
                    uint8_t out[PUBLIC_KEY_BYTES])
{
    uint8_t seed[SEED_BYTES];

    gov_seed(name, seed);
    scheme->public_key(seed, out);
}

/* A name that lives as long as the fixture. */
static struct bytes id_make(struct gov_fixture *fixture, const char *stem, uint32_t number)
{
    char *id = fixture->ids[fixture->ids_used++];

    CHECK(fixture->ids_used <= sizeof(fixture->ids) / sizeof(fixture->ids[0]));
    snprintf(id, sizeof(fixture->ids[0]), "%s%u", stem, number);
    return bytes_of_text(id);
}

static void member_init(struct gov_fixture *fixture, uint32_t index)
{
    struct member_row *row = &fixture->members[index];
    char name[32];
    uint8_t next[PUBLIC_KEY_BYTES];

    row->mid = id_make(fixture, "m", index + 1);
    row->name = id_make(fixture, "Member ", index + 1);
    snprintf(name, sizeof(name), "m%u", index + 1);
    gov_public_key(fixture->scheme, name, row->pk);
    snprintf(name, sizeof(name), "m%u next", index + 1);
    gov_public_key(fixture->scheme, name, next);
    hash_bytes(BYTES_OF_ARRAY(next), row->next_h);
}

static void key_row_init(struct gov_fixture *fixture, struct key_row *row, const char *stem,
                         uint32_t number)
{
    char name[32];

    row->id = id_make(fixture, stem, number);
    snprintf(name, sizeof(name), "Person %s", stem);
    row->name = id_make(fixture, name, number);
    snprintf(name, sizeof(name), "%s%u", stem, number);
    gov_public_key(fixture->scheme, name, row->pk);
}

static void replica_init(struct gov_fixture *fixture, uint32_t rid)
{
    static const char *const kinds[] = {"", " cosign", " transport"};
    struct replica_row *row = &fixture->replicas[rid];
    uint8_t *const keys[] = {row->sign_pk, row->cosign_pk, row->transport_pk};

    row->rid = rid;
    row->operator_name = bytes_of_text("operator");
    row->provider = bytes_of_text("provider");
    row->region = bytes_of_text("region");
    row->system = bytes_of_text("system");
    row->build = bytes_of_text("vestryd 0.1.0");
    for (size_t i = 0; i < 3; i++) {
        char name[32];

        snprintf(name, sizeof(name), "r%u%s", rid, kinds[i]);
        gov_public_key(fixture->scheme, name, keys[i]);
    }
}

static void issuer_init(struct gov_fixture *fixture, uint32_t index)
{
    struct issuer_row *row = &fixture->issuers[index];

    row->iid = id_make(fixture, "i", index + 1);
    row->name = id_make(fixture, "Issuer ", index + 1);
    row->scope = (struct scope){
        .ops = OPERATIONS_ALL,
        .max_life_ms = 24 * FIXTURE_HOUR,
        .max_entry = 65536,
        .quota_entries = 1000000,
        .quota_bytes = UINT64_C(1) << 40,
        .rate = {1000000, 60000},
        .holders = 1000,
        .depth = TOKEN_BLOCKS_MAX,
        .live_tokens = 1000,
    };
    fixture->prefixes[index][0] = index == 0 ? "log" : "";
    fixture->prefixes[index][1] = "pay";
    fixture->prefix_count[index] = index == 0 ? 2 : 1;
    fixture->issuer_key_count[index] = 2;
    for (uint32_t i = 0; i < 2; i++) {
        char name[32];

        snprintf(name, sizeof(name), "i%u %u", index + 1, i);
        fixture->issuer_keys[index][i].gen = i + 1;
        gov_public_key(fixture->scheme, name, fixture->issuer_keys[index][i].pk);
    }
}

void gov_fixture_init(struct gov_fixture *fixture, const struct sig_scheme *scheme,
                      uint32_t replicas)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->scheme = scheme;
    fixture->charter.profile = PROFILE_DEVELOPMENT;
    fixture->charter.name = bytes_of_text("dev.example");
    fixture->charter.date_ms = FIXTURE_DATE;
    fixture->charter.thresholds = (struct thresholds){4, 3, 2, 2};
    fixture->charter.f = (replicas - 1) / 3;
    fixture->charter.feature_level = FEATURE_LEVEL;
    fixture->charter.crypto_profile = CRYPTO_PROFILE;
    gov_seed("salt", fixture->charter.salt);
    gov_seed("constitution", fixture->charter.text_hash);
    fixture->member_count = 5;
    fixture->recovery_count = 3;
    fixture->replica_count = replicas;
    fixture->issuer_count = 2;
    fixture->witness_count = 1;
    for (uint32_t i = 0; i < fixture->member_count; i++) {
        member_init(fixture, i);
    }
    for (uint32_t i = 0; i < fixture->recovery_count; i++) {
        key_row_init(fixture, &fixture->recovery[i], "h", i + 1);
    }
    for (uint32_t i = 0; i < replicas; i++) {
        replica_init(fixture, i);
    }
    for (uint32_t i = 0; i < fixture->issuer_count; i++) {
        issuer_init(fixture, i);
    }
    key_row_init(fixture, &fixture->witnesses[0], "w", 1);
}

void gov_charter_seed(const struct charter_key *key, uint8_t out[SEED_BYTES])
{
    static const char *const kinds[] = {"", " cosign", " transport"};
    char name[128];

    if (key->role == ROLE_ISSUER) {
        snprintf(name, sizeof(name), "%.*s %u", (int)key->subject_len, (const char *)key->subject,
                 key->key_no);
    } else {
        snprintf(name, sizeof(name), "%.*s%s", (int)key->subject_len, (const char *)key->subject,
                 key->card_role == ROLE_REPLICA ? kinds[key->key_no] : "");
    }
    gov_seed(name, out);
}

/* --- Encoding ----------------------------------------------------------------------------------
 */

static struct wire_list list_end(const struct buffer *list, uint32_t count)
{
    CHECK(!list->full);
    return (struct wire_list){buffer_bytes(list), count};
}

static struct wire_list prefixes_encode(struct buffer *out, const char *const *prefixes,
                                        uint32_t count)
{
    const size_t at = out->len;

    for (uint32_t i = 0; i < count; i++) {
        const struct item_id id = {bytes_of_text(prefixes[i])};

        CHECK(item_id_encode(&id, out));
    }
    return (struct wire_list){bytes_slice(buffer_bytes(out), at, out->len - at), count};
}

static void issuers_encode(struct gov_fixture *fixture, struct buffer *list, struct buffer *parts)
{
    for (uint32_t i = 0; i < fixture->issuer_count; i++) {
        struct issuer_row row = fixture->issuers[i];
        const size_t at = parts->len;

        for (uint32_t j = 0; j < fixture->issuer_key_count[i]; j++) {
            CHECK(issuer_key_encode(&fixture->issuer_keys[i][j], parts));
        }
        row.keys = (struct wire_list){bytes_slice(buffer_bytes(parts), at, parts->len - at),
                                      fixture->issuer_key_count[i]};
        row.scope.prefixes = prefixes_encode(parts, fixture->prefixes[i], fixture->prefix_count[i]);
        CHECK(issuer_row_encode(&row, list));
    }
}

struct bytes gov_fixture_body(struct gov_fixture *fixture)
{
    struct buffer lists[8];
    struct buffer body = buffer_make(fixture->body, sizeof(fixture->body));
    struct charter *charter = &fixture->charter;

    for (size_t i = 0; i < 8; i++) {
        lists[i] = buffer_make(fixture->lists[i], sizeof(fixture->lists[i]));
    }
    for (uint32_t i = 0; i < fixture->member_count; i++) {
        CHECK(member_row_encode(&fixture->members[i], &lists[0]));
    }
    for (uint32_t i = 0; i < fixture->recovery_count; i++) {
        CHECK(key_row_encode(&fixture->recovery[i], &lists[1]));
    }
    for (uint32_t i = 0; i < fixture->replica_count; i++) {
        CHECK(replica_row_encode(&fixture->replicas[i], &lists[2]));
    }
    issuers_encode(fixture, &lists[3], &lists[6]);
    for (uint32_t i = 0; i < fixture->witness_count; i++) {
        CHECK(key_row_encode(&fixture->witnesses[i], &lists[4]));
    }
    for (uint32_t i = 0; i < fixture->param_count; i++) {
        CHECK(param_row_encode(&fixture->params[i], &lists[5]));
    }
    charter->members = list_end(&lists[0], fixture->member_count);
    charter->recovery = list_end(&lists[1], fixture->recovery_count);
    charter->replicas = list_end(&lists[2], fixture->replica_count);
    charter->issuers = list_end(&lists[3], fixture->issuer_count);
    charter->witnesses = list_end(&lists[4], fixture->witness_count);
    charter->params = list_end(&lists[5], fixture->param_count);
    CHECK(charter_encode(charter, &body));
    fixture->body_len = body.len;
    return buffer_bytes(&body);
}

static int key_order(const void *left, const void *right)
{
    const struct charter_key *a = *(const struct charter_key *const *)left;
    const struct charter_key *b = *(const struct charter_key *const *)right;
    const int order = bytes_compare(bytes_make(a->subject, a->subject_len),
                                    bytes_make(b->subject, b->subject_len));

    if (a->card_role != b->card_role) {
        return a->card_role < b->card_role ? -1 : 1;
    }
    return order != 0 ? order : a->key_no < b->key_no ? -1 : 1;
}

struct bytes gov_fixture_file(struct gov_fixture *fixture)
{
    static struct charter_view view;
    static const struct charter_key *sorted[CHARTER_KEYS_MAX];
    struct buffer sigs = buffer_make(fixture->lists[7], sizeof(fixture->lists[7]));
    struct buffer out = buffer_make(fixture->file, sizeof(fixture->file));
    struct charter_file file = {.charter = gov_fixture_body(fixture)};

    CHECK(charter_parse(file.charter, &view) == WIRE_OK);
    for (uint32_t i = 0; i < view.key_count; i++) {
        sorted[i] = &view.keys[i];
    }
    qsort(sorted, view.key_count, sizeof(sorted[0]), key_order);
    for (uint32_t i = 0; i < view.key_count; i++) {
        const struct charter_key *key = sorted[i];
        struct charter_sig sig = {.role = key->card_role, .key_no = key->key_no};
        uint8_t seed[SEED_BYTES];
        uint8_t statement[STATEMENT_BYTES];

        sig.subject = bytes_make(key->subject, key->subject_len);
        gov_charter_seed(key, seed);
        charter_statement(&view, key, statement);
        fixture->scheme->sign(seed, key->pk, BYTES_OF_ARRAY(statement), sig.sig);
        CHECK(charter_sig_encode(&sig, &sigs));
    }
    file.sigs = list_end(&sigs, view.key_count);
    CHECK(charter_file_encode(&file, &out));
    fixture->file_len = out.len;
    return buffer_bytes(&out);
}

void gov_world_open(struct gov_world *world, struct gov_fixture *fixture, uint32_t records)
{
    CHECK(charter_parse(gov_fixture_body(fixture), &world->charter) == WIRE_OK);
    CHECK(state_open(records, (size_t)4 << 20, 1, &world->state) == STATUS_OK);
    CHECK(genesis_apply(&world->charter, world->state));
    rights_init(&world->rights);
    CHECK(rights_refresh(&world->rights, world->state, NULL));
}

void gov_world_close(struct gov_world *world)
{
    state_close(world->state);
}

/* --- Tokens ------------------------------------------------------------------------------------
 */

void gov_token_init(struct gov_token *token, uint32_t issuer, uint32_t count)
{
    static const char *const holders[] = {"alice", "bob", "carol", "dave", "erin", "frank"};

    memset(token, 0, sizeof(*token));
    token->issuer = issuer;
    token->count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct gov_block *block = &token->blocks[i];

        block->holder = holders[i];
        block->prefixes[0] = "pay";
        block->prefix_count = 1;
        block->body = (struct cap_block){
            .gen = i == 0 ? 1 : 0,
            .ops = OP_APPEND | OP_READ,
            .not_before_ms = FIXTURE_DATE,
            .expires_ms = FIXTURE_DATE + FIXTURE_HOUR,
            .expires_height = 1000,
            .max_entry = 1000,
            .quota_entries = 100,
            .quota_bytes = 100000,
            .rate = {50, 60000},
            .holders = 10,
            .depth = count - 1 - i < TOKEN_BLOCKS_MAX - 1 ? count - 1 - i : TOKEN_BLOCKS_MAX - 1,
        };
    }
}

struct bytes gov_token_make(struct gov_token *token, const struct gov_world *world,
                            const struct sig_scheme *scheme)
{
    static uint8_t list_bytes[4 * TOKEN_BYTES_MAX];
    struct buffer list = buffer_make(list_bytes, sizeof(list_bytes));
    struct buffer out = buffer_make(token->bytes, sizeof(token->bytes));
    char issuer_key[32];
    uint8_t parent[HASH_BYTES];

    charter_issuer_id(&world->charter, token->issuer, parent);
    for (uint32_t i = 0; i < token->count; i++) {
        struct gov_block *block = &token->blocks[i];
        uint8_t prefix_bytes[STREAM_PREFIXES_MAX * (ID_BYTES_MAX + 2)];
        struct buffer prefixes = buffer_make(prefix_bytes, sizeof(prefix_bytes));
        uint8_t body_bytes[TOKEN_BLOCK_BYTES_MAX];
        struct buffer body = buffer_make(body_bytes, sizeof(body_bytes));
        const char *signer = block->signed_by;
        struct signed_block made;
        uint8_t seed[SEED_BYTES];
        uint8_t pk[PUBLIC_KEY_BYTES];

        if (!block->keep_parent) {
            memcpy(block->body.parent, parent, HASH_BYTES);
        }
        gov_public_key(scheme, block->holder, block->body.holder);
        block->body.prefixes = prefixes_encode(&prefixes, block->prefixes, block->prefix_count);
        CHECK(cap_block_encode(&block->body, &body));
        if (signer == NULL && i > 0) {
            signer = token->blocks[i - 1].holder;
        }
        if (signer == NULL) {
            snprintf(issuer_key, sizeof(issuer_key), "i%u %u", token->issuer + 1,
                     block->body.gen == 2 ? 1 : 0);
            signer = issuer_key;
        }
        gov_seed(signer, seed);
        scheme->public_key(seed, pk);
        sign_body(scheme, seed, pk, TAG_CAPABILITY, world->charter.cluster_id, buffer_bytes(&body),
                  made.sig);
        made.block = buffer_bytes(&body);
        CHECK(signed_block_encode(&made, &list));
        statement_id(TAG_CAPABILITY, world->charter.cluster_id, made.block, parent);
    }
    /* Not by the schema, which would not make a token with a block too many. */
    buffer_put_u8(&out, 0x92);
    buffer_put_u8(&out, 1);
    buffer_put_u8(&out, (uint8_t)(0x90 | token->count));
    buffer_put(&out, buffer_bytes(&list));
    CHECK(!out.full);
    token->len = out.len;
    return buffer_bytes(&out);
}

/* --- Requests ----------------------------------------------------------------------------------
 */

void gov_request_init(struct gov_request *request, uint64_t request_no)
{
    memset(request, 0, offsetof(struct gov_request, statements));
    request->body.request_no = request_no;
    request->body.op = OP_APPEND;
    request->body.not_after_ms = FIXTURE_DATE + 10000;
    request->count = 1;
    request->statements[0] = (struct gov_statement){"pay/eu", 100, U64_UNLIMITED};
}

void gov_payload_hash(uint64_t payload_len, uint8_t out[HASH_BYTES])
{
    static const uint8_t zeroes[SALT_BYTES + GOV_PAYLOAD_MAX];

    gov_seed("payload", out);
    if (payload_len <= GOV_PAYLOAD_MAX) {
        hash_bytes(bytes_make(zeroes, SALT_BYTES + (size_t)payload_len), out);
    }
}

static void statement_encode_as(const struct gov_request *request, uint32_t index,
                                struct buffer *out)
{
    const struct gov_statement *plan = &request->statements[index];

    if (request->body.op == OP_READ) {
        const uint64_t count = plan->payload_len > 0 ? 1 : 0;
        const struct read_statement made = {bytes_of_text(plan->stream), 0, count};

        CHECK(read_statement_encode(&made, out));
        return;
    }

    struct statement made = {
        .stream = bytes_of_text(plan->stream),
        .payload_len = plan->payload_len,
        .expect_stream_len = plan->expect,
    };

    gov_payload_hash(plan->payload_len, made.payload_hash);
    if (request->payload.len > 0) {
        static const uint8_t no_salt[SALT_BYTES];
        const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), request->payload};

        hash_parts(salted, 2, made.payload_hash);
    }
    CHECK(statement_encode(&made, out));
}

struct bytes gov_request_make(struct gov_request *request, const struct gov_token *token,
                              const struct gov_world *world, const struct sig_scheme *scheme)
{
    static uint8_t hashes[STATEMENTS_MAX][HASH_BYTES];
    struct buffer list = buffer_make(request->list, sizeof(request->list));
    struct buffer body = buffer_make(request->request, sizeof(request->request));
    struct buffer out = buffer_make(request->bytes, sizeof(request->bytes));
    const char *author = request->author;
    uint8_t seed[SEED_BYTES];
    uint8_t pk[PUBLIC_KEY_BYTES];

    for (uint32_t i = 0; i < request->count; i++) {
        uint8_t bytes[STATEMENT_BODY_BYTES_MAX];
        struct buffer statement = buffer_make(bytes, sizeof(bytes));

        statement_encode_as(request, i, &statement);

        const struct item_bin bin = {buffer_bytes(&statement)};

        merkle_leaf_hash(bin.value, hashes[i]);
        CHECK(item_bin_encode(&bin, &list));
    }
    if (author == NULL) {
        author = token->blocks[token->count - 1].holder;
    }
    gov_seed(author, seed);
    scheme->public_key(seed, pk);
    request->item.token = token == NULL ? BYTES_EMPTY : bytes_make(token->bytes, token->len);
    if (!request->keep_author) {
        request->body.author.kind = token == NULL ? 1 : 0;
        if (token == NULL) {
            memcpy(request->body.author.id, pk, PUBLIC_KEY_BYTES);
        } else {
            hash_bytes(request->item.token, request->body.author.id);
        }
    }
    if (!request->keep_root) {
        request->body.count = request->count;
        merkle_root_of(bytes_make(hashes, request->count * HASH_BYTES), request->body.entries_root);
    }
    CHECK(request_encode(&request->body, &body));
    request->item.request = buffer_bytes(&body);
    request->item.statements = list_end(&list, request->count);
    sign_body(scheme, seed, pk, TAG_REQUEST, world->charter.cluster_id, request->item.request,
              request->item.sig);
    CHECK(request->item.token.len > TOKEN_BYTES_MAX || item_encode(&request->item, &out));
    request->len = out.len;
    return buffer_bytes(&out);
}
