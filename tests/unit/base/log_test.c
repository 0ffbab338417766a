#include "unit/base/support.h"

#include "base/log.h"
#include "base/utf8.h"

struct capture {
    char text[8192];
    size_t len;
    unsigned lines;
};

static struct capture capture;

static cf_us fixed_now(void *context)
{
    assert_ptr_equal(context, &capture);
    return 1767454200123456;
}

static void keep_line(void *context, struct cf_slice line)
{
    struct capture *into = context;
    assert_true(line.len < sizeof(into->text));
    memcpy(into->text, line.ptr, line.len);
    into->text[line.len] = '\0';
    into->len = line.len;
    into->lines++;
}

static struct cf_log_sink sink = {.now = fixed_now, .write = keep_line, .context = &capture};

static void use(enum cf_log_format format, enum cf_log_level level)
{
    memset(&capture, 0, sizeof(capture));
    sink.format = format;
    sink.level = level;
    cf_log_install(&sink);
}

#define TEXT_HEAD "2026-01-03T15:30:00.123456Z INFO m"
#define JSON_HEAD "{\"time\":\"2026-01-03T15:30:00.123456Z\",\"level\":\"info\",\"msg\":\"m\""

static void without_a_sink_nothing_happens(void **state)
{
    (void)state;
    cf_log_install(NULL);
    assert_false(cf_log_enabled(CF_LOG_ERROR));
    cf_log(CF_LOG_ERROR, "m", CF_KV_INT("n", 1));
    cf_log_fields(CF_LOG_ERROR, "m", (const struct cf_kv[]){{.key = NULL}});
}

static void levels_below_are_dropped(void **state)
{
    (void)state;
    use(CF_LOG_TEXT, CF_LOG_WARN);
    cf_log(CF_LOG_DEBUG, "m", CF_KV_INT("n", 1));
    cf_log(CF_LOG_INFO, "m", CF_KV_INT("n", 1));
    cf_log_fields(CF_LOG_INFO, "m", (const struct cf_kv[]){{.key = NULL}});
    assert_int_equal(capture.lines, 0);
    cf_log(CF_LOG_WARN, "m", CF_KV_INT("n", 1));
    assert_string_equal(capture.text, "2026-01-03T15:30:00.123456Z WARN m n=1\n");
    cf_log(CF_LOG_ERROR, "m", CF_KV_INT("n", 1));
    assert_string_equal(capture.text, "2026-01-03T15:30:00.123456Z ERROR m n=1\n");
    assert_int_equal(capture.lines, 2);
}

static void a_line_of_text(void **state)
{
    (void)state;
    use(CF_LOG_TEXT, CF_LOG_DEBUG);
    cf_log(CF_LOG_INFO, "WebSocket client connected", CF_KV_CSTR("shop_id", "s-1"),
           CF_KV_STR("agent", CF_LIT("quoted value")), CF_KV_INT("n", -42),
           CF_KV_SECONDS("after", 1500));
    assert_string_equal(capture.text,
                        "2026-01-03T15:30:00.123456Z INFO WebSocket client connected shop_id=s-1 "
                        "agent=\"quoted value\" n=-42 after=1.500\n");
    cf_log_fields(CF_LOG_DEBUG, "bare", (const struct cf_kv[]){{.key = NULL}});
    assert_string_equal(capture.text, "2026-01-03T15:30:00.123456Z DEBUG bare\n");
}

static void a_line_of_json(void **state)
{
    (void)state;
    use(CF_LOG_JSON, CF_LOG_DEBUG);
    cf_log(CF_LOG_INFO, "m", CF_KV_CSTR("shop_id", "s-1"), CF_KV_INT("n", -42),
           CF_KV_SECONDS("after", 1500));
    assert_string_equal(capture.text,
                        JSON_HEAD ",\"shop_id\":\"s-1\",\"n\":-42,\"after\":1.500}\n");
    cf_log_fields(CF_LOG_ERROR, "m", (const struct cf_kv[]){{.key = NULL}});
    assert_string_equal(
        capture.text,
        "{\"time\":\"2026-01-03T15:30:00.123456Z\",\"level\":\"error\",\"msg\":\"m\"}\n");
}

static void numbers(void **state)
{
    (void)state;
    use(CF_LOG_TEXT, CF_LOG_DEBUG);
    cf_log(CF_LOG_INFO, "m", CF_KV_INT("a", INT64_MIN), CF_KV_INT("b", INT64_MAX),
           CF_KV_INT("c", 0));
    assert_string_equal(capture.text,
                        TEXT_HEAD " a=-9223372036854775808 b=9223372036854775807 c=0\n");
    cf_log(CF_LOG_INFO, "m", CF_KV_SECONDS("a", 7), CF_KV_SECONDS("b", -1),
           CF_KV_SECONDS("c", -61001), CF_KV_SECONDS("d", 0), CF_KV_SECONDS("e", INT64_MIN));
    assert_string_equal(capture.text,
                        TEXT_HEAD " a=0.007 b=-0.001 c=-61.001 d=0.000 e=-9223372036854775.808\n");
}

