#include "client/cli/call.h"

#include "keys/words/amounts.h"
#include "keys/words/nearest.h"

#include <stdio.h>
#include <string.h>

const char *call_nth(const struct call *call, const char *name, size_t at)
{
    for (size_t i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].option->name, name) != 0) {
            continue;
        }
        if (at == 0) {
            return call->given[i].value;
        }
        at--;
    }
    return NULL;
}

const char *call_get(const struct call *call, const char *name)
{
    return call_nth(call, name, 0);
}

bool call_has(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->given_count; i++) {
        if (strcmp(call->given[i].option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *call_argument(const struct call *call, size_t at)
{
    return at < call->argument_count ? call->arguments[at] : NULL;
}

static int usage(const struct call *call, const char *what)
{
    char todo[128];

    (void)snprintf(todo, sizeof(todo), "vestry %s -h", call->verb == NULL ? "" : call->verb->name);
    return call_fail(call, EXIT_USAGE, what, todo);
}

static bool not_acceptable(const struct call *call, const char *name, const char *wanted)
{
    char what[256];

    (void)snprintf(what, sizeof(what), "--%s %.60s: that is no %s", name, call_get(call, name),
                   wanted);
    (void)usage(call, what);
    return false;
}

bool call_count(const struct call *call, const char *name, uint64_t *out)
{
    const char *text = call_get(call, name);

    return text == NULL || amount_parse_count(bytes_of_text(text), out) ||
           not_acceptable(call, name, "number");
}

bool call_duration(const struct call *call, const char *name, uint64_t *out_ms)
{
    const char *text = call_get(call, name);

    return text == NULL || amount_parse_duration(bytes_of_text(text), out_ms) ||
           not_acceptable(call, name, "duration, like 500ms, 30s or 5min");
}

/* --- Verbs ------------------------------------------------------------------------------------ */

/* How many words of argv the verb's name takes, when they are its name; 0 when they are not. */
static int words_of_verb(const struct verb *verb, int argc, char **argv)
{
    const char *space = strchr(verb->name, ' ');

    if (space == NULL) {
        return argc > 1 && strcmp(argv[1], verb->name) == 0 ? 1 : 0;
    }
    const size_t first = (size_t)(space - verb->name);
    return argc > 2 && strlen(argv[1]) == first && memcmp(argv[1], verb->name, first) == 0 &&
                   strcmp(argv[2], space + 1) == 0
               ? 2
               : 0;
}

/* The longest name wins, so that "dev start" is not "dev" with an argument. */
static const struct verb *find_verb(int argc, char **argv, int *words)
{
    const struct verb *found = NULL;

    *words = 0;
    for (size_t i = 0; i < verb_count; i++) {
        const int taken = words_of_verb(&verbs[i], argc, argv);

        if (taken > *words) {
            *words = taken;
            found = &verbs[i];
        }
    }
    return found;
}

static bool is_group(const char *word)
{
    const size_t len = strlen(word);

    for (size_t i = 0; i < verb_count; i++) {
        if (strncmp(verbs[i].name, word, len) == 0 && verbs[i].name[len] == ' ') {
            return true;
        }
    }
    return false;
}

static int unknown_verb(const struct call *call, int argc, char **argv)
{
    char word[128];
    char what[192];
    char todo[192];
    const bool group = is_group(argv[1]);

    (void)snprintf(word, sizeof(word), "%.60s%s%.60s", argv[1], group && argc > 2 ? " " : "",
                   group && argc > 2 ? argv[2] : "");
    struct nearest nearest = nearest_make(bytes_of_text(word));
    for (size_t i = 0; i < verb_count; i++) {
        nearest_offer(&nearest, verbs[i].name);
    }
    (void)snprintf(what, sizeof(what), "unknown verb: %s", word);
    if (nearest.best != NULL) {
        (void)snprintf(todo, sizeof(todo), "did you mean: vestry %s", nearest.best);
    } else {
        (void)snprintf(todo, sizeof(todo), "vestry help lists the verbs");
    }
    return call_fail(call, EXIT_USAGE, what, todo);
}

/* --- Options ---------------------------------------------------------------------------------- */

static const struct call_option *find_in(const struct call_option *options, size_t count,
                                         const char *name, char letter)
{
    for (size_t i = 0; i < count; i++) {
        if ((name != NULL && strcmp(options[i].name, name) == 0) ||
            (letter != 0 && options[i].letter == letter)) {
            return &options[i];
        }
    }
    return NULL;
}

const struct call_option *call_option_find(const struct verb *verb, const char *name, char letter)
{
    const struct call_option *option = find_in(verb->options, verb->option_count, name, letter);

    if (option == NULL) {
        option = find_in(common_options, common_option_count, name, letter);
    }
    if (option == NULL && verb->kind != VERB_LOCAL) {
        option = find_in(connect_options, connect_option_count, name, letter);
    }
    return option;
}

static void offer_all(struct nearest *nearest, const struct call_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        nearest_offer(nearest, options[i].name);
    }
}

static int unknown_option(const struct call *call, const char *name)
{
    char what[160];
    char todo[160];
    struct nearest nearest = nearest_make(bytes_of_text(name));

    offer_all(&nearest, call->verb->options, call->verb->option_count);
    offer_all(&nearest, common_options, common_option_count);
    if (call->verb->kind != VERB_LOCAL) {
        offer_all(&nearest, connect_options, connect_option_count);
    }
    (void)snprintf(what, sizeof(what), "vestry %s has no option --%.60s", call->verb->name, name);
    if (nearest.best == NULL) {
        return usage(call, what);
    }
    (void)snprintf(todo, sizeof(todo), "did you mean --%s?  vestry %s -h", nearest.best,
                   call->verb->name);
    return call_fail(call, EXIT_USAGE, what, todo);
}

static int take(struct call *call, const struct call_option *option, const char *value)
{
    if (call->given_count == CALL_GIVEN_MAX) {
        return usage(call, "too many options");
    }
    call->given[call->given_count++] = (struct given){option, value};
    call->json = call->json || strcmp(option->name, "json") == 0;
    call->help = call->help || strcmp(option->name, "help") == 0;
    return EXIT_OK;
}

/* An option that takes a value: what is attached to it, or the next word. */
static int take_value(struct call *call, const struct call_option *option, const char *attached,
                      char ***next, char **end)
{
    char what[128];

    if (attached != NULL) {
        return take(call, option, attached);
    }
    if (*next == end) {
        (void)snprintf(what, sizeof(what), "--%s needs a value: %s", option->name, option->value);
        return usage(call, what);
    }
    const char *value = **next;
    (*next)++;
    return take(call, option, value);
}

static int take_long(struct call *call, const char *word, char ***next, char **end)
{
    char name[64];
    char what[128];
    const char *equals = strchr(word, '=');
    const size_t len = equals == NULL ? strlen(word) : (size_t)(equals - word);

    (void)snprintf(name, sizeof(name), "%.*s", (int)(len < 60 ? len : 60), word);
    const struct call_option *option = call_option_find(call->verb, name, 0);
    if (option == NULL) {
        return unknown_option(call, name);
    }
    if (option->value != NULL) {
        return take_value(call, option, equals == NULL ? NULL : equals + 1, next, end);
    }
    if (equals != NULL) {
        (void)snprintf(what, sizeof(what), "--%s takes no value", name);
        return usage(call, what);
    }
    return take(call, option, NULL);
}

/* "-f", "-n 2", "-n2", "-fn2". */
static int take_short(struct call *call, const char *letters, char ***next, char **end)
{
    for (; *letters != '\0'; letters++) {
        const struct call_option *option = call_option_find(call->verb, NULL, *letters);
        const char name[2] = {*letters, '\0'};

        if (option == NULL) {
            return unknown_option(call, name);
        }
        if (option->value != NULL) {
            return take_value(call, option, letters[1] == '\0' ? NULL : letters + 1, next, end);
        }
        const int code = take(call, option, NULL);
        if (code != EXIT_OK) {
            return code;
        }
    }
    return EXIT_OK;
}

static int take_argument(struct call *call, const char *word)
{
    if (call->argument_count == CALL_ARGUMENTS_MAX) {
        return usage(call, "too many arguments");
    }
    call->arguments[call->argument_count++] = word;
    return EXIT_OK;
}

static int parse(struct call *call, char **next, char **end)
{
    bool options_end = false;

    while (next != end) {
        const char *word = *next++;
        int code = EXIT_OK;

        if (options_end || word[0] != '-' || word[1] == '\0') {
            code = take_argument(call, word);
        } else if (strcmp(word, "--") == 0) {
            options_end = true;
        } else if (word[1] == '-') {
            code = take_long(call, word + 2, &next, end);
        } else {
            code = take_short(call, word + 1, &next, end);
        }
        if (code != EXIT_OK) {
            return code;
        }
    }
    return EXIT_OK;
}

static int check_arguments(const struct call *call)
{
    char what[160];

    if (call->argument_count < call->verb->arguments_min) {
        (void)snprintf(what, sizeof(what), "vestry %s %s: an argument is missing", call->verb->name,
                       call->verb->arguments);
        return usage(call, what);
    }
    if (call->argument_count > call->verb->arguments_max) {
        (void)snprintf(what, sizeof(what), "vestry %s: one argument too many: %.60s",
                       call->verb->name, call->arguments[call->verb->arguments_max]);
        return usage(call, what);
    }
    return EXIT_OK;
}

/* Errors of parsing are JSON too, wherever --json stands. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            return false;
        }
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

int call_run(int argc, char **argv)
{
    static struct call call;
    int words = 0;

    call.self = argc > 0 ? argv[0] : "vestry";
    call.json = wants_json(argc, argv);
    if (argc < 2 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        help_program();
        return argc < 2 ? EXIT_USAGE : call_finish(&call);
    }
    call.verb = find_verb(argc, argv, &words);
    if (call.verb == NULL) {
        return unknown_verb(&call, argc, argv);
    }
    const int code = parse(&call, argv + 1 + words, argv + argc);
    if (code != EXIT_OK) {
        return code;
    }
    if (call.help) {
        help_verb(call.verb);
        return call_finish(&call);
    }
    const int checked = check_arguments(&call);
    return checked == EXIT_OK ? call.verb->run(&call) : checked;
}
