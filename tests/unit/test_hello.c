/* HELLO: whom a channel is bound to, and every way in which that can be wrong. */
#include "replica/host/hello.h"

#include "crypto/frame.h"
#include "tests/support/sign_fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define SELF 1

struct fixture {
    struct roster roster;
    uint8_t cluster_id[HASH_BYTES];
    uint8_t seeds[4][SEED_BYTES];
    struct channel_facts facts;
    struct hello_scene scene;
    struct hello hello; /* of replica 2, good */
    uint32_t rid;
    const uint8_t *seed;
    uint8_t memory[HELLO_FRAME_BYTES_MAX];
};

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    memset(fixture.cluster_id, 'c', HASH_BYTES);
    fixture.roster = (struct roster){.n = 4, .f = 1, .q = 3, .w = 2};
    for (uint32_t i = 0; i < 4; i++) {
        memset(fixture.seeds[i], (int)i + 1, SEED_BYTES);
        fixture.roster.members[i].rid = i;
        sig_fast.public_key(fixture.seeds[i], fixture.roster.members[i].sign_pk);
        memset(fixture.roster.members[i].transport_pk, 't' + (int)i, PUBLIC_KEY_BYTES);
    }
    memset(fixture.facts.exporter, 'x', HASH_BYTES);
    fixture.facts.has_key = true;
    memcpy(fixture.facts.key, fixture.roster.members[2].transport_pk, PUBLIC_KEY_BYTES);
    fixture.scene = (struct hello_scene){.scheme = &sig_fast,
                                         .cluster_id = fixture.cluster_id,
                                         .roster = &fixture.roster,
                                         .facts = &fixture.facts,
                                         .self = SELF,
                                         .expected = ROSTER_NOBODY};
    fixture.hello =
        (struct hello){.role = ROLE_REPLICA, .rid = 2, .software = bytes_of_text("test")};
    memcpy(fixture.hello.public_key, fixture.roster.members[2].sign_pk, PUBLIC_KEY_BYTES);
    memcpy(fixture.hello.channel, fixture.facts.exporter, HASH_BYTES);
    fixture.rid = 2;
    fixture.seed = fixture.seeds[2];
    *state = &fixture;
    return 0;
}

/* Make a client of it. */
static void be_client(struct fixture *fixture)
{
    static uint8_t seed[SEED_BYTES] = {77};
    fixture->facts.has_key = false;
    fixture->hello.role = ROLE_HOLDER;
    fixture->hello.rid = 0;
    fixture->rid = 0;
    fixture->seed = seed;
    fixture->hello.flags = HELLO_WANTS_PROOFS;
    sig_fast.public_key(seed, fixture->hello.public_key);
}

static struct bytes encode(struct fixture *fixture, uint64_t type)
{
    uint8_t body_memory[512];
    uint8_t sig[SIG_BYTES];
    uint8_t key[PUBLIC_KEY_BYTES];
    struct buffer body = buffer_make(body_memory, sizeof(body_memory));
    struct buffer out = buffer_make(fixture->memory, sizeof(fixture->memory));
    assert_true(hello_encode(&fixture->hello, &body));
    sig_fast.public_key(fixture->seed, key);
    sign_body(&sig_fast, fixture->seed, key, TAG_HELLO, fixture->cluster_id, buffer_bytes(&body),
              sig);
    const struct envelope envelope = {
        .type = type, .rid = fixture->rid, .body = buffer_bytes(&body), .sig = BYTES_OF_ARRAY(sig)};
    assert_true(envelope_encode(&envelope, &out));
    return buffer_bytes(&out);
}

static enum hello_verdict judge(struct fixture *fixture, struct hello_guest *guest)
{
    memset(guest, 0x55, sizeof(*guest));
    return hello_judge(&fixture->scene, encode(fixture, MESSAGE_HELLO), guest);
}

static void expect(struct fixture *fixture, enum hello_verdict verdict)
{
    struct hello_guest guest;
    assert_string_equal(hello_verdict_text(judge(fixture, &guest)), hello_verdict_text(verdict));
}

static void a_replica_is_known_by_all_of_its_keys(void **state)
{
    struct fixture *fixture = *state;
    struct hello_guest guest;
    assert_int_equal(judge(fixture, &guest), HELLO_OK);
    assert_true(guest.is_replica);
    assert_int_equal(guest.rid, 2);
    fixture->scene.expected = 2;
    expect(fixture, HELLO_OK);
}

static void a_replica_with_a_wrong_key_is_not_let_in(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.key[0] ^= 1;
    expect(fixture, HELLO_SENDER);
    fixture->facts.key[0] ^= 1;
    fixture->facts.has_key = false;
    expect(fixture, HELLO_SENDER);
    fixture->facts.has_key = true;
    fixture->hello.public_key[0] ^= 1;
    expect(fixture, HELLO_SENDER);
    fixture->hello.public_key[0] ^= 1;
    fixture->seed = fixture->seeds[3];
    expect(fixture, HELLO_SIGNATURE);
}

/* Who has not left the epoch before speaks by the keys of that one, by all of them. */
static void a_replica_may_still_speak_by_the_keys_of_the_epoch_before(void **state)
{
    struct fixture *fixture = *state;
    struct roster next = fixture->roster;
    next.epoch = 1;
    next.members[2].sign_pk[0] ^= 1;
    next.members[2].transport_pk[0] ^= 1;
    fixture->scene.roster = &next;
    expect(fixture, HELLO_SENDER);
    fixture->scene.ended = &fixture->roster;
    expect(fixture, HELLO_OK);
    fixture->facts.key[0] ^= 1; /* the new one of these, with the old one of those */
    expect(fixture, HELLO_SENDER);
}

