/* Receipts: text files (c2sp.org/tlog-proof@v1) that prove, to anyone and offline, that an entry is
 * in the log.
 *
 *     c2sp.org/tlog-proof@v1
 *     extra <base64 of receipt_extra: the leaf, maybe salt and authorship>
 *     index <n>
 *     <base64 hash>                  one line each, from the leaf's sibling to the root's child
 *     (empty line)
 *     <the checkpoint, a signed note: see note.h>
 *
 * The published form lets the extra line be absent; a receipt of ours always has one. Every line of
 * a key that the checker knows must be good, because other programs refuse the whole note
 * otherwise; lines of unknown keys count for nothing.
 *
 * The module makes, takes apart and verifies; it does no I/O and allocates nothing. Text may come
 * from anywhere. It decides neither which keys count (the caller has the policy, or the charter)
 * nor whether the author had the right: the replicas decided that when they signed. Used by
 * replicas (making), clients and the offline verifier. */
#ifndef VESTRY_CRYPTO_RECEIPT_H
#define VESTRY_CRYPTO_RECEIPT_H

#include "crypto/merkle.h"
#include "crypto/note.h"
#include "crypto/schema.h"

/* A receipt_extra: a leaf, a salt, and authorship with its request, token, statement and path. */
#define RECEIPT_EXTRA_BYTES_MAX 8192

/* One reason each; the first that holds is told. */
#define RECEIPT_VERDICTS(ROW)                                                                      \
    ROW(RECEIPT_OK, "the receipt holds")                                                           \
    ROW(RECEIPT_TOO_LONG, "too long for a receipt")                                                \
    ROW(RECEIPT_BAD_TEXT, "not a proof of the form c2sp.org/tlog-proof@v1")                        \
    ROW(RECEIPT_NO_EXTRA, "a proof without the extra line that holds the entry")                   \
    ROW(RECEIPT_BAD_EXTRA, "the extra line is not what a receipt holds")                           \
    ROW(RECEIPT_BAD_LEAF, "the entry in the extra line is not one")                                \
    ROW(RECEIPT_BAD_NOTE, "the checkpoint is malformed")                                           \
    ROW(RECEIPT_OTHER_ORIGIN, "the checkpoint is of another log")                                  \
    ROW(RECEIPT_OTHER_EPOCH, "the checkpoint is of another epoch than these keys")                 \
    ROW(RECEIPT_BAD_KEYS, "the keys to check with name a replica or a key twice")                  \
    ROW(RECEIPT_BAD_SIGNATURE, "a signature on the checkpoint does not verify")                    \
    ROW(RECEIPT_NO_NOTE_LINE, "no replica's note signature is on the checkpoint")                  \
    ROW(RECEIPT_FEW_COSIGNATURES, "too few replicas have cosigned the checkpoint")                 \
    ROW(RECEIPT_OTHER_INDEX, "the entry says another index than the proof")                        \
    ROW(RECEIPT_OUTSIDE, "the index lies outside the tree of the checkpoint")                      \
    ROW(RECEIPT_PATH, "the path does not lead from the entry to the root")                         \
    ROW(RECEIPT_LEAF_LATER, "the entry says that it is later than the checkpoint")                 \
    ROW(RECEIPT_NO_SALT, "the receipt has no salt, so it says nothing about a payload")            \
    ROW(RECEIPT_PAYLOAD_LENGTH, "the payload has another length than the entry")                   \
    ROW(RECEIPT_PAYLOAD, "the payload is not the entry's")                                         \
    ROW(RECEIPT_AUTHOR_ENCODING, "the part on authorship is malformed")                            \
    ROW(RECEIPT_AUTHOR_STATEMENT, "the author's statement is about another entry")                 \
    ROW(RECEIPT_AUTHOR_PATH, "the statement is not one of the request")                            \
    ROW(RECEIPT_AUTHOR_REQUEST, "the request is not the one that the entry names")                 \
    ROW(RECEIPT_AUTHOR_TOKEN, "the token is not the one that the request names")                   \
    ROW(RECEIPT_AUTHOR_CHAIN, "a block of the token is not by the holder of the one before")       \
    ROW(RECEIPT_AUTHOR_KEY, "the token's holder is not the author that the entry names")           \
    ROW(RECEIPT_AUTHOR_SIGNATURE, "the request's signature does not verify")

#define RECEIPT_ROW_ENUM(name, text) name,
enum receipt_verdict {
    RECEIPT_VERDICTS(RECEIPT_ROW_ENUM) RECEIPT_VERDICT_COUNT
};
#undef RECEIPT_ROW_ENUM

/* The sentence. Never NULL. */
MUST_USE const char *receipt_verdict_text(enum receipt_verdict verdict);

/* --- Making ----------------------------------------------------------------------------------- */

