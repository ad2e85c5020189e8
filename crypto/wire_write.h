/* Writing canonical msgpack into a bounded buffer, through msgpack-c (which always picks the
 * shortest form). The caller writes as many values behind an array head as it announced; the schema
 * encoder does that for every object, so few others need this. Linked by programs that sign or
 * store, not by vestry-verify. */
#ifndef VESTRY_CRYPTO_WIRE_WRITE_H
#define VESTRY_CRYPTO_WIRE_WRITE_H

#include "crypto/bytes.h"

void write_u64(struct buffer *out, uint64_t value);
void write_bin(struct buffer *out, struct bytes value);
void write_str(struct buffer *out, struct bytes value);
void write_array(struct buffer *out, uint32_t count);

#endif
