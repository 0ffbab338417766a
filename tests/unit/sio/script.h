/* A Socket.IO session with its owner, driven by a script and told as text; free of cmocka, so that
 * the fuzz targets drive it, too: what must always hold is asserted with CF_ASSERT.
 *
 * A script is steps with one character between them (a space in tests, a newline in fuzz inputs);
 * ARG reaches to it:
 *
 *     t:ARG, b:ARG                      a text message, a binary one
 *     accept:N, refuse:N, expel:N       namespace N of the configuration
 *     +N                                N ms go by, then a tick
 *
 * What it tells: `out=` a packet for the client, `in N auth`, `left N`, `event N#id[inside](a)(b)`
 * and `ack …` with attachments, `!E` an error, after which the connection is closed and nothing is
 * heard. */
#ifndef CF_TESTS_UNIT_SIO_SCRIPT_H
#define CF_TESTS_UNIT_SIO_SCRIPT_H

#include <limits.h>
#include <string.h>

#include "base/assert.h"
#include "dialect/sio/session.h"

enum { SIO_TOLD_MAX = 1 << 22, SIO_ARENA_MAX = 1 << 22 };

static const uint8_t sio_hash_key[16] = "a key for tests";

static const struct cf_slice sio_namespaces[] = {{(const uint8_t *)"/", 1},
                                                 {(const uint8_t *)"/custom", 7}};

#define SIO_CONFIG                                          \
    ((struct cf_sio_config){.namespaces = sio_namespaces,   \
                            .namespaces_count = 2,          \
                            .connect_timeout_ms = 1000,     \
                            .attachments_timeout_ms = 500,  \
                            .attachments_bytes_max = 1000,  \
                            .json = CF_JSON_LIMITS_DEFAULT, \
                            .hash_key = sio_hash_key})

struct sio_script;

/* The owner learns of what a message was. */
typedef void sio_event_fn(struct sio_script *script, const struct cf_sio_event *event);
/* A packet is to be sent. */
typedef void sio_out_fn(struct sio_script *script, struct cf_slice packet);

struct sio_script {
    struct cf_sio_config config;
    struct cf_sio_session s;
    struct cf_buf reply, message, told;
    cf_ms now;
    char separator;
    sio_event_fn *event; /* NULL: it is told */
    sio_out_fn *out;     /* NULL: it is told */
    void *context;
    bool over;
};

/* ---- telling ---- */

static inline void sio_put(struct sio_script *script, struct cf_slice bytes)
{
    CF_ASSERT(cf_buf_append(&script->told, bytes) == CF_OK);
}

static inline void sio_tell(struct sio_script *script, const char *what, struct cf_slice bytes)
{
    if (script->told.len > 0)
        sio_put(script, CF_LIT(" "));
    sio_put(script, cf_slice_cstr(what));
    sio_put(script, bytes);
}

static inline void sio_tell_number(struct sio_script *script, const char *what, uint64_t value)
{
    char digits[20];
    sio_put(script, cf_slice_cstr(what));
    sio_put(script, cf_slice_of(digits, cf_u64_format(value, digits)));
}

static inline void sio_tell_error(struct sio_script *script, enum cf_error error)
{
    if (error == CF_OK)
        return;
    sio_tell(script, "!", cf_slice_skip(cf_slice_cstr(cf_error_name(error)), 2));
    script->over = true;
}

/* What is to be sent, and nothing if there is nothing. */
static inline void sio_tell_out(struct sio_script *script)
{
    if (script->reply.len > 0 && script->out != NULL)
        script->out(script, cf_buf_peek(&script->reply));
    else if (script->reply.len > 0)
        sio_tell(script, "out=", cf_buf_peek(&script->reply));
    cf_buf_reset(&script->reply);
}

static inline void sio_tell_args(struct sio_script *script, const struct cf_sio_event *event)
{
    if (event->has_id)
        sio_tell_number(script, "#", event->id);
    sio_put(script, CF_LIT("["));
    sio_put(script, event->args.inside);
    sio_put(script, CF_LIT("]"));
    for (unsigned i = 0; i < event->attachments_count; i++) {
        sio_put(script, CF_LIT("("));
        sio_put(script, event->attachments[i]);
        sio_put(script, CF_LIT(")"));
    }
}

