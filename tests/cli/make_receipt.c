/* make-receipt DEV_FOLDER PAYLOAD OUT COSIGNERS: a receipt for the payload as a running development
 * cluster would give it, made with the replicas' own keys. For tests of vestry-verify; the second
 * entry of a log of two. */
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/receipt.h"
#include "keys/genesis.h"
#include "keys/replica_keys.h"
#include "keys/words/amounts.h"
#include "keys/words/file.h"
#include "keys/words/token_words.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_MS UINT64_C(1790000000111)

struct making {
    const char *folder;
    uint64_t cosigners;
    struct charter_view view;
    uint8_t charter_raw[CHARTER_FILE_MAX];
    uint8_t payload_raw[PAYLOAD_BYTES_MAX];
    struct buffer payload;
    uint8_t salt[SALT_BYTES];
    uint8_t token_raw[TOKEN_BYTES_MAX];
    struct buffer token;
    uint8_t statement_raw[STATEMENT_BODY_BYTES_MAX];
    struct buffer statement;
    uint8_t request_raw[REQUEST_BODY_BYTES_MAX];
    struct buffer request;
    uint8_t leaf_raw[LEAF_BYTES_MAX];
    struct buffer leaf;
    uint8_t extra_raw[RECEIPT_EXTRA_BYTES_MAX];
    struct buffer extra;
    uint8_t note_raw[NOTE_BYTES_MAX];
    struct buffer note;
    struct problem problem;
};

static void need(struct making *making, enum status status)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "error: %s\n", making->problem.what);
        exit(1);
    }
}

static const char *in_folder(struct making *making, const char *name)
{
    static char path[FILE_PATH_MAX];

    need(making, file_path(path, making->folder, name, "", &making->problem));
    return path;
}

static void make_request(struct making *making, struct secret_key *client,
                         struct authorship *authorship)
{
    const struct bytes salted[] = {BYTES_OF_ARRAY(making->salt), buffer_bytes(&making->payload)};
    struct statement statement = {.stream = bytes_of_text("orders/store17"),
                                  .payload_len = making->payload.len,
                                  .expect_stream_len = U64_UNLIMITED};
    struct request request = {
        .request_no = 1, .op = OP_APPEND, .not_after_ms = TIME_MS + 60000, .count = 1};

    hash_parts(salted, 2, statement.payload_hash);
    CHECK(statement_encode(&statement, &making->statement));
    merkle_leaf_hash(buffer_bytes(&making->statement), request.entries_root);
    hash_bytes(buffer_bytes(&making->token), request.author.id);
    CHECK(request_encode(&request, &making->request));
    secret_key_sign(client, TAG_REQUEST, making->view.cluster_id, buffer_bytes(&making->request),
                    authorship->sig);
    authorship->request = buffer_bytes(&making->request);
    authorship->token = buffer_bytes(&making->token);
    authorship->statement = buffer_bytes(&making->statement);
    authorship->path = (struct wire_list){BYTES_EMPTY, 0};
}

static void make_extra(struct making *making)
{
    static uint8_t raw[RECEIPT_EXTRA_BYTES_MAX];
    struct buffer encoded = buffer_make(raw, sizeof(raw));
    const struct bytes salted[] = {BYTES_OF_ARRAY(making->salt), buffer_bytes(&making->payload)};
    const struct key_expected any = {0};
    struct leaf leaf = {.index = 1,
                        .height = 1,
                        .time_ms = TIME_MS,
                        .kind = LEAF_DATA,
                        .stream = bytes_of_text("orders/store17"),
                        .stream_index = 0,
                        .payload_len = making->payload.len};
    struct authorship authorship;
    struct secret_key client;

    need(making,
         keyfile_load(in_folder(making, "client.key"), &any, NULL, &client, &making->problem));
    make_request(making, &client, &authorship);
    memcpy(leaf.author, client.public_key, PUBLIC_KEY_BYTES);
    secret_key_close(&client);
    statement_id(TAG_REQUEST, making->view.cluster_id, buffer_bytes(&making->request),
                 leaf.request_id);
    hash_parts(salted, 2, leaf.payload_hash);
    CHECK(leaf_encode(&leaf, &making->leaf));
    CHECK(authorship_encode(&authorship, &encoded));
    const struct receipt_extra extra = {.leaf = buffer_bytes(&making->leaf),
                                        .salt = BYTES_OF_ARRAY(making->salt),
                                        .authorship = buffer_bytes(&encoded)};
    CHECK(receipt_extra_encode(&extra, &making->extra));
}

