#include "server/stream.h"

#include <stdlib.h>

#include "base/mutant.h"
#include "chat/command.h"
#include "server/people.h"

enum { PROBE_MS = 5000, OUT_MAX = 256 * 1024, ANSWERS_BYTES_MAX = 1024 * 1024 };

struct ending {
    unsigned code;
    const char *reason;
    const char *log;
    enum cf_counter counter;
};

static const struct ending endings[] = {
    [CF_STREAM_LIVE] = {1006, "", "connection_lost", CF_COUNT_GONE_VANISHED},
    [CF_STREAM_BY_CLIENT] = {1000, "", "client_closed", CF_COUNT_GONE_CLIENT},
    [CF_STREAM_PROTOCOL] = {1008, "too many malformed messages", "protocol_error",
                            CF_COUNT_GONE_PROTOCOL},
    [CF_STREAM_PONG] = {1006, "", "pong_timeout", CF_COUNT_GONE_PONG},
    [CF_STREAM_SLOW] = {1013, "reads too slowly, fetch what is missing", "slow_consumer",
                        CF_COUNT_GONE_SLOW},
    [CF_STREAM_EXPIRED] = {1008, "token expired", "token_expired", CF_COUNT_GONE_EXPIRED},
    [CF_STREAM_REMOVED] = {1008, "removed from shop", "removed_from_shop", CF_COUNT_GONE_REMOVED},
    [CF_STREAM_SHUTDOWN] = {1001, "server is going away", "going_away", CF_COUNT_GONE_SHUTDOWN},
    [CF_STREAM_PROBED] = {1006, "", "probe_timeout", CF_COUNT_GONE_PROBE},
    [CF_STREAM_LOST] = {1013, "fetch what is missing", "server_error", CF_COUNT_GONE_MEMORY},
};

static struct cf_worker *worker_of(const struct cf_stream *stream)
{
    return stream->session->worker;
}

struct cf_slice cf_stream_user(const struct cf_stream *stream)
{
    return cf_slice_of(stream->people, stream->user_len);
}

static struct cf_slice name_of(const struct cf_stream *stream)
{
    return cf_slice_of(stream->people + stream->user_len, stream->name_len);
}

/* Queues what the endpoint wants to say. */
static void send_out(struct cf_stream *stream, struct cf_buf *out, enum cf_error error)
{
    if (error == CF_OK && out->len > 0)
        error = cf_conn_write(&stream->session->conn, cf_buf_peek(out));
    if (error != CF_OK && error != CF_E_STATE)
        cf_conn_abort(&stream->session->conn, error);
    cf_buf_deinit(out);
}

static void set_timer(struct cf_stream *stream)
{
    struct cf_worker *worker = worker_of(stream);
    struct cf_now now = cf_worker_now(worker);
    cf_ms deadline = cf_ms_earlier(cf_ws_endpoint_deadline(&stream->endpoint), stream->probe_until);
    if (stream->end == CF_STREAM_LIVE) {
        cf_us left = stream->expires - now.us;
        deadline = cf_ms_earlier(deadline, now.ms + (left > 0 ? left / 1000 + 1 : 0));
    }
    if (deadline == CF_MS_NEVER)
        cf_loop_timer_stop(worker->loop, &stream->session->timer);
    else
        cf_loop_timer_set(worker->loop, &stream->session->timer, deadline);
}

static void log_event(const struct cf_stream *stream, const char *message)
{
    char shop[CF_UUID_LEN];
    cf_uuid_format(&stream->shop, shop);
    cf_log(CF_LOG_INFO, message, CF_KV_STR("shop_id", cf_slice_of(shop, sizeof(shop))),
           CF_KV_STR("user_id", cf_stream_user(stream)), CF_KV_STR("username", name_of(stream)));
}

/* ---- talking ---- */

