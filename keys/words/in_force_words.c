#include "keys/words/in_force_words.h"

#include "crypto/words.h"
#include "keys/words/amounts.h"
#include "keys/words/cli.h"

#define ID_COLUMNS 8
#define NAME_COLUMNS 24
#define PARAM_COLUMNS 22

const char *standing_text(uint64_t standing)
{
#define STANDING_TEXT(name, number, text) [name] = text,
    static const char *const texts[] = {STANDINGS(STANDING_TEXT)};
#undef STANDING_TEXT

    CHECK(standing >= STANDING_ACTIVE && standing <= STANDING_RETIRED);
    return texts[standing];
}

enum status in_force_refuse(const char *path, enum in_force_error error, struct problem *problem)
{
    (void)problem_say(problem, STATUS_CORRUPT, "%s: %s", path, in_force_error_text(error));
    return problem_advise(problem, "%s", in_force_error_advice(error));
}

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

static void put_cells(struct buffer *out, struct bytes id, struct bytes name)
{
    put_text(out, "    ");
    cli_put_cell(out, id, ID_COLUMNS);
    put_text(out, " ");
    cli_put_cell(out, name, NAME_COLUMNS);
    put_text(out, " ");
}

static void put_members(const struct in_force *in_force, struct buffer *out)
{
    const struct thresholds *need = &in_force->thresholds;

    cli_put(out, "  members    %u: root acts need %llu, operations %llu, emergencies %llu\n",
            in_force->member_count, (unsigned long long)need->root, (unsigned long long)need->ops,
            (unsigned long long)need->emergency);
    for (uint32_t i = 0; i < in_force->member_count; i++) {
        const struct member_standing *member = &in_force->members[i];

        put_cells(out, member->row.mid, member->row.name);
        put_text(out, standing_text(member->standing));
        if (member->standing == STANDING_SUSPENDED) {
            put_text(out, " until ");
            amount_put_time(out, member->until_ms);
        }
        put_text(out, "\n");
    }
}

/* The replicas of the section; they have ids and places where roster_parse has put them. */
static void put_replicas(const struct in_force *in_force, struct buffer *out)
{
    const struct roster *roster = &in_force->roster;
    struct replicas_section section;
    struct replica_standing row;

    cli_put(out, "  replicas   %u: %u may be faulty, %u make a quorum\n", roster->n, roster->f,
            roster->q);
    CHECK(replicas_section_decode(in_force->sections[SECTION_REPLICAS - 1].body, &section) ==
          WIRE_OK);
    struct wire_iter iter = wire_iter_make(section.replicas);
    while (replica_standing_next(&iter, &row)) {
        uint8_t name[REPLICA_NAME_MAX];
        struct buffer text = buffer_make(name, sizeof(name));

        replica_name_put(&text, (uint32_t)row.rid);
        put_cells(out, buffer_bytes(&text), row.operator_name);
        put_text(out, standing_text(row.standing));
        put_text(out, "\n");
    }
    put_text(out, "    ");
    in_force_budget_words(in_force, out);
    put_text(out, "\n");
}

static void put_params(const struct in_force *in_force, struct buffer *out)
{
    struct wire_iter iter = wire_iter_make(in_force->params.params);
    struct param_row row;

    cli_put(out, "  parameters %u\n", in_force->params.params.count);
    while (param_row_next(&iter, &row)) {
        const struct param_rule *rule = param_rule(row.id);

        put_text(out, "    ");
        cli_put_cell(out, bytes_of_text(rule == NULL ? "unknown" : rule->text), PARAM_COLUMNS);
        cli_put(out, " %llu", (unsigned long long)row.value);
        if (rule != NULL && rule->usual != row.value) {
            cli_put(out, "   (usually %llu)", (unsigned long long)rule->usual);
        }
        put_text(out, "\n");
    }
}

static void put_versions(const struct in_force *in_force, struct buffer *out)
{
    put_text(out, "  versions  ");
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        cli_put(out, " %s %llu%s", section_text(i + 1),
                (unsigned long long)in_force->sections[i].version,
                i + 1 < SECTION_COUNT ? "," : "\n");
    }
}

void in_force_words(const struct in_force *in_force, struct buffer *out)
{
    put_text(out, "in force in ");
    buffer_put(out, in_force->charter->charter.name);
    if (in_force->params.profile == PROFILE_DEVELOPMENT) {
        put_text(out, "   DEVELOPMENT: plain keys, no locks, never use it in production");
    }
    cli_put(out, "\n  at         height %llu, epoch %llu, ",
            (unsigned long long)in_force->checkpoint.height,
            (unsigned long long)in_force->checkpoint.epoch);
    amount_put_time(out, in_force->checkpoint.time_ms);
    cli_put(out, ", signed by %u of %u replicas\n", note_count(in_force->signers),
            in_force->charter->replica_count);
    if (in_force->header.pending_boundary != NO_BOUNDARY) {
        cli_put(out, "  boundary   epoch %llu ends at height %llu\n",
                (unsigned long long)in_force->checkpoint.epoch,
                (unsigned long long)in_force->header.pending_boundary);
    }
    put_members(in_force, out);
    put_replicas(in_force, out);
    put_params(in_force, out);
    put_versions(in_force, out);
    put_text(out, "  config     ");
    hex_put(out, BYTES_OF_ARRAY(in_force->header.config_hash));
    put_text(out, "\n");
}

