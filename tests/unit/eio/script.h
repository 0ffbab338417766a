/* An Engine.IO session with its owner, driven by a script and told as text. Free of cmocka, so that
 * the fuzz targets drive it, too: what must always hold is asserted with CF_ASSERT.
 *
 * A script is steps with one character between them (a space in tests, a newline in fuzz inputs);
 * ARG reaches to it, and a `|` in it stands for the separator of payloads:
 *
 *     poll, poll-gone                    a GET, its connection's end
 *     post:ARG                           a whole POST; or begin, body:ARG, end or post-gone
 *     probe, p:ARG, pb:ARG, probe-gone   another WebSocket: text, binary
 *     ws:ARG, wsb:ARG, ws-gone           the session's WebSocket
 *     send:ARG, sendb:ARG, payload:ARG   the layer above sends
 *     close, abort                       ... ends it
 *     +N, due                            time goes on by N ms, or to the deadline; then a tick
 *
 * What it tells: `get=` the GET's answer, `out=` `outb=` a message on the session's WebSocket,
 * `probe=` one on the probe's, `drop` the probe is closed, `up=` `upb=` a message for the layer
 * above, `upgraded`, `!E` the error of the step, `END:why`. */
#ifndef CF_TESTS_UNIT_EIO_SCRIPT_H
#define CF_TESTS_UNIT_EIO_SCRIPT_H

#include <string.h>

#include "base/assert.h"
#include "dialect/eio/session.h"

enum { SCRIPT_TOLD_MAX = 1 << 22, SCRIPT_BYTES_MAX = 1 << 22 };

struct script;

/* The layer above hears a message. */
typedef void script_hear_fn(struct script *script, const struct cf_eio_packet *packet);
/* The owner has done an action. */
typedef void script_done_fn(struct script *script, const struct cf_eio_action *action);

struct script {
    struct cf_eio_config config;
    struct cf_eio_session s;
    struct cf_buf scratch, decoded, arg, told;
    cf_ms now;
    char separator;
    script_hear_fn *hear; /* NULL: it is told */
    script_done_fn *done; /* NULL: nobody else wants to know */
    void *context;
    bool get, post, socket, probe, over; /* what the owner has open */
};

/* ---- telling ---- */

static inline void script_put(struct cf_buf *to, struct cf_slice bytes)
{
    CF_ASSERT(cf_buf_append(to, bytes) == CF_OK);
}

static inline void script_tell(struct script *script, const char *what, struct cf_slice bytes)
{
    if (script->told.len > 0)
        script_put(&script->told, CF_LIT(" "));
    script_put(&script->told, cf_slice_cstr(what));
    size_t from = script->told.len;
    script_put(&script->told, bytes);
    for (size_t i = from; i < script->told.len; i++) {
        if (script->told.ptr[i] == CF_EIO_SEPARATOR)
            script->told.ptr[i] = '|';
    }
}

static inline void script_tell_error(struct script *script, enum cf_error error)
{
    if (error != CF_OK)
        script_tell(script, "!", cf_slice_skip(cf_slice_cstr(cf_error_name(error)), 2));
}

static inline const char *script_end_name(unsigned end)
{
    static const char *const names[] = {
        [CF_EIO_LIVE] = "LIVE",
        [CF_EIO_BY_CLIENT] = "BY_CLIENT",
        [CF_EIO_BY_SERVER] = "BY_SERVER",
        [CF_EIO_LOST] = "LOST",
        [CF_EIO_PING_TIMEOUT] = "PING_TIMEOUT",
        [CF_EIO_PROTOCOL] = "PROTOCOL",
        [CF_EIO_SLOW] = "SLOW",
    };
    CF_ASSERT(end < CF_ARRAY_LEN(names));
    return names[end];
}

/* ---- the owner ---- */

static inline void script_finish(struct script *script)
{
    script_tell(script, "END:", cf_slice_cstr(script_end_name(script->s.end)));
    CF_ASSERT(script->s.end != CF_EIO_LIVE);
    CF_ASSERT(!script->get && !script->probe);
    script->over = true;
    script->post = script->socket = false;
}

static inline void script_do(struct script *script, const struct cf_eio_action *action)
{
    CF_ASSERT(!script->over);
    switch (action->what) {
    case CF_EIO_ANSWER:
        CF_ASSERT(script->get && action->bytes.len > 0);
        script->get = false;
        script_tell(script, "get=", action->bytes);
        break;
    case CF_EIO_SEND:
        CF_ASSERT(script->socket);
        script_tell(script, action->binary ? "outb=" : "out=", action->bytes);
        break;
    case CF_EIO_SEND_PROBE:
        CF_ASSERT(script->probe && !action->binary);
        script_tell(script, "probe=", action->bytes);
        break;
    case CF_EIO_DROP_PROBE:
        CF_ASSERT(script->probe);
        script->probe = false;
        script_tell(script, "drop", CF_LIT(""));
        break;
    case CF_EIO_CLOSED:
        script_finish(script);
        break;
    }
    if (script->done != NULL)
        script->done(script, action);
}

