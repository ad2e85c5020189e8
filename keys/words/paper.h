/* Papers: a proposal on its way between officers, with the reason in words and the ballots that
 * were gathered so far; and a ballot on its own.
 *
 *     paper_read, ballot_read    what a file says: form, reason, and that all belongs together
 *     paper_judge                whether it holds in a configuration: who signed, for which state,
 *                                the action's rule, and how many votes are missing
 *
 * What the log decides is governance/apply.h's; here is found beforehand what it would refuse, so
 * that it can be said in words. Making and signing is keys/paper_make.h. All bytes may come from
 * anywhere. */
#ifndef VESTRY_KEYS_WORDS_PAPER_H
#define VESTRY_KEYS_WORDS_PAPER_H

#include "governance/in_force.h"
#include "keys/words/armour.h"
#include "keys/words/json_line.h"
#include "keys/words/problem.h"

#define PAPER_BYTES_MAX ARMOUR_OBJECT_MAX
#define PAPER_BALLOTS_MAX MEMBERS_MAX
#define BALLOT_BYTES_MAX 512

struct paper_ballot {
    struct ballot ballot;
    struct bytes body; /* as it was signed */
    uint8_t sig[SIG_BYTES];
};

/* New keys of a replica, as a proposal to rotate them has them. */
struct paper_keys {
    uint8_t sign[PUBLIC_KEY_BYTES];
    uint8_t cosign[PUBLIC_KEY_BYTES];
    uint8_t transport[PUBLIC_KEY_BYTES];
    struct card_proof proof;
    struct bytes old_sig; /* the old sign key's over the card; empty: it does not agree */
};

/* Borrows from the object it was read from. */
struct paper {
    struct bytes bundle; /* encoded: what the log gets */
    struct bytes reason; /* what memo_hash of the proposal is the hash of */
    struct bytes body;   /* of the proposal, as it was signed */
    uint8_t sig[SIG_BYTES];
    struct proposal proposal;
    uint32_t rid;           /* that the proposal is about, unless it renews the epoch */
    struct paper_keys keys; /* ACTION_REPLICA_KEY_ROTATE */
    uint8_t pid[HASH_BYTES];
    uint32_t ballot_count;
    struct paper_ballot ballots[PAPER_BALLOTS_MAX];
};

/* Take an object apart. False when it is none, or of an action that is not known here. */
MUST_USE bool paper_parse(struct bytes object, const uint8_t cluster_id[HASH_BYTES],
                          struct paper *out);
MUST_USE bool ballot_parse(struct bytes object, struct paper_ballot *out);

/* The same from a file. `backing` (PAPER_BYTES_MAX, BALLOT_BYTES_MAX) holds what is borrowed. */
MUST_USE enum status paper_read(const char *path, const uint8_t cluster_id[HASH_BYTES],
                                struct buffer *backing, struct paper *out, struct problem *problem);
MUST_USE enum status ballot_read(const char *path, struct buffer *backing, struct paper_ballot *out,
                                 struct problem *problem);

/* Why a paper does not hold, by what follows from it. */
enum paper_fault {
    PAPER_GOOD,
    PAPER_FALSE,    /* a signature that is none, or a ballot about something else */
    PAPER_STRANGER, /* signed by somebody who may not */
    PAPER_STALE,    /* written for another state than this, or its time is over */
    PAPER_RULE,     /* what it proposes cannot be done */
};

struct paper_tally {
    uint32_t needed;
    uint32_t members; /* that may vote */
    uint32_t yes;     /* bit i: the i-th member of the configuration */
    uint32_t no;
};

/* Judge all of it at that time. PAPER_GOOD also while votes are missing; else `problem` says what
 * is wrong and what to do. `tally` is filled in only then. */
MUST_USE enum paper_fault paper_judge(const struct paper *paper, const struct in_force *in_force,
                                      uint64_t now_ms, struct paper_tally *tally,
                                      struct problem *problem);

/* Whether the action could be done to that replica now. New keys are not looked at. */
MUST_USE enum paper_fault paper_rule(uint64_t action, uint32_t rid, const struct in_force *in_force,
                                     struct problem *problem);

/* Whether the card of new keys is a good one of that replica and those keys, the old key agrees
 * where it is said to, and no key is in use that the configuration shows (paper_keys.c). */
MUST_USE enum paper_fault paper_keys_judge(const struct paper *paper,
                                           const struct in_force *in_force,
                                           struct problem *problem);

/* Whether the key is that of a member who may act, and who. */
MUST_USE enum paper_fault paper_officer(const struct in_force *in_force, struct bytes mid,
                                        const uint8_t public_key[PUBLIC_KEY_BYTES], uint64_t now_ms,
                                        uint32_t *member, struct problem *problem);

/* How many yes votes the action needs. */
MUST_USE uint32_t paper_needed(uint64_t action, const struct in_force *in_force);

/* Bit i: a proposal of that action names the version of section i. */
MUST_USE uint32_t paper_reads(uint64_t action);

/* Whether it holds from the next epoch on. */
MUST_USE bool paper_ends_epoch(uint64_t action);

/* How many of a set are in it. */
MUST_USE uint32_t paper_votes(uint32_t set);

/* --- paper_words.c ---------------------------------------------------------------------------- */

#define PAPER_WORDS_MAX 16384

/* Append what the proposal is, as the difference to what is in force, and how the vote stands. */
void paper_words(const struct paper *paper, const struct in_force *in_force,
                 const struct paper_tally *tally, struct buffer *out);

/* Append the fields of a JSON object that was begun. */
void paper_json(const struct paper *paper, const struct in_force *in_force,
                const struct paper_tally *tally, struct json_line *json);

/* Append who is missing: "1 of 2 yes votes (emergency): m1 or m3 is missing". */
void paper_missing_words(const struct paper *paper, const struct in_force *in_force,
                         const struct paper_tally *tally, struct buffer *out);

#endif
