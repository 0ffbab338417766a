/* A Socket.IO client: an Engine.IO session below, a Socket.IO session above it, and, once its token
 * is found good, a person with seats in conversations.
 *
 * socket.c carries the session (requests, lines, timers, the end), socket_hear.c takes what the
 * client says, socket_done.c what the store answers, seats.c the places in conversations. */
#ifndef CF_SERVER_SOCKET_H
#define CF_SERVER_SOCKET_H

#include "chat/hub.h"
#include "server/poll.h"
#include "server/session.h"

enum {
    CF_SOCKET_ID_LEN = 20,      /* what the client calls socket.id */
    CF_SOCKET_PID_LEN = 24,     /* the secret by which it is recovered */
    CF_SOCKET_SEATS_MAX = 1000, /* conversations of one socket */
    CF_SOCKET_JOBS_MAX = 256,   /* requests that the store has not answered */
};

struct cf_lost;
struct cf_stranger;

/* Where a socket is told events: those of a conversation (in a seat), or its user's own. */
struct cf_talk_ear {
    struct cf_subscriber subscriber;
    struct cf_socket *socket;
};

struct cf_typing {
    cf_ms until; /* CF_MS_NEVER: does not type */
    cf_ms told;
};

/* A place in a conversation. */
struct cf_talk_seat {
    struct cf_talk_ear ear;
    struct cf_talk_seat *next; /* of the person's */
    struct cf_presence *presence;
    int64_t talk;
    struct cf_typing *typing; /* NULL: has never typed here */
};

/* A socket with its pid, from one connection to its end: what the worker finds by the pid. The
 * newest of a pid is the one that is found. */
struct cf_life {
    uint8_t pid[CF_SOCKET_PID_LEN];
    cf_us opened; /* what the store knows it by */
    bool lost;    /* it is in a struct cf_lost, else in a struct cf_person */
    bool asked;   /* the store was asked to remember it, which it may do */
    bool known;   /* it does */
};

/* Who the socket is. */
struct cf_person {
    cf_us expires; /* the token's */
    struct cf_life life;
    struct cf_talk_ear own;
    struct cf_talk_seat *seats;
    uint16_t seats_count, typing_count; /* typing_count: of the seats that type */
    uint16_t user_len, name_len;
    uint8_t people[]; /* user id, then name */
};

/* What a session needs that is on polling; once it is on WebSocket, the line's timer is its own. */
struct cf_callers {
    struct cf_loop_timer timer;
    struct cf_socket *socket;
    struct cf_caller poller, poster;
    struct cf_line *probe; /* the WebSocket that asks to be its line */
};

struct cf_socket {
    struct cf_worker *worker;
    struct cf_eio_session eio;
    struct cf_sio_session sio;
    struct cf_list unsettled;     /* worker->unsettled */
    uint64_t ticket;              /* in worker->socket_slots */
    struct cf_callers *callers;   /* NULL: it is on WebSocket */
    struct cf_line *line;         /* NULL: it is on polling */
    struct cf_person *person;     /* NULL: not connected */
    struct cf_stranger *stranger; /* stranger.h; NULL: somebody has connected, and not with this */
    uint16_t jobs : 15;
    bool clean : 1;                /* it left, or was put out, and is not to be recovered */
    uint32_t connects;             /* persons so far */
    uint8_t secret[CF_SID_SECRET]; /* of the session's id */
};

/* socket.c */

/* NULL without memory. `token` (may be empty) is copied. */
struct cf_socket *cf_socket_open(struct cf_worker *worker, enum cf_eio_transport transport,
                                 struct cf_slice token);
/* NULL when there is none, or it is over. */
struct cf_socket *cf_socket_find(const struct cf_worker *worker, struct cf_slice text);
struct cf_socket *cf_socket_get(const struct cf_worker *worker, uint64_t ticket);
void cf_socket_poll(struct cf_socket *socket, struct cf_caller caller);
void cf_socket_post_begin(struct cf_socket *socket, struct cf_caller caller);
void cf_socket_post(struct cf_socket *socket, struct cf_caller caller, struct cf_slice body);
void cf_socket_gone(struct cf_socket *socket, struct cf_caller caller);
/* A WebSocket, whose endpoint is set up: it is the session's line, or (a session on polling) asks
 * to be. NULL: the socket has ended meanwhile, and the peer hears goodbye. */
void cf_socket_line(struct cf_socket *socket, struct cf_line *line);
/* The WebSocket that it was opened for is none. */
void cf_socket_lost(struct cf_socket *socket);
/* Says a Socket.IO packet. */
void cf_socket_say(struct cf_socket *socket, struct cf_slice packet);
/* Does what the session asks for and sets its timer; may free the socket. After every step. */
void cf_socket_settle(struct cf_socket *socket);
/* The same, at the end of the turn: for those who walk over sockets. */
void cf_socket_settle_later(struct cf_socket *socket);
/* Puts the client out of the namespace, and closes. */
void cf_socket_expel(struct cf_socket *socket);
/* The server stops: goodbye; what the store knows of it stays, for the next start. */
void cf_socket_drain(struct cf_socket *socket);
/* How its seats want their events. */
uint8_t cf_socket_form(const struct cf_socket *socket);

