#include "client/cli/call.h"

#include "crypto/base64.h"
#include "crypto/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHORT_TEXT 64

bool is_terminal(int fd)
{
    return isatty(fd) == 1;
}

bool may_colour(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return is_terminal(fd) && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

/* --- Errors ----------------------------------------------------------------------------------- */

static void print_error_json(int code, const char *what, const char *todo, const char *name,
                             uint32_t log_code)
{
    json_t *object = json_new("vestry/error/1");

    json_put_text(object, "error", what);
    json_put_text(object, "try", todo);
    json_put_int(object, "code", code);
    if (name != NULL) {
        json_put_text(object, "kind", name);
    }
    if (log_code != 0) {
        json_put_int(object, "log_code", log_code);
    }
    char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    json_decref(object);
    if (text != NULL) {
        (void)fprintf(stderr, "%s\n", text);
        free(text);
    }
}

static int fail(const struct call *call, int code, const char *what, const char *todo,
                const struct vestry_problem *problem)
{
    const char *red = may_colour(2) ? "\x1b[31m" : "";
    const char *plain = may_colour(2) ? "\x1b[0m" : "";

    (void)fflush(stdout);
    if (call->json) {
        print_error_json(code, what, todo,
                         problem == NULL ? NULL : vestry_error_text(problem->error),
                         problem == NULL ? 0 : problem->code);
        return code;
    }
    (void)fprintf(stderr, "%serror:%s %s\n", red, plain, what);
    if (todo[0] != '\0') {
        (void)fprintf(stderr, "  try: %s\n", todo);
    }
    return code;
}

int call_fail(const struct call *call, int code, const char *what, const char *todo)
{
    return fail(call, code, what, todo, NULL);
}

int call_fail_problem(const struct call *call, int code, const struct problem *problem)
{
    return fail(call, code, problem->what, problem->todo, NULL);
}

int exit_code_of(enum vestry_error error)
{
    switch (error) {
    case VESTRY_OK:
        return EXIT_OK;
    case VESTRY_FAILED:
    case VESTRY_BUSY:
    case VESTRY_NOT_FOUND:
    case VESTRY_INTERRUPTED:
        return EXIT_ERROR;
    case VESTRY_INVALID:
        return EXIT_USAGE;
    case VESTRY_UNVERIFIED:
        return EXIT_VERIFY;
    case VESTRY_NO_QUORUM:
    case VESTRY_UNKNOWN:
    case VESTRY_WENT_BACK:
        return EXIT_NO_QUORUM;
    case VESTRY_DENIED:
        return EXIT_DENIED;
    case VESTRY_CONFLICT:
        return EXIT_CONFLICT;
    case VESTRY_STALE:
        return EXIT_STALE;
    }
    return EXIT_ERROR;
}

int exit_code_of_status(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return EXIT_OK;
    case STATUS_INVALID:
    case STATUS_REFUSED:
    case STATUS_EXISTS:
    case STATUS_MISMATCH:
    case STATUS_CORRUPT:
    case STATUS_NOT_FOUND:
        return EXIT_USAGE;
    case STATUS_NO_MEMORY:
    case STATUS_NO_SPACE:
    case STATUS_IO:
    case STATUS_BUSY:
        return EXIT_ERROR;
    }
    return EXIT_ERROR;
}

int call_fail_vestry(const struct call *call, const struct vestry_problem *problem)
{
    return fail(call, exit_code_of(problem->error), problem->what, problem->todo, problem);
}

/* --- Text ------------------------------------------------------------------------------------- */

void call_note(const struct call *call, const char *format, ...)
{
    va_list arguments;

    if (call->json || call_has(call, "quiet")) {
        return;
    }
    (void)fflush(stdout);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

void call_print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
}

bool call_write(struct bytes bytes)
{
    return bytes.len == 0 || fwrite(bytes.data, 1, bytes.len, stdout) == bytes.len;
}

int call_finish(const struct call *call)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        return call_fail(call, EXIT_ERROR, "the output cannot be written",
                         "check the disk, or whoever reads it");
    }
    return EXIT_OK;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* Out of memory in a program that prints a line: there is nothing better than to stop. */
static json_t *must(json_t *value)
{
    if (value == NULL) {
        (void)fprintf(stderr, "error: no memory for JSON\n");
        exit(EXIT_ERROR);
    }
    return value;
}

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, must(value)) != 0) {
        (void)must(NULL);
    }
}

json_t *json_new(const char *schema)
{
    json_t *object = must(json_object());

    json_put_text(object, "schema", schema);
    return object;
}

void json_put_u64(json_t *object, const char *key, uint64_t value)
{
    char text[SHORT_TEXT];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    put(object, key, json_string(text));
}

void json_put_int(json_t *object, const char *key, long long value)
{
    put(object, key, json_integer(value));
}

void json_put_real(json_t *object, const char *key, double value)
{
    put(object, key, json_real(value));
}

void json_put_bool(json_t *object, const char *key, bool value)
{
    put(object, key, json_boolean(value));
}

void json_put_text(json_t *object, const char *key, const char *value)
{
    json_t *text = json_string(value);

    put(object, key, text != NULL ? text : json_string("(not UTF-8)"));
}

void json_put_hex(json_t *object, const char *key, struct bytes value)
{
    uint8_t text[256];
    struct buffer out = buffer_make(text, sizeof(text));

    hex_put(&out, value);
    CHECK(!out.full); /* keys, hashes and signatures; longer things are base 64 */
    put(object, key, json_stringn((const char *)text, out.len));
}

void json_put_bytes(json_t *object, const char *key, struct bytes value)
{
    char name[SHORT_TEXT];
    json_t *text = json_stringn(value.len == 0 ? "" : (const char *)value.data, value.len);

    if (text != NULL) {
        put(object, key, text);
        return;
    }
    const size_t chars = BASE64_CHARS(value.len);
    struct buffer out = buffer_make(malloc(chars + 1), chars);
    if (out.data == NULL) {
        (void)must(NULL);
    }
    base64_put(&out, value);
    (void)snprintf(name, sizeof(name), "%s_base64", key);
    put(object, name, json_stringn((const char *)out.data, out.len));
    free(out.data);
}

void json_emit(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));

    json_decref(object);
    if (text != NULL) {
        (void)puts(text);
        free(text);
    }
}
