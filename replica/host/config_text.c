#include "replica/host/config_text.h"

#include <stdlib.h>
#include <string.h>

#define VARIABLE_BYTES_MAX 128

enum place {
    PLACE_PLAIN,
    PLACE_DOUBLE, /* in "..." */
    PLACE_SINGLE, /* in '...': nothing is replaced */
    PLACE_LINE_COMMENT,
    PLACE_BLOCK_COMMENT,
};

struct expansion {
    const char *path;
    const char *at;
    const char *end;
    unsigned line;
    enum place place;
    unsigned section_line; /* where the section that is open begins; 0: none is open */
    struct buffer *out;
    struct report *report;
};

static bool looking_at(const struct expansion *expansion, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(expansion->end - expansion->at) >= len && memcmp(expansion->at, text, len) == 0;
}

static bool value_is_harmless(const char *value)
{
    for (const char *c = value; *c != 0; c++) {
        if ((unsigned char)*c < ' ' || strchr("\"'\\{}#$", *c) != NULL) {
            return false;
        }
    }
    return true;
}

/* At "${": replace up to "}". */
static bool expand_variable(struct expansion *expansion)
{
    const char *name = expansion->at + 2;
    const char *close = name;
    while (close < expansion->end && *close != '}' && *close != '\n') {
        close++;
    }
    size_t len = (size_t)(close - name);
    if (close == expansion->end || *close != '}' || len == 0 || len >= VARIABLE_BYTES_MAX) {
        report_what(expansion->report, "%s:%u: ${ without a name and } on the same line",
                    expansion->path, expansion->line);
        report_remedy(expansion->report, "write ${NAME} for an environment variable");
        return false;
    }
    char variable[VARIABLE_BYTES_MAX];
    memcpy(variable, name, len);
    variable[len] = 0;
    const char *value = getenv(variable);
    if (value == NULL) {
        report_what(expansion->report, "%s:%u: environment variable %s is not set", expansion->path,
                    expansion->line, variable);
        report_remedy(expansion->report, "set %s before the start, or write the value itself",
                      variable);
        return false;
    }
    if (!value_is_harmless(value)) {
        report_what(expansion->report,
                    "%s:%u: the value of %s has a quote, brace or control character",
                    expansion->path, expansion->line, variable);
        report_remedy(expansion->report, "give %s a plain value", variable);
        return false;
    }
    buffer_put(expansion->out, bytes_of_text(value));
    expansion->at = close + 1;
    return true;
}

static bool bad_byte(struct expansion *expansion)
{
    unsigned char byte = (unsigned char)*expansion->at;
    if ((byte >= ' ' && byte != 0x7f) || byte == '\n' || byte == '\t' || byte == '\r') {
        return false;
    }
    report_what(expansion->report, "%s:%u: byte 0x%02x is not text", expansion->path,
                expansion->line, byte);
    report_remedy(expansion->report, "save the file as plain UTF-8 text");
    return true;
}

/* Where the byte at hand leads; the byte itself is still to be copied or left out. */
static void move_place(struct expansion *expansion)
{
    char byte = *expansion->at;
    switch (expansion->place) {
    case PLACE_PLAIN:
        if (byte == '"') {
            expansion->place = PLACE_DOUBLE;
        } else if (byte == '\'') {
            expansion->place = PLACE_SINGLE;
        } else if (byte == '#' || looking_at(expansion, "//")) {
            expansion->place = PLACE_LINE_COMMENT;
        } else if (looking_at(expansion, "/*")) {
            expansion->place = PLACE_BLOCK_COMMENT;
        } else if (byte == '{') {
            expansion->section_line = expansion->line;
        } else if (byte == '}') {
            expansion->section_line = 0;
        }
        return;
    case PLACE_DOUBLE:
        if (byte == '"') {
            expansion->place = PLACE_PLAIN;
        }
        return;
    case PLACE_SINGLE:
        if (byte == '\'') {
            expansion->place = PLACE_PLAIN;
        }
        return;
    case PLACE_LINE_COMMENT:
        if (byte == '\n') {
            expansion->place = PLACE_PLAIN;
        }
        return;
    case PLACE_BLOCK_COMMENT:
        if (looking_at(expansion, "*/")) {
            expansion->at++;
            expansion->place = PLACE_PLAIN;
        }
        return;
    }
}

static bool quote_is_open(struct expansion *expansion)
{
    if (expansion->place != PLACE_DOUBLE && expansion->place != PLACE_SINGLE) {
        return false;
    }
    report_what(expansion->report, "%s:%u: a quote that does not end", expansion->path,
                expansion->line);
    report_remedy(expansion->report, "close it on the same line");
    return true;
}

static bool expand_byte(struct expansion *expansion)
{
    if (bad_byte(expansion)) {
        return false;
    }
    if (*expansion->at == '\n' && quote_is_open(expansion)) {
        return false;
    }
    bool replaces = expansion->place == PLACE_PLAIN || expansion->place == PLACE_DOUBLE;
    if (replaces && looking_at(expansion, "${")) {
        return expand_variable(expansion);
    }
    enum place before = expansion->place;
    char byte = *expansion->at;
    move_place(expansion);
    bool comment = before >= PLACE_LINE_COMMENT || expansion->place >= PLACE_LINE_COMMENT;
    if (!comment || byte == '\n') {
        buffer_put_u8(expansion->out, (uint8_t)byte);
    }
    expansion->line += byte == '\n';
    expansion->at++;
    return true;
}

bool config_expand(const char *path, struct bytes text, struct buffer *out, struct report *report)
{
    struct expansion expansion = {
        .path = path, .line = 1, .place = PLACE_PLAIN, .out = out, .report = report};
    expansion.at = (const char *)text.data;
    expansion.end = expansion.at + text.len;
    while (expansion.at < expansion.end) {
        if (!expand_byte(&expansion)) {
            return false;
        }
    }
    if (quote_is_open(&expansion)) {
        return false;
    }
    if (expansion.section_line != 0) {
        report_what(report, "%s:%u: a section that does not end", path, expansion.section_line);
        report_remedy(report, "close it with }");
        return false;
    }
    buffer_put_u8(out, 0);
    if (out->full) {
        report_what(report, "%s: longer than %u bytes once expanded", path,
                    CONFIG_EXPANDED_BYTES_MAX);
        report_remedy(report, "shorten the file: members and keys belong to the charter");
        return false;
    }
    return true;
}
