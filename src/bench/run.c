#include "bench/run.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP_NS UINT64_C(2000000)               /* between two looks at the workers */
#define READY_NS (60 * CF_BENCH_SECOND_NS)      /* without a single client becoming ready */
#define QUIET_NS (2 * CF_BENCH_SECOND_NS)       /* without a delivery: no more will come */
#define DRAIN_NS (30 * CF_BENCH_SECOND_NS)      /* at most */
#define LINGER_NS (CF_BENCH_SECOND_NS / 10)     /* what comes twice may come late */
#define HEAD_START_NS (CF_BENCH_SECOND_NS / 20) /* until all workers know that they may send */

static enum cf_error open_workers(struct cf_bench_run *run)
{
    unsigned threads = run->shared.plan->threads;
    run->workers = calloc(threads, sizeof(*run->workers));
    if (run->workers == NULL)
        return cf_bench_fail(run->why, "no memory for the clients");
    for (; run->inited < threads; run->inited++) {
        struct cf_bench_worker *worker = &run->workers[run->inited];
        if (cf_bench_worker_init(worker, &run->shared, run->inited) != CF_OK) {
            run->inited++;
            return cf_bench_fail(run->why, "%s", worker->why.text);
        }
    }
    return CF_OK;
}

enum cf_error cf_bench_run_open(struct cf_bench_run *run, const struct cf_bench_plan *plan,
                                const struct cf_bench_setup *setup, struct cf_bench_why *why)
{
    const struct cf_bench_dialect *dialect = plan->dialect;
    bool echo = plan->workload == CF_BENCH_ECHO;
    bool both = plan->pool && plan->senders == 0;
    memset(run, 0, sizeof(*run));
    run->why = why;
    run->shared = (struct cf_bench_shared){
        .plan = plan,
        .setup = setup,
        .receivers = plan->receivers,
        .senders = plan->senders,
        .receiver_role = both ? dialect->both : dialect->receiver,
        .sender_role = echo ? dialect->echo : dialect->sender,
        .talkers = both ? plan->receivers : plan->senders,
        .until_ns = UINT64_MAX,
        .first_source = (unsigned)(cf_bench_now_ns() / 1000 + (uint64_t)getpid() * 7919),
    };
    run->room_receivers = calloc(plan->rooms, sizeof(*run->room_receivers));
    if (run->room_receivers == NULL)
        return cf_bench_fail(why, "no memory for the rooms");
    for (unsigned i = 0; i < plan->receivers; i++)
        run->room_receivers[i % plan->rooms]++;
    run->shared.room_receivers = run->room_receivers;
    enum cf_error error = cf_bench_tls_new(plan, &run->shared.tls, why);
    return error == CF_OK ? open_workers(run) : error;
}

enum cf_error cf_bench_run_start(struct cf_bench_run *run)
{
    for (; run->started < run->inited; run->started++) {
        struct cf_bench_worker *worker = &run->workers[run->started];
        if (pthread_create(&worker->thread, NULL, cf_bench_worker_run, worker) != 0)
            return cf_bench_fail(run->why, "cannot start a thread: use fewer --threads");
    }
    return CF_OK;
}

static void step(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / CF_BENCH_SECOND_NS),
                            .tv_nsec = (long)(ns % CF_BENCH_SECOND_NS)};
    (void)nanosleep(&time, NULL);
}

/* Sum of what the workers have published. */
struct progress {
    uint64_t ready, expected, deliveries, busy;
};

static enum cf_error look(const struct cf_bench_run *run, struct progress *out)
{
    *out = (struct progress){0, 0, 0, 0};
    for (unsigned i = 0; i < run->started; i++) {
        struct cf_bench_progress *progress = &run->workers[i].progress;
        if (atomic_load(&progress->failed))
            return cf_bench_fail(run->why, "%s", run->workers[i].why.text);
        out->ready += atomic_load_explicit(&progress->ready, memory_order_acquire);
        out->busy += atomic_load_explicit(&progress->busy, memory_order_acquire);
        out->expected += atomic_load_explicit(&progress->expected, memory_order_relaxed);
        out->deliveries += atomic_load_explicit(&progress->deliveries, memory_order_relaxed);
    }
    return CF_OK;
}

/* Until so many clients are ready. */
static enum cf_error await_ready(struct cf_bench_run *run, uint64_t all)
{
    struct progress progress;
    uint64_t ready = 0;
    uint64_t moved_ns = cf_bench_now_ns();
    for (;;) {
        enum cf_error error = look(run, &progress);
        if (error != CF_OK || progress.ready == all)
            return error;
        if (progress.ready > ready)
            moved_ns = cf_bench_now_ns();
        ready = progress.ready;
        if (cf_bench_now_ns() > moved_ns + READY_NS)
            return cf_bench_fail(run->why,
                                 "only %llu of %llu clients are ready after a minute of "
                                 "silence: see the server's log",
                                 (unsigned long long)ready, (unsigned long long)all);
        step(STEP_NS);
    }
}

enum cf_error cf_bench_run_await_receivers(struct cf_bench_run *run)
{
    return await_ready(run, run->shared.receivers);
}

enum cf_error cf_bench_run_await_senders(struct cf_bench_run *run)
{
    atomic_store(&run->shared.phase, CF_BENCH_STAFFING);
    return await_ready(run, (uint64_t)run->shared.receivers + run->shared.senders);
}

void cf_bench_run_send(struct cf_bench_run *run, uint64_t from_ns, uint64_t until_ns, bool once)
{
    run->shared.begin_ns = cf_bench_now_ns() + HEAD_START_NS;
    run->shared.from_ns = from_ns;
    run->shared.until_ns = until_ns;
    run->shared.once = once;
    atomic_store(&run->shared.phase, CF_BENCH_RUNNING);
}

