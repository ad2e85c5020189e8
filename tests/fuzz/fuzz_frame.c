/* Any bytes as a stream of frames: every frame lies within the stream, is within the maximum, and
 * is written as the bytes it was read from. */
#include "crypto/frame.h"

#include <string.h>

#define CONTENT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t memory[FRAME_HEADER_BYTES + CONTENT_MAX];
    struct bytes stream = bytes_make(data, len);
    struct bytes frame;
    size_t consumed = 0;

    while (frame_next(stream, CONTENT_MAX, &frame, &consumed) == FRAME_READY) {
        struct buffer again = buffer_make(memory, sizeof(memory));

        CHECK(consumed <= stream.len);
        CHECK(frame.len >= 1);
        CHECK(frame.len <= CONTENT_MAX);
        frame_put(&again, &frame, 1);
        CHECK(!again.full);
        CHECK(bytes_equal(buffer_bytes(&again), bytes_slice(stream, 0, consumed)));
        stream = bytes_slice(stream, consumed, stream.len - consumed);
    }
    return 0;
}
