#include "dialect/eio/session.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/mutant.h"
#include "base/utf8.h"
#include "json/writer.h"

enum { NOOP_PERIOD_MS = 100, HANDSHAKE_BYTES_MAX = 512, WRAPPED_TEXT = 't' };

static bool is_over(const struct cf_eio_session *s)
{
    return s->end != CF_EIO_LIVE;
}

static void end_probe(struct cf_eio_session *s)
{
    s->probe = CF_EIO_PROBE_NONE;
    s->pong_due = false;
}

static void give_up_probe(struct cf_eio_session *s)
{
    if (s->probe != CF_EIO_PROBE_NONE)
        s->drop_probe = true;
    end_probe(s);
}

void cf_eio_abort(struct cf_eio_session *s, enum cf_eio_end end)
{
    if (is_over(s))
        return;
    s->end = (uint8_t)end;
    s->closing = false;
    give_up_probe(s);
}

/* ---- the queue ---- */

/* NULL without memory. */
static struct cf_eio_parts *parts_of(struct cf_eio_session *s)
{
    if (s->parts != NULL)
        return s->parts;
    s->parts = malloc(sizeof(*s->parts));
    if (s->parts == NULL)
        return NULL;
    *s->parts = (struct cf_eio_parts){.close_until = CF_MS_NEVER, .noop_at = CF_MS_NEVER};
    cf_buf_init(&s->parts->queue, s->config->queue_bytes_max);
    return s->parts;
}

static void free_parts(struct cf_eio_session *s)
{
    if (s->parts != NULL)
        cf_buf_deinit(&s->parts->queue);
    free(s->parts);
    s->parts = NULL;
}

bool cf_eio_is_drained(const struct cf_eio_session *s)
{
    return s->parts == NULL || s->parts->queue.len == 0;
}

/* What SEND actions took goes when something new is queued, or with the last of it, not with each:
 * a long queue of small packets would be moved as often as it has packets (hazard V15). */
static enum cf_error begin_queueing(struct cf_eio_session *s)
{
    if (is_over(s) || s->closing)
        return CF_E_STATE;
    struct cf_eio_parts *parts = parts_of(s);
    if (parts == NULL) {
        cf_eio_abort(s, CF_EIO_SLOW);
        return CF_E_NOMEM;
    }
    cf_buf_consume(&parts->queue, parts->sent);
    parts->sent = 0;
    return CF_OK;
}

static enum cf_error queue(struct cf_eio_session *s, const struct cf_eio_packet *packet)
{
    enum cf_error error = begin_queueing(s);
    if (error != CF_OK)
        return error;
    error = cf_eio_payload_append(&s->parts->queue, packet);
    if (error != CF_OK)
        cf_eio_abort(s, CF_EIO_SLOW);
    return error;
}

static enum cf_error queue_bare(struct cf_eio_session *s, enum cf_eio_type type)
{
    struct cf_eio_packet packet = {.type = type, .data = CF_LIT("")};
    return queue(s, &packet);
}

/* Text with a separator in it waits as binary does, but for its letter. */
static enum cf_error queue_wrapped(struct cf_eio_session *s, struct cf_slice text)
{
    struct cf_eio_packet packet = {CF_EIO_MESSAGE, true, text};
    enum cf_error error = queue(s, &packet);
    if (error != CF_OK)
        return error;
    const struct cf_buf *waiting = &s->parts->queue;
    waiting->ptr[waiting->len - 1 - cf_base64_len(CF_BASE64, text.len)] = WRAPPED_TEXT;
    return CF_OK;
}

enum cf_error cf_eio_send(struct cf_eio_session *s, struct cf_slice message, bool binary)
{
    struct cf_eio_packet packet = {CF_EIO_MESSAGE, binary, message};
    if (binary || cf_slice_find(message, CF_EIO_SEPARATOR) == message.len)
        return queue(s, &packet);
    return s->transport == CF_EIO_WEBSOCKET ? queue_wrapped(s, message) : CF_E_INVALID;
}

