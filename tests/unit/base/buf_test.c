#include "unit/base/support.h"

#include "base/buf.h"

static void nothing_is_allocated_before_the_first_append(void **state)
{
    (void)state;
    struct cf_buf buf;
    cf_buf_init(&buf, 100);
    assert_int_equal(cf_buf_append(&buf, CF_LIT("")), CF_OK);
    assert_int_equal(cf_buf_append(&buf, (struct cf_slice){NULL, 0}), CF_OK);
    assert_int_equal(cf_buf_reserve(&buf, 0), CF_OK);
    assert_null(buf.ptr);
    assert_int_equal(cf_buf_peek(&buf).len, 0);
    cf_buf_deinit(&buf);
}

/* Limit - 1, limit, limit + 1, in one piece and byte by byte, for small and odd limits. */
static void the_cap_holds_exactly(void **state)
{
    (void)state;
    static const uint8_t zeros[1100];
    static const size_t limits[] = {1, 2, 63, 64, 65, 100, 127, 128, 129, 1000};
    for (size_t i = 0; i < CF_ARRAY_LEN(limits); i++) {
        size_t limit = limits[i];
        struct cf_buf buf;
        cf_buf_init(&buf, limit);
        assert_int_equal(cf_buf_append(&buf, cf_slice_of(zeros, limit + 1)), CF_E_TOO_LARGE);
        assert_null(buf.ptr);
        assert_int_equal(cf_buf_append(&buf, cf_slice_of(zeros, limit - 1)), CF_OK);
        assert_int_equal(buf.len, limit - 1);
        assert_int_equal(cf_buf_append(&buf, cf_slice_of(zeros, 2)), CF_E_TOO_LARGE);
        assert_int_equal(buf.len, limit - 1);
        assert_int_equal(cf_buf_append_byte(&buf, 1), CF_OK);
        assert_int_equal(cf_buf_append_byte(&buf, 2), CF_E_TOO_LARGE);
        assert_int_equal(buf.len, limit);
        assert_int_equal(buf.ptr[limit - 1], 1);
        cf_buf_release(&buf);
        for (size_t len = 0; len < limit; len++) {
            assert_int_equal(cf_buf_append_byte(&buf, 3), CF_OK);
            assert_true(buf.cap <= limit && buf.cap >= buf.len);
        }
        assert_int_equal(cf_buf_append_byte(&buf, 4), CF_E_TOO_LARGE);
        cf_buf_deinit(&buf);
    }
}

static void a_cap_of_zero_takes_nothing(void **state)
{
    (void)state;
    struct cf_buf buf;
    cf_buf_init(&buf, 0);
    assert_int_equal(cf_buf_append_byte(&buf, 1), CF_E_TOO_LARGE);
    assert_int_equal(cf_buf_append(&buf, CF_LIT("")), CF_OK);
    cf_buf_deinit(&buf);
}

static void capacity_doubles(void **state)
{
    (void)state;
    struct cf_buf buf;
    cf_buf_init(&buf, 1000000);
    unsigned changes = 0;
    for (size_t i = 0; i < 1000000; i++) {
        size_t before = buf.cap;
        assert_int_equal(cf_buf_append_byte(&buf, (uint8_t)i), CF_OK);
        if (buf.cap != before) {
            changes++;
            assert_true(buf.cap == 64 || buf.cap == before * 2 || buf.cap == 1000000);
        }
    }
    assert_int_equal(changes, 15);
    for (size_t i = 0; i < 1000000; i++)
        assert_int_equal(buf.ptr[i], (uint8_t)i);
    cf_buf_deinit(&buf);
}

/* Lengths that would wrap an addition meet the cap or the allocator, never a small buffer. */
static void huge_lengths(void **state)
{
    (void)state;
    struct cf_buf buf;
    cf_buf_init(&buf, SIZE_MAX);
    assert_int_equal(cf_buf_append(&buf, CF_LIT("abc")), CF_OK);
    assert_int_equal(cf_buf_reserve(&buf, SIZE_MAX), CF_E_TOO_LARGE);
    assert_int_equal(cf_buf_reserve(&buf, SIZE_MAX - 2), CF_E_TOO_LARGE);
    assert_int_equal(cf_buf_reserve(&buf, SIZE_MAX / 2), CF_E_NOMEM);
    assert_slice_equal(cf_buf_peek(&buf), "abc");
    cf_buf_deinit(&buf);
}

static void reserve_gives_room(void **state)
{
    (void)state;
    struct cf_buf buf;
    cf_buf_init(&buf, 1000);
    assert_int_equal(cf_buf_append(&buf, CF_LIT("ab")), CF_OK);
    assert_int_equal(cf_buf_reserve(&buf, 998), CF_OK);
    assert_int_equal(buf.len, 2);
    memset(buf.ptr + 2, 'x', 998);
    assert_int_equal(cf_buf_reserve(&buf, 999), CF_E_TOO_LARGE);
    cf_buf_deinit(&buf);
}

static void consume_drops_from_the_front(void **state)
{
    (void)state;
    struct cf_buf buf;
    cf_buf_init(&buf, 10);
    cf_buf_consume(&buf, 0);
    assert_int_equal(cf_buf_append(&buf, CF_LIT("0123456789")), CF_OK);
    cf_buf_consume(&buf, 3);
    assert_slice_equal(cf_buf_peek(&buf), "3456789");
    assert_int_equal(cf_buf_append(&buf, CF_LIT("abc")), CF_OK);
    assert_slice_equal(cf_buf_peek(&buf), "3456789abc");
    assert_panics(cf_buf_consume(&buf, 11));
    cf_buf_consume(&buf, 10);
    assert_int_equal(buf.len, 0);
    cf_buf_deinit(&buf);
}

static void reset_keeps_and_release_gives_back(void **state)
{
    (void)state;
    struct cf_buf buf;
    cf_buf_init(&buf, 100);
    assert_int_equal(cf_buf_append(&buf, CF_LIT("abc")), CF_OK);
    const uint8_t *before = buf.ptr;
    cf_buf_reset(&buf);
    assert_int_equal(buf.len, 0);
    assert_ptr_equal(buf.ptr, before);
    cf_buf_release(&buf);
    assert_null(buf.ptr);
    assert_int_equal(buf.max, 100);
    assert_int_equal(cf_buf_append_u64(&buf, UINT64_MAX), CF_OK);
    assert_slice_equal(cf_buf_peek(&buf), "18446744073709551615");
    cf_buf_deinit(&buf);
    cf_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allocated_before_the_first_append),
        cmocka_unit_test(the_cap_holds_exactly),
        cmocka_unit_test(a_cap_of_zero_takes_nothing),
        cmocka_unit_test(capacity_doubles),
        cmocka_unit_test(huge_lengths),
        cmocka_unit_test(reserve_gives_room),
        cmocka_unit_test(consume_drops_from_the_front),
        cmocka_unit_test(reset_keeps_and_release_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
