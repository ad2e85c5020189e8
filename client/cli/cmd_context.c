/* vestry context: names for "whom to talk to and as whom". */
#include "client/cli/settings.h"
#include "client/cli/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const struct call *call, enum status status, const struct problem *problem)
{
    return call_fail_problem(call, exit_code_of_status(status), problem);
}

static void print_name(const struct call *call, const char *name, const char *current)
{
    const bool used = strcmp(name, current) == 0;

    if (call->json) {
        json_t *object = json_new("vestry/context/1");

        json_put_text(object, "name", name);
        json_put_bool(object, "current", used);
        json_emit(object);
        return;
    }
    call_print("%s %s\n", used ? "*" : " ", name);
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_context(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strstr(entry->d_name, ".new") == NULL;
}

int cmd_context_list(struct call *call)
{
    char folder[FILE_PATH_MAX];
    char path[FILE_PATH_MAX];
    char current[CONTEXT_NAME_MAX] = "";
    struct problem problem = {0};
    struct dirent **entries = NULL;
    enum status status = settings_folder(folder, &problem);

    if (status != STATUS_OK) {
        return fail(call, status, &problem);
    }
    status = settings_current(current, &problem);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return fail(call, status, &problem);
    }
    (void)snprintf(path, sizeof(path), "%.3900s/contexts", folder);
    const int count = scandir(path, &entries, is_context, compare_names);
    for (int i = 0; i < count; i++) {
        print_name(call, entries[i]->d_name, current);
        free(entries[i]);
    }
    free(entries);
    if (count <= 0) {
        call_note(call, "no contexts yet; try: vestry context add NAME --charter FILE");
    }
    return call_finish(call);
}

int cmd_context_use(struct call *call)
{
    struct problem problem = {0};
    const enum status status = settings_use(call_argument(call, 0), &problem);

    if (status != STATUS_OK) {
        return fail(call, status, &problem);
    }
    call_note(call, "context %s is in use", call_argument(call, 0));
    return EXIT_OK;
}

static void show_settings(const struct call *call, const struct settings *settings)
{
    json_t *object = call->json ? json_new("vestry/settings/1") : NULL;

    if (object != NULL) {
        json_put_text(object, "context", settings->context);
    } else {
        call_print("context  %s\n", settings->context[0] == '\0' ? "(none)" : settings->context);
    }
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *name = setting_name((enum setting)i);

        if (settings->from[i] == NULL) {
            continue;
        }
        if (object != NULL) {
            json_put_text(object, name, settings->values[i]);
        } else {
            call_print("%s = %s   (%s)\n", name, settings->values[i], settings->from[i]);
        }
    }
    for (size_t i = 0; i < settings->endpoint_count && object == NULL; i++) {
        call_print("endpoint = %s\n", settings->endpoints[i]);
    }
    if (object != NULL) {
        json_emit(object);
    }
}

int cmd_context_show(struct call *call)
{
    static struct settings settings;
    struct problem problem = {0};
    char path[FILE_PATH_MAX];
    const char *name = call_argument(call, 0);
    enum status status = STATUS_OK;

    if (name == NULL) {
        status = settings_read(call, &settings, &problem);
    } else {
        settings = (struct settings){0};
        (void)snprintf(settings.context, sizeof(settings.context), "%.63s", name);
        status = settings_context_path(name, path, &problem);
        if (status == STATUS_OK) {
            status = settings_read_file(path, "context", &settings, &problem);
        }
    }
    if (status != STATUS_OK) {
        return fail(call, status, &problem);
    }
    show_settings(call, &settings);
    return call_finish(call);
}

/* A context is used from any folder, so its paths begin at the root. */
static enum status take_path(const struct call *call, enum setting setting,
                             struct settings *settings, struct problem *problem)
{
    const char *value = call_get(call, setting_name(setting));
    char resolved[PATH_MAX];

    if (value == NULL) {
        return STATUS_OK;
    }
    if (setting == SETTING_STATE || setting == SETTING_TIMEOUT) {
        (void)snprintf(settings->values[setting], SETTINGS_VALUE_MAX, "%s", value);
        return STATUS_OK;
    }
    if (realpath(value, resolved) == NULL) {
        (void)problem_say(problem, STATUS_INVALID, "%s: %s", value, strerror(errno));
        return problem_advise(problem, "check the path");
    }
    (void)snprintf(settings->values[setting], SETTINGS_VALUE_MAX, "%.4000s", resolved);
    return STATUS_OK;
}

int cmd_context_add(struct call *call)
{
    static struct settings settings;
    struct problem problem = {0};
    enum status status = STATUS_OK;

    settings = (struct settings){0};
    for (size_t i = 0; status == STATUS_OK && i < SETTING_COUNT; i++) {
        status = take_path(call, (enum setting)i, &settings, &problem);
    }
    for (size_t i = 0; call_nth(call, "endpoint", i) != NULL && i < SETTINGS_ENDPOINTS_MAX; i++) {
        (void)snprintf(settings.endpoints[settings.endpoint_count++], sizeof(settings.endpoints[0]),
                       "%s", call_nth(call, "endpoint", i));
    }
    if (status == STATUS_OK && settings.values[SETTING_CHARTER][0] == '\0') {
        (void)problem_say(&problem, STATUS_INVALID, "a context needs a charter");
        status = problem_advise(&problem, "vestry context add NAME --charter FILE");
    }
    if (status == STATUS_OK) {
        status = settings_write(call_argument(call, 0), &settings, &problem);
    }
    if (status == STATUS_OK) {
        status = settings_use(call_argument(call, 0), &problem);
    }
    if (status != STATUS_OK) {
        return fail(call, status, &problem);
    }
    call_note(call, "context %s is kept and in use", call_argument(call, 0));
    return EXIT_OK;
}
