/* Tokens: the input as it is, under a secret and under public keys; the input as claims, and its
 * two halves (at the first NUL) as header and claims, of tokens that are signed rightly, so that
 * what stands behind the signature is reached. Besides what the sanitizers see:
 *
 *  - who is let in has an id and a name within their limits, valid UTF-8 without control
 * characters, and a token that has not expired
 *  - whom the verifier with issuer and audience lets in, the one without lets in as well, and as
 * the same
 *  - nobody is let in under a public key whose private half is nowhere
 *  - OpenSSL's list of errors is as empty as before */
#include <openssl/err.h>
#include <string.h>

#include "auth/jwt.h"
#include "auth/signature.h"
#include "base/assert.h"
#include "base/base64.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1000000, HMAC_LEN = 32, TOKEN_MAX = 1 << 20 };

static const uint8_t hash_key[16] = {1};
static const char secret[] = "a secret for fuzzing, long enough: 0123";

/* RFC 7515 appendix A.3, RFC 8037 appendix A.4; their examples name no user. */
static const char es256_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                                "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                                "-----END PUBLIC KEY-----\n";
static const char eddsa_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                "-----END PUBLIC KEY-----\n";

enum { PLAIN, STRICT, ES256, EDDSA, VERIFIERS };

static struct cf_jwt_verifier *verifiers[VERIFIERS];

static void make_verifiers(void)
{
    const struct cf_jwt_config configs[VERIFIERS] = {
        [PLAIN] = {.secret = cf_slice_cstr(secret)},
        [STRICT] = {.secret = cf_slice_cstr(secret),
                    .issuer = CF_LIT("i"),
                    .audience = CF_LIT("x")},
        [ES256] = {.public_key_pem = cf_slice_cstr(es256_pem)},
        [EDDSA] = {.public_key_pem = cf_slice_cstr(eddsa_pem)},
    };
    const char *why;
    for (size_t i = 0; i < VERIFIERS; i++)
        CF_ASSERT(cf_jwt_verifier_new(&configs[i], hash_key, &verifiers[i], &why) == CF_OK);
}

static enum cf_error verify(unsigned verifier, struct cf_slice token,
                            struct cf_identity *out_identity)
{
    enum cf_error error = cf_jwt_verify(verifiers[verifier], token, NOW, out_identity);
    CF_ASSERT(error == CF_OK || error == CF_E_UNAUTHENTICATED || error == CF_E_EXPIRED);
    CF_ASSERT(ERR_peek_error() == 0);
    return error;
}

static void check_name(struct cf_slice name, size_t bytes_max)
{
    CF_ASSERT(name.len >= 1 && name.len <= bytes_max);
    CF_ASSERT(cf_utf8_valid(name));
    for (size_t i = 0; i < name.len; i++) {
        bool c1 = i > 0 && name.ptr[i - 1] == 0xC2 && name.ptr[i] < 0xA0;
        CF_ASSERT(name.ptr[i] >= 0x20 && name.ptr[i] != 0x7F && !c1);
    }
}

static void check_token(struct cf_slice token)
{
    struct cf_identity identity, again;
    enum cf_error plain = verify(PLAIN, token, &identity);
    enum cf_error strict = verify(STRICT, token, &again);
    CF_ASSERT(strict == CF_E_UNAUTHENTICATED || strict == plain);
    CF_ASSERT(strict != CF_OK || memcmp(&identity, &again, sizeof(identity)) == 0);
    CF_ASSERT(verify(ES256, token, &again) == CF_E_UNAUTHENTICATED);
    CF_ASSERT(verify(EDDSA, token, &again) == CF_E_UNAUTHENTICATED);
    if (plain != CF_OK)
        return;
    check_name(cf_identity_user(&identity), CF_USER_ID_MAX);
    check_name(cf_identity_name(&identity), CF_USER_NAME_MAX);
    CF_ASSERT(identity.expires > NOW);
}

static void check_signed(struct cf_slice header, struct cf_slice claims)
{
    struct cf_buf token;
    uint8_t signature[HMAC_LEN];
    cf_buf_init(&token, TOKEN_MAX);
    if (cf_base64_encode(CF_BASE64_URL, header, &token) == CF_OK &&
        cf_buf_append_byte(&token, '.') == CF_OK &&
        cf_base64_encode(CF_BASE64_URL, claims, &token) == CF_OK &&
        cf_signature_hs256(cf_slice_cstr(secret), cf_buf_peek(&token), signature) == CF_OK &&
        cf_buf_append_byte(&token, '.') == CF_OK &&
        cf_base64_encode(CF_BASE64_URL, cf_slice_of(signature, HMAC_LEN), &token) == CF_OK)
        check_token(cf_buf_peek(&token));
    cf_buf_deinit(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_slice input = cf_slice_of(data, size);
    size_t nul = cf_slice_find(input, 0);
    if (verifiers[PLAIN] == NULL)
        make_verifiers();
    check_token(input);
    check_signed(CF_LIT("{\"alg\":\"HS256\"}"), input);
    check_signed(cf_slice_head(input, nul), cf_slice_skip(input, nul + 1));
    return 0;
}
