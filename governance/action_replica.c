/* REPLICA_SUSPEND and REPLICA_RESTORE. A suspended replica stays a member of its epoch: quorums do
 * not shrink, so no more than f may be suspended, or nothing could be ordered any more. Where the
 * next epoch has other replicas or keys already, the same holds there. */
#include "governance/action.h"
#include "governance/epoch.h"
#include "governance/records.h"

/* By how much the two records of the section could grow: each has a version of at most 9 bytes. */
#define VERSIONS_GROW_MAX 16

struct change {
    uint64_t rid;
    enum standing from;
    enum standing to;
};

/* Give the replica another standing, in the list that is made in `list`. False when it has not the
 * one that it must have. `suspended` gets how many are, afterwards. */
static bool standing_change(struct wire_list replicas, const struct change *change,
                            struct buffer *list, uint64_t *suspended)
{
    struct wire_iter iter = wire_iter_make(replicas);
    struct replica_standing row;
    bool found = false;

    *suspended = 0;
    while (replica_standing_next(&iter, &row)) {
        if (row.rid == change->rid && row.standing == (uint64_t)change->from) {
            row.standing = change->to;
            found = true;
        }
        *suspended += row.standing == STANDING_SUSPENDED ? 1 : 0;
        CHECK(replica_standing_encode(&row, list));
    }
    return found;
}

/* The body of the section with the change, in scratch memory. False when it may not be made. */
static bool body_change(struct state *state, const struct section_record *record,
                        const struct change *change, struct bytes *body)
{
    struct buffer list = state_scratch(state, SCRATCH_LIST);
    struct buffer out = state_scratch(state, SCRATCH_BODY);
    struct replicas_section section;
    uint64_t suspended = 0;

    CHECK(replicas_section_decode(record->body, &section) == WIRE_OK);
    if (!standing_change(section.replicas, change, &list, &suspended) ||
        (change->to == STANDING_SUSPENDED && suspended > section.f)) {
        return false;
    }
    section.replicas.raw = buffer_bytes(&list);
    CHECK(replicas_section_encode(&section, &out));
    *body = buffer_bytes(&out);
    return true;
}

/* Both, or none: there is room for both before the first is written. */
static enum result_code both_change(const struct deed *deed, const struct change *change)
{
    struct section_record record;
    struct bytes body;

    CHECK(epoch_next_section(deed->state, SECTION_REPLICAS, &record));
    if (!body_change(deed->state, &record, change, &body)) {
        return E_PREDICATE;
    }
    if (!deed->enact) {
        return RESULT_OK;
    }
    if (state_free_bytes(deed->state) < VERSIONS_GROW_MAX) {
        return E_CAPACITY;
    }
    CHECK(section_read(deed->state, SECTION_REPLICAS, &record));
    CHECK(body_change(deed->state, &record, change, &body));
    CHECK(section_write(deed->state, SECTION_REPLICAS, body));
    CHECK(epoch_next_section(deed->state, SECTION_REPLICAS, &record));
    CHECK(body_change(deed->state, &record, change, &body));
    CHECK(epoch_set_next(deed->state, SECTION_REPLICAS, body));
    return RESULT_OK;
}

static enum result_code replica_act(const struct deed *deed, enum standing from, enum standing to)
{
    struct args_replica args;
    struct section_record record;
    struct bytes body;

    CHECK(args_replica_decode(deed->args, &args) == WIRE_OK);

    const struct change change = {args.rid, from, to};

    CHECK(section_read(deed->state, SECTION_REPLICAS, &record));
    if (!body_change(deed->state, &record, &change, &body)) {
        return E_PREDICATE;
    }
    if (epoch_moves(deed->state, SECTION_REPLICAS)) {
        return both_change(deed, &change);
    }
    if (!deed->enact) {
        return RESULT_OK;
    }
    return section_write(deed->state, SECTION_REPLICAS, body) ? RESULT_OK : E_CAPACITY;
}

enum result_code act_replica_suspend(const struct deed *deed)
{
    return replica_act(deed, STANDING_ACTIVE, STANDING_SUSPENDED);
}

enum result_code act_replica_restore(const struct deed *deed)
{
    return replica_act(deed, STANDING_SUSPENDED, STANDING_ACTIVE);
}
