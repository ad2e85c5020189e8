/* Key files: sealed and plain, tampered with, misplaced, and in the wrong hands. */
#include "crypto/schema.h"
#include "keys/replica_keys.h"
#include "keys/words/armour.h"
#include "tests/support/keys_fixture.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PHRASE "correct horse battery"
#define OTHER_PHRASE "correct horse batterz"

static struct problem problem;
static const struct key_expected anybody;

struct place {
    char folder[FILE_PATH_MAX];
    struct secret_key key;
    struct secret passphrase;
    char path[FILE_PATH_MAX + 64];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    keys_folder_make(place->folder);
    assert_int_equal(secret_key_new(&place->key, ROLE_MEMBER, "m1", &problem), STATUS_OK);
    keys_secret(&place->passphrase, PHRASE);
    snprintf(place->path, sizeof(place->path), "%s/m1.key", place->folder);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    keys_folder_remove(place->folder);
    secret_key_close(&place->key);
    secret_close(&place->passphrase);
    free(place);
    return 0;
}

static void create(struct place *place, enum key_seal seal)
{
    assert_int_equal(keyfile_create(place->path, &place->key, seal, &place->passphrase, &problem),
                     STATUS_OK);
}

/* Load with a passphrase; what came out is closed again. */
static enum status load(const char *path, const char *phrase, const struct key_expected *expected)
{
    struct keys_passphrase answer = {phrase, 0};
    const struct passphrase_source source = keys_source(&answer);
    struct secret_key key = {0};

    const enum status status = keyfile_load(path, expected, &source, &key, &problem);
    secret_key_close(&key);
    return status;
}

/* The object of a key file, out of its armour and back into a file of the same name. */
static size_t read_object(const char *path, uint8_t object[1024])
{
    uint8_t text[4096];
    struct buffer armoured = buffer_make(text, sizeof(text));
    struct buffer out = buffer_make(object, 1024);

    assert_int_equal(file_read(path, &armoured, &problem), STATUS_OK);
    assert_true(armour_read(buffer_bytes(&armoured), ARMOUR_SECRET, &out));
    return out.len;
}

static void write_object(const char *path, struct bytes object)
{
    uint8_t text[4096];
    struct buffer armoured = buffer_make(text, sizeof(text));

    (void)unlink(path);
    armour_put(&armoured, ARMOUR_SECRET, object);
    assert_int_equal(file_create(path, 0600, buffer_bytes(&armoured), &problem), STATUS_OK);
}

/* --- Sealing --------------------------------------------------------------------------------- */

