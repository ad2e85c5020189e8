#include "governance/in_force.h"

#include "crypto/hash.h"
#include "governance/hand_off.h"
#include "governance/members.h"
#include "governance/records.h"
#include "governance/roster_note.h"

#define IN_FORCE_TEXT(name, text, advice) [name] = text,
#define IN_FORCE_ADVICE(name, text, advice) [name] = advice,

const char *in_force_error_text(enum in_force_error error)
{
    static const char *const texts[] = {IN_FORCE_ERRORS(IN_FORCE_TEXT)};

    return texts[error];
}

const char *in_force_error_advice(enum in_force_error error)
{
    static const char *const advices[] = {IN_FORCE_ERRORS(IN_FORCE_ADVICE)};

    return advices[error];
}

static enum in_force_error check_charter(const struct state_bundle *bundle,
                                         const uint8_t cluster_id[HASH_BYTES],
                                         const struct sig_scheme *scheme, struct in_force *out)
{
    struct charter_check check;
    struct roster roster;

    if (charter_file_verify(bundle->charter_file, scheme, out->charter, &check) != CHARTER_OK ||
        !roster_of_charter(out->charter->body, &roster)) {
        return IN_FORCE_CHARTER;
    }
    out->roster = roster;
    return hash_equal(out->charter->cluster_id, cluster_id) ? IN_FORCE_OK : IN_FORCE_OTHER_LOG;
}

/* The roster of the epoch that the hand-offs lead to. */
static enum in_force_error follow(struct wire_list hand_offs, const struct sig_scheme *scheme,
                                  struct in_force *out)
{
    struct epoch_chain *chain = NULL;

    if (hand_offs.count == 0) {
        return IN_FORCE_OK;
    }
    if (epoch_chain_open(out->charter, scheme, hand_offs.count + 1, &chain) != STATUS_OK) {
        return IN_FORCE_NO_MEMORY;
    }
    out->hand_off = epoch_chain_follow_all(chain, hand_offs);
    out->roster = epoch_chain_newest(chain)->roster;
    epoch_chain_close(chain);
    return out->hand_off == HAND_OFF_OK ? IN_FORCE_OK : IN_FORCE_HAND_OFF;
}

static enum in_force_error check_note(struct bytes note, const struct sig_scheme *scheme,
                                      struct in_force *out)
{
    struct origin origin;

    if (!origin_make(out->charter->charter.name, out->charter->cluster_id, &origin) ||
        !roster_note_check(&out->roster, scheme, note, &origin, &out->checkpoint, &out->signers)) {
        return IN_FORCE_NOTE;
    }
    out->note = note;
    return out->checkpoint.epoch == out->roster.epoch ? IN_FORCE_OK : IN_FORCE_EPOCH;
}

static enum in_force_error check_header(struct bytes header, struct in_force *out)
{
    uint8_t hash[HASH_BYTES];

    hash_bytes(header, hash);
    if (!hash_equal(hash, out->checkpoint.header_hash) ||
        block_header_decode(header, &out->header) != WIRE_OK) {
        return IN_FORCE_HEADER;
    }
    return IN_FORCE_OK;
}

static enum in_force_error check_sections(struct wire_list list, struct in_force *out)
{
    struct wire_iter iter = wire_iter_make(list);
    struct item_section element;
    uint8_t hash[HASH_BYTES];

    for (uint32_t i = 0; item_section_next(&iter, &element); i++) {
        if (section_record_decode(element.value, &out->sections[i]) != WIRE_OK) {
            return IN_FORCE_SECTIONS;
        }
    }
    config_hash_of(out->sections, hash);
    return hash_equal(hash, out->header.config_hash) ? IN_FORCE_OK : IN_FORCE_SECTIONS;
}

static enum in_force_error read_sections(struct in_force *out)
{
    struct members_section members;

    if (members_section_decode(out->sections[SECTION_MEMBERS - 1].body, &members) != WIRE_OK ||
        params_section_decode(out->sections[SECTION_PARAMS - 1].body, &out->params) != WIRE_OK ||
        !roster_parse(out->sections[SECTION_REPLICAS - 1].body, out->header.epoch, &out->roster)) {
        return IN_FORCE_CONTENT;
    }
    struct wire_iter iter = wire_iter_make(members.members);

    out->thresholds = members.thresholds;
    out->member_count = 0;
    while (out->member_count < MEMBERS_MAX &&
           member_standing_next(&iter, &out->members[out->member_count])) {
        out->member_count++;
    }
    return IN_FORCE_OK;
}

enum in_force_error in_force_verify(struct bytes bundle, const uint8_t cluster_id[HASH_BYTES],
                                    const struct sig_scheme *scheme, struct charter_view *charter,
                                    struct in_force *out)
{
    struct state_bundle parts;

    if (bundle.len > STATE_BUNDLE_BYTES_MAX || state_bundle_decode(bundle, &parts) != WIRE_OK) {
        return IN_FORCE_ENCODING;
    }
    out->charter = charter;
    out->hand_off = HAND_OFF_OK;
    enum in_force_error error = check_charter(&parts, cluster_id, scheme, out);
    if (error == IN_FORCE_OK) {
        error = follow(parts.hand_offs, scheme, out);
    }
    if (error == IN_FORCE_OK) {
        error = check_note(parts.checkpoint, scheme, out);
    }
    if (error == IN_FORCE_OK) {
        error = check_header(parts.header, out);
    }
    if (error == IN_FORCE_OK) {
        error = check_sections(parts.sections, out);
    }
    return error == IN_FORCE_OK ? read_sections(out) : error;
}

uint64_t in_force_version(const struct in_force *in_force, enum section section)
{
    return in_force->sections[section - 1].version;
}

uint64_t in_force_param(const struct in_force *in_force, enum param param)
{
    struct wire_iter iter = wire_iter_make(in_force->params.params);
    struct param_row row;

    while (param_row_next(&iter, &row)) {
        if (row.id == (uint64_t)param) {
            return row.value;
        }
    }
    return param_rule((uint64_t)param)->usual;
}

uint32_t in_force_member(const struct in_force *in_force, struct bytes mid)
{
    for (uint32_t i = 0; i < in_force->member_count; i++) {
        if (bytes_equal(in_force->members[i].row.mid, mid)) {
            return i;
        }
    }
    return ROSTER_NOBODY;
}

bool in_force_member_acts(const struct in_force *in_force, uint32_t member, uint64_t time_ms)
{
    const struct member_standing *row = &in_force->members[member];

    return standing_acts(row->standing, row->until_ms, time_ms);
}

uint32_t in_force_suspended(const struct in_force *in_force)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < in_force->roster.n; i++) {
        count += in_force->roster.members[i].standing == STANDING_SUSPENDED;
    }
    return count;
}
