/* Channels: TLS 1.3 or nothing, the expected key or nothing, one secret at both ends. */
#include "replica/host/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

struct fixture {
    struct channel_context *a;
    struct channel_context *b;
    uint8_t key_a[PUBLIC_KEY_BYTES];
    uint8_t key_b[PUBLIC_KEY_BYTES];
};

static void open_end(uint8_t fill, struct channel_context **out, uint8_t key[PUBLIC_KEY_BYTES])
{
    uint8_t seed[SEED_BYTES];
    size_t len = PUBLIC_KEY_BYTES;
    memset(seed, fill, sizeof(seed));
    assert_int_equal(channel_context_open(seed, out), STATUS_OK);
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
    assert_int_equal(EVP_PKEY_get_raw_public_key(pair, key, &len), 1);
    EVP_PKEY_free(pair);
}

static int setup(void **state)
{
    static struct fixture fixture;
    open_end('a', &fixture.a, fixture.key_a);
    open_end('b', &fixture.b, fixture.key_b);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    channel_context_close(fixture->a);
    channel_context_close(fixture->b);
    return 0;
}

/* Let both ends talk in memory until neither moves. True when both are through. */
static bool shake_hands(SSL *dialling, SSL *accepting)
{
    BIO *near = NULL;
    BIO *far = NULL;
    assert_int_equal(BIO_new_bio_pair(&near, 0, &far, 0), 1);
    SSL_set_bio(dialling, near, near);
    SSL_set_bio(accepting, far, far);
    SSL_set_connect_state(dialling);
    SSL_set_accept_state(accepting);
    for (int i = 0; i < 20; i++) {
        (void)SSL_do_handshake(dialling);
        (void)SSL_do_handshake(accepting);
    }
    return SSL_is_init_finished(dialling) && SSL_is_init_finished(accepting);
}

static void both_ends_know_each_other_and_share_a_secret(void **state)
{
    struct fixture *fixture = *state;
    SSL *dialling = channel_for_dial(fixture->a, fixture->key_b);
    SSL *accepting = channel_for_accept(fixture->b);
    struct channel_facts near;
    struct channel_facts far;
    assert_true(shake_hands(dialling, accepting));
    assert_int_equal(SSL_version(dialling), TLS1_3_VERSION);
    assert_true(channel_facts_read(dialling, &near));
    assert_true(channel_facts_read(accepting, &far));
    assert_memory_equal(near.exporter, far.exporter, HASH_BYTES);
    assert_memory_equal(near.key, fixture->key_b, PUBLIC_KEY_BYTES);
    assert_true(far.has_key);
    assert_memory_equal(far.key, fixture->key_a, PUBLIC_KEY_BYTES);
    SSL_free(dialling);
    SSL_free(accepting);
}

static void two_channels_have_two_secrets(void **state)
{
    struct fixture *fixture = *state;
    struct channel_facts facts[2];
    for (int i = 0; i < 2; i++) {
        SSL *dialling = channel_for_dial(fixture->a, fixture->key_b);
        SSL *accepting = channel_for_accept(fixture->b);
        assert_true(shake_hands(dialling, accepting));
        assert_true(channel_facts_read(dialling, &facts[i]));
        SSL_free(dialling);
        SSL_free(accepting);
    }
    assert_memory_not_equal(facts[0].exporter, facts[1].exporter, HASH_BYTES);
}

static void another_key_than_the_expected_is_refused(void **state)
{
    struct fixture *fixture = *state;
    uint8_t other[PUBLIC_KEY_BYTES];
    memcpy(other, fixture->key_b, sizeof(other));
    other[3] ^= 1;
    SSL *dialling = channel_for_dial(fixture->a, other);
    SSL *accepting = channel_for_accept(fixture->b);
    assert_false(shake_hands(dialling, accepting));
    SSL_free(dialling);
    SSL_free(accepting);
}

/* A client of the plain library, made as the test wants it. */
static SSL *stranger(int version, const char *alpn, SSL_CTX **context)
{
    *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(*context, version);
    SSL_CTX_set_max_proto_version(*context, version);
    SSL *ssl = SSL_new(*context);
    if (alpn != NULL) {
        uint8_t list[32];
        list[0] = (uint8_t)strlen(alpn);
        memcpy(list + 1, alpn, strlen(alpn));
        SSL_set_alpn_protos(ssl, list, (unsigned)strlen(alpn) + 1);
    }
    return ssl;
}

static bool stranger_is_let_in(struct fixture *fixture, int version, const char *alpn,
                               struct channel_facts *facts)
{
    SSL_CTX *context = NULL;
    SSL *dialling = stranger(version, alpn, &context);
    SSL *accepting = channel_for_accept(fixture->b);
    bool let_in = shake_hands(dialling, accepting) && channel_facts_read(accepting, facts);
    SSL_free(dialling);
    SSL_free(accepting);
    SSL_CTX_free(context);
    return let_in;
}

static void clients_show_no_certificate(void **state)
{
    struct fixture *fixture = *state;
    struct channel_facts facts;
    assert_true(stranger_is_let_in(fixture, TLS1_3_VERSION, CHANNEL_ALPN, &facts));
    assert_false(facts.has_key);
}

static void older_versions_and_other_protocols_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct channel_facts facts;
    assert_false(stranger_is_let_in(fixture, TLS1_2_VERSION, CHANNEL_ALPN, &facts));
    assert_false(stranger_is_let_in(fixture, TLS1_3_VERSION, "h2", &facts));
    assert_false(stranger_is_let_in(fixture, TLS1_3_VERSION, "vestry/2", &facts));
    assert_false(stranger_is_let_in(fixture, TLS1_3_VERSION, NULL, &facts));
}

static void a_certificate_of_another_kind_of_key_is_refused(void **state)
{
    struct fixture *fixture = *state;
    SSL_CTX *context = NULL;
    SSL *dialling = stranger(TLS1_3_VERSION, CHANNEL_ALPN, &context);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 1000);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    SSL_use_certificate(dialling, certificate);
    SSL_use_PrivateKey(dialling, key);
    SSL *accepting = channel_for_accept(fixture->b);
    assert_false(shake_hands(dialling, accepting));
    SSL_free(dialling);
    SSL_free(accepting);
    SSL_CTX_free(context);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ends_know_each_other_and_share_a_secret),
        TEST(two_channels_have_two_secrets),
        TEST(another_key_than_the_expected_is_refused),
        TEST(clients_show_no_certificate),
        TEST(older_versions_and_other_protocols_are_refused),
        TEST(a_certificate_of_another_kind_of_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