/* First of all: later tests ask for cheap files. */
static void a_file_that_is_sealed_cheaply_is_refused_unasked(void **state)
{
    struct place *place = *state;
    uint8_t object[1024];
    uint8_t salt[SALT_BYTES] = {0};
    uint8_t nonce[24] = {0};
    uint8_t sealed[SEED_BYTES + 16] = {0};
    const struct {
        uint64_t ops;
        uint64_t mem;
    } costs[] = {
        {1, 8192},
        {3, (UINT64_C(256) << 20) - 1},
        {2, UINT64_C(256) << 20},
        {5, UINT64_C(1) << 30},
        {3, (UINT64_C(1) << 30) + 1},
        {UINT32_MAX, UINT64_C(256) << 20},
        {3, UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        struct key_file file = {
            .role = ROLE_MEMBER,
            .subject = bytes_of_text("m1"),
            .kdf = bytes_of_text("argon2id13"),
            .ops = costs[i].ops,
            .mem = costs[i].mem,
            .salt = BYTES_OF_ARRAY(salt),
            .nonce = BYTES_OF_ARRAY(nonce),
            .sealed = BYTES_OF_ARRAY(sealed),
        };
        struct buffer out = buffer_make(object, sizeof(object));
        struct keys_passphrase answer = {PHRASE, 0};
        const struct passphrase_source source = keys_source(&answer);
        struct secret_key key = {0};

        assert_true(key_file_encode(&file, &out));
        write_object(place->path, buffer_bytes(&out));
        assert_int_equal(keyfile_load(place->path, &anybody, &source, &key, &problem),
                         STATUS_CORRUPT);
        assert_int_equal(answer.asked, 0);
        assert_non_null(strstr(problem.what, "outside what key files use"));
    }
}

static void a_sealed_key_comes_back_with_its_passphrase(void **state)
{
    struct place *place = *state;
    struct keys_passphrase answer = {PHRASE, 0};
    const struct passphrase_source source = keys_source(&answer);
    struct secret_key key;
    struct stat info;

    create(place, KEY_SEAL_SENSITIVE);
    assert_int_equal(stat(place->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(keyfile_load(place->path, &anybody, &source, &key, &problem), STATUS_OK);
    assert_int_equal(answer.asked, 1);
    assert_int_equal(key.role, ROLE_MEMBER);
    assert_string_equal(key.subject, "m1");
    assert_false(key.plain);
    assert_memory_equal(key.public_key, place->key.public_key, PUBLIC_KEY_BYTES);
    assert_memory_equal(key.seed.data, place->key.seed.data, SEED_BYTES);
    secret_key_close(&key);
}

static void a_plain_key_comes_back_unasked(void **state)
{
    struct place *place = *state;
    struct secret_key key;

    create(place, KEY_SEAL_NONE);
    assert_int_equal(keyfile_load(place->path, &anybody, NULL, &key, &problem), STATUS_OK);
    assert_true(key.plain);
    assert_memory_equal(key.seed.data, place->key.seed.data, SEED_BYTES);
    secret_key_close(&key);
}

static void a_key_file_is_never_written_over(void **state)
{
    struct place *place = *state;

    create(place, KEY_SEAL_NONE);
    assert_int_equal(
        keyfile_create(place->path, &place->key, KEY_SEAL_NONE, &place->passphrase, &problem),
        STATUS_EXISTS);
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_OK);
}

static void a_key_file_is_not_created_through_a_link(void **state)
{
    struct place *place = *state;
    const char *target = keys_path(place->folder, "target");

    assert_int_equal(symlink(target, place->path), 0);
    assert_int_equal(
        keyfile_create(place->path, &place->key, KEY_SEAL_NONE, &place->passphrase, &problem),
        STATUS_EXISTS);
    assert_int_equal(access(target, F_OK), -1);
}

static void a_wrong_passphrase_opens_nothing(void **state)
{
    struct place *place = *state;

    create(place, KEY_SEAL_SENSITIVE);
    assert_int_equal(load(place->path, OTHER_PHRASE, &anybody), STATUS_CORRUPT);
    assert_non_null(strstr(problem.what, "wrong passphrase"));
    assert_int_equal(load(place->path, "", &anybody), STATUS_CORRUPT);
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_OK);
}

static void a_sealed_key_is_refused_where_nobody_can_be_asked(void **state)
{
    struct place *place = *state;
    struct secret_key key;

    create(place, KEY_SEAL_SENSITIVE);
    assert_int_equal(keyfile_load(place->path, &anybody, NULL, &key, &problem), STATUS_REFUSED);
}

/* --- Tampering ------------------------------------------------------------------------------- */

static void any_changed_bit_of_a_sealed_file_is_noticed(void **state)
{
    struct place *place = *state;
    uint8_t object[1024];

    create(place, KEY_SEAL_SENSITIVE);
    const size_t len = read_object(place->path, object);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        object[bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_object(place->path, bytes_make(object, len));
        if (load(place->path, PHRASE, &anybody) == STATUS_OK) {
            fail_msg("bit %zu of %zu can be changed", bit, 8 * len);
        }
        object[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    write_object(place->path, bytes_make(object, len));
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_OK);
}

static void any_shortened_or_lengthened_file_is_refused(void **state)
{
    struct place *place = *state;
    uint8_t text[4096];
    struct buffer whole = buffer_make(text, sizeof(text));

    create(place, KEY_SEAL_SENSITIVE);
    assert_int_equal(file_read(place->path, &whole, &problem), STATUS_OK);
    for (size_t len = 0; len <= whole.len + 1; len++) {
        if (len == whole.len) {
            continue;
        }
        text[whole.len] = '\n';
        assert_int_equal(unlink(place->path), 0);
        assert_int_equal(file_create(place->path, 0600, bytes_make(text, len), &problem),
                         STATUS_OK);
        assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_CORRUPT);
    }
}

static void a_header_does_not_fit_the_sealed_part_of_another_file(void **state)
{
    struct place *place = *state;
    const char *other = keys_path(place->folder, "m2.key");
    struct secret_key second;
    uint8_t a[1024];
    uint8_t b[1024];
    struct key_file left;
    struct key_file right;
    uint8_t mixed[1024];
    struct buffer out = buffer_make(mixed, sizeof(mixed));

    assert_int_equal(secret_key_new(&second, ROLE_MEMBER, "m2", &problem), STATUS_OK);
    create(place, KEY_SEAL_SENSITIVE);
    assert_int_equal(
        keyfile_create(other, &second, KEY_SEAL_SENSITIVE, &place->passphrase, &problem),
        STATUS_OK);
    secret_key_close(&second);
    const size_t a_len = read_object(place->path, a);
    const size_t b_len = read_object(other, b);
    assert_int_equal(key_file_decode(bytes_make(a, a_len), &left), WIRE_OK);
    assert_int_equal(key_file_decode(bytes_make(b, b_len), &right), WIRE_OK);
    /* Salt and nonce go with the sealed part, so only the associated data can tell. */
    left.salt = right.salt;
    left.nonce = right.nonce;
    left.sealed = right.sealed;
    assert_true(key_file_encode(&left, &out));
    write_object(place->path, buffer_bytes(&out));
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_CORRUPT);
    assert_non_null(strstr(problem.what, "wrong passphrase, or the file was changed"));
}

