#include "storage/report.h"

#include <stdarg.h>
#include <stdio.h>

void report_what(struct report *report, const char *format, ...)
{
    if (report == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->what, sizeof report->what, format, arguments);
    va_end(arguments);
}

void report_remedy(struct report *report, const char *format, ...)
{
    if (report == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->remedy, sizeof report->remedy, format, arguments);
    va_end(arguments);
}

void report_hex(const uint8_t hash[HASH_BYTES], char out[HEX_TEXT_BYTES(HASH_BYTES)])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[2 * HASH_BYTES] = '\0';
}
