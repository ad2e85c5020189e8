/* make-evidence DEV_FOLDER RID OUT [agrees|denial|view-change|new-view|genesis]: evidence that the
 * replica voted PREPARE for two digests, made with its own key; or two equal votes, which convict
 * nobody; or a COMMIT, and a VIEW-CHANGE that denies it; or one message alone: a VIEW-CHANGE with a
 * checkpoint that nobody attests, a NEW-VIEW out of that one, and a VIEW-CHANGE that rests on the
 * beginning of the log, as a correct replica may sign it. For tests of vestry evidence and
 * vestry-verify evidence. */
#include "keys/genesis.h"
#include "keys/replica_keys.h"
#include "keys/words/amounts.h"
#include "keys/words/file.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct problem problem;

static void need(enum status status)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "error: %s\n", problem.what);
        exit(1);
    }
}

static struct bytes vote_for(uint8_t digest, struct buffer *out)
{
    struct vote vote = {.view = 1, .sequence = 7};

    memset(vote.digest, digest, sizeof(vote.digest));
    CHECK(vote_encode(&vote, out));
    return buffer_bytes(out);
}

/* For view 4n + rid, which the replica leads when there are four. */
static uint64_t view_of(uint64_t rid)
{
    return 8 + rid;
}

static struct bytes change_by(const struct charter_view *charter, uint64_t rid, uint64_t height,
                              struct buffer *out)
{
    uint8_t raw[HEADER_BYTES_MAX];
    struct buffer space = buffer_make(raw, sizeof(raw));
    struct block_header header = {.height = height};
    struct view_change change = {.view = view_of(rid)};

    memcpy(header.cluster_id, charter->cluster_id, HASH_BYTES);
    CHECK(block_header_encode(&header, &space));
    change.stable.header = buffer_bytes(&space);
    CHECK(view_change_encode(&change, out));
    return buffer_bytes(out);
}

static struct bytes new_view_by(const struct secret_key *key, const struct charter_view *charter,
                                uint64_t rid, struct buffer *out)
{
    uint8_t raw[2][1024];
    struct buffer change = buffer_make(raw[0], sizeof(raw[0]));
    struct buffer list = buffer_make(raw[1], sizeof(raw[1]));
    struct signed_body element = {.rid = rid, .body = change_by(charter, rid, 1, &change)};
    struct new_view new_view = {.view = view_of(rid)};

    secret_key_sign(key, TAG_VIEW_CHANGE, charter->cluster_id, element.body, element.sig);
    CHECK(signed_body_encode(&element, &list));
    new_view.view_changes = (struct wire_list){buffer_bytes(&list), 1};
    CHECK(new_view_encode(&new_view, out));
    return buffer_bytes(out);
}

struct made {
    uint8_t raw[2][2048];
    uint8_t second_sig[SIG_BYTES];
    struct evidence evidence;
};

static void make_votes(const struct secret_key *key, const struct charter_view *charter,
                       uint8_t other, struct made *made)
{
    struct buffer first = buffer_make(made->raw[0], sizeof(made->raw[0]));
    struct buffer second = buffer_make(made->raw[1], sizeof(made->raw[1]));
    struct evidence *evidence = &made->evidence;

    evidence->kind = EVIDENCE_PREPARE;
    evidence->first = vote_for(1, &first);
    evidence->second = vote_for(other, &second);
    evidence->second_sig = BYTES_OF_ARRAY(made->second_sig);
    secret_key_sign(key, TAG_PREPARE, charter->cluster_id, evidence->first, evidence->first_sig);
    secret_key_sign(key, TAG_PREPARE, charter->cluster_id, evidence->second, made->second_sig);
}

static void make_denial(const struct secret_key *key, const struct charter_view *charter,
                        struct made *made)
{
    struct buffer first = buffer_make(made->raw[0], sizeof(made->raw[0]));
    struct buffer second = buffer_make(made->raw[1], sizeof(made->raw[1]));
    struct evidence *evidence = &made->evidence;

    evidence->kind = EVIDENCE_DENIAL;
    evidence->first = vote_for(1, &first);
    evidence->second = change_by(charter, evidence->rid, 0, &second);
    evidence->second_sig = BYTES_OF_ARRAY(made->second_sig);
    secret_key_sign(key, TAG_COMMIT, charter->cluster_id, evidence->first, evidence->first_sig);
    secret_key_sign(key, TAG_VIEW_CHANGE, charter->cluster_id, evidence->second, made->second_sig);
}

static void make(const struct secret_key *key, const struct charter_view *charter, const char *what,
                 struct made *made)
{
    struct buffer body = buffer_make(made->raw[0], sizeof(made->raw[0]));
    struct evidence *evidence = &made->evidence;
    const bool is_new_view = strcmp(what, "new-view") == 0;

    if (strcmp(what, "agrees") == 0 || what[0] == '\0') {
        make_votes(key, charter, what[0] == '\0' ? 2 : 1, made);
        return;
    }
    if (strcmp(what, "denial") == 0) {
        make_denial(key, charter, made);
        return;
    }
    evidence->kind = is_new_view ? EVIDENCE_NEW_VIEW : EVIDENCE_VIEW_CHANGE;
    evidence->first = is_new_view ? new_view_by(key, charter, evidence->rid, &body)
                                  : change_by(charter, evidence->rid,
                                              strcmp(what, "genesis") == 0 ? 0 : 1, &body);
    secret_key_sign(key, is_new_view ? TAG_NEW_VIEW : TAG_VIEW_CHANGE, charter->cluster_id,
                    evidence->first, evidence->first_sig);
}

int main(int argc, char **argv)
{
    static struct charter_view view;
    static uint8_t charter_raw[CHARTER_FILE_MAX];
    struct buffer charter = buffer_make(charter_raw, sizeof(charter_raw));
    static struct made made;
    uint8_t raw[4096];
    struct buffer out = buffer_make(raw, sizeof(raw));
    char path[FILE_PATH_MAX];
    char name[32];
    uint64_t rid = 0;
    struct replica_keys keys;

    if (argc < 4 || sodium_init() < 0 || !amount_parse_count(bytes_of_text(argv[2]), &rid) ||
        rid >= REPLICAS_MAX) {
        (void)fprintf(stderr, "usage: make-evidence DEV_FOLDER RID OUT "
                              "[agrees|denial|view-change|new-view|genesis]\n");
        return 2;
    }
    need(file_path(path, argv[1], CHARTER_NAME, "", &problem));
    need(genesis_charter_read(path, &charter, &view, &problem));
    (void)snprintf(name, sizeof(name), "r%u/r%u.key", (unsigned)rid, (unsigned)rid);
    need(file_path(path, argv[1], name, "", &problem));
    need(replica_keys_load(path, (uint32_t)rid, NULL, &keys, &problem));
    made.evidence.rid = rid;
    make(&keys.sign, &view, argc > 4 ? argv[4] : "", &made);
    replica_keys_close(&keys);
    CHECK(evidence_encode(&made.evidence, &out));
    need(file_create(argv[3], 0600, buffer_bytes(&out), &problem));
    return 0;
}
