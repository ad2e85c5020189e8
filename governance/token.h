/* Capability tokens, parsed and compared: what depends on their bytes alone.
 *
 *   block = [1, parent, gen, holder, ops, prefixes, nb, exp_time, exp_height, max_entry,
 *            quota_entries, quota_bytes, rate, holders, depth, nonce]
 *   token = [1, [[block, sig]...1..5]]
 *
 * Block 0's parent is the id of its issuer's first card; block i's is the id of block i - 1.
 * Whether a token is good at some moment is capability.h's. No signature is checked here. Pure,
 * needs no encoder; the verifier, the key tool, clients and capability.c use it. GOVERNANCE,
 * section 3. */
#ifndef VESTRY_GOVERNANCE_TOKEN_H
#define VESTRY_GOVERNANCE_TOKEN_H

#include "crypto/numbers.h"
#include "crypto/schema.h"
#include "crypto/sign.h"

/* Stream prefixes, borrowed. */
struct prefix_set {
    uint32_t count;
    struct bytes list[STREAM_PREFIXES_MAX];
};

/* What a block or an issuer's scope allows at most. For a scope not_before_ms is 0, expires_ms and
 * expires_height are unlimited: max_life bounds them. */
struct cap_limits {
    uint64_t ops;
    struct prefix_set prefixes;
    uint64_t not_before_ms;
    uint64_t expires_ms;
    uint64_t expires_height;
    uint64_t max_entry;
    uint64_t quota_entries;
    uint64_t quota_bytes;
    uint64_t rate_uses;
    uint64_t rate_window_ms;
    uint64_t holders;
    uint64_t depth;
};

struct token_block {
    struct bytes body;                  /* the signed bytes */
    uint8_t statement[STATEMENT_BYTES]; /* what its signer signed */
    uint8_t id[HASH_BYTES];
    uint8_t sig[SIG_BYTES];
    uint8_t parent[HASH_BYTES];
    uint64_t gen;
    uint8_t holder[PUBLIC_KEY_BYTES];
    struct cap_limits limits;
};

struct token_view {
    uint32_t count;
    struct token_block blocks[TOKEN_BLOCKS_MAX];
};

/* Strictly parse a token of the cluster. RESULT_OK, E_ENCODING or E_DEPTH (step 1 of the check).
 * The view borrows from `token`; it is unspecified after a refusal. */
MUST_USE enum result_code token_parse(struct bytes token, const uint8_t cluster_id[HASH_BYTES],
                                      struct token_view *out);

/* One block's body on its own: for the tools that make and show them. */
MUST_USE enum result_code token_block_parse(struct bytes body, const uint8_t cluster_id[HASH_BYTES],
                                            struct token_block *out);

/* Whether the prefixes are legal, strictly ascending, and none covers another. */
MUST_USE bool prefix_set_parse(struct wire_list list, struct prefix_set *out);
/* Whether one of the prefixes covers that stream (or prefix). */
MUST_USE bool prefix_set_covers(const struct prefix_set *set, struct bytes stream);

/* What a scope allows, as limits. False when it is not well-formed (prefixes, window of 0, no
 * operation). Borrows the prefixes. */
MUST_USE bool scope_limits(const struct scope *scope, struct cap_limits *out);

/* The ways in which a block can allow more than what it stands under. */
enum widening {
    WIDEN_NONE,
    WIDEN_OPS,
    WIDEN_PREFIX,
    WIDEN_NOT_BEFORE,
    WIDEN_EXPIRES,
    WIDEN_EXPIRES_HEIGHT,
    WIDEN_MAX_ENTRY,
    WIDEN_QUOTA_ENTRIES,
    WIDEN_QUOTA_BYTES,
    WIDEN_RATE,
    WIDEN_RATE_WINDOW,
    WIDEN_HOLDERS,
    WIDEN_DEPTH,
    WIDEN_LIFE, /* lives longer than the scope allows; judged by capability.c, at a time */
};

/* WIDEN_NONE when `inner` allows no more than `outer`: every field at most, not-before at least,
 * the same window, every prefix covered, and the depth strictly smaller (so a scope of depth d
 * allows chains of d blocks). Otherwise the first that is wider. */
MUST_USE enum widening cap_widens(const struct cap_limits *inner, const struct cap_limits *outer);

/* "lasts longer than its parent". Never NULL. */
MUST_USE const char *widening_text(enum widening widening);

#endif
