/* The JSON reader's limits at limit - 1, limit and limit + 1, and the shapes that broke others
 * (hazard V25). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "json/reader.h"

static const uint8_t hash_key[16] = "reader test";

static enum cf_error read_with(const struct cf_json_limits *limits, struct cf_slice text)
{
    struct cf_json_reader reader;
    struct cf_json_event event = {.type = CF_JSON_NULL};
    enum cf_error error = CF_OK;
    cf_json_reader_init(&reader, limits, hash_key);
    while (error == CF_OK && event.type != CF_JSON_NEED_MORE)
        error = cf_json_next(&reader, &text, &event);
    if (error == CF_OK)
        error = cf_json_finish(&reader, &event);
    cf_json_reader_deinit(&reader);
    return error;
}

static enum cf_error read_text(const struct cf_json_limits *limits, const char *text)
{
    return read_with(limits, cf_slice_cstr(text));
}

static void test_bytes(void **state)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    (void)state;
    limits.bytes_max = 5;
    assert_int_equal(read_text(&limits, "[12]"), CF_OK);
    assert_int_equal(read_text(&limits, "[123]"), CF_OK);
    assert_int_equal(read_text(&limits, "[1234]"), CF_E_TOO_LARGE);
    assert_int_equal(read_text(&limits, "[123] "), CF_E_TOO_LARGE);
}

static void test_string_bytes(void **state)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    (void)state;
    limits.string_bytes_max = 4;
    assert_int_equal(read_text(&limits, "\"abc\""), CF_OK);
    assert_int_equal(read_text(&limits, "\"abcd\""), CF_OK);
    assert_int_equal(read_text(&limits, "\"abcde\""), CF_E_TOO_LARGE);
    assert_int_equal(read_text(&limits, "\"\\u20acd\""), CF_OK);
    assert_int_equal(read_text(&limits, "\"\\u20acde\""), CF_E_TOO_LARGE);
    assert_int_equal(read_text(&limits, "\"abc\\ud83d\\ude00\""), CF_E_TOO_LARGE);
    assert_int_equal(read_text(&limits, "{\"abcde\":1}"), CF_E_TOO_LARGE);
}

static void test_number_bytes(void **state)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    char digits[70000];
    (void)state;
    memset(digits, '1', sizeof(digits));
    for (size_t len = 31; len <= 33; len++) {
        enum cf_error wanted = len <= 32 ? CF_OK : CF_E_TOO_LARGE;
        assert_int_equal(read_with(&limits, cf_slice_of(digits, len)), wanted);
    }
    assert_int_equal(read_with(&limits, cf_slice_of(digits, 65536)), CF_E_TOO_LARGE);
}

static void test_keys(void **state)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    (void)state;
    limits.keys_max = 3;
    assert_int_equal(read_text(&limits, "{\"a\":1,\"b\":{\"a\":1}}"), CF_OK);
    assert_int_equal(read_text(&limits, "{\"a\":1,\"b\":2,\"c\":{}}"), CF_OK);
    assert_int_equal(read_text(&limits, "{\"a\":1,\"b\":2,\"c\":{\"a\":1}}"), CF_E_TOO_MANY);
}

static void test_v25_depth(void **state)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    static char text[1000001];
    (void)state;
    for (size_t depth = 31; depth <= 33; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        enum cf_error wanted = depth <= 32 ? CF_OK : CF_E_TOO_DEEP;
        assert_int_equal(read_with(&limits, cf_slice_of(text, 2 * depth)), wanted);
    }
    memset(text, '[', sizeof(text));
    limits.bytes_max = sizeof(text);
    limits.depth_max = 1000000; /* cut to what the reader has room for */
    assert_int_equal(read_with(&limits, cf_slice_of(text, sizeof(text))), CF_E_TOO_DEEP);
}

/* 100,000 keys take time in proportion: ten times as many as 10,000 must not take a hundred times
 * as long. */
static clock_t read_keys(size_t count, bool last_is_duplicate)
{
    struct cf_json_limits limits = {.bytes_max = 16 * 1024 * 1024,
                                    .string_bytes_max = 100,
                                    .keys_max = 1000000,
                                    .depth_max = 32,
                                    .number_bytes_max = 32};
    char *text = malloc(count * 24 + 2);
    size_t len = 0;
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        size_t name = last_is_duplicate && i == count - 1 ? 0 : i;
        len += (size_t)snprintf(text + len, 24, "%c\"key%zu\":0", i == 0 ? '{' : ',', name);
    }
    text[len++] = '}';
    clock_t started = clock();
    assert_int_equal(read_with(&limits, cf_slice_of(text, len)),
                     last_is_duplicate ? CF_E_DUPLICATE : CF_OK);
    clock_t taken = clock() - started;
    free(text);
    return taken;
}

static void test_v25_many_keys(void **state)
{
    (void)state;
    read_keys(100000, true);
    clock_t few = read_keys(10000, false), many = read_keys(100000, false);
    assert_true(many < (few + CLOCKS_PER_SEC / 1000) * 40);
}

static void test_strings_without_escapes_are_borrowed(void **state)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_slice text = CF_LIT("[\"plain\",\"esc\\naped\"]"), input = text;
    struct cf_json_reader reader;
    struct cf_json_event event;
    (void)state;
    cf_json_reader_init(&reader, &limits, hash_key);
    assert_int_equal(cf_json_next(&reader, &input, &event), CF_OK);
    assert_int_equal(event.type, CF_JSON_ARRAY_BEGIN);
    assert_int_equal(event.depth, 1);
    assert_int_equal(cf_json_next(&reader, &input, &event), CF_OK);
    assert_ptr_equal(event.text.ptr, text.ptr + 2);
    assert_int_equal(event.text.len, 5);
    assert_int_equal(cf_json_next(&reader, &input, &event), CF_OK);
    assert_true(cf_slice_eq(event.text, CF_LIT("esc\naped")));
    assert_int_equal(cf_json_next(&reader, &input, &event), CF_OK);
    assert_int_equal(event.type, CF_JSON_ARRAY_END);
    assert_int_equal(event.depth, 0);
    cf_json_reader_deinit(&reader);
}

static void test_what_is_cut_off(void **state)
{
    static const char *const texts[] = {"",  "{",  "[1", "\"a",     "tru",
                                        "-", "1.", "1e", "{\"a\":", "\"\\u00"};
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(read_text(&limits, texts[i]), CF_E_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_string_bytes),
        cmocka_unit_test(test_number_bytes),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_v25_depth),
        cmocka_unit_test(test_v25_many_keys),
        cmocka_unit_test(test_strings_without_escapes_are_borrowed),
        cmocka_unit_test(test_what_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
