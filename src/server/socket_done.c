/* What the store answers, and the acks. */
#include <stdlib.h>
#include <string.h>

#include "dialect/talk/tell.h"
#include "server/fanout.h"
#include "server/lost.h"
#include "server/newcomers.h"
#include "server/people.h"
#include "server/socket.h"

/* ---- acks ---- */

/* The packet's head in worker->packet; what follows is the arguments. */
static struct cf_buf *begin_ack(struct cf_socket *socket, const struct cf_socket_ask *ask)
{
    struct cf_buf *out = &socket->worker->packet;
    struct cf_sio_packet head = {
        .type = CF_SIO_ACK, .nsp = CF_LIT("/"), .has_id = true, .id = ask->id};
    cf_buf_reset(out);
    return cf_sio_packet_begin(out, &head) == CF_OK ? out : NULL;
}

/* A socket that cannot be answered is ended: its client will ask again. */
static void finish(struct cf_socket *socket, enum cf_error error)
{
    if (error == CF_OK)
        cf_socket_say(socket, cf_buf_peek(&socket->worker->packet));
    else
        cf_eio_abort(&socket->eio, CF_EIO_SLOW);
    cf_socket_settle_later(socket);
}

static void finish_ack(struct cf_socket *socket, enum cf_error error)
{
    cf_count(&socket->worker->metrics, CF_COUNT_SIO_ACKS);
    finish(socket, error);
}

void cf_socket_ack_refused(struct cf_socket *socket, const struct cf_socket_ask *ask,
                           enum cf_error why, const char *message, cf_ms retry_ms)
{
    struct cf_buf *out = ask->has_id ? begin_ack(socket, ask) : NULL;
    if (out != NULL)
        finish_ack(socket, cf_talk_ack_refused(why, message, retry_ms, out));
}

void cf_socket_ack_done(struct cf_socket *socket, const struct cf_socket_ask *ask)
{
    struct cf_buf *out = ask->has_id ? begin_ack(socket, ask) : NULL;
    if (out != NULL)
        finish_ack(socket, cf_talk_ack_done(out));
}

static void add_present(void *context, struct cf_slice user, struct cf_slice name)
{
    (void)name;
    cf_talk_present_add(context, user);
}

static enum cf_error write_present(struct cf_socket *socket, int64_t talk, bool is_ack,
                                   struct cf_buf *out)
{
    struct cf_talk_present present;
    enum cf_error error = cf_talk_present_begin(&present, talk, is_ack, out);
    cf_people_in_talk(socket->worker->server, talk, add_present, &present);
    enum cf_error written = cf_talk_present_end(&present);
    return error == CF_OK ? written : error;
}

void cf_socket_ack_present(struct cf_socket *socket, const struct cf_socket_ask *ask, int64_t talk)
{
    struct cf_buf *out = ask->has_id ? begin_ack(socket, ask) : NULL;
    if (out != NULL)
        finish_ack(socket, write_present(socket, talk, true, out));
}

/* ---- requests ---- */

void cf_socket_submit(struct cf_socket *socket, struct cf_store_request *request,
                      const struct cf_socket_ask *ask)
{
    struct cf_worker *worker = socket->worker;
    struct cf_socket_ask *kept = calloc(1, sizeof(*kept));
    if (kept == NULL) {
        cf_store_request_free(request);
        cf_socket_ack_refused(socket, ask, CF_E_NOMEM, cf_talk_text(CF_E_NOMEM), 0);
        return;
    }
    *kept = *ask;
    kept->connect = socket->connects;
    socket->jobs++;
    cf_worker_submit(worker, &kept->job, socket->ticket, request);
}

/* The memory of the ack, taken back; *out_socket NULL: the socket is gone. */
static struct cf_socket_ask take_ask(struct cf_worker *worker, struct cf_store_request *request,
                                     struct cf_socket **out_socket)
{
    struct cf_socket_ask *kept = CF_CONTAINER_OF(request->owner, struct cf_socket_ask, job);
    struct cf_socket_ask ask = *kept;
    free(kept);
    struct cf_socket *socket = cf_socket_get(worker, request->ticket);
    if (socket != NULL)
        socket->jobs--;
    /* The person may have left the namespace meanwhile, and another come, or the same anew. */
    bool same = socket != NULL && socket->person != NULL && socket->connects == ask.connect;
    *out_socket = same ? socket : NULL;
    return ask;
}

