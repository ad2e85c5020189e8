#include "client/cli/settings.h"

#include "crypto/hash.h"
#include "crypto/name.h"
#include "crypto/words.h"
#include "keys/words/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTINGS_FILE_MAX 16384

static const char *const names[SETTING_COUNT] = {
    [SETTING_CHARTER] = "charter", [SETTING_TOKEN] = "token",
    [SETTING_KEY] = "key",         [SETTING_PASSWORD_FILE] = "password-file",
    [SETTING_STATE] = "state",     [SETTING_TIMEOUT] = "timeout",
};

static const char *const variables[SETTING_COUNT] = {
    [SETTING_CHARTER] = "VESTRY_CHARTER", [SETTING_TOKEN] = "VESTRY_TOKEN",
    [SETTING_KEY] = "VESTRY_KEY",         [SETTING_PASSWORD_FILE] = "VESTRY_PASSWORD_FILE",
    [SETTING_STATE] = "VESTRY_STATE",     [SETTING_TIMEOUT] = "VESTRY_TIMEOUT",
};

const char *setting_name(enum setting setting)
{
    return names[setting];
}

/* --- Places ----------------------------------------------------------------------------------- */

/* $NAME, or ~/under; false when there is neither. */
static bool home_folder(const char *variable, const char *under, char out[FILE_PATH_MAX])
{
    const char *value = getenv(variable);
    const char *home = getenv("HOME");

    if (value != NULL && value[0] == '/') {
        return snprintf(out, FILE_PATH_MAX, "%s/vestry", value) < FILE_PATH_MAX;
    }
    return home != NULL && home[0] == '/' &&
           snprintf(out, FILE_PATH_MAX, "%s/%s/vestry", home, under) < FILE_PATH_MAX;
}

enum status settings_folder(char out[FILE_PATH_MAX], struct problem *problem)
{
    const char *own = getenv("VESTRY_CONFIG");

    if (own != NULL && own[0] != '\0') {
        (void)snprintf(out, FILE_PATH_MAX, "%s", own);
        return STATUS_OK;
    }
    if (!home_folder("XDG_CONFIG_HOME", ".config", out)) {
        (void)problem_say(problem, STATUS_INVALID,
                          "there is no folder for contexts: HOME is not "
                          "set");
        return problem_advise(problem, "set VESTRY_CONFIG to a folder");
    }
    return STATUS_OK;
}

enum status settings_context_path(const char *name, char out[FILE_PATH_MAX],
                                  struct problem *problem)
{
    char folder[FILE_PATH_MAX];
    const enum status status = settings_folder(folder, problem);

    if (status != STATUS_OK) {
        return status;
    }
    if (strlen(name) >= CONTEXT_NAME_MAX || strchr(name, '/') != NULL ||
        !name_is_id(bytes_of_text(name))) {
        (void)problem_say(problem, STATUS_INVALID, "\"%.60s\" cannot be the name of a context",
                          name);
        return problem_advise(problem, "use a-z, 0-9, '.', '_' and '-'");
    }
    (void)snprintf(out, FILE_PATH_MAX, "%.3900s/contexts/%s", folder, name);
    return STATUS_OK;
}

enum status make_folders(const char *path, struct problem *problem)
{
    char part[FILE_PATH_MAX];

    (void)snprintf(part, sizeof(part), "%s", path);
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return problem_say(problem, STATUS_IO, "%s: %s", part, strerror(errno));
            }
            *at = '/';
        }
    }
    return file_folder(path, 0700, problem);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void set(struct settings *settings, enum setting setting, const char *value,
                const char *from)
{
    if (settings->from[setting] == NULL && value != NULL && value[0] != '\0') {
        (void)snprintf(settings->values[setting], SETTINGS_VALUE_MAX, "%s", value);
        settings->from[setting] = from;
    }
}

static void add_endpoint(struct settings *settings, const char *value)
{
    if (settings->endpoint_count < SETTINGS_ENDPOINTS_MAX) {
        (void)snprintf(settings->endpoints[settings->endpoint_count++],
                       sizeof(settings->endpoints[0]), "%s", value);
    }
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text) != 0) {
        text++;
    }
    for (size_t len = strlen(text); len > 0 && isspace((unsigned char)text[len - 1]) != 0; len--) {
        text[len - 1] = '\0';
    }
    return text;
}

static enum status unknown_setting(const char *path, unsigned line, const char *key,
                                   struct problem *problem)
{
    struct nearest nearest = nearest_make(bytes_of_text(key));

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        nearest_offer(&nearest, names[i]);
    }
    nearest_offer(&nearest, "endpoint");
    (void)problem_say(problem, STATUS_INVALID, "%s:%u: unknown setting %.60s", path, line, key);
    return nearest.best != NULL
               ? problem_advise(problem, "did you mean %s?", nearest.best)
               : problem_advise(problem, "known are charter, token, key, password-file, state, "
                                         "timeout, endpoint");
}

