#include "governance/shown.h"

#include "crypto/hash.h"
#include "governance/mutant.h"

#include <string.h>

bool shown_read(const struct view_change *change, struct shown *out)
{
    struct wire_iter list = wire_iter_make(change->prepared);
    struct block_header header;
    struct prepared prepared;
    if (block_header_decode(change->stable.header, &header) != WIRE_OK) {
        return false;
    }
    *out = (struct shown){change->epoch, change->view, header.height, {{0}}};
    while (prepared_next(&list, &prepared)) {
        struct vote vote;
        if (vote_decode(prepared.vote, &vote) != WIRE_OK || vote.epoch != change->epoch ||
            vote.sequence <= out->stable || vote.sequence - out->stable > WINDOW_MAX) {
            return false;
        }
        struct shown_one *one = &out->of[vote.sequence - out->stable - 1];
        if (!one->any || vote.view > one->view) {
            *one = (struct shown_one){.any = true, .view = vote.view};
            memcpy(one->digest, vote.digest, HASH_BYTES);
        }
    }
    return true;
}

/* A certificate that is worth no less than the one that the COMMIT rests on. */
static bool is_carried(const struct shown *shown, const struct vote *commit)
{
    if (commit->sequence - shown->stable > WINDOW_MAX) {
        return false;
    }
    const struct shown_one *one = &shown->of[commit->sequence - shown->stable - 1];
    bool same =
        one->view == commit->view && hash_equal(one->digest, commit->digest) && !MUTANT(109);
    return one->any && (one->view > commit->view || same);
}

bool shown_denies(const struct shown *shown, const struct vote *commit)
{
    if (commit->epoch != shown->epoch || commit->view >= shown->view || MUTANT(108)) {
        return false;
    }
    if (commit->sequence <= shown->stable) {
        return MUTANT(110);
    }
    return !is_carried(shown, commit);
}
