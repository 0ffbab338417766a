/* V17: which origins a list lets in. The scheme, the host and the port, and not a byte else. */
#include "unit/base/support.h"

#include "auth/origin.h"

static const char listed[] =
    "https://a.example, HTTPS://Shop.Example.COM:443,"
    "http://localhost:3000,http://b.example:80,https://c.example:8443,"
    "https://xn--bcher-kva.example,http://192.0.2.7:8080,http://[::1]:3000";

struct fixture {
    struct cf_arena arena;
    struct cf_origin_list list;
    struct cf_slice bad;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.bad = {NULL, 0}};
    cf_arena_init(&f.arena, 65536);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    cf_arena_deinit(&f->arena);
    return 0;
}

static enum cf_error parse(struct fixture *f, const char *text)
{
    return cf_origin_list_parse(cf_slice_cstr(text), &f->arena, &f->list, &f->bad);
}

static const struct {
    const char *origin;
    bool allowed;
} asked[] = {
    /* as listed, or as a browser writes what is listed */
    {"https://a.example", true},
    {"https://shop.example.com", true},
    {"http://localhost:3000", true},
    {"http://b.example", true},
    {"https://c.example:8443", true},
    {"https://xn--bcher-kva.example", true},
    {"http://192.0.2.7:8080", true},
    {"http://[::1]:3000", true},

    {"null", false},
    {"", false},
    {"*", false},
    {"https://", false},
    {"a.example", false},
    {"//a.example", false},
    /* another scheme */
    {"http://a.example", false},
    {"https://localhost:3000", false},
    {"ws://a.example", false},
    {"file://a.example", false},
    {"https:a.example", false},
    {"https:/a.example", false},
    /* around the host */
    {"https://evil-a.example", false},
    {"https://a.example.evil.example", false},
    {"https://www.a.example", false},
    {"https://a.exampl", false},
    {"https://a.examplee", false},
    {"https://aaexample", false},
    {"https://a.example.", false},
    {"https://a.example%2eevil.example", false},
    {"https://evil.example#a.example", false},
    {"https://evil.example?https://a.example", false},
    {"https://evil.example/https://a.example", false},
    /* who is before the @ is nobody */
    {"https://a.example@evil.example", false},
    {"https://user@a.example", false},
    {"https://a.example:x@evil.example", false},
    /* another port */
    {"https://a.example:8443", false},
    {"https://c.example", false},
    {"https://c.example:443", false},
    {"https://c.example:84430", false},
    {"https://c.example:08443", false},
    {"http://localhost", false},
    {"http://localhost:3001", false},
    {"https://b.example:80", false},
    {"http://[::1]", false},
    {"http://[0:0:0:0:0:0:0:1]:3000", false},
    /* no browser writes these */
    {"HTTPS://a.example", false},
    {"https://A.example", false},
    {"https://a.example:443", false},
    {"https://a.example:", false},
    {"https://a.example/", false},
    {"https://b\xc3\xbc"
     "cher.example",
     false},
    {" https://a.example", false},
    {"https://a.example ", false},
    {"https://a.example\n", false},
    {"https://a.example,https://c.example:8443", false},
    {"https://a.example https://evil.example", false},
};

static void only_the_listed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, listed), CF_OK);
    assert_false(f->list.any);
    assert_int_equal(f->list.count, 8);
    for (size_t i = 0; i < CF_ARRAY_LEN(asked); i++) {
        if (cf_origin_allowed(&f->list, cf_slice_cstr(asked[i].origin)) != asked[i].allowed)
            fail_msg("<%s> is%s allowed", asked[i].origin, asked[i].allowed ? " not" : "");
    }
    assert_false(cf_origin_allowed(&f->list, cf_slice_of("https://a.example\0", 18)));
    assert_false(cf_origin_allowed(&f->list, (struct cf_slice){NULL, 0}));
}

static void kept_as_browsers_write_them(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, listed), CF_OK);
    assert_slice_equal(f->list.origins[0], "https://a.example");
    assert_slice_equal(f->list.origins[1], "https://shop.example.com");
    assert_slice_equal(f->list.origins[3], "http://b.example");
    assert_slice_equal(f->list.origins[4], "https://c.example:8443");
    assert_slice_equal(f->list.origins[7], "http://[::1]:3000");
    assert_int_equal(parse(f, "http://a.example:443,https://a.example:80"), CF_OK);
    assert_slice_equal(f->list.origins[0], "http://a.example:443");
    assert_slice_equal(f->list.origins[1], "https://a.example:80");
    assert_int_equal(parse(f, "HTTP://[2001:DB8::A]:80"), CF_OK);
    assert_slice_equal(f->list.origins[0], "http://[2001:db8::a]");
}

