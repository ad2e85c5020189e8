#include "replica/host/hand_off_make.h"

#include "governance/hand_off.h"
#include "governance/records.h"
#include "governance/view_rules.h"
#include "replica/core/node_parts.h"
#include "storage/record.h"

#include <string.h>

static_assert(HAND_OFF_BYTES_MAX + 4096 <= FRAME_BYTES_MAX, "a hand-off fits a frame");

/* What one hand-off is made of. */
struct making {
    const struct hand_off_sources *sources;
    struct epoch_record record; /* of the epoch that begins; lies in `work` */
    struct block_header header; /* the last of the epoch that ends */
    struct roster roster;       /* of that epoch */
    uint64_t first_index;       /* of the first leaf that is its */
    struct buffer *work;
};

/* What is left of the memory. */
static struct buffer rest_of(const struct buffer *work)
{
    return buffer_make(work->data + work->len, work->capacity - work->len);
}

/* The newest boundary that is not above the height, if there is any. */
static bool record_floor(const struct making *making, uint64_t highest, struct buffer *value,
                         struct epoch_record *out, uint64_t *height)
{
    uint8_t key_memory[STORE_KEY_BYTES_MAX];
    struct buffer found = buffer_make(key_memory, sizeof key_memory);
    struct record_key key = record_key_journal(JOURNAL_EPOCH, highest);
    uint8_t kind = 0;
    value->len = 0;
    value->full = false;
    return store_view_floor(making->sources->view, FAMILY_JOURNAL, record_key_bytes(&key), &found,
                            value) == STATUS_OK &&
           record_read_journal(buffer_bytes(&found), &kind, height) && kind == JOURNAL_EPOCH &&
           *height > 0 && epoch_record_decode(buffer_bytes(value), out) == WIRE_OK;
}

/* The journal record with which the epoch of that number began, at the front of `value`. Heights
 * ascend with numbers, so it is found by halves. */
