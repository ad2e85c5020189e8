#include "client/cli/show.h"

#include <string.h>

static const char *kind_text(enum vestry_kind kind)
{
    switch (kind) {
    case VESTRY_DATA:
        return "data";
    case VESTRY_GOVERNANCE:
        return "governance";
    case VESTRY_RESULT:
        return "result";
    }
    return "unknown";
}

static void show_json(const struct vestry_read_entry *entry)
{
    json_t *object = json_new("vestry/entry/1");

    json_put_u64(object, "index", entry->index);
    json_put_text(object, "stream", entry->stream);
    json_put_u64(object, "position", entry->stream_index);
    json_put_u64(object, "height", entry->height);
    json_put_u64(object, "time_ms", entry->time_ms);
    json_put_text(object, "kind", kind_text(entry->kind));
    json_put_hex(object, "author", bytes_make(entry->author, VESTRY_HASH_BYTES));
    json_put_hex(object, "request_id", bytes_make(entry->request_id, VESTRY_HASH_BYTES));
    json_put_u64(object, "payload_bytes", entry->payload_len);
    if (entry->payload != NULL) {
        json_put_bytes(object, "payload", bytes_make(entry->payload, entry->payload_len));
    }
    json_emit(object);
}

int show_entry(const struct call *call, const struct vestry_read_entry *entry, bool newline)
{
    bool good = true;

    if (call->json) {
        show_json(entry);
    } else if (entry->payload == NULL) {
        call_note(call, "index %llu  %s #%llu: %s", (unsigned long long)entry->index, entry->stream,
                  (unsigned long long)entry->stream_index,
                  entry->kind == VESTRY_DATA ? "no payload: erased, or not for this token"
                                             : kind_text(entry->kind));
    } else {
        good = call_write(bytes_make(entry->payload, entry->payload_len)) &&
               (!newline || call_write(bytes_of_text("\n")));
    }
    return good ? EXIT_OK : EXIT_ERROR;
}

void show_basis(const struct call *call, const struct vestry_read_look *look)
{
    call_note(call, "verified, checkpoint %.1f s old, %u signatures", (double)look->age_ms / 1000.0,
              look->signer_count);
}

bool show_query(const struct call *call, struct vestry_query *query)
{
    static const char *const names[] = {"verified", "linearizable", "causal", "local"};
    const char *wanted = call_get(call, "consistency");

    if (!call_duration(call, "max-age", &query->max_age_ms)) {
        return false;
    }
    if (wanted == NULL) {
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(wanted, names[i]) == 0) {
            query->consistency = (enum vestry_consistency)i;
            return true;
        }
    }
    (void)call_fail(call, EXIT_USAGE, "--consistency is verified, linearizable, causal or local",
                    "vestry read -h");
    return false;
}
