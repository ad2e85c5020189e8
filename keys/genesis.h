/* Making a charter: draft, sign, seal; and a whole development cluster in one call.
 *
 *     cards, plan --genesis_draft--> draft --genesis_sign (each member)--> signatures
 *     draft, signatures --genesis_seal--> charter file
 *
 * A draft is a charter file in which the members' signatures are missing: the cards' are there and
 * are checked again wherever a draft is read. What a valid charter is, is governance/charter.h's;
 * nothing here repeats a rule. GOVERNANCE, sections 1 and 4. */
#ifndef VESTRY_KEYS_GENESIS_H
#define VESTRY_KEYS_GENESIS_H

#include "governance/charter.h"
#include "keys/card.h"
#include "keys/words/charter_words.h"

#define GENESIS_CARDS_MAX (MEMBERS_MAX + RECOVERY_MAX + REPLICAS_MAX + ISSUERS_MAX + WITNESSES_MAX)

/* What the coordinator decides. */
struct genesis_plan {
    uint64_t profile;
    const char *name;
    uint8_t salt[HASH_BYTES]; /* that every card carries */
    uint64_t date_ms;
    uint8_t text_hash[HASH_BYTES]; /* zero: no text */
    struct thresholds thresholds;
    uint64_t f;
    uint64_t params[PARAMS_MAX]; /* by number */
};

/* Every parameter at its default. */
void genesis_plan_init(struct genesis_plan *plan);

/* Thresholds and f that are suggested for these numbers, where the plan has 0: more than half for
 * operations, all but one for root, 2 for emergencies, more than half of the holders. */
void genesis_plan_suggest(struct genesis_plan *plan, const struct card_checked *cards,
                          size_t card_count);

/* Append the draft. The cards may come in any order; holders' cards are refused, and so is a card
 * with another nonce than the plan's salt. Rules are not checked: genesis_draft_check does. */
MUST_USE enum status genesis_draft(const struct genesis_plan *plan,
                                   const struct card_checked *cards, size_t card_count,
                                   struct buffer *out, struct problem *problem);

/* Take a draft apart and check every rule and every card's signatures. `view` borrows from `draft`
 * and is filled in whenever the body parses; `held` gets how many rules hold. STATUS_CORRUPT: not a
 * draft, or a card's signature is missing or bad; STATUS_INVALID: a rule does not hold. `name` is
 * for problems. */
MUST_USE enum status genesis_draft_check(const char *name, struct bytes draft,
                                         struct charter_view *view, uint32_t *held,
                                         struct problem *problem);

/* Append the armoured signature of a member over a checked draft. STATUS_MISMATCH when the key is
 * not that of a member in it; STATUS_REFUSED when a plain key would sign a production charter. */
MUST_USE enum status genesis_sign(const struct charter_view *view, const struct secret_key *member,
                                  struct buffer *out, struct problem *problem);

/* A member's signature as it was read. */
struct genesis_signature {
    char subject[ID_BYTES_MAX + 1];
    uint8_t sig[SIG_BYTES];
};
MUST_USE enum status genesis_signature_read(const char *path, struct genesis_signature *signature,
                                            struct problem *problem);

/* Append the charter file: the checked draft and the signature of every member, verified whole. */
MUST_USE enum status genesis_seal(struct bytes draft, const struct genesis_signature *signatures,
                                  size_t signature_count, struct buffer *out,
                                  struct problem *problem);

/* Read a sealed charter from a file and verify it. `backing` has CHARTER_FILE_MAX bytes; `view`
 * borrows from it. */
MUST_USE enum status genesis_charter_read(const char *path, struct buffer *backing,
                                          struct charter_view *view, struct problem *problem);

/* Append the tlog-policy of a verified charter: its replicas, and the quorum of them. */
void genesis_policy(const struct charter_view *view, struct buffer *out);

#define POLICY_SUFFIX ".policy"
#define CHARTER_NAME "charter.genesis"

/* --- Development ----------------------------------------------------------------------------- */

struct genesis_development_options {
    const char *name;   /* NULL: "dev.local/ledger"; must begin with "dev." */
    uint32_t replicas;  /* at least 4 */
    uint16_t base_port; /* replica i listens on base_port + i */
    const char *host;   /* NULL: "127.0.0.1" */
    /* Thresholds, f and parameters, and the name where none is given above; NULL: the usual. */
    const struct genesis_plan *plan;
};

/* Make a development cluster in `folder`, which must be new or empty:
 *
 *     charter.genesis  charter.policy
 *     keys/   m1.key m1.next.key m2... m3...  h1.key  i1.key  w1.key
 *     r0/     r0.key r0.cosign.key r0.transport.key     and so on for every replica
 *     client.key  client.token      append and read everywhere, without limits; bring what officers
 *                                   decided
 *
 * All keys are plain and all under one hand: nothing here is a ceremony. */
MUST_USE enum status genesis_development(const char *folder,
                                         const struct genesis_development_options *options,
                                         uint8_t cluster_id[HASH_BYTES], struct problem *problem);

#endif
