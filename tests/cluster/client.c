/* vestry-cluster-client: a client for the tests of whole clusters, on libvestry alone.
 *
 *     vestry-cluster-client FOLDER STATE append STREAM RECEIPTS IN-FLIGHT < lines
 *     vestry-cluster-client FOLDER STATE grow STREAM COUNT
 *     vestry-cluster-client FOLDER STATE read STREAM
 *     vestry-cluster-client FOLDER STATE status
 *     vestry-cluster-client FOLDER STATE note SIZE
 *
 * FOLDER is a development cluster's; VESTRY_CLUSTER_ENDPOINTS says where its replicas are, when not
 * where the charter says: "r0=10.0.0.1:7000 r1=...". `append` makes an entry of every line, keeps
 * IN-FLIGHT of them going, says `sent N TIME` before each and `ack N INDEX TIME` after its receipt
 * was written to RECEIPTS/N, in nanoseconds, and goes on where an earlier run with the same STATE
 * was killed: a mark in the state says how many lines were submitted. `grow` appends COUNT entries,
 * a few with every request and a few requests at a time, so that they come quickly and in many
 * blocks. `read` prints index, place in the stream and payload of every entry. `status` prints rid,
 * state, executed height and tree size of every replica. `note` waits for a checkpoint of at least
 * SIZE entries and prints it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <vestry/vestry.h>

#define MARK "lines"
#define PATH_CHARS 4096
#define PLACES_MAX 28
#define TIMEOUT_MS 120000

struct program {
    struct vestry *log;
    const char *stream;
    const char *receipts;
    uint64_t in_flight;
};

/* What is under way: which line went out with which ticket. */
struct sent {
    uint64_t ticket;
    uint64_t line;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "vestry-cluster-client: %s\n", what);
    exit(1);
}

static _Noreturn void die_of(const struct vestry *log)
{
    const struct vestry_problem *problem = vestry_last_problem(log);
    fprintf(stderr, "vestry-cluster-client: %s: %s (%s)\n", vestry_error_text(problem->error),
            problem->what, problem->todo);
    exit(1);
}

static void on_notice(void *context, enum vestry_notice notice, const char *text)
{
    (void)context;
    fprintf(stderr, "notice %d: %s\n", (int)notice, text);
}

/* The same clock for all processes of a machine. */
static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The words of VESTRY_CLUSTER_ENDPOINTS: where replicas are that are not where the charter says. */
static size_t endpoints(const char *places[PLACES_MAX])
{
    static char words[PATH_CHARS];
    const char *said = getenv("VESTRY_CLUSTER_ENDPOINTS");
    char *next = NULL;
    size_t count = 0;
    snprintf(words, sizeof(words), "%s", said == NULL ? "" : said);
    for (char *word = strtok_r(words, " ", &next); word != NULL && count < PLACES_MAX;
         word = strtok_r(NULL, " ", &next)) {
        places[count++] = word;
    }
    return count;
}

static struct vestry *open_log(const char *folder, const char *state)
{
    char charter[PATH_CHARS];
    char token[PATH_CHARS];
    char key[PATH_CHARS];
    static const char *places[PLACES_MAX];
    struct vestry_options options = VESTRY_OPTIONS;
    struct vestry_problem problem;
    snprintf(charter, sizeof(charter), "%s/charter.genesis", folder);
    snprintf(token, sizeof(token), "%s/client.token", folder);
    snprintf(key, sizeof(key), "%s/client.key", folder);
    options.charter = charter;
    options.token = token;
    options.key = key;
    options.state = strcmp(state, "-") == 0 ? NULL : state;
    options.timeout_ms = TIMEOUT_MS;
    options.notify = on_notice;
    options.endpoint_count = endpoints(places);
    options.endpoints = places;
    struct vestry *log = vestry_open(&options, &problem);
    if (log == NULL) {
        die(problem.what);
    }
    return log;
}

static void write_receipt(const struct program *program, const struct vestry_receipts *receipts,
                          uint64_t line)
{
    char path[PATH_CHARS];
    size_t len = 0;
    char *text = vestry_receipts_text(receipts, 0, &len);
    snprintf(path, sizeof(path), "%s/%" PRIu64, program->receipts, line);
    FILE *file = text == NULL ? NULL : fopen(path, "wb");
    if (file == NULL || fwrite(text, 1, len, file) != len || fclose(file) != 0) {
        die("cannot write a receipt");
    }
    vestry_free(text);
}

static void finish_one(const struct program *program, struct sent *sent, uint64_t *open)
{
    uint64_t ticket = 0;
    struct vestry_receipts *receipts = NULL;
    struct vestry_receipts_look look;
    if (vestry_wait_any(program->log, &ticket, &receipts) != VESTRY_OK) {
        die_of(program->log);
    }
    uint64_t at = 0;
    while (at < *open && sent[at].ticket != ticket) {
        at++;
    }
    if (at == *open) {
        die("an append finished that was never submitted");
    }
    vestry_receipts_look(receipts, &look);
    write_receipt(program, receipts, sent[at].line);
    printf("ack %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", sent[at].line, look.first_index, now_ns());
    fflush(stdout);
    vestry_receipts_free(receipts);
    sent[at] = sent[--*open];
}

static uint64_t lines_before(const struct program *program)
{
    uint64_t mark = 0;
    size_t len = 0;
    enum vestry_error error = vestry_mark(program->log, MARK, &mark, sizeof(mark), &len);
    if (error == VESTRY_NOT_FOUND) {
        return 0;
    }
    if (error != VESTRY_OK || len != sizeof(mark)) {
        die("the mark is not to be read");
    }
    return mark;
}

