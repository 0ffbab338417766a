/* The arguments of events and acks: elements, what is kept as written, limits, placeholders. */
#include <limits.h>
#include <stdio.h>

#include "unit/base/support.h"

#include "dialect/sio/args.h"

enum { PLAIN = -1 };

static const uint8_t key[16] = "a key for tests";

/* In memory of its own, so that a sanitizer sees what is read beside it. */
static enum cf_error read_args(struct cf_slice text, int attachments, struct cf_arena *arena,
                               uint8_t **out_copy, struct cf_sio_args *out_args)
{
    *out_copy = malloc(text.len);
    if (text.len > 0)
        memcpy(*out_copy, text.ptr, text.len);
    return cf_sio_args_read(cf_slice_of(text.len > 0 ? *out_copy : NULL, text.len),
                            attachments == PLAIN ? UINT_MAX : (unsigned)attachments,
                            &CF_JSON_LIMITS_DEFAULT, key, arena, out_args);
}

static void check_error(const char *text, int attachments, enum cf_error expected)
{
    struct cf_arena arena;
    uint8_t *copy;
    struct cf_sio_args args = {.count = 77};
    cf_arena_init(&arena, 65536);
    enum cf_error error = read_args(cf_slice_cstr(text), attachments, &arena, &copy, &args);
    if (error != expected)
        fail_msg("%s, %d attachments: %s", text, attachments, cf_error_name(error));
    assert_int_equal(args.count == 77, expected != CF_OK);
    cf_arena_deinit(&arena);
    free(copy);
}

/* ---- elements ---- */

static char letter_of(enum cf_json_is is)
{
    switch (is) {
    case CF_JSON_IS_STRING:
        return 's';
    case CF_JSON_IS_NUMBER:
        return '#';
    case CF_JSON_IS_BOOL:
        return 'b';
    case CF_JSON_IS_NULL:
        return 'n';
    case CF_JSON_IS_OBJECT:
        return 'o';
    case CF_JSON_IS_ARRAY:
        return 'a';
    case CF_JSON_IS_NONE:
        break;
    }
    return '?';
}

/* "s:text|#:1|…", then " behind <behind_first> inside <inside>". */
static void tell(const struct cf_sio_args *args, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < args->count; i++)
        len += (size_t)snprintf(out + len, size - len, "%s%c:%.*s", i > 0 ? "|" : "",
                                letter_of(args->items[i].is), (int)args->items[i].text.len,
                                (const char *)args->items[i].text.ptr);
    snprintf(out + len, size - len, " behind <%.*s> inside <%.*s>", (int)args->behind_first.len,
             (const char *)args->behind_first.ptr, (int)args->inside.len,
             (const char *)args->inside.ptr);
}

