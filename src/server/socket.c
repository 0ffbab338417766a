/* The session below: requests, lines, actions, timers, the end. */
#include "server/socket.h"

#include <stdlib.h>
#include <string.h>

#include "server/fanout.h"
#include "server/lost.h"
#include "server/stranger.h"

static cf_ms now_ms(const struct cf_socket *socket)
{
    return cf_worker_now(socket->worker).ms;
}

static _Atomic uint64_t *gauge(const struct cf_socket *socket)
{
    return &socket->worker->metrics.sio_sessions[socket->eio.transport];
}

uint8_t cf_socket_form(const struct cf_socket *socket)
{
    return socket->eio.transport == CF_EIO_WEBSOCKET ? CF_FORM_LINE : CF_FORM_POLL;
}

/* ---- opening ---- */

static void tick_person(struct cf_socket *socket, cf_us now)
{
    struct cf_person *person = socket->person;
    if (now >= person->expires) {
        cf_socket_expel(socket);
    } else if (now >= person->life.opened + CF_LIFE_SAVED_US && !person->life.known) {
        struct cf_identity identity = cf_person_identity(person);
        cf_life_save(socket->worker, &identity, &person->life);
    }
}

/* What is due, of the session's own. */
static void tick(struct cf_socket *socket)
{
    struct cf_now now = cf_worker_now(socket->worker);
    cf_eio_tick(&socket->eio, now.ms);
    cf_seats_tick(socket, now.ms);
    if (cf_sio_tick(&socket->sio, now.ms) != CF_OK)
        cf_eio_abort(&socket->eio, CF_EIO_BY_SERVER); /* nobody whom to wait for */
    if (socket->person != NULL)
        tick_person(socket, now.us);
    cf_socket_settle(socket);
}

static void on_timer(struct cf_loop_timer *timer)
{
    tick(CF_CONTAINER_OF(timer, struct cf_callers, timer)->socket);
}

static enum cf_error keep_callers(struct cf_socket *socket)
{
    if (socket->eio.transport != CF_EIO_POLLING)
        return CF_OK;
    socket->callers = calloc(1, sizeof(*socket->callers));
    if (socket->callers == NULL)
        return CF_E_NOMEM;
    socket->callers->socket = socket;
    cf_loop_timer_init(&socket->callers->timer, on_timer);
    return CF_OK;
}

static void free_callers(struct cf_socket *socket)
{
    if (socket->callers != NULL)
        cf_loop_timer_stop(socket->worker->loop, &socket->callers->timer);
    free(socket->callers);
    socket->callers = NULL;
}

/* Once it is upgraded, and the requests that were on the way are answered. */
static void drop_callers(struct cf_socket *socket)
{
    const struct cf_callers *callers = socket->callers;
    if (callers != NULL && socket->eio.transport != CF_EIO_POLLING && callers->poller.ticket == 0 &&
        callers->poster.ticket == 0 && callers->probe == NULL)
        free_callers(socket);
}

static void free_socket(struct cf_socket *socket)
{
    struct cf_worker *worker = socket->worker;
    cf_stranger_free(socket);
    cf_list_remove(&socket->unsettled);
    cf_slots_remove(&worker->socket_slots, socket->ticket);
    cf_sio_session_deinit(&socket->sio);
    cf_eio_session_deinit(&socket->eio);
    free_callers(socket);
    free(socket);
}

