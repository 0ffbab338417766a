#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/run.h"

#define SETTLE_NS CF_BENCH_SECOND_NS /* until the server has done what a change brought with it */
#define SOON_NS (CF_BENCH_SECOND_NS / 5)

enum { WARM_UP_CLIENTS = 64 };

/* Above this share of its threads the program itself was the limit. */
static const double busy_share = 0.9;

/* One workload under way. */
struct bench {
    const struct cf_bench_plan *plan;
    struct cf_bench_setup setup;
    struct cf_bench_run run;
    struct cf_bench_result *result;
    struct cf_bench_report *report;
    struct cf_bench_why *why;
};

/* CPU time of both sides, and when it was read. */
struct reading {
    uint64_t at_ns, server_ns, own_ns;
};

static enum cf_error read_cpu(const struct bench *bench, struct reading *out)
{
    out->at_ns = cf_bench_now_ns();
    out->own_ns = cf_bench_own_cpu_ns();
    out->server_ns = 0;
    return cf_bench_server_cpu(&bench->plan->server, &out->server_ns, bench->why);
}

/* ---- what every report has ---- */

static void report_plan(struct bench *bench)
{
    static const char *const workloads[] = {[CF_BENCH_FANOUT] = "fanout",
                                            [CF_BENCH_IDLE] = "idle",
                                            [CF_BENCH_ACK] = "ack",
                                            [CF_BENCH_CONNECT] = "connect",
                                            [CF_BENCH_ECHO] = "echo"};
    const struct cf_bench_plan *plan = bench->plan;
    struct cf_bench_report *report = bench->report;
    bool says = plan->workload == CF_BENCH_FANOUT || plan->workload == CF_BENCH_ACK;
    cf_bench_report_text(report, "workload", workloads[plan->workload]);
    cf_bench_report_text(report, "dialect", plan->dialect->name);
    cf_bench_report_text(report, "server", plan->authority);
    cf_bench_report_text(report, "transport", plan->tls ? "TLS" : "plain");
    cf_bench_report_count(report, "threads", plan->threads);
    if (plan->workload != CF_BENCH_IDLE)
        cf_bench_report_count(report, "seconds", plan->seconds);
    if (says) {
        cf_bench_report_count(report, "rooms", plan->rooms);
        cf_bench_report_count(report, "receivers", plan->receivers);
        cf_bench_report_count(report, "senders",
                              plan->senders > 0 ? plan->senders : plan->receivers);
        cf_bench_report_count(report, "in_flight",
                              plan->pool ? plan->in_flight : plan->senders * plan->in_flight);
        cf_bench_report_count(report, "size_bytes", plan->size);
        cf_bench_report_count(report, "rate_per_s", plan->rate);
    }
}

static void report_cores(struct bench *bench, const struct reading *a, const struct reading *b)
{
    double ns = (double)(b->at_ns - a->at_ns);
    double own = (double)(b->own_ns - a->own_ns) / ns;
    if (bench->plan->server.count > 0)
        cf_bench_report_number(bench->report, "server_cores", 2,
                               (double)(b->server_ns - a->server_ns) / ns);
    cf_bench_report_number(bench->report, "load_cores", 2, own);
    if (own > busy_share * bench->plan->threads)
        (void)snprintf(bench->report->note, sizeof(bench->report->note),
                       "The load program was the limit: it used %.2f cores of %u threads. Give it "
                       "more --threads, or believe the server's CPU time only.",
                       own, bench->plan->threads);
    else if (bench->plan->server.count == 0)
        (void)snprintf(bench->report->note, sizeof(bench->report->note),
                       "The server's CPU time and memory are not known: it does not run here, or "
                       "as somebody else (--pid N).");
}

/* The server's CPU time for one of these. */
static void report_server_us(struct bench *bench, const char *name, const struct reading *a,
                             const struct reading *b, uint64_t count)
{
    if (bench->plan->server.count > 0)
        cf_bench_report_ratio(bench->report, name, 3, (double)(b->server_ns - a->server_ns) / 1e3,
                              (double)count);
}

