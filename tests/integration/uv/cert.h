/* A certificate for 127.0.0.1, made anew for each test program and its own authority. */
#ifndef CF_TESTS_INTEGRATION_UV_CERT_H
#define CF_TESTS_INTEGRATION_UV_CERT_H

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "integration/uv/rig.h"

static inline void cert_write(const char *cert_path, const char *key_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    assert_non_null(key);
    assert_non_null(cert);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    assert_int_equal(X509_add_ext(cert, san, -1), 1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *file = fopen(cert_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    fclose(file);
    file = fopen(key_path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* Gives the rig both contexts. */
static inline void rig_use_tls(struct rig *rig)
{
    char dir[] = "/tmp/confab-uv-XXXXXX", cert[64], key[64];
    struct cf_buf why;
    assert_non_null(mkdtemp(dir));
    snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    cert_write(cert, key);
    cf_buf_init(&why, 1024);
    assert_int_equal(cf_tls_server_new(cert, key, &rig->server_tls, &why), CF_OK);
    assert_int_equal(cf_tls_client_new(cert, &rig->client_tls, &why), CF_OK);
    cf_buf_deinit(&why);
    unlink(cert);
    unlink(key);
    rmdir(dir);
}

#endif
