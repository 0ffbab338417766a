/* Base64 (RFC 4648), strict: the alphabet only, no white space, and the unused bits of the last
 * character are zero, so that a value has one spelling (hazard V18). */
#ifndef CF_BASE_BASE64_H
#define CF_BASE_BASE64_H

#include "base/buf.h"

enum cf_base64 {
    CF_BASE64,     /* + and /, padding demanded */
    CF_BASE64_URL, /* - and _, padding refused (RFC 7515 section 2) */
};

/* Bytes that encoding `len` bytes gives. */
size_t cf_base64_len(enum cf_base64 kind, size_t len);
/* CF_E_TOO_LARGE, CF_E_NOMEM as cf_buf_append. */
enum cf_error cf_base64_encode(enum cf_base64 kind, struct cf_slice bytes, struct cf_buf *out);
/* How many bytes it decodes to, without decoding it. CF_E_SYNTAX for anything but the one spelling.
 */
enum cf_error cf_base64_check(enum cf_base64 kind, struct cf_slice text, size_t *out_len);
/* CF_E_SYNTAX as of check; CF_E_TOO_LARGE, CF_E_NOMEM; `out` is then as it was. */
enum cf_error cf_base64_decode(enum cf_base64 kind, struct cf_slice text, struct cf_buf *out);

#endif
