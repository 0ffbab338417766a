#include "server/bearer.h"

#include <stdlib.h>

struct cf_bearer {
    struct cf_identity identity;
    cf_us verified;
    size_t len;
    uint8_t token[];
};

/* The key does not change while the server runs, so that only time makes a difference: what held
 * when it was verified holds until the token expires. A clock that was set back since may be before
 * its nbf. The token is a secret to who else is behind the same proxy. */
bool cf_bearer_recall(const struct cf_bearer *bearer, struct cf_slice token, cf_us now,
                      struct cf_identity *out_identity)
{
    if (bearer == NULL || !cf_slice_eq_secret(cf_slice_of(bearer->token, bearer->len), token))
        return false;
    if (now < bearer->verified || now >= bearer->identity.expires)
        return false;
    *out_identity = bearer->identity;
    return true;
}

void cf_bearer_keep(struct cf_bearer **bearer, struct cf_slice token, cf_us now,
                    const struct cf_identity *identity)
{
    free(*bearer);
    *bearer = malloc(sizeof(**bearer) + token.len);
    if (*bearer == NULL)
        return;
    (*bearer)->identity = *identity;
    (*bearer)->verified = now;
    (*bearer)->len = token.len;
    memcpy((*bearer)->token, token.ptr, token.len);
}

void cf_bearer_free(struct cf_bearer *bearer)
{
    free(bearer);
}
