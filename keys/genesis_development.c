/* A whole development cluster in one call (genesis.h). */
#include "crypto/policy.h"
#include "keys/genesis.h"
#include "keys/replica_keys.h"
#include "keys/token.h"
#include "keys/words/amounts.h"
#include "keys/words/file.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS 3
#define CARDS_MAX (MEMBERS + 3 + REPLICAS_MAX)
#define ID_CHARS 16
#define ENDPOINT_CHARS 280

/* Everything that is in the making; too large for the stack. */
struct making {
    const char *folder;
    const struct genesis_development_options *options;
    struct genesis_plan plan;
    struct card_checked cards[CARDS_MAX];
    size_t card_count;
    uint8_t card_bytes[CARDS_MAX][CARD_OBJECT_MAX];
    uint8_t draft[CHARTER_FILE_MAX];
    uint8_t file[CHARTER_FILE_MAX];
    struct secret_key members[MEMBERS];
    struct secret_key issuer;
    struct genesis_signature signatures[MEMBERS];
    struct charter_view view;
    struct problem *problem;
};

static enum status check_folder(const char *folder, struct problem *problem)
{
    enum status status = file_folder(folder, 0700, problem);
    if (status != STATUS_OK) {
        return status;
    }
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return problem_say(problem, STATUS_IO, "%s: cannot be read", folder);
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)problem_say(problem, STATUS_EXISTS, "%s: not empty", folder);
            status = problem_advise(problem, "name a new folder; nothing is ever written over");
            break;
        }
    }
    (void)closedir(dir);
    return status;
}

/* Create <folder>/keys/<id><suffix> for a new key. */
static enum status new_key(struct making *making, uint64_t role, const char *id, const char *suffix,
                           struct secret_key *key)
{
    char folder[FILE_PATH_MAX];
    char path[FILE_PATH_MAX];

    enum status status = file_path(folder, making->folder, "keys", "", making->problem);
    if (status == STATUS_OK) {
        status = file_path(path, folder, id, suffix, making->problem);
    }
    if (status == STATUS_OK) {
        status = secret_key_new(key, role, id, making->problem);
    }
    if (status == STATUS_OK) {
        key->plain = true;
        status = keyfile_create(path, key, KEY_SEAL_NONE, NULL, making->problem);
    }
    return status;
}

/* Keep the card that was made into `object`. */
static enum status keep_card(struct making *making, const char *id, const struct buffer *object)
{
    const enum status status =
        card_check(id, buffer_bytes(object), &making->cards[making->card_count], making->problem);

    making->card_count += status == STATUS_OK;
    return status;
}

static struct buffer next_card(struct making *making)
{
    CHECK(making->card_count < CARDS_MAX);
    return buffer_make(making->card_bytes[making->card_count], CARD_OBJECT_MAX);
}

static enum status make_card(struct making *making, const struct secret_key *key,
                             const struct card_details *details)
{
    struct buffer object = next_card(making);
    const enum status status =
        card_make(&key, 1, making->plan.salt, details, &object, making->problem);

    return status == STATUS_OK ? keep_card(making, key->subject, &object) : status;
}

static enum status make_members(struct making *making)
{
    static const char *const names[MEMBERS] = {"First member", "Second member", "Third member"};
    enum status status = STATUS_OK;

    for (size_t i = 0; i < MEMBERS && status == STATUS_OK; i++) {
        char id[ID_CHARS];
        struct secret_key next = {0};
        struct card_details details = {.name = names[i], .next_key = next.public_key};

        (void)snprintf(id, sizeof(id), "m%zu", i + 1);
        status = new_key(making, ROLE_MEMBER, id, KEYFILE_SUFFIX, &making->members[i]);
        if (status == STATUS_OK) {
            status = new_key(making, ROLE_MEMBER, id, ".next" KEYFILE_SUFFIX, &next);
        }
        if (status == STATUS_OK) {
            status = make_card(making, &making->members[i], &details);
        }
        secret_key_close(&next);
    }
    return status;
}

static enum status make_others(struct making *making)
{
    static const struct {
        uint64_t role;
        const char *id;
        const char *name;
    } others[] = {
        {ROLE_RECOVERY, "h1", "Recovery holder"},
        {ROLE_WITNESS, "w1", "Witness"},
    };
    uint8_t raw[8];
    struct buffer prefixes = buffer_make(raw, sizeof(raw));
    struct scope scope = card_usual_scope(&prefixes);
    const struct card_details details = {.name = "Issuer", .scope = &scope};
    enum status status = STATUS_OK;

