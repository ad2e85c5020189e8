/* vestry-keys state, propose, emergency, ballot, bundle: what officers sign, offline. */
#include "keys/paper_make.h"
#include "keys/tool/tool.h"
#include "keys/words/amounts.h"
#include "keys/words/file.h"
#include "keys/words/in_force_words.h"

#include <string.h>

#define WEEK_MS (UINT64_C(7) * 24 * 3600 * 1000)

/* One officer at work: the state that is in force, a key, a paper. Too large for the stack. */
struct desk {
    struct cli *cli;
    struct problem problem;
    uint64_t now_ms; /* by this machine's clock, but never before the state's */
    struct charter_view charter;
    struct in_force in_force;
    struct secret_key key;
    uint32_t member; /* whose key it is */
    struct paper paper;
    struct paper_tally tally;
    struct paper_keys keys; /* new ones of a replica */
    uint8_t old_sig[SIG_BYTES];
    uint8_t card_bytes[CARD_OBJECT_MAX];
    uint8_t state_bytes[STATE_BUNDLE_BYTES_MAX];
    uint8_t paper_bytes[PAPER_BYTES_MAX];
    uint8_t made_bytes[PAPER_BYTES_MAX];
    uint8_t ballot_bytes[PAPER_BALLOTS_MAX][BALLOT_BYTES_MAX];
    struct paper_ballot ballots[PAPER_BALLOTS_MAX];
};

static struct desk *desk_open(struct cli *cli)
{
    static struct desk desk;

    desk.cli = cli;
    return &desk;
}

static enum cli_code end(struct desk *desk, enum cli_code code)
{
    secret_key_close(&desk->key);
    return code;
}

static enum cli_code fail(struct desk *desk)
{
    return end(desk, tool_fail(desk->cli, &desk->problem));
}

static enum cli_code fail_paper(struct desk *desk, enum paper_fault found)
{
    static const enum cli_code codes[] = {
        [PAPER_GOOD] = CLI_OK,
        [PAPER_FALSE] = CLI_VERIFY_FAILED,
        [PAPER_STRANGER] = CLI_NOT_AUTHORISED,
        [PAPER_STALE] = CLI_STALE,
        [PAPER_RULE] = CLI_USAGE,
    };

    return end(desk, cli_fail(desk->cli, codes[found], &desk->problem));
}

/* --- State ------------------------------------------------------------------------------------ */

/* The id of the charter that is believed: that of --charter, or the one in the bundle. What is
 * signed names it, so that a bundle of an invented log makes nothing that the real one takes. */
static enum status find_cluster(struct desk *desk, struct bytes bundle, uint8_t id[HASH_BYTES])
{
    const char *path = cli_get(desk->cli, "charter");
    const struct charter_view *charter = NULL;
    struct state_bundle parts;
    struct charter_file file;

    if (path != NULL) {
        const enum status status = tool_charter(path, &charter, &desk->problem);

        if (status == STATUS_OK) {
            memcpy(id, charter->cluster_id, HASH_BYTES);
        }
        return status;
    }
    memset(id, 0, HASH_BYTES);
    if (state_bundle_decode(bundle, &parts) == WIRE_OK &&
        charter_file_decode(parts.charter_file, &file) == WIRE_OK) {
        charter_cluster_id(file.charter, id);
    }
    return STATUS_OK;
}

static enum status read_state(struct desk *desk, const char *path)
{
    struct buffer bytes = buffer_make(desk->state_bytes, sizeof(desk->state_bytes));
    uint8_t id[HASH_BYTES];

    enum status status = file_read(path, &bytes, &desk->problem);
    if (status == STATUS_OK) {
        ceremony_input(buffer_bytes(&bytes));
        status = find_cluster(desk, buffer_bytes(&bytes), id);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const enum in_force_error error =
        in_force_verify(buffer_bytes(&bytes), id, &sig_ed25519, &desk->charter, &desk->in_force);
    if (error != IN_FORCE_OK) {
        return in_force_refuse(path, error, &desk->problem);
    }
    const uint64_t now_ms = amount_now_ms();
    const uint64_t time_ms = desk->in_force.checkpoint.time_ms;

    desk->now_ms = now_ms > time_ms ? now_ms : time_ms;
    return STATUS_OK;
}

static enum status need_state(struct desk *desk)
{
    const char *path = NULL;
    const enum status status = cli_need(desk->cli, "state", &path, &desk->problem);

