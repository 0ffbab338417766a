#include "unit/json/support.h"

static const struct cf_json_limits defaults = {.bytes_max = 65536,
                                               .string_bytes_max = 65536,
                                               .keys_max = 4096,
                                               .depth_max = 32,
                                               .number_bytes_max = 32};

/* ---- events ---- */

static void test_events_in_order_with_their_depth(void **state)
{
    (void)state;
    check_events(
        CF_LIT("{\"a\":[1,-2.5e3,{}],\"b\":{\"c\":\"x\\ny\"},\"d\":true,\"e\":false,\"f\":null}"),
        &defaults, CF_OK,
        "{1 0:\nk1 1:a\n[2 0:\n#2 1:1\n#2 6:-2.5e3\n{3 0:\n}2 0:\n]1 0:\n"
        "k1 1:b\n{2 0:\nk2 1:c\ns2 3:x\ny\n}1 0:\n"
        "k1 1:d\nt1 0:\nk1 1:e\nf1 0:\nk1 1:f\nn1 0:\n}0 0:\n");
}

static void test_events_before_an_error_are_given(void **state)
{
    (void)state;
    check_events(CF_LIT("[1,\"a\",01]"), &defaults, CF_E_SYNTAX, "[1 0:\n#1 1:1\ns1 1:a\n#1 1:0\n");
    check_events(CF_LIT("{\"a\":1,\"a\":2}"), &defaults, CF_E_DUPLICATE, "{1 0:\nk1 1:a\n#1 1:1\n");
}

static void test_number_at_the_top_ends_with_the_input(void **state)
{
    (void)state;
    struct cf_json_reader reader;
    struct cf_json_event event;
    struct cf_slice input = CF_LIT("-12.5e3");
    cf_json_reader_init(&reader, &defaults, test_key);
    assert_int_equal(cf_json_next(&reader, &input, &event), CF_OK);
    assert_int_equal(event.type, CF_JSON_NEED_MORE);
    assert_int_equal(cf_json_finish(&reader, &event), CF_OK);
    assert_int_equal(event.type, CF_JSON_NUMBER);
    assert_slice_equal(event.text, "-12.5e3");
    assert_int_equal(cf_json_finish(&reader, &event), CF_OK);
    assert_int_equal(event.type, CF_JSON_NEED_MORE);
    cf_json_reader_deinit(&reader);
}

static void test_input_stops_right_behind_the_event(void **state)
{
    (void)state;
    static const struct {
        enum cf_json_type type;
        size_t left;
    } expected[] = {
        {CF_JSON_ARRAY_BEGIN, 13}, {CF_JSON_OBJECT_BEGIN, 12}, {CF_JSON_KEY, 9},
        {CF_JSON_NUMBER, 6},       {CF_JSON_OBJECT_END, 4},    {CF_JSON_ARRAY_END, 2},
        {CF_JSON_NEED_MORE, 0},
    };
    struct cf_json_reader reader;
    struct cf_json_event event;
    struct cf_slice input = CF_LIT("[{\"a\": 1 } ]  ");
    cf_json_reader_init(&reader, &defaults, test_key);
    for (size_t i = 0; i < CF_ARRAY_LEN(expected); i++) {
        assert_int_equal(cf_json_next(&reader, &input, &event), CF_OK);
        assert_int_equal(event.type, expected[i].type);
        assert_int_equal(input.len, expected[i].left);
    }
    cf_json_reader_deinit(&reader);
}

static void test_error_spends_the_reader(void **state)
{
    (void)state;
    struct cf_json_reader reader;
    struct cf_json_event event = {.type = CF_JSON_TRUE};
    struct cf_slice input = CF_LIT("]"), more = CF_LIT("[]");
    cf_json_reader_init(&reader, &defaults, test_key);
    assert_int_equal(cf_json_next(&reader, &input, &event), CF_E_SYNTAX);
    assert_int_equal(cf_json_next(&reader, &more, &event), CF_E_SYNTAX);
    assert_int_equal(cf_json_finish(&reader, &event), CF_E_SYNTAX);
    assert_int_equal(event.type, CF_JSON_TRUE);
    assert_int_equal(more.len, 2);
    cf_json_reader_deinit(&reader);
}

