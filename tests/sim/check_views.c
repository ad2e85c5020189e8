/* What VIEW-CHANGEs and NEW-VIEWs of correct replicas say, against the log: a block that any
 * correct replica has made durable is committed, and must survive. The plan is recomputed here from
 * the definition, certificate by certificate, without the core's function. */
#include "crypto/hash.h"
#include "tests/sim/check.h"

#include <string.h>

void check_view_change(struct world *world, struct host *host, struct bytes body)
{
    struct check_host *seen = &world->check->hosts[host->rid];
    struct view_change change;
    struct block_header header;
    struct prepared prepared;
    if (view_change_decode(body, &change) != WIRE_OK ||
        block_header_decode(change.stable.header, &header) != WIRE_OK) {
        world_fail(world, "I10", host->rid, "a VIEW-CHANGE that is none");
        return;
    }
    if (change.view < seen->changed) {
        world_fail(world, "I10", host->rid, "a VIEW-CHANGE for %lu after one for %lu",
                   (unsigned long)change.view, (unsigned long)seen->changed);
    }
    uint8_t hash[HASH_BYTES];
    hash_bytes(body, hash);
    if (change.view == seen->changed && check_word(hash) != seen->change_word) {
        world_fail(world, "I9", host->rid, "two VIEW-CHANGEs for %lu", (unsigned long)change.view);
    }
    seen->changed = change.view;
    seen->change_word = check_word(hash);
    struct wire_iter list = wire_iter_make(change.prepared);
    while (prepared_next(&list, &prepared)) {
        struct vote vote;
        if (vote_decode(prepared.vote, &vote) != WIRE_OK || vote.view >= change.view ||
            vote.sequence <= header.height) {
            world_fail(world, "I12", host->rid, "a VIEW-CHANGE with a certificate out of place");
        }
    }
}

/* The digest that the certificates in V ask for at `sequence`: of the highest view among them. */
static const uint8_t *asked_for(const struct new_view *new_view, uint64_t sequence,
                                uint8_t space[HASH_BYTES])
{
    struct wire_iter changes = wire_iter_make(new_view->view_changes);
    struct signed_body element;
    uint64_t best = 0;
    bool any = false;
    memset(space, 0, HASH_BYTES);
    while (signed_body_next(&changes, &element)) {
        struct view_change change;
        struct prepared prepared;
        CHECK(view_change_decode(element.body, &change) == WIRE_OK);
        struct wire_iter list = wire_iter_make(change.prepared);
        while (prepared_next(&list, &prepared)) {
            struct vote vote;
            CHECK(vote_decode(prepared.vote, &vote) == WIRE_OK);
            if (vote.sequence == sequence && (!any || vote.view > best)) {
                any = true;
                best = vote.view;
                memcpy(space, vote.digest, HASH_BYTES);
            }
        }
    }
    return any ? space : NULL;
}

static uint64_t low_of(const struct new_view *new_view)
{
    struct wire_iter changes = wire_iter_make(new_view->view_changes);
    struct signed_body element;
    uint64_t low = 0;
    while (signed_body_next(&changes, &element)) {
        struct view_change change;
        struct block_header header;
        CHECK(view_change_decode(element.body, &change) == WIRE_OK);
        CHECK(block_header_decode(change.stable.header, &header) == WIRE_OK);
        low = header.height > low ? header.height : low;
    }
    return low;
}

void check_new_view(struct world *world, struct host *host, struct bytes body)
{
    const struct check *check = world->check;
    struct new_view new_view;
    if (new_view_decode(body, &new_view) != WIRE_OK ||
        new_view.view_changes.count < world->cast.q) {
        world_fail(world, "I11", host->rid, "a NEW-VIEW that is none");
        return;
    }
    uint64_t next = low_of(&new_view) + 1;
    struct wire_iter list = wire_iter_make(new_view.pre_prepares);
    struct signed_body element;
    while (signed_body_next(&list, &element)) {
        struct vote vote;
        uint8_t space[HASH_BYTES];
        const uint8_t *asked = asked_for(&new_view, next, space);
        if (vote_decode(element.body, &vote) != WIRE_OK || vote.sequence != next ||
            memcmp(vote.digest, space, HASH_BYTES) != 0) {
            world_fail(world, "I11", host->rid, "the NEW-VIEW of %lu is not what follows for %lu",
                       (unsigned long)new_view.view, (unsigned long)next);
        }
        if (next < check->block_count &&
            memcmp(check->blocks[next].batch_digest, space, HASH_BYTES) != 0) {
            world_fail(world, "I11", host->rid, "the NEW-VIEW of %lu loses the committed %lu%s",
                       (unsigned long)new_view.view, (unsigned long)next,
                       asked == NULL ? ", which nobody had prepared" : "");
        }
        next++;
    }
    if (next < check->block_count) {
        world_fail(world, "I11", host->rid, "the NEW-VIEW of %lu ends before the committed %lu",
                   (unsigned long)new_view.view, (unsigned long)next);
    }
}
