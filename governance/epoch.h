/* How the log passes from one epoch to the next, as far as the state has to do with it.
 *
 * An epoch action that is enacted at height s names a boundary A, the end of the epoch. Until then
 * every section stays as it is, and a section that the action changes stands beside it as the next
 * epoch has it, in a record of its own. Behind A, at the beginning of block A + 1 and before what
 * is due there, those records take the places of the current ones.
 *
 * Pure; governance, the core, and whoever verifies hand-offs use it. PROTOCOL: Epochs. */
#ifndef VESTRY_GOVERNANCE_EPOCH_H
#define VESTRY_GOVERNANCE_EPOCH_H

#include "governance/records.h"
#include "governance/roster.h"

/* ceil((height + window) / interval) * interval: no correct replica has accepted anything above it
 * before it executed `height`. NO_BOUNDARY when there is no such height. `interval` is not 0. */
MUST_USE uint64_t epoch_boundary(uint64_t height, uint64_t interval, uint64_t window);

MUST_USE bool epoch_is_pending(const struct state *state);

/* From now on a boundary is pending there. None must be pending. */
void epoch_end_at(struct state *state, uint64_t boundary);

/* The section is `body` in the next epoch. Its version is that of the current one and one more,
 * whoever asked for it before. `body` must not borrow from the state's records, but may lie in its
 * scratch memory. False, and nothing changed, when the state is full. */
MUST_USE bool epoch_set_next(struct state *state, enum section section, struct bytes body);

/* Whether epoch_set_next was called for it, in this epoch. */
MUST_USE bool epoch_moves(const struct state *state, enum section section);

/* The section as the next epoch has it: the pending record, or the current one. Borrows from the
 * state until the next put. */
MUST_USE bool epoch_next_section(const struct state *state, enum section section,
                                 struct section_record *out);

/* The hash of these eight, which must be there. */
void epoch_next_config_hash(const struct state *state, uint8_t out[HASH_BYTES]);

/* The roster of the epoch behind the boundary: its number is that of the current one and one more.
 */
MUST_USE bool epoch_next_roster(const struct state *state, struct roster *out);

/* The next epoch begins: to be called at the start of the first block behind the boundary, which is
 * `height`, before gov_due. New keys of replicas act from now on; those they replace are retired
 * for ever. Whoever holds rights of the state refreshes them behind it. */
void epoch_begin(struct state *state, uint64_t height);

#endif
