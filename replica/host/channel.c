#include "replica/host/channel.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct channel_context {
    SSL_CTX *accepting;
    SSL_CTX *dialling;
};

/* ALPN on the wire: a length before each name. */
static const uint8_t alpn_list[] = "\x08" CHANNEL_ALPN;
#define ALPN_LIST_BYTES (sizeof alpn_list - 1)

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *argument)
{
    (void)ssl;
    (void)argument;
    for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
        if (in_len - at >= ALPN_LIST_BYTES && memcmp(in + at, alpn_list, ALPN_LIST_BYTES) == 0) {
            *out = in + at + 1;
            *out_len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Where an SSL keeps the key that it expects, which it owns. */
static int expected_index = -1;

static void free_expected(void *parent, void *expected, CRYPTO_EX_DATA *data, int index,
                          long argument, void *pointer)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)argument;
    (void)pointer;
    OPENSSL_free(expected);
}

static bool certificate_key(const X509 *certificate, uint8_t out[PUBLIC_KEY_BYTES])
{
    const EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
    size_t len = PUBLIC_KEY_BYTES;
    return key != NULL && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 &&
           EVP_PKEY_get_raw_public_key(key, out, &len) == 1 && len == PUBLIC_KEY_BYTES;
}

/* Called in the place of all of X.509's path building. That the other end has the secret half is
 * proven by CertificateVerify, which OpenSSL checks. */
static int verify_certificate(X509_STORE_CTX *store, void *argument)
{
    (void)argument;
    uint8_t key[PUBLIC_KEY_BYTES];
    if (!certificate_key(X509_STORE_CTX_get0_cert(store), key)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    const SSL *ssl =
        (const SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const uint8_t *expected = (const uint8_t *)SSL_get_ex_data(ssl, expected_index);
    if (expected != NULL && memcmp(expected, key, PUBLIC_KEY_BYTES) != 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    return 1;
}

/* Nobody reads anything in it but the key. A serial number, names and dates have to be there. */
static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_NAME_new();
    bool made =
        certificate != NULL && name != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"vestry", -1,
                                   -1, 0) == 1 &&
        X509_set_subject_name(certificate, name) == 1 &&
        X509_set_issuer_name(certificate, name) == 1 &&
        ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "19700101000000Z") == 1 &&
        ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1 &&
        X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, NULL) > 0;
    X509_NAME_free(name);
    if (!made) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

static SSL_CTX *make_context(const SSL_METHOD *method, EVP_PKEY *key, X509 *certificate)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL) {
        return NULL;
    }
    bool set = SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
               SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
               SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                                 "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
               SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1 &&
               SSL_CTX_set_num_tickets(context, 0) == 1 &&
               SSL_CTX_use_certificate(context, certificate) == 1 &&
               SSL_CTX_use_PrivateKey(context, key) == 1;
    if (!set) {
        SSL_CTX_free(context);
        return NULL;
    }
    /* A peer that goes away without close_notify has only closed; frames have lengths. */
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify_certificate, NULL);
    return context;
}

enum status channel_context_open(const uint8_t transport_seed[SEED_BYTES],
                                 struct channel_context **out)
{
    if (expected_index < 0) {
        expected_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_expected);
    }
    struct channel_context *context = (struct channel_context *)calloc(1, sizeof *context);
    if (context == NULL || expected_index < 0) {
        free(context);
        return STATUS_NO_MEMORY;
    }
    EVP_PKEY *key =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, transport_seed, SEED_BYTES);
    X509 *certificate = key == NULL ? NULL : make_certificate(key);
    if (certificate != NULL) {
        context->accepting = make_context(TLS_server_method(), key, certificate);
        context->dialling = make_context(TLS_client_method(), key, certificate);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (context->accepting == NULL || context->dialling == NULL ||
        SSL_CTX_set_alpn_protos(context->dialling, alpn_list, ALPN_LIST_BYTES) != 0) {
        channel_context_close(context);
        return STATUS_IO;
    }
    SSL_CTX_set_alpn_select_cb(context->accepting, select_protocol, NULL);
    *out = context;
    return STATUS_OK;
}

void channel_context_close(struct channel_context *context)
{
    SSL_CTX_free(context->accepting);
    SSL_CTX_free(context->dialling);
    free(context);
}

SSL *channel_for_accept(struct channel_context *context)
{
    return SSL_new(context->accepting);
}

SSL *channel_for_dial(struct channel_context *context, const uint8_t expected[PUBLIC_KEY_BYTES])
{
    SSL *ssl = SSL_new(context->dialling);
    uint8_t *copy = ssl == NULL ? NULL : (uint8_t *)OPENSSL_memdup(expected, PUBLIC_KEY_BYTES);
    if (copy == NULL || SSL_set_ex_data(ssl, expected_index, copy) != 1) {
        OPENSSL_free(copy);
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

bool channel_facts_read(SSL *ssl, struct channel_facts *out)
{
    const unsigned char *protocol = NULL;
    unsigned protocol_len = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &protocol_len);
    struct channel_facts facts = {0};
    if (protocol_len != ALPN_LIST_BYTES - 1 || memcmp(protocol, alpn_list + 1, protocol_len) != 0 ||
        SSL_export_keying_material(ssl, facts.exporter, sizeof facts.exporter, CHANNEL_EXPORTER,
                                   sizeof CHANNEL_EXPORTER - 1, NULL, 0, 0) != 1) {
        return false;
    }
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    facts.has_key = certificate != NULL;
    if (facts.has_key && !certificate_key(certificate, facts.key)) {
        return false;
    }
    *out = facts;
    return true;
}
