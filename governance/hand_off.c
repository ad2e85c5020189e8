#include "governance/hand_off.h"

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "governance/action.h"
#include "governance/apply.h"
#include "governance/epoch.h"
#include "governance/genesis.h"
#include "governance/roster_note.h"

#include <stdlib.h>
#include <string.h>

/* Room for what a chain of that length registers (three keys an epoch) beside a full charter and
 * its proposals; and for more long values than its hand-offs can bring. Only what is used costs
 * memory. */
#define CHAIN_RECORDS (4 * HAND_OFFS_MAX)
#define CHAIN_BYTES ((size_t)16 << 20)

struct epoch_chain {
    const struct sig_scheme *scheme;
    struct sig_oracle oracle;
    struct origin origin;
    uint8_t cluster_id[HASH_BYTES];
    struct state *state;    /* as the newest epoch began */
    struct state *trial;    /* where a hand-off is tried */
    struct rights *rights;  /* of the trial */
    struct item_view *view; /* of the entry that is being carried out */
    uint64_t time_ms;       /* at the end of the epoch before */
    uint64_t tree_size;     /* then */
    uint32_t count;         /* of epochs that are known, at least one */
    uint32_t epochs_max;
    struct epoch_span *span; /* epochs_max of them, by number */
};

#define HAND_OFF_TEXT(name, text) [name] = text,

const char *hand_off_error_text(enum hand_off_error error)
{
    static const char *const texts[] = {HAND_OFF_ERRORS(HAND_OFF_TEXT)};

    return texts[error];
}

bool hand_off_concerns(uint64_t action)
{
    const uint32_t others = 1u << SECTION_ISSUERS | 1u << SECTION_SOFTWARE |
                            1u << SECTION_REVOCATIONS | 1u << SECTION_WITNESSES;
    const struct action_rule *rule = action_rule(action);

    return rule != NULL && (rule->reads & others) == 0;
}

/* --- The chain ------------------------------------------------------------------------------- */

enum status epoch_chain_open(const struct charter_view *charter, const struct sig_scheme *scheme,
                             uint32_t epochs_max, struct epoch_chain **out)
{
    CHECK(epochs_max > 0 && epochs_max <= EPOCHS_MAX);

    struct epoch_chain *chain = calloc(1, sizeof(*chain));

    if (chain == NULL) {
        return STATUS_NO_MEMORY;
    }
    chain->rights = calloc(1, sizeof(*chain->rights));
    chain->view = calloc(1, sizeof(*chain->view));
    /* What is not used is not touched. */
    chain->span = calloc(epochs_max, sizeof(*chain->span));
    if (chain->rights == NULL || chain->view == NULL || chain->span == NULL ||
        state_open(CHAIN_RECORDS, CHAIN_BYTES, 0, &chain->state) != STATUS_OK ||
        state_open(CHAIN_RECORDS, CHAIN_BYTES, 0, &chain->trial) != STATUS_OK) {
        epoch_chain_close(chain);
        return STATUS_NO_MEMORY;
    }
    chain->epochs_max = epochs_max;
    chain->scheme = scheme;
    chain->oracle = sig_oracle_plain(&chain->scheme);
    memcpy(chain->cluster_id, charter->cluster_id, HASH_BYTES);
    /* A charter that holds its rules has a name and replicas, and fits. */
    CHECK(origin_make(charter->charter.name, charter->cluster_id, &chain->origin));
    CHECK(genesis_apply(charter, chain->state));
    CHECK(roster_load(chain->state, &chain->span[0].roster));
    chain->time_ms = charter->charter.date_ms;
    chain->tree_size = 1;
    chain->count = 1;
    chain->span[0].last_height = U64_UNLIMITED;
    *out = chain;
    return STATUS_OK;
}

void epoch_chain_close(struct epoch_chain *chain)
{
    if (chain == NULL) {
        return;
    }
    state_close(chain->state);
    state_close(chain->trial);
    free(chain->rights);
    free(chain->view);
    free(chain->span);
    free(chain);
}

const struct epoch_span *epoch_chain_find(const struct epoch_chain *chain, uint64_t epoch)
{
    return epoch < chain->count ? &chain->span[epoch] : NULL;
}

const struct epoch_span *epoch_chain_newest(const struct epoch_chain *chain)
{
    return &chain->span[chain->count - 1];
}

/* --- What a quorum signed -------------------------------------------------------------------- */

