/* What must become of a request, by a small model of the rules: rights, sessions, quotas, lengths.
 */
#include "tests/sim/check.h"

#include <stdlib.h>
#include <string.h>

#define AHEAD_MS 3600000

static bool number_used(const struct check_session *session, uint64_t number)
{
    if (session->highest >= SESSION_WINDOW && number <= session->highest - SESSION_WINDOW) {
        return true; /* below the window: nobody knows, so it counts as used */
    }
    return number < session->used_count && session->used[number] != 0;
}

static void number_use(struct check_session *session, uint64_t number)
{
    if (number >= session->used_count) {
        size_t count = 2 * (size_t)number + 64;
        session->used = realloc(session->used, count);
        CHECK(session->used != NULL);
        memset(session->used + session->used_count, 0, count - session->used_count);
        session->used_count = count;
    }
    session->used[number] = 1;
    session->highest = number > session->highest ? number : session->highest;
}

static bool covers(const char *prefix, const char *stream)
{
    size_t len = strlen(prefix);
    return len == 0 ||
           (strncmp(stream, prefix, len) == 0 && (stream[len] == '/' || stream[len] == '\0'));
}

/* Steps 1 to 3: refusals that use no number. */
static uint64_t judge_request(const struct world *world, const struct check_item *item)
{
    const struct sim_request *request = item->request;
    const struct client *client = &world->clients[request->client];
    if (item->time_ms >= client->grant.expires_ms) {
        return E_EXPIRED_TIME;
    }
    if (item->time_ms > request->not_after_ms || request->not_after_ms - item->time_ms > AHEAD_MS) {
        return E_REQ_LATE;
    }
    return number_used(&world->check->sessions[request->client], request->number) ? E_REPLAY
                                                                                  : RESULT_OK;
}

static uint64_t judge_lengths(const struct world *world, const struct sim_request *request)
{
    uint64_t lengths[SIM_STREAMS];
    memcpy(lengths, world->check->streams, sizeof(lengths));
    for (uint32_t i = 0; i < request->count; i++) {
        const struct wish *wish = &request->wishes[i];
        if (wish->expect != U64_UNLIMITED && wish->expect != lengths[wish->stream]) {
            return E_EXPECT;
        }
        lengths[wish->stream]++;
    }
    return RESULT_OK;
}

/* Step 4: refusals that are results of their own. */
static uint64_t judge_use(const struct world *world, const struct sim_request *request)
{
    const struct client *client = &world->clients[request->client];
    if ((client->grant.ops & OP_APPEND) == 0) {
        return E_OP;
    }
    for (uint32_t i = 0; i < request->count; i++) {
        if (!covers(client->grant.prefix, stream_name(request->wishes[i].stream))) {
            return E_STREAM;
        }
        if (request->wishes[i].payload_len > client->grant.max_entry) {
            return E_SIZE;
        }
    }
    const struct check_session *session = &world->check->sessions[request->client];
    if (client->grant.quota_entries - session->entries < request->count) {
        return E_QUOTA;
    }
    return judge_lengths(world, request);
}

uint64_t check_rules(struct world *world, uint32_t rid, struct check_item *item)
{
    struct sim_request *request = item->request;
    struct check_session *session = &world->check->sessions[request->client];
    uint64_t code = judge_request(world, item);
    if (code != RESULT_OK) {
        return code;
    }
    code = request->change != NULL ? check_change(world, item) : judge_use(world, request);
    number_use(session, request->number);
    if (code != RESULT_OK) {
        return code;
    }
    if (request->appended) {
        world_fail(world, "I4", rid, "a request was appended twice");
    }
    if (item->first_index < request->log_before) {
        world_fail(world, "I8", rid, "entry %lu was asked for after entry %lu was acknowledged",
                   (unsigned long)item->first_index, (unsigned long)request->log_before - 1);
    }
    session->entries += request->count;
    request->appended = true;
    request->height = item->height;
    request->first_index = item->first_index;
    return RESULT_OK;
}
