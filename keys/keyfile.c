#include "keys/keyfile.h"

#include "crypto/name.h"
#include "crypto/schema.h"
#include "keys/keyfile_access.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define KDF_NAME "argon2id13"
#define KDF_NONE_NAME "none"
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define SEALED_BYTES (SEED_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES)
/* A header, an identifier and everything else at its largest. */
#define OBJECT_BYTES_MAX 512

static_assert(NONCE_BYTES == 24 && SEALED_BYTES == SEED_BYTES + 16, "sizes of FORMATS");
static_assert(crypto_pwhash_argon2id_SALTBYTES == SALT_BYTES, "sizes of FORMATS");

struct kdf_cost {
    uint64_t ops;
    uint64_t mem_bytes;
};

static const struct kdf_cost cost_moderate = {crypto_pwhash_argon2id_OPSLIMIT_MODERATE,
                                              crypto_pwhash_argon2id_MEMLIMIT_MODERATE};
static const struct kdf_cost cost_sensitive = {crypto_pwhash_argon2id_OPSLIMIT_SENSITIVE,
                                               crypto_pwhash_argon2id_MEMLIMIT_SENSITIVE};
static const struct kdf_cost cost_cheap = {crypto_pwhash_argon2id_OPSLIMIT_MIN,
                                           crypto_pwhash_argon2id_MEMLIMIT_MIN};
static bool cheap;

void keyfile_seal_cheaply_for_tests(void)
{
    cheap = true;
}

bool role_is_of_replica(uint64_t role)
{
    return role == ROLE_REPLICA || role == ROLE_COSIGN || role == ROLE_TRANSPORT;
}

static enum secret_lock lock_of(uint64_t role)
{
    return role_is_of_replica(role) ? SECRET_LOCK_WANTED : SECRET_LOCK_REQUIRED;
}

/* --- Keys in memory -------------------------------------------------------------------------- */

enum status secret_key_new(struct secret_key *key, uint64_t role, const char *subject,
                           struct problem *problem)
{
    struct secret_key made = {.role = role};

    if (!name_is_id(bytes_of_text(subject))) {
        (void)problem_say(problem, STATUS_INVALID, "\"%s\" cannot be an id", subject);
        return problem_advise(problem, "use a-z, 0-9, '.', '_' and '-', at most %d characters",
                              ID_BYTES_MAX);
    }
    memcpy(made.subject, subject, strlen(subject) + 1);
    const enum status status = secret_open(&made.seed, SEED_BYTES, lock_of(role), problem);
    if (status != STATUS_OK) {
        return status;
    }
    randombytes_buf(made.seed.data, SEED_BYTES);
    made.seed.len = SEED_BYTES;
    sig_ed25519.public_key(made.seed.data, made.public_key);
    *key = made;
    return STATUS_OK;
}

void secret_key_close(struct secret_key *key)
{
    secret_close(&key->seed);
    *key = (struct secret_key){0};
}

void secret_key_sign(const struct secret_key *key, enum sign_tag tag,
                     const uint8_t cluster_id[HASH_BYTES], struct bytes body,
                     uint8_t out[SIG_BYTES])
{
    sign_body(&sig_ed25519, key->seed.data, key->public_key, tag, cluster_id, body, out);
}

/* --- Sealing --------------------------------------------------------------------------------- */

/* The header is everything before the sealed part: what `object` encodes to, without its last
 * field and that field's two bytes of msgpack head. */
static struct bytes header_of(struct bytes object, size_t sealed_len)
{
    const size_t tail = sealed_len + 2;

    CHECK(object.len > tail);
    return bytes_slice(object, 0, object.len - tail);
}

