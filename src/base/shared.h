/* Immutable bytes with a reference count: what is encoded once and queued for many. The count is
 * the only thing that threads write together. */
#ifndef CF_BASE_SHARED_H
#define CF_BASE_SHARED_H

#include <stdatomic.h>

#include "base/slice.h"

struct cf_shared {
    atomic_uint refs;
    size_t len;
    uint8_t bytes[];
};

/* A copy of `bytes` with one reference. NULL without memory. */
struct cf_shared *cf_shared_new(struct cf_slice bytes);
/* `len` bytes to be filled by the maker before anybody else sees them. NULL without memory. */
struct cf_shared *cf_shared_new_uninit(size_t len);
struct cf_shared *cf_shared_ref(struct cf_shared *shared);
/* Frees at the last reference. NULL is allowed. */
void cf_shared_unref(struct cf_shared *shared);
static inline struct cf_slice cf_shared_peek(const struct cf_shared *shared)
{
    return cf_slice_of(shared->bytes, shared->len);
}

#endif
