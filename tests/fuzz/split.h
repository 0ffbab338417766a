/* Feeding a decoder in pieces whose lengths come out of the fuzzer's input. */
#ifndef TESTS_FUZZ_SPLIT_H
#define TESTS_FUZZ_SPLIT_H

#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

/* The next piece of *rest: 1 to 64 bytes, as `state` (never 0) says. */
static inline struct cf_slice next_piece(struct cf_slice *rest, uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    struct cf_slice piece = cf_slice_head(*rest, 1 + (*state >> 16) % 64);
    *rest = cf_slice_skip(*rest, piece.len);
    return piece;
}

/* What a run gave, as a hash: two runs over the same bytes must agree. */
static inline void note(uint64_t *trace, uint64_t value)
{
    *trace = (*trace ^ value) * 1099511628211u;
}

static inline void note_bytes(uint64_t *trace, struct cf_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        note(trace, bytes.ptr[i]);
}

static inline void must_agree(uint64_t whole, uint64_t split)
{
    if (whole == split)
        return;
    fprintf(stderr, "a split gave other events\n");
    abort();
}

#endif
