#include "client/verify/verify.h"
#include "crypto/policy.h"
#include "crypto/receipt.h"
#include "governance/roster_note.h"
#include "keys/words/amounts.h"
#include "keys/words/verify_only.h"

#include <string.h>

/* What a receipt is judged by, and the memory that it borrows. */
struct judging {
    struct receipt_trust trust;
    struct note_key keys[REPLICAS_MAX];
    struct policy policy;
    bool development;
};

/* The epoch whose replicas signed the receipt, as it says; 0 for what is none. */
static uint64_t epoch_of(struct bytes text)
{
    static struct receipt receipt;
    struct checkpoint checkpoint;

    if (receipt_parse(text, &receipt) != RECEIPT_OK ||
        checkpoint_parse(receipt.checkpoint_text, &checkpoint) != NOTE_OK) {
        return 0;
    }
    return checkpoint.epoch;
}

static enum status trust_charter(const struct cli *cli, struct bytes receipt,
                                 struct judging *judging, struct problem *problem)
{
    static struct verify_epoch epoch;
    const char *path = cli_get(cli, "charter");
    const struct charter_view *view = NULL;

    enum status status = verify_charter_file(path, &view, problem);
    if (status == STATUS_OK) {
        status = verify_epoch_find(cli, view, epoch_of(receipt), &epoch, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!origin_make(view->charter.name, view->cluster_id, &judging->trust.origin)) {
        return problem_say(problem, STATUS_CORRUPT, "%s: its replicas cannot be used", path);
    }
    roster_note_keys(&epoch.roster, judging->keys);
    judging->trust.keyring = (struct note_keyring){judging->keys, epoch.roster.n};
    judging->trust.quorum = epoch.roster.q;
    judging->trust.epoch = epoch.roster.epoch;
    judging->trust.cluster_id = view->cluster_id;
    judging->development = view->charter.profile == PROFILE_DEVELOPMENT;
    return STATUS_OK;
}

static enum status trust_policy(const char *path, struct judging *judging, struct problem *problem)
{
    static const char prefix[] = "dev.";
    uint8_t raw[POLICY_BYTES_MAX];
    struct buffer text = buffer_make(raw, sizeof(raw));
    uint32_t line = 0;

    const enum status status = verify_read(path, &text, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const enum policy_result result = policy_parse(buffer_bytes(&text), &judging->policy, &line);
    if (result != POLICY_OK) {
        (void)problem_say(problem, STATUS_INVALID, "%s:%u: %s", path, line,
                          policy_result_text(result));
        return problem_advise(problem, "make it anew: vestry-keys policy make");
    }
    judging->trust.origin = judging->policy.origin;
    judging->trust.keyring = policy_keyring(&judging->policy);
    judging->trust.quorum = judging->policy.quorum;
    judging->trust.epoch = RECEIPT_ANY_EPOCH;
    /* A name begins like this if and only if the charter is a development one. */
    judging->development = judging->policy.origin.len > strlen(prefix) &&
                           memcmp(judging->policy.origin.text, prefix, strlen(prefix)) == 0;
    return STATUS_OK;
}

static enum status check_usage(const struct cli *cli, struct problem *problem)
{
    const bool has_charter = cli_get(cli, "charter") != NULL;

    if ((cli_get(cli, "policy") != NULL) == has_charter) {
        (void)problem_say(problem, STATUS_INVALID,
                          "a receipt is judged by one of --policy and --charter");
        return problem_advise(problem, "give the charter, or the policy of the receipt's epoch, "
                                       "from a source that you trust");
    }
    if (cli_get(cli, "state") != NULL && !has_charter) {
        (void)problem_say(problem, STATUS_INVALID, "--state goes on from a charter");
        return problem_advise(problem, "give --charter too, in place of --policy");
    }
    return STATUS_OK;
}

static enum status read_trust(const struct cli *cli, struct bytes receipt, struct judging *judging,
                              struct problem *problem)
{
    const char *policy = cli_get(cli, "policy");