/* The block that ends the epoch, as a quorum of that epoch signed it. */
static enum hand_off_error header_check(const struct epoch_chain *chain,
                                        const struct hand_off *hand_off,
                                        struct block_header *header)
{
    const struct epoch_span *span = epoch_chain_newest(chain);
    struct checkpoint checkpoint;
    uint8_t hash[HASH_BYTES];
    uint32_t signers = 0;

    if (block_header_decode(hand_off->header, header) != WIRE_OK) {
        return HAND_OFF_ENCODING;
    }
    if (header->epoch != span->roster.epoch) {
        return HAND_OFF_EPOCH;
    }
    if (!roster_note_check(&span->roster, chain->scheme, hand_off->checkpoint, &chain->origin,
                           &checkpoint, &signers)) {
        return HAND_OFF_NOTE;
    }
    hash_bytes(hand_off->header, hash);
    if (!hash_equal(hash, checkpoint.header_hash) || checkpoint.epoch != header->epoch ||
        !hash_equal(header->cluster_id, chain->cluster_id)) {
        return HAND_OFF_HEADER;
    }
    if (header->pending_boundary != header->height || header->height < span->first_height ||
        header->height == U64_UNLIMITED || header->next_config_hash.len == 0) {
        return HAND_OFF_BOUNDARY;
    }
    return HAND_OFF_OK;
}

/* The eight sections of the next epoch, as the header commits to them. */
static enum hand_off_error sections_check(const struct hand_off *hand_off,
                                          const struct block_header *header,
                                          struct section_record records[SECTION_COUNT])
{
    struct wire_iter iter = wire_iter_make(hand_off->sections);
    struct item_section element;
    uint8_t hash[HASH_BYTES];

    for (uint32_t i = 0; item_section_next(&iter, &element); i++) {
        if (section_record_decode(element.value, &records[i]) != WIRE_OK) {
            return HAND_OFF_SECTIONS;
        }
    }
    config_hash_of(records, hash);
    return hash_equal(hash, header->next_config_hash.data) ? HAND_OFF_OK : HAND_OFF_SECTIONS;
}

/* --- What the members decided ---------------------------------------------------------------- */

/* The entries of a hand-off on their way. */
struct replay {
    struct epoch_chain *chain;
    const struct block_header *header;
    bool begun;          /* there was a leaf */
    uint64_t next_index; /* the least that the next leaf may have */
    uint64_t height;     /* of the leaf before, or the first of the epoch */
    uint64_t time_ms;    /* of the leaf before, or at the end of the epoch before */
};

/* A leaf of governance, after the one before it, in the tree of the last block. */
static bool leaf_check(const struct replay *replay, const struct hand_off_entry *entry,
                       struct leaf *leaf)
{
    static const uint8_t no_salt[SALT_BYTES];
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), entry->payload};
    struct wire_iter iter = wire_iter_make(entry->path);
    uint8_t hashes[MERKLE_PATH_MAX][HASH_BYTES];
    uint8_t hash[HASH_BYTES];
    struct item_hash element;
    size_t count = 0;

    if (leaf_decode(entry->leaf, leaf) != WIRE_OK || leaf->index < replay->next_index ||
        leaf->height < replay->height || leaf->height > replay->header->height ||
        leaf->time_ms < replay->time_ms ||
        (leaf->kind != LEAF_GOVERNANCE && leaf->kind != LEAF_RESULT) ||
        !bytes_equal(leaf->stream, bytes_of_text(GOVERNANCE_STREAM))) {
        return false;
    }
    hash_parts(salted, 2, hash);
    if (!hash_equal(hash, leaf->payload_hash)) {
        return false;
    }
    while (item_hash_next(&iter, &element)) {
        memcpy(hashes[count++], element.value, HASH_BYTES);
    }
    merkle_leaf_hash(entry->leaf, hash);
    return merkle_inclusion_verify(leaf->index, replay->header->tree_size, hash,
                                   bytes_make(hashes, count * HASH_BYTES),
                                   replay->header->tree_root);
}

static struct cap_context context_of(const struct replay *replay)
{
    return (struct cap_context){
        .state = replay->chain->trial,
        .rights = replay->chain->rights,
        .oracle = &replay->chain->oracle,
        .height = replay->height,
        .time_ms = replay->time_ms,
        .cluster_id = replay->chain->cluster_id,
        .origin = &replay->chain->origin,
    };
}

static void section_put(struct state *state, enum section section,
                        const struct section_record *record)
{
    const struct state_key key = state_key_section(section);
    struct buffer bytes = state_scratch(state, SCRATCH_RECORD);

    CHECK(section_record_encode(record, &bytes));
    CHECK(state_put(state, state_key_bytes(&key), buffer_bytes(&bytes)));
}

