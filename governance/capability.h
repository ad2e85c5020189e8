/* The check: may this request be executed now, and what is then to be charged.
 *
 * cap_check is the whole of GOVERNANCE section 3, pure: it reads the state and changes nothing. Its
 * order is part of the protocol, because result codes are replicated. cap_charge is what a request
 * leaves behind. Signatures are asked for through an oracle, so that the caller may remember good
 * ones; "this signature over these bytes is valid" may be remembered, "this is authorised" never.
 *
 *     item_parse        -> step 1
 *     cap_check         -> steps 2 to 4
 *     (stream_append for each entry, when the code is RESULT_OK)
 *     cap_charge        -> session, result, quotas, holders, live tokens
 *     state_retire      at checkpoints, before the state root
 *
 * Settled here, where the design leaves room:
 *
 * 1. The loop over blocks is outside the loop over statements: for each block, for each statement,
 *    op, stream, frozen, length; then that block's quota, rate and holders. Live tokens, conditions
 *    and new streams come after all blocks.
 * 2. The holder that counts under a block is the leaf holder, who acts.
 * 3. Room for the records that the request itself needs (session, result, quotas) is the last test
 *    of step 3, E_CAPACITY: nothing is consumed, because nothing could be written. Room for new
 *    streams is the last of step 4.
 * 4. A request whose holder or token is not admitted (E_HOLDERS or E_LIVE would hold) consumes
 *    nothing, whatever its code: its records would be the ones that these limits are there to
 *    bound. A session that exists was admitted, so this concerns first uses only.
 * 5. Governance entries (op govern) go to vestry/governance whatever prefixes and freezes say. A
 *    governed key may do nothing else: E_OP. It must be current in the registry as a member,
 *    recovery holder, replica (sign key) or issuer, else E_AUTHOR, which stands in for step 2.
 * 6. Reads are not replicated: of step 4 they meet op and stream, and need no fresh number. */
#ifndef VESTRY_GOVERNANCE_CAPABILITY_H
#define VESTRY_GOVERNANCE_CAPABILITY_H

#include "crypto/note.h"
#include "crypto/numbers.h"
#include "governance/item.h"
#include "governance/rights.h"
#include "governance/state.h"

/* Who is asked about signatures and keys. Both must be functions of their arguments. */
struct sig_oracle {
    void *context;
    bool (*good)(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES],
                 const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES]);
    bool (*key_valid)(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES]);
};

/* An oracle that verifies with a scheme and remembers nothing. `scheme` must outlive it. */
MUST_USE struct sig_oracle sig_oracle_plain(const struct sig_scheme **scheme);

struct cap_context {
    const struct state *state;
    const struct rights *rights; /* refreshed from that state */
    const struct sig_oracle *oracle;
    uint64_t height;   /* of the block that is being executed */
    uint64_t time_ms;  /* its T */
    uint64_t audience; /* 0 for ordered requests, rid + 1 for a read at that replica */
    /* For governance (apply.h), NULL where none is asked for: the cluster, and its checkpoints. */
    const uint8_t *cluster_id;
    const struct origin *origin;
};

/* What one block of the chain is charged with. */
struct cap_account {
    uint8_t block_id[HASH_BYTES];
    struct quota_record quota; /* before the charge, in the window of rate that T is in */
    bool new_quota;
    bool new_holder;
};

struct cap_verdict {
    enum result_code code;
    enum widening widening; /* when the code is E_WIDEN */
    uint32_t block;         /* when the code concerns a block of the chain */
    uint32_t position;      /* when the code concerns a statement */
    bool consumes;          /* request_no and a use of every block's rate, whatever the code */
    bool governed;          /* the author is a governed key */
    uint64_t op;
    uint64_t request_no;
    uint64_t count;      /* entries */
    uint64_t bytes;      /* their payloads */
    uint64_t expires_ms; /* of the session */
    uint8_t request_id[HASH_BYTES];
    uint8_t author_key[PUBLIC_KEY_BYTES];
    uint8_t session_key[PUBLIC_KEY_BYTES];
    uint8_t issuer[HASH_BYTES];
    bool new_session;
    bool new_token; /* block 0 was never charged: one more live token of its issuer */
    uint32_t account_count;
    struct cap_account accounts[TOKEN_BLOCKS_MAX];
};

/* Steps 2 to 4 for a parsed item. Returns verdict->code; the verdict is always filled in. */
enum result_code cap_check(const struct cap_context *context, const struct item_view *view,
                           struct cap_verdict *verdict);

struct cap_outcome {
    enum result_code code; /* the final one: cap_check's, or gov_apply's after it */
    uint64_t first_index;  /* in the log, of RESULT_OK */
    uint64_t height;
};

/* Write down what the request leaves, when the verdict consumes (otherwise nothing happens), before
 * the next check on this state. Entries and bytes are charged for RESULT_OK only, and only its
 * stored result has a first index and a count. */
void cap_charge(struct state *state, const struct cap_verdict *verdict,
                const struct cap_outcome *outcome);

/* Remove what has expired at T: sessions with their results, quotas, holders, live tokens, revoked
 * block ids. True when the section `revocations` moved. Call it at checkpoints, before the root. */
bool state_retire(struct state *state, uint64_t time_ms);

#endif
