/* Writing, reading what was written, and the typed decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "json/value.h"
#include "json/writer.h"

static const uint8_t hash_key[16] = "writer test";

static void test_everything(void **state)
{
    struct cf_buf out;
    struct cf_json_writer w;
    (void)state;
    cf_buf_init(&out, 4096);
    cf_json_writer_init(&w, &out);
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "s", CF_LIT("a\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9"));
    cf_json_member_i64(&w, "min", INT64_MIN);
    cf_json_member_i64(&w, "max", INT64_MAX);
    cf_json_member_bool(&w, "t", true);
    cf_json_member_bool(&w, "f", false);
    cf_json_member_null(&w, "n");
    cf_json_key(&w, CF_LIT("a"));
    cf_json_array_begin(&w);
    cf_json_i64(&w, 0);
    cf_json_array_begin(&w);
    cf_json_array_end(&w);
    cf_json_object_begin(&w);
    cf_json_object_end(&w);
    cf_json_raw(&w, CF_LIT("[1,2]"));
    cf_json_string(&w, CF_LIT(""));
    cf_json_array_end(&w);
    cf_json_object_end(&w);
    assert_int_equal(cf_json_writer_finish(&w), CF_OK);
    struct cf_slice wanted =
        CF_LIT("{\"s\":\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\","
               "\"min\":-9223372036854775808,\"max\":9223372036854775807,\"t\":true,\"f\":false,"
               "\"n\":null,\"a\":[0,[],{},[1,2],\"\"]}");
    assert_int_equal(out.len, wanted.len);
    assert_memory_equal(out.ptr, wanted.ptr, wanted.len);
    cf_buf_deinit(&out);
}

static void test_every_character_comes_back(void **state)
{
    (void)state;
    for (uint32_t scalar = 0; scalar < 0x110000; scalar += scalar < 0x1000 ? 1 : 0x3ff) {
        uint8_t bytes[4];
        struct cf_buf out;
        struct cf_arena arena;
        struct cf_json_writer w;
        struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
        struct cf_json_field field = {.name = "x", .types = CF_JSON_IS_STRING, .required = true};
        const char *wrong;
        if (scalar >= 0xD800 && scalar <= 0xDFFF)
            continue;
        struct cf_slice text = cf_slice_of(bytes, cf_utf8_encode(scalar, bytes));
        cf_buf_init(&out, 4096);
        cf_arena_init(&arena, 65536);
        cf_json_writer_init(&w, &out);
        cf_json_object_begin(&w);
        cf_json_member_string(&w, "x", text);
        cf_json_object_end(&w);
        assert_int_equal(cf_json_writer_finish(&w), CF_OK);
        assert_int_equal(
            cf_json_read_object(cf_buf_peek(&out), &limits, hash_key, &arena, &field, 1, &wrong),
            CF_OK);
        assert_true(cf_slice_eq(field.text, text));
        cf_arena_deinit(&arena);
        cf_buf_deinit(&out);
    }
}

static void test_errors_stick(void **state)
{
    struct cf_buf out;
    struct cf_json_writer w;
    (void)state;
    cf_buf_init(&out, 4);
    cf_json_writer_init(&w, &out);
    cf_json_string(&w, CF_LIT("too long"));
    assert_int_equal(cf_json_writer_finish(&w), CF_E_TOO_LARGE);
    cf_buf_deinit(&out);
    cf_buf_init(&out, 64);
    cf_json_writer_init(&w, &out);
    cf_json_array_begin(&w);
    cf_json_string(&w, CF_LIT("\xff"));
    cf_json_i64(&w, 1);
    cf_json_array_end(&w);
    assert_int_equal(cf_json_writer_finish(&w), CF_E_UTF8);
    cf_buf_deinit(&out);
}

/* The error, and "-" or the field that is wrong. */
static enum cf_error read_fields(const char *json, struct cf_json_field fields[2],
                                 struct cf_arena *arena, const char **out_wrong)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    return cf_json_read_object(cf_slice_cstr(json), &limits, hash_key, arena, fields, 2, out_wrong);
}

