/* Memory that goes all at once: the bytes of one request and its answer. */
#ifndef CF_BASE_ARENA_H
#define CF_BASE_ARENA_H

#include "base/error.h"
#include "base/slice.h"

struct cf_arena_block;

struct cf_arena {
    struct cf_arena_block *blocks;
    size_t bytes; /* handed out */
    size_t max;
};

/* Nothing is allocated before the first use. */
void cf_arena_init(struct cf_arena *arena, size_t bytes_max);
void cf_arena_deinit(struct cf_arena *arena);
/* Zeroed, aligned for any type; NULL over the cap or without memory. The padding counts. */
void *cf_arena_alloc(struct cf_arena *arena, size_t len);
/* A copy that lives as long as the arena. CF_E_NOMEM. A copy of an empty slice has a non-NULL ptr.
 */
enum cf_error cf_arena_copy(struct cf_arena *arena, struct cf_slice bytes,
                            struct cf_slice *out_copy);

#endif
