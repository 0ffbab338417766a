/* Paths and queries: what is decoded, and what never becomes a path (hazard V23). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "wire/http/target.h"

/* "a|b?c=d&e=" of a target, or the error's name. */
static const char *parse(const char *text)
{
    static char out[1024];
    struct cf_http_target target;
    struct cf_arena arena;
    size_t len = 0;
    cf_arena_init(&arena, 65536);
    enum cf_error error = cf_http_target_parse(cf_slice_cstr(text), &arena, &target);
    if (error != CF_OK) {
        cf_arena_deinit(&arena);
        return cf_error_name(error);
    }
    out[0] = '\0';
    for (size_t i = 0; i < target.segments_count; i++)
        len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%.*s", i > 0 ? "|" : "",
                                (int)target.segments[i].len, (const char *)target.segments[i].ptr);
    for (size_t i = 0; i < target.params_count; i++)
        len += (size_t)snprintf(
            out + len, sizeof(out) - len, "%s%.*s=%.*s", i > 0 ? "&" : "?",
            (int)target.params[i].name.len, (const char *)target.params[i].name.ptr,
            (int)target.params[i].value.len, (const char *)target.params[i].value.ptr);
    cf_arena_deinit(&arena);
    return out;
}

static void test_accepted(void **state)
{
    static const char *const pairs[][2] = {
        {"/", ""},
        {"/a", "a"},
        {"/a/", "a"},
        {"/a/b/c", "a|b|c"},
        {"/a%20b", "a b"},
        {"/%c3%A9", "\xc3\xa9"},
        {"/a%3Fb", "a?b"},
        {"/...", "..."},
        {"/.a/..b", ".a|..b"},
        {"/a?", "a"},
        {"/a?b", "a?b="},
        {"/a?b=c", "a?b=c"},
        {"/a?b=c&d=e", "a?b=c&d=e"},
        {"/a?b=c=d", "a?b=c=d"},
        {"/a?&&b=&", "a?b="},
        {"/a?b=c+d%2B", "a?b=c d+"},
        {"/a?since=2026-01-03T15:30:00%2B01:00", "a?since=2026-01-03T15:30:00+01:00"},
        {"/a?x=/../", "a?x=/../"},
        {"/a?b=%2e%2e%2f", "a?b=../"},
        {"/a?b=c?d", "a?b=c?d"},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(pairs); i++)
        assert_string_equal(parse(pairs[i][0]), pairs[i][1]);
}

static void test_v23_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "a",
        "*",
        "//",
        "//a",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/../",
        "/./a",
        "/a/.",
        "/a/..",
        "/a/../b",
        "/a/./b",
        "/%2e",
        "/%2E%2e",
        "/%2e%2e/",
        "/.%2e",
        "/%2e.",
        "/a/%2e%2e/b",
        "/%2f",
        "/a%2fb",
        "/a%2Fb",
        "/..%2f",
        "/..%2f..%2f",
        "/%5c",
        "/a%5cb",
        "/..%5c",
        "/..\\",
        "/\\",
        "/a\\..\\b",
        "/%00",
        "/a%00b",
        "/a%00",
        "/%0a",
        "/%0d%0a",
        "/%09",
        "/%1f",
        "/%7f",
        "/%",
        "/%2",
        "/a%",
        "/a%4",
        "/%zz",
        "/%2g",
        "/%g2",
        "/%%32%65",
        "/% 41",
        "/%+41",
        "/%c0%ae",
        "/%c0%ae%c0%ae/",
        "/%c0%af",
        "/%e0%80%ae",
        "/%f0%80%80%ae",
        "/%ff",
        "/%c3",
        "/%c3%28",
        "/%ed%a0%80",
        "/%f5%80%80%80",
        "/a?%00",
        "/a?b=%00",
        "/a?b=%",
        "/a?b=%4",
        "/a?%zz=1",
        "/a?b=%ff",
        "/a?b=%0a",
        "/a?b=%5c",
        "/a?b=%c0%af",
        "/%25%",
    };
    (void)state;
    assert_true(CF_ARRAY_LEN(bad) >= 60);
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++) {
        if (strcmp(parse(bad[i]), "E_SYNTAX") != 0)
            fail_msg("%s: gives %s", bad[i], parse(bad[i]));
    }
    /* Decoded once: what is an escape after that is text. */
    assert_string_equal(parse("/%252e%252e"), "%2e%2e");
}

/* An escape that the target cuts short, with bytes behind it that would complete it. */
static void test_a_target_ends_where_it_ends(void **state)
{
    struct cf_http_target target;
    struct cf_arena arena;
    (void)state;
    cf_arena_init(&arena, 65536);
    for (size_t len = 2; len <= 4; len++) {
        enum cf_error wanted = len == 4 ? CF_OK : CF_E_SYNTAX;
        assert_int_equal(cf_http_target_parse(cf_slice_of("/%414141", len), &arena, &target),
                         wanted);
    }
    cf_arena_deinit(&arena);
}

static void repeat(char *out, const char *piece, size_t count)
{
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(out, piece);
}

static void test_limits(void **state)
{
    char path[512] = "", query[512] = "/a?";
    (void)state;
    repeat(path, "/a", CF_HTTP_SEGMENTS_MAX);
    assert_string_not_equal(parse(path), "E_TOO_MANY");
    repeat(path, "/a", CF_HTTP_SEGMENTS_MAX + 1);
    assert_string_equal(parse(path), "E_TOO_MANY");
    repeat(query + 3, "b&", CF_HTTP_PARAMS_MAX);
    assert_string_not_equal(parse(query), "E_TOO_MANY");
    repeat(query + 3, "b&", CF_HTTP_PARAMS_MAX + 1);
    assert_string_equal(parse(query), "E_TOO_MANY");
}

static void test_param_get(void **state)
{
    struct cf_http_target target;
    struct cf_arena arena;
    (void)state;
    cf_arena_init(&arena, 65536);
    assert_int_equal(cf_http_target_parse(CF_LIT("/a?b=1&c=&b=2"), &arena, &target), CF_OK);
    assert_true(cf_slice_eq(cf_http_param_get(&target, "b"), CF_LIT("1")));
    assert_int_equal(cf_http_param_get(&target, "c").len, 0);
    assert_non_null(cf_http_param_get(&target, "c").ptr);
    assert_null(cf_http_param_get(&target, "d").ptr);
    cf_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_v23_refused),
        cmocka_unit_test(test_a_target_ends_where_it_ends),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_param_get),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
