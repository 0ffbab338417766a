#include "wire/ws/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "wire/ws/decode.h"

enum { REASON_MAX = CF_WS_CONTROL_MAX - 2 };

void cf_ws_endpoint_init(struct cf_ws_endpoint *ep, const struct cf_ws_config *config,
                         const struct cf_ws_deflate_params *deflate,
                         struct cf_ws_inflater *inflater, cf_ms now)
{
    memset(ep, 0, sizeof(*ep));
    ep->config = config;
    ep->inflater = inflater;
    ep->deflate = deflate->enabled;
    bool server = config->role == CF_WS_SERVER;
    ep->deflate_takeover = server ? !deflate->server_no_takeover : !deflate->client_no_takeover;
    ep->inflate_takeover = server ? !deflate->client_no_takeover : !deflate->server_no_takeover;
    ep->heard = now;
    ep->next = config->ping_period_ms > 0 ? now + config->ping_period_ms : CF_MS_NEVER;
}

void cf_ws_endpoint_deinit(struct cf_ws_endpoint *ep)
{
    if (ep->parts == NULL)
        return;
    cf_buf_deinit(&ep->parts->message);
    cf_buf_deinit(&ep->parts->control);
    cf_buf_deinit(&ep->parts->pong);
    free(ep->parts);
    ep->parts = NULL;
}

static bool pong_waits(const struct cf_ws_endpoint *ep)
{
    return ep->parts != NULL && ep->parts->pong_waits;
}

static void drop_empty_parts(struct cf_ws_endpoint *ep)
{
    const struct cf_ws_parts *parts = ep->parts;
    if (parts->message.ptr == NULL && parts->control.ptr == NULL && !parts->pong_waits)
        cf_ws_endpoint_deinit(ep);
}

static void forget_pong(struct cf_ws_endpoint *ep)
{
    if (!pong_waits(ep))
        return;
    cf_buf_release(&ep->parts->pong);
    ep->parts->pong_waits = false;
    drop_empty_parts(ep);
}

/* What has come of the message, or of the control frame. */
static struct cf_slice message_peek(const struct cf_ws_endpoint *ep)
{
    return ep->parts == NULL ? (struct cf_slice){NULL, 0} : cf_buf_peek(&ep->parts->message);
}

static struct cf_slice control_peek(const struct cf_ws_endpoint *ep)
{
    return ep->parts == NULL ? (struct cf_slice){NULL, 0} : cf_buf_peek(&ep->parts->control);
}

/* ---- sending ---- */

static enum cf_error append_frame(struct cf_ws_endpoint *ep, enum cf_ws_opcode opcode,
                                  bool compressed, struct cf_slice payload, struct cf_buf *out)
{
    if (ep->config->role == CF_WS_SERVER)
        return cf_ws_frame_append(out, opcode, compressed, payload, NULL);
    uint8_t mask[4];
    ep->config->random(ep->config->random_context, mask, sizeof(mask));
    return cf_ws_frame_append(out, opcode, compressed, payload, mask);
}

static enum cf_error send_close(struct cf_ws_endpoint *ep, unsigned code, struct cf_slice reason,
                                cf_ms close_until, struct cf_buf *out)
{
    uint8_t payload[CF_WS_CONTROL_MAX];
    size_t len = 0;
    if (ep->sent_close)
        return CF_OK;
    if (code != CF_WS_CLOSE_NO_STATUS) {
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        if (reason.len > 0)
            memcpy(payload + 2, reason.ptr, reason.len);
        len = 2 + reason.len;
    }
    ep->sent_close = true;
    ep->next = close_until;
    forget_pong(ep);
    return append_frame(ep, CF_WS_CLOSE, false, cf_slice_of(payload, len), out);
}

enum cf_error cf_ws_endpoint_close(struct cf_ws_endpoint *ep, cf_ms now, unsigned code,
                                   struct cf_slice reason, struct cf_buf *out)
{
    CF_ASSERT(cf_ws_close_valid(code) && reason.len <= REASON_MAX);
    if (ep->sent_close || ep->closed)
        return CF_OK;
    cf_ms wait = ep->config->close_wait_ms;
    return send_close(ep, code, reason, wait > 0 ? now + wait : CF_MS_NEVER, out);
}

