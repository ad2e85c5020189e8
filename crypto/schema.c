/* The table of schema.def as data. */
#include "crypto/schema.h"

#include <stddef.h>

#define NO_OFFSET 0

#define OBJECT(object, doc) static const struct field fields_##object[] = {
#define BARE(object, doc) static const struct field fields_##object[] = {
#define VER(object) {"version", FIELD_VERSION, NO_OFFSET, 1, 1, NULL},
#define U64(object, field, max) {#field, FIELD_U64, offsetof(struct object, field), 0, max, NULL},
#define NUM(object, field, min, max)                                                               \
    {#field, FIELD_U64, offsetof(struct object, field), min, max, NULL},
#define FIX(object, field, n) {#field, FIELD_FIX, offsetof(struct object, field), n, n, NULL},
#define OPT(object, field, n) {#field, FIELD_OPT, offsetof(struct object, field), 0, n, NULL},
#define BIN(object, field, min, max)                                                               \
    {#field, FIELD_BIN, offsetof(struct object, field), min, max, NULL},
#define STR(object, field, min)                                                                    \
    {#field, FIELD_STR, offsetof(struct object, field), min, ID_BYTES_MAX, NULL},
#define TXT(object, field, min, max)                                                               \
    {#field, FIELD_TXT, offsetof(struct object, field), min, max, NULL},
#define SUB(object, field, type)                                                                   \
    {#field, FIELD_SUB, offsetof(struct object, field), 1, 1, &schema_##type},
#define LST(object, field, type, min, max)                                                         \
    {#field, FIELD_LIST, offsetof(struct object, field), min, max, &schema_##type},
#define END(object)                                                                                \
    }                                                                                              \
    ;
#include "crypto/schema.def"
#include "crypto/schema_undef.h"

#define SCHEMA(object, doc, bare)                                                                  \
    const struct schema schema_##object = {                                                        \
        #object,                                                                                   \
        doc,                                                                                       \
        fields_##object,                                                                           \
        sizeof(fields_##object) / sizeof(fields_##object[0]),                                      \
        sizeof(struct object),                                                                     \
        bare,                                                                                      \
    };
#define OBJECT(object, doc) SCHEMA(object, doc, false)
#define BARE(object, doc) SCHEMA(object, doc, true)
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

#define OBJECT(object, doc) &schema_##object,
#define BARE(object, doc) &schema_##object,
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
const struct schema *const schema_all[] = {
#include "crypto/schema.def"
};
#include "crypto/schema_undef.h"

const uint32_t schema_count = sizeof(schema_all) / sizeof(schema_all[0]);
