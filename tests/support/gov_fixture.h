/* A small cluster on paper for tests of governance: charter, keys, tokens and requests, each made
 * from plain fields that a test may bend before it asks for the bytes.
 *
 * Every seed comes from a name, so everything is the same in every run. Nothing here is checked:
 * what is made wrong comes out wrong. */
#ifndef VESTRY_TESTS_SUPPORT_GOV_FIXTURE_H
#define VESTRY_TESTS_SUPPORT_GOV_FIXTURE_H

#include "crypto/schema.h"
#include "crypto/sign.h"
#include "governance/charter.h"
#include "governance/genesis.h"
#include "governance/rights.h"

#define FIXTURE_DATE UINT64_C(1800000000000)
#define FIXTURE_HOUR UINT64_C(3600000)

struct gov_fixture {
    const struct sig_scheme *scheme;
    struct charter charter; /* lists are filled in from the rows below */
    uint32_t member_count;
    uint32_t recovery_count;
    uint32_t replica_count;
    uint32_t issuer_count;
    uint32_t witness_count;
    uint32_t param_count;
    uint32_t issuer_key_count[ISSUERS_MAX];
    uint32_t prefix_count[ISSUERS_MAX];
    struct member_row members[MEMBERS_MAX];
    struct key_row recovery[RECOVERY_MAX];
    struct replica_row replicas[REPLICAS_MAX];
    struct issuer_row issuers[ISSUERS_MAX];
    struct issuer_key issuer_keys[ISSUERS_MAX][ISSUER_KEYS_MAX];
    const char *prefixes[ISSUERS_MAX][STREAM_PREFIXES_MAX];
    struct key_row witnesses[WITNESSES_MAX];
    struct param_row params[PARAMS_MAX];
    char ids[256][48];
    uint32_t ids_used;
    uint8_t lists[8][65536];
    uint8_t body[65536];
    size_t body_len;
    uint8_t file[131072];
    size_t file_len;
};

/* Five members, three recovery holders, `replicas` replicas with f = (replicas - 1) / 3, two
 * issuers with two generations each, one witness. Issuer 0 may append, read and govern under `pay`
 * and `log`; issuer 1 everything, everywhere. */
void gov_fixture_init(struct gov_fixture *fixture, const struct sig_scheme *scheme,
                      uint32_t replicas);

/* The seed of a name: "m1", "r0 cosign", "alice". */
void gov_seed(const char *name, uint8_t out[SEED_BYTES]);
void gov_public_key(const struct sig_scheme *scheme, const char *name,
                    uint8_t out[PUBLIC_KEY_BYTES]);

/* The seed of a key of the charter: "m1", "r0", "r0 cosign", "r0 transport", "i1 0", "h1", "w1". */
void gov_charter_seed(const struct charter_key *key, uint8_t out[SEED_BYTES]);

/* Encode what the fields say. The bytes live in the fixture. */
struct bytes gov_fixture_body(struct gov_fixture *fixture);
/* And sign it with everyone's keys. */
struct bytes gov_fixture_file(struct gov_fixture *fixture);

/* The state and rights after genesis. `records` bounds the state. */
struct gov_world {
    struct state *state;
    struct rights rights;
    struct charter_view charter;
};
void gov_world_open(struct gov_world *world, struct gov_fixture *fixture, uint32_t records);
void gov_world_close(struct gov_world *world);

/* --- Tokens and requests --------------------------------------------------------------------- */

struct gov_block {
    struct cap_block body; /* parent, holder and prefixes are filled in, unless kept */
    bool keep_parent;
    const char *prefixes[STREAM_PREFIXES_MAX];
    uint32_t prefix_count;
    const char *holder;    /* name of its seed */
    const char *signed_by; /* name of its signer's seed; NULL: who should */
};

struct gov_token {
    uint32_t issuer; /* index */
    uint32_t count;
    struct gov_block blocks[TOKEN_BLOCKS_MAX + 1];
    uint8_t bytes[4 * TOKEN_BYTES_MAX];
    size_t len;
};

/* A chain of `count` blocks for the holders "alice", "bob", "carol", "dave", "erin": append and
 * read under `pay`, an hour long from genesis on, ample quotas, depth as deep as it needs. */
void gov_token_init(struct gov_token *token, uint32_t issuer, uint32_t count);
struct bytes gov_token_make(struct gov_token *token, const struct gov_world *world,
                            const struct sig_scheme *scheme);

struct gov_statement {
    const char *stream;
    uint64_t payload_len;
    uint64_t expect;
};

struct gov_request {
    struct request body; /* author, entries_root and count are filled in, unless kept */
    bool keep_author;
    bool keep_root;
    const char *author;   /* name of the seed that signs; NULL: the leaf holder */
    struct bytes payload; /* of each statement, in place of zeros; empty: zeros */
    struct gov_statement statements[STATEMENTS_MAX];
    uint32_t count;
    uint8_t request[REQUEST_BODY_BYTES_MAX];
    uint8_t list[ITEM_BYTES_MAX];
    uint8_t bytes[ITEM_BYTES_MAX];
    size_t len;
    struct item item; /* borrows from the above and from the token */
};

/* The hash of a payload of so many zero bytes under a zero salt; beyond the maximum, of nothing. */
#define GOV_PAYLOAD_MAX 4096
void gov_payload_hash(uint64_t payload_len, uint8_t out[HASH_BYTES]);

/* Append one entry of 100 bytes to pay/eu, ten seconds to live from genesis. */
void gov_request_init(struct gov_request *request, uint64_t request_no);
/* `token` may be NULL: a governed key, whose seed `author` names. */
struct bytes gov_request_make(struct gov_request *request, const struct gov_token *token,
                              const struct gov_world *world, const struct sig_scheme *scheme);

#endif
