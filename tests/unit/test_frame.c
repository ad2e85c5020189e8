#include "crypto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_stream_yields_its_frames_in_order(void **state)
{
    uint8_t memory[64];
    struct buffer stream = buffer_make(memory, sizeof(memory));
    const struct bytes first[] = {bytes_of_text("envelope"), bytes_of_text(" and attachment")};
    const struct bytes second[] = {bytes_of_text("x")};
    struct bytes frame = BYTES_EMPTY;
    size_t consumed = 0;

    (void)state;
    frame_put(&stream, first, 2);
    frame_put(&stream, second, 1);
    assert_false(stream.full);
    assert_int_equal(frame_next(buffer_bytes(&stream), 32, &frame, &consumed), FRAME_READY);
    assert_true(bytes_equal(frame, bytes_of_text("envelope and attachment")));
    assert_int_equal(consumed, 4 + 23);
    const struct bytes rest = bytes_slice(buffer_bytes(&stream), consumed, stream.len - consumed);

    assert_int_equal(frame_next(rest, 32, &frame, &consumed), FRAME_READY);
    assert_true(bytes_equal(frame, bytes_of_text("x")));
    assert_int_equal(consumed, rest.len);
}

static void a_stream_cut_anywhere_waits_for_more(void **state)
{
    const uint8_t stream[] = {0, 0, 0, 3, 'a', 'b', 'c'};
    struct bytes frame = bytes_of_text("untouched");
    size_t consumed = 99;

    (void)state;
    for (size_t len = 0; len < sizeof(stream); len++) {
        assert_int_equal(frame_next(bytes_make(stream, len), 3, &frame, &consumed), FRAME_MORE);
        assert_true(bytes_equal(frame, bytes_of_text("untouched")));
        assert_int_equal(consumed, 99);
    }
    assert_int_equal(frame_next(BYTES_OF_ARRAY(stream), 3, &frame, &consumed), FRAME_READY);
}

static void a_length_above_the_maximum_is_refused_by_its_header_alone(void **state)
{
    const uint8_t at_maximum[] = {0, 1, 0, 0};
    const uint8_t above[] = {0, 1, 0, 1};
    const uint8_t bomb[] = {0xFF, 0xFF, 0xFF, 0xFF};
    struct bytes frame;
    size_t consumed;

    (void)state;
    assert_int_equal(frame_next(BYTES_OF_ARRAY(at_maximum), 65536, &frame, &consumed), FRAME_MORE);
    assert_int_equal(frame_next(BYTES_OF_ARRAY(above), 65536, &frame, &consumed), FRAME_TOO_LONG);
    assert_int_equal(frame_next(BYTES_OF_ARRAY(bomb), FRAME_BYTES_MAX, &frame, &consumed),
                     FRAME_TOO_LONG);
}

static void an_empty_frame_is_refused(void **state)
{
    const uint8_t stream[] = {0, 0, 0, 0, 'a'};
    struct bytes frame;
    size_t consumed;

    (void)state;
    assert_int_equal(frame_next(BYTES_OF_ARRAY(stream), 100, &frame, &consumed), FRAME_EMPTY);
}

static void a_frame_that_does_not_fit_leaves_nothing_behind(void **state)
{
    uint8_t memory[16];
    const struct bytes parts[] = {bytes_of_text("twelve bytes"), bytes_of_text("!")};

    (void)state;
    for (size_t room = 0; room <= sizeof(memory); room++) {
        struct buffer out = buffer_make(memory, room);

        frame_put(&out, parts, 2);
        assert_true(out.full);
        assert_int_equal(out.len, 0);
    }
    struct buffer out = buffer_make(memory, sizeof(memory));

    frame_put(&out, parts, 1);
    assert_false(out.full);
    assert_int_equal(out.len, sizeof(memory));

    /* What is full already takes nothing, though there is room. */
    out = buffer_make(memory, sizeof(memory));
    out.full = true;
    frame_put(&out, parts, 1);
    assert_true(out.full);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_yields_its_frames_in_order),
        cmocka_unit_test(a_stream_cut_anywhere_waits_for_more),
        cmocka_unit_test(a_length_above_the_maximum_is_refused_by_its_header_alone),
        cmocka_unit_test(an_empty_frame_is_refused),
        cmocka_unit_test(a_frame_that_does_not_fit_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