    return status == STATUS_OK ? read_state(desk, path) : status;
}

enum cli_code cmd_state_verify(struct cli *cli)
{
    struct desk *desk = desk_open(cli);
    const char *charter = NULL;
    struct buffer *out = tool_out();

    enum status status = cli_need(cli, "charter", &charter, &desk->problem);
    if (status == STATUS_OK) {
        status = read_state(desk, cli->arguments[0]);
    }
    if (status != STATUS_OK) {
        return fail(desk);
    }
    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/in-force/1");
        in_force_json(&desk->in_force, &json);
        json_end(&json);
        return cli_print(cli, out);
    }
    in_force_words(&desk->in_force, out);
    cli_put(out, "  verified: %u of %u replicas of the charter signed it; %u needed\n",
            note_count(desk->in_force.signers), desk->in_force.roster.n, desk->in_force.roster.q);
    const enum cli_code code = cli_print(cli, out);
    cli_note(cli, "it was in force at that time: export it again before you sign for it\n");
    return code;
}

/* --- Signing ---------------------------------------------------------------------------------- */

/* Open --key, which must be that of a member who may act. */
static enum cli_code open_key(struct desk *desk)
{
    const struct passphrase_source source = tool_passphrase(desk->cli);
    const struct key_expected expected = {.role = ROLE_MEMBER};
    const char *path = NULL;

    enum status status = cli_need(desk->cli, "key", &path, &desk->problem);
    if (status == STATUS_OK) {
        status = keyfile_load(path, &expected, &source, &desk->key, &desk->problem);
    }
    if (status != STATUS_OK) {
        return fail(desk);
    }
    const enum paper_fault found =
        paper_officer(&desk->in_force, bytes_of_text(desk->key.subject), desk->key.public_key,
                      desk->now_ms, &desk->member, &desk->problem);
    if (found != PAPER_GOOD) {
        return fail_paper(desk, found);
    }
    if (desk->key.plain && desk->in_force.params.profile == PROFILE_PRODUCTION) {
        (void)problem_say(&desk->problem, STATUS_REFUSED,
                          "the key of %s has no passphrase; such a key may act in development only",
                          desk->key.subject);
        (void)problem_advise(&desk->problem, "seal it again: its key must be rotated");
        return fail(desk);
    }
    return CLI_OK;
}

/* Show the paper as JSON or as words. */
static void put_paper(struct desk *desk)
{
    struct buffer *out = tool_out();

    if (desk->cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/proposal/1");
        paper_json(&desk->paper, &desk->in_force, &desk->tally, &json);
        json_end(&json);
        return;
    }
    paper_words(&desk->paper, &desk->in_force, &desk->tally, out);
}

/* The person sees what is signed, and compares and confirms its words. */
static enum cli_code show_and_confirm(struct desk *desk, const char *as)
{
    const struct bytes name = desk->in_force.members[desk->member].row.name;

    put_paper(desk);
    if (!desk->cli->json) {
        cli_put(tool_out(), "you sign as %s %.*s: %s\n", desk->key.subject, (int)name.len,
                (const char *)name.data, as);
    }
    const enum cli_code code = cli_print(desk->cli, tool_out());

    return code == CLI_OK ? tool_confirm(desk->cli, desk->paper.pid) : code;
}

static enum cli_code write_out(struct desk *desk, const char *label, struct bytes object)
{
    const char *path = NULL;

    enum status status = cli_need(desk->cli, "out", &path, &desk->problem);
    if (status == STATUS_OK) {
        status = paper_write(path, label, object, &desk->problem);
    }
    if (status != STATUS_OK) {
        return fail(desk);
    }
    ceremony_output(object);
    cli_note(desk->cli, "made %s\n", path);
    return end(desk, CLI_OK);
}

/* --- Proposals -------------------------------------------------------------------------------- */

static enum status read_time(struct desk *desk, const char *option, uint64_t usual, uint64_t *out)
{
    const char *text = cli_get(desk->cli, option);

