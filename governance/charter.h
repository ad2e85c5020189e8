/* The charter: parsed, held against its rules, its file verified.
 *
 *     charter body   signed by every member (tag charter, cluster id zero)
 *     card           [1, role, subject, keys, nonce = the charter's salt], signed by each key on it
 *                    (tag possession, cluster id zero)
 *     cluster id     id of the charter body under tag charter with cluster id zero
 *     charter file   [1, body, [[role, subject, key_no, sig]...]]
 *
 * Signatures in a file, strictly ascending by role, subject (bytes), key_no:
 *     member     role 1, its mid, key_no 0         over the charter
 *     recovery   role 2, its hid, key_no 0         over its card
 *     replica    role 3, "r<rid>", key_no 0 to 2   over its card: sign, cosign, transport key
 *     issuer     role 6, its iid, key_no i         over its card: the i-th of its generations
 *     witness    role 8, its wid, key_no 0         over its card
 *
 * Nothing here makes or signs a charter (keys/), writes state (genesis.h), or needs an encoder, so
 * that vestry-verify can link it. Pure. GOVERNANCE, section 1. */
#ifndef VESTRY_GOVERNANCE_CHARTER_H
#define VESTRY_GOVERNANCE_CHARTER_H

#include "crypto/schema.h"
#include "crypto/sign.h"

/* The rules of a valid charter: RULE(enumerator, what holds, what to do when it does not). */
#define CHARTER_RULES(RULE)                                                                        \
    RULE(RULE_PROFILE, "the profile is known and the name begins with dev. iff it is development", \
         "use profile 0 with another name, or profile 1 with a name that begins with dev.")        \
    RULE(RULE_SALT, "the salt and the date are set",                                               \
         "draw a salt first: vestry-keys charter salt")                                            \
    RULE(RULE_FAULTS, "f >= 1 and n >= 3f + 1", "add replicas, or lower f")                        \
    RULE(RULE_OPS, "more than half of the members are needed for operations",                      \
         "raise the threshold ops above half of the members")                                      \
    RULE(RULE_OPS_ROOT, "root needs no fewer votes than operations",                               \
         "raise the threshold root to at least ops")                                               \
    RULE(RULE_ROOT, "root can be reached without any one member",                                  \
         "lower the threshold root below the number of members, or add members")                   \
    RULE(RULE_EMERGENCY, "emergency needs at least 2 votes and no more than operations",           \
         "choose a threshold emergency between 2 and ops")                                         \
    RULE(RULE_RECOVERY,                                                                            \
         "more than half of the recovery holders are needed, and there are as many",               \
         "choose a threshold recovery above half of the holders and at most all of them")          \
    RULE(RULE_ORDER, "every list is in ascending order of its ids",                                \
         "sort members, recovery, replicas, issuers and witnesses by their ids")                   \
    RULE(RULE_IDS, "no id is used twice, in whatever role", "rename one of the two")               \
    RULE(RULE_NAMES, "no person's or issuer's name is used twice", "rename one of the two")        \
    RULE(RULE_KEYS, "no key is used twice, in whatever role", "make a new key for one of the two") \
    RULE(RULE_POINTS, "every key is a valid Ed25519 point", "make that key anew")                  \
    RULE(RULE_NEXT_KEYS, "every member commits to a next key of its own",                          \
         "make a next key for that member")                                                        \
    RULE(RULE_KEY_IDS, "no two replica keys share a key id in checkpoints",                        \
         "make the keys of one of the two replicas anew")                                          \
    RULE(RULE_GENERATIONS, "the generations of every issuer ascend",                               \
         "number the keys of that issuer upwards")                                                 \
    RULE(RULE_SCOPES, "every scope is well-formed and allows something",                           \
         "correct operations, prefixes, window, depth (1 to 5) and limits of that issuer")         \
    RULE(RULE_PARAMS, "every parameter is known, set once, within bounds and fits the others",     \
         "correct that parameter")                                                                 \
    RULE(RULE_LEVELS, "levels, crypto profile and number of builds are supported",                 \
         "use the feature level and crypto profile of this program")

#define CHARTER_RULE_ENUM(name, text, advice) name,
enum charter_rule {
    CHARTER_RULES(CHARTER_RULE_ENUM) CHARTER_RULE_COUNT
};
#undef CHARTER_RULE_ENUM

MUST_USE const char *charter_rule_text(enum charter_rule rule);
MUST_USE const char *charter_rule_advice(enum charter_rule rule);

#define SUBJECT_BYTES_MAX ID_BYTES_MAX
#define CHARTER_KEYS_MAX CHARTER_SIGS_MAX /* one signature for each key */

