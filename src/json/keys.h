/* The keys of the objects that are open, to find duplicates: a stack, on which the keys of the
 * innermost object lie on top. An object of few keys is searched key by key; one of more is entered
 * into a hash table keyed with SipHash, so that no choice of keys makes it slow (hazard V25). The
 * reader's own; its text limit bounds the bytes here, and its keys_max the entries. */
#ifndef CF_JSON_KEYS_H
#define CF_JSON_KEYS_H

#include "base/buf.h"
#include "json/limits.h"

struct cf_json_key_entry {
    uint32_t offset; /* its bytes begin here, and end where the next one's begin */
    uint32_t hash;   /* 0: not in the table */
};

struct cf_json_key_slot {
    uint32_t hash; /* 0: free */
    uint32_t index;
};

struct cf_json_keys {
    struct cf_buf bytes;
    struct cf_json_key_entry *entries;
    struct cf_json_key_slot *slots;
    uint32_t count, cap;
    uint32_t slot_count, slot_cap; /* slot_cap is 0 or a power of two */
    uint64_t sip_key[2];
    unsigned objects;                  /* open ones */
    uint32_t first[CF_JSON_DEPTH_CAP]; /* of each open object: the entry of its first key */
};

/* Allocates nothing. bytes_max above UINT32_MAX is cut to it. */
void cf_json_keys_init(struct cf_json_keys *keys, size_t bytes_max, const uint8_t hash_key[16]);
void cf_json_keys_deinit(struct cf_json_keys *keys);
/* An object begins or ends; at most CF_JSON_DEPTH_CAP are open. */
void cf_json_keys_open(struct cf_json_keys *keys);
void cf_json_keys_close(struct cf_json_keys *keys);
/* A key of the innermost object; at most CF_JSON_KEYS_CAP are kept. CF_E_DUPLICATE when the object
 * has it already; CF_E_TOO_LARGE over bytes_max, CF_E_NOMEM, after which only deinit is left. */
enum cf_error cf_json_keys_add(struct cf_json_keys *keys, struct cf_slice key);

#endif