/* Who asks and never reads the answers is slow, too. */
static void send_text(struct cf_stream *stream, struct cf_slice text)
{
    struct cf_buf out;
    if (cf_conn_outq(&stream->session->conn)->bytes > ANSWERS_BYTES_MAX) {
        cf_stream_close(stream, CF_STREAM_SLOW);
        return;
    }
    cf_buf_init(&out, OUT_MAX);
    send_out(stream, &out, cf_ws_endpoint_send(&stream->endpoint, CF_WS_TEXT, text, NULL, &out));
}

static void send_present(struct cf_stream *stream)
{
    struct cf_buf text;
    cf_buf_init(&text, OUT_MAX - CF_WS_HEADER_MAX);
    if (cf_people_present(worker_of(stream)->server, stream->shop, &text) == CF_OK)
        send_text(stream, cf_buf_peek(&text));
    else
        cf_stream_close(stream, CF_STREAM_LOST);
    cf_buf_deinit(&text);
}

void cf_stream_begin(struct cf_stream *stream, struct cf_slice bytes)
{
    struct cf_worker *worker = worker_of(stream);
    stream->opened = cf_worker_now(worker).ms;
    if (!CF_MUTANT(LATE_LIVE))
        cf_hub_live(&stream->subscriber);
    cf_count(&worker->metrics, CF_COUNT_UPGRADES);
    log_event(stream, "WebSocket client connected");
    if (stream->version == CF_SHOP_V2)
        send_present(stream);
    set_timer(stream);
    if (bytes.len > 0)
        cf_stream_read(stream, bytes);
}

bool cf_stream_deliver(struct cf_stream *stream, struct cf_shared *bytes, uint32_t messages)
{
    if (stream->end != CF_STREAM_LIVE)
        return false;
    enum cf_error error =
        cf_session_deliver(stream->session, bytes, messages, CF_QUEUED_BYTES_EACH);
    if (error == CF_E_SLOW && !CF_MUTANT(SLOW_SKIPPED))
        cf_stream_close(stream, CF_STREAM_SLOW);
    else if (error == CF_E_NOMEM)
        cf_stream_close(stream, CF_STREAM_LOST);
    return error == CF_OK;
}

void cf_stream_close(struct cf_stream *stream, enum cf_stream_end end)
{
    if (stream->end != CF_STREAM_LIVE)
        return;
    stream->end = (uint8_t)end;
    if (stream->opened == 0)
        return; /* the upgrade is still being answered, and will be refused */
    struct cf_buf out;
    cf_buf_init(&out, OUT_MAX);
    if (end == CF_STREAM_SLOW || end == CF_STREAM_LOST) {
        cf_conn_drop_unsent(&stream->session->conn);
        cf_count(&worker_of(stream)->metrics, CF_COUNT_BROADCAST_ERRORS);
    }
    send_out(stream, &out,
             cf_ws_endpoint_close(&stream->endpoint, cf_worker_now(worker_of(stream)).ms,
                                  endings[end].code, cf_slice_cstr(endings[end].reason), &out));
    if (end == CF_STREAM_SLOW)
        cf_conn_shut(&stream->session->conn);
    else
        set_timer(stream);
}

/* ---- listening ---- */

/* A receipt or reaction that waits for its message to be found. */
struct relay {
    struct cf_job job;
    struct cf_event *event;
};

static void relay_done(struct cf_worker *worker, struct cf_session *session,
                       struct cf_store_request *request)
{
    struct relay *relay = CF_CONTAINER_OF(request->owner, struct relay, job);
    bool found =
        request->error == CF_OK && cf_uuid_eq(&request->messages[0].room, &relay->event->room);
    if (found) {
        cf_server_publish(worker->server, relay->event);
        relay->event = NULL;
    } else if (request->error != CF_E_UNAVAILABLE && session != NULL && session->stream != NULL) {
        send_text(session->stream, CF_LIT(CF_SHOP_NO_SUCH_MESSAGE));
    }
    cf_event_unref(relay->event);
    free(relay);
    cf_store_request_free(request);
}