    /* Whoever tries it out is client and officer: what decides is the officers' signatures. */
    scope.ops |= OP_GOVERN;
    scope.max_life_ms = U64_UNLIMITED;
    scope.live_tokens = U64_UNLIMITED;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && status == STATUS_OK; i++) {
        struct secret_key key = {0};
        const struct card_details other = {.name = others[i].name};

        status = new_key(making, others[i].role, others[i].id, KEYFILE_SUFFIX, &key);
        if (status == STATUS_OK) {
            status = make_card(making, &key, &other);
        }
        secret_key_close(&key);
    }
    if (status == STATUS_OK) {
        status = new_key(making, ROLE_ISSUER, "i1", KEYFILE_SUFFIX, &making->issuer);
    }
    return status == STATUS_OK ? make_card(making, &making->issuer, &details) : status;
}

static enum status make_replica(struct making *making, uint32_t rid)
{
    char folder[FILE_PATH_MAX];
    char id[ID_CHARS];
    char endpoint[ENDPOINT_CHARS];
    const char *const endpoints[] = {endpoint};
    const struct card_details details = {
        .rid = rid,
        .operator_name = "development",
        .provider = "local",
        .region = "local",
        .system = "this machine",
        .build = VESTRY_VERSION,
        .endpoints = endpoints,
        .endpoint_count = 1,
    };
    const char *host = making->options->host == NULL ? "127.0.0.1" : making->options->host;
    struct replica_keys keys;
    struct buffer object = next_card(making);

