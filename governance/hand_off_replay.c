/* What the members decided, carried out once more on a state of the chain's own. */
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "governance/apply.h"
#include "governance/epoch.h"
#include "governance/hand_off_parts.h"
#include "governance/records.h"

#include <string.h>

/* The entries of a hand-off on their way. */
struct replay {
    struct epoch_chain *chain;
    const struct block_header *header;
    uint64_t first_height; /* of the epoch */
    bool early;            /* no leaf of the epoch itself was there yet */
    bool ends;             /* something ended the epoch: */
    uint8_t ended_by[HASH_BYTES];
    uint64_t next_index;    /* the least that the next leaf may have */
    uint64_t height;        /* of the leaf before; 0: there was none */
    uint64_t time_ms;       /* of the leaf before */
    struct wire_iter block; /* behind the first entry of the block that this is in */
    struct hand_off_entry block_first;
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
        leaf->height == 0 || leaf->height < replay->height ||
        leaf->height > replay->header->height || leaf->time_ms < replay->time_ms ||
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

/* The result in an entry, if it is one. */
static bool result_read(const struct hand_off_entry *entry, struct governance_result *result)
{
    struct governance_payload payload;

    return governance_payload_decode(entry->payload, &payload) == WIRE_OK &&
           payload.type == GOV_RESULT && governance_result_decode(payload.body, result) == WIRE_OK;
}

/* Whether the log says that the proposal was enacted in the block that is being replayed. */
static bool is_told(const struct replay *replay, const uint8_t pid[HASH_BYTES])
{
    struct hand_off_entry entry = replay->block_first;
    struct wire_iter iter = replay->block;
    struct governance_result result;
    struct leaf leaf;

    do {
        if (leaf_decode(entry.leaf, &leaf) != WIRE_OK || leaf.height != replay->height) {
            return false;
        }
        if (leaf.kind == LEAF_RESULT && result_read(&entry, &result) &&
            result.state == PROPOSAL_ENACTED && hash_equal(result.pid, pid)) {
            return true;
        }
    } while (hand_off_entry_next(&iter, &entry));
    return false;
}

/* What was enacted here was enacted there, in this epoch. So who leaves something out leads nobody
 * to where the log was not. */
static bool results_hold(struct replay *replay, const struct gov_results *results)
{
    for (uint32_t i = 0; i < results->count; i++) {
        const struct gov_result *result = &results->list[i];

        if (result->state != PROPOSAL_ENACTED) {
            continue;
        }
        if (!is_told(replay, result->pid)) {
            return false;
        }
        if (!replay->ends && !replay->early && epoch_is_pending(replay->chain->trial)) {
            replay->ends = true;
            memcpy(replay->ended_by, result->pid, HASH_BYTES);
        }
    }
    return true;
}

/* Whether it has ended an epoch already. A renewal moves no section, so its votes would be good
 * again. */
static bool is_spent(const struct epoch_chain *chain, struct bytes proposal)
{
    uint8_t pid[HASH_BYTES];

    statement_id(TAG_PROPOSAL, chain->cluster_id, proposal, pid);
    for (uint32_t i = 0; i + 1 < chain->count; i++) {
        if (hash_equal(chain->span[i].ended_by, pid)) {
            return true;
        }
    }
    return false;
}

/* An entry as the replicas carried it out. What is refused here has not changed anything. */
static bool entry_apply(struct replay *replay, const struct leaf *leaf, struct bytes payload)
{
    struct epoch_chain *chain = replay->chain;
    const struct cap_context context = context_of(replay);
    struct governance_payload decoded;
    struct gov_results results;
    struct bundle bundle;
    struct bytes proposal = BYTES_EMPTY;

    if (governance_payload_decode(payload, &decoded) == WIRE_OK) {
        if (decoded.type == GOV_PROPOSE) {
            proposal = decoded.body;
        } else if (decoded.type == GOV_BUNDLE && bundle_decode(decoded.body, &bundle) == WIRE_OK) {
            proposal = bundle.proposal.body;
        }
    }
    if (is_spent(chain, proposal)) {
        return true;
    }
    versions_take(chain->trial, proposal);
    chain->view->request.op = OP_GOVERN;
    chain->view->statements[0].payload_len = leaf->payload_len;
    chain->view->statements[0].payload_hash = leaf->payload_hash;
    if (gov_apply(chain->trial, &context, chain->view, payload, &results) != RESULT_OK) {
        return true;
    }
    rights_follow(chain);
    return results_hold(replay, &results);
}

/* The results of the block that begins. What ended there without being enacted ends before anything
 * else is done. True when something else came about by itself: that is told before the entries of
 * the block, and only then is anything due. */
static bool results_take(const struct replay *replay)
{
    struct hand_off_entry entry = replay->block_first;
    struct wire_iter iter = replay->block;
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
        } else if (result_read(&entry, &result) && result.state > PROPOSAL_ENACTED) {
            const struct state_key key = state_key_proposal(result.pid);

            state_erase(replay->chain->trial, state_key_bytes(&key));
        } else {
            due = due || !entries;
        }
    } while (hand_off_entry_next(&iter, &entry));
    return due;
}

