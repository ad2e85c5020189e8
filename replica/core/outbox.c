#include "replica/core/outbox.h"

#include "replica/core/outbox_put.h"

#include <stdlib.h>
#include <string.h>

enum status outbox_open(struct outbox *outbox)
{
    *outbox = (struct outbox){0};
    outbox->puts = calloc(OUTBOX_PUTS_MAX, sizeof(outbox->puts[0]));
    outbox->actions = calloc(OUTBOX_ACTIONS_MAX, sizeof(outbox->actions[0]));
    outbox->arena = buffer_make(calloc(1, OUTBOX_ARENA_BYTES), OUTBOX_ARENA_BYTES);
    if (outbox->puts == NULL || outbox->actions == NULL || outbox->arena.data == NULL) {
        outbox_close(outbox);
        return STATUS_NO_MEMORY;
    }
    outbox_clear(outbox);
    return STATUS_OK;
}

void outbox_close(struct outbox *outbox)
{
    free(outbox->puts);
    free(outbox->actions);
    free(outbox->arena.data);
    *outbox = (struct outbox){0};
}

void outbox_clear(struct outbox *outbox)
{
    outbox->put_count = 0;
    outbox->action_count = 0;
    outbox->again = false;
    outbox->wake_ms = UINT64_MAX;
    outbox->arena.len = 0;
}

struct bytes outbox_keep(struct outbox *outbox, struct bytes bytes)
{
    size_t at = outbox->arena.len;
    buffer_put(&outbox->arena, bytes);
    CHECK(!outbox->arena.full);
    return bytes_make(outbox->arena.data + at, bytes.len);
}

struct buffer outbox_open_space(const struct outbox *outbox)
{
    return buffer_make(outbox->arena.data + outbox->arena.len,
                       outbox->arena.capacity - outbox->arena.len);
}

struct bytes outbox_take_space(struct outbox *outbox, const struct buffer *space)
{
    CHECK(!space->full);
    CHECK(space->data == outbox->arena.data + outbox->arena.len);
    outbox->arena.len += space->len;
    return buffer_bytes(space);
}

void outbox_put(struct outbox *outbox, enum family family, struct bytes key, struct bytes value)
{
    CHECK(outbox->put_count < OUTBOX_PUTS_MAX);
    outbox->puts[outbox->put_count++] = (struct put){
        .family = family,
        .key = outbox_keep(outbox, key),
        .value = value,
    };
}

void outbox_erase(struct outbox *outbox, enum family family, struct bytes key)
{
    CHECK(outbox->put_count < OUTBOX_PUTS_MAX);
    outbox->puts[outbox->put_count++] = (struct put){
        .family = family,
        .erase = true,
        .key = outbox_keep(outbox, key),
    };
}

void outbox_put_borrowed(struct outbox *outbox, const struct put *put)
{
    CHECK(outbox->put_count < OUTBOX_PUTS_MAX);
    outbox->puts[outbox->put_count++] = *put;
}

struct outbox_mark outbox_mark(const struct outbox *outbox)
{
    return (struct outbox_mark){outbox->put_count, outbox->arena.len};
}

void outbox_back(struct outbox *outbox, const struct outbox_mark *mark)
{
    CHECK(mark->put_count <= outbox->put_count && mark->arena_len <= outbox->arena.len);
    outbox->put_count = mark->put_count;
    outbox->arena.len = mark->arena_len;
}

struct action *outbox_act(struct outbox *outbox, enum action_kind kind)
{
    CHECK(outbox->action_count < OUTBOX_ACTIONS_MAX);
    struct action *action = &outbox->actions[outbox->action_count++];
    *action = (struct action){.kind = kind};
    return action;
}

bool outbox_has_room(const struct outbox *outbox)
{
    return outbox->action_count < OUTBOX_ACTIONS_MAX - OUTBOX_ACTIONS_RESERVED;
}

void outbox_wake(struct outbox *outbox, uint64_t at_ms)
{
    if (at_ms < outbox->wake_ms) {
        outbox->wake_ms = at_ms;
    }
}
