/* Signatures of RFC 7518 section 3 on OpenSSL's EVP: one key that is tied to one algorithm (RFC
 * 8725 section 3.1). Immutable once made. */
#ifndef CF_AUTH_SIGNATURE_H
#define CF_AUTH_SIGNATURE_H

#include "base/error.h"
#include "base/slice.h"

struct cf_signature_key;

/* Exactly one of the two. CF_E_INVALID with a static text in *out_why, CF_E_NOMEM. */
enum cf_error cf_signature_key_new(struct cf_slice secret, struct cf_slice public_key_pem,
                                   struct cf_signature_key **out_key, const char **out_why);
/* NULL is allowed. */
void cf_signature_key_free(struct cf_signature_key *key);
/* "HS256", "RS256", "ES256" or "EdDSA" */
const char *cf_signature_algorithm(const struct cf_signature_key *key);
/* CF_E_UNAUTHENTICATED: not this key's signature of that text; CF_E_NOMEM. From any thread.
 */
enum cf_error cf_signature_verify(const struct cf_signature_key *key, struct cf_slice text,
                                  struct cf_slice signature);
/* HMAC with SHA-256. CF_E_INVALID for a secret under 32 bytes, CF_E_NOMEM. */
enum cf_error cf_signature_hs256(struct cf_slice secret, struct cf_slice text, uint8_t out[32]);

#endif
