/* The file of parameters for a draft:
 *
 *     # what the charter says beside the cards
 *     name = acme.example/ledger
 *     k-root = 4
 *     checkpoint-interval = 128
 *
 * One setting a line, each once; `#` begins a comment. Times are in milliseconds. */
#include "crypto/name.h"
#include "keys/tool/tool.h"
#include "keys/words/amounts.h"
#include "keys/words/file.h"
#include "keys/words/nearest.h"

#include <string.h>

#define CONF_BYTES_MAX 65536
#define SETTINGS_MAX (PARAMS_MAX + 8)

/* Settings that are no parameter of the log. */
struct setting {
    const char *name;
    uint64_t *value; /* NULL: the charter's name */
    uint64_t most;
};

struct conf {
    const char *path;
    unsigned line;
    struct genesis_plan *plan;
    char *name;
    bool seen[SETTINGS_MAX];
    struct problem *problem;
};

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = bytes_slice(text, 1, text.len - 1);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t' ||
                            text.data[text.len - 1] == '\r')) {
        text = bytes_slice(text, 0, text.len - 1);
    }
    return text;
}

/* The piece of `text` before `stop`, or all of it. `rest` gets what is behind. */
static struct bytes before(struct bytes text, char stop, struct bytes *rest)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.data, stop, text.len);

    if (found == NULL) {
        *rest = BYTES_EMPTY;
        return text;
    }
    const size_t len = (size_t)(found - text.data);
    *rest = bytes_slice(text, len + 1, text.len - len - 1);
    return bytes_slice(text, 0, len);
}

static enum status unknown(const struct conf *conf, struct bytes name,
                           const struct setting *settings, size_t count)
{
    struct nearest nearest = nearest_make(name);

    for (size_t i = 0; i < count; i++) {
        nearest_offer(&nearest, settings[i].name);
    }
    for (uint64_t number = 1; number < PARAM_NUMBER_END; number++) {
        const struct param_rule *rule = param_rule(number);

        if (rule != NULL) {
            nearest_offer(&nearest, rule->text);
        }
    }
    (void)problem_say(conf->problem, STATUS_INVALID, "%s:%u: unknown setting %.*s", conf->path,
                      conf->line, (int)name.len, (const char *)name.data);
    if (nearest.best != NULL) {
        return problem_advise(conf->problem, "did you mean %s?", nearest.best);
    }
    return problem_advise(conf->problem, "see vestry-keys charter draft --help");
}

static enum status set_number(const struct conf *conf, const char *name, struct bytes value,
                              uint64_t least, uint64_t most, uint64_t *out)
{
    if (amount_parse_count(value, out) && *out >= least && *out <= most) {
        return STATUS_OK;
    }
    (void)problem_say(conf->problem, STATUS_INVALID, "%s:%u: %s = %.*s is not allowed", conf->path,
                      conf->line, name, (int)value.len, (const char *)value.data);
    return problem_advise(conf->problem, "give a number from %llu to %llu",
                          (unsigned long long)least, (unsigned long long)most);
}

static enum status set_name(const struct conf *conf, struct bytes value)
{
    if (!name_is_id(value)) {
        (void)problem_say(conf->problem, STATUS_INVALID, "%s:%u: \"%.*s\" cannot be a name",
                          conf->path, conf->line, (int)value.len, (const char *)value.data);
        return problem_advise(conf->problem, "use a name like acme.example/ledger");
    }
    text_copy(value, conf->name, ID_BYTES_MAX + 1);
    conf->plan->name = conf->name;
    return STATUS_OK;
}

static enum status set_once(struct conf *conf, size_t at, struct bytes name)
{
    CHECK(at < SETTINGS_MAX);
    if (!conf->seen[at]) {
        conf->seen[at] = true;
        return STATUS_OK;
    }
    (void)problem_say(conf->problem, STATUS_INVALID, "%s:%u: %.*s is set twice", conf->path,
                      conf->line, (int)name.len, (const char *)name.data);
    return problem_advise(conf->problem, "remove one of the two lines");
}

static enum status set_param(struct conf *conf, struct bytes name, struct bytes value, bool *known)
{
    for (uint64_t number = 1; number < PARAM_NUMBER_END; number++) {
        const struct param_rule *rule = param_rule(number);

        if (rule == NULL || !bytes_equal(name, bytes_of_text(rule->text))) {
            continue;
        }
        *known = true;
        const enum status status = set_once(conf, number, name);
        return status != STATUS_OK ? status
                                   : set_number(conf, rule->text, value, rule->least, rule->most,
                                                &conf->plan->params[number]);
    }
    *known = false;
    return STATUS_OK;
}

static enum status set(struct conf *conf, struct bytes name, struct bytes value)
{
    struct thresholds *need = &conf->plan->thresholds;
    const struct setting settings[] = {
        {"name", NULL, 0},
        {"k-root", &need->root, MEMBERS_MAX},
        {"k-ops", &need->ops, MEMBERS_MAX},
        {"k-emg", &need->emergency, MEMBERS_MAX},
        {"k-rec", &need->recovery, RECOVERY_MAX},
        {"faults", &conf->plan->f, REPLICAS_MAX},
    };
    const size_t count = sizeof(settings) / sizeof(settings[0]);
    bool known = false;

    for (size_t i = 0; i < count; i++) {
        if (!bytes_equal(name, bytes_of_text(settings[i].name))) {
            continue;
        }
        const enum status status = set_once(conf, PARAMS_MAX + i, name);
        if (status != STATUS_OK) {
            return status;
        }
        return settings[i].value == NULL ? set_name(conf, value)
                                         : set_number(conf, settings[i].name, value, 1,
                                                      settings[i].most, settings[i].value);
    }
    const enum status status = set_param(conf, name, value, &known);
    if (status != STATUS_OK || known) {
        return status;
    }
    return unknown(conf, name, settings, count);
}

enum status params_read(const char *path, struct genesis_plan *plan, char name[ID_BYTES_MAX + 1],
                        struct problem *problem)
{
    static uint8_t raw[CONF_BYTES_MAX];
    struct buffer text = buffer_make(raw, sizeof(raw));
    struct conf conf = {.path = path, .plan = plan, .name = name, .problem = problem};

    enum status status = file_read(path, &text, problem);
    if (status != STATUS_OK) {
        return status;
    }
    ceremony_input(buffer_bytes(&text));
    struct bytes rest = buffer_bytes(&text);
    while (rest.len > 0 && status == STATUS_OK) {
        struct bytes value;
        struct bytes comment;
        struct bytes line = before(rest, '\n', &rest);

        conf.line++;
        line = trim(before(line, '#', &comment));
        if (line.len == 0) {
            continue;
        }
        const bool has_value = memchr(line.data, '=', line.len) != NULL;
        const struct bytes key = trim(before(line, '=', &value));
        if (!has_value || key.len == 0) {
            (void)problem_say(problem, STATUS_INVALID, "%s:%u: not a setting", path, conf.line);
            return problem_advise(problem, "write lines like: checkpoint-interval = 128");
        }
        status = set(&conf, key, trim(value));
    }
    return status;
}

static_assert(PARAM_NUMBER_END <= PARAMS_MAX, "parameters by number");
