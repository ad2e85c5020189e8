#include "crypto/hash.h"
#include "governance/action.h"
#include "governance/genesis.h"
#include "governance/hand_off_parts.h"
#include "governance/records.h"
#include "governance/roster_note.h"

#include <stdlib.h>
#include <string.h>

/* Room for what a chain of that length registers (three keys an epoch) beside a full charter and
 * its proposals; and for more long values than its hand-offs can bring. Only what is used costs
 * memory. */
#define CHAIN_RECORDS (4 * HAND_OFFS_MAX)
#define CHAIN_BYTES ((size_t)16 << 20)

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

/* --- Following ------------------------------------------------------------------------------- */

static void kind_erase(struct state *state, enum state_kind kind)
{
    uint32_t cursor = 0;
    struct bytes key;
    struct bytes value;

    while (state_next(state, (uint8_t)kind, &cursor, &key, &value)) {
        state_erase(state, key);
    }
}

/* What is kept follows from the sections of the epochs alone, whichever entries were shown. */
static void epoch_add(struct epoch_chain *chain, const struct block_header *header)
{
    struct state *const old = chain->state;
    struct epoch_span *ended = &chain->span[chain->count - 1];
    struct epoch_span *span = &chain->span[chain->count];

    chain->state = chain->trial;
    chain->trial = old;
    kind_erase(chain->state, STATE_PROPOSAL);
    kind_erase(chain->state, STATE_BAR);
    kind_erase(chain->state, STATE_CONVICTION);
    CHECK(roster_load(chain->state, &span->roster));
    ended->last_height = header->height;
    span->first_height = header->height + 1;
    span->last_height = U64_UNLIMITED;
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
        error = hand_off_replay(chain, &hand_off, &header, records);
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
