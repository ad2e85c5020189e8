/* A pretend cluster for tests of the client's core: replicas that order, execute, prove and attest
 * honestly by the rules of FORMATS unless told to lie, in virtual time, without a network.
 *
 * It is driven by the core's actions and gives the core its events. What the core wants kept is
 * kept in a small journal of its own, so that a test can let the client crash at any action and
 * open a new core on what was kept. */
#ifndef VESTRY_TESTS_SUPPORT_FAKE_CLUSTER_H
#define VESTRY_TESTS_SUPPORT_FAKE_CLUSTER_H

#include "client/core.h"
#include "crypto/receipt.h"

#define FAKE_N 4
#define FAKE_ENTRIES_MAX 4096
#define FAKE_BLOCKS_MAX 1024
#define FAKE_MAIL_MAX 8192
#define FAKE_KEPT_MAX 256

enum fake_lie {
    FAKE_HONEST,
    FAKE_BAD_COSIG,     /* attests with a cosignature that is none */
    FAKE_BAD_NOTE_SIG,  /* attests with a note signature that is none */
    FAKE_BAD_PROOF,     /* a hash of the range proof is wrong */
    FAKE_OTHER_TREE,    /* a header of its own with a proof that holds in it */
    FAKE_OTHER_RESULT,  /* says another index */
    FAKE_REFUSES,       /* says E_QUOTA to everything */
    FAKE_GARBAGE,       /* sends bytes that are no message */
    FAKE_TWO_HEADERS,   /* attests two headers of one height */
    FAKE_OTHER_KEY,     /* says HELLO with another key */
    FAKE_OTHER_CHANNEL, /* says HELLO for another channel */
    FAKE_BAD_RECEIPT,   /* hands out receipts of another entry's leaf */
};

enum fake_read_lie {
    FAKE_READ_HONEST,
    FAKE_READ_BAD_SIGNATURE,
    FAKE_READ_OTHER_ENTRIES, /* than those that were signed */
    FAKE_READ_OTHER_SIGNER,  /* signed with its cosign key */
    FAKE_READ_REPLAY,        /* the answer to the read before */
};

struct fake_replica {
    bool up;         /* answers dials */
    bool mute;       /* connected, takes everything, says nothing */
    bool no_proofs;  /* never sends proofs */
    bool no_replies; /* executes and does not tell */
    enum fake_lie lie;
    enum fake_read_lie read_lie;
    uint64_t read_code; /* what reads are refused with; 0: answered */
    uint64_t delay_ms;
    uint32_t said_hello; /* how often this client has said HELLO with proofs wanted */
    bool connected;
    bool wants_proofs;
    uint8_t channel[HASH_BYTES];
    uint8_t sign_seed[SEED_BYTES];
    uint8_t cosign_seed[SEED_BYTES];
    uint64_t requests; /* frames of ordered requests that it got */
};

struct fake_mail {
    uint64_t at_ms;
    uint64_t order;
    uint32_t member;
    uint8_t *frame; /* owned; without length */
    size_t len;
};

struct fake_block {
    uint64_t height;
    uint64_t time_ms;
    uint64_t first_index;
    uint32_t count;
    uint64_t code;
    uint8_t request_id[HASH_BYTES];
    uint64_t request_no;
    uint8_t header[HEADER_BYTES_MAX];
    size_t header_len;
    uint64_t tree_size;
    uint8_t tree_root[HASH_BYTES];
};

struct fake_kept {
    bool used;
    uint64_t request_no;
    uint8_t *frame; /* owned */
    size_t len;
};

struct fake {
    struct roster roster; /* that the client knows */
    struct roster real;   /* that the replicas are */
    struct origin origin;
    uint8_t cluster_id[HASH_BYTES];
    const struct sig_scheme *scheme;
    struct secret_key key;
    struct bytes token;
    uint8_t token_memory[TOKEN_BYTES_MAX];
    struct core *core;
    struct core_setup setup;
    uint64_t now_ms;
    uint64_t wall_ms;
    uint64_t entropy_state;
    struct fake_replica replicas[FAKE_N];
    struct fake_mail mail[FAKE_MAIL_MAX];
    uint32_t mail_count;
    uint64_t mail_order;
    uint64_t leaves;
    uint8_t leaf_hashes[FAKE_ENTRIES_MAX][HASH_BYTES];
    uint8_t leaf_bytes[FAKE_ENTRIES_MAX][LEAF_BYTES_MAX];
    size_t leaf_len[FAKE_ENTRIES_MAX];
    struct fake_block blocks[FAKE_BLOCKS_MAX];
    uint64_t height;
    uint64_t stream_len; /* one stream is enough */
    uint64_t view;
    uint32_t reads;
    uint32_t reads_misbound; /* meant for another replica, or badly signed: must stay 0 */
    uint8_t last_read_id[HASH_BYTES];
    uint64_t refuse_code; /* what the next request is refused with; 0: appended */
    bool lose_requests;   /* requests never arrive */
    bool others_busy;     /* other clients move the log on with every tick */
    struct fake_kept kept[FAKE_KEPT_MAX];
    uint32_t kept_total;
    uint32_t sent_unkept; /* requests that left before they were kept: must stay 0 */
    uint32_t crash_after; /* stop carrying out actions after that many; 0: never */
    uint32_t actions_done;
    uint32_t lies_told;
    uint32_t views_told;
};

/* Four honest replicas that answer within a millisecond, and an open core. */
void fake_open(struct fake *fake);
void fake_close(struct fake *fake);

/* Carry out actions, deliver mail and tick until `until_ms` has passed or `done` says so. */
typedef bool fake_done(struct fake *fake, void *context);
bool fake_run(struct fake *fake, uint64_t for_ms, fake_done *done, void *context);

/* One entry of stream "orders" with that text; returns the ticket. */
uint64_t fake_append(struct fake *fake, const char *text);
uint64_t fake_append_many(struct fake *fake, uint32_t count);

/* Run until the append has an outcome, for at most `for_ms`. */
enum core_outcome fake_finish(struct fake *fake, uint64_t ticket, uint64_t for_ms);

/* Throw the core away and open a new one on what was kept, as a client that crashed. */
void fake_crash(struct fake *fake);

/* How often the log has the request of that ticket (0, 1, or a bug). */
uint32_t fake_times_in_log(const struct fake *fake, uint64_t request_no);

/* An epoch begins in which a replica has other keys; the client has not followed yet. And it has:
 * it knows the replicas as they are. */
void fake_epoch(struct fake *fake, uint32_t member);
void fake_follow(struct fake *fake);

/* Cut the connection of a replica. */
void fake_cut(struct fake *fake, uint32_t member);

/* Trust for receipts of this log. */
struct receipt_trust fake_trust(const struct fake *fake, struct note_key keys[REPLICAS_MAX]);

#endif
