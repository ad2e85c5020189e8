/* Every number that is signed or stored and means something: types, roles, codes, parameters.
 *
 * One table each, ROW(enumerator, number, text); crypto/FORMATS.md shows the same tables and a test
 * compares them. A number once released is never used for anything else. Pure data; any module may
 * include this. */
#ifndef VESTRY_CRYPTO_NUMBERS_H
#define VESTRY_CRYPTO_NUMBERS_H

#include "crypto/contract.h"

#include <stdint.h>

/* Element 1 of an envelope. */
#define MESSAGE_TYPES(ROW)                                                                         \
    ROW(MESSAGE_REQUEST, 1, "request")                                                             \
    ROW(MESSAGE_PRE_PREPARE, 2, "pre-prepare")                                                     \
    ROW(MESSAGE_PREPARE, 3, "prepare")                                                             \
    ROW(MESSAGE_COMMIT, 4, "commit")                                                               \
    ROW(MESSAGE_ATTEST, 5, "attest")                                                               \
    ROW(MESSAGE_COMPLAIN, 6, "complain")                                                           \
    ROW(MESSAGE_VIEW_CHANGE, 7, "view-change")                                                     \
    ROW(MESSAGE_NEW_VIEW, 8, "new-view")                                                           \
    ROW(MESSAGE_STATUS, 9, "status")                                                               \
    ROW(MESSAGE_FETCH, 10, "fetch")                                                                \
    ROW(MESSAGE_DATA, 11, "data")                                                                  \
    ROW(MESSAGE_REPLY, 12, "reply")                                                                \
    ROW(MESSAGE_HELLO, 13, "hello")                                                                \
    ROW(MESSAGE_READ_ANSWER, 14, "read-answer")                                                    \
    ROW(MESSAGE_CHALLENGE, 15, "challenge")                                                        \
    ROW(MESSAGE_CHALLENGE_ANSWER, 16, "challenge-answer")                                          \
    ROW(MESSAGE_EVIDENCE, 17, "evidence")

/* Bits of a capability's rights; a request has exactly one. */
#define OPERATIONS(ROW)                                                                            \
    ROW(OP_APPEND, 1, "append")                                                                    \
    ROW(OP_READ, 2, "read")                                                                        \
    ROW(OP_GOVERN, 4, "govern")
#define OPERATIONS_ALL 7u

#define LEAF_KINDS(ROW)                                                                            \
    ROW(LEAF_DATA, 1, "data")                                                                      \
    ROW(LEAF_GOVERNANCE, 2, "governance")                                                          \
    ROW(LEAF_RESULT, 3, "result")

#define ROLES(ROW)                                                                                 \
    ROW(ROLE_MEMBER, 1, "member")                                                                  \
    ROW(ROLE_RECOVERY, 2, "recovery")                                                              \
    ROW(ROLE_REPLICA, 3, "replica")                                                                \
    ROW(ROLE_COSIGN, 4, "cosign")                                                                  \
    ROW(ROLE_TRANSPORT, 5, "transport")                                                            \
    ROW(ROLE_ISSUER, 6, "issuer")                                                                  \
    ROW(ROLE_HOLDER, 7, "holder")                                                                  \
    ROW(ROLE_WITNESS, 8, "witness")

/* In the fixed order of config_hash. */
#define SECTIONS(ROW)                                                                              \
    ROW(SECTION_MEMBERS, 1, "members")                                                             \
    ROW(SECTION_RECOVERY, 2, "recovery")                                                           \
    ROW(SECTION_REPLICAS, 3, "replicas")                                                           \
    ROW(SECTION_ISSUERS, 4, "issuers")                                                             \
    ROW(SECTION_PARAMS, 5, "params")                                                               \
    ROW(SECTION_SOFTWARE, 6, "software")                                                           \
    ROW(SECTION_REVOCATIONS, 7, "revocations")                                                     \
    ROW(SECTION_WITNESSES, 8, "witnesses")
#define SECTION_COUNT 8