enum cf_error cf_bench_run_sleep(struct cf_bench_run *run, uint64_t until_ns)
{
    struct progress progress;
    enum cf_error error = CF_OK;
    for (uint64_t now_ns; error == CF_OK && (now_ns = cf_bench_now_ns()) < until_ns;) {
        uint64_t left_ns = until_ns - now_ns;
        step(left_ns < 10 * STEP_NS ? left_ns : 10 * STEP_NS);
        error = look(run, &progress);
    }
    return error;
}

enum cf_error cf_bench_run_drain(struct cf_bench_run *run)
{
    struct progress progress;
    uint64_t began_ns = cf_bench_now_ns(), moved_ns = began_ns, last = 0;
    atomic_store(&run->shared.phase, CF_BENCH_DRAINING);
    /* Each worker has taken at least one turn, and published what it sent last. */
    enum cf_error error = cf_bench_run_sleep(run, began_ns + HEAD_START_NS);
    while (error == CF_OK) {
        uint64_t now_ns = cf_bench_now_ns();
        error = look(run, &progress);
        if (progress.deliveries != last)
            moved_ns = now_ns;
        last = progress.deliveries;
        bool all = progress.busy == 0 && progress.deliveries >= progress.expected;
        if (all || now_ns > moved_ns + QUIET_NS || now_ns > began_ns + DRAIN_NS)
            break;
        step(STEP_NS);
    }
    return error == CF_OK ? cf_bench_run_sleep(run, cf_bench_now_ns() + LINGER_NS) : error;
}

static void join(struct cf_bench_run *run)
{
    atomic_store(&run->shared.phase, CF_BENCH_ENDING);
    for (; run->started > 0; run->started--)
        (void)pthread_join(run->workers[run->started - 1].thread, NULL);
}

static void add_counts(struct cf_bench_counts *to, const struct cf_bench_counts *plus,
                       const struct cf_bench_counts *minus)
{
    to->sent += plus->sent - minus->sent;
    to->answered += plus->answered - minus->answered;
    to->deliveries += plus->deliveries - minus->deliveries;
    to->connects += plus->connects - minus->connects;
    to->wire_bytes += plus->wire_bytes - minus->wire_bytes;
    to->text_bytes += plus->text_bytes - minus->text_bytes;
}

static void add_worker(struct cf_bench_result *to, const struct cf_bench_worker *worker)
{
    static const struct cf_bench_counts none;
    struct cf_bench_counts measured = none;
    add_counts(&to->total, &worker->counts, &none);
    if (worker->until_ns > worker->from_ns) {
        double seconds = (double)(worker->until_ns - worker->from_ns) / 1e9;
        add_counts(&measured, &worker->at_until, &worker->at_from);
        add_counts(&to->measured, &measured, &none);
        to->answered_per_s += (double)measured.answered / seconds;
        to->deliveries_per_s += (double)measured.deliveries / seconds;
        to->connects_per_s += (double)measured.connects / seconds;
    }
    to->unanswered += worker->busy + worker->unanswered;
    to->late += worker->late;
    to->cut += worker->cut;
    to->faults.lost += worker->sequence.faults.lost;
    to->faults.doubled += worker->sequence.faults.doubled;
    to->faults.reordered += worker->sequence.faults.reordered;
    cf_bench_histogram_merge(&to->answer_times, &worker->answer_times);
    cf_bench_histogram_merge(&to->delivery_times, &worker->delivery_times);
    cf_bench_histogram_merge(&to->connect_times, &worker->connect_times);
}

/* Messages that were sent to each room, by all workers. */
static enum cf_error count_sent(const struct cf_bench_run *run, uint64_t **out)
{
    unsigned rooms = run->shared.plan->rooms;
    uint64_t *sent = calloc(rooms, sizeof(*sent));
    if (sent == NULL)
        return CF_E_NOMEM;
    for (unsigned i = 0; i < run->inited; i++) {
        const struct cf_bench_worker *worker = &run->workers[i];
        for (unsigned j = 0; j < worker->count; j++)
            sent[worker->clients[j].room] += worker->clients[j].counter;
    }
    *out = sent;
    return CF_OK;
}

static enum cf_error compare_orders(struct cf_bench_run *run, struct cf_bench_faults *faults)
{
    uint64_t *sent = NULL;
    struct cf_bench_log **logs = calloc(run->inited, sizeof(struct cf_bench_log *));
    enum cf_error error = logs == NULL ? CF_E_NOMEM : count_sent(run, &sent);
    for (unsigned room = 0; room < run->shared.plan->rooms && error == CF_OK; room++) {
        for (unsigned i = 0; i < run->inited; i++)
            logs[i] = &run->workers[i].logs[room];
        error = cf_bench_logs_compare(logs, run->inited, sent[room], faults);
    }
    free(sent);
    free(logs);
    return error == CF_OK ? CF_OK : cf_bench_fail(run->why, "no memory to compare what was heard");
}

enum cf_error cf_bench_run_finish(struct cf_bench_run *run, struct cf_bench_result *out)
{
    struct progress progress;
    memset(out, 0, sizeof(*out));
    enum cf_error error = look(run, &progress);
    join(run);
    for (unsigned i = 0; i < run->inited; i++)
        add_worker(out, &run->workers[i]);
    if (error == CF_OK && run->shared.receivers > 0 && !run->shared.plan->reconnect)
        error = compare_orders(run, &out->faults);
    return error;
}

void cf_bench_run_close(struct cf_bench_run *run)
{
    join(run);
    for (unsigned i = 0; i < run->inited; i++)
        cf_bench_worker_deinit(&run->workers[i]);
    free(run->workers);
    free(run->room_receivers);
    cf_bench_tls_free(run->shared.tls);
}
