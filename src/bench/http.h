/* What the program needs of HTTP/1.1 answers: where one ends, and why a request was refused. The
 * answers are those of a server that is measured, thousands a second, so that they are read where
 * they lie. */
#ifndef CF_BENCH_HTTP_H
#define CF_BENCH_HTTP_H

#include "base/slice.h"
#include "bench/why.h"

struct cf_bench_answer {
    unsigned status;
    size_t len; /* with its head */
    struct cf_slice body;
};

/* CF_E_TRUNCATED: more is to come; CF_E_SYNTAX: no answer, or one that tells no length. Of a 101
 * the body is empty. */
enum cf_error cf_bench_answer_read(struct cf_slice bytes, struct cf_bench_answer *out);
/* "the server refused WHAT: 429, …", and what to do about it. Always CF_E_IO. */
enum cf_error cf_bench_refused(struct cf_bench_why *why, const char *what,
                               const struct cf_bench_answer *answer);

#endif
