/* What the offline programs read and say: amounts, armour, near misses, JSON, files. */
#include "crypto/base64.h"
#include "crypto/schema.h"
#include "keys/transcript.h"
#include "keys/words/amounts.h"
#include "keys/words/armour.h"
#include "keys/words/cli.h"
#include "keys/words/nearest.h"
#include "tests/support/keys_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct problem problem;

static uint64_t time_of(const char *text)
{
    uint64_t ms = 0;

    assert_true(amount_parse_time(bytes_of_text(text), 1000, &ms));
    return ms;
}

static void times_are_read_to_the_second(void **state)
{
    (void)state;
    assert_int_equal(time_of("1970-01-01"), 0);
    assert_int_equal(time_of("1970-01-01T00:00:01Z"), 1000);
    assert_int_equal(time_of("2000-02-29"), UINT64_C(951782400000));
    assert_int_equal(time_of("2027-01-31T23:59:59Z"), UINT64_C(1801439999000));
    assert_int_equal(time_of("9999-12-31"), UINT64_C(253402214400000));
    assert_int_equal(time_of("+7d"), 1000 + UINT64_C(7) * 86400000);
    assert_true(time_of("unlimited") == UINT64_MAX);
}

static void what_is_no_amount_is_refused(void **state)
{
    static const char *const times[] = {
        "",
        "2027",
        "2027-1-31",
        "1969-12-31",
        "2027-02-29",
        "2027-13-01",
        "2027-00-01",
        "2027-01-00",
        "2027-01-32",
        "2027-01-01T",
        "2027-01-01 ",
        "2027-01-01T24:00:00Z",
        "2027-01-01T00:60:00Z",
        "2027-01-01T00:00:60Z",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00:00Z ",
        "+",
        "7d",
        "-1d",
        "+-1d",
    };
    static const char *const numbers[] = {
        "", " 1", "1 ", "+1", "-1", "0x1", "1.5", "1 d", "18446744073709551616", "Unlimited"};
    uint64_t value = 77;

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_false(amount_parse_time(bytes_of_text(times[i]), 0, &value));
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        assert_false(amount_parse_count(bytes_of_text(numbers[i]), &value));
        assert_false(amount_parse_size(bytes_of_text(numbers[i]), &value));
        assert_false(amount_parse_duration(bytes_of_text(numbers[i]), &value));
    }
    assert_false(amount_parse_size(bytes_of_text("17179869184GiB"), &value));
    assert_true(amount_parse_size(bytes_of_text("17179869183GiB"), &value));
    assert_false(amount_parse_time(bytes_of_text("+18446744073709551615ms"), 1, &value));
}

static void assert_shown(void (*put)(struct buffer *out, uint64_t value), uint64_t value,
                         const char *wanted)
{
    char text[80] = "";
    struct buffer out = buffer_make(text, sizeof(text) - 1);

    put(&out, value);
    assert_string_equal(text, wanted);
}

static void amounts_are_shown_as_people_write_them(void **state)
{
    (void)state;
    assert_shown(amount_put_duration, 0, "0 ms");
    assert_shown(amount_put_duration, 1000, "1 s");
    assert_shown(amount_put_duration, 90061001, "1 d 1 h");
    assert_shown(amount_put_duration, UINT64_MAX, "unlimited");
    assert_shown(amount_put_size, 512, "512 bytes");
    assert_shown(amount_put_size, 1536, "1.5 KiB");
    assert_shown(amount_put_size, 1u << 20, "1 MiB");
    assert_shown(amount_put_time, UINT64_C(951782400000), "2000-02-29 00:00:00 UTC");
    assert_shown(amount_put_time, UINT64_C(1801439999999), "2027-01-31 23:59:59 UTC");
    assert_shown(amount_put_time, UINT64_MAX - 1, "after the year 9999");
    assert_shown(amount_put_count, UINT64_MAX, "unlimited");
}

