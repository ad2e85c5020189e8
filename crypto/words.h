/* Fingerprints for people: the PGP word list, and hex in groups.
 *
 * Bytes at even places take a word of two syllables, bytes at odd places one of three, so that a
 * word left out, doubled or swapped with its neighbour is noticed when it is read aloud. Whoever
 * shows a fingerprint uses this; nothing signed or stored depends on it. */
#ifndef VESTRY_CRYPTO_WORDS_H
#define VESTRY_CRYPTO_WORDS_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

#define WORDS_OF_KEY 16 /* a key is shown by its first 16 bytes */
#define WORD_CHARS_MAX 11
#define WORDS_TEXT_MAX ((WORD_CHARS_MAX + 1) * HASH_BYTES) /* 32 words, separators, NUL */
#define FINGERPRINT_HEX_CHARS (2 * HASH_BYTES + 7)         /* 8 groups, without a NUL */

/* The word for `byte` at `place` (0-based) of a fingerprint. Never NULL. */
MUST_USE const char *word_of(size_t place, uint8_t byte);

/* The byte for `word` at `place`, in any mixture of cases. False when it is no word of that place's
 * list: a word of the other list is refused. */
MUST_USE bool word_parse(size_t place, struct bytes word, uint8_t *byte);

/* Append the words of `data`, one space between two. Marks `out` full when they do not fit. */
void words_put(struct buffer *out, struct bytes data);

/* Append 32 bytes as 8 groups of 8 hex digits, one space between two. */
void fingerprint_hex_put(struct buffer *out, const uint8_t hash[HASH_BYTES]);

/* Append lower-case hex, without separators. */
void hex_put(struct buffer *out, struct bytes data);

/* Exactly 2 * len hex digits, of either case. */
MUST_USE bool hex_parse(struct bytes text, uint8_t *out, size_t len);

#endif
