/* Socket.IO sockets by which nobody has connected: whoever asks gets one, unseen (hazard V15). So a
 * worker has room for CF_STRANGERS_MAX, and when they are all taken, the one that has waited
 * longest makes room: a flood of handshakes shuts nobody out who connects before it has filled all
 * of them anew. */
#ifndef CF_SERVER_STRANGER_H
#define CF_SERVER_STRANGER_H

#include "server/socket.h"

enum { CF_STRANGERS_MAX = 5000 };

/* A new socket, by which nobody has connected yet. `token` (may be empty), the handshake's, is
 * copied, unless no token is so long. CF_E_NOMEM. */
enum cf_error cf_stranger_new(struct cf_socket *socket, struct cf_slice token);
/* Somebody has connected by it. */
void cf_stranger_leave(struct cf_socket *socket);
/* Who had connected by it has left. CF_E_NOMEM. */
enum cf_error cf_stranger_return(struct cf_socket *socket);
/* Empty: it had none. */
struct cf_slice cf_stranger_token(const struct cf_socket *socket);
void cf_stranger_free(struct cf_socket *socket);

#endif
