/* vestry append: one entry, or every line of a stream; and finishing what an earlier run began. */
#include "client/cli/append.h"
#include "client/cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The whole of a file, of standard input for "-", of at most VESTRY_PAYLOAD_MAX bytes. */
struct content {
    uint8_t *data;
    size_t len;
};

static int fail_errno(const struct call *call, const char *path, const char *todo)
{
    char what[FILE_PATH_MAX + 64];

    (void)snprintf(what, sizeof(what), "%s: %s", path, strerror(errno));
    return call_fail(call, EXIT_USAGE, what, todo);
}

static int read_content(const struct call *call, const char *path, struct content *content)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    const int fd = is_stdin ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    const size_t room = VESTRY_PAYLOAD_MAX + 1;
    ssize_t got = 1;

    if (fd < 0) {
        return fail_errno(call, path, "check the path");
    }
    content->data = malloc(room);
    content->len = 0;
    while (content->data != NULL && got > 0 && content->len < room) {
        got = read(fd, content->data + content->len, room - content->len);
        content->len += got > 0 ? (size_t)got : 0;
    }
    if (content->data == NULL || got < 0) {
        (void)fail_errno(call, path, "check the file");
    }
    if (!is_stdin) {
        (void)close(fd);
    }
    return content->data == NULL || got < 0 ? EXIT_ERROR : EXIT_OK;
}

int write_text_file(const struct call *call, const char *path, const char *text, size_t len)
{
    struct problem problem = {0};

    if (strcmp(path, "-") == 0) {
        return call_write(bytes_make(text, len)) ? EXIT_OK : EXIT_ERROR;
    }
    const enum status status = file_create(path, 0644, bytes_make(text, len), &problem);
    return status == STATUS_OK ? EXIT_OK
                               : call_fail_problem(call, exit_code_of_status(status), &problem);
}

int append_write_receipt(const struct call *call, const struct vestry_receipts *receipts, size_t i,
                         const char *path)
{
    size_t len = 0;
    char *text = vestry_receipts_text(receipts, i, &len);

    if (text == NULL) {
        return call_fail(call, EXIT_ERROR, "no memory for a receipt", "");
    }
    const int code = write_text_file(call, path, text, len);
    vestry_free(text);
    return code;
}

int append_write_receipts(const struct call *call, const struct vestry_receipts *receipts)
{
    const char *file = call_get(call, "receipt");
    const char *folder = call_get(call, "receipts");
    struct vestry_receipts_look look;
    char path[FILE_PATH_MAX];
    int code = EXIT_OK;

    vestry_receipts_look(receipts, &look);
    if (file != NULL) {
        code = append_write_receipt(call, receipts, 0, file);
    }
    if (folder != NULL && mkdir(folder, 0755) != 0 && errno != EEXIST) {
        return fail_errno(call, folder, "check the path");
    }
    for (size_t i = 0; code == EXIT_OK && folder != NULL && i < look.count; i++) {
        (void)snprintf(path, sizeof(path), "%.3900s/%llu.tlog-proof", folder,
                       (unsigned long long)(look.first_index + i));
        code = append_write_receipt(call, receipts, i, path);
    }
    return code;
}

/* --- Results ---------------------------------------------------------------------------------- */

static double elapsed_ms(const struct timespec *since)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since->tv_sec) * 1e3 +
           (double)(now.tv_nsec - since->tv_nsec) / 1e6;
}

static void say_appended(const struct connection *connection, const char *stream,
                         const struct vestry_receipts *receipts, double took_ms)
{
    struct vestry_receipts_look look;

    vestry_receipts_look(receipts, &look);
    if (connection->call->json) {
        json_t *object = json_new("vestry/appended/1");

        json_put_u64(object, "index", look.first_index);
        json_put_text(object, "stream", stream);
        json_put_u64(object, "position", look.stream_indexes[0]);
        json_put_u64(object, "height", look.height);
        json_put_u64(object, "time_ms", look.time_ms);
        json_put_int(object, "signed_by", look.signer_count);
        json_put_int(object, "replicas", vestry_replica_count(connection->log));
        json_put_real(object, "took_ms", took_ms);
        json_emit(object);
        return;
    }
    call_print("appended  index %llu  %s #%llu   signed by %u of %u   %.1f ms\n",
               (unsigned long long)look.first_index, stream,
               (unsigned long long)look.stream_indexes[0], look.signer_count,
               vestry_replica_count(connection->log), took_ms);
}

