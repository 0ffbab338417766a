#include "edge/tls/keys.h"

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/assert.h"

/* ---- suites ---- */

const char cf_tls_suite_names[] =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

enum cf_error cf_tls_suites_init(struct cf_tls_suites *suites)
{
    *suites = (struct cf_tls_suites){{
        {0x1301, 16, 32, EVP_sha256(), EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL)},
        {0x1302, 32, 48, EVP_sha384(), EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL)},
        {0x1303, 32, 32, EVP_sha256(), EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL)},
    }};
    for (size_t i = 0; i < CF_TLS_SUITES; i++)
        if (suites->each[i].aead == NULL)
            return CF_E_NOMEM;
    return CF_OK;
}

void cf_tls_suites_deinit(struct cf_tls_suites *suites)
{
    for (size_t i = 0; i < CF_TLS_SUITES; i++)
        EVP_CIPHER_free(suites->each[i].aead);
}

const struct cf_tls_suite *cf_tls_suite_find(const struct cf_tls_suites *suites, uint16_t id)
{
    for (size_t i = 0; i < CF_TLS_SUITES; i++)
        if (suites->each[i].id == id)
            return &suites->each[i];
    return NULL;
}

/* ---- keys ---- */

/* HKDF-Expand-Label(Secret, Label, "", len) of RFC 8446 section 7.1. As `len` is at most the
 * hash's, HKDF-Expand is one HMAC over the label and a 1 (RFC 5869 section 2.3). */
static enum cf_error expand_label(const struct cf_tls_suite *suite, const uint8_t *secret,
                                  const char *label, size_t len, uint8_t *out)
{
    uint8_t info[32], block[EVP_MAX_MD_SIZE];
    size_t label_len = strlen(label), at = 0;
    CF_ASSERT(len <= suite->secret_len && label_len <= 16);
    info[at++] = 0; /* HkdfLabel.length */
    info[at++] = (uint8_t)len;
    info[at++] = (uint8_t)(6 + label_len);
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, label, label_len);
    at += 6 + label_len;
    info[at++] = 0; /* the context's length */
    info[at++] = 1;
    if (HMAC(suite->hash, secret, suite->secret_len, info, at, block, NULL) == NULL) {
        ERR_clear_error();
        return CF_E_NOMEM;
    }
    memcpy(out, block, len);
    OPENSSL_cleanse(block, sizeof(block));
    return CF_OK;
}

/* RFC 8446 section 7.3; the sequence begins anew with every key (5.3). */
static enum cf_error derive(struct cf_tls_keys *keys, const struct cf_tls_suite *suite)
{
    keys->sequence = 0;
    enum cf_error error = expand_label(suite, keys->secret, "key", suite->key_len, keys->key);
    return error != CF_OK ? error : expand_label(suite, keys->secret, "iv", CF_TLS_IV, keys->iv);
}

enum cf_error cf_tls_keys_init(struct cf_tls_keys *keys, const struct cf_tls_suite *suite,
                               const uint8_t *secret)
{
    memcpy(keys->secret, secret, suite->secret_len);
    return derive(keys, suite);
}

/* RFC 8446 section 7.2. */
enum cf_error cf_tls_keys_update(struct cf_tls_keys *keys, const struct cf_tls_suite *suite)
{
    enum cf_error error =
        expand_label(suite, keys->secret, "traffic upd", suite->secret_len, keys->secret);
    return error != CF_OK ? error : derive(keys, suite);
}

/* ---- records ---- */

/* The nonce is the IV with the sequence number, big-endian, in its last 8 bytes (RFC 8446 section
 * 5.3). NULL without memory. */
static EVP_CIPHER_CTX *begin(const struct cf_tls_keys *keys, const struct cf_tls_suite *suite,
                             bool seal)
{
    uint8_t nonce[CF_TLS_IV];
    memcpy(nonce, keys->iv, CF_TLS_IV);
    for (unsigned i = 0; i < 8; i++)
        nonce[CF_TLS_IV - 1 - i] ^= (uint8_t)(keys->sequence >> 8 * i);
    EVP_CIPHER_CTX *aead = EVP_CIPHER_CTX_new();
    if (aead != NULL && EVP_CipherInit_ex2(aead, suite->aead, keys->key, nonce, seal, NULL) == 1)
        return aead;
    EVP_CIPHER_CTX_free(aead);
    return NULL;
}

/* An error of OpenSSL's own, which none of our input explains. */
static enum cf_error end(EVP_CIPHER_CTX *aead, enum cf_error error)
{
    EVP_CIPHER_CTX_free(aead);
    if (error != CF_OK)
        ERR_clear_error();
    return error;
}

static bool seal_bytes(EVP_CIPHER_CTX *aead, uint8_t type, struct cf_slice content, uint8_t *out)
{
    int len;
    uint8_t *at = out + CF_TLS_HEADER;
    if (EVP_EncryptUpdate(aead, NULL, &len, out, CF_TLS_HEADER) != 1)
        return false;
    if (content.len > 0 && EVP_EncryptUpdate(aead, at, &len, content.ptr, (int)content.len) != 1)
        return false;
    at += content.len;
    return EVP_EncryptUpdate(aead, at, &len, &type, 1) == 1 &&
           EVP_EncryptFinal_ex(aead, at + 1, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(aead, EVP_CTRL_AEAD_GET_TAG, CF_TLS_TAG, at + 1) == 1;
}

enum cf_error cf_tls_seal(struct cf_tls_keys *keys, const struct cf_tls_suite *suite, uint8_t type,
                          struct cf_slice content, uint8_t *out)
{
    size_t len = content.len + 1 + CF_TLS_TAG;
    const uint8_t header[] = {23, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(out, header, CF_TLS_HEADER);
    EVP_CIPHER_CTX *aead = begin(keys, suite, true);
    if (aead == NULL || !seal_bytes(aead, type, content, out))
        return end(aead, CF_E_NOMEM);
    keys->sequence++;
    return end(aead, CF_OK);
}

enum cf_error cf_tls_open(struct cf_tls_keys *keys, const struct cf_tls_suite *suite,
                          struct cf_slice record, uint8_t *out)
{
    uint8_t tag[CF_TLS_TAG];
    struct cf_slice body = cf_slice_skip(record, CF_TLS_HEADER);
    body.len -= CF_TLS_TAG;
    memcpy(tag, body.ptr + body.len, CF_TLS_TAG); /* OpenSSL wants it writable */
    EVP_CIPHER_CTX *aead = begin(keys, suite, false);
    int len;
    if (aead == NULL || EVP_CIPHER_CTX_ctrl(aead, EVP_CTRL_AEAD_SET_TAG, CF_TLS_TAG, tag) != 1 ||
        EVP_DecryptUpdate(aead, NULL, &len, record.ptr, CF_TLS_HEADER) != 1 ||
        (body.len > 0 && EVP_DecryptUpdate(aead, out, &len, body.ptr, (int)body.len) != 1))
        return end(aead, CF_E_NOMEM);
    if (EVP_DecryptFinal_ex(aead, tag, &len) != 1)
        return end(aead, CF_E_PROTOCOL);
    keys->sequence++;
    return end(aead, CF_OK);
}
