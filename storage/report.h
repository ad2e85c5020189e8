/* Two sentences for a person, when something about a data directory is not as it must be: what is
 * wrong, and what to do. The caller prints them; storage/ prints nothing. */
#ifndef VESTRY_STORAGE_REPORT_H
#define VESTRY_STORAGE_REPORT_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

struct report {
    char what[1536]; /* names paths and both ids */
    char remedy[512];
};

/* Fill one line, cut to fit. `report` may be NULL: nobody is listening. */
void report_what(struct report *report, const char *format, ...) PRINTF_LIKE(2, 3);
void report_remedy(struct report *report, const char *format, ...) PRINTF_LIKE(2, 3);

#define HEX_TEXT_BYTES(bytes) (2 * (bytes) + 1)

/* Lower-case hexadecimal with a NUL. */
void report_hex(const uint8_t hash[HASH_BYTES], char out[HEX_TEXT_BYTES(HASH_BYTES)]);

#endif
