/* Whose keys count in an epoch: the charter says it of the first, and a state bundle leads from
 * there to every later one. Of the bundle only the hand-offs are looked at, which prove themselves;
 * so it may come from anyone, and be newer than what is judged. */
#include "client/verify/verify.h"
#include "governance/in_force.h"
#include "keys/words/verify_only.h"

static enum status follow(const char *path, struct epoch_chain *chain, struct problem *problem)
{
    static uint8_t raw[STATE_BUNDLE_BYTES_MAX];
    struct buffer file = buffer_make(raw, sizeof(raw));
    struct state_bundle bundle;

    const enum status status = verify_read(path, &file, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (state_bundle_decode(buffer_bytes(&file), &bundle) != WIRE_OK) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: %s", path,
                          in_force_error_text(IN_FORCE_ENCODING));
        return problem_advise(problem, "%s", in_force_error_advice(IN_FORCE_ENCODING));
    }
    const enum hand_off_error error = epoch_chain_follow_all(chain, bundle.hand_offs);
    if (error != HAND_OFF_OK) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: the hand-off of epoch %llu: %s", path,
                          (unsigned long long)epoch_chain_newest(chain)->roster.epoch,
                          hand_off_error_text(error));
        return problem_advise(problem, "do not use it; export it again, with the charter of this "
                                       "log: vestry gov export --out state.bundle");
    }
    return STATUS_OK;
}

static void take(const struct epoch_chain *chain, uint64_t epoch, struct verify_epoch *out)
{
    const struct epoch_span *span = epoch_chain_find(chain, epoch);

    span = span == NULL ? epoch_chain_newest(chain) : span;
    out->roster = span->roster;
    out->has_ended = span->roster.epoch > 0;
    if (out->has_ended) {
        out->ended = epoch_chain_find(chain, span->roster.epoch - 1)->roster;
        out->begun = span->first_height - 1;
    }
}

enum status verify_epoch_find(const struct cli *cli, const struct charter_view *charter,
                              uint64_t epoch, struct verify_epoch *out, struct problem *problem)
{
    const char *path = cli_get(cli, "state");
    struct epoch_chain *chain = NULL;
    enum status status = STATUS_OK;

    if (epoch_chain_open(charter, &sig_ed25519_verify_only, EPOCHS_MAX, &chain) != STATUS_OK) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory to follow the log's epochs");
    }
    if (path != NULL) {
        status = follow(path, chain, problem);
    }
    if (status == STATUS_OK) {
        take(chain, epoch, out);
    }
    epoch_chain_close(chain);
    return status;
}
