#include "governance/members.h"

#include "governance/records.h"

#include <string.h>

void members_load(const struct state *state, struct members *out)
{
    struct section_record record;
    struct members_section section;
    struct member_standing row;

    CHECK(section_read(state, SECTION_MEMBERS, &record));
    CHECK(members_section_decode(record.body, &section) == WIRE_OK);
    out->version = record.version;
    out->thresholds = section.thresholds;
    out->count = 0;

    struct wire_iter iter = wire_iter_make(section.members);

    while (member_standing_next(&iter, &row)) {
        struct member *member = &out->list[out->count++];

        member->mid_len = row.row.mid.len;
        memcpy(member->mid, row.row.mid.data, row.row.mid.len);
        memcpy(member->pk, row.row.pk, PUBLIC_KEY_BYTES);
        member->standing = row.standing;
        member->until_ms = row.until_ms;
    }
}

uint32_t members_find(const struct members *members, struct bytes mid)
{
    for (uint32_t i = 0; i < members->count; i++) {
        if (bytes_equal(mid, bytes_make(members->list[i].mid, members->list[i].mid_len))) {
            return i;
        }
    }
    return MEMBER_NOBODY;
}

bool standing_acts(uint64_t standing, uint64_t until_ms, uint64_t time_ms)
{
    return standing == STANDING_ACTIVE || (standing == STANDING_SUSPENDED && time_ms >= until_ms);
}

bool member_is_active(const struct member *member, uint64_t time_ms)
{
    return standing_acts(member->standing, member->until_ms, time_ms);
}

uint32_t members_find_active(const struct members *members, struct bytes mid, uint64_t time_ms)
{
    const uint32_t place = members_find(members, mid);

    return place != MEMBER_NOBODY && member_is_active(&members->list[place], time_ms)
               ? place
               : MEMBER_NOBODY;
}