static void elements_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"[]", " behind <> inside <>"},
        {" [ ] ", " behind <> inside < >"},
        {"[\"a\"]", "s:a behind <> inside <\"a\">"},
        {"[\"\"]", "s: behind <> inside <\"\">"},
        {"[\"a\",1]", "s:a|#:1 behind <,1> inside <\"a\",1>"},
        {"[1,\"a\"]", "#:1|s:a behind <,\"a\"> inside <1,\"a\">"},
        {"[-0.5e+10,0]", "#:-0.5e+10|#:0 behind <,0> inside <-0.5e+10,0>"},
        {"[true,false,null]",
         "b:true|b:false|n:null behind <,false,null> inside <true,false,null>"},
        {"[{},[]]", "o:{}|a:[] behind <,[]> inside <{},[]>"},
        {"[{\"a\":[1,{\"b\":2}]},\"x\"]",
         "o:{\"a\":[1,{\"b\":2}]}|s:x behind <,\"x\"> inside <{\"a\":[1,{\"b\":2}]},\"x\">"},
        {"[[[]],[[],[]]]", "a:[[]]|a:[[],[]] behind <,[[],[]]> inside <[[]],[[],[]]>"},
        {"[ \"a\" , 1 , { \"b\" : [ ] } ]",
         "s:a|#:1|o:{ \"b\" : [ ] } behind < , 1 , { \"b\" : [ ] } > "
         "inside < \"a\" , 1 , { \"b\" : [ ] } >"},
        {"\t[\n1\r,\t2\n]\r", "#:1|#:2 behind <\r,\t2\n> inside <\n1\r,\t2\n>"},
        {"[\"a\\u0062\\n\\\"\\/\",\"\\u00e9\"]",
         "s:ab\n\"/|s:\xC3\xA9 behind <,\"\\u00e9\"> inside <\"a\\u0062\\n\\\"\\/\",\"\\u00e9\">"},
        {"[\"\\ud83d\\ude00\"]", "s:\xF0\x9F\x98\x80 behind <> inside <\"\\ud83d\\ude00\">"},
        {"[\"]\",\",\",\"[\"]", "s:]|s:,|s:[ behind <,\",\",\"[\"> inside <\"]\",\",\",\"[\">"},
        {"[{\"]\":\"}\"}]", "o:{\"]\":\"}\"} behind <> inside <{\"]\":\"}\"}>"},
        {"[1,2,3,4,5,6,7,8,9,10]", "#:1|#:2|#:3|#:4|#:5|#:6|#:7|#:8 behind <,2,3,4,5,6,7,8,9,10> "
                                   "inside <1,2,3,4,5,6,7,8,9,10>"},
        {"[{\"__proto__\":{\"x\":1},\"constructor\":2}]",
         "o:{\"__proto__\":{\"x\":1},\"constructor\":2} behind <> "
         "inside <{\"__proto__\":{\"x\":1},\"constructor\":2}>"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_arena arena;
        struct cf_sio_args args;
        uint8_t *copy;
        char told[512];
        cf_arena_init(&arena, 65536);
        assert_int_equal(read_args(cf_slice_cstr(cases[i].text), PLAIN, &arena, &copy, &args),
                         CF_OK);
        tell(&args, told, sizeof(told));
        assert_string_equal(told, cases[i].told);
        cf_arena_deinit(&arena);
        free(copy);
    }
}

static void what_is_no_array_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cf_error error;
    } cases[] = {
        {"", CF_E_TRUNCATED},
        {" ", CF_E_TRUNCATED},
        {"[", CF_E_TRUNCATED},
        {"[1", CF_E_TRUNCATED},
        {"[\"a", CF_E_TRUNCATED},
        {"[{\"a\":1}", CF_E_TRUNCATED},
        {"{}", CF_E_SYNTAX},
        {"\"a\"", CF_E_SYNTAX},
        {"1", CF_E_SYNTAX},
        {"1 ", CF_E_SYNTAX},
        {"null", CF_E_SYNTAX},
        {"true", CF_E_SYNTAX},
        {"]", CF_E_SYNTAX},
        {"[]]", CF_E_SYNTAX},
        {"[]x", CF_E_SYNTAX},
        {"[] []", CF_E_SYNTAX},
        {"[1,]", CF_E_SYNTAX},
        {"[,1]", CF_E_SYNTAX},
        {"[1}", CF_E_SYNTAX},
        {"[01]", CF_E_SYNTAX},
        {"['a']", CF_E_SYNTAX},
        {"[\"\n\"]", CF_E_SYNTAX},
        {"[\"\xFF\"]", CF_E_UTF8},
        {"[\"\\ud83d\"]", CF_E_SYNTAX},
        {"[nul]", CF_E_SYNTAX},
        {"[NaN]", CF_E_SYNTAX},
        {"[{\"a\":1,\"a\":2}]", CF_E_DUPLICATE},
        {"\xEF\xBB\xBF[]", CF_E_SYNTAX},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        check_error(cases[i].text, PLAIN, cases[i].error);
        check_error(cases[i].text, 1, cases[i].error);
    }
}

/* ---- limits: V25 ---- */

static void fill(char *out, const char *before, char with, size_t times, const char *after)
{
    size_t len = strlen(before);
    memcpy(out, before, len);
    memset(out + len, with, times);
    strcpy(out + len + times, after);
}

