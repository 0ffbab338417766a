#include "unit/base/support.h"

#include "base/slice.h"

static const struct cf_slice null_slice = {NULL, 0};

static void check_equality(bool (*eq)(struct cf_slice a, struct cf_slice b))
{
    assert_true(eq(CF_LIT("abc"), CF_LIT("abc")));
    assert_false(eq(CF_LIT("abc"), CF_LIT("abd")));
    assert_false(eq(CF_LIT("abc"), CF_LIT("xbc")));
    assert_false(eq(CF_LIT("abc"), CF_LIT("ab")));
    assert_true(eq(null_slice, CF_LIT("")));
    assert_true(eq(CF_LIT("a\0b"), cf_slice_of("a\0b", 3)));
    assert_false(eq(CF_LIT("a\0b"), CF_LIT("a\0c")));
    assert_true(eq(cf_slice_cstr("host"), CF_LIT("host")));
}

static void equality(void **state)
{
    (void)state;
    check_equality(cf_slice_eq);
    check_equality(cf_slice_eq_secret);
}

/* All 65,536 pairs of bytes: equal only if the same or the two cases of one ASCII letter. */
static void case_is_folded_for_ascii_letters_only(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            uint8_t left = (uint8_t)a, right = (uint8_t)b;
            unsigned low = a < b ? a : b, high = a < b ? b : a;
            bool same = a == b || (low >= 'A' && low <= 'Z' && high == low + ('a' - 'A'));
            assert_int_equal(cf_slice_eq_nocase(cf_slice_of(&left, 1), cf_slice_of(&right, 1)),
                             same);
        }
    }
    assert_true(cf_slice_eq_nocase(CF_LIT("Content-Length"), CF_LIT("content-lENGTH")));
    assert_false(cf_slice_eq_nocase(CF_LIT("Upgrade"), CF_LIT("Upgrade2")));
    assert_true(cf_slice_eq_nocase(null_slice, CF_LIT("")));
}

static void prefix_and_suffix(void **state)
{
    (void)state;
    assert_true(cf_slice_starts(CF_LIT("/media/x"), CF_LIT("/media/")));
    assert_false(cf_slice_starts(CF_LIT("/med"), CF_LIT("/media/")));
    assert_true(cf_slice_starts(null_slice, CF_LIT("")));
    assert_true(cf_slice_ends(CF_LIT("a.png"), CF_LIT(".png")));
    assert_false(cf_slice_ends(CF_LIT("png"), CF_LIT(".png")));
    assert_false(cf_slice_ends(CF_LIT("a.jpg"), CF_LIT(".png")));
    assert_true(cf_slice_ends(CF_LIT("a"), null_slice));
}

static void find_head_skip(void **state)
{
    (void)state;
    assert_int_equal(cf_slice_find(CF_LIT("a=b=c"), '='), 1);
    assert_int_equal(cf_slice_find(CF_LIT("abc"), '='), 3);
    assert_int_equal(cf_slice_find(null_slice, '='), 0);
    assert_slice_equal(cf_slice_head(CF_LIT("abc"), 2), "ab");
    assert_slice_equal(cf_slice_head(CF_LIT("abc"), SIZE_MAX), "abc");
    assert_slice_equal(cf_slice_skip(CF_LIT("abc"), 2), "c");
    assert_slice_equal(cf_slice_skip(CF_LIT("abc"), SIZE_MAX), "");
    assert_null(cf_slice_skip(null_slice, 1).ptr);
}

static void trim_takes_spaces_and_tabs_only(void **state)
{
    (void)state;
    assert_slice_equal(cf_slice_trim(CF_LIT(" \t a b\t ")), "a b");
    assert_slice_equal(cf_slice_trim(CF_LIT("\ra\n")), "\ra\n");
    assert_slice_equal(cf_slice_trim(CF_LIT(" \t ")), "");
    assert_slice_equal(cf_slice_trim(null_slice), "");
}

static void next_gives_each_element_once(void **state)
{
    (void)state;
    static const struct {
        struct cf_slice text;
        size_t count;
        struct cf_slice elements[4];
    } cases[] = {
        {CF_LIT("a,bc,d"), 3, {CF_LIT("a"), CF_LIT("bc"), CF_LIT("d")}},
        {CF_LIT("a,"), 2, {CF_LIT("a"), CF_LIT("")}},
        {CF_LIT(",,"), 3, {CF_LIT(""), CF_LIT(""), CF_LIT("")}},
        {CF_LIT(""), 1, {CF_LIT("")}},
        {{NULL, 0}, 0, {{NULL, 0}}},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_slice rest = cases[i].text, element;
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_true(cf_slice_next(&rest, ',', &element));
            assert_true(cf_slice_eq(element, cases[i].elements[k]));
        }
        assert_null(rest.ptr);
        assert_false(cf_slice_next(&rest, ',', &element));
    }
}

static void decimal_numbers(void **state)
{
    (void)state;
    static const struct {
        struct cf_slice text;
        uint64_t value;
    } good[] = {
        {CF_LIT("0"), 0},
        {CF_LIT("007"), 7},
        {CF_LIT("18446744073709551614"), UINT64_MAX - 1},
        {CF_LIT("18446744073709551615"), UINT64_MAX},
        {CF_LIT("00000000000000000000000018446744073709551615"), UINT64_MAX},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(good); i++) {
        uint64_t value = 1;
        assert_true(cf_slice_to_u64(good[i].text, &value));
        assert_true(value == good[i].value);
    }
    static const struct cf_slice bad[] = {
        CF_LIT(""),
        CF_LIT("+1"),
        CF_LIT("-0"),
        CF_LIT(" 1"),
        CF_LIT("1 "),
        CF_LIT("0x"),
        CF_LIT("1_0"),
        CF_LIT("1.0"),
        CF_LIT("/"),
        CF_LIT(":"),
        CF_LIT("18446744073709551616"),
        CF_LIT("18446744073709551620"),
        CF_LIT("99999999999999999999"),
        CF_LIT("184467440737095516150"),
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++) {
        uint64_t value = 4711;
        assert_false(cf_slice_to_u64(bad[i], &value));
        assert_int_equal(value, 4711);
    }
}

static void numbers_come_back(void **state)
{
    (void)state;
    char text[20];
    assert_slice_equal(cf_slice_of(text, cf_u64_format(0, text)), "0");
    assert_slice_equal(cf_slice_of(text, cf_u64_format(UINT64_MAX, text)), "18446744073709551615");
    uint64_t seed = 1;
    for (unsigned round = 0; round < 1000; round++) {
        uint64_t value = next_random(&seed) >> round % 64, back;
        assert_true(cf_slice_to_u64(cf_slice_of(text, cf_u64_format(value, text)), &back));
        assert_true(back == value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality),
        cmocka_unit_test(case_is_folded_for_ascii_letters_only),
        cmocka_unit_test(prefix_and_suffix),
        cmocka_unit_test(find_head_skip),
        cmocka_unit_test(trim_takes_spaces_and_tabs_only),
        cmocka_unit_test(next_gives_each_element_once),
        cmocka_unit_test(decimal_numbers),
        cmocka_unit_test(numbers_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
