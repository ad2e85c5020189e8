/* Frames that the host makes and looks into, and log lines. */
#include "replica/host/frames.h"
#include "replica/host/logging.h"
#include "tests/support/host_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

static void the_audience_is_found_without_parsing_the_rest(void **state)
{
    struct host_log *log = *state;
    uint64_t audience = 99;
    struct bytes read = host_log_read(log, "pay/eu", 0, 1);
    assert_true(frames_audience(read, &audience));
    assert_int_equal(audience, HOST_LOG_NODE + 1);
    assert_int_equal(frames_type(read), MESSAGE_REQUEST);
    struct bytes append = core_request(log->core, 5);
    assert_true(frames_audience(append, &audience));
    assert_int_equal(audience, 0);
}

static void what_is_no_request_has_no_audience(void **state)
{
    struct host_log *log = *state;
    uint8_t copy[8192];
    uint64_t audience = 99;
    const struct vote vote = {.sequence = 1};
    assert_false(frames_audience(core_vote(log->core, MESSAGE_PREPARE, 1, &vote), &audience));
    struct bytes request = core_request(log->core, 5);
    assert_true(request.len <= sizeof(copy));
    memcpy(copy, request.data, request.len);
    /* The audience stands within the first 200 bytes; less than that is no request. */
    for (size_t len = 0; len < 60; len++) {
        assert_false(frames_audience(bytes_make(copy, len), &audience));
    }
    for (size_t bit = 0; bit < 60 * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* Whatever it says: it stays within the frame, which the sanitizers watch. */
        bool found = frames_audience(bytes_make(copy, request.len), &audience);
        assert_true(found || audience == 99);
        audience = 99;
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(frames_type(BYTES_EMPTY), 0);
    assert_int_equal(frames_type(bytes_of_text("GET / HTTP/1.1\r\n")), 0);
}

static void a_frame_that_does_not_fit_leaves_nothing(void **state)
{
    (void)state;
    uint8_t memory[64];
    static const uint8_t attachment[60];
    struct buffer out = buffer_make(memory, sizeof(memory));
    buffer_put_u8(&out, 7);
    const struct frame_parts parts = {
        .type = MESSAGE_DATA, .rid = 1, .attachment = BYTES_OF_ARRAY(attachment)};
    assert_false(frames_put(&out, &parts));
    assert_int_equal(out.len, 1);
    assert_false(out.full);
}

static void compose(enum log_format format, const struct log_field *fields, char *out, size_t size)
{
    struct buffer buffer = buffer_make(out, size - 1);
    const struct log_line line = {"T", LEVEL_WARNING, "peer", "connected", fields};
    log_compose(&buffer, format, &line);
    out[buffer.len] = 0;
}

static void text_lines_quote_what_is_not_plain(void **state)
{
    (void)state;
    char out[1024];
    compose(LOG_FORMAT_TEXT,
            LOG_FIELDS(LOG_TEXT("a", "x.y:1"), LOG_TEXT("b", "two words\n\"q\" \\ =\x1b[31m"),
                       LOG_NUMBER("n", 12), LOG_TEXT("e", "")),
            out, sizeof(out));
    assert_string_equal(out, "T warn  peer: connected  a=x.y:1 b=\"two words\\u000a\\\"q\\\" \\\\ "
                             "=\\u001b[31m\" n=12 e=\"\"\n");
}

static void json_lines_are_json_even_when_they_are_cut(void **state)
{
    (void)state;
    static char value[200];
    memset(value, '"', sizeof(value) - 1);
    for (size_t size = 120; size < 1200; size += 13) {
        char out[1200];
        compose(LOG_FORMAT_JSON,
                LOG_FIELDS(LOG_TEXT("one", "1\t"), LOG_NUMBER("two", 2), LOG_TEXT("long", value),
                           LOG_TEXT("after", "x")),
                out, size);
        json_t *parsed = json_loads(out, 0, NULL);
        assert_non_null(parsed);
        assert_string_equal(json_string_value(json_object_get(parsed, "message")), "connected");
        json_decref(parsed);
        assert_int_equal(out[strlen(out) - 1], '\n');
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, host_log_setup, host_log_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_audience_is_found_without_parsing_the_rest),
        TEST(what_is_no_request_has_no_audience),
        cmocka_unit_test(a_frame_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(text_lines_quote_what_is_not_plain),
        cmocka_unit_test(json_lines_are_json_even_when_they_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
