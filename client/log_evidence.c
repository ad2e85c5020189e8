/* Evidence behind vestry.h: what each replica holds against others, judged here. A replica that
 * shows none may hide it, so all are asked; one that shows what proves nothing is a liar. */
#include "client/log_parts.h"

#include "governance/evidence.h"

#include <stdlib.h>
#include <string.h>

/* A replica keeps at most 16 for each other one and kind. */
#define PIECES_MAX 2048
#define PATIENCE_MS 2000

struct gathering {
    struct vestry *log;
    vestry_evidence_visit *visit;
    void *context;
    bool stopped;
    uint32_t member; /* who is asked */
    size_t count;
    struct item_view scratch;
    struct evidence_facts known[PIECES_MAX];
};

static bool is_known(const struct gathering *gathering, const struct evidence_facts *facts)
{
    for (size_t i = 0; i < gathering->count; i++) {
        const struct evidence_facts *known = &gathering->known[i];

        if (known->rid == facts->rid && known->kind == facts->kind &&
            known->epoch == facts->epoch && known->view == facts->view &&
            known->sequence == facts->sequence) {
            return true;
        }
    }
    return false;
}

static void show(struct gathering *gathering, const struct evidence_facts *facts,
                 struct bytes encoded)
{
    const struct roster *roster = &gathering->log->identity.roster;

    if (gathering->stopped || gathering->count == PIECES_MAX || is_known(gathering, facts)) {
        return;
    }
    gathering->known[gathering->count++] = *facts;
    const struct vestry_evidence evidence = {
        .rid = facts->rid,
        .held_by = roster->members[gathering->member].rid,
        .kind = evidence_kind_text(facts->kind),
        .epoch = facts->epoch,
        .view = facts->view,
        .sequence = facts->sequence,
        .bytes = encoded.data,
        .len = encoded.len,
    };
    gathering->stopped = !gathering->visit(gathering->context, &evidence);
}

static void check_evidence(void *context, const struct ask_answer *answer,
                           enum ask_verdict *verdict)
{
    struct gathering *gathering = context;
    const struct identity *identity = &gathering->log->identity;
    const struct epoch_chain *chain = gathering->log->epochs.chain;
    struct evidence evidence;
    const struct epoch_span *span = evidence_decode(answer->attachment, &evidence) == WIRE_OK
                                        ? epoch_chain_find(chain, evidence.epoch)
                                        : epoch_chain_newest(chain);

    *verdict = ASK_BEHIND;
    if (span == NULL) {
        log_epoch_seen(gathering->log, evidence.epoch);
        return;
    }
    const bool first = span->roster.epoch == 0;
    const struct evidence_trust trust = {
        .scheme = &sig_ed25519,
        .roster = &span->roster,
        .ended = first ? NULL : &epoch_chain_find(chain, span->roster.epoch - 1)->roster,
        .begun = first ? 0 : span->first_height - 1,
        .cluster_id = identity->charter->cluster_id,
        .origin = &identity->origin,
        .scratch = &gathering->scratch,
        .interval = charter_param(identity->charter, PARAM_CHECKPOINT_INTERVAL),
        .window = charter_param(identity->charter, PARAM_WINDOW),
    };
    struct evidence_facts facts;
    const enum evidence_verdict found = evidence_judge(&trust, answer->attachment, &facts);

    *verdict = found == EVIDENCE_PROVES || found == EVIDENCE_OTHER_KIND ? ASK_GOOD : ASK_FALSE;
    if (found == EVIDENCE_PROVES) {
        show(gathering, &facts, answer->attachment);
    }
}

/* All that one replica holds. False when it was not heard to the end. */
static enum vestry_error ask_one(struct gathering *gathering, bool *heard)
{
    struct ask_look look = {.state = ASK_ANSWERED};
    enum vestry_error error = VESTRY_OK;

    for (uint64_t i = 0; i < PIECES_MAX && !gathering->stopped; i++) {
        const struct ask_spec spec = {
            .kind = ASK_FETCH,
            .only = gathering->member,
            .fetch_kind = FETCH_EVIDENCE,
            .from = i,
            .check = check_evidence,
            .context = gathering,
        };

        error = log_ask(gathering->log, &spec, HOPE_ANY, PATIENCE_MS, &look);
        if (error != VESTRY_OK || look.state != ASK_ANSWERED) {
            break;
        }
    }
    *heard = error == VESTRY_OK && (look.state == ASK_DENIED || look.state == ASK_ANSWERED);
    return error == VESTRY_NO_QUORUM ? VESTRY_OK : error;
}

static enum vestry_error gather(struct gathering *gathering, const struct vestry_status *status,
                                uint32_t *answered)
{
    enum vestry_error error = VESTRY_OK;

    for (uint32_t i = 0; i < status->replica_count && error == VESTRY_OK; i++) {
        bool heard = false;

        gathering->member = i;
        if (status->replicas[i].answered && !gathering->stopped) {
            error = ask_one(gathering, &heard);
        }
        *answered += heard;
    }
    return error;
}

enum vestry_error vestry_evidence(struct vestry *log, vestry_evidence_visit *visit, void *context,
                                  uint32_t *answered)
{
    struct vestry_status status;
    struct gathering *gathering = calloc(1, sizeof(*gathering));

    *answered = 0;
    if (gathering == NULL) {
        return log_say(log, VESTRY_FAILED, "no memory");
    }
    *gathering = (struct gathering){.log = log, .visit = visit, .context = context};
    enum vestry_error error = vestry_status(log, &status);
    if (error == VESTRY_OK) {
        error = gather(gathering, &status, answered);
    }
    free(gathering);
    if (error == VESTRY_OK && *answered == 0) {
        log_no_quorum(log);
        error = VESTRY_NO_QUORUM;
    }
    return error;
}
