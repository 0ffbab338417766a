/* A hash map from bytes to pointers, for keys that peers choose: keyed SipHash-1-3, so that nobody
 * outside can make keys collide (hazard V27). Open addressing with backward-shift deletion; grows
 * at 7/8 full and shrinks again. The map borrows the key: it must live in, and as long as, the
 * value.
 *
 * A connection is in several maps, so that a slot is small: the hash has 32 bits (which is as many
 * slots as a map can have), the key less than 4 GiB, and a map of one entry two slots. */
#ifndef CF_BASE_MAP_H
#define CF_BASE_MAP_H

#include "base/error.h"
#include "base/slice.h"

struct cf_map_slot {
    void *value; /* NULL: free */
    const uint8_t *key;
    uint32_t key_len;
    uint32_t hash;
};

struct cf_map {
    struct cf_map_slot *slots;
    size_t cap; /* 0 or a power of two */
    size_t count;
    uint64_t key[2];
};

/* `key`: 16 random bytes of this process. */
void cf_map_init(struct cf_map *map, const uint8_t key[16]);
/* The values are the caller's. */
void cf_map_deinit(struct cf_map *map);
/* NULL when absent. */
void *cf_map_get(const struct cf_map *map, struct cf_slice key);
/* Adds or replaces; `value` is not NULL. CF_E_NOMEM, and CF_E_TOO_LARGE for a key of 4 GiB, leave
 * the map as it was. */
enum cf_error cf_map_put(struct cf_map *map, struct cf_slice key, void *value);
/* Takes the entry out and returns its value; NULL when absent. */
void *cf_map_remove(struct cf_map *map, struct cf_slice key);
/* Walks all values: start with *cursor = 0; NULL at the end. The map must not change meanwhile. */
void *cf_map_next(const struct cf_map *map, size_t *cursor);
/* SipHash-1-3 of `bytes`, for those who need the hash alone. */
uint64_t cf_siphash(const uint64_t key[2], struct cf_slice bytes);

#endif
