#include "unit/json/support.h"

#include "json/writer.h"

static const struct cf_json_limits wide = {.bytes_max = SIZE_MAX,
                                           .string_bytes_max = SIZE_MAX,
                                           .keys_max = 1 << 20,
                                           .depth_max = 64,
                                           .number_bytes_max = 32};

static void start(struct cf_json_writer *w, struct cf_buf *buf)
{
    cf_buf_init(buf, SIZE_MAX);
    cf_json_writer_init(w, buf);
}

/* What is written is exactly this, and JSON. */
static void finish(struct cf_json_writer *w, const char *expected)
{
    assert_int_equal(cf_json_writer_finish(w), CF_OK);
    check_error(cf_buf_peek(w->out), &wide, CF_OK);
    assert_int_equal(cf_buf_append_byte(w->out, 0), CF_OK);
    assert_string_equal((const char *)w->out->ptr, expected);
    cf_buf_deinit(w->out);
}

/* ---- structure ---- */

static void test_commas_and_colons(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    start(&w, &buf);
    cf_json_object_begin(&w);
    cf_json_key(&w, CF_LIT("a"));
    cf_json_array_begin(&w);
    cf_json_i64(&w, 1);
    cf_json_null(&w);
    cf_json_array_begin(&w);
    cf_json_array_end(&w);
    cf_json_object_begin(&w);
    cf_json_object_end(&w);
    cf_json_bool(&w, true);
    cf_json_array_end(&w);
    cf_json_key(&w, CF_LIT("b"));
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "s", CF_LIT("x"));
    cf_json_member_i64(&w, "i", -5);
    cf_json_member_bool(&w, "f", false);
    cf_json_member_null(&w, "n");
    cf_json_object_end(&w);
    cf_json_key(&w, CF_LIT("r"));
    cf_json_raw(&w, CF_LIT("[1, 2]"));
    cf_json_key(&w, CF_LIT("c"));
    cf_json_string(&w, CF_LIT(""));
    cf_json_object_end(&w);
    finish(&w, "{\"a\":[1,null,[],{},true],\"b\":{\"s\":\"x\",\"i\":-5,\"f\":false,\"n\":null},"
               "\"r\":[1, 2],\"c\":\"\"}");
}

static void test_each_scalar_alone(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    start(&w, &buf);
    cf_json_null(&w);
    finish(&w, "null");
    start(&w, &buf);
    cf_json_bool(&w, true);
    finish(&w, "true");
    start(&w, &buf);
    cf_json_i64(&w, INT64_MIN);
    finish(&w, "-9223372036854775808");
    start(&w, &buf);
    cf_json_i64(&w, INT64_MAX);
    finish(&w, "9223372036854775807");
    start(&w, &buf);
    cf_json_i64(&w, 0);
    finish(&w, "0");
    start(&w, &buf);
    cf_json_i64(&w, -1);
    finish(&w, "-1");
    start(&w, &buf);
    cf_json_raw(&w, CF_LIT("1e5"));
    finish(&w, "1e5");
}

static void test_nothing_written(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    start(&w, &buf);
    assert_int_equal(cf_json_writer_finish(&w), CF_OK);
    assert_int_equal(buf.len, 0);
}

static void test_text_before_stays(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    cf_buf_init(&buf, SIZE_MAX);
    append_times(&buf, "data: ", 1);
    cf_json_writer_init(&w, &buf);
    cf_json_array_begin(&w);
    cf_json_array_end(&w);
    assert_int_equal(cf_json_writer_finish(&w), CF_OK);
    assert_slice_equal(cf_buf_peek(&buf), "data: []");
    cf_buf_deinit(&buf);
}

static void test_deepest_nesting(void **state)
{
    (void)state;
    struct cf_buf buf, expected;
    struct cf_json_writer w;
    start(&w, &buf);
    cf_buf_init(&expected, SIZE_MAX);
    append_times(&expected, "[{\"k\":", CF_JSON_DEPTH_CAP / 2);
    append_times(&expected, "0", 1);
    append_times(&expected, "},1]", CF_JSON_DEPTH_CAP / 2);
    assert_int_equal(cf_buf_append_byte(&expected, 0), CF_OK);
    for (unsigned i = 0; i < CF_JSON_DEPTH_CAP / 2; i++) {
        cf_json_array_begin(&w);
        cf_json_object_begin(&w);
        cf_json_key(&w, CF_LIT("k"));
    }
    cf_json_i64(&w, 0);
    for (unsigned i = 0; i < CF_JSON_DEPTH_CAP / 2; i++) {
        cf_json_object_end(&w);
        cf_json_i64(&w, 1);
        cf_json_array_end(&w);
    }
    finish(&w, (const char *)expected.ptr);
    cf_buf_deinit(&expected);
}

