/* vestry gov submit: what officers signed, brought into the log, and what came of it. */
#include "client/cli/append.h"
#include "client/cli/gov.h"
#include "client/cli/verbs.h"

#include "keys/words/amounts.h"
#include "keys/words/cli.h"
#include "keys/words/in_force_words.h"
#include "keys/words/paper.h"

#include <string.h>

/* One submission under way. Too large for the stack. */
struct submission {
    struct connection connection;
    struct gov_state before;
    struct gov_state after;
    struct paper paper;
    struct paper_tally tally;
    uint8_t paper_bytes[PAPER_BYTES_MAX];
    uint8_t payload[PAPER_BYTES_MAX + 64];
};

static int code_of_fault(enum paper_fault fault)
{
    switch (fault) {
    case PAPER_GOOD:
        return EXIT_OK;
    case PAPER_FALSE:
        return EXIT_VERIFY;
    case PAPER_STRANGER:
        return EXIT_DENIED;
    case PAPER_STALE:
        return EXIT_STALE;
    case PAPER_RULE:
        return EXIT_USAGE;
    }
    return EXIT_ERROR;
}

/* Read the bundle and hold it against what is in force: what the log would refuse is said before it
 * is sent, in words. */
static int read_paper(struct submission *submission)
{
    const struct call *call = submission->connection.call;
    const char *path = call_argument(call, 0);
    const struct in_force *in_force = &submission->before.in_force;
    struct buffer backing = buffer_make(submission->paper_bytes, sizeof(submission->paper_bytes));
    struct problem problem;

    const enum status status = paper_read(path, vestry_cluster_id(submission->connection.log),
                                          &backing, &submission->paper, &problem);
    if (status != STATUS_OK) {
        return call_fail_problem(
            call, status == STATUS_CORRUPT ? EXIT_VERIFY : exit_code_of_status(status), &problem);
    }
    const enum paper_fault fault = paper_judge(
        &submission->paper, in_force, in_force->checkpoint.time_ms, &submission->tally, &problem);
    return fault == PAPER_GOOD ? EXIT_OK : call_fail_problem(call, code_of_fault(fault), &problem);
}

static int check_votes(const struct submission *submission)
{
    const struct call *call = submission->connection.call;
    uint8_t memory[PROBLEM_CHARS];
    struct buffer who = buffer_make(memory, sizeof(memory));
    struct problem problem;

    if (paper_votes(submission->tally.yes) >= submission->tally.needed) {
        return EXIT_OK;
    }
    paper_missing_words(&submission->paper, &submission->before.in_force, &submission->tally, &who);
    (void)problem_say(&problem, STATUS_INVALID, "not enough: %.*s", (int)who.len,
                      (const char *)memory);
    (void)problem_advise(&problem,
                         "let one of them vote (vestry-keys ballot), then put it together "
                         "(vestry-keys bundle)");
    return call_fail_problem(call, EXIT_ERROR, &problem);
}

/* Whether a boundary came with it. One that was pending before is another's. */
static bool ends_epoch(const struct submission *submission)
{
    return paper_ends_epoch(submission->paper.proposal.action) &&
           submission->before.in_force.header.pending_boundary == NO_BOUNDARY &&
           submission->after.in_force.header.pending_boundary != NO_BOUNDARY;
}

/* Whether the replica is now what the proposal wants it to be. */
static bool holds(const struct submission *submission)
{
    const struct roster_member *replica =
        roster_find(&submission->after.in_force.roster, submission->paper.rid);
    const uint64_t wanted = submission->paper.proposal.action == ACTION_REPLICA_SUSPEND
                                ? STANDING_SUSPENDED
                                : STANDING_ACTIVE;

    return !paper_ends_epoch(submission->paper.proposal.action) && replica != NULL &&
           replica->standing == wanted;
}

static int show_json(const struct submission *submission,
                     const struct vestry_receipts_look *receipt)
{
    uint8_t memory[PAPER_WORDS_MAX];
    struct buffer out = buffer_make(memory, sizeof(memory));
    struct json_line json;

    json_begin(&json, &out, "vestry/governed/1");
    json_u64(&json, "height", receipt->height);
    json_u64(&json, "index", receipt->first_index);
    json_int(&json, "signed_by", (int)receipt->signer_count);
    json_bool(&json, "in_force", holds(submission));
    if (ends_epoch(submission)) {
        json_u64(&json, "boundary", submission->after.in_force.header.pending_boundary);
    }
    json_int(&json, "suspended", (int)in_force_suspended(&submission->after.in_force));
    paper_json(&submission->paper, &submission->after.in_force, &submission->tally, &json);
    json_end(&json);
    return !out.full && call_write(buffer_bytes(&out)) ? EXIT_OK : EXIT_ERROR;
}

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

