#include "keys/words/amounts.h"

#include "crypto/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define WEEK_MS (7 * DAY_MS)
#define YEAR_LAST 9999

struct unit {
    const char *text;
    uint64_t value;
};

static const struct unit durations[] = {
    {"", 1},        {"ms", 1},     {"s", SECOND_MS}, {"min", MINUTE_MS},
    {"h", HOUR_MS}, {"d", DAY_MS}, {"w", WEEK_MS},
};
static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
};
static const struct unit counts[] = {{"", 1}};

/* Digits at the front of `text`, which is left with the rest. */
static bool take_number(struct bytes *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i < text->len && text->data[i] >= '0' && text->data[i] <= '9'; i++) {
        const uint64_t digit = text->data[i] - (uint64_t)'0';

        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (i == 0) {
        return false;
    }
    *text = bytes_slice(*text, i, text->len - i);
    *out = value;
    return true;
}

static bool parse_units(struct bytes text, const struct unit *units, size_t count, uint64_t *out)
{
    uint64_t number = 0;

    if (bytes_equal(text, bytes_of_text("unlimited"))) {
        *out = U64_UNLIMITED;
        return true;
    }
    if (!take_number(&text, &number)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(text, bytes_of_text(units[i].text))) {
            if (number > UINT64_MAX / units[i].value) {
                return false;
            }
            *out = number * units[i].value;
            return true;
        }
    }
    return false;
}

bool amount_parse_count(struct bytes text, uint64_t *out)
{
    return parse_units(text, counts, sizeof(counts) / sizeof(counts[0]), out);
}

bool amount_parse_duration(struct bytes text, uint64_t *out_ms)
{
    return parse_units(text, durations, sizeof(durations) / sizeof(durations[0]), out_ms);
}

bool amount_parse_size(struct bytes text, uint64_t *out_bytes)
{
    return parse_units(text, sizes, sizeof(sizes) / sizeof(sizes[0]), out_bytes);
}

