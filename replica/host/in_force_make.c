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

/* The newest note of a quorum and the block that it is about. */
static bool take_note(struct log_reader *reader, struct bytes *note, struct log_block *block)
{
    struct bytes text;
    struct bytes lines;
    struct checkpoint checkpoint;
    return log_note(reader, note) && note_split(*note, &text, &lines) == NOTE_OK &&
           checkpoint_parse(text, &checkpoint) == NOTE_OK &&
           log_block(reader, checkpoint.height, block);
}

bool in_force_make(const struct in_force_sources *sources, struct buffer *work, struct buffer *out)
{
    struct state_bundle bundle = {.charter_file = sources->charter_file};
    struct log_block block;
    struct bytes records[SECTION_COUNT];
    uint8_t hash[HASH_BYTES];
    if (!take_note(sources->reader, &bundle.checkpoint, &block) ||
        !take_sections(sources->view, work, records, hash) ||
        !hash_equal(hash, block.header.config_hash)) {
        return false;
    }
    struct buffer list = buffer_make(work->data + work->len, work->capacity - work->len);
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        const struct item_section element = {records[i]};
        if (!item_section_encode(&element, &list)) {
            return false;
        }
    }
    bundle.header = block.record.header;
    bundle.sections = (struct wire_list){buffer_bytes(&list), SECTION_COUNT};
    return state_bundle_encode(&bundle, out) && out->len <= STATE_BUNDLE_BYTES_MAX;
}
