/* `confab bench`: runs a plan against a server and reports what it has measured. */
#ifndef CF_BENCH_BENCH_H
#define CF_BENCH_BENCH_H

#include "bench/plan.h"
#include "bench/report.h"

/* CF_E_IO, and why: the server cannot be reached, refuses, or ends; figures that are not whole are
 * none. */
enum cf_error cf_bench(const struct cf_bench_plan *plan, struct cf_bench_report *out_report,
                       struct cf_bench_why *why);

#endif
