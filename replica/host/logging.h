/* Structured log lines on stderr: time, level, module, a fixed phrase, and named fields.
 *
 *   text   2026-01-02T03:04:05.678Z info  peer: connected  peer=r1 address=10.77.0.2:7000
 *   json   {"time":"...","level":"info","module":"peer","message":"connected","peer":"r1",...}
 *
 * Values may come from the network: whatever is not plain is quoted and escaped, and a line is cut
 * at a bound. A line is one write, so threads do not mix. Configure once, before threads start. */
#ifndef VESTRY_REPLICA_HOST_LOGGING_H
#define VESTRY_REPLICA_HOST_LOGGING_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "storage/report.h"

enum log_level {
    LEVEL_ERROR,
    LEVEL_WARNING,
    LEVEL_INFO,
    LEVEL_DEBUG,
};

enum log_format {
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON,
};

#define LOG_LINE_BYTES_MAX 4096

struct log_field {
    const char *name; /* NULL ends the list */
    const char *text; /* NULL: the number counts */
    uint64_t number;
};

#define LOG_TEXT(field_name, value) ((struct log_field){.name = (field_name), .text = (value)})
#define LOG_NUMBER(field_name, value) ((struct log_field){.name = (field_name), .number = (value)})
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {NULL, NULL, 0}})

void log_configure(enum log_format format, enum log_level least);
MUST_USE bool log_wanted(enum log_level level);

/* `fields` may be NULL. */
void log_write(enum log_level level, const char *module, const char *message,
               const struct log_field *fields);
void log_error(const char *module, const char *message, const struct log_field *fields);
void log_warning(const char *module, const char *message, const struct log_field *fields);
void log_info(const char *module, const char *message, const struct log_field *fields);
void log_debug(const char *module, const char *message, const struct log_field *fields);

/* One line as it would be written; `out` ends in a newline. */
struct log_line {
    const char *time;
    enum log_level level;
    const char *module;
    const char *message;
    const struct log_field *fields;
};
void log_compose(struct buffer *out, enum log_format format, const struct log_line *line);

/* "error: <what>" and "  try: <remedy>" on stderr, for a person. */
void log_report(const struct report *report);

#endif
