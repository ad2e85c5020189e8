/* vestry evidence: what the replicas hold against each other, judged by this client. */
#include "client/cli/append.h"
#include "client/cli/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct listing {
    const struct call *call;
    const char *folder; /* where the files go, or NULL */
    uint64_t count;
    int code;
};

/* A name that says whom it convicts of what, and where. */
static int write_file(const struct listing *listing, const struct vestry_evidence *evidence)
{
    char path[FILE_PATH_MAX];

    (void)snprintf(path, sizeof(path), "%.3900s/r%lu-%llu.evidence", listing->folder,
                   (unsigned long)evidence->rid, (unsigned long long)listing->count);
    const int code = write_text_file(listing->call, path, evidence->bytes, evidence->len);
    if (code == EXIT_OK && !listing->call->json) {
        call_print("    %s\n", path);
    }
    return code;
}

static void show_evidence(const struct call *call, const struct vestry_evidence *evidence)
{
    if (call->json) {
        json_t *object = json_new("vestry/evidence-held/1");

        json_put_int(object, "replica", evidence->rid);
        json_put_text(object, "kind", evidence->kind);
        json_put_u64(object, "epoch", evidence->epoch);
        json_put_u64(object, "view", evidence->view);
        json_put_u64(object, "sequence", evidence->sequence);
        json_put_int(object, "held_by", evidence->held_by);
        json_put_bytes(object, "evidence", bytes_make(evidence->bytes, evidence->len));
        json_emit(object);
        return;
    }
    call_print("r%lu is convicted: %s   epoch %llu, view %llu, sequence %llu   held by r%lu\n",
               (unsigned long)evidence->rid, evidence->kind, (unsigned long long)evidence->epoch,
               (unsigned long long)evidence->view, (unsigned long long)evidence->sequence,
               (unsigned long)evidence->held_by);
}

static bool take(void *context, const struct vestry_evidence *evidence)
{
    struct listing *listing = context;

    show_evidence(listing->call, evidence);
    if (listing->folder != NULL) {
        listing->code = write_file(listing, evidence);
    }
    listing->count++;
    return listing->code == EXIT_OK;
}

static int list_evidence(struct connection *connection)
{
    const struct call *call = connection->call;
    struct listing listing = {.call = call, .folder = call_get(call, "output")};
    uint32_t answered = 0;

    if (listing.folder != NULL && mkdir(listing.folder, 0755) != 0 && errno != EEXIST) {
        return call_fail(call, EXIT_ERROR, "the folder for the files cannot be made",
                         "check the path of --output");
    }
    if (vestry_evidence(connection->log, take, &listing, &answered) != VESTRY_OK) {
        return connect_fail(connection);
    }
    if (listing.code != EXIT_OK) {
        return listing.code;
    }
    const uint32_t all = vestry_replica_count(connection->log);
    if (listing.count == 0) {
        call_note(call, "no evidence: %u of %u replicas answer and hold none", answered, all);
    } else {
        call_note(call, "%llu found, as %u of %u replicas hold it; each checked with the charter",
                  (unsigned long long)listing.count, answered, all);
    }
    return EXIT_OK;
}

int cmd_evidence(struct call *call)
{
    static struct connection connection;
    int code = connect_open(call, false, &connection);

    if (code != EXIT_OK) {
        return code;
    }
    code = list_evidence(&connection);
    connect_close(&connection);
    return code == EXIT_OK ? call_finish(call) : code;
}
