/* Tokens: the input as it is, and its two halves (at the first NUL) as header and claims of a token
 * that is signed rightly, so that what stands behind the signature is reached. */
#include <string.h>

#include "auth/jwt.h"
#include "auth/signature.h"
#include "base/base64.h"
#include "split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t hash_key[16] = {1};
static const char secret[] = "a secret for fuzzing, long enough: 0123";

static struct cf_jwt_verifier *verifier(void)
{
    static struct cf_jwt_verifier *made;
    struct cf_jwt_config config = {.secret = cf_slice_cstr(secret)};
    const char *why;
    if (made == NULL && cf_jwt_verifier_new(&config, hash_key, &made, &why) != CF_OK)
        abort();
    return made;
}

static void verify(struct cf_slice token)
{
    struct cf_identity identity;
    if (cf_jwt_verify(verifier(), token, 1000000, &identity) != CF_OK)
        return;
    if (identity.user_id_len == 0 || identity.user_id_len > CF_USER_ID_MAX ||
        identity.name_len == 0 || identity.name_len > CF_USER_NAME_MAX ||
        identity.expires <= 1000000)
        abort();
}

static void verify_signed(struct cf_slice header, struct cf_slice claims)
{
    struct cf_buf token;
    uint8_t signature[32];
    cf_buf_init(&token, 1 << 20);
    if (cf_base64_encode(CF_BASE64_URL, header, &token) == CF_OK &&
        cf_buf_append_byte(&token, '.') == CF_OK &&
        cf_base64_encode(CF_BASE64_URL, claims, &token) == CF_OK &&
        cf_signature_hs256(cf_slice_cstr(secret), cf_buf_peek(&token), signature) == CF_OK &&
        cf_buf_append_byte(&token, '.') == CF_OK &&
        cf_base64_encode(CF_BASE64_URL, cf_slice_of(signature, 32), &token) == CF_OK)
        verify(cf_buf_peek(&token));
    cf_buf_deinit(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_slice input = cf_slice_of(data, size);
    size_t nul = cf_slice_find(input, 0);
    verify(input);
    verify_signed(CF_LIT("{\"alg\":\"HS256\"}"), input);
    verify_signed(cf_slice_head(input, nul), cf_slice_skip(input, nul + 1));
    return 0;
}
