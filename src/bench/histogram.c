#include "bench/histogram.h"

#define PARTS (UINT64_C(1) << CF_BENCH_PART_BITS)
#define VALUE_MAX ((UINT64_C(1) << CF_BENCH_VALUE_BITS) - 1)

/* Values below PARTS have a bucket each. From there on the bits below the highest
 * CF_BENCH_PART_BITS
 * + 1 are cut off: `shift` of them. */
size_t cf_bench_bucket(uint64_t ns)
{
    if (ns < PARTS)
        return (size_t)ns;
    if (ns > VALUE_MAX)
        ns = VALUE_MAX;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - CF_BENCH_PART_BITS;
    return (size_t)((uint64_t)shift * PARTS + (ns >> shift));
}

uint64_t cf_bench_bucket_end(size_t bucket)
{
    if (bucket < 2 * PARTS)
        return bucket;
    unsigned shift = (unsigned)(bucket / PARTS) - 1;
    uint64_t top = bucket - shift * PARTS;
    return ((top + 1) << shift) - 1;
}

void cf_bench_histogram_merge(struct cf_bench_histogram *into,
                              const struct cf_bench_histogram *from)
{
    into->count += from->count;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    for (size_t i = 0; i < CF_BENCH_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

uint64_t cf_bench_percentile(const struct cf_bench_histogram *histogram, double share)
{
    uint64_t seen = 0;
    double due = share * (double)histogram->count;
    for (size_t i = 0; i < CF_BENCH_BUCKETS && histogram->count > 0; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= due) {
            uint64_t end = cf_bench_bucket_end(i);
            return end < histogram->max_ns ? end : histogram->max_ns;
        }
    }
    return histogram->max_ns;
}
