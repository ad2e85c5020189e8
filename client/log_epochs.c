/* Following the log into later epochs: when anything says that there is one, the hand-off of the
 * newest epoch that is known is asked for, whatever else the handle waits for. Who says so falsely
 * costs a question a second. */
#include "client/log_parts.h"

#define FOLLOW_PAUSE_MS 1000

void log_epoch_seen(struct vestry *log, uint64_t epoch)
{
    log->epoch_hint = epoch > log->epoch_hint ? epoch : log->epoch_hint;
}

void log_note_epoch_seen(struct vestry *log, struct bytes note)
{
    struct checkpoint checkpoint;
    struct bytes text;
    struct bytes lines;

    if (note_split(note, &text, &lines) == NOTE_OK &&
        checkpoint_parse(text, &checkpoint) == NOTE_OK) {
        log_epoch_seen(log, checkpoint.epoch);
    }
}

static void check_hand_off(void *context, const struct ask_answer *answer,
                           enum ask_verdict *verdict)
{
    struct vestry *log = context;

    *verdict =
        epochs_follow(&log->epochs, answer->attachment) == HAND_OFF_OK ? ASK_GOOD : ASK_FALSE;
}

/* One epoch more is known: from now on its replicas are dialed and believed. */
static void enter(struct vestry *log)
{
    const struct roster *roster = epochs_newest(&log->epochs);

    identity_epoch(&log->identity, roster);
    for (uint32_t i = 0; i < roster->n; i++) {
        net_peer_key(log->net, i, roster->members[i].transport_pk);
    }
    core_epoch(log->core);
}

/* See what became of the question. */
static void collect(struct vestry *log)
{
    struct ask_look look;

    if (!core_ask_look(log->core, log->follow_ticket, &look) || look.state == ASK_WAITING) {
        return;
    }
    core_ask_close(log->core, log->follow_ticket);
    log->follow_ticket = 0;
    if (look.state == ASK_ANSWERED) {
        enter(log);
        return;
    }
    /* Nobody can show it: it was no more than a word. */
    log->epoch_hint = 0;
    core_epoch_deny(log->core);
    log->follow_after_ms = log_now_ms() + FOLLOW_PAUSE_MS;
}

void log_follow(struct vestry *log)
{
    const uint64_t known = log->identity.roster.epoch;
    const struct ask_spec spec = {
        .kind = ASK_FETCH,
        .only = ROSTER_NOBODY,
        .fetch_kind = FETCH_HAND_OFF,
        .from = known,
        .check = check_hand_off,
        .context = log,
    };

    if (log->follow_ticket != 0) {
        collect(log);
        return;
    }
    log_epoch_seen(log, core_epoch_hint(log->core));
    if (log->epoch_hint > known && log_now_ms() >= log->follow_after_ms &&
        core_ask(log->core, &spec, &log->follow_ticket) != STATUS_OK) {
        log->follow_ticket = 0;
    }
}
