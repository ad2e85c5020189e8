/* The inside of a chain of epochs: shared by hand_off.c (what a quorum signed) and
 * hand_off_replay.c (what the members decided), and nobody else. */
#ifndef VESTRY_GOVERNANCE_HAND_OFF_PARTS_H
#define VESTRY_GOVERNANCE_HAND_OFF_PARTS_H

#include "crypto/schema.h"
#include "governance/capability.h"
#include "governance/hand_off.h"

struct epoch_chain {
    const struct sig_scheme *scheme;
    struct sig_oracle oracle;
    struct origin origin;
    uint8_t cluster_id[HASH_BYTES];
    struct state *state;    /* as the newest epoch began */
    struct state *trial;    /* where a hand-off is tried */
    struct rights *rights;  /* of the trial */
    struct item_view *view; /* of the entry that is being carried out */
    uint64_t time_ms;       /* at the end of the epoch before */
    uint64_t tree_size;     /* then */
    uint32_t count;         /* of epochs that are known, at least one */
    uint32_t epochs_max;
    struct epoch_span *span; /* epochs_max of them, by number */
};

/* Carry the entries out on the trial, which becomes the state as the next epoch begins: whether
 * they lead to the boundary of that header and to those sections behind it. */
MUST_USE enum hand_off_error hand_off_replay(struct epoch_chain *chain,
                                             const struct hand_off *hand_off,
                                             const struct block_header *header,
                                             const struct section_record records[SECTION_COUNT]);

#endif
