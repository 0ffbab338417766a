/* The ring's capacity is a power of two, so that positions wrap with a mask. */
#include "base/outq.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { RING_CAP_FIRST = 8 };

void cf_outq_init(struct cf_outq *q)
{
    *q = (struct cf_outq){0};
}

static uint32_t ring_len(const struct cf_outq *q)
{
    return q->ring == NULL ? 0 : q->ring->len;
}

static struct cf_outq_entry *ring_at(struct cf_outq_ring *ring, uint32_t index)
{
    return &ring->entries[(ring->head + index) & (ring->cap - 1)];
}

static void unref_ring(struct cf_outq *q)
{
    for (uint32_t i = 0; i < ring_len(q); i++)
        cf_shared_unref(ring_at(q->ring, i)->bytes);
    free(q->ring);
    q->ring = NULL;
}

void cf_outq_deinit(struct cf_outq *q)
{
    unref_ring(q);
    cf_shared_unref(q->first.bytes);
    cf_outq_init(q);
}

bool cf_outq_empty(const struct cf_outq *q)
{
    return q->first.bytes == NULL;
}

static enum cf_error grow_ring(struct cf_outq *q)
{
    uint32_t len = ring_len(q);
    if (len > UINT32_MAX / 2)
        return CF_E_NOMEM;
    uint32_t cap = len == 0 ? RING_CAP_FIRST : len * 2;
    struct cf_outq_ring *ring = malloc(sizeof(*ring) + cap * sizeof(ring->entries[0]));
    if (ring == NULL)
        return CF_E_NOMEM;
    *ring = (struct cf_outq_ring){.cap = cap, .len = len};
    for (uint32_t i = 0; i < len; i++)
        ring->entries[i] = *ring_at(q->ring, i);
    free(q->ring);
    q->ring = ring;
    return CF_OK;
}

enum cf_error cf_outq_push(struct cf_outq *q, struct cf_shared *bytes, uint32_t messages)
{
    if (bytes->len > UINT32_MAX)
        return CF_E_TOO_LARGE;
    if (bytes->len == 0)
        return CF_OK;
    struct cf_outq_entry *entry = &q->first;
    if (!cf_outq_empty(q)) {
        bool full = q->ring == NULL || q->ring->len == q->ring->cap;
        enum cf_error error = full ? grow_ring(q) : CF_OK;
        if (error != CF_OK)
            return error;
        entry = ring_at(q->ring, q->ring->len++);
    }
    *entry = (struct cf_outq_entry){.bytes = cf_shared_ref(bytes), .messages = messages};
    q->messages += messages;
    q->bytes += bytes->len;
    return CF_OK;
}

static struct cf_slice unwritten(const struct cf_outq_entry *entry)
{
    return cf_slice_skip(cf_shared_peek(entry->bytes), entry->offset);
}

size_t cf_outq_peek(const struct cf_outq *q, struct cf_slice *out_slices, size_t max)
{
    if (cf_outq_empty(q) || max == 0)
        return 0;
    out_slices[0] = unwritten(&q->first);
    size_t count = 1;
    for (uint32_t i = 0; i < ring_len(q) && count < max; i++)
        out_slices[count++] = unwritten(ring_at(q->ring, i));
    return count;
}

static void pop_first(struct cf_outq *q)
{
    q->messages -= q->first.messages;
    cf_shared_unref(q->first.bytes);
    q->first = (struct cf_outq_entry){0};
    if (q->ring == NULL)
        return;
    struct cf_outq_ring *ring = q->ring;
    q->first = *ring_at(ring, 0);
    ring->head = (ring->head + 1) & (ring->cap - 1);
    ring->len--;
    if (ring->len > 0)
        return;
    free(ring);
    q->ring = NULL;
}

void cf_outq_advance(struct cf_outq *q, size_t len)
{
    CF_ASSERT(len <= q->bytes);
    q->bytes -= len;
    while (len > 0) {
        size_t left = unwritten(&q->first).len;
        if (len < left) {
            q->first.offset += (uint32_t)len;
            return;
        }
        len -= left;
        pop_first(q);
    }
}

uint32_t cf_outq_drop_unsent(struct cf_outq *q)
{
    uint32_t before = q->messages;
    unref_ring(q);
    if (q->first.offset > 0) {
        q->messages = q->first.messages;
        q->bytes = unwritten(&q->first).len;
    } else {
        cf_outq_deinit(q);
    }
    return before - q->messages;
}
