/* vestry append --lines: every line an entry, many in one request, in the order of the input.
 *
 * How far it came is kept in the journal with each request, as a mark: how many lines, and a hash
 * chained over them. So a run that was stopped can be resumed with the same input, and no line is
 * appended twice or left out: --resume skips the lines that the mark counts, after checking that
 * they are the same. One request is in flight at a time unless --in-flight says otherwise, because
 * the log may order requests that are in flight together as it likes. */
#include "client/cli/append.h"

#include "crypto/hash.h"
#include "crypto/words.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (256u << 10)
#define LINES_BYTES_MAX (1u << 20)
#define IDLE_MS 20 /* input that pauses so long is sent as far as it is there */
#define MARK_BYTES (1 + 8 + HASH_BYTES) /* complete (0 or 1), lines, chain */
#define MARK_NAME_MAX 32
#define IN_FLIGHT_MAX 32

/* The lines of one request, in memory of their own until it is submitted. */
struct batch {
    struct vestry_entry entries[VESTRY_ENTRIES_MAX];
    size_t offsets[VESTRY_ENTRIES_MAX]; /* into bytes: the payloads move when it grows */
    size_t count;
    uint8_t *bytes;
    size_t len;
};

struct lines {
    struct connection *connection;
    const struct call *call;
    const char *stream;
    int fd;
    uint64_t input_bytes; /* of a regular file, or 0 */
    uint64_t read_bytes;
    uint8_t *input; /* what was read and not taken */
    size_t input_len;
    size_t input_room;
    bool input_end;
    uint64_t batch_lines;
    uint64_t in_flight;
    uint64_t flying;
    uint64_t seen; /* lines taken from the input */
    uint64_t skip; /* ... of which an earlier run has appended so many */
    uint64_t done; /* lines whose receipts are verified, of this run */
    uint8_t chain[HASH_BYTES];
    uint8_t skip_chain[HASH_BYTES];
    char mark_name[MARK_NAME_MAX];
    uint8_t mark[MARK_BYTES]; /* of the request that was submitted last */
    uint8_t safe[MARK_BYTES]; /* of the last one whose receipts are there */
    bool has_safe;
    struct batch batch;
    struct progress progress;
    bool has_first;
    uint64_t first_index;
    uint64_t last_index;
    uint64_t started_ms;
};

/* --- Marks ------------------------------------------------------------------------------------ */

static void name_mark(struct lines *lines)
{
    uint8_t hash[HASH_BYTES];
    uint8_t hex[17] = {0};
    struct buffer text = buffer_make(hex, 16);

    hash_bytes(bytes_of_text(lines->stream), hash);
    hex_put(&text, bytes_make(hash, 8));
    (void)snprintf(lines->mark_name, sizeof(lines->mark_name), "lines/%s", (const char *)hex);
}

static int wrong_start(const struct lines *lines, const char *before, uint64_t number,
                       const char *after, const char *todo)
{
    char what[256];

    (void)snprintf(what, sizeof(what), "%s %llu %s %.64s", before, (unsigned long long)number,
                   after, lines->stream);
    return call_fail(lines->call, EXIT_CONFLICT, what, todo);
}

/* Whether an earlier run stopped half-way, and what to do about it. */
static int take_mark(struct lines *lines)
{
    uint8_t mark[VESTRY_MARK_MAX];
    size_t len = 0;
    const bool resume = call_has(lines->call, "resume");

    name_mark(lines);
    const enum vestry_error error =
        vestry_mark(lines->connection->log, lines->mark_name, mark, sizeof(mark), &len);
    if (error != VESTRY_OK || len != MARK_BYTES) {
        return EXIT_OK;
    }
    const uint64_t before = bytes_get_u64be(mark + 1);
    if (resume) {
        lines->skip = before;
        memcpy(lines->skip_chain, mark + 9, HASH_BYTES);
        memcpy(lines->safe, mark, MARK_BYTES);
        lines->has_safe = true;
        call_note(lines->call, "an earlier run appended %llu lines: they are skipped",
                  (unsigned long long)before);
        return EXIT_OK;
    }
    if (mark[0] != 0) {
        return EXIT_OK; /* it came to its end: this is another one */
    }
    if (!call_has(lines->call, "restart")) {
        return wrong_start(lines, "an earlier run stopped after", before, "lines of",
                           "the same command with --resume goes on; with --restart it begins anew "
                           "and appends them again");
    }
    return vestry_clear_mark(lines->connection->log, lines->mark_name) == VESTRY_OK
               ? EXIT_OK
               : connect_fail(lines->connection);
}