static void make_note(struct making *making, const uint8_t first[HASH_BYTES])
{
    struct checkpoint checkpoint = {.tree_size = 2, .height = 1, .time_ms = TIME_MS};
    uint8_t second[HASH_BYTES];
    uint8_t sig[SIG_BYTES];

    CHECK(origin_make(making->view.charter.name, making->view.cluster_id, &checkpoint.origin));
    merkle_leaf_hash(buffer_bytes(&making->leaf), second);
    merkle_node_hash(first, second, checkpoint.tree_root);
    checkpoint_text(&checkpoint, &making->note);
    buffer_put_u8(&making->note, '\n');
    for (uint32_t rid = 0; rid < making->view.replica_count; rid++) {
        struct replica_keys keys;
        char name[32];

        (void)snprintf(name, sizeof(name), "r%u/r%u.key", rid, rid);
        need(making,
             replica_keys_load(in_folder(making, name), rid, NULL, &keys, &making->problem));
        checkpoint_sign(&sig_ed25519, &checkpoint, NOTE_SIGN, keys.sign.seed.data,
                        keys.sign.public_key, sig);
        note_line_put(&making->note, &checkpoint, NOTE_SIGN, rid, keys.sign.public_key, sig);
        checkpoint_sign(&sig_ed25519, &checkpoint, NOTE_COSIGN, keys.cosign.seed.data,
                        keys.cosign.public_key, sig);
        if (rid < making->cosigners) {
            note_line_put(&making->note, &checkpoint, NOTE_COSIGN, rid, keys.cosign.public_key,
                          sig);
        }
        replica_keys_close(&keys);
    }
}

int main(int argc, char **argv)
{
    static struct making making;
    static uint8_t raw[RECEIPT_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));
    struct buffer charter = buffer_make(making.charter_raw, sizeof(making.charter_raw));
    uint8_t first[HASH_BYTES] = {1};

    if (argc != 5 || sodium_init() < 0 ||
        !amount_parse_count(bytes_of_text(argv[4]), &making.cosigners)) {
        (void)fprintf(stderr, "usage: make-receipt DEV_FOLDER PAYLOAD OUT COSIGNERS\n");
        return 2;
    }
    making.folder = argv[1];
    making.payload = buffer_make(making.payload_raw, sizeof(making.payload_raw));
    making.token = buffer_make(making.token_raw, sizeof(making.token_raw));
    making.statement = buffer_make(making.statement_raw, sizeof(making.statement_raw));
    making.request = buffer_make(making.request_raw, sizeof(making.request_raw));
    making.leaf = buffer_make(making.leaf_raw, sizeof(making.leaf_raw));
    making.extra = buffer_make(making.extra_raw, sizeof(making.extra_raw));
    making.note = buffer_make(making.note_raw, sizeof(making.note_raw));
    randombytes_buf(making.salt, sizeof(making.salt));
    need(&making, genesis_charter_read(in_folder(&making, CHARTER_NAME), &charter, &making.view,
                                       &making.problem));
    need(&making, file_read(argv[2], &making.payload, &making.problem));
    need(&making,
         token_file_read(in_folder(&making, "client.token"), &making.token, &making.problem));
    make_extra(&making);
    make_note(&making, first);
    const struct receipt_parts parts = {.index = 1,
                                        .extra = buffer_bytes(&making.extra),
                                        .path = BYTES_OF_ARRAY(first),
                                        .note = buffer_bytes(&making.note)};
    receipt_put(&out, &parts);
    CHECK(!out.full);
    need(&making, file_create(argv[3], 0644, buffer_bytes(&out), &making.problem));
    return 0;
}