static void armour_of_every_length_comes_back_and_only_as_it_was_made(void **state)
{
    uint8_t object[200];
    uint8_t text[512];
    uint8_t back[200];

    (void)state;
    for (size_t i = 0; i < sizeof(object); i++) {
        object[i] = (uint8_t)(i * 7);
    }
    for (size_t len = 1; len <= sizeof(object); len++) {
        struct buffer armoured = buffer_make(text, sizeof(text));
        struct buffer out = buffer_make(back, sizeof(back));

        armour_put(&armoured, ARMOUR_CARD, bytes_make(object, len));
        assert_true(armoured.len <= ARMOUR_CHARS(len));
        assert_true(armour_read(buffer_bytes(&armoured), ARMOUR_CARD, &out));
        assert_int_equal(out.len, len);
        assert_memory_equal(back, object, len);
        out.len = 0;
        assert_false(armour_read(buffer_bytes(&armoured), ARMOUR_TOKEN, &out));
        assert_false(armour_read(bytes_make(text, armoured.len - 1), ARMOUR_CARD, &out));
    }
}

static void armour_with_other_line_breaks_is_refused(void **state)
{
    static const char *const texts[] = {
        "vestry-card-1\nAAAA\nAAAA\n",
        "vestry-card-1\r\nAAAA\r\n",
        "vestry-card-1\nAAAA\n\n",
        "vestry-card-1\n AAAA\n",
        "vestry-card-1\nAAA\n",
        "vestry-card-1\nAAB=\n",
        "vestry-card-1",
        "\nAAAA\n",
    };
    uint8_t raw[64];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct buffer out = buffer_make(raw, sizeof(raw));

        assert_false(armour_read(bytes_of_text(texts[i]), ARMOUR_CARD, &out));
    }
}

static const char *nearest_of(const char *word)
{
    struct nearest nearest = nearest_make(bytes_of_text(word));

    nearest_offer(&nearest, "passphrase-fd");
    nearest_offer(&nearest, "charter");
    nearest_offer(&nearest, "card");
    return nearest.best;
}

static void a_slip_of_the_hand_has_a_suggestion_and_another_word_none(void **state)
{
    (void)state;
    assert_string_equal(nearest_of("chrater"), "charter");
    assert_string_equal(nearest_of("charters"), "charter");
    assert_string_equal(nearest_of("pasphrase-fd"), "passphrase-fd");
    assert_string_equal(nearest_of("cart"), "card");
    assert_null(nearest_of("token"));
    assert_null(nearest_of("x"));
    assert_null(nearest_of(""));
}

static void json_is_one_line_with_everything_escaped(void **state)
{
    char text[512] = "";
    struct buffer out = buffer_make(text, sizeof(text) - 1);
    struct json_line json;

    (void)state;
    json_begin(&json, &out, "vestry/test/1");
    json_text(&json, "a\"b", bytes_of_text("x\\\n\x01\xff"));
    json_text(&json, "utf8", bytes_of_text("\xc3\xa9"));
    json_u64(&json, "n", UINT64_MAX);
    json_list(&json, "list");
    json_open(&json, NULL);
    json_bool(&json, "t", true);
    json_close(&json);
    json_int(&json, NULL, -1);
    json_end(&json);
    assert_string_equal(text, "{\"schema\":\"vestry/test/1\",\"a\\\"b\":\"x\\\\\\u000a\\u0001"
                              "\\u00ff\",\"utf8\":\"\xc3\xa9\",\"n\":\"18446744073709551615\","
                              "\"list\":[{\"t\":true},-1]}\n");
}

static void a_file_larger_than_the_room_is_refused(void **state)
{
    char folder[FILE_PATH_MAX];
    uint8_t raw[8];
    struct buffer exact = buffer_make(raw, 8);
    struct buffer small = buffer_make(raw, 7);

    (void)state;
    keys_folder_make(folder);
    const char *path = keys_path(folder, "eight");
    assert_int_equal(file_create(path, 0600, bytes_of_text("12345678"), &problem), STATUS_OK);
    assert_int_equal(file_read(path, &exact, &problem), STATUS_OK);
    assert_int_equal(exact.len, 8);
    assert_int_equal(file_read(path, &small, &problem), STATUS_INVALID);
    assert_int_equal(mkfifo(keys_path(folder, "pipe"), 0600), 0);
    assert_int_equal(file_read(keys_path(folder, "pipe"), &exact, &problem), STATUS_INVALID);
    keys_folder_remove(folder);
}

