/* Token buckets, one a user: at most so many a second, with a burst of as many. In bounded memory:
 * a bucket that is full again is forgotten, and of `users_max` busy ones the oldest gives way. */
#ifndef CF_CHAT_RATE_H
#define CF_CHAT_RATE_H

#include "base/error.h"
#include "base/slice.h"
#include "base/time.h"

struct cf_rates;

/* NULL without memory. `per_second` 1 to 1000; `users_max` at least 1. `hash_key`: 16 random bytes.
 */
struct cf_rates *cf_rates_new(unsigned per_second, size_t users_max, const uint8_t hash_key[16]);
/* NULL is allowed. */
void cf_rates_free(struct cf_rates *rates);
/* Takes one token of `user`. CF_E_RATE with the milliseconds until there is one in *out_retry_ms;
 * CF_E_NOMEM. */
enum cf_error cf_rates_take(struct cf_rates *rates, struct cf_slice user, cf_ms now,
                            cf_ms *out_retry_ms);

#endif