static enum cf_error relay(struct cf_stream *stream, const struct cf_identity *identity,
                           struct cf_event *event)
{
    struct cf_worker *worker = worker_of(stream);
    struct cf_asker asker = {identity, &worker->server->entropy, cf_worker_now(worker)};
    struct relay *relay = calloc(1, sizeof(*relay));
    struct cf_store_request *request;
    if (relay == NULL || cf_chat_message_get(&asker, event->message.id, &request) != CF_OK) {
        free(relay);
        cf_event_unref(event);
        return CF_E_NOMEM;
    }
    relay->job = (struct cf_job){worker, relay_done};
    relay->event = event;
    cf_worker_submit(worker, &relay->job, stream->session->ticket, request);
    return CF_OK;
}

static struct cf_identity identity_of(const struct cf_stream *stream)
{
    return cf_identity_of(cf_stream_user(stream), name_of(stream), stream->expires);
}

static enum cf_error act(struct cf_stream *stream, const struct cf_identity *identity,
                         enum cf_shop_said said, const struct cf_event *like)
{
    struct cf_event *event;
    if (said == CF_SHOP_SAID_NOTHING)
        return CF_OK;
    enum cf_error error = cf_event_new(like, &event);
    if (error != CF_OK)
        return error;
    if (said != CF_SHOP_SAID_TYPING)
        return relay(stream, identity, event);
    cf_server_publish(worker_of(stream)->server, event);
    return CF_OK;
}

/* A v2 client's message. */
static void hear(struct cf_stream *stream, struct cf_slice text)
{
    struct cf_worker *worker = worker_of(stream);
    struct cf_identity identity = identity_of(stream);
    struct cf_arena arena;
    struct cf_buf reply;
    enum cf_shop_said said = CF_SHOP_SAID_NOTHING;
    struct cf_event like = {.kind = CF_EVENT_TYPING};
    cf_arena_init(&arena, OUT_MAX);
    cf_buf_init(&reply, OUT_MAX - CF_WS_HEADER_MAX);
    enum cf_error error =
        cf_shop_hear(&stream->talker, text, stream->shop, &identity, cf_worker_now(worker),
                     worker->server->hash_key, &arena, &said, &like, &reply);
    if (error == CF_OK)
        error = act(stream, &identity, said, &like);
    if (reply.len > 0)
        send_text(stream, cf_buf_peek(&reply));
    if (error == CF_E_PROTOCOL)
        cf_stream_close(stream, CF_STREAM_PROTOCOL);
    else if (error != CF_OK)
        cf_stream_close(stream, CF_STREAM_LOST);
    cf_buf_deinit(&reply);
    cf_arena_deinit(&arena);
}

/* The closing handshake is over, or the peer is dead: `out` is the last that is written. */
static void ended(struct cf_stream *stream, const struct cf_ws_event *event)
{
    if (stream->end == CF_STREAM_LIVE && event->clean)
        stream->end = CF_STREAM_BY_CLIENT;
    else if (stream->end == CF_STREAM_LIVE)
        stream->end =
            event->close_code == CF_WS_CLOSE_ABNORMAL ? CF_STREAM_PONG : CF_STREAM_PROTOCOL;
    cf_conn_shut(&stream->session->conn);
}

void cf_stream_read(struct cf_stream *stream, struct cf_slice bytes)
{
    cf_ms now = cf_worker_now(worker_of(stream)).ms;
    struct cf_ws_event event;
    enum cf_error error;
    stream->probe_answered = true;
    do {
        struct cf_buf out;
        cf_buf_init(&out, OUT_MAX + bytes.len); /* a pong is no longer than its ping */
        bool writable = !cf_conn_blocked(&stream->session->conn);
        error = cf_ws_endpoint_next(&stream->endpoint, now, writable, &bytes, &out, &event);
        send_out(stream, &out, error);
        if (error != CF_OK)
            return;
        if (event.type == CF_WS_EVENT_TEXT && stream->version == CF_SHOP_V2 &&
            stream->end == CF_STREAM_LIVE)
            hear(stream, event.payload);
        if (event.type == CF_WS_EVENT_CLOSED)
            ended(stream, &event);
    } while (event.type != CF_WS_EVENT_NEED_MORE);
    set_timer(stream);
}

