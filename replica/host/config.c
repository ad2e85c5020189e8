#include "replica/host/config.h"

#include "keys/words/nearest.h"
#include "replica/host/config_text.h"
#include "replica/host/verify_pool.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libconfuse gives its callbacks no argument of ours. One file is read at a time, by one thread. */
static struct {
    const char *path;
    struct report *report;
    bool reported;
} reading;

static void complain(const cfg_t *section, const char *what, const char *remedy)
{
    if (reading.reported) {
        return;
    }
    reading.reported = true;
    report_what(reading.report, "%s:%d: %s", reading.path, section->line, what);
    report_remedy(reading.report, "%s", remedy);
}

/* The names that could stand where libconfuse met one that it does not know. */
static void complain_unknown(const cfg_t *section, const char *name)
{
    const char *names[16] = {NULL};
    size_t count = 0;
    for (const cfg_opt_t *opt = section->opts; opt->name != NULL && count < 15; opt++) {
        names[count++] = opt->name;
    }
    bool top = strcmp(section->name, "root") == 0;
    char what[256];
    char remedy[256];
    snprintf(what, sizeof what, "unknown %s `%.64s`%s%s", top ? "section" : "option", name,
             top ? "" : " in ", top ? "" : section->name);
    struct nearest nearest = nearest_make(bytes_of_text(name));
    for (size_t i = 0; i < count; i++) {
        nearest_offer(&nearest, names[i]);
    }
    if (nearest.best != NULL) {
        snprintf(remedy, sizeof remedy, "did you mean `%s`?", nearest.best);
    } else {
        size_t len = 0;
        for (size_t i = 0; i < count; i++) {
            len += (size_t)snprintf(remedy + len, sizeof remedy - len, "%s%s",
                                    i == 0 ? "what can stand here: " : ", ", names[i]);
        }
    }
    complain(section, what, remedy);
}

static void on_error(cfg_t *section, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

/* Everything that libconfuse itself objects to. */
static void on_error(cfg_t *section, const char *format, va_list arguments)
{
    static const char unknown[] = "no such option '";
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    if (strncmp(text, unknown, sizeof unknown - 1) == 0) {
        char *name = text + sizeof unknown - 1;
        name[strcspn(name, "'")] = 0;
        complain_unknown(section, name);
        return;
    }
    complain(section, text, "the form is: name = value, in sections like: peer r1 { ... }");
}

static const char *last_value(cfg_opt_t *opt)
{
    return cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
}

static int refuse(const cfg_t *section, cfg_opt_t *opt, const char *remedy)
{
    char what[320];
    snprintf(what, sizeof what, "%s = %.200s is not possible", opt->name, last_value(opt));
    complain(section, what, remedy);
    return -1;
}

static int check_path(cfg_t *section, cfg_opt_t *opt)
{
    size_t len = strlen(last_value(opt));
    if (len == 0 || len >= CONFIG_PATH_BYTES_MAX) {
        return refuse(section, opt, "give the path of a file, shorter than 1024 bytes");
    }
    return 0;
}

static int check_address(cfg_t *section, cfg_opt_t *opt)
{
    struct config_address address;
    if (!config_address_parse(last_value(opt), &address)) {
        return refuse(section, opt, "write host:port, as in \"10.77.0.1:7000\"");
    }
    return 0;
}

static int check_address_or_empty(cfg_t *section, cfg_opt_t *opt)
{
    return last_value(opt)[0] == 0 ? 0 : check_address(section, opt);
}

static int check_memory(cfg_t *section, cfg_opt_t *opt)
{
    uint64_t bytes = 0;
    if (!config_size_parse(last_value(opt), &bytes) || bytes < CONFIG_MEMORY_BYTES_MIN ||
        bytes > UINT64_C(1) << 44) {
        return refuse(section, opt, "write a size of at least 256MiB, as in 1GiB");
    }
    return 0;
}

static int check_count(cfg_t *section, cfg_opt_t *opt, long least, long most)
{
    long value = cfg_opt_getnint(opt, cfg_opt_size(opt) - 1);
    if (value < least || value > most) {
        char what[128];
        char remedy[128];
        snprintf(what, sizeof what, "%s = %ld is not possible", opt->name, value);
        snprintf(remedy, sizeof remedy, "choose a number from %ld to %ld", least, most);
        complain(section, what, remedy);
        return -1;
    }
    return 0;
}

static int check_clients(cfg_t *section, cfg_opt_t *opt)
{
    return check_count(section, opt, 1, CONFIG_CLIENTS_MAX);
}

static int check_workers(cfg_t *section, cfg_opt_t *opt)
{
    return check_count(section, opt, 1, VERIFY_WORKERS_MAX);
}

static int check_format(cfg_t *section, cfg_opt_t *opt)
{
    const char *value = last_value(opt);
    if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0) {
        return refuse(section, opt, "choose text or json");
    }
    return 0;
}

static const char *const level_names[] = {"error", "warn", "info", "debug", NULL};

