#include "keys/words/paper.h"

#include "crypto/hash.h"
#include "keys/words/amounts.h"
#include "keys/words/charter_words.h"
#include "keys/words/cli.h"
#include "keys/words/file.h"

#include <string.h>

/* --- Form ------------------------------------------------------------------------------------- */

static bool read_ballot(const struct signed_part *part, struct paper_ballot *out)
{
    out->body = part->body;
    memcpy(out->sig, part->sig, SIG_BYTES);
    return ballot_decode(part->body, &out->ballot) == WIRE_OK;
}

static bool read_keys(struct bytes args, struct paper *out)
{
    struct args_replica_key_rotate decoded;

    if (args_replica_key_rotate_decode(args, &decoded) != WIRE_OK) {
        return false;
    }
    out->rid = (uint32_t)decoded.rid;
    memcpy(out->keys.sign, decoded.sign_pk, PUBLIC_KEY_BYTES);
    memcpy(out->keys.cosign, decoded.cosign_pk, PUBLIC_KEY_BYTES);
    memcpy(out->keys.transport, decoded.transport_pk, PUBLIC_KEY_BYTES);
    out->keys.proof = decoded.card;
    out->keys.old_sig = decoded.old_sig;
    return true;
}

static bool read_args(struct paper *out)
{
    struct args_replica replica;
    struct args_renew renewal;
    uint8_t hash[HASH_BYTES];

    switch (out->proposal.action) {
    case ACTION_REPLICA_SUSPEND:
    case ACTION_REPLICA_RESTORE:
        if (args_replica_decode(out->proposal.args, &replica) != WIRE_OK) {
            return false;
        }
        out->rid = (uint32_t)replica.rid;
        return true;
    case ACTION_REPLICA_KEY_ROTATE:
        return read_keys(out->proposal.args, out);
    case ACTION_EPOCH_RENEW:
        hash_bytes(out->reason, hash);
        return args_renew_decode(out->proposal.args, &renewal) == WIRE_OK &&
               hash_equal(renewal.reason_hash, hash);
    default:
        return false;
    }
}

/* The reason is there already. */
static bool read_proposal(const struct signed_part *part, const uint8_t cluster_id[HASH_BYTES],
                          struct paper *out)
{
    out->body = part->body;
    out->rid = 0;
    memcpy(out->sig, part->sig, SIG_BYTES);
    statement_id(TAG_PROPOSAL, cluster_id, part->body, out->pid);
    return proposal_decode(part->body, &out->proposal) == WIRE_OK && read_args(out);
}

bool paper_parse(struct bytes object, const uint8_t cluster_id[HASH_BYTES], struct paper *out)
{
    struct proposal_file file;
    struct bundle bundle;
    struct signed_part part;
    uint8_t hash[HASH_BYTES];

    if (proposal_file_decode(object, &file) != WIRE_OK ||
        bundle_decode(file.bundle, &bundle) != WIRE_OK ||
        bundle.ballots.count > PAPER_BALLOTS_MAX) {
        return false;
    }
    out->bundle = file.bundle;
    out->reason = file.reason;
    if (!read_proposal(&bundle.proposal, cluster_id, out)) {
        return false;
    }
    out->ballot_count = 0;
    struct wire_iter iter = wire_iter_make(bundle.ballots);
    while (signed_part_next(&iter, &part)) {
        if (!read_ballot(&part, &out->ballots[out->ballot_count++])) {
            return false;
        }
    }
    hash_bytes(file.reason, hash);
    return hash_equal(hash, out->proposal.memo_hash);
}

bool ballot_parse(struct bytes object, struct paper_ballot *out)
{
    struct signed_part part;

    return signed_part_decode(object, &part) == WIRE_OK && read_ballot(&part, out);
}

static enum status read_armour(const char *path, const char *label, struct buffer *object,
                               struct problem *problem)
{
    uint8_t memory[ARMOUR_TEXT_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));
    const enum status status = file_read(path, &text, problem);

    if (status == STATUS_OK && !armour_read(buffer_bytes(&text), label, object)) {
        object->len = 0;
    }
    return status;
}

enum status paper_read(const char *path, const uint8_t cluster_id[HASH_BYTES],
                       struct buffer *backing, struct paper *out, struct problem *problem)
{
    const enum status status = read_armour(path, ARMOUR_PROPOSAL, backing, problem);

