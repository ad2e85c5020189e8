/* Command lines of the offline programs: one table of verbs, from which parsing, help, "did you
 * mean" and the shape of errors follow.
 *
 * Data goes to stdout, everything else to stderr. An error is two lines: what is wrong, what to do.
 * With --json, data and errors are one object a line. Verbs get their options as text and parse
 * them; a secret is never an option's value, because everybody on the machine can read those. */
#ifndef VESTRY_KEYS_WORDS_CLI_H
#define VESTRY_KEYS_WORDS_CLI_H

#include "crypto/bytes.h"
#include "keys/words/json_line.h"
#include "keys/words/problem.h"

#define CLI_GIVEN_MAX 64
#define CLI_ARGUMENTS_MAX 64

/* Exit codes are the same in every program of the project. */
enum cli_code {
    CLI_OK = 0,
    CLI_ERROR = 1,
    CLI_USAGE = 2, /* or configuration */
    CLI_VERIFY_FAILED = 3,
    CLI_NOT_AUTHORISED = 5,
    CLI_STALE = 7, /* made for an older state */
};

struct cli;

struct cli_option {
    const char *name;  /* "--" and its letters are added when shown */
    const char *value; /* what its value is called in the help; NULL: it takes none */
    const char *help;
};

struct cli_verb {
    const char *name;      /* one word or two: "charter sign" */
    const char *arguments; /* for the help: "DRAFT" */
    const char *summary;
    const char *examples; /* whole lines, shown first */
    const struct cli_option *options;
    size_t option_count;
    size_t arguments_min;
    size_t arguments_max;
    enum cli_code (*run)(struct cli *cli);
};

struct cli_program {
    const char *name;
    const char *summary;
    const char *examples;
    const struct cli_verb *verbs;
    size_t verb_count;
    const struct cli_option *options; /* those of every verb, beside --json and --help */
    size_t option_count;
    /* After a verb has run, with its code; the result is the exit code. May be NULL. */
    enum cli_code (*end)(const struct cli *cli, enum cli_code code);
};

struct cli_given {
    const struct cli_option *option;
    const char *value;
};

struct cli {
    const struct cli_program *program;
    const struct cli_verb *verb;
    struct cli_given given[CLI_GIVEN_MAX];
    size_t given_count;
    const char *arguments[CLI_ARGUMENTS_MAX];
    size_t argument_count;
    bool json;
};

/* Parse, then run the verb, or its help. The result is the exit code. */
MUST_USE int cli_run(const struct cli_program *program, int argc, char **argv);

/* The value of an option: the first given, or NULL. */
MUST_USE const char *cli_get(const struct cli *cli, const char *name);

/* The `at`-th value (from 0) of an option that may be repeated, or NULL. */
MUST_USE const char *cli_nth(const struct cli *cli, const char *name, size_t at);

/* Whether an option without a value was given. */
MUST_USE bool cli_has(const struct cli *cli, const char *name);

/* The value of an option, or a problem that says it is missing. */
MUST_USE enum status cli_need(const struct cli *cli, const char *name, const char **value,
                              struct problem *problem);

/* Print the problem and return `code`. */
enum cli_code cli_fail(const struct cli *cli, enum cli_code code, const struct problem *problem);

/* The code that a failure of the world or of input has: CLI_USAGE for STATUS_INVALID and for
 * unsafe permissions, CLI_ERROR otherwise. */
MUST_USE enum cli_code cli_code_of(enum status status);

/* Print a line on stderr: for a person who watches, never with --json. */
void cli_note(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* Write the buffer to stdout. CLI_ERROR when it is marked full or cannot be written. */
MUST_USE enum cli_code cli_print(const struct cli *cli, const struct buffer *out);

/* Append formatted text; marks `out` full when it does not fit. */
void cli_put(struct buffer *out, const char *format, ...) PRINTF_LIKE(2, 3);

/* Append `text` (well-formed UTF-8) and spaces up to `columns` characters. */
void cli_put_cell(struct buffer *out, struct bytes text, size_t columns);

/* The help of a program, or of one verb: examples first. In cli_help.c. */
void cli_help_program(const struct cli_program *program, struct buffer *out);
void cli_help_verb(const struct cli_program *program, const struct cli_verb *verb,
                   struct buffer *out);

#endif
