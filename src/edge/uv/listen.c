/* Binding. The first socket of a TCP address is bound and listens without SO_REUSEPORT, which the
 * kernel refuses while anybody else listens there; only then is the option set on it and the others
 * join. So two servers never share a port by accident, and there is no moment in which a second
 * one could slip in. */
#define _GNU_SOURCE /* SO_REUSEPORT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/uv/listener.h"

enum { UNIX_MODE = 0660 };

/* An address as the socket calls want it. */
struct endpoint {
    struct sockaddr_storage storage;
    socklen_t len;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* Unix, else empty */
};

static void explain(struct cf_buf *why, const char *address, const char *reason)
{
    (void)cf_buf_append(why, CF_LIT("cannot listen on "));
    (void)cf_buf_append(why, cf_slice_cstr(address));
    (void)cf_buf_append(why, CF_LIT(": "));
    (void)cf_buf_append(why, cf_slice_cstr(reason));
}

static enum cf_error explain_errno(struct cf_buf *why, const char *address)
{
    char reason[128];
    uv_strerror_r(uv_translate_sys_error(errno), reason, sizeof(reason));
    explain(why, address, reason);
    return CF_E_IO;
}

/* Splits at the last colon; brackets around the host are taken off. */
static bool split_host(struct cf_slice text, struct cf_slice *out_host, uint16_t *out_port)
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    uint64_t port;
    if (colon == 0 || !cf_slice_to_u64(cf_slice_skip(text, colon), &port) || port > UINT16_MAX)
        return false;
    *out_host = cf_slice_head(text, colon - 1);
    *out_port = (uint16_t)port;
    return true;
}

static bool parse_v6(struct cf_slice host, uint16_t port, struct endpoint *out)
{
    char text[INET6_ADDRSTRLEN] = {0};
    if (host.len < 2 || host.len - 2 >= sizeof(text) || host.ptr[host.len - 1] != ']')
        return false;
    memcpy(text, host.ptr + 1, host.len - 2);
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out->len = sizeof(*v6);
    return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

static bool parse_v4(struct cf_slice host, uint16_t port, struct endpoint *out)
{
    char text[INET_ADDRSTRLEN] = "127.0.0.1";
    if (host.len >= sizeof(text))
        return false;
    if (host.len > 0) {
        memcpy(text, host.ptr, host.len);
        text[host.len] = '\0';
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out->len = sizeof(*v4);
    return inet_pton(AF_INET, text, &v4->sin_addr) == 1;
}

static bool parse_unix(struct cf_slice path, struct endpoint *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    if (path.len == 0 || path.len >= sizeof(un->sun_path))
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    memcpy(out->path, path.ptr, path.len);
    out->len = sizeof(*un);
    return true;
}

static bool parse_endpoint(const char *address, struct endpoint *out)
{
    struct cf_slice text = cf_slice_cstr(address), host;
    uint16_t port;
    memset(out, 0, sizeof(*out));
    if (cf_slice_starts(text, CF_LIT("unix:")))
        return parse_unix(cf_slice_skip(text, 5), out);
    if (!split_host(text, &host, &port))
        return false;
    if (host.len > 0 && host.ptr[0] == '[')
        return parse_v6(host, port, out);
    return parse_v4(host, port, out);
}

static const struct sockaddr *sockaddr_of(const struct endpoint *endpoint)
{
    return (const struct sockaddr *)&endpoint->storage;
}

static int open_socket(const struct endpoint *endpoint)
{
    return socket(endpoint->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool set_option(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/* Connections of before in TIME_WAIT do not keep the port (SO_REUSEADDR); "[::]" and "0.0.0.0" can
 * stand side by side (IPV6_V6ONLY). */
static bool listen_tcp(int fd, const struct endpoint *endpoint, int backlog)
{
    bool v6 = endpoint->storage.ss_family == AF_INET6;
    return set_option(fd, SOL_SOCKET, SO_REUSEADDR) &&
           (!v6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
           bind(fd, sockaddr_of(endpoint), endpoint->len) == 0 && listen(fd, backlog) == 0;
}

/* Fills in the port that the kernel chose for the first. */
static bool bind_first(int fd, struct endpoint *endpoint, int backlog)
{
    socklen_t len = sizeof(endpoint->storage);
    return listen_tcp(fd, endpoint, backlog) && set_option(fd, SOL_SOCKET, SO_REUSEPORT) &&
           getsockname(fd, (struct sockaddr *)&endpoint->storage, &len) == 0;
}

static bool bind_next(int fd, const struct endpoint *endpoint, int backlog)
{
    return set_option(fd, SOL_SOCKET, SO_REUSEPORT) && listen_tcp(fd, endpoint, backlog);
}

/* A socket file that nobody listens behind is what a crash left. False: it is in the way. */
static bool clear_socket_file(const struct endpoint *endpoint)
{
    struct stat status;
    if (lstat(endpoint->path, &status) != 0)
        return true;
    if (!S_ISSOCK(status.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = open_socket(endpoint);
    if (fd < 0)
        return false;
    bool dead = connect(fd, sockaddr_of(endpoint), endpoint->len) != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!dead)
        errno = EADDRINUSE;
    return dead && unlink(endpoint->path) == 0;
}

/* The mode of the socket itself limits that of the file from its first moment on (Linux); chmod
 * then adds what the umask took. */
static bool bind_unix(int fd, const struct endpoint *endpoint, int backlog)
{
    return clear_socket_file(endpoint) && fchmod(fd, UNIX_MODE) == 0 &&
           bind(fd, sockaddr_of(endpoint), endpoint->len) == 0 &&
           chmod(endpoint->path, UNIX_MODE) == 0 && listen(fd, backlog) == 0;
}

/* The socket number `index`, or -1 with errno. */
static int bind_one(struct endpoint *endpoint, int backlog, size_t index, int first_fd)
{
    bool is_unix = endpoint->path[0] != '\0';
    if (is_unix && index > 0)
        return fcntl(first_fd, F_DUPFD_CLOEXEC, 0);
    int fd = open_socket(endpoint);
    if (fd < 0)
        return -1;
    bool bound = is_unix      ? bind_unix(fd, endpoint, backlog)
                 : index == 0 ? bind_first(fd, endpoint, backlog)
                              : bind_next(fd, endpoint, backlog);
    if (bound)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void describe(const struct endpoint *endpoint, char out[CF_LISTEN_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    if (endpoint->path[0] != '\0') {
        snprintf(out, CF_LISTEN_TEXT, "unix:%s", endpoint->path);
    } else if (endpoint->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&endpoint->storage;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(out, CF_LISTEN_TEXT, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&endpoint->storage;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(out, CF_LISTEN_TEXT, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    }
}

enum cf_error cf_listen_bind(const char *address, int backlog, size_t count, int *out_fds,
                             char out_bound[CF_LISTEN_TEXT], struct cf_buf *why)
{
    struct endpoint endpoint;
    CF_ASSERT(count >= 1);
    if (!parse_endpoint(address, &endpoint)) {
        explain(why, address, "not of the form IP:port, [IPv6]:port, :port or unix:/path");
        return CF_E_INVALID;
    }
    for (size_t i = 0; i < count; i++) {
        out_fds[i] = bind_one(&endpoint, backlog, i, out_fds[0]);
        if (out_fds[i] >= 0)
            continue;
        enum cf_error error = explain_errno(why, address);
        while (i-- > 0)
            close(out_fds[i]);
        return error;
    }
    describe(&endpoint, out_bound);
    return CF_OK;
}