enum cf_error cf_ws_endpoint_ping(struct cf_ws_endpoint *ep, cf_ms now, struct cf_buf *out)
{
    (void)now;
    if (!cf_ws_endpoint_open(ep))
        return CF_OK;
    return append_frame(ep, CF_WS_PING, false, (struct cf_slice){NULL, 0}, out);
}

enum cf_error cf_ws_endpoint_send(struct cf_ws_endpoint *ep, enum cf_ws_opcode opcode,
                                  struct cf_slice payload, struct cf_ws_deflater *deflater,
                                  struct cf_buf *out)
{
    if (ep->sent_close || ep->closed)
        return CF_E_STATE;
    if (!ep->deflate || deflater == NULL)
        return append_frame(ep, opcode, false, payload, out);
    struct cf_buf deflated;
    cf_buf_init(&deflated, out->max);
    enum cf_error error = cf_ws_deflate(deflater, payload, ep->deflate_takeover, &deflated);
    /* What went through a window that is kept must be sent so: the peer's window follows it. */
    bool smaller = deflated.len < payload.len || ep->deflate_takeover;
    if (error == CF_OK)
        error = append_frame(ep, opcode, smaller, smaller ? cf_buf_peek(&deflated) : payload, out);
    cf_buf_deinit(&deflated);
    return error;
}

/* ---- the end ---- */

static void set_closed(struct cf_ws_endpoint *ep, unsigned code, bool clean,
                       struct cf_ws_event *out_event)
{
    ep->closed = true;
    ep->next = CF_MS_NEVER;
    cf_ws_endpoint_deinit(ep);
    *out_event =
        (struct cf_ws_event){.type = CF_WS_EVENT_CLOSED, .close_code = code, .clean = clean};
}

/* The peer broke a rule: it is told which kind, and the connection is over (section 7.1.7). */
static enum cf_error fail_with(struct cf_ws_endpoint *ep, unsigned code, struct cf_buf *out,
                               struct cf_ws_event *out_event)
{
    enum cf_error error = send_close(ep, code, (struct cf_slice){NULL, 0}, CF_MS_NEVER, out);
    set_closed(ep, code, false, out_event);
    return error;
}

static enum cf_error fail(struct cf_ws_endpoint *ep, enum cf_error broken, struct cf_buf *out,
                          struct cf_ws_event *out_event)
{
    return fail_with(ep, cf_error_close_code(broken), out, out_event);
}

/* ---- control frames ---- */

static enum cf_error remember_ping(struct cf_ws_endpoint *ep, struct cf_slice payload)
{
    struct cf_ws_parts *parts = cf_ws_parts_of(ep);
    if (parts == NULL)
        return CF_E_NOMEM;
    cf_buf_reset(&parts->pong);
    enum cf_error error = cf_buf_append(&parts->pong, payload);
    parts->pong_waits = error == CF_OK;
    return error;
}

enum cf_error cf_ws_endpoint_writable(struct cf_ws_endpoint *ep, struct cf_buf *out)
{
    if (!pong_waits(ep) || ep->sent_close)
        return CF_OK;
    enum cf_error error = append_frame(ep, CF_WS_PONG, false, cf_buf_peek(&ep->parts->pong), out);
    forget_pong(ep);
    return error;
}

static enum cf_error on_ping(struct cf_ws_endpoint *ep, struct cf_slice payload, bool writable,
                             struct cf_buf *out)
{
    if (ep->sent_close)
        return CF_OK;
    if (writable && !pong_waits(ep))
        return append_frame(ep, CF_WS_PONG, false, payload, out);
    enum cf_error error = remember_ping(ep, payload);
    return error == CF_OK && writable ? cf_ws_endpoint_writable(ep, out) : error;
}

/* Section 7.4: no code, or a valid one with a reason in UTF-8. */
static enum cf_error check_close(struct cf_slice payload, unsigned *out_code)
{
    *out_code = CF_WS_CLOSE_NO_STATUS;
    if (payload.len == 0)
        return CF_OK;
    if (payload.len == 1)
        return CF_E_PROTOCOL;
    *out_code = (unsigned)(payload.ptr[0] << 8 | payload.ptr[1]);
    if (!cf_ws_close_valid(*out_code))
        return CF_E_PROTOCOL;
    return cf_utf8_valid(cf_slice_skip(payload, 2)) ? CF_OK : CF_E_UTF8;
}

