/* vestryd keygen: the three keys of a replica and the card that goes to the ceremony. */
#include "crypto/words.h"
#include "keys/genesis.h"
#include "keys/replica_keys.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"
#include "replica/host/commands.h"
#include "replica/host/config.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const struct cli *cli, const char *name, const char *usual)
{
    const char *value = cli_get(cli, name);
    return value == NULL ? usual : value;
}

static enum status read_salt(const char *path, uint8_t salt[HASH_BYTES], struct problem *problem)
{
    uint8_t text[ARMOUR_CHARS(HASH_BYTES)];
    struct buffer armoured = buffer_make(text, sizeof text);
    struct buffer object = buffer_make(salt, HASH_BYTES);
    enum status status = file_read(path, &armoured, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!armour_read(buffer_bytes(&armoured), ARMOUR_SALT, &object) || object.len != HASH_BYTES) {
        (void)problem_say(problem, STATUS_INVALID, "%s: not the salt of a ceremony, or damaged",
                          path);
        return problem_advise(problem, "get it from the ceremony's coordinator, who makes it with: "
                                       "vestry-keys charter salt");
    }
    return STATUS_OK;
}

struct wishes {
    const char *id;
    const char *keys;
    char card[FILE_PATH_MAX];
    uint8_t nonce[HASH_BYTES];
    struct charter_view charter; /* of the log that runs, if there is one */
    const char *endpoints[ENDPOINTS_MAX];
    struct card_details details;
};

static enum status read_endpoints(const struct cli *cli, struct wishes *wishes,
                                  struct problem *problem)
{
    struct config_address address;
    const char *endpoint = NULL;
    size_t count = 0;
    enum status status = cli_need(cli, "endpoint", &endpoint, problem);
    while (status == STATUS_OK && endpoint != NULL) {
        if (count == ENDPOINTS_MAX || !config_address_parse(endpoint, &address)) {
            (void)problem_say(problem, STATUS_INVALID, "--endpoint: %s is not possible", endpoint);
            return problem_advise(problem, "give up to %d, written as host:port", ENDPOINTS_MAX);
        }
        wishes->endpoints[count++] = endpoint;
        endpoint = cli_nth(cli, "endpoint", count);
    }
    wishes->details.endpoints = wishes->endpoints;
    wishes->details.endpoint_count = count;
    return status;
}

/* Before genesis a card carries the ceremony's salt. */
static enum status read_ceremony(const struct cli *cli, struct wishes *wishes,
                                 struct problem *problem)
{
    const char *salt = NULL;
    enum status status = cli_need(cli, "salt", &salt, problem);
    return status == STATUS_OK ? read_salt(salt, wishes->nonce, problem) : status;
}

/* After it, a card is for one log: new keys of a replica that the log has. */
static enum status read_charter(const struct cli *cli, struct wishes *wishes,
                                struct problem *problem)
{
    static uint8_t memory[CHARTER_FILE_MAX];
    struct buffer file = buffer_make(memory, sizeof memory);
    enum status status =
        genesis_charter_read(cli_get(cli, "charter"), &file, &wishes->charter, problem);
    if (status == STATUS_OK) {
        wishes->details.cluster_id = wishes->charter.cluster_id;
        card_nonce(wishes->nonce);
    }
    return status;
}

static enum status read_wishes(const struct cli *cli, struct wishes *wishes,
                               struct problem *problem)
{
    struct card_details *details = &wishes->details;
    enum status status = cli_need(cli, "id", &wishes->id, problem);
    if (status == STATUS_OK && !config_replica_name(wishes->id, &details->rid)) {
        (void)problem_say(problem, STATUS_INVALID, "--id: a replica cannot be called %s",
                          wishes->id);
        status = problem_advise(problem, "use r and a number that no replica has had");
    }
    if (status == STATUS_OK) {
        status = read_endpoints(cli, wishes, problem);
    }
    if (status == STATUS_OK) {
        status = cli_has(cli, "charter") ? read_charter(cli, wishes, problem)
                                         : read_ceremony(cli, wishes, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    details->operator_name = text_of(cli, "operator", "unknown");
    details->provider = text_of(cli, "provider", "unknown");
    details->region = text_of(cli, "region", "unknown");
    details->system = text_of(cli, "system", "unknown");
    details->build = text_of(cli, "build", "vestryd " VESTRY_VERSION);
    wishes->keys = text_of(cli, "keys", ".");
    snprintf(wishes->card, sizeof wishes->card, "%s", text_of(cli, "out", ""));
    return wishes->card[0] != 0 ? STATUS_OK
                                : file_path(wishes->card, ".", wishes->id, CARD_SUFFIX, problem);
}

static enum status make(const struct wishes *wishes, struct replica_public_keys *made,
                        struct problem *problem)
{
    uint8_t memory[CARD_OBJECT_MAX];
    struct buffer card = buffer_make(memory, sizeof memory);
    struct replica_keys keys;
    enum status status = file_folder(wishes->keys, 0700, problem);
    if (status == STATUS_OK) {
        status = replica_keys_create(wishes->keys, wishes->details.rid, &keys, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = replica_keys_card(&keys, wishes->nonce, &wishes->details, &card, problem);
    memcpy(made->sign, keys.sign.public_key, PUBLIC_KEY_BYTES);
    memcpy(made->cosign, keys.cosign.public_key, PUBLIC_KEY_BYTES);
    memcpy(made->transport, keys.transport.public_key, PUBLIC_KEY_BYTES);
    replica_keys_close(&keys);
    return status == STATUS_OK ? card_write(wishes->card, buffer_bytes(&card), problem) : status;
}

enum cli_code cmd_keygen(struct cli *cli)
{
    static struct wishes wishes;
    struct replica_public_keys made;
    uint8_t memory[FILE_PATH_MAX + 1024];
    struct buffer out = buffer_make(memory, sizeof memory);
    struct problem problem;
    enum status status = process_harden(&problem);
    if (status == STATUS_OK) {
        status = read_wishes(cli, &wishes, &problem);
    }
    if (status == STATUS_OK) {
        status = make(&wishes, &made, &problem);
    }
    if (status != STATUS_OK) {
        return cli_fail(cli, commands_code(status), &problem);
    }
    if (cli->json) {
        struct json_line json;
        json_begin(&json, &out, "vestry/keygen/1");
        json_text(&json, "replica", bytes_of_text(wishes.id));
        json_text(&json, "card", bytes_of_text(wishes.card));
        json_hex(&json, "sign", BYTES_OF_ARRAY(made.sign));
        json_hex(&json, "cosign", BYTES_OF_ARRAY(made.cosign));
        json_hex(&json, "transport", BYTES_OF_ARRAY(made.transport));
        json_end(&json);
    } else {
        cli_put(&out, "made the keys of %s in %s; its card is %s\n  sign  ", wishes.id, wishes.keys,
                wishes.card);
        words_put(&out, bytes_make(made.sign, WORDS_OF_KEY));
        cli_put(&out, "\n");
    }
    return cli_print(cli, &out);
}
