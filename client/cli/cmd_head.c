/* vestry head, receipt, streams: public things, which need no token. */
#include "client/cli/append.h"
#include "client/cli/show.h"
#include "client/cli/verbs.h"

#include "crypto/base64.h"
#include "keys/words/amounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- head ------------------------------------------------------------------------------------- */

static void show_head_json(const struct connection *connection, const struct vestry_head *head)
{
    json_t *object = json_new("vestry/head/1");

    json_put_text(object, "log", vestry_name(connection->log));
    json_put_hex(object, "cluster_id",
                 bytes_make(vestry_cluster_id(connection->log), VESTRY_HASH_BYTES));
    json_put_u64(object, "entries", head->tree_size);
    json_put_u64(object, "height", head->height);
    json_put_u64(object, "epoch", head->epoch);
    json_put_u64(object, "time_ms", head->time_ms);
    json_put_u64(object, "age_ms", head->age_ms);
    json_put_hex(object, "tree_root", BYTES_OF_ARRAY(head->tree_root));
    json_put_hex(object, "header_hash", BYTES_OF_ARRAY(head->header_hash));
    json_put_int(object, "signed_by", head->signer_count);
    json_put_text(object, "note", head->note);
    json_emit(object);
}

static void show_head(const struct connection *connection, const struct vestry_head *head)
{
    uint8_t root[64];
    uint8_t when[64];
    struct buffer root_text = buffer_make(root, sizeof(root));
    struct buffer when_text = buffer_make(when, sizeof(when));

    base64_put(&root_text, BYTES_OF_ARRAY(head->tree_root));
    amount_put_time(&when_text, head->time_ms);
    call_print("%s%s   %llu entries   height %llu   epoch %llu\n", vestry_name(connection->log),
               vestry_is_development(connection->log) ? " (DEVELOPMENT)" : "",
               (unsigned long long)head->tree_size, (unsigned long long)head->height,
               (unsigned long long)head->epoch);
    call_print("root %.*s   %.*s   signed by %u of %u\n", (int)root_text.len, (const char *)root,
               (int)when_text.len, (const char *)when, head->signer_count,
               vestry_replica_count(connection->log));
}

int cmd_head(struct call *call)
{
    static struct connection connection;
    struct vestry_head head;
    int code = connect_open(call, false, &connection);

    if (code != EXIT_OK) {
        return code;
    }
    if (vestry_head(connection.log, &head) != VESTRY_OK) {
        code = connect_fail(&connection);
    } else if (call_has(call, "note")) {
        call_print("%s", head.note);
    } else if (call->json) {
        show_head_json(&connection, &head);
    } else {
        show_head(&connection, &head);
        call_note(call, "verified, checkpoint %.1f s old, %u signatures",
                  (double)head.age_ms / 1000.0, head.signer_count);
    }
    connect_close(&connection);
    return code == EXIT_OK ? call_finish(call) : code;
}

/* --- receipt ---------------------------------------------------------------------------------- */

/* A receipt with the salt, when the token may read the entry; NULL when it may not. */
static char *salted_receipt(struct connection *connection, uint64_t index, size_t *len)
{
    struct vestry_query query = VESTRY_QUERY;
    struct vestry_entries *entries = NULL;
    struct vestry_read_look look;
    char *text = NULL;

    query.from = index;
    query.consistency = VESTRY_CAUSAL;
    if (connection->settings.values[SETTING_TOKEN][0] == '\0' ||
        vestry_read(connection->log, &query, &entries) != VESTRY_OK) {
        return NULL;
    }
    vestry_entries_look(entries, &look);
    if (look.count == 1) {
        text = vestry_entries_receipt(entries, 0, len);
    }
    vestry_entries_free(entries);
    return text;
}

static int take_receipt(struct connection *connection, uint64_t index)
{
    const struct call *call = connection->call;
    const char *path = call_get(call, "output");
    size_t len = 0;
    char *text = call_has(call, "no-salt") ? NULL : salted_receipt(connection, index, &len);

    if (text == NULL && vestry_receipt(connection->log, index, &text, &len) != VESTRY_OK) {
        return connect_fail(connection);
    }
    int code = EXIT_OK;
    if (call->json) {
        json_t *object = json_new("vestry/receipt/1");

        json_put_u64(object, "index", index);
        json_put_text(object, "receipt", text);
        json_emit(object);
    } else {
        code = write_text_file(call, path == NULL ? "-" : path, text, len);
    }
    if (code == EXIT_OK && path != NULL && call->json) {
        code = write_text_file(call, path, text, len);
    }
    if (code == EXIT_OK && path != NULL) {
        call_note(call, "receipt of entry %llu in %s, verified", (unsigned long long)index, path);
    }
    vestry_free(text);
    return code;
}

int cmd_receipt(struct call *call)
{
    static struct connection connection;
    uint64_t index = 0;

    if (!amount_parse_count(bytes_of_text(call_argument(call, 0)), &index)) {
        return call_fail(call, EXIT_USAGE, "vestry receipt INDEX: the index is a number",
                         "vestry receipt 13 -o 13.tlog-proof");
    }
    int code = connect_open(call, false, &connection);
    if (code != EXIT_OK) {
        return code;
    }
    code = take_receipt(&connection, index);
    connect_close(&connection);
    return code == EXIT_OK ? call_finish(call) : code;
}

/* --- streams ---------------------------------------------------------------------------------- */

#define STREAMS_AT_ONCE 1024

static void show_stream(const struct call *call, const struct vestry_stream *stream)
{
    if (call->json) {
        json_t *object = json_new("vestry/stream/1");

        json_put_text(object, "stream", stream->name);
        json_put_u64(object, "entries", stream->length);
        json_emit(object);
        return;
    }
    call_print("%10llu  %s\n", (unsigned long long)stream->length, stream->name);
}

static int list_streams(struct connection *connection)
{
    static struct vestry_stream streams[STREAMS_AT_ONCE];
    const char *prefix = call_argument(connection->call, 0);
    uint64_t offset = 0;
    size_t count = 0;

    do {
        if (vestry_streams(connection->log, offset, streams, STREAMS_AT_ONCE, &count) !=
            VESTRY_OK) {
            return connect_fail(connection);
        }
        for (size_t i = 0; i < count; i++) {
            if (prefix == NULL || strncmp(streams[i].name, prefix, strlen(prefix)) == 0) {
                show_stream(connection->call, &streams[i]);
            }
        }
        offset += count;
    } while (count > 0);
    call_note(connection->call, "as one replica says; lengths are not proven");
    return EXIT_OK;
}

int cmd_streams(struct call *call)
{
    static struct connection connection;
    int code = connect_open(call, false, &connection);

    if (code != EXIT_OK) {
        return code;
    }
    code = list_streams(&connection);
    connect_close(&connection);
    return code == EXIT_OK ? call_finish(call) : code;
}
