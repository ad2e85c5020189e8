#include "governance/apply.h"

#include "crypto/hash.h"

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

/* The arguments of each action; NULL for one that is not known. */
static const struct schema *action_schema(uint64_t action)
{
    static const struct schema *const schemas[] = {
        [ACTION_MEMBER_SET] = &schema_args_member_set,
        [ACTION_MEMBER_SUSPEND] = &schema_args_subject,
        [ACTION_MEMBER_RESTORE] = &schema_args_subject,
        [ACTION_RECOVERY_SET] = &schema_args_key_set,
        [ACTION_REPLICA_ADD] = &schema_args_replica_add,
        [ACTION_REPLICA_REMOVE] = &schema_args_replica_remove,
        [ACTION_REPLICA_REPLACE] = &schema_args_replica_replace,
        [ACTION_REPLICA_KEY_ROTATE] = &schema_args_replica_key_rotate,
        [ACTION_REPLICA_SUSPEND] = &schema_args_replica,
        [ACTION_REPLICA_RESTORE] = &schema_args_replica,
        [ACTION_ISSUER_ADD] = &schema_args_issuer_add,
        [ACTION_ISSUER_SCOPE] = &schema_args_issuer_scope,
        [ACTION_ISSUER_ROTATE] = &schema_args_issuer_rotate,
        [ACTION_ISSUER_SUSPEND] = &schema_args_subject,
        [ACTION_ISSUER_GEN_MIN] = &schema_args_issuer_gen_min,
        [ACTION_REVOKE_CAP] = &schema_args_revoke_cap,
        [ACTION_REVOKE_KEY] = &schema_args_revoke_key,
        [ACTION_FREEZE] = &schema_args_freeze,
        [ACTION_UNFREEZE] = &schema_args_freeze,
        [ACTION_PARAM_SET] = &schema_args_param_set,
        [ACTION_SOFTWARE_ADMIT] = &schema_args_software_admit,
        [ACTION_LEVEL_SET] = &schema_args_level,
        [ACTION_LEVEL_CANCEL] = &schema_args_pid,
        [ACTION_EPOCH_RENEW] = &schema_args_renew,
        [ACTION_WITNESS_SET] = &schema_args_key_set,
        [ACTION_PAYLOAD_ERASE] = &schema_args_payload_erase,
        [ACTION_ANCHOR] = &schema_head_anchor,
        [ACTION_RECOVER_MEMBERS] = &schema_args_member_set,
        [ACTION_RESOLVE] = &schema_args_resolve,
        [ACTION_DISSOLVE] = &schema_args_dissolve,
        [ACTION_ISSUER_RESTORE] = &schema_args_subject,
    };

    return action < sizeof(schemas) / sizeof(schemas[0]) ? schemas[action] : NULL;
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

enum result_code gov_apply(struct state *state, const struct cap_context *context,
                           const struct item_view *view, struct bytes payload)
{
    static const uint8_t no_salt[SALT_BYTES];
    const struct bytes salted[] = {BYTES_OF_ARRAY(no_salt), payload};
    const struct item_statement *statement = &view->statements[0];
    uint8_t hash[HASH_BYTES];

    (void)state;
    (void)context;
    CHECK(view->request.op == OP_GOVERN);
    hash_parts(salted, 2, hash);
    if (payload.len != statement->payload_len || !hash_equal(hash, statement->payload_hash) ||
        !gov_well_formed(payload)) {
        return E_ENCODING;
    }
    return E_ACTION;
}
