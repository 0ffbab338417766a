/* The limits of the HTTP decoder at limit - 1, limit and limit + 1; responses; what an idle decoder
 * owns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/assert.h"
#include "wire/http/decoder.h"
#include "wire/http/encoder.h"
#include "wire/http/token.h"

static struct cf_http_decoder decoder;

static void begin(enum cf_http_role role)
{
    struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    cf_http_decoder_init(&decoder, role, &limits);
}

/* Feeds all of it; the status of the refusal, 0 when there is none. */
static unsigned feed(struct cf_slice input)
{
    struct cf_http_event event = {.type = CF_HTTP_END};
    while (event.type != CF_HTTP_NEED_MORE) {
        if (cf_http_next(&decoder, &input, &event) != CF_OK)
            return cf_http_decoder_status(&decoder);
    }
    return 0;
}

static unsigned feed_text(const char *text)
{
    return feed(cf_slice_cstr(text));
}

static unsigned feed_repeated(char byte, size_t count)
{
    char bytes[4096];
    unsigned status = 0;
    memset(bytes, byte, sizeof(bytes));
    while (count > 0 && status == 0) {
        size_t len = count < sizeof(bytes) ? count : sizeof(bytes);
        status = feed(cf_slice_of(bytes, len));
        count -= len;
    }
    return status;
}

static unsigned request_line(size_t line_bytes)
{
    begin(CF_HTTP_REQUEST);
    unsigned status = feed_text("GET /");
    if (status == 0)
        status = feed_repeated('a', line_bytes - strlen("GET / HTTP/1.1"));
    if (status == 0)
        status = feed_text(" HTTP/1.1\r\nHost: x\r\n\r\n");
    cf_http_decoder_deinit(&decoder);
    return status;
}

static void test_request_line(void **state)
{
    (void)state;
    assert_int_equal(request_line(8191), 0);
    assert_int_equal(request_line(8192), 0);
    assert_int_equal(request_line(8193), 414);
    assert_int_equal(request_line(1000000), 414);
}

static unsigned headers(unsigned count)
{
    begin(CF_HTTP_REQUEST);
    unsigned status = feed_text("GET / HTTP/1.1\r\nHost: x\r\n");
    for (unsigned i = 1; i < count && status == 0; i++)
        status = feed_text("A: b\r\n");
    if (status == 0)
        status = feed_text("\r\n");
    cf_http_decoder_deinit(&decoder);
    return status;
}

static void test_v3_number_of_headers(void **state)
{
    (void)state;
    assert_int_equal(headers(99), 0);
    assert_int_equal(headers(100), 0);
    assert_int_equal(headers(101), 431);
    assert_int_equal(headers(10000), 431);
}

/* `bytes`: all header lines with their CRLFs, without the empty line. */
static unsigned header_bytes(size_t bytes)
{
    begin(CF_HTTP_REQUEST);
    unsigned status = feed_text("GET / HTTP/1.1\r\nHost: x\r\nA: ");
    if (status == 0)
        status = feed_repeated('b', bytes - strlen("Host: x\r\nA: \r\n"));
    if (status == 0)
        status = feed_text("\r\n\r\n");
    cf_http_decoder_deinit(&decoder);
    return status;
}

static void test_v3_bytes_of_headers(void **state)
{
    (void)state;
    assert_int_equal(header_bytes(32767), 0);
    assert_int_equal(header_bytes(32768), 0);
    assert_int_equal(header_bytes(32769), 431);
    assert_int_equal(header_bytes(256 * 1024), 431);
}

static void test_v3_a_head_byte_by_byte_is_looked_at_once(void **state)
{
    (void)state;
    clock_t started = clock();
    for (int i = 0; i < 20; i++) {
        begin(CF_HTTP_REQUEST);
        assert_int_equal(feed_text("GET / HTTP/1.1\r\nHost: x\r\nA: "), 0);
        for (size_t n = 0; n < 32000; n++)
            assert_int_equal(feed(CF_LIT(" ")), 0);
        assert_int_equal(feed_text("\r\n\r\n"), 0);
        assert_true(cf_http_decoder_idle(&decoder));
        cf_http_decoder_deinit(&decoder);
    }
    /* 640,000 bytes; a scan from the start at each byte would be ten billion steps. */
    assert_true(clock() - started < 20 * CLOCKS_PER_SEC);
}

