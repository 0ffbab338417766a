/* Accepting. A listening socket is ready again at once when accept(2) fails for want of
 * descriptors, so a loop that just returned would spin (hazard V32). Each listener therefore keeps
 * one descriptor in reserve: it is given up to accept and close those who wait, who so learn at
 * once that they should come back later, and then the listener rests. */
#define _GNU_SOURCE /* accept4 */
#include "edge/uv/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/uv/turn.h"

enum {
    ACCEPTS_MAX = 64, /* a readiness event; then it is the connections' turn */
    REST_MS = 100,
};

struct cf_listener {
    uv_poll_t poll;
    struct cf_loop *loop;
    const struct cf_listener_ops *ops;
    void *context;
    struct cf_loop_timer rest;
    int fd;
    int reserve; /* -1 while there was none to be had */
    bool short_of_fds;
    bool stopped;
};

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int accept_one(const struct cf_listener *listener)
{
    int fd;
    do {
        fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd;
}

/* Answers those in the backlog with a close, one after the other on the reserve's number. */
static void turn_away(struct cf_listener *listener)
{
    if (listener->reserve >= 0)
        close(listener->reserve);
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept_one(listener);
        if (fd < 0)
            break;
        close(fd);
    }
    listener->reserve = open_reserve();
}

static void rest(struct cf_listener *listener)
{
    uv_poll_stop(&listener->poll);
    cf_ms now = cf_loop_now(listener->loop).ms;
    cf_loop_timer_set(listener->loop, &listener->rest, now + REST_MS);
}

/* EMFILE, ENFILE, ENOBUFS and ENOMEM. One line for each shortage, not for each connection. */
static void meet_shortage(struct cf_listener *listener, int system_error)
{
    if (!listener->short_of_fds) {
        char why[128];
        uv_strerror_r(uv_translate_sys_error(system_error), why, sizeof(why));
        cf_log(CF_LOG_ERROR, "cannot accept connections", CF_KV_CSTR("why", why));
    }
    listener->short_of_fds = true;
    turn_away(listener);
    rest(listener);
}

static bool is_shortage(int system_error)
{
    return system_error == EMFILE || system_error == ENFILE || system_error == ENOBUFS ||
           system_error == ENOMEM;
}

/* Other errors are those of the connection that was to come (accept(2): EPROTO, ENETDOWN, …). */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct cf_listener *listener = CF_CONTAINER_OF(poll, struct cf_listener, poll);
    (void)events;
    if (status < 0) {
        rest(listener);
        return;
    }
    for (int i = 0; i < ACCEPTS_MAX && !listener->stopped; i++) {
        int fd = accept_one(listener);
        if (fd < 0) {
            if (is_shortage(errno))
                meet_shortage(listener, errno);
            else
                listener->short_of_fds = false;
            return;
        }
        listener->ops->accepted(listener->context, fd);
    }
}

static void on_rested(struct cf_loop_timer *timer)
{
    struct cf_listener *listener = CF_CONTAINER_OF(timer, struct cf_listener, rest);
    if (listener->reserve < 0)
        listener->reserve = open_reserve();
    uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

enum cf_error cf_listener_start(struct cf_loop *loop, int fd, const struct cf_listener_ops *ops,
                                void *context, struct cf_listener **out_listener)
{
    int on = 1;
    struct cf_listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL) {
        close(fd);
        return CF_E_NOMEM;
    }
    /* What is accepted inherits it, which saves a call each. Not for Unix sockets. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (uv_poll_init(&loop->uv, &listener->poll, fd) != 0) {
        close(fd);
        free(listener);
        return CF_E_IO;
    }
    listener->loop = loop;
    listener->ops = ops;
    listener->context = context;
    listener->fd = fd;
    listener->reserve = open_reserve();
    cf_loop_timer_init(&listener->rest, on_rested);
    uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    *out_listener = listener;
    return CF_OK;
}

static void on_handle_closed(uv_handle_t *handle)
{
    free(CF_CONTAINER_OF(handle, struct cf_listener, poll));
}

void cf_listener_stop(struct cf_listener *listener)
{
    listener->stopped = true;
    cf_loop_timer_stop(listener->loop, &listener->rest);
    uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
    close(listener->fd);
    if (listener->reserve >= 0)
        close(listener->reserve);
}