/* `sealed` is SEALED_BYTES. */
static enum status derive(const struct key_file *file, const struct secret *passphrase,
                          struct secret *out, struct problem *problem)
{
    enum status status =
        secret_open(out, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, lock_of(file->role), problem);
    if (status != STATUS_OK) {
        return status;
    }
    out->len = out->capacity;
    if (crypto_pwhash(out->data, out->len, (const char *)passphrase->data, passphrase->len,
                      file->salt.data, file->ops, (size_t)file->mem,
                      crypto_pwhash_ALG_ARGON2ID13) != 0) {
        secret_close(out);
        (void)problem_say(problem, STATUS_NO_MEMORY,
                          "this machine has not the %llu MiB that the passphrase needs",
                          (unsigned long long)(file->mem >> 20));
        return problem_advise(problem, "close other programs, or use a machine with more memory");
    }
    return STATUS_OK;
}

static enum status seal(struct key_file *file, const struct secret_key *key,
                        const struct secret *passphrase, uint8_t sealed[SEALED_BYTES],
                        struct problem *problem)
{
    uint8_t raw[OBJECT_BYTES_MAX];
    struct buffer object = buffer_make(raw, sizeof(raw));
    struct secret derived = {0};

    const enum status status = derive(file, passphrase, &derived, problem);
    if (status != STATUS_OK) {
        return status;
    }
    memset(sealed, 0, SEALED_BYTES);
    file->sealed = bytes_make(sealed, SEALED_BYTES);
    CHECK(key_file_encode(file, &object));
    const struct bytes header = header_of(buffer_bytes(&object), SEALED_BYTES);
    CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, key->seed.data, SEED_BYTES,
                                                     header.data, header.len, NULL,
                                                     file->nonce.data, derived.data) == 0);
    secret_close(&derived);
    return STATUS_OK;
}

enum status keyfile_create(const char *path, const struct secret_key *key, enum key_seal how,
                           const struct secret *passphrase, struct problem *problem)
{
    uint8_t salt[SALT_BYTES];
    uint8_t nonce[NONCE_BYTES];
    uint8_t sealed[SEALED_BYTES];
    uint8_t raw[OBJECT_BYTES_MAX];
    uint8_t text[ARMOUR_CHARS(OBJECT_BYTES_MAX)];
    struct buffer object = buffer_make(raw, sizeof(raw));
    struct buffer armoured = buffer_make(text, sizeof(text));
    struct key_file file = {
        .role = key->role,
        .subject = bytes_of_text(key->subject),
        .kdf = bytes_of_text(KDF_NONE_NAME),
        .sealed = secret_bytes(&key->seed),
    };
    enum status status = STATUS_OK;

    memcpy(file.pk, key->public_key, PUBLIC_KEY_BYTES);
    if (how != KEY_SEAL_NONE) {
        struct kdf_cost cost = how == KEY_SEAL_MODERATE ? cost_moderate : cost_sensitive;

        cost = cheap ? cost_cheap : cost;
        randombytes_buf(salt, sizeof(salt));
        randombytes_buf(nonce, sizeof(nonce));
        file.kdf = bytes_of_text(KDF_NAME);
        file.ops = cost.ops;
        file.mem = cost.mem_bytes;
        file.salt = BYTES_OF_ARRAY(salt);
        file.nonce = BYTES_OF_ARRAY(nonce);
        status = seal(&file, key, passphrase, sealed, problem);
    }
    if (status == STATUS_OK) {
        CHECK(key_file_encode(&file, &object));
        armour_put(&armoured, ARMOUR_SECRET, buffer_bytes(&object));
        CHECK(!armoured.full);
        status = file_create(path, 0600, buffer_bytes(&armoured), problem);
    }
    sodium_memzero(raw, sizeof(raw));
    sodium_memzero(text, sizeof(text));
    return status;
}

/* --- Opening --------------------------------------------------------------------------------- */

/* A key file as it was read. `raw` backs everything in `file`; wipe it when done. */
struct loaded {
    uint8_t raw[OBJECT_BYTES_MAX];
    size_t len;
    struct key_file file;
    bool plain;
};

static enum status not_a_key_file(const char *path, struct problem *problem)
{
    (void)problem_say(problem, STATUS_CORRUPT, "%s: not a key file, or damaged", path);
    return problem_advise(problem, "use a copy of the file; a key file begins with the line %s",
                          ARMOUR_SECRET);
}

