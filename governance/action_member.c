/* MEMBER_SUSPEND and MEMBER_RESTORE. Few can suspend, so they can suspend only few, for a bounded
 * time, and not the same one again: those who are left can still do what a root act takes. */
#include "governance/action.h"
#include "governance/records.h"

/* A member's new standing. */
struct suspension {
    struct bytes mid;
    enum standing from;
    enum standing to;
    uint64_t until_ms;
};

/* The list with the change in `list`; false when the member has not the standing that it must
 * have. The counts are those afterwards, at time T. */
static bool member_change(struct wire_list members, const struct suspension *change,
                          uint64_t time_ms, struct buffer *list, uint64_t *suspended)
{
    struct wire_iter iter = wire_iter_make(members);
    struct member_standing row;
    bool found = false;

    *suspended = 0;
    while (member_standing_next(&iter, &row)) {
        if (bytes_equal(row.row.mid, change->mid) && row.standing == (uint64_t)change->from) {
            row.standing = change->to;
            row.until_ms = change->until_ms;
            found = true;
        }
        *suspended += row.standing == STANDING_SUSPENDED && time_ms < row.until_ms ? 1 : 0;
        CHECK(member_standing_encode(&row, list));
    }
    return found;
}

static enum result_code member_act(const struct deed *deed, const struct suspension *change)
{
    struct buffer list = state_scratch(deed->state, SCRATCH_LIST);
    struct section_record record;
    struct members_section section;
    uint64_t suspended = 0;

    CHECK(section_read(deed->state, SECTION_MEMBERS, &record));
    CHECK(members_section_decode(record.body, &section) == WIRE_OK);
    if (!member_change(section.members, change, deed->context->time_ms, &list, &suspended) ||
        (change->to == STANDING_SUSPENDED &&
         suspended > section.members.count - section.thresholds.root)) {
        return E_PREDICATE;
    }
    section.members.raw = buffer_bytes(&list);
    return section_replace(deed, SECTION_MEMBERS, &schema_members_section, &section);
}

enum result_code act_member_suspend(const struct deed *deed)
{
    struct args_subject args;

    CHECK(args_subject_decode(deed->args, &args) == WIRE_OK);
    if (!lapses_in_time(deed->context, args.until_ms)) {
        return E_BOUNDS;
    }

    const struct suspension change = {args.id, STANDING_ACTIVE, STANDING_SUSPENDED, args.until_ms};

    return member_act(deed, &change);
}

enum result_code act_member_restore(const struct deed *deed)
{
    struct args_subject args;

    CHECK(args_subject_decode(deed->args, &args) == WIRE_OK);
    if (args.until_ms != U64_UNLIMITED) {
        return E_BOUNDS;
    }

    const struct suspension change = {args.id, STANDING_SUSPENDED, STANDING_ACTIVE, U64_UNLIMITED};

    return member_act(deed, &change);
}