static void boundary_set(struct state *state, uint64_t boundary)
{
    struct clock_record clock;

    CHECK(clock_read(state, &clock));
    clock.pending_boundary = boundary;
    CHECK(clock_write(state, &clock));
}

/* From its first block on there is no boundary but the epoch's own. */
static void epoch_reached(struct replay *replay)
{
    if (replay->early) {
        replay->early = false;
        boundary_set(replay->chain->trial, NO_BOUNDARY);
    }
}

/* A block begins in which something was decided. What is remembered of closed proposals only to
 * refuse them is not needed: the log has none that was to be refused. */
static bool block_begin(struct replay *replay)
{
    struct epoch_chain *chain = replay->chain;
    struct gov_results results;

    if (replay->height >= replay->first_height) {
        epoch_reached(replay);
    }
    const struct cap_context context = context_of(replay);

    gov_retire(chain->trial, replay->time_ms);
    if (!results_take(replay)) {
        return true;
    }
    gov_due(chain->trial, &context, &results);
    rights_follow(chain);
    return results_hold(replay, &results);
}

static enum hand_off_error replay_entries(struct replay *replay, struct wire_list entries)
{
    struct wire_iter iter = wire_iter_make(entries);
    struct hand_off_entry entry;
    struct leaf leaf;
    bool holds = true;

    while (holds && hand_off_entry_next(&iter, &entry)) {
        if (!leaf_check(replay, &entry, &leaf)) {
            return HAND_OFF_LEAF;
        }
        const bool begins = leaf.height != replay->height;

        replay->next_index = leaf.index + 1;
        replay->height = leaf.height;
        replay->time_ms = leaf.time_ms;
        if (begins) {
            replay->block = iter;
            replay->block_first = entry;
            holds = block_begin(replay);
        }
        if (holds && leaf.kind == LEAF_GOVERNANCE) {
            holds = entry_apply(replay, &leaf, entry.payload);
        }
    }
    epoch_reached(replay);
    return holds ? HAND_OFF_OK : HAND_OFF_CHANGES;
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

enum hand_off_error hand_off_replay(struct epoch_chain *chain, const struct hand_off *hand_off,
                                    const struct block_header *header,
                                    const struct section_record records[SECTION_COUNT])
{
    const struct epoch_span *span = epoch_chain_newest(chain);
    struct replay replay = {
        .chain = chain,
        .header = header,
        .first_height = span->first_height,
        .early = span->roster.epoch > 0,
        .next_index = 1, /* behind the charter */
    };

    state_reset(chain->trial);
    CHECK(state_visit(chain->state, record_copy, chain->trial));
    CHECK(rights_again(chain));
    if (replay.early) {
        /* What was decided before this epoch, and waited for it, waited for this. */
        boundary_set(chain->trial, span->first_height - 1);
    }
    const enum hand_off_error error = replay_entries(&replay, hand_off->entries);

    memcpy(chain->span[chain->count - 1].ended_by, replay.ended_by, HASH_BYTES);
    return error == HAND_OFF_OK ? epoch_check(chain, header, records) : error;
}
