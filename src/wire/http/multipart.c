#include "wire/http/multipart.h"

#include <string.h>

#include "wire/http/head.h"
#include "wire/http/token.h"

enum state {
    STATE_PREAMBLE, /* until the first delimiter; its text is dropped */
    STATE_BOUNDARY, /* behind a delimiter: CRLF begins a part, -- ends the body */
    STATE_DASH,     /* the second one */
    STATE_PADDING,  /* white space that a gateway may have added, RFC 2046 section 5.1.1 */
    STATE_BOUNDARY_LF,
    STATE_HEADERS,
    STATE_DATA,
    STATE_PART_END, /* to be given */
    STATE_END,      /* to be given */
    STATE_EPILOGUE,
    STATE_BROKEN,
};

enum { PARTS_MAX = 16, HEAD_MAX = 4096 };

/* ---- the boundary ---- */

static bool boundary_char(uint8_t byte)
{
    static const char others[] = "'()+_,-./:=? ";
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') ||
           (byte != 0 && memchr(others, byte, sizeof(others) - 1) != NULL);
}

static bool boundary_ok(struct cf_slice boundary)
{
    if (boundary.len == 0 || boundary.len > CF_MULTIPART_BOUNDARY_MAX ||
        boundary.ptr[boundary.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < boundary.len; i++) {
        if (!boundary_char(boundary.ptr[i]))
            return false;
    }
    return true;
}

/* Where the quoted string ends whose opening quote has been taken off: text.len when it does not.
 * A backslash takes the next byte along, so that \" does not end it; it stays in the value, since
 * browsers send the backslashes of a file name unescaped. */
static size_t find_quote(struct cf_slice text)
{
    size_t i = 0;
    while (i < text.len && text.ptr[i] != '"')
        i += text.ptr[i] == '\\' ? 2 : 1;
    return i < text.len ? i : text.len;
}

/* The next `; name=value` of a header value, without quotes. False at the end, or with *out_bad
 * when it is malformed. */
static bool next_param(struct cf_slice *rest, struct cf_slice *out_name, struct cf_slice *out_value,
                       bool *out_bad)
{
    *rest = cf_slice_trim(*rest);
    if (rest->len == 0)
        return false;
    struct cf_slice text = cf_slice_trim(cf_slice_skip(*rest, 1));
    *out_bad = rest->ptr[0] != ';';
    if (*out_bad || text.len == 0)
        return false;
    size_t equals = cf_slice_find(text, '=');
    *out_name = cf_slice_trim(cf_slice_head(text, equals));
    *out_bad = equals == text.len || !cf_http_is_token(*out_name);
    text = cf_slice_skip(text, equals + 1);
    bool quoted = text.len > 0 && text.ptr[0] == '"';
    text = cf_slice_skip(text, quoted ? 1 : 0);
    size_t end = quoted ? find_quote(text) : cf_slice_find(text, ';');
    *out_value = quoted ? cf_slice_head(text, end) : cf_slice_trim(cf_slice_head(text, end));
    *out_bad = *out_bad || (quoted && end == text.len);
    *rest = cf_slice_skip(text, quoted ? end + 1 : end);
    return !*out_bad;
}

/* The value of a parameter; ptr == NULL when it is not there. CF_E_SYNTAX also when it is there
 * twice. */
static enum cf_error find_param(struct cf_slice params, const char *wanted, struct cf_slice *out)
{
    struct cf_slice name, value;
    bool bad = false;
    *out = (struct cf_slice){NULL, 0};
    while (next_param(&params, &name, &value, &bad)) {
        if (!cf_slice_eq_nocase(name, cf_slice_cstr(wanted)))
            continue;
        if (out->ptr != NULL)
            return CF_E_SYNTAX;
        *out = value;
    }
    return bad ? CF_E_SYNTAX : CF_OK;
}

enum cf_error cf_multipart_init(struct cf_multipart *m, struct cf_slice content_type)
{
    memset(m, 0, sizeof(*m));
    cf_buf_init(&m->head, HEAD_MAX);
    m->state = STATE_BROKEN;
    size_t end = cf_slice_find(content_type, ';');
    struct cf_slice type = cf_slice_trim(cf_slice_head(content_type, end));
    if (!cf_slice_eq_nocase(type, CF_LIT("multipart/form-data")))
        return CF_E_UNSUPPORTED;
    struct cf_slice boundary;
    enum cf_error error = find_param(cf_slice_skip(content_type, end), "boundary", &boundary);
    if (error != CF_OK || !boundary_ok(boundary))
        return CF_E_SYNTAX;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
    m->delimiter_len = (uint8_t)(boundary.len + 4);
    m->state = STATE_PREAMBLE;
    m->matched = m->lent = 2; /* the first delimiter needs no CRLF when nothing stands before it */
    return CF_OK;
}

void cf_multipart_deinit(struct cf_multipart *m)
{
    cf_buf_deinit(&m->head);
}

static enum cf_error broken(struct cf_multipart *m, enum cf_error error)
{
    m->state = STATE_BROKEN;
    return error;
}

/* ---- data and delimiters ---- */

/* Where the delimiter, or as much of it as there is room for, begins in `text`; text.len when it
 * does not. Only its first byte is a CR, so that no two tries look at the same bytes. */
static size_t find_delimiter(const struct cf_multipart *m, struct cf_slice text,
                             size_t *out_matched)
{
    size_t at = 0;
    *out_matched = 0;
    while ((at += cf_slice_find(cf_slice_skip(text, at), '\r')) < text.len) {
        size_t len = cf_slice_head(cf_slice_skip(text, at), m->delimiter_len).len;
        if (memcmp(text.ptr + at, m->delimiter, len) == 0) {
            *out_matched = len;
            return at;
        }
        at++;
    }
    return text.len;
}

/* A delimiter has begun in an earlier piece. When it turns out to be none, what was held back are
 * its own first bytes, which are lent from there; nothing in them can begin another. */
static struct cf_slice match_on(struct cf_multipart *m, struct cf_slice *input)
{
    while (input->len > 0 && m->matched < m->delimiter_len &&
           input->ptr[0] == m->delimiter[m->matched]) {
        m->matched++;
        *input = cf_slice_skip(*input, 1);
    }
    if (m->matched == m->delimiter_len || input->len == 0)
        return (struct cf_slice){NULL, 0};
    struct cf_slice held = cf_slice_of(m->delimiter + m->lent, (size_t)(m->matched - m->lent));
    m->matched = m->lent = 0;
    return held;
}

/* Gives data as it comes, but for what may be the beginning of a delimiter. */
static enum cf_error on_scan(struct cf_multipart *m, struct cf_slice *input,
                             struct cf_multipart_event *out_event)
{
    bool preamble = m->state == STATE_PREAMBLE;
    struct cf_slice data;
    if (m->matched > 0) {
        data = match_on(m, input);
    } else {
        size_t matched;
        data = cf_slice_head(*input, find_delimiter(m, *input, &matched));
        m->matched = data.len == 0 ? (uint8_t)matched : 0;
        *input = cf_slice_skip(*input, data.len + m->matched);
    }
    if (m->matched == m->delimiter_len) {
        m->matched = m->lent = 0;
        m->state = preamble ? STATE_BOUNDARY : STATE_PART_END;
    } else if (data.len > 0 && !preamble) {
        out_event->type = CF_MULTIPART_DATA;
        out_event->data = data;
    }
    return CF_OK;
}

/* ---- between a delimiter and data ---- */

static uint8_t take_byte(struct cf_slice *input)
{
    uint8_t byte = input->ptr[0];
    *input = cf_slice_skip(*input, 1);
    return byte;
}

static enum cf_error on_boundary(struct cf_multipart *m, struct cf_slice *input)
{
    bool dash = input->ptr[0] == '-';
    *input = cf_slice_skip(*input, dash ? 1 : 0);
    m->state = dash ? STATE_DASH : STATE_PADDING;
    return CF_OK;
}

static enum cf_error on_dash(struct cf_multipart *m, struct cf_slice *input)
{
    m->state = STATE_END;
    return take_byte(input) == '-' ? CF_OK : CF_E_SYNTAX;
}

static enum cf_error on_padding(struct cf_multipart *m, struct cf_slice *input)
{
    uint8_t byte = take_byte(input);
    if (byte == '\r')
        m->state = STATE_BOUNDARY_LF;
    return byte == '\r' || byte == ' ' || byte == '\t' ? CF_OK : CF_E_SYNTAX;
}

static enum cf_error on_boundary_lf(struct cf_multipart *m, struct cf_slice *input)
{
    cf_buf_reset(&m->head);
    m->line_start = 0;
    m->state = STATE_HEADERS;
    return take_byte(input) == '\n' ? CF_OK : CF_E_SYNTAX;
}

static enum cf_error read_disposition(struct cf_slice value, struct cf_multipart_event *out_event)
{
    size_t end = cf_slice_find(value, ';');
    struct cf_slice params = cf_slice_skip(value, end);
    if (!cf_slice_eq_nocase(cf_slice_trim(cf_slice_head(value, end)), CF_LIT("form-data")))
        return CF_E_SYNTAX;
    enum cf_error error = find_param(params, "name", &out_event->name);
    if (error == CF_OK)
        error = find_param(params, "filename", &out_event->filename);
    return error == CF_OK && out_event->name.len > 0 ? CF_OK : CF_E_SYNTAX;
}

/* The empty line has come: the part's name is in its headers, which are whole lines here. */
static enum cf_error begin_part(struct cf_multipart *m, struct cf_multipart_event *out_event)
{
    struct cf_slice rest = cf_slice_head(cf_buf_peek(&m->head), m->line_start), line;
    bool named = false;
    while (rest.len > 0 && cf_slice_next(&rest, '\n', &line)) {
        struct cf_http_header header;
        if (cf_http_parse_header(cf_slice_head(line, line.len - 1), &header) != CF_OK)
            return CF_E_SYNTAX;
        if (!cf_slice_eq_nocase(header.name, CF_LIT("Content-Disposition")))
            continue;
        if (named || read_disposition(header.value, out_event) != CF_OK)
            return CF_E_SYNTAX;
        named = true;
    }
    if (!named)
        return CF_E_SYNTAX;
    if (m->parts == PARTS_MAX)
        return CF_E_TOO_MANY;
    m->parts++;
    out_event->type = CF_MULTIPART_PART;
    m->state = STATE_DATA;
    m->matched = m->lent = 2; /* an empty part's delimiter shares the CRLF behind the headers */
    return CF_OK;
}

/* Collects a line up to and including its LF. */
static enum cf_error on_headers(struct cf_multipart *m, struct cf_slice *input,
                                struct cf_multipart_event *out_event)
{
    struct cf_slice piece = cf_slice_head(*input, cf_slice_find(*input, '\n') + 1);
    enum cf_error error = cf_buf_append(&m->head, piece);
    if (error != CF_OK)
        return error;
    *input = cf_slice_skip(*input, piece.len);
    if (piece.ptr[piece.len - 1] != '\n')
        return CF_OK;
    struct cf_slice line = cf_slice_skip(cf_buf_peek(&m->head), m->line_start);
    if (line.len < 2 || line.ptr[line.len - 2] != '\r')
        return CF_E_SYNTAX;
    if (line.len == 2)
        return begin_part(m, out_event);
    m->line_start = m->head.len;
    return CF_OK;
}

/* ---- the machine ---- */

static enum cf_error step(struct cf_multipart *m, struct cf_slice *input,
                          struct cf_multipart_event *out_event)
{
    switch (m->state) {
    case STATE_PREAMBLE:
    case STATE_DATA:
        return on_scan(m, input, out_event);
    case STATE_BOUNDARY:
        return on_boundary(m, input);
    case STATE_DASH:
        return on_dash(m, input);
    case STATE_PADDING:
        return on_padding(m, input);
    case STATE_BOUNDARY_LF:
        return on_boundary_lf(m, input);
    case STATE_HEADERS:
        return on_headers(m, input, out_event);
    case STATE_EPILOGUE:
        *input = cf_slice_skip(*input, input->len);
        return CF_OK;
    default:
        return CF_E_STATE;
    }
}

enum cf_error cf_multipart_next(struct cf_multipart *m, struct cf_slice *input,
                                struct cf_multipart_event *out_event)
{
    enum cf_error error = m->state == STATE_BROKEN ? CF_E_STATE : CF_OK;
    *out_event = (struct cf_multipart_event){.type = CF_MULTIPART_NEED_MORE};
    while (error == CF_OK && out_event->type == CF_MULTIPART_NEED_MORE && input->len > 0 &&
           m->state != STATE_PART_END && m->state != STATE_END)
        error = step(m, input, out_event);
    if (error != CF_OK)
        return broken(m, error);
    if (out_event->type == CF_MULTIPART_NEED_MORE && m->state == STATE_PART_END) {
        out_event->type = CF_MULTIPART_PART_END;
        m->state = STATE_BOUNDARY;
    } else if (out_event->type == CF_MULTIPART_NEED_MORE && m->state == STATE_END) {
        out_event->type = CF_MULTIPART_END;
        m->state = STATE_EPILOGUE;
    }
    return CF_OK;
}
