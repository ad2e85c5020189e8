/* FREEZE and UNFREEZE. A freeze ends by itself; its row stays until it is lifted, so that few
 * cannot freeze the same again and again. */
#include "governance/action.h"
#include "governance/records.h"

/* The rows but for that of `prefix`, or with `row` in its place in the order; `found` says whether
 * there was one. */
static void freezes_make(struct wire_list freezes, const struct freeze_row *row, bool add,
                         struct buffer *list, bool *found)
{
    struct wire_iter iter = wire_iter_make(freezes);
    struct freeze_row other;
    bool added = !add;

    *found = false;
    while (freeze_row_next(&iter, &other)) {
        const int order = bytes_compare(other.prefix, row->prefix);

        *found = *found || order == 0;
        if (order > 0 && !added) {
            CHECK(freeze_row_encode(row, list));
            added = true;
        }
        if (order != 0) {
            CHECK(freeze_row_encode(&other, list));
        }
    }
    if (!added) {
        CHECK(freeze_row_encode(row, list));
    }
}

static enum result_code freeze_act(const struct deed *deed, const struct args_freeze *args,
                                   bool add)
{
    struct buffer list = state_scratch(deed->state, SCRATCH_LIST);
    const struct freeze_row row = {args->prefix, args->until_ms};
    struct section_record record;
    struct params_section section;
    bool found = false;

    CHECK(section_read(deed->state, SECTION_PARAMS, &record));
    CHECK(params_section_decode(record.body, &section) == WIRE_OK);
    freezes_make(section.freezes, &row, add, &list, &found);
    if (found == add) {
        return E_PREDICATE;
    }
    if (add && section.freezes.count == FREEZES_MAX) {
        return E_CAPACITY;
    }
    section.freezes.count = add ? section.freezes.count + 1 : section.freezes.count - 1;
    section.freezes.raw = buffer_bytes(&list);
    return section_replace(deed, SECTION_PARAMS, &schema_params_section, &section);
}

enum result_code act_freeze(const struct deed *deed)
{
    struct args_freeze args;

    CHECK(args_freeze_decode(deed->args, &args) == WIRE_OK);
    return lapses_in_time(deed->context, args.until_ms) ? freeze_act(deed, &args, true) : E_BOUNDS;
}

enum result_code act_unfreeze(const struct deed *deed)
{
    struct args_freeze args;

    CHECK(args_freeze_decode(deed->args, &args) == WIRE_OK);
    return args.until_ms == U64_UNLIMITED ? freeze_act(deed, &args, false) : E_BOUNDS;
}
