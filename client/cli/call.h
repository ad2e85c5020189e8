/* One invocation of the program: the verb, its options and arguments, and how results are said.
 *
 * One table of verbs makes parsing, help, completion and "did you mean". Data goes to stdout,
 * everything else to stderr. An error is two lines: what is wrong, what to do. With --json both are
 * one object a line, tagged with its schema, 64-bit numbers as strings. */
#ifndef VESTRY_CLIENT_CLI_CALL_H
#define VESTRY_CLIENT_CLI_CALL_H

#include "crypto/bytes.h"
#include "keys/words/problem.h"

#include <jansson.h>
#include <vestry/vestry.h>

#define CALL_GIVEN_MAX 64
#define CALL_ARGUMENTS_MAX 64

/* The same in every program of the project. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2, /* or configuration */
    EXIT_VERIFY = 3,
    EXIT_NO_QUORUM = 4,
    EXIT_DENIED = 5,
    EXIT_CONFLICT = 6,
    EXIT_STALE = 7,
    EXIT_DEGRADED = 8,
};

struct call;

struct call_option {
    const char *name;  /* without "--" */
    char letter;       /* of the short form, or 0 */
    const char *value; /* what its value is called in the help; NULL: it takes none */
    const char *help;
};

enum verb_kind {
    VERB_LOCAL,  /* talks to nobody */
    VERB_READS,  /* connects; the options of connecting apply */
    VERB_WRITES, /* the same, and appends */
};

struct verb {
    const char *name; /* one word or two: "dev start" */
    enum verb_kind kind;
    const char *arguments; /* for the help: "STREAM [TEXT]" */
    const char *summary;
    const char *examples; /* whole lines, shown first */
    const struct call_option *options;
    size_t option_count;
    size_t arguments_min;
    size_t arguments_max;
    int (*run)(struct call *call);
};

struct given {
    const struct call_option *option;
    const char *value;
};

struct call {
    const struct verb *verb;
    struct given given[CALL_GIVEN_MAX];
    size_t given_count;
    const char *arguments[CALL_ARGUMENTS_MAX];
    size_t argument_count;
    bool json;
    bool help;
    const char *self; /* how the program was started: where its siblings are */
};

/* The table, which main.c holds, and the options that are not in it. */
extern const struct verb verbs[];
extern const size_t verb_count;
extern const struct call_option common_options[];
extern const size_t common_option_count;
extern const struct call_option connect_options[];
extern const size_t connect_option_count;

/* --- call.c ----------------------------------------------------------------------------------- */

/* Find the verb, parse, and run it or show its help. The result is the exit code. */
MUST_USE int call_run(int argc, char **argv);

/* The value of an option: the first given, or NULL. `at` counts repeated ones from 0. */
MUST_USE const char *call_get(const struct call *call, const char *name);
MUST_USE const char *call_nth(const struct call *call, const char *name, size_t at);
MUST_USE bool call_has(const struct call *call, const char *name);
/* Argument `at`, or NULL. */
MUST_USE const char *call_argument(const struct call *call, size_t at);

/* A number or a duration in an option; false, and the problem is said, when it is none. */
MUST_USE bool call_count(const struct call *call, const char *name, uint64_t *out);
MUST_USE bool call_duration(const struct call *call, const char *name, uint64_t *out_ms);

/* Whether `option` belongs to the verb: of its own, common, or of connecting. */
MUST_USE const struct call_option *call_option_find(const struct verb *verb, const char *name,
                                                    char letter);

/* --- call_out.c ------------------------------------------------------------------------------- */

/* Say what is wrong and what to do, and return the code. */
int call_fail(const struct call *call, int code, const char *what, const char *todo);
int call_fail_problem(const struct call *call, int code, const struct problem *problem);
/* The same for what the library met; the code follows from the error. */
int call_fail_vestry(const struct call *call, const struct vestry_problem *problem);
MUST_USE int exit_code_of(enum vestry_error error);
/* The code for a failure below the library. */
MUST_USE int exit_code_of_status(enum status status);

/* A line on stderr for a person who watches; nothing with --json or --quiet. */
void call_note(const struct call *call, const char *format, ...) PRINTF_LIKE(2, 3);
/* Text on stdout. */
void call_print(const char *format, ...) PRINTF_LIKE(1, 2);
/* Bytes on stdout; false when they cannot be written. */
MUST_USE bool call_write(struct bytes bytes);
/* Flush stdout: EXIT_OK, or EXIT_ERROR with a word when the reader is gone or the disk is full. */
MUST_USE int call_finish(const struct call *call);

/* JSON: a new object with its schema; numbers as strings; hashes in hex; and out with it. */
MUST_USE json_t *json_new(const char *schema);
void json_put_u64(json_t *object, const char *key, uint64_t value);
void json_put_int(json_t *object, const char *key, long long value);
void json_put_real(json_t *object, const char *key, double value);
void json_put_bool(json_t *object, const char *key, bool value);
void json_put_text(json_t *object, const char *key, const char *value);
void json_put_hex(json_t *object, const char *key, struct bytes value);
/* The bytes as text when they are UTF-8, otherwise as base 64 under `key`_base64. */
void json_put_bytes(json_t *object, const char *key, struct bytes value);
void json_emit(json_t *object);

/* Whether colours and moving bars may be used on that stream (1, 2). */
MUST_USE bool is_terminal(int fd);
MUST_USE bool may_colour(int fd);

/* --- call_help.c ------------------------------------------------------------------------------ */

void help_program(void);
void help_verb(const struct verb *verb);
/* False for a shell that is not known. */
MUST_USE bool help_completion(const char *shell);

#endif
