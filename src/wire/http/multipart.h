/* multipart/form-data (RFC 7578), pulled: one event a call, any split of the input gives the same
 * events. File bytes are passed through, never collected. */
#ifndef CF_WIRE_HTTP_MULTIPART_H
#define CF_WIRE_HTTP_MULTIPART_H

#include "base/buf.h"

enum cf_multipart_type {
    CF_MULTIPART_NEED_MORE,
    CF_MULTIPART_PART, /* a part begins */
    CF_MULTIPART_DATA, /* some of its bytes */
    CF_MULTIPART_PART_END,
    CF_MULTIPART_END, /* the closing delimiter; what follows is ignored */
};

struct cf_multipart_event {
    enum cf_multipart_type type;
    /* PART: borrowed from the decoder until PART_END. As sent: percent signs and backslashes stay;
     * `filename*` is ignored (RFC 7578 section 4.2) */
    struct cf_slice name;     /* the field's name, never empty */
    struct cf_slice filename; /* ptr == NULL when there is none. Metadata only, never a path */
    /* DATA: borrows the input, or the decoder for a false delimiter's bytes */
    struct cf_slice data;
};

enum { CF_MULTIPART_BOUNDARY_MAX = 70 };

/* Members are the decoder's own. */
struct cf_multipart {
    uint8_t state;
    uint8_t matched; /* bytes of the delimiter that have come */
    uint8_t lent;    /* of those, the CRLF that ends the headers before, and is no data */
    uint8_t delimiter_len;
    unsigned parts;
    uint8_t delimiter[CF_MULTIPART_BOUNDARY_MAX + 4]; /* CRLF "--" boundary */
    struct cf_buf head;                               /* header lines of a part */
    size_t line_start; /* in `head`: where the line that is coming begins */
};

/* Reads the boundary out of a Content-Type value. CF_E_UNSUPPORTED when it is no
 * multipart/form-data, CF_E_SYNTAX for a missing or bad boundary (1 to 70 characters, RFC 2046
 * section 5.1.1). */
enum cf_error cf_multipart_init(struct cf_multipart *m, struct cf_slice content_type);
void cf_multipart_deinit(struct cf_multipart *m);
/* CF_E_SYNTAX, CF_E_TOO_LARGE (part headers over 4 KiB), CF_E_TOO_MANY (over 16 parts), CF_E_NOMEM.
 */
enum cf_error cf_multipart_next(struct cf_multipart *m, struct cf_slice *input,
                                struct cf_multipart_event *out_event);

#endif
