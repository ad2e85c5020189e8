/* A charter for people: the table that officers compare and sign, the words they read aloud, and
 * the same as JSON. Everything comes from the view; nothing is judged here. Pure. */
#ifndef VESTRY_KEYS_WORDS_CHARTER_WORDS_H
#define VESTRY_KEYS_WORDS_CHARTER_WORDS_H

#include "governance/charter.h"
#include "keys/words/json_line.h"

/* Room for the table of the largest charter. */
#define CHARTER_WORDS_MAX (256u << 10)

/* A charter file at its largest: the body, and 512 signatures of at most 140 bytes. */
#define CHARTER_FILE_MAX ((1u << 20) + 512 * 140 + 64)

/* Append the table: members, thresholds, replicas, issuers, witnesses, parameters. A development
 * charter says so in its first line. */
void charter_words(const struct charter_view *view, struct buffer *out);

/* Append the fields of a JSON object that was begun. */
void charter_json(const struct charter_view *view, struct json_line *json);

/* Append 32 bytes as 8 groups of hex and as 32 words, indented. */
void fingerprint_words(const uint8_t hash[HASH_BYTES], struct buffer *out);

/* Append a key's first 16 bytes as 16 words, indented. */
void key_words(const uint8_t key[PUBLIC_KEY_BYTES], struct buffer *out);

/* Append why a charter file was refused: "signature of member m2 is missing". */
void charter_check_words(const struct charter_check *check, struct buffer *out);

/* What to do about it. Never NULL. */
MUST_USE const char *charter_check_advice(const struct charter_check *check);

/* Copy text from inside into a C string; cut at `capacity` - 1. */
void text_copy(struct bytes text, char *out, size_t capacity);

#endif
