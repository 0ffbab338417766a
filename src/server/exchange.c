#include "server/exchange.h"

#include <stdlib.h>

#include "dialect/shop/upload.h"
#include "server/blob.h"
#include "server/download.h"
#include "server/group_rest.h"
#include "server/orbit.h"
#include "server/poll.h"
#include "server/request.h"
#include "server/scrape.h"
#include "server/stream.h"
#include "server/talk_rest.h"
#include "server/upload.h"

static struct cf_worker *worker_of(const struct cf_exchange *exchange)
{
    return exchange->web->session->worker;
}

void cf_exchange_free(struct cf_exchange *exchange)
{
    if (exchange == NULL)
        return;
    if (exchange->stream != NULL)
        cf_stream_free(exchange->stream, CF_E_CLOSED);
    cf_poll_free(exchange);
    cf_upload_free(exchange->upload);
    cf_blob_leave(exchange->blob);
    cf_download_free(exchange->download);
    cf_buf_deinit(&exchange->body);
    cf_arena_deinit(&exchange->arena);
    free(exchange);
}

void cf_exchange_answer(struct cf_exchange *exchange, struct cf_answer *answer)
{
    cf_answer_exchange(answer, exchange);
    answer->close = answer->close || worker_of(exchange)->draining;
    cf_answer_send(exchange->web->session, answer);
    if (!answer->in_pieces || answer->head_only)
        cf_web_answered(exchange->web, answer->close);
}

static void refuse(struct cf_exchange *exchange, const struct cf_problem *problem, bool close)
{
    struct cf_answer answer = {.problem = problem, .close = close};
    if (problem->status == 405)
        answer.allow = exchange->match.allow;
    cf_exchange_answer(exchange, &answer);
}

void cf_exchange_refuse(struct cf_exchange *exchange, const struct cf_problem *problem)
{
    refuse(exchange, problem, false);
}

void cf_exchange_fail(struct cf_exchange *exchange, enum cf_error error)
{
    struct cf_problem problem = cf_problem_of(error);
    cf_exchange_refuse(exchange, &problem);
}

/* ---- a head has come ---- */