    *out = usual;
    if (text == NULL || amount_parse_time(bytes_of_text(text), desk->now_ms, out)) {
        return STATUS_OK;
    }
    (void)problem_say(&desk->problem, STATUS_INVALID, "--%s: \"%s\" is not a time", option, text);
    return problem_advise(&desk->problem, "give a time like +3d or 2027-01-31T12:00:00Z");
}

static enum status read_replica(struct desk *desk, struct paper_wish *wish)
{
    const char *name = desk->cli->arguments[0];

    if (replica_name_parse(bytes_of_text(name), &wish->rid)) {
        return STATUS_OK;
    }
    (void)problem_say(&desk->problem, STATUS_INVALID, "\"%s\" is not the name of a replica", name);
    return problem_advise(&desk->problem, "replicas are called r0, r1, ...");
}

static enum status read_wish(struct desk *desk, struct paper_wish *wish)
{
    const char *reason = NULL;
    enum status status = wish->action == ACTION_EPOCH_RENEW ? STATUS_OK : read_replica(desk, wish);

    if (status == STATUS_OK) {
        status = cli_need(desk->cli, "reason", &reason, &desk->problem);
    }
    if (status == STATUS_OK) {
        wish->reason = bytes_of_text(reason);
        status = read_time(desk, "deadline", desk->now_ms + WEEK_MS, &wish->deadline_ms);
    }
    return status == STATUS_OK ? read_time(desk, "not-before", 0, &wish->not_before_ms) : status;
}

/* That the key which goes agrees: who must have signed is judged with the proposal. */
static enum status read_agreement(struct desk *desk, const char *path)
{
    static uint8_t memory[AGREEMENT_BYTES_MAX];
    struct buffer object = buffer_make(memory, sizeof(memory));
    struct signed_part part;

    const enum status status = tool_agreement_read(path, &object, &part, &desk->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!bytes_equal(part.body, desk->keys.proof.card)) {
        (void)problem_say(&desk->problem, STATUS_INVALID, "%s: agrees to another card", path);
        return problem_advise(&desk->problem,
                              "let the host agree to this one: vestry-keys key agree");
    }
    memcpy(desk->old_sig, part.sig, SIG_BYTES);
    desk->keys.old_sig = BYTES_OF_ARRAY(desk->old_sig);
    return STATUS_OK;
}

/* The card of the new keys, and what the old one says to it. */
static enum status read_keys(struct desk *desk, struct paper_wish *wish)
{
    struct buffer backing = buffer_make(desk->card_bytes, sizeof(desk->card_bytes));
    const char *old = cli_get(desk->cli, "old");
    const char *path = NULL;
    struct card_checked card;