enum cf_error cf_eio_send_payload(struct cf_eio_session *s, struct cf_slice payload)
{
    enum cf_error error = begin_queueing(s);
    if (error != CF_OK || payload.len == 0)
        return error;
    struct cf_buf *waiting = &s->parts->queue;
    if (waiting->len > 0)
        error = cf_buf_append_byte(waiting, CF_EIO_SEPARATOR);
    if (error == CF_OK)
        error = cf_buf_append(waiting, payload);
    if (error != CF_OK)
        cf_eio_abort(s, CF_EIO_SLOW);
    return error;
}

/* ---- open ---- */

static enum cf_error write_handshake(const struct cf_eio_session *s, struct cf_slice sid,
                                     struct cf_buf *out)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "sid", sid);
    cf_json_key(&w, CF_LIT("upgrades"));
    cf_json_array_begin(&w);
    if (s->transport == CF_EIO_POLLING)
        cf_json_string(&w, CF_LIT("websocket"));
    cf_json_array_end(&w);
    cf_json_member_i64(&w, "pingInterval", s->config->ping_interval_ms);
    cf_json_member_i64(&w, "pingTimeout", s->config->ping_timeout_ms);
    cf_json_member_i64(&w, "maxPayload", (int64_t)s->config->payload_bytes_max);
    cf_json_object_end(&w);
    return cf_json_writer_finish(&w);
}

enum cf_error cf_eio_session_open(struct cf_eio_session *s, const struct cf_eio_config *config,
                                  enum cf_eio_transport transport, struct cf_slice sid, cf_ms now)
{
    *s = (struct cf_eio_session){
        .config = config,
        .transport = (uint8_t)transport,
        .beat_at = now + config->ping_interval_ms,
    };
    struct cf_buf handshake;
    cf_buf_init(&handshake, HANDSHAKE_BYTES_MAX);
    enum cf_error error = write_handshake(s, sid, &handshake);
    struct cf_eio_packet packet = {.type = CF_EIO_OPEN, .data = cf_buf_peek(&handshake)};
    if (error == CF_OK)
        error = queue(s, &packet);
    cf_buf_deinit(&handshake);
    if (error != CF_OK)
        free_parts(s);
    return error;
}

void cf_eio_session_deinit(struct cf_eio_session *s)
{
    free_parts(s);
}

/* ---- packets ---- */

/* Anything that comes while a pong is waited for prolongs the wait, once: a client that is busy
 * sending a lot may be late with it. */
static void refresh(struct cf_eio_session *s, const struct cf_eio_packet *packet, cf_ms now)
{
    if (!s->awaits_pong || s->refreshed || packet->type == CF_EIO_PONG)
        return;
    s->refreshed = true;
    s->beat_at = now + s->config->ping_timeout_ms;
}

/* True: a message for the layer above. */
static bool take_packet(struct cf_eio_session *s, const struct cf_eio_packet *packet, cf_ms now)
{
    refresh(s, packet, now);
    switch (packet->type) {
    case CF_EIO_MESSAGE:
        return !s->closing;
    case CF_EIO_PONG:
        s->awaits_pong = false;
        s->beat_at = now + s->config->ping_interval_ms;
        return false;
    case CF_EIO_CLOSE:
        cf_eio_abort(s, CF_EIO_BY_CLIENT);
        return false;
    case CF_EIO_PING: /* the server's to send, in protocol 4 */
        cf_eio_abort(s, CF_EIO_PROTOCOL);
        return false;
    case CF_EIO_OPEN:
    case CF_EIO_UPGRADE:
    case CF_EIO_NOOP:
        return false;
    }
    return false;
}

static enum cf_error next_packet(struct cf_eio_session *s, struct cf_slice *payload, cf_ms now,
                                 struct cf_buf *scratch, struct cf_eio_packet *out_packet)
{
    struct cf_slice text;
    *out_packet = (struct cf_eio_packet){.data = {NULL, 0}};
    while (!is_over(s) && cf_slice_next(payload, CF_EIO_SEPARATOR, &text)) {
        struct cf_eio_packet packet;
        s->unread = false;
        enum cf_error error = cf_eio_packet_read(text, scratch, &packet);
        if (error != CF_OK)
            return error;
        if (take_packet(s, &packet, now)) {
            *out_packet = packet;
            return CF_OK;
        }
    }
    return s->unread || s->end == CF_EIO_PROTOCOL ? CF_E_SYNTAX : CF_OK;
}

