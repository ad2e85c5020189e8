/* What one flight carries: the records of one or more steps of the core, to be committed together,
 * and the deeds that may happen once they are durable.
 *
 * Everything is copied in, once, because what a step hands out lives only until the next step. The
 * memory is used again for later flights. The loop fills it, the commit thread reads the puts, the
 * loop does the deeds: it is handed over, never shared. */
#ifndef VESTRY_REPLICA_HOST_CARGO_H
#define VESTRY_REPLICA_HOST_CARGO_H

#include "replica/core/outbox.h"
#include "replica/host/blob.h"
#include "storage/anchor.h"

/* An action of the core with bytes of its own. Its borrowed fields (frame, outcome) are empty. */
struct deed {
    struct action action;
    struct blob *frame;  /* what to send, or NULL */
    uint64_t connection; /* of ACTION_EXECUTED: whom the frame, a REPLY, is for */
};

struct cargo_chunk;

struct cargo {
    struct put *puts;
    size_t put_count;
    size_t put_capacity;
    struct deed *deeds;
    size_t deed_count;
    size_t deed_capacity;
    struct cargo_chunk *chunks; /* the newest first */
    size_t bytes;               /* of keys, values and frames */
    struct anchor anchor; /* how far this flight brings the replica; flight is set on commit */
    uint64_t pin; /* the height of which a picture is taken when this flight is durable; 0: none */
    struct store_view *picture; /* owned; NULL: none yet, or it could not be taken */
};

void cargo_init(struct cargo *cargo);

/* Frees everything, frames of deeds that were not done and a picture included. */
void cargo_free(struct cargo *cargo);

/* Empty again; some memory is kept. */
void cargo_reset(struct cargo *cargo);

/* Copy the puts behind those that are there; anchor.voted follows the journal among them. */
void cargo_add_puts(struct cargo *cargo, const struct put *puts, size_t count);

/* Takes the deed's reference to its frame. */
void cargo_add_deed(struct cargo *cargo, const struct deed *deed);

#endif