/* Enough votes, and not in force: why, and until when. */
static void put_later(const struct submission *submission, struct buffer *out)
{
    const struct in_force *in_force = &submission->after.in_force;
    const struct proposal *proposal = &submission->paper.proposal;

    if (proposal->action == ACTION_EPOCH_RENEW) {
        put_text(out, "no new epoch yet: ");
    } else {
        cli_put(out, "r%u not yet: ", submission->paper.rid);
    }
    if (proposal->not_before_ms > in_force->checkpoint.time_ms) {
        put_text(out, "not before ");
        amount_put_time(out, proposal->not_before_ms);
        put_text(out, proposal->action == ACTION_REPLICA_SUSPEND ? "" : "; ");
    }
    if (proposal->action == ACTION_REPLICA_SUSPEND) {
        return;
    }
    if (paper_ends_epoch(proposal->action) && in_force->header.pending_boundary != NO_BOUNDARY) {
        cli_put(out, "the epoch ends at height %llu for another, and this waits until then; ",
                (unsigned long long)in_force->header.pending_boundary);
    }
    if (in_force->params.profile == PROFILE_DEVELOPMENT) {
        put_text(out, "development has no locks; vestry gov show says when it holds");
        return;
    }
    put_text(out, "it is locked for ");
    amount_put_duration(out, in_force_param(in_force, PARAM_LOCK_OPS));
    cli_put(out, " and %llu heights, and may be disputed; vestry gov show says when it holds",
            (unsigned long long)in_force_param(in_force, PARAM_LOCK_OPS_HEIGHTS));
}

/* The epoch ends, and from when on it holds. */
static void put_boundary(const struct submission *submission, struct buffer *out)
{
    const uint64_t boundary = submission->after.in_force.header.pending_boundary;

    cli_put(out, "the epoch ends at height %llu", (unsigned long long)boundary);
    if (submission->paper.proposal.action == ACTION_REPLICA_KEY_ROTATE) {
        cli_put(out, "; r%u has its new keys from height %llu on", submission->paper.rid,
                (unsigned long long)boundary + 1);
    }
}

static int show_words(const struct submission *submission,
                      const struct vestry_receipts_look *receipt)
{
    const struct in_force *in_force = &submission->after.in_force;
    const bool suspends = submission->paper.proposal.action == ACTION_REPLICA_SUSPEND;
    uint8_t memory[1024];
    struct buffer out = buffer_make(memory, sizeof(memory));

    cli_put(&out, "accepted at height %llu, ", (unsigned long long)receipt->height);
    if (ends_epoch(submission)) {
        put_boundary(submission, &out);
    } else if (!holds(submission)) {
        put_later(submission, &out);
    } else if (suspends) {
        in_force_budget_words(in_force, &out);
    } else {
        cli_put(&out, "r%u restored; ", submission->paper.rid);
        in_force_budget_words(in_force, &out);
    }
    call_print("%.*s\n", (int)out.len, (const char *)memory);
    return EXIT_OK;
}

static int send(struct submission *submission, struct vestry_receipts **receipts)
{
    const struct governance_payload payload = {
        .type = GOV_BUNDLE, .body = submission->paper.bundle, .sig = BYTES_EMPTY};
    struct buffer out = buffer_make(submission->payload, sizeof(submission->payload));

    CHECK(governance_payload_encode(&payload, &out));
    return vestry_govern(submission->connection.log, out.data, out.len, receipts) == VESTRY_OK
               ? EXIT_OK
               : connect_fail(&submission->connection);
}

/* The receipt is there: what is in force from its height on? */
static int show_outcome(struct submission *submission, const struct vestry_receipts *receipts)
{
    const struct call *call = submission->connection.call;
    const char *file = call_get(call, "receipt");
    struct vestry_receipts_look look;

    vestry_receipts_look(receipts, &look);
    int code = file == NULL ? EXIT_OK : append_write_receipt(call, receipts, 0, file);
    if (code == EXIT_OK) {
        code = gov_fetch(&submission->connection, look.height, &submission->after);
    }
    if (code != EXIT_OK) {
        return code;
    }
    code = call->json ? show_json(submission, &look) : show_words(submission, &look);
    gov_state_close(&submission->after);
    return code;
}

static int submit(struct submission *submission)
{
    struct vestry_receipts *receipts = NULL;

    int code = gov_fetch(&submission->connection, 0, &submission->before);
    if (code == EXIT_OK) {
        code = read_paper(submission);
    }
    if (code == EXIT_OK) {
        code = check_votes(submission);
    }
    if (code == EXIT_OK) {
        code = send(submission, &receipts);
    }
    if (code == EXIT_OK) {
        code = show_outcome(submission, receipts);
    }
    vestry_receipts_free(receipts);
    gov_state_close(&submission->before);
    return code;
}

int cmd_gov_submit(struct call *call)
{
    static struct submission submission;
    int code = connect_open(call, true, &submission.connection);

    if (code != EXIT_OK) {
        return code;
    }
    code = submit(&submission);
    connect_close(&submission.connection);
    return code == EXIT_OK ? call_finish(call) : code;
}
