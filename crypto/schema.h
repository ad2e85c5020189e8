/* The objects of schema.def as C structs, with decoders and encoders that walk the one table.
 *
 * For every OBJECT(name) of schema.def there is `struct name` and
 *
 *   enum wire_error name_decode(struct bytes in, struct name *out);   one object, nothing behind
 *   bool name_encode(const struct name *in, struct buffer *out);      false: bound broken, or full
 *   bool name_next(struct wire_iter *iter, struct name *out);         next element of a list
 *
 * Decoding checks shape, canonical form, every bound of the table and the rules of text, lists in
 * lists included; `out` is untouched on failure. Bins and lists borrow from the input. A list is
 * its encoded elements one behind the other and their count: walk it with wire_iter, or make one by
 * encoding elements into a buffer; the encoder believes a list it is given. Decoders need no
 * msgpack-c and allocate nothing; encoders are in schema_write.c. Any module may use this. */
#ifndef VESTRY_CRYPTO_SCHEMA_H
#define VESTRY_CRYPTO_SCHEMA_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/numbers.h"
#include "crypto/wire_read.h"

struct wire_list {
    struct bytes raw;
    uint32_t count;
};

struct wire_iter {
    struct cursor cursor;
    uint32_t left;
};

MUST_USE struct wire_iter wire_iter_make(struct wire_list list);

enum field_kind {
    FIELD_VERSION,
    FIELD_U64,
    FIELD_FIX,
    FIELD_OPT,
    FIELD_BIN,
    FIELD_STR,
    FIELD_TXT,
    FIELD_SUB,
    FIELD_LIST,
};

struct schema;

struct field {
    const char *name;
    enum field_kind kind;
    uint32_t offset;           /* into the struct of the object */
    uint64_t min;              /* value, bytes or elements */
    uint64_t max;              /* value, bytes or elements */
    const struct schema *type; /* of SUB and LIST */
};

struct schema {
    const char *name;
    const char *doc;
    const struct field *fields;
    uint32_t field_count;
    uint32_t struct_bytes;
    bool bare; /* one field, without the array around it */
};

/* All schemas, in the order of the table: for the fuzz target, the tests and the document. */
extern const struct schema *const schema_all[];
extern const uint32_t schema_count;

MUST_USE enum wire_error schema_decode(const struct schema *schema, struct bytes in, void *out);

/* As schema_decode, for an object at the front of `in`; `used` gets its length. */
MUST_USE enum wire_error schema_decode_front(const struct schema *schema, struct bytes in,
                                             void *out, size_t *used);
MUST_USE bool schema_encode(const struct schema *schema, const void *in, struct buffer *out);
MUST_USE bool schema_next(const struct schema *schema, struct wire_iter *iter, void *out);

/* The structs. */
#define OBJECT(object, doc) struct object {
#define BARE(object, doc) struct object {
#define VER(object)
#define U64(object, field, max) uint64_t field;
#define NUM(object, field, min, max) uint64_t field;
#define FIX(object, field, n) uint8_t field[n];
#define OPT(object, field, n) struct bytes field;
#define BIN(object, field, min, max) struct bytes field;
#define STR(object, field, min) struct bytes field;
#define TXT(object, field, min, max) struct bytes field;
#define SUB(object, field, type) struct type field;
#define LST(object, field, type, min, max) struct wire_list field;
#define END(object)                                                                                \
    }                                                                                              \
    ;
#include "crypto/schema.def"
#include "crypto/schema_undef.h"

/* The functions. */
#define OBJECT(object, doc)                                                                        \
    extern const struct schema schema_##object;                                                    \
    MUST_USE static inline enum wire_error object##_decode(struct bytes in, struct object *out)    \
    {                                                                                              \
        return schema_decode(&schema_##object, in, out);                                           \
    }                                                                                              \
    MUST_USE static inline bool object##_encode(const struct object *in, struct buffer *out)       \
    {                                                                                              \
        return schema_encode(&schema_##object, in, out);                                           \
    }                                                                                              \
    MUST_USE static inline bool object##_next(struct wire_iter *iter, struct object *out)          \
    {                                                                                              \
        return schema_next(&schema_##object, iter, out);                                           \
    }
#define BARE(object, doc) OBJECT(object, doc)
#define VER(object)
#define U64(object, field, max)
#define NUM(object, field, min, max)
#define FIX(object, field, n)
#define OPT(object, field, n)
#define BIN(object, field, min, max)
#define STR(object, field, min)
#define TXT(object, field, min, max)
#define SUB(object, field, type)
#define LST(object, field, type, min, max)
#define END(object)
#include "crypto/schema.def"
#include "crypto/schema_undef.h"

#endif
