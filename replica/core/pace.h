/* The slow primary: one that stays below every timer but lets clients wait. Its pace is compared
 * with that of the views before it, and the only effect is a complaint. PROTOCOL: slow primary;
 * after Clement et al., "Making Byzantine Fault Tolerant Systems Tolerate Byzantine Faults", NSDI
 * '09, section 4.1.
 *
 *   window    one view timeout in which never less than a full batch has waited here
 *   pace      what was executed in the windows of a view, in requests and in bytes a second
 *   slow      in one window, both below half the median of the last n views
 *
 * What waits here was relayed to the primary when it came. Views without a window say nothing, and
 * the first view has nothing to be compared with. After n complaints on this ground there are no
 * more until a checkpoint is stable: what all are slow for is no primary's fault. Pure; the node's
 * own. */
#ifndef VESTRY_REPLICA_CORE_PACE_H
#define VESTRY_REPLICA_CORE_PACE_H

#include "crypto/contract.h"
#include "crypto/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work_done {
    uint64_t requests;
    uint64_t bytes;
};

struct pace {
    uint64_t since_ms;       /* when the window began; 0: none is open */
    struct work_done window; /* executed since then */
    struct work_done total;  /* of this view's whole windows */
    uint64_t total_ms;
    bool accused; /* this view, by this replica */
    uint32_t accusations;
    uint64_t past_count; /* views that were measured; the last n of them: */
    struct work_done past[REPLICAS_MAX];
};

/* Whether a full batch waits, as of this event. */
void pace_note(struct pace *pace, bool backlog, uint64_t now_ms);

/* A block was executed. While this replica fetches blocks no window is open, so it counts nothing
 * of what was ordered before. */
void pace_executed(struct pace *pace, uint64_t requests, uint64_t bytes);

/* Time moved, in a window of `window_ms`. True when the view is slow and is to be complained about;
 * `n` is the number of replicas. */
MUST_USE bool pace_tick(struct pace *pace, uint64_t now_ms, uint64_t window_ms, uint32_t n);

/* When the open window ends; never, when none is open. */
MUST_USE uint64_t pace_due_ms(const struct pace *pace, uint64_t window_ms);

/* The view is over: its pace joins those of the last n. */
void pace_view_over(struct pace *pace, uint32_t n);

/* A checkpoint became stable. */
void pace_calm(struct pace *pace);

#endif
