/* Why something failed, as one line for a person. */
#ifndef CF_BENCH_WHY_H
#define CF_BENCH_WHY_H

#include "base/error.h"

enum { CF_BENCH_WHY_MAX = 768 };

struct cf_bench_why {
    char text[CF_BENCH_WHY_MAX]; /* empty: nothing failed */
};

/* Keeps the first line that it is given; always returns CF_E_IO. */
enum cf_error cf_bench_fail(struct cf_bench_why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
