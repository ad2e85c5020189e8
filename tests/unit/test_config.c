/* The configuration of vestryd: what is understood, and what each mistake is answered with. */
#include "replica/host/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLICA                                                                                    \
    "replica r0 {\n charter = /etc/c\n data = /var/d\n key = /etc/r0.key\n"                        \
    " listen = \"10.0.0.1:7000\"\n}\n"

static enum status parse(const char *text, struct config *config, struct report *report)
{
    memset(report, 0, sizeof(*report));
    return config_parse("r0.conf", bytes_of_text(text), config, report);
}

static struct config good(const char *text)
{
    struct config config;
    struct report report;
    enum status status = parse(text, &config, &report);
    if (status != STATUS_OK) {
        print_error("%s / %s\n", report.what, report.remedy);
    }
    assert_int_equal(status, STATUS_OK);
    return config;
}

/* Refused, at that line, with these words in the two lines of the report. */
static void bad(const char *text, const char *line, const char *what, const char *remedy)
{
    struct config config;
    struct report report;
    char place[64];
    config.rid = 77;
    assert_int_equal(parse(text, &config, &report), STATUS_INVALID);
    snprintf(place, sizeof(place), "r0.conf:%s: ", line);
    if (strncmp(report.what, place, strlen(place)) != 0 || strstr(report.what, what) == NULL ||
        strstr(report.remedy, remedy) == NULL) {
        print_error("got: %s / %s\n", report.what, report.remedy);
        fail();
    }
    assert_int_equal(config.rid, 77); /* untouched */
}

static void keys_of_rotations_stand_beside_that_of_the_charter_or_alone(void **state)
{
    (void)state;
    struct config config = good(REPLICA);
    assert_string_equal(config.key, "/etc/r0.key");
    assert_int_equal(config.rotated_key_count, 0);
    config = good("replica r0 {\n charter = /etc/c\n data = /var/d\n key = /etc/r0.key\n"
                  " rotated_keys = { /etc/2/r0.key, \"/etc/3/r0.key\" }\n"
                  " listen = \"10.0.0.1:7000\"\n}\n");
    assert_string_equal(config.key, "/etc/r0.key");
    assert_int_equal(config.rotated_key_count, 2);
    assert_string_equal(config.rotated_keys[0], "/etc/2/r0.key");
    assert_string_equal(config.rotated_keys[1], "/etc/3/r0.key");
    config = good("replica r0 {\n charter = /etc/c\n data = /var/d\n"
                  " rotated_keys = { /etc/2/r0.key }\n listen = \"10.0.0.1:7000\"\n}\n");
    assert_string_equal(config.key, "");
    assert_int_equal(config.rotated_key_count, 1);
    bad("replica r0 {\n charter = /etc/c\n data = /var/d\n key = /etc/r0.key\n"
        " rotated_keys = { a, b, c, d, e }\n listen = \"10.0.0.1:7000\"\n}\n",
        "7", "too many `rotated_keys`", "keep those");
}

static void the_example_of_the_documents_is_understood(void **state)
{
    (void)state;
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/vestry@r0", 1);
    struct config config = good("# local to this host\n"
                                "replica r0 {\n"
                                "  charter = /etc/vestry/charter.genesis\n"
                                "  data    = /var/lib/vestry/r0\n"
                                "  key     = ${CREDENTIALS_DIRECTORY}/r0.key\n"
                                "  listen  = \"10.77.0.1:7000\"\n"
                                "  http    = \"127.0.0.1:7180\"   # read-only\n"
                                "}\n"
                                "peer r1 { address = \"10.77.0.2:7000\" } // a hint\n"
                                "/* two\n lines */ peer r2 { address = [::1]:7002 }\n"
                                "limits  { memory = 2GiB }\n"
                                "log     { format = json  level = debug }\n");
    assert_int_equal(config.rid, 0);
    assert_string_equal(config.charter, "/etc/vestry/charter.genesis");
    assert_string_equal(config.data, "/var/lib/vestry/r0");
    assert_string_equal(config.key, "/run/credentials/vestry@r0/r0.key");
    assert_string_equal(config.listen.host, "10.77.0.1");
    assert_int_equal(config.listen.port, 7000);
    assert_true(config.has_http);
    assert_int_equal(config.http.port, 7180);
    assert_int_equal(config.peer_count, 2);
    assert_int_equal(config.peers[1].rid, 2);
    assert_string_equal(config.peers[1].address.host, "::1");
    assert_int_equal(config.memory_bytes, UINT64_C(2) << 30);
    assert_int_equal(config.log_format, LOG_FORMAT_JSON);
    assert_int_equal(config.log_level, LEVEL_DEBUG);
}

