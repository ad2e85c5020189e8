/* What a VIEW-CHANGE and a NEW-VIEW must prove: replicas take them by these rules, and anybody
 * judges by the same ones whoever signed one that breaks them (evidence.h).
 *
 * The verdict is a function of the message, the keys of its epoch and two parameters of the
 * charter. Nothing in it depends on what a replica happens to hold, on time, or on who brings the
 * message. Neither looks at the signature of the message itself: that is the caller's.
 *
 * Why no correct replica ever signs a bad one:
 *
 *   VIEW-CHANGE  The checkpoint is the one that its window begins at: it was counted together of Q
 *                attestations at a multiple of K, or fetched and found good by stable_good. The
 *                certificates are of slots of that window, one for each, in order, of views that it
 *                was in, all before the one that it now asks for; each vote in them was verified
 *                when it came, or is its own.
 *   NEW-VIEW     It signs one only for a view that it leads, of VIEW-CHANGEs of Q members for that
 *                view, each of which passed view_change_good here; O is what view_plan_make makes
 *                of these. So a bad VIEW-CHANGE in V convicts who signed the NEW-VIEW, whoever that
 *                VIEW-CHANGE is of.
 *
 * Signatures are good or bad by the one rule of the scheme, the same on every machine (selftest.h).
 * What does not decode convicts nobody: it may be of a later format. All that is judged together is
 * of one epoch, but for one thing: the first VIEW-CHANGEs of an epoch rest on the checkpoint that
 * closed the one before, which only the members of that one could sign.
 *
 * Pure; any thread. Source: Castro & Liskov, OSDI '99, section 4.4; PROTOCOL: view change. */
#ifndef VESTRY_GOVERNANCE_VIEW_RULES_H
#define VESTRY_GOVERNANCE_VIEW_RULES_H

#include "crypto/note.h"
#include "crypto/schema.h"
#include "crypto/sign.h"
#include "governance/roster.h"

/* By whom it is checked; everything is borrowed. */
struct view_trust {
    const struct sig_scheme *scheme;
    const struct roster *roster; /* of the epoch of the message */
    const struct roster *ended;  /* of the epoch before; NULL in the first */
    uint64_t begun;              /* the height that closed that one */
    const uint8_t *cluster_id;
    const struct origin *origin;
    uint64_t interval; /* K */
    uint64_t window;   /* L */
    const struct sig_memo *memo;
    uint32_t part; /* this share of the signatures; all of them is part 0 of 1 */
    uint32_t parts;
};

/* The checkpoint that a header stands for. False when the header is none of that cluster. */
MUST_USE bool checkpoint_of_header(const uint8_t cluster_id[HASH_BYTES],
                                   const struct origin *origin, struct bytes header,
                                   struct checkpoint *out);

/* A signature by a member (an index) over a message body: the same votes come again inside
 * certificates, so one that was found good is remembered. */
MUST_USE bool member_signed(const struct view_trust *trust, uint32_t member, enum sign_tag tag,
                            struct bytes body, const uint8_t sig[SIG_BYTES]);

/* A checkpoint of the epoch, or the last one of the epoch before, at a multiple of K with Q good
 * lines of its own members; or that of height 0, which needs none. */
MUST_USE bool stable_proven(const struct view_trust *trust, const struct stable *stable);

MUST_USE bool view_change_good(const struct view_trust *trust, const struct view_change *change);

/* Signed by `leader` (an index). */
MUST_USE bool new_view_good(const struct view_trust *trust, uint32_t leader,
                            const struct new_view *new_view);

#endif
