#include "unit/base/support.h"

#include <stdalign.h>

#include "base/arena.h"

static void pieces_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    struct cf_arena arena;
    cf_arena_init(&arena, 10 << 20);
    assert_null(arena.blocks);
    uint64_t seed = 7;
    uint8_t *pieces[500];
    size_t lens[500];
    for (unsigned i = 0; i < 500; i++) {
        lens[i] = random_below(&seed, i % 50 == 0 ? 20000 : 200);
        pieces[i] = cf_arena_alloc(&arena, lens[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < lens[i]; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)i & 0xFF, lens[i]);
    }
    for (unsigned i = 0; i < 500; i++) {
        for (size_t k = 0; k < lens[i]; k++)
            assert_int_equal(pieces[i][k], i & 0xFF);
    }
    cf_arena_deinit(&arena);
    assert_null(arena.blocks);
    assert_int_equal(arena.bytes, 0);
}

static void the_cap_holds(void **state)
{
    (void)state;
    static const size_t limits[] = {1, 15, 16, 17, 1023, 1024, 1025, 5000};
    for (size_t i = 0; i < CF_ARRAY_LEN(limits); i++) {
        struct cf_arena arena;
        cf_arena_init(&arena, limits[i]);
        assert_null(cf_arena_alloc(&arena, limits[i] + 1));
        assert_null(cf_arena_alloc(&arena, SIZE_MAX));
        assert_int_equal(arena.bytes, 0);
        assert_non_null(cf_arena_alloc(&arena, limits[i] - 1));
        cf_arena_deinit(&arena);
        assert_non_null(cf_arena_alloc(&arena, limits[i]));
        assert_null(cf_arena_alloc(&arena, 1));
        cf_arena_deinit(&arena);
    }
}

/* One-byte and empty pieces count with their padding: memory in use stays at the cap. */
static void tiny_pieces_meet_the_cap_too(void **state)
{
    (void)state;
    for (size_t len = 0; len < 2; len++) {
        struct cf_arena arena;
        cf_arena_init(&arena, 1600);
        size_t count = 0;
        while (count < 2000 && cf_arena_alloc(&arena, len) != NULL)
            count++;
        assert_int_equal(count, 1600 / alignof(max_align_t) + (len == 0 ? 1 : 0));
        cf_arena_deinit(&arena);
    }
}

static void without_memory(void **state)
{
    (void)state;
    struct cf_arena arena;
    cf_arena_init(&arena, SIZE_MAX);
    assert_null(cf_arena_alloc(&arena, SIZE_MAX / 2));
    assert_null(cf_arena_alloc(&arena, SIZE_MAX - 20));
    assert_null(cf_arena_alloc(&arena, SIZE_MAX));
    assert_non_null(cf_arena_alloc(&arena, 10));
    cf_arena_deinit(&arena);
}

static void copies(void **state)
{
    (void)state;
    struct cf_arena arena;
    cf_arena_init(&arena, 16);
    struct cf_slice copy;
    char text[] = "hello";
    assert_int_equal(cf_arena_copy(&arena, cf_slice_of(text, 5), &copy), CF_OK);
    text[0] = 'j';
    assert_slice_equal(copy, "hello");
    assert_int_equal(cf_arena_copy(&arena, CF_LIT("x"), &copy), CF_E_NOMEM);
    assert_slice_equal(copy, "hello");
    assert_int_equal(cf_arena_copy(&arena, (struct cf_slice){NULL, 0}, &copy), CF_OK);
    assert_int_equal(copy.len, 0);
    assert_non_null(copy.ptr);
    cf_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
        cmocka_unit_test(the_cap_holds),
        cmocka_unit_test(tiny_pieces_meet_the_cap_too),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