static int find_level(const char *value)
{
    for (int i = 0; level_names[i] != NULL; i++) {
        if (strcmp(value, level_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static int check_level(cfg_t *section, cfg_opt_t *opt)
{
    if (find_level(last_value(opt)) < 0) {
        return refuse(section, opt, "choose error, warn, info or debug");
    }
    return 0;
}

static int check_title(cfg_t *parent, cfg_opt_t *opt)
{
    (void)parent;
    cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
    uint32_t rid = 0;
    if (!config_replica_name(cfg_title(section), &rid)) {
        char what[256];
        snprintf(what, sizeof what, "`%.64s` is not the name of a replica", cfg_title(section));
        complain(section, what, "names are r0, r1, ... as in the charter");
        return -1;
    }
    return 0;
}

static bool copy_text(cfg_t *section, const char *name, char out[CONFIG_PATH_BYTES_MAX])
{
    const char *value = cfg_getstr(section, name);
    if (value == NULL) {
        char what[128];
        snprintf(what, sizeof what, "replica %s has no `%s`", cfg_title(section), name);
        complain(section, what, "add it to this section");
        return false;
    }
    snprintf(out, CONFIG_PATH_BYTES_MAX, "%s", value);
    return true;
}

/* The charter's key, and those of rotations; either may be all that is left. */
static bool take_keys(cfg_t *section, struct config *out)
{
    unsigned count = cfg_size(section, "rotated_keys");
    if (count > CONFIG_ROTATED_KEYS_MAX) {
        complain(section, "too many `rotated_keys`", "keep those that the log still names");
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        const char *path = cfg_getnstr(section, "rotated_keys", i);
        if (strlen(path) >= CONFIG_PATH_BYTES_MAX) {
            complain(section, "one of `rotated_keys` is too long", "shorten it");
            return false;
        }
        snprintf(out->rotated_keys[i], CONFIG_PATH_BYTES_MAX, "%s", path);
    }
    out->rotated_key_count = count;
    const char *key = cfg_getstr(section, "key");
    return (count > 0 && (key == NULL || key[0] == 0)) || copy_text(section, "key", out->key);
}

static bool take_replica(cfg_t *root, struct config *out)
{
    if (cfg_size(root, "replica") != 1) {
        complain(root,
                 cfg_size(root, "replica") == 0 ? "no section `replica`"
                                                : "more than one section `replica`",
                 "one file describes one replica: replica r0 { ... }");
        return false;
    }
    cfg_t *section = cfg_getnsec(root, "replica", 0);
    char listen[CONFIG_PATH_BYTES_MAX];
    if (!copy_text(section, "charter", out->charter) || !copy_text(section, "data", out->data) ||
        !take_keys(section, out) || !copy_text(section, "listen", listen)) {
        return false;
    }
    const char *http = cfg_getstr(section, "http");
    out->has_http = http != NULL && http[0] != 0;
    return config_replica_name(cfg_title(section), &out->rid) &&
           config_address_parse(listen, &out->listen) &&
           (!out->has_http || config_address_parse(http, &out->http));
}

static bool take_peers(cfg_t *root, struct config *out)
{
    for (unsigned i = 0; i < cfg_size(root, "peer"); i++) {
        cfg_t *section = cfg_getnsec(root, "peer", i);
        struct config_peer *peer = &out->peers[out->peer_count];
        char address[CONFIG_PATH_BYTES_MAX];
        if (out->peer_count == REPLICAS_MAX) {
            complain(section, "more peers than a cluster can have", "remove those that are gone");
            return false;
        }
        if (!config_replica_name(cfg_title(section), &peer->rid)) {
            return false;
        }
        if (peer->rid == out->rid) {
            complain(section, "this replica is its own peer", "remove this section");
            return false;
        }
        const char *value = cfg_getstr(section, "address");
        if (value == NULL) {
            complain(section, "peer without `address`", "add address = \"host:port\"");
            return false;
        }
        snprintf(address, sizeof address, "%s", value);
        if (!config_address_parse(address, &peer->address)) {
            return false;
        }
        out->peer_count++;
    }
    return true;
}

static uint32_t processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1) {
        return 1;
    }
    return count > VERIFY_WORKERS_MAX ? VERIFY_WORKERS_MAX : (uint32_t)count;
}

/* False when libconfuse had no memory for a usual value, which it does not say. */
static bool take_rest(cfg_t *root, struct config *out)
{
    out->memory_bytes = CONFIG_MEMORY_BYTES_USUAL;
    cfg_t *limits = cfg_getsec(root, "limits");
    const char *memory = cfg_getstr(limits, "memory");
    if (memory != NULL) {
        CHECK(config_size_parse(memory, &out->memory_bytes));
    }
    out->clients = (uint32_t)cfg_getint(limits, "clients");
    out->clients_per_address = (uint32_t)cfg_getint(limits, "clients_per_address");
    long workers = cfg_getint(limits, "workers");
    out->workers = workers == 0 ? processors() : (uint32_t)workers;
    cfg_t *log = cfg_getsec(root, "log");
    const char *format = cfg_getstr(log, "format");
    const char *level = cfg_getstr(log, "level");
    if (format == NULL || level == NULL) {
        return false;
    }
    out->log_format = strcmp(format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    out->log_level = (enum log_level)find_level(level);
    return true;
}

static void set_checks(cfg_t *root)
{
    static const struct {
        const char *name;
        cfg_validate_callback_t check;
    } checks[] = {
        {"replica", check_title},
        {"replica|charter", check_path},
        {"replica|data", check_path},
        {"replica|key", check_path},
        {"replica|listen", check_address},
        {"replica|http", check_address_or_empty},
        {"peer", check_title},
        {"peer|address", check_address},
        {"limits|memory", check_memory},
        {"limits|clients", check_clients},
        {"limits|clients_per_address", check_clients},
        {"limits|workers", check_workers},
        {"log|format", check_format},
        {"log|level", check_level},
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        cfg_set_validate_func(root, checks[i].name, checks[i].check);
    }
}

static enum status parse_expanded(const char *text, struct config *out)
{
    cfg_opt_t replica[] = {CFG_STR("charter", NULL, CFGF_NODEFAULT),
                           CFG_STR("data", NULL, CFGF_NODEFAULT),
                           CFG_STR("key", NULL, CFGF_NODEFAULT),
                           CFG_STR("listen", NULL, CFGF_NODEFAULT),
                           CFG_STR("http", NULL, CFGF_NODEFAULT),
                           CFG_STR_LIST("rotated_keys", NULL, CFGF_NODEFAULT),
                           CFG_END()};
    cfg_opt_t peer[] = {CFG_STR("address", NULL, CFGF_NODEFAULT), CFG_END()};
    cfg_opt_t limits[] = {
        CFG_STR("memory", NULL, CFGF_NODEFAULT),
        CFG_INT("clients", CONFIG_CLIENTS_USUAL, CFGF_NONE),
        CFG_INT("clients_per_address", CONFIG_CLIENTS_PER_ADDRESS_USUAL, CFGF_NONE),
        CFG_INT("workers", 0, CFGF_NONE), CFG_END()};
    cfg_opt_t log[] = {CFG_STR("format", "text", CFGF_NONE), CFG_STR("level", "info", CFGF_NONE),
                       CFG_END()};
    const cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
    cfg_opt_t sections[] = {CFG_SEC("replica", replica, titled), CFG_SEC("peer", peer, titled),
                            CFG_SEC("limits", limits, CFGF_NONE), CFG_SEC("log", log, CFGF_NONE),
                            CFG_END()};
    cfg_t *root = cfg_init(sections, CFGF_NONE);
    if (root == NULL) {
        return STATUS_NO_MEMORY;
    }
    cfg_set_error_function(root, on_error);
    set_checks(root);
    bool good = cfg_parse_buf(root, text) == CFG_SUCCESS && !reading.reported &&
                take_replica(root, out) && take_peers(root, out);
    enum status status = STATUS_INVALID;
    if (good) {
        status = take_rest(root, out) ? STATUS_OK : STATUS_NO_MEMORY;
    } else {
        complain(root, "not understood", "see vestryd(8) for the form of the file");
    }
    cfg_free(root);
    return status;
}

enum status config_parse(const char *path, struct bytes text, struct config *out,
                         struct report *report)
{
    uint8_t *memory = (uint8_t *)malloc(CONFIG_EXPANDED_BYTES_MAX);
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    struct buffer expanded = buffer_make(memory, CONFIG_EXPANDED_BYTES_MAX);
    enum status status = STATUS_INVALID;
    if (config_expand(path, text, &expanded, report)) {
        struct config config = {0};
        reading.path = path;
        reading.report = report;
        reading.reported = false;
        status = parse_expanded((const char *)memory, &config);
        if (status == STATUS_OK) {
            *out = config;
        }
    }
    free(memory);
    return status;
}

static enum status report_file(const char *path, struct report *report)
{
    int error = errno;
    report_what(report, "cannot read the configuration %s: %s", path, strerror(error));
    report_remedy(report, "give the right path with --config, and see that this user may read it");
    if (error == ENOENT || error == ENOTDIR) {
        return STATUS_NOT_FOUND;
    }
    return error == EACCES ? STATUS_REFUSED : STATUS_IO;
}

enum status config_read(const char *path, struct config *out, struct report *report)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return report_file(path, report);
    }
    uint8_t *text = (uint8_t *)malloc(CONFIG_BYTES_MAX + 1);
    if (text == NULL) {
        fclose(file);
        return STATUS_NO_MEMORY;
    }
    size_t len = fread(text, 1, CONFIG_BYTES_MAX + 1, file);
    enum status status = STATUS_OK;
    if (ferror(file) != 0) {
        status = report_file(path, report);
    } else if (len > CONFIG_BYTES_MAX) {
        report_what(report, "%s: longer than %u bytes", path, CONFIG_BYTES_MAX);
        report_remedy(report, "is this the configuration? members and keys belong to the charter");
        status = STATUS_INVALID;
    } else {
        status = config_parse(path, bytes_make(text, len), out, report);
    }
    fclose(file);
    free(text);
    return status;
}
