#include "tests/support/hand_off_maker.h"

#include "crypto/hash.h"
#include "governance/epoch.h"
#include "replica/host/hand_off_pick.h"

#include <stdio.h>
#include <string.h>

const char *const old_signers[REPLICAS_MAX] = {"r0", "r1", "r2", "r3"};
const char *const new_signers[REPLICAS_MAX] = {"r0", "r1", "r2 new", "r3"};

static void tree_add(struct hand_off_maker *maker, struct bytes leaf)
{
    CHECK(maker->tree.size < NAIVE_LEAVES_MAX);
    merkle_leaf_hash(leaf, maker->tree.leaves[maker->tree.size++]);
}

void hand_off_maker_init(struct hand_off_maker *maker, struct gov_stage *stage)
{
    static const char *const names[] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6"};

    memset(maker, 0, sizeof(*maker));
    maker->stage = stage;
    maker->stream = GOVERNANCE_STREAM;
    for (uint32_t i = 0; i < stage->world.charter.replica_count; i++) {
        maker->signers[i] = names[i];
    }
    tree_add(maker, bytes_of_text("the charter"));
    maker->stream_index = 1;
}

static void leaf_put(const struct leaf *leaf, struct buffer *out)
{
    CHECK(leaf_encode(leaf, out));
}

void maker_log_leaf(struct hand_off_maker *maker, uint64_t kind, struct bytes payload)
{
    static const uint8_t no_salt[SALT_BYTES];
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), payload};
    uint8_t memory[LEAF_BYTES_MAX];
    struct buffer bytes = buffer_make(memory, sizeof(memory));

    CHECK(maker->entry_count < MAKER_ENTRIES_MAX);

    struct maker_entry *entry = &maker->entries[maker->entry_count++];

    CHECK(payload.len <= sizeof(entry->payload));
    entry->left_out = false;
    entry->path_of = (uint32_t)maker->tree.size;
    entry->payload_len = payload.len;
    memcpy(entry->payload, payload.data, payload.len);
    entry->leaf = (struct leaf){
        .index = maker->tree.size,
        .height = maker->stage->height,
        .time_ms = maker->stage->time_ms,
        .kind = kind,
        .stream = bytes_of_text(maker->stream),
        .stream_index = maker->stream_index++,
        .payload_len = payload.len,
    };
    hash_parts(salted, 2, entry->leaf.payload_hash);
    leaf_put(&entry->leaf, &bytes);
    tree_add(maker, buffer_bytes(&bytes));
}

void maker_log_due(struct hand_off_maker *maker)
{
    const struct gov_results *results = &maker->stage->results;

    for (uint32_t i = 0; i < results->count; i++) {
        uint8_t memory[GOV_RESULT_BYTES_MAX];
        struct buffer payload = buffer_make(memory, sizeof(memory));

        gov_result_put(&results->list[i], &payload);
        maker_log_leaf(maker, LEAF_RESULT, buffer_bytes(&payload));
    }
}

void maker_log(struct hand_off_maker *maker)
{
    maker_log_leaf(maker, LEAF_GOVERNANCE, maker->stage->payload);
    maker_log_due(maker);
}

void maker_log_data(struct hand_off_maker *maker)
{
    tree_add(maker, bytes_of_text("an order of somebody"));
}

void maker_decide(struct hand_off_maker *maker, struct gov_plan *plan, uint32_t votes)
{
    CHECK(stage_bundle(maker->stage, plan, yes_of, votes) == RESULT_OK);
    maker_log(maker);
}

void maker_later(struct hand_off_maker *maker, uint64_t heights, uint64_t ms)
{
    stage_block(maker->stage, heights, ms);
    maker_log_due(maker);
}

void maker_plan_renew(struct hand_off_maker *maker, struct gov_plan *plan)
{
    const struct args_renew args = {{7}};

    stage_plan(maker->stage, plan, ACTION_EPOCH_RENEW, SECTION_MEMBERS, &schema_args_renew, &args);
}

