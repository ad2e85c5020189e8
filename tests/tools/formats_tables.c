/* The tables of crypto/FORMATS.md, out of the code that they must match.
 *
 *     formats_tables check FILE    compare; 0 when every table in the file is what the code says
 *     formats_tables write FILE    put the code's tables into the file
 *
 * A table stands between the lines "<!-- table: NAME -->" and "<!-- end -->". */
#include "crypto/note.h"
#include "crypto/schema.h"
#include "crypto/sign.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 108
#define FILE_BYTES_MAX ((size_t)1 << 20)

static const char table_mark[] = "<!-- table: ";
static const char end_mark[] = "<!-- end -->\n";

/* --- Text --------------------------------------------------------------------------------------
 */

static PRINTF_LIKE(2, 3) void put(struct buffer *out, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof(text), format, arguments);

    va_end(arguments);
    CHECK(len >= 0 && (size_t)len < sizeof(text));
    buffer_put(out, bytes_make(text, (size_t)len));
}

/* A number as people write it: 2^48, 2^32 - 1, 1 MiB is 1048576. */
static void number_text(uint64_t number, char *out, size_t capacity)
{
    for (unsigned bit = 24; bit < 64; bit++) {
        const uint64_t power = UINT64_C(1) << bit;

        if (number == power || number == power - 1) {
            snprintf(out, capacity, "2^%u%s", bit, number == power ? "" : "-1");
            return;
        }
    }
    snprintf(out, capacity, number == UINT64_MAX ? "2^64-1" : "%" PRIu64, number);
}

static void put_number(struct buffer *out, uint64_t number)
{
    char text[32];

    number_text(number, text, sizeof(text));
    put(out, "%s", text);
}

/* --- Objects -----------------------------------------------------------------------------------
 */

static void range_text(uint64_t min, uint64_t max, char *out, size_t capacity)
{
    char least[32];
    char most[32];

    number_text(min, least, sizeof(least));
    number_text(max, most, sizeof(most));
    if (min == max) {
        snprintf(out, capacity, "%s", least);
    } else {
        snprintf(out, capacity, "%s..%s", least, most);
    }
}

static void kind_text(const struct field *field, char *out, size_t capacity)
{
    char range[80];

    range_text(field->min, field->max, range, sizeof(range));
    switch (field->kind) {
    case FIELD_VERSION:
        snprintf(out, capacity, "1");
        return;
    case FIELD_U64:
        snprintf(out, capacity, "%s", field->max == UINT64_MAX ? "u64" : range);
        return;
    case FIELD_FIX:
        snprintf(out, capacity, "b%" PRIu64, field->max);
        return;
    case FIELD_OPT:
        snprintf(out, capacity, "b%" PRIu64 "?", field->max);
        return;
    case FIELD_BIN:
        snprintf(out, capacity, "bin %s", range);
        return;
    case FIELD_STR:
        snprintf(out, capacity, field->min == 0 ? "id?" : "id");
        return;
    case FIELD_TXT:
        snprintf(out, capacity, "text %s", range);
        return;
    case FIELD_SUB:
        snprintf(out, capacity, "%s", field->type->name);
        return;
    case FIELD_LIST:
        snprintf(out, capacity, "[%s %s]", range, field->type->name);
        return;
    }
}

/* One object: its name, what it is, and its fields, broken into lines between fields. */
static void put_object(struct buffer *out, const struct schema *schema)
{
    size_t column = 4;

    put(out, "`%s` %s\n\n    %s", schema->name, schema->doc, schema->bare ? "" : "[");
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->fields[i];
        const bool named = field->kind != FIELD_VERSION && !schema->bare;
        const bool last = i + 1 == schema->field_count;
        char kind[160];
        char text[256];

        kind_text(field, kind, sizeof(kind));
        const int len = snprintf(text, sizeof(text), "%s%s%s%s", named ? field->name : "",
                                 named ? ": " : "", kind, last ? "" : ",");

        CHECK(len > 0 && (size_t)len < sizeof(text));
        if (column + (size_t)len + 2 > COLUMNS) {
            put(out, "\n     ");
            column = 5;
        } else if (i > 0) {
            put(out, " ");
        }
        put(out, "%s", text);
        column += (size_t)len + 1;
    }
    put(out, "%s\n\n", schema->bare ? "" : "]");
}

