#include "governance/roster.h"

#include "crypto/note.h"
#include "governance/records.h"

#include <string.h>

uint32_t quorum_size(uint32_t n, uint32_t f)
{
    CHECK(n >= 1);
    CHECK(n <= REPLICAS_MAX);
    CHECK(n >= 3 * f + 1);
    return (n + f) / 2 + 1;
}

/* Append a member; false when the rids would not ascend, or nobody can have this one. */
static bool member_add(struct roster *roster, const struct roster_member *member)
{
    if (roster->n == REPLICAS_MAX || member->rid > REPLICA_ID_MAX ||
        (roster->n > 0 && roster->members[roster->n - 1].rid >= member->rid)) {
        return false;
    }
    roster->members[roster->n++] = *member;
    return true;
}

static struct roster_member member_make(const struct replica_standing *row)
{
    struct roster_member member = {
        .rid = (uint32_t)row->rid, /* the schema bounds it */
        .standing = (uint32_t)row->standing,
    };

    memcpy(member.sign_pk, row->sign_pk, PUBLIC_KEY_BYTES);
    memcpy(member.cosign_pk, row->cosign_pk, PUBLIC_KEY_BYTES);
    memcpy(member.transport_pk, row->transport_pk, PUBLIC_KEY_BYTES);
    return member;
}

/* Set what follows from n and f. False when they do not go together. */
static bool roster_finish(struct roster *roster, uint64_t f, struct roster *out)
{
    if (roster->n == 0 || f >= roster->n || roster->n < 3 * f + 1) {
        return false;
    }
    roster->f = (uint32_t)f;
    roster->q = quorum_size(roster->n, roster->f);
    roster->w = roster->f + 1;
    *out = *roster;
    return true;
}

bool roster_parse(struct bytes section_body, uint64_t epoch, struct roster *out)
{
    struct roster roster = {.epoch = epoch};
    struct replicas_section section;
    struct replica_standing row;

    if (replicas_section_decode(section_body, &section) != WIRE_OK) {
        return false;
    }

    struct wire_iter iter = wire_iter_make(section.replicas);

    while (replica_standing_next(&iter, &row)) {
        const struct roster_member member = member_make(&row);

        if (!member_add(&roster, &member)) {
            return false;
        }
    }
    return roster_finish(&roster, section.f, out);
}

bool roster_load(const struct state *state, struct roster *out)
{
    struct clock_record clock;
    struct section_record record;

    return clock_read(state, &clock) && section_read(state, SECTION_REPLICAS, &record) &&
           roster_parse(record.body, clock.epoch, out);
}

bool roster_of_charter(struct bytes charter_body, struct roster *out)
{
    struct roster roster = {.epoch = 0};
    struct charter charter;
    struct replica_row row;

    if (charter_decode(charter_body, &charter) != WIRE_OK) {
        return false;
    }

    struct wire_iter iter = wire_iter_make(charter.replicas);

    while (replica_row_next(&iter, &row)) {
        struct roster_member member = {
            .rid = (uint32_t)row.rid, /* the schema bounds it */
            .standing = STANDING_ACTIVE,
        };

        memcpy(member.sign_pk, row.sign_pk, PUBLIC_KEY_BYTES);
        memcpy(member.cosign_pk, row.cosign_pk, PUBLIC_KEY_BYTES);
        memcpy(member.transport_pk, row.transport_pk, PUBLIC_KEY_BYTES);
        if (!member_add(&roster, &member)) {
            return false;
        }
    }
    return roster_finish(&roster, charter.f, out);
}

const struct roster_member *roster_primary(const struct roster *roster, uint64_t view)
{
    /* Both are reduced first, so that their sum cannot wrap around and skip a replica. */
    const uint64_t n = roster->n;

    return &roster->members[(roster->epoch % n + view % n) % n];
}

uint32_t roster_index(const struct roster *roster, uint32_t rid)
{
    for (uint32_t i = 0; i < roster->n; i++) {
        if (roster->members[i].rid == rid) {
            return i;
        }
    }
    return ROSTER_NOBODY;
}

const struct roster_member *roster_find(const struct roster *roster, uint32_t rid)
{
    const uint32_t index = roster_index(roster, rid);

    return index == ROSTER_NOBODY ? NULL : &roster->members[index];
}

const struct roster_member *roster_by_transport(const struct roster *roster,
                                                const uint8_t transport_pk[PUBLIC_KEY_BYTES])
{
    for (uint32_t i = 0; i < roster->n; i++) {
        if (memcmp(roster->members[i].transport_pk, transport_pk, PUBLIC_KEY_BYTES) == 0) {
            return &roster->members[i];
        }
    }
    return NULL;
}

const struct roster_member *roster_by_sign(const struct roster *roster,
                                           const uint8_t sign_pk[PUBLIC_KEY_BYTES])
{
    for (uint32_t i = 0; i < roster->n; i++) {
        if (memcmp(roster->members[i].sign_pk, sign_pk, PUBLIC_KEY_BYTES) == 0) {
            return &roster->members[i];
        }
    }
    return NULL;
}

uint32_t members_count(uint64_t members)
{
    return (uint32_t)__builtin_popcountll(members);
}
