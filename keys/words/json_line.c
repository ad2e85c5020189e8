#include "keys/words/json_line.h"

#include "crypto/name.h"
#include "crypto/words.h"

#include <inttypes.h>
#include <stdio.h>

static void put_raw(struct json_line *json, const char *text)
{
    buffer_put(json->out, bytes_of_text(text));
}

static void put_escape(struct json_line *json, uint8_t c)
{
    char text[8];

    (void)snprintf(text, sizeof(text), "\\u%04x", (unsigned)c);
    put_raw(json, text);
}

static void put_string(struct json_line *json, struct bytes text)
{
    const bool utf8 = name_is_text(text, SIZE_MAX);

    put_raw(json, "\"");
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.data[i];

        if (c == '"' || c == '\\') {
            buffer_put_u8(json->out, '\\');
            buffer_put_u8(json->out, c);
        } else if (c < 0x20 || c == 0x7F || (c >= 0x80 && !utf8)) {
            put_escape(json, c);
        } else {
            buffer_put_u8(json->out, c);
        }
    }
    put_raw(json, "\"");
}

/* The comma before an element, and its key. */
static void put_key(struct json_line *json, const char *key)
{
    if (!json->first) {
        put_raw(json, ",");
    }
    json->first = false;
    if (key != NULL) {
        put_string(json, bytes_of_text(key));
        put_raw(json, ":");
    }
}

static void open_with(struct json_line *json, const char *opener, char closer)
{
    CHECK(json->depth < JSON_DEPTH_MAX);
    json->closers[json->depth++] = closer;
    json->first = true;
    put_raw(json, opener);
}

void json_begin(struct json_line *json, struct buffer *out, const char *schema)
{
    *json = (struct json_line){.out = out};
    open_with(json, "{", '}');
    json_text(json, "schema", bytes_of_text(schema));
}

void json_end(struct json_line *json)
{
    while (json->depth > 0) {
        json_close(json);
    }
    put_raw(json, "\n");
}

void json_text(struct json_line *json, const char *key, struct bytes text)
{
    put_key(json, key);
    put_string(json, text);
}

void json_hex(struct json_line *json, const char *key, struct bytes data)
{
    put_key(json, key);
    put_raw(json, "\"");
    hex_put(json->out, data);
    put_raw(json, "\"");
}

void json_u64(struct json_line *json, const char *key, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "\"%" PRIu64 "\"", value);
    put_key(json, key);
    put_raw(json, text);
}

void json_int(struct json_line *json, const char *key, int value)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", value);
    put_key(json, key);
    put_raw(json, text);
}

void json_bool(struct json_line *json, const char *key, bool value)
{
    put_key(json, key);
    put_raw(json, value ? "true" : "false");
}

void json_open(struct json_line *json, const char *key)
{
    put_key(json, key);
    open_with(json, "{", '}');
}

void json_list(struct json_line *json, const char *key)
{
    put_key(json, key);
    open_with(json, "[", ']');
}

void json_close(struct json_line *json)
{
    CHECK(json->depth > 0);
    buffer_put_u8(json->out, (uint8_t)json->closers[--json->depth]);
    json->first = false;
}
