/* Writes HTTP/1.1 heads into a buffer, a line a call, whole or not at all: CF_E_TOO_LARGE,
 * CF_E_NOMEM. A method that is no token, a target with a space, or CR, LF or NUL in a target or
 * value is our own mistake and asserts (what comes from outside is checked by the caller). */
#ifndef CF_WIRE_HTTP_ENCODER_H
#define CF_WIRE_HTTP_ENCODER_H

#include "base/buf.h"
#include "base/time.h"

/* "HTTP/1.1 200 OK\r\n". Statuses without a registered phrase get an empty one. */
enum cf_error cf_http_write_status(struct cf_buf *out, unsigned status);
/* "GET /path HTTP/1.1\r\n" */
enum cf_error cf_http_write_request(struct cf_buf *out, struct cf_slice method,
                                    struct cf_slice target);
enum cf_error cf_http_write_header(struct cf_buf *out, const char *name, struct cf_slice value);
enum cf_error cf_http_write_header_u64(struct cf_buf *out, const char *name, uint64_t value);
/* `Date:` in IMF-fixdate (RFC 9110 section 5.6.7). */
enum cf_error cf_http_write_date(struct cf_buf *out, cf_us now);
/* The empty line. */
enum cf_error cf_http_write_end(struct cf_buf *out);
/* The registered phrase of a status, "" when there is none. */
const char *cf_http_phrase(unsigned status);

#endif
