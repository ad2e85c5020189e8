/* What a VIEW-CHANGE shows of the heights above its checkpoint, and which COMMITs of its own signer
 * it thereby denies: the two together are proof against that signer (evidence.h), though neither is
 * wrong by itself.
 *
 * Why no correct replica ever signs such a pair, through crashes and restarts:
 *
 *   A COMMIT of (epoch, view, sequence, digest) leaves after the prepared certificate for it is
 *   durable, and is signed only in a view that the replica is in; a VIEW-CHANGE is durable with the
 *   view that it asks for before it leaves. So when a VIEW-CHANGE asks for a later view, every
 *   COMMIT of an earlier one was signed before it. The certificate stays in the journal until a
 *   checkpoint at its height or above is stable, which a VIEW-CHANGE then rests on, or until one of
 *   a later view takes its place: there is one for each height, and views only grow. An epoch is
 *   left when its last height is stable, and its views mean nothing in the next one.
 *
 * So of one epoch, a VIEW-CHANGE for a later view than the COMMIT's has a checkpoint at the
 * sequence or above, or a certificate for the sequence: of a later view, or of the same view and
 * for the same digest. The certificate may well be for something else when its view is later: an
 * own COMMIT is no proof that Q made one.
 *
 * Pure; any thread. That what is hidden from a new view convicts those who hid it is the idea of
 * Sheng et al., "BFT Protocol Forensics", CCS 2021. */
#ifndef VESTRY_GOVERNANCE_SHOWN_H
#define VESTRY_GOVERNANCE_SHOWN_H

#include "crypto/schema.h"

/* The certificate for one height. */
struct shown_one {
    bool any;
    uint64_t view;
    uint8_t digest[HASH_BYTES];
};

struct shown {
    uint64_t epoch;
    uint64_t view;                   /* that it asks for */
    uint64_t stable;                 /* its checkpoint */
    struct shown_one of[WINDOW_MAX]; /* sequence stable + 1 + i */
};

/* False when it cannot be read, or has a certificate that can be in no good one: then it convicts
 * its signer by itself, or nobody. */
MUST_USE bool shown_read(const struct view_change *change, struct shown *out);

/* Whether no correct replica signs this VIEW-CHANGE and that COMMIT. */
MUST_USE bool shown_denies(const struct shown *shown, const struct vote *commit);

#endif