void maker_renew(struct hand_off_maker *maker)
{
    static struct gov_plan plan;

    maker_plan_renew(maker, &plan);
    maker_decide(maker, &plan, 3);
    maker_end(maker);
}

void maker_plan_rotate(struct hand_off_maker *maker, struct gov_plan *plan, uint64_t rid,
                       const char *name)
{
    static const char *const kinds[] = {"", " cosign", " transport"};
    const struct gov_stage *stage = maker->stage;
    struct args_replica_key_rotate args = {.rid = rid, .old_sig = BYTES_EMPTY};
    uint8_t *const pks[] = {args.sign_pk, args.cosign_pk, args.transport_pk};
    uint8_t keys_memory[128];
    uint8_t card_memory[256];
    uint8_t sigs_memory[256];
    char subject[16];
    char seeds[3][48];
    struct buffer keys = buffer_make(keys_memory, sizeof(keys_memory));
    struct buffer card = buffer_make(card_memory, sizeof(card_memory));
    struct buffer sigs = buffer_make(sigs_memory, sizeof(sigs_memory));

    for (uint32_t i = 0; i < 3; i++) {
        struct item_hash key;

        snprintf(seeds[i], sizeof(seeds[i]), "%s%s", name, kinds[i]);
        gov_public_key(stage->fixture.scheme, seeds[i], pks[i]);
        memcpy(key.value, pks[i], PUBLIC_KEY_BYTES);
        CHECK(item_hash_encode(&key, &keys));
    }
    snprintf(subject, sizeof(subject), "r%u", (unsigned)rid);

    const struct card body = {
        .role = ROLE_REPLICA, .subject = bytes_of_text(subject), .keys = {buffer_bytes(&keys), 3}};

    CHECK(card_encode(&body, &card));
    for (uint32_t i = 0; i < 3; i++) {
        struct item_sig sig;
        uint8_t seed[SEED_BYTES];

        gov_seed(seeds[i], seed);
        sign_body(stage->fixture.scheme, seed, pks[i], TAG_POSSESSION,
                  stage->world.charter.cluster_id, buffer_bytes(&card), sig.value);
        CHECK(item_sig_encode(&sig, &sigs));
    }
    args.card = (struct card_proof){buffer_bytes(&card), {buffer_bytes(&sigs), 3}};
    stage_plan(maker->stage, plan, ACTION_REPLICA_KEY_ROTATE, SECTION_REPLICAS,
               &schema_args_replica_key_rotate, &args);
}

/* Copies of the sections, as they are now. */
static void sections_take(struct hand_off_maker *maker)
{
    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        struct section_record *record = &maker->sections[section - 1];

        CHECK(section_read(maker->stage->world.state, section, record));
        CHECK(record->body.len <= MAKER_SECTION_MAX);
        memcpy(maker->bodies[section - 1], record->body.data, record->body.len);
        record->body = bytes_make(maker->bodies[section - 1], record->body.len);
    }
}

