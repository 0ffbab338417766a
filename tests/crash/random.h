/* splitmix64: the same numbers from the same seed, everywhere. */
#ifndef CF_TESTS_CRASH_RANDOM_H
#define CF_TESTS_CRASH_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static inline uint32_t random_below(uint64_t *state, uint32_t below)
{
    return (uint32_t)(random_next(state) >> 32) % below;
}

/* A seed of its own for part `part` of what `seed` stands for. */
static inline uint64_t random_part(uint64_t seed, uint64_t part)
{
    uint64_t state = seed * UINT64_C(0x100000001b3) + part;
    return random_next(&state);
}

#endif