static int append_one(struct connection *connection, const char *stream,
                      const struct content *content)
{
    const struct call *call = connection->call;
    struct vestry_entry entry = VESTRY_ENTRY(stream, content->data, content->len);
    struct vestry_receipts *receipts = NULL;
    struct timespec start = {0};

    CHECK(call_count(call, "expect", &entry.expect));
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    const enum vestry_error error = vestry_append(connection->log, &entry, 1, NULL, &receipts);
    if (error != VESTRY_OK) {
        return connect_fail(connection);
    }
    say_appended(connection, stream, receipts, elapsed_ms(&start));
    const int code = append_write_receipts(call, receipts);
    vestry_receipts_free(receipts);
    return code;
}

/* --- What an earlier run began ---------------------------------------------------------------- */

static int finish_earlier(struct connection *connection)
{
    const size_t left = vestry_unfinished(connection->log);

    if (left == 0) {
        return EXIT_OK;
    }
    call_note(connection->call, "finishing %zu append%s of an earlier run", left,
              left == 1 ? "" : "s");
    return vestry_finish(connection->log) == VESTRY_OK ? EXIT_OK : connect_fail(connection);
}

static int finish_only(struct connection *connection)
{
    const size_t left = vestry_unfinished(connection->log);
    const int code = finish_earlier(connection);

    if (code != EXIT_OK) {
        return code;
    }
    if (connection->call->json) {
        json_t *object = json_new("vestry/finished/1");

        json_put_u64(object, "appends", left);
        json_emit(object);
    } else {
        call_print("finished  %zu appends of earlier runs\n", left);
    }
    return EXIT_OK;
}

/* --- The verb --------------------------------------------------------------------------------- */

static int take_content(const struct call *call, struct content *content)
{
    const char *text = call_argument(call, 1);
    const char *path = call_get(call, "file");

    if (text != NULL && path != NULL) {
        return call_fail(call, EXIT_USAGE, "a text and --file: which of the two?",
                         "vestry append -h");
    }
    if (text != NULL) {
        content->len = strlen(text);
        content->data = malloc(content->len + 1);
        if (content->data == NULL) {
            return call_fail(call, EXIT_ERROR, "no memory for an entry", "");
        }
        memcpy(content->data, text, content->len);
        return EXIT_OK;
    }
    if (path == NULL && is_terminal(0)) {
        return call_fail(call, EXIT_USAGE, "nothing to append",
                         "vestry append STREAM 'text', or --file FILE, or --lines < FILE");
    }
    return read_content(call, path == NULL ? "-" : path, content);
}

static int append(struct connection *connection)
{
    const struct call *call = connection->call;
    const char *stream = call_argument(call, 0);
    struct content content = {NULL, 0};
    int code = EXIT_OK;

    if (call_has(call, "finish") && stream == NULL) {
        return finish_only(connection);
    }
    if (call_has(call, "lines")) {
        code = finish_earlier(connection);
        return code != EXIT_OK ? code : append_lines(connection, stream, call_get(call, "file"));
    }
    code = take_content(call, &content);
    if (code == EXIT_OK) {
        code = append_one(connection, stream, &content);
    }
    free(content.data);
    return code == EXIT_OK ? finish_earlier(connection) : code;
}

int cmd_append(struct call *call)
{
    static struct connection connection;
    uint64_t unused = 0;

    if (!call_count(call, "expect", &unused)) {
        return EXIT_USAGE; /* said before anything is opened */
    }
    if (call_argument(call, 0) == NULL && !call_has(call, "finish")) {
        return call_fail(call, EXIT_USAGE, "vestry append STREAM [TEXT]: the stream is missing",
                         "vestry append orders 'hello'");
    }
    int code = connect_open(call, true, &connection);
    if (code != EXIT_OK) {
        return code;
    }
    code = append(&connection);
    connect_close(&connection);
    return code == EXIT_OK ? call_finish(call) : code;
}
