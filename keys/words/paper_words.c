#include "crypto/words.h"
#include "keys/words/amounts.h"
#include "keys/words/charter_words.h"
#include "keys/words/cli.h"
#include "keys/words/in_force_words.h"
#include "keys/words/paper.h"

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

static const char *class_text(const struct paper *paper)
{
    return paper->proposal.action == ACTION_REPLICA_SUSPEND ? "emergency" : "operations";
}

/* "m1, m3", or "nobody". */
static void put_members(const struct in_force *in_force, uint32_t set, const char *comma,
                        struct buffer *out)
{
    const char *before = "";

    for (uint32_t i = 0; i < in_force->member_count; i++) {
        if ((set >> i & 1) != 0) {
            put_text(out, before);
            buffer_put(out, in_force->members[i].row.mid);
            before = comma;
        }
    }
    put_text(out, set == 0 ? "nobody" : "");
}

/* The members that may vote and have not. */
static uint32_t silent_members(const struct in_force *in_force, const struct paper_tally *tally)
{
    uint32_t set = 0;

    for (uint32_t i = 0; i < in_force->member_count; i++) {
        set |= in_force->members[i].standing == STANDING_ACTIVE ? UINT32_C(1) << i : 0;
    }
    return set & ~(tally->yes | tally->no);
}

void paper_missing_words(const struct paper *paper, const struct in_force *in_force,
                         const struct paper_tally *tally, struct buffer *out)
{
    const uint32_t yes = paper_votes(tally->yes);

    cli_put(out, "%u of %u yes votes that are needed (%s)", yes, tally->needed, class_text(paper));
    if (yes < tally->needed) {
        cli_put(out, ": %u more, of ", tally->needed - yes);
        put_members(in_force, silent_members(in_force, tally), " or ", out);
    }
}

/* What the replica is now, and what it becomes. */
static void put_standing(const struct paper *paper, const struct in_force *in_force,
                         struct buffer *out)
{
    const struct roster *roster = &in_force->roster;
    const bool suspends = paper->proposal.action == ACTION_REPLICA_SUSPEND;
    const uint32_t before = in_force_suspended(in_force);
    const uint32_t after = suspends ? before + 1 : before - 1;

    cli_put(out, "  - r%u %s\n  + r%u %s\n", paper->rid, suspends ? "active" : "suspended",
            paper->rid, suspends ? "suspended" : "active");
    cli_put(out, "  afterwards %u of %u replicas that may be suspended are; quorum still %u of %u",
            after, roster->f, roster->q, roster->n);
    put_text(out, after == roster->f ? "; NO fault budget is left\n" : "\n");
}

static void put_key(const char *sign, uint32_t rid, const char *part,
                    const uint8_t key[PUBLIC_KEY_BYTES], struct buffer *out)
{
    cli_put(out, "  %s r%u %s key ", sign, rid, part);
    hex_put(out, bytes_make(key, PUBLIC_KEY_BYTES));
    put_text(out, "\n");
    key_words(key, out);
}

static void put_keys(const struct paper *paper, const struct in_force *in_force, struct buffer *out)
{
    const struct roster_member *now = roster_find(&in_force->roster, paper->rid);
    const struct paper_keys *next = &paper->keys;

    put_key("-", paper->rid, "sign", now->sign_pk, out);
    put_key("+", paper->rid, "sign", next->sign, out);
    put_key("-", paper->rid, "cosign", now->cosign_pk, out);
    put_key("+", paper->rid, "cosign", next->cosign, out);
    put_key("-", paper->rid, "transport", now->transport_pk, out);
    put_key("+", paper->rid, "transport", next->transport, out);
    put_text(out, "  every new key has signed for it; the old sign key ");
    put_text(out, next->old_sig.len > 0
                      ? "agrees\n"
                      : "has NOT: it is lost, or its replica does not know of this\n");
}

static void put_difference(const struct paper *paper, const struct in_force *in_force,
                           struct buffer *out)
{
    const uint64_t epoch = in_force->checkpoint.epoch;

    if (paper->proposal.action == ACTION_REPLICA_KEY_ROTATE) {
        put_keys(paper, in_force, out);
    } else if (paper->proposal.action == ACTION_EPOCH_RENEW) {
        cli_put(out, "  - epoch %llu\n  + epoch %llu, with the same replicas and keys\n",
                (unsigned long long)epoch, (unsigned long long)epoch + 1);
    } else {
        put_standing(paper, in_force, out);
    }
}

/* What ends an epoch holds in the next one. */
static void put_boundary(const struct in_force *in_force, struct buffer *out)
{
    const uint64_t interval = in_force_param(in_force, PARAM_CHECKPOINT_INTERVAL);
    const uint64_t window = in_force_param(in_force, PARAM_WINDOW);

    put_text(out, "\n  from       ");
    if (in_force->header.pending_boundary != NO_BOUNDARY) {
        cli_put(out, "a boundary is pending at height %llu: this waits until that is behind, then ",
                (unsigned long long)in_force->header.pending_boundary);
    }
    cli_put(out,
            "the next epoch on: behind the first height divisible by %llu that is at least %llu "
            "above",
            (unsigned long long)interval, (unsigned long long)window);
}