static void report_faults(struct bench *bench)
{
    const struct cf_bench_result *result = bench->result;
    cf_bench_report_count(bench->report, "lost", result->faults.lost);
    cf_bench_report_count(bench->report, "doubled", result->faults.doubled);
    cf_bench_report_count(bench->report, "reordered", result->faults.reordered);
    cf_bench_report_count(bench->report, "unanswered", result->unanswered);
    cf_bench_report_count(bench->report, "cut", result->cut);
}

/* ---- fanout, ack, echo ---- */

static void report_messages(struct bench *bench, const struct reading *a, const struct reading *b)
{
    const struct cf_bench_result *result = bench->result;
    struct cf_bench_report *report = bench->report;
    uint64_t deliveries = result->measured.deliveries;
    cf_bench_report_number(report, "messages_per_s", 0, result->answered_per_s);
    cf_bench_report_number(report, "deliveries_per_s", 0, result->deliveries_per_s);
    report_server_us(bench, "server_us_per_message", a, b, result->measured.answered);
    report_server_us(bench, "server_us_per_delivery", a, b, deliveries);
    cf_bench_report_ratio(report, "wire_bytes_per_delivery", 1, (double)result->measured.wire_bytes,
                          (double)deliveries);
    cf_bench_report_ratio(report, "text_bytes_per_delivery", 1, (double)result->measured.text_bytes,
                          (double)deliveries);
    report_cores(bench, a, b);
    cf_bench_report_times(report, "ack", &result->answer_times);
    cf_bench_report_times(report, "delivery", &result->delivery_times);
    cf_bench_report_count(report, "messages", result->total.sent);
    cf_bench_report_count(report, "deliveries", result->total.deliveries);
    report_faults(bench);
    cf_bench_report_count(report, "late", result->late);
}

static void report_echo(struct bench *bench, const struct reading *a, const struct reading *b)
{
    const struct cf_bench_result *result = bench->result;
    cf_bench_report_count(bench->report, "connections", bench->plan->senders);
    cf_bench_report_number(bench->report, "round_trips_per_s", 0, result->answered_per_s);
    report_server_us(bench, "server_us_per_round_trip", a, b, result->measured.answered);
    report_cores(bench, a, b);
    cf_bench_report_times(bench->report, "echo", &result->answer_times);
    cf_bench_report_count(bench->report, "messages", result->total.sent);
    cf_bench_report_count(bench->report, "round_trips", result->total.answered);
    report_faults(bench);
}

static enum cf_error measure(struct bench *bench, uint64_t from_ns, uint64_t until_ns,
                             struct reading *a, struct reading *b)
{
    enum cf_error error = cf_bench_run_sleep(&bench->run, from_ns);
    if (error == CF_OK)
        error = read_cpu(bench, a);
    if (error == CF_OK)
        error = cf_bench_run_sleep(&bench->run, until_ns);
    return error == CF_OK ? read_cpu(bench, b) : error;
}

static enum cf_error run_load(struct bench *bench)
{
    struct reading a, b;
    const struct cf_bench_plan *plan = bench->plan;
    enum cf_error error = cf_bench_run_open(&bench->run, plan, &bench->setup, bench->why);
    if (error == CF_OK)
        error = cf_bench_run_start(&bench->run);
    if (error == CF_OK)
        error = cf_bench_run_await_receivers(&bench->run);
    if (error == CF_OK)
        error = cf_bench_run_await_senders(&bench->run);
    if (error == CF_OK) {
        uint64_t from_ns = cf_bench_now_ns() + plan->warm_up * CF_BENCH_SECOND_NS + SOON_NS;
        uint64_t until_ns = from_ns + plan->seconds * CF_BENCH_SECOND_NS;
        cf_bench_run_send(&bench->run, from_ns, until_ns, false);
        error = measure(bench, from_ns, until_ns, &a, &b);
    }
    if (error == CF_OK)
        error = cf_bench_run_drain(&bench->run);
    if (error == CF_OK)
        error = cf_bench_run_finish(&bench->run, bench->result);
    if (error == CF_OK && plan->workload == CF_BENCH_ECHO)
        report_echo(bench, &a, &b);
    else if (error == CF_OK)
        report_messages(bench, &a, &b);
    cf_bench_run_close(&bench->run);
    return error;
}

/* ---- connect ---- */

