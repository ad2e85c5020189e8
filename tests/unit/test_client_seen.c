/* What was seen: nobody leads a client back or aside, and its own files are not believed blindly.
 */
#include "client/seen.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N 4
#define QUORUM 3

static char folder[] = "/tmp/vestry-seen-XXXXXX";
static struct origin origin;
static struct note_key keys[N];
static uint8_t seeds[N][SEED_BYTES];
static uint8_t cosign_seeds[N][SEED_BYTES];
static struct seen seen;
static struct seen other;

#define EPOCHS 9

/* The same replicas in every epoch. */
static bool keys_of(const void *context, uint64_t epoch, struct seen_keys *out)
{
    assert_ptr_equal(context, folder);
    out->count = N;
    out->quorum = QUORUM;
    memcpy(out->keys, keys, sizeof(keys));
    return epoch < EPOCHS;
}

static struct seen_trust trust(void)
{
    return (struct seen_trust){&sig_ed25519, &origin, keys_of, folder};
}

static int make_keys(void **state)
{
    static const uint8_t cluster[HASH_BYTES] = {3};

    (void)state;
    assert_true(origin_make(bytes_of_text("dev.seen"), cluster, &origin));
    for (uint32_t i = 0; i < N; i++) {
        memset(seeds[i], (int)(1 + i), SEED_BYTES);
        memset(cosign_seeds[i], (int)(11 + i), SEED_BYTES);
        keys[i].rid = i;
        sig_ed25519.public_key(seeds[i], keys[i].sign_key);
        sig_ed25519.public_key(cosign_seeds[i], keys[i].cosign_key);
    }
    return 0;
}

static struct checkpoint checkpoint_at(uint64_t height, uint8_t mark)
{
    struct checkpoint checkpoint = {
        .origin = origin,
        .tree_size = 10 * height,
        .height = height,
        .time_ms = 1000 * height,
    };

    memset(checkpoint.tree_root, (int)(height + mark), HASH_BYTES);
    memset(checkpoint.header_hash, (int)(height + 100 + mark), HASH_BYTES);
    return checkpoint;
}

struct note {
    struct checkpoint checkpoint;
    size_t len;
    uint8_t text[NOTE_BYTES_MAX];
};

/* A note that the first `signers` replicas have signed and cosigned. */
static struct note note_by(struct checkpoint checkpoint, uint32_t signers)
{
    struct note note = {.checkpoint = checkpoint};
    struct buffer out = buffer_make(note.text, sizeof(note.text));
    uint8_t sig[SIG_BYTES];

    checkpoint_text(&checkpoint, &out);
    buffer_put_u8(&out, '\n');
    for (uint32_t i = 0; i < signers; i++) {
        checkpoint_sign(&sig_ed25519, &checkpoint, NOTE_SIGN, seeds[i], keys[i].sign_key, sig);
        note_line_put(&out, &checkpoint, NOTE_SIGN, i, keys[i].sign_key, sig);
        checkpoint_sign(&sig_ed25519, &checkpoint, NOTE_COSIGN, cosign_seeds[i], keys[i].cosign_key,
                        sig);
        note_line_put(&out, &checkpoint, NOTE_COSIGN, i, keys[i].cosign_key, sig);
    }
    note.len = out.len;
    return note;
}

static void take(struct seen *into, struct checkpoint checkpoint)
{
    const struct note note = note_by(checkpoint, QUORUM);

    seen_take(into, &note.checkpoint, bytes_make(note.text, note.len), 1);
}

static int open_folder(void **state)
{
    const struct seen_trust whom = trust();
    struct problem problem;

    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/vestry-seen-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(seen_open(&seen, &whom, folder, &problem), STATUS_OK);
    return 0;
}

static int close_folder(void **state)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    char path[512];

    (void)state;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            (void)unlink(path);
        }
    }
    (void)closedir(directory);
    return rmdir(folder);
}