static void test_truncation_spends_the_reader(void **state)
{
    (void)state;
    struct cf_json_reader reader;
    struct cf_json_event event;
    struct cf_slice input = CF_LIT("["), more = CF_LIT("]");
    cf_json_reader_init(&reader, &defaults, test_key);
    assert_int_equal(cf_json_next(&reader, &input, &event), CF_OK);
    assert_int_equal(cf_json_finish(&reader, &event), CF_E_TRUNCATED);
    assert_int_equal(cf_json_next(&reader, &more, &event), CF_E_TRUNCATED);
    cf_json_reader_deinit(&reader);
}

/* ---- text without a copy ---- */

static struct cf_slice second_event(struct cf_json_reader *reader, struct cf_slice input)
{
    struct cf_json_event event;
    cf_json_reader_init(reader, &defaults, test_key);
    assert_int_equal(cf_json_next(reader, &input, &event), CF_OK);
    assert_int_equal(cf_json_next(reader, &input, &event), CF_OK);
    return event.text;
}

static void test_plain_text_borrows_the_input(void **state)
{
    (void)state;
    static const char *const documents[] = {"[\"plain\"]", "[\"caf\xC3\xA9\"]", "{\"key\":1}",
                                            "[12.5]", "[\"\"]"};
    for (size_t i = 0; i < CF_ARRAY_LEN(documents); i++) {
        struct cf_json_reader reader;
        struct cf_slice input = cf_slice_cstr(documents[i]);
        struct cf_slice text = second_event(&reader, input);
        assert_ptr_equal(text.ptr, input.ptr + (documents[i][1] == '"' ? 2 : 1));
        assert_null(reader.text.ptr);
        cf_json_reader_deinit(&reader);
    }
}

static void test_escaped_text_is_the_readers(void **state)
{
    (void)state;
    struct cf_json_reader reader;
    struct cf_slice text = second_event(&reader, CF_LIT("[\"a\\nb\"]"));
    assert_slice_equal(text, "a\nb");
    assert_ptr_equal(text.ptr, reader.text.ptr);
    cf_json_reader_deinit(&reader);
}

static void test_memory_of_long_text_is_given_back(void **state)
{
    (void)state;
    struct cf_buf document;
    struct cf_json_reader reader;
    struct cf_json_event event;
    cf_buf_init(&document, SIZE_MAX);
    append_times(&document, "[\"\\n", 1);
    append_times(&document, "x", 50000);
    append_times(&document, "\",1]", 1);
    assert_int_equal(second_event(&reader, cf_buf_peek(&document)).len, 50001);
    assert_true(reader.text.cap >= 50001);
    struct cf_slice rest = CF_LIT(",1]");
    assert_int_equal(cf_json_next(&reader, &rest, &event), CF_OK);
    assert_int_equal(reader.text.cap, 0);
    cf_json_reader_deinit(&reader);
    cf_buf_deinit(&document);
}

/* ---- words of eight bytes: a special byte at every place of a string of every length ---- */

static void check_special_at(size_t len, size_t at, const char *special, enum cf_error expected)
{
    struct cf_buf document;
    cf_buf_init(&document, SIZE_MAX);
    append_times(&document, "\"", 1);
    append_times(&document, "x", at);
    append_times(&document, special, 1);
    append_times(&document, "~", len - at);
    append_times(&document, "\"", 1);
    check_error(cf_buf_peek(&document), &defaults, expected);
    cf_buf_deinit(&document);
}

static void test_special_bytes_are_seen_everywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 20; len++) {
        for (size_t at = 0; at <= len; at++) {
            check_special_at(len, at, "\x1F", CF_E_SYNTAX);
            check_special_at(len, at, "\x01", CF_E_SYNTAX);
            check_special_at(len, at, "\\q", CF_E_SYNTAX);
            check_special_at(len, at, "\"", CF_E_SYNTAX);
            check_special_at(len, at, "\x80", CF_E_UTF8);
            check_special_at(len, at, "\xFF", CF_E_UTF8);
            check_special_at(len, at, "\xC3", CF_E_UTF8);
            check_special_at(len, at, "\x7F", CF_OK);
            check_special_at(len, at, " ", CF_OK);
            check_special_at(len, at, "!", CF_OK);
            check_special_at(len, at, "#", CF_OK);
            check_special_at(len, at, "[", CF_OK);
            check_special_at(len, at, "]", CF_OK);
            check_special_at(len, at, "\xC3\xA9", CF_OK);
            check_special_at(len, at, "\\n", CF_OK);
        }
    }
}

