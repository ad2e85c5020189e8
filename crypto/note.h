/* Checkpoints: the text that replicas attest, and the signed note around it.
 *
 *     <charter name>/<first 32 hex digits of the cluster id>       the origin
 *     <tree_size>
 *     <base64 tree_root>
 *     vestry/1 <height> <epoch> <time_ms> <base64 header_hash>
 *     (empty line)
 *     — <origin> <base64 of key id, signature>                     0x01: sign keys, one a replica
 *     — <origin>/r<rid> <base64 of key id, time, signature>        0x04: cosign keys
 *
 * The formats are c2sp.org/signed-note, tlog-checkpoint and tlog-cosignature (cosignature/v1), so
 * that programs nobody here wrote can check every line. All sign keys share one key name, the
 * origin, and differ in their key ids.
 *
 * The module makes, parses and checks; it neither decides which keys count nor how many are enough
 * (the caller has the configuration), and it does no I/O and allocates nothing. Text may come from
 * anywhere: whatever is not exactly of this form is refused, with a reason. */
#ifndef VESTRY_CRYPTO_NOTE_H
#define VESTRY_CRYPTO_NOTE_H

#include "crypto/bytes.h"
#include "crypto/limits.h"
#include "crypto/sign.h"

#define ORIGIN_HEX_CHARS 32
#define ORIGIN_BYTES_MAX (ID_BYTES_MAX + 1 + ORIGIN_HEX_CHARS)
/* Origin, three numbers of the extension line and the size at 20 digits, two hashes, the rest. */
#define CHECKPOINT_TEXT_MAX (ORIGIN_BYTES_MAX + 4 * 20 + 2 * 44 + 32)
#define COSIGNED_TEXT_MAX (CHECKPOINT_TEXT_MAX + 64) /* cosignature/v1 and time lines before it */
#define REPLICA_NAME_MAX 11                          /* "r" and a rid of at most 10 digits */
#define REPLICA_ID_MAX (UINT32_MAX - 1)              /* what is left stands for nobody in memory */
#define NOTE_KEY_NAME_MAX (ORIGIN_BYTES_MAX + 1 + REPLICA_NAME_MAX)
#define NOTE_KEY_ID_BYTES 4
#define NOTE_LINES_MAX (3 * REPLICAS_MAX) /* ours, and some of other witnesses */
#define VKEY_TEXT_MAX (NOTE_KEY_NAME_MAX + 1 + 8 + 1 + 44)

#define NOTE_TIME_BYTES 8 /* before the signature of a 0x04 line, big endian, in seconds */
#define NOTE_LINE_SIG_MAX (NOTE_TIME_BYTES + SIG_BYTES)

enum note_key_type {
    NOTE_SIGN = 0x01,   /* Ed25519 over the text */
    NOTE_COSIGN = 0x04, /* Ed25519 over the time and the text */
};

enum note_result {
    NOTE_OK,
    NOTE_TOO_LONG,     /* more bytes, or more lines, than a note may have */
    NOTE_NOT_A_NOTE,   /* not text, blank line and signature lines */
    NOTE_BAD_TEXT,     /* the text is not a checkpoint of this form */
    NOTE_BAD_LINE,     /* a signature line that is not one */
    NOTE_OTHER_ORIGIN, /* a checkpoint of another log */
    NOTE_BAD_KEYS,     /* the keyring names a replica or a key twice, or is too large */
};

/* A short lower-case phrase for messages. Never NULL. */
MUST_USE const char *note_result_text(enum note_result result);

struct origin {
    size_t len;
    char text[ORIGIN_BYTES_MAX];
};

/* The origin of the log of that charter. False when the charter's name is not an identifier. */
MUST_USE bool origin_make(struct bytes charter_name, const uint8_t cluster_id[HASH_BYTES],
                          struct origin *out);
MUST_USE struct bytes origin_bytes(const struct origin *origin);

struct checkpoint {
    struct origin origin;
    uint64_t tree_size; /* at most LOG_ENTRIES_MAX */
    uint8_t tree_root[HASH_BYTES];
    uint64_t height;
    uint64_t epoch;
    uint64_t time_ms;
    uint8_t header_hash[HASH_BYTES];
};

/* Append the text, which is what 0x01 lines sign. Every replica makes the same bytes. */
void checkpoint_text(const struct checkpoint *checkpoint, struct buffer *out);

/* Read a text, which must be exactly what checkpoint_text would make of the result. NOTE_OK or
 * NOTE_BAD_TEXT. `out` is untouched unless NOTE_OK. */
MUST_USE enum note_result checkpoint_parse(struct bytes text, struct checkpoint *out);

/* Append what a 0x04 line signs: the lines "cosignature/v1" and "time <seconds>", then the text,
 * with floor(time_ms / 1000) seconds, which every replica computes alike. */
void checkpoint_cosigned_text(struct bytes text, uint64_t time_ms, struct buffer *out);

/* --- Keys ------------------------------------------------------------------------------------ */

/* What a checker must know of one replica. */
struct note_key {
    uint32_t rid;
    uint8_t sign_key[PUBLIC_KEY_BYTES];
    uint8_t cosign_key[PUBLIC_KEY_BYTES];
};

struct note_keyring {
    const struct note_key *keys;
    size_t count;
};