/* One key of the charter. */
struct charter_key {
    enum role role; /* as the registry has it: cosign and transport keys have roles of their own */
    enum role card_role; /* as card and signature have it: ROLE_REPLICA for all three */
    uint32_t key_no;     /* on the card */
    size_t subject_len;
    uint8_t subject[SUBJECT_BYTES_MAX];
    uint8_t pk[PUBLIC_KEY_BYTES];
};

struct charter_replica {
    struct replica_row row;
    size_t name_len;
    uint8_t name[ID_BYTES_MAX]; /* "r0" */
};

struct charter_issuer {
    struct issuer_row row;
    uint32_t key_count;
    struct issuer_key keys[ISSUER_KEYS_MAX];
};

/* A charter taken apart. About 150 KB; borrows from the body. */
struct charter_view {
    struct bytes body;
    struct charter charter;
    uint8_t cluster_id[HASH_BYTES];
    uint32_t member_count;
    uint32_t recovery_count;
    uint32_t replica_count;
    uint32_t issuer_count;
    uint32_t witness_count;
    uint32_t param_count;
    uint32_t key_count;
    struct member_row members[MEMBERS_MAX];
    struct key_row recovery[RECOVERY_MAX];
    struct charter_replica replicas[REPLICAS_MAX];
    struct charter_issuer issuers[ISSUERS_MAX];
    struct key_row witnesses[WITNESSES_MAX];
    struct param_row params[PARAMS_MAX];
    struct charter_key keys[CHARTER_KEYS_MAX]; /* by role, in the order of the lists */
};

/* The id that the charter gives its cluster. */
void charter_cluster_id(struct bytes charter_body, uint8_t out[HASH_BYTES]);

/* Take a charter apart. Says nothing of its rules, but refuses (WIRE_RANGE) a replica whose id is
 * beyond REPLICA_ID_MAX. */
MUST_USE enum wire_error charter_parse(struct bytes charter_body, struct charter_view *out);

/* A parameter as the charter puts it in force: its own value, or the usual one. */
MUST_USE uint64_t charter_param(const struct charter_view *view, enum param param);

/* A rule that does not hold: which, and the id (or parameter's name) it concerns, or empty. `where`
 * borrows from the view or is static. */
struct charter_finding {
    enum charter_rule rule;
    struct bytes where;
};

/* Whether the rule holds. `where` is set when it does not. */
MUST_USE bool charter_rule_holds(enum charter_rule rule, const struct charter_view *view,
                                 const struct sig_scheme *scheme, struct bytes *where);

/* All rules, in order: how many hold of CHARTER_RULE_COUNT; the first that does not in `finding`.
 */
MUST_USE uint32_t charter_rules_check(const struct charter_view *view,
                                      const struct sig_scheme *scheme,
                                      struct charter_finding *finding);

#define CARD_BYTES_MAX 512

/* Encode the card of a subject: [1, role, subject, keys, nonce]. `keys` are key_count (1 to 8) keys
 * one behind the other. Needs no encoder of schema objects; the bytes are those of card_encode. */
void card_put(struct buffer *out, const struct card *card);

/* The card of the subject that this key of the charter belongs to, and its id (the parent of block
 * 0 in every token, when the subject is an issuer). */
void charter_card(const struct charter_view *view, const struct charter_key *key,
                  struct buffer *out);
void charter_issuer_id(const struct charter_view *view, uint32_t issuer_index,
                       uint8_t out[HASH_BYTES]);

/* The 96 bytes that this key has to sign. */
void charter_statement(const struct charter_view *view, const struct charter_key *key,
                       uint8_t out[STATEMENT_BYTES]);

enum charter_error {
    CHARTER_OK,
    CHARTER_ENCODING,    /* not a charter file */
    CHARTER_RULE,        /* a rule of the charter does not hold: see finding */
    CHARTER_SIG_ORDER,   /* signatures not sorted, or one of them twice */
    CHARTER_SIG_EXTRA,   /* a signature by nobody of the charter */
    CHARTER_SIG_MISSING, /* a key of the charter has not signed */
    CHARTER_SIG_BAD,     /* a signature does not verify */
};
MUST_USE const char *charter_error_text(enum charter_error error);

struct charter_check {
    enum charter_error error;
    enum wire_error wire;           /* of CHARTER_ENCODING */
    struct charter_finding finding; /* of CHARTER_RULE */
    enum role role;                 /* whose signature, of CHARTER_SIG_* */
    size_t subject_len;
    uint8_t subject[SUBJECT_BYTES_MAX];
    uint32_t key_no;
    uint32_t rules_held;
    uint32_t signatures; /* that were found good */
};

/* Verify a charter file completely: form, rules, every signature and no other. `view` is filled in
 * whenever the body parses, and borrows from `file`. */
enum charter_error charter_file_verify(struct bytes file, const struct sig_scheme *scheme,
                                       struct charter_view *view, struct charter_check *check);

#endif
