#include "server/stranger.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { TELL_AGAIN_MS = 60000 };

struct cf_stranger {
    struct cf_list link; /* worker->strangers: the one that has waited longest is the first */
    struct cf_socket *socket;
    size_t token_len;
    uint8_t token[];
};

static void tell(struct cf_worker *worker)
{
    cf_ms now = cf_worker_now(worker).ms;
    cf_count(&worker->metrics, CF_COUNT_SIO_CROWDED);
    if (now < worker->strangers_told)
        return;
    worker->strangers_told = now + TELL_AGAIN_MS;
    cf_log(CF_LOG_WARN,
           "too many Socket.IO sessions that nobody connects by: the oldest are closed",
           CF_KV_INT("sessions", CF_STRANGERS_MAX));
}

/* Harmless when it is not in it. */
static void leave_queue(struct cf_socket *socket)
{
    struct cf_list *link = &socket->stranger->link;
    if (cf_list_empty(link))
        return;
    cf_list_remove(link);
    socket->worker->strangers_count--;
}

static void make_room(struct cf_worker *worker)
{
    struct cf_socket *oldest =
        CF_LIST_ENTRY(worker->strangers.next, struct cf_stranger, link)->socket;
    tell(worker);
    leave_queue(oldest);
    cf_eio_abort(&oldest->eio, CF_EIO_BY_SERVER);
    cf_socket_settle_later(oldest);
}

static void enter_queue(struct cf_socket *socket)
{
    struct cf_worker *worker = socket->worker;
    if (worker->strangers_count == CF_STRANGERS_MAX)
        make_room(worker);
    cf_list_push_back(&worker->strangers, &socket->stranger->link);
    worker->strangers_count++;
}

enum cf_error cf_stranger_new(struct cf_socket *socket, struct cf_slice token)
{
    size_t token_len = token.len > UINT16_MAX ? 0 : token.len;
    struct cf_stranger *stranger = malloc(sizeof(*stranger) + token_len);
    if (stranger == NULL)
        return CF_E_NOMEM;
    cf_list_init(&stranger->link);
    stranger->socket = socket;
    stranger->token_len = token_len;
    if (token_len > 0)
        memcpy(stranger->token, token.ptr, token_len);
    socket->stranger = stranger;
    enter_queue(socket);
    return CF_OK;
}

/* The handshake's token is good for the next one to connect, too. */
void cf_stranger_leave(struct cf_socket *socket)
{
    leave_queue(socket);
    if (socket->stranger->token_len == 0)
        cf_stranger_free(socket);
}

enum cf_error cf_stranger_return(struct cf_socket *socket)
{
    if (socket->stranger == NULL)
        return cf_stranger_new(socket, (struct cf_slice){NULL, 0});
    enter_queue(socket);
    return CF_OK;
}

struct cf_slice cf_stranger_token(const struct cf_socket *socket)
{
    const struct cf_stranger *stranger = socket->stranger;
    return stranger == NULL ? (struct cf_slice){NULL, 0}
                            : cf_slice_of(stranger->token, stranger->token_len);
}

void cf_stranger_free(struct cf_socket *socket)
{
    if (socket->stranger == NULL)
        return;
    leave_queue(socket);
    free(socket->stranger);
    socket->stranger = NULL;
}