/* The sections that are not followed. */
static bool is_taken(uint64_t section)
{
    switch (section) {
    case SECTION_ISSUERS:
    case SECTION_SOFTWARE:
    case SECTION_REVOCATIONS:
    case SECTION_WITNESSES:
        return true;
    default:
        return false;
    }
}

/* A proposal that the log took named the versions of its time. Those of sections that are not
 * followed are taken from it, or it would be refused as written for another state. */
static void versions_take(struct state *state, struct bytes body)
{
    struct proposal proposal;
    struct read_version read;

    if (proposal_decode(body, &proposal) != WIRE_OK) {
        return;
    }
    struct wire_iter iter = wire_iter_make(proposal.reads);

    while (read_version_next(&iter, &read)) {
        struct buffer copy = state_scratch(state, SCRATCH_BODY);
        struct section_record record;

        if (is_taken(read.section)) {
            CHECK(section_read(state, (enum section)read.section, &record));
            buffer_put(&copy, record.body);
            record.version = read.version;
            record.body = buffer_bytes(&copy);
            section_put(state, (enum section)read.section, &record);
        }
    }
}

static void rights_follow(struct epoch_chain *chain)
{
    CHECK(rights_refresh(chain->rights, chain->trial, NULL));
}

/* An entry as the replicas carried it out. What is refused here has not changed anything. */
static void entry_apply(const struct replay *replay, const struct leaf *leaf, struct bytes payload)
{
    struct epoch_chain *chain = replay->chain;
    const struct cap_context context = context_of(replay);
    struct governance_payload decoded;
    struct gov_results results;
    struct bundle bundle;

    if (governance_payload_decode(payload, &decoded) == WIRE_OK) {
        if (decoded.type == GOV_PROPOSE) {
            versions_take(chain->trial, decoded.body);
        }
        if (decoded.type == GOV_BUNDLE && bundle_decode(decoded.body, &bundle) == WIRE_OK) {
            versions_take(chain->trial, bundle.proposal.body);
        }
    }
    chain->view->request.op = OP_GOVERN;
    chain->view->statements[0].payload_len = leaf->payload_len;
    chain->view->statements[0].payload_hash = leaf->payload_hash;
    if (gov_apply(chain->trial, &context, chain->view, payload, &results) == RESULT_OK) {
        rights_follow(chain);
    }
}

/* The proposal that a result says ended with nothing done. */
static bool is_closing(const struct hand_off_entry *entry, struct governance_result *result)
{
    struct governance_payload payload;

    return governance_payload_decode(entry->payload, &payload) == WIRE_OK &&
           payload.type == GOV_RESULT &&
           governance_result_decode(payload.body, result) == WIRE_OK &&
           result->state > PROPOSAL_ENACTED;
}

/* The results of the block that begins with the entry `first`; `iter` is behind it. What ended
 * there without being enacted ends before anything else is done. True when something else came
 * about by itself: that is told before the entries of the block, and only then is anything due. */
static bool results_read(const struct replay *replay, struct wire_iter iter,
                         const struct hand_off_entry *first)
{
    struct hand_off_entry entry = *first;
    struct governance_result result;
    struct leaf leaf;
    bool entries = false;
    bool due = false;

    do {
        if (leaf_decode(entry.leaf, &leaf) != WIRE_OK || leaf.height != replay->height) {
            break;
        }
        if (leaf.kind == LEAF_GOVERNANCE) {
            entries = true;
        } else if (is_closing(&entry, &result)) {
            const struct state_key key = state_key_proposal(result.pid);

            state_erase(replay->chain->trial, state_key_bytes(&key));
        } else {
            due = due || !entries;
        }
    } while (hand_off_entry_next(&iter, &entry));
    return due;
}

/* A block begins in which something was decided. What is remembered of closed proposals only to
 * refuse them is not needed: the log has none that was to be refused. */
static void block_begin(const struct replay *replay, struct wire_iter iter,
                        const struct hand_off_entry *first)
{
    struct epoch_chain *chain = replay->chain;
    const struct cap_context context = context_of(replay);
    struct gov_results results;

    gov_retire(chain->trial, replay->time_ms);
    if (results_read(replay, iter, first)) {
        gov_due(chain->trial, &context, &results);
        rights_follow(chain);
    }
}

static enum hand_off_error replay_entries(struct replay *replay, struct wire_list entries)
{
    struct wire_iter iter = wire_iter_make(entries);
    struct hand_off_entry entry;
    struct leaf leaf;

