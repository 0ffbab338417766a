/* One run: the workers, each with its share of the clients, led from phase to phase by the thread
 * that calls this. Errors: CF_E_IO, and why. */
#ifndef CF_BENCH_RUN_H
#define CF_BENCH_RUN_H

#include "bench/dialect.h"
#include "bench/worker.h"

struct cf_bench_run {
    struct cf_bench_shared shared;
    struct cf_bench_worker *workers;
    unsigned *room_receivers;
    unsigned inited, started; /* workers */
    struct cf_bench_why *why;
};

/* What all workers have counted. */
struct cf_bench_result {
    struct cf_bench_counts total;
    struct cf_bench_counts measured; /* between both readings */
    double answered_per_s, deliveries_per_s, connects_per_s;
    uint64_t unanswered, late, cut;
    struct cf_bench_faults faults;
    struct cf_bench_histogram answer_times, delivery_times, connect_times;
};

/* The plan's receivers and senders, of these roles; `senders` of them at most. Close in any case.
 */
enum cf_error cf_bench_run_open(struct cf_bench_run *run, const struct cf_bench_plan *plan,
                                const struct cf_bench_setup *setup, struct cf_bench_why *why);
/* Begins to open the receivers. */
enum cf_error cf_bench_run_start(struct cf_bench_run *run);
/* Until all receivers are ready. */
enum cf_error cf_bench_run_await_receivers(struct cf_bench_run *run);
/* Begins to open the senders, who come when the receivers are there and a message is soon to be
 * sent: a server waits only so long for what a connection has to say. Until they are ready. */
enum cf_error cf_bench_run_await_senders(struct cf_bench_run *run);
/* From now on senders send; what they send between these times is measured. */
void cf_bench_run_send(struct cf_bench_run *run, uint64_t from_ns, uint64_t until_ns, bool once);
/* Until that time, or a failure. */
enum cf_error cf_bench_run_sleep(struct cf_bench_run *run, uint64_t until_ns);
/* Nobody sends any more; until all is answered and delivered, or nothing comes for two seconds. */
enum cf_error cf_bench_run_drain(struct cf_bench_run *run);
/* Ends the workers and adds up what they have counted. */
enum cf_error cf_bench_run_finish(struct cf_bench_run *run, struct cf_bench_result *out);
void cf_bench_run_close(struct cf_bench_run *run);

#endif
