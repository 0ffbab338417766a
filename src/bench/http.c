#include "bench/http.h"

#include <stdint.h>
#include <string.h>

enum { STATUS_LINE_MIN = 13, BODY_SHOWN_MAX = 300 };

/* Behind the empty line; 0: it has not come. */
static size_t head_len(struct cf_slice bytes)
{
    if (bytes.len < 4)
        return 0;
    const uint8_t *at = bytes.ptr, *end = bytes.ptr + bytes.len;
    while (end - at >= 4) {
        at = memchr(at, '\r', (size_t)(end - at) - 3);
        if (at == NULL)
            return 0;
        if (memcmp(at, "\r\n\r\n", 4) == 0)
            return (size_t)(at + 4 - bytes.ptr);
        at++;
    }
    return 0;
}

static bool find_length(struct cf_slice head, uint64_t *out_length)
{
    static const char name[] = "Content-Length:";
    struct cf_slice line;
    while (head.len > 0 && cf_slice_next(&head, '\n', &line)) {
        if (line.len < sizeof(name) ||
            !cf_slice_eq_nocase(cf_slice_head(line, sizeof(name) - 1), CF_LIT("Content-Length:")))
            continue;
        line = cf_slice_skip(line, sizeof(name) - 1);
        return cf_slice_to_u64(cf_slice_trim(cf_slice_head(line, line.len - 1)), out_length);
    }
    return false;
}

enum cf_error cf_bench_answer_read(struct cf_slice bytes, struct cf_bench_answer *out)
{
    uint64_t status = 0, length = 0;
    size_t head = head_len(bytes);
    if (head == 0)
        return CF_E_TRUNCATED;
    if (head < STATUS_LINE_MIN || !cf_slice_starts(bytes, CF_LIT("HTTP/1.")) ||
        !cf_slice_to_u64(cf_slice_of(bytes.ptr + 9, 3), &status))
        return CF_E_SYNTAX;
    bool bodiless = status < 200 || status == 204 || status == 304;
    if (!bodiless && !find_length(cf_slice_head(bytes, head), &length))
        return CF_E_SYNTAX;
    if (length > bytes.len - head)
        return CF_E_TRUNCATED;
    *out = (struct cf_bench_answer){.status = (unsigned)status,
                                    .len = head + (size_t)length,
                                    .body = cf_slice_of(bytes.ptr + head, (size_t)length)};
    return CF_OK;
}

static const char *hint(unsigned status)
{
    switch (status) {
    case 401:
        return "sign with the server's JWT_SECRET (in the environment, or --secret)";
    case 403:
    case 404:
        return "does the server serve this dialect? (--dialect)";
    case 429:
        return "raise WEBSOCKET_MAX_CONNECTIONS_PER_USER, WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE or "
               "ORBITAL_MAX_ATTEMPTS_PER_MINUTE of the server, or use more --users or --spread";
    default:
        return "see the server's log";
    }
}

enum cf_error cf_bench_refused(struct cf_bench_why *why, const char *what,
                               const struct cf_bench_answer *answer)
{
    struct cf_slice shown = cf_slice_head(answer->body, BODY_SHOWN_MAX);
    return cf_bench_fail(why, "the server refused %s: %u %.*s; %s", what, answer->status,
                         (int)shown.len, (const char *)shown.ptr, hint(answer->status));
}
