/* Figures, for people and for programs: each has one name and one value, and is written as a line
 * of a table or as a member of one JSON object. */
#ifndef CF_BENCH_REPORT_H
#define CF_BENCH_REPORT_H

#include "base/buf.h"
#include "bench/histogram.h"
#include "bench/why.h"

enum { CF_BENCH_FIGURES_MAX = 96, CF_BENCH_FIGURE_LEN = 96 };

struct cf_bench_figure {
    char name[48];                   /* snake_case, its unit at the end */
    char value[CF_BENCH_FIGURE_LEN]; /* a JSON number, or a text */
    bool is_text;
};

struct cf_bench_report {
    struct cf_bench_figure figures[CF_BENCH_FIGURES_MAX];
    size_t count;
    char note[256]; /* what a reader must know; empty: nothing */
};

void cf_bench_report_text(struct cf_bench_report *report, const char *name, const char *text);
void cf_bench_report_count(struct cf_bench_report *report, const char *name, uint64_t value);
void cf_bench_report_number(struct cf_bench_report *report, const char *name, int decimals,
                            double value);
/* amount / by; nothing when `by` is 0. */
void cf_bench_report_ratio(struct cf_bench_report *report, const char *name, int decimals,
                           double amount, double by);
/* name_p50_ms, _p90_ms, _p99_ms, _p999_ms and _max_ms; nothing without values. */
void cf_bench_report_times(struct cf_bench_report *report, const char *name,
                           const struct cf_bench_histogram *times);
/* CF_E_NOMEM, CF_E_TOO_LARGE (of `out`). */
enum cf_error cf_bench_report_table(const struct cf_bench_report *report, struct cf_buf *out);
enum cf_error cf_bench_report_json(const struct cf_bench_report *report, struct cf_buf *out);

#endif
