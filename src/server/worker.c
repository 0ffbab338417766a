#include "server/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "server/blob.h"
#include "server/exchange.h"
#include "server/fanout.h"
#include "server/group_rest.h"
#include "server/lost.h"
#include "server/session.h"
#include "server/stream.h"
#include "server/sweep.h"
#include "server/talk_rest.h"

enum { FRAMES_MAX = 64 * 1024 * 1024, SCRATCH_MAX = 16 * 1024 * 1024 };
enum { SIGHTINGS_ALIKE = 4 }; /* users that share a place in the table */

struct cf_now cf_worker_now(const struct cf_worker *worker)
{
    return cf_loop_now(worker->loop);
}

cf_ms cf_worker_when(const struct cf_worker *worker, cf_us at)
{
    struct cf_now now = cf_worker_now(worker);
    return now.ms + (at > now.us ? (at - now.us) / 1000 + 1 : 0);
}

void cf_worker_submit(struct cf_worker *worker, struct cf_job *job, uint64_t ticket,
                      struct cf_store_request *request)
{
    request->owner = job;
    request->ticket = ticket;
    worker->jobs_running++;
    cf_list_push_back(&worker->submits, &request->link);
}

/* Where a user's last sighting is remembered, as one of a few. */
static struct cf_sighting *sightings_of(struct cf_worker *worker, uint64_t user)
{
    return &worker->sightings[user % (CF_SIGHTINGS / SIGHTINGS_ALIKE) * SIGHTINGS_ALIKE];
}

/* NULL: the user was not seen lately. */
static struct cf_sighting *find_sighting(struct cf_sighting *sightings, uint64_t user)
{
    for (size_t i = 0; i < SIGHTINGS_ALIKE; i++)
        if (sightings[i].user == user >> 32)
            return &sightings[i];
    return NULL;
}

static struct cf_sighting *push_sighting(struct cf_sighting *sightings)
{
    memmove(sightings + 1, sightings, (SIGHTINGS_ALIKE - 1) * sizeof(*sightings));
    return sightings;
}

static uint64_t hash_of(struct cf_slice bytes)
{
    static const uint64_t key[2] = {0, 1};
    return cf_siphash(key, bytes);
}

void cf_worker_sight(struct cf_worker *worker, const struct cf_identity *identity)
{
    uint64_t user = hash_of(cf_identity_user(identity));
    uint32_t name = (uint32_t)hash_of(cf_identity_name(identity));
    struct cf_sighting *sightings = sightings_of(worker, user);
    struct cf_sighting *last = find_sighting(sightings, user);
    if (last != NULL && last->name == name)
        return;
    struct cf_asker asker = {identity, &worker->server->entropy, cf_worker_now(worker)};
    struct cf_store_request *request;
    if (cf_chat_user_put(&asker, &request) != CF_OK)
        return; /* the next sight tries again */
    if (last == NULL)
        last = push_sighting(sightings);
    *last = (struct cf_sighting){.user = (uint32_t)(user >> 32), .name = name};
    cf_worker_submit(worker, &worker->sight_job, 0, request);
}

static void sight_done(struct cf_worker *worker, struct cf_session *session,
                       struct cf_store_request *request)
{
    (void)session;
    uint64_t user = hash_of(request->actor);
    struct cf_sighting *last = find_sighting(sightings_of(worker, user), user);
    if (request->error != CF_OK && last != NULL)
        *last = (struct cf_sighting){0}; /* the next sight tries again */
    cf_store_request_free(request);
}

static void stop_if_done(struct cf_worker *worker)
{
    if (worker->draining && worker->sessions_count == 0 && worker->jobs_running == 0 &&
        worker->works == 0 && worker->socket_slots.count == 0)
        cf_loop_stop(worker->loop);
}

void cf_worker_session_gone(struct cf_worker *worker)
{
    worker->sessions_count--;
    atomic_fetch_sub_explicit(&worker->metrics.connections, 1, memory_order_relaxed);
    stop_if_done(worker);
}

void cf_worker_work_done(struct cf_worker *worker)
{
    worker->works--;
    stop_if_done(worker);
}

void cf_worker_socket_gone(struct cf_worker *worker)
{
    stop_if_done(worker);
}

static void finish_request(struct cf_worker *worker, struct cf_store_request *request)
{
    const struct cf_job *job = request->owner;
    worker->jobs_running--;
    job->done(worker, cf_slots_get(&worker->slots, request->ticket), request);
}

/* Requests and events in the order of the commit: who has joined hears of everything that came
 * after, and is there to be put out by a removal that came after (hazard V20). */
static void take_news(struct cf_worker *worker, struct cf_mail *mail)
{
    const struct cf_batch *batch = mail->batch;
    size_t told = 0;
    if (batch != NULL)
        cf_fanout_begin(worker, batch);
    for (struct cf_list *node; (node = cf_list_pop_front(&mail->requests)) != NULL;) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        if (batch != NULL)
            cf_fanout_events(worker, batch->events + told, request->place - told);
        told = request->place;
        finish_request(worker, request);
    }
    if (batch == NULL)
        return;
    cf_fanout_events(worker, batch->events + told, batch->count - told);
    cf_fanout_end(worker, batch);
}