static void a_replica_is_who_was_dialled_and_in_the_roster(void **state)
{
    struct fixture *fixture = *state;
    fixture->scene.expected = 3;
    expect(fixture, HELLO_SENDER);
    fixture->scene.expected = ROSTER_NOBODY;
    fixture->hello.rid = 9;
    fixture->rid = 9;
    expect(fixture, HELLO_SENDER);
    fixture->hello.rid = 2;
    expect(fixture, HELLO_SENDER); /* the envelope says another one */
}

static void nobody_else_is_this_replica(void **state)
{
    struct fixture *fixture = *state;
    fixture->hello.rid = SELF;
    fixture->rid = SELF;
    fixture->seed = fixture->seeds[SELF];
    memcpy(fixture->hello.public_key, fixture->roster.members[SELF].sign_pk, PUBLIC_KEY_BYTES);
    memcpy(fixture->facts.key, fixture->roster.members[SELF].transport_pk, PUBLIC_KEY_BYTES);
    expect(fixture, HELLO_SENDER);
}

static void a_hello_of_another_channel_is_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture->hello.channel[31] ^= 1;
    expect(fixture, HELLO_CHANNEL);
    be_client(fixture);
    expect(fixture, HELLO_CHANNEL);
}

static void a_hello_of_another_cluster_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint8_t other[HASH_BYTES];
    memset(other, 'd', sizeof(other));
    fixture->scene.cluster_id = other;
    expect(fixture, HELLO_SIGNATURE);
}

static void a_client_has_a_key_and_flags_and_no_certificate(void **state)
{
    struct fixture *fixture = *state;
    struct hello_guest guest;
    be_client(fixture);
    assert_int_equal(judge(fixture, &guest), HELLO_OK);
    assert_false(guest.is_replica);
    assert_int_equal(guest.flags, HELLO_WANTS_PROOFS);
    assert_memory_equal(guest.key, fixture->hello.public_key, PUBLIC_KEY_BYTES);
    fixture->facts.has_key = true;
    expect(fixture, HELLO_SENDER);
    fixture->facts.has_key = false;
    fixture->scene.expected = 2; /* we dialled a replica */
    expect(fixture, HELLO_SENDER);
}

static void a_client_cannot_speak_for_a_replica(void **state)
{
    struct fixture *fixture = *state;
    be_client(fixture);
    fixture->seed = fixture->seeds[3];
    memcpy(fixture->hello.public_key, fixture->roster.members[3].sign_pk, PUBLIC_KEY_BYTES);
    expect(fixture, HELLO_SENDER);
    be_client(fixture);
    fixture->rid = 2;
    expect(fixture, HELLO_SENDER);
}

static void other_roles_do_not_connect(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t role = 0; role <= 8; role++) {
        if (role == ROLE_REPLICA || role == ROLE_HOLDER) {
            continue;
        }
        fixture->hello.role = role;
        expect(fixture, HELLO_ROLE);
    }
}

static void other_bytes_are_no_hello(void **state)
{
    struct fixture *fixture = *state;
    struct hello_guest guest;
    uint8_t copy[HELLO_FRAME_BYTES_MAX];
    struct bytes good = encode(fixture, MESSAGE_HELLO);
    memcpy(copy, good.data, good.len);
    for (size_t len = 0; len < good.len; len++) {
        assert_int_equal(hello_judge(&fixture->scene, bytes_make(copy, len), &guest),
                         HELLO_MALFORMED);
    }
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(hello_judge(&fixture->scene, bytes_make(copy, good.len), &guest),
                             HELLO_OK);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(hello_judge(&fixture->scene, encode(fixture, MESSAGE_STATUS), &guest),
                     HELLO_MALFORMED);
}

static void what_a_replica_says_is_understood_by_another(void **state)
{
    struct fixture *fixture = *state;
    uint8_t memory[HELLO_FRAME_BYTES_MAX];
    struct buffer frame = buffer_make(memory, sizeof(memory));
    struct hello_guest guest;
    struct speaker speaker = {.scheme = &sig_fast,
                              .cluster_id = fixture->cluster_id,
                              .seed = fixture->seeds[2],
                              .rid = 2};
    memcpy(speaker.public_key, fixture->roster.members[2].sign_pk, PUBLIC_KEY_BYTES);
    hello_put(&frame, &speaker, 5, fixture->facts.exporter);
    assert_false(frame.full);
    struct bytes content = bytes_make(memory + FRAME_HEADER_BYTES, frame.len - FRAME_HEADER_BYTES);
    assert_int_equal(bytes_get_u32be(memory), content.len);
    assert_int_equal(hello_judge(&fixture->scene, content, &guest), HELLO_OK);
    assert_int_equal(guest.rid, 2);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_replica_is_known_by_all_of_its_keys),
        TEST(a_replica_with_a_wrong_key_is_not_let_in),
        TEST(a_replica_may_still_speak_by_the_keys_of_the_epoch_before),
        TEST(a_replica_is_who_was_dialled_and_in_the_roster),
        TEST(nobody_else_is_this_replica),
        TEST(a_hello_of_another_channel_is_refused),
        TEST(a_hello_of_another_cluster_is_refused),
        TEST(a_client_has_a_key_and_flags_and_no_certificate),
        TEST(a_client_cannot_speak_for_a_replica),
        TEST(other_roles_do_not_connect),
        TEST(other_bytes_are_no_hello),
        TEST(what_a_replica_says_is_understood_by_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
