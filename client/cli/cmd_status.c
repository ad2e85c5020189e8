/* vestry status: how many replicas answer, who is missing, and what that means. */
#include "client/cli/connect.h"
#include "client/cli/verbs.h"

#include <stdio.h>
#include <string.h>

/* A clock that is off by more than this is mentioned: replicas refuse batches of such a primary. */
#define CLOCK_OFF_MS 2000

static const char *state_text(enum vestry_replica_state state)
{
    switch (state) {
    case VESTRY_UP:
        return "up";
    case VESTRY_BEHIND:
        return "behind";
    case VESTRY_UNREACHABLE:
        return "unreachable";
    case VESTRY_SILENT:
        return "silent";
    case VESTRY_LIAR:
        return "liar";
    }
    return "unknown";
}

static const char *mode_text(uint32_t mode)
{
    static const char *const names[] = {"unknown", "active", "changing", "recovering"};

    return names[mode < 4 ? mode : 0];
}

/* Whether appends go on, and at what margin. */
static int judge(const struct vestry_status *status)
{
    if (status->up_count < status->quorum) {
        return EXIT_NO_QUORUM;
    }
    return status->up_count < status->replica_count ? EXIT_DEGRADED : EXIT_OK;
}

static const char *verdict_text(int code)
{
    return code == EXIT_OK ? "OK" : (code == EXIT_DEGRADED ? "DEGRADED" : "NO QUORUM");
}

/* The difference of clocks, which is kept in two's complement. */
static double clock_seconds(const struct vestry_replica *replica)
{
    const bool behind = replica->clock_ms > UINT64_MAX / 2;
    const uint64_t size = behind ? ~replica->clock_ms + 1 : replica->clock_ms;

    return (behind ? -1.0 : 1.0) * (double)size / 1000.0;
}

static bool clock_is_off(const struct vestry_replica *replica)
{
    const double seconds = clock_seconds(replica);

    return seconds * 1000 > CLOCK_OFF_MS || seconds * 1000 < -CLOCK_OFF_MS;
}

static void print_summary(const struct vestry_status *status, int code)
{
    const uint32_t up = status->up_count;

    call_print("%s  %u of %u up, %u needed", verdict_text(code), up, status->replica_count,
               status->quorum);
    if (code == EXIT_NO_QUORUM) {
        call_print(": appends wait until %u more answer\n", status->quorum - up);
    } else if (up == status->quorum) {
        call_print(": one more failure stops appends.\n");
    } else {
        call_print(": %u may fail.\n", up - status->quorum);
    }
}

static void print_replica(const struct vestry_status *status, const struct vestry_replica *replica)
{
    char what[160];
    const bool leads = status->has_primary && status->primary == replica->rid;

    (void)snprintf(what, sizeof(what), "%s%s%s", state_text(replica->state),
                   replica->why[0] == '\0' ? "" : ": ", replica->why);
    if (!replica->answered) {
        call_print("  r%-3u %-22s %s\n", replica->rid, replica->endpoint, what);
        return;
    }
    call_print("  r%-3u %-22s %s  view %llu %s%s  height %llu  %s\n", replica->rid,
               replica->endpoint, what, (unsigned long long)replica->view, mode_text(replica->mode),
               leads ? " leads" : "", (unsigned long long)replica->executed, replica->software);
    if (clock_is_off(replica)) {
        call_print("       its clock differs from this machine's by %.1f s\n",
                   clock_seconds(replica));
    }
    if (replica->lies > 0) {
        call_print("       %llu answers of it contradicted what was signed\n",
                   (unsigned long long)replica->lies);
    }
}

/* Which quorum is missing, and what each replica sees of the others. */
static void print_why(const struct vestry_status *status)
{
    for (uint32_t i = 0; i < status->replica_count; i++) {
        const struct vestry_replica *replica = &status->replicas[i];

        if (!replica->answered) {
            call_print("  r%u says nothing to this client%s%s\n", replica->rid,
                       replica->why[0] == '\0' ? "" : ": ", replica->why);
            continue;
        }
        call_print("  r%u is connected to", replica->rid);
        for (uint32_t k = 0; k < status->replica_count; k++) {
            const uint32_t rid = status->replicas[k].rid;

            if (rid == replica->rid) {
                continue;
            }
            if ((replica->connected >> k & 1) != 0) {
                call_print(" r%u (heard %.1f s ago)", rid, (double)replica->silent_ms[k] / 1000.0);
            } else {
                call_print(" not r%u", rid);
            }
        }
        call_print("; stable to %llu, executed %llu\n", (unsigned long long)replica->stable,
                   (unsigned long long)replica->executed);
    }
}

static json_t *replica_json(const struct vestry_status *status,
                            const struct vestry_replica *replica)
{
    json_t *object = json_new("vestry/replica/1");

    json_put_int(object, "replica", replica->rid);
    json_put_text(object, "state", state_text(replica->state));
    json_put_text(object, "endpoint", replica->endpoint);
    json_put_text(object, "why", replica->why);
    json_put_u64(object, "lies", replica->lies);
    if (replica->answered) {
        json_put_bool(object, "leads", status->has_primary && status->primary == replica->rid);
        json_put_u64(object, "epoch", replica->epoch);
        json_put_u64(object, "view", replica->view);
        json_put_text(object, "mode", mode_text(replica->mode));
        json_put_u64(object, "stable", replica->stable);
        json_put_u64(object, "executed", replica->executed);
        json_put_u64(object, "entries", replica->tree_size);
        json_put_real(object, "clock_off_s", clock_seconds(replica));
        json_put_text(object, "software", replica->software);
    }
    return object;
}

static void print_json(const struct vestry_status *status, int code)
{
    json_t *object = json_new("vestry/status/1");

    json_put_text(object, "status",
                  code == EXIT_NO_QUORUM  ? "no-quorum"
                  : code == EXIT_DEGRADED ? "degraded"
                                          : "ok");
    json_put_int(object, "replicas", status->replica_count);
    json_put_int(object, "up", status->up_count);
    json_put_int(object, "quorum", status->quorum);
    json_put_int(object, "tolerates", status->faults_tolerated);
    json_put_u64(object, "epoch", status->epoch);
    if (status->has_primary) {
        json_put_int(object, "primary", status->primary);
        json_put_u64(object, "view", status->view);
    }
    json_emit(object);
    for (uint32_t i = 0; i < status->replica_count; i++) {
        json_emit(replica_json(status, &status->replicas[i]));
    }
}

int cmd_status(struct call *call)
{
    static struct connection connection;
    static struct vestry_status status;
    int code = connect_open(call, false, &connection);

    if (code != EXIT_OK) {
        return code;
    }
    if (vestry_status(connection.log, &status) != VESTRY_OK) {
        code = connect_fail(&connection);
        connect_close(&connection);
        return code;
    }
    code = judge(&status);
    if (call->json) {
        print_json(&status, code);
    } else {
        print_summary(&status, code);
        for (uint32_t i = 0; i < status.replica_count; i++) {
            print_replica(&status, &status.replicas[i]);
        }
        if (call_has(call, "why")) {
            print_why(&status);
        }
    }
    connect_close(&connection);
    const int finished = call_finish(call);
    return finished == EXIT_OK ? code : finished;
}
