#include "governance/capability.h"

#include "crypto/hash.h"
#include "governance/records.h"
#include "governance/session.h"

#include <string.h>

static bool plain_good(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES],
                       const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES])
{
    const struct sig_scheme *const *scheme = context;

    return (*scheme)->verify(public_key, bytes_make(statement, STATEMENT_BYTES), sig);
}

static bool plain_key_valid(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    const struct sig_scheme *const *scheme = context;

    return (*scheme)->key_valid(public_key);
}

struct sig_oracle sig_oracle_plain(const struct sig_scheme **scheme)
{
    return (struct sig_oracle){scheme, plain_good, plain_key_valid};
}

/* --- Step 2: the chain, from the issuer to the leaf --------------------------------------------
 */

static bool oracle_good(const struct sig_oracle *oracle, const uint8_t public_key[PUBLIC_KEY_BYTES],
                        const uint8_t statement[STATEMENT_BYTES], const uint8_t sig[SIG_BYTES])
{
    return oracle->good(oracle->context, public_key, statement, sig);
}

static bool is_governed(const struct state *state, const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    const struct state_key key = state_key_registry(public_key);

    return state_has(state, state_key_bytes(&key));
}

/* Signer, limits above, and issuer of the block that is being looked at. */
struct chain_place {
    const struct rights_issuer *issuer;
    const uint8_t *signer;
    const struct cap_limits *above;
};

static enum widening block_widens(const struct cap_context *context,
                                  const struct chain_place *place, const struct cap_limits *limits)
{
    const enum widening widening = cap_widens(limits, place->above);

    if (widening != WIDEN_NONE) {
        return widening;
    }
    if (limits->expires_ms > context->time_ms &&
        limits->expires_ms - context->time_ms > place->issuer->max_life_ms) {
        return WIDEN_LIFE;
    }
    return WIDEN_NONE;
}

/* Whether the block may stand where it stands, whatever the time. */
static enum result_code block_check(const struct cap_context *context,
                                    const struct chain_place *place,
                                    const struct token_block *block, enum widening *widening)
{
    *widening = block_widens(context, place, &block->limits);
    if (*widening != WIDEN_NONE) {
        return E_WIDEN;
    }
    if (!context->oracle->key_valid(context->oracle->context, block->holder) ||
        is_governed(context->state, block->holder)) {
        return E_KEY;
    }
    if (!oracle_good(context->oracle, place->signer, block->statement, block->sig)) {
        return E_SIG;
    }
    if (rights_block_revoked(context->rights, block->id)) {
        return E_REVOKED_ID;
    }
    if (rights_key_revoked(context->rights, place->signer) ||
        rights_key_revoked(context->rights, block->holder)) {
        return E_REVOKED_KEY;
    }
    return RESULT_OK;
}

static enum result_code block_time_check(const struct cap_context *context,
                                         const struct cap_limits *limits)
{
    if (context->time_ms < limits->not_before_ms) {
        return E_NOT_YET;
    }
    if (context->time_ms >= limits->expires_ms) {
        return E_EXPIRED_TIME;
    }
    return context->height < limits->expires_height ? RESULT_OK : E_EXPIRED_HEIGHT;
}

/* Issuer and generation of block 0; they also say who must have signed it. */
static enum result_code issuer_check(const struct cap_context *context,
                                     const struct token_block *block, struct chain_place *place)
{
    const struct rights_issuer *issuer = rights_issuer(context->rights, block->parent);

    if (issuer == NULL || !issuer->active) {
        return E_ISSUER;
    }

    const struct rights_generation *generation = rights_generation(issuer, block->gen);

    if (generation == NULL || block->gen < issuer->gen_min ||
        context->time_ms >= generation->until_ms) {
        return E_GEN;
    }
    *place = (struct chain_place){issuer, generation->pk, &issuer->scope};
    return RESULT_OK;
}

static enum result_code chain_check(const struct cap_context *context,
                                    const struct token_view *chain, struct cap_verdict *verdict)
{
    struct chain_place place;
    enum result_code code = issuer_check(context, &chain->blocks[0], &place);

    for (uint32_t i = 0; i < chain->count && code == RESULT_OK; i++) {
        const struct token_block *block = &chain->blocks[i];

        verdict->block = i;
        if (i > 0 && (!hash_equal(block->parent, chain->blocks[i - 1].id) || block->gen != 0)) {
            return E_PARENT;
        }
        code = block_check(context, &place, block, &verdict->widening);
        if (code == RESULT_OK) {
            code = block_time_check(context, &block->limits);
        }
        place.signer = block->holder;
        place.above = &block->limits;
    }
    return code;
}