static void test_v2_a_million_chunks_of_a_byte(void **state)
{
    (void)state;
    size_t chunks = 0;
    begin(CF_HTTP_REQUEST);
    assert_int_equal(feed_text("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
                     0);
    unsigned status = 0;
    while (status == 0 && chunks < 1000000) {
        status = feed_text("1\r\na\r\n");
        chunks++;
    }
    assert_int_equal(status, 400);
    /* A chunk's overhead is its line and the CRLF behind it: 5 bytes. */
    assert_int_equal(chunks, 131072 / 5 + 1);
    cf_http_decoder_deinit(&decoder);
}

static unsigned body(uint64_t limit, const char *rest)
{
    struct cf_slice input = CF_LIT("POST / HTTP/1.1\r\nHost: x\r\n");
    struct cf_http_event event;
    begin(CF_HTTP_REQUEST);
    assert_int_equal(cf_http_next(&decoder, &input, &event), CF_OK);
    input = cf_slice_cstr(rest);
    assert_int_equal(cf_http_next(&decoder, &input, &event), CF_OK);
    assert_int_equal(event.type, CF_HTTP_EVENT_HEAD);
    unsigned status = cf_http_body_limit(&decoder, limit) == CF_OK
                          ? feed(input)
                          : cf_http_decoder_status(&decoder);
    cf_http_decoder_deinit(&decoder);
    return status;
}

static void test_body_limit(void **state)
{
    (void)state;
    assert_int_equal(body(3, "Content-Length: 2\r\n\r\nab"), 0);
    assert_int_equal(body(2, "Content-Length: 2\r\n\r\nab"), 0);
    assert_int_equal(body(1, "Content-Length: 2\r\n\r\nab"), 413);
    assert_int_equal(body(2, "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"), 0);
    assert_int_equal(body(1, "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"),
                     413);
}

static void test_a_body_until_close_is_given_up_to_its_limit(void **state)
{
    struct cf_slice input = CF_LIT("HTTP/1.0 200 OK\r\n\r\nabc");
    struct cf_http_event event;
    (void)state;
    begin(CF_HTTP_RESPONSE);
    assert_int_equal(cf_http_next(&decoder, &input, &event), CF_OK);
    assert_int_equal(cf_http_body_limit(&decoder, 2), CF_OK);
    assert_int_equal(cf_http_next(&decoder, &input, &event), CF_OK);
    assert_int_equal(event.type, CF_HTTP_BODY);
    assert_int_equal(event.body.len, 2);
    assert_int_equal(cf_http_next(&decoder, &input, &event), CF_E_TOO_LARGE);
    assert_int_equal(cf_http_decoder_status(&decoder), 413);
    cf_http_decoder_deinit(&decoder);
}

static void test_v2_a_line_of_framing(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    (void)state;
    for (size_t bytes = 1023; bytes <= 1025; bytes++) {
        unsigned wanted = bytes <= 1024 ? 0 : 400;
        begin(CF_HTTP_REQUEST);
        assert_int_equal(feed_text(head), 0);
        assert_int_equal(feed_text("1;"), 0);
        unsigned status = feed_repeated('a', bytes - strlen("1;\r\n"));
        assert_int_equal(status == 0 ? feed_text("\r\n") : status, wanted);
        cf_http_decoder_deinit(&decoder);
    }
}

static void test_the_status_after_an_error_stays(void **state)
{
    struct cf_slice input = CF_LIT("GET / HTTP/2.0\r\n"), more = CF_LIT("x");
    struct cf_http_event event;
    bool ended;
    (void)state;
    begin(CF_HTTP_REQUEST);
    /* Without the empty line: what speaks another protocol need not wait for the deadline. */
    assert_int_equal(cf_http_next(&decoder, &input, &event), CF_E_UNSUPPORTED);
    assert_int_equal(cf_http_next(&decoder, &more, &event), CF_E_STATE);
    assert_int_equal(cf_http_decoder_status(&decoder), 505);
    assert_int_equal(cf_http_finish(&decoder, &ended), CF_E_TRUNCATED);
    assert_false(ended);
    cf_http_decoder_deinit(&decoder);
}

static void test_an_end_behind_an_empty_line(void **state)
{
    bool ended;
    (void)state;
    begin(CF_HTTP_REQUEST);
    assert_int_equal(cf_http_finish(&decoder, &ended), CF_OK);
    assert_int_equal(feed_text("\r"), 0);
    assert_int_equal(cf_http_finish(&decoder, &ended), CF_E_TRUNCATED);
    assert_int_equal(feed_text("\n"), 0);
    assert_int_equal(cf_http_finish(&decoder, &ended), CF_OK);
    assert_false(ended);
    cf_http_decoder_deinit(&decoder);
}

/* Against the grammar as RFC 9110 section 5.6.2 writes it. */
static void test_token_characters(void **state)
{
    static const char grammar[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool wanted = memchr(grammar, (int)byte, sizeof(grammar) - 1) != NULL;
        assert_int_equal(cf_http_is_token_char((uint8_t)byte), wanted);
    }
}

/* Every byte at every place of values of every length that takes the fast way and the slow. */
static void test_value_characters(void **state)
{
    uint8_t value[20];
    (void)state;
    for (size_t len = 1; len <= sizeof(value); len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memset(value, (at & 1) != 0 ? 0xff : '\t', sizeof(value));
                value[at] = (uint8_t)byte;
                bool wanted = (byte >= 0x20 || byte == '\t') && byte != 0x7f;
                assert_int_equal(cf_http_is_value(cf_slice_of(value, len)), wanted);
            }
        }
    }
}