static void put_mark(struct lines *lines, bool complete)
{
    struct buffer value = buffer_make(lines->mark, sizeof(lines->mark));

    buffer_put_u8(&value, complete ? 1 : 0);
    buffer_put_u64be(&value, lines->seen);
    buffer_put(&value, BYTES_OF_ARRAY(lines->chain));
    CHECK(value.len == MARK_BYTES);
}

/* --- Receipts of requests --------------------------------------------------------------------- */

static int take_receipts(struct lines *lines, struct vestry_receipts *receipts)
{
    struct vestry_receipts_look look;

    vestry_receipts_look(receipts, &look);
    if (!lines->has_first || look.first_index < lines->first_index) {
        lines->first_index = look.first_index;
        lines->has_first = true;
    }
    if (look.first_index + look.count - 1 > lines->last_index) {
        lines->last_index = look.first_index + look.count - 1;
    }
    lines->done += look.count;
    const uint32_t share =
        lines->input_bytes == 0
            ? UINT32_MAX
            : (uint32_t)((lines->read_bytes - lines->input_len) * 1000 / lines->input_bytes);
    progress_show(&lines->progress, lines->done, share);
    const int code = append_write_receipts(lines->call, receipts);
    vestry_receipts_free(receipts);
    return code;
}

/* The log refused a request, so its lines are not in: the mark must not count them. */
static void step_back(struct lines *lines)
{
    struct vestry *log = lines->connection->log;
    const bool kept = lines->has_safe && lines->in_flight == 1;

    /* When this fails too, the journal is broken and the first failure says enough. */
    if (kept) {
        (void)vestry_set_mark(log, lines->mark_name, lines->safe, MARK_BYTES);
    } else {
        (void)vestry_clear_mark(log, lines->mark_name);
    }
}

static int say_stopped(struct lines *lines)
{
    const struct vestry_problem problem = *vestry_last_problem(lines->connection->log);
    struct vestry_problem more = problem;
    const bool goes_on = problem.error == VESTRY_INTERRUPTED || problem.error == VESTRY_UNKNOWN ||
                         problem.error == VESTRY_NO_QUORUM;

    (void)snprintf(more.what, sizeof(more.what), "%.300s; %llu lines are appended", problem.what,
                   (unsigned long long)(lines->skip + lines->done));
    if (!goes_on) {
        step_back(lines);
    } else {
        (void)snprintf(more.todo, sizeof(more.todo),
                       "the same command with --resume and the same input goes on; no line is "
                       "appended twice");
    }
    return call_fail_vestry(lines->call, &more);
}

static int wait_for_one(struct lines *lines)
{
    struct vestry_receipts *receipts = NULL;
    uint64_t ticket = 0;
    const enum vestry_error error = vestry_wait_any(lines->connection->log, &ticket, &receipts);

    if (error != VESTRY_OK) {
        progress_end(&lines->progress);
        return say_stopped(lines);
    }
    lines->flying--;
    memcpy(lines->safe, lines->mark, MARK_BYTES);
    lines->has_safe = true;
    return take_receipts(lines, receipts);
}

/* --- Batches ---------------------------------------------------------------------------------- */

static int submit(struct lines *lines)
{
    struct batch *batch = &lines->batch;
    struct vestry_append_options options = VESTRY_APPEND_OPTIONS;
    uint64_t ticket = 0;
    int code = EXIT_OK;

    if (batch->count == 0) {
        return EXIT_OK;
    }
    while (code == EXIT_OK && lines->flying >= lines->in_flight) {
        code = wait_for_one(lines);
    }
    if (code != EXIT_OK) {
        return code;
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->entries[i].payload = batch->bytes + batch->offsets[i];
    }
    put_mark(lines, false);
    options.mark_name = lines->mark_name;
    options.mark = lines->mark;
    options.mark_len = MARK_BYTES;
    if (vestry_submit(lines->connection->log, batch->entries, batch->count, &options, &ticket) !=
        VESTRY_OK) {
        progress_end(&lines->progress);
        return say_stopped(lines);
    }
    lines->flying++;
    batch->count = 0;
    batch->len = 0;
    return EXIT_OK;
}

