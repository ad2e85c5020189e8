/* The core's side of the outbox: how handlers fill it. Hosts use outbox.h only. */
#ifndef VESTRY_REPLICA_CORE_OUTBOX_PUT_H
#define VESTRY_REPLICA_CORE_OUTBOX_PUT_H

#include "replica/core/outbox.h"

/* Room kept for what one execution and its checkpoint need, whatever came before in the step. */
#define OUTBOX_ACTIONS_RESERVED 64

void outbox_clear(struct outbox *outbox);

/* A copy of `bytes` that lives as long as the step's other bytes. */
struct bytes outbox_keep(struct outbox *outbox, struct bytes bytes);

/* Build something in place: open the free space, write into it, then take what was written. Nothing
 * else may use the outbox's memory in between. */
MUST_USE struct buffer outbox_open_space(const struct outbox *outbox);
struct bytes outbox_take_space(struct outbox *outbox, const struct buffer *space);

/* The key is copied, the value is borrowed and must live until the next step. */
void outbox_put(struct outbox *outbox, enum family family, struct bytes key, struct bytes value);
void outbox_erase(struct outbox *outbox, enum family family, struct bytes key);

/* Key and value are borrowed, both until the next step: for many records at once. */
void outbox_put_borrowed(struct outbox *outbox, const struct put *put);

/* What was put since a mark can be taken back within the step. */
struct outbox_mark {
    uint32_t put_count;
    size_t arena_len;
};
MUST_USE struct outbox_mark outbox_mark(const struct outbox *outbox);
void outbox_back(struct outbox *outbox, const struct outbox_mark *mark);

/* A new action, zeroed but for its kind. */
struct action *outbox_act(struct outbox *outbox, enum action_kind kind);

/* Whether an optional action (a retransmission, an answer) still fits. */
MUST_USE bool outbox_has_room(const struct outbox *outbox);

void outbox_wake(struct outbox *outbox, uint64_t at_ms);

#endif