/* --- Transcript ------------------------------------------------------------------------------ */

static enum status append(const char *folder, const char *word, uint64_t *step)
{
    struct transcript_run run;
    char first[] = "vestry-keys";
    char second[64] = "";
    char *const argv[] = {first, second};

    memcpy(second, word, strlen(word));
    transcript_begin(&run, 2, argv);
    transcript_input(&run, bytes_of_text("input"));
    transcript_confirmed(&run, "word word");
    return transcript_append(folder, &run, step, &problem);
}

static void a_transcript_grows_a_line_a_run(void **state)
{
    char folder[FILE_PATH_MAX];
    uint64_t step = 0;

    (void)state;
    keys_folder_make(folder);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(append(folder, "selftest", &step), STATUS_OK);
        assert_int_equal(step, i);
    }
    keys_folder_remove(folder);
    assert_int_equal(append(folder, "selftest", &step), STATUS_IO);
}

/* Any change to a line that another one follows breaks the chain. */
static void a_changed_or_missing_line_of_a_transcript_is_noticed(void **state)
{
    char folder[FILE_PATH_MAX];
    static char text[65536];
    struct buffer whole = buffer_make(text, sizeof(text) - 1);
    uint64_t step = 0;

    (void)state;
    keys_folder_make(folder);
    const char *path = keys_path(folder, TRANSCRIPT_NAME);
    assert_int_equal(append(folder, "one", &step), STATUS_OK);
    assert_int_equal(append(folder, "two", &step), STATUS_OK);
    assert_int_equal(file_read(path, &whole, &problem), STATUS_OK);
    const char *second = strchr(text, '\n') + 1;
    const size_t first_len = (size_t)(second - text);
    struct bytes parts[] = {
        bytes_make(second, whole.len - first_len), /* the first is gone */
        bytes_make(text, whole.len - 1),           /* the last was never finished */
        bytes_make(text, whole.len),               /* one byte of the first is another */
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char kept = text[10];

        text[10] = i == 2 ? (char)(kept == 'A' ? 'B' : 'A') : kept;
        assert_int_equal(unlink(path), 0);
        assert_int_equal(file_create(path, 0600, parts[i], &problem), STATUS_OK);
        assert_int_equal(append(folder, "three", &step), STATUS_CORRUPT);
        text[10] = kept;
    }
    keys_folder_remove(folder);
}

/* A line that fits the hash chain but not the count. */
static void a_transcript_whose_steps_are_not_counted_is_refused(void **state)
{
    char folder[FILE_PATH_MAX];
    struct transcript_step made = {.step = 2, .command = bytes_of_text("vestry-keys selftest")};
    uint8_t raw[512];
    uint8_t text[1024];
    struct buffer object = buffer_make(raw, sizeof(raw));
    struct buffer line = buffer_make(text, sizeof(text));
    uint64_t step = 0;

    (void)state;
    keys_folder_make(folder);
    assert_true(transcript_step_encode(&made, &object));
    base64_put(&line, buffer_bytes(&object));
    buffer_put_u8(&line, '\n');
    assert_int_equal(
        file_create(keys_path(folder, TRANSCRIPT_NAME), 0600, buffer_bytes(&line), &problem),
        STATUS_OK);
    assert_int_equal(append(folder, "three", &step), STATUS_CORRUPT);
    keys_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_to_the_second),
        cmocka_unit_test(what_is_no_amount_is_refused),
        cmocka_unit_test(amounts_are_shown_as_people_write_them),
        cmocka_unit_test(armour_of_every_length_comes_back_and_only_as_it_was_made),
        cmocka_unit_test(armour_with_other_line_breaks_is_refused),
        cmocka_unit_test(a_slip_of_the_hand_has_a_suggestion_and_another_word_none),
        cmocka_unit_test(json_is_one_line_with_everything_escaped),
        cmocka_unit_test(a_file_larger_than_the_room_is_refused),
        cmocka_unit_test(a_transcript_grows_a_line_a_run),
        cmocka_unit_test(a_changed_or_missing_line_of_a_transcript_is_noticed),
        cmocka_unit_test(a_transcript_whose_steps_are_not_counted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
