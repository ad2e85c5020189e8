#include "replica/host/hand_off_pick.h"

#include "crypto/numbers.h"
#include "crypto/schema.h"
#include "crypto/sign.h"
#include "governance/hand_off.h"

#include <string.h>

/* What an entry says about a proposal. */
struct mention {
    uint8_t pid[HASH_BYTES];
    bool opens;     /* one that concerns hand-offs */
    uint64_t state; /* what it came to, when the entry is a result; else 0 */
};

static bool read_proposal(const struct picks *picks, struct bytes body, struct mention *out)
{
    struct proposal proposal;
    if (proposal_decode(body, &proposal) != WIRE_OK) {
        return false;
    }
    statement_id(TAG_PROPOSAL, picks->cluster_id, body, out->pid);
    out->opens = hand_off_concerns(proposal.action);
    return true;
}

static bool read_result(struct bytes body, struct mention *out)
{
    struct governance_result result;
    if (governance_result_decode(body, &result) != WIRE_OK) {
        return false;
    }
    memcpy(out->pid, result.pid, HASH_BYTES);
    out->state = result.state;
    return true;
}

static bool read_body(const struct picks *picks, const struct governance_payload *payload,
                      struct mention *out)
{
    union {
        struct bundle bundle;
        struct ballot ballot;
        struct withdraw withdraw;
        struct dispute dispute;
    } body;
    const uint8_t *pid = NULL;
    switch (payload->type) {
    case GOV_PROPOSE:
        return read_proposal(picks, payload->body, out);
    case GOV_BUNDLE:
        return bundle_decode(payload->body, &body.bundle) == WIRE_OK &&
               read_proposal(picks, body.bundle.proposal.body, out);
    case GOV_RESULT:
        return read_result(payload->body, out);
    case GOV_BALLOT:
        pid = ballot_decode(payload->body, &body.ballot) == WIRE_OK ? body.ballot.pid : NULL;
        break;
    case GOV_WITHDRAW:
        pid = withdraw_decode(payload->body, &body.withdraw) == WIRE_OK ? body.withdraw.pid : NULL;
        break;
    case GOV_DISPUTE:
        pid = dispute_decode(payload->body, &body.dispute) == WIRE_OK ? body.dispute.pid : NULL;
        break;
    default:
        break;
    }
    if (pid != NULL) {
        memcpy(out->pid, pid, HASH_BYTES);
    }
    return pid != NULL;
}

static bool mention_read(const struct picks *picks, struct bytes bytes, struct mention *out)
{
    struct governance_payload payload;
    *out = (struct mention){.opens = false};
    return governance_payload_decode(bytes, &payload) == WIRE_OK && read_body(picks, &payload, out);
}

/* The newest are asked for most. */
static uint32_t row_find(const struct picks *picks, const uint8_t pid[HASH_BYTES])
{
    for (uint32_t i = picks->count; i > 0; i--) {
        if (memcmp(picks->rows[i - 1].pid, pid, HASH_BYTES) == 0) {
            return i - 1;
        }
    }
    return PICK_ROWS_MAX;
}

static void row_add(struct picks *picks, const struct mention *mention)
{
    if (picks->count == PICK_ROWS_MAX) {
        picks->full = true;
        return;
    }
    struct pick_row *row = &picks->rows[picks->count++];
    memcpy(row->pid, mention->pid, HASH_BYTES);
    row->enacted = false;
}

void picks_init(struct picks *picks, const uint8_t cluster_id[HASH_BYTES])
{
    picks->cluster_id = cluster_id;
    picks->full = false;
    picks->count = 0;
}

void pick_note(struct picks *picks, struct bytes payload, bool in_epoch)
{
    struct mention mention;
    if (!mention_read(picks, payload, &mention)) {
        return;
    }
    const uint32_t place = row_find(picks, mention.pid);
    if (place == PICK_ROWS_MAX) {
        if (mention.opens) {
            row_add(picks, &mention);
        }
    } else if (mention.state == PROPOSAL_ENACTED && in_epoch) {
        picks->rows[place].enacted = true;
    } else if (mention.state >= PROPOSAL_ENACTED) {
        picks->rows[place] = picks->rows[--picks->count];
    }
}

bool pick_wants(const struct picks *picks, struct bytes payload)
{
    struct mention mention;
    if (!mention_read(picks, payload, &mention)) {
        return false;
    }
    const uint32_t place = row_find(picks, mention.pid);
    return place != PICK_ROWS_MAX && picks->rows[place].enacted;
}
