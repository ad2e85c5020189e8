/* Checkpoints and the replicas of an epoch: their keys as notes have them, and whether a quorum of
 * them signed one. Pure; clients, verifiers and hosts use it. */
#ifndef VESTRY_GOVERNANCE_ROSTER_NOTE_H
#define VESTRY_GOVERNANCE_ROSTER_NOTE_H

#include "crypto/note.h"
#include "governance/roster.h"

/* keys[i] is members[i]; n of them. */
void roster_note_keys(const struct roster *roster, struct note_key keys[REPLICAS_MAX]);

/* Whether a quorum of the roster signed the note, counted as every reader of checkpoints counts:
 * by lines of one type, and not at all when a line of a known key is bad. `signers` gets the larger
 * set, bit i for members[i]. That the note is of the roster's epoch is for the caller to see. */
MUST_USE bool roster_note_check(const struct roster *roster, const struct sig_scheme *scheme,
                                struct bytes note, const struct origin *origin,
                                struct checkpoint *checkpoint, uint32_t *signers);

#endif