static bool record_find(const struct making *making, uint64_t epoch, struct buffer *value,
                        struct epoch_record *out)
{
    uint64_t low = 0;
    uint64_t high = UINT64_MAX - 1;
    while (low <= high) {
        const uint64_t middle = low + (high - low) / 2;
        uint64_t height = 0;
        const bool found = record_floor(making, middle, value, out, &height);
        if (found && out->epoch == epoch) {
            return true;
        }
        if (found && out->epoch > epoch) {
            high = height - 1;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

static bool roster_of_record(const struct epoch_record *record, struct roster *out)
{
    struct wire_iter iter = wire_iter_make(record->sections);
    struct item_section element;
    struct section_record section;
    uint32_t number = 0;
    while (number < SECTION_REPLICAS && item_section_next(&iter, &element)) {
        number++;
    }
    return number == SECTION_REPLICAS &&
           section_record_decode(element.value, &section) == WIRE_OK &&
           roster_parse(section.body, record->epoch, out);
}

/* Where the epoch began, and with whom: by the charter, or by the record of its own. */
static bool beginning_read(struct making *making, struct bytes charter_body, uint64_t epoch)
{
    struct buffer value = rest_of(making->work);
    struct epoch_record record;
    struct block_header header;
    if (epoch == 0) {
        making->first_index = 1; /* behind the charter */
        return roster_of_charter(charter_body, &making->roster);
    }
    if (!record_find(making, epoch, &value, &record) ||
        block_header_decode(record.stable.header, &header) != WIRE_OK) {
        return false;
    }
    making->first_index = header.tree_size;
    return roster_of_record(&record, &making->roster);
}

/* --- The note -------------------------------------------------------------------------------- */

/* The proof of the last block as a note: whose lines it has stands in the proof, in their order. */
static bool note_make(const struct making *making, struct bytes name, struct buffer *out)
{
    const struct stable *stable = &making->record.stable;
    struct wire_iter sigs = wire_iter_make(stable->note_sigs);
    struct checkpoint checkpoint;
    struct origin origin;
    struct item_sig sig;
    if (!origin_make(name, making->header.cluster_id, &origin) ||
        !checkpoint_of_header(making->header.cluster_id, &origin, stable->header, &checkpoint)) {
        return false;
    }
    checkpoint_text(&checkpoint, out);
    buffer_put_u8(out, '\n');
    for (uint32_t i = 0; i < making->roster.n; i++) {
        const struct roster_member *member = &making->roster.members[i];
        if ((stable->members >> i & 1) != 0 && item_sig_next(&sigs, &sig)) {
            note_line_put(out, &checkpoint, NOTE_SIGN, member->rid, member->sign_pk, sig.value);
        }
    }
    return !out->full;
}

/* --- The entries ----------------------------------------------------------------------------- */

/* An entry of the log's own stream. The leaf and the payload borrow from the reader. */
struct own_entry {
    uint64_t index;
    struct bytes leaf;
    struct bytes payload;
};

static bool own_index(const struct making *making, uint64_t position, uint64_t *index)
{
    uint64_t run = 0;
    return log_stream_run(making->sources->reader, bytes_of_text(GOVERNANCE_STREAM), position,
                          index, &run);
}

/* Behind the last position of the epoch's entries in the stream, by halves. */
static bool end_position(const struct making *making, uint64_t length, uint64_t *out)
{
    uint64_t low = 0;
    uint64_t high = length;
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        uint64_t index = 0;
        if (!own_index(making, middle, &index)) {
            return false;
        }
        if (index < making->header.tree_size) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out = low;
    return true;
}

static bool own_entry_read(const struct making *making, uint64_t index, struct own_entry *out)
{
    struct log_reader *reader = making->sources->reader;
    struct log_entry entry;
    struct leaf leaf;
    out->index = index;
    if (!log_leaf(reader, index, &out->leaf) || leaf_decode(out->leaf, &leaf) != WIRE_OK ||
        !log_entry(reader, index, &leaf, &entry)) {
        return false;
    }
    out->payload = entry.payload.bytes;
    return true;
}

/* Whether to go on. */
typedef bool own_entry_visitor(struct making *making, const struct own_entry *entry, void *context);

/* All entries up to the end of the epoch, as far back as is looked. */
static bool entries_visit(struct making *making, own_entry_visitor *visit, void *context)
{
    const uint64_t length =
        log_stream_length(making->sources->reader, bytes_of_text(GOVERNANCE_STREAM));
    uint64_t end = 0;
    if (!end_position(making, length, &end)) {
        return false;
    }
    /* Position 0 is the charter's. */
    uint64_t at = end > HAND_OFF_LOOKED_THROUGH_MAX ? end - HAND_OFF_LOOKED_THROUGH_MAX : 1;
    for (; at < end; at++) {
        struct own_entry entry;
        uint64_t index = 0;
        if (!own_index(making, at, &index) || !own_entry_read(making, index, &entry) ||
            !visit(making, &entry, context)) {
            return false;
        }
    }
    return true;
}

static bool entry_note(struct making *making, const struct own_entry *entry, void *context)
{
    (void)context;
    pick_note(making->sources->picks, entry->payload, entry->index >= making->first_index);
    return !making->sources->picks->full;
}

/* The list that is being made. */
struct entry_list {
    struct buffer raw;
    uint32_t count;
};

static bool entry_take(struct making *making, const struct own_entry *entry, void *context)
{
    struct entry_list *list = (struct entry_list *)context;
    uint8_t leaf_memory[LEAF_BYTES_MAX];
    uint8_t path_memory[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    struct buffer leaf = buffer_make(leaf_memory, sizeof leaf_memory);
    struct buffer path = buffer_make(path_memory, sizeof path_memory);
    struct merkle_proof proof;
    if (!pick_wants(making->sources->picks, entry->payload)) {
        return true;
    }
    buffer_put(&leaf, entry->leaf);
    if (leaf.full || !merkle_inclusion_make(entry->index, making->header.tree_size, log_node,
                                            making->sources->reader, &proof)) {
        return false;
    }
    for (uint32_t i = 0; i < proof.count; i++) {
        struct item_hash element;
        memcpy(element.value, proof.hashes[i], HASH_BYTES);
        CHECK(item_hash_encode(&element, &path));
    }
    const struct hand_off_entry encoded = {
        .leaf = buffer_bytes(&leaf),
        .path = {buffer_bytes(&path), proof.count},
        .payload = entry->payload,
    };
    list->count++;
    return hand_off_entry_encode(&encoded, &list->raw);
}

/* --- All of it ------------------------------------------------------------------------------- */

bool hand_off_make(const struct hand_off_sources *sources, uint64_t epoch, struct buffer *work,
                   struct buffer *out)
{
    struct making making = {.sources = sources, .work = work};
    struct buffer record = rest_of(work);
    uint8_t note_memory[NOTE_BYTES_MAX];
    struct buffer note = buffer_make(note_memory, sizeof note_memory);
    struct entry_list list = {.count = 0};
    struct charter_file file;
    struct charter charter;
    if (epoch == UINT64_MAX || charter_file_decode(sources->charter_file, &file) != WIRE_OK ||
        charter_decode(file.charter, &charter) != WIRE_OK ||
        !record_find(&making, epoch + 1, &record, &making.record) ||
        block_header_decode(making.record.stable.header, &making.header) != WIRE_OK) {
        return false;
    }
    work->len += record.len;
    if (!beginning_read(&making, file.charter, epoch) || !note_make(&making, charter.name, &note)) {
        return false;
    }
    list.raw = rest_of(work);
    picks_init(sources->picks, making.header.cluster_id);
    if (!entries_visit(&making, entry_note, NULL) || !entries_visit(&making, entry_take, &list)) {
        return false;
    }
    const size_t before = out->len;
    const struct hand_off hand_off = {
        .header = making.record.stable.header,
        .checkpoint = buffer_bytes(&note),
        .sections = making.record.sections,
        .entries = {buffer_bytes(&list.raw), list.count},
    };
    return hand_off_encode(&hand_off, out) && out->len - before <= HAND_OFF_BYTES_MAX;
}