/* What waits to be sent. */
static inline const struct cf_buf *script_queued(const struct cf_eio_session *s)
{
    static const struct cf_buf nothing;
    return s->parts == NULL ? &nothing : &s->parts->queue;
}

static inline void script_settle(struct script *script)
{
    struct cf_eio_action action;
    const struct cf_eio_session *s = &script->s;
    while (cf_eio_act(&script->s, &script->scratch, &action))
        script_do(script, &action);
    CF_ASSERT(script->over == (s->end != CF_EIO_LIVE));
    CF_ASSERT(script->over || script_queued(s)->len <= script->config.queue_bytes_max);
    CF_ASSERT(script->over || !script->get || cf_eio_is_drained(s));
    CF_ASSERT(script->over || !script->socket || s->parts == NULL);
    CF_ASSERT(script->over || script->socket == (s->transport == CF_EIO_WEBSOCKET));
    CF_ASSERT(!script->over || cf_eio_deadline(s) == CF_MS_NEVER);
}

static inline void script_hear(struct script *script, const struct cf_eio_packet *packet)
{
    CF_ASSERT(packet->type == CF_EIO_MESSAGE);
    if (script->hear != NULL)
        script->hear(script, packet);
    else
        script_tell(script, packet->binary ? "upb=" : "up=", packet->data);
}

/* ---- steps ---- */

static inline void script_poll(struct script *script)
{
    bool had = script->get;
    enum cf_error error = cf_eio_poll(&script->s, script->now);
    script_tell_error(script, error);
    if (error == CF_OK) {
        CF_ASSERT(!had);
        script->get = true;
    }
}

static inline void script_begin(struct script *script)
{
    bool had = script->post;
    enum cf_error error = cf_eio_post_begin(&script->s);
    script_tell_error(script, error);
    if (error == CF_OK) {
        CF_ASSERT(!had);
        script->post = true;
    }
}

static inline void script_body(struct script *script, struct cf_slice body)
{
    struct cf_eio_packet packet;
    enum cf_error error;
    if (body.len == 0)
        body = (struct cf_slice){NULL, 0}; /* as a buffer that nothing came into */
    do {
        error = cf_eio_payload_next(&script->s, &body, script->now, &script->decoded, &packet);
        if (error == CF_OK && packet.data.ptr != NULL)
            script_hear(script, &packet);
    } while (error == CF_OK && packet.data.ptr != NULL);
    script_tell_error(script, error);
    CF_ASSERT(error == CF_OK || script->s.end != CF_EIO_LIVE);
}

static inline void script_end(struct script *script)
{
    script->post = false;
    cf_eio_post_end(&script->s);
}

static inline void script_post(struct script *script, struct cf_slice body)
{
    bool had = script->post;
    script_begin(script);
    if (had || !script->post)
        return;
    script_body(script, body);
    script_end(script);
}

static inline void script_message(struct script *script, struct cf_slice message, bool binary)
{
    struct cf_eio_packet packet;
    enum cf_error error =
        cf_eio_ws_next(&script->s, message, binary, script->now, &script->decoded, &packet);
    script_tell_error(script, error);
    if (error == CF_OK && packet.data.ptr != NULL)
        script_hear(script, &packet);
}

static inline void script_probe(struct script *script)
{
    enum cf_error error = cf_eio_probe_begin(&script->s, script->now);
    script_tell_error(script, error);
    if (error == CF_OK) {
        CF_ASSERT(!script->probe);
        script->probe = true;
    }
}

static inline void script_probe_message(struct script *script, struct cf_slice message, bool binary)
{
    bool upgraded;
    cf_eio_probe_packet(&script->s, message, binary, script->now, &upgraded);
    if (!upgraded)
        return;
    CF_ASSERT(script->probe && !script->socket);
    script->probe = false;
    script->socket = true;
    script_tell(script, "upgraded", CF_LIT(""));
}

static inline void script_gone(struct script *script, char which)
{
    switch (which) {
    case 'g':
        script->get = false;
        cf_eio_poll_gone(&script->s);
        break;
    case 'p':
        script->post = false;
        cf_eio_post_gone(&script->s);
        break;
    case 'w':
        script->socket = script->socket && script->s.transport != CF_EIO_WEBSOCKET;
        cf_eio_ws_gone(&script->s);
        break;
    default:
        script->probe = false;
        cf_eio_probe_gone(&script->s);
        break;
    }
}

static inline void script_pass(struct script *script, cf_ms ms)
{
    script->now += ms;
    cf_eio_tick(&script->s, script->now);
    script_settle(script);
    CF_ASSERT(cf_eio_deadline(&script->s) > script->now);
}

static inline void script_due(struct script *script)
{
    cf_ms deadline = cf_eio_deadline(&script->s);
    if (deadline != CF_MS_NEVER)
        script_pass(script, deadline > script->now ? deadline - script->now : 0);
}

/* ARG, with separators. In memory of its own, so that a sanitizer sees what is read beside it. */
static inline struct cf_slice script_arg(struct script *script, struct cf_slice text)
{
    cf_buf_release(&script->arg);
    script_put(&script->arg, text);
    for (size_t i = 0; i < script->arg.len; i++) {
        if (script->arg.ptr[i] == '|')
            script->arg.ptr[i] = CF_EIO_SEPARATOR;
    }
    return cf_buf_peek(&script->arg);
}