void cf_stream_drained(struct cf_stream *stream)
{
    struct cf_buf out;
    cf_buf_init(&out, OUT_MAX);
    send_out(stream, &out, cf_ws_endpoint_writable(&stream->endpoint, &out));
}

/* ---- time ---- */

static bool probe_failed(struct cf_stream *stream, cf_ms now)
{
    if (stream->probe_answered)
        stream->probe_until = CF_MS_NEVER;
    return now >= stream->probe_until;
}

void cf_stream_timer(struct cf_stream *stream)
{
    struct cf_now now = cf_worker_now(worker_of(stream));
    struct cf_ws_event event;
    struct cf_buf out;
    if (probe_failed(stream, now.ms)) {
        if (stream->end == CF_STREAM_LIVE)
            stream->end = CF_STREAM_PROBED;
        cf_conn_abort(&stream->session->conn, CF_E_TIMEOUT);
        return;
    }
    cf_buf_init(&out, OUT_MAX);
    send_out(stream, &out, cf_ws_endpoint_tick(&stream->endpoint, now.ms, &out, &event));
    if (event.type == CF_WS_EVENT_CLOSED) {
        ended(stream, &event);
        return;
    }
    if (now.us >= stream->expires)
        cf_stream_close(stream, CF_STREAM_EXPIRED);
    if (CF_MUTANT(LATE_LIVE))
        cf_hub_live(&stream->subscriber);
    set_timer(stream);
}

void cf_stream_probe(struct cf_stream *stream)
{
    cf_ms now = cf_worker_now(worker_of(stream)).ms;
    if (stream->end != CF_STREAM_LIVE || stream->probe_until != CF_MS_NEVER)
        return;
    stream->probe_answered = false;
    stream->probe_until = now + PROBE_MS;
    struct cf_buf out;
    cf_buf_init(&out, OUT_MAX);
    send_out(stream, &out, cf_ws_endpoint_ping(&stream->endpoint, now, &out));
    set_timer(stream);
}

/* ---- the end ---- */

static void account(const struct cf_stream *stream, enum cf_error why)
{
    struct cf_worker *worker = worker_of(stream);
    const struct ending *ending = &endings[stream->end];
    cf_ms lived = cf_worker_now(worker).ms - stream->opened;
    bool stuck = stream->end == CF_STREAM_LIVE && why == CF_E_TIMEOUT;
    cf_count(&worker->metrics, stuck ? CF_COUNT_GONE_WRITE : ending->counter);
    cf_observe(&worker->metrics, CF_HIST_DURATION_S, (uint64_t)lived * 1000);
    char shop[CF_UUID_LEN];
    cf_uuid_format(&stream->shop, shop);
    cf_log(CF_LOG_INFO, "WebSocket client disconnected",
           CF_KV_STR("shop_id", cf_slice_of(shop, sizeof(shop))),
           CF_KV_STR("user_id", cf_stream_user(stream)), CF_KV_SECONDS("duration_seconds", lived),
           CF_KV_CSTR("reason", stuck ? "write_timeout" : ending->log));
}

void cf_stream_free(struct cf_stream *stream, enum cf_error why)
{
    struct cf_worker *worker = worker_of(stream);
    cf_hub_leave(&worker->hub, &stream->subscriber);
    if (stream->seat != NULL)
        cf_people_rise(worker->server, stream->seat, cf_stream_user(stream), name_of(stream),
                       stream->shop);
    if (stream->opened != 0) {
        account(stream, why);
        cf_ws_endpoint_deinit(&stream->endpoint);
    }
    free(stream);
}
