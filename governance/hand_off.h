/* From a charter to the replicas of any later epoch: a chain of hand-offs, each of which proves on
 * its own bytes how the log passed from one epoch to the next.
 *
 * A hand-off counts when a quorum of the epoch that ends signed its last block, when that block
 * commits to the configuration that the hand-off brings, and when the members decided what is new
 * in it: their entries, each proven to be in the tree of that block, are carried out once more
 * under the rules, on a state that began with the charter's genesis. What comes out must be the
 * sections `members`, `recovery`, `replicas` and `params`, version for version and byte for byte.
 * So replicas alone hand the log to nobody. The other sections are taken from the hand-off.
 *
 * The entries are leaves of the stream vestry/governance, ascending, of the epoch and of those
 * before it: of each proposal that was enacted in the epoch all that concerns it, wherever it was
 * opened. More may be there: what the rules refuse counts for nothing, and what is left out moves
 * nothing. Results say when what was locked came about; nothing is enacted here of which the log
 * does not say so, in that block. What is known afterwards follows from the sections of the epochs
 * and not from which entries were shown, so nobody can lead a verifier astray by leaving some out.
 *
 * All bytes may come from anywhere; a hand-off that is refused leaves no trace. Pure, apart from
 * the memory that epoch_chain_open takes. Clients, verifiers and officers' tools use it. FORMATS,
 * "Receipts and hand-offs"; GOVERNANCE, "Hand-offs". */
#ifndef VESTRY_GOVERNANCE_HAND_OFF_H
#define VESTRY_GOVERNANCE_HAND_OFF_H

#include "crypto/note.h"
#include "governance/charter.h"
#include "governance/roster.h"

/* More is refused unread. */
#define HAND_OFF_BYTES_MAX (4u << 20)

/* As many as a state bundle may bring; and the epochs of such a chain. */
#define HAND_OFFS_MAX 4096
#define EPOCHS_MAX (HAND_OFFS_MAX + 1)

/* Why a hand-off is refused: ERROR(enumerator, what is wrong). */
#define HAND_OFF_ERRORS(ERROR)                                                                     \
    ERROR(HAND_OFF_OK, "good")                                                                     \
    ERROR(HAND_OFF_ENCODING, "not a hand-off, or damaged")                                         \
    ERROR(HAND_OFF_EPOCH, "it is not of the epoch that is to end next")                            \
    ERROR(HAND_OFF_NOTE, "its checkpoint does not have the signatures of a quorum of its epoch")   \
    ERROR(HAND_OFF_HEADER, "its block is not the one that the quorum signed")                      \
    ERROR(HAND_OFF_BOUNDARY, "its block is not the last one of an epoch")                          \
    ERROR(HAND_OFF_SECTIONS, "its sections are not those that the block commits to")               \
    ERROR(HAND_OFF_LEAF, "an entry is not in the log at the place where it is to be")              \
    ERROR(HAND_OFF_CHANGES, "the members did not decide this configuration")                       \
    ERROR(HAND_OFF_CONTENT, "a quorum signed sections that this program cannot read")              \
    ERROR(HAND_OFF_TOO_MANY, "more epochs than this program can follow")

#define HAND_OFF_ENUM(name, text) name,
enum hand_off_error {
    HAND_OFF_ERRORS(HAND_OFF_ENUM)
};
#undef HAND_OFF_ENUM

MUST_USE const char *hand_off_error_text(enum hand_off_error error);

/* An epoch: its replicas, and the heights that are theirs. */
struct epoch_span {
    uint64_t first_height;
    uint64_t last_height;         /* U64_UNLIMITED in the newest one that is known */
    uint8_t ended_by[HASH_BYTES]; /* the proposal that ended it; meaningless in the newest one */
    struct roster roster;         /* as it began; roster.epoch is its number */
};

struct epoch_chain;

/* The chain that knows the charter's epoch alone, and may come to know `epochs_max` (1 to
 * EPOCHS_MAX). `scheme` must outlive it, the charter need not. STATUS_NO_MEMORY. */
MUST_USE enum status epoch_chain_open(const struct charter_view *charter,
                                      const struct sig_scheme *scheme, uint32_t epochs_max,
                                      struct epoch_chain **out);
void epoch_chain_close(struct epoch_chain *chain);

/* Verify the hand-off of the newest epoch that is known, and know one more. Otherwise nothing
 * changes. The bytes are not needed afterwards. */
MUST_USE enum hand_off_error epoch_chain_follow(struct epoch_chain *chain, struct bytes hand_off);

/* The same for a list of them (item_bin), as a state bundle has it: the first that does not hold
 * ends it, and those before it are known. */
MUST_USE enum hand_off_error epoch_chain_follow_all(struct epoch_chain *chain,
                                                    struct wire_list hand_offs);

/* An epoch by its number, or NULL where it is not known; the newest. They borrow from the chain. */
MUST_USE const struct epoch_span *epoch_chain_find(const struct epoch_chain *chain, uint64_t epoch);
MUST_USE const struct epoch_span *epoch_chain_newest(const struct epoch_chain *chain);

/* Whether an action may move one of the sections that a verifier follows, or ends an epoch, or
 * decides on a proposal: whether its proposals belong in hand-offs. */
MUST_USE bool hand_off_concerns(uint64_t action);

#endif