static void v25_nesting_and_sizes_are_limited(void **state)
{
    (void)state;
    static char text[200000], close[100];
    for (size_t depth = 31; depth <= 33; depth++) {
        fill(close, "", ']', depth, "");
        fill(text, "", '[', depth, close);
        check_error(text, PLAIN, depth <= 32 ? CF_OK : CF_E_TOO_DEEP);
        check_error(text, 0, depth <= 32 ? CF_OK : CF_E_TOO_DEEP);
    }
    fill(text, "[\"m\",", '[', 100000, "");
    check_error(text, PLAIN, CF_E_TOO_DEEP);
    for (size_t digits = 31; digits <= 33; digits++) {
        fill(text, "[", '1', digits, "]");
        check_error(text, PLAIN, digits <= 32 ? CF_OK : CF_E_TOO_LARGE);
    }
    for (size_t len = 65532; len <= 65533; len++) {
        fill(text, "[\"", 'x', len, "\"]");
        check_error(text, PLAIN, len + 4 <= 65536 ? CF_OK : CF_E_TOO_LARGE);
    }
}

/* A nesting as deep as the reader goes at all: the table of open objects holds it. */
static void the_deepest_objects_are_held(void **state)
{
    (void)state;
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_buf text;
    struct cf_arena arena;
    struct cf_sio_args args;
    limits.depth_max = CF_JSON_DEPTH_CAP;
    cf_buf_init(&text, 65536);
    cf_arena_init(&arena, 65536);
    assert_int_equal(cf_buf_append_byte(&text, '['), CF_OK);
    for (unsigned i = 2; i < CF_JSON_DEPTH_CAP; i++)
        assert_int_equal(cf_buf_append(&text, CF_LIT("{\"a\":")), CF_OK);
    assert_int_equal(cf_buf_append(&text, CF_LIT("{\"_placeholder\":true,\"num\":0}")), CF_OK);
    for (unsigned i = 2; i < CF_JSON_DEPTH_CAP; i++)
        assert_int_equal(cf_buf_append_byte(&text, '}'), CF_OK);
    assert_int_equal(cf_buf_append_byte(&text, ']'), CF_OK);
    assert_int_equal(cf_sio_args_read(cf_buf_peek(&text), 1, &limits, key, &arena, &args), CF_OK);
    assert_int_equal(cf_sio_args_read(cf_buf_peek(&text), 2, &limits, key, &arena, &args),
                     CF_E_SYNTAX);
    cf_buf_deinit(&text);
    cf_arena_deinit(&arena);
}

static void a_full_arena_is_told(void **state)
{
    (void)state;
    struct cf_arena arena;
    struct cf_sio_args args;
    cf_arena_init(&arena, 20);
    assert_int_equal(cf_sio_args_read(CF_LIT("[\"0123456789\",\"0123456789\"]"), UINT_MAX,
                                      &CF_JSON_LIMITS_DEFAULT, key, &arena, &args),
                     CF_E_NOMEM);
    cf_arena_deinit(&arena);
}

/* ---- placeholders: V14 ---- */

#define P(num) "{\"_placeholder\":true,\"num\":" num "}"

