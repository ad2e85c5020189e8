/* REPLICA_SUSPEND and REPLICA_RESTORE. A suspended replica stays a member of its epoch: quorums do
 * not shrink, so no more than f may be suspended, or nothing could be ordered any more. */
#include "governance/action.h"
#include "governance/records.h"

/* Give the replica another standing, in the list that is made in `list`. False when it has not the
 * one that it must have. `suspended` gets how many are, afterwards. */
static bool standing_change(struct wire_list replicas, uint64_t rid, enum standing from,
                            enum standing to, struct buffer *list, uint64_t *suspended)
{
    struct wire_iter iter = wire_iter_make(replicas);
    struct replica_standing row;
    bool found = false;

    *suspended = 0;
    while (replica_standing_next(&iter, &row)) {
        if (row.rid == rid && row.standing == from) {
            row.standing = to;
            found = true;
        }
        *suspended += row.standing == STANDING_SUSPENDED ? 1 : 0;
        CHECK(replica_standing_encode(&row, list));
    }
    return found;
}

static enum result_code replica_act(const struct deed *deed, enum standing from, enum standing to)
{
    struct buffer list = state_scratch(deed->state, SCRATCH_LIST);
    struct args_replica args;
    struct section_record record;
    struct replicas_section section;
    uint64_t suspended = 0;

    CHECK(args_replica_decode(deed->args, &args) == WIRE_OK);
    CHECK(section_read(deed->state, SECTION_REPLICAS, &record));
    CHECK(replicas_section_decode(record.body, &section) == WIRE_OK);
    if (!standing_change(section.replicas, args.rid, from, to, &list, &suspended) ||
        (to == STANDING_SUSPENDED && suspended > section.f)) {
        return E_PREDICATE;
    }
    section.replicas.raw = buffer_bytes(&list);
    return section_replace(deed, SECTION_REPLICAS, &schema_replicas_section, &section);
}

enum result_code act_replica_suspend(const struct deed *deed)
{
    return replica_act(deed, STANDING_ACTIVE, STANDING_SUSPENDED);
}

enum result_code act_replica_restore(const struct deed *deed)
{
    return replica_act(deed, STANDING_SUSPENDED, STANDING_ACTIVE);
}
