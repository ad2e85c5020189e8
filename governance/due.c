/* What comes about by itself: locks that ran out, deadlines that passed, proposals whose ground
 * moved. */
#include "governance/motion.h"

#include <string.h>

/* Proposals that one block takes on. Each may bring two results. */
#define DUE_MAX (GOV_RESULTS_MAX / 2)

struct pid_list {
    uint32_t count;
    uint8_t pids[DUE_MAX][HASH_BYTES]; /* ascending */
};

static bool lock_is_over(const struct chamber *chamber, const struct motion *motion)
{
    return chamber->context->time_ms >= motion->until_ms &&
           chamber->context->height >= motion->until_height;
}

static bool is_due(const struct chamber *chamber, const struct motion *motion)
{
    if (!motion_is_live(motion)) {
        return false;
    }
    if (!motion_is_current(chamber->state, &motion->proposal)) {
        return true;
    }
    return motion->state == PROPOSAL_OPEN
               ? chamber->context->time_ms >= motion->proposal.deadline_ms
               : lock_is_over(chamber, motion);
}

/* Keep the smallest: the order of the walk means nothing. */
static void pid_keep(struct pid_list *list, const uint8_t pid[HASH_BYTES])
{
    uint32_t place = list->count;

    while (place > 0 && memcmp(list->pids[place - 1], pid, HASH_BYTES) > 0) {
        place--;
    }
    if (place == DUE_MAX) {
        return;
    }
    list->count += list->count < DUE_MAX ? 1 : 0;
    memmove(list->pids + place + 1, list->pids + place,
            (size_t)(list->count - place - 1) * HASH_BYTES);
    memcpy(list->pids[place], pid, HASH_BYTES);
}

/* What was due may be due for another reason by now: the one before it moved a section. */
static void motion_advance(struct chamber *chamber, struct motion *motion)
{
    if (!motion_is_current(chamber->state, &motion->proposal)) {
        motion_close(chamber, motion, PROPOSAL_STALE, E_STALE);
        return;
    }
    if (motion->state == PROPOSAL_OPEN) {
        motion_close(chamber, motion, PROPOSAL_EXPIRED, E_THRESHOLD);
        return;
    }
    if (motion->state == PROPOSAL_DISPUTED) {
        disputes_lapse(chamber, motion);
        CHECK(motion_find(chamber, motion->pid, motion));
    }
    if (motion_waits(chamber, motion)) {
        motion_wait(chamber, motion);
        return;
    }
    (void)motion_enact(chamber, motion);
}

void gov_due(struct state *state, const struct cap_context *context, struct gov_results *results)
{
    struct pid_list due = {.count = 0};
    struct chamber chamber;
    struct motion motion;
    uint32_t cursor = 0;

    results->count = 0;
    chamber_open(&chamber, state, context, results);
    while (motion_next(&chamber, &cursor, &motion)) {
        if (is_due(&chamber, &motion)) {
            pid_keep(&due, motion.pid);
        }
    }
    for (uint32_t i = 0; i < due.count; i++) {
        CHECK(motion_find(&chamber, due.pids[i], &motion));
        motion_advance(&chamber, &motion);
    }
}
