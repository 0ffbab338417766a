#include "wire/http/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "wire/http/chunk.h"
#include "wire/http/head.h"

enum state {
    STATE_START,   /* the first line */
    STATE_HEADERS, /* header lines */
    STATE_BODY,    /* body_left bytes */
    STATE_UNTIL_CLOSE,
    STATE_CHUNK_LINE,
    STATE_CHUNK_DATA, /* body_left bytes */
    STATE_CHUNK_CR,   /* the CRLF behind them */
    STATE_CHUNK_LF,
    STATE_TRAILERS,
    STATE_END, /* END is to be given */
    STATE_BROKEN,
};

/* FRAMING_LINE_MAX: a chunk line or a trailer with its CRLF. TEXT_FIRST_MAX: most heads are
 * smaller, and need one allocation when they come in one piece. */
enum { CRLF_LEN = 2, FRAMING_LINE_MAX = 1024, TEXT_FIRST_MAX = 2048 };

void cf_http_decoder_init(struct cf_http_decoder *d, enum cf_http_role role,
                          const struct cf_http_limits *limits)
{
    memset(d, 0, sizeof(*d));
    d->role = role;
    d->limits = *limits;
    d->body_max = UINT64_MAX;
    cf_buf_init(&d->text, limits->line_bytes_max + limits->header_bytes_max + 2 * CRLF_LEN);
    cf_buf_init(&d->line, FRAMING_LINE_MAX);
}

