#include "wire/http/encoder.h"

#include <string.h>

#include "base/assert.h"
#include "wire/http/token.h"

struct phrase {
    unsigned status;
    const char *text;
};

/* RFC 9110 section 15, RFC 6585. */
static const struct phrase phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {206, "Partial Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *cf_http_phrase(unsigned status)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(phrases); i++) {
        if (phrases[i].status == status)
            return phrases[i].text;
    }
    return "";
}

/* All of them, or none. */
static enum cf_error append_all(struct cf_buf *out, const struct cf_slice *pieces, size_t count)
{
    size_t before = out->len;
    for (size_t i = 0; i < count; i++) {
        enum cf_error error = cf_buf_append(out, pieces[i]);
        if (error != CF_OK) {
            out->len = before;
            return error;
        }
    }
    return CF_OK;
}

enum cf_error cf_http_write_status(struct cf_buf *out, unsigned status)
{
    char digits[20];
    CF_ASSERT(status >= 100 && status <= 999);
    const struct cf_slice pieces[] = {
        CF_LIT("HTTP/1.1 "), cf_slice_of(digits, cf_u64_format(status, digits)), CF_LIT(" "),
        cf_slice_cstr(cf_http_phrase(status)), CF_LIT("\r\n")};
    return append_all(out, pieces, CF_ARRAY_LEN(pieces));
}

static bool has_line_break(struct cf_slice value)
{
    return cf_slice_find(value, '\r') != value.len || cf_slice_find(value, '\n') != value.len ||
           cf_slice_find(value, '\0') != value.len;
}

enum cf_error cf_http_write_request(struct cf_buf *out, struct cf_slice method,
                                    struct cf_slice target)
{
    CF_ASSERT(cf_http_is_token(method));
    CF_ASSERT(!has_line_break(target) && cf_slice_find(target, ' ') == target.len);
    const struct cf_slice pieces[] = {method, CF_LIT(" "), target, CF_LIT(" HTTP/1.1\r\n")};
    return append_all(out, pieces, CF_ARRAY_LEN(pieces));
}

enum cf_error cf_http_write_header(struct cf_buf *out, const char *name, struct cf_slice value)
{
    CF_ASSERT(!has_line_break(value));
    const struct cf_slice pieces[] = {cf_slice_cstr(name), CF_LIT(": "), value, CF_LIT("\r\n")};
    return append_all(out, pieces, CF_ARRAY_LEN(pieces));
}

enum cf_error cf_http_write_header_u64(struct cf_buf *out, const char *name, uint64_t value)
{
    char digits[20];
    return cf_http_write_header(out, name, cf_slice_of(digits, cf_u64_format(value, digits)));
}

static void two_digits(char *out, unsigned value)
{
    out[0] = (char)('0' + value / 10 % 10);
    out[1] = (char)('0' + value % 10);
}

enum cf_error cf_http_write_date(struct cf_buf *out, cf_us now)
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[CF_TIME_LEN];
    char date[] = "Thu, 01 Jan 1970 00:00:00 GMT";
    cf_us_format(now, iso); /* 2026-01-03T15:30:00.123456Z */
    cf_us day = now / 86400000000 - (now % 86400000000 < 0 ? 1 : 0);
    size_t weekday = (size_t)((day % 7 + 7) % 7);
    size_t month = (size_t)((iso[5] - '0') * 10 + (iso[6] - '0') - 1);
    memcpy(date, days + weekday * 3, 3);
    two_digits(date + 5, (unsigned)((iso[8] - '0') * 10 + (iso[9] - '0')));
    memcpy(date + 8, months + month * 3, 3);
    memcpy(date + 12, iso, 4);
    memcpy(date + 17, iso + 11, 8);
    return cf_http_write_header(out, "Date", cf_slice_of(date, sizeof(date) - 1));
}

enum cf_error cf_http_write_end(struct cf_buf *out)
{
    return cf_buf_append(out, CF_LIT("\r\n"));
}