static void the_public_half_in_a_plain_file_must_be_that_of_the_secret_half(void **state)
{
    struct place *place = *state;
    uint8_t object[1024];
    struct key_file file;
    uint8_t changed[1024];
    struct buffer out = buffer_make(changed, sizeof(changed));

    create(place, KEY_SEAL_NONE);
    const size_t len = read_object(place->path, object);
    assert_int_equal(key_file_decode(bytes_make(object, len), &file), WIRE_OK);
    file.pk[0] ^= 1;
    assert_true(key_file_encode(&file, &out));
    write_object(place->path, buffer_bytes(&out));
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_CORRUPT);
    assert_non_null(strstr(problem.what, "public half"));
}

static void other_files_are_not_taken_for_key_files(void **state)
{
    struct place *place = *state;
    static const char *const texts[] = {"", "vestry-secret-1\n", "vestry-secret-2\nAAAA\n",
                                        "vestry-secret-1\nAAAA", "vestry-secret-1\n\nAAAA\n"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)unlink(place->path);
        assert_int_equal(file_create(place->path, 0600, bytes_of_text(texts[i]), &problem),
                         STATUS_OK);
        assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_CORRUPT);
        assert_non_null(strstr(problem.what, "not a key file"));
    }
    assert_int_equal(load(keys_path(place->folder, "none"), PHRASE, &anybody), STATUS_NOT_FOUND);
    assert_int_equal(load(place->folder, PHRASE, &anybody), STATUS_INVALID);
}

/* --- Custody --------------------------------------------------------------------------------- */

static void a_persons_key_that_group_or_others_may_touch_is_refused(void **state)
{
    struct place *place = *state;

    create(place, KEY_SEAL_NONE);
    for (mode_t bit = 1; bit < 0100; bit <<= 1) {
        assert_int_equal(chmod(place->path, 0600 | bit), 0);
        assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_REFUSED);
        assert_non_null(strstr(problem.todo, "chmod 600"));
    }
    assert_int_equal(chmod(place->path, 0400), 0);
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_OK);
}

static void a_persons_key_behind_a_link_is_refused(void **state)
{
    struct place *place = *state;
    const char *link = keys_path(place->folder, "link.key");

    create(place, KEY_SEAL_NONE);
    assert_int_equal(symlink(place->path, link), 0);
    assert_int_equal(load(link, PHRASE, &anybody), STATUS_REFUSED);
    assert_non_null(strstr(problem.what, "symlink"));
}

static void a_key_of_another_owner_is_refused(void **state)
{
    struct place *place = *state;

    if (geteuid() != 0) {
        skip();
    }
    create(place, KEY_SEAL_NONE);
    assert_int_equal(chown(place->path, 12345, 12345), 0);
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_REFUSED);
    assert_non_null(strstr(problem.what, "another user"));
}

static void make_replica_file(struct place *place, const char *id)
{
    secret_key_close(&place->key);
    assert_int_equal(secret_key_new(&place->key, ROLE_REPLICA, id, &problem), STATUS_OK);
    create(place, KEY_SEAL_NONE);
}

static void a_replicas_key_may_be_read_by_its_group_and_no_further(void **state)
{
    struct place *place = *state;
    const mode_t good[] = {0600, 0400, 0640, 0440};
    const mode_t bad[] = {0604, 0602, 0601, 0644, 0660, 0620};

    make_replica_file(place, "r0");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(chmod(place->path, good[i]), 0);
        assert_int_equal(load(place->path, NULL, &anybody), STATUS_OK);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chmod(place->path, bad[i]), 0);
        assert_int_equal(load(place->path, NULL, &anybody), STATUS_REFUSED);
    }
}