static void a_note_needs_a_quorum_of_good_lines_and_no_bad_one(void **state)
{
    (void)state;
    const struct seen_trust whom = trust();
    struct checkpoint checkpoint;
    uint32_t signers = 0;

    for (uint32_t by = 0; by <= N; by++) {
        const struct note note = note_by(checkpoint_at(5, 0), by);

        assert_int_equal(
            seen_check_note(&whom, bytes_make(note.text, note.len), &checkpoint, &signers),
            by >= QUORUM ? SEEN_GOOD : SEEN_FALSE);
    }
    struct note note = note_by(checkpoint_at(5, 0), N);
    assert_int_equal(note_count(signers), N);
    /* One letter of the last signature. */
    note.text[note.len - 10] ^= 1;
    assert_int_equal(seen_check_note(&whom, bytes_make(note.text, note.len), &checkpoint, &signers),
                     SEEN_FALSE);
}

static enum seen_verdict judge(struct checkpoint checkpoint)
{
    return seen_judge(&seen, &checkpoint);
}

static void newer_same_older_and_another_past_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(judge(checkpoint_at(5, 0)), SEEN_NEWER); /* nothing was seen */
    take(&seen, checkpoint_at(5, 0));
    assert_int_equal(judge(checkpoint_at(5, 0)), SEEN_SAME);
    assert_int_equal(judge(checkpoint_at(5, 1)), SEEN_FORK);
    assert_int_equal(judge(checkpoint_at(6, 0)), SEEN_NEWER);
    assert_int_equal(judge(checkpoint_at(4, 0)), SEEN_OLDER);

    struct checkpoint later = checkpoint_at(6, 0);
    later.tree_size = 49; /* higher, and with fewer entries */
    assert_int_equal(judge(later), SEEN_FORK);
    later = checkpoint_at(6, 0);
    later.time_ms = 4999; /* time never falls */
    assert_int_equal(judge(later), SEEN_FORK);
    later = checkpoint_at(6, 0);
    later.tree_size = 50; /* as many entries, and another tree */
    assert_int_equal(judge(later), SEEN_FORK);
    memcpy(later.tree_root, seen.head.checkpoint.tree_root, HASH_BYTES);
    assert_int_equal(judge(later), SEEN_NEWER); /* an empty block */

    struct checkpoint earlier = checkpoint_at(4, 0);
    earlier.tree_size = 51;
    assert_int_equal(judge(earlier), SEEN_FORK);
    earlier = checkpoint_at(4, 0);
    earlier.epoch = 1;
    assert_int_equal(judge(earlier), SEEN_FORK);
}

static void what_was_seen_is_there_in_the_next_run(void **state)
{
    (void)state;
    const struct seen_trust whom = trust();
    struct problem problem;

    take(&seen, checkpoint_at(5, 0));
    take(&seen, checkpoint_at(7, 0));
    take(&seen, checkpoint_at(6, 0)); /* older: not taken */
    seen_save(&seen);
    assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_OK);
    assert_true(other.head.known);
    assert_int_equal(other.head.checkpoint.height, 7);
    assert_false(other.anchor.known);
}

static void the_newer_of_two_processes_wins(void **state)
{
    (void)state;
    const struct seen_trust whom = trust();
    struct problem problem;

    assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_OK);
    take(&other, checkpoint_at(9, 0));
    seen_save(&other);
    take(&seen, checkpoint_at(8, 0));
    seen_save(&seen);
    assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_OK);
    assert_int_equal(other.head.checkpoint.height, 9);
}

static void write_file(const char *name, const uint8_t *bytes, size_t len)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    (void)close(fd);
}

static void a_note_of_an_epoch_that_is_not_known_is_not_judged(void **state)
{
    (void)state;
    const struct seen_trust whom = trust();
    struct checkpoint checkpoint = checkpoint_at(5, 0);
    struct problem problem;
    uint32_t signers = 0;

    checkpoint.epoch = EPOCHS;
    struct note note = note_by(checkpoint, QUORUM);
    assert_int_equal(seen_check_note(&whom, bytes_make(note.text, note.len), &checkpoint, &signers),
                     SEEN_LATER);
    assert_int_equal(seen_check_note(&whom, BYTES_EMPTY, &checkpoint, &signers), SEEN_FALSE);
    write_file("head", note.text, note.len);
    assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_CORRUPT);
    checkpoint.epoch = EPOCHS - 1;
    note = note_by(checkpoint, QUORUM);
    write_file("head", note.text, note.len);
    assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_OK);
}

