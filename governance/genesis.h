/* From the charter to the state and the block at height 0.
 *
 * Every replica and every verifier makes the same bytes out of the same charter. Leaf 0 commits to
 * the charter's body and not to its file: signatures could be made twice, the body is what the
 * cluster id names. Pure; the core calls it once, on an empty store. FORMATS, rule 8. */
#ifndef VESTRY_GOVERNANCE_GENESIS_H
#define VESTRY_GOVERNANCE_GENESIS_H

#include "governance/charter.h"
#include "governance/records.h"

/* Fill an empty state from a charter that holds its rules: sections in version 1, registry, clock
 * (T is the charter's date), endpoints, the governance stream, counters. False when the state has
 * no room; it is then unusable. */
MUST_USE bool genesis_apply(const struct charter_view *charter, struct state *state);

/* The header and the leaf of height 0, encoded, for the state that genesis_apply made. Appends to
 * the buffers, which have room for HEADER_BYTES_MAX and LEAF_BYTES_MAX. The header carries a state
 * root, as at every checkpoint; the caller notes it with roots_note afterwards. */
void genesis_block(const struct charter_view *charter, struct state *state, struct buffer *header,
                   struct buffer *leaf);

#endif
