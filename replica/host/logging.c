#include "replica/host/logging.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_format the_format = LOG_FORMAT_TEXT;
static enum log_level the_least = LEVEL_INFO;

void log_configure(enum log_format format, enum log_level least)
{
    the_format = format;
    the_least = least;
}

bool log_wanted(enum log_level level)
{
    return level <= the_least;
}

static const char *level_text(enum log_level level)
{
    switch (level) {
    case LEVEL_ERROR:
        return "error";
    case LEVEL_WARNING:
        return "warn";
    case LEVEL_INFO:
        return "info";
    case LEVEL_DEBUG:
        return "debug";
    }
    return "?";
}

/* The room that the end of a line keeps for itself: quotes, a brace, a newline. */
#define TAIL_ROOM 8

static bool put(struct buffer *out, const char *text, size_t len)
{
    if (out->capacity - out->len < len + TAIL_ROOM) {
        return false;
    }
    buffer_put(out, bytes_make(text, len));
    return true;
}

static bool put_text(struct buffer *out, const char *text)
{
    return put(out, text, strlen(text));
}

/* Quoted as JSON has it. Bytes above 0x7f pass: whoever logs text has checked that it is UTF-8, or
 * it comes from the operating system. */
static void put_quoted(struct buffer *out, const char *text)
{
    bool fits = put_text(out, "\"");
    for (const char *c = text; *c != 0 && fits; c++) {
        unsigned char byte = (unsigned char)*c;
        char escaped[8];
        if (byte == '"' || byte == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", byte);
        } else if (byte < 0x20 || byte == 0x7f) {
            snprintf(escaped, sizeof escaped, "\\u%04x", byte);
        } else {
            snprintf(escaped, sizeof escaped, "%c", byte);
        }
        fits = put_text(out, escaped);
    }
    buffer_put_u8(out, '"');
}

static bool is_plain(const char *text)
{
    for (const char *c = text; *c != 0; c++) {
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '"' || *c == '\\' ||
            *c == '=') {
            return false;
        }
    }
    return *text != 0;
}

static void put_value(struct buffer *out, enum log_format format, const struct log_field *field)
{
    if (field->text == NULL) {
        char number[24];
        snprintf(number, sizeof number, "%llu", (unsigned long long)field->number);
        put_text(out, number);
    } else if (format == LOG_FORMAT_TEXT && is_plain(field->text)) {
        put_text(out, field->text);
    } else {
        put_quoted(out, field->text);
    }
}

static void compose_text(struct buffer *out, const struct log_line *line)
{
    char head[256];
    snprintf(head, sizeof head, "%s %-5s %s: %s", line->time, level_text(line->level), line->module,
             line->message);
    put_text(out, head);
    const struct log_field *field = line->fields;
    const char *gap = "  ";
    for (; field != NULL && field->name != NULL; field++) {
        if (!put_text(out, gap) || !put_text(out, field->name) || !put_text(out, "=")) {
            break;
        }
        put_value(out, LOG_FORMAT_TEXT, field);
        gap = " ";
    }
}

static void compose_json(struct buffer *out, const struct log_line *line)
{
    const struct log_field head[] = {
        LOG_TEXT("time", line->time), LOG_TEXT("level", level_text(line->level)),
        LOG_TEXT("module", line->module), LOG_TEXT("message", line->message)};
    const char *gap = "{";
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        put_text(out, gap);
        put_quoted(out, head[i].name);
        put_text(out, ":");
        put_value(out, LOG_FORMAT_JSON, &head[i]);
        gap = ",";
    }
    const struct log_field *field = line->fields;
    for (; field != NULL && field->name != NULL; field++) {
        /* A field that cannot be whole is left out whole, so that the line stays JSON. */
        size_t before = out->len;
        bool fits = put_text(out, ",");
        put_quoted(out, field->name);
        fits = fits && put_text(out, ":");
        size_t value_room = out->capacity - out->len;
        size_t value_len = field->text == NULL ? 24 : 6 * strlen(field->text) + 2;
        if (!fits || value_len + TAIL_ROOM > value_room) {
            out->len = before;
            out->full = false;
            break;
        }
        put_value(out, LOG_FORMAT_JSON, field);
    }
    buffer_put_u8(out, '}');
}

void log_compose(struct buffer *out, enum log_format format, const struct log_line *line)
{
    if (format == LOG_FORMAT_JSON) {
        compose_json(out, line);
    } else {
        compose_text(out, line);
    }
    buffer_put_u8(out, '\n');
}

static void write_all(const char *text, size_t len)
{
    /* Where the log goes is not ours to repair. */
    ssize_t written = write(STDERR_FILENO, text, len);
    (void)written;
}

void log_write(enum log_level level, const char *module, const char *message,
               const struct log_field *fields)
{
    if (!log_wanted(level)) {
        return;
    }
    struct timespec now;
    struct tm parts;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    CHECK(gmtime_r(&now.tv_sec, &parts) != NULL);
    char seconds[32];
    char time[48];
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(time, sizeof time, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
    uint8_t memory[LOG_LINE_BYTES_MAX];
    struct buffer out = buffer_make(memory, sizeof memory);
    const struct log_line line = {time, level, module, message, fields};
    log_compose(&out, the_format, &line);
    write_all((const char *)out.data, out.len);
}

void log_error(const char *module, const char *message, const struct log_field *fields)
{
    log_write(LEVEL_ERROR, module, message, fields);
}

void log_warning(const char *module, const char *message, const struct log_field *fields)
{
    log_write(LEVEL_WARNING, module, message, fields);
}

void log_info(const char *module, const char *message, const struct log_field *fields)
{
    log_write(LEVEL_INFO, module, message, fields);
}

void log_debug(const char *module, const char *message, const struct log_field *fields)
{
    log_write(LEVEL_DEBUG, module, message, fields);
}

void log_report(const struct report *report)
{
    char text[sizeof report->what + sizeof report->remedy + 32];
    int len = snprintf(text, sizeof text, "error: %s\n  try: %s\n", report->what, report->remedy);
    write_all(text, (size_t)len);
}