/* ---- strings ---- */

static void check_string(struct cf_slice text, const char *expected)
{
    struct cf_buf buf;
    struct cf_json_writer w;
    start(&w, &buf);
    cf_json_string(&w, text);
    finish(&w, expected);
}

/* RFC 8259 section 7: the quotation mark, the backslash and U+0000 to U+001F, nothing else. */
static void test_escapes_of_ascii(void **state)
{
    (void)state;
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    for (unsigned byte = 0; byte < 0x80; byte++) {
        uint8_t text = (uint8_t)byte;
        char expected[16];
        const char *letter = byte == 0 ? NULL : strchr(escaped, (int)byte);
        if (letter != NULL)
            snprintf(expected, sizeof(expected), "\"\\%c\"", letters[letter - escaped]);
        else
            snprintf(expected, sizeof(expected), byte < 0x20 ? "\"\\u%04x\"" : "\"%c\"", byte);
        check_string(cf_slice_of(&text, 1), expected);
    }
}

static void test_strings_in_full(void **state)
{
    (void)state;
    check_string(CF_LIT(""), "\"\"");
    check_string(CF_LIT("/</script>\x7F"), "\"/</script>\x7F\"");
    check_string(CF_LIT("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xE2\x80\xA8"),
                 "\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xE2\x80\xA8\"");
    check_string(CF_LIT("two\nlines, \"quoted\"\\\n"), "\"two\\nlines, \\\"quoted\\\"\\\\\\n\"");
    check_string(CF_LIT("a\0b"), "\"a\\u0000b\"");
    check_string(CF_LIT("\n\n12345678\n"), "\"\\n\\n12345678\\n\"");
}

static void test_keys_are_escaped_too(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    start(&w, &buf);
    cf_json_object_begin(&w);
    cf_json_key(&w, CF_LIT("a\"\n"));
    cf_json_null(&w);
    cf_json_object_end(&w);
    finish(&w, "{\"a\\\"\\n\":null}");
}

/* ---- round trip: what is written at random is read as it was meant ---- */

static struct cf_slice random_text(uint64_t *random, uint8_t text[256])
{
    size_t len = 0, scalars = random_below(random, 40);
    static const uint32_t below[] = {0x20, 0x80, 0x80, 0x800, 0x10000, 0x110000};
    for (size_t i = 0; i < scalars; i++) {
        uint32_t scalar =
            (uint32_t)random_below(random, below[random_below(random, CF_ARRAY_LEN(below))]);
        if (scalar < 0xD800 || scalar > 0xDFFF)
            len += cf_utf8_encode(scalar, text + len);
    }
    return cf_slice_of(text, len);
}

static void mean(struct cf_buf *meant, enum cf_json_type type, struct cf_slice text, unsigned depth)
{
    write_event(meant, &(struct cf_json_event){type, text, depth});
}

static void write_scalar(struct cf_json_writer *w, struct cf_buf *meant, uint64_t *random)
{
    uint8_t text[256];
    char number[32];
    struct cf_slice string;
    int64_t value = (int64_t)(next_random(random) >> random_below(random, 64));
    switch (random_below(random, 4)) {
    case 0:
        value = random_below(random, 2) != 0 ? -value : value;
        snprintf(number, sizeof(number), "%" PRId64, value);
        cf_json_i64(w, value);
        mean(meant, CF_JSON_NUMBER, cf_slice_cstr(number), w->depth);
        break;
    case 1:
        cf_json_bool(w, value % 2 != 0);
        mean(meant, value % 2 != 0 ? CF_JSON_TRUE : CF_JSON_FALSE, CF_LIT(""), w->depth);
        break;
    case 2:
        cf_json_null(w);
        mean(meant, CF_JSON_NULL, CF_LIT(""), w->depth);
        break;
    default:
        string = random_text(random, text);
        cf_json_string(w, string);
        mean(meant, CF_JSON_STRING, string, w->depth);
    }
}

