/* The address of a stream, as people type it. */
#include "cli/url.h"

#include "unit/base/support.h"

#include <stdio.h>

#include "server/text.h"

static enum cf_error parse(const char *text, struct cf_url *url)
{
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    enum cf_error error = cf_url_parse(text, url, &why);
    assert_string_equal(cf_text_cstr(&why),
                        error == CF_OK ? ""
                                       : "that is no URL like ws://127.0.0.1:8080/api/v1/shops/"
                                         "SHOP_ID/messages/stream");
    cf_buf_deinit(&why);
    return error;
}

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool tls;
        const char *host;
        uint16_t port;
        const char *path, *token;
        const char *authority;
    } cases[] = {
        {"ws://127.0.0.1:8080/a/stream", false, "127.0.0.1", 8080, "/a/stream", "",
         "127.0.0.1:8080"},
        {"http://localhost/", false, "localhost", 80, "/", "", "localhost:80"},
        {"ws://localhost", false, "localhost", 80, "", "", "localhost:80"},
        {"wss://example.com/a", true, "example.com", 443, "/a", "", "example.com:443"},
        {"https://example.com:1/a", true, "example.com", 1, "/a", "", "example.com:1"},
        {"wss://example.com:65535/a", true, "example.com", 65535, "/a", "", "example.com:65535"},
        {"ws://example.com:/a", false, "example.com", 80, "/a", "",
         "example.com:80"}, /* RFC 3986 section 3.2.3 */
        {"ws://[::1]/a", false, "::1", 80, "/a", "", "[::1]:80"},
        {"wss://[2001:db8::1]:8443/a", true, "2001:db8::1", 8443, "/a", "", "[2001:db8::1]:8443"},
        {"ws://h/a?token=abc", false, "h", 80, "/a", "abc", "h:80"},
        {"ws://h/a?x=1&token=a.b-c_d&y=/", false, "h", 80, "/a", "a.b-c_d", "h:80"},
        {"ws://h/a?token=a=b", false, "h", 80, "/a", "a=b", "h:80"},
        {"ws://h/a?token=", false, "h", 80, "/a", "", "h:80"},
        {"ws://h/a?tokens=x&mytoken=y", false, "h", 80, "/a", "", "h:80"},
        {"ws://h/a?", false, "h", 80, "/a", "", "h:80"},
        {"ws://h/a?b?token=x", false, "h", 80, "/a", "", "h:80"},
        {"ws://h?token=abc", false, "h", 80, "", "abc", "h:80"},
        {"ws://h:81?token=a/b:c", false, "h", 81, "", "a/b:c", "h:81"},
        {"ws://h/a:b@c", false, "h", 80, "/a:b@c", "", "h:80"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_url url;
        assert_int_equal(parse(cases[i].text, &url), CF_OK);
        assert_int_equal(url.tls, cases[i].tls);
        assert_string_equal(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_string_equal(url.path, cases[i].path);
        assert_string_equal(url.token, cases[i].token);
        assert_string_equal(url.authority, cases[i].authority);
    }
}

static void what_is_no_url_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "ws",
        "ws:/h/a",
        "h:8080/a",
        "//h/a",
        "WS://h/a",
        "ftp://h/a",
        "ws://",
        "ws:///a",
        "ws://:80/a",
        "ws://?token=abc",
        "ws://h:0/a",
        "ws://h:65536/a",
        "ws://h:-1/a",
        "ws://h:8o/a",
        "ws://h:18446744073709551696/a",
        "ws://::1/a",
        "ws://h:1:2/a",
        "ws://[::1/a",
        "ws://[]/a",
        "ws://[::1]8080/a",
    };
    struct cf_url url;
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        assert_int_equal(parse(cases[i], &url), CF_E_INVALID);
}

/* Nothing of a URL gets into a request's head but as what it is (V1), or into a log (V19). */
static void bytes_that_no_url_has_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "ws://h/a b",  "ws://h/a\r\nX: y", "ws://h/a?token=b\nX:y", "ws://h\t/a",
        "ws://h/\x7f", "ws://h/\xc3\xa4",  "ws://user@h/a",         "ws://user:pass@h/a",
        "ws://h/a#b",  "ws://h#b",         "ws://h/a?token=b#c",    " ws://h/a",

    };
    struct cf_url url;
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        assert_int_equal(parse(cases[i], &url), CF_E_INVALID);
}

/* A text of `len` bytes behind the prefix. */
static enum cf_error parse_long(const char *prefix, size_t len, const char *suffix,
                                struct cf_url *url)
{
    static char text[16384];
    size_t at = strlen(prefix);
    assert_true(at + len + strlen(suffix) < sizeof(text));
    memcpy(text, prefix, at);
    memset(text + at, 'x', len);
    memcpy(text + at + len, suffix, strlen(suffix) + 1);
    return parse(text, url);
}

static void parts_have_their_limits(void **state)
{
    (void)state;
    struct cf_url url;
    assert_int_equal(parse_long("ws://", CF_URL_HOST_MAX - 1, "/a", &url), CF_OK);
    assert_int_equal(strlen(url.host), CF_URL_HOST_MAX - 1);
    assert_int_equal(parse_long("ws://", CF_URL_HOST_MAX, "/a", &url), CF_E_INVALID);
    assert_int_equal(parse_long("ws://h/", CF_URL_PATH_MAX - 2, "", &url), CF_OK);
    assert_int_equal(strlen(url.path), CF_URL_PATH_MAX - 1);
    assert_int_equal(parse_long("ws://h/", CF_URL_PATH_MAX - 1, "", &url), CF_E_INVALID);
    assert_int_equal(parse_long("ws://h/?token=", CF_URL_TOKEN_MAX, "&a", &url), CF_OK);
    assert_int_equal(strlen(url.token), CF_URL_TOKEN_MAX);
    assert_int_equal(parse_long("ws://h/?token=", CF_URL_TOKEN_MAX + 1, "", &url), CF_E_INVALID);
    assert_int_equal(parse_long("ws://h/?", 10000, "", &url), CF_OK); /* is not kept */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(what_is_no_url_is_refused),
        cmocka_unit_test(bytes_that_no_url_has_are_refused),
        cmocka_unit_test(parts_have_their_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
