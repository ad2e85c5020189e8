/* vestry read: entries by index, or by stream and position. */
#include "client/cli/append.h"
#include "client/cli/show.h"
#include "client/cli/verbs.h"

#include "keys/words/amounts.h"

#include <stdio.h>
#include <string.h>

struct reading {
    struct connection *connection;
    const struct call *call;
    struct vestry_query query;
    uint64_t left; /* entries still wanted */
    uint64_t shown;
    bool newline;
    bool exact; /* it is an error when there are fewer */
};

static bool is_number(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

static bool take_number(const struct call *call, const char *text, uint64_t *out)
{
    if (amount_parse_count(bytes_of_text(text), out)) {
        return true;
    }
    (void)call_fail(call, EXIT_USAGE, "a position is a number",
                    "vestry read 13, or vestry read orders/store17 4");
    return false;
}

/* "13", "orders/store17", or "orders/store17 4". */
static bool take_where(const struct call *call, struct reading *reading)
{
    const char *first = call_argument(call, 0);
    const char *second = call_argument(call, 1);
    const char *stream = call_get(call, "stream");
    const bool by_index = stream == NULL && is_number(first == NULL ? "" : first);
    const char *position = stream != NULL || by_index ? first : second;

    reading->query = (struct vestry_query)VESTRY_QUERY;
    reading->left = UINT64_MAX;
    reading->query.stream = by_index ? NULL : (stream != NULL ? stream : first);
    if (first == NULL && stream == NULL) {
        (void)call_fail(call, EXIT_USAGE, "vestry read INDEX or STREAM: what is to be read?",
                        "vestry read 13");
        return false;
    }
    if (position != NULL) {
        reading->left = 1;
        reading->exact = true;
        if (!take_number(call, position, &reading->query.from)) {
            return false;
        }
    }
    return call_count(call, "count", &reading->left) && show_query(call, &reading->query);
}

static int write_receipt(const struct reading *reading, const struct vestry_entries *entries)
{
    const char *path = call_get(reading->call, "receipt");
    size_t len = 0;

    if (path == NULL || reading->shown > 0) {
        return EXIT_OK;
    }
    char *text = vestry_entries_receipt(entries, 0, &len);
    if (text == NULL) {
        return call_fail(reading->call, EXIT_ERROR, "no receipt can be made of the answer", "");
    }
    const int code = write_text_file(reading->call, path, text, len);
    vestry_free(text);
    return code;
}

static int show_all(struct reading *reading, const struct vestry_entries *entries,
                    const struct vestry_read_look *look)
{
    int code = look->count > 0 ? write_receipt(reading, entries) : EXIT_OK;

    for (size_t i = 0; code == EXIT_OK && i < look->count; i++) {
        struct vestry_read_entry entry;

        vestry_entries_get(entries, i, &entry);
        code = show_entry(reading->call, &entry, reading->newline);
    }
    reading->shown += look->count;
    reading->left -= look->count;
    reading->query.from += look->count;
    return code;
}

static int nothing_there(const struct reading *reading, const struct vestry_read_look *look)
{
    char what[192];

    if (reading->query.stream == NULL) {
        (void)snprintf(what, sizeof(what), "the log has no entry %llu: it has %llu entries",
                       (unsigned long long)reading->query.from,
                       (unsigned long long)look->tree_size);
        return call_fail(reading->call, EXIT_ERROR, what, "vestry head");
    }
    (void)snprintf(what, sizeof(what), "%.64s has no entry %llu: it has %llu",
                   reading->query.stream, (unsigned long long)reading->query.from,
                   (unsigned long long)look->stream_len);
    return call_fail(reading->call, EXIT_ERROR, what, "vestry streams");
}

/* Read and show up to what one answer holds. `more` says whether to go on. */
static int read_some(struct reading *reading, bool *more)
{
    struct vestry_entries *entries = NULL;
    struct vestry_read_look look;

    reading->query.count = reading->left < VESTRY_ENTRIES_MAX ? reading->left : VESTRY_ENTRIES_MAX;
    if (vestry_read(reading->connection->log, &reading->query, &entries) != VESTRY_OK) {
        return connect_fail(reading->connection);
    }
    vestry_entries_look(entries, &look);
    int code = EXIT_OK;
    if (look.count == 0 && reading->exact && reading->shown == 0) {
        code = nothing_there(reading, &look);
    } else {
        code = show_all(reading, entries, &look);
    }
    *more = code == EXIT_OK && look.count > 0 && reading->left > 0;
    if (code == EXIT_OK && !*more) {
        show_basis(reading->call, &look);
    }
    vestry_entries_free(entries);
    return code;
}

int cmd_read(struct call *call)
{
    static struct connection connection;
    struct reading reading = {.connection = &connection, .call = call};
    bool more = true;

    if (!take_where(call, &reading)) {
        return EXIT_USAGE;
    }
    if (reading.left == 0) {
        return EXIT_OK;
    }
    /* One entry goes out as it is, byte for byte; several are lines. */
    reading.newline = reading.left != 1 || is_terminal(1);
    int code = connect_open(call, false, &connection);
    if (code != EXIT_OK) {
        return code;
    }
    while (code == EXIT_OK && more) {
        code = read_some(&reading, &more);
    }
    connect_close(&connection);
    return code == EXIT_OK ? call_finish(call) : code;
}
