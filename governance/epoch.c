#include "governance/epoch.h"

#include "crypto/hash.h"

#define REGISTRY_ROW_BYTES_MAX 128

uint64_t epoch_boundary(uint64_t height, uint64_t interval, uint64_t window)
{
    CHECK(interval > 0);
    if (window > U64_UNLIMITED - interval || height > U64_UNLIMITED - interval - window) {
        return NO_BOUNDARY;
    }

    const uint64_t intervals = (height + window + interval - 1) / interval;

    return intervals * interval;
}

bool epoch_is_pending(const struct state *state)
{
    struct clock_record clock;

    return clock_read(state, &clock) && clock.pending_boundary != NO_BOUNDARY;
}

void epoch_end_at(struct state *state, uint64_t boundary)
{
    struct clock_record clock;

    CHECK(clock_read(state, &clock));
    CHECK(clock.pending_boundary == NO_BOUNDARY);
    clock.pending_boundary = boundary;
    /* It takes the place of a record that counts alike. */
    CHECK(clock_write(state, &clock));
}

/* --- The next epoch's sections --------------------------------------------------------------- */

bool epoch_set_next(struct state *state, enum section section, struct bytes body)
{
    const struct state_key key = state_key_pending(section);
    struct buffer scratch = state_scratch(state, SCRATCH_RECORD);
    struct section_record record;

    CHECK(section_read(state, section, &record));
    record.version++;
    record.body = body;
    return section_record_encode(&record, &scratch) &&
           state_put(state, state_key_bytes(&key), buffer_bytes(&scratch));
}

bool epoch_moves(const struct state *state, enum section section)
{
    const struct state_key key = state_key_pending(section);

    return state_has(state, state_key_bytes(&key));
}

bool epoch_next_section(const struct state *state, enum section section, struct section_record *out)
{
    const struct state_key key = state_key_pending(section);
    struct bytes value;

    if (!state_get(state, state_key_bytes(&key), &value)) {
        return section_read(state, section, out);
    }
    return section_record_decode(value, out) == WIRE_OK;
}

void epoch_next_config_hash(const struct state *state, uint8_t out[HASH_BYTES])
{
    struct section_record records[SECTION_COUNT];

    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        CHECK(epoch_next_section(state, section, &records[section - 1]));
    }
    config_hash_of(records, out);
}

bool epoch_next_roster(const struct state *state, struct roster *out)
{
    struct clock_record clock;
    struct section_record record;

    return clock_read(state, &clock) && epoch_next_section(state, SECTION_REPLICAS, &record) &&
           roster_parse(record.body, clock.epoch + 1, out);
}

/* --- The boundary ---------------------------------------------------------------------------- */

static bool member_has(const struct roster_member *member, const uint8_t pk[PUBLIC_KEY_BYTES])
{
    return hash_equal(member->sign_pk, pk) || hash_equal(member->cosign_pk, pk) ||
           hash_equal(member->transport_pk, pk);
}

static bool roster_has(const struct roster *roster, const uint8_t pk[PUBLIC_KEY_BYTES])
{
    for (uint32_t i = 0; i < roster->n; i++) {
        if (member_has(&roster->members[i], pk)) {
            return true;
        }
    }
    return false;
}

static void key_standing(struct state *state, const uint8_t pk[PUBLIC_KEY_BYTES],
                         enum standing standing)
{
    const struct state_key key = state_key_registry(pk);
    uint8_t bytes[REGISTRY_ROW_BYTES_MAX];
    struct buffer out = buffer_make(bytes, sizeof(bytes));
    struct registry_row row;

    CHECK(registry_find(state, pk, &row));
    row.standing = standing;
    CHECK(registry_row_encode(&row, &out));
    CHECK(state_put(state, state_key_bytes(&key), buffer_bytes(&out)));
}

/* Each key of `roster` that `other` has not gets the standing. */
static void keys_standing(struct state *state, const struct roster *roster,
                          const struct roster *other, enum standing standing)
{
    for (uint32_t i = 0; i < roster->n; i++) {
        const struct roster_member *member = &roster->members[i];
        const uint8_t *const keys[] = {member->sign_pk, member->cosign_pk, member->transport_pk};

        for (uint32_t j = 0; j < 3; j++) {
            if (!roster_has(other, keys[j])) {
                key_standing(state, keys[j], standing);
            }
        }
    }
}

/* The pending record becomes the current one. It goes first, so there is room for it. */
static void section_begin(struct state *state, enum section section)
{
    const struct state_key pending = state_key_pending(section);
    const struct state_key current = state_key_section(section);
    struct buffer record = state_scratch(state, SCRATCH_RECORD);
    struct bytes value;

    if (state_get(state, state_key_bytes(&pending), &value)) {
        buffer_put(&record, value);
        state_erase(state, state_key_bytes(&pending));
        CHECK(state_put(state, state_key_bytes(&current), buffer_bytes(&record)));
    }
}

void epoch_begin(struct state *state, uint64_t height)
{
    struct clock_record clock;
    struct roster old;
    struct roster next;

    CHECK(clock_read(state, &clock));
    CHECK(clock.pending_boundary != NO_BOUNDARY);
    CHECK(clock.pending_boundary == height - 1);
    CHECK(roster_load(state, &old));
    CHECK(epoch_next_roster(state, &next));
    keys_standing(state, &old, &next, STANDING_RETIRED);
    keys_standing(state, &next, &old, STANDING_ACTIVE);
    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        section_begin(state, section);
    }
    clock.epoch++;
    clock.pending_boundary = NO_BOUNDARY;
    CHECK(clock_write(state, &clock));
}