    enum status status = cli_need(desk->cli, "card", &path, &desk->problem);
    if (status == STATUS_OK) {
        status = card_read_of(path, &backing, desk->charter.cluster_id, &card, &desk->problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (card.role != ROLE_REPLICA || card.replica.rid != wish->rid) {
        (void)problem_say(&desk->problem, STATUS_INVALID, "%s: not a card of r%u", path, wish->rid);
        return problem_advise(&desk->problem, "ask its host for the card of its new keys");
    }
    ceremony_input(buffer_bytes(&backing));
    memcpy(desk->keys.sign, card.replica.sign_pk, PUBLIC_KEY_BYTES);
    memcpy(desk->keys.cosign, card.replica.cosign_pk, PUBLIC_KEY_BYTES);
    memcpy(desk->keys.transport, card.replica.transport_pk, PUBLIC_KEY_BYTES);
    desk->keys.proof = card.proof;
    desk->keys.old_sig = BYTES_EMPTY;
    wish->keys = &desk->keys;
    return old == NULL ? STATUS_OK : read_agreement(desk, old);
}

/* Take apart what was made, as every other officer will. */
static enum paper_fault take_made(struct desk *desk, struct bytes object)
{
    CHECK(paper_parse(object, desk->charter.cluster_id, &desk->paper));
    return paper_judge(&desk->paper, &desk->in_force, desk->now_ms, &desk->tally, &desk->problem);
}

/* The proposal with the proposer's own ballot, in place of the proposal alone. */
static struct bytes add_own_ballot(struct desk *desk)
{
    struct buffer ballot = buffer_make(desk->ballot_bytes[0], BALLOT_BYTES_MAX);
    struct buffer whole = buffer_make(desk->made_bytes, sizeof(desk->made_bytes));

    paper_vote(&desk->paper, &desk->in_force, &desk->key, CHOICE_YES, desk->paper.reason, &ballot);
    CHECK(ballot_parse(buffer_bytes(&ballot), &desk->ballots[0]));
    CHECK(paper_join(&desk->paper, desk->ballots, 1, &whole));
    return buffer_bytes(&whole);
}

static enum cli_code propose(struct cli *cli, uint64_t action, bool with_ballot)
{
    struct desk *desk = desk_open(cli);
    struct buffer made = buffer_make(desk->paper_bytes, sizeof(desk->paper_bytes));
    struct paper_wish wish = {.action = action};

    enum status status = need_state(desk);
    if (status == STATUS_OK) {
        status = read_wish(desk, &wish);
    }
    if (status != STATUS_OK) {
        return fail(desk);
    }
    enum paper_fault found = paper_rule(action, wish.rid, &desk->in_force, &desk->problem);
    if (found != PAPER_GOOD) {
        return fail_paper(desk, found);
    }
    if (action == ACTION_REPLICA_KEY_ROTATE && read_keys(desk, &wish) != STATUS_OK) {
        return fail(desk);
    }
    enum cli_code code = open_key(desk);
    if (code != CLI_OK) {
        return code;
    }
    if (paper_propose(&desk->in_force, &desk->key, &wish, &made, &desk->problem) != STATUS_OK) {
        return fail(desk);
    }
    struct bytes object = buffer_bytes(&made);
    found = take_made(desk, object);
    if (found == PAPER_GOOD && with_ballot) {
        object = add_own_ballot(desk);
        found = take_made(desk, object);
    }
    if (found != PAPER_GOOD) {
        return fail_paper(desk, found);
    }
    code = show_and_confirm(desk, with_ballot ? "the proposal, and a ballot YES" : "the proposal");
    return code == CLI_OK ? write_out(desk, ARMOUR_PROPOSAL, object) : end(desk, code);
}

enum cli_code cmd_propose_suspend(struct cli *cli)
{
    return propose(cli, ACTION_REPLICA_SUSPEND, false);
}

enum cli_code cmd_propose_restore(struct cli *cli)
{
    return propose(cli, ACTION_REPLICA_RESTORE, false);
}

enum cli_code cmd_emergency_suspend(struct cli *cli)
{
    return propose(cli, ACTION_REPLICA_SUSPEND, true);
}

enum cli_code cmd_propose_rotate(struct cli *cli)
{
    return propose(cli, ACTION_REPLICA_KEY_ROTATE, false);
}

enum cli_code cmd_propose_renew(struct cli *cli)
{
    return propose(cli, ACTION_EPOCH_RENEW, false);
}

/* --- Ballots ---------------------------------------------------------------------------------- */

/* Read the proposal that is the first argument, and judge it. */
static enum cli_code open_paper(struct desk *desk)
{
    struct buffer backing = buffer_make(desk->paper_bytes, sizeof(desk->paper_bytes));

    if (need_state(desk) != STATUS_OK ||
        paper_read(desk->cli->arguments[0], desk->charter.cluster_id, &backing, &desk->paper,
                   &desk->problem) != STATUS_OK) {
        return fail(desk);
    }
    ceremony_input(buffer_bytes(&backing));
    const enum paper_fault found =
        paper_judge(&desk->paper, &desk->in_force, desk->now_ms, &desk->tally, &desk->problem);
    return found == PAPER_GOOD ? CLI_OK : fail_paper(desk, found);
}

/* Exactly one of --yes and --no. */
static enum status read_choice(struct desk *desk, enum choice *choice)
{
    const bool yes = cli_has(desk->cli, "yes");

    *choice = yes ? CHOICE_YES : CHOICE_NO;
    if (yes != cli_has(desk->cli, "no")) {
        return STATUS_OK;
    }
    (void)problem_say(&desk->problem, STATUS_INVALID, "a ballot says either --yes or --no");
    return problem_advise(&desk->problem, "read the proposal, then give one of the two");
}

static enum cli_code check_first_vote(struct desk *desk)
{
    if (((desk->tally.yes | desk->tally.no) >> desk->member & 1) == 0) {
        return CLI_OK;
    }
    (void)problem_say(&desk->problem, STATUS_INVALID, "%s has voted in this file already",
                      desk->key.subject);
    (void)problem_advise(&desk->problem, "let another member vote: a second ballot never counts");
    return fail_paper(desk, PAPER_RULE);
}

enum cli_code cmd_ballot(struct cli *cli)
{
    struct desk *desk = desk_open(cli);
    struct buffer ballot = buffer_make(desk->ballot_bytes[0], BALLOT_BYTES_MAX);
    const char *reason = cli_get(cli, "reason");
    enum choice choice = CHOICE_NO;

    if (read_choice(desk, &choice) != STATUS_OK) {
        return fail(desk);
    }
    enum cli_code code = open_paper(desk);
    if (code == CLI_OK) {
        code = open_key(desk);
    }
    if (code == CLI_OK) {
        code = check_first_vote(desk);
    }
    if (code != CLI_OK) {
        return code;
    }
    code = show_and_confirm(desk, choice == CHOICE_YES ? "a ballot YES" : "a ballot NO");
    if (code != CLI_OK) {
        return end(desk, code);
    }
    paper_vote(&desk->paper, &desk->in_force, &desk->key, choice,
               reason == NULL ? BYTES_EMPTY : bytes_of_text(reason), &ballot);
    return write_out(desk, ARMOUR_BALLOT, buffer_bytes(&ballot));
}

/* --- Bundles ---------------------------------------------------------------------------------- */

static enum status read_ballots(struct desk *desk, uint32_t *count)
{
    const struct cli *cli = desk->cli;

    for (size_t i = 1; i < cli->argument_count; i++) {
        struct buffer backing = buffer_make(desk->ballot_bytes[*count], BALLOT_BYTES_MAX);

        if (*count == PAPER_BALLOTS_MAX) {
            (void)problem_say(&desk->problem, STATUS_INVALID, "more than %d ballots",
                              PAPER_BALLOTS_MAX);
            return problem_advise(&desk->problem, "give one ballot of each member");
        }
        const enum status status =
            ballot_read(cli->arguments[i], &backing, &desk->ballots[*count], &desk->problem);
        if (status != STATUS_OK) {
            return status;
        }
        ceremony_input(buffer_bytes(&backing));
        *count += 1;
    }
    return STATUS_OK;
}

static enum cli_code say_missing(struct desk *desk)
{
    uint8_t memory[PROBLEM_CHARS];
    struct buffer who = buffer_make(memory, sizeof(memory));

    paper_missing_words(&desk->paper, &desk->in_force, &desk->tally, &who);
    (void)problem_say(&desk->problem, STATUS_NOT_FOUND, "not enough: %.*s", (int)who.len,
                      (const char *)memory);
    (void)problem_advise(&desk->problem,
                         "let one of them vote: vestry-keys ballot %s --yes --key THEIRS",
                         desk->cli->arguments[0]);
    return fail(desk);
}

enum cli_code cmd_bundle(struct cli *cli)
{
    struct desk *desk = desk_open(cli);
    struct buffer made = buffer_make(desk->made_bytes, sizeof(desk->made_bytes));
    uint32_t count = 0;

    enum cli_code code = open_paper(desk);
    if (code != CLI_OK) {
        return code;
    }
    if (read_ballots(desk, &count) != STATUS_OK) {
        return fail(desk);
    }
    if (!paper_join(&desk->paper, desk->ballots, count, &made)) {
        (void)problem_say(&desk->problem, STATUS_INVALID, "more ballots than one file holds");
        (void)problem_advise(&desk->problem, "give as many as are needed, one of each member");
        return fail(desk);
    }
    const enum paper_fault found = take_made(desk, buffer_bytes(&made));
    if (found != PAPER_GOOD) {
        return fail_paper(desk, found);
    }
    if (paper_votes(desk->tally.yes) < desk->tally.needed) {
        return say_missing(desk);
    }
    put_paper(desk);
    code = cli_print(cli, tool_out());
    return code == CLI_OK ? write_out(desk, ARMOUR_PROPOSAL, buffer_bytes(&made)) : code;
}