/* The store knows the socket that it was told of, or has answered for. */
static void note_known(struct cf_worker *worker, const struct cf_store_request *request)
{
    if (request->error == CF_OK && request->sid.len > 0)
        cf_newcomer_known(worker->server, request->pid);
}

void cf_socket_noted_done(struct cf_worker *worker, struct cf_session *session,
                          struct cf_store_request *request)
{
    (void)session;
    note_known(worker, request);
    cf_store_request_free(request);
}

void cf_socket_refuse_message(struct cf_socket *socket, const struct cf_socket_ask *ask,
                              struct cf_slice client_id, enum cf_error why, const char *message,
                              cf_ms retry_ms)
{
    struct cf_buf *out = &socket->worker->packet;
    cf_socket_ack_refused(socket, ask, why, message, retry_ms);
    if (ask->has_id || client_id.len == 0)
        return;
    cf_buf_reset(out);
    finish(socket, cf_talk_sent_packet(client_id, NULL, why, out));
}

static void tell_sender(struct cf_socket *socket, const struct cf_socket_ask *ask,
                        const struct cf_store_request *request)
{
    struct cf_slice client_id = cf_slice_of(ask->client_id, sizeof(ask->client_id));
    struct cf_buf *out = &socket->worker->packet;
    cf_buf_reset(out);
    finish(socket, cf_talk_sent_packet(client_id, &request->talk_messages[0], CF_OK, out));
}

void cf_socket_said_done(struct cf_worker *worker, struct cf_session *session,
                         struct cf_store_request *request)
{
    (void)session;
    struct cf_socket *socket;
    struct cf_socket_ask ask = take_ask(worker, request, &socket);
    if (request->error == CF_OK && !request->created)
        cf_count(&worker->metrics, CF_COUNT_REPLAYS);
    if (socket != NULL && request->error != CF_OK) {
        cf_socket_refuse_message(socket, &ask, cf_slice_of(ask.client_id, sizeof(ask.client_id)),
                                 request->error, cf_talk_text(request->error), 0);
    } else if (socket != NULL) {
        struct cf_buf *out = ask.has_id ? begin_ack(socket, &ask) : NULL;
        if (out != NULL)
            finish_ack(socket, cf_talk_ack_sent(&request->talk_messages[0], out));
        tell_sender(socket, &ask, request);
    }
    cf_store_request_free(request);
}

void cf_socket_marked_done(struct cf_worker *worker, struct cf_session *session,
                           struct cf_store_request *request)
{
    (void)session;
    struct cf_socket *socket;
    struct cf_socket_ask ask = take_ask(worker, request, &socket);
    if (socket != NULL && request->error != CF_OK)
        cf_socket_ack_refused(socket, &ask, request->error, cf_talk_text(request->error), 0);
    else if (socket != NULL)
        cf_socket_ack_done(socket, &ask);
    cf_store_request_free(request);
}

static void joined(struct cf_socket *socket, const struct cf_socket_ask *ask, int64_t talk)
{
    cf_fanout_flush(socket->worker); /* what was before is not for the new seat */
    enum cf_error error = cf_seats_take(socket, talk);
    if (error != CF_OK) {
        cf_socket_ack_refused(socket, ask, error,
                              error == CF_E_TOO_MANY ? "You have joined too many conversations."
                                                     : cf_talk_text(error),
                              0);
        return;
    }
    cf_socket_ack_present(socket, ask, talk);
    struct cf_buf *out = &socket->worker->packet;
    cf_buf_reset(out);
    finish(socket, write_present(socket, talk, false, out));
}

void cf_socket_joined_done(struct cf_worker *worker, struct cf_session *session,
                           struct cf_store_request *request)
{
    (void)session;
    struct cf_socket *socket;
    struct cf_socket_ask ask = take_ask(worker, request, &socket);
    note_known(worker, request);
    if (socket != NULL && request->error != CF_OK)
        cf_socket_ack_refused(socket, &ask, request->error, cf_talk_text(request->error), 0);
    else if (socket != NULL)
        joined(socket, &ask, request->talk);
    cf_store_request_free(request);
}

/* Who was not in it has left it, and learns nothing, participant or not. */
static enum cf_error write_nobody(struct cf_buf *out)
{
    struct cf_talk_present present;
    enum cf_error error = cf_talk_present_begin(&present, 0, true, out);
    enum cf_error written = cf_talk_present_end(&present);
    return error == CF_OK ? written : error;
}

