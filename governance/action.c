#include "governance/action.h"

#include "governance/records.h"

#include <stddef.h>

const struct schema *action_schema(uint64_t action)
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

#define READS(section) (1u << SECTION_MEMBERS | 1u << (section))

/* Every proposal names the version of `members`, which says whose ballots count, and of the section
 * that it moves: so what was decided for another state is never done, and never twice. A section
 * that is to move at a boundary counts as moved from there on. */
static const struct action_rule rules[] = {
    [ACTION_MEMBER_SUSPEND] = {CLASS_EMERGENCY, READS(SECTION_MEMBERS), false, act_member_suspend},
    [ACTION_MEMBER_RESTORE] = {CLASS_ROOT, READS(SECTION_MEMBERS), false, act_member_restore},
    [ACTION_REPLICA_KEY_ROTATE] = {CLASS_OPS, READS(SECTION_REPLICAS), true,
                                   act_replica_key_rotate},
    [ACTION_REPLICA_SUSPEND] = {CLASS_EMERGENCY, READS(SECTION_REPLICAS), false,
                                act_replica_suspend},
    [ACTION_REPLICA_RESTORE] = {CLASS_OPS, READS(SECTION_REPLICAS), false, act_replica_restore},
    [ACTION_ISSUER_SUSPEND] = {CLASS_EMERGENCY, READS(SECTION_ISSUERS), false, act_issuer_suspend},
    [ACTION_ISSUER_GEN_MIN] = {CLASS_EMERGENCY, READS(SECTION_ISSUERS), false, act_issuer_gen_min},
    [ACTION_REVOKE_CAP] = {CLASS_EMERGENCY, READS(SECTION_REVOCATIONS), false, act_revoke_cap},
    [ACTION_REVOKE_KEY] = {CLASS_EMERGENCY, READS(SECTION_REVOCATIONS), false, act_revoke_key},
    [ACTION_FREEZE] = {CLASS_EMERGENCY, READS(SECTION_PARAMS), false, act_freeze},
    [ACTION_UNFREEZE] = {CLASS_OPS, READS(SECTION_PARAMS), false, act_unfreeze},
    [ACTION_EPOCH_RENEW] = {CLASS_OPS, READS(SECTION_MEMBERS), true, act_epoch_renew},
    [ACTION_RESOLVE] = {CLASS_RESOLVE, READS(SECTION_MEMBERS), false, act_resolve},
    [ACTION_ISSUER_RESTORE] = {CLASS_OPS, READS(SECTION_ISSUERS), false, act_issuer_restore},
};

const struct action_rule *action_rule(uint64_t action)
{
    if (action >= sizeof(rules) / sizeof(rules[0]) || rules[action].act == NULL) {
        return NULL;
    }
    return &rules[action];
}

enum result_code section_replace(const struct deed *deed, enum section section,
                                 const struct schema *schema, const void *object)
{
    struct buffer body = state_scratch(deed->state, SCRATCH_BODY);

    if (!deed->enact) {
        return RESULT_OK;
    }
    if (!schema_encode(schema, object, &body) ||
        !section_write(deed->state, section, buffer_bytes(&body))) {
        return E_CAPACITY;
    }
    return RESULT_OK;
}

bool lapses_in_time(const struct cap_context *context, uint64_t until_ms)
{
    return until_ms > context->time_ms &&
           until_ms - context->time_ms <= rights_param(context->rights, PARAM_EMERGENCY_LAPSE);
}
