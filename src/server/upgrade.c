/* From a request on a stream path to an open stream: the checks in their order, the membership, the
 * seat, the 101. */
#include <stdlib.h>
#include <string.h>

#include "server/exchange.h"
#include "server/fanout.h"
#include "server/people.h"
#include "server/stream.h"
#include "wire/ws/handshake.h"

enum { PROBE_SECONDS = 5, DISABLED_RETRY_SECONDS = 60, RESPONSE_MAX = 4096 };

static enum cf_counter failure_counter(unsigned status)
{
    switch (status) {
    case 400:
        return CF_COUNT_UPGRADE_400;
    case 401:
        return CF_COUNT_UPGRADE_401;
    case 403:
        return CF_COUNT_UPGRADE_403;
    case 426:
        return CF_COUNT_UPGRADE_426;
    case 429:
        return CF_COUNT_UPGRADE_429;
    case 503:
        return CF_COUNT_UPGRADE_503;
    default:
        return CF_COUNT_UPGRADE_OTHER;
    }
}

static void refuse(struct cf_exchange *exchange, const struct cf_problem *problem)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_slice user = {NULL, 0};
    if (exchange->auth == CF_OK)
        user = cf_identity_user(&exchange->identity);
    if (problem->status == 401)
        cf_count(&worker->metrics, CF_COUNT_AUTH_FAILURES);
    cf_count(&worker->metrics, failure_counter(problem->status));
    cf_log(CF_LOG_INFO, "WebSocket upgrade failed", CF_KV_CSTR("error", problem->code),
           CF_KV_INT("status", problem->status), CF_KV_STR("shop_id", exchange->match.args[0]),
           CF_KV_STR("user_id", user));
    cf_exchange_refuse(exchange, problem);
}

static void refuse_error(struct cf_exchange *exchange, enum cf_error error)
{
    struct cf_problem problem = cf_problem_of(error);
    refuse(exchange, &problem);
}

static struct cf_problem too_many_attempts(cf_ms retry_ms)
{
    return (struct cf_problem){.status = 429,
                               .code = "too_many_attempts",
                               .message = "Too many connection attempts; wait before the next.",
                               .retry_after_s = (unsigned)((retry_ms + 999) / 1000)};
}

static const struct cf_problem disabled = {.status = 503,
                                           .code = "websocket_disabled",
                                           .message = "Streams are switched off; poll instead.",
                                           .retry_after_s = DISABLED_RETRY_SECONDS};
static const struct cf_problem bad_shop = {.status = 400,
                                           .code = "invalid_id",
                                           .message = "The shop id in the path is no UUID.",
                                           .field = "shop_id"};
static const struct cf_problem bad_handshake = {
    .status = 400,
    .code = "bad_handshake",
    .message = "This path is a WebSocket; the request is no WebSocket handshake (RFC 6455)."};
static const struct cf_problem bad_origin = {
    .status = 403,
    .code = "origin_refused",
    .message = "This web origin is not in WEBSOCKET_ALLOWED_ORIGINS."};
static const struct cf_problem no_seat = {
    .status = 429,
    .code = "too_many_streams",
    .message = "You have too many live streams. Close one, or try again in a few seconds: "
               "connections that are dead are being dropped.",
    .retry_after_s = PROBE_SECONDS};

/* What can be said without asking anybody; status 0: nothing. */
static struct cf_problem check(const struct cf_exchange *exchange, struct cf_uuid *out_shop)
{
    const struct cf_server *server = exchange->web->session->worker->server;
    if (!server->config->ws_enabled)
        return disabled;
    if (!cf_uuid_parse(exchange->match.args[0], out_shop))
        return bad_shop;
    if (exchange->ws_offer == CF_E_UNSUPPORTED)
        return cf_problem_status(426);
    if (exchange->ws_offer != CF_OK)
        return bad_handshake;
    if (exchange->auth != CF_OK)
        return cf_problem_of(exchange->auth);
    if (exchange->origin_refused)
        return bad_origin;
    return (struct cf_problem){.status = 0};
}

/* A stream that waits for its membership: in the room, so that a removal meanwhile reaches it, but
 * not live. */
static enum cf_error new_pending(struct cf_session *session, struct cf_exchange *exchange,
                                 struct cf_uuid shop)
{
    struct cf_slice user = cf_identity_user(&exchange->identity);
    struct cf_slice name = cf_identity_name(&exchange->identity);
    struct cf_stream *stream = calloc(1, sizeof(*stream) + user.len + name.len);
    if (stream == NULL)
        return CF_E_NOMEM;
    memcpy(stream->people, user.ptr, user.len);
    memcpy(stream->people + user.len, name.ptr, name.len);
    stream->user_len = (uint16_t)user.len;
    stream->name_len = (uint16_t)name.len;
    stream->session = session;
    stream->shop = shop;
    stream->expires = exchange->identity.expires;
    stream->probe_until = CF_MS_NEVER;
    stream->version = cf_ws_protocol_offered(exchange->ws_protocols, CF_LIT(CF_SHOP_V2_PROTOCOL))
                          ? CF_SHOP_V2
                          : CF_SHOP_V1;
    cf_subscriber_init(&stream->subscriber, cf_slice_of(stream->people, user.len),
                       cf_fanout_form(stream->version, false));
    exchange->stream = stream;
    return cf_hub_join(&session->worker->hub, shop, &stream->subscriber);
}

