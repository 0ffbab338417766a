#include "sim/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/assert.h"
#include "base/list.h"
#include "sim/net.h"

enum { LOOPS_MAX = 16 };

/* A handle of libuv's, as far as it is used. */
struct handle {
    struct cf_list link; /* loop->handles */
    void *uv;
    enum kind { ASYNC, PREPARE, TIMER, POLL } kind;
    union {
        uv_async_cb async;
        uv_prepare_cb prepare;
        uv_timer_cb timer;
        uv_poll_cb poll;
    } call;
    bool active, closing;
    uv_close_cb closed;
    uint64_t due; /* TIMER, ms */
    int fd, events;
};

/* An epoll set, and what is in it. */
struct set {
    struct cf_list link; /* sets */
    struct cf_list watched;
    int fd;
};

struct watched {
    struct cf_list link; /* set->watched */
    int fd;
    struct epoll_event event;
};

enum { EPOLL_FD = 1 << 29 }; /* descriptors from here on are sets */

struct loop {
    uv_loop_t *uv;
    struct cf_list handles;
    struct sim_event wake;
    int64_t held_until;
};

static struct cf_list sets = {&sets, &sets};
static struct loop *loops[LOOPS_MAX];
static unsigned loops_count;

static struct loop *loop_of(const uv_loop_t *uv)
{
    return uv->data;
}

static struct handle *find(const void *uv)
{
    for (unsigned i = 0; i < loops_count; i++) {
        for (struct cf_list *node = loops[i]->handles.next; node != &loops[i]->handles;
             node = node->next) {
            struct handle *handle = CF_LIST_ENTRY(node, struct handle, link);
            if (handle->uv == uv)
                return handle;
        }
    }
    cf_panic("a handle that was never made", __FILE__, __LINE__);
}

static struct handle *add(uv_loop_t *uv, void *it, enum kind kind)
{
    struct handle *handle = calloc(1, sizeof(*handle));
    CF_ASSERT(handle != NULL);
    handle->uv = it;
    handle->kind = kind;
    cf_list_push_back(&loop_of(uv)->handles, &handle->link);
    return handle;
}

static uint64_t now_ms(void)
{
    return (uint64_t)(sim.now / SIM_MS) + 1000000;
}

/* ---- one turn ---- */

static bool fire_timers(struct loop *loop)
{
    bool any = false;
    for (struct cf_list *node = loop->handles.next; node != &loop->handles; node = node->next) {
        struct handle *handle = CF_LIST_ENTRY(node, struct handle, link);
        if (handle->kind != TIMER || !handle->active || handle->due > now_ms())
            continue;
        handle->active = false;
        handle->call.timer(handle->uv);
        any = true;
    }
    return any;
}

static void prepare(struct loop *loop)
{
    for (struct cf_list *node = loop->handles.next; node != &loop->handles; node = node->next) {
        struct handle *handle = CF_LIST_ENTRY(node, struct handle, link);
        if (handle->kind == PREPARE && handle->active)
            handle->call.prepare(handle->uv);
    }
}

static struct set *set_of(int fd)
{
    struct cf_list *node = sets.next;
    while (CF_LIST_ENTRY(node, struct set, link)->fd != fd)
        node = node->next;
    return CF_LIST_ENTRY(node, struct set, link);
}

static uint32_t ready_events(const struct watched *watched)
{
    uint32_t events = (sim_net_readable(watched->fd) ? (uint32_t)EPOLLIN : 0) |
                      (sim_net_writable(watched->fd) ? (uint32_t)EPOLLOUT : 0);
    return events & watched->event.events;
}

static bool poll_one(struct handle *handle)
{
    if (handle->closing || !handle->active)
        return false;
    if (handle->kind == ASYNC && handle->events != 0) {
        handle->events = 0;
        handle->call.async(handle->uv);
        return true;
    }
    if (handle->kind != POLL)
        return false;
    const struct cf_list *watched = &set_of(handle->fd)->watched;
    for (struct cf_list *node = watched->next; node != watched; node = node->next) {
        if (ready_events(CF_LIST_ENTRY(node, struct watched, link)) == 0)
            continue;
        handle->call.poll(handle->uv, 0, UV_READABLE);
        return true;
    }
    return false;
}

/* A callback may add handles behind, and close any; none is freed in here. */
static bool poll(struct loop *loop)
{
    bool any = false;
    for (struct cf_list *node = loop->handles.next; node != &loop->handles; node = node->next)
        any = poll_one(CF_LIST_ENTRY(node, struct handle, link)) || any;
    return any;
}