static void a_replicas_key_may_stand_behind_a_link_but_not_belong_to_anyone(void **state)
{
    struct place *place = *state;
    const char *link = keys_path(place->folder, "link.key");

    make_replica_file(place, "r0");
    assert_int_equal(symlink(place->path, link), 0);
    assert_int_equal(load(link, NULL, &anybody), STATUS_OK);
    if (geteuid() == 0) {
        assert_int_equal(chown(place->path, 12345, 12345), 0);
        assert_int_equal(load(link, NULL, &anybody), STATUS_REFUSED);
    }
}

/* The role in the file decides how strict to be, so a false one must not open a person's file. */
static void a_persons_sealed_file_that_calls_itself_a_replicas_does_not_open(void **state)
{
    struct place *place = *state;
    uint8_t object[1024];
    uint8_t changed[1024];
    struct buffer out = buffer_make(changed, sizeof(changed));
    struct key_file file;

    create(place, KEY_SEAL_SENSITIVE);
    const size_t len = read_object(place->path, object);
    assert_int_equal(key_file_decode(bytes_make(object, len), &file), WIRE_OK);
    file.role = ROLE_REPLICA;
    assert_true(key_file_encode(&file, &out));
    write_object(place->path, buffer_bytes(&out));
    assert_int_equal(chmod(place->path, 0640), 0);
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_CORRUPT);
}

static void a_key_is_refused_when_its_memory_cannot_be_locked(void **state)
{
    struct place *place = *state;
    struct secret_key key;

    create(place, KEY_SEAL_NONE);
    secret_fail_lock_for_tests(0);
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_REFUSED);
    assert_int_equal(secret_key_new(&key, ROLE_MEMBER, "m2", &problem), STATUS_REFUSED);
    assert_int_equal(secret_key_new(&key, ROLE_REPLICA, "r0", &problem), STATUS_OK);
    secret_key_close(&key);
    secret_fail_lock_for_tests(-1);
}

/* Each secret that opening a sealed file needs: seed, passphrase, derived key. */
static void opening_fails_cleanly_at_every_lock(void **state)
{
    struct place *place = *state;

    create(place, KEY_SEAL_SENSITIVE);
    for (int good = 0; good < 3; good++) {
        secret_fail_lock_for_tests(good);
        assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_REFUSED);
    }
    secret_fail_lock_for_tests(3);
    assert_int_equal(load(place->path, PHRASE, &anybody), STATUS_OK);
    secret_fail_lock_for_tests(-1);
}

/* --- The right file -------------------------------------------------------------------------- */

static void a_file_of_another_role_subject_or_key_is_a_mismatch(void **state)
{
    struct place *place = *state;
    uint8_t other[PUBLIC_KEY_BYTES] = {1};
    const struct key_expected right = {ROLE_MEMBER, "m1", place->key.public_key};
    const struct key_expected role = {ROLE_ISSUER, "m1", NULL};
    const struct key_expected subject = {ROLE_MEMBER, "m2", NULL};
    const struct key_expected key = {ROLE_MEMBER, "m1", other};

    create(place, KEY_SEAL_SENSITIVE);
    assert_int_equal(load(place->path, PHRASE, &right), STATUS_OK);
    assert_int_equal(load(place->path, PHRASE, &role), STATUS_MISMATCH);
    assert_non_null(strstr(problem.what, "the member key of m1, not the issuer key of m1"));
    assert_int_equal(load(place->path, PHRASE, &subject), STATUS_MISMATCH);
    assert_int_equal(load(place->path, PHRASE, &key), STATUS_MISMATCH);
    assert_non_null(strstr(problem.what, "registered"));
}

static void the_three_keys_of_a_replica_are_found_side_by_side(void **state)
{
    struct place *place = *state;
    const char *path = keys_path(place->folder, "r3.key");
    struct replica_keys made;
    struct replica_keys loaded;
    struct replica_public_keys expected;

    assert_int_equal(replica_keys_create(place->folder, 3, &made, &problem), STATUS_OK);
    memcpy(expected.sign, made.sign.public_key, PUBLIC_KEY_BYTES);
    memcpy(expected.cosign, made.cosign.public_key, PUBLIC_KEY_BYTES);
    memcpy(expected.transport, made.transport.public_key, PUBLIC_KEY_BYTES);
    replica_keys_close(&made);
    assert_int_equal(replica_keys_load(path, 3, &expected, &loaded, &problem), STATUS_OK);
    assert_memory_equal(loaded.transport.public_key, expected.transport, PUBLIC_KEY_BYTES);
    replica_keys_close(&loaded);
    assert_int_equal(replica_keys_load(path, 2, NULL, &loaded, &problem), STATUS_MISMATCH);
    expected.cosign[0] ^= 1;
    assert_int_equal(replica_keys_load(path, 3, &expected, &loaded, &problem), STATUS_MISMATCH);
}

