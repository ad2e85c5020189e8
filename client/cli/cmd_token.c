/* vestry token: passing a token on, narrower and offline, and saying what one allows. */
#include "client/cli/settings.h"
#include "client/cli/verbs.h"

#include "client/identity.h"
#include "crypto/words.h"
#include "keys/card.h"
#include "keys/token.h"
#include "keys/words/amounts.h"
#include "keys/words/token_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 16384

static const char *const limits[] = {"op",           "stream",    "from",    "until",
                                     "until-height", "max-entry", "entries", "bytes",
                                     "rate",         "holders",   "depth"};

static int fail(const struct call *call, enum status status, const struct problem *problem)
{
    const bool rights = status == STATUS_REFUSED || status == STATUS_MISMATCH;

    return call_fail_problem(call, rights ? EXIT_DENIED : exit_code_of_status(status), problem);
}

static const char *value_of(const struct settings *settings, enum setting setting)
{
    return settings->values[setting][0] == '\0' ? NULL : settings->values[setting];
}

/* The token, its key and the charter: as arguments say, or as the settings do. */
static enum status open_identity(const struct call *call, const char *token_path,
                                 struct identity *identity, struct problem *problem)
{
    static struct settings settings;
    static char password[1025];
    enum status status = settings_read(call, &settings, problem);

    if (status != STATUS_OK) {
        return status;
    }
    const char *password_file = value_of(&settings, SETTING_PASSWORD_FILE);
    if (password_file != NULL) {
        struct buffer text = buffer_make(password, sizeof(password) - 1);

        status = file_read(password_file, &text, problem);
        password[strcspn(password, "\r\n")] = '\0';
    }
    const struct identity_files files = {
        .charter = value_of(&settings, SETTING_CHARTER),
        .token = token_path != NULL ? token_path : value_of(&settings, SETTING_TOKEN),
        .key = value_of(&settings, SETTING_KEY),
        .password = password_file == NULL ? NULL : password,
    };
    if (status == STATUS_OK && files.token == NULL) {
        (void)problem_say(problem, STATUS_INVALID, "no token is given");
        return problem_advise(problem, "vestry token attenuate shop.token --to pos17.card ...");
    }
    return status == STATUS_OK ? identity_open(identity, &files, problem) : status;
}

/* A public key in hex, or a holder's card. */
static enum status read_holder(const char *to, uint8_t key[PUBLIC_KEY_BYTES],
                               struct problem *problem)
{
    uint8_t raw[CARD_OBJECT_MAX];
    struct buffer backing = buffer_make(raw, sizeof(raw));
    static struct card_checked card;

