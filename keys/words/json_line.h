/* JSON for programs that must not link a JSON library: one object a line, tagged with its schema,
 * 64-bit numbers as strings because readers elsewhere keep only 53 bits.
 *
 *     json_begin(&json, &out, "vestry/token/1");
 *     json_text(&json, "issuer", iid);
 *     json_list(&json, "streams");
 *     json_text(&json, NULL, prefix);        elements of a list have no key
 *     json_close(&json);
 *     json_end(&json);                       closes what is open, ends the line
 *
 * Writing only. Text goes out as it is when it is printable UTF-8, otherwise byte by byte as
 * escapes of the first 256 code points. Pure. */
#ifndef VESTRY_KEYS_WORDS_JSON_LINE_H
#define VESTRY_KEYS_WORDS_JSON_LINE_H

#include "crypto/bytes.h"

#define JSON_DEPTH_MAX 8

struct json_line {
    struct buffer *out; /* marked full when the line does not fit */
    char closers[JSON_DEPTH_MAX];
    unsigned depth;
    bool first; /* no element yet in the innermost object or list */
};

void json_begin(struct json_line *json, struct buffer *out, const char *schema);
void json_end(struct json_line *json);

void json_text(struct json_line *json, const char *key, struct bytes text);
void json_hex(struct json_line *json, const char *key, struct bytes data);
void json_u64(struct json_line *json, const char *key, uint64_t value); /* as a string */
void json_int(struct json_line *json, const char *key, int value);      /* as a number */
void json_bool(struct json_line *json, const char *key, bool value);

void json_open(struct json_line *json, const char *key);
void json_list(struct json_line *json, const char *key);
void json_close(struct json_line *json);

#endif