/* What stands in for step 2 when the author is a governed key. */
static enum result_code governed_author_check(const struct cap_context *context,
                                              const struct item_view *view)
{
    struct registry_row row;

    if (!registry_find(context->state, view->author_key, &row) || row.standing != STANDING_ACTIVE) {
        return E_AUTHOR;
    }
    switch (row.role) {
    case ROLE_MEMBER:
    case ROLE_RECOVERY:
    case ROLE_REPLICA:
    case ROLE_ISSUER:
        return RESULT_OK;
    default:
        return E_AUTHOR;
    }
}

/* --- Step 3: the request -----------------------------------------------------------------------
 */

static enum result_code request_check(const struct cap_context *context,
                                      const struct item_view *view, struct cap_verdict *verdict)
{
    const struct request *request = &view->request;
    struct session_record session;

    if (!oracle_good(context->oracle, view->author_key, view->statement, view->sig)) {
        return E_REQ_SIG;
    }
    if ((!verdict->governed && !hash_equal(request->author.id, view->token_hash)) ||
        request->audience != context->audience) {
        return E_REQ_BIND;
    }
    if (context->time_ms > request->not_after_ms ||
        request->not_after_ms - context->time_ms >
            rights_param(context->rights, PARAM_REQUEST_AHEAD)) {
        return E_REQ_LATE;
    }
    if (context->audience != 0) {
        return RESULT_OK;
    }
    verdict->new_session = !session_read(context->state, view->session_key, &session);
    return session_is_fresh(verdict->new_session ? NULL : &session, request->request_no) ? RESULT_OK
                                                                                         : E_REPLAY;
}

/* What a block's subtree has used so far. */
static void account_load(const struct cap_context *context, const struct token_block *block,
                         const uint8_t leaf_holder[PUBLIC_KEY_BYTES], struct cap_account *out)
{
    const struct state_key key = state_key_quota(block->id);
    const struct state_key holder_key = state_key_holder(block->id, leaf_holder);
    const uint64_t window_no = context->time_ms / block->limits.rate_window_ms;
    struct bytes value;

    memcpy(out->block_id, block->id, HASH_BYTES);
    out->new_quota = !state_get(context->state, state_key_bytes(&key), &value) ||
                     quota_record_decode(value, &out->quota) != WIRE_OK;
    out->new_holder = out->new_quota || !state_has(context->state, state_key_bytes(&holder_key));
    if (out->new_quota) {
        out->quota =
            (struct quota_record){.window_no = window_no, .expires_ms = block->limits.expires_ms};
    }
    if (out->quota.window_no != window_no) {
        out->quota.window_no = window_no;
        out->quota.uses = 0;
    }
}

static void accounts_load(const struct cap_context *context, const struct item_view *view,
                          struct cap_verdict *verdict)
{
    for (uint32_t i = 0; i < view->chain.count; i++) {
        account_load(context, &view->chain.blocks[i], view->author_key, &verdict->accounts[i]);
    }
    verdict->account_count = view->chain.count;
    verdict->new_token = view->chain.count > 0 && verdict->accounts[0].new_quota;
}

/* How many records the request itself would add: what cap_charge writes. */
static uint32_t records_needed(const struct cap_context *context, const struct cap_verdict *verdict)
{
    const struct state_key result = state_key_result(verdict->session_key, verdict->request_no);
    const struct state_key live = state_key_live(verdict->issuer);
    uint32_t needed = verdict->new_session ? 1 : 0;

    needed += state_has(context->state, state_key_bytes(&result)) ? 0 : 1;
    for (uint32_t i = 0; i < verdict->account_count; i++) {
        needed += verdict->accounts[i].new_quota ? 1 : 0;
        needed += verdict->accounts[i].new_holder ? 1 : 0;
    }
    if (verdict->new_token) {
        needed += state_has(context->state, state_key_bytes(&live)) ? 1 : 2;
    }
    return needed;
}

/* The most that one request can add: session, result, an account and a holder for each block, a
 * live token and its issuer's count. */
#define RECORDS_OF_A_REQUEST_MAX (2 + 2 * TOKEN_BLOCKS_MAX + 2)

