/* What the client says. */
#include <stdlib.h>
#include <string.h>

#include "dialect/talk/hear.h"
#include "dialect/talk/tell.h"
#include "server/lost.h"
#include "server/newcomers.h"
#include "server/people.h"
#include "server/stranger.h"

enum { REPLY_MAX = 64 * 1024 };

static const char id_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct cf_asker asker_of(const struct cf_socket *socket, const struct cf_identity *identity)
{
    return (struct cf_asker){identity, &socket->worker->server->entropy,
                             cf_worker_now(socket->worker)};
}

/* ---- connecting ---- */

static void make_id(const struct cf_socket *socket, uint8_t *out, size_t len)
{
    const struct cf_entropy *entropy = &socket->worker->server->entropy;
    entropy->fill(entropy->context, out, len);
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)id_digits[out[i] & 63];
}

static void refuse(struct cf_socket *socket, const char *message, const char *code)
{
    struct cf_buf packet;
    cf_buf_init(&packet, REPLY_MAX);
    cf_ms now = cf_worker_now(socket->worker).ms;
    cf_count(&socket->worker->metrics, CF_COUNT_SIO_REFUSED);
    cf_log(CF_LOG_INFO, "Socket.IO connect refused", CF_KV_CSTR("error", code));
    if (cf_sio_refuse(&socket->sio, 0, message, code, now, &packet) == CF_OK)
        cf_socket_say(socket, cf_buf_peek(&packet));
    else
        cf_eio_abort(&socket->eio, CF_EIO_SLOW);
    cf_buf_deinit(&packet);
}

static bool authenticate(struct cf_socket *socket, struct cf_slice token,
                         struct cf_identity *out_identity)
{
    struct cf_worker *worker = socket->worker;
    if (token.ptr == NULL)
        token = cf_stranger_token(socket);
    if (token.len == 0) {
        refuse(socket, "Authentication token required", "token_required");
        return false;
    }
    enum cf_error error =
        cf_jwt_verify(worker->server->verifier, token, cf_worker_now(worker).us, out_identity);
    if (error == CF_OK)
        return true;
    refuse(socket, "Invalid or expired token",
           error == CF_E_EXPIRED ? "token_expired" : "token_invalid");
    return false;
}

/* The number behind which events were missed; -1: none was seen. */
static int64_t read_offset(struct cf_slice offset)
{
    int64_t number;
    if (offset.ptr == NULL || cf_json_to_i64(offset, &number) != CF_OK || number < 0)
        return -1;
    return number;
}

static enum cf_error recover(struct cf_socket *socket, const struct cf_talk_auth *auth)
{
    struct cf_identity identity = cf_person_identity(socket->person);
    struct cf_asker asker = asker_of(socket, &identity);
    struct cf_store_request *request;
    struct cf_socket_ask ask = {.job = {socket->worker, cf_socket_recovered_done}};
    enum cf_error error =
        cf_talk_socket(&asker, CF_STORE_SOCKET_RECOVER, auth->pid, 0, &request, NULL);
    if (error != CF_OK)
        return error;
    request->from = read_offset(auth->offset);
    request->since = asker.now.us - (cf_us)CF_TALK_REPLAY_SECONDS * 1000000;
    request->limit = CF_TALK_REPLAY_MAX;
    error = cf_newcomer_introduce(socket->worker->server, request);
    if (error != CF_OK) {
        cf_store_request_free(request);
        return error;
    }
    memcpy(socket->person->life.pid, auth->pid.ptr, CF_SOCKET_PID_LEN);
    socket->person->life.opened = asker.now.us;
    socket->person->life.asked = true;
    cf_socket_submit(socket, request, &ask);
    return CF_OK;
}

static enum cf_error enter(struct cf_socket *socket, const struct cf_sio_event *event,
                           struct cf_arena *arena)
{
    const struct cf_sio_config *config = &socket->worker->server->sio_config;
    struct cf_talk_auth auth;
    struct cf_identity identity;
    enum cf_error error =
        cf_talk_auth_read(event->auth, &config->json, config->hash_key, arena, &auth);
    if (error != CF_OK)
        return error;
    if (!authenticate(socket, auth.token, &identity))
        return CF_OK;
    socket->clean = false;
    socket->connects++;
    socket->person = cf_person_new(socket, &identity);
    if (socket->person == NULL)
        return CF_E_NOMEM;
    if (auth.pid.len == CF_SOCKET_PID_LEN)
        return recover(socket, &auth);
    cf_socket_let_in(socket);
    return CF_OK;
}