static void write_key(struct cf_json_writer *w, struct cf_buf *meant, uint64_t *random,
                      unsigned *number)
{
    uint8_t text[256];
    char key[512];
    struct cf_slice random_part = random_text(random, text);
    int head = snprintf(key, sizeof(key), "%u ", (*number)++);
    memcpy(key + head, random_part.ptr, random_part.len);
    struct cf_slice whole = cf_slice_of(key, (size_t)head + random_part.len);
    cf_json_key(w, whole);
    mean(meant, CF_JSON_KEY, whole, w->depth);
}

static void end_innermost(struct cf_json_writer *w, struct cf_buf *meant, bool object)
{
    if (object)
        cf_json_object_end(w);
    else
        cf_json_array_end(w);
    mean(meant, object ? CF_JSON_OBJECT_END : CF_JSON_ARRAY_END, CF_LIT(""), w->depth);
}

static void begin_at_random(struct cf_json_writer *w, struct cf_buf *meant, bool object)
{
    if (object)
        cf_json_object_begin(w);
    else
        cf_json_array_begin(w);
    mean(meant, object ? CF_JSON_OBJECT_BEGIN : CF_JSON_ARRAY_BEGIN, CF_LIT(""), w->depth);
}

static void write_at_random(struct cf_json_writer *w, struct cf_buf *meant, uint64_t *random)
{
    bool objects[CF_JSON_DEPTH_CAP];
    unsigned number = 0;
    objects[0] = random_below(random, 2) != 0;
    begin_at_random(w, meant, objects[0]);
    for (unsigned left = 60; w->depth > 0; left -= left > 0) {
        size_t what = left > 0 ? random_below(random, 8) : 0;
        if (what == 0) {
            end_innermost(w, meant, objects[w->depth - 1]);
            continue;
        }
        if (objects[w->depth - 1])
            write_key(w, meant, random, &number);
        if (what <= 2 && w->depth < 20) {
            objects[w->depth] = what == 1;
            begin_at_random(w, meant, what == 1);
        } else {
            write_scalar(w, meant, random);
        }
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    uint64_t random = 8259;
    for (unsigned i = 0; i < 300; i++) {
        struct cf_buf buf, meant, seen;
        struct cf_json_writer w;
        print_message("seed %" PRIu64 "\n", random);
        start(&w, &buf);
        cf_buf_init(&meant, SIZE_MAX);
        cf_buf_init(&seen, SIZE_MAX);
        write_at_random(&w, &meant, &random);
        assert_int_equal(cf_json_writer_finish(&w), CF_OK);
        assert_int_equal(read_every_way(cf_buf_peek(&buf), &wide, &seen), CF_OK);
        assert_true(cf_slice_eq(cf_buf_peek(&seen), cf_buf_peek(&meant)));
        cf_buf_deinit(&buf);
        cf_buf_deinit(&meant);
        cf_buf_deinit(&seen);
    }
}

/* ---- errors ---- */

static enum cf_error write_sample(struct cf_buf *buf)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, buf);
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "a", CF_LIT("x\n\x01"));
    cf_json_member_i64(&w, "b", -12);
    cf_json_member_bool(&w, "c", true);
    cf_json_key(&w, CF_LIT("d"));
    cf_json_array_begin(&w);
    cf_json_null(&w);
    cf_json_raw(&w, CF_LIT("{}"));
    cf_json_array_end(&w);
    cf_json_object_end(&w);
    return cf_json_writer_finish(&w);
}

/* Whatever piece it is that does not fit, the error is kept and the buffer holds a beginning. */
static void test_full_buffer_at_every_size(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\":\"x\\n\\u0001\",\"b\":-12,\"c\":true,\"d\":[null,{}]}";
    for (size_t max = 0; max <= sizeof(whole); max++) {
        struct cf_buf buf;
        cf_buf_init(&buf, max);
        bool fits = max >= sizeof(whole) - 1;
        assert_int_equal(write_sample(&buf), fits ? CF_OK : CF_E_TOO_LARGE);
        assert_true(fits ? buf.len == sizeof(whole) - 1 : buf.len <= max);
        if (buf.len > 0)
            assert_memory_equal(buf.ptr, whole, buf.len);
        cf_buf_deinit(&buf);
    }
}

