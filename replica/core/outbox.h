/* What a step of the core wants done: durable records first, then actions.
 *
 * Three rules bind every host:
 *   1. One thread; one event at a time.
 *   2. The puts of a step are durable, in order, before any action of that or a later step happens.
 *   3. Actions happen in order; a SEND may be lost.
 * All bytes borrow from the node and its outbox and live until the next node_step: a host copies
 * what it keeps. Nothing here allocates after outbox_open. */
#ifndef VESTRY_REPLICA_CORE_OUTBOX_H
#define VESTRY_REPLICA_CORE_OUTBOX_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/status.h"
#include "storage/store.h"

struct block_outcome;

enum action_kind {
    ACTION_SEND,       /* `frame` to replica `to`; `to` may be this replica: answer it yourself */
    ACTION_BROADCAST,  /* `frame` to every other replica of the roster */
    ACTION_EXECUTED,   /* `outcome`: a block was executed; answer the clients it concerns */
    ACTION_KNOWN,      /* the request `request_id` of `client` has the result `result` since long */
    ACTION_REFUSED,    /* the request `request_id` of `client` cannot succeed now: `code` */
    ACTION_CHECKPOINT, /* `frame` is a note with lines of Q replicas at least, for readers */
    ACTION_PIN,        /* keep a picture of the store as it is after this step, of `height` */
    ACTION_ROSTER,     /* members or their keys changed: sweep the connections */
    ACTION_EVIDENCE,   /* `frame` is an encoded `struct evidence` */
    ACTION_ALARM,      /* `text`: people must look */
    ACTION_HALT,       /* `text`: this replica must not go on */
};

struct action {
    enum action_kind kind;
    uint32_t to;                         /* SEND */
    struct bytes frame;                  /* length header included for SEND and BROADCAST */
    const struct block_outcome *outcome; /* EXECUTED */
    uint8_t client[PUBLIC_KEY_BYTES];    /* KNOWN, REFUSED: the session's key */
    uint8_t request_id[HASH_BYTES];      /* KNOWN, REFUSED */
    uint64_t height;                     /* KNOWN: where it was executed; CHECKPOINT, PIN */
    uint64_t code;                       /* KNOWN, REFUSED: enum result_code */
    uint64_t first_index;                /* KNOWN */
    uint64_t count;                      /* KNOWN */
    const char *text;                    /* ALARM, HALT: static */
};

/* One request of an executed block. */
struct item_outcome {
    uint8_t client[PUBLIC_KEY_BYTES]; /* leaf holder, or governed key; zero: nobody is to be told */
    uint8_t request_id[HASH_BYTES];
    uint64_t code;        /* enum result_code */
    uint64_t first_index; /* of its entries; meaningful when code is RESULT_OK */
    uint64_t count;       /* entries appended */
    struct bytes result;  /* the encoded `struct result`, a leaf of result_root */
};

/* A block as clients care for it. */
struct block_outcome {
    uint64_t height;
    uint64_t time_ms;
    struct bytes
        attest; /* the encoded `struct attest` of this replica; empty when it may not sign */
    struct bytes header; /* the encoded `struct block_header` */
    const struct item_outcome *items;
    uint32_t item_count;
    uint64_t first_index; /* of the block's first leaf */
    uint32_t leaf_count;
    const uint8_t *leaf_hashes;           /* leaf_count of them, HASH_BYTES each */
    const uint64_t *stream_indexes;       /* one for each leaf */
    const struct merkle_frontier *before; /* of the tree before this block */
};

/* The largest step: one executed block (every statement of it may touch a stream of its own) and
 * one proposal or retransmission; or a snapshot in the place of another state. Pages that are never
 * touched cost nothing. */
#define OUTBOX_STATE_PUTS_MAX (1u << 21)
#define OUTBOX_PUTS_MAX (2 * BATCH_STATEMENTS_MAX + OUTBOX_STATE_PUTS_MAX)
#define OUTBOX_ACTIONS_MAX 1024
#define OUTBOX_ARENA_BYTES ((size_t)64 << 20)

struct outbox {
    struct put *puts;
    uint32_t put_count;
    struct action *actions;
    uint32_t action_count;
    bool again;       /* there is more to do now: step again with EVENT_TICK at once */
    uint64_t wake_ms; /* next TICK not later than this (monotonic); UINT64_MAX: no hurry */
    struct buffer arena;
};

MUST_USE enum status outbox_open(struct outbox *outbox);
void outbox_close(struct outbox *outbox);

#endif