/* Limits below what is allocated at first for a head; the fuzzer found them exceeded. */
static void test_small_limits(void **state)
{
    struct cf_http_limits limits = {.line_bytes_max = 14, .header_bytes_max = 9, .headers_max = 1};
    char requests[4096] = "";
    (void)state;
    while (strlen(requests) < 3000)
        strcat(requests, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    cf_http_decoder_init(&decoder, CF_HTTP_REQUEST, &limits);
    assert_int_equal(feed_text(requests), 0);
    assert_int_equal(feed_text("GET / HTTP/1.1\r\nHost: xy\r\n\r\n"), 431);
    cf_http_decoder_deinit(&decoder);
}

static void test_lists(void **state)
{
    struct cf_slice input = CF_LIT("GET / HTTP/1.1\r\nHost: x\r\nA: b, c\r\na: ,D ,\r\nE:\r\n\r\n");
    struct cf_http_event event;
    (void)state;
    begin(CF_HTTP_REQUEST);
    assert_int_equal(cf_http_next(&decoder, &input, &event), CF_OK);
    assert_int_equal(cf_http_header_count(event.head, "A"), 2);
    assert_int_equal(cf_http_header_count(event.head, "F"), 0);
    assert_true(cf_http_header_has_token(event.head, "a", "B"));
    assert_true(cf_http_header_has_token(event.head, "a", "d"));
    assert_false(cf_http_header_has_token(event.head, "a", "b, c"));
    assert_false(cf_http_header_has_token(event.head, "e", "b"));
    assert_true(cf_slice_eq(cf_http_header_get(event.head, "a"), CF_LIT("b, c")));
    assert_non_null(cf_http_header_get(event.head, "E").ptr);
    assert_int_equal(cf_http_header_get(event.head, "E").len, 0);
    assert_null(cf_http_header_get(event.head, "F").ptr);
    cf_http_decoder_deinit(&decoder);
}

static void test_an_idle_decoder_owns_nothing(void **state)
{
    (void)state;
    begin(CF_HTTP_REQUEST);
    assert_null(decoder.text.ptr);
    assert_int_equal(feed_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
    assert_true(cf_http_decoder_idle(&decoder));
    assert_null(decoder.text.ptr);
    assert_null(decoder.headers);
    assert_int_equal(feed_text("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1"),
                     0);
    assert_non_null(decoder.line.ptr);
    assert_int_equal(feed_text("\r\na\r\n0\r\n\r\n"), 0);
    assert_true(cf_http_decoder_idle(&decoder));
    assert_null(decoder.line.ptr);
    assert_null(decoder.text.ptr);
    assert_int_equal(feed_text("G"), 0);
    assert_false(cf_http_decoder_idle(&decoder));
    cf_http_decoder_deinit(&decoder);
}

/* ---- responses ---- */

/* The body of the first response, its status before it; "~" behind it when it is not over. */
static const char *response(const char *text, bool to_head, bool closed)
{
    static char out[256];
    struct cf_slice input = cf_slice_cstr(text);
    struct cf_http_event event = {.type = CF_HTTP_NEED_MORE};
    size_t len = 0;
    bool ended = false;
    begin(CF_HTTP_RESPONSE);
    if (to_head)
        cf_http_expect_no_body(&decoder);
    while (!ended && cf_http_next(&decoder, &input, &event) == CF_OK) {
        if (event.type == CF_HTTP_EVENT_HEAD)
            len += (size_t)snprintf(out + len, sizeof(out) - len, "%u:", event.head->status);
        else if (event.type == CF_HTTP_BODY)
            len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s", (int)event.body.len,
                                    (const char *)event.body.ptr);
        ended = event.type == CF_HTTP_END;
        if (event.type == CF_HTTP_NEED_MORE)
            break;
    }
    if (!ended && closed)
        assert_int_equal(cf_http_finish(&decoder, &ended), CF_OK);
    snprintf(out + len, sizeof(out) - len, "%s|%.*s", ended ? "" : "~", (int)input.len,
             (const char *)input.ptr);
    cf_http_decoder_deinit(&decoder);
    return out;
}

static void test_responses(void **state)
{
    (void)state;
    assert_string_equal(response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhix", false, false),
                        "200:hi|x");
    assert_string_equal(response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx", true, false),
                        "200:|x");
    assert_string_equal(
        response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx", true, false), "200:|x");
    assert_string_equal(response("HTTP/1.1 204 No Content\r\n\r\nx", false, false), "204:|x");
    assert_string_equal(response("HTTP/1.1 304\r\nContent-Length: 9\r\n\r\nx", false, false),
                        "304:|x");
    assert_string_equal(
        response("HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\nframes", false, false),
        "101:|frames");
    assert_string_equal(
        response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nx",
                 false, false),
        "200:hi|x");
    assert_string_equal(response("HTTP/1.0 200 OK\r\n\r\nto the end", false, true),
                        "200:to the end|");
    assert_string_equal(response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", false, false),
                        "200:hi~|");
}

/* The answer to a HEAD is still the answer to a HEAD after `103 Early Hints`; the next is not. */
static void test_interim_responses_to_head(void **state)
{
    struct cf_slice input = CF_LIT("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                                   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                                   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    static const enum cf_http_event_type wanted[] = {
        CF_HTTP_EVENT_HEAD, CF_HTTP_END,  CF_HTTP_EVENT_HEAD, CF_HTTP_END,
        CF_HTTP_EVENT_HEAD, CF_HTTP_BODY, CF_HTTP_END,        CF_HTTP_NEED_MORE};
    struct cf_http_event event;
    (void)state;
    begin(CF_HTTP_RESPONSE);
    cf_http_expect_no_body(&decoder);
    for (size_t i = 0; i < CF_ARRAY_LEN(wanted); i++) {
        assert_int_equal(cf_http_next(&decoder, &input, &event), CF_OK);
        assert_int_equal(event.type, wanted[i]);
    }
    cf_http_decoder_deinit(&decoder);
}

/* ---- writing ---- */

static void test_encoder(void **state)
{
    struct cf_buf out;
    (void)state;
    cf_buf_init(&out, 4096);
    assert_int_equal(cf_http_write_status(&out, 201), CF_OK);
    assert_int_equal(cf_http_write_date(&out, 784111777000000), CF_OK);
    assert_int_equal(cf_http_write_header(&out, "A", CF_LIT("b c")), CF_OK);
    assert_int_equal(cf_http_write_header_u64(&out, "Content-Length", 18446744073709551615u),
                     CF_OK);
    assert_int_equal(cf_http_write_end(&out), CF_OK);
    /* The date is the example of RFC 9110 section 5.6.7. */
    struct cf_slice wanted =
        CF_LIT("HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
               "A: b c\r\nContent-Length: 18446744073709551615\r\n\r\n");
    assert_int_equal(out.len, wanted.len);
    assert_memory_equal(out.ptr, wanted.ptr, wanted.len);
    cf_buf_reset(&out);
    assert_int_equal(cf_http_write_request(&out, CF_LIT("GET"), CF_LIT("/a")), CF_OK);
    assert_memory_equal(out.ptr, "GET /a HTTP/1.1\r\n", 17);
    cf_buf_deinit(&out);
    cf_buf_init(&out, 10);
    assert_int_equal(cf_http_write_status(&out, 200), CF_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    cf_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_line),
        cmocka_unit_test(test_v3_number_of_headers),
        cmocka_unit_test(test_v3_bytes_of_headers),
        cmocka_unit_test(test_v3_a_head_byte_by_byte_is_looked_at_once),
        cmocka_unit_test(test_v2_a_million_chunks_of_a_byte),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_a_body_until_close_is_given_up_to_its_limit),
        cmocka_unit_test(test_v2_a_line_of_framing),
        cmocka_unit_test(test_the_status_after_an_error_stays),
        cmocka_unit_test(test_an_end_behind_an_empty_line),
        cmocka_unit_test(test_token_characters),
        cmocka_unit_test(test_value_characters),
        cmocka_unit_test(test_small_limits),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_an_idle_decoder_owns_nothing),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_interim_responses_to_head),
        cmocka_unit_test(test_encoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