static enum cf_error on_close(struct cf_ws_endpoint *ep, struct cf_slice payload,
                              struct cf_buf *out, struct cf_ws_event *out_event)
{
    unsigned code;
    enum cf_error broken = check_close(payload, &code);
    ep->got_close = true;
    if (broken != CF_OK)
        return fail(ep, broken, out, out_event);
    enum cf_error error = send_close(ep, code, (struct cf_slice){NULL, 0}, CF_MS_NEVER, out);
    set_closed(ep, code, true, out_event);
    return error;
}

static enum cf_error on_control(struct cf_ws_endpoint *ep, bool writable, struct cf_buf *out,
                                struct cf_ws_event *out_event)
{
    struct cf_slice payload = control_peek(ep);
    switch (ep->opcode) {
    case CF_WS_PING:
        return on_ping(ep, payload, writable, out);
    case CF_WS_PONG:
        out_event->type = CF_WS_EVENT_PONG;
        out_event->payload = payload;
        return CF_OK;
    default:
        return on_close(ep, payload, out, out_event);
    }
}

/* ---- messages ---- */

/* Inflated as a whole, since the decompressor may be the worker's and serve another connection in
 * between. */
static enum cf_error inflate_message(struct cf_ws_endpoint *ep)
{
    struct cf_slice deflated = message_peek(ep);
    struct cf_buf inflated;
    if (deflated.len == 0) /* some compressors say nothing at all for an empty message */
        return CF_OK;
    cf_buf_init(&inflated, ep->config->message_bytes_max);
    enum cf_error error =
        cf_ws_inflate(ep->inflater, deflated, true, ep->inflate_takeover, &inflated);
    if (error == CF_E_SYNTAX)
        error = CF_E_UTF8; /* 1007: data that is not what it claims to be (section 7.4.1) */
    if (error == CF_OK && ep->message_opcode == CF_WS_TEXT &&
        !cf_utf8_valid(cf_buf_peek(&inflated)))
        error = CF_E_UTF8;
    cf_buf_deinit(&ep->parts->message);
    ep->parts->message = inflated;
    return error;
}

static enum cf_error on_message(struct cf_ws_endpoint *ep, struct cf_ws_event *out_event)
{
    enum cf_error error = CF_OK;
    if (ep->compressed)
        error = inflate_message(ep);
    else if (ep->message_opcode == CF_WS_TEXT && !cf_utf8_complete(&ep->utf8))
        error = CF_E_UTF8;
    if (error != CF_OK)
        return error;
    out_event->type = ep->message_opcode == CF_WS_TEXT ? CF_WS_EVENT_TEXT : CF_WS_EVENT_BINARY;
    out_event->payload = message_peek(ep);
    ep->message_given = true;
    ep->message_opcode = CF_WS_CONTINUATION;
    return CF_OK;
}

/* ---- the machine ---- */

static bool is_peer_fault(enum cf_error error)
{
    enum cf_error_class class = cf_error_class(error);
    return class == CF_CLASS_PEER || class == CF_CLASS_LIMIT;
}

/* A frame is complete: what it means. After our close only control frames mean anything. */
static enum cf_error on_frame(struct cf_ws_endpoint *ep, bool writable, struct cf_buf *out,
                              struct cf_ws_event *out_event)
{
    if (cf_ws_opcode_is_control(ep->opcode))
        return on_control(ep, writable, out, out_event);
    if (!ep->fin)
        return CF_OK;
    if (ep->sent_close) {
        ep->message_opcode = CF_WS_CONTINUATION;
        return CF_OK;
    }
    enum cf_error error = on_message(ep, out_event);
    return is_peer_fault(error) ? fail(ep, error, out, out_event) : error;
}

