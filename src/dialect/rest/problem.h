/* What REST dialects share: the shape of an error.
 *
 *     {"error":{"code":"not_member","message":"…","field":"shop_id"},"message":"…"}
 *
 * `field` is left out when there is none; a 500 has an `incident` there, the id to find in the log.
 */
#ifndef CF_DIALECT_REST_PROBLEM_H
#define CF_DIALECT_REST_PROBLEM_H

#include "base/buf.h"

struct cf_problem {
    unsigned status;
    const char *code;       /* stable, for programs */
    const char *message;    /* for people: what is wrong and what to do */
    const char *field;      /* NULL: none */
    unsigned retry_after_s; /* 0: no Retry-After */
};

/* The answer to an error that has nothing particular about it: its status, code and text. */
struct cf_problem cf_problem_of(enum cf_error error);
/* The bare status problems of the HTTP layer itself: 400, 404, 405, 408, 413, 414, 415, 417, 426,
 * 431, 500, 501, 503, 505. The 500's for any other. */
struct cf_problem cf_problem_status(unsigned status);
/* 422: `field` is missing, of another type, too long or against its `rule`, told in words. */
struct cf_problem cf_problem_field(enum cf_error error, const char *field, const char *rule);
/* 400 or 413: what cf_json_read_object says about a body, but for a field that is wrong. */
struct cf_problem cf_problem_body(enum cf_error error);
/* Appends the JSON body. `incident` (may be empty) is the id to find in the log, for a 500.
 * CF_E_TOO_LARGE, CF_E_NOMEM. */
enum cf_error cf_problem_write(const struct cf_problem *problem, struct cf_slice incident,
                               struct cf_buf *out);

#endif
