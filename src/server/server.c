#include "server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mutant.h"
#include "server/clock.h"
#include "server/log_sink.h"
#include "server/parts.h"
#include "server/text.h"
#include "server/worker.h"

enum { DRAIN_MS = 10000, DRAIN_AFTER_FAILURE_MS = 1000, SAME_SIGNAL_MS = 1000 };

/* The main thread's view: signals and the end. */
struct control {
    struct cf_server server;
    uv_signal_t signals[3];
    struct cf_loop_timer drain_timer;
    bool draining;
    cf_ms drain_started;
};

/* ---- what workers are told ---- */

/* `requests_by_worker` NULL: of nothing that is stored. */
static void post_news(struct cf_server *server, struct cf_list *requests_by_worker,
                      struct cf_batch *batch)
{
    for (size_t w = 0; w < server->workers_count; w++) {
        struct cf_batch *told = w > 0 && CF_MUTANT(ONE_WORKER_TOLD) ? NULL : batch;
        bool own = requests_by_worker != NULL && !cf_list_empty(&requests_by_worker[w]);
        if (!own && told == NULL)
            continue;
        struct cf_mail *mail = cf_mail_new(CF_MAIL_NEWS);
        if (mail == NULL && requests_by_worker == NULL)
            continue; /* as without memory for the event itself */
        if (mail == NULL) {
            cf_worker_return(server->workers[w], own ? &requests_by_worker[w] : NULL, told != NULL);
            continue;
        }
        if (own)
            cf_list_splice_back(&mail->requests, &requests_by_worker[w]);
        if (told != NULL)
            mail->batch = cf_batch_ref(told);
        cf_worker_post(server->workers[w], mail);
    }
}

static void add_event(const struct cf_server *server, struct cf_batch *batch,
                      struct cf_store_request *request)
{
    struct cf_event *event;
    if (cf_event_of(request, server->hash_key, &event) != CF_OK)
        batch->lost = true;
    else if (event != NULL && CF_MUTANT(TOLD_BEFORE_COMMIT))
        cf_event_unref(event); /* told already */
    else if (event != NULL)
        batch->events[batch->count++] = event;
    request->place = batch->count;
}

/* A mutant's. */
static inline void reverse(struct cf_batch *batch)
{
    for (size_t i = 0, j = batch->count; i + 1 < j; i++) {
        struct cf_event *event = batch->events[i];
        batch->events[i] = batch->events[--j];
        batch->events[j] = event;
    }
}

/* Without memory nobody can be told which events there were. */
static void return_all(struct cf_server *server, struct cf_list *by_worker, bool lost)
{
    for (size_t w = 0; w < server->workers_count; w++)
        cf_worker_return(server->workers[w], &by_worker[w], lost);
}

void cf_server_store_done(void *context, struct cf_list *requests)
{
    struct cf_server *server = context;
    struct cf_list by_worker[256]; /* as many as CONFAB_WORKERS may be */
    size_t count = 0;
    for (struct cf_list *node = requests->next; node != requests; node = node->next)
        count++;
    for (size_t w = 0; w < server->workers_count; w++)
        cf_list_init(&by_worker[w]);
    struct cf_batch *batch = cf_batch_new(count);
    bool lost = false;
    for (struct cf_list *node; (node = cf_list_pop_front(requests)) != NULL;) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        const struct cf_job *job = request->owner;
        if (batch != NULL)
            add_event(server, batch, request);
        lost = lost || (cf_store_op_writes(request->op) && request->error == CF_OK);
        cf_list_push_back(&by_worker[job->worker->index], node);
    }
    if (batch == NULL) {
        return_all(server, by_worker, lost);
        return;
    }
    batch->made = cf_wall_clock();
    if (CF_MUTANT(EVENTS_REVERSED))
        reverse(batch);
    bool news = batch->count > 0 || batch->lost;
    post_news(server, by_worker, news ? batch : NULL);
    cf_batch_unref(batch);
}

