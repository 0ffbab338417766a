#define _GNU_SOURCE /* epoll_pwait2 */
#include "bench/worker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "bench/dialect.h"

enum {
    EVENTS_MAX = 1024,
    OPENING_MAX = 64, /* connects on their way in a worker */
    WINDOW_BITS = 15,
    SCRATCH_MAX = 128 * 1024,
    UNSENT_MAX = 4 << 20,
    MESSAGE_MAX = 64 * 1024,
};

#define WAIT_NS UINT64_C(10000000) /* at most, for a change of the phase */

/* ---- its share of the clients ---- */

static unsigned share(const struct cf_bench_worker *worker, unsigned of)
{
    unsigned workers = worker->shared->plan->threads;
    return of / workers + (worker->index < of % workers);
}

static void init_client(struct cf_bench_worker *worker, const struct cf_bench_role *role,
                        unsigned number)
{
    const struct cf_bench_plan *plan = worker->shared->plan;
    struct cf_bench_client *client = &worker->clients[worker->count++];
    *client = (struct cf_bench_client){.worker = worker,
                                       .role = role,
                                       .fd = -1,
                                       .number = number,
                                       .room = number % plan->rooms,
                                       .user = number % plan->users,
                                       .window = plan->pool ? 1 : plan->in_flight};
    cf_buf_init(&client->unsent, UNSENT_MAX);
    cf_buf_init(&client->message, MESSAGE_MAX);
    cf_list_init(&client->idle);
}

static enum cf_error init_clients(struct cf_bench_worker *worker)
{
    const struct cf_bench_shared *shared = worker->shared;
    size_t count = (size_t)share(worker, shared->receivers) + share(worker, shared->senders);
    worker->clients = calloc(count + 1, sizeof(*worker->clients));
    worker->logs = calloc(shared->plan->rooms, sizeof(*worker->logs));
    if (worker->clients == NULL || worker->logs == NULL)
        return CF_E_NOMEM;
    for (unsigned i = worker->index; i < shared->receivers; i += shared->plan->threads) {
        init_client(worker, shared->receiver_role, i);
        worker->logs[i % shared->plan->rooms].receivers++;
    }
    worker->receivers = worker->count;
    for (unsigned i = worker->index; i < shared->senders; i += shared->plan->threads)
        init_client(worker, shared->sender_role, i);
    return CF_OK;
}

static unsigned talking_workers(const struct cf_bench_shared *shared)
{
    return shared->talkers < shared->plan->threads ? shared->talkers : shared->plan->threads;
}

enum cf_error cf_bench_worker_init(struct cf_bench_worker *worker, struct cf_bench_shared *shared,
                                   unsigned index)
{
    const struct cf_bench_dialect *dialect = shared->plan->dialect;
    memset(worker, 0, sizeof(*worker));
    worker->shared = shared;
    worker->index = index;
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (worker->epoll < 0)
        return cf_bench_fail(&worker->why, "epoll: %s", strerror(errno));
    cf_list_init(&worker->idle);
    cf_list_init(&worker->gone);
    cf_buf_init(&worker->inflated, CF_BENCH_FRAME_MAX);
    cf_buf_init(&worker->scratch, SCRATCH_MAX);
    worker->buffer = malloc(CF_BENCH_FRAME_MAX + CF_BENCH_READ_MAX);
    if (shared->plan->deflate)
        worker->inflater = cf_ws_inflater_new(WINDOW_BITS);
    if (worker->buffer == NULL || (shared->plan->deflate && worker->inflater == NULL) ||
        cf_bench_sequence_init(&worker->sequence, shared->talkers, dialect->text_key,
                               dialect->stamp) != CF_OK ||
        init_clients(worker) != CF_OK)
        return cf_bench_fail(&worker->why, "no memory for the clients");
    unsigned talking = talking_workers(shared), in_flight = shared->plan->in_flight;
    if (shared->plan->pool && index < talking)
        worker->busy_max = in_flight / talking + (index < in_flight % talking);
    return CF_OK;
}