void maker_end(struct hand_off_maker *maker)
{
    struct gov_world *world = &maker->stage->world;
    struct block_header *header = &maker->header;
    struct clock_record clock;

    CHECK(clock_read(world->state, &clock));
    CHECK(clock.pending_boundary != NO_BOUNDARY);
    CHECK(roster_load(world->state, &maker->roster));
    maker->stage->height = clock.pending_boundary;
    maker->stage->time_ms += 1000;
    *header = (struct block_header){
        .epoch = clock.epoch,
        .height = clock.pending_boundary,
        .tree_size = maker->tree.size,
        .time_ms = maker->stage->time_ms,
        .pending_boundary = clock.pending_boundary,
        .next_config_hash = BYTES_OF_ARRAY(maker->next_config_hash),
    };
    memcpy(header->cluster_id, world->charter.cluster_id, HASH_BYTES);
    naive_root(&maker->tree, maker->tree.size, header->tree_root);
    config_hash(world->state, header->config_hash);
    epoch_next_config_hash(world->state, maker->next_config_hash);
    epoch_begin(world->state, clock.pending_boundary + 1);
    CHECK(rights_refresh(&world->rights, world->state, NULL));
    sections_take(maker);
    maker->checkpoint = (struct checkpoint){
        .tree_size = header->tree_size,
        .height = header->height,
        .epoch = header->epoch,
        .time_ms = header->time_ms,
    };
    memcpy(maker->checkpoint.tree_root, header->tree_root, HASH_BYTES);
    CHECK(origin_make(world->charter.charter.name, world->charter.cluster_id,
                      &maker->checkpoint.origin));
    maker->keep_header_hash = false;
    maker->sign_lines = (UINT32_C(1) << maker->roster.q) - 1;
    maker->cosign_lines = 0;
}

void maker_next(struct hand_off_maker *maker, const char *const signers[REPLICAS_MAX])
{
    memcpy(maker->signers, signers, REPLICAS_MAX * sizeof(signers[0]));
    for (uint32_t i = 0; i < maker->entry_count; i++) {
        CHECK(maker->past_count < MAKER_PAST_MAX);
        maker->past[maker->past_count] = maker->entries[i];
        maker->past[maker->past_count++].left_out = true;
    }
    maker->entry_count = 0;
    stage_block(maker->stage, 1, 1000);
    maker_log_due(maker);
}

static struct bytes payload_of(const struct maker_entry *entry)
{
    return bytes_make(entry->payload, entry->payload_len);
}

void maker_pick(struct hand_off_maker *maker)
{
    static struct picks picks;

    picks_init(&picks, maker->stage->world.charter.cluster_id);
    for (uint32_t i = 0; i < maker->past_count; i++) {
        pick_note(&picks, payload_of(&maker->past[i]), false);
    }
    for (uint32_t i = 0; i < maker->entry_count; i++) {
        pick_note(&picks, payload_of(&maker->entries[i]), true);
    }
    for (uint32_t i = 0; i < maker->past_count; i++) {
        maker->past[i].left_out = !pick_wants(&picks, payload_of(&maker->past[i]));
    }
    for (uint32_t i = 0; i < maker->entry_count; i++) {
        maker->entries[i].left_out = !pick_wants(&picks, payload_of(&maker->entries[i]));
    }
}

static void note_put(const struct hand_off_maker *maker, struct bytes header, struct buffer *out)
{
    const struct sig_scheme *scheme = maker->stage->fixture.scheme;
    struct checkpoint checkpoint = maker->checkpoint;

    if (!maker->keep_header_hash) {
        hash_bytes(header, checkpoint.header_hash);
    }
    checkpoint_text(&checkpoint, out);
    buffer_put_u8(out, '\n');
    for (uint32_t i = 0; i < 2 * maker->roster.n; i++) {
        const uint32_t place = i % maker->roster.n;
        const enum note_key_type type = i < maker->roster.n ? NOTE_SIGN : NOTE_COSIGN;
        const uint32_t lines = type == NOTE_SIGN ? maker->sign_lines : maker->cosign_lines;
        char name[48];
        uint8_t seed[SEED_BYTES];
        uint8_t key[PUBLIC_KEY_BYTES];
        uint8_t sig[SIG_BYTES];

        if ((lines >> place & 1) == 0) {
            continue;
        }
        snprintf(name, sizeof(name), "%s%s", maker->signers[place],
                 type == NOTE_SIGN ? "" : " cosign");
        gov_seed(name, seed);
        gov_public_key(scheme, name, key);
        checkpoint_sign(scheme, &checkpoint, type, seed, key, sig);
        note_line_put(out, &checkpoint, type, maker->roster.members[place].rid, key, sig);
    }
}

