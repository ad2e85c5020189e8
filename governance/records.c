#include "governance/records.h"

#include "crypto/hash.h"
#include "crypto/name.h"

#include <string.h>

/* The longest of the records that are made here, sections apart. */
#define RECORD_BYTES_MAX 512

/* Encode a record with its schema and put it. Our own values always encode. */
static bool record_put(struct state *state, const struct state_key *key,
                       const struct schema *schema, const void *record)
{
    uint8_t bytes[RECORD_BYTES_MAX];
    struct buffer out = buffer_make(bytes, sizeof(bytes));

    CHECK(schema_encode(schema, record, &out));
    return state_put(state, state_key_bytes(key), buffer_bytes(&out));
}

static bool record_get(const struct state *state, const struct state_key *key,
                       const struct schema *schema, void *out)
{
    struct bytes value;

    return state_get(state, state_key_bytes(key), &value) &&
           schema_decode(schema, value, out) == WIRE_OK;
}

bool clock_read(const struct state *state, struct clock_record *out)
{
    const struct state_key key = state_key_clock();

    return record_get(state, &key, &schema_clock_record, out);
}

bool clock_write(struct state *state, const struct clock_record *clock)
{
    const struct state_key key = state_key_clock();

    return record_put(state, &key, &schema_clock_record, clock);
}

uint64_t counter_read(const struct state *state, const struct state_key *key)
{
    struct live_record record = {0};

    return record_get(state, key, &schema_live_record, &record) ? record.count : 0;
}

bool counter_add(struct state *state, const struct state_key *key, uint64_t count)
{
    const struct live_record record = {counter_read(state, key) + count};

    CHECK(record.count >= count);
    return record_put(state, key, &schema_live_record, &record);
}

void counter_subtract(struct state *state, const struct state_key *key, uint64_t count)
{
    const uint64_t now = counter_read(state, key);
    const struct live_record record = {now - count};

    CHECK(now >= count);
    CHECK(record_put(state, key, &schema_live_record, &record));
}

uint64_t stream_length(const struct state *state, struct bytes stream)
{
    const struct state_key key = state_key_stream(stream);
    struct stream_record record = {0};

    return record_get(state, &key, &schema_stream_record, &record) ? record.length : 0;
}

bool stream_append(struct state *state, struct bytes stream, uint64_t count, uint64_t *first)
{
    const struct state_key key = state_key_stream(stream);
    const struct state_key streams = state_key_counter(COUNTER_STREAMS);
    const uint64_t length = stream_length(state, stream);
    const struct stream_record record = {length + count};

    CHECK(count > 0);
    if (count > LOG_ENTRIES_MAX - length) {
        return false;
    }
    if (!record_put(state, &key, &schema_stream_record, &record)) {
        return false;
    }
    if (length == 0 && !name_is_reserved(stream) && !counter_add(state, &streams, 1)) {
        state_erase(state, state_key_bytes(&key));
        return false;
    }
    *first = length;
    return true;
}

bool roots_read(const struct state *state, struct roots_record *roots)
{
    const struct state_key key = state_key_roots();

    return record_get(state, &key, &schema_roots_record, roots);
}

bool roots_note(struct state *state, uint64_t height, const uint8_t root[HASH_BYTES])
{
    const struct state_key key = state_key_roots();
    struct roots_record old = {.list = {BYTES_EMPTY, 0}};
    uint8_t bytes[RECORD_BYTES_MAX];
    struct buffer rows = buffer_make(bytes, sizeof(bytes));
    struct root_row row = {0};
    uint32_t kept = 0;

    if (state_has(state, state_key_bytes(&key)) && !roots_read(state, &old)) {
        return false;
    }

    struct wire_iter iter = wire_iter_make(old.list);

    for (uint32_t i = 0; root_row_next(&iter, &row); i++) {
        if (old.list.count - i < CHECKPOINT_ROOTS_KEPT) {
            CHECK(root_row_encode(&row, &rows));
            kept++;
        }
    }
    row.height = height;
    memcpy(row.state_root, root, HASH_BYTES);
    CHECK(root_row_encode(&row, &rows));

    const struct roots_record made = {.list = {buffer_bytes(&rows), kept + 1}};

    return record_put(state, &key, &schema_roots_record, &made);
}

bool roots_take_back(struct state *state, const struct root_row *oldest)
{
    const struct state_key key = state_key_roots();
    struct roots_record noted;
    struct roots_record made = {.list = {BYTES_EMPTY, 0}};
    uint8_t bytes[RECORD_BYTES_MAX];
    struct buffer rows = buffer_make(bytes, sizeof(bytes));
    struct root_row row;

    if (!roots_read(state, &noted) || noted.list.count == 0) {
        return false;
    }
    if (oldest != NULL) {
        CHECK(root_row_encode(oldest, &rows));
        made.list.count++;
    }

    struct wire_iter iter = wire_iter_make(noted.list);

    for (uint32_t i = 1; i < noted.list.count && root_row_next(&iter, &row); i++) {
        CHECK(root_row_encode(&row, &rows));
        made.list.count++;
    }
    made.list.raw = buffer_bytes(&rows);
    return record_put(state, &key, &schema_roots_record, &made);
}

bool section_read(const struct state *state, enum section section, struct section_record *out)
{
    const struct state_key key = state_key_section(section);

    return record_get(state, &key, &schema_section_record, out);
}

bool section_write(struct state *state, enum section section, struct bytes body)
{
    const struct state_key key = state_key_section(section);
    struct buffer scratch = state_scratch(state, SCRATCH_RECORD);
    struct section_record record = {0};

    if (!section_read(state, section, &record)) {
        record.version = 0;
    }
    record.version++;
    record.body = body;
    return section_record_encode(&record, &scratch) &&
           state_put(state, state_key_bytes(&key), buffer_bytes(&scratch));
}

void config_hash_of(const struct section_record records[SECTION_COUNT], uint8_t out[HASH_BYTES])
{
    uint8_t bytes[SECTION_COUNT * 64];
    struct buffer refs = buffer_make(bytes, sizeof(bytes));
    uint8_t whole_bytes[sizeof(bytes) + 16];
    struct buffer whole = buffer_make(whole_bytes, sizeof(whole_bytes));

    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        struct section_ref ref = {.section = i + 1, .version = records[i].version};

        hash_bytes(records[i].body, ref.hash);
        CHECK(section_ref_encode(&ref, &refs));
    }

    const struct config_sections sections = {{buffer_bytes(&refs), SECTION_COUNT}};

    CHECK(config_sections_encode(&sections, &whole));
    hash_bytes(buffer_bytes(&whole), out);
}

void config_hash(const struct state *state, uint8_t out[HASH_BYTES])
{
    struct section_record records[SECTION_COUNT];

    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        CHECK(section_read(state, section, &records[section - 1]));
    }
    config_hash_of(records, out);
}

bool registry_find(const struct state *state, const uint8_t public_key[PUBLIC_KEY_BYTES],
                   struct registry_row *row)
{
    const struct state_key key = state_key_registry(public_key);

    return record_get(state, &key, &schema_registry_row, row);
}
