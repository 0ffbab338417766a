#include "server/web.h"

#include <stdlib.h>

#include "server/answer.h"
#include "server/bearer.h"
#include "server/exchange.h"

enum {
    BACKLOG_MAX = 1024 * 1024,
    BACKLOG_PAUSE = 64 * 1024,
    ANSWERS_MAX = 256 * 1024,
    BODY_GRACE_MS = 10000,
    BODY_BYTES_PER_SECOND = 1024,
    BODY_SILENCE_MS = 30000,
};

static void set_deadline(struct cf_web *web, cf_ms after_ms)
{
    struct cf_worker *worker = web->session->worker;
    cf_loop_timer_set(worker->loop, &web->session->timer, cf_worker_now(worker).ms + after_ms);
}

static cf_ms header_timeout_ms(const struct cf_web *web)
{
    return (cf_ms)web->session->worker->server->config->http_header_timeout_s * 1000;
}

static void enter(struct cf_web *web, enum cf_web_phase phase)
{
    struct cf_worker *worker = web->session->worker;
    web->phase = phase;
    switch (phase) {
    case CF_WEB_IDLE:
        set_deadline(web, web->served ? (cf_ms)worker->server->config->http_idle_timeout_s * 1000
                                      : header_timeout_ms(web));
        break;
    case CF_WEB_HEAD:
        set_deadline(web, header_timeout_ms(web));
        break;
    case CF_WEB_BODY:
        web->body_started = cf_worker_now(worker).ms;
        web->body_bytes = 0;
        set_deadline(web, BODY_GRACE_MS);
        break;
    case CF_WEB_HELD:
        set_deadline(web, 0);
        break;
    case CF_WEB_ANSWER:
    case CF_WEB_CLOSING:
        cf_loop_timer_stop(worker->loop, &web->session->timer);
        break;
    }
}

struct cf_web *cf_web_new(struct cf_session *session)
{
    struct cf_web *web = calloc(1, sizeof(*web));
    if (web == NULL)
        return NULL;
    web->session = session;
    struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    cf_http_decoder_init(&web->decoder, CF_HTTP_REQUEST, &limits);
    cf_buf_init(&web->backlog, BACKLOG_MAX);
    return web;
}

void cf_web_begin(struct cf_web *web)
{
    enter(web, CF_WEB_IDLE);
}

void cf_web_free(struct cf_web *web)
{
    if (web == NULL)
        return;
    cf_exchange_free(web->exchange);
    cf_bearer_free(web->bearer);
    cf_http_decoder_deinit(&web->decoder);
    cf_buf_deinit(&web->backlog);
    free(web);
}

/* Answers a request that cannot be read, or not any further, and ends the connection. */
static void fail(struct cf_web *web, unsigned status)
{
    struct cf_problem problem = cf_problem_status(status);
    struct cf_answer answer = {.problem = &problem, .close = true};
    cf_answer_exchange(&answer, web->exchange);
    cf_answer_send(web->session, &answer);
    cf_web_answered(web, true);
}

/* A rate that a body must keep, in one absolute deadline: 10 s and a second for every KiB that
 * came; but never so long a silence that a dead peer could keep an upload for hours. */
static void body_progress(struct cf_web *web, size_t len)
{
    struct cf_worker *worker = web->session->worker;
    web->body_bytes += len;
    cf_ms until =
        web->body_started + BODY_GRACE_MS + (cf_ms)(web->body_bytes / BODY_BYTES_PER_SECOND) * 1000;
    cf_loop_timer_set(worker->loop, &web->session->timer,
                      cf_ms_earlier(until, cf_worker_now(worker).ms + BODY_SILENCE_MS));
}

static enum cf_error handle_event(struct cf_web *web, const struct cf_http_event *event)
{
    switch (event->type) {
    case CF_HTTP_NEED_MORE:
        return CF_OK;
    case CF_HTTP_EVENT_HEAD:
        enter(web, CF_WEB_BODY);
        return cf_exchange_begin(web, event->head);
    case CF_HTTP_BODY:
        if (web->exchange == NULL)
            return CF_OK; /* answered before its body came */
        body_progress(web, event->body.len);
        return cf_exchange_body(web->exchange, event->body);
    case CF_HTTP_END:
        if (web->exchange == NULL)
            return CF_OK;
        enter(web, CF_WEB_ANSWER);
        cf_exchange_end(web->exchange);
        return CF_OK;
    }
    return CF_E_STATE;
}

static bool takes_input(const struct cf_web *web)
{
    return web->phase != CF_WEB_ANSWER && web->phase != CF_WEB_HELD && web->phase != CF_WEB_CLOSING;
}

