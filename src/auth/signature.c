#include "auth/signature.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

enum {
    SECRET_MIN = 32, /* RFC 7518 section 3.2: as long as the hash */
    HS256_LEN = 32,
    RSA_BITS_MIN = 2048, /* RFC 7518 section 3.3 */
    P256_INT_LEN = 32,
    P256_DER_MAX = 72, /* two integers of 33 bytes, their heads, the sequence's */
};

struct cf_signature_key {
    const char *algorithm;
    EVP_MAC_CTX *mac; /* HS256: holds the secret, each check begins with a copy */
    EVP_PKEY *public_key;
    EVP_MD *digest; /* NULL: the signature scheme has its own */
    enum cf_error (*verify)(const struct cf_signature_key *key, struct cf_slice text,
                            struct cf_slice signature);
};

/* OpenSSL says of most things only that they did not work: was it for want of memory? Takes what it
 * has noted, all of it. */
static bool ran_out_of_memory(void)
{
    bool did = false;
    for (unsigned long noted; (noted = ERR_get_error()) != 0;)
        did = did || ERR_GET_REASON(noted) == ERR_R_MALLOC_FAILURE;
    return did;
}

/* ---- checking ---- */

static enum cf_error verify_hs256(const struct cf_signature_key *key, struct cf_slice text,
                                  struct cf_slice signature)
{
    uint8_t mac[HS256_LEN];
    size_t len = 0;
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->mac);
    bool made = context != NULL && EVP_MAC_update(context, text.ptr, text.len) == 1 &&
                EVP_MAC_final(context, mac, &len, sizeof(mac)) == 1;
    EVP_MAC_CTX_free(context);
    if (!made)
        return CF_E_NOMEM;
    if (signature.len != len || CRYPTO_memcmp(mac, signature.ptr, len) != 0)
        return CF_E_UNAUTHENTICATED;
    return CF_OK;
}

/* RS256 and EdDSA as they are; OpenSSL checks the signature's length. */
static enum cf_error verify_public(const struct cf_signature_key *key, struct cf_slice text,
                                   struct cf_slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL)
        return CF_E_NOMEM;
    enum cf_error error = CF_E_UNAUTHENTICATED;
    if (EVP_DigestVerifyInit(context, NULL, key->digest, NULL, key->public_key) != 1)
        error = CF_E_NOMEM;
    else if (EVP_DigestVerify(context, signature.ptr, signature.len, text.ptr, text.len) == 1)
        error = CF_OK;
    EVP_MD_CTX_free(context);
    return error;
}

/* A number of P256_INT_LEN bytes as a DER integer; returns its length. */
static size_t put_der_integer(const uint8_t *number, uint8_t *out)
{
    size_t zeros = 0;
    while (zeros < P256_INT_LEN - 1 && number[zeros] == 0)
        zeros++;
    size_t at = 2, sign = number[zeros] >> 7;
    if (sign == 1)
        out[at++] = 0;
    for (size_t i = zeros; i < P256_INT_LEN; i++)
        out[at++] = number[i];
    out[0] = V_ASN1_INTEGER;
    out[1] = (uint8_t)(at - 2);
    return at;
}

static bool is_zero(const uint8_t *number)
{
    static const uint8_t zero[P256_INT_LEN];
    return CRYPTO_memcmp(number, zero, P256_INT_LEN) == 0;
}

/* RFC 7518 section 3.4: the signature is r and s, 32 bytes each; OpenSSL wants them in DER. Zero is
 * refused here too: CVE-2022-21449 was a library that forgot it. */
static enum cf_error verify_es256(const struct cf_signature_key *key, struct cf_slice text,
                                  struct cf_slice signature)
{
    if (signature.len != 2 * P256_INT_LEN)
        return CF_E_UNAUTHENTICATED;
    const uint8_t *r = signature.ptr, *s = signature.ptr + P256_INT_LEN;
    if (is_zero(r) || is_zero(s))
        return CF_E_UNAUTHENTICATED;
    uint8_t der[P256_DER_MAX];
    size_t len = 2;
    len += put_der_integer(r, der + len);
    len += put_der_integer(s, der + len);
    der[0] = V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED;
    der[1] = (uint8_t)(len - 2);
    return verify_public(key, text, cf_slice_of(der, len));
}

/* What OpenSSL notes about a bad signature must not be found by the thread's TLS later. */
enum cf_error cf_signature_verify(const struct cf_signature_key *key, struct cf_slice text,
                                  struct cf_slice signature)
{
    ERR_set_mark();
    enum cf_error error = key->verify(key, text, signature);
    if (error == CF_E_UNAUTHENTICATED && ran_out_of_memory())
        error = CF_E_NOMEM; /* who is right must not be told to log in anew */
    ERR_pop_to_mark();
    return error;
}

const char *cf_signature_algorithm(const struct cf_signature_key *key)
{
    return key->algorithm;
}

/* ---- making ---- */

void cf_signature_key_free(struct cf_signature_key *key)
{
    if (key == NULL)
        return;
    EVP_MAC_CTX_free(key->mac);
    EVP_PKEY_free(key->public_key);
    EVP_MD_free(key->digest);
    free(key);
}

static EVP_MAC_CTX *new_hmac(struct cf_slice secret)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac); /* the context has its own reference */
    if (context != NULL && EVP_MAC_init(context, secret.ptr, secret.len, params) != 1) {
        EVP_MAC_CTX_free(context);
        return NULL;
    }
    return context;
}

