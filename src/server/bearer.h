/* The token that a connection's last request had, and who it says is asking: a client that keeps
 * its connection sends the same one each time, and verifying it was a third of what a post costs a
 * worker. */
#ifndef CF_SERVER_BEARER_H
#define CF_SERVER_BEARER_H

#include "port/identity.h"

struct cf_bearer;

/* True: this is the very token that was kept, and what made it good then does so now. NULL is
 * allowed. */
bool cf_bearer_recall(const struct cf_bearer *bearer, struct cf_slice token, cf_us now,
                      struct cf_identity *out_identity);
/* Keeps a token that was verified at `now` in the place of another, which may be NULL. Without
 * memory nothing is kept. */
void cf_bearer_keep(struct cf_bearer **bearer, struct cf_slice token, cf_us now,
                    const struct cf_identity *identity);
/* NULL is allowed. */
void cf_bearer_free(struct cf_bearer *bearer);

#endif
