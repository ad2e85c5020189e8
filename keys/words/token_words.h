/* Tokens for people: as text, each block as the difference to the one before it, and as JSON. Also
 * where token files are read. Whether a token is good is token_check.h's. */
#ifndef VESTRY_KEYS_WORDS_TOKEN_WORDS_H
#define VESTRY_KEYS_WORDS_TOKEN_WORDS_H

#include "crypto/bytes.h"
#include "keys/words/json_line.h"
#include "keys/words/problem.h"
#include "keys/words/token_check.h"

/* Read a token file (armour) and append the token's bytes to `out` (TOKEN_BYTES_MAX). */
MUST_USE enum status token_file_read(const char *path, struct buffer *out, struct problem *problem);

/* Append the blocks. `charter` may be NULL when it is not known. */
void token_words(const struct token_view *token, const struct charter_view *charter,
                 struct buffer *out);

/* Append the fields of a JSON object that was begun. */
void token_json(const struct token_view *token, const struct charter_view *charter,
                struct json_line *json);

/* Append what the limits allow, one line each, without those that are as in `outer` (NULL: all). */
void limits_words(const struct cap_limits *limits, const struct cap_limits *outer,
                  struct buffer *out);

/* The sentence for a verdict: "block 1 allows more than its parent: it lasts longer". */
void token_verdict_words(const struct token_verdict *verdict, struct buffer *out);

#endif
