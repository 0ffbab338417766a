#include "dialect/sio/session.h"

#include <limits.h>
#include <stdlib.h>

#include "base/assert.h"
#include "json/writer.h"

/* One buffer holds the text and, behind it, the attachments so far. */
struct cf_sio_parts {
    struct cf_buf bytes;
    size_t ends[CF_SIO_ATTACHMENTS_MAX + 1]; /* of the text, of each attachment */
    unsigned count;                          /* attachments that are there */
    unsigned expected;
    cf_ms until; /* when they have to be there */
};

void cf_sio_session_init(struct cf_sio_session *s, const struct cf_sio_config *config, cf_ms now)
{
    CF_ASSERT(config->namespaces_count <= CF_SIO_NAMESPACES_MAX);
    *s = (struct cf_sio_session){
        .config = config,
        .connect_until = now + config->connect_timeout_ms,
    };
}

static void drop_parts(struct cf_sio_session *s)
{
    if (s->parts == NULL)
        return;
    cf_buf_deinit(&s->parts->bytes);
    free(s->parts);
    s->parts = NULL;
}

void cf_sio_session_deinit(struct cf_sio_session *s)
{
    drop_parts(s);
}

/* ---- namespaces ---- */

static bool find_namespace(const struct cf_sio_session *s, struct cf_slice name, unsigned *out_nsp)
{
    for (unsigned i = 0; i < s->config->namespaces_count; i++) {
        if (cf_slice_eq(s->config->namespaces[i], name)) {
            *out_nsp = i;
            return true;
        }
    }
    return false;
}

bool cf_sio_inside(const struct cf_sio_session *s, unsigned nsp)
{
    return s->places[nsp] == CF_SIO_INSIDE;
}

/* A client whom the server leaves in no namespace has the time to enter one. Who left by itself may
 * come back when it likes, as with the reference server. */
static void put_out(struct cf_sio_session *s, unsigned nsp, cf_ms now)
{
    bool inside = false;
    s->places[nsp] = CF_SIO_OUTSIDE;
    for (unsigned i = 0; i < s->config->namespaces_count; i++)
        inside = inside || cf_sio_inside(s, i);
    if (!inside && s->connect_until == CF_MS_NEVER)
        s->connect_until = now + s->config->connect_timeout_ms;
}

static enum cf_error begin(const struct cf_sio_session *s, unsigned nsp, enum cf_sio_type type,
                           struct cf_buf *out)
{
    struct cf_sio_packet packet = {.type = type, .nsp = s->config->namespaces[nsp]};
    return cf_sio_packet_begin(out, &packet);
}

enum cf_error cf_sio_accept(struct cf_sio_session *s, unsigned nsp, struct cf_slice sid,
                            struct cf_slice pid, struct cf_buf *out)
{
    CF_ASSERT(s->places[nsp] == CF_SIO_WAITING);
    enum cf_error error = begin(s, nsp, CF_SIO_CONNECT, out);
    if (error != CF_OK)
        return error;
    s->places[nsp] = CF_SIO_INSIDE;
    s->connect_until = CF_MS_NEVER;
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "sid", sid);
    if (pid.len > 0)
        cf_json_member_string(&w, "pid", pid);
    cf_json_object_end(&w);
    return cf_json_writer_finish(&w);
}

static enum cf_error write_refusal(const char *message, const char *code, struct cf_buf *out)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "message", cf_slice_cstr(message));
    if (code != NULL) {
        cf_json_key(&w, CF_LIT("data"));
        cf_json_object_begin(&w);
        cf_json_member_string(&w, "code", cf_slice_cstr(code));
        cf_json_object_end(&w);
    }
    cf_json_object_end(&w);
    return cf_json_writer_finish(&w);
}

enum cf_error cf_sio_refuse(struct cf_sio_session *s, unsigned nsp, const char *message,
                            const char *code, cf_ms now, struct cf_buf *out)
{
    CF_ASSERT(s->places[nsp] == CF_SIO_WAITING);
    put_out(s, nsp, now);
    enum cf_error error = begin(s, nsp, CF_SIO_CONNECT_ERROR, out);
    return error == CF_OK ? write_refusal(message, code, out) : error;
}