    (void)snprintf(id, sizeof(id), "r%u", (unsigned)rid);
    (void)snprintf(endpoint, sizeof(endpoint), "%s:%u", host,
                   (unsigned)making->options->base_port + (unsigned)rid);
    enum status status = file_path(folder, making->folder, id, "", making->problem);
    if (status == STATUS_OK) {
        status = file_folder(folder, 0700, making->problem);
    }
    if (status == STATUS_OK) {
        status = replica_keys_create(folder, rid, &keys, making->problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = replica_keys_card(&keys, making->plan.salt, &details, &object, making->problem);
    replica_keys_close(&keys);
    return status == STATUS_OK ? keep_card(making, id, &object) : status;
}

/* Draft, let every member sign, seal. */
static enum status make_charter(struct making *making, struct buffer *file)
{
    struct buffer draft = buffer_make(making->draft, sizeof(making->draft));
    uint32_t held = 0;

    genesis_plan_suggest(&making->plan, making->cards, making->card_count);
    enum status status =
        genesis_draft(&making->plan, making->cards, making->card_count, &draft, making->problem);
    if (status == STATUS_OK) {
        status = genesis_draft_check("development charter", buffer_bytes(&draft), &making->view,
                                     &held, making->problem);
    }
    for (size_t i = 0; i < MEMBERS && status == STATUS_OK; i++) {
        const struct charter_key *key = &making->view.keys[i];
        uint8_t statement[STATEMENT_BYTES];

        charter_statement(&making->view, key, statement);
        memcpy(making->signatures[i].subject, making->members[i].subject,
               sizeof(making->signatures[i].subject));
        sig_ed25519.sign(making->members[i].seed.data, making->members[i].public_key,
                         BYTES_OF_ARRAY(statement), making->signatures[i].sig);
    }
    if (status == STATUS_OK) {
        status =
            genesis_seal(buffer_bytes(&draft), making->signatures, MEMBERS, file, making->problem);
    }
    if (status == STATUS_OK) {
        struct charter_check check;

        CHECK(charter_file_verify(buffer_bytes(file), &sig_ed25519, &making->view, &check) ==
              CHARTER_OK);
    }
    return status;
}

static enum status make_client(struct making *making)
{
    char path[FILE_PATH_MAX];
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer token = buffer_make(raw, sizeof(raw));
    struct secret_key client = {0};
    struct token_wish wish;

    enum status status = secret_key_new(&client, ROLE_HOLDER, "client", making->problem);
    if (status == STATUS_OK) {
        status = file_path(path, making->folder, "client", KEYFILE_SUFFIX, making->problem);
    }
    if (status == STATUS_OK) {
        status = keyfile_create(path, &client, KEY_SEAL_NONE, NULL, making->problem);
    }
    if (status == STATUS_OK) {
        status = token_wish_under_scope(&making->view.issuers[0].row.scope, making->plan.date_ms,
                                        &wish, making->problem);
    }
    if (status == STATUS_OK) {
        memcpy(wish.holder, client.public_key, PUBLIC_KEY_BYTES);
        status = token_issue(&making->view, &making->issuer, &wish, &token, making->problem);
    }
    if (status == STATUS_OK) {
        status = file_path(path, making->folder, "client", TOKEN_SUFFIX, making->problem);
    }
    if (status == STATUS_OK) {
        status = token_write(path, buffer_bytes(&token), making->problem);
    }
    secret_key_close(&client);
    return status;
}

/* The charter last: where it is, everything is. */
static enum status write_public(struct making *making, const struct buffer *file)
{
    char path[FILE_PATH_MAX];
    uint8_t raw[POLICY_BYTES_MAX];
    struct buffer policy = buffer_make(raw, sizeof(raw));

    genesis_policy(&making->view, &policy);
    CHECK(!policy.full);
    enum status status = file_path(path, making->folder, "charter", POLICY_SUFFIX, making->problem);
    if (status == STATUS_OK) {
        status = file_create(path, 0644, buffer_bytes(&policy), making->problem);
    }
    if (status == STATUS_OK) {
        status = file_path(path, making->folder, CHARTER_NAME, "", making->problem);
    }
    return status == STATUS_OK ? file_create(path, 0644, buffer_bytes(file), making->problem)
                               : status;
}

static enum status make_all(struct making *making)
{
    char keys[FILE_PATH_MAX];
    struct buffer file = buffer_make(making->file, sizeof(making->file));

    enum status status = check_folder(making->folder, making->problem);
    if (status == STATUS_OK) {
        status = file_path(keys, making->folder, "keys", "", making->problem);
    }
    if (status == STATUS_OK) {
        status = file_folder(keys, 0700, making->problem);
    }
    if (status == STATUS_OK) {
        status = make_members(making);
    }
    if (status == STATUS_OK) {
        status = make_others(making);
    }
    for (uint32_t rid = 0; rid < making->options->replicas && status == STATUS_OK; rid++) {
        status = make_replica(making, rid);
    }
    if (status == STATUS_OK) {
        status = make_charter(making, &file);
    }
    if (status == STATUS_OK) {
        status = make_client(making);
    }
    return status == STATUS_OK ? write_public(making, &file) : status;
}

static enum status check_options(const struct genesis_development_options *options,
                                 struct problem *problem)
{
    if (options->replicas < 4 || options->replicas > REPLICAS_MAX) {
        (void)problem_say(problem, STATUS_INVALID, "%u replicas: it takes 4 to %d",
                          options->replicas, REPLICAS_MAX);
        return problem_advise(problem, "tolerating f faulty ones takes 3f + 1; choose 4 or more");
    }
    if (options->base_port == 0 || options->base_port + options->replicas > 65536) {
        (void)problem_say(problem, STATUS_INVALID, "base port %u leaves no room for %u replicas",
                          (unsigned)options->base_port, options->replicas);
        return problem_advise(problem, "choose a port below %u", 65536 - options->replicas);
    }
    return STATUS_OK;
}

enum status genesis_development(const char *folder,
                                const struct genesis_development_options *options,
                                uint8_t cluster_id[HASH_BYTES], struct problem *problem)
{
    enum status status = check_options(options, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct making *making = calloc(1, sizeof(*making));
    if (making == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for the charter");
    }
    making->folder = folder;
    making->options = options;
    making->problem = problem;
    genesis_plan_init(&making->plan);
    if (options->plan != NULL) {
        making->plan = *options->plan;
    }
    making->plan.profile = PROFILE_DEVELOPMENT;
    if (options->name != NULL) {
        making->plan.name = options->name;
    } else if (making->plan.name == NULL) {
        making->plan.name = "dev.local/ledger";
    }
    making->plan.date_ms = amount_now_ms();
    randombytes_buf(making->plan.salt, HASH_BYTES);
    status = make_all(making);
    if (status == STATUS_OK) {
        memcpy(cluster_id, making->view.cluster_id, HASH_BYTES);
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        secret_key_close(&making->members[i]);
    }
    secret_key_close(&making->issuer);
    free(making);
    return status;
}
