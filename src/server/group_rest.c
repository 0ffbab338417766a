#include "server/group_rest.h"

#include "dialect/orbital/rest.h"
#include "server/blob.h"
#include "server/download.h"
#include "server/holds.h"

/* conversation_id and group_id are two names of one thing. */
static struct cf_slice group_param(const struct cf_exchange *exchange)
{
    bool messages = exchange->rest_match.op == CF_ORBITAL_OP_MESSAGES;
    return cf_http_param_get(&exchange->target, messages ? "conversation_id" : "group_id");
}

void cf_group_rest_end(struct cf_exchange *exchange)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_asker asker = {&exchange->identity, &worker->server->entropy, cf_worker_now(worker)};
    struct cf_orbital_call call = {
        .match = exchange->rest_match,
        .body = cf_buf_peek(&exchange->body),
        .idempotency_key = exchange->idempotency_key,
        .since = cf_http_param_get(&exchange->target, "since"),
        .before = cf_http_param_get(&exchange->target, "before"),
        .limit = cf_http_param_get(&exchange->target, "limit"),
        .group_id = group_param(exchange),
        .hash_key = worker->server->hash_key,
    };
    struct cf_store_request *request;
    struct cf_problem problem = {.status = 0};
    enum cf_error error = cf_orbital_ask(&call, &asker, &request, &problem);
    if (problem.status != 0) {
        cf_exchange_refuse(exchange, &problem);
    } else if (error != CF_OK) {
        cf_exchange_fail(exchange, error);
    } else {
        if (!cf_store_op_writes(request->op))
            cf_worker_sight(worker, &exchange->identity);
        cf_worker_submit(worker, &worker->group_rest_job, exchange->web->session->ticket, request);
    }
}

static void download(struct cf_exchange *exchange, const struct cf_store_request *request)
{
    struct cf_worker *worker = exchange->web->session->worker;
    char name[CF_UUID_LEN];
    cf_uuid_format(&request->media.id, name);
    struct cf_download_file file = {.media = &worker->server->blobs,
                                    .name = cf_slice_of(name, CF_UUID_LEN),
                                    .type = "application/octet-stream",
                                    .immutable = true,
                                    .metadata = request->media.metadata};
    cf_download_begin(exchange, &file);
}

static void answer(struct cf_exchange *exchange, const struct cf_store_request *request)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_problem problem = {.status = 0};
    struct cf_answer answer = {.status = 0};
    cf_buf_reset(&worker->scratch);
    enum cf_error error = cf_orbital_answer((enum cf_orbital_op)exchange->rest_match.op, request,
                                            &answer.status, &worker->scratch, &problem);
    answer.body = cf_buf_peek(&worker->scratch);
    if (error != CF_OK)
        cf_exchange_fail(exchange, error);
    else if (problem.status != 0)
        cf_exchange_refuse(exchange, &problem);
    else
        cf_exchange_answer(exchange, &answer);
}

/* A write that was asked again, and answered with what it had made. */
static bool is_replay(const struct cf_store_request *request)
{
    return (request->op == CF_STORE_GROUP_POST || request->op == CF_STORE_GROUP_CREATE) &&
           request->error == CF_OK && !request->created;
}

void cf_group_rest_done(struct cf_worker *worker, struct cf_session *session,
                        struct cf_store_request *request)
{
    struct cf_exchange *exchange = cf_exchange_waiting(session);
    if (is_replay(request))
        cf_count(&worker->metrics, CF_COUNT_REPLAYS);
    if (request->op == CF_STORE_GROUP_MEDIA_DELETE && request->error == CF_OK) {
        cf_hold_end(worker->server, &request->message);
        cf_blob_discard(worker, &request->message);
    }
    bool found = request->op == CF_STORE_GROUP_MEDIA_GET && request->error == CF_OK &&
                 request->media.state == CF_MEDIA_COMPLETE;
    if (request->op == CF_STORE_GROUP_MEDIA_GET && !found && request->error == CF_OK)
        request->error = CF_E_NOT_FOUND; /* one's own upload, not finished */
    if (exchange != NULL && found)
        download(exchange, request);
    else if (exchange != NULL)
        answer(exchange, request);
    cf_store_request_free(request);
}