/* Element 1 of a governance payload. */
#define GOVERNANCE_TYPES(ROW)                                                                      \
    ROW(GOV_PROPOSE, 1, "propose")                                                                 \
    ROW(GOV_BALLOT, 2, "ballot")                                                                   \
    ROW(GOV_WITHDRAW, 3, "withdraw")                                                               \
    ROW(GOV_DISPUTE, 4, "dispute")                                                                 \
    ROW(GOV_BUNDLE, 5, "bundle")                                                                   \
    ROW(GOV_RESULT, 6, "result")                                                                   \
    ROW(GOV_EVIDENCE, 7, "evidence")                                                               \
    ROW(GOV_CAP_REVOKE, 8, "cap-revoke")                                                           \
    ROW(GOV_READY, 9, "ready")                                                                     \
    ROW(GOV_CAPABLE, 10, "capable")                                                                \
    ROW(GOV_KEY_ROTATE, 11, "key-rotate")                                                          \
    ROW(GOV_ENDPOINT, 12, "endpoint")                                                              \
    ROW(GOV_KEY_ERASED, 13, "key-erased")                                                          \
    ROW(GOV_RECOVERY_BALLOT, 14, "recovery-ballot")

#define ACTIONS(ROW)                                                                               \
    ROW(ACTION_MEMBER_SET, 1, "member-set")                                                        \
    ROW(ACTION_MEMBER_SUSPEND, 2, "member-suspend")                                                \
    ROW(ACTION_MEMBER_RESTORE, 3, "member-restore")                                                \
    ROW(ACTION_RECOVERY_SET, 4, "recovery-set")                                                    \
    ROW(ACTION_REPLICA_ADD, 5, "replica-add")                                                      \
    ROW(ACTION_REPLICA_REMOVE, 6, "replica-remove")                                                \
    ROW(ACTION_REPLICA_REPLACE, 7, "replica-replace")                                              \
    ROW(ACTION_REPLICA_KEY_ROTATE, 8, "replica-key-rotate")                                        \
    ROW(ACTION_REPLICA_SUSPEND, 9, "replica-suspend")                                              \
    ROW(ACTION_REPLICA_RESTORE, 10, "replica-restore")                                             \
    ROW(ACTION_ISSUER_ADD, 11, "issuer-add")                                                       \
    ROW(ACTION_ISSUER_SCOPE, 12, "issuer-scope")                                                   \
    ROW(ACTION_ISSUER_ROTATE, 13, "issuer-rotate")                                                 \
    ROW(ACTION_ISSUER_SUSPEND, 14, "issuer-suspend")                                               \
    ROW(ACTION_ISSUER_GEN_MIN, 15, "issuer-gen-min")                                               \
    ROW(ACTION_REVOKE_CAP, 16, "revoke-cap")                                                       \
    ROW(ACTION_REVOKE_KEY, 17, "revoke-key")                                                       \
    ROW(ACTION_FREEZE, 18, "freeze")                                                               \
    ROW(ACTION_UNFREEZE, 19, "unfreeze")                                                           \
    ROW(ACTION_PARAM_SET, 20, "param-set")                                                         \
    ROW(ACTION_SOFTWARE_ADMIT, 21, "software-admit")                                               \
    ROW(ACTION_LEVEL_SET, 22, "level-set")                                                         \
    ROW(ACTION_LEVEL_CANCEL, 23, "level-cancel")                                                   \
    ROW(ACTION_EPOCH_RENEW, 24, "epoch-renew")                                                     \
    ROW(ACTION_WITNESS_SET, 25, "witness-set")                                                     \
    ROW(ACTION_PAYLOAD_ERASE, 26, "payload-erase")                                                 \
    ROW(ACTION_ANCHOR, 27, "anchor")                                                               \
    ROW(ACTION_RECOVER_MEMBERS, 28, "recover-members")                                             \
    ROW(ACTION_RESOLVE, 29, "resolve")                                                             \
    ROW(ACTION_DISSOLVE, 30, "dissolve")                                                           \
    ROW(ACTION_ISSUER_RESTORE, 31, "issuer-restore")

#define CHOICES(ROW)                                                                               \
    ROW(CHOICE_NO, 0, "no")                                                                        \
    ROW(CHOICE_YES, 1, "yes")

#define PROPOSAL_STATES(ROW)                                                                       \
    ROW(PROPOSAL_OPEN, 1, "open")                                                                  \
    ROW(PROPOSAL_LOCKED, 2, "locked")                                                              \
    ROW(PROPOSAL_DISPUTED, 3, "disputed")                                                          \
    ROW(PROPOSAL_ENACTED, 4, "enacted")                                                            \
    ROW(PROPOSAL_STALE, 5, "stale")                                                                \
    ROW(PROPOSAL_EXPIRED, 6, "expired")                                                            \
    ROW(PROPOSAL_CANCELLED, 7, "cancelled")                                                        \
    ROW(PROPOSAL_WITHDRAWN, 8, "withdrawn")