/* V9: every scalar value, as it stands and as an escape, comes out as its UTF-8. */
static void test_every_scalar_value(void **state)
{
    (void)state;
    for (uint32_t scalar = 1; scalar <= 0x10FFFF; scalar++) {
        if (scalar >= 0xD800 && scalar <= 0xDFFF)
            continue;
        char escaped[32];
        uint8_t utf8[4];
        size_t len = cf_utf8_encode(scalar, utf8);
        if (scalar < 0x10000)
            snprintf(escaped, sizeof(escaped), "[\"\\u%04x\"", (unsigned)scalar);
        else
            snprintf(escaped, sizeof(escaped), "[\"\\u%04X\\u%04X\"",
                     (unsigned)(0xD800 + ((scalar - 0x10000) >> 10)),
                     (unsigned)(0xDC00 + ((scalar - 0x10000) & 0x3FF)));
        struct cf_json_reader reader;
        struct cf_slice text = second_event(&reader, cf_slice_cstr(escaped));
        assert_true(cf_slice_eq(text, cf_slice_of(utf8, len)));
        cf_json_reader_deinit(&reader);
        if (scalar < 0x20 || scalar == '"' || scalar == '\\')
            continue;
        char plain[16] = "[\"";
        memcpy(plain + 2, utf8, len);
        plain[2 + len] = '"';
        text = second_event(&reader, cf_slice_cstr(plain));
        assert_true(cf_slice_eq(text, cf_slice_of(utf8, len)));
        cf_json_reader_deinit(&reader);
    }
}

/* ---- limits, one below, at and above ---- */

static void check_nested(const char *open, const char *close, unsigned depth,
                         enum cf_error expected)
{
    struct cf_buf document;
    struct cf_json_limits limits = defaults;
    cf_buf_init(&document, SIZE_MAX);
    append_times(&document, open, depth);
    append_times(&document, "0", 1);
    append_times(&document, close, depth);
    limits.depth_max = 5;
    check_error(cf_buf_peek(&document), &limits, expected);
    cf_buf_deinit(&document);
}

static void test_depth_limit(void **state)
{
    (void)state;
    check_nested("[", "]", 4, CF_OK);
    check_nested("[", "]", 5, CF_OK);
    check_nested("[", "]", 6, CF_E_TOO_DEEP);
    check_nested("{\"a\":", "}", 4, CF_OK);
    check_nested("{\"a\":", "}", 5, CF_OK);
    check_nested("{\"a\":", "}", 6, CF_E_TOO_DEEP);
}

static void check_depth_cap(const char *open, const char *close, unsigned depth,
                            enum cf_error expected)
{
    struct cf_buf document;
    struct cf_json_limits limits = defaults;
    cf_buf_init(&document, SIZE_MAX);
    append_times(&document, open, depth);
    append_times(&document, "0", 1);
    append_times(&document, close, depth);
    limits.depth_max = 1000;
    check_error(cf_buf_peek(&document), &limits, expected);
    cf_buf_deinit(&document);
}

static void test_depth_is_cut_to_the_cap(void **state)
{
    (void)state;
    check_depth_cap("[", "]", CF_JSON_DEPTH_CAP - 1, CF_OK);
    check_depth_cap("[", "]", CF_JSON_DEPTH_CAP, CF_OK);
    check_depth_cap("[", "]", CF_JSON_DEPTH_CAP + 1, CF_E_TOO_DEEP);
    check_depth_cap("{\"a\":", "}", CF_JSON_DEPTH_CAP, CF_OK);
    check_depth_cap("{\"a\":", "}", CF_JSON_DEPTH_CAP + 1, CF_E_TOO_DEEP);
}

static void test_depth_zero_allows_scalars_only(void **state)
{
    (void)state;
    struct cf_json_limits limits = defaults;
    limits.depth_max = 0;
    check_error(CF_LIT("1"), &limits, CF_OK);
    check_error(CF_LIT("[]"), &limits, CF_E_TOO_DEEP);
}

/* V25 */
static void test_million_brackets(void **state)
{
    (void)state;
    struct cf_buf document;
    struct cf_json_limits limits = defaults;
    cf_buf_init(&document, SIZE_MAX);
    append_times(&document, "[", 1000000);
    limits.bytes_max = SIZE_MAX;
    check_events(cf_slice_head(cf_buf_peek(&document), 1), &limits, CF_E_TRUNCATED, "[1 0:\n");
    check_error(cf_buf_peek(&document), &limits, CF_E_TOO_DEEP);
    cf_buf_deinit(&document);
}

