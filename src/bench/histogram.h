/* Latencies in fixed memory, HDR-like: every power of two is cut into 128 equal parts, so that a
 * percentile is at most 0.8 % above what it stands for. From 1 ns to 73 minutes. Zero it before
 * use. */
#ifndef CF_BENCH_HISTOGRAM_H
#define CF_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    CF_BENCH_PART_BITS = 7,
    CF_BENCH_VALUE_BITS = 42, /* what is longer counts as 2^42 - 1 */
    CF_BENCH_BUCKETS = (CF_BENCH_VALUE_BITS - CF_BENCH_PART_BITS + 1) << CF_BENCH_PART_BITS,
};

struct cf_bench_histogram {
    uint64_t count, max_ns;
    uint64_t buckets[CF_BENCH_BUCKETS];
};

/* The bucket of a value, and the largest value of a bucket. */
size_t cf_bench_bucket(uint64_t ns);
uint64_t cf_bench_bucket_end(size_t bucket);

static inline void cf_bench_histogram_add(struct cf_bench_histogram *histogram, uint64_t ns)
{
    histogram->buckets[cf_bench_bucket(ns)]++;
    histogram->count++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

void cf_bench_histogram_merge(struct cf_bench_histogram *into,
                              const struct cf_bench_histogram *from);
/* The smallest value that `share` (0 to 1) of all are not above; 0 without values. */
uint64_t cf_bench_percentile(const struct cf_bench_histogram *histogram, double share);

#endif
