#include "governance/apply.h"

#include "crypto/hash.h"
#include "governance/motion.h"

#include <stddef.h>

/* What the body of each type of governance payload is. G_RESULT is made by the replicas alone. */
static const struct schema *type_schema(uint64_t type)
{
    switch (type) {
    case GOV_PROPOSE:
        return &schema_proposal;
    case GOV_BALLOT:
        return &schema_ballot;
    case GOV_WITHDRAW:
        return &schema_withdraw;
    case GOV_DISPUTE:
        return &schema_dispute;
    case GOV_BUNDLE:
        return &schema_bundle;
    case GOV_RESULT:
        return &schema_governance_result;
    case GOV_EVIDENCE:
        return &schema_evidence;
    case GOV_CAP_REVOKE:
        return &schema_cap_revoke;
    case GOV_READY:
        return &schema_ready;
    case GOV_CAPABLE:
        return &schema_capable;
    case GOV_KEY_ROTATE:
        return &schema_key_rotate;
    case GOV_ENDPOINT:
        return &schema_endpoint;
    case GOV_KEY_ERASED:
        return &schema_key_erased;
    case GOV_RECOVERY_BALLOT:
        return &schema_recovery_ballot;
    default:
        return NULL;
    }
}

/* A decoded body of whichever type. */
union governance_body {
    struct proposal proposal;
    struct bundle bundle;
    struct cap_revoke cap_revoke;
    struct evidence evidence;
    uint8_t any[1024];
};

static bool proposal_well_formed(const struct proposal *proposal)
{
    const struct schema *schema = action_schema(proposal->action);
    _Alignas(max_align_t) uint8_t args[1024];

    /* What an unknown action takes, nobody knows; it is refused as an action. */
    return schema == NULL || schema_decode(schema, proposal->args, args) == WIRE_OK;
}

static bool bundle_well_formed(const struct bundle *bundle)
{
    struct proposal proposal;

    return proposal_decode(bundle->proposal.body, &proposal) == WIRE_OK &&
           proposal_well_formed(&proposal);
}

bool gov_well_formed(struct bytes payload)
{
    struct governance_payload decoded;
    union governance_body body;

    if (payload.len > GOVERNANCE_BYTES_MAX ||
        governance_payload_decode(payload, &decoded) != WIRE_OK) {
        return false;
    }

    const struct schema *schema = type_schema(decoded.type);

    if (schema == NULL || schema->struct_bytes > sizeof(body) ||
        schema_decode(schema, decoded.body, &body) != WIRE_OK) {
        return false;
    }
    switch (decoded.type) {
    case GOV_PROPOSE:
        return proposal_well_formed(&body.proposal);
    case GOV_BUNDLE:
        return bundle_well_formed(&body.bundle);
    default:
        return true;
    }
}

/* A well-formed payload, by its type. */
static enum result_code entry_apply(struct chamber *chamber,
                                    const struct governance_payload *payload)
{
    struct bundle bundle;

    switch (payload->type) {
    case GOV_PROPOSE:
        return vote_propose(chamber, payload->body, payload->sig);
    case GOV_BUNDLE:
        CHECK(bundle_decode(payload->body, &bundle) == WIRE_OK);
        return payload->sig.len == 0 ? vote_bundle(chamber, &bundle) : E_ENCODING;
    case GOV_BALLOT:
        return vote_ballot(chamber, payload->body, payload->sig);
    case GOV_WITHDRAW:
        return vote_withdraw(chamber, payload->body, payload->sig);
    case GOV_DISPUTE:
        return vote_dispute(chamber, payload->body, payload->sig);
    default:
        return E_ACTION;
    }
}

enum result_code gov_apply(struct state *state, const struct cap_context *context,
                           const struct item_view *view, struct bytes payload,
                           struct gov_results *results)
{
    static const uint8_t no_salt[SALT_BYTES];
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), payload};
    const struct item_statement *statement = &view->statements[0];
    struct governance_payload decoded;
    struct chamber chamber;
    uint8_t hash[HASH_BYTES];

    results->count = 0;
    CHECK(view->request.op == OP_GOVERN);
    hash_parts(salted, 2, hash);
    if (payload.len != statement->payload_len || !hash_equal(hash, statement->payload_hash) ||
        !gov_well_formed(payload)) {
        return E_ENCODING;
    }
    CHECK(governance_payload_decode(payload, &decoded) == WIRE_OK);
    chamber_open(&chamber, state, context, results);
    return entry_apply(&chamber, &decoded);
}

void gov_result_put(const struct gov_result *result, struct buffer *out)
{
    struct governance_result encoded = {
        .state = result->state, .reason = result->reason, .activates_at = result->activates_at};
    uint8_t bytes[GOV_RESULT_BYTES_MAX];
    struct buffer body = buffer_make(bytes, sizeof(bytes));

    memcpy(encoded.pid, result->pid, HASH_BYTES);
    CHECK(governance_result_encode(&encoded, &body));

    const struct governance_payload payload = {GOV_RESULT, buffer_bytes(&body), BYTES_EMPTY};

    CHECK(governance_payload_encode(&payload, out));
}
