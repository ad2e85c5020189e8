/* The rules of a valid charter, one function each. `where` gets the id, or the name, that breaks
 * it. */
#include "crypto/hash.h"
#include "crypto/note.h"
#include "governance/charter.h"
#include "governance/token.h"

#include <string.h>

typedef bool charter_predicate(const struct charter_view *view, const struct sig_scheme *scheme,
                               struct bytes *where);

static bool holds_profile(const struct charter_view *view, const struct sig_scheme *scheme,
                          struct bytes *where)
{
    static const char begins[] = "dev.";
    const struct bytes name = view->charter.name;
    const size_t len = sizeof(begins) - 1;
    const bool is_dev = name.len > len && memcmp(name.data, begins, len) == 0;

    (void)scheme;
    *where = name;
    return view->charter.profile == (is_dev ? PROFILE_DEVELOPMENT : PROFILE_PRODUCTION);
}

static bool holds_salt(const struct charter_view *view, const struct sig_scheme *scheme,
                       struct bytes *where)
{
    (void)scheme;
    *where = bytes_of_text(view->charter.date_ms == 0 ? "date" : "salt");
    return !hash_is_zero(view->charter.salt) && view->charter.date_ms != 0;
}

static bool holds_faults(const struct charter_view *view, const struct sig_scheme *scheme,
                         struct bytes *where)
{
    (void)scheme;
    *where = bytes_of_text("f");
    return view->charter.f >= 1 && view->replica_count >= 3 * view->charter.f + 1;
}

static bool holds_ops(const struct charter_view *view, const struct sig_scheme *scheme,
                      struct bytes *where)
{
    (void)scheme;
    *where = bytes_of_text("ops");
    return view->charter.thresholds.ops > view->member_count / 2;
}

static bool holds_ops_root(const struct charter_view *view, const struct sig_scheme *scheme,
                           struct bytes *where)
{
    (void)scheme;
    *where = bytes_of_text("root");
    return view->charter.thresholds.ops <= view->charter.thresholds.root;
}

static bool holds_root(const struct charter_view *view, const struct sig_scheme *scheme,
                       struct bytes *where)
{
    (void)scheme;
    *where = bytes_of_text("root");
    return view->charter.thresholds.root < view->member_count;
}

static bool holds_emergency(const struct charter_view *view, const struct sig_scheme *scheme,
                            struct bytes *where)
{
    const struct thresholds *thresholds = &view->charter.thresholds;

    (void)scheme;
    *where = bytes_of_text("emergency");
    return thresholds->emergency >= 2 && thresholds->emergency <= thresholds->ops;
}

static bool holds_recovery(const struct charter_view *view, const struct sig_scheme *scheme,
                           struct bytes *where)
{
    const uint64_t needed = view->charter.thresholds.recovery;

    (void)scheme;
    *where = bytes_of_text("recovery");
    return needed > view->recovery_count / 2 && needed <= view->recovery_count;
}

/* --- Identities --------------------------------------------------------------------------------
 */

static struct bytes subject_of(const struct charter_key *key)
{
    return bytes_make(key->subject, key->subject_len);
}

/* Keys lie in the order of the lists, so the first keys of the subjects of one role are in order
 * when the list is. Replicas go by number: "r10" comes after "r2". */
static bool holds_order(const struct charter_view *view, const struct sig_scheme *scheme,
                        struct bytes *where)
{
    (void)scheme;
    for (uint32_t i = 1; i < view->replica_count; i++) {
        const struct charter_replica *replica = &view->replicas[i];

        if (view->replicas[i - 1].row.rid >= replica->row.rid) {
            *where = bytes_make(replica->name, replica->name_len);
            return false;
        }
    }

    const struct charter_key *last = NULL;

    for (uint32_t i = 0; i < view->key_count; i++) {
        const struct charter_key *key = &view->keys[i];

        if (key->key_no != 0 || key->card_role == ROLE_REPLICA) {
            continue;
        }
        if (last != NULL && last->role == key->role &&
            bytes_compare(subject_of(last), subject_of(key)) >= 0) {
            *where = subject_of(key);
            return false;
        }
        last = key;
    }
    return true;
}

static bool holds_ids(const struct charter_view *view, const struct sig_scheme *scheme,
                      struct bytes *where)
{
    (void)scheme;
    for (uint32_t i = 0; i < view->key_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (view->keys[i].key_no == 0 && view->keys[j].key_no == 0 &&
                bytes_equal(subject_of(&view->keys[i]), subject_of(&view->keys[j]))) {
                *where = subject_of(&view->keys[i]);
                return false;
            }
        }
    }
    return true;
}

#define NAMES_MAX (MEMBERS_MAX + RECOVERY_MAX + ISSUERS_MAX + WITNESSES_MAX)