static void stop_listening(struct cf_worker *worker)
{
    for (size_t i = 0; i < worker->listeners_count; i++)
        cf_listener_stop(worker->listeners[i]);
    worker->listeners_count = 0;
}

static void drain(struct cf_worker *worker)
{
    worker->draining = true;
    stop_listening(worker);
    uint32_t cursor = 0;
    for (struct cf_socket *it; (it = cf_slots_next(&worker->socket_slots, &cursor)) != NULL;)
        cf_socket_drain(it);
    cf_lost_end_all(worker);
    cf_sweep_stop(worker);
    cursor = 0;
    for (struct cf_session *it; (it = cf_slots_next(&worker->slots, &cursor)) != NULL;)
        cf_session_drain(it);
}

static void cut(struct cf_worker *worker)
{
    uint32_t cursor = 0;
    for (struct cf_session *it; (it = cf_slots_next(&worker->slots, &cursor)) != NULL;)
        cf_conn_abort(&it->conn, CF_E_TIMEOUT);
}

static void probe(struct cf_worker *worker, uint64_t ticket)
{
    struct cf_session *session = cf_slots_get(&worker->slots, ticket);
    struct cf_stream *stream = session == NULL ? NULL : cf_stream_of_session(session);
    if (stream != NULL)
        cf_stream_probe(stream);
}

/* It may have gone on to another request by now. */
static void let_go(struct cf_worker *worker, const struct cf_mail *mail)
{
    const struct cf_exchange *exchange =
        cf_exchange_waiting(cf_slots_get(&worker->slots, mail->ticket));
    if (exchange != NULL && exchange->blob != NULL && cf_blob_waits(exchange->blob, &mail->upload))
        cf_conn_abort(&exchange->web->session->conn, CF_E_CLOSED);
}

static void handle_mail(struct cf_worker *worker, struct cf_mail *mail)
{
    switch (mail->kind) {
    case CF_MAIL_NEWS:
        take_news(worker, mail);
        break;
    case CF_MAIL_ASK:
    case CF_MAIL_TELL:
    case CF_MAIL_GONE:
    case CF_MAIL_MOVE:
        cf_poll_handle(worker, mail);
        break;
    case CF_MAIL_FOUND:
        cf_lost_supersede(worker, mail->pid, mail->opened);
        break;
    case CF_MAIL_LET_GO:
        let_go(worker, mail);
        break;
    case CF_MAIL_PROBE:
        probe(worker, mail->ticket);
        break;
    }
    cf_mail_free(mail);
}

/* What came back while there was no memory for a mail. */
static void take_returns(struct cf_worker *worker)
{
    struct cf_list requests;
    cf_list_init(&requests);
    if (atomic_exchange(&worker->events_lost, false))
        cf_fanout_lost(worker);
    cf_mailbox_take(&worker->returns, &requests);
    for (struct cf_list *node; (node = cf_list_pop_front(&requests)) != NULL;)
        finish_request(worker, CF_LIST_ENTRY(node, struct cf_store_request, link));
}

static void take_orders(struct cf_worker *worker)
{
    unsigned orders = atomic_exchange(&worker->orders, 0);
    if ((orders & CF_ORDER_DRAIN) != 0)
        drain(worker);
    if ((orders & CF_ORDER_CUT) != 0)
        cut(worker);
}

static void on_wake(void *context)
{
    struct cf_worker *worker = context;
    struct cf_list items;
    cf_list_init(&items);
    cf_mailbox_take(&worker->mailbox, &items);
    for (struct cf_list *node; (node = cf_list_pop_front(&items)) != NULL;)
        handle_mail(worker, CF_LIST_ENTRY(node, struct cf_mail, link));
    take_returns(worker);
    take_orders(worker);
    stop_if_done(worker);
}

/* What this turn has given sockets to say on polling, or has made of them. */
static void settle_sockets(struct cf_worker *worker)
{
    while (!cf_list_empty(&worker->unsettled))
        cf_socket_settle(CF_LIST_ENTRY(worker->unsettled.next, struct cf_socket, unsettled));
}

static void on_turn_end(void *context)
{
    struct cf_worker *worker = context;
    cf_fanout_flush(worker);
    settle_sockets(worker);
    if (!cf_list_empty(&worker->submits))
        worker->server->store->ops->submit(worker->server->store, &worker->submits);
}

static const struct cf_loop_ops loop_ops = {.wake = on_wake, .turn_end = on_turn_end};

static void init_jobs(struct cf_worker *worker)
{
    worker->rest_job = (struct cf_job){worker, cf_exchange_store_done};
    worker->ready_job = (struct cf_job){worker, cf_exchange_ready_done};
    worker->upgrade_job = (struct cf_job){worker, cf_stream_member_done};
    worker->group_rest_job = (struct cf_job){worker, cf_group_rest_done};
    worker->talk_rest_job = (struct cf_job){worker, cf_talk_rest_done};
    worker->noted_job = (struct cf_job){worker, cf_socket_noted_done};
    worker->sight_job = (struct cf_job){worker, sight_done};
}