/* Decodes until the input is used up or a request is to be answered. */
static void decode(struct cf_web *web, struct cf_slice *input)
{
    struct cf_http_event event = {.type = CF_HTTP_NEED_MORE};
    web->decoding = true;
    do {
        enum cf_error error = cf_http_next(&web->decoder, input, &event);
        if (error != CF_OK)
            fail(web, cf_http_decoder_status(&web->decoder));
        else if ((error = handle_event(web, &event)) != CF_OK)
            fail(web, cf_problem_of(error).status);
    } while (event.type != CF_HTTP_NEED_MORE && takes_input(web));
    web->decoding = false;
    bool inside_head = web->exchange == NULL && !cf_http_decoder_idle(&web->decoder);
    if (web->phase == CF_WEB_IDLE && inside_head)
        enter(web, CF_WEB_HEAD);
}

static void keep_back(struct cf_web *web, struct cf_slice rest)
{
    if (rest.len == 0 || web->phase == CF_WEB_CLOSING)
        return;
    if (cf_buf_append(&web->backlog, rest) != CF_OK) {
        cf_conn_abort(&web->session->conn, CF_E_NOMEM);
        return;
    }
    if (web->backlog.len >= BACKLOG_PAUSE)
        cf_conn_pause(&web->session->conn);
}

void cf_web_read(struct cf_web *web, struct cf_slice bytes)
{
    if (takes_input(web))
        decode(web, &bytes);
    keep_back(web, bytes);
}

static void resume(struct cf_web *web)
{
    struct cf_buf taken = web->backlog;
    cf_buf_init(&web->backlog, BACKLOG_MAX);
    cf_conn_resume(&web->session->conn);
    struct cf_slice input = cf_buf_peek(&taken);
    decode(web, &input);
    keep_back(web, input);
    cf_buf_deinit(&taken);
}

/* Who asks and asks and does not read gets no further answer until these are written (hazard
 * V11). */
static bool answers_wait(const struct cf_web *web)
{
    return cf_conn_outq(&web->session->conn)->bytes >= ANSWERS_MAX;
}

/* A turn has passed, or the connection's queue has drained. A socket that is full tells when it is
 * not; nobody tells when all went out at once. */
static void look_at_held(struct cf_web *web)
{
    if (!answers_wait(web)) {
        enter(web, CF_WEB_IDLE);
        resume(web);
    } else if (!cf_conn_blocked(&web->session->conn)) {
        set_deadline(web, 0);
    }
}

void cf_web_answered(struct cf_web *web, bool close)
{
    cf_exchange_free(web->exchange);
    web->exchange = NULL;
    web->served = true;
    if (close || web->session->worker->draining) {
        enter(web, CF_WEB_CLOSING);
        cf_buf_release(&web->backlog);
        cf_conn_shut(&web->session->conn);
        return;
    }
    if (answers_wait(web)) {
        enter(web, CF_WEB_HELD);
        return;
    }
    enter(web, CF_WEB_IDLE);
    if (!web->decoding)
        resume(web);
}

void cf_web_next_turn(struct cf_web *web)
{
    set_deadline(web, 0);
}

void cf_web_leave(struct cf_web *web, struct cf_buf *out_rest)
{
    CF_ASSERT(!web->decoding); /* what has come is in the backlog */
    *out_rest = web->backlog;
    cf_buf_init(&web->backlog, BACKLOG_MAX);
    cf_conn_resume(&web->session->conn);
    web->session->web = NULL;
    cf_web_free(web);
}

void cf_web_drained(struct cf_web *web)
{
    if (web->phase == CF_WEB_HELD)
        look_at_held(web);
    else if (web->phase == CF_WEB_ANSWER) /* what drained may be the answer before this request */
        cf_exchange_go_on(web->exchange);
}

void cf_web_timer(struct cf_web *web)
{
    if (web->phase == CF_WEB_IDLE) {
        enter(web, CF_WEB_CLOSING);
        cf_conn_shut(&web->session->conn);
    } else if (web->phase == CF_WEB_BODY && cf_conn_paused(&web->session->conn)) {
        set_deadline(web, BODY_GRACE_MS); /* it is we who keep the body waiting */
    } else if (web->phase == CF_WEB_HEAD || web->phase == CF_WEB_BODY) {
        fail(web, 408);
    } else if (web->phase == CF_WEB_HELD) {
        look_at_held(web);
    } else if (web->exchange != NULL) {
        cf_exchange_go_on(web->exchange);
    }
}

void cf_web_drain(struct cf_web *web)
{
    if (web->phase != CF_WEB_IDLE && web->phase != CF_WEB_HELD)
        return; /* its answer will close it, or the end of the drain */
    enter(web, CF_WEB_CLOSING);
    cf_conn_shut(&web->session->conn);
}