struct cf_socket *cf_socket_open(struct cf_worker *worker, enum cf_eio_transport transport,
                                 struct cf_slice token)
{
    struct cf_socket *socket = calloc(1, sizeof(*socket));
    if (socket == NULL)
        return NULL;
    if (cf_slots_put(&worker->socket_slots, socket, &socket->ticket) != CF_OK) {
        free(socket);
        return NULL;
    }
    uint8_t sid[CF_SID_LEN];
    socket->worker = worker;
    cf_list_init(&socket->unsettled);
    cf_poll_make_sid(worker, (uint32_t)socket->ticket, socket->secret, sid);
    cf_sio_session_init(&socket->sio, &worker->server->sio_config, now_ms(socket));
    enum cf_error error = cf_eio_session_open(&socket->eio, &worker->server->eio_config, transport,
                                              cf_slice_of(sid, sizeof(sid)), now_ms(socket));
    if (error == CF_OK)
        error = keep_callers(socket);
    if (error == CF_OK)
        error = cf_stranger_new(socket, token);
    if (error != CF_OK) {
        free_socket(socket);
        return NULL;
    }
    atomic_fetch_add_explicit(gauge(socket), 1, memory_order_relaxed);
    cf_count(&worker->metrics, transport == CF_EIO_POLLING ? CF_COUNT_SIO_OPENED_POLLING
                                                           : CF_COUNT_SIO_OPENED_WEBSOCKET);
    return socket;
}

struct cf_socket *cf_socket_find(const struct cf_worker *worker, struct cf_slice text)
{
    struct cf_sid sid;
    if (!cf_poll_read_sid(worker->server, text, &sid))
        return NULL;
    struct cf_socket *socket = cf_slots_at(&worker->socket_slots, sid.slot);
    bool found =
        socket != NULL && cf_slice_eq_secret(cf_slice_of(sid.secret, sizeof(sid.secret)),
                                             cf_slice_of(socket->secret, sizeof(socket->secret)));
    return found && socket->eio.end == CF_EIO_LIVE ? socket : NULL;
}

struct cf_socket *cf_socket_get(const struct cf_worker *worker, uint64_t ticket)
{
    struct cf_socket *socket = cf_slots_get(&worker->socket_slots, ticket);
    return socket != NULL && socket->eio.end == CF_EIO_LIVE ? socket : NULL;
}

/* ---- the end ---- */

static const char *end_text(const struct cf_socket *socket)
{
    switch ((enum cf_eio_end)socket->eio.end) {
    case CF_EIO_BY_CLIENT:
        return "client_closed";
    case CF_EIO_BY_SERVER:
        return "server_closed";
    case CF_EIO_PING_TIMEOUT:
        return "ping_timeout";
    case CF_EIO_PROTOCOL:
        return "protocol_error";
    case CF_EIO_SLOW:
        return "slow_consumer";
    case CF_EIO_LIVE:
    case CF_EIO_LOST:
        break;
    }
    return "connection_lost";
}

static void log_end(const struct cf_socket *socket)
{
    if (socket->eio.end == CF_EIO_PROTOCOL)
        cf_count(&socket->worker->metrics, CF_COUNT_SIO_BAD);
    if (socket->person != NULL)
        cf_log(CF_LOG_INFO, "Socket.IO client disconnected",
               CF_KV_STR("user_id", cf_person_user(socket->person)),
               CF_KV_CSTR("reason", end_text(socket)));
}

static void let_go_of(struct cf_line **line, unsigned code)
{
    if (*line == NULL)
        return;
    (*line)->owner = NULL;
    cf_line_close(*line, code, "");
    *line = NULL;
}

static void refuse_caller(struct cf_socket *socket, struct cf_caller *caller)
{
    if (caller->ticket != 0)
        cf_poll_tell(socket->worker, *caller, CF_TELL_REFUSED, CF_EIO_BAD_REQUEST, CF_LIT(""));
    *caller = (struct cf_caller){.ticket = 0};
}

static void end(struct cf_socket *socket)
{
    log_end(socket);
    atomic_fetch_sub_explicit(gauge(socket), 1, memory_order_relaxed);
    if (socket->callers != NULL) {
        refuse_caller(socket, &socket->callers->poller);
        refuse_caller(socket, &socket->callers->poster);
        let_go_of(&socket->callers->probe, 1000);
    }
    let_go_of(&socket->line, socket->worker->draining ? 1001 : 1000);
    cf_seats_end(socket);
    struct cf_worker *worker = socket->worker;
    free_socket(socket);
    cf_worker_socket_gone(worker);
}

/* ---- what the session asks for ---- */

