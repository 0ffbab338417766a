/* From a request on a stream path to an open stream: the checks in their order, the membership, the
 * seat, the 101. */
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "server/exchange.h"
#include "server/fanout.h"
#include "server/people.h"
#include "server/stream.h"
#include "server/upgrade.h"
#include "wire/ws/handshake.h"

enum { PROBE_SECONDS = 5 };

static const struct cf_problem bad_shop = {.status = 400,
                                           .code = "invalid_id",
                                           .message = "The shop id in the path is no UUID.",
                                           .field = "shop_id"};
static const struct cf_problem no_seat = {
    .status = 429,
    .code = "too_many_streams",
    .message = "You have too many live streams. Close one, or try again in a few seconds: "
               "connections that are dead are being dropped.",
    .retry_after_s = PROBE_SECONDS};

/* What can be said without asking anybody; status 0: nothing. The path is looked at before the
 * handshake. */
static struct cf_problem check(const struct cf_exchange *exchange, struct cf_uuid *out_shop)
{
    bool is_shop = cf_uuid_parse(exchange->match.args[0], out_shop);
    if (!is_shop && exchange->web->session->worker->server->config->ws_enabled)
        return bad_shop;
    struct cf_problem problem = cf_upgrade_check(exchange);
    return problem.status != 0 ? problem : cf_upgrade_check_asker(exchange);
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
    cf_subscriber_init(&stream->subscriber, cf_fanout_form(stream->version, false));
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
        problem = cf_upgrade_too_often(retry_ms);
    if (problem.status != 0) {
        cf_upgrade_refuse(exchange, &problem);
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
        cf_upgrade_fail(exchange, error);
}

/* Queues the 101 and sets the stream's machine up. */
static enum cf_error switch_protocols(struct cf_exchange *exchange)
{
    struct cf_stream *stream = exchange->stream;
    struct cf_slice protocol =
        stream->version == CF_SHOP_V2 ? CF_LIT(CF_SHOP_V2_PROTOCOL) : CF_LIT("");
    bool compressed;
    enum cf_error error = cf_upgrade_switch(
        exchange, protocol, &exchange->web->session->worker->server->ws_config, &compressed);
    if (error == CF_OK)
        stream->subscriber.form = cf_fanout_form(stream->version, compressed);
    return error;
}

/* Why the stream must not open, now that the store has answered. */
static struct cf_problem judge(const struct cf_stream *stream,
                               const struct cf_store_request *request)
{
    if (request->error != CF_OK && !CF_MUTANT(STRANGER_LET_IN))
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
        cf_people_sit(session->worker->server, cf_stream_user(stream),
                      cf_identity_name(&exchange->identity), stream->shop, place, &stream->seat);
    if (error == CF_E_TOO_MANY) {
        cf_upgrade_refuse(exchange, &no_seat);
        return;
    }
    if (error == CF_OK)
        error = switch_protocols(exchange);
    if (error != CF_OK) {
        cf_upgrade_fail(exchange, error);
        return;
    }
    struct cf_buf rest;
    exchange->stream = NULL;
    cf_web_leave(exchange->web, &rest);
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
            cf_upgrade_refuse(exchange, &problem);
        else
            open_stream(exchange);
    }
    cf_store_request_free(request);
}
