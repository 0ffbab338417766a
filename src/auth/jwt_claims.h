/* What a token says: its header and its claims, as JSON. Both are read strictly: duplicate keys,
 * anything that is not the JSON of RFC 8259, and what is over the limits refuse the token. */
#ifndef CF_AUTH_JWT_CLAIMS_H
#define CF_AUTH_JWT_CLAIMS_H

#include "port/identity.h"

struct cf_jwt_rules {
    struct cf_slice issuer, audience; /* checked when not empty */
    cf_us leeway;
    const uint8_t *hash_key; /* 16 bytes */
};

/* CF_E_UNAUTHENTICATED unless `alg` is `algorithm` and there is no `crit`; CF_E_NOMEM. */
enum cf_error cf_jwt_header_check(struct cf_slice header, const char *algorithm,
                                  const uint8_t hash_key[16]);
/* Errors as cf_jwt_verify. */
enum cf_error cf_jwt_claims_read(struct cf_slice claims, const struct cf_jwt_rules *rules,
                                 cf_us now, struct cf_identity *out_identity);

#endif
