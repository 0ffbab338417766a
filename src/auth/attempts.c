/* Each key has a ring of the times of its last `per_minute` attempts: the next one passes when the
 * oldest of them is a minute old. The list has the keys by their last attempt, refused ones
 * included, so that hammering does not make a key forgotten. */
#include "auth/attempts.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/list.h"

enum {
    WINDOW_MS = 60 * 1000,
    PER_MINUTE_MAX = 1000,
    KEY_MAX = 255,
    /* Keys idle for a whole window that one call forgets: more than it adds, and few enough that no
     * call takes long. */
    FORGET_MAX = 2,
};

struct entry {
    struct cf_list link;
    cf_ms touched;
    struct cf_slice key; /* behind the ring, in the same allocation */
    unsigned count;      /* times in the ring */
    unsigned next;       /* where the next time goes; in a full ring the oldest is there */
    cf_ms times[];
};

struct cf_attempts {
    struct cf_map entries;
    struct cf_list idle; /* the one idle longest first */
    unsigned per_minute;
    size_t keys_max;
};

struct cf_attempts *cf_attempts_new(unsigned per_minute, size_t keys_max,
                                    const uint8_t hash_key[16])
{
    CF_ASSERT(per_minute >= 1 && per_minute <= PER_MINUTE_MAX);
    CF_ASSERT(keys_max >= 1);
    struct cf_attempts *attempts = calloc(1, sizeof(*attempts));
    if (attempts == NULL)
        return NULL;
    cf_map_init(&attempts->entries, hash_key);
    cf_list_init(&attempts->idle);
    attempts->per_minute = per_minute;
    attempts->keys_max = keys_max;
    return attempts;
}

static struct entry *idle_longest(const struct cf_attempts *attempts)
{
    return CF_LIST_ENTRY(attempts->idle.next, struct entry, link);
}

static void forget(struct cf_attempts *attempts, struct entry *entry)
{
    cf_map_remove(&attempts->entries, entry->key);
    cf_list_remove(&entry->link);
    free(entry);
}

void cf_attempts_free(struct cf_attempts *attempts)
{
    if (attempts == NULL)
        return;
    while (!cf_list_empty(&attempts->idle))
        forget(attempts, idle_longest(attempts));
    cf_map_deinit(&attempts->entries);
    free(attempts);
}

/* A key that was idle for a whole window is as good as a new one. */
static void forget_idle(struct cf_attempts *attempts, cf_ms now)
{
    for (unsigned i = 0; i < FORGET_MAX && !cf_list_empty(&attempts->idle); i++) {
        struct entry *entry = idle_longest(attempts);
        if (now - entry->touched < WINDOW_MS)
            return;
        forget(attempts, entry);
    }
}

static enum cf_error add_entry(struct cf_attempts *attempts, struct cf_slice key,
                               struct entry **out_entry)
{
    size_t ring = attempts->per_minute * sizeof(cf_ms);
    struct entry *entry = malloc(sizeof(*entry) + ring + key.len);
    if (entry == NULL)
        return CF_E_NOMEM;
    uint8_t *key_copy = (uint8_t *)entry->times + ring;
    if (key.len > 0)
        memcpy(key_copy, key.ptr, key.len);
    entry->key = cf_slice_of(key_copy, key.len);
    entry->count = entry->next = 0;
    if (attempts->entries.count == attempts->keys_max)
        forget(attempts, idle_longest(attempts));
    enum cf_error error = cf_map_put(&attempts->entries, entry->key, entry);
    if (error != CF_OK) {
        free(entry);
        return error;
    }
    cf_list_init(&entry->link);
    *out_entry = entry;
    return CF_OK;
}

static void touch(struct cf_attempts *attempts, struct entry *entry, cf_ms now)
{
    entry->touched = now;
    cf_list_remove(&entry->link);
    cf_list_push_back(&attempts->idle, &entry->link);
}

enum cf_error cf_attempts_take(struct cf_attempts *attempts, struct cf_slice key, cf_ms now,
                               cf_ms *out_retry_ms)
{
    key = cf_slice_head(key, KEY_MAX);
    forget_idle(attempts, now);
    struct entry *entry = cf_map_get(&attempts->entries, key);
    if (entry == NULL) {
        enum cf_error error = add_entry(attempts, key, &entry);
        if (error != CF_OK)
            return error;
    }
    touch(attempts, entry, now);
    if (entry->count == attempts->per_minute && now - entry->times[entry->next] < WINDOW_MS) {
        *out_retry_ms = entry->times[entry->next] + WINDOW_MS - now;
        return CF_E_RATE;
    }
    entry->times[entry->next] = now;
    entry->next = (entry->next + 1) % attempts->per_minute;
    if (entry->count < attempts->per_minute)
        entry->count++;
    return CF_OK;
}
