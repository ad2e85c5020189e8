#include "replica/host/in_force_make.h"

#include "crypto/hash.h"
#include "crypto/note.h"
#include "governance/in_force.h"
#include "governance/records.h"

static_assert(STATE_BUNDLE_BYTES_MAX + 4096 <= FRAME_BYTES_MAX, "a bundle fits a frame");

/* The record of a section, at the front of what is left of `work`. */
static bool take_record(struct store_view *view, enum section section, struct buffer *work,
                        struct bytes *record)
{
    struct state_key key = state_key_section(section);
    struct buffer rest = buffer_make(work->data + work->len, work->capacity - work->len);
    if (store_view_get(view, FAMILY_STATE, state_key_bytes(&key), &rest) != STATUS_OK) {
        return false;
    }
    *record = buffer_bytes(&rest);
    work->len += rest.len;
    return true;
}

/* The eight sections as they are now, and their hash. */
static bool take_sections(struct store_view *view, struct buffer *work,
                          struct bytes records[SECTION_COUNT], uint8_t hash[HASH_BYTES])
{
    struct section_record parsed[SECTION_COUNT];
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        if (!take_record(view, (enum section)(i + 1), work, &records[i]) ||
            section_record_decode(records[i], &parsed[i]) != WIRE_OK) {
            return false;
        }
    }
    config_hash_of(parsed, hash);
    return true;
}

/* The newest note of a quorum. */
static bool take_note(struct log_reader *reader, struct bytes *note, struct checkpoint *checkpoint)
{
    struct bytes text;
    struct bytes lines;
    return log_note(reader, note) && note_split(*note, &text, &lines) == NOTE_OK &&
           checkpoint_parse(text, checkpoint) == NOTE_OK;
}

/* The hand-offs of all epochs before that one, as a list in `raw`. Each is made in `space`, with
 * `work`, which are free again afterwards. */
static bool take_hand_offs(const struct hand_off_sources *sources, uint64_t epoch,
                           struct buffer *raw, struct buffer work, struct buffer space)
{
    if (epoch > HAND_OFFS_MAX) {
        return false;
    }
    for (uint64_t ended = 0; ended < epoch; ended++) {
        work.len = 0;
        space.len = 0;
        if (!hand_off_make(sources, ended, &work, &space)) {
            return false;
        }
        const struct item_bin element = {buffer_bytes(&space)};
        if (!item_bin_encode(&element, raw)) {
            return false;
        }
    }
    return true;
}

static bool put_sections(const struct bytes records[SECTION_COUNT], struct buffer *list)
{
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        const struct item_section element = {records[i]};
        if (!item_section_encode(&element, list)) {
            return false;
        }
    }
    return true;
}

bool in_force_make(const struct hand_off_sources *sources, struct buffer *work, struct buffer *out)
{
    const size_t half = work->capacity / 2;
    struct state_bundle bundle = {.charter_file = sources->charter_file};
    struct buffer offs = buffer_make(work->data, half);
    struct buffer rest = buffer_make(work->data + half, half);
    struct checkpoint checkpoint;
    struct log_block block;
    struct bytes records[SECTION_COUNT];
    uint8_t hash[HASH_BYTES];
    if (!take_note(sources->reader, &bundle.checkpoint, &checkpoint) ||
        !take_hand_offs(sources, checkpoint.epoch, &offs, rest, *out) ||
        !log_block(sources->reader, checkpoint.height, &block) ||
        !take_sections(sources->view, &rest, records, hash) ||
        !hash_equal(hash, block.header.config_hash)) {
        return false;
    }
    struct buffer list = buffer_make(rest.data + rest.len, rest.capacity - rest.len);
    if (!put_sections(records, &list)) {
        return false;
    }
    bundle.hand_offs = (struct wire_list){buffer_bytes(&offs), (uint32_t)checkpoint.epoch};
    bundle.header = block.record.header;
    bundle.sections = (struct wire_list){buffer_bytes(&list), SECTION_COUNT};
    return state_bundle_encode(&bundle, out) && out->len <= STATE_BUNDLE_BYTES_MAX;
}
