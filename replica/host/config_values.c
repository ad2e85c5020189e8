#include "crypto/note.h"
#include "replica/host/config.h"

#include <stdio.h>
#include <string.h>

static bool parse_number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    if (len == 0 || (len > 1 && text[0] == '0')) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool config_replica_name(const char *text, uint32_t *rid)
{
    return replica_name_parse(bytes_of_text(text), rid);
}

static bool host_is_plain(const char *host, size_t len, bool bracketed)
{
    if (len == 0 || len > CONFIG_HOST_CHARS_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = host[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    c == '-' || c == '.' || c == '_';
        if (!word && !(bracketed && (c == ':' || c == '%'))) {
            return false;
        }
    }
    return true;
}

bool config_address_parse(const char *text, struct config_address *out)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return false;
    }
    const char *host = text;
    size_t len = (size_t)(colon - text);
    bool bracketed = len >= 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        host++;
        len -= 2;
    }
    uint64_t port = 0;
    if (!host_is_plain(host, len, bracketed) ||
        !parse_number(colon + 1, strlen(colon + 1), UINT16_MAX, &port) || port == 0) {
        return false;
    }
    memset(out, 0, sizeof *out);
    memcpy(out->host, host, len);
    out->port = (uint16_t)port;
    return true;
}

void config_address_text(const struct config_address *address, char out[CONFIG_HOST_CHARS_MAX + 16])
{
    bool bracketed = strchr(address->host, ':') != NULL;
    snprintf(out, CONFIG_HOST_CHARS_MAX + 16, "%s%s%s:%u", bracketed ? "[" : "", address->host,
             bracketed ? "]" : "", (unsigned)address->port);
}

bool config_size_parse(const char *text, uint64_t *out)
{
    static const struct {
        const char *suffix;
        unsigned shift;
    } units[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        uint64_t value = 0;
        if (strcmp(text + digits, units[i].suffix) == 0 &&
            parse_number(text, digits, UINT64_MAX >> units[i].shift, &value)) {
            *out = value << units[i].shift;
            return true;
        }
    }
    return false;
}
