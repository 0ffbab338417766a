#include "json/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

enum { FIRST_CAP = 16 };

static uint32_t hash_of(const struct cf_json_reader *reader, uint32_t object, struct cf_slice key)
{
    uint64_t seeded[2] = {reader->hash_key[0] ^ object, reader->hash_key[1]};
    return (uint32_t)cf_siphash(seeded, key);
}

static void insert(struct cf_json_key_seen *slots, size_t cap, struct cf_json_key_seen entry)
{
    size_t at = entry.hash & (cap - 1);
    while (slots[at].object != 0)
        at = (at + 1) & (cap - 1);
    slots[at] = entry;
}

/* Keeps the table at most three quarters full. */
static enum cf_error make_room(struct cf_json_reader *reader)
{
    if ((reader->keys_count + 1) * 4 <= reader->keys_cap * 3)
        return CF_OK;
    size_t cap = reader->keys_cap == 0 ? FIRST_CAP : reader->keys_cap * 2;
    struct cf_json_key_seen *slots = calloc(cap, sizeof(*slots));
    if (slots == NULL)
        return CF_E_NOMEM;
    for (size_t i = 0; i < reader->keys_cap; i++) {
        if (reader->keys[i].object != 0)
            insert(slots, cap, reader->keys[i]);
    }
    free(reader->keys);
    reader->keys = slots;
    reader->keys_cap = cap;
    return CF_OK;
}

/* The bytes of an empty key have no place: nothing has been kept when it comes first. */
static bool seen(const struct cf_json_reader *reader, const struct cf_json_key_seen *entry,
                 uint32_t object, uint32_t hash, struct cf_slice key)
{
    if (entry->object != object || entry->hash != hash || entry->len != key.len)
        return false;
    return key.len == 0 ||
           cf_slice_eq(cf_slice_of(reader->key_bytes.ptr + entry->offset, entry->len), key);
}

enum cf_error cf_json_keys_add(struct cf_json_reader *reader, struct cf_slice key)
{
    if (reader->keys_count >= reader->limits.keys_max)
        return CF_E_TOO_MANY;
    enum cf_error error = make_room(reader);
    if (error != CF_OK)
        return error;
    uint32_t object = reader->objects[reader->depth];
    uint32_t hash = hash_of(reader, object, key);
    for (size_t at = hash & (reader->keys_cap - 1); reader->keys[at].object != 0;
         at = (at + 1) & (reader->keys_cap - 1)) {
        if (seen(reader, &reader->keys[at], object, hash, key))
            return CF_E_DUPLICATE;
    }
    struct cf_json_key_seen entry = {object, hash, (uint32_t)reader->key_bytes.len,
                                     (uint32_t)key.len};
    error = cf_buf_append(&reader->key_bytes, key);
    if (error != CF_OK)
        return error;
    insert(reader->keys, reader->keys_cap, entry);
    reader->keys_count++;
    return CF_OK;
}

void cf_json_keys_deinit(struct cf_json_reader *reader)
{
    free(reader->keys);
    reader->keys = NULL;
    reader->keys_cap = reader->keys_count = 0;
    cf_buf_deinit(&reader->key_bytes);
}
