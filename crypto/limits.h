/* Every bound of the system in one place, and how the bounds relate.
 *
 * A governed parameter may be lower than the bound here, never higher. Units are in the names:
 * `_BYTES` octets, `_MS` milliseconds, otherwise a count. Any module may include this. */
#ifndef VESTRY_CRYPTO_LIMITS_H
#define VESTRY_CRYPTO_LIMITS_H

#include <assert.h>
#include <stdint.h>

/* Primitives: SHA-256 and Ed25519 (RFC 8032). */
#define HASH_BYTES 32
#define SIG_BYTES 64
#define PUBLIC_KEY_BYTES 32
#define SEED_BYTES 32
#define TAG_BYTES 32
#define STATEMENT_BYTES 96
#define SALT_BYTES 16

/* The cast of a cluster. */
#define REPLICAS_MAX 28 /* f = 9 */
#define MEMBERS_MAX 32
#define RECOVERY_MAX 32
#define ISSUERS_MAX 64
#define ISSUER_KEYS_MAX 8 /* generations kept for one issuer */
#define WITNESSES_MAX 32
/* One for each member, and one for each key on the card of everybody else. */
#define CHARTER_SIGS_MAX                                                                           \
    (MEMBERS_MAX + RECOVERY_MAX + 3 * REPLICAS_MAX + ISSUERS_MAX * ISSUER_KEYS_MAX + WITNESSES_MAX)
#define PARAMS_MAX 64
#define ENDPOINTS_MAX 4
#define FREEZES_MAX 64
#define BUILDS_MAX 16
#define REVOKED_MAX 4096
#define SECTION_BYTES_MAX (1u << 20) /* the body of a section */
#define SNAPSHOT_KEY_BYTES_MAX 160

/* Text. */
#define ID_BYTES_MAX 64    /* identifiers: segments [a-z0-9][a-z0-9._-]* joined by '/' */
#define NAME_BYTES_MAX 128 /* free text: printable UTF-8 */
#define ENDPOINT_BYTES_MAX 256
#define PROPOSAL_REASON_BYTES_MAX 1024

/* Requests and batches. */
#define PAYLOAD_BYTES_MAX (1u << 20)
#define GOVERNANCE_BYTES_MAX (64u << 10)
#define STATEMENTS_MAX 1024
#define STATEMENT_BODY_BYTES_MAX 192
#define REQUEST_BODY_BYTES_MAX 256
#define TOKEN_BLOCKS_MAX 5
#define TOKEN_BYTES_MAX 2048
#define TOKEN_BLOCK_BYTES_MAX 1024
#define STREAM_PREFIXES_MAX 8
#define ITEM_BYTES_MAX (256u << 10)       /* request, signature, token, statements */
#define ITEM_PAYLOAD_BYTES_MAX (2u << 20) /* payloads and salts beside one item */
#define BATCH_ITEMS_MAX 512
#define BATCH_BYTES_MAX (2u << 20)         /* items only */
#define BATCH_PAYLOAD_BYTES_MAX (4u << 20) /* payloads and salts beside a batch */
#define BATCH_STATEMENTS_MAX 65536
#define RESULT_LEAVES_MAX 1040 /* leaves of a block that no request has asked for */

/* Consensus. */
#define CHECKPOINT_INTERVAL_MAX 128
#define WINDOW_MAX 256
#define SLOTS_IN_FLIGHT_MAX 16
#define SESSION_WINDOW 64
#define CHECKPOINT_ROOTS_KEPT 8

/* Transport. */
#define FRAME_HEADER_BYTES 4
#define ENVELOPE_BODY_BYTES_MAX (8u << 20)  /* a NEW-VIEW at n = 28 takes 6.7 MB */
#define FRAME_BYTES_MAX ((8u << 20) + 4096) /* from a replica to a replica */
#define CLIENT_FRAME_BYTES_MAX (3u << 20)

/* The log. 2^48 entries at 50,000 a second take 178 years. */
#define LOG_ENTRIES_MAX (UINT64_C(1) << 48)
#define MERKLE_PATH_MAX 48
#define LEAF_BYTES_MAX 512
#define HEADER_BYTES_MAX 512
#define RESULT_BYTES_MAX 128
#define NOTE_BYTES_MAX 16384
#define RECEIPT_BYTES_MAX 32768

/* Canonical encoding. */
#define WIRE_DEPTH_MAX 6

#define U64_UNLIMITED UINT64_MAX
#define NO_BOUNDARY UINT64_MAX

static_assert(REPLICAS_MAX <= 64, "a set of replicas is one 64-bit word");
static_assert(WINDOW_MAX >= 2 * CHECKPOINT_INTERVAL_MAX, "L >= 2K, PROTOCOL: state");
/* An encoded statement takes 42 bytes at least. */
static_assert(BATCH_BYTES_MAX / 42 + RESULT_LEAVES_MAX <= BATCH_STATEMENTS_MAX,
              "a block has at most as many leaves as a batch may have statements");
static_assert(BATCH_BYTES_MAX + BATCH_PAYLOAD_BYTES_MAX + 64 * 1024 <= FRAME_BYTES_MAX,
              "a batch with its payloads fits one frame");
static_assert(ITEM_BYTES_MAX + ITEM_PAYLOAD_BYTES_MAX + 1024 <= CLIENT_FRAME_BYTES_MAX,
              "a request with its payloads fits one frame of a client");
static_assert(STATEMENTS_MAX * (STATEMENT_BODY_BYTES_MAX + 3) + TOKEN_BYTES_MAX +
                      REQUEST_BODY_BYTES_MAX + SIG_BYTES + 64 <=
                  ITEM_BYTES_MAX,
              "the largest request fits an item");
static_assert(PAYLOAD_BYTES_MAX + SALT_BYTES + 16 <= ITEM_PAYLOAD_BYTES_MAX,
              "the largest payload fits an item");
static_assert(ITEM_BYTES_MAX + 64 <= BATCH_BYTES_MAX, "one item fits a batch");
static_assert(ITEM_PAYLOAD_BYTES_MAX <= BATCH_PAYLOAD_BYTES_MAX, "one item fits a batch");

#endif
