/* Listening sockets. Binding is apart from accepting, so that every socket of every worker is bound
 * before the server says that it is ready. */
#ifndef CF_EDGE_UV_LISTENER_H
#define CF_EDGE_UV_LISTENER_H

#include "base/buf.h"
#include "edge/uv/loop.h"

enum { CF_LISTEN_TEXT = 128 };

/* Binds and listens `count` non-blocking sockets on one address: "127.0.0.1:8080", "[::1]:8080",
 * "0.0.0.0:0",
 * ":0" (all of 127.0.0.1), "localhost:80" is not resolved but refused, "unix:/path" (mode 0660; a
 * dead socket file of before is replaced, a live one refused). TCP sockets share the port by
 * SO_REUSEPORT, Unix ones are duplicates of one. *out_bound: the address with the real port. An
 * address that somebody listens on already is refused although SO_REUSEPORT would allow it; "[::]"
 * takes no IPv4. On an error all sockets are closed again and out_fds holds nothing of use.
 * CF_E_INVALID, CF_E_IO with one line in `why`. */
enum cf_error cf_listen_bind(const char *address, int backlog, size_t count, int *out_fds,
                             char out_bound[CF_LISTEN_TEXT], struct cf_buf *why);

struct cf_listener;

struct cf_listener_ops {
    /* A new non-blocking, close-on-exec socket, TCP_NODELAY set; the callee owns it. */
    void (*accepted)(void *context, int fd);
};

/* Accepts on `fd` (owned from now on, also on error). Out of descriptors it backs off instead of
 * spinning, with one log line (hazard V32). CF_E_IO, CF_E_NOMEM. */
enum cf_error cf_listener_start(struct cf_loop *loop, int fd, const struct cf_listener_ops *ops,
                                void *context, struct cf_listener **out_listener);
/* Stops accepting, closes and frees itself in the loop's next turns. */
void cf_listener_stop(struct cf_listener *listener);

#endif
