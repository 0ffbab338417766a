/* Digests and randomness, by OpenSSL and the system. */
#ifndef CF_EDGE_TLS_DIGEST_H
#define CF_EDGE_TLS_DIGEST_H

#include "base/slice.h"
#include "port/entropy.h"

void cf_digest_sha1(struct cf_slice bytes, uint8_t out[20]);
void cf_digest_sha256(struct cf_slice bytes, uint8_t out[32]);
/* getrandom; it cannot fail on a system that has booted. */
struct cf_entropy cf_entropy_system(void);

#endif