/* What a line sets. */
static enum status take_line(const char *path, unsigned line, char *text, const char *from,
                             struct settings *settings, struct problem *problem)
{
    char *hash = strchr(text, '#');
    char *equals = strchr(text, '=');

    if (hash != NULL && (hash == text || isspace((unsigned char)hash[-1]) != 0)) {
        *hash = '\0';
    }
    if (trim(text)[0] == '\0') {
        return STATUS_OK;
    }
    if (equals == NULL) {
        (void)problem_say(problem, STATUS_INVALID, "%s:%u: not of the form name = value", path,
                          line);
        return problem_advise(problem, "write for example: charter = /etc/vestry/charter.genesis");
    }
    *equals = '\0';
    const char *key = trim(text);
    const char *value = trim(equals + 1);
    if (strcmp(key, "endpoint") == 0) {
        add_endpoint(settings, value);
        return STATUS_OK;
    }
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(key, names[i]) == 0) {
            set(settings, (enum setting)i, value, from);
            return STATUS_OK;
        }
    }
    return unknown_setting(path, line, key, problem);
}

enum status settings_read_file(const char *path, const char *from, struct settings *settings,
                               struct problem *problem)
{
    static char memory[SETTINGS_FILE_MAX + 1];
    struct buffer text = buffer_make(memory, SETTINGS_FILE_MAX);
    enum status status = file_read(path, &text, problem);
    unsigned line = 1;

    if (status != STATUS_OK) {
        return status;
    }
    memory[text.len] = '\0';
    for (char *at = memory; status == STATUS_OK && *at != '\0'; line++) {
        char *end = strchr(at, '\n');

        if (end != NULL) {
            *end = '\0';
        }
        char *next = end == NULL ? at + strlen(at) : end + 1;
        status = take_line(path, line, at, from, settings, problem);
        at = next;
    }
    return status;
}

enum status settings_current(char out[CONTEXT_NAME_MAX], struct problem *problem)
{
    char folder[FILE_PATH_MAX];
    char path[FILE_PATH_MAX];
    uint8_t memory[CONTEXT_NAME_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory) - 1);

    if (settings_folder(folder, problem) != STATUS_OK) {
        return STATUS_NOT_FOUND;
    }
    (void)snprintf(path, sizeof(path), "%.3900s/current", folder);
    if (access(path, R_OK) != 0) {
        return STATUS_NOT_FOUND;
    }
    const enum status status = file_read(path, &text, problem);
    if (status != STATUS_OK) {
        return status;
    }
    memory[text.len] = '\0';
    (void)snprintf(out, CONTEXT_NAME_MAX, "%s", trim((char *)memory));
    return out[0] == '\0' ? STATUS_NOT_FOUND : STATUS_OK;
}

/* The context that is asked for, or the one in use. */
static enum status read_context(const struct call *call, struct settings *settings,
                                struct problem *problem)
{
    const char *flag = call_get(call, "context");
    const char *variable = getenv("VESTRY_CONTEXT");
    const char *name = flag != NULL ? flag : variable;
    char path[FILE_PATH_MAX];
    enum status status = STATUS_OK;

    if (name != NULL && name[0] != '\0') {
        (void)snprintf(settings->context, sizeof(settings->context), "%.63s", name);
    } else {
        status = settings_current(settings->context, problem);
        if (status == STATUS_NOT_FOUND) {
            settings->context[0] = '\0';
            return STATUS_OK;
        }
    }
    if (status == STATUS_OK) {
        status = settings_context_path(settings->context, path, problem);
    }
    if (status == STATUS_OK && access(path, F_OK) != 0) {
        (void)problem_say(problem, STATUS_INVALID, "there is no context %s", settings->context);
        return problem_advise(problem, "vestry context list");
    }
    return status == STATUS_OK ? settings_read_file(path, "context", settings, problem) : status;
}

static enum status read_defaults(struct settings *settings, struct problem *problem)
{
    char folder[FILE_PATH_MAX];
    char path[FILE_PATH_MAX];

    if (settings_folder(folder, problem) != STATUS_OK) {
        return STATUS_OK;
    }
    (void)snprintf(path, sizeof(path), "%.3900s/defaults", folder);
    return access(path, F_OK) == 0 ? settings_read_file(path, "defaults", settings, problem)
                                   : STATUS_OK;
}

/* A state directory belongs to a token: the context's is not for a token that comes from a flag. */
static void forget_state_of_other_token(struct settings *settings)
{
    const char *state = settings->from[SETTING_STATE];
    const char *token = settings->from[SETTING_TOKEN];
    const bool is_kept =
        state != NULL && (strcmp(state, "context") == 0 || strcmp(state, "defaults") == 0);

    if (is_kept && (token == NULL || strcmp(state, token) != 0)) {
        settings->values[SETTING_STATE][0] = '\0';
        settings->from[SETTING_STATE] = NULL;
    }
}

