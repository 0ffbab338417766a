/* Each key has a ring of the times of its last attempts: the next one passes when the oldest of
 * `per_minute` is a minute old. The ring holds those of the last minute, and no more than it has
 * to: most who connect do so once. The list has the keys by their last attempt, refused ones
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
    uint16_t count; /* times in the ring */
    uint16_t next;  /* where the next time goes; in a full ring the oldest is there */
    uint16_t cap;
    uint8_t key_len;
    cf_ms times[]; /* and behind them the key */
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

static uint8_t *key_of(struct entry *entry)
{
    return (uint8_t *)(entry->times + entry->cap);
}

static struct cf_slice key_peek(struct entry *entry)
{
    return cf_slice_of(key_of(entry), entry->key_len);
}

static struct entry *idle_longest(const struct cf_attempts *attempts)
{
    return CF_LIST_ENTRY(attempts->idle.next, struct entry, link);
}

static void forget(struct cf_attempts *attempts, struct entry *entry)
{
    cf_map_remove(&attempts->entries, key_peek(entry));
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

/* Without times yet. NULL without memory. */
static struct entry *new_entry(struct cf_slice key, size_t cap)
{
    struct entry *entry = malloc(sizeof(*entry) + cap * sizeof(cf_ms) + key.len);
    if (entry == NULL)
        return NULL;
    *entry = (struct entry){.cap = (uint16_t)cap, .key_len = (uint8_t)key.len};
    cf_list_init(&entry->link);
    if (key.len > 0)
        memcpy(key_of(entry), key.ptr, key.len);
    return entry;
}

static enum cf_error add_entry(struct cf_attempts *attempts, struct cf_slice key,
                               struct entry **out_entry)
{
    struct entry *entry = new_entry(key, 1);
    if (entry == NULL)
        return CF_E_NOMEM;
    if (attempts->entries.count == attempts->keys_max)
        forget(attempts, idle_longest(attempts));
    enum cf_error error = cf_map_put(&attempts->entries, key_peek(entry), entry);
    if (error != CF_OK) {
        free(entry);
        return error;
    }
    *out_entry = entry;
    return CF_OK;
}

/* A full ring becomes one with room, the oldest time first; the entry moves. */
static enum cf_error grow(struct cf_attempts *attempts, struct entry **entry)
{
    struct entry *old = *entry;
    size_t cap = old->cap * 2u < attempts->per_minute ? old->cap * 2u : attempts->per_minute;
    struct entry *grown = new_entry(key_peek(old), cap);
    if (grown == NULL)
        return CF_E_NOMEM;
    for (unsigned i = 0; i < old->count; i++)
        grown->times[i] = old->times[(old->next + i) % old->cap];
    grown->count = grown->next = old->count;
    enum cf_error replaced = cf_map_put(&attempts->entries, key_peek(grown), grown);
    CF_ASSERT(replaced == CF_OK);
    cf_list_remove(&old->link);
    free(old);
    *entry = grown;
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
    bool full = entry->count == entry->cap && now - entry->times[entry->next] < WINDOW_MS;
    if (full && entry->cap < attempts->per_minute) {
        enum cf_error error = grow(attempts, &entry);
        if (error != CF_OK)
            return error;
        full = false;
    }
    touch(attempts, entry, now);
    if (full) {
        *out_retry_ms = entry->times[entry->next] + WINDOW_MS - now;
        return CF_E_RATE;
    }
    entry->times[entry->next] = now;
    entry->next = (uint16_t)((entry->next + 1) % entry->cap);
    if (entry->count < entry->cap)
        entry->count++;
    return CF_OK;
}