void cf_bench_worker_deinit(struct cf_bench_worker *worker)
{
    for (unsigned i = 0; i < worker->count; i++)
        cf_bench_client_deinit(&worker->clients[i]);
    free(worker->clients);
    for (unsigned i = 0; worker->logs != NULL && i < worker->shared->plan->rooms; i++)
        cf_bench_log_deinit(&worker->logs[i]);
    free(worker->logs);
    cf_bench_sequence_deinit(&worker->sequence);
    cf_ws_inflater_free(worker->inflater);
    cf_buf_deinit(&worker->inflated);
    cf_buf_deinit(&worker->scratch);
    free(worker->buffer);
    if (worker->epoll >= 0)
        close(worker->epoll);
}

void cf_bench_stop(struct cf_bench_worker *worker, const char *format, ...)
{
    char line[CF_BENCH_WHY_MAX];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(line, sizeof(line), format, values);
    va_end(values);
    (void)cf_bench_fail(&worker->why, "%s", line);
}

void cf_bench_stop_refused(struct cf_bench_worker *worker, const char *what,
                           const struct cf_bench_answer *answer)
{
    (void)cf_bench_refused(&worker->why, what, answer);
}

enum cf_bench_phase cf_bench_phase(const struct cf_bench_worker *worker)
{
    return (enum cf_bench_phase)atomic_load(&worker->shared->phase);
}

const char *cf_bench_token(const struct cf_bench_client *client)
{
    char *const *tokens = client->worker->shared->setup->tokens;
    return tokens == NULL ? "" : tokens[client->user];
}

const char *cf_bench_room_id(const struct cf_bench_client *client)
{
    return client->worker->shared->setup->rooms[client->room].id;
}

/* ---- connections that come and go ---- */

/* So that no two connects of a user follow each other soon, each is the next one's. */
static void reopen(struct cf_bench_client *client)
{
    struct cf_bench_worker *worker = client->worker;
    const struct cf_bench_plan *plan = worker->shared->plan;
    uint64_t turn = worker->count + worker->reopened++;
    client->number = (unsigned)((turn * plan->threads + worker->index) % (UINT32_MAX / 2));
    client->user = client->number % plan->users;
    client->room = client->number % plan->rooms;
    cf_bench_client_open(client);
}

void cf_bench_ready(struct cf_bench_client *client)
{
    struct cf_bench_worker *worker = client->worker;
    uint64_t now_ns = cf_bench_now_ns();
    client->ready = true;
    worker->opening--;
    worker->counts.connects++;
    if (!worker->shared->plan->reconnect) {
        worker->ready++;
        cf_bench_histogram_add(&worker->connect_times, now_ns - client->began_ns);
        return;
    }
    if (client->began_ns >= worker->shared->from_ns && client->began_ns < worker->shared->until_ns)
        cf_bench_histogram_add(&worker->connect_times, now_ns - client->began_ns);
    cf_bench_client_close(client);
    cf_list_push_back(&worker->gone, &client->idle);
}

static void open_more(struct cf_bench_worker *worker)
{
    bool staffed = cf_bench_phase(worker) != CF_BENCH_OPENING;
    unsigned end = staffed ? worker->count : worker->receivers;
    while (worker->next < end && worker->opening < OPENING_MAX && worker->why.text[0] == '\0')
        cf_bench_client_open(&worker->clients[worker->next++]);
    if (cf_list_empty(&worker->gone) || cf_bench_now_ns() >= worker->shared->until_ns)
        return;
    struct cf_list gone;
    cf_list_init(&gone);
    cf_list_splice_back(&gone, &worker->gone);
    for (struct cf_list *node; (node = cf_list_pop_front(&gone)) != NULL;)
        reopen(CF_LIST_ENTRY(node, struct cf_bench_client, idle));
}

/* ---- messages ---- */

void cf_bench_sender_open(struct cf_bench_client *client)
{
    cf_list_push_back(&client->worker->idle, &client->idle);
}

struct cf_slice cf_bench_message(const struct cf_bench_client *client)
{
    return cf_buf_peek(&client->message);
}

