#include "client/verify/verify.h"
#include "governance/evidence.h"
#include "governance/roster.h"
#include "keys/words/verify_only.h"

/* One that is larger than any message can be is none. */
static uint8_t file_space[2 * ENVELOPE_BODY_BYTES_MAX + 4096];

static void put_result(const struct cli *cli, const struct evidence_facts *facts)
{
    struct buffer *out = verify_out();

    if (cli->json) {
        struct json_line json;

        json_begin(&json, out, "vestry/evidence/1");
        json_bool(&json, "ok", true);
        json_u64(&json, "replica", facts->rid);
        json_text(&json, "kind", bytes_of_text(evidence_kind_text(facts->kind)));
        json_u64(&json, "epoch", facts->epoch);
        json_u64(&json, "view", facts->view);
        json_u64(&json, "sequence", facts->sequence);
        json_end(&json);
        return;
    }
    cli_put(out,
            "OK  r%lu is convicted: %s\n"
            "    epoch %llu, view %llu, sequence %llu; %s its signature\n",
            (unsigned long)facts->rid, evidence_kind_text(facts->kind),
            (unsigned long long)facts->epoch, (unsigned long long)facts->view,
            (unsigned long long)facts->sequence,
            facts->statements == 1 ? "the statement bears" : "both statements bear");
}

static enum status judge(const struct cli *cli, const struct charter_view *charter,
                         struct bytes bytes, struct evidence_facts *facts, struct problem *problem)
{
    static struct item_view scratch;
    static struct verify_epoch epoch;
    const char *path = cli->arguments[0];
    struct evidence evidence = {.epoch = 0};
    struct origin origin;

    if (evidence_decode(bytes, &evidence) != WIRE_OK) {
        evidence.epoch = 0; /* what it is not is said below */
    }
    const enum status status = verify_epoch_find(cli, charter, evidence.epoch, &epoch, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!origin_make(charter->charter.name, charter->cluster_id, &origin)) {
        return problem_say(problem, STATUS_CORRUPT, "the charter names no log");
    }
    const struct evidence_trust trust = {
        .scheme = &sig_ed25519_verify_only,
        .roster = &epoch.roster,
        .ended = epoch.has_ended ? &epoch.ended : NULL,
        .begun = epoch.begun,
        .cluster_id = charter->cluster_id,
        .origin = &origin,
        .scratch = &scratch,
        .interval = charter_param(charter, PARAM_CHECKPOINT_INTERVAL),
        .window = charter_param(charter, PARAM_WINDOW),
    };
    const enum evidence_verdict verdict = evidence_judge(&trust, bytes, facts);
    if (verdict == EVIDENCE_PROVES) {
        return STATUS_OK;
    }
    (void)problem_say(problem, STATUS_CORRUPT, "%s: %s", path, evidence_verdict_text(verdict));
    if (evidence.epoch > epoch.roster.epoch) {
        return problem_advise(problem, "give --state with a state bundle that leads to its epoch: "
                                       "vestry gov export --out state.bundle");
    }
    return problem_advise(problem, "accuse nobody on the strength of this file");
}

enum cli_code verify_evidence(struct cli *cli)
{
    const struct charter_view *charter = NULL;
    const char *charter_path = NULL;
    struct buffer file = buffer_make(file_space, sizeof(file_space));
    struct evidence_facts facts;
    struct problem problem;

    enum status status = cli_need(cli, "charter", &charter_path, &problem);
    if (status == STATUS_OK) {
        status = verify_charter_file(charter_path, &charter, &problem);
    }
    if (status == STATUS_OK) {
        status = verify_read(cli->arguments[0], &file, &problem);
    }
    if (status == STATUS_OK) {
        status = judge(cli, charter, buffer_bytes(&file), &facts, &problem);
    }
    if (status != STATUS_OK) {
        return verify_fail(cli, &problem);
    }
    put_result(cli, &facts);
    return cli_print(cli, verify_out());
}
