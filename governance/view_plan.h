/* What a new view must propose, as a function of the VIEW-CHANGE messages it rests on: the new
 * primary makes its proposals by it, every backup checks them by it, and anybody judges by it who
 * made others (view_rules.h).
 *
 * For each sequence above the highest proven checkpoint, up to the highest prepared one, it is the
 * digest of the prepared certificate with the highest view, or the null digest. Pure; the messages
 * are already verified. Source: Castro & Liskov, OSDI '99, section 4.4. */
#ifndef VESTRY_GOVERNANCE_VIEW_PLAN_H
#define VESTRY_GOVERNANCE_VIEW_PLAN_H

#include "crypto/schema.h"

struct view_plan {
    uint64_t low;  /* min-s: the highest checkpoint that is proven */
    uint64_t high; /* max-s: the last sequence with a proposal; low when there is none */
    /* Of sequence low + 1 + i; zero is the null digest. */
    uint8_t digest[WINDOW_MAX][HASH_BYTES];
    uint64_t view[WINDOW_MAX]; /* of the certificate that decided, where there is one */
    bool known[WINDOW_MAX];    /* whether there is one */
};

/* `view_changes` is the list V of a NEW-VIEW. False when it does not decode, or spans more than a
 * window: verified ones never do. */
MUST_USE bool view_plan_make(struct wire_list view_changes, struct view_plan *out);

#endif