static void what_is_not_said_has_its_default(void **state)
{
    (void)state;
    struct config config = good(REPLICA);
    assert_false(config.has_http);
    assert_int_equal(config.peer_count, 0);
    assert_int_equal(config.memory_bytes, CONFIG_MEMORY_BYTES_USUAL);
    assert_int_equal(config.clients, CONFIG_CLIENTS_USUAL);
    assert_true(config.workers >= 1);
    assert_int_equal(config.log_format, LOG_FORMAT_TEXT);
    assert_int_equal(config.log_level, LEVEL_INFO);
    config = good("replica r4294967294 { charter=c data=d key=k listen=h:1 http=\"\" }");
    assert_int_equal(config.rid, 4294967294);
    assert_false(config.has_http);
}

static void unknown_words_are_refused_with_their_line(void **state)
{
    (void)state;
    bad("replica r0 {\n charter = c\n lisen = x\n}\n", "3", "unknown option `lisen` in replica",
        "did you mean `listen`?");
    bad("# a comment\n# another\n\nreplca r0 {\n}\n", "4", "unknown section `replca`",
        "did you mean `replica`?");
    bad(REPLICA "limits { memry = 1GiB }\n", "7", "`memry`", "did you mean `memory`?");
    bad(REPLICA "log { zzzzzzz = 1 }\n", "7", "`zzzzzzz`", "what can stand here: format, level");
}

static void impossible_values_are_refused_with_their_line(void **state)
{
    (void)state;
    bad("replica r0 {\n charter=c\n data=d\n key=k\n listen = 7000\n}\n", "5", "listen = 7000",
        "write host:port");
    bad("replica r0 {\n listen = h:0\n}", "2", "h:0", "host:port");
    bad("replica r0 {\n listen = h:65536\n}", "2", "h:65536", "host:port");
    bad("replica r0 {\n listen = \"a b:7\"\n}", "2", "a b:7", "host:port");
    bad("replica r0 {\n charter = \"\"\n}", "2", "charter", "path");
    bad(REPLICA "limits {\n memory = 1GB\n}", "8", "1GB", "at least 256MiB");
    bad(REPLICA "limits {\n memory = 255MiB\n}", "8", "255MiB", "at least 256MiB");
    bad(REPLICA "limits {\n memory = 99999999999999999999GiB\n}", "8", "memory", "256MiB");
    bad(REPLICA "limits {\n clients = 0\n}", "8", "clients = 0", "from 1 to");
    bad(REPLICA "limits {\n clients = x\n}", "8", "clients", "");
    bad(REPLICA "limits {\n workers = 17\n}", "8", "workers = 17", "from 1 to 16");
    bad(REPLICA "log {\n format = xml\n}", "8", "xml", "text or json");
    bad(REPLICA "log {\n level = loud\n}", "8", "loud", "error, warn, info or debug");
    bad("replica x1 {\n}\n", "2", "`x1`", "r0, r1");
    bad("replica r4294967295 {\n}\n", "2", "`r4294967295`", "as in the charter");
    bad("replica r01 {\n}\n", "2", "`r01`", "as in the charter");
}

static void there_are_at_most_as_many_peers_as_replicas(void **state)
{
    static char text[8192];
    size_t len = (size_t)snprintf(text, sizeof(text), "%s", REPLICA);

    (void)state;
    for (unsigned i = 0; i < REPLICAS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "peer r%u { address = h:1 }\n",
                                1000 + i);
    }
    assert_int_equal(good(text).peer_count, REPLICAS_MAX);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "peer r28 { address = h:1 }\n");
    assert_in_range(len, 1, sizeof(text) - 1);
    bad(text, "35", "more peers", "remove");
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    bad("", "1", "no section `replica`", "replica r0 {");
    bad("replica r0 {\n charter=c\n data=d\n listen=h:1\n}\n", "5", "has no `key`", "add it");
    bad(REPLICA "peer r1 {\n}\n", "8", "peer without `address`", "add address");
    bad("replica r0 {\n", "1", "a section that does not end", "close it");
    bad(REPLICA "}\n", "7", "unexpected", "");
    bad("replica {\n}\n", "1", "title", "");
}