static bool is_leap(uint64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t days_in_month(uint64_t year, uint64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of `year`. */
static uint64_t days_before_year(uint64_t year)
{
    const uint64_t past = year - 1;

    return 365 * (year - 1970) + (past / 4 - past / 100 + past / 400) -
           (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/* Exactly `digits` digits at the front, then `after` unless that is 0. */
static bool take_field(struct bytes *text, size_t digits, char after, uint64_t *out)
{
    struct bytes field;

    if (text->len < digits + (after != 0 ? 1 : 0)) {
        return false;
    }
    field = bytes_slice(*text, 0, digits);
    if (!take_number(&field, out) || field.len != 0) {
        return false;
    }
    if (after != 0 && text->data[digits] != (uint8_t)after) {
        return false;
    }
    digits += after != 0 ? 1 : 0;
    *text = bytes_slice(*text, digits, text->len - digits);
    return true;
}

static bool parse_date(struct bytes *text, uint64_t *out_ms)
{
    uint64_t year = 0;
    uint64_t month = 0;
    uint64_t day = 0;
    uint64_t days = 0;

    if (!take_field(text, 4, '-', &year) || !take_field(text, 2, '-', &month) ||
        !take_field(text, 2, 0, &day)) {
        return false;
    }
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    days = days_before_year(year) + day - 1;
    for (uint64_t m = 1; m < month; m++) {
        days += days_in_month(year, m);
    }
    *out_ms = days * DAY_MS;
    return true;
}

static bool parse_clock(struct bytes *text, uint64_t *out_ms)
{
    uint64_t hour = 0;
    uint64_t minute = 0;
    uint64_t second = 0;

    if (!take_field(text, 2, ':', &hour) || !take_field(text, 2, ':', &minute) ||
        !take_field(text, 2, 'Z', &second)) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *out_ms = hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS;
    return true;
}

bool amount_parse_time(struct bytes text, uint64_t now_ms, uint64_t *out_ms)
{
    uint64_t part = 0;
    uint64_t clock = 0;

    if (bytes_equal(text, bytes_of_text("unlimited"))) {
        *out_ms = U64_UNLIMITED;
        return true;
    }
    if (text.len > 0 && text.data[0] == '+') {
        if (!amount_parse_duration(bytes_slice(text, 1, text.len - 1), &part) ||
            part > UINT64_MAX - now_ms) {
            return false;
        }
        *out_ms = now_ms + part;
        return true;
    }
    if (!parse_date(&text, &part)) {
        return false;
    }
    if (text.len > 0) {
        if (text.data[0] != 'T') {
            return false;
        }
        text = bytes_slice(text, 1, text.len - 1);
        if (!parse_clock(&text, &clock) || text.len != 0) {
            return false;
        }
    }
    *out_ms = part + clock;
    return true;
}

static void put_format(struct buffer *out, const char *text, int chars, size_t capacity)
{
    CHECK(chars >= 0 && (size_t)chars < capacity);
    buffer_put(out, bytes_make(text, (size_t)chars));
}

static bool put_unlimited(struct buffer *out, uint64_t value)
{
    if (value == U64_UNLIMITED) {
        buffer_put(out, bytes_of_text("unlimited"));
        return true;
    }
    return false;
}

void amount_put_count(struct buffer *out, uint64_t count)
{
    char text[32];

    if (!put_unlimited(out, count)) {
        put_format(out, text, snprintf(text, sizeof(text), "%" PRIu64, count), sizeof(text));
    }
}

/* The two largest units that are not zero: enough for a person to judge. */
void amount_put_duration(struct buffer *out, uint64_t ms)
{
    static const struct unit units[] = {
        {"d", DAY_MS}, {"h", HOUR_MS}, {"min", MINUTE_MS}, {"s", SECOND_MS}, {"ms", 1}};
    unsigned shown = 0;

    if (put_unlimited(out, ms)) {
        return;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && shown < 2; i++) {
        char text[40];
        const uint64_t n = ms / units[i].value;

        if (n == 0 && (units[i].value != 1 || shown != 0)) {
            continue;
        }
        put_format(out, text,
                   snprintf(text, sizeof(text), "%s%" PRIu64 " %s", shown == 0 ? "" : " ", n,
                            units[i].text),
                   sizeof(text));
        ms %= units[i].value;
        shown++;
    }
}

void amount_put_size(struct buffer *out, uint64_t bytes)
{
    char text[40];
    size_t i = sizeof(sizes) / sizeof(sizes[0]) - 1;

    if (put_unlimited(out, bytes)) {
        return;
    }
    while (i > 1 && bytes < sizes[i].value) {
        i--;
    }
    const uint64_t whole = bytes / sizes[i].value;
    const uint64_t tenths = bytes % sizes[i].value * 10 / sizes[i].value;
    if (i == 1) {
        put_format(out, text, snprintf(text, sizeof(text), "%" PRIu64 " bytes", bytes),
                   sizeof(text));
    } else if (tenths == 0) {
        put_format(out, text, snprintf(text, sizeof(text), "%" PRIu64 " %s", whole, sizes[i].text),
                   sizeof(text));
    } else {
        put_format(out, text,
                   snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 " %s", whole, tenths,
                            sizes[i].text),
                   sizeof(text));
    }
}

void amount_put_time(struct buffer *out, uint64_t ms)
{
    char text[64];
    uint64_t days = ms / DAY_MS;
    uint64_t year = 1970;
    uint64_t month = 1;
    const uint64_t rest = ms % DAY_MS;

    if (put_unlimited(out, ms)) {
        return;
    }
    if (days >= days_before_year(YEAR_LAST + 1)) {
        buffer_put(out, bytes_of_text("after the year 9999"));
        return;
    }
    while (days >= (is_leap(year) ? 366u : 365u)) {
        days -= is_leap(year) ? 366 : 365;
        year++;
    }
    while (days >= days_in_month(year, month)) {
        days -= days_in_month(year, month);
        month++;
    }
    put_format(out, text,
               snprintf(text, sizeof(text),
                        "%04" PRIu64 "-%02" PRIu64 "-%02" PRIu64 " %02" PRIu64 ":%02" PRIu64
                        ":%02" PRIu64 " UTC",
                        year, month, days + 1, rest / HOUR_MS, rest % HOUR_MS / MINUTE_MS,
                        rest % MINUTE_MS / SECOND_MS),
               sizeof(text));
}

uint64_t amount_now_ms(void)
{
    struct timespec now = {0};

    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * SECOND_MS + (uint64_t)now.tv_nsec / 1000000u;
}