static void test_first_error_sticks(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    cf_buf_init(&buf, 4);
    cf_json_writer_init(&w, &buf);
    cf_json_array_begin(&w);
    cf_json_string(&w, CF_LIT("\xFF"));
    cf_json_string(&w, CF_LIT("far too long"));
    cf_json_array_end(&w);
    assert_int_equal(cf_json_writer_finish(&w), CF_E_UTF8);
    assert_int_equal(cf_json_writer_finish(&w), CF_E_UTF8);
    assert_slice_equal(cf_buf_peek(&buf), "[");
    cf_buf_deinit(&buf);
}

static void test_what_is_no_utf8(void **state)
{
    (void)state;
    static const char *const texts[] = {"\x80", "a\xC3", "\xED\xA0\x80", "\xC0\x80",
                                        "\xF4\x90\x80\x80"};
    for (size_t i = 0; i < 2 * CF_ARRAY_LEN(texts); i++) {
        struct cf_buf buf;
        struct cf_json_writer w;
        struct cf_slice text = cf_slice_cstr(texts[i / 2]);
        start(&w, &buf);
        cf_json_object_begin(&w);
        cf_json_key(&w, i % 2 == 0 ? text : CF_LIT("k"));
        cf_json_string(&w, text);
        cf_json_object_end(&w);
        assert_int_equal(cf_json_writer_finish(&w), CF_E_UTF8);
        cf_buf_deinit(&buf);
    }
}

static void test_finish_after_an_error_asks_no_nesting(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    cf_buf_init(&buf, 0);
    cf_json_writer_init(&w, &buf);
    cf_json_object_begin(&w);
    assert_int_equal(cf_json_writer_finish(&w), CF_E_TOO_LARGE);
    cf_buf_deinit(&buf);
}

/* ---- our own mistakes ---- */

static void put_key(struct cf_json_writer *w)
{
    cf_json_key(w, CF_LIT("k"));
}

static void begin_object(struct cf_json_writer *w, struct cf_buf *buf)
{
    cf_buf_deinit(buf);
    cf_json_writer_init(w, buf);
    cf_json_object_begin(w);
}

static void test_mistakes_in_an_object(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    start(&w, &buf);
    begin_object(&w, &buf);
    assert_panics(cf_json_null(&w));
    begin_object(&w, &buf);
    assert_panics(cf_json_array_end(&w));
    begin_object(&w, &buf);
    assert_panics(cf_json_writer_finish(&w));
    begin_object(&w, &buf);
    put_key(&w);
    assert_panics(put_key(&w));
    begin_object(&w, &buf);
    put_key(&w);
    assert_panics(cf_json_object_end(&w));
    cf_buf_deinit(&buf);
}

static void test_mistakes_elsewhere(void **state)
{
    (void)state;
    struct cf_buf buf;
    struct cf_json_writer w;
    start(&w, &buf);
    assert_panics(put_key(&w));
    assert_panics(cf_json_object_end(&w));
    assert_panics(cf_json_array_end(&w));
    cf_json_null(&w);
    assert_panics(cf_json_null(&w));
    cf_json_writer_init(&w, &buf);
    cf_json_array_begin(&w);
    assert_panics(put_key(&w));
    assert_panics(cf_json_object_end(&w));
    cf_json_array_end(&w);
    assert_panics(cf_json_array_begin(&w));
    cf_json_writer_init(&w, &buf);
    for (unsigned i = 0; i < CF_JSON_DEPTH_CAP; i++)
        cf_json_array_begin(&w);
    assert_panics(cf_json_array_begin(&w));
    cf_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas_and_colons),
        cmocka_unit_test(test_each_scalar_alone),
        cmocka_unit_test(test_nothing_written),
        cmocka_unit_test(test_text_before_stays),
        cmocka_unit_test(test_deepest_nesting),
        cmocka_unit_test(test_escapes_of_ascii),
        cmocka_unit_test(test_strings_in_full),
        cmocka_unit_test(test_keys_are_escaped_too),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_full_buffer_at_every_size),
        cmocka_unit_test(test_first_error_sticks),
        cmocka_unit_test(test_what_is_no_utf8),
        cmocka_unit_test(test_finish_after_an_error_asks_no_nesting),
        cmocka_unit_test(test_mistakes_in_an_object),
        cmocka_unit_test(test_mistakes_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