/* The schemas of one file of the table, in its order. */
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
static const struct schema *const shapes[] = {
#include "crypto/schema/shapes.def"
};
static const struct schema *const requests[] = {
#include "crypto/schema/requests.def"
};
static const struct schema *const blocks[] = {
#include "crypto/schema/blocks.def"
};
static const struct schema *const consensus[] = {
#include "crypto/schema/consensus.def"
};
static const struct schema *const clients[] = {
#include "crypto/schema/clients.def"
};
static const struct schema *const receipts[] = {
#include "crypto/schema/receipts.def"
};
static const struct schema *const tokens[] = {
#include "crypto/schema/tokens.def"
};
static const struct schema *const charter[] = {
#include "crypto/schema/charter.def"
};
static const struct schema *const sections[] = {
#include "crypto/schema/sections.def"
};
static const struct schema *const state[] = {
#include "crypto/schema/state.def"
};
static const struct schema *const store[] = {
#include "crypto/schema/store.def"
};
static const struct schema *const governance[] = {
#include "crypto/schema/governance.def"
};
static const struct schema *const actions[] = {
#include "crypto/schema/actions.def"
};
static const struct schema *const ceremony[] = {
#include "crypto/schema/ceremony.def"
};
#include "crypto/schema_undef.h"

#define TOPIC(title, list)                                                                         \
    {                                                                                              \
        title, list, sizeof(list) / sizeof((list)[0])                                              \
    }
static const struct {
    const char *title;
    const struct schema *const *schemas;
    size_t count;
} topics[] = {
    TOPIC("Shapes", shapes),
    TOPIC("Requests, items, batches", requests),
    TOPIC("Blocks and tree", blocks),
    TOPIC("Consensus", consensus),
    TOPIC("Answers to clients", clients),
    TOPIC("Receipts and hand-offs", receipts),
    TOPIC("Tokens", tokens),
    TOPIC("Charter and keys", charter),
    TOPIC("Sections", sections),
    TOPIC("Records of the replicated state", state),
    TOPIC("Records of the store", store),
    TOPIC("Governance payloads", governance),
    TOPIC("Arguments of actions", actions),
    TOPIC("Ceremonies", ceremony),
};

static void table_objects(struct buffer *out)
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        put(out, "### %s\n\n", topics[i].title);
        for (size_t j = 0; j < topics[i].count; j++) {
            put_object(out, topics[i].schemas[j]);
        }
        count += topics[i].count;
    }
    CHECK(count == schema_count);
}

/* --- Numbers -----------------------------------------------------------------------------------
 */

#define PUT_ROW(name, number, text) put(out, "| %d | %s | `%s` |\n", (int)(number), text, #name);
#define PUT_ROWS(title, ROWS)                                                                      \
    do {                                                                                           \
        put(out, "**%s**\n\n| number | meaning | name in the code |\n|---|---|---|\n", title);     \
        ROWS(PUT_ROW)                                                                              \
        put(out, "\n");                                                                            \
    } while (0)

static void table_numbers(struct buffer *out)
{
    PUT_ROWS("Message types (envelope)", MESSAGE_TYPES);
    PUT_ROWS("Operations (bits; a request has exactly one)", OPERATIONS);
    PUT_ROWS("Leaf kinds", LEAF_KINDS);
    PUT_ROWS("Roles", ROLES);
    PUT_ROWS("Sections, in the order of config_hash", SECTIONS);
    PUT_ROWS("Types of governance payloads", GOVERNANCE_TYPES);
    PUT_ROWS("Actions of proposals", ACTIONS);
    PUT_ROWS("Choices of ballots", CHOICES);
    PUT_ROWS("States of proposals", PROPOSAL_STATES);
    PUT_ROWS("Standings", STANDINGS);
    PUT_ROWS("Kinds of evidence", EVIDENCE_KINDS);
    PUT_ROWS("Grounds of disputes", DISPUTE_GROUNDS);
    PUT_ROWS("Result codes", RESULT_CODES);
    PUT_ROWS("What FETCH asks for", FETCH_KINDS);
    PUT_ROWS("Modes of a replica", REPLICA_MODES);
}