enum cf_error cf_worker_new(struct cf_server *server, unsigned index, struct cf_worker **out_worker)
{
    struct cf_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return CF_E_NOMEM;
    worker->server = server;
    worker->index = index;
    cf_list_init(&worker->submits);
    cf_slots_init(&worker->slots);
    cf_slots_init(&worker->socket_slots);
    cf_map_init(&worker->lives, server->hash_key);
    cf_list_init(&worker->unsettled);
    cf_list_init(&worker->lost);
    cf_list_init(&worker->strangers);
    cf_buf_init(&worker->actions, SCRATCH_MAX);
    cf_buf_init(&worker->decoded, SCRATCH_MAX);
    cf_buf_init(&worker->packet, SCRATCH_MAX);
    cf_hub_init(&worker->hub, server->hash_key);
    cf_buf_init(&worker->frames, FRAMES_MAX);
    cf_buf_init(&worker->deflated, SCRATCH_MAX);
    cf_buf_init(&worker->scratch, SCRATCH_MAX);
    init_jobs(worker);
    enum cf_error error = cf_loop_new(&loop_ops, worker, &worker->loop);
    if (error != CF_OK) {
        free(worker);
        return error;
    }
    cf_mailbox_init(&worker->mailbox, worker->loop);
    cf_mailbox_init(&worker->returns, worker->loop);
    cf_lost_sweep_later(worker);
    cf_sweep_begin(worker);
    if (server->config->ws_compression) {
        worker->deflater = cf_ws_deflater_new(15);
        worker->inflater = cf_ws_inflater_new(15);
        if (worker->deflater == NULL || worker->inflater == NULL) {
            cf_worker_free(worker);
            return CF_E_NOMEM;
        }
    }
    *out_worker = worker;
    return CF_OK;
}

/* What came after the loop had stopped: nobody is left to tell. */
static void discard_mail(struct cf_worker *worker)
{
    struct cf_list items;
    cf_list_init(&items);
    cf_mailbox_take(&worker->mailbox, &items);
    for (struct cf_list *node; (node = cf_list_pop_front(&items)) != NULL;) {
        struct cf_mail *mail = CF_LIST_ENTRY(node, struct cf_mail, link);
        for (struct cf_list *done; (done = cf_list_pop_front(&mail->requests)) != NULL;)
            cf_store_request_free(CF_LIST_ENTRY(done, struct cf_store_request, link));
        cf_poll_discard(mail);
        cf_mail_free(mail);
    }
    cf_mailbox_take(&worker->returns, &items);
    for (struct cf_list *node; (node = cf_list_pop_front(&items)) != NULL;)
        cf_store_request_free(CF_LIST_ENTRY(node, struct cf_store_request, link));
}

void cf_worker_free(struct cf_worker *worker)
{
    discard_mail(worker);
    stop_listening(worker);
    cf_loop_free(worker->loop);
    cf_mailbox_deinit(&worker->mailbox);
    cf_mailbox_deinit(&worker->returns);
    cf_ws_deflater_free(worker->deflater);
    cf_ws_inflater_free(worker->inflater);
    cf_hub_deinit(&worker->hub);
    cf_slots_deinit(&worker->slots);
    cf_slots_deinit(&worker->socket_slots);
    cf_map_deinit(&worker->lives);
    cf_buf_deinit(&worker->actions);
    cf_buf_deinit(&worker->decoded);
    cf_buf_deinit(&worker->packet);
    cf_buf_deinit(&worker->frames);
    cf_buf_deinit(&worker->deflated);
    cf_buf_deinit(&worker->scratch);
    free(worker);
}

static void on_accepted(void *context, int fd)
{
    cf_session_accept(context, fd);
}

static const struct cf_listener_ops listener_ops = {.accepted = on_accepted};

enum cf_error cf_worker_listen(struct cf_worker *worker, int fd)
{
    enum cf_error error = cf_listener_start(worker->loop, fd, &listener_ops, worker,
                                            &worker->listeners[worker->listeners_count]);
    if (error == CF_OK)
        worker->listeners_count++;
    return error;
}

static void *run(void *context)
{
    struct cf_worker *worker = context;
    cf_loop_run(worker->loop);
    cf_server_worker_ended(worker->server);
    return NULL;
}

enum cf_error cf_worker_start(struct cf_worker *worker)
{
    /* Signals are the main thread's. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    worker->started = failed == 0;
    return worker->started ? CF_OK : CF_E_IO;
}

void cf_worker_post(struct cf_worker *worker, struct cf_mail *mail)
{
    struct cf_list items;
    cf_list_init(&items);
    cf_list_push_back(&items, &mail->link);
    cf_mailbox_post(&worker->mailbox, &items);
}

void cf_worker_return(struct cf_worker *worker, struct cf_list *requests, bool lost)
{
    if (lost)
        atomic_store(&worker->events_lost, true);
    if (requests != NULL)
        cf_mailbox_post(&worker->returns, requests);
    cf_loop_wake(worker->loop);
}

void cf_worker_order(struct cf_worker *worker, enum cf_order order)
{
    atomic_fetch_or(&worker->orders, order);
    cf_loop_wake(worker->loop);
}
