#include "tests/support/bundle_maker.h"

#include "crypto/hash.h"

#include <stdio.h>
#include <string.h>

void bundle_maker_init(struct bundle_maker *maker, struct gov_fixture *fixture,
                       struct gov_world *world)
{
    memset(maker, 0, sizeof(*maker));
    maker->fixture = fixture;
    maker->world = world;
    maker->cosigners = 0x7;
    maker->signers = 0x7;
    maker->header.height = 7;
    maker->header.tree_size = 9;
    maker->header.time_ms = FIXTURE_DATE + 5000;
    maker->header.pending_boundary = NO_BOUNDARY;
    maker->header.next_config_hash = BYTES_EMPTY;
    maker->header.state_root = BYTES_EMPTY;
    memcpy(maker->header.cluster_id, world->charter.cluster_id, HASH_BYTES);
}

/* The records of the sections as list elements, and their hash in the header. */
static uint32_t put_sections(struct bundle_maker *maker, struct buffer *list)
{
    struct section_record records[SECTION_COUNT];

    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        struct section_record *record = &records[section - 1];
        uint8_t memory[65536];
        struct buffer bytes = buffer_make(memory, sizeof(memory));

        CHECK(section_read(maker->world->state, section, record));
        if (maker->bend == section) {
            record->body = maker->body;
        }
        CHECK(section_record_encode(record, &bytes));
        CHECK(item_section_encode(&(struct item_section){buffer_bytes(&bytes)}, list));
    }
    if (!maker->keep_config_hash) {
        config_hash_of(records, maker->header.config_hash);
    }
    return SECTION_COUNT;
}

static void put_note(struct bundle_maker *maker, struct bytes header, struct buffer *out)
{
    const struct sig_scheme *scheme = maker->fixture->scheme;
    struct checkpoint checkpoint = {
        .tree_size = maker->header.tree_size,
        .height = maker->header.height,
        .epoch = maker->epoch,
        .time_ms = maker->header.time_ms,
    };

    hash_bytes(header, checkpoint.header_hash);
    if (maker->keep_header_hash) {
        memcpy(checkpoint.header_hash, maker->header_hash, HASH_BYTES);
    }
    CHECK(origin_make(maker->world->charter.charter.name, maker->world->charter.cluster_id,
                      &checkpoint.origin));
    checkpoint_text(&checkpoint, out);
    buffer_put_u8(out, '\n');
    for (uint32_t i = 0; i < 2 * REPLICAS_MAX; i++) {
        const enum note_key_type type = i < REPLICAS_MAX ? NOTE_SIGN : NOTE_COSIGN;
        const uint32_t rid = i % REPLICAS_MAX;
        const uint32_t set = type == NOTE_SIGN ? maker->signers : maker->cosigners;
        char name[32];
        char seed_name[64];
        uint8_t seed[SEED_BYTES];
        uint8_t key[PUBLIC_KEY_BYTES];
        uint8_t sig[SIG_BYTES];

        if ((set >> rid & 1) == 0) {
            continue;
        }
        snprintf(name, sizeof(name), "r%u", rid);
        snprintf(seed_name, sizeof(seed_name), "%s%s",
                 maker->names[rid] != NULL ? maker->names[rid] : name,
                 type == NOTE_SIGN ? "" : " cosign");
        gov_seed(seed_name, seed);
        gov_public_key(scheme, seed_name, key);
        checkpoint_sign(scheme, &checkpoint, type, seed, key, sig);
        note_line_put(out, &checkpoint, type, rid, key, sig);
    }
}

struct bytes bundle_make(struct bundle_maker *maker)
{
    static uint8_t list_memory[1u << 17];
    static uint8_t note_memory[NOTE_BYTES_MAX];
    uint8_t header_memory[HEADER_BYTES_MAX];
    static uint8_t offs_memory[1u << 18];
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct buffer note = buffer_make(note_memory, sizeof(note_memory));
    struct buffer header = buffer_make(header_memory, sizeof(header_memory));
    struct buffer offs = buffer_make(offs_memory, sizeof(offs_memory));
    struct buffer out = buffer_make(maker->bytes, sizeof(maker->bytes));
    struct state_bundle bundle = {.charter_file = gov_fixture_file(maker->fixture)};

    bundle.sections.count = put_sections(maker, &list);
    bundle.sections.raw = buffer_bytes(&list);
    CHECK(block_header_encode(&maker->header, &header));
    put_note(maker, buffer_bytes(&header), &note);
    for (uint32_t i = 0; i < maker->hand_off_count; i++) {
        CHECK(item_bin_encode(&(struct item_bin){maker->hand_offs[i]}, &offs));
    }
    bundle.hand_offs = (struct wire_list){buffer_bytes(&offs), maker->hand_off_count};
    bundle.header = buffer_bytes(&header);
    bundle.checkpoint = buffer_bytes(&note);
    CHECK(state_bundle_encode(&bundle, &out));
    maker->len = out.len;
    return buffer_bytes(&out);
}

void bundle_world_standing(struct gov_world *world, uint64_t rid, enum standing standing)
{
    static uint8_t list_memory[65536];
    static uint8_t body_memory[65536];
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    struct section_record record;
    struct replicas_section section;
    struct replica_standing row;

    CHECK(section_read(world->state, SECTION_REPLICAS, &record));
    CHECK(replicas_section_decode(record.body, &section) == WIRE_OK);
    struct wire_iter iter = wire_iter_make(section.replicas);
    while (replica_standing_next(&iter, &row)) {
        row.standing = row.rid == rid ? standing : row.standing;
        CHECK(replica_standing_encode(&row, &list));
    }
    section.replicas.raw = buffer_bytes(&list);
    CHECK(replicas_section_encode(&section, &body));
    CHECK(section_write(world->state, SECTION_REPLICAS, buffer_bytes(&body)));
}

void bundle_world_member(struct gov_world *world, const char *mid, enum standing standing,
                         uint64_t until_ms)
{
    static uint8_t list_memory[16384];
    static uint8_t body_memory[16384];
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    struct section_record record;
    struct members_section section;
    struct member_standing row;

    CHECK(section_read(world->state, SECTION_MEMBERS, &record));
    CHECK(members_section_decode(record.body, &section) == WIRE_OK);
    struct wire_iter iter = wire_iter_make(section.members);
    while (member_standing_next(&iter, &row)) {
        if (bytes_equal(row.row.mid, bytes_of_text(mid))) {
            row.standing = standing;
            row.until_ms = until_ms;
        }
        CHECK(member_standing_encode(&row, &list));
    }
    section.members.raw = buffer_bytes(&list);
    CHECK(members_section_encode(&section, &body));
    CHECK(section_write(world->state, SECTION_MEMBERS, buffer_bytes(&body)));
}