#define PUT_PARAM(name, number, text, least, most, usual)                                          \
    put(out, "| %d | %s | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " |\n", (int)(number), text,       \
        UINT64_C(least), UINT64_C(most), UINT64_C(usual));

static void table_parameters(struct buffer *out)
{
    put(out, "| id | name | least | most | default |\n|---|---|---|---|---|\n");
    PARAMS(PUT_PARAM)
}

#define PUT_TAG(name, text) put(out, "| %s | `%s` |\n", text, #name);

static void table_tags(struct buffer *out)
{
    put(out, "| tag | name in the code |\n|---|---|\n");
    SIGN_TAGS(PUT_TAG)
}

#define LIMITS(LIMIT)                                                                              \
    LIMIT(ID_BYTES_MAX)                                                                            \
    LIMIT(NAME_BYTES_MAX)                                                                          \
    LIMIT(ENDPOINT_BYTES_MAX)                                                                      \
    LIMIT(REPLICAS_MAX)                                                                            \
    LIMIT(MEMBERS_MAX)                                                                             \
    LIMIT(RECOVERY_MAX)                                                                            \
    LIMIT(ISSUERS_MAX)                                                                             \
    LIMIT(ISSUER_KEYS_MAX)                                                                         \
    LIMIT(WITNESSES_MAX)                                                                           \
    LIMIT(PAYLOAD_BYTES_MAX)                                                                       \
    LIMIT(GOVERNANCE_BYTES_MAX)                                                                    \
    LIMIT(STATEMENTS_MAX)                                                                          \
    LIMIT(TOKEN_BLOCKS_MAX)                                                                        \
    LIMIT(TOKEN_BYTES_MAX)                                                                         \
    LIMIT(ITEM_BYTES_MAX)                                                                          \
    LIMIT(ITEM_PAYLOAD_BYTES_MAX)                                                                  \
    LIMIT(BATCH_ITEMS_MAX)                                                                         \
    LIMIT(BATCH_BYTES_MAX)                                                                         \
    LIMIT(BATCH_PAYLOAD_BYTES_MAX)                                                                 \
    LIMIT(BATCH_STATEMENTS_MAX)                                                                    \
    LIMIT(RESULT_LEAVES_MAX)                                                                       \
    LIMIT(CHECKPOINT_INTERVAL_MAX)                                                                 \
    LIMIT(WINDOW_MAX)                                                                              \
    LIMIT(SESSION_WINDOW)                                                                          \
    LIMIT(CHECKPOINT_ROOTS_KEPT)                                                                   \
    LIMIT(ENVELOPE_BODY_BYTES_MAX)                                                                 \
    LIMIT(FRAME_BYTES_MAX)                                                                         \
    LIMIT(CLIENT_FRAME_BYTES_MAX)                                                                  \
    LIMIT(LOG_ENTRIES_MAX)                                                                         \
    LIMIT(MERKLE_PATH_MAX)                                                                         \
    LIMIT(LEAF_BYTES_MAX)                                                                          \
    LIMIT(HEADER_BYTES_MAX)                                                                        \
    LIMIT(NOTE_BYTES_MAX)                                                                          \
    LIMIT(RECEIPT_BYTES_MAX)                                                                       \
    LIMIT(SECTION_BYTES_MAX)                                                                       \
    LIMIT(WIRE_DEPTH_MAX)

#define PUT_LIMIT(name)                                                                            \
    put(out, "| `%s` | ", #name);                                                                  \
    put_number(out, (uint64_t)(name));                                                             \
    put(out, " |\n");

static void table_limits(struct buffer *out)
{
    put(out, "| bound | value |\n|---|---|\n");
    LIMITS(PUT_LIMIT)
}

/* --- The file ----------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    void (*make)(struct buffer *out);
} tables[] = {
    {"tags", table_tags},     {"numbers", table_numbers}, {"parameters", table_parameters},
    {"limits", table_limits}, {"objects", table_objects},
};

static struct bytes rest_after(struct bytes text, size_t at)
{
    return bytes_slice(text, at, text.len - at);
}

/* Where `mark` begins in the text, or its length. */
static size_t find(struct bytes text, const char *mark)
{
    const uint8_t *found = text.len == 0 ? NULL : memmem(text.data, text.len, mark, strlen(mark));

    return found == NULL ? text.len : (size_t)(found - text.data);
}

/* Append the table that this name stands for. */
static bool make_table(struct bytes name, struct buffer *out)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (bytes_equal(name, bytes_of_text(tables[i].name))) {
            tables[i].make(out);
            return true;
        }
    }
    return false;
}