/* False: nobody may send now. */
static bool send_next(struct cf_bench_worker *worker, uint64_t now_ns)
{
    const struct cf_bench_shared *shared = worker->shared;
    if (cf_list_empty(&worker->idle) || (worker->busy_max > 0 && worker->busy >= worker->busy_max))
        return false;
    struct cf_bench_client *client = CF_LIST_ENTRY(worker->idle.next, struct cf_bench_client, idle);
    if (client->counter > 0 && now_ns < client->sent_ns + shared->plan->dialect->rest_ns)
        return false;
    if (client->message.len == 0 && client->role->compose(client) != CF_OK) {
        cf_bench_stop(worker, "no memory for a message");
        return false;
    }
    cf_bench_text_head(client->message.ptr + client->text_at, client->number, client->counter++,
                       now_ns);
    client->sent_ns = now_ns;
    client->busy++;
    worker->busy++;
    worker->counts.sent++;
    worker->expected += shared->room_receivers[client->room];
    cf_list_remove(&client->idle);
    if (client->busy < client->window && !shared->once)
        cf_list_push_back(&worker->idle, &client->idle);
    client->role->send(client);
    return worker->why.text[0] == '\0';
}

/* The messages of all workers are evenly spaced, and these take turns. */
static uint64_t due_ns(const struct cf_bench_worker *worker)
{
    const struct cf_bench_shared *shared = worker->shared;
    uint64_t number = worker->turns_sent * talking_workers(shared) + worker->index;
    uint64_t seconds = number / shared->plan->rate, rest = number % shared->plan->rate;
    return shared->begin_ns + seconds * CF_BENCH_SECOND_NS +
           rest * CF_BENCH_SECOND_NS / shared->plan->rate;
}

static bool is_sending(const struct cf_bench_worker *worker)
{
    return worker->index < talking_workers(worker->shared) && worker->why.text[0] == '\0' &&
           cf_bench_phase(worker) == CF_BENCH_RUNNING;
}

static void send_due(struct cf_bench_worker *worker)
{
    uint64_t now_ns = cf_bench_now_ns();
    if (!is_sending(worker) || now_ns < worker->shared->begin_ns)
        return;
    if (worker->shared->plan->rate == 0) {
        while (send_next(worker, cf_bench_now_ns())) {
        }
        return;
    }
    for (; now_ns >= due_ns(worker); worker->turns_sent++) {
        if (!send_next(worker, cf_bench_now_ns()))
            worker->late++;
    }
}

static bool is_measured(const struct cf_bench_shared *shared, uint64_t sent_ns)
{
    return sent_ns >= shared->from_ns && sent_ns < shared->until_ns;
}

void cf_bench_answered(struct cf_bench_client *client, uint64_t sent_ns, uint64_t now_ns)
{
    struct cf_bench_worker *worker = client->worker;
    if (client->busy == 0) {
        cf_bench_stop(worker, "the server answered a message twice");
        return;
    }
    client->busy--;
    worker->busy--;
    worker->counts.answered++;
    if (is_measured(worker->shared, sent_ns))
        cf_bench_histogram_add(&worker->answer_times, now_ns - sent_ns);
    if (cf_list_empty(&client->idle) && !worker->shared->once)
        cf_list_push_back(&worker->idle, &client->idle);
    if (worker->shared->plan->rate == 0)
        send_due(worker);
}

void cf_bench_deliver(struct cf_bench_client *client, struct cf_slice payload, uint64_t now_ns)
{
    struct cf_bench_worker *worker = client->worker;
    const struct cf_bench_message *message;
    enum cf_error error = cf_bench_sequence_take(&worker->sequence, &worker->logs[client->room],
                                                 &client->place, payload, &message);
    if (error == CF_E_NOMEM) {
        cf_bench_stop(worker, "no memory for the order of messages: run for fewer --seconds");
        return;
    }
    if (error != CF_OK) {
        cf_bench_stop(worker, "a receiver got what nobody has sent: %.*s",
                      (int)cf_slice_head(payload, 200).len, (const char *)payload.ptr);
        return;
    }
    worker->counts.deliveries++;
    worker->counts.text_bytes += payload.len;
    if (is_measured(worker->shared, message->sent_ns))
        cf_bench_histogram_add(&worker->delivery_times, now_ns - message->sent_ns);
}

