#include "tests/support/keys_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void keys_folder_make(char path[FILE_PATH_MAX])
{
    const char *base = getenv("TMPDIR");

    snprintf(path, FILE_PATH_MAX, "%s/vestry-keys-XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

void keys_folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *keys_path(const char *folder, const char *name)
{
    static char paths[8][FILE_PATH_MAX + 64];
    static unsigned turn;
    char *path = paths[turn++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static enum status answer(void *context, const char *path, struct secret *passphrase,
                          struct problem *problem)
{
    struct keys_passphrase *source = context;

    (void)path;
    (void)problem;
    source->asked++;
    memcpy(passphrase->data, source->text, strlen(source->text));
    passphrase->len = strlen(source->text);
    return STATUS_OK;
}

struct passphrase_source keys_source(struct keys_passphrase *passphrase)
{
    return (struct passphrase_source){answer, passphrase};
}

void keys_secret(struct secret *secret, const char *text)
{
    struct problem problem;

    assert_int_equal(secret_open(secret, PASSPHRASE_BYTES_MAX, SECRET_LOCK_WANTED, &problem),
                     STATUS_OK);
    memcpy(secret->data, text, strlen(text));
    secret->len = strlen(text);
}

void ceremony_card(struct ceremony *ceremony, const struct secret_key *const *keys, uint32_t count,
                   const struct card_details *details)
{
    struct problem problem;

    assert_true(ceremony->count < CEREMONY_CARDS + 2);
    struct buffer object = buffer_make(ceremony->bytes[ceremony->count], CARD_OBJECT_MAX);
    assert_int_equal(card_make(keys, count, ceremony->plan.salt, details, &object, &problem),
                     STATUS_OK);
    assert_int_equal(
        card_check("card", buffer_bytes(&object), &ceremony->cards[ceremony->count], &problem),
        STATUS_OK);
    ceremony->count++;
}

static void new_key(struct secret_key *key, uint64_t role, const char *id)
{
    struct problem problem;

    assert_int_equal(secret_key_new(key, role, id, &problem), STATUS_OK);
}

/* One person with one key. */
static void add_person(struct ceremony *ceremony, uint64_t role, const char *id, const char *name)
{
    struct secret_key key;
    const struct secret_key *const list[] = {&key};
    const struct card_details details = {.name = name};

    new_key(&key, role, id);
    ceremony_card(ceremony, list, 1, &details);
    secret_key_close(&key);
}

static void add_replica(struct ceremony *ceremony, uint32_t rid)
{
    struct secret_key keys[REPLICA_CARD_KEYS];
    const struct secret_key *const list[] = {&keys[0], &keys[1], &keys[2]};
    const char *const endpoints[] = {"10.0.0.1:7001"};
    const struct card_details details = {
        .rid = rid,
        .operator_name = "operator",
        .provider = "provider",
        .region = "region",
        .system = "system",
        .build = "build",
        .endpoints = endpoints,
        .endpoint_count = 1,
    };
    char id[16];

    snprintf(id, sizeof(id), "r%u", rid);
    new_key(&keys[0], ROLE_REPLICA, id);
    new_key(&keys[1], ROLE_COSIGN, id);
    new_key(&keys[2], ROLE_TRANSPORT, id);
    ceremony_card(ceremony, list, REPLICA_CARD_KEYS, &details);
    for (size_t i = 0; i < REPLICA_CARD_KEYS; i++) {
        secret_key_close(&keys[i]);
    }
}

static void add_members(struct ceremony *ceremony)
{
    static const char *const names[CEREMONY_MEMBERS] = {"Ada", "Bob", "Cy", "Dee", "Eve"};

    for (size_t i = 0; i < CEREMONY_MEMBERS; i++) {
        uint8_t next[PUBLIC_KEY_BYTES];
        const struct secret_key *const list[] = {&ceremony->members[i]};
        const struct card_details details = {.name = names[i], .next_key = next};
        char id[16];

        snprintf(id, sizeof(id), "m%zu", i + 1);
        memset(next, (int)i + 1, sizeof(next));
        new_key(&ceremony->members[i], ROLE_MEMBER, id);
        ceremony_card(ceremony, list, 1, &details);
    }
}

struct ceremony *ceremony_open(void)
{
    struct ceremony *ceremony = calloc(1, sizeof(*ceremony));
    uint8_t raw[8];
    struct buffer prefixes = buffer_make(raw, sizeof(raw));
    const struct scope scope = card_usual_scope(&prefixes);
    const struct card_details issuer = {.name = "Shop", .scope = &scope};

    assert_non_null(ceremony);
    const struct secret_key *const list[] = {&ceremony->issuer};
    genesis_plan_init(&ceremony->plan);
    ceremony->plan.name = "acme.example/ledger";
    ceremony->plan.date_ms = 1800000000000;
    memset(ceremony->plan.salt, 0x5A, HASH_BYTES);
    add_members(ceremony);
    add_person(ceremony, ROLE_RECOVERY, "h1", "Holder one");
    add_person(ceremony, ROLE_RECOVERY, "h2", "Holder two");
    add_person(ceremony, ROLE_RECOVERY, "h3", "Holder three");
    for (uint32_t rid = 0; rid < CEREMONY_REPLICAS; rid++) {
        add_replica(ceremony, rid);
    }
    new_key(&ceremony->issuer, ROLE_ISSUER, "i1");
    ceremony_card(ceremony, list, 1, &issuer);
    add_person(ceremony, ROLE_WITNESS, "w1", "Witness");
    genesis_plan_suggest(&ceremony->plan, ceremony->cards, ceremony->count);
    return ceremony;
}

void ceremony_close(struct ceremony *ceremony)
{
    for (size_t i = 0; i < CEREMONY_MEMBERS; i++) {
        secret_key_close(&ceremony->members[i]);
    }
    secret_key_close(&ceremony->issuer);
    free(ceremony);
}

void ceremony_draft(struct ceremony *ceremony)
{
    struct problem problem;
    uint32_t held = 0;

    ceremony->draft = buffer_make(ceremony->draft_raw, sizeof(ceremony->draft_raw));
    assert_int_equal(genesis_draft(&ceremony->plan, ceremony->cards, ceremony->count,
                                   &ceremony->draft, &problem),
                     STATUS_OK);
    assert_int_equal(genesis_draft_check("draft", buffer_bytes(&ceremony->draft), &ceremony->view,
                                         &held, &problem),
                     STATUS_OK);
    assert_int_equal(held, CHARTER_RULE_COUNT);
}

struct genesis_signature ceremony_signature(const struct ceremony *ceremony, size_t member)
{
    struct genesis_signature signature = {0};
    uint8_t raw[1024];
    struct buffer text = buffer_make(raw, sizeof(raw));
    struct problem problem;
    char folder[FILE_PATH_MAX];

    keys_folder_make(folder);
    assert_int_equal(genesis_sign(&ceremony->view, &ceremony->members[member], &text, &problem),
                     STATUS_OK);
    const char *path = keys_path(folder, "sig");
    assert_int_equal(file_create(path, 0600, buffer_bytes(&text), &problem), STATUS_OK);
    assert_int_equal(genesis_signature_read(path, &signature, &problem), STATUS_OK);
    keys_folder_remove(folder);
    return signature;
}

void ceremony_seal(struct ceremony *ceremony)
{
    struct genesis_signature list[CEREMONY_MEMBERS];
    struct charter_check check;
    struct problem problem;

    ceremony_draft(ceremony);
    for (size_t i = 0; i < CEREMONY_MEMBERS; i++) {
        list[i] = ceremony_signature(ceremony, i);
    }
    ceremony->file = buffer_make(ceremony->file_raw, sizeof(ceremony->file_raw));
    assert_int_equal(genesis_seal(buffer_bytes(&ceremony->draft), list, CEREMONY_MEMBERS,
                                  &ceremony->file, &problem),
                     STATUS_OK);
    assert_int_equal(
        charter_file_verify(buffer_bytes(&ceremony->file), &sig_ed25519, &ceremony->view, &check),
        CHARTER_OK);
}