    if (hex_parse(bytes_of_text(to), key, PUBLIC_KEY_BYTES)) {
        return STATUS_OK;
    }
    const enum status status = card_read(to, &backing, &card, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (card.role != ROLE_HOLDER) {
        (void)problem_say(problem, STATUS_INVALID, "%s: the card of a %s, who cannot hold a token",
                          to, role_text(card.role));
        return problem_advise(problem, "make a holder's key: vestry-keys key new --role holder");
    }
    memcpy(key, card.keys[0], PUBLIC_KEY_BYTES);
    return STATUS_OK;
}

static enum status narrow(const struct call *call, struct token_wish *wish, struct problem *problem)
{
    const uint64_t now_ms = amount_now_ms();

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (size_t n = 0; call_nth(call, limits[i], n) != NULL; n++) {
            const enum status status =
                token_wish_option(wish, limits[i], call_nth(call, limits[i], n), now_ms, problem);

            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

static int show_token(const struct call *call, const struct token_view *view,
                      const struct charter_view *charter)
{
    struct buffer out = buffer_make(malloc(WORDS_MAX), WORDS_MAX);

    if (out.data == NULL) {
        return call_fail(call, EXIT_ERROR, "no memory to show a token", "");
    }
    if (call->json) {
        struct json_line json;

        json_begin(&json, &out, "vestry/token/1");
        token_json(view, charter, &json);
        json_end(&json);
    } else {
        token_words(view, charter, &out);
    }
    const bool good = !out.full && call_write(buffer_bytes(&out));
    free(out.data);
    return good ? call_finish(call) : EXIT_ERROR;
}

static enum status attenuate(const struct call *call, const struct identity *identity,
                             struct buffer *out, struct problem *problem)
{
    const struct token_view *view = identity->token_view;
    struct token_wish wish;
    enum status status = token_wish_under_block(&view->blocks[view->count - 1], &wish, problem);

    if (status == STATUS_OK) {
        status = read_holder(call_get(call, "to"), wish.holder, problem);
    }
    if (status == STATUS_OK) {
        status = narrow(call, &wish, problem);
    }
    if (status == STATUS_OK) {
        status = token_attenuate(view, identity->charter->cluster_id, &identity->key, &wish, out,
                                 problem);
    }
    return status == STATUS_OK ? token_write(call_get(call, "output"), buffer_bytes(out), problem)
                               : status;
}

int cmd_token_attenuate(struct call *call)
{
    static struct identity identity;
    static struct token_view view;
    struct problem problem = {0};
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer out = buffer_make(raw, sizeof(raw));

    if (call_get(call, "to") == NULL || call_get(call, "output") == NULL) {
        return call_fail(call, EXIT_USAGE, "for whom (--to CARD), and into which file (-o FILE)?",
                         "vestry token attenuate -h");
    }
    enum status status = open_identity(call, call_argument(call, 0), &identity, &problem);
    if (status != STATUS_OK) {
        return fail(call, status, &problem);
    }
    status = attenuate(call, &identity, &out, &problem);
    int code = EXIT_OK;
    if (status != STATUS_OK) {
        code = fail(call, status, &problem);
    } else {
        CHECK(token_parse(buffer_bytes(&out), identity.charter->cluster_id, &view) == RESULT_OK);
        code = show_token(call, &view, identity.charter);
    }
    identity_close(&identity);
    return code;
}

/* --- inspect ---------------------------------------------------------------------------------- */

static int say_verdict(const struct call *call, const char *path,
                       const struct token_verdict *verdict)
{
    uint8_t raw[256];
    struct buffer why = buffer_make(raw, sizeof(raw));
    char what[FILE_PATH_MAX + 300];

    token_verdict_words(verdict, &why);
    (void)snprintf(what, sizeof(what), "%s: %.*s", path, (int)why.len, (const char *)why.data);
    return call_fail(call, EXIT_DENIED, what, "ask who gave it to you for another token");
}

/* Without a charter a token can be shown, and not checked. */
static enum status read_charter(const struct call *call, struct identity *identity,
                                struct problem *problem)
{
    static struct settings settings;
    const enum status status = settings_read(call, &settings, problem);
    const struct identity_files files = {.charter = value_of(&settings, SETTING_CHARTER)};

    *identity = (struct identity){0};
    return status == STATUS_OK && files.charter != NULL ? identity_open(identity, &files, problem)
                                                        : status;
}

static int inspect(const struct call *call, const struct identity *identity, const char *path)
{
    static const uint8_t no_cluster[HASH_BYTES];
    static struct token_view view;
    struct token_verdict verdict;
    struct problem problem = {0};
    uint8_t raw[TOKEN_BYTES_MAX];
    struct buffer bytes = buffer_make(raw, sizeof(raw));
    const enum status status = token_file_read(path, &bytes, &problem);

    if (status != STATUS_OK) {
        return fail(call, status, &problem);
    }
    const uint8_t *cluster = identity->charter == NULL ? no_cluster : identity->charter->cluster_id;
    if (token_parse(buffer_bytes(&bytes), cluster, &view) != RESULT_OK) {
        return call_fail(call, EXIT_USAGE, "the file holds no token",
                         "ask who gave it to you for another copy");
    }
    const int code = show_token(call, &view, identity->charter);
    if (code != EXIT_OK || identity->charter == NULL) {
        call_note(call, "not checked: give --charter to check issuer and signatures");
        return code;
    }
    if (token_check(identity->charter, &view, &sig_ed25519, amount_now_ms(), &verdict) !=
        RESULT_OK) {
        return say_verdict(call, path, &verdict);
    }
    return EXIT_OK;
}

int cmd_token_inspect(struct call *call)
{
    static struct identity identity;
    static struct settings settings;
    struct problem problem = {0};
    const char *path = call_argument(call, 0);
    enum status status = read_charter(call, &identity, &problem);

    if (status == STATUS_OK && path == NULL) {
        status = settings_read(call, &settings, &problem);
        path = value_of(&settings, SETTING_TOKEN);
    }
    if (status == STATUS_OK && path == NULL) {
        status = problem_say(&problem, STATUS_INVALID, "no token is given");
        (void)problem_advise(&problem, "vestry token inspect FILE");
    }
    const int code =
        status == STATUS_OK ? inspect(call, &identity, path) : fail(call, status, &problem);
    identity_close(&identity);
    return code;
}
