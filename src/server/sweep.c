#include "server/sweep.h"

#include <stdlib.h>

#include "server/holds.h"

enum { ROUND_MAX = 100, ABANDONED_SECONDS = 24 * 60 * 60 };

/* One round. The request that came back from the condemning goes on with the forgetting. */
struct round {
    struct cf_job job;
    struct cf_worker *worker;
    struct cf_store_request *request;
    size_t next, gone; /* of its media: the one whose files go next, those whose are gone */
};

static void end_round(struct cf_worker *worker, bool more)
{
    cf_ms pause = (cf_ms)worker->server->config->orbital_sweep_period_s * 1000;
    if (!worker->draining)
        cf_loop_timer_set(worker->loop, &worker->media_sweep,
                          cf_worker_now(worker).ms + (more ? 0 : pause));
    cf_worker_work_done(worker);
}

static void free_round(struct round *round, bool more)
{
    struct cf_worker *worker = round->worker;
    cf_store_request_free(round->request);
    free(round);
    end_round(worker, more);
}

static void forgotten(struct cf_worker *worker, struct cf_session *session,
                      struct cf_store_request *request)
{
    struct round *round = CF_CONTAINER_OF(request->owner, struct round, job);
    (void)session;
    if (request->error == CF_OK)
        cf_count_add(&worker->metrics, CF_COUNT_MEDIA_SWEPT, request->uuids_count);
    round->request = request;
    free_round(round, request->error == CF_OK && round->next == ROUND_MAX);
}

static void forget(struct round *round)
{
    struct cf_store_request *request = round->request;
    round->request = NULL;
    request->op = CF_STORE_GROUP_MEDIA_FORGET;
    round->job.done = forgotten;
    cf_worker_submit(round->worker, &round->job, 0, request);
}

static void discarded(void *context, enum cf_error error);

/* A file after the other; then the forgetting. */
static void discard_next(struct round *round)
{
    struct cf_worker *worker = round->worker;
    struct cf_store_request *request = round->request;
    char name[CF_MEDIA_NAME_MAX] = {0};
    if (round->next < request->uuids_count) {
        cf_uuid_format(&request->uuids[round->next], name);
        cf_hold_end(worker->server, &request->uuids[round->next]);
        if (cf_media_discard(&worker->server->blobs, cf_loop_uv(worker->loop), name, discarded,
                             round) != CF_OK)
            free_round(round, false);
        return;
    }
    request->uuids_count = round->gone;
    if (round->gone > 0)
        forget(round);
    else
        free_round(round, false);
}

/* One that cannot be removed is not forgotten, and keeps nobody else from it: the next round finds
 * it again. */
static void discarded(void *context, enum cf_error error)
{
    struct round *round = context;
    struct cf_uuid *uuids = round->request->uuids;
    if (error == CF_OK)
        uuids[round->gone++] = uuids[round->next];
    round->next++;
    discard_next(round);
}

static void condemned(struct cf_worker *worker, struct cf_session *session,
                      struct cf_store_request *request)
{
    struct round *round = CF_CONTAINER_OF(request->owner, struct round, job);
    (void)worker;
    (void)session;
    round->request = request;
    if (request->error != CF_OK || request->uuids_count == 0)
        free_round(round, false);
    else
        discard_next(round);
}

static void begin_round(struct cf_worker *worker)
{
    struct round *round = calloc(1, sizeof(*round));
    struct cf_store_request *request = cf_store_request_new(CF_STORE_GROUP_MEDIA_CONDEMN);
    worker->works++;
    if (round == NULL || request == NULL) {
        free(round);
        cf_store_request_free(request);
        end_round(worker, false);
        return;
    }
    round->worker = worker;
    round->job = (struct cf_job){worker, condemned};
    request->now = cf_worker_now(worker).us;
    request->since = request->now - (cf_us)ABANDONED_SECONDS * 1000000;
    request->limit = ROUND_MAX;
    cf_worker_submit(worker, &round->job, 0, request);
}

static void on_timer(struct cf_loop_timer *timer)
{
    begin_round(CF_CONTAINER_OF(timer, struct cf_worker, media_sweep));
}

void cf_sweep_begin(struct cf_worker *worker)
{
    cf_loop_timer_init(&worker->media_sweep, on_timer);
    if (worker->index == 0)
        cf_loop_timer_set(worker->loop, &worker->media_sweep, cf_worker_now(worker).ms);
}

void cf_sweep_stop(struct cf_worker *worker)
{
    cf_loop_timer_stop(worker->loop, &worker->media_sweep);
}