/* ---- the loop ---- */

static void take_readings(struct cf_bench_worker *worker)
{
    const struct cf_bench_shared *shared = worker->shared;
    if (worker->until_ns != 0 || cf_bench_phase(worker) < CF_BENCH_RUNNING)
        return;
    uint64_t now_ns = cf_bench_now_ns();
    if (worker->from_ns == 0 && now_ns >= shared->from_ns) {
        worker->from_ns = now_ns;
        worker->at_from = worker->counts;
    }
    if (now_ns >= shared->until_ns) {
        worker->until_ns = now_ns;
        worker->at_until = worker->counts;
    }
}

static void publish(struct cf_bench_worker *worker)
{
    struct cf_bench_progress *progress = &worker->progress;
    atomic_store_explicit(&progress->expected, worker->expected, memory_order_relaxed);
    atomic_store_explicit(&progress->deliveries, worker->counts.deliveries, memory_order_relaxed);
    atomic_store_explicit(&progress->busy, worker->busy, memory_order_release);
    atomic_store_explicit(&progress->ready, worker->ready, memory_order_release);
    if (worker->why.text[0] != '\0')
        atomic_store(&progress->failed, true);
}

static uint64_t sooner(uint64_t wait_ns, uint64_t now_ns, uint64_t at_ns)
{
    uint64_t left_ns = at_ns > now_ns ? at_ns - now_ns : 0;
    return left_ns < wait_ns ? left_ns : wait_ns;
}

/* Until something is due; sockets are not waited for here. */
static uint64_t wait_ns(const struct cf_bench_worker *worker)
{
    const struct cf_bench_shared *shared = worker->shared;
    uint64_t now_ns = cf_bench_now_ns(), wait = WAIT_NS;
    if (cf_bench_phase(worker) != CF_BENCH_RUNNING)
        return wait;
    if (worker->from_ns == 0)
        wait = sooner(wait, now_ns, shared->from_ns);
    else if (worker->until_ns == 0)
        wait = sooner(wait, now_ns, shared->until_ns);
    if (!is_sending(worker))
        return wait;
    if (shared->plan->rate > 0)
        return sooner(wait, now_ns, due_ns(worker));
    if (!cf_list_empty(&worker->idle) && shared->plan->dialect->rest_ns > 0) {
        const struct cf_bench_client *client =
            CF_LIST_ENTRY(worker->idle.next, struct cf_bench_client, idle);
        if (worker->busy < worker->busy_max)
            wait = sooner(wait, now_ns, client->sent_ns + shared->plan->dialect->rest_ns);
    }
    return wait;
}

static void turn(struct cf_bench_worker *worker)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t wait = wait_ns(worker);
    struct timespec timeout = {.tv_sec = 0, .tv_nsec = (long)wait};
    int count = epoll_pwait2(worker->epoll, events, EVENTS_MAX, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        cf_bench_stop(worker, "epoll: %s", strerror(errno));
    for (int i = 0; i < count && worker->why.text[0] == '\0'; i++)
        cf_bench_client_happen(events[i].data.ptr, events[i].events);
}

static void finish(struct cf_bench_worker *worker)
{
    take_readings(worker);
    for (unsigned i = 0; i < worker->count; i++) {
        struct cf_bench_client *client = &worker->clients[i];
        if (client->role == worker->shared->receiver_role)
            cf_bench_place_finish(&worker->logs[client->room], &client->place,
                                  &worker->sequence.faults);
        cf_bench_client_close(client);
    }
}

void *cf_bench_worker_run(void *context)
{
    struct cf_bench_worker *worker = context;
    while (worker->why.text[0] == '\0' && cf_bench_phase(worker) != CF_BENCH_ENDING) {
        open_more(worker);
        send_due(worker);
        take_readings(worker);
        publish(worker);
        turn(worker);
    }
    finish(worker);
    publish(worker);
    return NULL;
}