static bool close_handles(struct loop *loop)
{
    bool any = false;
    for (struct cf_list *node = loop->handles.next, *next; node != &loop->handles; node = next) {
        struct handle *handle = CF_LIST_ENTRY(node, struct handle, link);
        next = node->next;
        if (!handle->closing)
            continue;
        cf_list_remove(&handle->link);
        if (handle->closed != NULL)
            handle->closed(handle->uv);
        free(handle);
        any = true;
    }
    return any;
}

/* libuv's order: timers, prepare, poll, closing. */
static bool turn(struct loop *loop)
{
    bool any = fire_timers(loop);
    prepare(loop);
    any = poll(loop) || any;
    return close_handles(loop) || any;
}

static void ask_for_timers(struct loop *loop)
{
    int64_t delay = INT64_MAX;
    for (struct cf_list *node = loop->handles.next; node != &loop->handles; node = node->next) {
        const struct handle *handle = CF_LIST_ENTRY(node, struct handle, link);
        if (handle->kind != TIMER || !handle->active)
            continue;
        int64_t at = ((int64_t)handle->due - 1000000) * SIM_MS;
        delay = at - sim.now < delay ? at - sim.now : delay;
    }
    if (loop->held_until > sim.now && delay < loop->held_until - sim.now)
        delay = loop->held_until - sim.now;
    if (loop->held_until > sim.now && delay == INT64_MAX)
        delay = loop->held_until - sim.now;
    if (delay == INT64_MAX)
        sim_cancel(&loop->wake);
    else
        sim_at(&loop->wake, delay);
}

void sim_loops_run(void)
{
    bool any;
    do {
        any = false;
        for (unsigned i = 0; i < loops_count; i++) {
            if (loops[i]->held_until <= sim.now)
                any = turn(loops[i]) || any;
        }
    } while (any);
    for (unsigned i = 0; i < loops_count; i++)
        ask_for_timers(loops[i]);
}

void sim_loop_hold(unsigned index, long long microseconds)
{
    loops[index]->held_until = sim.now + microseconds;
}

unsigned sim_loops_count(void)
{
    return loops_count;
}

/* The run's step has brought us here; sim_loops_run comes after every step. */
static void on_wake(struct sim_event *event)
{
    (void)event;
}

/* ---- libuv ---- */

int uv_loop_init(uv_loop_t *uv)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    CF_ASSERT(loop != NULL && loops_count < LOOPS_MAX);
    memset(uv, 0, sizeof(*uv));
    uv->data = loop;
    loop->uv = uv;
    loop->wake.happen = on_wake;
    cf_list_init(&loop->handles);
    loops[loops_count++] = loop;
    return 0;
}

int uv_loop_close(uv_loop_t *uv)
{
    struct loop *loop = loop_of(uv);
    unsigned index = 0;
    if (!cf_list_empty(&loop->handles))
        return UV_EBUSY;
    while (loops[index] != loop)
        index++;
    for (loops_count--; index < loops_count; index++)
        loops[index] = loops[index + 1];
    sim_cancel(&loop->wake);
    free(loop);
    return 0;
}

/* Only to let what closes close. */
int uv_run(uv_loop_t *uv, uv_run_mode mode)
{
    (void)mode;
    while (close_handles(loop_of(uv)))
        continue;
    return 0;
}

void uv_stop(uv_loop_t *uv)
{
    (void)uv;
}

uint64_t uv_now(const uv_loop_t *uv)
{
    (void)uv;
    return now_ms();
}

void uv_close(uv_handle_t *it, uv_close_cb closed)
{
    struct handle *handle = find(it);
    handle->closing = true;
    handle->active = false;
    handle->closed = closed;
}

int uv_async_init(uv_loop_t *uv, uv_async_t *it, uv_async_cb call)
{
    struct handle *handle = add(uv, it, ASYNC);
    handle->call.async = call;
    handle->active = true;
    return 0;
}

int uv_async_send(uv_async_t *it)
{
    find(it)->events = 1;
    return 0;
}

int uv_prepare_init(uv_loop_t *uv, uv_prepare_t *it)
{
    add(uv, it, PREPARE);
    return 0;
}

int uv_prepare_start(uv_prepare_t *it, uv_prepare_cb call)
{
    struct handle *handle = find(it);
    handle->call.prepare = call;
    handle->active = true;
    return 0;
}

int uv_timer_init(uv_loop_t *uv, uv_timer_t *it)
{
    add(uv, it, TIMER);
    return 0;
}

int uv_timer_start(uv_timer_t *it, uv_timer_cb call, uint64_t timeout, uint64_t repeat)
{
    struct handle *handle = find(it);
    CF_ASSERT(repeat == 0);
    handle->call.timer = call;
    handle->due = now_ms() + timeout;
    handle->active = true;
    return 0;
}

int uv_timer_stop(uv_timer_t *it)
{
    find(it)->active = false;
    return 0;
}

