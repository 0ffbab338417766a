#include "auth/attempts.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum { WINDOW_MS = 60000, KEY_MAX = 255 };

/* A key with the times of its last attempts, oldest first from `head`. */
struct entry {
    struct cf_list by_use; /* least lately used first */
    uint8_t key_len;
    uint8_t key[KEY_MAX];
    uint16_t head, count;
    cf_ms times[]; /* per_minute of them */
};

struct cf_attempts {
    struct cf_map map;
    struct cf_list by_use;
    size_t keys_max;
    unsigned per_minute;
};

struct cf_attempts *cf_attempts_new(unsigned per_minute, size_t keys_max,
                                    const uint8_t hash_key[16])
{
    struct cf_attempts *attempts = calloc(1, sizeof(*attempts));
    if (attempts == NULL)
        return NULL;
    cf_map_init(&attempts->map, hash_key);
    cf_list_init(&attempts->by_use);
    attempts->keys_max = keys_max;
    attempts->per_minute = per_minute;
    return attempts;
}

static void drop(struct cf_attempts *attempts, struct entry *entry)
{
    cf_map_remove(&attempts->map, cf_slice_of(entry->key, entry->key_len));
    cf_list_remove(&entry->by_use);
    free(entry);
}

static struct entry *least_used(struct cf_attempts *attempts)
{
    return CF_LIST_ENTRY(attempts->by_use.next, struct entry, by_use);
}

void cf_attempts_free(struct cf_attempts *attempts)
{
    if (attempts == NULL)
        return;
    while (!cf_list_empty(&attempts->by_use))
        drop(attempts, least_used(attempts));
    cf_map_deinit(&attempts->map);
    free(attempts);
}

static struct entry *add(struct cf_attempts *attempts, struct cf_slice key)
{
    if (attempts->map.count >= attempts->keys_max)
        drop(attempts, least_used(attempts));
    struct entry *entry = calloc(1, sizeof(*entry) + attempts->per_minute * sizeof(cf_ms));
    if (entry == NULL)
        return NULL;
    memcpy(entry->key, key.ptr, key.len);
    entry->key_len = (uint8_t)key.len;
    cf_list_init(&entry->by_use);
    if (cf_map_put(&attempts->map, cf_slice_of(entry->key, entry->key_len), entry) != CF_OK) {
        free(entry);
        return NULL;
    }
    return entry;
}

static void forget_old(const struct cf_attempts *attempts, struct entry *entry, cf_ms now)
{
    while (entry->count > 0 && entry->times[entry->head] <= now - WINDOW_MS) {
        entry->head = (uint16_t)((entry->head + 1) % attempts->per_minute);
        entry->count--;
    }
}

enum cf_error cf_attempts_take(struct cf_attempts *attempts, struct cf_slice key, cf_ms now,
                               cf_ms *out_retry_ms)
{
    key = cf_slice_head(key, KEY_MAX);
    struct entry *entry = cf_map_get(&attempts->map, key);
    if (entry == NULL)
        entry = add(attempts, key);
    if (entry == NULL)
        return CF_E_NOMEM;
    cf_list_remove(&entry->by_use);
    cf_list_push_back(&attempts->by_use, &entry->by_use);
    forget_old(attempts, entry, now);
    if (entry->count >= attempts->per_minute) {
        *out_retry_ms = entry->times[entry->head] + WINDOW_MS - now;
        return CF_E_RATE;
    }
    entry->times[(entry->head + entry->count) % attempts->per_minute] = now;
    entry->count++;
    return CF_OK;
}
