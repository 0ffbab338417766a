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

static void log_event(const struct cf_stream *stream, const char *message)
{
    char shop[CF_UUID_LEN];
    cf_uuid_format(&stream->shop, shop);
    cf_log(CF_LOG_INFO, message, CF_KV_STR("shop_id", cf_slice_of(shop, sizeof(shop))),
           CF_KV_STR("user_id", cf_stream_user(stream)), CF_KV_STR("username", name_of(stream)));
}

/* ---- talking ---- */

static void send_text(struct cf_stream *stream, struct cf_slice text)
{
    if (cf_line_send(&stream->session->line, CF_WS_TEXT, text, ANSWERS_BYTES_MAX) == CF_E_SLOW)
        cf_stream_close(stream, CF_STREAM_SLOW);
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

bool cf_stream_deliver(struct cf_stream *stream, struct cf_shared *bytes, uint32_t messages)
{
    if (stream->end != CF_STREAM_LIVE)
        return false;
    enum cf_error error =
        cf_line_deliver(&stream->session->line, bytes, messages, CF_QUEUED_BYTES_EACH);
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
    if (end == CF_STREAM_SLOW || end == CF_STREAM_LOST) {
        cf_conn_drop_unsent(&stream->session->conn);
        cf_count(&worker_of(stream)->metrics, CF_COUNT_BROADCAST_ERRORS);
    }
    cf_line_close(&stream->session->line, endings[end].code, endings[end].reason);
    if (end == CF_STREAM_SLOW)
        cf_conn_shut(&stream->session->conn);
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
    struct cf_stream *stream = session == NULL ? NULL : cf_stream_of_session(session);
    bool found =
        request->error == CF_OK && cf_uuid_eq(&request->messages[0].room, &relay->event->room);
    if (found) {
        cf_server_publish(worker->server, relay->event);
        relay->event = NULL;
    } else if (request->error != CF_E_UNAVAILABLE && stream != NULL) {
        send_text(stream, CF_LIT(CF_SHOP_NO_SUCH_MESSAGE));
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

static void on_event(struct cf_line *line, const struct cf_ws_event *event)
{
    struct cf_stream *stream = line->owner;
    stream->probe_answered = true;
    if (event->type == CF_WS_EVENT_TEXT && stream->version == CF_SHOP_V2 &&
        stream->end == CF_STREAM_LIVE)
        hear(stream, event->payload);
    if (event->type == CF_WS_EVENT_CLOSED)
        ended(stream, event);
}

/* ---- time ---- */

static bool probe_failed(struct cf_stream *stream, cf_ms now)
{
    if (stream->probe_answered)
        stream->probe_until = CF_MS_NEVER;
    return now >= stream->probe_until;
}

static void on_timer(struct cf_line *line)
{
    struct cf_stream *stream = line->owner;
    struct cf_now now = cf_worker_now(worker_of(stream));
    if (probe_failed(stream, now.ms)) {
        if (stream->end == CF_STREAM_LIVE)
            stream->end = CF_STREAM_PROBED;
        cf_conn_abort(&stream->session->conn, CF_E_TIMEOUT);
        return;
    }
    if (!cf_line_tick(line))
        return;
    if (now.us >= stream->expires)
        cf_stream_close(stream, CF_STREAM_EXPIRED);
    if (CF_MUTANT(LATE_LIVE))
        cf_hub_live(&stream->subscriber);
    cf_line_set_timer(line);
}

static cf_ms deadline_of(const struct cf_line *line)
{
    const struct cf_stream *stream = line->owner;
    if (stream->end != CF_STREAM_LIVE)
        return stream->probe_until;
    return cf_ms_earlier(stream->probe_until, cf_worker_when(worker_of(stream), stream->expires));
}

void cf_stream_probe(struct cf_stream *stream)
{
    cf_ms now = cf_worker_now(worker_of(stream)).ms;
    if (stream->end != CF_STREAM_LIVE || stream->probe_until != CF_MS_NEVER)
        return;
    stream->probe_answered = false;
    stream->probe_until = now + PROBE_MS;
    cf_line_ping(&stream->session->line);
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
    if (stream->opened != 0)
        account(stream, why);
    free(stream);
}

static void on_gone(struct cf_line *line, enum cf_error why)
{
    cf_stream_free(line->owner, why);
}

/* ---- the line ---- */

static void on_drain(struct cf_line *line)
{
    cf_stream_close(line->owner, CF_STREAM_SHUTDOWN);
}

static const struct cf_line_ops line_ops = {.event = on_event,
                                            .deadline = deadline_of,
                                            .timer = on_timer,
                                            .drain = on_drain,
                                            .gone = on_gone};

struct cf_stream *cf_stream_of_session(const struct cf_session *session)
{
    return session->line.ops == &line_ops ? session->line.owner : NULL;
}

void cf_stream_begin(struct cf_stream *stream, struct cf_slice bytes)
{
    struct cf_worker *worker = worker_of(stream);
    stream->opened = cf_worker_now(worker).ms;
    cf_line_begin(&stream->session->line, &line_ops, stream);
    if (!CF_MUTANT(LATE_LIVE))
        cf_hub_live(&stream->subscriber);
    cf_count(&worker->metrics, CF_COUNT_UPGRADES);
    log_event(stream, "WebSocket client connected");
    if (stream->version == CF_SHOP_V2)
        send_present(stream);
    cf_line_set_timer(&stream->session->line);
    if (bytes.len > 0)
        cf_line_read(&stream->session->line, bytes);
}