void cf_server_publish(struct cf_server *server, struct cf_event *event)
{
    struct cf_batch *batch = cf_batch_new(1);
    if (batch == NULL) {
        cf_event_unref(event); /* not stored, so that losing it breaks no promise */
        return;
    }
    batch->made = cf_wall_clock();
    batch->events[batch->count++] = event;
    post_news(server, NULL, batch);
    cf_batch_unref(batch);
}

void cf_server_probe(struct cf_server *server, const struct cf_seat_place *places, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct cf_mail *mail = cf_mail_new(CF_MAIL_PROBE);
        if (mail == NULL)
            return; /* the next try probes again */
        mail->ticket = places[i].ticket;
        cf_worker_post(server->workers[places[i].worker], mail);
    }
}

struct cf_tls_context *cf_server_tls(struct cf_server *server)
{
    pthread_mutex_lock(&server->tls_lock);
    struct cf_tls_context *tls = server->tls == NULL ? NULL : cf_tls_context_ref(server->tls);
    pthread_mutex_unlock(&server->tls_lock);
    return tls;
}

/* ---- stopping ---- */

static void order_workers(struct cf_server *server, enum cf_order order)
{
    for (size_t w = 0; w < server->workers_count; w++)
        cf_worker_order(server->workers[w], order);
}

static void drain(struct control *control, cf_ms wait_ms)
{
    cf_ms now = cf_loop_now(control->server.control).ms;
    if (control->draining) {
        /* Ctrl-C reaches a script and its server, and the script passes it on: that is one wish. */
        if (now - control->drain_started >= SAME_SIGNAL_MS)
            order_workers(&control->server, CF_ORDER_CUT);
        return;
    }
    control->draining = true;
    control->drain_started = now;
    order_workers(&control->server, CF_ORDER_DRAIN);
    cf_loop_timer_set(control->server.control, &control->drain_timer, now + wait_ms);
}

static void on_drain_over(struct cf_loop_timer *timer)
{
    struct control *control = CF_CONTAINER_OF(timer, struct control, drain_timer);
    order_workers(&control->server, CF_ORDER_CUT);
}

void cf_server_worker_ended(struct cf_server *server)
{
    atomic_fetch_sub(&server->workers_running, 1);
    cf_loop_wake(server->control);
}

static void on_store_fatal(void *context, const char *text)
{
    struct cf_server *server = context;
    cf_log(CF_LOG_ERROR, "the store failed: ending, so that a restart can recover it",
           CF_KV_CSTR("error", text));
    atomic_store(&server->store_failed, true);
    if (server->control != NULL)
        cf_loop_wake(server->control);
}

static void on_wake(void *context)
{
    struct control *control = context;
    if (atomic_load(&control->server.store_failed) && !control->draining)
        drain(control, DRAIN_AFTER_FAILURE_MS);
    if (atomic_load(&control->server.workers_running) == 0)
        cf_loop_stop(control->server.control);
}

static void reload(struct cf_server *server)
{
    struct cf_buf why;
    struct cf_tls_context *fresh;
    cf_buf_init(&why, 4096);
    cf_log_sink_reopen(server->config);
    if (cf_parts_load_tls(server->config, &fresh, &why) != CF_OK) {
        cf_log(CF_LOG_ERROR, "cannot reload TLS: the old certificate stays in use",
               CF_KV_STR("error", cf_buf_peek(&why)));
    } else {
        pthread_mutex_lock(&server->tls_lock);
        struct cf_tls_context *old = server->tls;
        server->tls = fresh;
        pthread_mutex_unlock(&server->tls_lock);
        cf_tls_context_unref(old);
        cf_log(CF_LOG_INFO, "reloaded", CF_KV_INT("tls", fresh != NULL));
    }
    cf_buf_deinit(&why);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct control *control = handle->data;
    if (number == SIGHUP) {
        reload(&control->server);
        return;
    }
    cf_log(CF_LOG_INFO, "stopping", CF_KV_INT("signal", number));
    drain(control, DRAIN_MS);
}

/* ---- running ---- */