static void send_on(struct cf_socket *socket, struct cf_line *line, bool binary,
                    struct cf_slice message)
{
    size_t queued_max = socket->eio.config->queue_bytes_max; /* as much as for a GET */
    if (line != NULL &&
        cf_line_send(line, binary ? CF_WS_BINARY : CF_WS_TEXT, message, queued_max) == CF_E_SLOW)
        cf_eio_abort(&socket->eio, CF_EIO_SLOW);
}

/* False: the socket is gone. */
static bool carry_out(struct cf_socket *socket, const struct cf_eio_action *action)
{
    switch (action->what) {
    case CF_EIO_ANSWER:
        cf_poll_tell(socket->worker, socket->callers->poller, CF_TELL_PACKETS, CF_EIO_BAD_REQUEST,
                     action->bytes);
        socket->callers->poller = (struct cf_caller){.ticket = 0};
        return true;
    case CF_EIO_SEND:
        send_on(socket, socket->line, action->binary, action->bytes);
        return true;
    case CF_EIO_SEND_PROBE:
        send_on(socket, socket->callers->probe, false, action->bytes);
        return true;
    case CF_EIO_DROP_PROBE:
        let_go_of(&socket->callers->probe, 1000);
        return true;
    case CF_EIO_CLOSED:
        end(socket);
        return false;
    }
    return true;
}

/* The token's end, or before that the time for the store to know of it. */
static cf_us person_due(const struct cf_person *person)
{
    cf_us saved = person->life.opened + CF_LIFE_SAVED_US;
    return !person->life.asked && saved < person->expires ? saved : person->expires;
}

static cf_ms deadline_of(const struct cf_socket *socket)
{
    cf_ms deadline = cf_ms_earlier(cf_eio_deadline(&socket->eio), cf_sio_deadline(&socket->sio));
    deadline = cf_ms_earlier(deadline, cf_seats_deadline(socket));
    if (socket->person == NULL)
        return deadline;
    return cf_ms_earlier(deadline, cf_worker_when(socket->worker, person_due(socket->person)));
}

static void set_timer(struct cf_socket *socket)
{
    struct cf_loop *loop = socket->worker->loop;
    if (socket->callers == NULL && socket->line != NULL) {
        cf_line_set_timer(socket->line);
    } else if (socket->callers != NULL) {
        cf_ms deadline = deadline_of(socket);
        if (deadline == CF_MS_NEVER)
            cf_loop_timer_stop(loop, &socket->callers->timer);
        else
            cf_loop_timer_set(loop, &socket->callers->timer, deadline);
    }
}

void cf_socket_settle(struct cf_socket *socket)
{
    struct cf_eio_action action;
    cf_list_remove(&socket->unsettled);
    while (cf_eio_act(&socket->eio, &socket->worker->actions, &action)) {
        if (!carry_out(socket, &action))
            return;
    }
    drop_callers(socket);
    set_timer(socket);
}

void cf_socket_settle_later(struct cf_socket *socket)
{
    if (cf_list_empty(&socket->unsettled))
        cf_list_push_back(&socket->worker->unsettled, &socket->unsettled);
}

/* Nothing of the session's own waits before it. So what is said, and what the fan-out writes to the
 * line, keep their order. */
static bool writes_at_once(const struct cf_socket *socket)
{
    const struct cf_eio_session *eio = &socket->eio;
    return socket->line != NULL && eio->transport == CF_EIO_WEBSOCKET && cf_eio_is_drained(eio) &&
           eio->end == CF_EIO_LIVE && !eio->closing;
}

void cf_socket_say(struct cf_socket *socket, struct cf_slice packet)
{
    cf_count(&socket->worker->metrics, CF_COUNT_SIO_PACKETS_OUT);
    struct cf_buf *message = &socket->worker->actions;
    cf_buf_reset(message);
    if (!writes_at_once(socket) || cf_buf_append_byte(message, CF_EIO_MESSAGE) != CF_OK ||
        cf_buf_append(message, packet) != CF_OK)
        (void)cf_eio_send(&socket->eio, packet, false); /* else the session closes itself */
    else
        send_on(socket, socket->line, false, cf_buf_peek(message));
    cf_socket_settle_later(socket);
}

