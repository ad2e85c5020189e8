/* Makes tests/vectors/formats.kat, on stdout. The file is frozen: it is made anew only when an
 * object is added, and then only the new object's lines are taken. */
#include "crypto/words.h"
#include "tests/support/formats_vectors.h"

#include <stdio.h>

static uint8_t memory[1u << 20];

int main(void)
{
    struct buffer out = buffer_make(memory, sizeof(memory));

    buffer_put(&out, bytes_of_text("cluster "));
    hex_put(&out, BYTES_OF_ARRAY(formats_cluster_id));
    buffer_put_u8(&out, '\n');
    formats_vectors_objects(&out);
    formats_vectors_story(&out);
    if (out.full) {
        fprintf(stderr, "formats_kat: no room\n");
        return 1;
    }
    return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}