static void on_panic(const char *expression, const char *file, int line)
{
    fprintf(stderr, "confab: broken invariant: %s (%s:%d)\n", expression, file, line);
    abort();
}

/* Every connection is a descriptor: take what the system allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static const struct cf_loop_ops control_ops = {.wake = on_wake};

static enum cf_error open_control(struct control *control, struct cf_buf *why)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    enum cf_error error = cf_loop_new(&control_ops, control, &control->server.control);
    if (error != CF_OK) {
        cf_text_append(why, "cannot make the event loop: %s", cf_error_text(error));
        return error;
    }
    cf_loop_timer_init(&control->drain_timer, on_drain_over);
    for (size_t i = 0; i < CF_ARRAY_LEN(numbers); i++) {
        uv_signal_init(cf_loop_uv(control->server.control), &control->signals[i]);
        control->signals[i].data = control;
        uv_signal_start(&control->signals[i], on_signal, numbers[i]);
    }
    return CF_OK;
}

static void close_control(struct control *control)
{
    if (control->server.control == NULL)
        return;
    cf_loop_timer_stop(control->server.control, &control->drain_timer);
    for (size_t i = 0; i < CF_ARRAY_LEN(control->signals); i++)
        uv_close((uv_handle_t *)&control->signals[i], NULL);
    cf_loop_free(control->server.control);
}

static enum cf_error start_workers(struct cf_server *server, struct cf_buf *why)
{
    for (size_t w = 0; w < server->workers_count; w++) {
        enum cf_error error = cf_worker_start(server->workers[w]);
        if (error != CF_OK) {
            cf_text_append(why, "cannot start a thread");
            return error;
        }
        atomic_fetch_add(&server->workers_running, 1);
    }
    return CF_OK;
}

static void print_ready(const struct cf_server *server, const struct cf_listenings *listenings)
{
    const char *scheme = server->tls != NULL ? "https://" : "http://";
    for (size_t i = 0; i < listenings->count; i++) {
        const char *bound = listenings->items[i].bound;
        bool is_unix = strncmp(bound, "unix:", 5) == 0;
        printf("confab: listening on %s%s\n", is_unix ? "" : scheme, bound);
    }
    fflush(stdout);
}

static enum cf_error start(struct control *control, const struct cf_config *config,
                           const struct cf_store_sink *sink, struct cf_listenings *listenings,
                           struct cf_buf *why)
{
    enum cf_error error = cf_config_check_serve(config, why);
    if (error == CF_OK)
        error = cf_log_sink_open(config, why);
    if (error == CF_OK)
        error = open_control(control, why);
    if (error == CF_OK)
        error = cf_parts_open(&control->server, config, sink, on_store_fatal, why);
    if (error == CF_OK)
        error = cf_parts_listen(&control->server, listenings, why);
    return error == CF_OK ? start_workers(&control->server, why) : error;
}

int cf_server_run(const struct cf_config *config)
{
    struct control control = {.draining = false};
    struct cf_server *server = &control.server;
    struct cf_store_sink sink = {.done = cf_server_store_done, .context = server};
    struct cf_listenings listenings = {.count = 0};
    struct cf_buf why;
    cf_panic_install(on_panic);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    raise_descriptor_limit();
    cf_buf_init(&why, 16384);
    enum cf_error error = start(&control, config, &sink, &listenings, &why);
    if (error == CF_OK)
        print_ready(server, &listenings);
    else
        fprintf(stderr, "confab: %s\n", cf_text_cstr(&why));
    if (atomic_load(&server->workers_running) > 0) {
        if (error != CF_OK)
            drain(&control, 0);
        cf_loop_run(server->control);
        for (size_t w = 0; w < server->workers_count; w++) {
            if (server->workers[w]->started)
                pthread_join(server->workers[w]->thread, NULL);
        }
    }
    cf_parts_close(server);
    close_control(&control);
    cf_listenings_free(&listenings);
    cf_buf_deinit(&why);
    return error == CF_OK && !atomic_load(&server->store_failed) ? 0 : 1;
}