/* V19's neighbour: what a peer sends can neither end a line nor look like another field. */
static void values_are_escaped(void **state)
{
    (void)state;
    static const struct {
        struct cf_slice value;
        const char *text, *json;
    } cases[] = {
        {CF_LIT(""), "\"\"", "\"\""},
        {CF_LIT("plain-1./:_~!"), "plain-1./:_~!", "\"plain-1./:_~!\""},
        {CF_LIT("a b"), "\"a b\"", "\"a b\""},
        {CF_LIT("a=b"), "\"a=b\"", "\"a=b\""},
        {CF_LIT("say \"hi\""), "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
        {CF_LIT("\\"), "\"\\\\\"", "\"\\\\\""},
        {CF_LIT("x\ny=1"), "\"x\\ny=1\"", "\"x\\ny=1\""},
        {CF_LIT("\r\t\0\x1b\x7f"), "\"\\r\\t\\u0000\\u001b\\u007f\"",
         "\"\\r\\t\\u0000\\u001b\\u007f\""},
        {CF_LIT("caf\xC3\xA9"), "\"caf\xC3\xA9\"", "\"caf\xC3\xA9\""},
        {CF_LIT("\xE2\x82\xAC\xF0\x9F\x98\x80"), "\"\xE2\x82\xAC\xF0\x9F\x98\x80\"",
         "\"\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        /* C1 controls, line and paragraph separator; their neighbours pass */
        {CF_LIT("\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0"), "\"\\u0080\\u009b\\u009f\xC2\xA0\"",
         "\"\\u0080\\u009b\\u009f\xC2\xA0\""},
        {CF_LIT("\xE2\x80\xA7\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA"),
         "\"\xE2\x80\xA7\\u2028\\u2029\xE2\x80\xAA\"",
         "\"\xE2\x80\xA7\\u2028\\u2029\xE2\x80\xAA\""},
        /* no UTF-8 */
        {CF_LIT("a\xFF"), "\"a\\xff\"", "\"a\\\\xff\""},
        {CF_LIT("\xC3("), "\"\\xc3(\"", "\"\\\\xc3(\""},
        {CF_LIT("\xE2\x82"), "\"\\xe2\\x82\"", "\"\\\\xe2\\\\x82\""},
        {CF_LIT("\xED\xA0\x80"), "\"\\xed\\xa0\\x80\"", "\"\\\\xed\\\\xa0\\\\x80\""},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        char expected[256] = TEXT_HEAD " k=";
        use(CF_LOG_TEXT, CF_LOG_DEBUG);
        cf_log(CF_LOG_INFO, "m", CF_KV_STR("k", cases[i].value));
        assert_string_equal(capture.text, strcat(strcat(expected, cases[i].text), "\n"));
        strcpy(expected, JSON_HEAD ",\"k\":");
        use(CF_LOG_JSON, CF_LOG_DEBUG);
        cf_log(CF_LOG_INFO, "m", CF_KV_STR("k", cases[i].value));
        assert_string_equal(capture.text, strcat(strcat(expected, cases[i].json), "}\n"));
    }
}

static void a_message_cannot_end_the_line(void **state)
{
    (void)state;
    use(CF_LOG_TEXT, CF_LOG_DEBUG);
    cf_log(CF_LOG_INFO, "one\ntwo", CF_KV_INT("n", 1));
    assert_string_equal(capture.text, "2026-01-03T15:30:00.123456Z INFO one\\ntwo n=1\n");
}

static void a_long_value_is_cut_and_the_next_field_stands(void **state)
{
    (void)state;
    static char value[1026];
    static const size_t lens[] = {1023, 1024, 1025};
    memset(value, 'x', sizeof(value));
    for (size_t i = 0; i < CF_ARRAY_LEN(lens); i++) {
        use(CF_LOG_TEXT, CF_LOG_DEBUG);
        cf_log(CF_LOG_INFO, "m", CF_KV_STR("k", cf_slice_of(value, lens[i])), CF_KV_INT("n", 1));
        size_t kept = lens[i] < 1024 ? lens[i] : 1024;
        const char *tail = lens[i] <= 1024 ? " n=1\n" : "\xE2\x80\xA6 n=1\n";
        assert_int_equal(capture.len, strlen(TEXT_HEAD " k=") + kept + strlen(tail));
        assert_string_equal(capture.text + strlen(TEXT_HEAD " k=") + kept, tail);
    }
}

/* A sequence at the cut is left out whole. */
static void a_cut_never_splits_a_sequence(void **state)
{
    (void)state;
    static uint8_t value[1100];
    for (size_t lead = 1018; lead <= 1026; lead++) {
        memset(value, 'x', sizeof(value));
        memcpy(value + lead, "\xF0\x9F\x98\x80", 4);
        use(CF_LOG_JSON, CF_LOG_DEBUG);
        cf_log(CF_LOG_INFO, "m", CF_KV_STR("k", cf_slice_of(value, sizeof(value))));
        assert_true(cf_utf8_valid(cf_slice_of(capture.text, capture.len)));
        size_t kept = lead + 4 <= 1024 ? 1024 : lead < 1024 ? lead : 1024;
        assert_int_equal(capture.len,
                         strlen(JSON_HEAD ",\"k\":\"") + kept + strlen("\xE2\x80\xA6\"}\n"));
    }
}

/* Whether `text` is one flat JSON object: keys and values of strings and numbers. */
static bool is_flat_object(const char *text)
{
    if (*text++ != '{')
        return false;
    for (bool in_string = false; *text != '\0'; text++) {
        if (in_string && *text == '\\') {
            text++;
            if (*text == '\0' || strchr("\"\\nrtu", *text) == NULL)
                return false;
        } else if (*text == '"') {
            in_string = !in_string;
        } else if (!in_string && *text == '}') {
            return strcmp(text, "}\n") == 0;
        } else if (!in_string && strchr(",:-.0123456789", *text) == NULL) {
            return false;
        }
    }
    return false;
}

/* Random bytes of random lengths, up to far more than a line holds. */
static void every_line_is_whole(void **state)
{
    (void)state;
    static uint8_t value[3][3000];
    uint64_t seed = 19;
    for (unsigned round = 0; round < 3000; round++) {
        struct cf_slice values[3];
        for (size_t i = 0; i < 3; i++) {
            size_t len = random_below(&seed, sizeof(value[i])) >> random_below(&seed, 8);
            for (size_t k = 0; k < len; k++)
                value[i][k] = (uint8_t)(next_random(&seed) >> (round % 2 == 0 ? 0 : 57));
            values[i] = cf_slice_of(value[i], len);
        }
        use(round % 4 < 2 ? CF_LOG_JSON : CF_LOG_TEXT, CF_LOG_DEBUG);
        cf_log(CF_LOG_INFO, "m", CF_KV_STR("first", values[0]), CF_KV_STR("second", values[1]),
               CF_KV_STR("third", values[2]), CF_KV_STR("fourth", values[0]),
               CF_KV_STR("fifth", values[1]), CF_KV_INT("sixth", 6));
        assert_int_equal(capture.lines, 1);
        assert_true(capture.len <= 4096);
        assert_true(cf_utf8_valid(cf_slice_of(capture.text, capture.len)));
        assert_ptr_equal(memchr(capture.text, '\n', capture.len), capture.text + capture.len - 1);
        assert_null(memchr(capture.text, '\0', capture.len));
        assert_true(sink.format == CF_LOG_TEXT || is_flat_object(capture.text));
    }
}

/* Every length of a last value from where the line has room to where it has none. */
static void a_full_line_ends_well(void **state)
{
    (void)state;
    static char value[1024];
    memset(value, 'x', sizeof(value));
    size_t longest = 0;
    for (size_t len = 0; len <= sizeof(value); len++) {
        use(CF_LOG_JSON, CF_LOG_DEBUG);
        struct cf_slice whole = cf_slice_of(value, sizeof(value));
        cf_log(CF_LOG_INFO, "m", CF_KV_STR("a", whole), CF_KV_STR("b", whole),
               CF_KV_STR("c", whole), CF_KV_STR("d", cf_slice_of(value, len)),
               CF_KV_CSTR("e", "tail"), CF_KV_INT("f", 123456789));
        assert_true(is_flat_object(capture.text));
        assert_non_null(strstr(capture.text, ",\"d\":\""));
        longest = capture.len > longest ? capture.len : longest;
    }
    assert_int_equal(longest, 4096);
    /* The last one was cut by the end of the line, not by the limit of a value. */
    assert_int_equal(capture.len, 4096);
    assert_string_equal(capture.text + 4096 - 9, "xxx\xE2\x80\xA6\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_sink_nothing_happens),
        cmocka_unit_test(levels_below_are_dropped),
        cmocka_unit_test(a_line_of_text),
        cmocka_unit_test(a_line_of_json),
        cmocka_unit_test(numbers),
        cmocka_unit_test(values_are_escaped),
        cmocka_unit_test(a_message_cannot_end_the_line),
        cmocka_unit_test(a_long_value_is_cut_and_the_next_field_stands),
        cmocka_unit_test(a_cut_never_splits_a_sequence),
        cmocka_unit_test(every_line_is_whole),
        cmocka_unit_test(a_full_line_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