static void append(const struct program *program)
{
    struct vestry_append_options options = VESTRY_APPEND_OPTIONS;
    struct sent *sent = calloc(program->in_flight, sizeof(*sent));
    char *text = NULL;
    size_t capacity = 0;
    uint64_t open = 0;
    uint64_t line = 0;
    ssize_t len = 0;
    if (sent == NULL) {
        die("no memory");
    }
    printf("unfinished %zu\n", vestry_unfinished(program->log));
    if (vestry_finish(program->log) != VESTRY_OK) {
        die_of(program->log);
    }
    const uint64_t before = lines_before(program);
    while ((len = getline(&text, &capacity, stdin)) > 0) {
        if (line++ < before) {
            continue;
        }
        struct vestry_entry entry =
            VESTRY_ENTRY(program->stream, text, (size_t)len - (text[len - 1] == '\n'));
        options.mark_name = MARK;
        options.mark = &line;
        options.mark_len = sizeof(line);
        if (open == program->in_flight) {
            finish_one(program, sent, &open);
        }
        sent[open].line = line - 1;
        printf("sent %" PRIu64 " %" PRIu64 "\n", line - 1, now_ns());
        if (vestry_submit(program->log, &entry, 1, &options, &sent[open].ticket) != VESTRY_OK) {
            die_of(program->log);
        }
        open++;
    }
    while (open > 0) {
        finish_one(program, sent, &open);
    }
    free(text);
    free(sent);
}

#define GROW_ENTRIES 16
#define GROW_IN_FLIGHT 4

static void grow(const struct program *program, uint64_t count)
{
    uint64_t open = 0;
    for (uint64_t done = 0; done < count || open > 0;) {
        struct vestry_entry entries[GROW_ENTRIES];
        uint64_t ticket = 0;
        struct vestry_receipts *receipts = NULL;
        size_t few = count - done < GROW_ENTRIES ? (size_t)(count - done) : GROW_ENTRIES;
        if (few == 0 || open == GROW_IN_FLIGHT) {
            if (vestry_wait_any(program->log, &ticket, &receipts) != VESTRY_OK) {
                die_of(program->log);
            }
            vestry_receipts_free(receipts);
            open--;
            continue;
        }
        for (size_t i = 0; i < few; i++) {
            entries[i] = (struct vestry_entry)VESTRY_ENTRY(program->stream, "grown", 5);
        }
        if (vestry_submit(program->log, entries, few, NULL, &ticket) != VESTRY_OK) {
            die_of(program->log);
        }
        open++;
        done += few;
    }
}

static void read_all(const struct program *program)
{
    struct vestry_query query = VESTRY_QUERY;
    struct vestry_read_look look;
    query.stream = program->stream;
    query.consistency = VESTRY_LINEARIZABLE;
    do {
        struct vestry_entries *entries = NULL;
        query.count = 256;
        if (vestry_read(program->log, &query, &entries) != VESTRY_OK) {
            die_of(program->log);
        }
        vestry_entries_look(entries, &look);
        for (size_t i = 0; i < look.count; i++) {
            struct vestry_read_entry entry;
            vestry_entries_get(entries, i, &entry);
            printf("%" PRIu64 " %" PRIu64 " ", entry.index, entry.stream_index);
            fwrite(entry.payload, 1, entry.payload == NULL ? 0 : entry.payload_len, stdout);
            putchar('\n');
        }
        query.from += look.count;
        vestry_entries_free(entries);
    } while (look.count > 0);
    fprintf(stderr,
            "read %" PRIu64 " of %" PRIu64 " at height %" PRIu64 ", tree %" PRIu64 ", by r%" PRIu32
            "\n",
            query.from, look.stream_len, look.height, look.tree_size, look.replica);
}

static void show_status(struct vestry *log)
{
    static const char *const states[] = {"up", "behind", "unreachable", "silent", "liar"};
    struct vestry_status status;
    if (vestry_status(log, &status) != VESTRY_OK) {
        die_of(log);
    }
    for (uint32_t i = 0; i < status.replica_count; i++) {
        const struct vestry_replica *replica = &status.replicas[i];
        printf("%" PRIu32 " %s %" PRIu64 " %" PRIu64 "\n", replica->rid, states[replica->state],
               replica->executed, replica->tree_size);
    }
}

static void show_note(struct vestry *log, uint64_t size)
{
    struct vestry_head head;
    const time_t until = time(NULL) + TIMEOUT_MS / 1000;
    do {
        const struct timespec pause = {.tv_nsec = 50000000};
        nanosleep(&pause, NULL);
        if (vestry_head(log, &head) != VESTRY_OK) {
            die_of(log);
        }
    } while (head.tree_size < size && time(NULL) < until);
    fputs(head.note, stdout);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        die("too few arguments");
    }
    struct program program = {.log = open_log(argv[1], argv[2])};
    if (argc == 7 && strcmp(argv[3], "append") == 0) {
        program.stream = argv[4];
        program.receipts = argv[5];
        program.in_flight = strtoull(argv[6], NULL, 10);
        append(&program);
    } else if (argc == 6 && strcmp(argv[3], "grow") == 0) {
        program.stream = argv[4];
        grow(&program, strtoull(argv[5], NULL, 10));
    } else if (argc == 5 && strcmp(argv[3], "read") == 0) {
        program.stream = argv[4];
        read_all(&program);
    } else if (argc == 4 && strcmp(argv[3], "status") == 0) {
        show_status(program.log);
    } else if (argc == 5 && strcmp(argv[3], "note") == 0) {
        show_note(program.log, strtoull(argv[4], NULL, 10));
    } else {
        die("no such verb");
    }
    vestry_close(program.log);
    return fflush(stdout) == 0 ? 0 : 1;
}