    if (status == STATUS_OK && !paper_parse(buffer_bytes(backing), cluster_id, out)) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not a proposal, or damaged", path);
        return problem_advise(problem, "ask who made it for another copy");
    }
    return status;
}

enum status ballot_read(const char *path, struct buffer *backing, struct paper_ballot *out,
                        struct problem *problem)
{
    const enum status status = read_armour(path, ARMOUR_BALLOT, backing, problem);

    if (status == STATUS_OK && !ballot_parse(buffer_bytes(backing), out)) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not a ballot, or damaged", path);
        return problem_advise(problem, "ask the member for another copy");
    }
    return status;
}

/* --- Judgement -------------------------------------------------------------------------------- */

uint32_t paper_votes(uint32_t set)
{
    return note_count(set);
}

uint32_t paper_needed(uint64_t action, const struct in_force *in_force)
{
    return (uint32_t)(action == ACTION_REPLICA_SUSPEND ? in_force->thresholds.emergency
                                                       : in_force->thresholds.ops);
}

uint32_t paper_reads(uint64_t action)
{
    const uint32_t members = UINT32_C(1) << SECTION_MEMBERS;

    return action == ACTION_EPOCH_RENEW ? members : members | UINT32_C(1) << SECTION_REPLICAS;
}

bool paper_ends_epoch(uint64_t action)
{
    return action == ACTION_REPLICA_KEY_ROTATE || action == ACTION_EPOCH_RENEW;
}

static enum paper_fault fault(enum paper_fault fault, struct problem *problem, const char *todo)
{
    (void)problem_advise(problem, "%s", todo);
    return fault;
}

static void put_replicas(const struct in_force *in_force, struct buffer *out)
{
    for (uint32_t i = 0; i < in_force->roster.n; i++) {
        cli_put(out, "%sr%u", i == 0 ? "" : ", ", in_force->roster.members[i].rid);
    }
}

static enum paper_fault standing_rule(uint64_t action, const struct roster_member *replica,
                                      const struct in_force *in_force, struct problem *problem)
{
    const struct roster *roster = &in_force->roster;
    const uint32_t rid = replica->rid;

    if (action == ACTION_REPLICA_RESTORE) {
        if (replica->standing == STANDING_SUSPENDED) {
            return PAPER_GOOD;
        }
        (void)problem_say(problem, STATUS_INVALID, "r%u is not suspended: there is nothing to lift",
                          rid);
        return fault(PAPER_RULE, problem, "vestry gov show says which replicas are suspended");
    }
    if (replica->standing == STANDING_SUSPENDED) {
        (void)problem_say(problem, STATUS_INVALID, "r%u is suspended already", rid);
        return fault(PAPER_RULE, problem, "vestry gov show says which replicas are suspended");
    }
    if (in_force_suspended(in_force) >= roster->f) {
        (void)problem_say(problem, STATUS_INVALID,
                          "%u of %u replicas that may be suspended are: with r%u too, %u of %u "
                          "could be missing and nothing would be ordered any more",
                          in_force_suspended(in_force), roster->f, rid, roster->f + 1, roster->n);
        return fault(PAPER_RULE, problem,
                     "restore another one first: vestry-keys propose replica-restore");
    }
    return PAPER_GOOD;
}

enum paper_fault paper_rule(uint64_t action, uint32_t rid, const struct in_force *in_force,
                            struct problem *problem)
{
    const struct roster_member *replica = roster_find(&in_force->roster, rid);
    uint8_t memory[REPLICAS_MAX * 16];
    struct buffer names = buffer_make(memory, sizeof(memory));

    if (action == ACTION_EPOCH_RENEW) {
        return PAPER_GOOD;
    }
    if (replica == NULL) {
        put_replicas(in_force, &names);
        (void)problem_say(problem, STATUS_INVALID, "there is no replica r%u in this epoch", rid);
        (void)problem_advise(problem, "name one of %.*s", (int)names.len, (const char *)memory);
        return PAPER_RULE;
    }
    return action == ACTION_REPLICA_KEY_ROTATE ? PAPER_GOOD
                                               : standing_rule(action, replica, in_force, problem);
}