struct receipt_parts {
    uint64_t index;
    struct bytes extra; /* an encoded receipt_extra */
    struct bytes path;  /* hashes one behind the other, at most MERKLE_PATH_MAX */
    struct bytes note;  /* the checkpoint with its lines, as note_filter leaves it */
};

/* Append the text. It says nothing of its truth: verify what you hand out. */
void receipt_put(struct buffer *out, const struct receipt_parts *parts);

/* --- Taking apart ----------------------------------------------------------------------------- */

/* Bytes borrow from the text or, what came out of base64, from the struct's own memory: so it must
 * stay where it is. */
struct receipt {
    uint64_t index;
    struct receipt_extra extra;
    struct leaf leaf;  /* of extra */
    struct bytes path; /* hashes one behind the other */
    struct bytes note; /* the checkpoint with its lines */
    struct bytes checkpoint_text;
    uint8_t path_memory[MERKLE_PATH_MAX][HASH_BYTES];
    uint8_t extra_memory[RECEIPT_EXTRA_BYTES_MAX];
};

/* Read the form, without any check of hashes or signatures: RECEIPT_OK, or RECEIPT_TOO_LONG to
 * RECEIPT_BAD_NOTE. `out` is unspecified unless RECEIPT_OK. */
MUST_USE enum receipt_verdict receipt_parse(struct bytes text, struct receipt *out);

/* --- Verifying -------------------------------------------------------------------------------- */

#define RECEIPT_ANY_EPOCH UINT64_MAX

/* Whom to believe, and how many of them. */
struct receipt_trust {
    const struct sig_scheme *scheme;
    struct origin origin;
    struct note_keyring keyring; /* the replicas of one epoch */
    uint32_t quorum;             /* cosignatures needed, at least 1 */
    uint64_t epoch;              /* of the keyring, or RECEIPT_ANY_EPOCH for keys out of a policy */
    /* All 32 bytes, out of the charter; NULL when only a policy is at hand, which has but half of
     * them: what an author signed can then not be checked. */
    const uint8_t *cluster_id;
};

enum receipt_author {
    RECEIPT_AUTHOR_ABSENT,    /* the receipt says nothing of it */
    RECEIPT_AUTHOR_UNCHECKED, /* it does and fits, but no cluster id was given to verify with */
    RECEIPT_AUTHOR_PROVEN,
};

/* What the receipt proves. */
struct receipt_facts {
    struct note_verdict note; /* signers as sets of keyring positions; the checkpoint */
    uint64_t index;
    uint64_t height;  /* of the entry's block */
    uint64_t time_ms; /* T of that block */
    uint64_t kind;    /* enum leaf_kind */
    size_t stream_len;
    char stream[ID_BYTES_MAX];
    uint64_t stream_index;
    uint64_t payload_len;
    uint8_t payload_hash[HASH_BYTES];
    uint8_t request_id[HASH_BYTES];
    uint8_t author[PUBLIC_KEY_BYTES]; /* the key that signed the request; zero: the log itself */
    enum receipt_author authorship;
    bool has_salt;
    bool payload_proven; /* a payload was given, and it is the entry's */
};

/* Verify everything that the text claims. `payload` may be NULL; given, it must be the entry's.
 * `out` is untouched unless RECEIPT_OK. */
MUST_USE enum receipt_verdict receipt_verify(struct bytes text, const struct receipt_trust *trust,
                                             const struct bytes *payload,
                                             struct receipt_facts *out);

/* Whether the salt and the payload are what the leaf commits to: RECEIPT_OK, _NO_SALT,
 * _PAYLOAD_LENGTH or _PAYLOAD. */
MUST_USE enum receipt_verdict receipt_payload_verify(const struct leaf *leaf, struct bytes salt,
                                                     struct bytes payload);

/* Whether `authorship` (encoded) proves that the leaf's author asked for this entry: RECEIPT_OK or
 * one of RECEIPT_AUTHOR_*. Signatures and the request's id are checked only with a cluster id. The
 * signature on the token's first block is not: it takes the issuer's key. */
MUST_USE enum receipt_verdict receipt_authorship_verify(const struct sig_scheme *scheme,
                                                        const uint8_t *cluster_id,
                                                        const struct leaf *leaf,
                                                        struct bytes authorship);

static_assert(RECEIPT_EXTRA_BYTES_MAX >= LEAF_BYTES_MAX + SALT_BYTES + REQUEST_BODY_BYTES_MAX +
                                             SIG_BYTES + TOKEN_BYTES_MAX +
                                             STATEMENT_BODY_BYTES_MAX +
                                             MERKLE_PATH_MAX * (HASH_BYTES + 2) + 64,
              "an extra line with every part at its largest fits");
static_assert(RECEIPT_BYTES_MAX >=
                  RECEIPT_EXTRA_BYTES_MAX / 3 * 4 + 4 + MERKLE_PATH_MAX * 45 + NOTE_BYTES_MAX + 128,
              "a receipt with every part at its largest fits");

#endif