static inline void sio_tell_event(struct sio_script *script, const struct cf_sio_event *event)
{
    static const char *const names[] = {[CF_SIO_WANTS_IN] = "in ",
                                        [CF_SIO_LEFT] = "left ",
                                        [CF_SIO_HAPPENED] = "event ",
                                        [CF_SIO_ACKNOWLEDGED] = "ack "};
    if (event->type == CF_SIO_NOTHING)
        return;
    sio_tell(script, "", CF_LIT(""));
    sio_tell_number(script, names[event->type], event->nsp);
    if (event->type == CF_SIO_WANTS_IN)
        sio_put(script, event->auth);
    else if (event->type != CF_SIO_LEFT)
        sio_tell_args(script, event);
}

/* ---- what must hold ---- */

static inline void sio_check_args(const struct sio_script *script, const struct cf_sio_event *event)
{
    struct cf_arena arena;
    struct cf_buf again;
    struct cf_sio_args args;
    cf_arena_init(&arena, SIO_ARENA_MAX);
    cf_buf_init(&again, event->args.inside.len + 2);
    CF_ASSERT(cf_buf_append_byte(&again, '[') == CF_OK);
    CF_ASSERT(cf_buf_append(&again, event->args.inside) == CF_OK);
    CF_ASSERT(cf_buf_append_byte(&again, ']') == CF_OK);
    CF_ASSERT(cf_sio_args_read(cf_buf_peek(&again),
                               event->attachments_count == 0 ? UINT_MAX : event->attachments_count,
                               &script->config.json, sio_hash_key, &arena, &args) == CF_OK);
    CF_ASSERT(args.count == event->args.count && args.count <= CF_SIO_ARGS_MAX);
    CF_ASSERT(args.behind_first.len == event->args.behind_first.len);
    for (size_t i = 0; i < args.count; i++) {
        CF_ASSERT(args.items[i].is == event->args.items[i].is);
        CF_ASSERT(cf_slice_eq(args.items[i].text, event->args.items[i].text));
    }
    cf_buf_deinit(&again);
    cf_arena_deinit(&arena);
}

/* V26: no name that a library keeps for itself comes through. */
static inline void sio_check_name(const struct cf_sio_event *event)
{
    static const char *const reserved[] = {"connect",       "connect_error", "disconnect",
                                           "disconnecting", "newListener",   "removeListener"};
    CF_ASSERT(event->args.count > 0 && event->args.items[0].is == CF_JSON_IS_STRING);
    for (size_t i = 0; i < CF_ARRAY_LEN(reserved); i++)
        CF_ASSERT(!cf_slice_eq(event->args.items[0].text, cf_slice_cstr(reserved[i])));
}

static inline void sio_check_event(const struct sio_script *script,
                                   const struct cf_sio_event *event)
{
    bool inside = cf_sio_inside(&script->s, event->nsp);
    CF_ASSERT(event->nsp < script->config.namespaces_count);
    CF_ASSERT(event->attachments_count <= CF_SIO_ATTACHMENTS_MAX);
    CF_ASSERT(event->id < UINT64_C(1) << 53);
    switch (event->type) {
    case CF_SIO_NOTHING:
        CF_ASSERT(event->attachments_count == 0);
        break;
    case CF_SIO_WANTS_IN:
    case CF_SIO_LEFT:
        CF_ASSERT(!inside && script->reply.len == 0);
        break;
    case CF_SIO_HAPPENED:
        sio_check_name(event);
        /* fall through */
    case CF_SIO_ACKNOWLEDGED:
        CF_ASSERT(inside && script->reply.len == 0);
        CF_ASSERT(event->has_id || event->type == CF_SIO_HAPPENED);
        sio_check_args(script, event);
        break;
    }
}

/* ---- steps ---- */