static void test_typed_fields(void **state)
{
    struct cf_json_field fields[] = {
        {.name = "a", .types = CF_JSON_IS_STRING | CF_JSON_IS_NUMBER, .required = true},
        {.name = "b",
         .types = CF_JSON_IS_OBJECT | CF_JSON_IS_ARRAY | CF_JSON_IS_BOOL | CF_JSON_IS_NULL},
    };
    static const struct {
        const char *json;
        enum cf_error error;
        const char *wrong, *a, *b;
    } cases[] = {
        {"{\"a\":\"x\\ny\"}", CF_OK, NULL, "x\ny", NULL},
        {"{\"z\":[{\"a\":1}],\"a\":-12,\"b\":true}", CF_OK, NULL, "-12", "true"},
        {"{ \"b\" : { \"a\" : [ 1 ] } , \"a\" : 1.5e3 }", CF_OK, NULL, "1.5e3",
         "{ \"a\" : [ 1 ] }"},
        {"{\"a\":1,\"b\":[[],{}]}", CF_OK, NULL, "1", "[[],{}]"},
        {"{\"a\":1,\"b\":null}", CF_OK, NULL, "1", NULL},
        {"{\"a\":1,\"x\":{\"b\":3}}", CF_OK, NULL, "1", NULL},
        {"{}", CF_E_INVALID, "a", NULL, NULL},
        {"{\"a\":true}", CF_E_INVALID, "a", NULL, NULL},
        {"{\"a\":null}", CF_E_INVALID, "a", NULL, NULL},
        {"{\"a\":1,\"b\":2}", CF_E_INVALID, "b", NULL, NULL},
        {"[]", CF_E_INVALID, NULL, NULL, NULL},
        {"\"a\"", CF_E_INVALID, NULL, NULL, NULL},
        {"{\"a\":1", CF_E_TRUNCATED, NULL, NULL, NULL},
        {"{\"a\":1}x", CF_E_SYNTAX, NULL, NULL, NULL},
        {"{\"a\":1,\"z\":1,\"z\":2}", CF_E_DUPLICATE, NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_arena arena;
        const char *wrong;
        cf_arena_init(&arena, 65536);
        assert_int_equal(read_fields(cases[i].json, fields, &arena, &wrong), cases[i].error);
        if (cases[i].wrong == NULL)
            assert_null(wrong);
        else
            assert_string_equal(wrong, cases[i].wrong);
        if (cases[i].a != NULL)
            assert_true(cf_slice_eq(fields[0].text, cf_slice_cstr(cases[i].a)));
        if (cases[i].b != NULL)
            assert_true(cf_slice_eq(fields[1].text, cf_slice_cstr(cases[i].b)));
        cf_arena_deinit(&arena);
    }
}

static void test_integers(void **state)
{
    int64_t value = 7;
    (void)state;
    assert_int_equal(cf_json_to_i64(CF_LIT("-9223372036854775808"), &value), CF_OK);
    assert_true(value == INT64_MIN);
    assert_int_equal(cf_json_to_i64(CF_LIT("9223372036854775807"), &value), CF_OK);
    assert_true(value == INT64_MAX);
    assert_int_equal(cf_json_to_i64(CF_LIT("-0"), &value), CF_OK);
    assert_true(value == 0);
    static const char *const bad[] = {
        "9223372036854775808", "-9223372036854775809", "1.0", "1e3", "", "-"};
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++)
        assert_int_equal(cf_json_to_i64(cf_slice_cstr(bad[i]), &value), CF_E_INVALID);
    assert_true(value == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),   cmocka_unit_test(test_every_character_comes_back),
        cmocka_unit_test(test_errors_stick), cmocka_unit_test(test_typed_fields),
        cmocka_unit_test(test_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