enum cf_error cf_eio_payload_next(struct cf_eio_session *s, struct cf_slice *payload, cf_ms now,
                                  struct cf_buf *scratch, struct cf_eio_packet *out_packet)
{
    enum cf_error error = next_packet(s, payload, now, scratch, out_packet);
    if (error == CF_OK && out_packet->data.ptr != NULL && !out_packet->binary &&
        !cf_utf8_valid(out_packet->data))
        error = CF_E_UTF8;
    if (error != CF_OK)
        cf_eio_abort(s, CF_EIO_PROTOCOL);
    return error;
}

enum cf_error cf_eio_ws_next(struct cf_eio_session *s, struct cf_slice message, bool binary,
                             cf_ms now, struct cf_buf *scratch, struct cf_eio_packet *out_packet)
{
    struct cf_eio_packet packet = {CF_EIO_MESSAGE, true, message};
    if (message.len == 0)
        packet.data = CF_LIT(""); /* a message all the same */
    *out_packet = (struct cf_eio_packet){.data = {NULL, 0}};
    if (is_over(s) || s->transport != CF_EIO_WEBSOCKET)
        return CF_OK; /* nobody's: a probe's that was dropped, say */
    enum cf_error error = CF_OK;
    if (!binary)
        error = cf_eio_packet_read(message, scratch, &packet);
    if (error != CF_OK)
        cf_eio_abort(s, CF_EIO_PROTOCOL);
    else if (take_packet(s, &packet, now))
        *out_packet = packet;
    return error;
}

void cf_eio_ws_gone(struct cf_eio_session *s)
{
    if (s->transport == CF_EIO_WEBSOCKET)
        cf_eio_abort(s, CF_EIO_LOST);
}

/* ---- polling ---- */

/* While a probe is confirmed the client waits for its GET to end. */
static void let_go(struct cf_eio_session *s, cf_ms now)
{
    if (s->probe != CF_EIO_PROBE_CONFIRMED || !s->polled || now < s->parts->noop_at)
        return;
    s->parts->noop_at = now + NOOP_PERIOD_MS;
    if (cf_eio_is_drained(s))
        (void)queue_bare(s, CF_EIO_NOOP);
}

enum cf_error cf_eio_poll(struct cf_eio_session *s, cf_ms now)
{
    if (s->transport != CF_EIO_POLLING || is_over(s))
        return CF_E_STATE;
    if (s->polled) {
        cf_eio_abort(s, CF_EIO_PROTOCOL);
        return CF_E_PROTOCOL;
    }
    s->polled = true;
    let_go(s, now);
    return CF_OK;
}

/* The connection of a request went away. After the upgrade that says nothing. */
static void lose(struct cf_eio_session *s)
{
    if (s->transport == CF_EIO_POLLING)
        cf_eio_abort(s, CF_EIO_LOST);
}

void cf_eio_poll_gone(struct cf_eio_session *s)
{
    if (!s->polled)
        return;
    s->polled = false;
    lose(s);
}

enum cf_error cf_eio_post_begin(struct cf_eio_session *s)
{
    if (s->transport != CF_EIO_POLLING || is_over(s))
        return CF_E_STATE;
    if (s->posting) {
        cf_eio_abort(s, CF_EIO_PROTOCOL);
        return CF_E_PROTOCOL;
    }
    s->posting = true;
    s->unread = true;
    return CF_OK;
}

void cf_eio_post_end(struct cf_eio_session *s)
{
    s->posting = s->unread = false;
}

void cf_eio_post_gone(struct cf_eio_session *s)
{
    if (!s->posting)
        return;
    cf_eio_post_end(s);
    lose(s);
}

/* ---- the way to WebSocket ---- */

enum cf_error cf_eio_probe_begin(struct cf_eio_session *s, cf_ms now)
{
    if (is_over(s) || s->closing || s->transport != CF_EIO_POLLING ||
        s->probe != CF_EIO_PROBE_NONE || s->drop_probe)
        return CF_E_STATE;
    s->probe = CF_EIO_PROBE_CONNECTED;
    s->parts->probe_until = now + s->config->upgrade_timeout_ms;
    return CF_OK;
}