int uv_poll_init(uv_loop_t *uv, uv_poll_t *it, int fd)
{
    add(uv, it, POLL)->fd = fd;
    return 0;
}

int uv_poll_start(uv_poll_t *it, int events, uv_poll_cb call)
{
    struct handle *handle = find(it);
    handle->call.poll = call;
    handle->events = events;
    handle->active = true;
    return 0;
}

int uv_poll_stop(uv_poll_t *it)
{
    find(it)->active = false;
    return 0;
}

/* ---- system calls ---- */

ssize_t __real_read(int fd, void *out, size_t len);
ssize_t __wrap_read(int fd, void *out, size_t len);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_ctl(int set_fd, int what, int fd, struct epoll_event *event);
int __wrap_epoll_wait(int set_fd, struct epoll_event *out, int max, int timeout);
int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

ssize_t __wrap_read(int fd, void *out, size_t len)
{
    return fd >= SIM_FD ? sim_net_read(fd, out, len) : __real_read(fd, out, len);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    return fd >= SIM_FD ? sim_net_write(fd, bytes, len) : __real_send(fd, bytes, len, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t sent = 0;
    CF_ASSERT(fd >= SIM_FD);
    (void)flags;
    for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) {
        const struct iovec *part = &message->msg_iov[i];
        ssize_t len = part->iov_len == 0 ? 0 : sim_net_write(fd, part->iov_base, part->iov_len);
        if (len < 0)
            return sent > 0 ? sent : -1;
        sent += len;
        if ((size_t)len < part->iov_len)
            break;
    }
    return sent;
}

int __wrap_shutdown(int fd, int how)
{
    if (fd < SIM_FD)
        return __real_shutdown(fd, how);
    sim_net_shutdown(fd);
    return 0;
}

static void unwatch(const struct set *set, int fd)
{
    for (struct cf_list *node = set->watched.next; node != &set->watched; node = node->next) {
        struct watched *watched = CF_LIST_ENTRY(node, struct watched, link);
        if (watched->fd != fd)
            continue;
        cf_list_remove(&watched->link);
        free(watched);
        return;
    }
}

static void close_set(struct set *set)
{
    CF_ASSERT(cf_list_empty(&set->watched));
    cf_list_remove(&set->link);
    free(set);
}

int __wrap_close(int fd)
{
    if (fd < SIM_FD)
        return __real_close(fd);
    if (fd >= EPOLL_FD) {
        close_set(set_of(fd));
        return 0;
    }
    for (struct cf_list *node = sets.next; node != &sets; node = node->next)
        unwatch(CF_LIST_ENTRY(node, struct set, link), fd);
    sim_net_close(fd);
    return 0;
}

int __wrap_epoll_create1(int flags)
{
    static int next = EPOLL_FD;
    struct set *set = calloc(1, sizeof(*set));
    CF_ASSERT(set != NULL && (flags & EPOLL_CLOEXEC) != 0);
    cf_list_init(&set->watched);
    cf_list_push_back(&sets, &set->link);
    set->fd = next++;
    return set->fd;
}

/* Changing what is waited for is taking it out and putting it in again. */
int __wrap_epoll_ctl(int set_fd, int what, int fd, struct epoll_event *event)
{
    struct set *set = set_of(set_fd);
    if (what != EPOLL_CTL_ADD)
        unwatch(set, fd);
    if (what == EPOLL_CTL_DEL)
        return 0;
    struct watched *watched = calloc(1, sizeof(*watched));
    CF_ASSERT(watched != NULL && fd >= SIM_FD && fd < EPOLL_FD);
    watched->fd = fd;
    watched->event = *event;
    cf_list_push_back(&set->watched, &watched->link);
    return 0;
}

int __wrap_epoll_wait(int set_fd, struct epoll_event *out, int max, int timeout)
{
    const struct set *set = set_of(set_fd);
    int count = 0;
    CF_ASSERT(timeout == 0);
    for (struct cf_list *node = set->watched.next; node != &set->watched && count < max;
         node = node->next) {
        const struct watched *watched = CF_LIST_ENTRY(node, struct watched, link);
        uint32_t events = ready_events(watched);
        if (events == 0)
            continue;
        out[count] = watched->event;
        out[count++].events = events;
    }
    return count;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    CF_ASSERT(fd >= SIM_FD && level == SOL_SOCKET && name == SO_ERROR && *len == sizeof(int));
    int error = sim_net_error(fd);
    memcpy(value, &error, sizeof(error));
    return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_REALTIME)
        return __real_clock_gettime(clock, out);
    int64_t now = sim.now + sim.wall_offset;
    out->tv_sec = now / SIM_SECOND;
    out->tv_nsec = now % SIM_SECOND * 1000;
    return 0;
}