/* The steps that come with ARG. */
static inline bool script_step_arg(struct script *script, struct cf_slice verb, struct cf_slice arg)
{
    if (cf_slice_eq(verb, CF_LIT("post")))
        script_post(script, arg);
    else if (cf_slice_eq(verb, CF_LIT("body")))
        script_body(script, arg);
    else if (cf_slice_eq(verb, CF_LIT("p")) || cf_slice_eq(verb, CF_LIT("pb")))
        script_probe_message(script, arg, verb.len == 2);
    else if (cf_slice_eq(verb, CF_LIT("ws")) || cf_slice_eq(verb, CF_LIT("wsb")))
        script_message(script, arg, verb.len == 3);
    else if (cf_slice_eq(verb, CF_LIT("send")) || cf_slice_eq(verb, CF_LIT("sendb")))
        script_tell_error(script, cf_eio_send(&script->s, arg, verb.len == 5));
    else if (cf_slice_eq(verb, CF_LIT("payload")))
        script_tell_error(script, cf_eio_send_payload(&script->s, arg));
    else
        return false;
    return true;
}

static inline bool script_step_bare(struct script *script, struct cf_slice verb)
{
    if (cf_slice_eq(verb, CF_LIT("poll")))
        script_poll(script);
    else if (cf_slice_eq(verb, CF_LIT("begin")))
        script_begin(script);
    else if (cf_slice_eq(verb, CF_LIT("end")))
        script_end(script);
    else if (cf_slice_eq(verb, CF_LIT("probe")))
        script_probe(script);
    else if (cf_slice_eq(verb, CF_LIT("poll-gone")))
        script_gone(script, 'g');
    else if (cf_slice_eq(verb, CF_LIT("post-gone")))
        script_gone(script, 'p');
    else if (cf_slice_eq(verb, CF_LIT("probe-gone")))
        script_gone(script, 'r');
    else if (cf_slice_eq(verb, CF_LIT("ws-gone")))
        script_gone(script, 'w');
    else if (cf_slice_eq(verb, CF_LIT("close")))
        cf_eio_close(&script->s, script->now);
    else if (cf_slice_eq(verb, CF_LIT("abort")))
        cf_eio_abort(&script->s, CF_EIO_LOST);
    else if (cf_slice_eq(verb, CF_LIT("due")))
        script_due(script);
    else
        return false;
    return true;
}

/* One step and what follows from it. False: it is none. */
static inline bool script_step(struct script *script, struct cf_slice step)
{
    size_t colon = cf_slice_find(step, ':');
    uint64_t ms;
    bool known = true;
    if (colon < step.len)
        known = script_step_arg(script, cf_slice_head(step, colon),
                                script_arg(script, cf_slice_skip(step, colon + 1)));
    else if (cf_slice_starts(step, CF_LIT("+")) && cf_slice_to_u64(cf_slice_skip(step, 1), &ms) &&
             ms <= 1000000)
        script_pass(script, (cf_ms)ms);
    else
        known = script_step_bare(script, step);
    script_settle(script);
    return known;
}

static inline void script_run(struct script *script, struct cf_slice steps)
{
    struct cf_slice step;
    while (cf_slice_next(&steps, (uint8_t)script->separator, &step)) {
        if (step.len > 0)
            CF_ASSERT(script_step(script, step));
    }
}

/* ---- its life ---- */

/* What the tests count with. */
#define SCRIPT_CONFIG                                     \
    ((struct cf_eio_config){.ping_interval_ms = 300,      \
                            .ping_timeout_ms = 200,       \
                            .upgrade_timeout_ms = 1000,   \
                            .close_timeout_ms = 2000,     \
                            .payload_bytes_max = 1000000, \
                            .queue_bytes_max = 100000})

/* An open session whose handshake is queued, or sent. `config` as SCRIPT_CONFIG, in parts. */
static inline void script_init(struct script *script, const struct cf_eio_config *config,
                               enum cf_eio_transport transport)
{
    *script = (struct script){.config = *config, .now = 1000, .separator = ' '};
    cf_buf_init(&script->scratch, SCRIPT_BYTES_MAX);
    cf_buf_init(&script->decoded, SCRIPT_BYTES_MAX);
    cf_buf_init(&script->arg, SCRIPT_BYTES_MAX);
    cf_buf_init(&script->told, SCRIPT_TOLD_MAX);
    script->socket = transport == CF_EIO_WEBSOCKET;
    CF_ASSERT(cf_eio_session_open(&script->s, &script->config, transport, CF_LIT("sid"),
                                  script->now) == CF_OK);
    script_settle(script);
}

static inline void script_deinit(struct script *script)
{
    cf_eio_session_deinit(&script->s);
    cf_buf_deinit(&script->scratch);
    cf_buf_deinit(&script->decoded);
    cf_buf_deinit(&script->arg);
    cf_buf_deinit(&script->told);
}

#endif
