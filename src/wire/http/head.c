#include "wire/http/head.h"

#include <string.h>

#include "wire/http/token.h"

static enum cf_http_method method_of(struct cf_slice text)
{
    static const char *const names[] = {
        [CF_HTTP_GET] = "GET",    [CF_HTTP_HEAD] = "HEAD",     [CF_HTTP_POST] = "POST",
        [CF_HTTP_PUT] = "PUT",    [CF_HTTP_DELETE] = "DELETE", [CF_HTTP_OPTIONS] = "OPTIONS",
        [CF_HTTP_PATCH] = "PATCH"};
    for (unsigned i = 0; i < CF_HTTP_OTHER; i++) {
        if (cf_slice_eq(text, cf_slice_cstr(names[i])))
            return (enum cf_http_method)i;
    }
    return CF_HTTP_OTHER;
}

/* "HTTP/1.0" or "HTTP/1.1". A well-formed other version is CF_E_UNSUPPORTED. */
static enum cf_error parse_version(struct cf_slice text, unsigned *out_minor)
{
    if (text.len != 8 || !cf_slice_starts(text, CF_LIT("HTTP/")) || text.ptr[6] != '.')
        return CF_E_SYNTAX;
    uint8_t major = text.ptr[5], minor = text.ptr[7];
    if (major < '0' || major > '9' || minor < '0' || minor > '9')
        return CF_E_SYNTAX;
    if (major != '1' || minor > '1')
        return CF_E_UNSUPPORTED;
    *out_minor = (unsigned)(minor - '0');
    return CF_OK;
}

static bool visible_ascii(struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
            return false;
    }
    return true;
}

/* reg-name, IPv4address or what stands in the brackets of an IP-literal (RFC 3986 section 3.2.2),
 * the escapes of a reg-name unread. No userinfo: RFC 9110 section 4.2.4. */
static bool host_chars(struct cf_slice host, const char *others)
{
    for (size_t i = 0; i < host.len; i++) {
        uint8_t byte = host.ptr[i], lower = byte | 0x20;
        bool plain = (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'z');
        if (!plain && cf_slice_find(cf_slice_cstr(others), byte) == strlen(others))
            return false;
    }
    return true;
}

/* uri-host [ ":" port ], RFC 9110 section 7.2. */
static bool host_ok(struct cf_slice text)
{
    bool literal = text.len > 0 && text.ptr[0] == '[';
    size_t end = literal ? cf_slice_find(text, ']') + 1 : cf_slice_find(text, ':');
    if (end > text.len)
        return false;
    struct cf_slice host = cf_slice_head(text, end), port = cf_slice_skip(text, end);
    if (literal && !host_chars(cf_slice_of(host.ptr + 1, host.len - 2), ":."))
        return false;
    if (!literal && !host_chars(host, "-._~%!$&'()*+,;="))
        return false;
    for (size_t i = 1; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
    }
    return port.len == 0 || port.ptr[0] == ':';
}

/* Origin-form, "*" for OPTIONS, or absolute-form, of which only path and query matter here. */
static enum cf_error parse_target(struct cf_slice target, struct cf_http_head *head)
{
    if (target.len == 0 || !visible_ascii(target) || cf_slice_find(target, '#') != target.len)
        return CF_E_SYNTAX;
    head->target = target;
    if (target.ptr[0] == '/')
        return CF_OK;
    if (cf_slice_eq(target, CF_LIT("*")))
        return head->method == CF_HTTP_OPTIONS ? CF_OK : CF_E_SYNTAX;
    struct cf_slice rest;
    if (cf_slice_eq_nocase(cf_slice_head(target, 7), CF_LIT("http://")))
        rest = cf_slice_skip(target, 7);
    else if (cf_slice_eq_nocase(cf_slice_head(target, 8), CF_LIT("https://")))
        rest = cf_slice_skip(target, 8);
    else
        return CF_E_SYNTAX;
    size_t slash = cf_slice_find(rest, '/');
    if (slash == 0 || !host_ok(cf_slice_head(rest, slash)))
        return CF_E_SYNTAX; /* "http://host?query" too: it has no path that could be lent */
    head->target = slash == rest.len ? CF_LIT("/") : cf_slice_skip(rest, slash);
    return CF_OK;
}

enum cf_error cf_http_parse_request_line(struct cf_slice line, struct cf_http_head *head,
                                         unsigned *out_status)
{
    size_t first = cf_slice_find(line, ' ');
    struct cf_slice method = cf_slice_head(line, first);
    struct cf_slice rest = cf_slice_skip(line, first + 1);
    size_t second = cf_slice_find(rest, ' ');
    *out_status = 400;
    if (!cf_http_is_token(method) || second == rest.len)
        return CF_E_SYNTAX;
    head->method_text = method;
    head->method = method_of(method);
    enum cf_error error = parse_version(cf_slice_skip(rest, second + 1), &head->minor);
    if (error == CF_E_UNSUPPORTED)
        *out_status = 505;
    return error == CF_OK ? parse_target(cf_slice_head(rest, second), head) : error;
}

enum cf_error cf_http_parse_status_line(struct cf_slice line, struct cf_http_head *head)
{
    uint64_t status;
    enum cf_error error = parse_version(cf_slice_head(line, 8), &head->minor);
    if (error != CF_OK)
        return error;
    if (line.len < 12 || line.ptr[8] != ' ' ||
        !cf_slice_to_u64(cf_slice_of(line.ptr + 9, 3), &status) || status < 100)
        return CF_E_SYNTAX;
    if (line.len > 12 && (line.ptr[12] != ' ' || !cf_http_is_value(cf_slice_skip(line, 12))))
        return CF_E_SYNTAX;
    head->status = (unsigned)status;
    return CF_OK;
}

