/* The slow primary: one that stays below every timer but lets clients wait. Its pace is compared
 * with the best of the views before it, and the only effect is a complaint. PROTOCOL: slow primary;
 * after Clement et al., "Making Byzantine Fault Tolerant Systems Tolerate Byzantine Faults", NSDI
 * '09, section 4.1.
 *
 *   window    one view timeout in which this replica votes; the next follows at once
 *   pace      what was executed in a window, in requests and in bytes a second
 *   best      of a view: the pace of the window with the most work, whoever waited or not
 *   crowded   a window in which never less than a full batch has waited here
 *   slow      a crowded window whose requests and bytes are both below half of what most of the
 *             last n views had at their best
 *
 * What waits here was relayed to the primary when it came. Clients tell the primary first and the
 * others only when it lets them wait: so good views are not crowded, and are measured all the same.
 * One in which little was asked lowers what is expected, and nothing raises it but work that was
 * done. The first view has nothing to be compared with. After n complaints on this ground there are
 * no more until a checkpoint is stable: what all are slow for is no primary's fault. Pure; the
 * node's own. */
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

struct pace_window {
    uint64_t since_ms; /* 0: none is open */
    struct work_done done;
};

/* By what is measured: governed parameters, and the number of replicas. */
struct pace_rules {
    uint64_t window_ms;
    struct work_done batch; /* a full one, by either */
    uint32_t n;
};

struct pace {
    struct pace_window any;
    struct pace_window crowded;
    struct work_done best; /* of this view, a second */
    bool accused;          /* this view, by this replica */
    uint32_t accusations;
    uint64_t past_count; /* views in which something was done; the last n of them: */
    struct work_done past[REPLICAS_MAX];
};

/* As of this event: whether this replica votes and sees what is done when it is done, and whether
 * a full batch waits. */
void pace_note(struct pace *pace, bool sees, bool crowded, uint64_t now_ms);

/* A block was executed. While this replica fetches blocks no window is open, so it counts nothing
 * of what was ordered before. */
void pace_executed(struct pace *pace, uint64_t requests, uint64_t bytes);

/* Time moved. True when the view is slow and is to be complained about. */
MUST_USE bool pace_tick(struct pace *pace, const struct pace_rules *rules, uint64_t now_ms);

/* When the crowded window ends; never, when none is open. */
MUST_USE uint64_t pace_due_ms(const struct pace *pace, uint64_t window_ms);

/* The view is over: its best joins that of the last n. */
void pace_view_over(struct pace *pace, uint32_t n);

/* A checkpoint became stable. */
void pace_calm(struct pace *pace);

#endif
