/* Governance entries at execution: what an ordered governance request does to the state, and what
 * comes about by itself when its time has come.
 *
 *     gov_due      at the start of every block, before its requests
 *     gov_apply    for each request with op govern, after its cap_check
 *     gov_retire   at checkpoints, before the state root (state_retire calls it)
 *
 * The first two may move sections: the caller refreshes its rights behind each call, before the
 * next one. Results go into the log as leaves of kind result, in the order in which they are here:
 * those of gov_due before the block's requests, those of a request right behind its own leaf. A
 * refusal is a result of the request and never a leaf.
 *
 * Both need the whole context: signatures, the cluster's id and the origin of its checkpoints
 * (without one, keys of replicas are not rotated: E_ACTION). Parameters are those of
 * `context->rights`, as they were before the call. Pure; the core calls it, and everything that it
 * does follows from the state, the block's height and T, and the entry. */
#ifndef VESTRY_GOVERNANCE_APPLY_H
#define VESTRY_GOVERNANCE_APPLY_H

#include "governance/capability.h"

/* The most that one call can bring: of a request, and of all that is due. What is due beyond it
 * waits for the next block. */
#define GOV_REQUEST_RESULTS_MAX 2
#define GOV_RESULTS_MAX 16

static_assert(GOV_RESULTS_MAX + BATCH_ITEMS_MAX * GOV_REQUEST_RESULTS_MAX <= RESULT_LEAVES_MAX,
              "the results of a block are as many as it may have");

/* What became of a proposal: the fields of `governance_result`. */
struct gov_result {
    uint8_t pid[HASH_BYTES];
    uint64_t state;  /* enum proposal_state */
    uint64_t reason; /* enum result_code: why, where it did not end as it was to */
    uint64_t
        activates_at; /* ENACTED: from that height on. LOCKED, DISPUTED: not before. Or never */
};

struct gov_results {
    uint32_t count;
    struct gov_result list[GOV_RESULTS_MAX];
};

/* The longest encoded payload of a result. */
#define GOV_RESULT_BYTES_MAX 96

/* Carry out an entry. RESULT_OK: it was taken, and `results` (which is set anew) has what it
 * brought about, if anything. Otherwise nothing of it counts: E_ENCODING when it is not a
 * governance payload, its hash is not the statement's under a zero salt, or its body is not what
 * its type says; E_ACTION when nothing here acts on it; other codes as FORMATS.md has them. */
MUST_USE enum result_code gov_apply(struct state *state, const struct cap_context *context,
                                    const struct item_view *view, struct bytes payload,
                                    struct gov_results *results);

/* What is due at the block's height and T, by ascending pid, at most GOV_RESULTS_MAX; `results` is
 * set anew. */
void gov_due(struct state *state, const struct cap_context *context, struct gov_results *results);

/* Remove the records that nothing depends on any more at T. */
void gov_retire(struct state *state, uint64_t time_ms);

/* The payload of a result's leaf. */
void gov_result_put(const struct gov_result *result, struct buffer *out);

/* Whether the bytes are a well-formed governance payload. For tools, before they sign. */
MUST_USE bool gov_well_formed(struct bytes payload);

#endif
