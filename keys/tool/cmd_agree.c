/* vestry-keys key agree: on a replica's host, the key that it has now agrees to the card of those
 * that are to replace it. */
#include "keys/tool/tool.h"
#include "keys/words/armour.h"
#include "keys/words/file.h"

#include <string.h>

enum status tool_agreement_read(const char *path, struct buffer *object, struct signed_part *part,
                                struct problem *problem)
{
    uint8_t memory[ARMOUR_CHARS(AGREEMENT_BYTES_MAX)];
    struct buffer text = buffer_make(memory, sizeof(memory));

    const enum status status = file_read(path, &text, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!armour_read(buffer_bytes(&text), ARMOUR_AGREEMENT, object) ||
        signed_part_decode(buffer_bytes(object), part) != WIRE_OK) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not an agreement, or damaged", path);
        return problem_advise(problem, "ask the replica's host for the file again");
    }
    ceremony_input(buffer_bytes(object));
    return STATUS_OK;
}

/* Sign the card that is at hand with the key of the same replica. */
static enum status agree(const struct secret_key *key, const struct charter_view *charter,
                         const struct card_checked *card, struct buffer *object,
                         struct problem *problem)
{
    struct signed_part part = {.body = card->proof.card};

    if (card->role != ROLE_REPLICA || !bytes_equal(card->subject, bytes_of_text(key->subject))) {
        (void)problem_say(problem, STATUS_INVALID, "the card is not one of %s, whose key this is",
                          key->subject);
        return problem_advise(problem, "give the card of this replica's new keys");
    }
    if (memcmp(card->keys[0], key->public_key, PUBLIC_KEY_BYTES) == 0) {
        (void)problem_say(problem, STATUS_INVALID, "this key is the new one");
        return problem_advise(problem, "give the key that %s signs with now", key->subject);
    }
    secret_key_sign(key, TAG_POSSESSION, charter->cluster_id, part.body, part.sig);
    CHECK(signed_part_encode(&part, object));
    return STATUS_OK;
}

static enum status write_agreement(const struct cli *cli, struct bytes object,
                                   struct problem *problem)
{
    uint8_t memory[ARMOUR_CHARS(AGREEMENT_BYTES_MAX)];
    struct buffer text = buffer_make(memory, sizeof(memory));
    const char *path = NULL;

    armour_put(&text, ARMOUR_AGREEMENT, object);
    CHECK(!text.full);
    enum status status = cli_need(cli, "out", &path, problem);
    if (status == STATUS_OK) {
        status = file_create(path, 0644, buffer_bytes(&text), problem);
    }
    if (status == STATUS_OK) {
        ceremony_output(object);
        cli_note(cli, "made %s: give it to the officers with the card\n", path);
    }
    return status;
}

static enum status read_all(const struct cli *cli, struct secret_key *key,
                            const struct charter_view **charter, struct problem *problem)
{
    const struct key_expected expected = {.role = ROLE_REPLICA};
    const char *path = NULL;
    const char *charter_path = NULL;

    enum status status = cli_need(cli, "charter", &charter_path, problem);
    if (status == STATUS_OK) {
        status = tool_charter(charter_path, charter, problem);
    }
    if (status == STATUS_OK) {
        status = cli_need(cli, "key", &path, problem);
    }
    return status == STATUS_OK ? keyfile_load(path, &expected, NULL, key, problem) : status;
}

enum cli_code cmd_key_agree(struct cli *cli)
{
    static uint8_t card_memory[CARD_OBJECT_MAX];
    static uint8_t memory[AGREEMENT_BYTES_MAX];
    struct buffer backing = buffer_make(card_memory, sizeof(card_memory));
    struct buffer object = buffer_make(memory, sizeof(memory));
    const struct charter_view *charter = NULL;
    struct secret_key key = {0};
    struct card_checked card;
    struct problem problem;

    enum status status = read_all(cli, &key, &charter, &problem);
    if (status == STATUS_OK) {
        status = card_read_of(cli->arguments[0], &backing, charter->cluster_id, &card, &problem);
    }
    if (status == STATUS_OK) {
        ceremony_input(buffer_bytes(&backing));
        status = agree(&key, charter, &card, &object, &problem);
    }
    if (status == STATUS_OK) {
        status = write_agreement(cli, buffer_bytes(&object), &problem);
    }
    secret_key_close(&key);
    return status == STATUS_OK ? CLI_OK : tool_fail(cli, &problem);
}
