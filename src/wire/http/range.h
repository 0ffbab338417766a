/* The Range of a request (RFC 9110 section 14), for one range of bytes. */
#ifndef CF_WIRE_HTTP_RANGE_H
#define CF_WIRE_HTTP_RANGE_H

#include "base/error.h"
#include "base/slice.h"

struct cf_http_range {
    uint64_t first, len;
};

/* `value`: the header's; `size`: of the representation, in bytes. CF_E_UNSUPPORTED: several ranges,
 * another unit or malformed: the header is to be ignored. CF_E_NOT_FOUND: nothing of it is there
 * (416). */
enum cf_error cf_http_range_parse(struct cf_slice value, uint64_t size,
                                  struct cf_http_range *out_range);

#endif
