/* What each action of a proposal may do: its class, what it must have been written for, and the
 * rule that is asked when it is proposed and again when it is enacted.
 *
 * Actions are functions of the state, the block and their arguments, one file for each family. For
 * governance only. */
#ifndef VESTRY_GOVERNANCE_ACTION_H
#define VESTRY_GOVERNANCE_ACTION_H

#include "governance/capability.h"

enum action_class {
    CLASS_ROOT,      /* k_root, lock of R */
    CLASS_OPS,       /* k_ops, lock of O */
    CLASS_EMERGENCY, /* k_emg, at once */
    CLASS_RESOLVE,   /* k_root, at once */
};

struct chamber;

struct deed {
    struct chamber *chamber; /* for what acts on proposals: motion.h */
    struct state *state;
    const struct cap_context *context;
    struct bytes args; /* of the right form; may borrow from the state */
    bool enact;        /* false: only say whether the rule holds */
};

struct action_rule {
    enum action_class class;
    uint32_t reads; /* bit of each section whose version the proposal must name */
    bool epoch;     /* ends an epoch: not enacted while a boundary is pending */
    /* RESULT_OK, or what stands against it, and then nothing was changed. */
    enum result_code (*act)(const struct deed *deed);
};

/* NULL for an action that is unknown, or not built. */
MUST_USE const struct action_rule *action_rule(uint64_t action);

/* The arguments of an action; NULL for one that is not known. */
MUST_USE const struct schema *action_schema(uint64_t action);

/* Replace the body of a section by an object, when the deed is to be enacted. What the object
 * borrows may lie in the state or its scratch memory, SCRATCH_BODY apart. */
MUST_USE enum result_code section_replace(const struct deed *deed, enum section section,
                                          const struct schema *schema, const void *object);

/* Whether what few have decided ends, and soon enough: at most the parameter after T. */
MUST_USE bool lapses_in_time(const struct cap_context *context, uint64_t until_ms);

enum result_code act_member_suspend(const struct deed *deed);
enum result_code act_member_restore(const struct deed *deed);
enum result_code act_replica_suspend(const struct deed *deed);
enum result_code act_replica_restore(const struct deed *deed);
enum result_code act_issuer_suspend(const struct deed *deed);
enum result_code act_issuer_restore(const struct deed *deed);
enum result_code act_issuer_gen_min(const struct deed *deed);
enum result_code act_revoke_cap(const struct deed *deed);
enum result_code act_revoke_key(const struct deed *deed);
enum result_code act_freeze(const struct deed *deed);
enum result_code act_unfreeze(const struct deed *deed);
enum result_code act_resolve(const struct deed *deed);
enum result_code act_replica_key_rotate(const struct deed *deed);
enum result_code act_epoch_renew(const struct deed *deed);

#endif
