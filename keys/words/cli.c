#include "keys/words/cli.h"

#include "keys/words/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELP_BYTES_MAX 16384
#define ERROR_BYTES_MAX (8 * PROBLEM_CHARS)
#define VERB_CHARS_MAX 64

const char *cli_nth(const struct cli *cli, const char *name, size_t at)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        if (strcmp(cli->given[i].option->name, name) != 0) {
            continue;
        }
        if (at == 0) {
            return cli->given[i].value;
        }
        at--;
    }
    return NULL;
}

const char *cli_get(const struct cli *cli, const char *name)
{
    return cli_nth(cli, name, 0);
}

bool cli_has(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        if (strcmp(cli->given[i].option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum status advise_help(const struct cli *cli, struct problem *problem)
{
    return problem_advise(problem, "%s %s --help", cli->program->name, cli->verb->name);
}

enum status cli_need(const struct cli *cli, const char *name, const char **value,
                     struct problem *problem)
{
    *value = cli_get(cli, name);
    if (*value == NULL) {
        (void)problem_say(problem, STATUS_INVALID, "%s: --%s is missing", cli->verb->name, name);
        return advise_help(cli, problem);
    }
    return STATUS_OK;
}

enum cli_code cli_code_of(enum status status)
{
    return status == STATUS_INVALID || status == STATUS_REFUSED ? CLI_USAGE : CLI_ERROR;
}

enum cli_code cli_fail(const struct cli *cli, enum cli_code code, const struct problem *problem)
{
    uint8_t text[ERROR_BYTES_MAX];
    struct buffer out = buffer_make(text, sizeof(text));

    if (cli->json) {
        struct json_line json;

        json_begin(&json, &out, "vestry/error/1");
        json_text(&json, "error", bytes_of_text(problem->what));
        json_text(&json, "try", bytes_of_text(problem->todo));
        json_int(&json, "code", (int)code);
        json_end(&json);
    } else {
        cli_put(&out, "error: %s\n", problem->what);
        if (problem->todo[0] != '\0') {
            cli_put(&out, "  try: %s\n", problem->todo);
        }
    }
    (void)fwrite(out.data, 1, out.len, stderr);
    return code;
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    va_list arguments;

    if (cli->json) {
        return;
    }
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
}

enum cli_code cli_print(const struct cli *cli, const struct buffer *out)
{
    if (!out->full && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0) {
        return CLI_OK;
    }
    struct problem problem;
    (void)problem_say(&problem, STATUS_IO, "cannot write to the standard output");
    return cli_fail(cli, CLI_ERROR, &problem);
}

void cli_put(struct buffer *out, const char *format, ...)
{
    char text[2 * PROBLEM_CHARS];
    va_list arguments;

    va_start(arguments, format);
    const int chars = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (chars >= 0 && (size_t)chars < sizeof(text)) {
        buffer_put(out, bytes_make(text, (size_t)chars));
        return;
    }
    out->full = true;
}

void cli_put_cell(struct buffer *out, struct bytes text, size_t columns)
{
    size_t shown = 0;

    buffer_put(out, text);
    for (size_t i = 0; i < text.len; i++) {
        shown += (text.data[i] & 0xC0) != 0x80;
    }
    for (; shown < columns; shown++) {
        buffer_put_u8(out, ' ');
    }
}

/* --- Parsing --------------------------------------------------------------------------------- */

static const struct cli_option *find_option(const struct cli *cli, struct bytes name)
{
    for (size_t i = 0; i < cli->verb->option_count; i++) {
        if (bytes_equal(bytes_of_text(cli->verb->options[i].name), name)) {
            return &cli->verb->options[i];
        }
    }
    for (size_t i = 0; i < cli->program->option_count; i++) {
        if (bytes_equal(bytes_of_text(cli->program->options[i].name), name)) {
            return &cli->program->options[i];
        }
    }
    return NULL;
}

static enum status unknown_option(const struct cli *cli, struct bytes name, struct problem *problem)
{
    struct nearest nearest = nearest_make(name);

    for (size_t i = 0; i < cli->verb->option_count; i++) {
        nearest_offer(&nearest, cli->verb->options[i].name);
    }
    for (size_t i = 0; i < cli->program->option_count; i++) {
        nearest_offer(&nearest, cli->program->options[i].name);
    }
    nearest_offer(&nearest, "json");
    nearest_offer(&nearest, "help");
    (void)problem_say(problem, STATUS_INVALID, "%s: unknown option --%.*s", cli->verb->name,
                      (int)name.len, (const char *)name.data);
    if (nearest.best != NULL) {
        return problem_advise(problem, "did you mean --%s?", nearest.best);
    }
    return advise_help(cli, problem);
}

static enum status takes_no_value(const struct cli *cli, const char *name, struct problem *problem)
{
    (void)problem_say(problem, STATUS_INVALID, "--%s takes no value", name);
    return advise_help(cli, problem);
}

/* One option, in the form --name, --name VALUE or --name=VALUE. `at` moves over a value. */
static enum status take_option(struct cli *cli, char **argv, int argc, int *at,
                               struct problem *problem)
{
    const char *text = argv[*at] + 2;
    const char *equals = strchr(text, '=');
    const struct bytes name =
        bytes_make(text, equals == NULL ? strlen(text) : (size_t)(equals - text));

    if (bytes_equal(name, bytes_of_text("json"))) {
        cli->json = equals == NULL;
        return cli->json ? STATUS_OK : takes_no_value(cli, "json", problem);
    }
    const struct cli_option *option = find_option(cli, name);
    if (option == NULL) {
        return unknown_option(cli, name, problem);
    }
    const char *value = equals == NULL ? NULL : equals + 1;
    if (option->value == NULL && value != NULL) {
        return takes_no_value(cli, option->name, problem);
    }
    if (option->value != NULL && value == NULL) {
        if (*at + 1 >= argc) {
            (void)problem_say(problem, STATUS_INVALID, "--%s needs %s", option->name,
                              option->value);
            return advise_help(cli, problem);
        }
        *at += 1;
        value = argv[*at];
    }
    if (cli->given_count == CLI_GIVEN_MAX) {
        return problem_say(problem, STATUS_INVALID, "more than %d options", CLI_GIVEN_MAX);
    }
    cli->given[cli->given_count++] = (struct cli_given){option, value};
    return STATUS_OK;
}

static enum status take_arguments(struct cli *cli, int argc, char **argv, int from,
                                  struct problem *problem)
{
    static char out_option[] = "--out";
    bool options = true;

    for (int at = from; at < argc; at++) {
        if (options && strcmp(argv[at], "--") == 0) {
            options = false;
            continue;
        }
        if (options && strncmp(argv[at], "--", 2) == 0) {
            const enum status status = take_option(cli, argv, argc, &at, problem);
            if (status != STATUS_OK) {
                return status;
            }
            continue;
        }
        if (options && strcmp(argv[at], "-o") == 0) {
            argv[at] = out_option;
            at--;
            continue;
        }
        if (options && argv[at][0] == '-' && argv[at][1] != '\0') {
            (void)problem_say(problem, STATUS_INVALID, "unknown option %s", argv[at]);
            return advise_help(cli, problem);
        }
        if (cli->argument_count == cli->verb->arguments_max) {
            (void)problem_say(problem, STATUS_INVALID, "%s: one argument too many: %s",
                              cli->verb->name, argv[at]);
            return advise_help(cli, problem);
        }
        cli->arguments[cli->argument_count++] = argv[at];
    }
    if (cli->argument_count < cli->verb->arguments_min) {
        (void)problem_say(problem, STATUS_INVALID, "%s needs %s", cli->verb->name,
                          cli->verb->arguments);
        return advise_help(cli, problem);
    }
    return STATUS_OK;
}

/* The verb whose words begin argv at `from`; `used` gets how many words it has. */
static const struct cli_verb *find_verb(const struct cli_program *program, int argc, char **argv,
                                        int from, int *used)
{
    for (size_t i = 0; i < program->verb_count; i++) {
        const char *name = program->verbs[i].name;
        const char *space = strchr(name, ' ');
        const size_t first = space == NULL ? strlen(name) : (size_t)(space - name);

        if (from >= argc || strlen(argv[from]) != first || memcmp(argv[from], name, first) != 0) {
            continue;
        }
        if (space == NULL) {
            *used = 1;
            return &program->verbs[i];
        }
        if (from + 1 < argc && strcmp(argv[from + 1], space + 1) == 0) {
            *used = 2;
            return &program->verbs[i];
        }
    }
    return NULL;
}

static enum status unknown_verb(const struct cli_program *program, int argc, char **argv, int from,
                                struct problem *problem)
{
    char both[VERB_CHARS_MAX] = "";
    const bool two = from + 1 < argc && argv[from + 1][0] != '-';

    (void)snprintf(both, sizeof(both), "%s%s%s", argv[from], two ? " " : "",
                   two ? argv[from + 1] : "");
    struct nearest nearest = nearest_make(bytes_of_text(both));
    struct nearest alone = nearest_make(bytes_of_text(argv[from]));
    for (size_t i = 0; i < program->verb_count; i++) {
        nearest_offer(&nearest, program->verbs[i].name);
        nearest_offer(&alone, program->verbs[i].name);
    }
    const char *best = nearest.best != NULL ? nearest.best : alone.best;
    (void)problem_say(problem, STATUS_INVALID, "unknown verb: %s", both);
    if (best != NULL) {
        return problem_advise(problem, "did you mean `%s %s`?", program->name, best);
    }
    return problem_advise(problem, "%s --help", program->name);
}

static bool asks_for_help(int argc, char **argv, int from)
{
    for (int i = from; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static bool asks_for_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

int cli_run(const struct cli_program *program, int argc, char **argv)
{
    static uint8_t text[HELP_BYTES_MAX];
    struct buffer help = buffer_make(text, sizeof(text));
    struct cli cli = {.program = program, .json = asks_for_json(argc, argv)};
    struct problem problem = {0};
    int used = 0;

    const bool help_verb = argc > 1 && strcmp(argv[1], "help") == 0;
    const int from = help_verb ? 2 : 1;
    if (argc <= from ||
        (from == 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))) {
        cli_help_program(program, &help);
        if (argc > 1) {
            return (int)cli_print(&cli, &help);
        }
        (void)fwrite(help.data, 1, help.len, stderr);
        return CLI_USAGE;
    }
    cli.verb = find_verb(program, argc, argv, from, &used);
    if (cli.verb == NULL) {
        (void)unknown_verb(program, argc, argv, from, &problem);
        return (int)cli_fail(&cli, CLI_USAGE, &problem);
    }
    if (help_verb || asks_for_help(argc, argv, from + used)) {
        cli_help_verb(program, cli.verb, &help);
        return (int)cli_print(&cli, &help);
    }
    if (take_arguments(&cli, argc, argv, from + used, &problem) != STATUS_OK) {
        return (int)cli_fail(&cli, CLI_USAGE, &problem);
    }
    const enum cli_code code = cli.verb->run(&cli);
    return (int)(program->end == NULL ? code : program->end(&cli, code));
}
