/* NEW-VIEWs of a primary that cheats, out of the true one. */
#include "governance/view_plan.h"
#include "tests/bench/liar/lies.h"

#include <string.h>

static uint8_t v_memory[ENVELOPE_BODY_BYTES_MAX];
static uint8_t o_memory[ENVELOPE_BODY_BYTES_MAX];
static uint8_t body_memory[ENVELOPE_BODY_BYTES_MAX];
static uint8_t change_memory[ENVELOPE_BODY_BYTES_MAX];

/* False for everything else. What it has in its store is the true one: nobody gets that. */
static bool new_view_read(const struct telling *telling, struct new_view *out, struct blob **other)
{
    const struct envelope *envelope = &telling->message->envelope;
    struct data data;
    bool passed_on = envelope->type == MESSAGE_DATA &&
                     data_decode(envelope->body, &data) == WIRE_OK && data.kind == FETCH_NEW_VIEW;
    *other = passed_on ? NULL : lie_not(telling);
    if (envelope->type != MESSAGE_NEW_VIEW || new_view_decode(envelope->body, out) != WIRE_OK) {
        return false;
    }
    blob_drop(*other);
    return true;
}

static struct blob *new_view_blob(const struct host *host, const struct new_view *new_view)
{
    struct buffer body = buffer_make(body_memory, sizeof body_memory);
    CHECK(new_view_encode(new_view, &body));
    return lie_blob(host, &(struct lie_frame){.type = MESSAGE_NEW_VIEW,
                                              .is_signed = true,
                                              .tag = TAG_NEW_VIEW,
                                              .body = buffer_bytes(&body)});
}

/* O with another digest in its last place. */
static struct blob *last_changed(const struct telling *telling, bool is_null)
{
    struct new_view new_view;
    struct blob *other = NULL;
    struct buffer list = buffer_make(o_memory, sizeof o_memory);
    struct signed_body element;
    if (!new_view_read(telling, &new_view, &other)) {
        return other;
    }
    struct wire_iter iter = wire_iter_make(new_view.pre_prepares);
    for (uint32_t left = new_view.pre_prepares.count; signed_body_next(&iter, &element); left--) {
        uint8_t memory[256];
        struct buffer body = buffer_make(memory, sizeof memory);
        struct vote vote;
        CHECK(vote_decode(element.body, &vote) == WIRE_OK);
        if (left == 1) {
            vote.digest[0] ^= 1;
            memset(vote.digest, is_null ? 0 : vote.digest[0], is_null ? HASH_BYTES : 1);
            CHECK(vote_encode(&vote, &body));
            element.body = buffer_bytes(&body);
            lie_sign(telling->host, TAG_PRE_PREPARE, element.body, element.sig);
        }
        CHECK(signed_body_encode(&element, &list));
    }
    new_view.pre_prepares.raw = buffer_bytes(&list);
    return new_view_blob(telling->host, &new_view);
}

struct blob *lie_omit(const struct telling *telling)
{
    return last_changed(telling, true);
}

struct blob *lie_other(const struct telling *telling)
{
    return last_changed(telling, false);
}

struct blob *lie_few(const struct telling *telling)
{
    struct new_view new_view;
    struct blob *other = NULL;
    struct buffer list = buffer_make(v_memory, sizeof v_memory);
    struct signed_body element;
    if (!new_view_read(telling, &new_view, &other)) {
        return other;
    }
    struct wire_iter iter = wire_iter_make(new_view.view_changes);
    new_view.view_changes.count--;
    for (uint32_t i = 0; i < new_view.view_changes.count; i++) {
        CHECK(signed_body_next(&iter, &element));
        CHECK(signed_body_encode(&element, &list));
    }
    new_view.view_changes.raw = buffer_bytes(&list);
    return new_view_blob(telling->host, &new_view);
}

/* O as it follows from V. */
static bool o_follows(const struct host *host, struct new_view *new_view)
{
    static struct view_plan plan;
    struct buffer list = buffer_make(o_memory, sizeof o_memory);
    if (!view_plan_make(new_view->view_changes, &plan)) {
        return false;
    }
    for (uint64_t n = plan.low + 1; n <= plan.high; n++) {
        uint8_t memory[256];
        struct buffer body = buffer_make(memory, sizeof memory);
        struct vote vote = {.epoch = new_view->epoch, .view = new_view->view, .sequence = n};
        memcpy(vote.digest, plan.digest[n - plan.low - 1], HASH_BYTES);
        CHECK(vote_encode(&vote, &body));
        struct signed_body element = {.rid = host->rid, .body = buffer_bytes(&body)};
        lie_sign(host, TAG_PRE_PREPARE, element.body, element.sig);
        CHECK(signed_body_encode(&element, &list));
    }
    new_view->pre_prepares =
        (struct wire_list){buffer_bytes(&list), (uint32_t)(plan.high - plan.low)};
    return true;
}

/* Half of them get one in which its own VIEW-CHANGE has no certificates: as good as the other. */
struct blob *lie_two(const struct telling *telling)
{
    struct new_view new_view;
    struct blob *other = NULL;
    struct buffer list = buffer_make(v_memory, sizeof v_memory);
    struct signed_body element;
    if (!new_view_read(telling, &new_view, &other)) {
        return other;
    }
    if (telling->to % 2 == 0) {
        return lie_not(telling);
    }
    struct wire_iter iter = wire_iter_make(new_view.view_changes);
    while (signed_body_next(&iter, &element)) {
        struct buffer body = buffer_make(change_memory, sizeof change_memory);
        struct view_change change;
        if (element.rid == telling->host->rid) {
            CHECK(view_change_decode(element.body, &change) == WIRE_OK);
            change.prepared = (struct wire_list){BYTES_EMPTY, 0};
            CHECK(view_change_encode(&change, &body));
            element.body = buffer_bytes(&body);
            lie_sign(telling->host, TAG_VIEW_CHANGE, element.body, element.sig);
        }
        CHECK(signed_body_encode(&element, &list));
    }
    new_view.view_changes.raw = buffer_bytes(&list);
    return o_follows(telling->host, &new_view) ? new_view_blob(telling->host, &new_view)
                                               : lie_not(telling);
}