static void a_file_that_does_not_prove_itself_is_refused(void **state)
{
    (void)state;
    const struct seen_trust whom = trust();
    static const char *const names[] = {"head", "anchor"};
    struct problem problem;

    for (int i = 0; i < 2; i++) {
        struct note note = note_by(checkpoint_at(5, 0), QUORUM - 1);

        write_file(names[i], note.text, note.len);
        assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_CORRUPT);
        note = note_by(checkpoint_at(5, 0), QUORUM);
        write_file(names[i], note.text, note.len / 2);
        assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_CORRUPT);
        write_file(names[i], note.text, note.len);
        assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_OK);
    }
}

static void a_first_head_is_an_anchor_and_later_ones_want_a_proof(void **state)
{
    (void)state;
    const struct seen_trust whom = trust();
    struct problem problem;

    assert_false(seen_wants_proof(&seen)); /* nothing is known */
    take(&seen, checkpoint_at(5, 0));
    assert_false(seen_wants_proof(&seen));
    assert_int_equal(seen.anchor.checkpoint.height, 5);
    take(&seen, checkpoint_at(6, 0));
    assert_true(seen_wants_proof(&seen));
    seen_save(&seen);
    assert_int_equal(seen_open(&other, &whom, folder, &problem), STATUS_OK);
    assert_true(seen_wants_proof(&other)); /* still, in the next run */
    seen_proven(&other, &other.head);
    assert_false(seen_wants_proof(&other));
    seen_save(&other);
    assert_int_equal(seen_open(&seen, &whom, folder, &problem), STATUS_OK);
    assert_int_equal(seen.anchor.checkpoint.height, 6);
    assert_false(seen_wants_proof(&seen));
}

static void an_empty_block_needs_no_proof(void **state)
{
    (void)state;
    struct checkpoint empty = checkpoint_at(6, 0);

    take(&seen, checkpoint_at(5, 0));
    assert_false(seen_wants_proof(&seen));
    empty.tree_size = 50;
    memcpy(empty.tree_root, seen.head.checkpoint.tree_root, HASH_BYTES);
    take(&seen, empty);
    assert_false(seen_wants_proof(&seen));
    assert_int_equal(seen.anchor.checkpoint.height, 6);
}

static void evidence_holds_both_notes(void **state)
{
    (void)state;
    const struct note fork = note_by(checkpoint_at(5, 1), QUORUM);
    char path[FILE_PATH_MAX];
    static uint8_t memory[3 * NOTE_BYTES_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));
    struct problem problem;

    take(&seen, checkpoint_at(5, 0));
    seen_keep_evidence(&seen, &seen.head, bytes_make(fork.text, fork.len), path);
    assert_int_not_equal(path[0], '\0');
    assert_int_equal(file_read(path, &text, &problem), STATUS_OK);
    assert_int_equal(text.len, seen.head.len + 1 + fork.len);
    assert_memory_equal(memory, seen.head.text, seen.head.len);
    assert_memory_equal(memory + seen.head.len + 1, fork.text, fork.len);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        A_TEST(a_note_needs_a_quorum_of_good_lines_and_no_bad_one),
        A_TEST(newer_same_older_and_another_past_are_told_apart),
        A_TEST(what_was_seen_is_there_in_the_next_run),
        A_TEST(the_newer_of_two_processes_wins),
        A_TEST(a_note_of_an_epoch_that_is_not_known_is_not_judged),
        A_TEST(a_file_that_does_not_prove_itself_is_refused),
        A_TEST(a_first_head_is_an_anchor_and_later_ones_want_a_proof),
        A_TEST(an_empty_block_needs_no_proof),
        A_TEST(evidence_holds_both_notes),
    };

    return cmocka_run_group_tests(tests, make_keys, NULL);
}