static enum result_code capacity_check(const struct cap_context *context,
                                       const struct cap_verdict *verdict)
{
    const struct state_key sessions = state_key_counter(COUNTER_SESSIONS);
    const uint32_t room =
        verdict->governed ? state_free(context->state) : state_room(context->state);

    if (!verdict->governed && verdict->new_session &&
        counter_read(context->state, &sessions) >= rights_param(context->rights, PARAM_SESSIONS)) {
        return E_CAPACITY;
    }
    if (room >= RECORDS_OF_A_REQUEST_MAX) {
        return RESULT_OK;
    }
    return records_needed(context, verdict) <= room ? RESULT_OK : E_CAPACITY;
}

/* --- Step 4: what is asked for -----------------------------------------------------------------
 */

static bool lacks_holder_room(const struct cap_account *account, const struct token_block *block)
{
    return account->new_holder && account->quota.holders >= block->limits.holders;
}

static bool lacks_live_room(const struct cap_context *context, const struct cap_verdict *verdict)
{
    const struct state_key live = state_key_live(verdict->issuer);
    const struct rights_issuer *issuer = rights_issuer(context->rights, verdict->issuer);

    return verdict->new_token && counter_read(context->state, &live) >= issuer->live_tokens;
}

/* Whether holder and token are within the limits that bound the state. */
static bool is_admitted(const struct cap_context *context, const struct item_view *view,
                        const struct cap_verdict *verdict)
{
    for (uint32_t i = 0; i < verdict->account_count; i++) {
        if (lacks_holder_room(&verdict->accounts[i], &view->chain.blocks[i])) {
            return false;
        }
    }
    return !lacks_live_room(context, verdict);
}

static bool is_governance_stream(struct bytes stream)
{
    return bytes_equal(stream, bytes_of_text(GOVERNANCE_STREAM));
}

/* Whether the limits allow the statement: stream, freeze, length. The first statement for a stream
 * answers for the others. */
static enum result_code statement_check(const struct cap_context *context,
                                        const struct item_view *view, uint32_t position,
                                        const struct cap_limits *limits)
{
    const struct item_statement *statement = &view->statements[position];
    const bool governs = view->request.op == OP_GOVERN;

    if (statement->stream_no == position) {
        if (governs ? !is_governance_stream(statement->stream)
                    : !prefix_set_covers(&limits->prefixes, statement->stream)) {
            return E_STREAM;
        }
        if (view->request.op == OP_APPEND &&
            rights_frozen(context->rights, statement->stream, context->time_ms)) {
            return E_FROZEN;
        }
    }

    const uint64_t most =
        governs ? GOVERNANCE_BYTES_MAX : rights_param(context->rights, PARAM_PAYLOAD_BYTES);

    if (view->request.op == OP_READ) {
        return RESULT_OK;
    }
    return statement->payload_len <= limits->max_entry && statement->payload_len <= most ? RESULT_OK
                                                                                         : E_SIZE;
}

static enum result_code block_statements_check(const struct cap_context *context,
                                               const struct item_view *view,
                                               const struct cap_limits *limits, uint32_t *position)
{
    if ((limits->ops & view->request.op) == 0) {
        return E_OP;
    }
    for (uint32_t i = 0; i < view->count; i++) {
        const enum result_code code = statement_check(context, view, i, limits);

        if (code != RESULT_OK) {
            *position = i;
            return code;
        }
    }
    return RESULT_OK;
}

static bool exceeds(uint64_t used, uint64_t more, uint64_t most)
{
    return used > most || more > most - used;
}

static enum result_code block_account_check(const struct item_view *view,
                                            const struct token_block *block,
                                            const struct cap_account *account)
{
    const struct cap_limits *limits = &block->limits;
    const struct quota_record *quota = &account->quota;

    if (exceeds(quota->entries, view->count, limits->quota_entries) ||
        exceeds(quota->used_bytes, view->payload_bytes, limits->quota_bytes)) {
        return E_QUOTA;
    }
    if (exceeds(quota->uses, 1, limits->rate_uses)) {
        return E_RATE;
    }
    return lacks_holder_room(account, block) ? E_HOLDERS : RESULT_OK;
}

/* Conditions on lengths, each as if the statements before it had been appended. Also counts the
 * streams that would be new. */
static enum result_code conditions_check(const struct cap_context *context,
                                         const struct item_view *view, uint32_t *new_streams,
                                         uint32_t *position)
{
    uint64_t length = 0;

    *new_streams = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        const struct item_statement *statement = &view->statements[i];
        const bool conditional = statement->expect_stream_len != U64_UNLIMITED;

        if (statement->stream_no == i || conditional) {
            length = stream_length(context->state, statement->stream);
        }
        if (statement->stream_no == i && length == 0) {
            ++*new_streams;
        }
        if (conditional && statement->expect_stream_len != length + statement->stream_before) {
            *position = i;
            return E_EXPECT;
        }
    }
    return RESULT_OK;
}