/* An open GET has nothing to wait for any more. */
static void upgrade(struct cf_eio_session *s, cf_ms now)
{
    end_probe(s);
    if (CF_MUTANT(UPGRADE_DROPS))
        cf_buf_release(&s->parts->queue);
    s->transport = CF_EIO_WEBSOCKET;
    if (s->awaits_pong)
        s->beat_at = now + s->config->ping_timeout_ms;
}

void cf_eio_probe_packet(struct cf_eio_session *s, struct cf_slice message, bool binary, cf_ms now,
                         bool *out_upgraded)
{
    *out_upgraded = false;
    if (s->probe == CF_EIO_PROBE_NONE)
        return;
    if (!binary && cf_slice_eq(message, CF_LIT("2probe"))) {
        s->probe = CF_EIO_PROBE_CONFIRMED;
        s->pong_due = true;
        s->parts->noop_at = now;
        let_go(s, now);
    } else if (!binary && cf_slice_eq(message, CF_LIT("5"))) {
        upgrade(s, now);
        *out_upgraded = true;
    } else {
        give_up_probe(s);
    }
}

void cf_eio_probe_gone(struct cf_eio_session *s)
{
    end_probe(s);
    s->drop_probe = false;
}

/* ---- the end ---- */

/* Without parts it is on WebSocket with nothing to send, and closes with the next action. A probe
 * goes on: its client may not poll any more, and then hears of the end by the WebSocket. */
void cf_eio_close(struct cf_eio_session *s, cf_ms now)
{
    if (is_over(s) || s->closing)
        return;
    s->closing = true;
    if (s->parts != NULL)
        s->parts->close_until = now + s->config->close_timeout_ms;
}

/* ---- time ---- */

static bool probes(const struct cf_eio_session *s)
{
    return s->probe != CF_EIO_PROBE_NONE;
}

void cf_eio_tick(struct cf_eio_session *s, cf_ms now)
{
    if (s->awaits_pong && now >= s->beat_at)
        cf_eio_abort(s, CF_EIO_PING_TIMEOUT);
    if (s->parts != NULL && now >= s->parts->close_until)
        cf_eio_abort(s, CF_EIO_BY_SERVER);
    if (is_over(s))
        return;
    if (probes(s) && now >= s->parts->probe_until)
        give_up_probe(s);
    if (!s->awaits_pong && now >= s->beat_at && !s->closing) {
        s->awaits_pong = true;
        s->beat_at = now + s->config->ping_timeout_ms;
        s->refreshed = false;
        (void)queue_bare(s, CF_EIO_PING);
    }
    let_go(s, now);
}

cf_ms cf_eio_deadline(const struct cf_eio_session *s)
{
    cf_ms deadline = CF_MS_NEVER;
    if (is_over(s))
        return deadline;
    if (s->awaits_pong || !s->closing)
        deadline = s->beat_at;
    if (s->parts != NULL)
        deadline = cf_ms_earlier(deadline, s->parts->close_until);
    if (probes(s))
        deadline = cf_ms_earlier(deadline, s->parts->probe_until);
    if (s->probe == CF_EIO_PROBE_CONFIRMED && s->polled)
        deadline = cf_ms_earlier(deadline, s->parts->noop_at);
    return deadline;
}

/* ---- actions ---- */

/* The open GET takes all that waits, and if it is the last one the word of the end: `1`, or `6` to
 * a client that knows (both as the reference server does). The queue's limit leaves that out. An
 * orderly close has a GET of its own: the client handles packets one by one, and a close in the
 * same payload would overtake what was said before it. */
