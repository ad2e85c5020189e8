/* What one seed decides about its run before it begins: size, parameters, weather, faults.
 *
 * Everything else that is drawn comes from the same generator while the run goes on. Pure. */
#ifndef VESTRY_TESTS_SIM_PLAN_H
#define VESTRY_TESTS_SIM_PLAN_H

#include "tests/sim/prng.h"

#define SIM_REPLICAS_MAX 10
#define SIM_CLIENTS_MAX 12

/* What faulty replicas do; a set of bits. */
enum lie {
    LIE_VOTES = 1,          /* a second PREPARE or COMMIT, re-signed with another digest */
    LIE_ATTEST = 2,         /* an attestation of a header that is not the block's */
    LIE_DATA = 4,           /* answers to FETCH that prove nothing */
    LIE_STATUS = 8,         /* a STATUS from far ahead */
    LIE_PROPOSE = 16,       /* a PRE-PREPARE of a backup */
    LIE_TWO_PROPOSALS = 32, /* the primary: a second proposal to those that have the first */
    LIE_SPLIT = 64,         /* the primary: different proposals for different backups */
    LIE_REPLY = 128,        /* results and attestations that mislead clients */
    LIE_CHANGE = 256,       /* VIEW-CHANGEs, see liar_change.c */
    LIE_NEW_VIEW = 512,     /* the new primary: NEW-VIEWs, see liar_view.c */
    LIE_COMPLAIN = 1024,    /* complaints without end */
    LIE_VIEWS = 2048,       /* votes for earlier and later views */
    LIE_SILENT = 4096,      /* the primary: no proposals */
    LIE_SLOW = 8192,        /* the primary: one proposal in 0.9 of the view timeout */
    LIE_TIME = 16384,       /* the primary: batches dated far off */
    LIE_SOME = 1 << 15,     /* the primary: each proposal to half of the others */
    LIE_HOLES = 1 << 16,    /* the primary: sequences are left out */
    LIE_AGAIN = 1 << 17,    /* the primary: what was ordered before, once more */
    LIE_UNSIGNED = 1 << 18, /* the primary: a request that its author did not sign so */
    LIE_EMPTY = 1 << 19,    /* the primary: empty batches only */
    LIE_NO_COMMIT = 1 << 20,
    LIE_NO_ATTEST = 1 << 21,
    LIE_ITEMS = 1 << 22,      /* the primary: batches of one item more than there may be */
    LIE_STATEMENTS = 1 << 23, /* of an item with one statement more */
    LIE_BYTES = 1 << 24,      /* of one byte more */
    LIE_OLD = 1 << 25,        /* answers to FETCH out of a picture of the disk */
    LIE_FORGE = 1 << 26,      /* of LIE_DATA only what concerns snapshots */
    LIE_KEYS = 1 << 27,       /* signatures with keys of the epoch before, or of the one behind */
    LIE_BEYOND = 1 << 28,     /* the primary: proposals above a boundary that is pending */
};

struct plan {
    uint64_t seed;
    uint64_t luck; /* what is drawn while the run goes on, with the same plan; 0 at first */
    uint32_t n;
    uint32_t f;
    bool real_signatures;
    uint32_t steps; /* messages delivered before everything is healed */

    /* Governed parameters. */
    uint64_t interval;      /* K */
    uint64_t window;        /* L */
    uint64_t snapshot_span; /* of a node_config */
    uint64_t in_flight;
    uint64_t batch_items;
    uint64_t view_timeout_ms; /* T */
    uint64_t view_timeout_max_ms;

    /* Weather. */
    uint32_t loss_permille;
    uint32_t copy_permille;
    uint64_t delay_us;  /* least */
    uint64_t jitter_us; /* on top */
    uint32_t slow_permille;
    uint64_t slow_us; /* of the slow ones: they overtake nobody */
    uint64_t sync_us; /* how long a disk takes at most; 0: at once */
    uint64_t skew_ms; /* of wall clocks, either way */
    uint32_t clock_steps;

    /* Faults. */
    uint32_t liars; /* set of replicas, at most f unless there is an other side */
    uint32_t lies;  /* enum lie */
    uint32_t lie_permille;
    bool liars_stay;         /* they lie until the others have answered everything */
    uint64_t crash_every_us; /* 0: never */
    uint64_t cut_off_every_us;
    uint64_t cut_every_us; /* cuts of every kind, more than f apart; 0: none */
    uint32_t power_cuts;
    uint32_t forgets;       /* disks that are lost or put back */
    bool forgets_all;       /* lost, not put back */
    uint32_t only_twist;    /* one more than the enum twist of liar.h that is told; 0: any */
    uint32_t only_view_lie; /* the same of liar_view.c */
    uint32_t other_side;    /* correct replicas that liars, more than f, show another log; or 0 */
    bool across;            /* they do it in the next view: liar_across.c */

    /* Clients. */
    uint32_t clients;
    uint32_t outstanding; /* at most 64 */
    bool tell_all;        /* each request at once, not only one replica */
    uint32_t big_permille;
    uint32_t same_number_permille;
    uint32_t expect_permille;
    uint32_t refused_permille;
    uint64_t think_us;
    uint64_t govern_every_us; /* officers suspend and restore replicas; 0: never */
    uint32_t epochs_permille; /* of what they ask for: new keys for a replica, and new epochs */
    uint32_t govern_outstanding;
};

/* `n` is 0 for the seed's own choice. */
void plan_make(struct plan *plan, uint64_t seed, uint32_t n, uint32_t steps);

#endif