static void a_replica_is_not_its_own_peer_and_peers_are_different(void **state)
{
    (void)state;
    bad(REPLICA "peer r0 { address = h:1 }\n", "7", "its own peer", "remove");
    bad(REPLICA "peer r1 { address = h:1 }\npeer r1 { address = h:2 }\n", "8", "r1", "");
    bad(REPLICA "replica r1 {\n}\n", "9", "more than one section `replica`", "one replica");
}

static void variables_must_be_set_and_harmless(void **state)
{
    (void)state;
    unsetenv("VESTRY_TEST_UNSET");
    setenv("VESTRY_TEST_EVIL", "x\" http = \"0.0.0.0:1", 1);
    setenv("VESTRY_TEST_GOOD", "h:7", 1);
    bad("replica r0 {\n key = ${VESTRY_TEST_UNSET}/k\n}", "2", "VESTRY_TEST_UNSET is not set",
        "set VESTRY_TEST_UNSET");
    bad("replica r0 {\n key = \"${VESTRY_TEST_EVIL}\"\n}", "2", "VESTRY_TEST_EVIL", "plain");
    bad("replica r0 {\n key = ${VESTRY\n}", "2", "${", "${NAME}");
    bad("replica r0 {\n key = ${}\n}", "2", "${", "${NAME}");
    struct config config =
        good("replica r0 { charter='${VESTRY_TEST_UNSET}' # ${VESTRY_TEST_UNSET}\n"
             "data=d key=k listen=\"${VESTRY_TEST_GOOD}\" }");
    assert_string_equal(config.listen.host, "h");
    assert_string_equal(config.charter, "${VESTRY_TEST_UNSET}");
}

static void text_that_is_none_is_refused(void **state)
{
    (void)state;
    struct config config;
    struct report report;
    static const char zero[] = "replica r0 {\n charter = \"a\0b\"\n}";
    assert_int_equal(config_parse("f", bytes_make(zero, sizeof(zero) - 1), &config, &report),
                     STATUS_INVALID);
    assert_non_null(strstr(report.what, "f:2: byte 0x00"));
    bad("replica r0 {\n charter = \"abc\n}\n", "2", "a quote that does not end", "close it");
    bad("include(\"/etc/passwd\")\n", "1", "unknown", "");
}

static void files_that_cannot_be_read_are_reported(void **state)
{
    (void)state;
    struct config config;
    struct report report;
    assert_int_equal(config_read("/nowhere/r0.conf", &config, &report), STATUS_NOT_FOUND);
    assert_non_null(strstr(report.what, "/nowhere/r0.conf"));
    assert_true(report.remedy[0] != 0);
    assert_int_equal(config_read("/dev/zero", &config, &report), STATUS_INVALID);
    assert_non_null(strstr(report.what, "longer than"));
}

static void addresses_read_back_as_they_were_written(void **state)
{
    (void)state;
    static const char *const texts[] = {"10.0.0.1:1", "[::1]:65535", "a-b.example:7000"};
    for (size_t i = 0; i < 3; i++) {
        struct config_address address;
        char text[CONFIG_HOST_CHARS_MAX + 16];
        assert_true(config_address_parse(texts[i], &address));
        config_address_text(&address, text);
        assert_string_equal(text, texts[i]);
    }
    struct config_address address;
    assert_false(config_address_parse("::1:7000", &address));
    assert_false(config_address_parse(":7000", &address));
    assert_false(config_address_parse("h:07", &address));
    assert_false(config_address_parse("h:", &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_documents_is_understood),
        cmocka_unit_test(keys_of_rotations_stand_beside_that_of_the_charter_or_alone),
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(unknown_words_are_refused_with_their_line),
        cmocka_unit_test(impossible_values_are_refused_with_their_line),
        cmocka_unit_test(there_are_at_most_as_many_peers_as_replicas),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(a_replica_is_not_its_own_peer_and_peers_are_different),
        cmocka_unit_test(variables_must_be_set_and_harmless),
        cmocka_unit_test(text_that_is_none_is_refused),
        cmocka_unit_test(files_that_cannot_be_read_are_reported),
        cmocka_unit_test(addresses_read_back_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
