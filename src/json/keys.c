/* The table has linear probing and no deletion marks: entries leave in the reverse order of their
 * coming, so emptying the slots of the last object leaves the table as it was before that object.
 * A rebuild enters the keys in the order of the stack, which keeps that true. */
#include "json/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/map.h"

enum {
    SEARCHED_MAX = 16, /* keys of an object without the table */
    ENTRIES_FIRST = 16,
    SLOTS_FIRST = 64,
    BYTES_FIRST = 256, /* the keys of a usual message in one allocation */
};

static uint64_t load_le64(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

void cf_json_keys_init(struct cf_json_keys *keys, size_t bytes_max, const uint8_t hash_key[16])
{
    *keys = (struct cf_json_keys){.sip_key = {load_le64(hash_key), load_le64(hash_key + 8)}};
    cf_buf_init(&keys->bytes, bytes_max < UINT32_MAX ? bytes_max : UINT32_MAX);
}

void cf_json_keys_deinit(struct cf_json_keys *keys)
{
    cf_buf_deinit(&keys->bytes);
    free(keys->entries);
    free(keys->slots);
    keys->entries = NULL;
    keys->slots = NULL;
    keys->count = keys->cap = keys->slot_count = keys->slot_cap = 0;
}

static struct cf_slice key_at(const struct cf_json_keys *keys, uint32_t index)
{
    size_t offset = keys->entries[index].offset;
    size_t end = index + 1 < keys->count ? keys->entries[index + 1].offset : keys->bytes.len;
    return cf_slice_of(keys->bytes.ptr + offset, end - offset);
}

/* Keys of the same name in nested objects get different places. */
static uint32_t hash_of(const struct cf_json_keys *keys, struct cf_slice key)
{
    uint64_t hash = cf_siphash(keys->sip_key, key) + keys->objects * 0x9E3779B97F4A7C15;
    return (uint32_t)(hash >> 32) | 1;
}

/* ---- table ---- */

static uint32_t home_of(const struct cf_json_keys *keys, uint32_t hash)
{
    return hash >> 1 & (keys->slot_cap - 1);
}

/* There is a free slot. */
static void enter(struct cf_json_keys *keys, uint32_t index)
{
    uint32_t hash = keys->entries[index].hash;
    uint32_t at = home_of(keys, hash);
    while (keys->slots[at].hash != 0)
        at = (at + 1) & (keys->slot_cap - 1);
    keys->slots[at] = (struct cf_json_key_slot){.hash = hash, .index = index};
}

/* The last entry that came. */
static void leave(struct cf_json_keys *keys, uint32_t index)
{
    uint32_t at = home_of(keys, keys->entries[index].hash);
    while (keys->slots[at].hash == 0 || keys->slots[at].index != index)
        at = (at + 1) & (keys->slot_cap - 1);
    keys->slots[at] = (struct cf_json_key_slot){0};
    keys->slot_count--;
}

static bool in_table(const struct cf_json_keys *keys, uint32_t hash, struct cf_slice key)
{
    uint32_t first = keys->first[keys->objects - 1];
    uint32_t at = home_of(keys, hash);
    for (; keys->slots[at].hash != 0; at = (at + 1) & (keys->slot_cap - 1)) {
        struct cf_json_key_slot slot = keys->slots[at];
        if (slot.hash == hash && slot.index >= first && cf_slice_eq(key_at(keys, slot.index), key))
            return true;
    }
    return false;
}

/* As many slots as leave an eighth free with `more` entries. */
static enum cf_error make_slots(struct cf_json_keys *keys, uint32_t more)
{
    uint32_t cap = keys->slot_cap == 0 ? SLOTS_FIRST : keys->slot_cap;
    while (keys->slot_count + more > cap / 8 * 7)
        cap *= 2;
    if (cap == keys->slot_cap)
        return CF_OK;
    struct cf_json_key_slot *slots = calloc(cap, sizeof(*slots));
    if (slots == NULL)
        return CF_E_NOMEM;
    free(keys->slots);
    keys->slots = slots;
    keys->slot_cap = cap;
    for (uint32_t i = 0; i < keys->count; i++) {
        if (keys->entries[i].hash != 0)
            enter(keys, i);
    }
    return CF_OK;
}

/* The innermost object has become too large to be searched: its keys go into the table. */
static enum cf_error enter_object(struct cf_json_keys *keys)
{
    enum cf_error error = make_slots(keys, SEARCHED_MAX);
    if (error != CF_OK)
        return error;
    for (uint32_t i = keys->first[keys->objects - 1]; i < keys->count; i++) {
        keys->entries[i].hash = hash_of(keys, key_at(keys, i));
        enter(keys, i);
        keys->slot_count++;
    }
    return CF_OK;
}

/* ---- stack ---- */

static enum cf_error push(struct cf_json_keys *keys, struct cf_slice key, uint32_t hash)
{
    if (keys->count == keys->cap) {
        CF_ASSERT(keys->cap < CF_JSON_KEYS_CAP);
        uint32_t cap = keys->cap == 0 ? ENTRIES_FIRST : keys->cap * 2;
        struct cf_json_key_entry *entries = realloc(keys->entries, cap * sizeof(*entries));
        if (entries == NULL)
            return CF_E_NOMEM;
        keys->entries = entries;
        keys->cap = cap;
    }
    if (keys->bytes.cap == 0 && keys->bytes.max >= BYTES_FIRST &&
        cf_buf_reserve(&keys->bytes, BYTES_FIRST) != CF_OK)
        return CF_E_NOMEM;
    uint32_t offset = (uint32_t)keys->bytes.len;
    enum cf_error error = cf_buf_append(&keys->bytes, key);
    if (error != CF_OK)
        return error;
    keys->entries[keys->count++] = (struct cf_json_key_entry){.offset = offset, .hash = hash};
    return CF_OK;
}

static bool is_on_stack(const struct cf_json_keys *keys, struct cf_slice key)
{
    uint32_t first = keys->first[keys->objects - 1];
    size_t end = keys->bytes.len;
    for (uint32_t i = keys->count; i > first; i--) {
        size_t offset = keys->entries[i - 1].offset;
        if (end - offset == key.len &&
            (key.len == 0 || memcmp(keys->bytes.ptr + offset, key.ptr, key.len) == 0))
            return true;
        end = offset;
    }
    return false;
}

static enum cf_error add_hashed(struct cf_json_keys *keys, struct cf_slice key)
{
    enum cf_error error = make_slots(keys, 1);
    if (error != CF_OK)
        return error;
    uint32_t hash = hash_of(keys, key);
    if (in_table(keys, hash, key))
        return CF_E_DUPLICATE;
    error = push(keys, key, hash);
    if (error != CF_OK)
        return error;
    enter(keys, keys->count - 1);
    keys->slot_count++;
    return CF_OK;
}

void cf_json_keys_open(struct cf_json_keys *keys)
{
    CF_ASSERT(keys->objects < CF_JSON_DEPTH_CAP);
    keys->first[keys->objects++] = keys->count;
}

void cf_json_keys_close(struct cf_json_keys *keys)
{
    CF_ASSERT(keys->objects > 0);
    uint32_t first = keys->first[--keys->objects];
    if (first == keys->count)
        return;
    keys->bytes.len = keys->entries[first].offset;
    while (keys->count > first) {
        keys->count--;
        if (keys->entries[keys->count].hash != 0)
            leave(keys, keys->count);
    }
}

enum cf_error cf_json_keys_add(struct cf_json_keys *keys, struct cf_slice key)
{
    CF_ASSERT(keys->objects > 0);
    uint32_t have = keys->count - keys->first[keys->objects - 1];
    if (have < SEARCHED_MAX)
        return is_on_stack(keys, key) ? CF_E_DUPLICATE : push(keys, key, 0);
    if (have == SEARCHED_MAX) {
        enum cf_error error = enter_object(keys);
        if (error != CF_OK)
            return error;
    }
    return add_hashed(keys, key);
}