static void answer(struct cf_eio_session *s, struct cf_buf *scratch, struct cf_eio_action *out)
{
    struct cf_eio_packet last = {.type = CF_EIO_CLOSE, .data = CF_LIT("")};
    if (s->end == CF_EIO_BY_CLIENT)
        last.type = CF_EIO_NOOP;
    bool closes = s->closing && cf_eio_is_drained(s);
    cf_buf_reset(scratch);
    enum cf_error error = cf_buf_append(scratch, cf_buf_peek(&s->parts->queue));
    if (error == CF_OK && (closes || is_over(s)))
        error = cf_eio_payload_append(scratch, &last);
    cf_buf_release(&s->parts->queue);
    s->polled = false;
    *out = (struct cf_eio_action){.what = CF_EIO_ANSWER, .bytes = cf_buf_peek(scratch)};
    if (error != CF_OK) {
        cf_eio_abort(s, CF_EIO_SLOW);
        out->bytes = CF_LIT("1");
    }
    if (closes)
        cf_eio_abort(s, CF_EIO_BY_SERVER);
}

/* A packet of the queue as a WebSocket message. */
static enum cf_error unwrap(struct cf_slice packet, struct cf_buf *out, bool *out_binary)
{
    if (packet.len == 0)
        return CF_E_SYNTAX; /* of a payload that was none */
    bool wrapped = packet.ptr[0] == WRAPPED_TEXT;
    *out_binary = packet.ptr[0] == CF_EIO_BINARY;
    cf_buf_reset(out);
    if (!wrapped && !*out_binary)
        return cf_buf_append(out, packet);
    enum cf_error error = wrapped ? cf_buf_append_byte(out, CF_EIO_MESSAGE) : CF_OK;
    return error == CF_OK ? cf_base64_decode(CF_BASE64, cf_slice_skip(packet, 1), out) : error;
}

static bool send_next(struct cf_eio_session *s, struct cf_buf *scratch, struct cf_eio_action *out)
{
    struct cf_eio_parts *parts = s->parts;
    struct cf_slice rest = cf_slice_skip(cf_buf_peek(&parts->queue), parts->sent), packet;
    (void)cf_slice_next(&rest, CF_EIO_SEPARATOR, &packet);
    out->what = CF_EIO_SEND;
    if (unwrap(packet, scratch, &out->binary) != CF_OK) {
        cf_eio_abort(s, CF_EIO_SLOW);
        return false;
    }
    out->bytes = cf_buf_peek(scratch);
    parts->sent += packet.len + 1;
    if (rest.ptr == NULL) {
        parts->sent = 0;
        cf_buf_release(&parts->queue);
    }
    return true;
}

static bool act_probe(struct cf_eio_session *s, struct cf_eio_action *out)
{
    if (s->pong_due) {
        s->pong_due = false;
        *out = (struct cf_eio_action){.what = CF_EIO_SEND_PROBE, .bytes = CF_LIT("3probe")};
        return true;
    }
    if (!s->drop_probe)
        return false;
    s->drop_probe = false;
    *out = (struct cf_eio_action){.what = CF_EIO_DROP_PROBE};
    return true;
}

static bool act_get(struct cf_eio_session *s, struct cf_buf *scratch, struct cf_eio_action *out)
{
    if (!s->polled)
        return false;
    if (s->transport == CF_EIO_WEBSOCKET) {
        s->polled = false; /* upgraded with a GET open: it ends empty-handed */
        *out = (struct cf_eio_action){.what = CF_EIO_ANSWER, .bytes = CF_LIT("6")};
        return true;
    }
    if (cf_eio_is_drained(s) && !s->closing && !is_over(s))
        return false;
    answer(s, scratch, out);
    return true;
}

static bool act_websocket(struct cf_eio_session *s, struct cf_buf *scratch,
                          struct cf_eio_action *out)
{
    if (s->transport != CF_EIO_WEBSOCKET || is_over(s))
        return false;
    if (!cf_eio_is_drained(s))
        return send_next(s, scratch, out);
    free_parts(s);
    if (s->closing)
        cf_eio_abort(s, CF_EIO_BY_SERVER);
    return false;
}

bool cf_eio_act(struct cf_eio_session *s, struct cf_buf *scratch, struct cf_eio_action *out_action)
{
    if (s->told)
        return false;
    if (act_probe(s, out_action) || act_get(s, scratch, out_action) ||
        act_websocket(s, scratch, out_action))
        return true;
    if (!is_over(s))
        return false;
    s->told = true;
    *out_action = (struct cf_eio_action){.what = CF_EIO_CLOSED};
    return true;
}