static bool holds_names(const struct charter_view *view, const struct sig_scheme *scheme,
                        struct bytes *where)
{
    struct bytes names[NAMES_MAX];
    uint32_t count = 0;

    (void)scheme;
    for (uint32_t i = 0; i < view->member_count; i++) {
        names[count++] = view->members[i].name;
    }
    for (uint32_t i = 0; i < view->recovery_count; i++) {
        names[count++] = view->recovery[i].name;
    }
    for (uint32_t i = 0; i < view->issuer_count; i++) {
        names[count++] = view->issuers[i].row.name;
    }
    for (uint32_t i = 0; i < view->witness_count; i++) {
        names[count++] = view->witnesses[i].name;
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (bytes_equal(names[i], names[j])) {
                *where = names[i];
                return false;
            }
        }
    }
    return true;
}

/* --- Keys --------------------------------------------------------------------------------------
 */

static bool holds_keys(const struct charter_view *view, const struct sig_scheme *scheme,
                       struct bytes *where)
{
    (void)scheme;
    for (uint32_t i = 0; i < view->key_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (hash_equal(view->keys[i].pk, view->keys[j].pk)) {
                *where = subject_of(&view->keys[i]);
                return false;
            }
        }
    }
    return true;
}

static bool holds_points(const struct charter_view *view, const struct sig_scheme *scheme,
                         struct bytes *where)
{
    for (uint32_t i = 0; i < view->key_count; i++) {
        if (!scheme->key_valid(view->keys[i].pk)) {
            *where = subject_of(&view->keys[i]);
            return false;
        }
    }
    return true;
}

/* A next key must be committed to, by one member only, and must not be a key that is in use. */
static bool holds_next_keys(const struct charter_view *view, const struct sig_scheme *scheme,
                            struct bytes *where)
{
    (void)scheme;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const uint8_t *next = view->members[i].next_h;

        *where = view->members[i].mid;
        if (hash_is_zero(next)) {
            return false;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (hash_equal(next, view->members[j].next_h)) {
                return false;
            }
        }
        for (uint32_t j = 0; j < view->key_count; j++) {
            uint8_t hash[HASH_BYTES];

            hash_bytes(BYTES_OF_ARRAY(view->keys[j].pk), hash);
            if (hash_equal(next, hash)) {
                return false;
            }
        }
    }
    return true;
}

/* Sign keys share one key name in checkpoints, the origin, so four bytes tell them apart. */
static bool holds_key_ids(const struct charter_view *view, const struct sig_scheme *scheme,
                          struct bytes *where)
{
    uint8_t ids[REPLICAS_MAX][NOTE_KEY_ID_BYTES];
    struct origin origin;

    (void)scheme;
    *where = view->charter.name;
    if (!origin_make(view->charter.name, view->cluster_id, &origin)) {
        return false;
    }
    for (uint32_t i = 0; i < view->replica_count; i++) {
        const struct charter_replica *replica = &view->replicas[i];

        note_key_id(origin_bytes(&origin), NOTE_SIGN, replica->row.sign_pk, ids[i]);
        for (uint32_t j = 0; j < i; j++) {
            if (memcmp(ids[i], ids[j], NOTE_KEY_ID_BYTES) == 0) {
                *where = bytes_make(replica->name, replica->name_len);
                return false;
            }
        }
    }
    return true;
}

/* --- Issuers -----------------------------------------------------------------------------------
 */

static bool holds_generations(const struct charter_view *view, const struct sig_scheme *scheme,
                              struct bytes *where)
{
    (void)scheme;
    for (uint32_t i = 0; i < view->issuer_count; i++) {
        const struct charter_issuer *issuer = &view->issuers[i];

        for (uint32_t j = 1; j < issuer->key_count; j++) {
            if (issuer->keys[j - 1].gen >= issuer->keys[j].gen) {
                *where = issuer->row.iid;
                return false;
            }
        }
    }
    return true;
}

static bool holds_scopes(const struct charter_view *view, const struct sig_scheme *scheme,
                         struct bytes *where)
{
    (void)scheme;
    for (uint32_t i = 0; i < view->issuer_count; i++) {
        const struct scope *scope = &view->issuers[i].row.scope;
        struct cap_limits limits;

        if (!scope_limits(scope, &limits) || scope->depth < 1 || scope->depth > TOKEN_BLOCKS_MAX ||
            scope->max_life_ms == 0 || scope->live_tokens == 0 || scope->holders == 0 ||
            scope->rate.uses == 0) {
            *where = view->issuers[i].row.iid;
            return false;
        }
    }
    return true;
}

/* --- Parameters and levels ---------------------------------------------------------------------
 */

uint64_t charter_param(const struct charter_view *view, enum param param)
{
    for (uint32_t i = 0; i < view->param_count; i++) {
        if (view->params[i].id == param) {
            return view->params[i].value;
        }
    }
    return param_rule(param)->usual;
}

