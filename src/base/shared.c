#include "base/shared.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct cf_shared *cf_shared_new(struct cf_slice bytes)
{
    struct cf_shared *shared = cf_shared_new_uninit(bytes.len);
    if (shared != NULL && bytes.len > 0)
        memcpy(shared->bytes, bytes.ptr, bytes.len);
    return shared;
}

struct cf_shared *cf_shared_new_uninit(size_t len)
{
    if (len > SIZE_MAX - sizeof(struct cf_shared))
        return NULL;
    struct cf_shared *shared = malloc(sizeof(*shared) + len);
    if (shared == NULL)
        return NULL;
    atomic_init(&shared->refs, 1);
    shared->len = len;
    return shared;
}

/* Relaxed is enough: whoever hands a reference to another thread orders it by the hand-over. */
struct cf_shared *cf_shared_ref(struct cf_shared *shared)
{
    unsigned before = atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    CF_ASSERT(before > 0 && before < UINT_MAX);
    return shared;
}

/* Release: our reads come before the free. Acquire: the one who frees sees all of theirs done. */
void cf_shared_unref(struct cf_shared *shared)
{
    if (shared == NULL)
        return;
    unsigned before = atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel);
    CF_ASSERT(before > 0);
    if (before == 1)
        free(shared);
}
