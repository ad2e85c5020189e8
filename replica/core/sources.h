/* Who was asked for what (blocks, history, chunks of a snapshot), who brings it, and who is not
 * asked for a while.
 *
 *   idle ----> asked ----> idle      [sources_brought: all came, or as many bytes as one answer
 * has] asked ----> idle      [sources_judge: no more came in time, but half or more had] asked
 * ----> banned    [sources_judge: less; sources_refused: it has none] any -----------------> banned
 * [sources_lied: what it sent proves nothing] banned --------------> idle      [its time is over]
 *
 * One range is asked of a source at a time, so a source can use up no more than one answer's worth
 * of memory and verification, and no more than RANGE_MS of time. A ban doubles as long as a source
 * brings too little. Pure bookkeeping by member index; time is an argument. For replica/core, and
 * for hosts that want to know what one answer may hold. */
#ifndef VESTRY_REPLICA_CORE_SOURCES_H
#define VESTRY_REPLICA_CORE_SOURCES_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

/* What one FETCH of blocks brings at most. A source ends its answer with the block that makes it
 * reach the bytes; who is further behind asks again. */
#define FETCH_BLOCKS_MAX 16
#define FETCH_BLOCKS_BYTES ((size_t)8 << 20)

/* What a source is asked for at most, so that it never has reason to refuse: 16 MiB a second. */
#define FETCH_BYTES_PER_MS ((size_t)16 << 10)

/* What is asked of one source: blocks by height, chunks by the number of a node. */
struct range {
    uint64_t kind; /* enum fetch_kind */
    uint64_t from; /* 1 or higher */
    uint64_t count;
};

struct source {
    uint64_t kind;      /* of the range that was asked for last */
    uint64_t from;      /* 0: none was */
    uint64_t count;     /* at most FETCH_BLOCKS_MAX */
    uint32_t arrived;   /* bit i: from + i came from it */
    bool asked;         /* more of the range is awaited */
    size_t bytes;       /* of what came */
    uint64_t asked_ms;  /* when it was asked */
    uint64_t heard_ms;  /* when the last one came, or it was asked */
    uint64_t ready_ms;  /* it is not asked before: it has just brought much */
    uint64_t banned_ms; /* nor before this */
    uint32_t strikes;   /* ranges in a row of which too little came */
};

struct sources {
    struct source of[REPLICAS_MAX];
};

/* Whether it may be asked now. */
MUST_USE bool sources_idle(const struct sources *sources, uint32_t member, uint64_t now_ms);
MUST_USE bool sources_banned(const struct sources *sources, uint32_t member, uint64_t now_ms);

/* The range is asked of an idle source. */
void sources_ask(struct sources *sources, uint32_t member, const struct range *range,
                 uint64_t now_ms);

/* How many sources are still to bring that one; `since_ms` gets when the first was asked. */
MUST_USE uint32_t sources_asked(const struct sources *sources, uint64_t kind, uint64_t sequence,
                                uint64_t *since_ms);

/* Whether this source was asked for it in its last range, has not brought it, and has not brought
 * more than one answer holds. True for a while after its time is over, too: what was sent late is
 * as good. */
MUST_USE bool sources_expects(const struct sources *sources, uint32_t member, uint64_t kind,
                              uint64_t sequence);

/* One of what it was asked for last came, and proved itself. */
void sources_brought(struct sources *sources, uint32_t member, uint64_t sequence, size_t bytes,
                     uint64_t now_ms);

/* There was no room for what it brought: the range is over, and nobody is to blame. */
void sources_forgive(struct sources *sources, uint32_t member);

/* It says that it has nothing of the range. */
void sources_refused(struct sources *sources, uint32_t member, uint64_t now_ms);

/* A frame of it was not what it must be. */
void sources_lied(struct sources *sources, uint32_t member, uint64_t now_ms);

/* End the ranges whose time is over. */
void sources_judge(struct sources *sources, uint64_t now_ms);

#endif
