#include "auth/signature.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_MIN = 32, RSA_BITS_MIN = 2048, ES256_HALF = 32 };

struct cf_signature_key {
    const char *algorithm;
    EVP_PKEY *public_key; /* NULL: HS256 */
    const EVP_MD *digest; /* NULL: EdDSA, which has its own */
    size_t secret_len;
    uint8_t secret[];
};

enum cf_error cf_signature_hs256(struct cf_slice secret, struct cf_slice text, uint8_t out[32])
{
    unsigned len = 0;
    if (secret.len < SECRET_MIN || secret.len > INT32_MAX)
        return CF_E_INVALID;
    if (HMAC(EVP_sha256(), secret.ptr, (int)secret.len, text.ptr, text.len, out, &len) == NULL)
        return CF_E_NOMEM;
    return len == 32 ? CF_OK : CF_E_STATE;
}

static enum cf_error new_secret(struct cf_slice secret, struct cf_signature_key **out_key,
                                const char **out_why)
{
    if (secret.len < SECRET_MIN) {
        *out_why = "an HS256 secret needs at least 32 bytes";
        return CF_E_INVALID;
    }
    struct cf_signature_key *key = calloc(1, sizeof(*key) + secret.len);
    if (key == NULL)
        return CF_E_NOMEM;
    key->algorithm = "HS256";
    key->secret_len = secret.len;
    memcpy(key->secret, secret.ptr, secret.len);
    *out_key = key;
    return CF_OK;
}

/* Which algorithm a public key stands for; NULL: none that is served. */
static const char *algorithm_of(EVP_PKEY *public_key, const char **out_why)
{
    char group[64];
    size_t len = 0;
    switch (EVP_PKEY_get_base_id(public_key)) {
    case EVP_PKEY_RSA:
        if (EVP_PKEY_get_bits(public_key) >= RSA_BITS_MIN)
            return "RS256";
        *out_why = "an RSA key needs at least 2048 bits";
        return NULL;
    case EVP_PKEY_EC:
        if (EVP_PKEY_get_group_name(public_key, group, sizeof(group), &len) == 1 &&
            strcmp(group, "prime256v1") == 0)
            return "ES256";
        *out_why = "an EC key must be of the curve P-256";
        return NULL;
    case EVP_PKEY_ED25519:
        return "EdDSA";
    default:
        *out_why = "the key is none of RSA, EC P-256 and Ed25519";
        return NULL;
    }
}

static enum cf_error new_public(struct cf_slice pem, struct cf_signature_key **out_key,
                                const char **out_why)
{
    BIO *bio = pem.len > INT32_MAX ? NULL : BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL)
        return CF_E_NOMEM;
    EVP_PKEY *public_key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (public_key == NULL) {
        *out_why = "no public key in PEM form (-----BEGIN PUBLIC KEY-----)";
        return CF_E_INVALID;
    }
    const char *algorithm = algorithm_of(public_key, out_why);
    struct cf_signature_key *key = algorithm == NULL ? NULL : calloc(1, sizeof(*key));
    if (key == NULL) {
        EVP_PKEY_free(public_key);
        return algorithm == NULL ? CF_E_INVALID : CF_E_NOMEM;
    }
    key->algorithm = algorithm;
    key->public_key = public_key;
    key->digest = strcmp(algorithm, "EdDSA") == 0 ? NULL : EVP_sha256();
    *out_key = key;
    return CF_OK;
}

enum cf_error cf_signature_key_new(struct cf_slice secret, struct cf_slice public_key_pem,
                                   struct cf_signature_key **out_key, const char **out_why)
{
    if ((secret.len > 0) == (public_key_pem.len > 0)) {
        *out_why = "exactly one of a secret and a public key is needed";
        return CF_E_INVALID;
    }
    return secret.len > 0 ? new_secret(secret, out_key, out_why)
                          : new_public(public_key_pem, out_key, out_why);
}

void cf_signature_key_free(struct cf_signature_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->public_key);
    OPENSSL_cleanse(key->secret, key->secret_len);
    free(key);
}

const char *cf_signature_algorithm(const struct cf_signature_key *key)
{
    return key->algorithm;
}

/* r and s as 32 bytes each (RFC 7518 section 3.4) into the DER form that OpenSSL reads. Zero is
 * refused for both, whatever the library would say. NULL: not such a signature. */
static uint8_t *ecdsa_der(struct cf_slice raw, size_t *out_len)
{
    if (raw.len != 2 * ES256_HALF)
        return NULL;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.ptr, ES256_HALF, NULL);
    BIGNUM *s = BN_bin2bn(raw.ptr + ES256_HALF, ES256_HALF, NULL);
    uint8_t *der = NULL;
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(signature);
        return NULL;
    }
    int len = BN_is_zero(r) || BN_is_zero(s) ? -1 : i2d_ECDSA_SIG(signature, &der);
    ECDSA_SIG_free(signature);
    *out_len = len > 0 ? (size_t)len : 0;
    return len > 0 ? der : NULL;
}

static bool digest_verifies(const struct cf_signature_key *key, struct cf_slice text,
                            struct cf_slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool right = context != NULL &&
                 EVP_DigestVerifyInit(context, NULL, key->digest, NULL, key->public_key) == 1 &&
                 EVP_DigestVerify(context, signature.ptr, signature.len, text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return right;
}

enum cf_error cf_signature_verify(const struct cf_signature_key *key, struct cf_slice text,
                                  struct cf_slice signature)
{
    bool right;
    if (key->public_key == NULL) {
        uint8_t wanted[32];
        enum cf_error error =
            cf_signature_hs256(cf_slice_of(key->secret, key->secret_len), text, wanted);
        if (error != CF_OK)
            return error;
        right = signature.len == sizeof(wanted) &&
                CRYPTO_memcmp(signature.ptr, wanted, sizeof(wanted)) == 0;
    } else if (strcmp(key->algorithm, "ES256") == 0) {
        size_t len = 0;
        uint8_t *der = ecdsa_der(signature, &len);
        right = der != NULL && digest_verifies(key, text, cf_slice_of(der, len));
        OPENSSL_free(der);
    } else {
        right = digest_verifies(key, text, signature);
    }
    return right ? CF_OK : CF_E_UNAUTHENTICATED;
}
