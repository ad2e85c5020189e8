/* The inside of the core, shared by its files and nobody else: core.c (events, actions, time),
 * core_links.c (connections, HELLO, who leads), core_appends.c (requests until
 * they are sent), core_answers.c (what comes back), core_singles.c (receipts fetched one by one),
 * core_asks.c (FETCH and reads). */
#ifndef VESTRY_CLIENT_CORE_PARTS_H
#define VESTRY_CLIENT_CORE_PARTS_H

#include "client/core.h"

/* --- Times, all in ms ------------------------------------------------------------------------ */

#define CORE_GATHER_MS 150     /* before a first send: how long Q connections wait for the rest */
#define CORE_RETRY_MS 600      /* an append without an outcome is sent to all, and again */
#define CORE_RETRY_MAX_MS 4000 /* ... with back-off up to this */
#define CORE_PROOF_WAIT_MS 250 /* committed but not proven: another replica is asked for proofs */
#define CORE_SINGLES_WAIT_MS 1500 /* ... and at last receipts are fetched one by one */
#define CORE_ASK_RETRY_MS 1500    /* an answer that does not come is asked of the next replica */
#define CORE_READ_LIFE_MS 60000
#define CORE_GREETING_MS 5000
#define CORE_REDIAL_MS 100
#define CORE_REDIAL_MAX_MS 5000
#define CORE_REDIAL_LIAR_MS 60000 /* after a failed HELLO: it is not who it should be */

#define CORE_SILENT_MS 10000 /* asked and not heard for so long: the connection is dead */

#define CORE_SLOW_MS 1000 /* asked and not heard for so long: it is worth a word */

#define CORE_ACTIONS_MAX 4096

struct link {
    enum link_state state;
    char why[CORE_WHY_CHARS];
    uint64_t since_ms;
    uint64_t heard_ms;
    uint64_t asked_ms; /* the first frame to it since it was heard last; 0: none */
    uint64_t redial_ms;
    uint64_t backoff_ms;
    uint8_t channel[HASH_BYTES];
    bool proves; /* it was told that proofs are wanted of it */
    uint64_t lies;
    bool reported;
    bool recovering; /* by its own word: it may not sign answers */
    uint64_t epoch;
    uint64_t view;
    uint64_t executed;
};

/* The last answer of a member to an append. */
struct append_answer {
    bool present;
    uint64_t code;
    uint64_t first_index;
    uint64_t count;
    uint64_t height; /* 0: a hint, nothing was executed */
};

/* Entries proven to lie in a tree that one member claims. */
struct append_proof {
    bool present;
    uint32_t member;
    struct attest_claim claim;
    struct parcel_place place;
    uint64_t *stream_indexes;     /* owned */
    uint8_t (*nodes)[HASH_BYTES]; /* owned, of the span */
    struct merkle_span span;
};

struct append {
    bool used;
    uint64_t ticket;
    struct parcel parcel;
    enum core_stage stage;
    enum core_outcome outcome;
    uint64_t code;
    bool adopted;
    uint32_t sends;
    uint64_t retry_ms;
    uint64_t next_send_ms;
    uint64_t committed_ms; /* when W said OK alike; 0: not yet */
    uint64_t proof_asked_ms;
    struct append_answer answers[REPLICAS_MAX];
    struct append_proof proof;
    struct singles *singles; /* the receipts that are fetched one by one, or NULL */
    uint8_t *mark;           /* owned */
    size_t mark_len;
    struct vestry_receipts *receipts;
};

struct ask {
    bool used;
    uint64_t ticket;
    struct ask_spec spec;
    char stream[ID_BYTES_MAX];
    enum ask_state state;
    uint32_t target; /* member, or ROSTER_NOBODY */
    uint64_t deadline_ms;
    uint8_t request_id[HASH_BYTES]; /* of ASK_READ, at that target */
    uint32_t tried;                 /* sets of members: did not answer in time, */
    uint32_t denied;                /* said that there is nothing, */
    uint32_t behind;                /* knew too little, */
    uint32_t banned;                /* sent something false */
    uint64_t denied_code[REPLICAS_MAX];
    uint32_t last_member;
    uint64_t last_code;
    uint32_t lies;
};