static void put_when(const struct paper *paper, const struct in_force *in_force, struct buffer *out)
{
    const bool suspends = paper->proposal.action == ACTION_REPLICA_SUSPEND;

    put_text(out, paper_ends_epoch(paper->proposal.action) ? "  enacted    " : "  holds      ");
    if (paper->proposal.not_before_ms > in_force->checkpoint.time_ms) {
        put_text(out, "not before ");
        amount_put_time(out, paper->proposal.not_before_ms);
        put_text(out, ", ");
    }
    if (suspends) {
        put_text(out, "at once, without a lock");
    } else if (in_force->params.profile == PROFILE_DEVELOPMENT) {
        put_text(out, "at once: development has no locks");
    } else {
        put_text(out, "after a lock of ");
        amount_put_duration(out, in_force_param(in_force, PARAM_LOCK_OPS));
        cli_put(out, " and %llu heights, in which members may dispute it",
                (unsigned long long)in_force_param(in_force, PARAM_LOCK_OPS_HEIGHTS));
    }
    if (paper_ends_epoch(paper->proposal.action)) {
        put_boundary(in_force, out);
    }
    put_text(out, "\n  decided by ");
    amount_put_time(out, paper->proposal.deadline_ms);
    put_text(out, "\n");
}

static void put_title(const struct paper *paper, struct buffer *out)
{
    switch (paper->proposal.action) {
    case ACTION_EPOCH_RENEW:
        put_text(out, "proposal to begin a new epoch in ");
        return;
    case ACTION_REPLICA_KEY_ROTATE:
        cli_put(out, "proposal to give r%u new keys in ", paper->rid);
        return;
    default:
        cli_put(out, "proposal to %s r%u in ",
                paper->proposal.action == ACTION_REPLICA_SUSPEND ? "suspend" : "restore",
                paper->rid);
    }
}

/* Which versions it names. */
static void put_written(const struct paper *paper, const struct in_force *in_force,
                        struct buffer *out)
{
    cli_put(out, "\n  written    for version %llu of members",
            (unsigned long long)in_force_version(in_force, SECTION_MEMBERS));
    if ((paper_reads(paper->proposal.action) >> SECTION_REPLICAS & 1) != 0) {
        cli_put(out, " and %llu of replicas",
                (unsigned long long)in_force_version(in_force, SECTION_REPLICAS));
    }
    put_text(out, "\n");
}

void paper_words(const struct paper *paper, const struct in_force *in_force,
                 const struct paper_tally *tally, struct buffer *out)
{
    put_title(paper, out);
    buffer_put(out, in_force->charter->charter.name);
    if (in_force->params.profile == PROFILE_DEVELOPMENT) {
        put_text(out, "   DEVELOPMENT");
    }
    put_text(out, "\n");
    put_difference(paper, in_force, out);
    put_text(out, "  reason     ");
    buffer_put(out, paper->reason.len == 0 ? bytes_of_text("none given") : paper->reason);
    put_text(out, "\n  by         ");
    buffer_put(out, paper->proposal.proposer.subject);
    put_written(paper, in_force, out);
    put_when(paper, in_force, out);
    put_text(out, "  yes        ");
    put_members(in_force, tally->yes, ", ", out);
    put_text(out, "\n  no         ");
    put_members(in_force, tally->no, ", ", out);
    put_text(out, "\n  has        ");
    paper_missing_words(paper, in_force, tally, out);
    put_text(out, "\n  id\n");
    fingerprint_words(paper->pid, out);
}

static void json_members(const struct in_force *in_force, const char *key, uint32_t set,
                         struct json_line *json)
{
    json_list(json, key);
    for (uint32_t i = 0; i < in_force->member_count; i++) {
        if ((set >> i & 1) != 0) {
            json_text(json, NULL, in_force->members[i].row.mid);
        }
    }
    json_close(json);
}

void paper_json(const struct paper *paper, const struct in_force *in_force,
                const struct paper_tally *tally, struct json_line *json)
{
    uint8_t memory[REPLICA_NAME_MAX];
    struct buffer name = buffer_make(memory, sizeof(memory));

    replica_name_put(&name, paper->rid);
    json_hex(json, "pid", BYTES_OF_ARRAY(paper->pid));
    json_text(json, "action", bytes_of_text(action_text(paper->proposal.action)));
    if (paper->proposal.action != ACTION_EPOCH_RENEW) {
        json_text(json, "replica", buffer_bytes(&name));
    }
    if (paper->proposal.action == ACTION_REPLICA_KEY_ROTATE) {
        json_hex(json, "sign", BYTES_OF_ARRAY(paper->keys.sign));
        json_hex(json, "cosign", BYTES_OF_ARRAY(paper->keys.cosign));
        json_hex(json, "transport", BYTES_OF_ARRAY(paper->keys.transport));
        json_bool(json, "old_agrees", paper->keys.old_sig.len > 0);
    }
    json_text(json, "reason", paper->reason);
    json_text(json, "proposer", paper->proposal.proposer.subject);
    json_u64(json, "not_before_ms", paper->proposal.not_before_ms);
    json_u64(json, "deadline_ms", paper->proposal.deadline_ms);
    json_members(in_force, "yes", tally->yes, json);
    json_members(in_force, "no", tally->no, json);
    json_int(json, "needed", (int)tally->needed);
    json_bool(json, "complete", paper_votes(tally->yes) >= tally->needed);
}
