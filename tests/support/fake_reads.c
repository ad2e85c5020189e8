/* Reads of the pretend cluster: signed answers without entries, and lies about the signature. What
 * is in an answer is for the checkers, which have tests of their own. */
#include "crypto/hash.h"
#include "tests/support/fake_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

/* Check the request as a replica would, and take its id. */
static void take_request(struct fake *fake, uint32_t member, struct bytes attachment,
                         uint8_t id[HASH_BYTES])
{
    struct request_parcel parcel;
    struct item item;
    struct request request;
    struct item_bin statement;

    assert_int_equal(request_parcel_decode(attachment, &parcel), WIRE_OK);
    assert_int_equal(item_decode(parcel.item, &item), WIRE_OK);
    assert_int_equal(request_decode(item.request, &request), WIRE_OK);
    struct wire_iter iter = wire_iter_make(item.statements);
    uint8_t root[HASH_BYTES];

    assert_true(item_bin_next(&iter, &statement));
    merkle_leaf_hash(statement.value, root);
    statement_id(TAG_REQUEST, fake->cluster_id, item.request, id);
    fake->reads++;
    fake->reads_misbound += request.audience != member + 1 || request.op != OP_READ ||
                            !hash_equal(root, request.entries_root) ||
                            !verify_body(&sig_ed25519, fake->key.public_key, TAG_REQUEST,
                                         fake->cluster_id, item.request, item.sig);
}

static void answer_read(struct fake *fake, uint32_t member, const uint8_t id[HASH_BYTES])
{
    const struct fake_replica *replica = &fake->replicas[member];
    const struct roster_member *who = &fake->real.members[member];
    static const uint8_t no_entries[] = {0x92, 0x01, 0x90};
    static const uint8_t other[] = {0x92, 0x01, 0x91};
    struct read_answer answer = {.code = replica->read_code, .executed = fake->height};
    uint8_t memory[1024];
    struct buffer body = buffer_make(memory, sizeof(memory));
    uint8_t sig[SIG_BYTES];

    memcpy(answer.request_id, id, HASH_BYTES);
    hash_bytes(BYTES_OF_ARRAY(no_entries), answer.entries_hash);
    assert_true(read_answer_encode(&answer, &body));
    const bool by_other = replica->read_lie == FAKE_READ_OTHER_SIGNER;
    sign_body(fake->scheme, by_other ? replica->cosign_seed : replica->sign_seed,
              by_other ? who->cosign_pk : who->sign_pk, TAG_READ_ANSWER, fake->cluster_id,
              buffer_bytes(&body), sig);
    sig[7] ^= replica->read_lie == FAKE_READ_BAD_SIGNATURE;
    const struct envelope envelope = {
        .type = MESSAGE_READ_ANSWER,
        .rid = member,
        .body = buffer_bytes(&body),
        .sig = BYTES_OF_ARRAY(sig),
    };
    fake_post(fake, member, &envelope,
              replica->read_lie == FAKE_READ_OTHER_ENTRIES ? BYTES_OF_ARRAY(other)
                                                           : BYTES_OF_ARRAY(no_entries));
}

void fake_read(struct fake *fake, uint32_t member, struct bytes parcel)
{
    uint8_t id[HASH_BYTES];
    uint8_t shown[HASH_BYTES];

    take_request(fake, member, parcel, id);
    memcpy(shown, fake->replicas[member].read_lie == FAKE_READ_REPLAY ? fake->last_read_id : id,
           HASH_BYTES);
    memcpy(fake->last_read_id, id, HASH_BYTES);
    answer_read(fake, member, shown);
}