enum paper_fault paper_officer(const struct in_force *in_force, struct bytes mid,
                               const uint8_t public_key[PUBLIC_KEY_BYTES], uint64_t now_ms,
                               uint32_t *member, struct problem *problem)
{
    const uint32_t place = in_force_member(in_force, mid);

    if (place == ROSTER_NOBODY ||
        (public_key != NULL &&
         memcmp(in_force->members[place].row.pk, public_key, PUBLIC_KEY_BYTES) != 0)) {
        (void)problem_say(problem, STATUS_REFUSED, "the key of %.*s is not that of a member now",
                          (int)mid.len, (const char *)mid.data);
        return fault(PAPER_STRANGER, problem, "vestry gov show says who the members are");
    }
    if (!in_force_member_acts(in_force, place, now_ms)) {
        (void)problem_say(problem, STATUS_REFUSED, "member %.*s is suspended", (int)mid.len,
                          (const char *)mid.data);
        return fault(PAPER_STRANGER, problem, "let another member sign");
    }
    *member = place;
    return PAPER_GOOD;
}

/* Every section that it read is as it was, and it read those that the action depends on. */
static enum paper_fault judge_reads(const struct paper *paper, const struct in_force *in_force,
                                    struct problem *problem)
{
    struct wire_iter iter = wire_iter_make(paper->proposal.reads);
    struct read_version read;
    uint32_t seen = 0;

    while (read_version_next(&iter, &read)) {
        const uint64_t now = in_force_version(in_force, (enum section)read.section);

        seen |= 1u << read.section;
        if (read.version == now) {
            continue;
        }
        (void)problem_say(
            problem, STATUS_INVALID, "written for version %llu of %s, and version %llu is in force",
            (unsigned long long)read.version, section_text(read.section), (unsigned long long)now);
        return fault(PAPER_STALE, problem,
                     read.version < now
                         ? "export the state again, and let it be proposed anew"
                         : "this state is the older one: vestry gov export --out state.bundle");
    }
    if ((paper_reads(paper->proposal.action) & ~seen) != 0) {
        (void)problem_say(problem, STATUS_INVALID,
                          "the proposal does not say for which members and replicas it is");
        return fault(PAPER_FALSE, problem, "do not sign; ask who made it");
    }
    return PAPER_GOOD;
}

/* The log's time decides; this machine's clock is a hint that only people are told of. */
static enum paper_fault judge_time(const struct paper *paper, const struct in_force *in_force,
                                   uint64_t now_ms, struct problem *problem)
{
    const struct proposal *proposal = &paper->proposal;
    const uint64_t time_ms = in_force->checkpoint.time_ms;
    const uint64_t most = in_force_param(in_force, PARAM_DEADLINE_MAX);

    if (proposal->deadline_ms <= time_ms || proposal->deadline_ms <= now_ms) {
        uint8_t memory[64];
        struct buffer when = buffer_make(memory, sizeof(memory));

        amount_put_time(&when, proposal->deadline_ms);
        (void)problem_say(problem, STATUS_INVALID, "it was to be decided by %.*s", (int)when.len,
                          (const char *)memory);
        return fault(PAPER_STALE, problem, "let it be proposed anew, with a later --deadline");
    }
    if (proposal->deadline_ms - time_ms > most || proposal->not_before_ms > proposal->deadline_ms) {
        uint8_t memory[64];
        struct buffer longest = buffer_make(memory, sizeof(memory));

        amount_put_duration(&longest, most);
        (void)problem_say(problem, STATUS_INVALID,
                          "its deadline is later than this log allows, or before its beginning");
        (void)problem_advise(problem, "choose a --deadline at most %.*s after the state's time",
                             (int)longest.len, (const char *)memory);
        return PAPER_STALE;
    }
    return PAPER_GOOD;
}

static bool signed_by(const struct in_force *in_force, uint32_t member, enum sign_tag tag,
                      struct bytes body, const uint8_t sig[SIG_BYTES])
{
    return verify_body(&sig_ed25519, in_force->members[member].row.pk, tag,
                       in_force->charter->cluster_id, body, sig);
}