static enum cf_error new_secret(struct cf_slice secret, struct cf_signature_key **out_key,
                                const char **out_why)
{
    if (secret.len < SECRET_MIN) {
        *out_why = "the secret is shorter than 32 bytes; make one with `openssl rand -base64 48`";
        return CF_E_INVALID;
    }
    /* Whoever has the public key could sign with it. */
    if (cf_slice_starts(secret, CF_LIT("-----BEGIN "))) {
        *out_why = "the secret is a PEM file's text; a public key goes where public keys go";
        return CF_E_INVALID;
    }
    struct cf_signature_key *key = calloc(1, sizeof(*key));
    if (key == NULL)
        return CF_E_NOMEM;
    key->algorithm = "HS256";
    key->verify = verify_hs256;
    key->mac = new_hmac(secret);
    if (key->mac == NULL) {
        cf_signature_key_free(key);
        return CF_E_NOMEM;
    }
    *out_key = key;
    return CF_OK;
}

/* No key is worth waiting at a terminal for its passphrase. */
static int refuse_passphrase(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}

static enum cf_error parse_pem(struct cf_slice pem, EVP_PKEY **out_public_key, const char **out_why)
{
    if (pem.len > INT32_MAX) {
        *out_why = "the file is too large for a public key";
        return CF_E_INVALID;
    }
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL)
        return CF_E_NOMEM;
    *out_public_key = PEM_read_bio_PUBKEY(bio, NULL, refuse_passphrase, NULL);
    BIO_free(bio);
    if (*out_public_key != NULL)
        return CF_OK;
    *out_why = "no public key in PEM (-----BEGIN PUBLIC KEY-----) in it; "
               "`openssl pkey -in private.pem -pubout` makes one";
    return CF_E_INVALID;
}

static bool is_p256(const EVP_PKEY *public_key)
{
    char group[32];
    return EVP_PKEY_get_group_name(public_key, group, sizeof(group), NULL) == 1 &&
           cf_slice_eq(cf_slice_cstr(group), CF_LIT(SN_X9_62_prime256v1));
}

/* The key's kind decides the algorithm; NULL: all is well. */
static const char *choose_algorithm(struct cf_signature_key *key)
{
    const EVP_PKEY *public_key = key->public_key;
    if (EVP_PKEY_is_a(public_key, "ED25519")) {
        key->algorithm = "EdDSA";
        key->verify = verify_public;
    } else if (EVP_PKEY_is_a(public_key, "EC")) {
        if (!is_p256(public_key))
            return "the EC key is not on the curve P-256, which ES256 needs";
        key->algorithm = "ES256";
        key->verify = verify_es256;
    } else if (EVP_PKEY_is_a(public_key, "RSA")) {
        if (EVP_PKEY_get_bits(public_key) < RSA_BITS_MIN)
            return "the RSA key has fewer than 2048 bits; make a longer one";
        key->algorithm = "RS256";
        key->verify = verify_public;
    } else {
        return "the key is neither RSA, EC P-256 nor Ed25519";
    }
    return NULL;
}

static enum cf_error check_public(EVP_PKEY *public_key, const char **out_why)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(public_key, NULL);
    if (context == NULL)
        return CF_E_NOMEM;
    bool sound = EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    if (sound)
        return CF_OK;
    *out_why = "the numbers of the public key are no such key";
    return CF_E_INVALID;
}

static enum cf_error fill_public(struct cf_signature_key *key, struct cf_slice pem,
                                 const char **out_why)
{
    enum cf_error error = parse_pem(pem, &key->public_key, out_why);
    if (error != CF_OK)
        return error;
    const char *why = choose_algorithm(key);
    if (why != NULL) {
        *out_why = why;
        return CF_E_INVALID;
    }
    error = check_public(key->public_key, out_why);
    if (error != CF_OK || EVP_PKEY_is_a(key->public_key, "ED25519"))
        return error;
    key->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    return key->digest == NULL ? CF_E_NOMEM : CF_OK;
}

static enum cf_error new_public(struct cf_slice pem, struct cf_signature_key **out_key,
                                const char **out_why)
{
    struct cf_signature_key *key = calloc(1, sizeof(*key));
    if (key == NULL)
        return CF_E_NOMEM;
    enum cf_error error = fill_public(key, pem, out_why);
    if (error != CF_OK) {
        cf_signature_key_free(key);
        return error;
    }
    *out_key = key;
    return CF_OK;
}

enum cf_error cf_signature_key_new(struct cf_slice secret, struct cf_slice public_key_pem,
                                   struct cf_signature_key **out_key, const char **out_why)
{
    if (secret.len == 0 && public_key_pem.len == 0) {
        *out_why = "there is neither a secret nor a public key; one is needed";
        return CF_E_INVALID;
    }
    if (secret.len > 0 && public_key_pem.len > 0) {
        *out_why = "there is both a secret and a public key; leave one out";
        return CF_E_INVALID;
    }
    ERR_set_mark();
    enum cf_error error = secret.len > 0 ? new_secret(secret, out_key, out_why)
                                         : new_public(public_key_pem, out_key, out_why);
    if (error == CF_E_INVALID && ran_out_of_memory())
        error = CF_E_NOMEM;
    ERR_pop_to_mark();
    return error;
}

/* ---- signing ---- */

enum cf_error cf_signature_hs256(struct cf_slice secret, struct cf_slice text,
                                 uint8_t out[HS256_LEN])
{
    if (secret.len < SECRET_MIN || secret.len > INT32_MAX)
        return CF_E_INVALID;
    ERR_set_mark();
    const uint8_t *made =
        HMAC(EVP_sha256(), secret.ptr, (int)secret.len, text.ptr, text.len, out, NULL);
    ERR_pop_to_mark();
    return made == NULL ? CF_E_NOMEM : CF_OK;
}
