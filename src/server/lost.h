/* Sockets whose connection was lost: their people stay present for 5 s, so that one who comes back
 * was never away, and the store remembers them for 2 minutes, so that they can be recovered. */
#ifndef CF_SERVER_LOST_H
#define CF_SERVER_LOST_H

#include "server/socket.h"

enum {
    CF_LOST_PRESENT_MS = 5000,
    CF_LOST_REMEMBERED_MS = 120000,
    CF_LIFE_SAVED_US = 1000000, /* the store is told of a socket that has joined nothing so long */
};

struct cf_lost;

/* The life is the worker's to find by its pid from now on; what is left here of a former one ends.
 * CF_E_STATE: it is itself a former one, CF_E_NOMEM. */
enum cf_error cf_life_enter(struct cf_worker *worker, struct cf_life *life);
/* It is found no more; harmless when it is not found anyway. */
void cf_life_leave(struct cf_worker *worker, struct cf_life *life);

/* Asks the store to remember a socket, if it does not know it yet. */
void cf_life_save(struct cf_worker *worker, const struct cf_identity *identity,
                  struct cf_life *life);

/* Takes the seats' presences over, and the memory of the store. Without memory they end at once. */
void cf_lost_keep(struct cf_socket *socket);
/* A socket was recovered with the life that began at `opened`: tells every worker, so that whatever
 * is left of its former lives ends, and nobody takes them for another device. */
void cf_lost_found(struct cf_socket *socket);
/* The worker is told so. */
void cf_lost_supersede(struct cf_worker *worker, const uint8_t pid[CF_SOCKET_PID_LEN],
                       cf_us opened);
/* The user takes no part in the conversation any more, and is not present in it. */
void cf_lost_remove(struct cf_worker *worker, int64_t talk, struct cf_slice user);
/* The server stops: presences end, what the store remembers stays. */
void cf_lost_end_all(struct cf_worker *worker);
/* Sockets of before the server's start are recovered or, 2 minutes later, forgotten; newcomers that
 * are not recovered are looked for every 2 minutes. By the first worker. */
void cf_lost_sweep_later(struct cf_worker *worker);
/* A socket is not to be recovered: asks the store, if it may know it, to forget it. */
void cf_lost_forget(struct cf_worker *worker, const struct cf_identity *identity,
                    const struct cf_life *life);

#endif