enum cf_error cf_sio_expel(struct cf_sio_session *s, unsigned nsp, cf_ms now, struct cf_buf *out)
{
    CF_ASSERT(s->places[nsp] == CF_SIO_INSIDE);
    put_out(s, nsp, now);
    return begin(s, nsp, CF_SIO_DISCONNECT, out);
}

/* ---- packets ---- */

static enum cf_error connect(struct cf_sio_session *s, const struct cf_sio_packet *packet,
                             struct cf_arena *arena, struct cf_buf *reply,
                             struct cf_sio_event *event)
{
    if (packet->payload.ptr != NULL) {
        enum cf_error error =
            cf_json_read_object(packet->payload, &s->config->json, s->config->hash_key, arena, NULL,
                                0, &(const char *){NULL});
        if (error != CF_OK)
            return error;
    }
    if (!find_namespace(s, packet->nsp, &event->nsp)) {
        struct cf_sio_packet refusal = {.type = CF_SIO_CONNECT_ERROR, .nsp = packet->nsp};
        enum cf_error error = cf_sio_packet_begin(reply, &refusal);
        return error == CF_OK ? write_refusal("Invalid namespace", NULL, reply) : error;
    }
    if (s->places[event->nsp] != CF_SIO_OUTSIDE)
        return CF_E_PROTOCOL;
    s->places[event->nsp] = CF_SIO_WAITING;
    event->type = CF_SIO_WANTS_IN;
    event->auth = packet->payload;
    return CF_OK;
}

/* Names that the libraries keep for events of their own (hazard V26). */
static bool is_reserved(struct cf_slice name)
{
    static const char *const reserved[] = {"connect",       "connect_error", "disconnect",
                                           "disconnecting", "newListener",   "removeListener"};
    for (size_t i = 0; i < CF_ARRAY_LEN(reserved); i++) {
        if (cf_slice_eq(name, cf_slice_cstr(reserved[i])))
            return true;
    }
    return false;
}

static enum cf_error check_name(const struct cf_sio_args *args)
{
    bool good = args->count > 0 && args->items[0].is == CF_JSON_IS_STRING &&
                !is_reserved(args->items[0].text);
    return good ? CF_OK : CF_E_SYNTAX;
}

/* An event or an ack that is whole. */
static enum cf_error deliver(const struct cf_sio_session *s, const struct cf_sio_packet *packet,
                             struct cf_arena *arena, struct cf_sio_event *event)
{
    unsigned attachments = packet->attachments > 0 ? packet->attachments : UINT_MAX;
    bool is_event = packet->type == CF_SIO_EVENT || packet->type == CF_SIO_BINARY_EVENT;
    enum cf_error error = cf_sio_args_read(packet->payload, attachments, &s->config->json,
                                           s->config->hash_key, arena, &event->args);
    if (error == CF_OK && is_event)
        error = check_name(&event->args);
    if (error == CF_OK && !is_event && !packet->has_id)
        error = CF_E_SYNTAX;
    event->type = is_event ? CF_SIO_HAPPENED : CF_SIO_ACKNOWLEDGED;
    event->has_id = packet->has_id;
    event->id = packet->id;
    return error;
}

static enum cf_error keep_parts(struct cf_sio_session *s, struct cf_slice message,
                                const struct cf_sio_packet *packet, cf_ms now)
{
    struct cf_sio_parts *parts = calloc(1, sizeof(*parts));
    if (parts == NULL)
        return CF_E_NOMEM;
    cf_buf_init(&parts->bytes, message.len + s->config->attachments_bytes_max);
    s->parts = parts;
    parts->until = now + s->config->attachments_timeout_ms;
    parts->expected = packet->attachments;
    parts->ends[0] = message.len;
    return cf_buf_append(&parts->bytes, message);
}

/* An event or an ack: now, or when its attachments are there. What is wrong with its text is told
 * before anything is kept. */
static enum cf_error take_event(struct cf_sio_session *s, struct cf_slice message,
                                const struct cf_sio_packet *packet, cf_ms now,
                                struct cf_arena *arena, struct cf_sio_event *event)
{
    enum cf_error error = deliver(s, packet, arena, event);
    if (error != CF_OK || packet->attachments == 0)
        return error;
    *event = (struct cf_sio_event){.type = CF_SIO_NOTHING};
    return keep_parts(s, message, packet, now);
}