static int add_line(struct lines *lines, struct bytes line)
{
    struct batch *batch = &lines->batch;
    const uint32_t payload_max = vestry_payload_max(lines->connection->log);
    char what[128];
    int code = EXIT_OK;

    if (line.len > payload_max || line.len > LINES_BYTES_MAX) {
        (void)snprintf(what, sizeof(what), "line %llu has %zu bytes, and this log takes %u",
                       (unsigned long long)lines->seen, line.len, payload_max);
        return call_fail(lines->call, EXIT_USAGE, what, "shorten it, or append it with --file");
    }
    if (batch->count >= lines->batch_lines || batch->len + line.len > LINES_BYTES_MAX) {
        code = submit(lines);
    }
    if (code != EXIT_OK) {
        return code;
    }
    memcpy(batch->bytes + batch->len, line.data, line.len);
    batch->offsets[batch->count] = batch->len;
    batch->entries[batch->count++] =
        (struct vestry_entry){lines->stream, NULL, line.len, VESTRY_ANY};
    batch->len += line.len;
    return EXIT_OK;
}

/* chain = SHA-256(chain || line): what makes "the same lines" checkable. */
static int take_line(struct lines *lines, struct bytes line)
{
    const struct bytes parts[] = {BYTES_OF_ARRAY(lines->chain), line};
    uint8_t next[HASH_BYTES];

    hash_parts(parts, 2, next);
    if (lines->seen >= lines->skip) {
        /* The mark of a full batch that goes first must not count this line yet. */
        const int code = add_line(lines, line);
        if (code != EXIT_OK) {
            return code;
        }
    }
    memcpy(lines->chain, next, HASH_BYTES);
    lines->seen++;
    if (lines->seen == lines->skip && !hash_equal(lines->chain, lines->skip_chain)) {
        return wrong_start(lines, "the first", lines->skip,
                           "lines are not those that an earlier run appended to",
                           "give the same input, or begin anew with --restart");
    }
    return EXIT_OK;
}

/* --- Input ------------------------------------------------------------------------------------ */

static int take_input(struct lines *lines)
{
    size_t at = 0;
    int code = EXIT_OK;

    while (code == EXIT_OK && at < lines->input_len) {
        const uint8_t *start = lines->input + at;
        const uint8_t *end = memchr(start, '\n', lines->input_len - at);

        if (end == NULL && !lines->input_end) {
            break;
        }
        const size_t len = end == NULL ? lines->input_len - at : (size_t)(end - start);
        code = take_line(lines, bytes_make(start, len));
        at += len + (end != NULL);
    }
    memmove(lines->input, lines->input + at, lines->input_len - at);
    lines->input_len -= at;
    return code;
}

static bool is_idle(const struct lines *lines)
{
    struct pollfd input = {.fd = lines->fd, .events = POLLIN};

    return poll(&input, 1, IDLE_MS) == 0;
}

static int read_some(struct lines *lines)
{
    if (lines->input_room - lines->input_len < READ_BYTES) {
        const size_t room = lines->input_room * 2 + READ_BYTES;
        uint8_t *grown = room > 8u * LINES_BYTES_MAX ? NULL : realloc(lines->input, room);

        if (grown == NULL) {
            return call_fail(lines->call, EXIT_USAGE, "a line is longer than any log takes",
                             "append it with --file, or append its hash");
        }
        lines->input = grown;
        lines->input_room = room;
    }
    const ssize_t got =
        read(lines->fd, lines->input + lines->input_len, lines->input_room - lines->input_len);
    if (got < 0 && errno != EINTR) {
        return call_fail(lines->call, EXIT_ERROR, "the input cannot be read", strerror(errno));
    }
    lines->input_len += got > 0 ? (size_t)got : 0;
    lines->read_bytes += got > 0 ? (uint64_t)got : 0;
    lines->input_end = got == 0;
    return EXIT_OK;
}

static int stop_for_signal(struct lines *lines)
{
    progress_end(&lines->progress);
    return call_fail(lines->call, EXIT_ERROR, "interrupted",
                     "the same command with --resume and the same input goes on; no line is "
                     "appended twice");
}

static int run(struct lines *lines)
{
    int code = EXIT_OK;

    while (code == EXIT_OK && !lines->input_end) {
        if (lines->batch.count > 0 && is_idle(lines)) {
            code = submit(lines);
            while (code == EXIT_OK && lines->flying > 0) {
                code = wait_for_one(lines);
            }
        }
        if (code == EXIT_OK && connect_interrupted()) {
            return stop_for_signal(lines);
        }
        code = code == EXIT_OK ? read_some(lines) : code;
        code = code == EXIT_OK ? take_input(lines) : code;
    }
    if (code == EXIT_OK && lines->seen < lines->skip) {
        return wrong_start(lines, "the input has fewer lines than the", lines->skip,
                           "that an earlier run appended to",
                           "give the same input, or begin anew with --restart");
    }
    code = code == EXIT_OK ? submit(lines) : code;
    while (code == EXIT_OK && lines->flying > 0) {
        code = wait_for_one(lines);
    }
    return code;
}

