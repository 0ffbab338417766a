/* JSON Web Tokens (RFC 7519) in compact form (RFC 7515), on OpenSSL's EVP.
 *
 * A verifier holds one key with its algorithm; the token's `alg` must equal it (RFC 8725
 * section 3.1), so `none`, and HS256 signed with somebody's public key, are refused. `exp` is
 * demanded. `crit` is refused, `jku`, `jwk`, `x5u` and `kid` are ignored. At most 8 KiB. Hazard
 * V18.
 *
 * A verifier is immutable: all threads share it. */
#ifndef CF_AUTH_JWT_H
#define CF_AUTH_JWT_H

#include "base/buf.h"
#include "port/identity.h"

struct cf_jwt_config {
    struct cf_slice secret; /* HS256, at least 32 bytes; or empty */
    struct cf_slice
        public_key_pem; /* RSA (>= 2048 bits): RS256, EC P-256: ES256, Ed25519: EdDSA; or empty */
    struct cf_slice issuer;   /* checked when not empty */
    struct cf_slice audience; /* checked when not empty; `aud` may be a string or an array */
    unsigned leeway_s;        /* at most 30 */
};

struct cf_jwt_verifier;

/* Exactly one of secret and public key. CF_E_INVALID with a text of what is wrong and what to do in
 * *out_why (static), CF_E_NOMEM. */
enum cf_error cf_jwt_verifier_new(const struct cf_jwt_config *config, const uint8_t hash_key[16],
                                  struct cf_jwt_verifier **out_verifier, const char **out_why);
void cf_jwt_verifier_free(struct cf_jwt_verifier *verifier);
/* The name of the algorithm in use: "HS256", … */
const char *cf_jwt_algorithm(const struct cf_jwt_verifier *verifier);
/* CF_E_EXPIRED only for a token that is right but for its exp; CF_E_NOMEM; CF_E_UNAUTHENTICATED for
 * everything else.
 *
 * User id: the first of user_id, userId, sub that is there and not null; name: that of username,
 * name, preferred_username, else the id; strings (not empty, no control characters, valid UTF-8,
 * within CF_USER_*_MAX) or integers. A first one against these rules refuses the token.
 *
 * exp and nbf are numbers without exponent, up to the year 9999; a fraction is cut. A token is
 * expired from exp + leeway on, which is what the identity's `expires` says. */
enum cf_error cf_jwt_verify(const struct cf_jwt_verifier *verifier, struct cf_slice token,
                            cf_us now, struct cf_identity *out_identity);
/* Signs `claims`, a JSON object, with an HS256 secret; appends the token. CF_E_INVALID for a secret
 * under 32 bytes, CF_E_NOMEM, CF_E_TOO_LARGE (of the buffer, or over 8 KiB); the buffer is then as
 * it was. */
enum cf_error cf_jwt_sign(struct cf_slice secret, struct cf_slice claims, struct cf_buf *out_token);

#endif
