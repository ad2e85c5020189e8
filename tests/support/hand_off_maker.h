/* Hand-offs of a cluster on paper (gov_stage.h): a log of what officers bring to its state, as
 * leaves of a tree, and at the end of an epoch the hand-off out of all of it. A test brings entries
 * to the stage, has them logged, ends the epoch, and bends what it likes before it asks for the
 * bytes. */
#ifndef VESTRY_TESTS_SUPPORT_HAND_OFF_MAKER_H
#define VESTRY_TESTS_SUPPORT_HAND_OFF_MAKER_H

#include "governance/hand_off.h"
#include "tests/support/gov_stage.h"
#include "tests/support/naive_tree.h"

#define MAKER_ENTRIES_MAX 64
#define MAKER_PAST_MAX 192
#define MAKER_SECTION_MAX 16384

struct maker_entry {
    bool left_out;
    struct leaf leaf; /* encoded when the bytes are made; its hash in the tree is what it was */
    uint8_t payload[8192];
    size_t payload_len;
    uint32_t path_of; /* the index whose path it shows */
};

struct hand_off_maker {
    struct gov_stage *stage;
    struct naive_tree tree;            /* of the whole log */
    const char *stream;                /* that of governance, unless bent */
    uint64_t stream_index;             /* of the next leaf of governance */
    const char *signers[REPLICAS_MAX]; /* names of the seeds of the epoch's sign keys */

    /* The hand-off, as it is made and may be bent. */
    uint32_t entry_count;
    struct maker_entry entries[MAKER_ENTRIES_MAX];
    uint32_t past_count; /* of earlier epochs, and left out */
    struct maker_entry past[MAKER_PAST_MAX];
    struct block_header header;
    uint8_t next_config_hash[HASH_BYTES];
    struct checkpoint checkpoint;
    bool keep_header_hash; /* of the checkpoint */
    uint32_t sign_lines;   /* bit i: members[i] */
    uint32_t cosign_lines;
    struct roster roster; /* of the epoch that ends: whose lines these are */
    struct section_record sections[SECTION_COUNT];
    uint8_t bodies[SECTION_COUNT][MAKER_SECTION_MAX];
    uint8_t bytes[1u << 19];
    uint8_t kept[2][1u << 19]; /* by maker_two_epochs */
};

/* A log of genesis alone. The stage is as it was opened. */
void hand_off_maker_init(struct hand_off_maker *maker, struct gov_stage *stage);

/* The entry that the stage took last, and its results, are leaves at the stage's height and T. */
void maker_log(struct hand_off_maker *maker);
/* The results of the block that the stage began last are. */
void maker_log_due(struct hand_off_maker *maker);
/* A leaf of that kind with that payload, in the maker's stream. */
void maker_log_leaf(struct hand_off_maker *maker, uint64_t kind, struct bytes payload);
/* A leaf of somebody else. */
void maker_log_data(struct hand_off_maker *maker);

/* So many members vote for the plan in one entry, which must be taken and is logged. */
void maker_decide(struct hand_off_maker *maker, struct gov_plan *plan, uint32_t votes);
/* The stage's next block, so much later, and what is due there, logged. */
void maker_later(struct hand_off_maker *maker, uint64_t heights, uint64_t ms);

void maker_plan_renew(struct hand_off_maker *maker, struct gov_plan *plan);
/* A plan by which a replica gets new keys, whose seeds are `name`, `name` cosign, `name` transport.
 */
void maker_plan_rotate(struct hand_off_maker *maker, struct gov_plan *plan, uint64_t rid,
                       const char *name);

/* The epoch ends at the boundary that is pending, and the maker has its hand-off. */
void maker_end(struct hand_off_maker *maker);

/* A plan to renew the epoch is decided, and it ends. For a stage without locks. */
void maker_renew(struct hand_off_maker *maker);
/* The same, and r2 has other keys from then on. */
void maker_rotate(struct hand_off_maker *maker);

/* The next epoch's first block begins, and what is due there is logged: the hand-off is gone. The
 * sign keys of its members have the seeds of these names. */
void maker_next(struct hand_off_maker *maker, const char *const signers[REPLICAS_MAX]);
/* These, of four replicas, before and after maker_rotate. */
extern const char *const old_signers[REPLICAS_MAX];
extern const char *const new_signers[REPLICAS_MAX];

/* Both epochs in turn, one with new keys and one that is only renewed, and then the third has
 * begun. The maker keeps their hand-offs. */
void maker_two_epochs(struct hand_off_maker *maker, struct bytes hand_offs[2]);

/* Show what a replica would show: entries of earlier epochs too, where they are needed. */
void maker_pick(struct hand_off_maker *maker);

/* The bytes, in the maker until the next ones. */
struct bytes maker_make(struct hand_off_maker *maker);

#endif