/* --- The end ---------------------------------------------------------------------------------- */

static int say_done(struct lines *lines)
{
    const double seconds = (double)(cli_now_ms() - lines->started_ms + 1) / 1000.0;

    progress_end(&lines->progress);
    put_mark(lines, true);
    if (lines->seen > 0 && vestry_set_mark(lines->connection->log, lines->mark_name, lines->mark,
                                           MARK_BYTES) != VESTRY_OK) {
        return connect_fail(lines->connection);
    }
    if (lines->call->json) {
        json_t *object = json_new("vestry/appended-lines/1");

        json_put_text(object, "stream", lines->stream);
        json_put_u64(object, "lines", lines->done);
        json_put_u64(object, "skipped", lines->skip);
        if (lines->has_first) {
            json_put_u64(object, "first_index", lines->first_index);
            json_put_u64(object, "last_index", lines->last_index);
        }
        json_put_real(object, "seconds", seconds);
        json_emit(object);
        return EXIT_OK;
    }
    if (!lines->has_first) {
        call_print("appended  0 lines to %s\n", lines->stream);
        return EXIT_OK;
    }
    call_print("appended  %llu lines  index %llu..%llu  %s   %.2f s  %.0f/s\n",
               (unsigned long long)lines->done, (unsigned long long)lines->first_index,
               (unsigned long long)lines->last_index, lines->stream, seconds,
               (double)lines->done / seconds);
    return EXIT_OK;
}

static bool take_options(struct lines *lines)
{
    lines->batch_lines = VESTRY_ENTRIES_MAX;
    lines->in_flight = 1;
    if (!call_count(lines->call, "batch", &lines->batch_lines) ||
        !call_count(lines->call, "in-flight", &lines->in_flight)) {
        return false;
    }
    if (lines->batch_lines < 1 || lines->batch_lines > VESTRY_ENTRIES_MAX || lines->in_flight < 1 ||
        lines->in_flight > IN_FLIGHT_MAX) {
        (void)call_fail(lines->call, EXIT_USAGE, "--batch is 1 to 1024, --in-flight 1 to 32",
                        "vestry append -h");
        return false;
    }
    return true;
}

static int open_input(struct lines *lines, const char *path)
{
    struct stat info;
    char what[FILE_PATH_MAX + 64];

    lines->fd = path == NULL || strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    if (lines->fd < 0) {
        (void)snprintf(what, sizeof(what), "%s: %s", path, strerror(errno));
        return call_fail(lines->call, EXIT_USAGE, what, "check the path");
    }
    if (fstat(lines->fd, &info) == 0 && S_ISREG(info.st_mode)) {
        lines->input_bytes = (uint64_t)info.st_size;
    }
    lines->batch.bytes = malloc(LINES_BYTES_MAX);
    return lines->batch.bytes != NULL
               ? EXIT_OK
               : call_fail(lines->call, EXIT_ERROR, "no memory for lines", "");
}

int append_lines(struct connection *connection, const char *stream, const char *path)
{
    static struct lines lines;
    const struct call *call = connection->call;

    lines = (struct lines){
        .connection = connection,
        .call = call,
        .stream = stream,
        .started_ms = cli_now_ms(),
    };
    if (call_argument(call, 1) != NULL || call_has(call, "expect") || call_has(call, "receipt")) {
        return call_fail(call, EXIT_USAGE,
                         "--lines takes its entries from the input, and no text, "
                         "--expect or --receipt",
                         "vestry append STREAM --lines < FILE; --receipts DIR keeps every receipt");
    }
    if (!take_options(&lines)) {
        return EXIT_USAGE;
    }
    int code = take_mark(&lines);
    if (code == EXIT_OK) {
        code = open_input(&lines, path);
    }
    if (code == EXIT_OK) {
        progress_begin(&lines.progress, call, "lines");
        code = run(&lines);
    }
    if (code == EXIT_OK) {
        code = say_done(&lines);
    }
    free(lines.batch.bytes);
    free(lines.input);
    return code;
}
