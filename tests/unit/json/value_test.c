#include "unit/json/support.h"

#include "json/value.h"

enum { ANY = 63 };

static const struct cf_json_limits defaults = {.bytes_max = 65536,
                                               .string_bytes_max = 65536,
                                               .keys_max = 4096,
                                               .depth_max = 32,
                                               .number_bytes_max = 32};

struct reading {
    struct cf_arena arena;
    const char *wrong;
};

static enum cf_error read_fields(struct reading *reading, struct cf_slice document,
                                 struct cf_json_field *fields, size_t count)
{
    cf_arena_init(&reading->arena, 1 << 20);
    reading->wrong = "untouched";
    return cf_json_read_object(document, &defaults, test_key, &reading->arena, fields, count,
                               &reading->wrong);
}

static void test_each_type_is_handed_over(void **state)
{
    (void)state;
    struct cf_json_field fields[] = {
        {.name = "s", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "n", .types = CF_JSON_IS_NUMBER, .required = true},
        {.name = "t", .types = CF_JSON_IS_BOOL, .required = true},
        {.name = "f", .types = CF_JSON_IS_BOOL, .required = true},
        {.name = "z", .types = CF_JSON_IS_NULL, .required = true},
        {.name = "o", .types = CF_JSON_IS_OBJECT, .required = true},
        {.name = "a", .types = CF_JSON_IS_ARRAY, .required = true},
        {.name = "absent", .types = ANY},
    };
    struct cf_slice document =
        CF_LIT(" {\"a\": [1, {\"s\": 2}, []] , \"z\":null,\"o\":{ \"n\":\"\\u0041\"},"
               "\"f\":false,\"t\":true,\"n\":-1.50e+2,\"s\":\"x\\u00e9\\n\"} ");
    struct reading reading;
    assert_int_equal(read_fields(&reading, document, fields, CF_ARRAY_LEN(fields)), CF_OK);
    assert_null(reading.wrong);
    assert_int_equal(fields[0].is, CF_JSON_IS_STRING);
    assert_slice_equal(fields[0].text, "x\xC3\xA9\n");
    assert_int_equal(fields[1].is, CF_JSON_IS_NUMBER);
    assert_slice_equal(fields[1].text, "-1.50e+2");
    assert_int_equal(fields[2].is, CF_JSON_IS_BOOL);
    assert_slice_equal(fields[2].text, "true");
    assert_int_equal(fields[3].is, CF_JSON_IS_BOOL);
    assert_slice_equal(fields[3].text, "false");
    assert_int_equal(fields[4].is, CF_JSON_IS_NULL);
    assert_int_equal(fields[4].text.len, 0);
    assert_int_equal(fields[5].is, CF_JSON_IS_OBJECT);
    assert_slice_equal(fields[5].text, "{ \"n\":\"\\u0041\"}");
    assert_int_equal(fields[6].is, CF_JSON_IS_ARRAY);
    assert_slice_equal(fields[6].text, "[1, {\"s\": 2}, []]");
    assert_ptr_equal(fields[6].text.ptr, document.ptr + 7);
    assert_int_equal(fields[7].is, CF_JSON_IS_NONE);
    assert_null(fields[7].text.ptr);
    cf_arena_deinit(&reading.arena);
}

static void test_strings_outlive_the_document(void **state)
{
    (void)state;
    char document[] = "{\"s\":\"plain\",\"e\":\"\"}";
    struct cf_json_field fields[] = {{.name = "s", .types = CF_JSON_IS_STRING},
                                     {.name = "e", .types = CF_JSON_IS_STRING}};
    struct reading reading;
    assert_int_equal(read_fields(&reading, cf_slice_cstr(document), fields, 2), CF_OK);
    memset(document, '!', sizeof(document));
    assert_slice_equal(fields[0].text, "plain");
    assert_slice_equal(fields[1].text, "");
    assert_non_null(fields[1].text.ptr);
    cf_arena_deinit(&reading.arena);
}

