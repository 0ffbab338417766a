#include "server/upgrade.h"

#include "wire/ws/handshake.h"

enum { DISABLED_RETRY_SECONDS = 60, RESPONSE_MAX = 4096 };

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

void cf_upgrade_refuse(struct cf_exchange *exchange, const struct cf_problem *problem)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_slice user = {NULL, 0};
    if (exchange->auth == CF_OK)
        user = cf_identity_user(&exchange->identity);
    if (problem->status == 401)
        cf_count(&worker->metrics, CF_COUNT_AUTH_FAILURES);
    cf_count(&worker->metrics, failure_counter(problem->status));
    if (exchange->route == CF_ROUTE_SHOP)
        cf_log(CF_LOG_INFO, "WebSocket upgrade failed", CF_KV_CSTR("error", problem->code),
               CF_KV_INT("status", problem->status), CF_KV_STR("shop_id", exchange->match.args[0]),
               CF_KV_STR("user_id", user));
    else
        cf_log(CF_LOG_INFO, "Orbital upgrade failed", CF_KV_CSTR("error", problem->code),
               CF_KV_INT("status", problem->status), CF_KV_STR("user_id", user));
    cf_exchange_refuse(exchange, problem);
}

static const struct cf_problem disabled = {.status = 503,
                                           .code = "websocket_disabled",
                                           .message = "Streams are switched off; poll instead.",
                                           .retry_after_s = DISABLED_RETRY_SECONDS};
static const struct cf_problem bad_handshake = {
    .status = 400,
    .code = "bad_handshake",
    .message = "This path is a WebSocket; the request is no WebSocket handshake (RFC 6455)."};
static const struct cf_problem bad_origin = {
    .status = 403,
    .code = "origin_refused",
    .message = "This web origin is not in WEBSOCKET_ALLOWED_ORIGINS."};

void cf_upgrade_fail(struct cf_exchange *exchange, enum cf_error error)
{
    struct cf_problem problem = error == CF_E_SYNTAX ? bad_handshake : cf_problem_of(error);
    cf_upgrade_refuse(exchange, &problem);
}

struct cf_problem cf_upgrade_too_often(cf_ms retry_ms)
{
    return (struct cf_problem){.status = 429,
                               .code = "too_many_attempts",
                               .message = "Too many connection attempts; wait before the next.",
                               .retry_after_s = (unsigned)((retry_ms + 999) / 1000)};
}

struct cf_problem cf_upgrade_check(const struct cf_exchange *exchange)
{
    if (!exchange->web->session->worker->server->config->ws_enabled)
        return disabled;
    if (exchange->ws_offer == CF_E_UNSUPPORTED)
        return cf_problem_status(426);
    if (exchange->ws_offer != CF_OK)
        return bad_handshake;
    return (struct cf_problem){.status = 0};
}

struct cf_problem cf_upgrade_check_asker(const struct cf_exchange *exchange)
{
    if (exchange->auth != CF_OK)
        return cf_problem_of(exchange->auth);
    if (exchange->origin_refused)
        return bad_origin;
    return (struct cf_problem){.status = 0};
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

enum cf_error cf_upgrade_switch(struct cf_exchange *exchange, struct cf_slice protocol,
                                const struct cf_ws_config *config, bool *out_compressed)
{
    struct cf_session *session = exchange->web->session;
    struct cf_worker *worker = session->worker;
    struct cf_ws_deflate_params params;
    struct cf_buf value;
    cf_buf_init(&value, RESPONSE_MAX);
    enum cf_error error = negotiate(worker, exchange, &params, &value);
    if (error == CF_OK)
        error = cf_answer_switch(exchange, protocol, cf_buf_peek(&value));
    cf_buf_deinit(&value);
    if (error != CF_OK)
        return error;
    cf_ws_endpoint_init(&session->line.endpoint, config, &params, worker->inflater,
                        cf_worker_now(worker).ms);
    /* The compressed form is made with the full window; who asked for less gets it plain. */
    *out_compressed = params.enabled && params.server_window_bits == 15;
    return CF_OK;
}