static void swapped_files_of_replicas_are_a_mismatch(void **state)
{
    struct place *place = *state;
    const char *path = keys_path(place->folder, "r0.key");
    struct replica_keys keys;

    assert_int_equal(replica_keys_create(place->folder, 0, &keys, &problem), STATUS_OK);
    replica_keys_close(&keys);
    assert_int_equal(replica_keys_create(place->folder, 1, &keys, &problem), STATUS_OK);
    replica_keys_close(&keys);
    assert_int_equal(rename(keys_path(place->folder, "r1.cosign.key"),
                            keys_path(place->folder, "r0.cosign.key")),
                     0);
    assert_int_equal(replica_keys_load(path, 0, NULL, &keys, &problem), STATUS_MISMATCH);
    assert_int_equal(rename(keys_path(place->folder, "r1.key"), path), 0);
    assert_int_equal(replica_keys_load(path, 0, NULL, &keys, &problem), STATUS_MISMATCH);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(replica_keys_load(path, 0, NULL, &keys, &problem), STATUS_NOT_FOUND);
}

static void what_a_header_says_can_be_read_without_opening(void **state)
{
    struct place *place = *state;
    struct keyfile_info info;

    create(place, KEY_SEAL_SENSITIVE);
    assert_int_equal(keyfile_info(place->path, &info, &problem), STATUS_OK);
    assert_int_equal(info.role, ROLE_MEMBER);
    assert_string_equal(info.subject, "m1");
    assert_false(info.plain);
    assert_memory_equal(info.public_key, place->key.public_key, PUBLIC_KEY_BYTES);
}

static void a_key_needs_an_id_that_is_one(void **state)
{
    struct secret_key key;

    (void)state;
    assert_int_equal(secret_key_new(&key, ROLE_MEMBER, "", &problem), STATUS_INVALID);
    assert_int_equal(secret_key_new(&key, ROLE_MEMBER, "Ada", &problem), STATUS_INVALID);
    assert_int_equal(secret_key_new(&key, ROLE_MEMBER, "../m1", &problem), STATUS_INVALID);
}

static int cheaply(void **state)
{
    keyfile_seal_cheaply_for_tests();
    return make_place(state);
}

#define TEST(body) cmocka_unit_test_setup_teardown(body, cheaply, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_that_is_sealed_cheaply_is_refused_unasked,
                                        make_place, remove_place),
        TEST(a_sealed_key_comes_back_with_its_passphrase),
        TEST(a_plain_key_comes_back_unasked),
        TEST(a_key_file_is_never_written_over),
        TEST(a_key_file_is_not_created_through_a_link),
        TEST(a_wrong_passphrase_opens_nothing),
        TEST(a_sealed_key_is_refused_where_nobody_can_be_asked),
        TEST(any_changed_bit_of_a_sealed_file_is_noticed),
        TEST(any_shortened_or_lengthened_file_is_refused),
        TEST(a_header_does_not_fit_the_sealed_part_of_another_file),
        TEST(the_public_half_in_a_plain_file_must_be_that_of_the_secret_half),
        TEST(other_files_are_not_taken_for_key_files),
        TEST(a_persons_key_that_group_or_others_may_touch_is_refused),
        TEST(a_persons_key_behind_a_link_is_refused),
        TEST(a_key_of_another_owner_is_refused),
        TEST(a_replicas_key_may_be_read_by_its_group_and_no_further),
        TEST(a_replicas_key_may_stand_behind_a_link_but_not_belong_to_anyone),
        TEST(a_persons_sealed_file_that_calls_itself_a_replicas_does_not_open),
        TEST(a_key_is_refused_when_its_memory_cannot_be_locked),
        TEST(opening_fails_cleanly_at_every_lock),
        TEST(a_file_of_another_role_subject_or_key_is_a_mismatch),
        TEST(the_three_keys_of_a_replica_are_found_side_by_side),
        TEST(swapped_files_of_replicas_are_a_mismatch),
        TEST(what_a_header_says_can_be_read_without_opening),
        TEST(a_key_needs_an_id_that_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