static void check_number(size_t digits, const char *before, const char *after,
                         enum cf_error expected)
{
    struct cf_buf document;
    struct cf_json_limits limits = defaults;
    cf_buf_init(&document, SIZE_MAX);
    append_times(&document, before, 1);
    append_times(&document, "7", digits);
    append_times(&document, after, 1);
    limits.number_bytes_max = 9;
    limits.bytes_max = SIZE_MAX;
    check_error(cf_buf_peek(&document), &limits, expected);
    cf_buf_deinit(&document);
}

static void test_number_limit(void **state)
{
    (void)state;
    check_number(8, "", "", CF_OK);
    check_number(9, "", "", CF_OK);
    check_number(10, "", "", CF_E_TOO_LARGE);
    check_number(8, "[", "]", CF_OK);
    check_number(9, "[", "]", CF_OK);
    check_number(10, "[", "]", CF_E_TOO_LARGE);
    check_number(6, "[-0.", "]", CF_OK);
    check_number(7, "[-0.", "]", CF_E_TOO_LARGE);
    /* too long before it is wrong, and wrong before it is too long */
    check_number(10, "[", ".]", CF_E_TOO_LARGE);
    check_number(8, "[", ".]", CF_E_SYNTAX);
    /* V25: a megabyte of digits */
    check_number(1000000, "[", "]", CF_E_TOO_LARGE);
}

static void test_number_limit_zero(void **state)
{
    (void)state;
    struct cf_json_limits limits = defaults;
    limits.number_bytes_max = 0;
    check_error(CF_LIT("1"), &limits, CF_E_TOO_LARGE);
    check_error(CF_LIT("\"1\""), &limits, CF_OK);
}

static void check_string(const char *document, size_t string_bytes_max, enum cf_error expected)
{
    struct cf_json_limits limits = defaults;
    limits.string_bytes_max = string_bytes_max;
    check_error(cf_slice_cstr(document), &limits, expected);
}

static void test_string_limit_counts_unescaped_bytes(void **state)
{
    (void)state;
    static const char *const of_six_bytes[] = {
        "\"abcdef\"",
        "\"ab\\ncde\"",
        "\"\\n\\n\\n\\n\\n\\n\"",
        "{\"abcdef\":1}",
        "\"\xC3\xA9\xC3\xA9\xC3\xA9\"",
        "\"\\u00e9\\u20ac\\u0041\"",
        "\"ab\\ud83d\\ude00\"",
        "\"ab\xF0\x9F\x98\x80\"",
        "[\"\",\"abcdef\"]",
        "\"abc\\u20ac\"",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(of_six_bytes); i++) {
        check_string(of_six_bytes[i], 7, CF_OK);
        check_string(of_six_bytes[i], 6, CF_OK);
        check_string(of_six_bytes[i], 5, CF_E_TOO_LARGE);
    }
    check_string("\"\"", 0, CF_OK);
    check_string("\"a\"", 0, CF_E_TOO_LARGE);
}

/* Whichever comes first in the text, not in the piece. */
static void test_string_limit_and_other_errors(void **state)
{
    (void)state;
    check_string("\"abcdef\xFF\"", 5, CF_E_TOO_LARGE);
    check_string("\"abcde\xFF\"", 5, CF_E_TOO_LARGE);
    check_string("\"abcd\xFF\"", 5, CF_E_UTF8);
    check_string("\"abcdef\x01\"", 5, CF_E_TOO_LARGE);
    check_string("\"abcde\x01\"", 5, CF_E_SYNTAX);
    check_string("\"abcde\\q\"", 5, CF_E_SYNTAX);
    check_string("\"abcd\xC3\x01\"", 5, CF_E_UTF8);
    check_string("\"abcde\xC3", 5, CF_E_TOO_LARGE);
}

static void test_text_limit_counts_every_byte(void **state)
{
    (void)state;
    static const char *const of_ten_bytes[] = {"[\"abcdef\"]", "\"abcdefgh\"", "1234567890",
                                               "[         ",   "[]        ",   "        []"};
    for (size_t i = 0; i < CF_ARRAY_LEN(of_ten_bytes); i++) {
        struct cf_json_limits limits = defaults;
        struct cf_slice document = cf_slice_cstr(of_ten_bytes[i]);
        enum cf_error within = i == 3 ? CF_E_TRUNCATED : CF_OK;
        limits.bytes_max = 11;
        check_error(document, &limits, within);
        limits.bytes_max = 10;
        check_error(document, &limits, within);
        limits.bytes_max = 9;
        check_error(document, &limits, CF_E_TOO_LARGE);
    }
}

