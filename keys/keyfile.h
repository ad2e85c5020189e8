/* Secret keys, in memory and at rest.
 *
 * A key file is armour around a key_file object (FORMATS): the header says whose key it is and how
 * the rest is sealed, the rest is the 32-byte seed. People's keys are sealed with a passphrase
 * (argon2id, XChaCha20-Poly1305, the header as associated data); replicas start unattended, so
 * theirs are not, and the file's permissions are all there is. One file holds one key; the three of
 * replica r0 are r0.key (sign), r0.cosign.key and r0.transport.key.
 *
 *   custody of people    members, recovery holders, issuers, holders, witnesses: refused when the
 *                        group or others may do anything with it, when somebody else owns it, and
 *                        when the last part of the path is a symlink
 *   custody of replicas  replica, cosign, transport: symlinks are followed (credentials, secret
 *                        mounts); refused when others may read it or the group may write it, or
 *                        when the owner is neither this user nor root
 *
 * The public half is always derived from the seed and compared: what the file says is never used
 * to sign. Used by the tools, the server and the client. */
#ifndef VESTRY_KEYS_KEYFILE_H
#define VESTRY_KEYS_KEYFILE_H

#include "crypto/limits.h"
#include "crypto/numbers.h"
#include "crypto/sign.h"
#include "keys/secret.h"

#define KEYFILE_SUFFIX ".key"
#define PASSPHRASE_BYTES_MAX 1024
#define PASSPHRASE_CHARS_MIN 12 /* of a new key */

struct secret_key {
    uint64_t role;                  /* enum role */
    char subject[ID_BYTES_MAX + 1]; /* "m1", "r0" */
    uint8_t public_key[PUBLIC_KEY_BYTES];
    struct secret seed;
    bool plain; /* came from, or goes to, a file without a passphrase */
};

/* How a new file is sealed. */
enum key_seal {
    KEY_SEAL_NONE,      /* replicas, unattended clients, development */
    KEY_SEAL_MODERATE,  /* 256 MiB, about 1 s: where the machine cannot do more */
    KEY_SEAL_SENSITIVE, /* 1 GiB, about 5 s */
};

/* What the caller expects of a file; a file of somebody else is refused with STATUS_MISMATCH. */
struct key_expected {
    uint64_t role;             /* 0: any */
    const char *subject;       /* NULL: any */
    const uint8_t *public_key; /* NULL: any */
};

/* Where a passphrase comes from: called at most once, and only when the file needs one. Fills
 * `passphrase` (opened, PASSPHRASE_BYTES_MAX) and sets its len. */
struct passphrase_source {
    enum status (*ask)(void *context, const char *path, struct secret *passphrase,
                       struct problem *problem);
    void *context;
};

MUST_USE bool role_is_of_replica(uint64_t role);

/* Draw a new key. STATUS_INVALID when `subject` is not an identifier. Close with
 * secret_key_close, as after every successful function below. */
MUST_USE enum status secret_key_new(struct secret_key *key, uint64_t role, const char *subject,
                                    struct problem *problem);

void secret_key_close(struct secret_key *key);

/* Sign the 96-byte statement of `body`. */
void secret_key_sign(const struct secret_key *key, enum sign_tag tag,
                     const uint8_t cluster_id[HASH_BYTES], struct bytes body,
                     uint8_t out[SIG_BYTES]);

/* Create the file, 0600, and sync it and its folder. `passphrase` is not looked at for
 * KEY_SEAL_NONE. */
MUST_USE enum status keyfile_create(const char *path, const struct secret_key *key,
                                    enum key_seal seal, const struct secret *passphrase,
                                    struct problem *problem);

/* Read and open the file. `source` may be NULL when it must not need a passphrase. STATUS_REFUSED:
 * permissions; STATUS_CORRUPT: not a key file, wrong passphrase or changed bytes; STATUS_MISMATCH:
 * not the expected one. */
MUST_USE enum status keyfile_load(const char *path, const struct key_expected *expected,
                                  const struct passphrase_source *source, struct secret_key *key,
                                  struct problem *problem);

/* What the header says, without opening the seal: for messages. Nothing in it is proven. */
struct keyfile_info {
    uint64_t role;
    char subject[ID_BYTES_MAX + 1];
    uint8_t public_key[PUBLIC_KEY_BYTES];
    bool plain;
    uint64_t ops;
    uint64_t mem_bytes;
};
MUST_USE enum status keyfile_info(const char *path, struct keyfile_info *info,
                                  struct problem *problem);

/* Files are refused that cost less than KEY_SEAL_MODERATE or more than KEY_SEAL_SENSITIVE. For
 * tests alone: seal cheaply, and take files that are. No program that is installed calls this. */
void keyfile_seal_cheaply_for_tests(void);

#endif