void cf_exchange_continue(struct cf_exchange *exchange)
{
    struct cf_conn *conn = &exchange->web->session->conn;
    enum cf_error error = cf_conn_write(conn, CF_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
    if (error != CF_OK)
        cf_conn_abort(conn, error);
}

static uint64_t body_max(const struct cf_exchange *exchange)
{
    switch (exchange->plan) {
    case CF_BODY_DROP:
    case CF_BODY_KEEP:
        break;
    case CF_BODY_UPLOAD:
        return CF_UPLOAD_BODY_MAX;
    case CF_BODY_BLOB:
        return worker_of(exchange)->server->config->orbital_media_bytes;
    }
    return exchange->body.max;
}

/* A refused request whose body would be long, or waits for our word, is answered without it. */
static bool refuse_now(const struct cf_exchange *exchange, const struct cf_http_head *head)
{
    return exchange->refusal.status != 0 &&
           (head->expect_continue || head->chunked || head->length > CF_REQUEST_BODY_MAX);
}

enum cf_error cf_exchange_begin(struct cf_web *web, const struct cf_http_head *head)
{
    struct cf_exchange *exchange = calloc(1, sizeof(*exchange));
    if (exchange == NULL)
        return CF_E_NOMEM;
    web->exchange = exchange;
    exchange->web = web;
    cf_arena_init(&exchange->arena, 256 * 1024);
    cf_buf_init(&exchange->body, CF_REQUEST_BODY_MAX);
    enum cf_error error = cf_request_read(exchange, head);
    if (error != CF_OK)
        return error;
    if (refuse_now(exchange, head)) {
        refuse(exchange, &exchange->refusal, true);
        return CF_OK;
    }
    error = cf_http_body_limit(&web->decoder, body_max(exchange));
    if (error == CF_OK)
        cf_poll_announce(exchange);
    exchange->expects_continue = head->expect_continue;
    if (error == CF_OK && head->expect_continue && exchange->plan != CF_BODY_BLOB)
        cf_exchange_continue(exchange);
    return error;
}

enum cf_error cf_exchange_body(struct cf_exchange *exchange, struct cf_slice bytes)
{
    switch (exchange->plan) {
    case CF_BODY_DROP:
        return CF_OK;
    case CF_BODY_KEEP:
        return cf_buf_append(&exchange->body, bytes);
    case CF_BODY_UPLOAD:
        return cf_upload_body(exchange, bytes);
    case CF_BODY_BLOB:
        return cf_blob_body(exchange, bytes);
    }
    return CF_E_STATE;
}

/* ---- it is complete ---- */

static void answer_json(struct cf_exchange *exchange, struct cf_slice json)
{
    struct cf_answer answer = {.status = 200, .body = json};
    cf_exchange_answer(exchange, &answer);
}

/* Which methods there are; with an Origin also what a page of it may do (CORS), and about uploads
 * what the tus protocol asks for. */
static void answer_options(struct cf_exchange *exchange)
{
    struct cf_buf lines;
    cf_buf_init(&lines, 4096);
    enum cf_error error = CF_OK;
    if (exchange->origin.ptr != NULL)
        error = cf_buf_append(
            &lines, CF_LIT("Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n"
                           "Access-Control-Allow-Headers: Authorization, Content-Type, "
                           "Idempotency-Key, Range, If-Range, If-None-Match, Tus-Resumable, "
                           "Upload-Length, Upload-Offset, Upload-Metadata, "
                           "X-Encrypted-Metadata\r\n"
                           "Access-Control-Max-Age: 600\r\n"));
    if (error == CF_OK && exchange->route == CF_ROUTE_GROUP)
        error = cf_blob_options(exchange, &lines);
    struct cf_answer answer = {
        .status = 204, .allow = exchange->match.allow, .extra = cf_buf_peek(&lines)};
    if (error == CF_OK)
        cf_exchange_answer(exchange, &answer);
    else
        cf_exchange_fail(exchange, error);
    cf_buf_deinit(&lines);
}

static void answer_ready(struct cf_exchange *exchange)
{
    struct cf_worker *worker = worker_of(exchange);
    struct cf_store_request *request = cf_store_request_new(CF_STORE_CHECK);
    if (request == NULL)
        cf_exchange_fail(exchange, CF_E_NOMEM);
    else
        cf_worker_submit(worker, &worker->ready_job, exchange->web->session->ticket, request);
}

static void answer_scrape(struct cf_exchange *exchange,
                          enum cf_error (*write)(struct cf_server *, struct cf_buf *),
                          const char *type)
{
    struct cf_buf text;
    cf_buf_init(&text, 16 * 1024 * 1024);
    enum cf_error error = write(worker_of(exchange)->server, &text);
    struct cf_answer answer = {.status = 200, .type = type, .body = cf_buf_peek(&text)};
    if (error == CF_OK)
        cf_exchange_answer(exchange, &answer);
    else
        cf_exchange_fail(exchange, error);
    cf_buf_deinit(&text);
}

static void ask_shop(struct cf_exchange *exchange)
{
    struct cf_worker *worker = worker_of(exchange);
    if (exchange->method == CF_HTTP_GET || exchange->method == CF_HTTP_HEAD)
        cf_worker_sight(worker, &exchange->identity);
    struct cf_asker asker = {&exchange->identity, &worker->server->entropy, cf_worker_now(worker)};
    struct cf_shop_call call = {
        .match = exchange->match,
        .body = cf_buf_peek(&exchange->body),
        .idempotency_key = exchange->idempotency_key,
        .page = cf_http_param_get(&exchange->target, "page"),
        .limit = cf_http_param_get(&exchange->target, "limit"),
        .since = cf_http_param_get(&exchange->target, "since"),
        .hash_key = worker->server->hash_key,
    };
    struct cf_store_request *request;
    struct cf_problem problem = {.status = 0};
    enum cf_error error = cf_shop_ask(&call, &asker, &request, &problem);
    if (error == CF_OK)
        cf_worker_submit(worker, &worker->rest_job, exchange->web->session->ticket, request);
    else if (problem.status != 0)
        cf_exchange_refuse(exchange, &problem);
    else
        cf_exchange_fail(exchange, error);
}

static void end_shop(struct cf_exchange *exchange)
{
    if (exchange->match.op == CF_SHOP_STREAM)
        cf_stream_ask(exchange->web->session, exchange);
    else if (exchange->match.op == CF_SHOP_IMAGE_UPLOAD)
        cf_upload_end(exchange);
    else
        ask_shop(exchange);
}

void cf_exchange_end(struct cf_exchange *exchange)
{
    if (exchange->refusal.status != 0) {
        cf_exchange_refuse(exchange, &exchange->refusal);
        return;
    }
    if (exchange->method == CF_HTTP_OPTIONS) {
        answer_options(exchange);
        return;
    }
    switch (exchange->route) {
    case CF_ROUTE_HEALTHZ:
        answer_json(exchange, CF_LIT("{\"status\":\"ok\"}"));
        break;
    case CF_ROUTE_READYZ:
        answer_ready(exchange);
        break;
    case CF_ROUTE_METRICS:
        answer_scrape(exchange, cf_scrape_metrics, "text/plain; version=0.0.4; charset=utf-8");
        break;
    case CF_ROUTE_STREAM_HEALTH:
        answer_scrape(exchange, cf_scrape_health, NULL);
        break;
    case CF_ROUTE_SHOP:
        end_shop(exchange);
        break;
    case CF_ROUTE_TALK:
        cf_talk_rest_end(exchange);
        break;
    case CF_ROUTE_SOCKET:
        cf_poll_end(exchange);
        break;
    case CF_ROUTE_ORBIT:
        cf_web_next_turn(exchange->web); /* behind all that came with the request */
        break;
    case CF_ROUTE_GROUP:
        if (exchange->plan == CF_BODY_BLOB)
            cf_blob_end(exchange);
        else
            cf_group_rest_end(exchange);
        break;
    case CF_ROUTE_NONE:
        cf_exchange_fail(exchange, CF_E_NOT_FOUND);
        break;
    }
}

void cf_exchange_go_on(struct cf_exchange *exchange)
{
    if (exchange->download != NULL)
        cf_download_go_on(exchange->download);
    else if (exchange->route == CF_ROUTE_ORBIT)
        cf_orbit_open(exchange);
}

/* ---- the store has answered ---- */

struct cf_exchange *cf_exchange_waiting(struct cf_session *session)
{
    return session != NULL && session->web != NULL ? session->web->exchange : NULL;
}

static void answer_shop(struct cf_exchange *exchange, const struct cf_store_request *request)
{
    struct cf_worker *worker = worker_of(exchange);
    struct cf_problem problem = {.status = 0};
    struct cf_answer answer = {.status = 0};
    cf_buf_reset(&worker->scratch);
    enum cf_error error =
        cf_shop_answer(exchange->match.op, request, &answer.status, &worker->scratch, &problem);
    if (error != CF_OK) {
        cf_exchange_fail(exchange, error);
        return;
    }
    if (problem.status != 0) {
        cf_exchange_refuse(exchange, &problem);
        return;
    }
    answer.body = cf_buf_peek(&worker->scratch);
    cf_exchange_answer(exchange, &answer);
}

static void answer_image(struct cf_exchange *exchange, struct cf_slice image)
{
    struct cf_download_file file = {.media = &worker_of(exchange)->server->media,
                                    .name = image,
                                    .type = cf_shop_media_type(image)};
    if (image.ptr == NULL || image.len >= CF_MEDIA_NAME_MAX)
        cf_exchange_fail(exchange, CF_E_NOT_FOUND);
    else
        cf_download_begin(exchange, &file);
}

void cf_exchange_store_done(struct cf_worker *worker, struct cf_session *session,
                            struct cf_store_request *request)
{
    struct cf_exchange *exchange = cf_exchange_waiting(session);
    cf_upload_clean(worker, request);
    if (request->op == CF_STORE_MESSAGE_CREATE && request->error == CF_OK && !request->created)
        cf_count(&worker->metrics, CF_COUNT_REPLAYS);
    if (exchange != NULL) {
        if (exchange->match.op == CF_SHOP_IMAGE_GET && request->error == CF_OK)
            answer_image(exchange, request->messages[0].image);
        else
            answer_shop(exchange, request);
    }
    cf_store_request_free(request);
}

void cf_exchange_ready_done(struct cf_worker *worker, struct cf_session *session,
                            struct cf_store_request *request)
{
    (void)worker;
    struct cf_exchange *exchange = cf_exchange_waiting(session);
    if (exchange != NULL && request->error == CF_OK)
        answer_json(exchange, CF_LIT("{\"status\":\"ready\"}"));
    else if (exchange != NULL)
        cf_exchange_fail(exchange, CF_E_UNAVAILABLE);
    cf_store_request_free(request);
}