static void release(struct cf_http_decoder *d)
{
    cf_buf_release(&d->text);
    cf_buf_release(&d->line);
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

/* Ready for the next message. An interim response is not what a HEAD is answered with, so that what
 * is known of the one to come outlasts it. */
static void begin_message(struct cf_http_decoder *d)
{
    bool interim = d->head.status >= 100 && d->head.status < 200;
    release(d);
    memset(&d->head, 0, sizeof(d->head));
    d->state = STATE_START;
    d->no_body = d->no_body && interim;
    d->skipped_line = false;
    d->line_start = d->headers_start = 0;
    d->headers_count = 0;
    d->body_max = UINT64_MAX;
    d->body_bytes = d->body_left = 0;
    d->overhead = 0;
}

/* ---- the head ---- */

/* Room for a head that comes in one piece: by what has come, never by what is announced. */
static enum cf_error reserve_text(struct cf_http_decoder *d, size_t input_len)
{
    size_t max = d->text.max < TEXT_FIRST_MAX ? d->text.max : TEXT_FIRST_MAX;
    return d->text.cap > 0 ? CF_OK : cf_buf_reserve(&d->text, input_len < max ? input_len : max);
}

/* Moves input to d->text up to and including a LF, but no more than `max` bytes of a line. Each
 * byte is looked at once. *out_whole: the line has its LF. CF_E_TOO_LARGE, CF_E_NOMEM. */
static enum cf_error take_line(struct cf_http_decoder *d, struct cf_slice *input, size_t max,
                               bool *out_whole)
{
    size_t have = d->text.len - d->line_start;
    struct cf_slice window = cf_slice_head(*input, max - have);
    size_t lf = cf_slice_find(window, '\n');
    *out_whole = lf < window.len;
    struct cf_slice piece = cf_slice_head(window, lf + 1);
    enum cf_error error = reserve_text(d, input->len);
    if (error == CF_OK)
        error = cf_buf_append(&d->text, piece);
    if (error != CF_OK)
        return error;
    *input = cf_slice_skip(*input, piece.len);
    return !*out_whole && have + piece.len == max ? CF_E_TOO_LARGE : CF_OK;
}

/* A line that ends in LF, without its CRLF. CF_E_SYNTAX: a bare LF, or a CR inside. */
static enum cf_error strip_crlf(struct cf_slice *io_line)
{
    struct cf_slice line = *io_line;
    if (cf_slice_find(line, '\r') + CRLF_LEN != line.len)
        return CF_E_SYNTAX;
    *io_line = cf_slice_head(line, line.len - CRLF_LEN);
    return CF_OK;
}

static struct cf_slice text_from(const struct cf_http_decoder *d, size_t start)
{
    return cf_slice_skip(cf_buf_peek(&d->text), start);
}

static enum cf_error parse_first_line(struct cf_http_decoder *d, struct cf_slice line)
{
    unsigned status = 400;
    enum cf_error error = d->role == CF_HTTP_REQUEST
                              ? cf_http_parse_request_line(line, &d->head, &status)
                              : cf_http_parse_status_line(line, &d->head);
    return error == CF_OK ? CF_OK : broken(d, status, error);
}

static enum cf_error on_start(struct cf_http_decoder *d, struct cf_slice *input)
{
    bool whole;
    enum cf_error error = take_line(d, input, d->limits.line_bytes_max + CRLF_LEN, &whole);
    if (error != CF_OK)
        return broken(d, 414, error);
    if (!whole)
        return CF_OK;
    struct cf_slice line = cf_buf_peek(&d->text);
    if (strip_crlf(&line) != CF_OK)
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
    /* At once, so that a peer that speaks something else need not wait for the deadline. */
    return parse_first_line(d, line);
}

static enum cf_error slice_headers(struct cf_http_decoder *d)
{
    d->headers = calloc(d->headers_count > 0 ? d->headers_count : 1, sizeof(*d->headers));
    if (d->headers == NULL)
        return broken(d, 503, CF_E_NOMEM);
    struct cf_slice rest = text_from(d, d->headers_start);
    for (unsigned i = 0; i < d->headers_count; i++) {
        struct cf_slice line = cf_slice_head(rest, cf_slice_find(rest, '\r'));
        rest = cf_slice_skip(rest, line.len + CRLF_LEN);
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
    } else if (d->head.has_length) {
        d->state = STATE_BODY;
        d->body_left = d->head.length;
    } else {
        d->state = STATE_UNTIL_CLOSE;
        d->head.keep_alive = false;
    }
}

/* The text moved while it grew: slices are made only now that it is whole. */
static enum cf_error finish_head(struct cf_http_decoder *d, struct cf_http_event *out_event)
{
    unsigned status = 400;
    enum cf_error error =
        parse_first_line(d, cf_slice_of(d->text.ptr, d->headers_start - CRLF_LEN));
    if (error == CF_OK)
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
    size_t used = d->line_start - d->headers_start; /* take_line keeps it to the sum below */
    enum cf_error error = take_line(d, input, d->limits.header_bytes_max + CRLF_LEN - used, &whole);
    if (error != CF_OK)
        return broken(d, 431, error);
    if (!whole)
        return CF_OK;
    struct cf_slice line = text_from(d, d->line_start);
    if (strip_crlf(&line) != CF_OK)
        return broken(d, 400, CF_E_SYNTAX);
    if (line.len == 0)
        return finish_head(d, out_event);
    if (d->headers_count == d->limits.headers_max)
        return broken(d, 431, CF_E_TOO_MANY);
    d->headers_count++;
    d->line_start = d->text.len;
    return CF_OK;
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

/* What the limit allows is given before it is refused, so that a split changes nothing. */
static enum cf_error give_body(struct cf_http_decoder *d, struct cf_slice *input, uint64_t max,
                               struct cf_http_event *out_event)
{
    uint64_t room = d->body_max - d->body_bytes;
    if (room == 0)
        return broken(d, 413, CF_E_TOO_LARGE);
    max = max < room ? max : room;
    size_t len = input->len < max ? input->len : (size_t)max;
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

/* Bytes of framing, which are not body and cost the peer nothing to make (hazard V2). */
static enum cf_error count_overhead(struct cf_http_decoder *d, size_t len)
{
    if (len > d->limits.chunk_overhead_max - d->overhead)
        return broken(d, 400, CF_E_TOO_LARGE);
    d->overhead += len;
    return CF_OK;
}

/* A chunk line or a trailer: lent by the input when it lies there whole, else gathered apart from
 * the head, whose slices must stay. *out_line is without its CRLF, valid until the next call. */
static enum cf_error take_framing_line(struct cf_http_decoder *d, struct cf_slice *input,
                                       bool *out_whole, struct cf_slice *out_line)
{
    struct cf_slice window = cf_slice_head(*input, FRAMING_LINE_MAX - d->line.len);
    size_t lf = cf_slice_find(window, '\n');
    *out_whole = lf < window.len;
    struct cf_slice line = cf_slice_head(window, lf + 1);
    *input = cf_slice_skip(*input, line.len);
    enum cf_error error = count_overhead(d, line.len);
    if (error != CF_OK)
        return error;
    if (!*out_whole || d->line.len > 0) {
        error = cf_buf_append(&d->line, line);
        if (error == CF_OK && !*out_whole && d->line.len == FRAMING_LINE_MAX)
            error = CF_E_TOO_LARGE;
        if (error != CF_OK)
            return broken(d, 400, error);
        line = cf_buf_peek(&d->line);
    }
    if (!*out_whole)
        return CF_OK;
    cf_buf_reset(&d->line);
    *out_line = line;
    return strip_crlf(out_line) == CF_OK ? CF_OK : broken(d, 400, CF_E_SYNTAX);
}

static enum cf_error on_chunk_line(struct cf_http_decoder *d, struct cf_slice *input)
{
    bool whole;
    struct cf_slice line;
    enum cf_error error = take_framing_line(d, input, &whole, &line);
    if (error != CF_OK || !whole)
        return error;
    if (cf_http_parse_chunk_line(line, &d->body_left) != CF_OK)
        return broken(d, 400, CF_E_SYNTAX);
    if (d->body_left > d->body_max - d->body_bytes)
        return broken(d, 413, CF_E_TOO_LARGE);
    d->state = d->body_left == 0 ? STATE_TRAILERS : STATE_CHUNK_DATA;
    return CF_OK;
}

/* One of the two bytes behind a chunk's data. */
static enum cf_error on_chunk_end(struct cf_http_decoder *d, struct cf_slice *input, uint8_t byte,
                                  enum state next)
{
    if (input->ptr[0] != byte)
        return broken(d, 400, CF_E_SYNTAX);
    *input = cf_slice_skip(*input, 1);
    d->state = (uint8_t)next;
    return count_overhead(d, 1);
}

/* Trailers are checked like headers, and dropped. */
static enum cf_error on_trailers(struct cf_http_decoder *d, struct cf_slice *input)
{
    bool whole;
    struct cf_slice line;
    struct cf_http_header trailer;
    enum cf_error error = take_framing_line(d, input, &whole, &line);
    if (error != CF_OK || !whole)
        return error;
    if (line.len == 0)
        d->state = STATE_END;
    else if (cf_http_parse_header(line, &trailer) != CF_OK)
        return broken(d, 400, CF_E_SYNTAX);
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
        return on_sized(d, input, STATE_CHUNK_CR, out_event);
    case STATE_CHUNK_CR:
        return on_chunk_end(d, input, '\r', STATE_CHUNK_LF);
    case STATE_CHUNK_LF:
        return on_chunk_end(d, input, '\n', STATE_CHUNK_LINE);
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
    return d->state == STATE_START && d->text.len == 0 ? CF_OK : CF_E_TRUNCATED;
}

unsigned cf_http_decoder_status(const struct cf_http_decoder *d)
{
    return d->status;
}

bool cf_http_decoder_idle(const struct cf_http_decoder *d)
{
    return d->state == STATE_START && d->text.len == 0 && !d->skipped_line;
}
