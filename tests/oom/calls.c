#define _GNU_SOURCE /* accept4 */
#include "oom/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <uv.h>

/* Which modes concern a call. */
enum { MOVES = 1, ACCEPTS = 2, MAKES = 4, WATCHES = 8 };

static enum calls_mode mode;
static long count, fail_at, fail_again, failed;

void calls_begin(enum calls_mode new_mode, long at, long again)
{
    mode = new_mode;
    count = failed = 0;
    fail_at = at;
    fail_again = again;
}

long calls_end(void)
{
    mode = CALLS_WELL;
    return count;
}

long calls_failed(void)
{
    return failed;
}

static unsigned concerned(void)
{
    switch (mode) {
    case CALLS_WELL:
        return 0;
    case CALLS_INTERRUPTED:
    case CALLS_BUSY:
        return MOVES | ACCEPTS;
    case CALLS_SHORT:
    case CALLS_RESET:
        return MOVES;
    case CALLS_NO_MEMORY:
        return MOVES | ACCEPTS | MAKES | WATCHES;
    case CALLS_NO_FDS:
        return ACCEPTS | MAKES;
    }
    return 0;
}

static bool must_fail(unsigned kind)
{
    static const int errors[] = {
        [CALLS_INTERRUPTED] = EINTR, [CALLS_BUSY] = EAGAIN,      [CALLS_SHORT] = 0,
        [CALLS_RESET] = ECONNRESET,  [CALLS_NO_MEMORY] = ENOMEM, [CALLS_NO_FDS] = EMFILE};
    if ((concerned() & kind) == 0)
        return false;
    long behind = ++count - fail_at;
    if (fail_at == 0 || behind < 0 || (behind > 0 && (fail_again == 0 || behind % fail_again != 0)))
        return false;
    failed++;
    errno = errors[mode];
    return true;
}

ssize_t __real_read(int fd, void *out, size_t len);
ssize_t __wrap_read(int fd, void *out, size_t len);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __real_dup2(int from, int to);
int __wrap_dup2(int from, int to);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_epoll_ctl(int set, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int set, int what, int fd, struct epoll_event *event);
int __real_uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd);
int __wrap_uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd);
int __real_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb call);
int __wrap_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb call);
int __real_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb call,
                          const char *node, const char *service, const struct addrinfo *hints);
int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb call,
                          const char *node, const char *service, const struct addrinfo *hints);

ssize_t __wrap_read(int fd, void *out, size_t len)
{
    if (!must_fail(MOVES))
        return __real_read(fd, out, len);
    return mode == CALLS_SHORT ? __real_read(fd, out, len > 0 ? 1 : 0) : -1;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    if (!must_fail(MOVES))
        return __real_send(fd, bytes, len, flags);
    return mode == CALLS_SHORT ? __real_send(fd, bytes, len > 0 ? 1 : 0, flags) : -1;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!must_fail(MOVES))
        return __real_sendmsg(fd, message, flags);
    return mode == CALLS_SHORT ? __real_send(fd, message->msg_iov[0].iov_base, 1, flags) : -1;
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    return must_fail(ACCEPTS) ? -1 : __real_accept4(fd, address, len, flags);
}

int __wrap_socket(int domain, int type, int protocol)
{
    return must_fail(MAKES) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    return must_fail(WATCHES) ? -1 : __real_connect(fd, address, len);
}

int __wrap_dup2(int from, int to)
{
    return must_fail(MAKES) ? -1 : __real_dup2(from, to);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return must_fail(WATCHES) ? -1 : __real_getsockopt(fd, level, name, value, len);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t access = (flags & O_CREAT) != 0 ? (mode_t)va_arg(args, int) : 0;
    va_end(args);
    return must_fail(MAKES) ? -1 : __real_open(path, flags, access);
}

int __wrap_epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
    bool fails = what != EPOLL_CTL_DEL && must_fail(WATCHES);
    return fails ? -1 : __real_epoll_ctl(set, what, fd, event);
}

int __wrap_uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd)
{
    return must_fail(WATCHES) ? UV_ENOMEM : __real_uv_poll_init(loop, poll, fd);
}

int __wrap_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb call)
{
    return must_fail(WATCHES) ? UV_ENOMEM : __real_uv_poll_start(poll, events, call);
}

int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb call,
                          const char *node, const char *service, const struct addrinfo *hints)
{
    return must_fail(WATCHES) ? UV_ENOMEM
                              : __real_uv_getaddrinfo(loop, request, call, node, service, hints);
}