    while (hand_off_entry_next(&iter, &entry)) {
        if (!leaf_check(replay, &entry, &leaf)) {
            return HAND_OFF_LEAF;
        }
        const bool begins = !replay->begun || leaf.height != replay->height;

        replay->begun = true;
        replay->next_index = leaf.index + 1;
        replay->height = leaf.height;
        replay->time_ms = leaf.time_ms;
        if (begins) {
            block_begin(replay, iter, &entry);
        }
        if (leaf.kind == LEAF_GOVERNANCE) {
            entry_apply(replay, &leaf, entry.payload);
        }
    }
    return HAND_OFF_OK;
}

static bool record_copy(void *context, struct bytes key, struct bytes value)
{
    return state_put(context, key, value);
}

/* The rights of the trial, read anew: its versions may not be those that were read before. */
static bool rights_again(struct epoch_chain *chain)
{
    rights_init(chain->rights);
    return rights_refresh(chain->rights, chain->trial, NULL);
}

/* The boundary as the replay has it, and what is behind it. */
static enum hand_off_error epoch_check(struct epoch_chain *chain, const struct block_header *header,
                                       const struct section_record records[SECTION_COUNT])
{
    struct clock_record clock;
    struct section_record record;

    CHECK(clock_read(chain->trial, &clock));
    if (clock.pending_boundary != header->height) {
        return HAND_OFF_CHANGES;
    }
    epoch_begin(chain->trial, header->height + 1);
    for (enum section section = SECTION_MEMBERS; section <= SECTION_WITNESSES; section++) {
        CHECK(section_read(chain->trial, section, &record));
        if (is_taken(section)) {
            section_put(chain->trial, section, &records[section - 1]);
        } else if (record.version != records[section - 1].version ||
                   !bytes_equal(record.body, records[section - 1].body)) {
            return HAND_OFF_CHANGES;
        }
    }
    return rights_again(chain) ? HAND_OFF_OK : HAND_OFF_CONTENT;
}

static enum hand_off_error try_it(struct epoch_chain *chain, const struct hand_off *hand_off,
                                  const struct block_header *header,
                                  const struct section_record records[SECTION_COUNT])
{
    struct replay replay = {
        .chain = chain,
        .header = header,
        .next_index = chain->tree_size,
        .height = epoch_chain_newest(chain)->first_height,
        .time_ms = chain->time_ms,
    };

    state_reset(chain->trial);
    CHECK(state_visit(chain->state, record_copy, chain->trial));
    CHECK(rights_again(chain));
    const enum hand_off_error error = replay_entries(&replay, hand_off->entries);

    return error == HAND_OFF_OK ? epoch_check(chain, header, records) : error;
}

static void epoch_add(struct epoch_chain *chain, const struct block_header *header)
{
    struct state *const old = chain->state;
    struct epoch_span *ended = &chain->span[chain->count - 1];
    struct epoch_span *span = &chain->span[chain->count];

    chain->state = chain->trial;
    chain->trial = old;
    CHECK(roster_load(chain->state, &span->roster));
    ended->last_height = header->height;
    span->first_height = header->height + 1;
    span->last_height = U64_UNLIMITED;
    chain->time_ms = header->time_ms;
    chain->tree_size = header->tree_size;
    chain->count++;
}

enum hand_off_error epoch_chain_follow(struct epoch_chain *chain, struct bytes bytes)
{
    struct section_record records[SECTION_COUNT];
    struct hand_off hand_off;
    struct block_header header;

    if (chain->count == chain->epochs_max) {
        return HAND_OFF_TOO_MANY;
    }
    if (bytes.len > HAND_OFF_BYTES_MAX || hand_off_decode(bytes, &hand_off) != WIRE_OK) {
        return HAND_OFF_ENCODING;
    }
    enum hand_off_error error = header_check(chain, &hand_off, &header);

    if (error == HAND_OFF_OK) {
        error = sections_check(&hand_off, &header, records);
    }
    if (error == HAND_OFF_OK) {
        error = try_it(chain, &hand_off, &header, records);
    }
    if (error == HAND_OFF_OK) {
        epoch_add(chain, &header);
    }
    return error;
}

enum hand_off_error epoch_chain_follow_all(struct epoch_chain *chain, struct wire_list hand_offs)
{
    struct wire_iter iter = wire_iter_make(hand_offs);
    enum hand_off_error error = HAND_OFF_OK;
    struct item_bin element;

    while (error == HAND_OFF_OK && item_bin_next(&iter, &element)) {
        error = epoch_chain_follow(chain, element.value);
    }
    return error;
}
