/* Receipts fetched one by one: the way out when an append is committed but no Q attestations of one
 * height reach this client, as when the log moves on quickly and replies were lost. Any replica has
 * the receipt of any entry, and it proves itself. */
#include "client/core_parts.h"

#include "crypto/receipt.h"

#include <stdlib.h>
#include <string.h>

#define SINGLES_IN_FLIGHT 8

struct single_ask {
    struct singles *owner;
    uint32_t entry;
    uint64_t ticket; /* 0: none */
    bool got;
};

struct singles {
    const struct core *core; /* for the checkers, which only read it */
    const struct parcel *parcel;
    uint64_t first_index;
    uint32_t count;
    uint32_t done;
    struct parcel_place place;
    uint64_t *stream_indexes;
    struct receipts_single *list;
    struct single_ask asks[SINGLES_IN_FLIGHT];
    uint32_t next; /* entry to ask for */
};

static struct singles *singles_open(const struct core *core, const struct append *append,
                                    uint64_t first_index)
{
    const uint32_t count = append->parcel.count;
    struct singles *singles = calloc(1, sizeof(*singles));

    if (singles == NULL) {
        return NULL;
    }
    singles->core = core;
    singles->parcel = &append->parcel;
    singles->first_index = first_index;
    singles->count = count;
    singles->stream_indexes = calloc(count, sizeof(singles->stream_indexes[0]));
    singles->list = calloc(count, sizeof(singles->list[0]));
    if (singles->stream_indexes == NULL || singles->list == NULL) {
        free(singles->stream_indexes);
        free(singles->list);
        free(singles);
        return NULL;
    }
    return singles;
}

void singles_close(struct core *core, struct singles *singles)
{
    for (uint32_t i = 0; i < SINGLES_IN_FLIGHT; i++) {
        if (singles->asks[i].ticket != 0) {
            core_ask_close(core, singles->asks[i].ticket);
        }
    }
    for (uint32_t i = 0; singles->list != NULL && i < singles->count; i++) {
        free(singles->list[i].note);
        free(singles->list[i].path);
    }
    free(singles->list);
    free(singles->stream_indexes);
    free(singles);
}

/* Whether the leaf is what entry `i` must have become. */
static bool leaf_is_ours(const struct singles *singles, uint32_t i, const struct receipt *receipt)
{
    const struct parcel_place place = {
        .author = singles->core->setup.key->public_key,
        .first_index = singles->first_index,
        .height = receipt->leaf.height,
        .time_ms = receipt->leaf.time_ms,
    };
    uint8_t memory[LEAF_BYTES_MAX];
    struct buffer leaf = buffer_make(memory, sizeof(memory));

    parcel_leaf(singles->parcel, &place, i, receipt->leaf.stream_index, &leaf);
    return !leaf.full && bytes_equal(buffer_bytes(&leaf), receipt->extra.leaf);
}

static bool keep_single(struct singles *singles, uint32_t i, const struct receipt *receipt,
                        uint32_t signers)
{
    struct receipts_single *single = &singles->list[i];

    single->note = malloc(receipt->note.len);
    single->path = malloc(receipt->path.len + HASH_BYTES);
    if (single->note == NULL || single->path == NULL) {
        free(single->note);
        free(single->path);
        *single = (struct receipts_single){0};
        return false;
    }
    memcpy(single->note, receipt->note.data, receipt->note.len);
    single->note_len = receipt->note.len;
    memcpy(single->path, receipt->path.data, receipt->path.len);
    single->path_count = (uint32_t)(receipt->path.len / HASH_BYTES);
    single->signers = signers;
    singles->stream_indexes[i] = receipt->leaf.stream_index;
    singles->place.height = receipt->leaf.height;
    singles->place.time_ms = receipt->leaf.time_ms;
    return true;
}

static void check_single(void *context, const struct ask_answer *answer, enum ask_verdict *verdict)
{
    struct single_ask *ask = context;
    const struct core *core = ask->owner->core;
    const struct receipt_trust trust = {
        .scheme = core->setup.trust.scheme,
        .origin = *core->setup.trust.origin,
        .keyring = {core->keys, core->roster->n},
        .quorum = core->roster->q,
        .epoch = core->roster->epoch,
        .cluster_id = core->setup.trust.cluster_id,
    };
    struct receipt_facts facts;
    struct receipt *receipt = malloc(sizeof(*receipt));

    *verdict = ASK_NOTHING;
    if (receipt == NULL) {
        return;
    }
    enum receipt_verdict found = receipt_parse(answer->attachment, receipt);
    if (found == RECEIPT_OK) {
        found = receipt_verify(answer->attachment, &trust, NULL, &facts);
    }
    if (found == RECEIPT_OTHER_EPOCH) {
        *verdict = ASK_BEHIND; /* one of us is */
    } else if (found != RECEIPT_OK) {
        *verdict = ASK_FALSE;
    } else if (leaf_is_ours(ask->owner, ask->entry, receipt) &&
               keep_single(ask->owner, ask->entry, receipt, facts.note.cosigned_by)) {
        /* A receipt that holds is of another entry only when W replicas erred about the index. */
        ask->got = true;
        *verdict = ASK_GOOD;
    }
    free(receipt);
}

static void start_asks(struct core *core, struct singles *singles)
{
    for (uint32_t i = 0; i < SINGLES_IN_FLIGHT && singles->next < singles->count; i++) {
        struct single_ask *ask = &singles->asks[i];

        if (ask->ticket != 0) {
            continue;
        }
        *ask = (struct single_ask){.owner = singles, .entry = singles->next};
        const struct ask_spec spec = {
            .kind = ASK_FETCH,
            .only = ROSTER_NOBODY,
            .fetch_kind = FETCH_RECEIPT,
            .from = singles->first_index + singles->next,
            .check = check_single,
            .context = ask,
        };
        if (core_ask(core, &spec, &ask->ticket) != STATUS_OK) {
            ask->ticket = 0;
            return;
        }
        singles->next++;
    }
}

/* Collect what has come. False when an entry could not be had: give up and begin again later. */
static bool collect_asks(struct core *core, struct singles *singles)
{
    for (uint32_t i = 0; i < SINGLES_IN_FLIGHT; i++) {
        struct single_ask *ask = &singles->asks[i];
        struct ask_look look;

        if (ask->ticket == 0 || !core_ask_look(core, ask->ticket, &look) ||
            look.state == ASK_WAITING) {
            continue;
        }
        core_ask_close(core, ask->ticket);
        ask->ticket = 0;
        if (!ask->got) {
            return false;
        }
        singles->done++;
    }
    return true;
}

void singles_tick(struct core *core, struct append *append, const struct append_answer *place)
{
    if (append->singles == NULL) {
        append->singles = singles_open(core, append, place->first_index);
        if (append->singles == NULL) {
            return;
        }
    }
    struct singles *singles = append->singles;
    if (!collect_asks(core, singles)) {
        append->singles = NULL;
        append->committed_ms = core->now_ms; /* another round of proofs first */
        singles_close(core, singles);
        return;
    }
    start_asks(core, singles);
    if (singles->done < singles->count) {
        return;
    }
    singles->place.author = core->setup.key->public_key;
    singles->place.first_index = singles->first_index;
    append->singles = NULL;
    if (answers_finish_singles(core, append, &singles->place, singles->stream_indexes,
                               singles->list)) {
        singles->stream_indexes = NULL;
        singles->list = NULL;
    }
    singles_close(core, singles);
}