/* Standing of a member, replica or issuer in its section. */
#define STANDINGS(ROW)                                                                             \
    ROW(STANDING_ACTIVE, 1, "active")                                                              \
    ROW(STANDING_SUSPENDED, 2, "suspended")                                                        \
    ROW(STANDING_RETIRED, 3, "retired")

#define EVIDENCE_KINDS(ROW)                                                                        \
    ROW(EVIDENCE_PRE_PREPARE, 1, "two pre-prepares for one view and sequence")                     \
    ROW(EVIDENCE_PREPARE, 2, "two prepares for one view and sequence")                             \
    ROW(EVIDENCE_COMMIT, 3, "two commits for one view and sequence")                               \
    ROW(EVIDENCE_ATTEST, 4, "two attestations that contradict each other")                         \
    ROW(EVIDENCE_VIEW_CHANGE, 5, "an invalid or contradictory view change")                        \
    ROW(EVIDENCE_NEW_VIEW, 6, "an invalid or second new view")                                     \
    ROW(EVIDENCE_BATCH, 7, "a proposed batch with a bad signature")                                \
    ROW(EVIDENCE_BALLOT, 8, "two ballots of one member")                                           \
    ROW(EVIDENCE_READ, 9, "a false read answer")                                                   \
    ROW(EVIDENCE_REQUEST, 10, "one request number with two bodies")                                \
    ROW(EVIDENCE_COSIGN, 11, "two cosignatures that contradict each other")                        \
    ROW(EVIDENCE_READY, 12, "a ready with a state digest that is not the state's")                 \
    ROW(EVIDENCE_DENIAL, 13, "a view change that denies a commit of its signer")

/* Why a member disputes. */
#define DISPUTE_GROUNDS(ROW)                                                                       \
    ROW(GROUND_KEY, 1, "a key is lost or in other hands")                                          \
    ROW(GROUND_CONTENT, 2, "this is not what was agreed")                                          \
    ROW(GROUND_RULE, 3, "a rule was broken")                                                       \
    ROW(GROUND_OTHER, 4, "other")

/* What became of a request. The order of the checks is part of the protocol (GOVERNANCE.md). */
#define RESULT_CODES(ROW)                                                                          \
    ROW(RESULT_OK, 0, "ok")                                                                        \
    ROW(E_ENCODING, 1, "not in canonical form")                                                    \
    ROW(E_DEPTH, 2, "more blocks than a token may have")                                           \
    ROW(E_ISSUER, 3, "issuer unknown or suspended")                                                \
    ROW(E_GEN, 4, "issuer key generation unknown or retired")                                      \
    ROW(E_PARENT, 5, "block does not belong to its parent")                                        \
    ROW(E_WIDEN, 6, "block allows more than its parent")                                           \
    ROW(E_KEY, 7, "key is not usable")                                                             \
    ROW(E_SIG, 8, "block signature does not verify")                                               \
    ROW(E_REVOKED_ID, 9, "capability revoked")                                                     \
    ROW(E_REVOKED_KEY, 10, "holder key revoked")                                                   \
    ROW(E_NOT_YET, 11, "token not valid yet")                                                      \
    ROW(E_EXPIRED_TIME, 12, "token expired")                                                       \
    ROW(E_EXPIRED_HEIGHT, 13, "token expired by height")                                           \
    ROW(E_REQ_SIG, 14, "request signature does not verify")                                        \
    ROW(E_REQ_BIND, 15, "request is bound to another token or replica")                            \
    ROW(E_REQ_LATE, 16, "request came too late or is dated too far ahead")                         \
    ROW(E_REPLAY, 17, "request number used already")                                               \
    ROW(E_OP, 18, "token does not allow this operation")                                           \
    ROW(E_STREAM, 19, "token does not allow this stream")                                          \
    ROW(E_FROZEN, 20, "stream is frozen")                                                          \
    ROW(E_SIZE, 21, "entry too large")                                                             \
    ROW(E_QUOTA, 22, "quota used up")                                                              \
    ROW(E_RATE, 23, "rate limit reached")                                                          \
    ROW(E_HOLDERS, 24, "too many holders under one block")                                         \
    ROW(E_LIVE, 25, "issuer has too many live tokens")                                             \
    ROW(E_EXPECT, 26, "stream is not at the expected length")                                      \
    ROW(E_CAPACITY, 27, "a bounded table of the replicated state is full")                         \
    ROW(E_AUTHOR, 28, "author is not a current governed key")                                      \
    ROW(E_SEEN, 40, "seen already")                                                                \
    ROW(E_ACTION, 41, "unknown action")                                                            \
    ROW(E_STALE, 42, "written for an older state")                                                 \
    ROW(E_DEADLINE, 43, "deadline passed or out of bounds")                                        \
    ROW(E_PREDICATE, 44, "the action's rule does not hold")                                        \
    ROW(E_ROLE, 45, "this role may not do that")                                                   \
    ROW(E_MEMBER, 46, "not an active member")                                                      \
    ROW(E_THRESHOLD, 47, "too few votes")                                                          \
    ROW(E_PROPOSALS, 48, "too many open proposals")                                                \
    ROW(E_CLOSED, 49, "proposal is not open")                                                      \
    ROW(E_DIGEST, 50, "state digest does not match")                                               \
    ROW(E_BOUNDS, 51, "outside the compiled bounds")                                               \
    ROW(E_DISPUTE, 52, "dispute not allowed")

