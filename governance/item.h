/* A request with everything that depends on its bytes alone: parsed once, judged many times.
 *
 * Acceptance of a batch may look at nothing else than this (PROTOCOL: normal case): shapes, the
 * request's signature, and the signatures within the token. Whether the request is authorised is
 * capability.h's, at execution. Pure; the core, hosts, clients and tools use it. */
#ifndef VESTRY_GOVERNANCE_ITEM_H
#define VESTRY_GOVERNANCE_ITEM_H

#include "governance/token.h"

#define AUTHOR_TOKEN 0
#define AUTHOR_KEY 1

/* A statement, of an append or of a read. */
struct item_statement {
    struct bytes stream;         /* empty only in a read: positions of the whole log */
    struct bytes body;           /* the statement as received */
    const uint8_t *payload_hash; /* of an append; HASH_BYTES within `body` */
    uint64_t payload_len;        /* of an append */
    uint64_t expect_stream_len;  /* of an append; U64_UNLIMITED is no condition */
    uint64_t from;               /* of a read */
    uint64_t count;              /* of a read */
    uint32_t stream_no;          /* position of the first statement for the same stream */
    uint32_t stream_before;      /* statements for the same stream before this one */
};

/* About 100 KB: keep it in static memory or on the heap, and use it again and again. */
struct item_view {
    struct request request;
    struct bytes token;                 /* as received; empty for a governed key */
    uint8_t sig[SIG_BYTES];             /* of the request */
    uint8_t statement[STATEMENT_BYTES]; /* what the author signed */
    uint8_t request_id[HASH_BYTES];
    uint8_t token_hash[HASH_BYTES];        /* zero for a governed key */
    uint8_t author_key[PUBLIC_KEY_BYTES];  /* the leaf holder, or the governed key */
    uint8_t session_key[PUBLIC_KEY_BYTES]; /* the leaf block's id, or the governed key */
    struct token_view chain;               /* count is 0 for a governed key */
    uint64_t payload_bytes;                /* all entries of an append together */
    uint32_t stream_count;                 /* different streams */
    uint32_t count;
    struct item_statement statements[STATEMENTS_MAX];
};

/* Step 1 of the check: strict parsing and every rule about bytes alone. RESULT_OK, E_ENCODING or
 * E_DEPTH. An author of kind 0 brings a token, one of kind 1 none; reads name a replica as
 * audience, everything else is ordered (audience 0); a governance request has one statement. The
 * view borrows from the item's bytes; after a refusal only request_id may be read, zero when not
 * even the request parsed. */
MUST_USE enum result_code item_parse(const struct item *item, const uint8_t cluster_id[HASH_BYTES],
                                     struct item_view *out);
MUST_USE enum result_code item_parse_bytes(struct bytes bytes, const uint8_t cluster_id[HASH_BYTES],
                                           struct item_view *out);

/* Tokens that were parsed lately. A client sends the same token with every request, and parsing it
 * costs more than all the rest of the item; what it says depends on its bytes alone, so it may be
 * remembered. A hint: whatever is in it, the outcome is the same. Zeroed memory is an empty memo;
 * for one thread and one cluster. About 5 KB an entry. */
struct token_memo_entry {
    size_t len; /* 0: nothing here */
    uint8_t hash[HASH_BYTES];
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct token_view view; /* borrows from `bytes` */
};
struct token_memo {
    struct token_memo_entry *entries; /* the caller's */
    uint32_t count;
};

/* As item_parse. The view borrows from the memo too, until the next parse with it. */
MUST_USE enum result_code item_parse_with(struct token_memo *memo, const struct item *item,
                                          const uint8_t cluster_id[HASH_BYTES],
                                          struct item_view *out);

/* The shape that a batch may carry: an ordered request whose appends keep out of the reserved
 * streams, whose governance entry goes into its own stream, whose token is the one that its author
 * signed for (or a primary could burn a request by changing the token), and whose keys are valid
 * points (`key_valid` may remember). For parsed items. */
typedef bool item_key_valid(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES]);
MUST_USE bool item_shape(const struct item_view *view, item_key_valid *key_valid, void *context);

/* A signature to be verified over 96 bytes. */
struct item_signature {
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t statement[STATEMENT_BYTES];
    uint8_t sig[SIG_BYTES];
};

#define ITEM_SIGNATURES_MAX TOKEN_BLOCKS_MAX

/* The signatures that never depend on state: the request's, and those of blocks 1 and up, each by
 * the holder before it. At most ITEM_SIGNATURES_MAX; returns how many. The signer of block 0 is
 * rights_block0_signer's to say. */
MUST_USE uint32_t item_signatures(const struct item_view *view,
                                  struct item_signature out[ITEM_SIGNATURES_MAX]);

#endif
