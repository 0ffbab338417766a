/* Watching the sockets of connections: one epoll set a loop, which is itself one handle of libuv's.
 * A uv_poll_t would be 160 bytes a connection and three system calls at its beginning; this is a
 * pointer in the kernel's set and one call. Level-triggered: what is not taken is told again.
 *
 * A connection that ends in a turn is freed in a later step (close_connections in loop.c), so that
 * events of the same round that still point at it are safe; its state says to leave it alone. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "edge/uv/conn_state.h"

static uint32_t mask_of(unsigned events)
{
    return ((events & UV_READABLE) != 0 ? (uint32_t)EPOLLIN : 0) |
           ((events & UV_WRITABLE) != 0 ? (uint32_t)EPOLLOUT : 0);
}

/* The kernel tells errors and hang-ups unasked: an error is UV_DISCONNECT here, and a hang-up alone
 * is told as whatever is waited for, whose system call then says what has happened. */
static unsigned events_of(const struct cf_conn *conn, uint32_t mask)
{
    unsigned events = ((mask & EPOLLIN) != 0 ? (unsigned)UV_READABLE : 0) |
                      ((mask & EPOLLOUT) != 0 ? (unsigned)UV_WRITABLE : 0);
    if ((mask & EPOLLERR) != 0)
        return UV_DISCONNECT;
    events &= conn->watched;
    return events == 0 && (mask & EPOLLHUP) != 0 ? conn->watched : events;
}

static void on_ready(uv_poll_t *handle, int status, int unused)
{
    struct cf_loop *loop = handle->data;
    struct epoll_event ready[CF_LOOP_READY_MAX];
    (void)status, (void)unused;
    int count = epoll_wait(loop->watch_fd, ready, CF_LOOP_READY_MAX, 0);
    for (int i = 0; i < count; i++) {
        struct cf_conn *conn = ready[i].data.ptr;
        unsigned events = events_of(conn, ready[i].events);
        if (events != 0 && !cf_conn_is_in(conn, CONN_CLOSED))
            cf_conn_ready(conn, events);
    }
}

enum cf_error cf_watch_open(struct cf_loop *loop)
{
    loop->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->watch_fd < 0)
        return CF_E_IO;
    if (uv_poll_init(&loop->uv, &loop->watch, loop->watch_fd) != 0) {
        close(loop->watch_fd);
        return CF_E_IO;
    }
    loop->watch.data = loop;
    uv_poll_start(&loop->watch, UV_READABLE, on_ready);
    return CF_OK;
}

void cf_watch_close(struct cf_loop *loop)
{
    uv_close((uv_handle_t *)&loop->watch, NULL);
    close(loop->watch_fd);
}

bool cf_watch_set(struct cf_conn *conn, unsigned events)
{
    struct epoll_event event = {.events = mask_of(events), .data.ptr = conn};
    int what = events == 0 ? EPOLL_CTL_DEL : conn->watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (events == conn->watched)
        return true;
    conn->watched = (uint8_t)events;
    return epoll_ctl(cf_conn_loop(conn)->watch_fd, what, conn->fd, &event) == 0;
}
