/* RESOLVE: the members themselves decide a dispute, with as many as a root act takes. Upheld, the
 * proposal's lock goes on and nobody disputes it again; dismissed, it is cancelled. */
#include "governance/motion.h"

static void uphold(struct chamber *chamber, struct motion *motion)
{
    disputes_lapse(chamber, motion);
    CHECK(motion_find(chamber, motion->pid, motion));
    motion->state = PROPOSAL_LOCKED;
    motion->disputes = 0;
    /* Not longer than the record that is there. */
    CHECK(motion_put(chamber, motion));
    motion_tell(chamber, motion, PROPOSAL_LOCKED, RESULT_OK, motion->until_height);
}

enum result_code act_resolve(const struct deed *deed)
{
    struct args_resolve args;
    struct motion motion;

    CHECK(args_resolve_decode(deed->args, &args) == WIRE_OK);
    if (!motion_find(deed->chamber, args.pid, &motion) || motion.state != PROPOSAL_DISPUTED) {
        return E_PREDICATE;
    }
    if (!deed->enact) {
        return RESULT_OK;
    }
    if (args.uphold != 0) {
        uphold(deed->chamber, &motion);
    } else {
        motion_close(deed->chamber, &motion, PROPOSAL_CANCELLED, E_DISPUTE);
    }
    return RESULT_OK;
}
