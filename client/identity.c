#include "client/identity.h"

#include "keys/genesis.h"
#include "keys/words/token_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_peers(struct identity *identity)
{
    for (uint32_t i = 0; i < identity->roster.n; i++) {
        const struct roster_member *member = &identity->roster.members[i];
        struct net_peer *peer = &identity->peers[i];
        struct wire_iter iter = wire_iter_make(identity->charter->replicas[i].row.endpoints);
        struct item_endpoint endpoint;

        memcpy(peer->transport_key, member->transport_pk, PUBLIC_KEY_BYTES);
        if (item_endpoint_next(&iter, &endpoint) &&
            !net_parse_endpoint(endpoint.value, peer->host, &peer->port)) {
            peer->host[0] = '\0';
        }
    }
}

void identity_epoch(struct identity *identity, const struct roster *roster)
{
    CHECK(roster->n == identity->roster.n);
    identity->roster = *roster;
    for (uint32_t i = 0; i < roster->n; i++) {
        memcpy(identity->peers[i].transport_key, roster->members[i].transport_pk, PUBLIC_KEY_BYTES);
    }
}

static enum status read_charter(struct identity *identity, const char *path,
                                struct problem *problem)
{
    identity->charter_file = malloc(CHARTER_FILE_MAX);
    identity->charter = malloc(sizeof(*identity->charter));
    if (identity->charter_file == NULL || identity->charter == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for a charter");
    }
    struct buffer backing = buffer_make(identity->charter_file, CHARTER_FILE_MAX);
    const enum status status = genesis_charter_read(path, &backing, identity->charter, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const struct charter_view *charter = identity->charter;
    if (!roster_of_charter(charter->body, &identity->roster) ||
        !origin_make(charter->charter.name, charter->cluster_id, &identity->origin)) {
        return problem_say(problem, STATUS_INVALID, "%s: its replicas cannot be used", path);
    }
    text_copy(charter->charter.name, identity->name, sizeof(identity->name));
    set_peers(identity);
    return STATUS_OK;
}

static enum status read_token(struct identity *identity, const char *path, struct problem *problem)
{
    struct buffer bytes = buffer_make(identity->token_bytes, sizeof(identity->token_bytes));
    const enum status status = token_file_read(path, &bytes, problem);

    if (status != STATUS_OK) {
        return status;
    }
    identity->token = buffer_bytes(&bytes);
    identity->token_view = malloc(sizeof(*identity->token_view));
    if (identity->token_view == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for a token");
    }
    if (token_parse(identity->token, identity->charter->cluster_id, identity->token_view) !=
        RESULT_OK) {
        (void)problem_say(problem, STATUS_INVALID, "%s: it holds no token", path);
        return problem_advise(problem, "vestry token inspect %s", path);
    }
    identity->has_token = true;
    return STATUS_OK;
}

static enum status give_password(void *context, const char *path, struct secret *passphrase,
                                 struct problem *problem)
{
    const char *password = context;
    const size_t len = password == NULL ? 0 : strlen(password);

    if (password == NULL) {
        (void)problem_say(problem, STATUS_REFUSED, "%s: it is sealed with a passphrase", path);
        return problem_advise(problem, "give the passphrase in a file: --password-file FILE");
    }
    if (len > passphrase->capacity) {
        return problem_say(problem, STATUS_INVALID, "the passphrase is too long");
    }
    memcpy(passphrase->data, password, len);
    passphrase->len = len;
    return STATUS_OK;
}

static enum status read_key(struct identity *identity, const struct identity_files *files,
                            struct problem *problem)
{
    /* The source takes a plain pointer, and nothing is written through this one. */
    union {
        const char *in;
        void *out;
    } password = {.in = files->password};
    const struct passphrase_source source = {give_password, password.out};
    const struct key_expected expected = {.role = ROLE_HOLDER};
    const enum status status =
        keyfile_load(files->key, &expected, &source, &identity->key, problem);

    if (status != STATUS_OK) {
        return status;
    }
    const struct token_view *token = identity->token_view;
    if (memcmp(token->blocks[token->count - 1].holder, identity->key.public_key,
               PUBLIC_KEY_BYTES) != 0) {
        (void)problem_say(problem, STATUS_MISMATCH, "%s is for another holder than %s",
                          files->token, files->key);
        return problem_advise(problem, "use the key that the token was made for, or have a token "
                                       "made for this one: vestry token attenuate --to");
    }
    return STATUS_OK;
}

static enum status read_files(struct identity *identity, const struct identity_files *files,
                              struct problem *problem)
{
    if (files->charter == NULL) {
        (void)problem_say(problem, STATUS_INVALID, "no charter is given: whom to believe?");
        return problem_advise(problem, "--charter FILE, VESTRY_CHARTER=FILE, or vestry dev start");
    }
    enum status status = read_charter(identity, files->charter, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (files->token == NULL) {
        return secret_key_new(&identity->key, ROLE_HOLDER, "anonymous", problem);
    }
    if (files->key == NULL) {
        (void)problem_say(problem, STATUS_INVALID, "a token without the key that it was made for");
        return problem_advise(problem, "--key FILE, or VESTRY_KEY=FILE");
    }
    status = read_token(identity, files->token, problem);
    return status == STATUS_OK ? read_key(identity, files, problem) : status;
}

enum status identity_open(struct identity *identity, const struct identity_files *files,
                          struct problem *problem)
{
    *identity = (struct identity){0};
    const enum status status = read_files(identity, files, problem);

    if (status != STATUS_OK) {
        identity_close(identity);
    }
    return status;
}

void identity_close(struct identity *identity)
{
    secret_key_close(&identity->key);
    free(identity->token_view);
    free(identity->charter);
    free(identity->charter_file);
    *identity = (struct identity){0};
}

enum status identity_endpoint(struct identity *identity, const char *text, struct problem *problem)
{
    const char *equals = strchr(text, '=');
    const size_t name_len = equals == NULL ? 0 : (size_t)(equals - text);

    for (uint32_t i = 0; i < identity->roster.n && equals != NULL; i++) {
        char name[16];
        struct net_peer peer = identity->peers[i];

        (void)snprintf(name, sizeof(name), "r%u", identity->roster.members[i].rid);
        if (strlen(name) != name_len || memcmp(name, text, name_len) != 0) {
            continue;
        }
        if (!net_parse_endpoint(bytes_of_text(equals + 1), peer.host, &peer.port)) {
            break;
        }
        identity->peers[i] = peer;
        return STATUS_OK;
    }
    (void)problem_say(problem, STATUS_INVALID,
                      "\"%s\" names no replica of the charter and where "
                      "it is",
                      text);
    return problem_advise(problem, "--endpoint r0=127.0.0.1:7100");
}

const uint8_t *identity_session(const struct identity *identity)
{
    CHECK(identity->has_token);
    return identity->token_view->blocks[identity->token_view->count - 1].id;
}

const struct cap_limits *identity_limits(const struct identity *identity)
{
    CHECK(identity->has_token);
    return &identity->token_view->blocks[identity->token_view->count - 1].limits;
}

uint64_t identity_param(const struct identity *identity, enum param param)
{
    for (uint32_t i = 0; i < identity->charter->param_count; i++) {
        if (identity->charter->params[i].id == (uint64_t)param) {
            return identity->charter->params[i].value;
        }
    }
    return param_rule((uint64_t)param)->usual;
}
