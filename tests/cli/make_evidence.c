/* make-evidence DEV_FOLDER RID OUT [agrees]: evidence that the replica voted PREPARE for two
 * digests, made with its own key; or two equal votes, which convict nobody. For tests of vestry
 * evidence and vestry-verify evidence. */
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

int main(int argc, char **argv)
{
    static struct charter_view view;
    static uint8_t charter_raw[CHARTER_FILE_MAX];
    struct buffer charter = buffer_make(charter_raw, sizeof(charter_raw));
    uint8_t raw[3][1024];
    struct buffer first = buffer_make(raw[0], sizeof(raw[0]));
    struct buffer second = buffer_make(raw[1], sizeof(raw[1]));
    struct buffer out = buffer_make(raw[2], sizeof(raw[2]));
    uint8_t second_sig[SIG_BYTES];
    char path[FILE_PATH_MAX];
    char name[32];
    uint64_t rid = 0;
    struct replica_keys keys;

    if (argc < 4 || sodium_init() < 0 || !amount_parse_count(bytes_of_text(argv[2]), &rid) ||
        rid >= REPLICAS_MAX) {
        (void)fprintf(stderr, "usage: make-evidence DEV_FOLDER RID OUT [agrees]\n");
        return 2;
    }
    need(file_path(path, argv[1], CHARTER_NAME, "", &problem));
    need(genesis_charter_read(path, &charter, &view, &problem));
    (void)snprintf(name, sizeof(name), "r%u/r%u.key", (unsigned)rid, (unsigned)rid);
    need(file_path(path, argv[1], name, "", &problem));
    need(replica_keys_load(path, (uint32_t)rid, NULL, &keys, &problem));
    struct evidence evidence = {.kind = EVIDENCE_PREPARE,
                                .rid = rid,
                                .first = vote_for(1, &first),
                                .second = vote_for(argc == 4 ? 2 : 1, &second),
                                .second_sig = BYTES_OF_ARRAY(second_sig)};
    secret_key_sign(&keys.sign, TAG_PREPARE, view.cluster_id, evidence.first, evidence.first_sig);
    secret_key_sign(&keys.sign, TAG_PREPARE, view.cluster_id, evidence.second, second_sig);
    replica_keys_close(&keys);
    CHECK(evidence_encode(&evidence, &out));
    need(file_create(argv[3], 0600, buffer_bytes(&out), &problem));
    return 0;
}