static void test_unknown_members_are_skipped_but_checked(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        enum cf_error error;
    } cases[] = {
        {"{\"x\":{\"s\":1,\"y\":[{\"s\":[]}]},\"s\":\"v\",\"z\":[\"s\"]}", CF_OK},
        {"{\"s\":\"v\",\"x\":[1,]}", CF_E_SYNTAX},
        {"{\"s\":\"v\",\"x\":{\"a\":1,\"a\":2}}", CF_E_DUPLICATE},
        {"{\"s\":\"v\",\"x\":1,\"x\":2}", CF_E_DUPLICATE},
        {"{\"s\":\"v\",\"s\":\"v\"}", CF_E_DUPLICATE},
        {"{\"s\":\"v\",\"x\":\"\xFF\"}", CF_E_UTF8},
        {"{\"s\":\"v\"} x", CF_E_SYNTAX},
        {"{\"s\":\"v\"", CF_E_TRUNCATED},
        {"{\"s\":\"v\",\"x\":[", CF_E_TRUNCATED},
        {"", CF_E_TRUNCATED},
        {" ", CF_E_TRUNCATED},
        {"1.", CF_E_TRUNCATED},
        {"{\"s\":\"v\",\"n\":123456789012345678901234567890123}", CF_E_TOO_LARGE},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_json_field field = {.name = "s", .types = CF_JSON_IS_STRING, .required = true};
        struct reading reading;
        struct cf_slice document = cf_slice_cstr(cases[i].document);
        assert_int_equal(read_fields(&reading, document, &field, 1), cases[i].error);
        assert_null(reading.wrong);
        if (cases[i].error == CF_OK)
            assert_slice_equal(field.text, "v");
        cf_arena_deinit(&reading.arena);
    }
}

static void test_what_is_no_object(void **state)
{
    (void)state;
    static const char *const documents[] = {"[]",   "1",      "\"s\"",
                                            "null", " true ", "[{\"s\":\"v\"}]"};
    for (size_t i = 0; i < CF_ARRAY_LEN(documents); i++) {
        struct cf_json_field field = {.name = "s", .types = CF_JSON_IS_STRING, .required = true};
        struct reading reading;
        assert_int_equal(read_fields(&reading, cf_slice_cstr(documents[i]), &field, 1),
                         CF_E_INVALID);
        assert_null(reading.wrong);
        assert_int_equal(field.is, CF_JSON_IS_NONE);
        cf_arena_deinit(&reading.arena);
    }
}

static void test_an_array_that_is_broken_is_no_json(void **state)
{
    (void)state;
    struct reading reading;
    assert_int_equal(read_fields(&reading, CF_LIT("[1,]"), NULL, 0), CF_E_SYNTAX);
    cf_arena_deinit(&reading.arena);
    assert_int_equal(read_fields(&reading, CF_LIT("{\"a\":1}"), NULL, 0), CF_OK);
    cf_arena_deinit(&reading.arena);
}

static void test_every_type_against_every_other(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        unsigned is;
    } cases[] = {
        {"{\"x\":\"\"}", CF_JSON_IS_STRING},   {"{\"x\":0}", CF_JSON_IS_NUMBER},
        {"{\"x\":true}", CF_JSON_IS_BOOL},     {"{\"x\":false}", CF_JSON_IS_BOOL},
        {"{\"x\":null}", CF_JSON_IS_NULL},     {"{\"x\":{}}", CF_JSON_IS_OBJECT},
        {"{\"x\":[\"x\"]}", CF_JSON_IS_ARRAY},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        for (unsigned types = 0; types <= ANY; types++) {
            struct cf_json_field field = {.name = "x", .types = types};
            struct reading reading;
            enum cf_error error =
                read_fields(&reading, cf_slice_cstr(cases[i].document), &field, 1);
            bool fits = (types & cases[i].is) != 0;
            assert_int_equal(error, fits ? CF_OK : CF_E_INVALID);
            assert_ptr_equal(reading.wrong, fits ? NULL : field.name);
            assert_int_equal(field.is, cases[i].is);
            cf_arena_deinit(&reading.arena);
        }
    }
}

