#include "auth/jwt.h"

#include <stdlib.h>
#include <string.h>

#include "auth/jwt_claims.h"
#include "auth/signature.h"
#include "base/base64.h"

enum { TOKEN_MAX = 8192, LEEWAY_MAX_S = 30, HS256_LEN = 32 };

/* {"alg":"HS256","typ":"JWT"} */
#define HS256_HEADER CF_LIT("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9")

struct cf_jwt_verifier {
    struct cf_signature_key *key;
    struct cf_jwt_rules rules; /* of the bytes below */
    uint8_t hash_key[16];
    uint8_t texts[]; /* issuer, audience */
};

/* ---- making ---- */

static struct cf_slice keep(struct cf_slice text, uint8_t *out)
{
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    return cf_slice_of(out, text.len);
}

enum cf_error cf_jwt_verifier_new(const struct cf_jwt_config *config, const uint8_t hash_key[16],
                                  struct cf_jwt_verifier **out_verifier, const char **out_why)
{
    if (config->leeway_s > LEEWAY_MAX_S) {
        *out_why = "the leeway is over 30 seconds";
        return CF_E_INVALID;
    }
    struct cf_jwt_verifier *verifier =
        calloc(1, sizeof(*verifier) + config->issuer.len + config->audience.len);
    if (verifier == NULL)
        return CF_E_NOMEM;
    enum cf_error error =
        cf_signature_key_new(config->secret, config->public_key_pem, &verifier->key, out_why);
    if (error != CF_OK) {
        free(verifier);
        return error;
    }
    memcpy(verifier->hash_key, hash_key, sizeof(verifier->hash_key));
    verifier->rules.hash_key = verifier->hash_key;
    verifier->rules.leeway = (cf_us)config->leeway_s * 1000000;
    verifier->rules.issuer = keep(config->issuer, verifier->texts);
    verifier->rules.audience = keep(config->audience, verifier->texts + config->issuer.len);
    *out_verifier = verifier;
    return CF_OK;
}

void cf_jwt_verifier_free(struct cf_jwt_verifier *verifier)
{
    if (verifier == NULL)
        return;
    cf_signature_key_free(verifier->key);
    free(verifier);
}

const char *cf_jwt_algorithm(const struct cf_jwt_verifier *verifier)
{
    return cf_signature_algorithm(verifier->key);
}

/* ---- verifying ---- */

/* A token's three parts, decoded, and the text that is signed. */
struct token {
    struct cf_slice header, claims, signature, signed_text;
};

static enum cf_error decode_part(struct cf_slice text, struct cf_buf *bytes,
                                 struct cf_slice *out_part)
{
    size_t start = bytes->len;
    enum cf_error error =
        text.len == 0 ? CF_E_SYNTAX : cf_base64_decode(CF_BASE64_URL, text, bytes);
    if (error != CF_OK)
        return error == CF_E_NOMEM ? CF_E_NOMEM : CF_E_UNAUTHENTICATED;
    *out_part = cf_slice_of(bytes->ptr + start, bytes->len - start);
    return CF_OK;
}

/* RFC 7515 section 5.2. More dots than two fall foul of the alphabet. What is decoded is shorter
 * than the text, so that once room for that is reserved the parts do not move. */
static enum cf_error split(struct cf_slice text, struct cf_buf *bytes, struct token *out_token)
{
    struct cf_slice header, claims, rest = text;
    if (!cf_slice_next(&rest, '.', &header) || !cf_slice_next(&rest, '.', &claims))
        return CF_E_UNAUTHENTICATED;
    enum cf_error error = cf_buf_reserve(bytes, text.len);
    if (error == CF_OK)
        error = decode_part(header, bytes, &out_token->header);
    if (error == CF_OK)
        error = decode_part(claims, bytes, &out_token->claims);
    if (error == CF_OK)
        error = decode_part(rest, bytes, &out_token->signature);
    out_token->signed_text = cf_slice_head(text, header.len + 1 + claims.len);
    return error;
}

/* The claims are looked at only once the signature is known to be right. */
enum cf_error cf_jwt_verify(const struct cf_jwt_verifier *verifier, struct cf_slice token,
                            cf_us now, struct cf_identity *out_identity)
{
    struct token parts;
    struct cf_buf bytes;
    if (token.len > TOKEN_MAX)
        return CF_E_UNAUTHENTICATED;
    cf_buf_init(&bytes, TOKEN_MAX);
    enum cf_error error = split(token, &bytes, &parts);
    if (error == CF_OK)
        error = cf_jwt_header_check(parts.header, cf_jwt_algorithm(verifier), verifier->hash_key);
    if (error == CF_OK)
        error = cf_signature_verify(verifier->key, parts.signed_text, parts.signature);
    if (error == CF_OK)
        error = cf_jwt_claims_read(parts.claims, &verifier->rules, now, out_identity);
    cf_buf_deinit(&bytes);
    return error;
}

/* ---- signing ---- */

static enum cf_error append_signed(struct cf_slice secret, struct cf_slice claims,
                                   struct cf_buf *out)
{
    size_t start = out->len;
    uint8_t mac[HS256_LEN];
    enum cf_error error = cf_buf_append(out, HS256_HEADER);
    if (error == CF_OK)
        error = cf_buf_append_byte(out, '.');
    if (error == CF_OK)
        error = cf_base64_encode(CF_BASE64_URL, claims, out);
    if (error == CF_OK)
        error = cf_signature_hs256(secret, cf_slice_skip(cf_buf_peek(out), start), mac);
    if (error == CF_OK)
        error = cf_buf_append_byte(out, '.');
    if (error == CF_OK)
        error = cf_base64_encode(CF_BASE64_URL, cf_slice_of(mac, sizeof(mac)), out);
    if (error == CF_OK && out->len - start > TOKEN_MAX)
        error = CF_E_TOO_LARGE;
    return error;
}

enum cf_error cf_jwt_sign(struct cf_slice secret, struct cf_slice claims, struct cf_buf *out_token)
{
    size_t before = out_token->len;
    enum cf_error error = append_signed(secret, claims, out_token);
    if (error != CF_OK)
        out_token->len = before;
    return error;
}