void in_force_budget_words(const struct in_force *in_force, struct buffer *out)
{
    const struct roster *roster = &in_force->roster;
    const uint32_t suspended = in_force_suspended(in_force);
    const char *comma = "";

    if (suspended == 0) {
        cli_put(out, "none suspended (%u allowed); quorum %u of %u", roster->f, roster->q,
                roster->n);
        return;
    }
    for (int again = 0; again < 2; again++) {
        comma = "";
        for (uint32_t i = 0; i < roster->n; i++) {
            if (roster->members[i].standing == STANDING_SUSPENDED) {
                cli_put(out, "%sr%u", comma, roster->members[i].rid);
                comma = ", ";
            }
        }
        if (again == 0) {
            cli_put(out, " suspended (%u of %u allowed); quorum still %u of %u", suspended,
                    roster->f, roster->q, roster->n);
            if (suspended < roster->f) {
                return;
            }
            put_text(out, "; you have no fault budget left: replace ");
        }
    }
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_members(const struct in_force *in_force, struct json_line *json)
{
    json_open(json, "thresholds");
    json_u64(json, "root", in_force->thresholds.root);
    json_u64(json, "ops", in_force->thresholds.ops);
    json_u64(json, "emergency", in_force->thresholds.emergency);
    json_u64(json, "recovery", in_force->thresholds.recovery);
    json_close(json);
    json_list(json, "members");
    for (uint32_t i = 0; i < in_force->member_count; i++) {
        const struct member_standing *member = &in_force->members[i];

        json_open(json, NULL);
        json_text(json, "id", member->row.mid);
        json_text(json, "name", member->row.name);
        json_hex(json, "key", BYTES_OF_ARRAY(member->row.pk));
        json_text(json, "standing", bytes_of_text(standing_text(member->standing)));
        json_u64(json, "until_ms", member->until_ms);
        json_close(json);
    }
    json_close(json);
}

static void json_replicas(const struct in_force *in_force, struct json_line *json)
{
    const struct roster *roster = &in_force->roster;

    json_int(json, "f", (int)roster->f);
    json_int(json, "quorum", (int)roster->q);
    json_int(json, "suspended", (int)in_force_suspended(in_force));
    json_list(json, "replicas");
    for (uint32_t i = 0; i < roster->n; i++) {
        uint8_t name[REPLICA_NAME_MAX];
        struct buffer text = buffer_make(name, sizeof(name));

        replica_name_put(&text, roster->members[i].rid);
        json_open(json, NULL);
        json_text(json, "id", buffer_bytes(&text));
        json_text(json, "standing", bytes_of_text(standing_text(roster->members[i].standing)));
        json_hex(json, "sign_key", BYTES_OF_ARRAY(roster->members[i].sign_pk));
        json_close(json);
    }
    json_close(json);
}

void in_force_json(const struct in_force *in_force, struct json_line *json)
{
    struct wire_iter iter = wire_iter_make(in_force->params.params);
    struct param_row row;

    json_hex(json, "cluster_id", BYTES_OF_ARRAY(in_force->charter->cluster_id));
    json_text(json, "name", in_force->charter->charter.name);
    json_bool(json, "development", in_force->params.profile == PROFILE_DEVELOPMENT);
    json_u64(json, "height", in_force->checkpoint.height);
    json_u64(json, "epoch", in_force->checkpoint.epoch);
    if (in_force->header.pending_boundary != NO_BOUNDARY) {
        json_u64(json, "pending_boundary", in_force->header.pending_boundary);
    }
    json_u64(json, "time_ms", in_force->checkpoint.time_ms);
    json_int(json, "signed_by", (int)note_count(in_force->signers));
    json_hex(json, "config_hash", BYTES_OF_ARRAY(in_force->header.config_hash));
    json_members(in_force, json);
    json_replicas(in_force, json);
    json_open(json, "params");
    while (param_row_next(&iter, &row)) {
        const struct param_rule *rule = param_rule(row.id);

        json_u64(json, rule == NULL ? "unknown" : rule->text, row.value);
    }
    json_close(json);
    json_open(json, "versions");
    for (uint32_t i = 0; i < SECTION_COUNT; i++) {
        json_u64(json, section_text(i + 1), in_force->sections[i].version);
    }
    json_close(json);
}
