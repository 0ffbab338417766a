#include "wire/http/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "wire/http/head.h"
#include "wire/http/token.h"

enum state {
    STATE_START,   /* the first line */
    STATE_HEADERS, /* header lines */
    STATE_BODY,    /* body_left bytes */
    STATE_UNTIL_CLOSE,
    STATE_CHUNK_LINE,
    STATE_CHUNK_DATA, /* body_left bytes */
    STATE_CHUNK_END,  /* the CRLF behind them */
    STATE_TRAILERS,
    STATE_END, /* END is to be given */
    STATE_BROKEN,
};

enum { HEADERS_FIRST = 16, CHUNK_LINE_MAX = 1024 };

void cf_http_decoder_init(struct cf_http_decoder *d, enum cf_http_role role,
                          const struct cf_http_limits *limits)
{
    memset(d, 0, sizeof(*d));
    d->role = role;
    d->limits = *limits;
    d->body_max = UINT64_MAX;
    size_t text_max = limits->line_bytes_max + limits->header_bytes_max + CHUNK_LINE_MAX;
    cf_buf_init(&d->text, text_max);
}

static void release(struct cf_http_decoder *d)
{
    cf_buf_release(&d->text);
    free(d->headers);
    d->headers = NULL;
}

void cf_http_decoder_deinit(struct cf_http_decoder *d)
{
    release(d);
}

static enum cf_error broken(struct cf_http_decoder *d, unsigned status, enum cf_error error)
{
    d->state = STATE_BROKEN;
    d->status = error == CF_E_NOMEM ? 503 : status;
    return error;
}

/* Ready for the next message. */
static void begin_message(struct cf_http_decoder *d)
{
    release(d);
    memset(&d->head, 0, sizeof(d->head));
    d->state = STATE_START;
    d->no_body = d->skipped_line = false;
    d->line_start = d->headers_start = 0;
    d->headers_count = 0;
    d->body_max = UINT64_MAX;
    d->body_bytes = d->body_left = 0;
    d->overhead = 0;
}

/* ---- lines ---- */

/* Moves input to d->text up to and including a LF, at most so many bytes that the line, CRLF and
 * all, has `max` + 2. Each byte is looked at once. *out_whole: the line has its LF. CF_E_TOO_LARGE,
 * CF_E_NOMEM. */
static enum cf_error take_line(struct cf_http_decoder *d, struct cf_slice *input, size_t max,
                               bool *out_whole)
{
    size_t have = d->text.len - d->line_start;
    size_t allowed = max + 2 - have;
    struct cf_slice window = cf_slice_head(*input, allowed);
    size_t lf = cf_slice_find(window, '\n');
    *out_whole = lf < window.len;
    size_t len = *out_whole ? lf + 1 : window.len;
    enum cf_error error = cf_buf_append(&d->text, cf_slice_head(*input, len));
    if (error != CF_OK)
        return error;
    *input = cf_slice_skip(*input, len);
    return !*out_whole && have + len >= max + 2 ? CF_E_TOO_LARGE : CF_OK;
}

/* The line that has just been completed, without its CRLF. CF_E_SYNTAX: a bare LF, or a CR inside.
 */
static enum cf_error current_line(const struct cf_http_decoder *d, struct cf_slice *out_line)
{
    struct cf_slice line = cf_slice_skip(cf_buf_peek(&d->text), d->line_start);
    if (line.len < 2 || line.ptr[line.len - 2] != '\r')
        return CF_E_SYNTAX;
    line.len -= 2;
    if (cf_slice_find(line, '\r') != line.len)
        return CF_E_SYNTAX;
    *out_line = line;
    return CF_OK;
}

/* ---- the head ---- */

static enum cf_error on_start(struct cf_http_decoder *d, struct cf_slice *input)
{
    bool whole;
    enum cf_error error = take_line(d, input, d->limits.line_bytes_max, &whole);
    if (error != CF_OK)
        return broken(d, 414, error);
    if (!whole)
        return CF_OK;
    struct cf_slice line;
    if (current_line(d, &line) != CF_OK)
        return broken(d, 400, CF_E_SYNTAX);
    if (line.len == 0) {
        if (d->role != CF_HTTP_REQUEST || d->skipped_line)
            return broken(d, 400, CF_E_SYNTAX);
        d->skipped_line = true;
        cf_buf_reset(&d->text);
        return CF_OK;
    }
    d->line_start = d->headers_start = d->text.len;
    d->state = STATE_HEADERS;
    return CF_OK;
}

static enum cf_error add_header(struct cf_http_decoder *d, struct cf_slice line)
{
    if (d->headers_count >= d->limits.headers_max)
        return broken(d, 431, CF_E_TOO_MANY);
    struct cf_http_header header;
    if (cf_http_parse_header(line, &header) != CF_OK)
        return broken(d, 400, CF_E_SYNTAX);
    d->headers_count++;
    return CF_OK;
}

