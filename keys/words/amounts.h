/* Amounts as people write and read them: times, durations, sizes, counts.
 *
 *     duration   500ms  30s  15min  24h  7d  52w       (no unit: milliseconds)
 *     time       2027-01-31  2027-01-31T12:00:00Z  +7d (from now on)
 *     size       512  64KiB  1MiB  2GiB
 *     count      1000000
 *
 * `unlimited` is 2^64-1 in each. All are exact: what does not fit or has anything behind it is
 * refused. Time is UTC. Pure. */
#ifndef VESTRY_KEYS_WORDS_AMOUNTS_H
#define VESTRY_KEYS_WORDS_AMOUNTS_H

#include "crypto/bytes.h"

MUST_USE bool amount_parse_count(struct bytes text, uint64_t *out);
MUST_USE bool amount_parse_duration(struct bytes text, uint64_t *out_ms);
MUST_USE bool amount_parse_size(struct bytes text, uint64_t *out_bytes);
MUST_USE bool amount_parse_time(struct bytes text, uint64_t now_ms, uint64_t *out_ms);

/* Append: "3 d 4 h", "1.5 MiB", "2027-01-31 12:00:00 UTC", "unlimited". Durations and sizes are
 * exact when that is short and rounded down otherwise. */
void amount_put_count(struct buffer *out, uint64_t count);
void amount_put_duration(struct buffer *out, uint64_t ms);
void amount_put_size(struct buffer *out, uint64_t bytes);
void amount_put_time(struct buffer *out, uint64_t ms);

/* Milliseconds of the machine's clock: a hint like every local clock. 0 when it cannot be read. */
MUST_USE uint64_t amount_now_ms(void);

#endif