void cf_socket_expel(struct cf_socket *socket)
{
    struct cf_buf packet;
    cf_buf_init(&packet, 64);
    socket->clean = true;
    if (cf_sio_inside(&socket->sio, 0) &&
        cf_sio_expel(&socket->sio, 0, now_ms(socket), &packet) == CF_OK)
        cf_socket_say(socket, cf_buf_peek(&packet));
    cf_buf_deinit(&packet);
    cf_eio_close(&socket->eio, now_ms(socket));
}

/* A client on polling that has no GET open hears nothing: no more will come. */
void cf_socket_drain(struct cf_socket *socket)
{
    struct cf_worker *worker = socket->worker;
    uint64_t ticket = socket->ticket;
    cf_socket_expel(socket);
    cf_socket_settle(socket);
    socket = cf_slots_get(&worker->socket_slots, ticket);
    if (socket == NULL)
        return;
    cf_eio_abort(&socket->eio, CF_EIO_BY_SERVER);
    cf_socket_settle(socket);
}

/* ---- requests ---- */

void cf_socket_poll(struct cf_socket *socket, struct cf_caller caller)
{
    if (cf_eio_poll(&socket->eio, now_ms(socket)) == CF_OK)
        socket->callers->poller = caller;
    else
        cf_poll_tell(socket->worker, caller, CF_TELL_REFUSED, CF_EIO_BAD_REQUEST, CF_LIT(""));
    cf_socket_settle(socket);
}

void cf_socket_post_begin(struct cf_socket *socket, struct cf_caller caller)
{
    if (cf_eio_post_begin(&socket->eio) == CF_OK) {
        socket->callers->poster = caller;
        return;
    }
    cf_poll_tell(socket->worker, caller, CF_TELL_REFUSED, CF_EIO_BAD_REQUEST, CF_LIT(""));
    cf_socket_settle(socket);
}

static enum cf_error take_payload(struct cf_socket *socket, struct cf_slice body)
{
    struct cf_eio_packet packet;
    enum cf_error error;
    do {
        error = cf_eio_payload_next(&socket->eio, &body, now_ms(socket), &socket->worker->decoded,
                                    &packet);
        if (error == CF_OK && packet.data.ptr != NULL &&
            cf_socket_hear(socket, packet.data, packet.binary) != CF_OK)
            cf_eio_abort(&socket->eio, CF_EIO_PROTOCOL);
    } while (error == CF_OK && packet.data.ptr != NULL);
    return error;
}

/* Whoever is not the poster has been refused already. */
void cf_socket_post(struct cf_socket *socket, struct cf_caller caller, struct cf_slice body)
{
    if (socket->callers == NULL || !cf_caller_is(socket->callers->poster, caller))
        return;
    enum cf_error error = take_payload(socket, body);
    socket->callers->poster = (struct cf_caller){.ticket = 0};
    cf_eio_post_end(&socket->eio);
    cf_poll_tell(socket->worker, caller, error == CF_OK ? CF_TELL_OK : CF_TELL_REFUSED,
                 CF_EIO_BAD_REQUEST, CF_LIT(""));
    cf_socket_settle(socket);
}

void cf_socket_gone(struct cf_socket *socket, struct cf_caller caller)
{
    struct cf_callers *callers = socket->callers;
    if (callers == NULL)
        return;
    if (cf_caller_is(callers->poller, caller)) {
        callers->poller = (struct cf_caller){.ticket = 0};
        cf_eio_poll_gone(&socket->eio);
    } else if (cf_caller_is(callers->poster, caller)) {
        callers->poster = (struct cf_caller){.ticket = 0};
        cf_eio_post_gone(&socket->eio);
    }
    cf_socket_settle(socket);
}

/* ---- lines ---- */

static bool is_probe(const struct cf_socket *socket, const struct cf_line *line)
{
    return socket->callers != NULL && socket->callers->probe == line;
}

