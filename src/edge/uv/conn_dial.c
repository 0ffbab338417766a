/* Resolving and connecting, one address after the other.
 *
 * A connection has one descriptor number for its whole life. It is first that of a socket that
 * never connects, and each address's own socket is put on that number (dup2), so that there is one
 * to close, and one way to do it, from the beginning. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/uv/conn_state.h"

enum { PORT_TEXT = 24, HOST_MAX = 256 };

/* Outlives the connection when that is ended while the resolver runs. */
struct cf_dial {
    uv_getaddrinfo_t request;
    struct cf_conn *conn; /* NULL: nobody waits any more */
    struct addrinfo *addresses, *next;
    struct cf_tls_context *tls;
    bool resolving;
    char host[HOST_MAX];
};

static void free_dial(struct cf_dial *dial)
{
    uv_freeaddrinfo(dial->addresses);
    cf_tls_context_unref(dial->tls);
    free(dial);
}

void cf_conn_dial_free(struct cf_conn *conn)
{
    struct cf_conn_extra *extra = cf_conn_extra(conn);
    struct cf_dial *dial = extra->dial;
    extra->dial = NULL;
    if (dial == NULL)
        return;
    dial->conn = NULL;
    if (dial->resolving)
        (void)uv_cancel((uv_req_t *)&dial->request);
    else
        free_dial(dial);
}

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Puts a fresh socket for `address` on the connection's number and begins to connect it. */
static bool try_address(struct cf_conn *conn, const struct addrinfo *address)
{
    (void)cf_watch_set(conn, 0);
    int fd = open_socket(address->ai_family);
    if (fd < 0)
        return false;
    bool placed = dup2(fd, conn->fd) >= 0 && fcntl(conn->fd, F_SETFD, FD_CLOEXEC) == 0;
    close(fd);
    if (!placed)
        return false;
    int on = 1;
    (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return connect(conn->fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS;
}

/* `error`: why there is nothing more to try. */
static void try_next(struct cf_conn *conn, enum cf_error error)
{
    struct cf_dial *dial = cf_conn_extra(conn)->dial;
    while (dial->next != NULL) {
        const struct addrinfo *address = dial->next;
        dial->next = address->ai_next;
        if (try_address(conn, address)) {
            cf_conn_watch(conn);
            return;
        }
        error = cf_conn_error_of(errno);
    }
    cf_conn_end(conn, error);
}

static void finish_dial(struct cf_conn *conn)
{
    enum cf_error error = CF_OK;
    struct cf_dial *dial = cf_conn_extra(conn)->dial;
    if (dial->tls != NULL)
        error = cf_conn_tls_new(conn, dial->tls, dial->host);
    cf_conn_dial_free(conn);
    if (error != CF_OK) {
        cf_conn_end(conn, error);
    } else if (cf_conn_is_tls(conn)) {
        conn->state = CONN_HANDSHAKE;
        cf_conn_watch(conn);
        cf_conn_mark_dirty(conn);
    } else {
        cf_conn_announce(conn);
    }
}

void cf_conn_dial_step(struct cf_conn *conn)
{
    int failure = 0;
    socklen_t len = sizeof(failure);
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0)
        failure = errno;
    if (failure == 0)
        finish_dial(conn);
    else
        try_next(conn, cf_conn_error_of(failure));
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct cf_dial *dial = CF_CONTAINER_OF(request, struct cf_dial, request);
    struct cf_conn *conn = dial->conn;
    dial->resolving = false;
    dial->addresses = dial->next = addresses;
    if (conn == NULL) {
        free_dial(dial);
        return;
    }
    if (!cf_conn_is_in(conn, CONN_RESOLVING))
        return; /* ended in this very turn; it lets go of `dial` when its handle is closed */
    if (status != 0)
        cf_log(CF_LOG_DEBUG, "host not resolved", CF_KV_CSTR("host", dial->host));
    conn->state = CONN_CONNECTING;
    try_next(conn, CF_E_IO);
}

static enum cf_error begin_resolving(struct cf_conn *conn, struct cf_slice host, uint16_t port,
                                     struct cf_tls_context *tls)
{
    struct cf_dial *dial = calloc(1, sizeof(*dial));
    if (dial == NULL)
        return CF_E_NOMEM;
    for (size_t i = 0; i < host.len; i++)
        dial->host[i] = (char)host.ptr[i];
    char port_text[PORT_TEXT];
    port_text[cf_u64_format(port, port_text)] = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    dial->conn = conn;
    dial->resolving = true;
    if (uv_getaddrinfo(&cf_conn_loop(conn)->uv, &dial->request, on_resolved, dial->host, port_text,
                       &hints) != 0) {
        free(dial);
        return CF_E_IO;
    }
    dial->tls = tls == NULL ? NULL : cf_tls_context_ref(tls);
    cf_conn_extra(conn)->dial = dial;
    return CF_OK;
}

/* The fields that an error has to undo are the extra and the socket. */
static enum cf_error begin_dial(struct cf_conn *conn, struct cf_slice host, uint16_t port,
                                struct cf_tls_context *tls)
{
    if (cf_conn_extra_of(conn) == NULL)
        return CF_E_NOMEM;
    enum cf_error error = begin_resolving(conn, host, port, tls);
    if (error != CF_OK)
        return error;
    conn->fd = open_socket(AF_INET);
    return conn->fd < 0 ? CF_E_IO : CF_OK;
}

enum cf_error cf_conn_dial(struct cf_conn *conn, struct cf_loop *loop,
                           const struct cf_conn_config *config, const char *host, uint16_t port,
                           struct cf_tls_context *tls)
{
    struct cf_slice name = cf_slice_cstr(host);
    if (name.len == 0 || name.len >= HOST_MAX)
        return CF_E_INVALID;
    cf_conn_init(conn, loop, config);
    enum cf_error error = begin_dial(conn, name, port, tls);
    if (error != CF_OK) {
        cf_conn_rest_free(conn);
        if (conn->fd >= 0)
            close(conn->fd);
        return error;
    }
    conn->state = CONN_RESOLVING;
    cf_conn_wait(conn, config->handshake_wait_ms);
    return CF_OK;
}