enum status settings_read(const struct call *call, struct settings *settings,
                          struct problem *problem)
{
    static const char *const flags[SETTING_COUNT] = {"--charter",       "--token", "--key",
                                                     "--password-file", "--state", "--timeout"};

    *settings = (struct settings){0};
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        set(settings, (enum setting)i, call_get(call, names[i]), flags[i]);
        set(settings, (enum setting)i, getenv(variables[i]), variables[i]);
    }
    for (size_t i = 0; call_nth(call, "endpoint", i) != NULL; i++) {
        add_endpoint(settings, call_nth(call, "endpoint", i));
    }
    enum status status = read_context(call, settings, problem);
    if (status == STATUS_OK) {
        status = read_defaults(settings, problem);
    }
    forget_state_of_other_token(settings);
    return status;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static enum status replace_file(const char *path, struct bytes content, struct problem *problem)
{
    char new_path[FILE_PATH_MAX + 8];
    const int fd = (snprintf(new_path, sizeof(new_path), "%s.new", path),
                    open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));

    if (fd < 0) {
        return problem_say(problem, STATUS_IO, "%s: %s", new_path, strerror(errno));
    }
    const bool written = write(fd, content.data, content.len) == (ssize_t)content.len;
    if (close(fd) != 0 || !written || rename(new_path, path) != 0) {
        return problem_say(problem, STATUS_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    return STATUS_OK;
}

static enum status contexts_folder(char folder[FILE_PATH_MAX], struct problem *problem)
{
    char contexts[FILE_PATH_MAX];
    const enum status status = settings_folder(folder, problem);

    if (status != STATUS_OK) {
        return status;
    }
    (void)snprintf(contexts, sizeof(contexts), "%.3900s/contexts", folder);
    return make_folders(contexts, problem);
}

enum status settings_use(const char *name, struct problem *problem)
{
    char folder[FILE_PATH_MAX];
    char path[FILE_PATH_MAX];
    char line[CONTEXT_NAME_MAX + 2];
    enum status status = settings_context_path(name, path, problem);

    if (status != STATUS_OK) {
        return status;
    }
    if (access(path, F_OK) != 0) {
        (void)problem_say(problem, STATUS_INVALID, "there is no context %s", name);
        return problem_advise(problem, "vestry context list");
    }
    status = contexts_folder(folder, problem);
    if (status != STATUS_OK) {
        return status;
    }
    (void)snprintf(path, sizeof(path), "%.3900s/current", folder);
    (void)snprintf(line, sizeof(line), "%s\n", name);
    return replace_file(path, bytes_of_text(line), problem);
}

enum status settings_write(const char *name, const struct settings *settings,
                           struct problem *problem)
{
    static char text[SETTINGS_FILE_MAX];
    char folder[FILE_PATH_MAX];
    char path[FILE_PATH_MAX];
    size_t len = 0;
    enum status status = settings_context_path(name, path, problem);

    if (status == STATUS_OK) {
        status = contexts_folder(folder, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    text[0] = '\0';
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (settings->values[i][0] != '\0') {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s = %.2000s\n", names[i],
                                    settings->values[i]);
        }
    }
    for (size_t i = 0; i < settings->endpoint_count && len < sizeof(text) - 512; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "endpoint = %s\n",
                                settings->endpoints[i]);
    }
    return replace_file(path, bytes_make(text, len), problem);
}

/* --- State ------------------------------------------------------------------------------------ */

/* Two files make a name: whose requests these are. */
static enum status hash_files(const struct settings *settings, uint8_t hash[HASH_BYTES],
                              struct problem *problem)
{
    const size_t room = 2u << 20;
    struct buffer content = buffer_make(malloc(room), room);

    if (content.data == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for a charter");
    }
    enum status status = file_read(settings->values[SETTING_CHARTER], &content, problem);
    if (status == STATUS_OK && settings->values[SETTING_TOKEN][0] != '\0') {
        status = file_read(settings->values[SETTING_TOKEN], &content, problem);
    }
    hash_bytes(buffer_bytes(&content), hash);
    free(content.data);
    return status;
}

enum status settings_usual_state(const struct settings *settings, char out[FILE_PATH_MAX],
                                 struct problem *problem)
{
    char folder[FILE_PATH_MAX];
    uint8_t hash[HASH_BYTES];
    uint8_t hex[17] = {0};
    struct buffer text = buffer_make(hex, 16);

    if (!home_folder("XDG_STATE_HOME", ".local/state", folder)) {
        (void)problem_say(problem, STATUS_INVALID,
                          "there is no folder for what must survive a crash: HOME is not set");
        return problem_advise(problem, "--state DIR");
    }
    const enum status status = hash_files(settings, hash, problem);
    if (status != STATUS_OK) {
        return status;
    }
    hex_put(&text, bytes_make(hash, 8));
    (void)snprintf(out, FILE_PATH_MAX, "%.3900s/%s", folder, (const char *)hex);
    return make_folders(out, problem);
}