static void test_key_limit_counts_all_objects(void **state)
{
    (void)state;
    struct cf_json_limits limits = defaults;
    struct cf_slice four = CF_LIT("[{\"a\":{\"b\":0}},{\"a\":0,\"b\":\"c\"}]");
    limits.keys_max = 5;
    check_error(four, &limits, CF_OK);
    limits.keys_max = 4;
    check_error(four, &limits, CF_OK);
    limits.keys_max = 3;
    check_error(four, &limits, CF_E_TOO_MANY);
    limits.keys_max = 0;
    check_error(CF_LIT("[{},\"a\"]"), &limits, CF_OK);
    check_error(CF_LIT("{\"a\":0}"), &limits, CF_E_TOO_MANY);
}

/* What JavaScript writes of a text that was cut inside an emoji. */
static void test_lone_surrogates_may_be_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"\"\\ud83d\"", "\uFFFD"},
        {"\"\\ude00\"", "\uFFFD"},
        {"\"\\ud83dx\"", "\uFFFDx"},
        {"\"\\ud83d\\n\"", "\uFFFD\n"},
        {"\"\\ud83d\\u0041\"", "\uFFFDA"},
        {"\"\\ud83d\\ud83d\\ude00\"", "\uFFFD\U0001F600"},
        {"\"\\ude00\\ud83d\"", "\uFFFD\uFFFD"},
        {"\"\\ud83d\\ude00\"", "\U0001F600"},
    };
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    limits.lone_surrogates = true;
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_json_reader reader;
        struct cf_json_event event = {.type = CF_JSON_NEED_MORE};
        struct cf_slice rest = cf_slice_cstr(cases[i].json);
        cf_json_reader_init(&reader, &limits, test_key);
        while (rest.len > 0 && event.type == CF_JSON_NEED_MORE) { /* a byte at a time */
            struct cf_slice byte = cf_slice_head(rest, 1);
            rest = cf_slice_skip(rest, 1);
            while (byte.len > 0 && event.type == CF_JSON_NEED_MORE)
                assert_int_equal(cf_json_next(&reader, &byte, &event), CF_OK);
        }
        assert_int_equal(event.type, CF_JSON_STRING);
        assert_true(cf_slice_eq(event.text, cf_slice_cstr(cases[i].text)));
        cf_json_reader_deinit(&reader);
    }
}

static void test_limits_are_cut_to_their_caps(void **state)
{
    (void)state;
    struct cf_json_limits limits = {SIZE_MAX, SIZE_MAX, SIZE_MAX, UINT32_MAX, UINT32_MAX, false};
    struct cf_json_reader reader;
    cf_json_reader_init(&reader, &limits, test_key);
    assert_int_equal(reader.limits.depth_max, CF_JSON_DEPTH_CAP);
    assert_int_equal(reader.limits.keys_max, CF_JSON_KEYS_CAP);
    cf_json_reader_deinit(&reader);
    check_error(CF_LIT("{\"a\":[\"\\n\",1.5]}"), &limits, CF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_in_order_with_their_depth),
        cmocka_unit_test(test_events_before_an_error_are_given),
        cmocka_unit_test(test_number_at_the_top_ends_with_the_input),
        cmocka_unit_test(test_input_stops_right_behind_the_event),
        cmocka_unit_test(test_error_spends_the_reader),
        cmocka_unit_test(test_truncation_spends_the_reader),
        cmocka_unit_test(test_plain_text_borrows_the_input),
        cmocka_unit_test(test_escaped_text_is_the_readers),
        cmocka_unit_test(test_memory_of_long_text_is_given_back),
        cmocka_unit_test(test_special_bytes_are_seen_everywhere),
        cmocka_unit_test(test_every_scalar_value),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_depth_is_cut_to_the_cap),
        cmocka_unit_test(test_depth_zero_allows_scalars_only),
        cmocka_unit_test(test_million_brackets),
        cmocka_unit_test(test_number_limit),
        cmocka_unit_test(test_number_limit_zero),
        cmocka_unit_test(test_string_limit_counts_unescaped_bytes),
        cmocka_unit_test(test_string_limit_and_other_errors),
        cmocka_unit_test(test_text_limit_counts_every_byte),
        cmocka_unit_test(test_key_limit_counts_all_objects),
        cmocka_unit_test(test_lone_surrogates_may_be_replaced),
        cmocka_unit_test(test_limits_are_cut_to_their_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