/* A life of its own, which the store need not know of yet. */
static enum cf_error begin_life(struct cf_socket *socket, struct cf_slice id)
{
    struct cf_worker *worker = socket->worker;
    struct cf_person *person = socket->person;
    enum cf_error error = cf_person_listen(socket);
    if (error == CF_OK)
        error = cf_life_enter(worker, &person->life);
    if (error == CF_OK)
        error = cf_newcomer_add(worker->server, &person->life, id, cf_person_user(person),
                                worker->number_taken);
    return error;
}

void cf_socket_let_in(struct cf_socket *socket)
{
    struct cf_person *person = socket->person;
    struct cf_identity identity = cf_person_identity(person);
    struct cf_buf packet;
    uint8_t secret[CF_SOCKET_ID_LEN + CF_SOCKET_PID_LEN];
    cf_buf_init(&packet, REPLY_MAX);
    make_id(socket, secret, sizeof(secret));
    struct cf_slice id = cf_slice_of(secret, CF_SOCKET_ID_LEN);
    struct cf_slice pid = cf_slice_of(secret + CF_SOCKET_ID_LEN, CF_SOCKET_PID_LEN);
    person->life = (struct cf_life){.opened = cf_worker_now(socket->worker).us};
    memcpy(person->life.pid, pid.ptr, pid.len);
    cf_worker_sight(socket->worker, &identity);
    enum cf_error error = begin_life(socket, id);
    if (error == CF_OK)
        error = cf_sio_accept(&socket->sio, 0, id, pid, &packet);
    if (error == CF_OK) {
        cf_socket_say(socket, cf_buf_peek(&packet));
        cf_log(CF_LOG_INFO, "Socket.IO client connected",
               CF_KV_STR("user_id", cf_person_user(person)),
               CF_KV_STR("username", cf_person_name(person)));
    } else {
        cf_eio_abort(&socket->eio, CF_EIO_SLOW);
    }
    cf_buf_deinit(&packet);
}

/* ---- events ---- */

static enum cf_error say(struct cf_socket *socket, const struct cf_talk_heard *heard,
                         struct cf_socket_ask *ask)
{
    struct cf_identity identity = cf_person_identity(socket->person);
    struct cf_asker asker = asker_of(socket, &identity);
    struct cf_store_request *request;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error =
        cf_talk_send(&asker, heard->id, heard->text, heard->client_id, &request, &field);
    if (error != CF_OK) {
        cf_socket_refuse_message(socket, ask, heard->client_id, error, cf_talk_rule(field), 0);
        return error == CF_E_NOMEM ? error : CF_OK;
    }
    cf_ms retry_ms = 0;
    error = cf_people_rate(socket->worker->server, cf_person_user(socket->person), asker.now.ms,
                           &retry_ms);
    if (error != CF_OK) {
        cf_store_request_free(request);
        cf_count(&socket->worker->metrics, CF_COUNT_RATE_LIMITED);
        cf_socket_refuse_message(socket, ask, heard->client_id, error, cf_talk_text(error),
                                 retry_ms);
        return CF_OK;
    }
    memcpy(ask->client_id, heard->client_id.ptr, sizeof(ask->client_id));
    ask->job = (struct cf_job){socket->worker, cf_socket_said_done};
    cf_socket_submit(socket, request, ask);
    return CF_OK;
}

static enum cf_error mark(struct cf_socket *socket, const struct cf_talk_heard *heard,
                          struct cf_socket_ask *ask)
{
    struct cf_identity identity = cf_person_identity(socket->person);
    struct cf_asker asker = asker_of(socket, &identity);
    struct cf_store_request *request;
    enum cf_chat_field field = CF_FIELD_NONE;
    bool read = heard->verb == CF_TALK_READ;
    enum cf_error error =
        cf_talk_mark(&asker, heard->id, read ? CF_MARK_READ : CF_MARK_DELIVERED, &request, &field);
    if (error != CF_OK)
        return error;
    ask->job = (struct cf_job){socket->worker, cf_socket_marked_done};
    cf_socket_submit(socket, request, ask);
    return CF_OK;
}

/* Of whom the store knows nothing, it learns with the first join. */
static enum cf_error introduce(struct cf_socket *socket, struct cf_store_request *request)
{
    enum cf_error error = cf_newcomer_introduce(socket->worker->server, request);
    socket->person->life.asked = true;
    if (error != CF_OK)
        cf_store_request_free(request);
    return error;
}

static enum cf_error ask_seat(struct cf_socket *socket, int64_t talk, enum cf_store_op op,
                              struct cf_socket_ask *ask)
{
    struct cf_identity identity = cf_person_identity(socket->person);
    struct cf_asker asker = asker_of(socket, &identity);
    struct cf_store_request *request;
    enum cf_chat_field field = CF_FIELD_NONE;
    struct cf_slice pid = cf_slice_of(socket->person->life.pid, sizeof(socket->person->life.pid));
    enum cf_error error = cf_talk_socket(&asker, op, pid, talk, &request, &field);
    if (error == CF_OK && op == CF_STORE_SOCKET_JOIN)
        error = introduce(socket, request);
    if (error != CF_OK)
        return error;
    cf_socket_submit(socket, request, ask);
    return CF_OK;
}