/* The message lies in memory of its own, so that a sanitizer sees what is read beside it. */
static inline void sio_script_message(struct sio_script *script, struct cf_slice text, bool binary)
{
    struct cf_sio_event event;
    struct cf_arena arena;
    cf_arena_init(&arena, SIO_ARENA_MAX);
    cf_buf_release(&script->message);
    CF_ASSERT(cf_buf_append(&script->message, text) == CF_OK);
    enum cf_error error = cf_sio_next(&script->s, cf_buf_peek(&script->message), binary,
                                      script->now, &arena, &script->reply, &event);
    sio_tell_error(script, error);
    if (error == CF_OK) {
        sio_check_event(script, &event);
        if (script->event != NULL)
            script->event(script, &event);
        else
            sio_tell_event(script, &event);
        sio_tell_out(script);
    }
    cf_arena_deinit(&arena);
}

static inline void sio_script_answer(struct sio_script *script, struct cf_slice verb, unsigned nsp)
{
    enum cf_error error = CF_OK;
    if (nsp >= script->config.namespaces_count)
        return;
    if (cf_slice_eq(verb, CF_LIT("accept")) && script->s.places[nsp] == CF_SIO_WAITING)
        error = cf_sio_accept(&script->s, nsp, CF_LIT("s"), CF_LIT(""), &script->reply);
    else if (cf_slice_eq(verb, CF_LIT("refuse")) && script->s.places[nsp] == CF_SIO_WAITING)
        error = cf_sio_refuse(&script->s, nsp, "no", "code", script->now, &script->reply);
    else if (cf_slice_eq(verb, CF_LIT("expel")) && cf_sio_inside(&script->s, nsp))
        error = cf_sio_expel(&script->s, nsp, script->now, &script->reply);
    sio_tell_error(script, error);
    sio_tell_out(script);
}

static inline void sio_script_pass(struct sio_script *script, cf_ms ms)
{
    script->now += ms;
    sio_tell_error(script, cf_sio_tick(&script->s, script->now));
    CF_ASSERT(cf_sio_deadline(&script->s) > script->now);
}

/* False: it is none. */
static inline bool sio_script_step(struct sio_script *script, struct cf_slice step)
{
    size_t colon = cf_slice_find(step, ':');
    struct cf_slice verb = cf_slice_head(step, colon), arg = cf_slice_skip(step, colon + 1);
    uint64_t ms;
    if (script->over)
        return true;
    if (cf_slice_eq(verb, CF_LIT("t")) || cf_slice_eq(verb, CF_LIT("b")))
        sio_script_message(script, arg, verb.ptr[0] == 'b');
    else if (cf_slice_eq(verb, CF_LIT("accept")) || cf_slice_eq(verb, CF_LIT("refuse")) ||
             cf_slice_eq(verb, CF_LIT("expel")))
        sio_script_answer(script, verb, arg.len == 1 ? arg.ptr[0] - (unsigned)'0' : 0);
    else if (cf_slice_starts(step, CF_LIT("+")) && cf_slice_to_u64(cf_slice_skip(step, 1), &ms) &&
             ms <= 1000000)
        sio_script_pass(script, (cf_ms)ms);
    else
        return false;
    return true;
}

static inline void sio_script_run(struct sio_script *script, struct cf_slice steps)
{
    struct cf_slice step;
    while (cf_slice_next(&steps, (uint8_t)script->separator, &step)) {
        if (step.len > 0)
            CF_ASSERT(sio_script_step(script, step));
    }
}

/* ---- its life ---- */

static inline void sio_script_init(struct sio_script *script, const struct cf_sio_config *config)
{
    *script = (struct sio_script){.config = *config, .now = 1000, .separator = ' '};
    cf_buf_init(&script->reply, SIO_TOLD_MAX);
    cf_buf_init(&script->message, SIO_TOLD_MAX);
    cf_buf_init(&script->told, SIO_TOLD_MAX);
    cf_sio_session_init(&script->s, &script->config, script->now);
}

static inline void sio_script_deinit(struct sio_script *script)
{
    cf_sio_session_deinit(&script->s);
    cf_buf_deinit(&script->reply);
    cf_buf_deinit(&script->message);
    cf_buf_deinit(&script->told);
}

#endif