void cf_stream_ask(struct cf_session *session, struct cf_exchange *exchange)
{
    struct cf_worker *worker = session->worker;
    struct cf_now now = cf_worker_now(worker);
    struct cf_uuid shop;
    struct cf_problem problem = check(exchange, &shop);
    cf_ms retry_ms = 0;
    if (problem.status == 0 &&
        cf_people_attempt(worker->server, cf_identity_user(&exchange->identity), now.ms,
                          &retry_ms) == CF_E_RATE)
        problem = too_many_attempts(retry_ms);
    if (problem.status != 0) {
        refuse(exchange, &problem);
        return;
    }
    cf_worker_sight(worker, &exchange->identity);
    struct cf_asker asker = {&exchange->identity, &worker->server->entropy, now};
    struct cf_store_request *request;
    enum cf_error error = new_pending(session, exchange, shop);
    if (error == CF_OK)
        error = cf_chat_member_get(&asker, shop, &request);
    if (error == CF_OK)
        cf_worker_submit(worker, &worker->upgrade_job, session->ticket, request);
    else
        refuse_error(exchange, error);
}

/* The negotiated compression; the answer's header value goes to `value`. */
static enum cf_error negotiate(const struct cf_worker *worker, const struct cf_exchange *exchange,
                               struct cf_ws_deflate_params *out_params, struct cf_buf *value)
{
    *out_params = (struct cf_ws_deflate_params){.enabled = false};
    if (worker->deflater == NULL || exchange->ws_extensions.len == 0)
        return CF_OK;
    struct cf_ws_deflate_policy policy = CF_WS_DEFLATE_POLICY_DEFAULT;
    return cf_ws_deflate_accept(exchange->ws_extensions, &policy, out_params, value);
}

/* Queues the 101 and sets the stream's machine up. */
static enum cf_error switch_protocols(struct cf_exchange *exchange)
{
    struct cf_session *session = exchange->web->session;
    struct cf_worker *worker = session->worker;
    struct cf_stream *stream = exchange->stream;
    struct cf_ws_deflate_params params;
    struct cf_buf value;
    cf_buf_init(&value, RESPONSE_MAX);
    struct cf_slice protocol =
        stream->version == CF_SHOP_V2 ? CF_LIT(CF_SHOP_V2_PROTOCOL) : CF_LIT("");
    enum cf_error error = negotiate(worker, exchange, &params, &value);
    if (error == CF_OK)
        error = cf_answer_switch(exchange, protocol, cf_buf_peek(&value));
    cf_buf_deinit(&value);
    if (error != CF_OK)
        return error;
    cf_ws_endpoint_init(&stream->endpoint, &worker->server->ws_config, &params, worker->inflater,
                        cf_worker_now(worker).ms);
    /* The compressed form is made with the full window; who asked for less gets it plain. */
    bool compressed = params.enabled && params.server_window_bits == 15;
    stream->subscriber.form = cf_fanout_form(stream->version, compressed);
    return CF_OK;
}

/* Why the stream must not open, now that the store has answered. */
static struct cf_problem judge(const struct cf_stream *stream,
                               const struct cf_store_request *request)
{
    if (request->error != CF_OK)
        return cf_shop_problem_of(request->op, request->error);
    if (stream->end == CF_STREAM_REMOVED)
        return cf_shop_problem_of(request->op, CF_E_NOT_MEMBER);
    if (stream->end != CF_STREAM_LIVE || stream->session->worker->draining)
        return cf_problem_of(CF_E_UNAVAILABLE);
    return (struct cf_problem){.status = 0};
}

static void open_stream(struct cf_exchange *exchange)
{
    struct cf_session *session = exchange->web->session;
    struct cf_stream *stream = exchange->stream;
    struct cf_seat_place place = {session->worker->index, session->ticket};
    enum cf_error error =
        cf_people_sit(session->worker->server, stream->subscriber.user,
                      cf_identity_name(&exchange->identity), stream->shop, place, &stream->seat);
    if (error == CF_E_TOO_MANY) {
        refuse(exchange, &no_seat);
        return;
    }
    if (error == CF_OK)
        error = switch_protocols(exchange);
    if (error != CF_OK) {
        struct cf_problem problem = error == CF_E_SYNTAX ? bad_handshake : cf_problem_of(error);
        refuse(exchange, &problem);
        return;
    }
    struct cf_buf rest;
    exchange->stream = NULL;
    cf_web_leave(exchange->web, &rest);
    session->stream = stream;
    cf_stream_begin(stream, cf_buf_peek(&rest));
    cf_buf_deinit(&rest);
}

void cf_stream_member_done(struct cf_worker *worker, struct cf_session *session,
                           struct cf_store_request *request)
{
    (void)worker;
    struct cf_exchange *exchange = NULL;
    if (session != NULL && session->web != NULL)
        exchange = session->web->exchange;
    if (exchange != NULL) {
        struct cf_problem problem = judge(exchange->stream, request);
        if (problem.status != 0)
            refuse(exchange, &problem);
        else
            open_stream(exchange);
    }
    cf_store_request_free(request);
}