/* A packet for a namespace that the client is in. */
static enum cf_error take_packet(struct cf_sio_session *s, struct cf_slice message,
                                 const struct cf_sio_packet *packet, cf_ms now,
                                 struct cf_arena *arena, struct cf_sio_event *event)
{
    if (!find_namespace(s, packet->nsp, &event->nsp) || s->places[event->nsp] != CF_SIO_INSIDE)
        return CF_E_PROTOCOL;
    switch (packet->type) {
    case CF_SIO_DISCONNECT:
        if (packet->payload.ptr != NULL)
            return CF_E_SYNTAX;
        s->places[event->nsp] = CF_SIO_OUTSIDE;
        event->type = CF_SIO_LEFT;
        return CF_OK;
    case CF_SIO_EVENT:
    case CF_SIO_ACK:
    case CF_SIO_BINARY_EVENT:
    case CF_SIO_BINARY_ACK:
        return take_event(s, message, packet, now, arena, event);
    case CF_SIO_CONNECT:
    case CF_SIO_CONNECT_ERROR:
        break;
    }
    return CF_E_PROTOCOL;
}

/* All attachments are there. The parts stay until the next call: the event borrows them. */
static enum cf_error complete(struct cf_sio_session *s, struct cf_arena *arena,
                              struct cf_sio_event *event)
{
    struct cf_sio_parts *parts = s->parts;
    struct cf_slice bytes = cf_buf_peek(&parts->bytes);
    struct cf_sio_packet packet;
    parts->until = CF_MS_NEVER;
    enum cf_error error = cf_sio_packet_read(cf_slice_head(bytes, parts->ends[0]), &packet);
    if (error != CF_OK)
        return error;
    if (!find_namespace(s, packet.nsp, &event->nsp) || s->places[event->nsp] != CF_SIO_INSIDE)
        return CF_E_PROTOCOL;
    event->attachments_count = parts->count;
    for (unsigned i = 0; i < parts->count; i++)
        event->attachments[i] =
            cf_slice_of(bytes.ptr + parts->ends[i], parts->ends[i + 1] - parts->ends[i]);
    return deliver(s, &packet, arena, event);
}

static enum cf_error take_binary(struct cf_sio_session *s, struct cf_slice message,
                                 struct cf_arena *arena, struct cf_sio_event *event)
{
    struct cf_sio_parts *parts = s->parts;
    if (parts == NULL)
        return CF_E_PROTOCOL;
    enum cf_error error = cf_buf_append(&parts->bytes, message);
    if (error != CF_OK)
        return error;
    parts->ends[++parts->count] = parts->bytes.len;
    return parts->count < parts->expected ? CF_OK : complete(s, arena, event);
}

enum cf_error cf_sio_next(struct cf_sio_session *s, struct cf_slice message, bool binary, cf_ms now,
                          struct cf_arena *arena, struct cf_buf *reply,
                          struct cf_sio_event *out_event)
{
    struct cf_sio_packet packet;
    *out_event = (struct cf_sio_event){.type = CF_SIO_NOTHING};
    if (s->parts != NULL && s->parts->count == s->parts->expected)
        drop_parts(s);
    if (binary)
        return take_binary(s, message, arena, out_event);
    if (s->parts != NULL)
        return CF_E_PROTOCOL; /* text where attachments were due */
    enum cf_error error = cf_sio_packet_read(message, &packet);
    if (error != CF_OK)
        return error;
    if (packet.type == CF_SIO_CONNECT)
        return connect(s, &packet, arena, reply, out_event);
    return take_packet(s, message, &packet, now, arena, out_event);
}

/* ---- time ---- */

cf_ms cf_sio_deadline(const struct cf_sio_session *s)
{
    return s->parts == NULL ? s->connect_until : cf_ms_earlier(s->connect_until, s->parts->until);
}

enum cf_error cf_sio_tick(struct cf_sio_session *s, cf_ms now)
{
    if (now < cf_sio_deadline(s))
        return CF_OK;
    s->connect_until = CF_MS_NEVER;
    if (s->parts != NULL)
        s->parts->until = CF_MS_NEVER;
    return CF_E_TIMEOUT;
}
