/* Governance entries at execution: what an ordered governance request does to the state.
 *
 * Every type, action and argument is known and checked for its form; the actions themselves are
 * refused (E_ACTION) until the code that enacts them is there. A refusal is a result, never a leaf.
 * Pure; the core calls it after cap_check of a request with op govern. */
#ifndef VESTRY_GOVERNANCE_APPLY_H
#define VESTRY_GOVERNANCE_APPLY_H

#include "governance/capability.h"

/* E_ENCODING: not a governance payload, its hash is not the statement's under a zero salt, or its
 * body is not what its type says. E_ACTION: well-formed, and nothing here acts on it. */
MUST_USE enum result_code gov_apply(struct state *state, const struct cap_context *context,
                                    const struct item_view *view, struct bytes payload);

/* Whether the bytes are a well-formed governance payload. For tools, before they sign. */
MUST_USE bool gov_well_formed(struct bytes payload);

#endif