/* The rules of the header that the schema cannot say. */
static bool header_is_legal(const struct key_file *file, bool plain)
{
    if (file->role < ROLE_MEMBER || file->role > ROLE_WITNESS) {
        return false;
    }
    if (plain) {
        return file->ops == 0 && file->mem == 0 && file->salt.len == 0 && file->nonce.len == 0 &&
               file->sealed.len == SEED_BYTES;
    }
    return bytes_equal(file->kdf, bytes_of_text(KDF_NAME)) && file->salt.len == SALT_BYTES &&
           file->nonce.len == NONCE_BYTES && file->sealed.len == SEALED_BYTES;
}

static enum status check_cost(const char *path, const struct key_file *file,
                              struct problem *problem)
{
    const struct kdf_cost least = cheap ? cost_cheap : cost_moderate;

    if (file->ops <= cost_sensitive.ops && file->mem <= cost_sensitive.mem_bytes &&
        file->ops >= least.ops && file->mem >= least.mem_bytes) {
        return STATUS_OK;
    }
    (void)problem_say(problem, STATUS_CORRUPT,
                      "%s: asks for %llu passes over %llu MiB, outside what key files use", path,
                      (unsigned long long)file->ops, (unsigned long long)(file->mem >> 20));
    return problem_advise(problem, "somebody changed the file; use a copy of it");
}

static enum status read_object(const char *path, struct loaded *loaded, struct problem *problem)
{
    uint8_t text[ARMOUR_CHARS(OBJECT_BYTES_MAX)];
    struct buffer armoured = buffer_make(text, sizeof(text));
    struct buffer object = buffer_make(loaded->raw, sizeof(loaded->raw));
    struct keyfile_access access;

    enum status status = keyfile_open(path, &access, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = file_read_fd(access.fd, path, &armoured, problem);
    (void)close(access.fd);
    const bool good = status == STATUS_OK &&
                      armour_read(buffer_bytes(&armoured), ARMOUR_SECRET, &object) &&
                      key_file_decode(buffer_bytes(&object), &loaded->file) == WIRE_OK;
    sodium_memzero(text, sizeof(text));
    if (status == STATUS_OK && good) {
        loaded->len = object.len;
        loaded->plain = bytes_equal(loaded->file.kdf, bytes_of_text(KDF_NONE_NAME));
    }
    if (!good || !header_is_legal(&loaded->file, loaded->plain)) {
        return status != STATUS_OK ? status : not_a_key_file(path, problem);
    }
    /* What the file says of its role decides only how strict to be; a false role fails later. */
    return keyfile_check_access(path, &access, role_is_of_replica(loaded->file.role), problem);
}

static void text_of(struct bytes id, char out[ID_BYTES_MAX + 1])
{
    CHECK(id.len <= ID_BYTES_MAX);
    memset(out, 0, ID_BYTES_MAX + 1);
    memcpy(out, id.data, id.len);
}

static enum status check_expected(const char *path, const struct key_file *file,
                                  const struct key_expected *expected, struct problem *problem)
{
    char subject[ID_BYTES_MAX + 1];
    const char *wanted = expected->subject == NULL ? "" : expected->subject;
    const bool role = expected->role == 0 || expected->role == file->role;
    const bool name =
        expected->subject == NULL || bytes_equal(file->subject, bytes_of_text(expected->subject));

    text_of(file->subject, subject);
    if (!role || !name) {
        (void)problem_say(problem, STATUS_MISMATCH, "%s: the %s key of %s, not the %s key%s%s",
                          path, role_text(file->role), subject,
                          role_text(expected->role == 0 ? file->role : expected->role),
                          expected->subject == NULL ? "" : " of ", wanted);
        return problem_advise(problem, "name the right key file");
    }
    if (expected->public_key != NULL &&
        memcmp(expected->public_key, file->pk, PUBLIC_KEY_BYTES) != 0) {
        (void)problem_say(problem, STATUS_MISMATCH, "%s: not the %s key of %s that is registered",
                          path, role_text(file->role), subject);
        return problem_advise(problem, "name the key file whose card was registered");
    }
    return STATUS_OK;
}

static enum status unseal(const char *path, const struct loaded *loaded,
                          const struct passphrase_source *source, struct secret *seed,
                          struct problem *problem)
{
    const struct key_file *file = &loaded->file;
    struct secret passphrase = {0};
    struct secret derived = {0};