/* socket_hear.c */

/* A message of the client's. An error: it broke the protocol. */
enum cf_error cf_socket_hear(struct cf_socket *socket, struct cf_slice message, bool binary);

/* socket_done.c */

/* An event that waits for the store. */
struct cf_socket_ask {
    struct cf_job job;
    uint32_t connect; /* which person's of the socket */
    bool has_id;      /* an ack is asked for */
    uint64_t id;
    uint8_t client_id[CF_UUID_LEN]; /* of a message, as its sender spells it */
};

void cf_socket_said_done(struct cf_worker *worker, struct cf_session *session,
                         struct cf_store_request *request);
void cf_socket_marked_done(struct cf_worker *worker, struct cf_session *session,
                           struct cf_store_request *request);
void cf_socket_joined_done(struct cf_worker *worker, struct cf_session *session,
                           struct cf_store_request *request);
void cf_socket_left_done(struct cf_worker *worker, struct cf_session *session,
                         struct cf_store_request *request);
void cf_socket_recovered_done(struct cf_worker *worker, struct cf_session *session,
                              struct cf_store_request *request);
/* For requests whose outcome nobody waits for. */
void cf_socket_noted_done(struct cf_worker *worker, struct cf_session *session,
                          struct cf_store_request *request);
/* Lets a socket in that is new, or was not recovered. */
void cf_socket_let_in(struct cf_socket *socket);
/* Acks, when the client has asked for one. */
void cf_socket_ack_refused(struct cf_socket *socket, const struct cf_socket_ask *ask,
                           enum cf_error why, const char *message, cf_ms retry_ms);
/* A message that is refused: by the ack, or without one by `message:ack`, when the client has given
 * it an id to tell it by. */
void cf_socket_refuse_message(struct cf_socket *socket, const struct cf_socket_ask *ask,
                              struct cf_slice client_id, enum cf_error why, const char *message,
                              cf_ms retry_ms);
void cf_socket_ack_done(struct cf_socket *socket, const struct cf_socket_ask *ask);
void cf_socket_ack_present(struct cf_socket *socket, const struct cf_socket_ask *ask, int64_t talk);
/* A request to the store in this socket's name, with a memory of the ack; takes the request over.
 */
void cf_socket_submit(struct cf_socket *socket, struct cf_store_request *request,
                      const struct cf_socket_ask *ask);

/* seats.c */

struct cf_slice cf_person_user(const struct cf_person *person);
struct cf_slice cf_person_name(const struct cf_person *person);
struct cf_identity cf_person_identity(const struct cf_person *person);
struct cf_seat_place cf_socket_place(const struct cf_socket *socket);
/* NULL without memory. */
struct cf_person *cf_person_new(struct cf_socket *socket, const struct cf_identity *identity);
/* The user's own events come from now on. CF_E_NOMEM. */
enum cf_error cf_person_listen(struct cf_socket *socket);
/* NULL: the socket is not in it. */
struct cf_talk_seat *cf_seats_find(const struct cf_socket *socket, int64_t talk);
/* Takes a seat; harmless when it has one. CF_E_TOO_MANY, CF_E_NOMEM. */
enum cf_error cf_seats_take(struct cf_socket *socket, int64_t talk);
void cf_seats_leave(struct cf_talk_seat *seat);
/* The same, but the presence stays, and is the caller's. */
void cf_seats_drop(struct cf_talk_seat *seat);
/* Somebody types, or not; told when it is new, or was not told for a while. */
void cf_seats_type(struct cf_talk_seat *seat, bool on);
/* What is due; and when the next is. */
void cf_seats_tick(struct cf_socket *socket, cf_ms now);
cf_ms cf_seats_deadline(const struct cf_socket *socket);
void cf_seats_reform(struct cf_socket *socket);
/* Gives everything up. A socket that is not `clean` may be recovered: its places are kept for a
 * while (lost.h). Frees the person. */
void cf_seats_end(struct cf_socket *socket);

static inline struct cf_talk_ear *cf_talk_ear_of(struct cf_subscriber *subscriber)
{
    return CF_CONTAINER_OF(subscriber, struct cf_talk_ear, subscriber);
}

/* Of a subscriber in a conversation's room. */
static inline struct cf_talk_seat *cf_talk_seat_of(struct cf_subscriber *subscriber)
{
    return CF_CONTAINER_OF(subscriber, struct cf_talk_seat, ear.subscriber);
}

#endif