/* The text with the code's tables in it. False when a mark is not as it should be. */
static bool renew(struct bytes text, struct buffer *out)
{
    size_t seen = 0;

    for (;;) {
        const size_t at = find(text, table_mark);

        buffer_put(out, bytes_slice(text, 0, at));
        if (at == text.len) {
            break;
        }
        text = rest_after(text, at);
        const size_t line = find(text, "\n");
        const size_t end = find(text, end_mark);
        const size_t name_at = strlen(table_mark);

        if (end == text.len || line < name_at + 4 || line > end) {
            return false;
        }
        buffer_put(out, bytes_slice(text, 0, line + 1));
        buffer_put_u8(out, '\n');
        if (!make_table(bytes_slice(text, name_at, line - name_at - 4), out)) {
            return false;
        }
        seen++;
        text = rest_after(text, end);
    }
    return seen == sizeof(tables) / sizeof(tables[0]) && !out->full;
}

static struct buffer read_whole(const char *path)
{
    struct buffer text = buffer_make(malloc(FILE_BYTES_MAX), FILE_BYTES_MAX);
    FILE *file = fopen(path, "rb");

    if (file == NULL || text.data == NULL) {
        fprintf(stderr, "formats_tables: cannot read %s\n", path);
        exit(1);
    }
    text.len = fread(text.data, 1, text.capacity, file);
    fclose(file);
    return text;
}

static int write_whole(const char *path, struct bytes text)
{
    FILE *file = fopen(path, "wb");
    bool written = file != NULL && fwrite(text.data, 1, text.len, file) == text.len;

    written = file != NULL && fclose(file) == 0 && written;
    if (!written) {
        fprintf(stderr, "formats_tables: cannot write %s\n", path);
    }
    return written ? 0 : 1;
}

static int tell_difference(struct bytes is, struct bytes should)
{
    size_t line = 1;
    size_t at = 0;

    while (at < is.len && at < should.len && is.data[at] == should.data[at]) {
        line += is.data[at] == '\n' ? 1 : 0;
        at++;
    }
    printf("formats_tables: line %zu is not what the code says; write the tables anew\n", line);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 3 || (strcmp(argv[1], "check") != 0 && strcmp(argv[1], "write") != 0)) {
        fprintf(stderr, "usage: formats_tables check|write FILE\n");
        return 2;
    }
    struct buffer text = read_whole(argv[2]);
    struct buffer renewed = buffer_make(malloc(FILE_BYTES_MAX), FILE_BYTES_MAX);
    int code = 1;

    if (renewed.data == NULL || !renew(buffer_bytes(&text), &renewed)) {
        printf("formats_tables: the marks of the tables in %s are not in order\n", argv[2]);
    } else if (bytes_equal(buffer_bytes(&text), buffer_bytes(&renewed))) {
        printf("formats_tables: every table is what the code says\n");
        code = 0;
    } else if (strcmp(argv[1], "write") == 0) {
        code = write_whole(argv[2], buffer_bytes(&renewed));
    } else {
        code = tell_difference(buffer_bytes(&text), buffer_bytes(&renewed));
    }
    free(text.data);
    free(renewed.data);
    return code;
}
