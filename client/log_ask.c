/* Questions behind vestry.h. Appends are acknowledged as soon as a quorum has executed them; the
 * checkpoint that readers need is a quorum's too, and another replica may have it a moment later.
 * So an answer that is behind is asked for again before anybody is told. */
#include "client/log_parts.h"

#define BEHIND_PATIENCE_MS 2000
#define BEHIND_PAUSE_MS 20

static bool is_ended(struct vestry *log, void *context)
{
    const uint64_t *ticket = context;
    struct ask_look look;

    return !core_ask_look(log->core, *ticket, &look) || look.state != ASK_WAITING;
}

static bool never(struct vestry *log, void *context)
{
    (void)log;
    (void)context;
    return false;
}

static enum vestry_error ask_once(struct vestry *log, const struct ask_spec *spec,
                                  uint64_t patience_ms, struct ask_look *look)
{
    uint64_t ticket = 0;

    *look = (struct ask_look){0};
    if (core_ask(log->core, spec, &ticket) != STATUS_OK) {
        return log_say(log, VESTRY_FAILED, "too many questions at once");
    }
    const enum vestry_error error = patience_ms == 0
                                        ? log_wait(log, is_ended, &ticket)
                                        : log_wait_for(log, patience_ms, is_ended, &ticket);
    if (!core_ask_look(log->core, ticket, look)) {
        return log_say(log, VESTRY_FAILED, "the question was lost");
    }
    core_ask_close(log->core, ticket);
    return error;
}

static bool is_behind(const struct ask_look *look, enum log_hope hope)
{
    return look->state == ASK_OUTDATED ||
           (hope == HOPE_EXPECTED && look->state == ASK_DENIED && look->code == RESULT_OK);
}

enum vestry_error log_ask(struct vestry *log, const struct ask_spec *spec, enum log_hope hope,
                          uint64_t patience_ms, struct ask_look *look)
{
    const uint64_t start = log_now_ms();

    for (;;) {
        enum vestry_error error = ask_once(log, spec, patience_ms, look);
        if (error != VESTRY_OK || !is_behind(look, hope) ||
            log_now_ms() >= start + BEHIND_PATIENCE_MS) {
            return error;
        }
        error = log_wait_for(log, BEHIND_PAUSE_MS, never, NULL);
        if (error == VESTRY_INTERRUPTED || error == VESTRY_FAILED) {
            return error;
        }
    }
}