static void test_first_of_the_fields_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *document;
        const char *wrong;
    } cases[] = {
        {"{}", "a"},
        {"{\"a\":1}", "c"},
        {"{\"c\":1}", "a"},
        {"{\"c\":\"\",\"a\":1}", "c"},
        {"{\"c\":1,\"b\":\"\",\"a\":1}", "b"},
        {"{\"c\":\"\",\"b\":\"\",\"a\":1}", "b"},
        {"{\"c\":\"\",\"b\":\"\"}", "a"},
        {"{\"A\":1,\"c\":1}", "a"},
        {"{\"x\":{\"a\":1},\"c\":1}", "a"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_json_field fields[] = {
            {.name = "a", .types = CF_JSON_IS_NUMBER, .required = true},
            {.name = "b", .types = CF_JSON_IS_NUMBER},
            {.name = "c", .types = CF_JSON_IS_NUMBER, .required = true},
        };
        struct reading reading;
        assert_int_equal(read_fields(&reading, cf_slice_cstr(cases[i].document), fields, 3),
                         CF_E_INVALID);
        assert_string_equal(reading.wrong, cases[i].wrong);
        cf_arena_deinit(&reading.arena);
    }
}

static void test_names_are_compared_unescaped(void **state)
{
    (void)state;
    struct cf_json_field field = {.name = "ab", .types = CF_JSON_IS_NUMBER, .required = true};
    struct reading reading;
    assert_int_equal(read_fields(&reading,
                                 CF_LIT("{\"a\":1,\"abc\":2,\"a\\u0000b\":3,\"\\u0061b\":4}"),
                                 &field, 1),
                     CF_OK);
    assert_slice_equal(field.text, "4");
    cf_arena_deinit(&reading.arena);
}

static void test_fields_are_cleared_first(void **state)
{
    (void)state;
    struct cf_json_field field = {.name = "x", .is = CF_JSON_IS_STRING, .text = CF_LIT("old")};
    struct reading reading;
    assert_int_equal(read_fields(&reading, CF_LIT("{}"), &field, 1), CF_OK);
    assert_int_equal(field.is, CF_JSON_IS_NONE);
    assert_int_equal(field.text.len, 0);
    cf_arena_deinit(&reading.arena);
}

static void test_full_arena(void **state)
{
    (void)state;
    struct cf_arena arena;
    struct cf_json_field field = {.name = "x", .types = CF_JSON_IS_STRING};
    const char *wrong = "untouched";
    struct cf_slice document = CF_LIT("{\"x\":\"0123456789abcdef0\"}");
    cf_arena_init(&arena, 16);
    assert_int_equal(cf_json_read_object(document, &defaults, test_key, &arena, &field, 1, &wrong),
                     CF_E_NOMEM);
    assert_null(wrong);
    /* What nobody asked for takes no memory. */
    field.types = CF_JSON_IS_NUMBER;
    assert_int_equal(cf_json_read_object(document, &defaults, test_key, &arena, &field, 1, &wrong),
                     CF_E_INVALID);
    assert_int_equal(arena.bytes, 0);
    cf_arena_deinit(&arena);
}

static void test_to_i64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"1", 1},
        {"-1", -1},
        {"42", 42},
        {"9223372036854775806", INT64_MAX - 1},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775807", INT64_MIN + 1},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const bad[] = {
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "-18446744073709551616",
        "99999999999999999999999999999999",
        "1.0",
        "1e2",
        "1E2",
        "-1.5",
        "0.0",
        "0e0",
        "",
        "-",
        "--1",
        "+1",
        "01",
        "-01",
        "00",
        " 1",
        "1 ",
        "a",
        "0x1",
        "1-",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(good); i++) {
        int64_t value = 77;
        assert_int_equal(cf_json_to_i64(cf_slice_cstr(good[i].text), &value), CF_OK);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++) {
        int64_t value = 77;
        assert_int_equal(cf_json_to_i64(cf_slice_cstr(bad[i]), &value), CF_E_INVALID);
        assert_int_equal(value, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_type_is_handed_over),
        cmocka_unit_test(test_strings_outlive_the_document),
        cmocka_unit_test(test_unknown_members_are_skipped_but_checked),
        cmocka_unit_test(test_what_is_no_object),
        cmocka_unit_test(test_an_array_that_is_broken_is_no_json),
        cmocka_unit_test(test_every_type_against_every_other),
        cmocka_unit_test(test_first_of_the_fields_is_named),
        cmocka_unit_test(test_names_are_compared_unescaped),
        cmocka_unit_test(test_fields_are_cleared_first),
        cmocka_unit_test(test_full_arena),
        cmocka_unit_test(test_to_i64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