static void take_over(struct cf_socket *socket)
{
    struct cf_worker *worker = socket->worker;
    atomic_fetch_sub_explicit(&worker->metrics.sio_sessions[CF_EIO_POLLING], 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&worker->metrics.sio_sessions[CF_EIO_WEBSOCKET], 1,
                              memory_order_relaxed);
    cf_count(&worker->metrics, CF_COUNT_SIO_UPGRADES);
    socket->line = socket->callers->probe;
    socket->callers->probe = NULL;
    cf_seats_reform(socket);
}

static void take_message(struct cf_socket *socket, struct cf_line *line, struct cf_slice message,
                         bool binary)
{
    struct cf_eio_packet packet;
    if (is_probe(socket, line)) {
        bool upgraded;
        cf_eio_probe_packet(&socket->eio, message, binary, now_ms(socket), &upgraded);
        if (upgraded)
            take_over(socket);
    } else if (cf_eio_ws_next(&socket->eio, message, binary, now_ms(socket),
                              &socket->worker->decoded, &packet) == CF_OK &&
               packet.data.ptr != NULL) {
        if (cf_socket_hear(socket, packet.data, packet.binary) != CF_OK)
            cf_eio_abort(&socket->eio, CF_EIO_PROTOCOL);
    }
    cf_socket_settle(socket);
}

/* A line that its socket has let go of has no owner any more. */
static void lose_line(struct cf_line *line)
{
    struct cf_socket *socket = line->owner;
    line->owner = NULL;
    if (socket == NULL)
        return;
    if (is_probe(socket, line)) {
        socket->callers->probe = NULL;
        cf_eio_probe_gone(&socket->eio);
    } else if (line == socket->line) {
        socket->line = NULL;
        cf_eio_ws_gone(&socket->eio);
    }
    cf_socket_settle(socket);
}

static void on_line_event(struct cf_line *line, const struct cf_ws_event *event)
{
    bool binary = event->type == CF_WS_EVENT_BINARY;
    if (line->owner != NULL && (binary || event->type == CF_WS_EVENT_TEXT))
        take_message(line->owner, line, event->payload, binary);
    if (event->type != CF_WS_EVENT_CLOSED)
        return;
    cf_conn_shut(&cf_session_of_line(line)->conn);
    lose_line(line);
}

/* The socket whose timer the line's is; NULL: nobody's. */
static struct cf_socket *timed_by(const struct cf_line *line)
{
    struct cf_socket *socket = line->owner;
    return socket != NULL && socket->callers == NULL ? socket : NULL;
}

static cf_ms line_deadline(const struct cf_line *line)
{
    const struct cf_socket *socket = timed_by(line);
    return socket == NULL ? CF_MS_NEVER : deadline_of(socket);
}

static void on_line_timer(struct cf_line *line)
{
    if (!cf_line_tick(line))
        return;
    if (timed_by(line) != NULL)
        tick(line->owner);
    else
        cf_line_set_timer(line);
}

/* The goodbye is the socket's. */
static void on_line_drain(struct cf_line *line)
{
    (void)line;
}

static void on_line_gone(struct cf_line *line, enum cf_error why)
{
    (void)why;
    lose_line(line);
}

static const struct cf_line_ops line_ops = {.event = on_line_event,
                                            .deadline = line_deadline,
                                            .timer = on_line_timer,
                                            .drain = on_line_drain,
                                            .gone = on_line_gone};

void cf_socket_line(struct cf_socket *socket, struct cf_line *line)
{
    cf_line_begin(line, &line_ops, socket);
    if (socket != NULL && socket->eio.transport == CF_EIO_WEBSOCKET && socket->line == NULL)
        socket->line = line;
    else if (socket != NULL && cf_eio_probe_begin(&socket->eio, now_ms(socket)) == CF_OK)
        socket->callers->probe = line;
    else
        let_go_of(&line, 1000);
    if (socket != NULL)
        cf_socket_settle(socket);
}

void cf_socket_lost(struct cf_socket *socket)
{
    cf_eio_ws_gone(&socket->eio);
    cf_socket_settle(socket);
}
