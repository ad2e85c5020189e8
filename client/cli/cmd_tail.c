/* vestry tail: the last entries of a stream, of all streams below a prefix, or of the whole log;
 * and those that come after, with -f. */
#include "client/cli/show.h"
#include "client/cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_USUAL 10
#define LAST_MAX 100000

struct tail {
    struct connection *connection;
    const struct call *call;
    struct vestry_query query;
    char prefix[65]; /* "orders/": entries by index are kept when their stream begins so */
    uint64_t last;
    bool follow;
};

static bool is_wanted(const struct tail *tail, const struct vestry_read_entry *entry)
{
    const size_t len = strlen(tail->prefix);

    return tail->query.stream != NULL || strncmp(entry->stream, tail->prefix, len) == 0;
}

/* A name that ends with '/' is a prefix, and so is none at all. */
static bool take_where(const struct call *call, struct tail *tail)
{
    const char *name = call_argument(call, 0);
    const size_t len = name == NULL ? 0 : strlen(name);

    tail->query = (struct vestry_query)VESTRY_QUERY;
    tail->last = LAST_USUAL;
    tail->follow = call_has(call, "follow");
    if (name != NULL && name[len - 1] != '/') {
        tail->query.stream = name;
    } else if (name != NULL && len < sizeof(tail->prefix)) {
        memcpy(tail->prefix, name, len + 1);
    } else if (name != NULL) {
        (void)call_fail(call, EXIT_USAGE, "a prefix of a stream has at most 64 characters",
                        "vestry tail orders/");
        return false;
    }
    if (!call_count(call, "lines", &tail->last) || !show_query(call, &tail->query)) {
        return false;
    }
    if (tail->last > LAST_MAX) {
        tail->last = LAST_MAX;
    }
    return true;
}

/* How many entries there are: of the stream, or of the log. */
static int find_length(struct tail *tail, uint64_t *length)
{
    struct vestry_query query = tail->query;
    struct vestry_entries *entries = NULL;
    struct vestry_read_look look;

    query.from = 0;
    query.count = 1;
    if (vestry_read(tail->connection->log, &query, &entries) != VESTRY_OK) {
        return connect_fail(tail->connection);
    }
    vestry_entries_look(entries, &look);
    vestry_entries_free(entries);
    *length = look.stream_len;
    return EXIT_OK;
}

static int show_wanted(struct tail *tail, const struct vestry_entries *entries)
{
    struct vestry_read_look look;
    int code = EXIT_OK;

    vestry_entries_look(entries, &look);
    for (size_t i = 0; code == EXIT_OK && i < look.count; i++) {
        struct vestry_read_entry entry;

        vestry_entries_get(entries, i, &entry);
        if (is_wanted(tail, &entry)) {
            code = show_entry(tail->call, &entry, true);
        }
    }
    tail->query.from += look.count;
    if (fflush(stdout) != 0) {
        code = EXIT_ERROR; /* nobody reads any more */
    }
    return code;
}

/* Count the wanted entries of one answer; where the last of `wanted` begins, when they are there.
 */
static uint64_t count_wanted(const struct tail *tail, const struct vestry_entries *entries,
                             uint64_t wanted, uint64_t *begin)
{
    struct vestry_read_look look;
    uint64_t found = 0;

    vestry_entries_look(entries, &look);
    for (size_t i = look.count; i > 0 && found < wanted; i--) {
        struct vestry_read_entry entry;

        vestry_entries_get(entries, i - 1, &entry);
        if (is_wanted(tail, &entry)) {
            found++;
            *begin = entry.index;
        }
    }
    return found;
}

/* Go back over the log until enough entries below the prefix were met. */
static int find_begin(struct tail *tail, uint64_t length)
{
    uint64_t wanted = tail->last;
    uint64_t end = length;
    uint64_t begin = length;

    while (end > 0 && wanted > 0) {
        struct vestry_query query = tail->query;
        struct vestry_entries *entries = NULL;

        query.from = end > VESTRY_ENTRIES_MAX ? end - VESTRY_ENTRIES_MAX : 0;
        query.count = end - query.from;
        if (vestry_read(tail->connection->log, &query, &entries) != VESTRY_OK) {
            return connect_fail(tail->connection);
        }
        wanted -= count_wanted(tail, entries, wanted, &begin);
        vestry_entries_free(entries);
        end = query.from;
    }
    tail->query.from = begin;
    return EXIT_OK;
}

/* The entries from where it begins to where the log ended when it began. */
static int show_last(struct tail *tail, uint64_t length)
{
    int code = EXIT_OK;

    while (code == EXIT_OK && tail->query.from < length) {
        struct vestry_entries *entries = NULL;
        struct vestry_read_look look;
        const uint64_t left = length - tail->query.from;

        tail->query.count = left < VESTRY_ENTRIES_MAX ? left : VESTRY_ENTRIES_MAX;
        if (vestry_read(tail->connection->log, &tail->query, &entries) != VESTRY_OK) {
            return connect_fail(tail->connection);
        }
        vestry_entries_look(entries, &look);
        code = show_wanted(tail, entries);
        if (look.count == 0 || !tail->follow) {
            show_basis(tail->call, &look);
        }
        vestry_entries_free(entries);
        if (look.count == 0) {
            return code; /* the checkpoint has not come so far yet */
        }
    }
    return code;
}

static int follow(struct tail *tail)
{
    int code = EXIT_OK;

    vestry_set_timeout(tail->connection->log, 0);
    tail->query.count = VESTRY_ENTRIES_MAX;
    while (code == EXIT_OK) {
        struct vestry_entries *entries = NULL;
        const enum vestry_error error =
            vestry_follow(tail->connection->log, &tail->query, &entries);

        if (error == VESTRY_INTERRUPTED) {
            return EXIT_OK; /* that is how following ends */
        }
        if (error != VESTRY_OK) {
            return connect_fail(tail->connection);
        }
        code = show_wanted(tail, entries);
        vestry_entries_free(entries);
    }
    return code;
}

static int run(struct tail *tail)
{
    uint64_t length = 0;
    int code = find_length(tail, &length);

    if (code == EXIT_OK && tail->query.stream != NULL) {
        tail->query.from = length > tail->last ? length - tail->last : 0;
    } else if (code == EXIT_OK && tail->prefix[0] == '\0') {
        tail->query.from = length > tail->last ? length - tail->last : 0;
    } else if (code == EXIT_OK) {
        code = find_begin(tail, length);
    }
    code = code == EXIT_OK ? show_last(tail, length) : code;
    return code == EXIT_OK && tail->follow ? follow(tail) : code;
}

int cmd_tail(struct call *call)
{
    static struct connection connection;
    struct tail tail = {.connection = &connection, .call = call};

    if (!take_where(call, &tail)) {
        return EXIT_USAGE;
    }
    int code = connect_open(call, false, &connection);
    if (code != EXIT_OK) {
        return code;
    }
    code = run(&tail);
    connect_close(&connection);
    return code == EXIT_OK && !tail.follow ? call_finish(call) : code;
}