enum cf_error cf_http_parse_header(struct cf_slice line, struct cf_http_header *out_header)
{
    size_t colon = cf_slice_find(line, ':');
    struct cf_slice name = cf_slice_head(line, colon);
    struct cf_slice value = cf_slice_trim(cf_slice_skip(line, colon + 1));
    /* A name with a space in it covers both the space before the colon and the folded line. */
    if (colon == line.len || !cf_http_is_token(name) || !cf_http_is_value(value))
        return CF_E_SYNTAX;
    *out_header = (struct cf_http_header){name, value};
    return CF_OK;
}

struct cf_slice cf_http_header_get(const struct cf_http_head *head, const char *name)
{
    struct cf_slice wanted = cf_slice_cstr(name);
    for (size_t i = 0; i < head->headers_count; i++) {
        if (cf_slice_eq_nocase(head->headers[i].name, wanted))
            return head->headers[i].value;
    }
    return (struct cf_slice){NULL, 0};
}

size_t cf_http_header_count(const struct cf_http_head *head, const char *name)
{
    struct cf_slice wanted = cf_slice_cstr(name);
    size_t count = 0;
    for (size_t i = 0; i < head->headers_count; i++)
        count += cf_slice_eq_nocase(head->headers[i].name, wanted) ? 1 : 0;
    return count;
}

bool cf_http_header_has_token(const struct cf_http_head *head, const char *name, const char *token)
{
    struct cf_slice wanted_name = cf_slice_cstr(name), wanted = cf_slice_cstr(token);
    for (size_t i = 0; i < head->headers_count; i++) {
        if (!cf_slice_eq_nocase(head->headers[i].name, wanted_name))
            continue;
        struct cf_slice rest = head->headers[i].value, element;
        while (cf_slice_next(&rest, ',', &element)) {
            if (cf_slice_eq_nocase(cf_slice_trim(element), wanted))
                return true;
        }
    }
    return false;
}

/* A list of codings that is more or other than `chunked`: not implemented when it could be read to
 * its end (RFC 9112 section 6.1), else it has none that all would agree on (section 6.3). */
static enum cf_error judge_codings(struct cf_slice codings, unsigned *out_status)
{
    struct cf_slice rest = codings, coding = codings;
    size_t chunked = 0;
    bool last = false;
    while (cf_slice_next(&rest, ',', &coding)) {
        coding = cf_slice_trim(coding);
        if (!cf_http_is_token(coding))
            return CF_E_SYNTAX;
        last = cf_slice_eq_nocase(coding, CF_LIT("chunked"));
        chunked += last ? 1 : 0;
    }
    if (chunked != 1 || !last)
        return CF_E_SYNTAX;
    *out_status = 501;
    return CF_E_UNSUPPORTED;
}

/* One framing rule, and no second opinion (hazard V1). */
static enum cf_error judge_body(struct cf_http_head *head, unsigned *out_status)
{
    size_t lengths = cf_http_header_count(head, "Content-Length");
    size_t codings = cf_http_header_count(head, "Transfer-Encoding");
    if (lengths + codings > 1)
        return CF_E_DUPLICATE;
    if (lengths == 1) {
        head->has_length = true;
        return cf_slice_to_u64(cf_http_header_get(head, "Content-Length"), &head->length)
                   ? CF_OK
                   : CF_E_SYNTAX;
    }
    if (codings == 0)
        return CF_OK;
    if (head->minor == 0)
        return CF_E_SYNTAX;
    struct cf_slice coding = cf_http_header_get(head, "Transfer-Encoding");
    head->chunked = cf_slice_eq_nocase(coding, CF_LIT("chunked"));
    return head->chunked ? CF_OK : judge_codings(coding, out_status);
}

/* RFC 9112 section 3.2: exactly one Host in HTTP/1.1, at most one in 1.0. */
static enum cf_error judge_host(const struct cf_http_head *head)
{
    size_t hosts = cf_http_header_count(head, "Host");
    if (hosts > 1 || (hosts == 0 && head->minor == 1))
        return CF_E_SYNTAX;
    return host_ok(cf_http_header_get(head, "Host")) ? CF_OK : CF_E_SYNTAX;
}

static enum cf_error judge_expect(struct cf_http_head *head, unsigned *out_status)
{
    struct cf_slice expect = cf_http_header_get(head, "Expect");
    if (expect.ptr == NULL || head->minor == 0)
        return CF_OK;
    if (cf_http_header_count(head, "Expect") > 1 ||
        !cf_slice_eq_nocase(expect, CF_LIT("100-continue"))) {
        *out_status = 417;
        return CF_E_UNSUPPORTED;
    }
    head->expect_continue = head->chunked || head->length > 0;
    return CF_OK;
}

enum cf_error cf_http_judge_headers(struct cf_http_head *head, enum cf_http_role role,
                                    unsigned *out_status)
{
    *out_status = 400;
    head->upgrade = head->minor == 1 && cf_http_header_has_token(head, "Connection", "upgrade");
    bool close = cf_http_header_has_token(head, "Connection", "close");
    bool keep = cf_http_header_has_token(head, "Connection", "keep-alive");
    head->keep_alive = !close && (head->minor == 1 || keep);
    enum cf_error error = judge_body(head, out_status);
    if (error == CF_OK && role == CF_HTTP_REQUEST)
        error = judge_host(head);
    if (error == CF_OK && role == CF_HTTP_REQUEST)
        error = judge_expect(head, out_status);
    return error;
}
