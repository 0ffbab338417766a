/* What the tests of base share: cmocka, seeded randomness, failed asserts that a test expects. */
#ifndef CF_TESTS_UNIT_BASE_SUPPORT_H
#define CF_TESTS_UNIT_BASE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/slice.h"

/* So that a test can ask for more memory than there is: the sanitizers' own malloc would end the
 * program instead of returning NULL. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* SplitMix64: the whole state is one number, so a seed in a message replays a run. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static inline size_t random_below(uint64_t *state, size_t limit)
{
    return (size_t)(next_random(state) % limit);
}

static inline void panic_to_cmocka(const char *expression, const char *file, int line)
{
    mock_assert(0, expression, file, line);
    abort();
}

/* The statement must run into a failed CF_ASSERT. */
#define assert_panics(statement)           \
    do {                                   \
        cf_panic_install(panic_to_cmocka); \
        expect_assert_failure(statement);  \
        cf_panic_install(NULL);            \
    } while (0)

#define assert_slice_equal(actual, literal)                                   \
    do {                                                                      \
        struct cf_slice actual_slice = (actual);                              \
        assert_int_equal(actual_slice.len, sizeof(literal) - 1);              \
        if (actual_slice.len > 0)                                             \
            assert_memory_equal(actual_slice.ptr, literal, actual_slice.len); \
    } while (0)

#endif