/* What FETCH asks for and DATA brings. */
#define FETCH_KINDS(ROW)                                                                           \
    ROW(FETCH_BATCH, 1, "batch by digest")                                                         \
    ROW(FETCH_BLOCKS, 2, "blocks with commit certificates")                                        \
    ROW(FETCH_STABLE, 3, "stable checkpoint")                                                      \
    ROW(FETCH_HAND_OFF, 4, "hand-off of an epoch")                                                 \
    ROW(FETCH_NEW_VIEW, 5, "current new view")                                                     \
    ROW(FETCH_SNAPSHOT, 6, "chunk of a state snapshot")                                            \
    ROW(FETCH_CHECKPOINT, 7, "newest quorum checkpoint")                                           \
    ROW(FETCH_RECEIPT, 8, "receipt of an entry")                                                   \
    ROW(FETCH_REPLY, 9, "result of an earlier request")                                            \
    ROW(FETCH_STATUS, 10, "status of a replica")                                                   \
    ROW(FETCH_STREAMS, 11, "streams and their lengths")                                            \
    ROW(FETCH_CHARTER, 12, "charter file")                                                         \
    ROW(FETCH_CONSISTENCY, 13, "consistency proof between two tree sizes")                         \
    ROW(FETCH_EVIDENCE, 14, "evidence against replicas")                                           \
    ROW(FETCH_HISTORY, 15, "blocks below a snapshot, downwards")                                   \
    ROW(FETCH_CONFIG, 16, "configuration in force, with its proof")

#define REPLICA_MODES(ROW)                                                                         \
    ROW(MODE_ACTIVE, 1, "active")                                                                  \
    ROW(MODE_CHANGING, 2, "changing")                                                              \
    ROW(MODE_RECOVERING, 3, "recovering")