static enum result_code new_streams_check(const struct cap_context *context,
                                          const struct cap_verdict *verdict, uint32_t new_streams)
{
    const struct state_key streams = state_key_counter(COUNTER_STREAMS);

    if (new_streams == 0) {
        return RESULT_OK;
    }
    if (exceeds(counter_read(context->state, &streams), new_streams,
                rights_param(context->rights, PARAM_STREAMS))) {
        return E_CAPACITY;
    }
    return exceeds(records_needed(context, verdict), new_streams, state_room(context->state))
               ? E_CAPACITY
               : RESULT_OK;
}

/* Step 4 for a governed key, which has no limits of its own. */
static enum result_code governed_use_check(const struct item_view *view)
{
    if (view->request.op != OP_GOVERN) {
        return E_OP;
    }
    if (!is_governance_stream(view->statements[0].stream)) {
        return E_STREAM;
    }
    return view->statements[0].payload_len <= GOVERNANCE_BYTES_MAX ? RESULT_OK : E_SIZE;
}

static enum result_code chain_use_check(const struct cap_context *context,
                                        const struct item_view *view, struct cap_verdict *verdict)
{
    for (uint32_t i = 0; i < view->chain.count; i++) {
        const struct token_block *block = &view->chain.blocks[i];
        enum result_code code = RESULT_OK;

        verdict->block = i;
        code = block_statements_check(context, view, &block->limits, &verdict->position);
        if (code == RESULT_OK && context->audience == 0) {
            code = block_account_check(view, block, &verdict->accounts[i]);
        }
        if (code != RESULT_OK) {
            return code;
        }
    }
    if (context->audience == 0 && lacks_live_room(context, verdict)) {
        return E_LIVE;
    }
    return RESULT_OK;
}

static enum result_code use_check(const struct cap_context *context, const struct item_view *view,
                                  struct cap_verdict *verdict)
{
    uint32_t new_streams = 0;
    enum result_code code =
        verdict->governed ? governed_use_check(view) : chain_use_check(context, view, verdict);

    if (code != RESULT_OK || context->audience != 0) {
        return code;
    }
    code = conditions_check(context, view, &new_streams, &verdict->position);
    if (code != RESULT_OK) {
        return code;
    }
    return new_streams_check(context, verdict, new_streams);
}

/* --- All of it ---------------------------------------------------------------------------------
 */

static void verdict_begin(const struct item_view *view, struct cap_verdict *verdict)
{
    memset(verdict, 0, offsetof(struct cap_verdict, accounts));
    verdict->governed = view->request.author.kind == AUTHOR_KEY;
    verdict->op = view->request.op;
    verdict->request_no = view->request.request_no;
    verdict->count = view->count;
    verdict->bytes = view->payload_bytes;
    verdict->expires_ms = U64_UNLIMITED;
    memcpy(verdict->request_id, view->request_id, HASH_BYTES);
    memcpy(verdict->author_key, view->author_key, PUBLIC_KEY_BYTES);
    memcpy(verdict->session_key, view->session_key, PUBLIC_KEY_BYTES);
    if (!verdict->governed) {
        memcpy(verdict->issuer, view->chain.blocks[0].parent, HASH_BYTES);
        verdict->expires_ms = view->chain.blocks[view->chain.count - 1].limits.expires_ms;
    }
}

enum result_code cap_check(const struct cap_context *context, const struct item_view *view,
                           struct cap_verdict *verdict)
{
    verdict_begin(view, verdict);
    verdict->code = verdict->governed ? governed_author_check(context, view)
                                      : chain_check(context, &view->chain, verdict);
    if (verdict->code == RESULT_OK) {
        verdict->code = request_check(context, view, verdict);
    }
    if (verdict->code != RESULT_OK) {
        return verdict->code;
    }
    if (context->audience == 0) {
        accounts_load(context, view, verdict);
        verdict->code = capacity_check(context, verdict);
        if (verdict->code != RESULT_OK) {
            return verdict->code;
        }
        verdict->consumes = is_admitted(context, view, verdict);
    }
    verdict->code = use_check(context, view, verdict);
    return verdict->code;
}
