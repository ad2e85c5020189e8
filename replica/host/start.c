#include "replica/host/start.h"

#include "crypto/hash.h"
#include "crypto/selftest.h"
#include "keys/genesis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE_SHARE 4 /* of the memory of the configuration; see host.c for the rest */

enum status start_problem(struct problem *problem, enum status status, const struct report *report)
{
    (void)problem_say(problem, status, "%s",
                      report->what[0] == 0 ? status_text(status) : report->what);
    return problem_advise(problem, "%s", report->remedy);
}

enum status start_config(struct start *start, const char *path, struct problem *problem)
{
    struct report report = {0};
    enum status status = config_read(path, &start->config, &report);
    return status == STATUS_OK ? STATUS_OK : start_problem(problem, status, &report);
}

static enum status self_test(struct problem *problem)
{
    struct selftest result;
    if (crypto_selftest(&sig_ed25519, &result) == STATUS_OK) {
        return STATUS_OK;
    }
    (void)problem_say(problem, STATUS_MISMATCH,
                      "the cryptographic self-test failed (%u of %u passed): %s",
                      (unsigned)result.passed, (unsigned)result.total,
                      result.first_failure == NULL ? "no libsodium" : result.first_failure);
    return problem_advise(problem, "use the libsodium of the distribution: a replica that judges "
                                   "signatures differently would part from the others");
}

/* The first endpoint that the charter gives for each replica, and what the configuration says
 * instead. Both are hints: identity comes from keys. */
static enum status find_addresses(struct start *start, struct problem *problem)
{
    for (uint32_t i = 0; i < start->charter->replica_count; i++) {
        const struct replica_row *row = &start->charter->replicas[i].row;
        struct wire_iter endpoints = wire_iter_make(row->endpoints);
        struct item_endpoint endpoint;
        char text[ENDPOINT_BYTES_MAX + 1];
        struct config_address address;
        start->addresses[i].rid = (uint32_t)row->rid;
        if (item_endpoint_next(&endpoints, &endpoint)) {
            text_copy(endpoint.value, text, sizeof text);
            if (config_address_parse(text, &address)) {
                start->addresses[i].address = address;
            }
        }
    }
    for (uint32_t i = 0; i < start->config.peer_count; i++) {
        const struct config_peer *peer = &start->config.peers[i];
        uint32_t place = roster_index(&start->roster, peer->rid);
        if (place == ROSTER_NOBODY) {
            (void)problem_say(problem, STATUS_INVALID, "peer r%u is not in the charter %s",
                              (unsigned)peer->rid, start->config.charter);
            return problem_advise(problem, "remove the section, or use the charter it belongs to");
        }
        start->addresses[place] = *peer;
    }
    return STATUS_OK;
}

static const struct charter_replica *find_self(const struct start *start)
{
    for (uint32_t i = 0; i < start->charter->replica_count; i++) {
        if (start->charter->replicas[i].row.rid == start->config.rid) {
            return &start->charter->replicas[i];
        }
    }
    return NULL;
}

enum status start_charter(struct start *start, struct problem *problem)
{
    enum status status = self_test(problem);
    if (status != STATUS_OK) {
        return status;
    }
    start->charter_file = buffer_make(malloc(CHARTER_FILE_MAX), CHARTER_FILE_MAX);
    start->charter = (struct charter_view *)malloc(sizeof *start->charter);
    CHECK(start->charter_file.data != NULL);
    CHECK(start->charter != NULL);
    status =
        genesis_charter_read(start->config.charter, &start->charter_file, start->charter, problem);
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(roster_of_charter(start->charter->body, &start->roster));
    if (find_self(start) == NULL) {
        (void)problem_say(problem, STATUS_INVALID, "replica r%u is not in the charter %s",
                          (unsigned)start->config.rid, start->config.charter);
        return problem_advise(problem, "name one of its replicas, or give the right charter");
    }
    return find_addresses(start, problem);
}

static enum status load_keys(struct start *start, const char *path,
                             const struct replica_public_keys *expected, struct problem *problem)
{
    struct replica_keys *keys = &start->keys[start->key_count];
    enum status status = replica_keys_load(path, start->config.rid, expected, keys, problem);
    start->key_count += status == STATUS_OK ? 1 : 0;
    return status;
}

enum status start_keys(struct start *start, struct problem *problem)
{
    const struct charter_replica *self = find_self(start);
    struct replica_public_keys expected;
    memcpy(expected.sign, self->row.sign_pk, PUBLIC_KEY_BYTES);
    memcpy(expected.cosign, self->row.cosign_pk, PUBLIC_KEY_BYTES);
    memcpy(expected.transport, self->row.transport_pk, PUBLIC_KEY_BYTES);
    enum status status = STATUS_OK;
    if (start->config.key[0] != 0) {
        status = load_keys(start, start->config.key, &expected, problem);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < start->config.rotated_key_count; i++) {
        status = load_keys(start, start->config.rotated_keys[i], NULL, problem);
    }
    /* The store is known by the key that the charter registers, whichever is in force. */
    memcpy(start->identity.cluster_id, start->charter->cluster_id, HASH_BYTES);
    hash_bytes(BYTES_OF_ARRAY(expected.sign), start->identity.key_fingerprint);
    return status;
}

static enum status open_anchor(struct start *start, struct problem *problem)
{
    struct data_paths paths;
    struct report report = {0};
    enum status status = data_paths_make(start->config.data, &paths, &report);
    if (status == STATUS_OK) {
        status =
            anchor_open(paths.anchor, &start->identity, &start->anchor, &start->anchored, &report);
        start->has_anchor = status == STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = anchor_judge(&start->anchored, start->store, &report);
    }
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    (void)problem_say(problem, status, "%s: %s", start->config.data, report.what);
    return problem_advise(problem, "%s", report.remedy);
}

enum status start_store(struct start *start, struct problem *problem)
{
    struct report report = {0};
    const struct store_rocks_options options = {.memory_bytes =
                                                    start->config.memory_bytes / STORE_SHARE};
    enum status status =
        store_rocks_open(start->config.data, &start->identity, &options, &start->store, &report);
    if (status != STATUS_OK) {
        start->store = NULL;
        status = start_problem(problem, status, &report);
        if (status == STATUS_NOT_FOUND && !data_path_exists(start->config.data)) {
            (void)problem_advise(problem, "make it first, once: vestryd init");
        }
        return status;
    }
    return open_anchor(start, problem);
}

void start_close_store(struct start *start)
{
    if (start->has_anchor) {
        anchor_close(&start->anchor);
    }
    if (start->store != NULL) {
        store_close(start->store);
    }
    start->has_anchor = false;
    start->store = NULL;
}

void start_close(struct start *start)
{
    start_close_store(start);
    for (uint32_t i = 0; i < start->key_count; i++) {
        replica_keys_close(&start->keys[i]);
    }
    free(start->charter);
    free(start->charter_file.data);
    *start = (struct start){0};
}
