#include "wire/http/multipart.h"

#include <string.h>

#include "wire/http/head.h"

enum state {
    STATE_PREAMBLE, /* until the first delimiter; its text is dropped */
    STATE_BOUNDARY, /* behind a delimiter: CRLF begins a part, -- ends the body */
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

/* The next `; name=value` of a header value; quotes are taken off (an escape in them is refused).
 * False at the end, or with *out_bad when it is malformed. */
static bool next_param(struct cf_slice *rest, struct cf_slice *out_name, struct cf_slice *out_value,
                       bool *out_bad)
{
    *rest = cf_slice_trim(*rest);
    if (rest->len == 0)
        return false;
    *out_bad = rest->ptr[0] != ';';
    struct cf_slice text = cf_slice_trim(cf_slice_skip(*rest, 1));
    if (*out_bad || text.len == 0)
        return false;
    size_t equals = cf_slice_find(text, '=');
    *out_name = cf_slice_trim(cf_slice_head(text, equals));
    text = cf_slice_skip(text, equals + 1);
    if (text.len > 0 && text.ptr[0] == '"') {
        text = cf_slice_skip(text, 1);
        size_t quote = cf_slice_find(text, '"');
        *out_value = cf_slice_head(text, quote);
        *out_bad = quote == text.len || cf_slice_find(*out_value, '\\') != out_value->len;
        *rest = cf_slice_skip(text, quote + 1);
    } else {
        size_t end = cf_slice_find(text, ';');
        *out_value = cf_slice_trim(cf_slice_head(text, end));
        *rest = cf_slice_skip(text, end);
    }
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

/* Data is given as it comes, but for what may be the beginning of a delimiter. When it turns out
 * not to be one, what was held back is the delimiter's own beginning and is given from there. Only
 * its first byte is a CR, so that nothing but a whole new match can start inside a false one. */
static void scan(struct cf_multipart *m, struct cf_slice *input, struct cf_slice *out_data,
                 bool *out_found)
{
    *out_found = false;
    if (m->matched > 0) {
        while (input->len > 0 && m->matched < m->delimiter_len &&
               input->ptr[0] == m->delimiter[m->matched]) {
            m->matched++;
            *input = cf_slice_skip(*input, 1);
        }
        *out_found = m->matched == m->delimiter_len;
        if (!*out_found && input->len > 0) {
            *out_data = cf_slice_of(m->delimiter + m->lent, (size_t)(m->matched - m->lent));
            m->matched = m->lent = 0;
        }
        return;
    }
    size_t cr = cf_slice_find(*input, '\r');
    *out_data = cf_slice_head(*input, cr);
    *input = cf_slice_skip(*input, cr);
    if (input->len > 0) {
        m->matched = 1;
        *input = cf_slice_skip(*input, 1);
    }
}

static void on_scan(struct cf_multipart *m, struct cf_slice *input,
                    struct cf_multipart_event *out_event)
{
    struct cf_slice data = {NULL, 0};
    bool found, preamble = m->state == STATE_PREAMBLE;
    scan(m, input, &data, &found);
    if (found) {
        m->matched = m->lent = 0;
        cf_buf_reset(&m->head);
        m->state = preamble ? STATE_BOUNDARY : STATE_PART_END;
    } else if (data.len > 0 && !preamble) {
        out_event->type = CF_MULTIPART_DATA;
        out_event->data = data;
    }
}

/* ---- between a delimiter and data ---- */

/* Collects up to and including a LF; *out_line is whole, without its CRLF. */
static enum cf_error take_line(struct cf_multipart *m, struct cf_slice *input, bool *out_whole,
                               size_t *io_start, struct cf_slice *out_line)
{
    size_t lf = cf_slice_find(*input, '\n');
    *out_whole = lf < input->len;
    size_t len = *out_whole ? lf + 1 : lf;
    enum cf_error error = cf_buf_append(&m->head, cf_slice_head(*input, len));
    if (error != CF_OK)
        return error;
    *input = cf_slice_skip(*input, len);
    if (!*out_whole)
        return CF_OK;
    struct cf_slice line = cf_slice_skip(cf_buf_peek(&m->head), *io_start);
    if (line.len < 2 || line.ptr[line.len - 2] != '\r')
        return CF_E_SYNTAX;
    *out_line = cf_slice_head(line, line.len - 2);
    return CF_OK;
}

static enum cf_error on_boundary(struct cf_multipart *m, struct cf_slice *input)
{
    /* "--" ends it all; what comes after is nobody's. */
    struct cf_slice have = cf_buf_peek(&m->head);
    if (have.len < 2) {
        enum cf_error error = cf_buf_append(&m->head, cf_slice_head(*input, 1));
        *input = cf_slice_skip(*input, 1);
        if (error == CF_OK && cf_slice_eq(cf_buf_peek(&m->head), CF_LIT("--")))
            m->state = STATE_END;
        if (error == CF_OK && cf_slice_eq(cf_buf_peek(&m->head), CF_LIT("\r\n"))) {
            cf_buf_reset(&m->head);
            m->state = STATE_HEADERS;
        }
        return error;
    }
    bool whole;
    size_t start = 0;
    struct cf_slice line;
    enum cf_error error = take_line(m, input, &whole, &start, &line);
    if (error != CF_OK || !whole)
        return error;
    if (cf_slice_trim(line).len > 0) /* only white space may pad a delimiter */
        return CF_E_SYNTAX;
    cf_buf_reset(&m->head);
    m->state = STATE_HEADERS;
    return CF_OK;
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

/* The empty line has come: the part's name is in its headers. */
static enum cf_error begin_part(struct cf_multipart *m, struct cf_multipart_event *out_event)
{
    struct cf_slice rest = cf_buf_peek(&m->head), line;
    bool named = false;
    if (++m->parts > PARTS_MAX)
        return CF_E_TOO_MANY;
    while (rest.len > 0 && cf_slice_next(&rest, '\n', &line)) {
        struct cf_http_header header;
        if (line.len <= 1)
            continue;
        if (cf_http_parse_header(cf_slice_head(line, line.len - 1), &header) != CF_OK)
            return CF_E_SYNTAX;
        if (!cf_slice_eq_nocase(header.name, CF_LIT("Content-Disposition")))
            continue;
        if (named || read_disposition(header.value, out_event) != CF_OK)
            return CF_E_SYNTAX;
        named = true;
    }
    out_event->type = CF_MULTIPART_PART;
    m->state = STATE_DATA;
    m->matched = m->lent = 2; /* an empty part's delimiter shares the CRLF behind the headers */
    return named ? CF_OK : CF_E_SYNTAX;
}

static enum cf_error on_headers(struct cf_multipart *m, struct cf_slice *input,
                                struct cf_multipart_event *out_event)
{
    bool whole;
    struct cf_slice line, all = cf_buf_peek(&m->head);
    size_t start = all.len;
    while (start > 0 && all.ptr[start - 1] != '\n')
        start--;
    enum cf_error error = take_line(m, input, &whole, &start, &line);
    if (error != CF_OK || !whole)
        return error;
    return line.len == 0 ? begin_part(m, out_event) : CF_OK;
}

/* ---- the machine ---- */

static enum cf_error step(struct cf_multipart *m, struct cf_slice *input,
                          struct cf_multipart_event *out_event)
{
    switch (m->state) {
    case STATE_PREAMBLE:
    case STATE_DATA:
        on_scan(m, input, out_event);
        return CF_OK;
    case STATE_BOUNDARY:
        return on_boundary(m, input);
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
