#include "server/talk_rest.h"

#include "dialect/talk/rest.h"
#include "server/people.h"

/* The rate is one for all ways to send. Status 0: go on. */
static struct cf_problem check_rate(struct cf_exchange *exchange)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_problem none = {.status = 0};
    cf_ms retry_ms = 0;
    if (exchange->rest_match.op != CF_TALK_OP_SEND)
        return none;
    enum cf_error error = cf_people_rate(worker->server, cf_identity_user(&exchange->identity),
                                         cf_worker_now(worker).ms, &retry_ms);
    if (error == CF_E_RATE) {
        cf_count(&worker->metrics, CF_COUNT_RATE_LIMITED);
        return cf_talk_too_often(retry_ms);
    }
    return error == CF_OK ? none : cf_problem_of(error);
}

void cf_talk_rest_end(struct cf_exchange *exchange)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_asker asker = {&exchange->identity, &worker->server->entropy, cf_worker_now(worker)};
    struct cf_talk_call call = {
        .match = exchange->rest_match,
        .body = cf_buf_peek(&exchange->body),
        .since = cf_http_param_get(&exchange->target, "since"),
        .after_seq = cf_http_param_get(&exchange->target, "afterSeq"),
        .before = cf_http_param_get(&exchange->target, "before"),
        .limit = cf_http_param_get(&exchange->target, "limit"),
        .hash_key = worker->server->hash_key,
    };
    struct cf_store_request *request = NULL;
    struct cf_problem problem = {.status = 0};
    enum cf_error error = cf_talk_ask(&call, &asker, &request, &problem);
    if (error == CF_OK)
        problem = check_rate(exchange);
    if (problem.status != 0) {
        cf_store_request_free(request);
        cf_exchange_refuse(exchange, &problem);
    } else if (error != CF_OK) {
        cf_exchange_fail(exchange, error);
    } else {
        if (!cf_store_op_writes(request->op))
            cf_worker_sight(worker, &exchange->identity);
        cf_worker_submit(worker, &worker->talk_rest_job, exchange->web->session->ticket, request);
    }
}

static void answer(struct cf_exchange *exchange, const struct cf_store_request *request)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_problem problem;
    struct cf_answer answer = {.status = 0};
    cf_buf_reset(&worker->scratch);
    enum cf_error error = cf_talk_answer((enum cf_talk_op)exchange->rest_match.op, request,
                                         &answer.status, &worker->scratch, &problem);
    answer.body = cf_buf_peek(&worker->scratch);
    if (error != CF_OK)
        cf_exchange_fail(exchange, error);
    else if (problem.status != 0)
        cf_exchange_refuse(exchange, &problem);
    else
        cf_exchange_answer(exchange, &answer);
}

void cf_talk_rest_done(struct cf_worker *worker, struct cf_session *session,
                       struct cf_store_request *request)
{
    struct cf_exchange *exchange = cf_exchange_waiting(session);
    if (request->op == CF_STORE_TALK_SEND && request->error == CF_OK && !request->created)
        cf_count(&worker->metrics, CF_COUNT_REPLAYS);
    if (exchange != NULL)
        answer(exchange, request);
    cf_store_request_free(request);
}