static void report_connects(struct bench *bench, const struct reading *a, const struct reading *b)
{
    const struct cf_bench_result *result = bench->result;
    cf_bench_report_count(bench->report, "connects_at_once", bench->plan->receivers);
    cf_bench_report_count(bench->report, "users", bench->plan->users);
    cf_bench_report_number(bench->report, "connects_per_s", 0, result->connects_per_s);
    report_server_us(bench, "server_us_per_connect", a, b, result->measured.connects);
    report_cores(bench, a, b);
    cf_bench_report_times(bench->report, "connect", &result->connect_times);
    cf_bench_report_count(bench->report, "connects", result->total.connects);
}

static enum cf_error run_connects(struct bench *bench)
{
    struct reading a, b;
    const struct cf_bench_plan *plan = bench->plan;
    uint64_t from_ns = cf_bench_now_ns() + plan->warm_up * CF_BENCH_SECOND_NS + SOON_NS;
    uint64_t until_ns = from_ns + plan->seconds * CF_BENCH_SECOND_NS;
    enum cf_error error = cf_bench_run_open(&bench->run, plan, &bench->setup, bench->why);
    cf_bench_run_send(&bench->run, from_ns, until_ns, false);
    if (error == CF_OK)
        error = cf_bench_run_start(&bench->run);
    if (error == CF_OK)
        error = measure(bench, from_ns, until_ns, &a, &b);
    if (error == CF_OK)
        error = cf_bench_run_sleep(&bench->run, until_ns + SOON_NS);
    if (error == CF_OK)
        error = cf_bench_run_finish(&bench->run, bench->result);
    if (error == CF_OK)
        report_connects(bench, &a, &b);
    cf_bench_run_close(&bench->run);
    return error;
}

/* ---- idle ---- */

struct footprint {
    struct cf_bench_memory before, after;
    struct reading opening, open, hold, held;
};

/* Some connections that go again, so that what the server needs once is not counted as theirs. */
static enum cf_error warm_up(struct bench *bench)
{
    struct cf_bench_plan few = *bench->plan;
    few.senders = 0;
    if (few.receivers > WARM_UP_CLIENTS)
        few.receivers = WARM_UP_CLIENTS;
    enum cf_error error = cf_bench_run_open(&bench->run, &few, &bench->setup, bench->why);
    if (error == CF_OK)
        error = cf_bench_run_start(&bench->run);
    if (error == CF_OK)
        error = cf_bench_run_await_receivers(&bench->run);
    if (error == CF_OK)
        error = cf_bench_run_finish(&bench->run, bench->result);
    cf_bench_run_close(&bench->run);
    return error;
}

static enum cf_error open_all(struct bench *bench, struct footprint *print)
{
    const struct cf_bench_server *server = &bench->plan->server;
    enum cf_error error = cf_bench_run_open(&bench->run, bench->plan, &bench->setup, bench->why);
    if (error == CF_OK)
        error = cf_bench_run_sleep(&bench->run, cf_bench_now_ns() + SETTLE_NS);
    if (error == CF_OK)
        error = cf_bench_server_memory(server, &print->before, bench->why);
    if (error == CF_OK)
        error = read_cpu(bench, &print->opening);
    if (error == CF_OK)
        error = cf_bench_run_start(&bench->run);
    if (error == CF_OK)
        error = cf_bench_run_await_receivers(&bench->run);
    if (error == CF_OK)
        error = read_cpu(bench, &print->open);
    if (error == CF_OK)
        error = cf_bench_run_sleep(&bench->run, cf_bench_now_ns() + SETTLE_NS);
    return error == CF_OK ? cf_bench_server_memory(server, &print->after, bench->why) : error;
}

static enum cf_error hold(struct bench *bench, struct footprint *print)
{
    enum cf_error error = read_cpu(bench, &print->hold);
    uint64_t until_ns = print->hold.at_ns + bench->plan->hold * CF_BENCH_SECOND_NS;
    if (error == CF_OK)
        error = cf_bench_run_sleep(&bench->run, until_ns);
    return error == CF_OK ? read_cpu(bench, &print->held) : error;
}

