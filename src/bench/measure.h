/* Clocks, a process's CPU time and memory, and latencies. */
#ifndef CF_BENCH_LOAD_MEASURE_H
#define CF_BENCH_LOAD_MEASURE_H

#include <stddef.h>
#include <stdint.h>

uint64_t load_now_ns(void);
/* User and system time of all its threads so far, to 10 ms (/proc/PID/stat). */
uint64_t load_cpu_us(unsigned pid);
/* VmRSS. */
uint64_t load_rss_bytes(unsigned pid);

/* Every latency is kept, so that percentiles are exact. Zero it before use. */
struct load_samples {
    uint32_t *us;
    size_t count, cap;
};

void load_samples_add(struct load_samples *samples, uint64_t ns);
/* Prints `name_p50_ms`, `name_p99_ms` and `name_max_ms`; nothing without samples. */
void load_samples_print(struct load_samples *samples, const char *name);
void load_samples_free(struct load_samples *samples);

#endif
