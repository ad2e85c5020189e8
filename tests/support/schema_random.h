/* Random objects out of the schema table, as canonical bytes, and the one field that a test wants
 * spoiled. It walks the table on its own and writes with msgpack-c, so what it makes is an opinion
 * apart from the decoder's. */
#ifndef VESTRY_TESTS_SUPPORT_SCHEMA_RANDOM_H
#define VESTRY_TESTS_SUPPORT_SCHEMA_RANDOM_H

#include "crypto/schema.h"

struct schema_random {
    uint64_t state; /* any seed but 0; the same seed makes the same objects */
    bool small;     /* lists of one element more than they must have, bins of a few bytes */
};

MUST_USE uint64_t random_next(struct schema_random *random);
MUST_USE uint64_t random_below(struct schema_random *random, uint64_t bound);

/* An identifier or a text of `len` bytes that is allowed. */
void random_id(struct schema_random *random, uint8_t *out, size_t len);
void random_text(struct schema_random *random, uint8_t *out, size_t len);

/* Append a random object that the decoder must accept. */
void schema_random_put(struct schema_random *random, const struct schema *schema,
                       struct buffer *out);

/* What is wrong with the spoiled field. */
enum spoil {
    SPOIL_ABOVE,      /* a value, length or count one above its bound */
    SPOIL_BELOW,      /* one below; an optional bin one too short */
    SPOIL_KIND,       /* nil in its place */
    SPOIL_TEXT,       /* a character that its text may not have */
    SPOIL_COUNT_MAX,  /* an array header that announces 2^32 - 1 elements */
    SPOIL_COUNT_BOMB, /* dd 02 ff ff ff */
};

/* Append a random object whose field number `field` is spoiled. False, and nothing useful appended,
 * when that field cannot be spoiled in this way (an integer without an upper bound, ...). */
MUST_USE bool schema_random_put_spoiled(struct schema_random *random, const struct schema *schema,
                                        uint32_t field, enum spoil spoil, struct buffer *out);

#endif
