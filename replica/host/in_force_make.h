/* The configuration in force as a replica can prove it: an encoded `state_bundle` out of its store.
 *
 * A replica has the sections as they are after the block that it executed last, and the note that a
 * quorum signed last. Where a section moved above that note nothing is made until the next one: a
 * moment later. Pure over the store interface, like log_reader.h. For serve.c. */
#ifndef VESTRY_REPLICA_HOST_IN_FORCE_MAKE_H
#define VESTRY_REPLICA_HOST_IN_FORCE_MAKE_H

#include "replica/host/log_reader.h"

struct in_force_sources {
    struct log_reader *reader; /* reads from `view` */
    struct store_view *view;
    struct bytes charter_file;
};

/* Append the bundle to `out`. `work` is memory for twice the sections. False when there is none, or
 * it does not fit; `out` is then of no use. */
MUST_USE bool in_force_make(const struct in_force_sources *sources, struct buffer *work,
                            struct buffer *out);

#endif
