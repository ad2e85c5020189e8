/* How an epoch passed into the next one, as a replica can prove it: an encoded `hand_off` out of
 * its store.
 *
 * The journal has a record of every boundary; the entries are those of the log's own stream that a
 * verifier needs (hand_off_pick.h). The same bytes whenever it is asked
 * for. Pure over the store interface, like log_reader.h. For serve.c and in_force_make.c. */
#ifndef VESTRY_REPLICA_HOST_HAND_OFF_MAKE_H
#define VESTRY_REPLICA_HOST_HAND_OFF_MAKE_H

#include "replica/host/hand_off_pick.h"
#include "replica/host/log_reader.h"

/* Entries that are looked through, back from the end of the epoch: what was proposed before them
 * and is enacted at last cannot be shown. */
#define HAND_OFF_LOOKED_THROUGH_MAX (1u << 18)

struct hand_off_sources {
    struct log_reader *reader; /* reads from `view` */
    struct store_view *view;
    struct bytes charter_file;
    struct picks *picks; /* the caller's memory */
};

/* Append the hand-off of the epoch of that number to `out`. `work` is memory for its sections twice
 * and its entries. False when that epoch has not ended here, something of it is not there yet, or
 * it does not fit; `out` is then of no use. */
MUST_USE bool hand_off_make(const struct hand_off_sources *sources, uint64_t epoch,
                            struct buffer *work, struct buffer *out);

#endif
