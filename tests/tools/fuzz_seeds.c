/* Inputs for the fuzzers to start from, made anew by each build:
 *
 *     fuzz_seeds FOLDER    writes FOLDER/reader, receipt, token, frame, chunk and evidence */
#include "crypto/frame.h"
#include "tests/support/chunk_world.h"
#include "tests/support/receipt_fixture.h"
#include "tests/support/schema_random.h"
#include "tests/support/sign_fast.h"
#include "tests/support/view_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint8_t memory[1u << 17];
static const char *root;

static void make_folder(const char *name)
{
    char path[4096];
    const int len = snprintf(path, sizeof(path), "%s%s%s", root, *name == '\0' ? "" : "/", name);

    if (len < 0 || (size_t)len >= sizeof(path) || (mkdir(path, 0777) != 0 && errno != EEXIST)) {
        fprintf(stderr, "fuzz_seeds: cannot make %s: %s\n", path, strerror(errno));
        exit(1);
    }
}

static void write_seed(const char *folder, const char *name, struct bytes seed)
{
    char path[4096];
    const int len = snprintf(path, sizeof(path), "%s/%s/%s", root, folder, name);
    FILE *file = len > 0 && (size_t)len < sizeof(path) ? fopen(path, "wb") : NULL;
    bool written = file != NULL && fwrite(seed.data, 1, seed.len, file) == seed.len;

    written = file != NULL && fclose(file) == 0 && written;
    if (!written) {
        fprintf(stderr, "fuzz_seeds: cannot write %s/%s\n", folder, name);
        exit(1);
    }
}

/* One small and one wide object of every kind, behind the byte that chooses it. */
static void seed_reader(void)
{
    struct schema_random small = {.state = 1, .small = true};
    struct schema_random wide = {.state = 2};

    make_folder("reader");
    for (uint32_t i = 0; i < schema_count; i++) {
        char name[128];
        struct buffer out = buffer_make(memory, sizeof(memory));

        buffer_put_u8(&out, (uint8_t)i);
        schema_random_put(&small, schema_all[i], &out);
        snprintf(name, sizeof(name), "%s-small", schema_all[i]->name);
        write_seed("reader", name, buffer_bytes(&out));
        out = buffer_make(memory, sizeof(memory));
        buffer_put_u8(&out, (uint8_t)i);
        schema_random_put(&wide, schema_all[i], &out);
        snprintf(name, sizeof(name), "%s-wide", schema_all[i]->name);
        if (!out.full && out.len < 20000) {
            write_seed("reader", name, buffer_bytes(&out));
        }
    }
}

static struct receipt_fixture fixture;

static void seed_receipt(const char *name)
{
    struct buffer out = buffer_make(memory, sizeof(memory));

    receipt_fixture_build(&fixture, &out);
    write_seed("receipt", name, buffer_bytes(&out));
}

static void seed_receipts(void)
{
    make_folder("receipt");
    receipt_fixture_init(&fixture, &sig_fast);
    seed_receipt("whole");
    fixture.governed = true;
    seed_receipt("governed");
    fixture.with_author = false;
    fixture.signers = 1;
    fixture.cosigners = 5;
    seed_receipt("leaf-and-quorum");
    fixture.with_salt = false;
    fixture.index = 0;
    seed_receipt("first");
}

/* The receipt's token, and its request as an item. */
static void seed_tokens(void)
{
    struct buffer out = buffer_make(memory, sizeof(memory));
    uint8_t list_memory[4096];
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct item item;

    make_folder("token");
    receipt_fixture_init(&fixture, &sig_fast);
    receipt_fixture_build(&fixture, &out);
    out = buffer_make(memory, sizeof(memory));
    buffer_put_u8(&out, 0);
    buffer_put(&out, fixture.authorship.token);
    write_seed("token", "two-blocks", buffer_bytes(&out));
    for (size_t i = 0; i < RECEIPT_STATEMENTS; i++) {
        uint8_t body_memory[STATEMENT_BODY_BYTES_MAX];
        struct buffer body = buffer_make(body_memory, sizeof(body_memory));

        CHECK(statement_encode(&fixture.statements[i], &body));
        const struct item_entry entry = {buffer_bytes(&body)};

        CHECK(item_entry_encode(&entry, &list));
    }
    item.request = fixture.authorship.request;
    item.token = fixture.authorship.token;
    item.statements = (struct wire_list){buffer_bytes(&list), RECEIPT_STATEMENTS};
    memcpy(item.sig, fixture.request_sig, SIG_BYTES);
    out = buffer_make(memory, sizeof(memory));
    buffer_put_u8(&out, 1);
    CHECK(item_encode(&item, &out));
    write_seed("token", "item", buffer_bytes(&out));
}

