/* Ranges of bytes (RFC 9110 section 14.1.2 and 14.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/http/range.h"

/* "first+len", or the error's name. */
static const char *parse(const char *value, uint64_t size)
{
    static char out[64];
    struct cf_http_range range;
    enum cf_error error = cf_http_range_parse(cf_slice_cstr(value), size, &range);
    if (error != CF_OK)
        return cf_error_name(error);
    (void)snprintf(out, sizeof(out), "%llu+%llu", (unsigned long long)range.first,
                   (unsigned long long)range.len);
    return out;
}

static void a_range_is_what_is_there_of_it(void **state)
{
    (void)state;
    assert_string_equal(parse("bytes=0-0", 10), "0+1");
    assert_string_equal(parse("bytes=0-9", 10), "0+10");
    assert_string_equal(parse("bytes=9-9", 10), "9+1");
    assert_string_equal(parse("bytes=3-", 10), "3+7");
    assert_string_equal(parse("bytes=3-10", 10), "3+7");
    assert_string_equal(parse("bytes=3-18446744073709551615", 10), "3+7");
    assert_string_equal(parse("bytes=-1", 10), "9+1");
    assert_string_equal(parse("bytes=-10", 10), "0+10");
    assert_string_equal(parse("bytes=-11", 10), "0+10");
    assert_string_equal(parse("BYTES=4-5", 10), "4+2");
}

static void behind_the_end_there_is_nothing(void **state)
{
    (void)state;
    assert_string_equal(parse("bytes=10-", 10), "E_NOT_FOUND");
    assert_string_equal(parse("bytes=10-20", 10), "E_NOT_FOUND");
    assert_string_equal(parse("bytes=-0", 10), "E_NOT_FOUND");
    assert_string_equal(parse("bytes=0-", 0), "E_NOT_FOUND");
    assert_string_equal(parse("bytes=-5", 0), "E_NOT_FOUND");
}

static void what_is_no_single_range_is_ignored(void **state)
{
    static const char *const values[] = {"",
                                         "bytes",
                                         "bytes=",
                                         "bytes=-",
                                         "bytes=1",
                                         "bytes=2-1",
                                         "bytes=a-b",
                                         "bytes=1-b",
                                         "bytes=0-1,3-4",
                                         "bytes= 0-1",
                                         "bytes=0 -1",
                                         "bytes=0--1",
                                         "items=0-1",
                                         "0-1",
                                         "bytes=18446744073709551616-",
                                         "bytes=0-18446744073709551616",
                                         "bytes=+1-2"};
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_string_equal(parse(values[i], 10), "E_UNSUPPORTED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_what_is_there_of_it),
        cmocka_unit_test(behind_the_end_there_is_nothing),
        cmocka_unit_test(what_is_no_single_range_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
