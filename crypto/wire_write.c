#include "crypto/wire_write.h"

#include <msgpack/pack.h>

static int write_into_buffer(void *context, const char *data, size_t len)
{
    struct buffer *out = context;
    buffer_put(out, bytes_make(data, len));
    return out->full ? -1 : 0;
}

static msgpack_packer packer(struct buffer *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_into_buffer);
    return packer;
}

/* The packer's verdict is in out->full already. */
void write_u64(struct buffer *out, uint64_t value)
{
    msgpack_packer to = packer(out);
    (void)msgpack_pack_uint64(&to, value);
}

void write_bin(struct buffer *out, struct bytes value)
{
    msgpack_packer to = packer(out);
    (void)msgpack_pack_bin(&to, value.len);
    buffer_put(out, value);
}

void write_str(struct buffer *out, struct bytes value)
{
    msgpack_packer to = packer(out);
    (void)msgpack_pack_str(&to, value.len);
    buffer_put(out, value);
}

void write_array(struct buffer *out, uint32_t count)
{
    msgpack_packer to = packer(out);
    (void)msgpack_pack_array(&to, count);
}
