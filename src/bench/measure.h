/* Clocks, and the CPU time and memory of the processes that are measured. */
#ifndef CF_BENCH_MEASURE_H
#define CF_BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/why.h"

#define CF_BENCH_SECOND_NS UINT64_C(1000000000)

uint64_t cf_bench_now_ns(void);
/* User and system time of this process, all its threads. */
uint64_t cf_bench_own_cpu_ns(void);
/* Cores that this process may run on. */
unsigned cf_bench_cores(void);
/* As many file descriptors as it may have; returns how many these are. */
uint64_t cf_bench_raise_descriptors(void);

enum { CF_BENCH_PIDS_MAX = 16 };

/* The processes of a server: all that hold the socket that listens. */
struct cf_bench_server {
    unsigned pids[CF_BENCH_PIDS_MAX];
    unsigned count; /* 0: not on this machine, or not ours to look at */
};

struct cf_bench_memory {
    uint64_t rss_bytes, pss_bytes; /* pss: 0 where it may not be read */
};

/* Who listens on a TCP port of this machine, by /proc. */
void cf_bench_server_find(struct cf_bench_server *server, uint16_t port);
/* User and system time of all threads so far, the ended ones included; 0 without processes.
 * CF_E_IO: a process has ended. */
enum cf_error cf_bench_server_cpu(const struct cf_bench_server *server, uint64_t *out_ns,
                                  struct cf_bench_why *why);
/* Of /proc/PID/smaps_rollup, else VmRSS of /proc/PID/status. CF_E_IO. */
enum cf_error cf_bench_server_memory(const struct cf_bench_server *server,
                                     struct cf_bench_memory *out, struct cf_bench_why *why);

#endif
