/* At most so many attempts in any minute, per key (a user, an address). A sliding window in bounded
 * memory: keys_max keys of 8 bytes for each attempt of the minute, the one idle longest gives way.
 * A key without attempts for a minute is forgotten. */
#ifndef CF_AUTH_ATTEMPTS_H
#define CF_AUTH_ATTEMPTS_H

#include "base/map.h"
#include "base/time.h"

struct cf_attempts;

/* NULL without memory. `hash_key`: 16 random bytes of this process. `per_minute` 1 to 1000;
 * `keys_max` at least 1. */
struct cf_attempts *cf_attempts_new(unsigned per_minute, size_t keys_max,
                                    const uint8_t hash_key[16]);
void cf_attempts_free(struct cf_attempts *attempts);
/* Counts one attempt of `key` (at most 255 bytes count). CF_OK, or CF_E_RATE with the milliseconds
 * until the next would pass in *out_retry_ms (an attempt that is refused does not count).
 * CF_E_NOMEM. */
enum cf_error cf_attempts_take(struct cf_attempts *attempts, struct cf_slice key, cf_ms now,
                               cf_ms *out_retry_ms);

#endif
