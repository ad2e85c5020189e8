/* Runs with a name: what happens in them is written down, not drawn, so that each shows one promise
 * of the design, or one lie of the list of attacks. `vestry-sim --runs` lists them.
 *
 *   runs.c        the runs that must work, of PROTOCOL
 *   runs_disk.c   power cuts, lost disks and disks that were set back
 *   runs_snapshot.c  long absences
 *   runs_views.c  rules of changing views that the seeds seldom show
 *   runs_governed.c  officers act
 *   runs_epochs.c  boundaries, and what may happen at one
 *   runs_liars.c  one for each way to cheat about views
 *   runs_fork.c   more liars than f
 *
 * A run is a storm like any other, judged by the same checker; it begins calm, and `step` and
 * `passes` bring about what it is about. The storm ends when `step` says so: a run that never gets
 * there has failed. Then come the healing and the rest, as always. The simulator only. */
#ifndef VESTRY_TESTS_SIM_SCRIPT_H
#define VESTRY_TESTS_SIM_SCRIPT_H

#include "tests/sim/check.h"
#include "tests/sim/world.h"

#define STAGE_DONE UINT32_MAX

struct script {
    const char *name;
    const char *promise; /* what it shows, for --runs */
    void (*plan)(struct plan *plan);
    /* Before each event of the storm, or NULL: then the storm ends after the plan's messages. */
    void (*step)(struct world *world);
    /* Whether a frame gets through in the storm; from == SIM_CLIENT for clients'. NULL: all do. */
    bool (*passes)(struct world *world, uint32_t from, uint32_t to, const struct blob *frame);
    /* What else must hold at the end, or NULL. */
    void (*judge)(struct world *world);
    uint32_t absent; /* replicas that stay away while the others are healed */
    /* Of runs_liars.c. */
    uint32_t liars;
    uint32_t lies;
    uint32_t only_twist; /* one more than the enum twist */
    uint32_t only_view_lie;
    bool proves;    /* what they send is proof against them */
    uint64_t views; /* it must come at least so far; UINT64_MAX: it must stay in view 0 */
};

/* By name, or NULL; by number, NULL behind the last. */
MUST_USE const struct script *script_find(const char *name);
MUST_USE const struct script *script_at(uint32_t number);
/* Its plan. */
void script_plan(const struct script *script, struct plan *plan);

/* The tables of the other files. */
extern const struct script disk_scripts[];
extern const uint32_t disk_script_count;
extern const struct script snapshot_scripts[];
extern const uint32_t snapshot_script_count;
extern const struct script view_scripts[];
extern const uint32_t view_script_count;
extern const struct script governed_scripts[];
extern const uint32_t governed_script_count;
extern const struct script epoch_scripts[];
extern const uint32_t epoch_script_count;
extern const struct script liar_scripts[];
extern const uint32_t liar_script_count;
extern const struct script fork_scripts[];
extern const uint32_t fork_script_count;

/* --- For steps and judges ----------------------------------------------------------------------
 */

MUST_USE struct node_look script_look(const struct world *world, uint32_t rid);
/* How many blocks are in the log. */
MUST_USE static inline uint64_t script_blocks(const struct world *world)
{
    return world->check->block_count;
}
MUST_USE bool script_envelope(const struct blob *frame, struct envelope *out);
/* The vote in a PRE-PREPARE, PREPARE or COMMIT. */
MUST_USE bool script_vote(const struct envelope *envelope, struct vote *out);

#endif
