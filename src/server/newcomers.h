/* Newcomers: sockets that the store does not know yet. Most are about to join something, and some
 * never will; as long as they have not, what it takes to recover them is remembered here, over all
 * workers. The store is told with the first join, or when the socket has lived for a second, or
 * when the server stops, and what it has committed is forgotten here. */
#ifndef CF_SERVER_NEWCOMERS_H
#define CF_SERVER_NEWCOMERS_H

#include "server/socket.h"

/* Of newcomers that were lost so many are remembered; the oldest go first. */
enum { CF_NEWCOMERS_LOST_MAX = 100000 };

void cf_newcomers_init(struct cf_server *server);
void cf_newcomers_deinit(struct cf_server *server);

/* `sid` has CF_SOCKET_ID_LEN bytes; `number`: as of CF_STORE_SOCKET_OPEN. CF_E_NOMEM. */
enum cf_error cf_newcomer_add(struct cf_server *server, const struct cf_life *life,
                              struct cf_slice sid, struct cf_slice user, int64_t number);
/* Does the store not know it yet? */
bool cf_newcomer_is(struct cf_server *server, const struct cf_life *life);
/* If the request's pid is a newcomer's of its actor's, the request tells the store of it, too: sid,
 * number and, unless it is a RECOVER, now. CF_E_NOMEM. */
enum cf_error cf_newcomer_introduce(struct cf_server *server, struct cf_store_request *request);
/* The store knows the pid. Harmless when it is no newcomer's, like the others. */
void cf_newcomer_known(struct cf_server *server, struct cf_slice pid);
/* It has left, and is not to be recovered. */
void cf_newcomer_leave(struct cf_server *server, const struct cf_life *life);
/* Its connection was lost: it may be recovered until `until`. */
void cf_newcomer_lose(struct cf_server *server, const struct cf_life *life, cf_ms until);
/* Those that were lost and not recovered in time are forgotten. */
void cf_newcomers_sweep(struct cf_server *server, cf_ms now);

#endif
