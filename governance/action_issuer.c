/* ISSUER_SUSPEND, ISSUER_RESTORE and ISSUER_GEN_MIN: what stops an issuer's tokens, all or those of
 * older keys. A smallest generation never falls, and leaves one. */
#include "governance/action.h"
#include "governance/records.h"

/* An issuer's row as it is to be; false when that cannot be done. */
typedef bool issuer_change(struct issuer_standing *row, uint64_t value);

static enum result_code issuer_act(const struct deed *deed, struct bytes iid, issuer_change *change,
                                   uint64_t value)
{
    struct buffer list = state_scratch(deed->state, SCRATCH_LIST);
    struct section_record record;
    struct issuers_section section;
    struct issuer_standing row;
    bool found = false;

    CHECK(section_read(deed->state, SECTION_ISSUERS, &record));
    CHECK(issuers_section_decode(record.body, &section) == WIRE_OK);

    struct wire_iter iter = wire_iter_make(section.issuers);

    while (issuer_standing_next(&iter, &row)) {
        if (bytes_equal(row.iid, iid)) {
            found = change(&row, value);
        }
        CHECK(issuer_standing_encode(&row, &list));
    }
    if (!found) {
        return E_PREDICATE;
    }
    section.issuers.raw = buffer_bytes(&list);
    return section_replace(deed, SECTION_ISSUERS, &schema_issuers_section, &section);
}

static bool suspend(struct issuer_standing *row, uint64_t value)
{
    const bool active = row->standing == STANDING_ACTIVE;

    (void)value;
    row->standing = STANDING_SUSPENDED;
    return active;
}

static bool restore(struct issuer_standing *row, uint64_t value)
{
    const bool suspended = row->standing == STANDING_SUSPENDED;

    (void)value;
    row->standing = STANDING_ACTIVE;
    return suspended;
}

static bool gen_min_raise(struct issuer_standing *row, uint64_t gen_min)
{
    struct wire_iter iter = wire_iter_make(row->keys);
    struct issuer_generation key;
    bool leaves_one = false;

    while (issuer_generation_next(&iter, &key)) {
        leaves_one = leaves_one || key.gen >= gen_min;
    }

    const bool rises = gen_min > row->gen_min;

    row->gen_min = gen_min;
    return rises && leaves_one;
}

static enum result_code standing_act(const struct deed *deed, issuer_change *change)
{
    struct args_subject args;

    CHECK(args_subject_decode(deed->args, &args) == WIRE_OK);
    return args.until_ms == U64_UNLIMITED ? issuer_act(deed, args.id, change, 0) : E_BOUNDS;
}

enum result_code act_issuer_suspend(const struct deed *deed)
{
    return standing_act(deed, suspend);
}

enum result_code act_issuer_restore(const struct deed *deed)
{
    return standing_act(deed, restore);
}

enum result_code act_issuer_gen_min(const struct deed *deed)
{
    struct args_issuer_gen_min args;

    CHECK(args_issuer_gen_min_decode(deed->args, &args) == WIRE_OK);
    return issuer_act(deed, args.iid, gen_min_raise, args.gen_min);
}