/* The last event's payload is no longer borrowed. */
static void end_loan(struct cf_ws_endpoint *ep)
{
    struct cf_ws_parts *parts = ep->parts;
    bool given = ep->message_given;
    ep->message_given = false;
    if (parts == NULL)
        return;
    if (given)
        cf_buf_release(&parts->message);
    if (!ep->in_payload)
        cf_buf_release(&parts->control);
    drop_empty_parts(ep);
}

/* A message that holds memory has to end. */
static void note_message(struct cf_ws_endpoint *ep, cf_ms now)
{
    struct cf_ws_parts *parts = ep->parts;
    if (parts == NULL)
        return;
    bool incomplete = ep->message_opcode != CF_WS_CONTINUATION && parts->message.len > 0;
    if (!incomplete || ep->config->message_wait_ms == 0)
        parts->message_until = 0;
    else if (parts->message_until == 0)
        parts->message_until = now + ep->config->message_wait_ms;
}

/* The input up to the end of a frame, and the frame. *out_more: it was not complete. */
static enum cf_error step(struct cf_ws_endpoint *ep, bool writable, struct cf_slice *input,
                          struct cf_buf *out, struct cf_ws_event *out_event, bool *out_more)
{
    bool complete;
    enum cf_error error = cf_ws_decode(ep, input, &complete);
    *out_more = error == CF_OK && !complete;
    if (complete)
        return on_frame(ep, writable, out, out_event);
    return is_peer_fault(error) ? fail(ep, error, out, out_event) : error;
}

enum cf_error cf_ws_endpoint_next(struct cf_ws_endpoint *ep, cf_ms now, bool writable,
                                  struct cf_slice *input, struct cf_buf *out,
                                  struct cf_ws_event *out_event)
{
    *out_event = (struct cf_ws_event){.type = CF_WS_EVENT_NEED_MORE};
    end_loan(ep);
    if (input->len > 0)
        ep->heard = now;
    bool more = false;
    while (!ep->closed && !more && out_event->type == CF_WS_EVENT_NEED_MORE) {
        enum cf_error error = step(ep, writable, input, out, out_event, &more);
        if (error != CF_OK)
            return error;
        if (out_event->type == CF_WS_EVENT_NEED_MORE)
            end_loan(ep);
    }
    note_message(ep, now);
    if (ep->closed)
        *input = cf_slice_skip(*input, input->len);
    return CF_OK;
}

/* ---- time ---- */

static cf_ms late_at(const struct cf_ws_endpoint *ep)
{
    bool waits = ep->parts != NULL && ep->parts->message_until != 0 && !ep->sent_close;
    return waits ? ep->parts->message_until : CF_MS_NEVER;
}

static cf_ms dead_at(const struct cf_ws_endpoint *ep)
{
    return ep->config->pong_wait_ms > 0 ? ep->heard + ep->config->pong_wait_ms : CF_MS_NEVER;
}

cf_ms cf_ws_endpoint_deadline(const struct cf_ws_endpoint *ep)
{
    if (ep->closed)
        return CF_MS_NEVER;
    cf_ms deadline = dead_at(ep), late = late_at(ep);
    if (late < deadline)
        deadline = late;
    return ep->next < deadline ? ep->next : deadline;
}

enum cf_error cf_ws_endpoint_tick(struct cf_ws_endpoint *ep, cf_ms now, struct cf_buf *out,
                                  struct cf_ws_event *out_event)
{
    *out_event = (struct cf_ws_event){.type = CF_WS_EVENT_NEED_MORE};
    if (ep->closed)
        return CF_OK;
    if (now >= dead_at(ep) || (now >= ep->next && ep->sent_close)) {
        set_closed(ep, CF_WS_CLOSE_ABNORMAL, false, out_event);
        return CF_OK;
    }
    if (now >= late_at(ep))
        return fail_with(ep, CF_WS_CLOSE_POLICY, out, out_event);
    if (now < ep->next)
        return CF_OK;
    ep->next = now + ep->config->ping_period_ms;
    return cf_ws_endpoint_ping(ep, now, out);
}

cf_ms cf_ws_endpoint_heard(const struct cf_ws_endpoint *ep)
{
    return ep->heard;
}

bool cf_ws_endpoint_open(const struct cf_ws_endpoint *ep)
{
    return !ep->sent_close && !ep->got_close && !ep->closed;
}
