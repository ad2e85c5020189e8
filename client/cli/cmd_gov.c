/* vestry gov export, show: the configuration in force, which a quorum signed. */
#include "client/cli/append.h"
#include "client/cli/gov.h"
#include "client/cli/verbs.h"

#include "crypto/sign.h"
#include "keys/words/in_force_words.h"

#include <stdlib.h>

int gov_fetch(struct connection *connection, uint64_t height, struct gov_state *state)
{
    const struct call *call = connection->call;
    void *bundle = NULL;
    size_t len = 0;

    *state = (struct gov_state){0};
    if (vestry_config(connection->log, height, &bundle, &len) != VESTRY_OK) {
        return connect_fail(connection);
    }
    state->bundle = bundle;
    state->len = len;
    state->charter = malloc(sizeof(*state->charter));
    if (state->charter == NULL) {
        gov_state_close(state);
        return call_fail(call, EXIT_ERROR, "no memory for a charter", "");
    }
    /* The library has verified it; here it is taken apart. */
    CHECK(in_force_verify(bytes_make(bundle, len), vestry_cluster_id(connection->log), &sig_ed25519,
                          state->charter, &state->in_force) == IN_FORCE_OK);
    return EXIT_OK;
}

void gov_state_close(struct gov_state *state)
{
    vestry_free(state->bundle);
    free(state->charter);
    *state = (struct gov_state){0};
}

static int show(const struct call *call, const struct gov_state *state)
{
    struct buffer out = buffer_make(malloc(IN_FORCE_WORDS_MAX), IN_FORCE_WORDS_MAX);

    if (out.data == NULL) {
        return call_fail(call, EXIT_ERROR, "no memory for a table", "");
    }
    if (call->json) {
        struct json_line json;

        json_begin(&json, &out, "vestry/in-force/1");
        in_force_json(&state->in_force, &json);
        json_end(&json);
    } else {
        in_force_words(&state->in_force, &out);
    }
    const bool written = !out.full && call_write(buffer_bytes(&out));
    free(out.data);
    return written ? EXIT_OK : EXIT_ERROR;
}

/* Connect, fetch, do one thing with it. */
static int with_state(struct call *call,
                      int (*use)(const struct call *call, const struct gov_state *state))
{
    static struct connection connection;
    static struct gov_state state;
    int code = connect_open(call, false, &connection);

    if (code != EXIT_OK) {
        return code;
    }
    code = gov_fetch(&connection, 0, &state);
    if (code == EXIT_OK) {
        code = use(call, &state);
        gov_state_close(&state);
    }
    connect_close(&connection);
    return code == EXIT_OK ? call_finish(call) : code;
}

static int export(const struct call *call, const struct gov_state *state)
{
    const char *path = call_get(call, "out");
    const char *bytes = state->bundle;

    if (path == NULL) {
        return call_fail(call, EXIT_USAGE, "gov export: --out is missing",
                         "vestry gov export --out state.bundle");
    }
    const int code = write_text_file(call, path, bytes, state->len);
    if (code == EXIT_OK && call->json) {
        return show(call, state);
    }
    if (code == EXIT_OK) {
        call_note(call, "made %s: what is in force at height %llu, signed by %u of %u replicas",
                  path, (unsigned long long)state->in_force.checkpoint.height,
                  note_count(state->in_force.signers), state->in_force.charter->replica_count);
    }
    return code;
}

int cmd_gov_show(struct call *call)
{
    return with_state(call, show);
}

int cmd_gov_export(struct call *call)
{
    return with_state(call, export);
}