static enum paper_fault judge_proposer(const struct paper *paper, const struct in_force *in_force,
                                       uint64_t now_ms, struct problem *problem)
{
    const struct proposer *proposer = &paper->proposal.proposer;
    uint32_t member = 0;

    if (proposer->role != ROLE_MEMBER) {
        (void)problem_say(problem, STATUS_REFUSED, "it was not proposed by a member");
        return fault(PAPER_STRANGER, problem, "let a member propose it");
    }
    const enum paper_fault found =
        paper_officer(in_force, proposer->subject, NULL, now_ms, &member, problem);
    if (found != PAPER_GOOD) {
        return found;
    }
    if (!signed_by(in_force, member, TAG_PROPOSAL, paper->body, paper->sig)) {
        (void)problem_say(problem, STATUS_CORRUPT, "the signature of %.*s is not good",
                          (int)proposer->subject.len, (const char *)proposer->subject.data);
        return fault(PAPER_FALSE, problem,
                     "it was changed, or is of another log: ask who made it for another copy");
    }
    return PAPER_GOOD;
}

static enum paper_fault judge_ballot(const struct paper *paper, const struct paper_ballot *ballot,
                                     const struct in_force *in_force, uint64_t now_ms,
                                     struct paper_tally *tally, struct problem *problem)
{
    const struct bytes mid = ballot->ballot.mid;
    uint32_t member = 0;

    if (!hash_equal(ballot->ballot.pid, paper->pid)) {
        (void)problem_say(problem, STATUS_CORRUPT, "the ballot of %.*s is for another proposal",
                          (int)mid.len, (const char *)mid.data);
        return fault(PAPER_FALSE, problem, "let the member vote on this one: vestry-keys ballot");
    }
    const enum paper_fault found = paper_officer(in_force, mid, NULL, now_ms, &member, problem);
    if (found != PAPER_GOOD) {
        return found;
    }
    if (!signed_by(in_force, member, TAG_BALLOT, ballot->body, ballot->sig)) {
        (void)problem_say(problem, STATUS_CORRUPT,
                          "the signature on the ballot of %.*s is not good", (int)mid.len,
                          (const char *)mid.data);
        return fault(PAPER_FALSE, problem, "ask the member for another copy");
    }
    if (ballot->ballot.members_version != in_force_version(in_force, SECTION_MEMBERS)) {
        (void)problem_say(problem, STATUS_INVALID, "the ballot of %.*s is for other members",
                          (int)mid.len, (const char *)mid.data);
        return fault(PAPER_STALE, problem, "let the member vote again, with the newest state");
    }
    const uint32_t bit = UINT32_C(1) << member;
    if (((tally->yes | tally->no) & bit) != 0) {
        (void)problem_say(problem, STATUS_INVALID, "there are two ballots of %.*s", (int)mid.len,
                          (const char *)mid.data);
        return fault(PAPER_RULE, problem, "give one ballot of each member");
    }
    *(ballot->ballot.choice == CHOICE_YES ? &tally->yes : &tally->no) |= bit;
    return PAPER_GOOD;
}

enum paper_fault paper_judge(const struct paper *paper, const struct in_force *in_force,
                             uint64_t now_ms, struct paper_tally *tally, struct problem *problem)
{
    struct paper_tally counted = {.needed = paper_needed(paper->proposal.action, in_force)};

    enum paper_fault found = judge_proposer(paper, in_force, now_ms, problem);
    if (found == PAPER_GOOD) {
        found = judge_reads(paper, in_force, problem);
    }
    if (found == PAPER_GOOD) {
        found = judge_time(paper, in_force, now_ms, problem);
    }
    if (found == PAPER_GOOD) {
        found = paper_rule(paper->proposal.action, paper->rid, in_force, problem);
    }
    if (found == PAPER_GOOD && paper->proposal.action == ACTION_REPLICA_KEY_ROTATE) {
        found = paper_keys_judge(paper, in_force, problem);
    }
    for (uint32_t i = 0; i < paper->ballot_count && found == PAPER_GOOD; i++) {
        found = judge_ballot(paper, &paper->ballots[i], in_force, now_ms, &counted, problem);
    }
    for (uint32_t i = 0; i < in_force->member_count; i++) {
        counted.members += in_force_member_acts(in_force, i, now_ms);
    }
    if (found == PAPER_GOOD) {
        *tally = counted;
    }
    return found;
}
