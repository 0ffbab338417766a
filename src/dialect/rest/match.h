/* Paths and methods of a REST dialect, as one table. */
#ifndef CF_DIALECT_REST_MATCH_H
#define CF_DIALECT_REST_MATCH_H

#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"

enum { CF_REST_SEGMENTS_MAX = 4, CF_REST_METHODS_MAX = 2, CF_REST_ARGS_MAX = 2 };

/* Matches any segment, and makes it an argument. */
#define CF_REST_ANY NULL

struct cf_rest_path {
    const char *segments[CF_REST_SEGMENTS_MAX];
    size_t count;
    const char *allow; /* the value of Allow */
    struct {
        const char *method; /* NULL: no more */
        int op;             /* the dialect's own number */
    } methods[CF_REST_METHODS_MAX];
};

struct cf_rest_match {
    int op;
    struct cf_slice args[CF_REST_ARGS_MAX]; /* in order */
    const char *allow;                      /* set for CF_E_UNSUPPORTED too */
};

/* The first row that fits decides, so that a fixed word stands above CF_REST_ANY. CF_E_NOT_FOUND
 * (404); CF_E_UNSUPPORTED (405, with allow). */
enum cf_error cf_rest_match(const struct cf_rest_path *paths, size_t paths_count,
                            const struct cf_slice *segments, size_t count, struct cf_slice method,
                            struct cf_rest_match *out_match);

#endif
