/* Robin Hood hashing with linear probing: an entry that is farther from its home slot takes the
 * place of one that is nearer. So the entries of a run are ordered by their homes, a search may
 * stop at the first entry nearer to its home than the search is to its own, and a removal closes
 * the gap by moving the run back by one, without tombstones. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { CAP_FIRST = 2 };

/* Written out, compilers make one load of it. */
static uint64_t load_le64(const uint8_t *b)
{
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

void cf_map_init(struct cf_map *map, const uint8_t key[16])
{
    *map = (struct cf_map){.key = {load_le64(key), load_le64(key + 8)}};
}

void cf_map_deinit(struct cf_map *map)
{
    free(map->slots);
    map->slots = NULL;
    map->cap = map->count = 0;
}

/* How far the entry in slot `index` is from its home. */
static size_t distance_of(const struct cf_map *map, size_t index)
{
    return (index - map->slots[index].hash) & (map->cap - 1);
}

static uint32_t hash_of(const struct cf_map *map, struct cf_slice key)
{
    return (uint32_t)cf_siphash(map->key, key);
}

static struct cf_map_slot *find_slot(const struct cf_map *map, uint32_t hash, struct cf_slice key)
{
    if (map->cap == 0)
        return NULL;
    size_t index = hash & (map->cap - 1);
    for (size_t distance = 0;; distance++) {
        struct cf_map_slot *slot = &map->slots[index];
        if (slot->value == NULL || distance_of(map, index) < distance)
            return NULL;
        if (slot->hash == hash && cf_slice_eq(cf_slice_of(slot->key, slot->key_len), key))
            return slot;
        index = (index + 1) & (map->cap - 1);
    }
}

/* Puts an entry whose key is not in the map; there is a free slot. */
static void insert_new(struct cf_map *map, struct cf_map_slot entry)
{
    size_t index = entry.hash & (map->cap - 1);
    for (size_t distance = 0; map->slots[index].value != NULL; distance++) {
        size_t its_distance = distance_of(map, index);
        if (its_distance < distance) {
            struct cf_map_slot displaced = map->slots[index];
            map->slots[index] = entry;
            entry = displaced;
            distance = its_distance;
        }
        index = (index + 1) & (map->cap - 1);
    }
    map->slots[index] = entry;
}

static enum cf_error resize(struct cf_map *map, size_t cap)
{
    struct cf_map resized = *map;
    resized.cap = cap;
    resized.slots = calloc(cap, sizeof(*resized.slots));
    if (resized.slots == NULL)
        return CF_E_NOMEM;
    for (size_t i = 0; i < map->cap; i++) {
        if (map->slots[i].value != NULL)
            insert_new(&resized, map->slots[i]);
    }
    free(map->slots);
    *map = resized;
    return CF_OK;
}

void *cf_map_get(const struct cf_map *map, struct cf_slice key)
{
    const struct cf_map_slot *slot = find_slot(map, hash_of(map, key), key);
    return slot == NULL ? NULL : slot->value;
}

/* 7/8 of the slots; of fewer than eight, all but one. */
static size_t count_max(size_t cap)
{
    return cap - (cap + 7) / 8;
}

static enum cf_error make_room(struct cf_map *map)
{
    if (map->count < count_max(map->cap))
        return CF_OK;
    return resize(map, map->cap == 0 ? CAP_FIRST : map->cap * 2);
}

enum cf_error cf_map_put(struct cf_map *map, struct cf_slice key, void *value)
{
    CF_ASSERT(value != NULL);
    if (key.len > UINT32_MAX)
        return CF_E_TOO_LARGE;
    struct cf_map_slot entry = {value, key.ptr, (uint32_t)key.len, hash_of(map, key)};
    struct cf_map_slot *slot = find_slot(map, entry.hash, key);
    if (slot != NULL) {
        *slot = entry; /* the key too: the old one lives in the old value */
        return CF_OK;
    }
    enum cf_error error = make_room(map);
    if (error != CF_OK)
        return error;
    insert_new(map, entry);
    map->count++;
    return CF_OK;
}

/* Empties the slot and moves the entries behind it that are not at home back by one. */
static void close_gap(struct cf_map *map, size_t gap)
{
    for (;;) {
        size_t next = (gap + 1) & (map->cap - 1);
        if (map->slots[next].value == NULL || distance_of(map, next) == 0)
            break;
        map->slots[gap] = map->slots[next];
        gap = next;
    }
    map->slots[gap] = (struct cf_map_slot){0};
}

/* Under 1/8 full it halves: far enough from 7/8 that no alternation of put and remove makes it
 * grow and shrink in turn. Without memory for that it just stays large. */
static void shrink(struct cf_map *map)
{
    if (map->count == 0)
        cf_map_deinit(map);
    else if (map->cap > CAP_FIRST && map->count < map->cap / 8)
        (void)resize(map, map->cap / 2);
}

void *cf_map_remove(struct cf_map *map, struct cf_slice key)
{
    struct cf_map_slot *slot = find_slot(map, hash_of(map, key), key);
    if (slot == NULL)
        return NULL;
    void *value = slot->value;
    close_gap(map, (size_t)(slot - map->slots));
    map->count--;
    shrink(map);
    return value;
}

void *cf_map_next(const struct cf_map *map, size_t *cursor)
{
    while (*cursor < map->cap) {
        void *value = map->slots[(*cursor)++].value;
        if (value != NULL)
            return value;
    }
    return NULL;
}

static uint64_t rotate_left(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", section 2, with c = 1 and d = 3. The
 * initial words are "somepseudorandomlygeneratedbytes". */
uint64_t cf_siphash(const uint64_t key[2], struct cf_slice bytes)
{
    uint64_t v[4] = {
        key[0] ^ 0x736f6d6570736575,
        key[1] ^ 0x646f72616e646f6d,
        key[0] ^ 0x6c7967656e657261,
        key[1] ^ 0x7465646279746573,
    };
    size_t whole = bytes.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8)
        sip_word(v, load_le64(bytes.ptr + i));
    uint64_t last = (uint64_t)bytes.len << 56;
    for (size_t i = whole; i < bytes.len; i++)
        last |= (uint64_t)bytes.ptr[i] << (8 * (i - whole));
    sip_word(v, last);
    v[2] ^= 0xff;
    for (unsigned i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