/* Whether nothing can be counted twice: at most REPLICAS_MAX keys, every rid one that a replica
 * can have, no rid, no public key, and no key id within one key name twice. */
MUST_USE bool note_keyring_is_valid(struct note_keyring keyring, struct bytes origin);

/* Append a replica's name as people and key names have it: "r7". No id is used again, so
 * that it may be any number to REPLICA_ID_MAX, however few replicas there are. */
void replica_name_put(struct buffer *out, uint32_t rid);

/* Read such a name. False when it is none, or has a leading zero. `rid` is set on true only. */
MUST_USE bool replica_name_parse(struct bytes name, uint32_t *rid);

/* Append the key name of that replica's key of that type; `rid` matters for NOTE_COSIGN only. */
void note_key_name_put(struct buffer *out, struct bytes origin, enum note_key_type type,
                       uint32_t rid);

/* The first four bytes of SHA-256(name || 0x0A || type || key). */
void note_key_id(struct bytes name, enum note_key_type type, const uint8_t key[PUBLIC_KEY_BYTES],
                 uint8_t out[NOTE_KEY_ID_BYTES]);

/* Append the key as text for other programs: "<name>+<key id in hex>+<base64 of type, key>". */
void note_vkey_put(struct buffer *out, struct bytes origin, enum note_key_type type, uint32_t rid,
                   const uint8_t key[PUBLIC_KEY_BYTES]);

/* --- Making a note --------------------------------------------------------------------------- */

/* Append one signature line. The signature is over the text (NOTE_SIGN) or over the cosigned text
 * (NOTE_COSIGN); the origin and the time are the checkpoint's. It is not checked. */
void note_line_put(struct buffer *out, const struct checkpoint *checkpoint, enum note_key_type type,
                   uint32_t rid, const uint8_t key[PUBLIC_KEY_BYTES], const uint8_t sig[SIG_BYTES]);

/* Sign the checkpoint with a key of that type. */
void checkpoint_sign(const struct sig_scheme *scheme, const struct checkpoint *checkpoint,
                     enum note_key_type type, const uint8_t seed[SEED_BYTES],
                     const uint8_t key[PUBLIC_KEY_BYTES], uint8_t out[SIG_BYTES]);
MUST_USE bool checkpoint_verify(const struct sig_scheme *scheme,
                                const struct checkpoint *checkpoint, enum note_key_type type,
                                const uint8_t key[PUBLIC_KEY_BYTES], const uint8_t sig[SIG_BYTES]);

/* --- Reading a note -------------------------------------------------------------------------- */

/* Split a note at its last empty line. Both borrow: `text` ends in a newline, `lines` are the
 * signature lines, at least one. */
MUST_USE enum note_result note_split(struct bytes note, struct bytes *text, struct bytes *lines);

struct note_line {
    struct bytes whole; /* with its newline */
    struct bytes name;
    uint8_t key_id[NOTE_KEY_ID_BYTES];
    size_t sig_len; /* after the key id: 64, or with its time 72; other kinds of key have others */
    uint8_t sig[NOTE_LINE_SIG_MAX]; /* zeroes when sig_len is larger than this */
};

/* Take the first line off `lines`, which must not be empty. */
MUST_USE enum note_result note_line_next(struct bytes *lines, struct note_line *out);

/* What a check of a note found. Bit i stands for keys[i] of the keyring; a replica counts once,
 * however many lines it has. */
struct note_verdict {
    struct checkpoint checkpoint;
    uint32_t signed_by;   /* good 0x01 lines */
    uint32_t cosigned_by; /* good 0x04 lines with the checkpoint's own time */
    uint32_t bad_sign;    /* keys[i]'s 0x01 line is not a signature of this text */
    uint32_t bad_cosign;  /* keys[i]'s 0x04 line is not, or its time differs */
    uint32_t lines;
    uint32_t unknown; /* lines of other keys: neither good nor bad */
};

/* How many replicas are in a set of the verdict. */
MUST_USE uint32_t note_count(uint32_t set);

/* Parse the note and check every line of a known key. NOTE_OK says only that the verdict is filled
 * in: the caller compares the counts with its quorum, and refuses a note with bad lines where the
 * other programs would. `out` is untouched otherwise. */
MUST_USE enum note_result note_check(const struct sig_scheme *scheme, struct bytes note,
                                     const struct origin *origin, struct note_keyring keyring,
                                     struct note_verdict *out);

/* The same, and append to `out` the note out of its good lines only: one bad line of a known key
 * makes other programs reject a whole note, so whoever assembles or serves one drops them. Doubled
 * lines and lines of unknown keys are dropped too. Appends nothing when no line is good. */
MUST_USE enum note_result note_filter(const struct sig_scheme *scheme, struct bytes note,
                                      const struct origin *origin, struct note_keyring keyring,
                                      struct note_verdict *verdict, struct buffer *out);

static_assert(REPLICAS_MAX <= 32, "a set of replicas, by place in the keyring, is 32 bits here");
static_assert(CHECKPOINT_TEXT_MAX + 1 + REPLICAS_MAX * (2 * (NOTE_KEY_NAME_MAX + 6) + 92 + 104) <=
                  NOTE_BYTES_MAX,
              "a note with every line of every replica fits");

#endif
