#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* The first block holds a small request and its answer, and with its head is just within what
 * glibc's malloc keeps for each thread (1032 bytes); blocks then double up to the last size. */
enum { BLOCK_FIRST = 992, BLOCK_LAST = 256 * 1024 };

struct cf_arena_block {
    struct cf_arena_block *next;
    size_t cap, used;
    alignas(max_align_t) uint8_t bytes[];
};

void cf_arena_init(struct cf_arena *arena, size_t bytes_max)
{
    *arena = (struct cf_arena){.max = bytes_max};
}

void cf_arena_deinit(struct cf_arena *arena)
{
    struct cf_arena_block *block = arena->blocks;
    while (block != NULL) {
        struct cf_arena_block *next = block->next;
        free(block);
        block = next;
    }
    cf_arena_init(arena, arena->max);
}

static bool add_block(struct cf_arena *arena, size_t need)
{
    size_t cap = BLOCK_FIRST;
    if (arena->blocks != NULL)
        cap = arena->blocks->cap < BLOCK_LAST / 2 ? arena->blocks->cap * 2 : BLOCK_LAST;
    if (cap > arena->max - arena->bytes)
        cap = arena->max - arena->bytes;
    if (cap < need)
        cap = need;
    if (cap > SIZE_MAX - sizeof(struct cf_arena_block))
        return false;
    struct cf_arena_block *block = malloc(sizeof(*block) + cap);
    if (block == NULL)
        return false;
    block->next = arena->blocks;
    block->cap = cap;
    block->used = 0;
    arena->blocks = block;
    return true;
}

/* The padding counts, or many tiny pieces would take a multiple of the cap; so the last piece may
 * end up to one alignment over it. */
static void *take(struct cf_arena *arena, size_t len)
{
    size_t padding = ((size_t)0 - len) & (alignof(max_align_t) - 1);
    if (len == 0)
        padding = alignof(max_align_t);
    if (arena->bytes > arena->max || len > arena->max - arena->bytes || len > SIZE_MAX - padding)
        return NULL;
    size_t padded = len + padding;
    struct cf_arena_block *block = arena->blocks;
    if (block == NULL || padded > block->cap - block->used) {
        if (!add_block(arena, padded))
            return NULL;
        block = arena->blocks;
    }
    void *ptr = block->bytes + block->used;
    block->used += padded;
    arena->bytes += padded;
    return ptr;
}

void *cf_arena_alloc(struct cf_arena *arena, size_t len)
{
    void *ptr = take(arena, len);
    return ptr == NULL ? NULL : memset(ptr, 0, len);
}

enum cf_error cf_arena_copy(struct cf_arena *arena, struct cf_slice bytes,
                            struct cf_slice *out_copy)
{
    if (bytes.len == 0) {
        *out_copy = CF_LIT("");
        return CF_OK;
    }
    void *ptr = take(arena, bytes.len);
    if (ptr == NULL)
        return CF_E_NOMEM;
    memcpy(ptr, bytes.ptr, bytes.len);
    *out_copy = cf_slice_of(ptr, bytes.len);
    return CF_OK;
}