static void left(struct cf_socket *socket, const struct cf_socket_ask *ask, int64_t talk)
{
    struct cf_talk_seat *seat = cf_seats_find(socket, talk);
    if (seat != NULL) {
        cf_seats_leave(seat);
        cf_socket_ack_present(socket, ask, talk);
        return;
    }
    struct cf_buf *out = ask->has_id ? begin_ack(socket, ask) : NULL;
    if (out != NULL)
        finish_ack(socket, write_nobody(out));
}

/* A place that the store could not give up is kept: a recovery would bring it back, to one who
 * believes to have left. */
void cf_socket_left_done(struct cf_worker *worker, struct cf_session *session,
                         struct cf_store_request *request)
{
    (void)session;
    struct cf_socket *socket;
    struct cf_socket_ask ask = take_ask(worker, request, &socket);
    if (socket != NULL && request->error != CF_OK)
        cf_socket_ack_refused(socket, &ask, request->error, cf_talk_text(request->error), 0);
    else if (socket != NULL)
        left(socket, &ask, request->talk);
    cf_store_request_free(request);
}

/* ---- recovery ---- */

/* What was missed, in the order of the numbers: two lists that are ordered each. */
static enum cf_error replay(struct cf_socket *socket, const struct cf_store_request *request)
{
    struct cf_buf *out = &socket->worker->packet;
    size_t messages = request->talk_messages_count, marks = request->marks_count;
    enum cf_error error = CF_OK;
    for (size_t m = 0, k = 0; error == CF_OK && (m < messages || k < marks);) {
        bool is_message =
            k == marks || (m < messages && request->talk_messages[m].id < request->marks[k].number);
        cf_buf_reset(out);
        error = is_message ? cf_talk_message_packet(&request->talk_messages[m++], out)
                           : cf_talk_mark_packet(&request->marks[k++], out);
        if (error == CF_OK)
            cf_socket_say(socket, cf_buf_peek(out));
    }
    return error;
}

/* The client believes itself in these rooms: it learns nothing but what it has missed. */
static enum cf_error restore(struct cf_socket *socket, const struct cf_store_request *request)
{
    struct cf_person *person = socket->person;
    struct cf_buf *out = &socket->worker->packet;
    struct cf_slice pid = cf_slice_of(person->life.pid, sizeof(person->life.pid));
    cf_buf_reset(out);
    if (request->sid.len != CF_SOCKET_ID_LEN)
        return CF_E_STATE;
    enum cf_error error = cf_sio_accept(&socket->sio, 0, request->sid, pid, out);
    if (error == CF_OK)
        cf_socket_say(socket, cf_buf_peek(out));
    if (error == CF_OK)
        error = replay(socket, request);
    cf_fanout_flush(socket->worker); /* what the hub has collected is in the replay */
    if (error == CF_OK)
        error = cf_person_listen(socket);
    for (size_t i = 0; i < request->talks_count && error == CF_OK; i++)
        error = cf_seats_take(socket, request->talks[i].id);
    if (error == CF_OK)
        error = cf_life_enter(socket->worker, &person->life);
    cf_lost_found(socket);
    return error;
}

/* One who cannot be restored is to come back as a new one, and not to the same failure. */
static void recovered(struct cf_socket *socket, const struct cf_store_request *request)
{
    if (restore(socket, request) != CF_OK) {
        socket->clean = true;
        cf_eio_abort(&socket->eio, CF_EIO_SLOW);
        return;
    }
    cf_count(&socket->worker->metrics, CF_COUNT_SIO_RECOVERED);
    cf_log(CF_LOG_INFO, "Socket.IO client recovered",
           CF_KV_STR("user_id", cf_person_user(socket->person)),
           CF_KV_INT("missed", request->talk_messages_count + request->marks_count));
}

void cf_socket_recovered_done(struct cf_worker *worker, struct cf_session *session,
                              struct cf_store_request *request)
{
    (void)session;
    struct cf_socket *socket;
    (void)take_ask(worker, request, &socket);
    note_known(worker, request);
    if (socket != NULL && request->error == CF_OK) {
        recovered(socket, request);
    } else if (socket != NULL) {
        cf_count(&worker->metrics, CF_COUNT_SIO_NOT_RECOVERED);
        cf_socket_let_in(socket);
    }
    if (socket != NULL)
        cf_socket_settle_later(socket);
    cf_store_request_free(request);
}