/* PARAM(enumerator, number, text, compiled minimum, compiled maximum, default). Times in ms. */
#define PARAMS(PARAM)                                                                              \
    PARAM(PARAM_CHECKPOINT_INTERVAL, 1, "checkpoint-interval", 16, 128, 128)                       \
    PARAM(PARAM_WINDOW, 2, "window", 32, 256, 256)                                                 \
    PARAM(PARAM_SLOTS_IN_FLIGHT, 3, "slots-in-flight", 1, 16, 2)                                   \
    PARAM(PARAM_BATCH_ITEMS, 4, "batch-items", 1, 512, 400)                                        \
    PARAM(PARAM_BATCH_BYTES, 5, "batch-bytes", 524288, 2097152, 2097152)                           \
    PARAM(PARAM_PAYLOAD_BYTES, 6, "payload-bytes", 1024, 1048576, 1048576)                         \
    PARAM(PARAM_VIEW_TIMEOUT, 7, "view-timeout", 100, 60000, 1000)                                 \
    PARAM(PARAM_VIEW_TIMEOUT_MAX, 8, "view-timeout-max", 1000, 600000, 60000)                      \
    PARAM(PARAM_TIME_DELTA, 9, "time-delta", 100, 60000, 5000)                                     \
    PARAM(PARAM_TIME_DELTA_MAX, 10, "time-delta-max", 1000, 600000, 60000)                         \
    PARAM(PARAM_IDLE_HEARTBEAT, 11, "idle-heartbeat", 1000, 86400000, 60000)                       \
    PARAM(PARAM_REQUEST_AHEAD, 12, "request-ahead", 10000, 604800000, 3600000)                     \
    PARAM(PARAM_LOCK_ROOT, 13, "lock-root", 3600000, 2592000000, 86400000)                         \
    PARAM(PARAM_LOCK_ROOT_HEIGHTS, 14, "lock-root-heights", 256, 1048576, 4096)                    \
    PARAM(PARAM_LOCK_OPS, 15, "lock-ops", 60000, 604800000, 3600000)                               \
    PARAM(PARAM_LOCK_OPS_HEIGHTS, 16, "lock-ops-heights", 32, 131072, 512)                         \
    PARAM(PARAM_LOCK_RECOVERY, 17, "lock-recovery", 86400000, 7776000000, 604800000)               \
    PARAM(PARAM_EMERGENCY_LAPSE, 18, "emergency-lapse", 3600000, 604800000, 604800000)             \
    PARAM(PARAM_DEADLINE_MAX, 19, "deadline-max", 86400000, 7776000000, 2592000000)                \
    PARAM(PARAM_PROPOSALS_OPEN, 20, "proposals-open", 1, 4, 4)                                     \
    PARAM(PARAM_SESSIONS, 21, "sessions", 16, 65536, 16384)                                        \
    PARAM(PARAM_STREAMS, 22, "streams", 16, 1048576, 65536)                                        \
    PARAM(PARAM_SUSPEND_ON_EVIDENCE, 23, "suspend-on-evidence", 0, 1, 0)

#define NUMBERS_ROW_ENUM(name, number, text) name = number,
#define NUMBERS_PARAM_ENUM(name, number, text, least, most, usual) name = number,
enum message_type {
    MESSAGE_TYPES(NUMBERS_ROW_ENUM)
};
enum operation {
    OPERATIONS(NUMBERS_ROW_ENUM)
};
enum leaf_kind {
    LEAF_KINDS(NUMBERS_ROW_ENUM)
};
enum role {
    ROLES(NUMBERS_ROW_ENUM)
};
enum section {
    SECTIONS(NUMBERS_ROW_ENUM)
};
enum governance_type {
    GOVERNANCE_TYPES(NUMBERS_ROW_ENUM)
};
enum action_number {
    ACTIONS(NUMBERS_ROW_ENUM)
};
enum choice {
    CHOICES(NUMBERS_ROW_ENUM)
};
enum proposal_state {
    PROPOSAL_STATES(NUMBERS_ROW_ENUM)
};
enum standing {
    STANDINGS(NUMBERS_ROW_ENUM)
};
enum evidence_kind {
    EVIDENCE_KINDS(NUMBERS_ROW_ENUM)
};
enum dispute_ground {
    DISPUTE_GROUNDS(NUMBERS_ROW_ENUM)
};
enum result_code {
    RESULT_CODES(NUMBERS_ROW_ENUM)
};
enum fetch_kind {
    FETCH_KINDS(NUMBERS_ROW_ENUM)
};
enum replica_mode {
    REPLICA_MODES(NUMBERS_ROW_ENUM)
};
enum param {
    PARAMS(NUMBERS_PARAM_ENUM) PARAM_NUMBER_END
};
#undef NUMBERS_ROW_ENUM
#undef NUMBERS_PARAM_ENUM

#define PROFILE_PRODUCTION 0
#define PROFILE_DEVELOPMENT 1
#define CRYPTO_PROFILE 1
#define FEATURE_LEVEL 1

/* The text of a number, or "unknown". */
MUST_USE const char *message_type_text(uint64_t number);
MUST_USE const char *role_text(uint64_t number);
MUST_USE const char *section_text(uint64_t number);
MUST_USE const char *action_text(uint64_t number);
MUST_USE const char *evidence_kind_text(uint64_t number);
MUST_USE const char *result_code_text(uint64_t number); /* the sentence */
MUST_USE const char *result_code_name(uint64_t number); /* "E_QUOTA" */
MUST_USE const char *replica_mode_text(uint64_t number);

/* A governed parameter: its text, compiled bounds and default. */
struct param_rule {
    const char *text;
    uint64_t number;
    uint64_t least;
    uint64_t most;
    uint64_t usual;
};

/* The rule of parameter `number`, or NULL when it is unknown. */
MUST_USE const struct param_rule *param_rule(uint64_t number);

#endif