/* The text moved while it grew, so that slices are made only now that it is whole. */
static enum cf_error slice_headers(struct cf_http_decoder *d)
{
    d->headers = calloc(d->headers_count > 0 ? d->headers_count : 1, sizeof(*d->headers));
    if (d->headers == NULL)
        return broken(d, 503, CF_E_NOMEM);
    struct cf_slice rest = cf_slice_skip(cf_buf_peek(&d->text), d->headers_start);
    for (unsigned i = 0; i < d->headers_count; i++) {
        struct cf_slice line = cf_slice_head(rest, cf_slice_find(rest, '\r'));
        rest = cf_slice_skip(rest, line.len + 2);
        if (cf_http_parse_header(line, &d->headers[i]) != CF_OK)
            return broken(d, 400, CF_E_SYNTAX);
    }
    d->head.headers = d->headers;
    d->head.headers_count = d->headers_count;
    return CF_OK;
}

static bool without_body(const struct cf_http_decoder *d)
{
    unsigned status = d->head.status;
    if (d->role == CF_HTTP_REQUEST)
        return !d->head.chunked && d->head.length == 0;
    return d->no_body || status < 200 || status == 204 || status == 304 ||
           (d->head.has_length && d->head.length == 0);
}

static void choose_body(struct cf_http_decoder *d)
{
    if (without_body(d)) {
        d->state = STATE_END;
    } else if (d->head.chunked) {
        d->state = STATE_CHUNK_LINE;
        d->line_start = d->text.len;
    } else if (d->head.has_length) {
        d->state = STATE_BODY;
        d->body_left = d->head.length;
    } else {
        d->state = STATE_UNTIL_CLOSE;
        d->head.keep_alive = false;
    }
}

static enum cf_error finish_head(struct cf_http_decoder *d, struct cf_http_event *out_event)
{
    struct cf_slice first = cf_slice_of(d->text.ptr, d->headers_start - 2);
    unsigned status = 400;
    enum cf_error error = d->role == CF_HTTP_REQUEST
                              ? cf_http_parse_request_line(first, &d->head, &status)
                              : cf_http_parse_status_line(first, &d->head);
    if (error != CF_OK)
        return broken(d, status, error);
    error = slice_headers(d);
    if (error != CF_OK)
        return error;
    error = cf_http_judge_headers(&d->head, d->role, &status);
    if (error != CF_OK)
        return broken(d, status, error);
    choose_body(d);
    out_event->type = CF_HTTP_EVENT_HEAD;
    out_event->head = &d->head;
    return CF_OK;
}

static enum cf_error on_headers(struct cf_http_decoder *d, struct cf_slice *input,
                                struct cf_http_event *out_event)
{
    bool whole;
    size_t used = d->line_start - d->headers_start;
    size_t left = d->limits.header_bytes_max - used;
    enum cf_error error = take_line(d, input, left, &whole);
    if (error != CF_OK)
        return broken(d, 431, error);
    if (!whole)
        return CF_OK;
    struct cf_slice line;
    if (current_line(d, &line) != CF_OK)
        return broken(d, 400, CF_E_SYNTAX);
    if (line.len == 0)
        return finish_head(d, out_event);
    error = add_header(d, line);
    d->line_start = d->text.len;
    return error;
}

/* ---- bodies ---- */

enum cf_error cf_http_body_limit(struct cf_http_decoder *d, uint64_t bytes_max)
{
    d->body_max = bytes_max;
    if (d->head.has_length && d->head.length > bytes_max)
        return broken(d, 413, CF_E_TOO_LARGE);
    return CF_OK;
}

void cf_http_expect_no_body(struct cf_http_decoder *d)
{
    d->no_body = true;
}

static enum cf_error give_body(struct cf_http_decoder *d, struct cf_slice *input, uint64_t max,
                               struct cf_http_event *out_event)
{
    size_t len = input->len < max ? input->len : (size_t)max;
    if (len > d->body_max - d->body_bytes)
        return broken(d, 413, CF_E_TOO_LARGE);
    d->body_bytes += len;
    out_event->type = CF_HTTP_BODY;
    out_event->body = cf_slice_head(*input, len);
    *input = cf_slice_skip(*input, len);
    return CF_OK;
}

static enum cf_error on_sized(struct cf_http_decoder *d, struct cf_slice *input, enum state next,
                              struct cf_http_event *out_event)
{
    enum cf_error error = give_body(d, input, d->body_left, out_event);
    if (error != CF_OK)
        return error;
    d->body_left -= out_event->body.len;
    if (d->body_left == 0)
        d->state = (uint8_t)next;
    return CF_OK;
}

/* A line of framing: kept apart from the head's text, counted against the overhead (hazard V2). */
static enum cf_error take_overhead(struct cf_http_decoder *d, struct cf_slice *input,
                                   bool *out_whole)
{
    size_t before = input->len;
    enum cf_error error = take_line(d, input, CHUNK_LINE_MAX - 2, out_whole);
    d->overhead += before - input->len;
    if (error == CF_OK && d->overhead > d->limits.chunk_overhead_max)
        error = CF_E_TOO_LARGE;
    return error == CF_OK ? CF_OK : broken(d, 400, error);
}

