/* One run for each way to cheat about views: part A of the list of attacks. Seven replicas, the
 * first two of them faulty, so that two bad primaries are overcome one after the other; they go on
 * until what the others were asked is answered. */
#include "tests/sim/liar.h"
#include "tests/sim/script.h"

#define FIRST_TWO 3u
#define STEPS 6000
#define UNSURE_FROM 8  /* above it nothing is committed in view 0 */
#define SILENT_FROM 12 /* above it nothing is proposed */

static void liars_plan(struct plan *plan)
{
    plan->n = 7;
    plan->f = 2;
    plan->steps = STEPS;
    plan->loss_permille = 50;
    plan->jitter_us = 2000;
    plan->lie_permille = 300;
    plan->liars_stay = true;
}

static void calm_plan(struct plan *plan)
{
    liars_plan(plan);
    plan->loss_permille = 0;
}

/* The first primary falls silent when some of what it proposed is prepared and not committed. */
static bool occasion(struct world *world, uint32_t from, uint32_t to, const struct blob *frame)
{
    struct envelope envelope;
    struct vote vote;
    (void)world;
    (void)from;
    (void)to;
    if (!script_envelope(frame, &envelope)) {
        return true;
    }
    if (envelope.type == MESSAGE_PRE_PREPARE) {
        return !script_vote(&envelope, &vote) || vote.view > 0 || vote.sequence <= SILENT_FROM;
    }
    return envelope.type != MESSAGE_COMMIT || !script_vote(&envelope, &vote) || vote.view > 0 ||
           vote.sequence <= UNSURE_FROM;
}

static void told(struct world *world)
{
    const struct script *script = world->script;
    uint64_t entered = world->check->view_entered;
    if (world->tally.lies == 0) {
        world_fail(world, "run", SIM_NOBODY, "nobody lied");
    }
    if (script->proves && world->check->proofs == 0) {
        world_fail(world, "run", SIM_NOBODY, "nobody is convicted of it");
    }
    if (script->views == UINT64_MAX ? entered != 0 : entered < script->views) {
        world_fail(world, "run", SIM_NOBODY, "it ends in view %lu", (unsigned long)entered);
    }
}

static void convicted(struct world *world)
{
    told(world);
    if (world->tally.evidence == 0) {
        world_fail(world, "run", SIM_NOBODY, "nobody is convicted");
    }
}

#define RUN(title, kinds, text)                                                                    \
    .name = title, .promise = text, .plan = liars_plan, .judge = told, .liars = FIRST_TWO,         \
    .lies = kinds
#define CALM(title, kinds, text)                                                                   \
    {                                                                                              \
        .name = title, .promise = text, .plan = calm_plan, .judge = told, .liars = 3u << 4,        \
        .lies = kinds, .views = UINT64_MAX                                                         \
    }
/* What shows on the face of a message convicts who signed it; what it hides does not. */
#define PROOF true
#define NO_PROOF false
#define CHANGE(title, which, shows, text)                                                          \
    {                                                                                              \
        RUN(title, LIE_CHANGE, text), .passes = occasion, .only_twist = (which) + 1, .views = 1,   \
                                      .proves = (shows)                                            \
    }
#define NEW_VIEW(title, which, shows, text)                                                        \
    {                                                                                              \
        RUN(title, LIE_NEW_VIEW, text), .passes = occasion, .only_view_lie = (which) + 1,          \
                                        .views = 1, .proves = (shows)                              \
    }
#define OTHER(title, kinds, least, text)                                                           \
    {                                                                                              \
        RUN(title, kinds, text), .views = least                                                    \
    }
#define CONVICTED(title, kinds, text)                                                              \
    {                                                                                              \
        .name = title, .promise = text, .plan = liars_plan, .judge = convicted,                    \
        .liars = FIRST_TWO, .lies = kinds, .views = 2                                              \
    }