/* An envelope with an attachment, in a frame. */
static void seed_frames(void)
{
    struct schema_random random = {.state = 3, .small = true};
    uint8_t content_memory[4096];
    struct buffer content = buffer_make(content_memory, sizeof(content_memory));
    struct buffer out = buffer_make(memory, sizeof(memory));

    make_folder("frame");
    schema_random_put(&random, &schema_envelope, &content);
    schema_random_put(&random, &schema_request_parcel, &content);
    const struct bytes whole = buffer_bytes(&content);

    frame_put(&out, &whole, 1);
    write_seed("frame", "envelope-and-attachment", buffer_bytes(&out));
}

static void seed_chunk(const struct state_chunk *chunk)
{
    char name[32];
    struct buffer out = buffer_make(memory, sizeof(memory));

    CHECK(state_chunk_encode(chunk, &out));
    snprintf(name, sizeof(name), "%016llx", (unsigned long long)state_chunk_first(chunk));
    write_seed("chunk", name, buffer_bytes(&out));
}

/* All pieces of the state that fuzz_chunk.c has. */
static void seed_chunks(void)
{
    static struct chunk_world world;
    struct chunk_walk walk = {.bytes_max = CHUNK_WORLD_FUZZ_BYTES, .meet = seed_chunk};

    make_folder("chunk");
    chunk_world_random(&world, CHUNK_WORLD_FUZZ_ROWS, CHUNK_WORLD_FUZZ_SEED);
    chunk_walk(&walk, &world);
    chunk_world_close(&world);
}

static void seed_one_piece(const char *name, const struct evidence *evidence)
{
    struct buffer out = buffer_make(memory, sizeof(memory));

    CHECK(evidence_encode(evidence, &out));
    write_seed("evidence", name, buffer_bytes(&out));
}

/* A COMMIT for height 5 of view 0, which the VIEW-CHANGE shows nothing of. */
static void seed_denial(const struct core_fixture *cluster, struct bytes change)
{
    uint8_t vote_memory[128];
    uint8_t sig[SIG_BYTES];
    struct buffer body = buffer_make(vote_memory, sizeof(vote_memory));
    const struct vote commit = {.sequence = 5};

    CHECK(vote_encode(&commit, &body));
    struct evidence evidence = {.kind = EVIDENCE_DENIAL,
                                .rid = 2,
                                .first = buffer_bytes(&body),
                                .second = change,
                                .second_sig = BYTES_OF_ARRAY(sig)};
    view_sign(cluster, 2, TAG_COMMIT, evidence.first, evidence.first_sig);
    view_sign(cluster, 2, TAG_VIEW_CHANGE, evidence.second, sig);
    seed_one_piece("denial", &evidence);
}

/* Of each message about views one that convicts and one that does not. */
static void seed_evidence(void)
{
    static uint8_t body_memory[VIEW_BODY_BYTES];
    static const struct departure full = {
        .stable = {.height = 128, .members = 0x7},
        .claims = {{0, 129, 7, 0xe, 0, 0}, {4, 131, 0, 0xe, 0, 0}},
        .count = 2,
    };
    static const struct departure bad = {.claims = {{1, 3, 7, 0x5, 0, 0}, {1, 2, 7, 0x5, 0, 0}},
                                         .count = 2};
    static const struct announcement good = {
        .senders = {1, 2, 0},
        .count = 3,
        .digests = {0xff, 8},
        .claims = {{1, 2, 7, 0x5, 0, 0}, {4, 2, 8, 0xe, 0, 0}},
    };
    struct evidence evidence = {.kind = EVIDENCE_VIEW_CHANGE, .rid = 2};
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    void *state = NULL;

    make_folder("evidence");
    CHECK(core_setup(&state) == 0);
    evidence.first = view_change_of(state, &full, &body);
    seed_one_piece("view-change", &evidence);
    body.len = 0;
    evidence.first = view_change_of(state, &bad, &body);
    seed_one_piece("bad-view-change", &evidence);
    seed_denial(state, evidence.first);
    body.len = 0;
    evidence.kind = EVIDENCE_NEW_VIEW;
    evidence.first = new_view_of(state, &good, &body);
    seed_one_piece("bad-new-view", &evidence);
    evidence.rid = VIEW_LEADER;
    seed_one_piece("new-view", &evidence);
    CHECK(core_teardown(&state) == 0);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
        return 2;
    }
    root = argv[1];
    make_folder("");
    seed_reader();
    seed_receipts();
    seed_tokens();
    seed_frames();
    seed_chunks();
    seed_evidence();
    return 0;
}