static void drop_line(struct cf_http_decoder *d)
{
    d->text.len = d->line_start;
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* chunk-size [ chunk-ext ], RFC 9112 section 7.1. */
static bool parse_chunk_size(struct cf_slice line, uint64_t *out_size)
{
    uint64_t size = 0;
    size_t digits = 0;
    while (digits < line.len && hex_digit(line.ptr[digits]) >= 0) {
        if (digits == 16)
            return false;
        size = size << 4 | (uint64_t)hex_digit(line.ptr[digits]);
        digits++;
    }
    struct cf_slice extension = cf_slice_skip(line, digits);
    *out_size = size;
    return digits > 0 && (extension.len == 0 || extension.ptr[0] == ';') &&
           cf_http_is_value(extension);
}

static enum cf_error on_chunk_line(struct cf_http_decoder *d, struct cf_slice *input)
{
    bool whole;
    struct cf_slice line;
    enum cf_error error = take_overhead(d, input, &whole);
    if (error != CF_OK || !whole)
        return error;
    if (current_line(d, &line) != CF_OK || !parse_chunk_size(line, &d->body_left))
        return broken(d, 400, CF_E_SYNTAX);
    drop_line(d);
    if (d->body_left > d->body_max - d->body_bytes)
        return broken(d, 413, CF_E_TOO_LARGE);
    d->state = d->body_left == 0 ? STATE_TRAILERS : STATE_CHUNK_DATA;
    return CF_OK;
}

static enum cf_error on_chunk_end(struct cf_http_decoder *d, struct cf_slice *input)
{
    static const uint8_t crlf[] = {'\r', '\n'};
    size_t at = d->text.len - d->line_start;
    if (input->ptr[0] != crlf[at])
        return broken(d, 400, CF_E_SYNTAX);
    bool whole;
    struct cf_slice one = cf_slice_head(*input, 1);
    enum cf_error error = take_overhead(d, &one, &whole);
    if (error != CF_OK)
        return error;
    *input = cf_slice_skip(*input, 1);
    if (whole) {
        drop_line(d);
        d->state = STATE_CHUNK_LINE;
    }
    return CF_OK;
}

/* Trailers are checked like headers, and dropped. */
static enum cf_error on_trailers(struct cf_http_decoder *d, struct cf_slice *input)
{
    bool whole;
    struct cf_slice line;
    struct cf_http_header trailer;
    enum cf_error error = take_overhead(d, input, &whole);
    if (error != CF_OK || !whole)
        return error;
    if (current_line(d, &line) != CF_OK ||
        (line.len > 0 && cf_http_parse_header(line, &trailer) != CF_OK))
        return broken(d, 400, CF_E_SYNTAX);
    if (line.len == 0)
        d->state = STATE_END;
    drop_line(d);
    return CF_OK;
}

/* ---- the machine ---- */

static enum cf_error step(struct cf_http_decoder *d, struct cf_slice *input,
                          struct cf_http_event *out_event)
{
    switch (d->state) {
    case STATE_START:
        return on_start(d, input);
    case STATE_HEADERS:
        return on_headers(d, input, out_event);
    case STATE_BODY:
        return on_sized(d, input, STATE_END, out_event);
    case STATE_UNTIL_CLOSE:
        return give_body(d, input, UINT64_MAX, out_event);
    case STATE_CHUNK_LINE:
        return on_chunk_line(d, input);
    case STATE_CHUNK_DATA:
        return on_sized(d, input, STATE_CHUNK_END, out_event);
    case STATE_CHUNK_END:
        return on_chunk_end(d, input);
    case STATE_TRAILERS:
        return on_trailers(d, input);
    default:
        return CF_E_STATE;
    }
}

enum cf_error cf_http_next(struct cf_http_decoder *d, struct cf_slice *input,
                           struct cf_http_event *out_event)
{
    *out_event = (struct cf_http_event){.type = CF_HTTP_NEED_MORE};
    if (d->state == STATE_BROKEN)
        return CF_E_STATE;
    enum cf_error error = CF_OK;
    while (error == CF_OK && out_event->type == CF_HTTP_NEED_MORE && d->state != STATE_END &&
           input->len > 0)
        error = step(d, input, out_event);
    if (error == CF_OK && out_event->type == CF_HTTP_NEED_MORE && d->state == STATE_END) {
        begin_message(d);
        out_event->type = CF_HTTP_END;
    }
    return error;
}

enum cf_error cf_http_finish(struct cf_http_decoder *d, bool *out_ended)
{
    *out_ended = d->state == STATE_UNTIL_CLOSE;
    if (*out_ended) {
        begin_message(d);
        return CF_OK;
    }
    return cf_http_decoder_idle(d) ? CF_OK : CF_E_TRUNCATED;
}

unsigned cf_http_decoder_status(const struct cf_http_decoder *d)
{
    return d->status;
}

bool cf_http_decoder_idle(const struct cf_http_decoder *d)
{
    return d->state == STATE_START && d->text.len == 0 && !d->skipped_line;
}