const struct script liar_scripts[] = {
    OTHER("slow-primary", LIE_SLOW, 0, "B10: a proposal in 0.9 of the view timeout"),
    OTHER("silent-primary", LIE_SILENT, 2, "B11: no proposals"),
    OTHER("false-dates", LIE_TIME, 2, "B14: proposals beyond the bound of time"),
    OTHER("votes-of-other-views", LIE_VIEWS, 0, "B23 B24: votes for views that are not this one"),
    CALM("complaints-of-f", LIE_COMPLAIN, "B31: f ask for view changes without end, none starts"),
    OTHER("proposal-to-some", LIE_SOME, 2, "B02: each proposal reaches half of the others"),
    OTHER("ordered-again", LIE_AGAIN, 0, "B03 B16: what was ordered is proposed once more"),
    OTHER("left-out", LIE_HOLES, 2, "B04: sequences that nobody is told of"),
    CONVICTED("unsigned-request", LIE_UNSIGNED,
              "B06: a request that its author did not sign so convicts who proposes it"),
    CONVICTED("too-many-items", LIE_ITEMS, "B08: a batch with one item more than there may be"),
    CONVICTED("too-many-statements", LIE_STATEMENTS, "B08: an item with one statement more"),
    OTHER("too-many-bytes", LIE_BYTES, 2, "B08: a batch of one byte more, which proves nothing"),
    OTHER("empty-batches", LIE_EMPTY, 2, "B15: a primary that orders nothing, again and again"),
    CALM("commit-kept", LIE_NO_COMMIT, "B26: f replicas keep their COMMITs, and no view ends"),
    CALM("checkpoint-withheld", LIE_NO_ATTEST, "B47: f replicas attest nothing to the others"),
    CHANGE("change-forged", TWIST_FORGED, PROOF, "B32: certificates for what nobody proposed"),
    CHANGE("change-short", TWIST_SHORT, PROOF, "B32: each certificate with one PREPARE too few"),
    CHANGE("change-of-primary", TWIST_PRIMARY, PROOF, "B32: the primary's own PREPARE in it"),
    CHANGE("change-unproposed", TWIST_PRIMARY_SIG, PROOF,
           "B32: certificates the primary never signed"),
    CHANGE("change-hidden", TWIST_EMPTY, NO_PROOF, "B33: what was prepared is kept back"),
    CHANGE("change-older", TWIST_OLDER, NO_PROOF, "B33: the certificates of an earlier view"),
    CHANGE("change-checkpoint", TWIST_CHECKPOINT, PROOF,
           "B34: a checkpoint that only liars attest"),
    CHANGE("change-swollen", TWIST_TWICE, PROOF, "B35: each certificate twice"),
    CHANGE("change-far", TWIST_FAR, NO_PROOF, "B36: views are skipped"),
    NEW_VIEW("new-view-omits", O_WITHOUT_ONE, PROOF, "B37: a prepared slot is left out"),
    NEW_VIEW("new-view-short", O_SHORTER, PROOF, "B37: the last slot is left out"),
    NEW_VIEW("new-view-of-few", V_OF_TOO_FEW, PROOF, "B38: fewer than Q in V"),
    NEW_VIEW("new-view-doubled", V_WITH_A_DOUBLE, PROOF, "B38: one member twice in V"),
    NEW_VIEW("new-view-other", O_WITH_ANOTHER, PROOF, "B39: another digest than V asks for"),
    NEW_VIEW("new-view-twisted", V_TWISTED, PROOF,
             "B39 B40: V and O fit, with the liars' own changed"),
    NEW_VIEW("new-view-invented", V_INVENTED, PROOF, "B38: VIEW-CHANGEs that were never sent"),
    NEW_VIEW("new-view-unsigned", NEW_VIEW_UNSIGNED, NO_PROOF,
             "B38: without the primary's signature"),
    NEW_VIEW("new-view-o-unsigned", O_UNSIGNED, PROOF, "B38: proposals without it"),
    NEW_VIEW("new-view-of-nobody", NEW_VIEW_OF_NOBODY, NO_PROOF, "B41: two silent new primaries"),
    NEW_VIEW("new-view-to-some", NEW_VIEW_TO_SOME, NO_PROOF,
             "B42: to some only; the others fetch it"),
    NEW_VIEW("new-view-replayed", V_OF_ANOTHER_VIEW, NO_PROOF, "B43: made of earlier VIEW-CHANGEs"),
    NEW_VIEW("new-view-two-good", TWO_GOOD_ONES, NO_PROOF,
             "B40: two good ones of one view, out of different VIEW-CHANGEs"),
    OTHER("back-off", LIE_SILENT | LIE_CHANGE | LIE_NEW_VIEW | LIE_COMPLAIN, 2,
          "B44: all of it at once, against the timers"),
};

const uint32_t liar_script_count = sizeof(liar_scripts) / sizeof(liar_scripts[0]);