struct core {
    struct core_setup setup;
    const struct roster *roster;
    struct attests *attests;
    uint64_t now_ms;
    uint64_t wall_ms;
    uint64_t started_ms; /* of the first event; 0 before */
    uint64_t quorum_ms;  /* since when Q links are up; 0: they are not */
    uint64_t next_no;
    uint64_t next_ticket;
    struct note_key keys[REPLICAS_MAX]; /* of the roster */
    uint32_t prover;                    /* member asked for proofs */
    uint32_t reader;                    /* member that answered a question last */
    uint64_t epoch_hint;                /* the latest that was heard of */
    bool has_leader;
    uint64_t view;
    bool has_newest;
    struct attest_claim newest;
    struct link links[REPLICAS_MAX];
    struct append appends[CORE_APPENDS_MAX];
    struct ask asks[CORE_ASKS_MAX];
    /* Actions: a ring. `owned` is freed when the action after it is taken. */
    struct core_action actions[CORE_ACTIONS_MAX];
    uint8_t *owned[CORE_ACTIONS_MAX];
    uint32_t action_first;
    uint32_t action_count;
    uint8_t *taken; /* memory of the action that was taken last */
};

/* core.c */
/* Forget queued SENDs whose bytes lie in this memory, which is going away. */
void core_drop_sends(struct core *core, const uint8_t *memory, size_t len);
/* Queue an action. `owned` (may be NULL) is memory that the action's bytes lie in. A SEND that does
 * not fit is lost, like one on the wire. */
void core_act(struct core *core, struct core_action action, uint8_t *owned);
/* Queue one frame of an envelope and an attachment. */
void core_send_envelope(struct core *core, uint32_t member, const struct envelope *envelope,
                        struct bytes attachment);
/* A replica says that there is that epoch. */
void core_epoch_seen(struct core *core, uint64_t epoch);
/* Count something provably false against a member. */
void core_lie(struct core *core, uint32_t member, const char *what);
void core_tell(struct core *core, enum core_notice notice, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* core_links.c */
void links_connected(struct core *core, uint32_t member, struct bytes channel);
void links_closed(struct core *core, uint32_t member, struct bytes why);
void links_hello(struct core *core, uint32_t member, const struct envelope *envelope);
void links_status(struct core *core, uint32_t member, struct bytes attachment);
void links_tick(struct core *core);
void links_hang_up(struct core *core, uint32_t member, const char *why, uint64_t redial_after_ms);
/* Ask another member for proofs than the one that is asked now, if there is another. */
void links_move_prover(struct core *core);
/* The member to ask first: connected, without lies, not in `tried`; ROSTER_NOBODY when none. */
MUST_USE uint32_t links_choose(const struct core *core, uint32_t first, uint32_t tried);
void links_ask_status(struct core *core);
MUST_USE uint64_t links_wake_ms(const struct core *core);

/* core_appends.c */
void appends_tick(struct core *core);
void appends_link_lost(struct core *core, uint32_t member);
void appends_close(struct core *core, struct append *append);
MUST_USE uint64_t appends_wake_ms(const struct core *core);
/* Make a parcel with the next number. */
MUST_USE enum status appends_make_parcel(struct core *core, const struct parcel_entry *entries,
                                         size_t count, struct parcel *out);
/* Queue the KEEP of a request, in place of another one (0: none). */
void appends_keep(struct core *core, struct append *append, uint64_t replaces);
/* Whether the next number stays below the lowest that is outstanding, but for `except`, plus 64. */
MUST_USE bool appends_number_is_free(const struct core *core, const struct append *except);

/* core_answers.c */
void answers_reply(struct core *core, uint32_t member, struct bytes body);
/* An answer that W members gave, so that one of them is correct; NULL when there is none yet. */
MUST_USE const struct append_answer *answers_agreed(const struct core *core,
                                                    const struct append *append);
void answers_proof_close(struct append_proof *proof);
/* Finish an append whose receipts were fetched one by one. Takes the memory of both lists when it
 * succeeds; false when out of memory. */
MUST_USE bool answers_finish_singles(struct core *core, struct append *append,
                                     const struct parcel_place *place, uint64_t *stream_indexes,
                                     struct receipts_single *list);

/* core_singles.c */
/* Begin or continue the fetching of receipts, one for each entry, for an append that is committed.
 */
void singles_tick(struct core *core, struct append *append, const struct append_answer *place);
void singles_close(struct core *core, struct singles *singles);

/* core_asks.c */
void asks_data(struct core *core, uint32_t member, const struct envelope *envelope,
               struct bytes attachment);
void asks_read_answer(struct core *core, uint32_t member, const struct envelope *envelope,
                      struct bytes attachment);
void asks_tick(struct core *core);
void asks_link_lost(struct core *core, uint32_t member);
MUST_USE uint64_t asks_wake_ms(const struct core *core);

static inline uint32_t member_bit(uint32_t member)
{
    return UINT32_C(1) << member;
}

#endif
