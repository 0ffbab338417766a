/* The request target: path segments and query parameters, percent-decoded strictly (RFC 3986). */
#ifndef CF_WIRE_HTTP_TARGET_H
#define CF_WIRE_HTTP_TARGET_H

#include "base/arena.h"
#include "base/error.h"

enum { CF_HTTP_SEGMENTS_MAX = 16, CF_HTTP_PARAMS_MAX = 32 };

struct cf_http_param {
    struct cf_slice name, value;
};

struct cf_http_target {
    struct cf_slice path;                           /* as sent, without the query */
    struct cf_slice segments[CF_HTTP_SEGMENTS_MAX]; /* decoded; "/a/b" has two, "/" none */
    size_t segments_count;
    struct cf_http_param params[CF_HTTP_PARAMS_MAX]; /* decoded, `+` is a space; in order */
    size_t params_count;
};

/* Splits and decodes into `arena`. CF_E_SYNTAX (400): a bad escape, %00 or another control
 * character, an escaped slash or backslash, invalid UTF-8 after decoding, a segment "." or "..", an
 * empty segment other than one at the end (hazard V23). CF_E_TOO_MANY: over the maxima. CF_E_NOMEM.
 */
enum cf_error cf_http_target_parse(struct cf_slice target, struct cf_arena *arena,
                                   struct cf_http_target *out_target);
/* The first parameter of that name; ptr == NULL when absent. */
struct cf_slice cf_http_param_get(const struct cf_http_target *target, const char *name);

#endif