    judging->trust.scheme = &sig_ed25519_verify_only;
    return policy != NULL ? trust_policy(policy, judging, problem)
                          : trust_charter(cli, receipt, judging, problem);
}

static const char *advice(enum receipt_verdict verdict)
{
    if (verdict == RECEIPT_OTHER_ORIGIN) {
        return "use the charter or policy of the log that the receipt names";
    }
    if (verdict == RECEIPT_OTHER_EPOCH) {
        return "use the policy of the receipt's epoch, or the charter and, with --state, a state "
               "bundle that leads to that epoch: vestry gov export --out state.bundle";
    }
    if (verdict == RECEIPT_PAYLOAD || verdict == RECEIPT_PAYLOAD_LENGTH) {
        return "compare it with the file that was appended, byte for byte";
    }
    if (verdict == RECEIPT_NO_SALT) {
        return "leave --payload out, or get the receipt that has the salt";
    }
    return "do not rely on it; get the receipt again: vestry receipt INDEX";
}

static const char *author_text(const struct receipt_facts *facts)
{
    switch (facts->authorship) {
    case RECEIPT_AUTHOR_ABSENT:
        return "the receipt does not show the author's request";
    case RECEIPT_AUTHOR_UNCHECKED:
        return "the author's request fits; give --charter to check its signature";
    case RECEIPT_AUTHOR_PROVEN:
        return "the author's signed request is in the receipt";
    }
    return "";
}

static void put_signers(const struct judging *judging, uint32_t set, struct buffer *out)
{
    for (size_t i = 0; i < judging->trust.keyring.count; i++) {
        if ((set >> i & 1) != 0) {
            buffer_put_u8(out, ' ');
            replica_name_put(out, judging->trust.keyring.keys[i].rid);
        }
    }
}

static void put_words(const struct judging *judging, const struct receipt_facts *facts,
                      struct buffer *out)
{
    cli_put(out, "OK  entry %llu of ", (unsigned long long)facts->index);
    buffer_put(out, origin_bytes(&judging->trust.origin));
    cli_put(out, "   signed");
    put_signers(judging, facts->note.cosigned_by, out);
    cli_put(out, " (%u needed)\n", judging->trust.quorum);
    if (judging->development) {
        cli_put(out, "    DEVELOPMENT log: its keys protect nothing\n");
    }
    cli_put(out, "    %.*s #%llu   height %llu   ", (int)facts->stream_len, facts->stream,
            (unsigned long long)facts->stream_index, (unsigned long long)facts->height);
    amount_put_time(out, facts->time_ms);
    cli_put(out, "\n    %s\n    %s\n",
            facts->payload_proven ? "the payload is the one that was appended"
            : facts->has_salt     ? "no payload was given: give --payload to check it"
                                  : "without salt: the entry is proven, its payload cannot be",
            author_text(facts));
}

static void put_json(const struct judging *judging, const struct receipt_facts *facts,
                     struct buffer *out)
{
    struct json_line json;

    json_begin(&json, out, "vestry/receipt/1");
    json_bool(&json, "ok", true);
    json_bool(&json, "development", judging->development);
    json_text(&json, "origin", origin_bytes(&judging->trust.origin));
    json_u64(&json, "index", facts->index);
    json_text(&json, "stream", bytes_make(facts->stream, facts->stream_len));
    json_u64(&json, "stream_index", facts->stream_index);
    json_u64(&json, "height", facts->height);
    json_u64(&json, "time_ms", facts->time_ms);
    json_list(&json, "signed");
    for (size_t i = 0; i < judging->trust.keyring.count; i++) {
        uint8_t raw[REPLICA_NAME_MAX];
        struct buffer name = buffer_make(raw, sizeof(raw));

        if ((facts->note.cosigned_by >> i & 1) != 0) {
            replica_name_put(&name, judging->trust.keyring.keys[i].rid);
            json_text(&json, NULL, buffer_bytes(&name));
        }
    }
    json_close(&json);
    json_u64(&json, "needed", judging->trust.quorum);
    json_hex(&json, "payload_hash", BYTES_OF_ARRAY(facts->payload_hash));
    json_bool(&json, "payload_proven", facts->payload_proven);
    json_hex(&json, "author", BYTES_OF_ARRAY(facts->author));
    json_bool(&json, "author_proven", facts->authorship == RECEIPT_AUTHOR_PROVEN);
    json_end(&json);
}

static enum status judge(const struct cli *cli, struct bytes receipt, const struct judging *judging,
                         struct receipt_facts *facts, struct problem *problem)
{
    static uint8_t payload_raw[PAYLOAD_BYTES_MAX];
    struct buffer file = buffer_make(payload_raw, sizeof(payload_raw));
    const char *payload_path = cli_get(cli, "payload");

    if (payload_path != NULL) {
        const enum status status = verify_read(payload_path, &file, problem);
        if (status != STATUS_OK) {
            return status;
        }
    }
    const struct bytes payload = buffer_bytes(&file);
    const enum receipt_verdict verdict =
        receipt_verify(receipt, &judging->trust, payload_path == NULL ? NULL : &payload, facts);
    if (verdict != RECEIPT_OK) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: %s", cli->arguments[0],
                          receipt_verdict_text(verdict));
        return problem_advise(problem, "%s", advice(verdict));
    }
    return STATUS_OK;
}

enum cli_code verify_receipt(struct cli *cli)
{
    static struct judging judging;
    static uint8_t raw[RECEIPT_BYTES_MAX];
    struct buffer receipt = buffer_make(raw, sizeof(raw));
    struct receipt_facts facts;
    struct problem problem;

    enum status status = check_usage(cli, &problem);
    if (status == STATUS_OK) {
        status = verify_read(cli->arguments[0], &receipt, &problem);
    }
    if (status == STATUS_OK) {
        status = read_trust(cli, buffer_bytes(&receipt), &judging, &problem);
    }
    if (status == STATUS_OK) {
        status = judge(cli, buffer_bytes(&receipt), &judging, &facts, &problem);
    }
    if (status != STATUS_OK) {
        return verify_fail(cli, &problem);
    }
    if (cli->json) {
        put_json(&judging, &facts, verify_out());
    } else {
        put_words(&judging, &facts, verify_out());
    }
    return cli_print(cli, verify_out());
}
