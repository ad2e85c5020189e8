/* The configuration in force as a replica can prove it: an encoded `state_bundle` out of its store.
 *
 * A replica has the sections as they are after the block that it executed last, and the note that a
 * quorum signed last. Where a section moved above that note nothing is made until the next one: a
 * moment later. The hand-offs of all epochs that have ended lead to its checkpoint. Pure over the
 * store interface, like log_reader.h. For serve.c. */
#ifndef VESTRY_REPLICA_HOST_IN_FORCE_MAKE_H
#define VESTRY_REPLICA_HOST_IN_FORCE_MAKE_H

#include "replica/host/hand_off_make.h"

/* Append the bundle to `out`, which is empty. `work` is memory for twice as much. False when there
 * is none, or it does not fit; `out` is then of no use. */
MUST_USE bool in_force_make(const struct hand_off_sources *sources, struct buffer *work,
                            struct buffer *out);

#endif