/* Both by way of the store, in whose order they take effect. */
static enum cf_error join(struct cf_socket *socket, int64_t talk, struct cf_socket_ask *ask)
{
    ask->job = (struct cf_job){socket->worker, cf_socket_joined_done};
    return ask_seat(socket, talk, CF_STORE_SOCKET_JOIN, ask);
}

static enum cf_error leave(struct cf_socket *socket, int64_t talk, struct cf_socket_ask *ask)
{
    ask->job = (struct cf_job){socket->worker, cf_socket_left_done};
    return ask_seat(socket, talk, CF_STORE_SOCKET_LEAVE, ask);
}

static void type(struct cf_socket *socket, int64_t talk, bool on, const struct cf_socket_ask *ask)
{
    struct cf_talk_seat *seat = cf_seats_find(socket, talk);
    if (seat == NULL) {
        cf_socket_ack_refused(socket, ask, CF_E_NOT_MEMBER,
                              "You have not joined this conversation.", 0);
        return;
    }
    cf_seats_type(seat, on);
    cf_socket_ack_done(socket, ask);
    cf_socket_settle_later(socket); /* typing has a deadline */
}

static enum cf_error act(struct cf_socket *socket, const struct cf_talk_heard *heard,
                         struct cf_socket_ask *ask)
{
    switch (heard->verb) {
    case CF_TALK_JOIN:
        return join(socket, heard->id, ask);
    case CF_TALK_LEAVE:
        return leave(socket, heard->id, ask);
    case CF_TALK_SAY:
        return say(socket, heard, ask);
    case CF_TALK_DELIVERED:
    case CF_TALK_READ:
        return mark(socket, heard, ask);
    case CF_TALK_TYPING_ON:
    case CF_TALK_TYPING_OFF:
        type(socket, heard->id, heard->verb == CF_TALK_TYPING_ON, ask);
        return CF_OK;
    case CF_TALK_UNKNOWN:
        return CF_OK;
    }
    return CF_OK;
}

static enum cf_error happen(struct cf_socket *socket, const struct cf_sio_event *event,
                            struct cf_arena *arena)
{
    const struct cf_sio_config *config = &socket->worker->server->sio_config;
    struct cf_socket_ask ask = {.has_id = event->has_id, .id = event->id};
    struct cf_talk_heard heard;
    const char *why = cf_talk_text(CF_E_INVALID);
    enum cf_error error =
        cf_talk_hear(&event->args, &config->json, config->hash_key, arena, &heard, &why);
    if (error == CF_E_NOMEM)
        return error;
    if (error != CF_OK)
        cf_socket_refuse_message(socket, &ask, heard.client_id, CF_E_INVALID, why, 0);
    else if (socket->jobs >= CF_SOCKET_JOBS_MAX)
        cf_socket_refuse_message(socket, &ask, heard.client_id, CF_E_RATE,
                                 "Too many requests at once. Wait for some.", 0);
    else
        error = act(socket, &heard, &ask);
    return error == CF_E_NOMEM ? error : CF_OK;
}

/* The client has left the namespace: its places end at once, and nothing of it is kept. */
static void depart(struct cf_socket *socket)
{
    socket->clean = true;
    cf_seats_end(socket);
}

enum cf_error cf_socket_hear(struct cf_socket *socket, struct cf_slice message, bool binary)
{
    const struct cf_worker *worker = socket->worker;
    struct cf_sio_event event;
    struct cf_arena arena;
    struct cf_buf reply;
    cf_count(&socket->worker->metrics, CF_COUNT_SIO_PACKETS_IN);
    cf_arena_init(&arena, 2 * worker->server->config->sio_max_payload + REPLY_MAX);
    cf_buf_init(&reply, worker->server->config->sio_max_payload + REPLY_MAX);
    enum cf_error error = cf_sio_next(&socket->sio, message, binary, cf_worker_now(worker).ms,
                                      &arena, &reply, &event);
    if (reply.len > 0)
        cf_socket_say(socket, cf_buf_peek(&reply));
    if (error == CF_OK && event.type == CF_SIO_WANTS_IN)
        error = enter(socket, &event, &arena);
    else if (error == CF_OK && event.type == CF_SIO_HAPPENED)
        error = happen(socket, &event, &arena);
    else if (error == CF_OK && event.type == CF_SIO_LEFT)
        depart(socket);
    cf_buf_deinit(&reply);
    cf_arena_deinit(&arena);
    return error;
}
