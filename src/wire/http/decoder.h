/* A strict HTTP/1.1 decoder (RFC 9112) for both roles. It pulls: one event a call, any split of the
 * input gives the same events. It reads no socket and knows no route.
 *
 *     cf_http_decoder_init(&d, CF_HTTP_REQUEST, &limits);
 *     error = cf_http_next(&d, &input, &event);
 *       HEAD       a message head; then the caller may set cf_http_body_limit
 *       BODY       some of its body, chunk framing taken off
 *       END        the message is over; the next call begins the next one (pipelining)
 *       NEED_MORE  the input is used up
 *
 * Refused with 400 and the end of the connection (hazards V1 to V3): a bare LF, a space before the
 * colon, a folded header, a character that no token has, NUL or CR inside a value, Content-Length
 * together with Transfer-Encoding, two Content-Lengths (equal or not), one that is no plain number,
 * a Transfer-Encoding other than a single `chunked` (501 when `chunked` is its end and something
 * unknown comes before), a bad chunk line or chunk end, no or two Hosts in HTTP/1.1, a Host that is
 * no uri-host with a port. CRLF before a request line is skipped once (RFC 9112 section 2.2). */
#ifndef CF_WIRE_HTTP_DECODER_H
#define CF_WIRE_HTTP_DECODER_H

#include "base/buf.h"

enum cf_http_role { CF_HTTP_REQUEST, CF_HTTP_RESPONSE };

struct cf_http_limits {
    size_t line_bytes_max;     /* request line or status line without CRLF; over: 414 */
    size_t header_bytes_max;   /* all header lines with their CRLFs; over: 431 */
    unsigned headers_max;      /* over: 431 */
    size_t chunk_overhead_max; /* bytes of chunk lines and trailers of one body; over: 400 (hazard
                                  V2) */
};

#define CF_HTTP_LIMITS_DEFAULT                          \
    ((struct cf_http_limits){.line_bytes_max = 8192,    \
                             .header_bytes_max = 32768, \
                             .headers_max = 100,        \
                             .chunk_overhead_max = 131072})

enum cf_http_method {
    CF_HTTP_GET,
    CF_HTTP_HEAD,
    CF_HTTP_POST,
    CF_HTTP_PUT,
    CF_HTTP_DELETE,
    CF_HTTP_OPTIONS,
    CF_HTTP_PATCH,
    CF_HTTP_OTHER, /* a valid token that is none of these */
};

struct cf_http_header {
    struct cf_slice name, value; /* value without the spaces around it */
};

struct cf_http_head {
    enum cf_http_method method; /* request */
    struct cf_slice method_text;
    struct cf_slice target; /* request: as sent, origin-form ("/a?b") or "*" for OPTIONS;
                               absolute-form is accepted and its path and query given */
    unsigned status;        /* response */
    unsigned minor;         /* HTTP/1.minor, 0 or 1 */
    const struct cf_http_header *headers;
    size_t headers_count;
    bool chunked;
    bool has_length;
    uint64_t length;      /* has_length: Content-Length */
    bool keep_alive;      /* what Connection and version ask for */
    bool expect_continue; /* Expect: 100-continue in HTTP/1.1 with a body to come; another Expect:
                             417 */
    bool upgrade;         /* HTTP/1.1, and Connection holds `upgrade` */
};

enum cf_http_event_type { CF_HTTP_NEED_MORE, CF_HTTP_EVENT_HEAD, CF_HTTP_BODY, CF_HTTP_END };

struct cf_http_event {
    enum cf_http_event_type type;
    /* HEAD: borrows the decoder, valid until the END of this message has been returned */
    const struct cf_http_head *head;
    struct cf_slice body; /* BODY: borrows the input */
};

/* Members are the decoder's own. Between messages it owns no heap memory. */
struct cf_http_decoder {
    enum cf_http_role role;
    struct cf_http_limits limits;
    uint8_t state;
    bool no_body;      /* response to a HEAD */
    bool skipped_line; /* the one empty line before a request line was seen */
    unsigned status;   /* to answer, after an error */
    size_t line_start; /* in `text`: where the line that is coming begins */
    size_t headers_start;
    struct cf_buf text; /* the head as it came */
    struct cf_buf line; /* a chunk line or trailer of which a part has come */
    struct cf_http_head head;
    struct cf_http_header *headers; /* while a message is being read */
    unsigned headers_count;
    uint64_t body_left; /* of the body, or of the chunk */
    uint64_t body_max, body_bytes;
    size_t overhead; /* chunk lines and trailers so far */
};

void cf_http_decoder_init(struct cf_http_decoder *d, enum cf_http_role role,
                          const struct cf_http_limits *limits);
void cf_http_decoder_deinit(struct cf_http_decoder *d);
/* The next event; moves *input behind what was used. On an error the connection is beyond repair:
 * answer cf_http_decoder_status and close. CF_E_SYNTAX, CF_E_DUPLICATE, CF_E_TOO_LARGE,
 * CF_E_TOO_MANY, CF_E_UNSUPPORTED, CF_E_NOMEM. */
enum cf_error cf_http_next(struct cf_http_decoder *d, struct cf_slice *input,
                           struct cf_http_event *out_event);
/* Between HEAD and the first BODY: the most that this message's body may have, default unlimited.
 * Over it CF_E_TOO_LARGE (413): at once when the length is declared, else when it is met. */
enum cf_error cf_http_body_limit(struct cf_http_decoder *d, uint64_t bytes_max);
/* Response role: the request was a HEAD, or the response is a 1xx/204/304: no body follows. The
 * decoder knows the latter itself; call this before feeding the answer to a HEAD. It holds for the
 * interim responses (1xx) and the one behind them. */
void cf_http_expect_no_body(struct cf_http_decoder *d);
/* The connection ended. A response without length ends so: *out_ended tells that END is now
 * reached. CF_E_TRUNCATED in the middle of a message; CF_OK between messages. */
enum cf_error cf_http_finish(struct cf_http_decoder *d, bool *out_ended);
/* The status to answer after an error: 400, 413, 414, 417, 431, 501, 505 or 503 (no memory). */
unsigned cf_http_decoder_status(const struct cf_http_decoder *d);
/* True when no byte of a next message has been seen: the connection is idle. */
bool cf_http_decoder_idle(const struct cf_http_decoder *d);
/* The value of the first header of that name (any case), ptr == NULL when there is none. */
struct cf_slice cf_http_header_get(const struct cf_http_head *head, const char *name);
/* How many headers of that name there are. */
size_t cf_http_header_count(const struct cf_http_head *head, const char *name);
/* True when a comma-separated header, over all its lines, holds the token (any case). */
bool cf_http_header_has_token(const struct cf_http_head *head, const char *name, const char *token);

#endif