static void v14_placeholders(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int attachments;
        enum cf_error error;
    } cases[] = {
        {"[\"a\"," P("0") "]", 1, CF_OK},
        {"[\"a\"," P("0") "," P("1") "]", 2, CF_OK},
        {"[\"a\"," P("1") "," P("0") "]", 2, CF_OK},
        {"[\"a\",{\"x\":[[" P("0") "]]}]", 1, CF_OK},
        {"[\"a\",{\"num\":0,\"_placeholder\":true}]", 1, CF_OK},
        {"[\"a\",{\"num\":0,\"x\":1,\"_placeholder\":true}]", 1, CF_OK},
        {"[\"a\",{\"_pl\\u0061ceholder\":true,\"n\\u0075m\":0}]", 1, CF_OK},
        {"[\"a\",{\"_placeholder\":true,\"num\":0,\"x\":" P("1") "}]", 2, CF_OK},
        {"[\"a\"," P("-0") "]", 1, CF_OK},
        {"[\"a\"," P("0") "," P("1") "," P("2") "," P("3") "," P("4") "," P("5") "," P("6") "," P(
             "7") "," P("8") "," P("9") "]",
         10, CF_OK},
        {"[\"a\"," P("0") ",{\"num\":7}," P("1") ",{}]", 2, CF_OK},
        /* a number of no attachment */
        {"[\"a\"," P("1") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("10") "]", 10, CF_E_SYNTAX},
        {"[\"a\"," P("-1") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("4294967296") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("18446744073709551616") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("-9223372036854775808") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("64") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("0") "]", 0, CF_E_SYNTAX},
        /* no integer */
        {"[\"a\"," P("0.0") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("0.5") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("0e0") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("1e300") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("\"0\"") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("\"splice\"") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("\"__proto__\"") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("\"length\"") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("null") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("true") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("[0]") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("{}") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("{\"num\":0}") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("[{\"num\":0}]") "]", 1, CF_E_SYNTAX},
        {"[\"a\",{\"_placeholder\":true}]", 1, CF_E_SYNTAX},
        {"[\"a\",{\"_placeholder\":true},{\"num\":0}]", 1, CF_E_SYNTAX},
        {"[\"a\",{\"_placeholder\":true,\"x\":{\"num\":0}}]", 1, CF_E_SYNTAX},
        /* twice */
        {"[\"a\"," P("0") "," P("0") "]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("1") "," P("1") "]", 2, CF_E_SYNTAX},
        {"[\"a\",{\"_placeholder\":true,\"num\":0,\"x\":" P("0") "}]", 1, CF_E_SYNTAX},
        {"[\"a\",{\"_placeholder\":true,\"num\":0,\"num\":0}]", 1, CF_E_DUPLICATE},
        /* not each attachment */
        {"[\"a\"]", 1, CF_E_SYNTAX},
        {"[\"a\"," P("0") "]", 2, CF_E_SYNTAX},
        {"[\"a\"," P("1") "]", 2, CF_E_SYNTAX},
        {"[]", 1, CF_E_SYNTAX},
        /* what is none */
        {"[\"a\",{\"_placeholder\":false,\"num\":0}]", 1, CF_E_SYNTAX},
        {"[\"a\",{\"_placeholder\":false,\"num\":7}," P("0") "]", 1, CF_OK},
        {"[\"a\",{\"_placeholder\":1,\"num\":7}," P("0") "]", 1, CF_OK},
        {"[\"a\",{\"_placeholder\":\"true\"}," P("0") "]", 1, CF_OK},
        {"[\"a\",{\"_placeholder\":[true],\"num\":7}," P("0") "]", 1, CF_OK},
        {"[\"a\",{\"_placeholder\":{},\"x\":true}," P("0") "]", 1, CF_OK},
        {"[\"a\",{\"x\":true,\"num\":7}," P("0") "]", 1, CF_OK},
        {"[\"a\",[\"_placeholder\",true,\"num\",7]," P("0") "]", 1, CF_OK},
        {"[\"a\",{\"_placeholderx\":true,\"num\":7}," P("0") "]", 1, CF_OK},
        {"[\"a\",{\"_PLACEHOLDER\":true,\"num\":7}," P("0") "]", 1, CF_OK},
        /* none is looked for in what is no binary packet */
        {"[\"a\"," P("7") "," P("\"x\"") "]", PLAIN, CF_OK},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        check_error(cases[i].text, cases[i].attachments, cases[i].error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_read),
        cmocka_unit_test(what_is_no_array_is_refused),
        cmocka_unit_test(v25_nesting_and_sizes_are_limited),
        cmocka_unit_test(the_deepest_objects_are_held),
        cmocka_unit_test(a_full_arena_is_told),
        cmocka_unit_test(v14_placeholders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
