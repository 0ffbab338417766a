/* Tokens that a test makes itself with OpenSSL, apart from the code under test: any header, any
 * claims, any signature. */
#ifndef CF_TESTS_UNIT_AUTH_TOKENS_H
#define CF_TESTS_UNIT_AUTH_TOKENS_H

#include "unit/base/support.h"

#include <stdio.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "auth/jwt.h"
#include "base/base64.h"

enum { TOKEN_MAX = 8192, RAW_MAX = 1024 };

static const uint8_t hash_key[16] = {9, 8, 7};
static const char secret[] = "a secret of the tests, 32 bytes or more";

/* 2027-01-15T08:00:00Z, when every test takes place. */
#define NOW_S 1800000000
#define NOW ((cf_us)NOW_S * 1000000)

enum kind { HS256, RS256, ES256, EDDSA, KINDS };

static const char *const algorithms[KINDS] = {"HS256", "RS256", "ES256", "EdDSA"};

struct keys {
    EVP_PKEY *own[KINDS];   /* NULL for HS256 */
    EVP_PKEY *other[KINDS]; /* of the same kinds */
    struct cf_buf pem[KINDS];
    struct cf_jwt_verifier *verifiers[KINDS];
    struct cf_jwt_verifier *strict; /* HS256, with issuer and audience */
};

static inline EVP_PKEY *make_key(enum kind kind)
{
    if (kind == RS256)
        return EVP_RSA_gen(2048);
    return kind == ES256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static inline void write_public_pem(const EVP_PKEY *key, struct cf_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    assert_int_equal(PEM_write_bio_PUBKEY(bio, (EVP_PKEY *)key), 1);
    long len = BIO_get_mem_data(bio, &text);
    assert_int_equal(cf_buf_append(out, cf_slice_of(text, (size_t)len)), CF_OK);
    BIO_free(bio);
}

static inline struct cf_jwt_verifier *make_verifier(const struct cf_jwt_config *config)
{
    struct cf_jwt_verifier *verifier = NULL;
    const char *why = "nothing";
    enum cf_error error = cf_jwt_verifier_new(config, hash_key, &verifier, &why);
    if (error != CF_OK)
        fail_msg("%s: %s", cf_error_name(error), why);
    return verifier;
}

static inline int make_keys(void **state)
{
    static struct keys keys;
    keys.verifiers[HS256] = make_verifier(&(struct cf_jwt_config){.secret = cf_slice_cstr(secret)});
    keys.strict = make_verifier(&(struct cf_jwt_config){.secret = cf_slice_cstr(secret),
                                                        .issuer = CF_LIT("https://issuer.example"),
                                                        .audience = CF_LIT("chat")});
    for (enum kind kind = RS256; kind < KINDS; kind++) {
        keys.own[kind] = make_key(kind);
        keys.other[kind] = make_key(kind);
        cf_buf_init(&keys.pem[kind], 4096);
        write_public_pem(keys.own[kind], &keys.pem[kind]);
        keys.verifiers[kind] =
            make_verifier(&(struct cf_jwt_config){.public_key_pem = cf_buf_peek(&keys.pem[kind])});
    }
    *state = &keys;
    return 0;
}

static inline int free_keys(void **state)
{
    struct keys *keys = *state;
    for (enum kind kind = HS256; kind < KINDS; kind++) {
        cf_jwt_verifier_free(keys->verifiers[kind]);
        EVP_PKEY_free(keys->own[kind]);
        EVP_PKEY_free(keys->other[kind]);
        cf_buf_deinit(&keys->pem[kind]);
    }
    cf_jwt_verifier_free(keys->strict);
    return 0;
}

/* ---- signatures ---- */

/* RFC 7518 section 3.4: r and s, 32 bytes each, out of the DER that OpenSSL makes. */
static inline size_t raw_of_der(const uint8_t *der, size_t der_len, uint8_t *out)
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    assert_non_null(signature);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32), 32);
    ECDSA_SIG_free(signature);
    return 64;
}

static inline size_t sign_with(EVP_PKEY *key, const char *digest, struct cf_slice text,
                               uint8_t out[RAW_MAX])
{
    size_t len = RAW_MAX;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(context, out, &len, text.ptr, text.len), 1);
    EVP_MD_CTX_free(context);
    return len;
}

static inline size_t hmac_with(struct cf_slice key, struct cf_slice text, uint8_t out[RAW_MAX])
{
    unsigned len = 0;
    assert_non_null(HMAC(EVP_sha256(), key.ptr, (int)key.len, text.ptr, text.len, out, &len));
    return len;
}

/* A right signature; `key` NULL: with the secret. */
static inline size_t sign(enum kind kind, EVP_PKEY *key, struct cf_slice text, uint8_t out[RAW_MAX])
{
    uint8_t der[RAW_MAX];
    if (kind == HS256)
        return hmac_with(cf_slice_cstr(secret), text, out);
    if (kind == ES256)
        return raw_of_der(der, sign_with(key, "SHA256", text, der), out);
    return sign_with(key, kind == EDDSA ? NULL : "SHA256", text, out);
}

/* ---- tokens ---- */

/* "header.claims" */
static inline void put_signed_text(struct cf_buf *token, struct cf_slice header,
                                   struct cf_slice claims)
{
    cf_buf_reset(token);
    assert_int_equal(cf_base64_encode(CF_BASE64_URL, header, token), CF_OK);
    assert_int_equal(cf_buf_append_byte(token, '.'), CF_OK);
    assert_int_equal(cf_base64_encode(CF_BASE64_URL, claims, token), CF_OK);
}

static inline void put_signature(struct cf_buf *token, const uint8_t *signature, size_t len)
{
    assert_int_equal(cf_buf_append_byte(token, '.'), CF_OK);
    assert_int_equal(cf_base64_encode(CF_BASE64_URL, cf_slice_of(signature, len), token), CF_OK);
}

static inline void put_token(struct cf_buf *token, enum kind kind, EVP_PKEY *key,
                             struct cf_slice header, struct cf_slice claims)
{
    uint8_t signature[RAW_MAX];
    put_signed_text(token, header, claims);
    size_t len = sign(kind, key, cf_buf_peek(token), signature);
    put_signature(token, signature, len);
}

/* The header says the kind's algorithm. */
static inline void put_good_token(struct cf_buf *token, const struct keys *keys, enum kind kind,
                                  const char *claims)
{
    char header[64];
    (void)snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\"}", algorithms[kind]);
    put_token(token, kind, keys->own[kind], cf_slice_cstr(header), cf_slice_cstr(claims));
}

static inline enum cf_error verify(const struct cf_jwt_verifier *verifier, struct cf_slice token)
{
    struct cf_identity identity;
    memset(&identity, 0xA5, sizeof(identity));
    enum cf_error error = cf_jwt_verify(verifier, token, NOW, &identity);
    /* Untouched unless it is right. */
    if (error != CF_OK)
        assert_int_equal(identity.user_id_len, 0xA5A5);
    /* And nothing that the thread's TLS would stumble over. */
    assert_int_equal(ERR_peek_error(), 0);
    return error;
}

#endif
