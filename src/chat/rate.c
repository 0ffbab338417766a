#include "chat/rate.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"

/* Told as the time at which it is full again: one number, no rounding, no refill to run. */
struct bucket {
    struct cf_list link; /* rates->buckets, the one longest untouched first */
    cf_ms full_at_units; /* milliseconds times per_second */
    size_t user_len;
    uint8_t user[];
};

struct cf_rates {
    struct cf_map map;
    struct cf_list buckets;
    unsigned per_second;
    size_t users_max;
};

struct cf_rates *cf_rates_new(unsigned per_second, size_t users_max, const uint8_t hash_key[16])
{
    CF_ASSERT(per_second >= 1 && per_second <= 1000 && users_max >= 1);
    struct cf_rates *rates = calloc(1, sizeof(*rates));
    if (rates == NULL)
        return NULL;
    cf_map_init(&rates->map, hash_key);
    cf_list_init(&rates->buckets);
    rates->per_second = per_second;
    rates->users_max = users_max;
    return rates;
}

static void drop(struct cf_rates *rates, struct bucket *bucket)
{
    cf_map_remove(&rates->map, cf_slice_of(bucket->user, bucket->user_len));
    cf_list_remove(&bucket->link);
    free(bucket);
}

static struct bucket *oldest(const struct cf_rates *rates)
{
    return CF_LIST_ENTRY(rates->buckets.next, struct bucket, link);
}

void cf_rates_free(struct cf_rates *rates)
{
    if (rates == NULL)
        return;
    while (!cf_list_empty(&rates->buckets))
        drop(rates, oldest(rates));
    cf_map_deinit(&rates->map);
    free(rates);
}

static struct bucket *add(struct cf_rates *rates, struct cf_slice user)
{
    struct bucket *bucket = malloc(sizeof(*bucket) + user.len);
    if (bucket == NULL)
        return NULL;
    cf_list_init(&bucket->link);
    bucket->full_at_units = 0;
    bucket->user_len = user.len;
    if (user.len > 0)
        memcpy(bucket->user, user.ptr, user.len);
    if (cf_map_put(&rates->map, cf_slice_of(bucket->user, user.len), bucket) != CF_OK) {
        free(bucket);
        return NULL;
    }
    return bucket;
}

/* At most two a call, so that no call is slow; that is one more than can be added. */
static void forget(struct cf_rates *rates, cf_ms now_units)
{
    for (int i = 0; i < 2 && !cf_list_empty(&rates->buckets); i++) {
        bool full = oldest(rates)->full_at_units <= now_units;
        if (!full && rates->map.count < rates->users_max)
            return;
        drop(rates, oldest(rates));
    }
}

enum cf_error cf_rates_take(struct cf_rates *rates, struct cf_slice user, cf_ms now,
                            cf_ms *out_retry_ms)
{
    const cf_ms token_units = 1000, burst_units = 1000 * (cf_ms)rates->per_second;
    cf_ms now_units = now * (cf_ms)rates->per_second;
    struct bucket *bucket = cf_map_get(&rates->map, user);
    if (bucket == NULL) {
        forget(rates, now_units);
        bucket = add(rates, user);
    }
    if (bucket == NULL)
        return CF_E_NOMEM;
    cf_list_remove(&bucket->link);
    cf_list_push_back(&rates->buckets, &bucket->link);
    cf_ms full_at = bucket->full_at_units > now_units ? bucket->full_at_units : now_units;
    cf_ms over = full_at + token_units - now_units - burst_units;
    if (over > 0) {
        *out_retry_ms = (over + (cf_ms)rates->per_second - 1) / (cf_ms)rates->per_second;
        return CF_E_RATE;
    }
    bucket->full_at_units = full_at + token_units;
    return CF_OK;
}