static void entry_put(const struct hand_off_maker *maker, const struct maker_entry *entry,
                      struct buffer *out)
{
    uint8_t leaf_memory[LEAF_BYTES_MAX];
    struct buffer leaf = buffer_make(leaf_memory, sizeof(leaf_memory));
    uint8_t path_memory[MERKLE_PATH_MAX * (HASH_BYTES + 2)];
    struct buffer path = buffer_make(path_memory, sizeof(path_memory));
    struct merkle_proof proof;

    leaf_put(&entry->leaf, &leaf);
    naive_path(&maker->tree, entry->path_of, maker->header.tree_size, &proof);
    for (uint32_t i = 0; i < proof.count; i++) {
        struct item_hash element;

        memcpy(element.value, proof.hashes[i], HASH_BYTES);
        CHECK(item_hash_encode(&element, &path));
    }

    const struct hand_off_entry encoded = {
        .leaf = buffer_bytes(&leaf),
        .path = {buffer_bytes(&path), proof.count},
        .payload = payload_of(entry),
    };

    CHECK(hand_off_entry_encode(&encoded, out));
}

static struct wire_list sections_put(const struct hand_off_maker *maker, struct buffer *list)
{
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        uint8_t memory[MAKER_SECTION_MAX + 64];
        struct buffer record = buffer_make(memory, sizeof(memory));

        CHECK(section_record_encode(&maker->sections[i], &record));
        CHECK(item_section_encode(&(struct item_section){buffer_bytes(&record)}, list));
    }
    return (struct wire_list){buffer_bytes(list), SECTION_COUNT};
}

struct bytes maker_make(struct hand_off_maker *maker)
{
    static uint8_t entries_memory[1u << 18];
    static uint8_t sections_memory[1u << 17];
    uint8_t header_memory[HEADER_BYTES_MAX];
    uint8_t note_memory[NOTE_BYTES_MAX];
    struct buffer entries = buffer_make(entries_memory, sizeof(entries_memory));
    struct buffer sections = buffer_make(sections_memory, sizeof(sections_memory));
    struct buffer header = buffer_make(header_memory, sizeof(header_memory));
    struct buffer note = buffer_make(note_memory, sizeof(note_memory));
    struct buffer out = buffer_make(maker->bytes, sizeof(maker->bytes));
    struct hand_off hand_off = {.entries = {BYTES_EMPTY, 0}};

    CHECK(block_header_encode(&maker->header, &header));
    note_put(maker, buffer_bytes(&header), &note);
    for (uint32_t i = 0; i < maker->past_count + maker->entry_count; i++) {
        const struct maker_entry *entry =
            i < maker->past_count ? &maker->past[i] : &maker->entries[i - maker->past_count];

        if (!entry->left_out) {
            entry_put(maker, entry, &entries);
            hand_off.entries.count++;
        }
    }
    hand_off.entries.raw = buffer_bytes(&entries);
    hand_off.header = buffer_bytes(&header);
    hand_off.checkpoint = buffer_bytes(&note);
    hand_off.sections = sections_put(maker, &sections);
    CHECK(hand_off_encode(&hand_off, &out));
    return buffer_bytes(&out);
}

void maker_rotate(struct hand_off_maker *maker)
{
    static struct gov_plan plan;

    maker_plan_rotate(maker, &plan, 2, new_signers[2]);
    maker_decide(maker, &plan, 3);
    maker_end(maker);
}

void maker_two_epochs(struct hand_off_maker *maker, struct bytes hand_offs[2])
{
    maker_rotate(maker);
    for (uint32_t i = 0; i < 2; i++) {
        const struct bytes made = maker_make(maker);

        memcpy(maker->kept[i], made.data, made.len);
        hand_offs[i] = bytes_make(maker->kept[i], made.len);
        maker_next(maker, new_signers);
        if (i == 0) {
            maker_renew(maker);
        }
    }
}