    if (source == NULL) {
        (void)problem_say(problem, STATUS_REFUSED, "%s: sealed with a passphrase", path);
        return problem_advise(problem, "a program that runs unattended needs a file without one");
    }
    enum status status = check_cost(path, file, problem);
    if (status == STATUS_OK) {
        status = secret_open(&passphrase, PASSPHRASE_BYTES_MAX, lock_of(file->role), problem);
    }
    if (status == STATUS_OK) {
        status = source->ask(source->context, path, &passphrase, problem);
    }
    if (status == STATUS_OK) {
        status = derive(file, &passphrase, &derived, problem);
    }
    secret_close(&passphrase);
    if (status != STATUS_OK) {
        return status;
    }
    const struct bytes header = header_of(bytes_make(loaded->raw, loaded->len), SEALED_BYTES);
    const int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        seed->data, NULL, NULL, file->sealed.data, file->sealed.len, header.data, header.len,
        file->nonce.data, derived.data);
    secret_close(&derived);
    if (opened != 0) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: wrong passphrase, or the file was changed",
                          path);
        return problem_advise(problem, "type the passphrase again; if it is right, use a copy");
    }
    return STATUS_OK;
}

static enum status open_seed(const char *path, const struct loaded *loaded,
                             const struct passphrase_source *source, struct secret_key *key,
                             struct problem *problem)
{
    enum status status = secret_open(&key->seed, SEED_BYTES, lock_of(key->role), problem);

    if (status != STATUS_OK) {
        return status;
    }
    key->seed.len = SEED_BYTES;
    if (loaded->plain) {
        memcpy(key->seed.data, loaded->file.sealed.data, SEED_BYTES);
    } else {
        status = unseal(path, loaded, source, &key->seed, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    sig_ed25519.public_key(key->seed.data, key->public_key);
    if (memcmp(key->public_key, loaded->file.pk, PUBLIC_KEY_BYTES) != 0) {
        (void)problem_say(problem, STATUS_CORRUPT,
                          "%s: its public half is not that of its secret half", path);
        return problem_advise(problem, "somebody changed the file; use a copy of it");
    }
    return STATUS_OK;
}

enum status keyfile_load(const char *path, const struct key_expected *expected,
                         const struct passphrase_source *source, struct secret_key *key,
                         struct problem *problem)
{
    struct loaded loaded = {0};
    struct secret_key made = {0};

    enum status status = read_object(path, &loaded, problem);
    if (status == STATUS_OK) {
        status = check_expected(path, &loaded.file, expected, problem);
    }
    if (status == STATUS_OK) {
        made.role = loaded.file.role;
        made.plain = loaded.plain;
        text_of(loaded.file.subject, made.subject);
        status = open_seed(path, &loaded, source, &made, problem);
    }
    sodium_memzero(&loaded, sizeof(loaded));
    if (status != STATUS_OK) {
        secret_key_close(&made);
        return status;
    }
    *key = made;
    return STATUS_OK;
}

enum status keyfile_info(const char *path, struct keyfile_info *info, struct problem *problem)
{
    struct loaded loaded = {0};

    const enum status status = read_object(path, &loaded, problem);
    if (status == STATUS_OK) {
        *info = (struct keyfile_info){
            .role = loaded.file.role,
            .plain = loaded.plain,
            .ops = loaded.file.ops,
            .mem_bytes = loaded.file.mem,
        };
        text_of(loaded.file.subject, info->subject);
        memcpy(info->public_key, loaded.file.pk, PUBLIC_KEY_BYTES);
    }
    sodium_memzero(&loaded, sizeof(loaded));
    return status;
}