/* One message in each room. */
static enum cf_error deliver(struct bench *bench)
{
    enum cf_error error = cf_bench_run_await_senders(&bench->run);
    if (error != CF_OK)
        return error;
    cf_bench_run_send(&bench->run, 0, UINT64_MAX, true);
    error = cf_bench_run_sleep(&bench->run, cf_bench_now_ns() + SOON_NS);
    return error == CF_OK ? cf_bench_run_drain(&bench->run) : error;
}

static void report_memory(struct bench *bench, const struct footprint *print)
{
    struct cf_bench_report *report = bench->report;
    double connections = bench->plan->receivers;
    const struct cf_bench_memory *before = &print->before, *after = &print->after;
    if (bench->plan->server.count == 0)
        return;
    cf_bench_report_count(report, "rss_before_bytes", before->rss_bytes);
    cf_bench_report_count(report, "rss_after_bytes", after->rss_bytes);
    cf_bench_report_ratio(report, "rss_bytes_per_connection", 0,
                          (double)after->rss_bytes - (double)before->rss_bytes, connections);
    if (before->pss_bytes == 0 || after->pss_bytes == 0)
        return;
    cf_bench_report_count(report, "pss_before_bytes", before->pss_bytes);
    cf_bench_report_count(report, "pss_after_bytes", after->pss_bytes);
    cf_bench_report_ratio(report, "pss_bytes_per_connection", 0,
                          (double)after->pss_bytes - (double)before->pss_bytes, connections);
}

static void report_idle(struct bench *bench, const struct footprint *print)
{
    const struct cf_bench_plan *plan = bench->plan;
    struct cf_bench_report *report = bench->report;
    cf_bench_report_count(report, "connections", plan->receivers);
    cf_bench_report_number(report, "connects_per_s", 0,
                           plan->receivers * 1e9 /
                               (double)(print->open.at_ns - print->opening.at_ns));
    report_server_us(bench, "server_us_per_connect", &print->opening, &print->open,
                     plan->receivers);
    cf_bench_report_times(report, "connect", &bench->result->connect_times);
    report_memory(bench, print);
    cf_bench_report_count(report, "hold_s", plan->hold);
    if (plan->server.count > 0 && plan->hold > 0) {
        double cpu_ns = (double)(print->held.server_ns - print->hold.server_ns);
        double seconds = (double)(print->held.at_ns - print->hold.at_ns) / 1e9;
        cf_bench_report_number(report, "idle_server_cores", 4, cpu_ns / 1e9 / seconds);
        cf_bench_report_number(report, "idle_server_us_per_connection_s", 3,
                               cpu_ns / 1e3 / seconds / plan->receivers);
    }
    report_cores(bench, &print->hold, &print->held);
    if (plan->deliver) {
        cf_bench_report_times(report, "delivery", &bench->result->delivery_times);
        cf_bench_report_count(report, "messages", bench->result->total.sent);
        cf_bench_report_count(report, "deliveries", bench->result->total.deliveries);
    }
    report_faults(bench);
}

static enum cf_error run_idle(struct bench *bench)
{
    struct footprint print;
    enum cf_error error = warm_up(bench);
    if (error != CF_OK)
        return error;
    error = open_all(bench, &print);
    if (error == CF_OK)
        error = hold(bench, &print);
    if (error == CF_OK && bench->plan->deliver)
        error = deliver(bench);
    if (error == CF_OK)
        error = cf_bench_run_finish(&bench->run, bench->result);
    if (error == CF_OK)
        report_idle(bench, &print);
    cf_bench_run_close(&bench->run);
    return error;
}

enum cf_error cf_bench(const struct cf_bench_plan *plan, struct cf_bench_report *out_report,
                       struct cf_bench_why *why)
{
    struct bench bench = {.plan = plan, .report = out_report, .why = why};
    bench.result = calloc(1, sizeof(*bench.result));
    if (bench.result == NULL)
        return cf_bench_fail(why, "no memory");
    enum cf_error error = cf_bench_setup_init(&bench.setup, plan, plan->dialect->form, why);
    report_plan(&bench);
    if (error == CF_OK && plan->workload == CF_BENCH_IDLE)
        error = run_idle(&bench);
    else if (error == CF_OK && plan->workload == CF_BENCH_CONNECT)
        error = run_connects(&bench);
    else if (error == CF_OK)
        error = run_load(&bench);
    cf_bench_setup_deinit(&bench.setup);
    free(bench.result);
    return error;
}