static void no_list_lets_all_in(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, ""), CF_OK);
    assert_true(f->list.any);
    for (size_t i = 0; i < CF_ARRAY_LEN(asked); i++)
        assert_true(cf_origin_allowed(&f->list, cf_slice_cstr(asked[i].origin)));
}

/* V21: a list with a mistake is no list. Each text with the element that is named. */
static const char *const bad_lists[][2] = {
    {" ", ""},
    {",", ""},
    {"https://a.example,", ""},
    {",https://a.example", ""},
    {"https://a.example,,https://b.example", ""},
    {"*", "*"},
    {"null", "null"},
    {"a.example", "a.example"},
    {"https://a.example,b.example", "b.example"},
    {"https://a.example/", "https://a.example/"},
    {"https://a.example/path", "https://a.example/path"},
    {"https://a.example?", "https://a.example?"},
    {"https://a.example#x", "https://a.example#x"},
    {"https://*.example", "https://*.example"},
    {"https://user@a.example", "https://user@a.example"},
    {"https://u:p@a.example", "https://u:p@a.example"},
    {"ws://a.example", "ws://a.example"},
    {"wss://a.example", "wss://a.example"},
    {"file://a", "file://a"},
    {"://a.example", "://a.example"},
    {"https:/a.example", "https:/a.example"},
    {"https:///a.example", "https:///a.example"},
    {"https://", "https://"},
    {"https", "https"},
    {"https://:443", "https://:443"},
    {"https://a.example:", "https://a.example:"},
    {"https://a.example:0", "https://a.example:0"},
    {"https://a.example:0443", "https://a.example:0443"},
    {"https://a.example:65536", "https://a.example:65536"},
    {"https://a.example:99999999999999999999", "https://a.example:99999999999999999999"},
    {"https://a.example:+443", "https://a.example:+443"},
    {"https://a.example:4 43", "https://a.example:4 43"},
    {"https://a.example:1:2", "https://a.example:1:2"},
    {"https://a .example", "https://a .example"},
    {"https://.a.example", "https://.a.example"},
    {"https://a..example", "https://a..example"},
    {"https://a.example.", "https://a.example."},
    {"https://a%41.example", "https://a%41.example"},
    {"https://b\xc3\xbc.example", "https://b\xc3\xbc.example"},
    {"https://a.example\n", "https://a.example\n"},
    {"https://a.example;https://b.example", "https://a.example;https://b.example"},
    {"http://[::1", "http://[::1"},
    {"http://[]", "http://[]"},
    {"http://[:]", "http://[:]"},
    {"http://[::g]", "http://[::g]"},
    {"http://[::1]x", "http://[::1]x"},
    {"http://[::1]]", "http://[::1]]"},
    {"http://::1", "http://::1"},
    {"http://[fe80::1%25eth0]", "http://[fe80::1%25eth0]"},
};

static void mistakes_are_named(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < CF_ARRAY_LEN(bad_lists); i++) {
        enum cf_error error = parse(f, bad_lists[i][0]);
        if (error != CF_E_INVALID || !cf_slice_eq(f->bad, cf_slice_cstr(bad_lists[i][1])))
            fail_msg("<%s>: %s <%.*s>", bad_lists[i][0], cf_error_name(error), (int)f->bad.len,
                     (const char *)f->bad.ptr);
    }
}

static void limits(void **state)
{
    struct fixture *f = *state;
    char text[8 + 254 + 1] = "https://";
    assert_int_equal(parse(f, "https://a.example:65535,https://a.example:1"), CF_OK);
    assert_int_equal(parse(f, "http://[::]"), CF_OK);
    memset(text + 8, 'a', 254);
    assert_int_equal(parse(f, text), CF_E_INVALID);
    text[8 + 253] = '\0';
    assert_int_equal(parse(f, text), CF_OK);
    struct cf_arena small;
    cf_arena_init(&small, 16);
    assert_int_equal(cf_origin_list_parse(CF_LIT("https://a.example"), &small, &f->list, &f->bad),
                     CF_E_NOMEM);
    cf_arena_deinit(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_the_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(kept_as_browsers_write_them, setup, teardown),
        cmocka_unit_test_setup_teardown(no_list_lets_all_in, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(limits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