/* Whether the value of `small`, `times` over, is at most that of `large`. The compiled bounds keep
 * the product far from overflow. */
static bool fits(const struct charter_view *view, enum param small, uint64_t times,
                 enum param large, struct bytes *where)
{
    *where = bytes_of_text(param_rule(small)->text);
    return times * charter_param(view, small) <= charter_param(view, large);
}

static bool holds_params(const struct charter_view *view, const struct sig_scheme *scheme,
                         struct bytes *where)
{
    (void)scheme;
    for (uint32_t i = 0; i < view->param_count; i++) {
        const struct param_row *row = &view->params[i];
        const struct param_rule *rule = param_rule(row->id);

        *where = bytes_of_text(rule == NULL ? "an unknown number" : rule->text);
        if (rule == NULL || row->value < rule->least || row->value > rule->most ||
            (i > 0 && view->params[i - 1].id >= row->id)) {
            return false;
        }
    }
    return fits(view, PARAM_CHECKPOINT_INTERVAL, 2, PARAM_WINDOW, where) &&
           fits(view, PARAM_VIEW_TIMEOUT, 1, PARAM_VIEW_TIMEOUT_MAX, where) &&
           fits(view, PARAM_TIME_DELTA, 1, PARAM_TIME_DELTA_MAX, where) &&
           fits(view, PARAM_LOCK_OPS, 1, PARAM_LOCK_ROOT, where) &&
           fits(view, PARAM_LOCK_OPS_HEIGHTS, 1, PARAM_LOCK_ROOT_HEIGHTS, where);
}

static bool holds_levels(const struct charter_view *view, const struct sig_scheme *scheme,
                         struct bytes *where)
{
    uint32_t builds = 0;

    (void)scheme;
    for (uint32_t i = 0; i < view->replica_count; i++) {
        uint32_t first = 0;

        while (!bytes_equal(view->replicas[first].row.build, view->replicas[i].row.build)) {
            first++;
        }
        builds += first == i ? 1 : 0;
    }
    *where = bytes_of_text(builds > BUILDS_MAX ? "builds" : "feature level or crypto profile");
    return builds <= BUILDS_MAX && view->charter.feature_level >= 1 &&
           view->charter.feature_level <= FEATURE_LEVEL &&
           view->charter.crypto_profile == CRYPTO_PROFILE;
}

/* --- All of them -------------------------------------------------------------------------------
 */

static charter_predicate *const predicates[CHARTER_RULE_COUNT] = {
    [RULE_PROFILE] = holds_profile,     [RULE_SALT] = holds_salt,
    [RULE_FAULTS] = holds_faults,       [RULE_OPS] = holds_ops,
    [RULE_OPS_ROOT] = holds_ops_root,   [RULE_ROOT] = holds_root,
    [RULE_EMERGENCY] = holds_emergency, [RULE_RECOVERY] = holds_recovery,
    [RULE_ORDER] = holds_order,         [RULE_IDS] = holds_ids,
    [RULE_NAMES] = holds_names,         [RULE_KEYS] = holds_keys,
    [RULE_POINTS] = holds_points,       [RULE_NEXT_KEYS] = holds_next_keys,
    [RULE_KEY_IDS] = holds_key_ids,     [RULE_GENERATIONS] = holds_generations,
    [RULE_SCOPES] = holds_scopes,       [RULE_PARAMS] = holds_params,
    [RULE_LEVELS] = holds_levels,
};

bool charter_rule_holds(enum charter_rule rule, const struct charter_view *view,
                        const struct sig_scheme *scheme, struct bytes *where)
{
    CHECK(rule < CHARTER_RULE_COUNT);
    return predicates[rule](view, scheme, where);
}

uint32_t charter_rules_check(const struct charter_view *view, const struct sig_scheme *scheme,
                             struct charter_finding *finding)
{
    uint32_t held = 0;
    bool found = false;

    for (enum charter_rule rule = 0; rule < CHARTER_RULE_COUNT; rule++) {
        struct bytes where = BYTES_EMPTY;

        if (charter_rule_holds(rule, view, scheme, &where)) {
            held++;
        } else if (!found) {
            *finding = (struct charter_finding){rule, where};
            found = true;
        }
    }
    return held;
}

#define RULE_TEXT(name, text, advice) [name] = (text),
#define RULE_ADVICE(name, text, advice) [name] = (advice),

const char *charter_rule_text(enum charter_rule rule)
{
    static const char *const texts[CHARTER_RULE_COUNT] = {CHARTER_RULES(RULE_TEXT)};

    CHECK(rule < CHARTER_RULE_COUNT);
    return texts[rule];
}

const char *charter_rule_advice(enum charter_rule rule)
{
    static const char *const texts[CHARTER_RULE_COUNT] = {CHARTER_RULES(RULE_ADVICE)};

    CHECK(rule < CHARTER_RULE_COUNT);
    return texts[rule];
}
