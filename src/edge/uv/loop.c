/* The turn. libuv runs timers, then prepare, then polls, then closes handles; a turn is therefore
 * cut at prepare: what the poll, the closed handles and the timers brought has been handled by
 * then, and the process has not yet gone to sleep. */
#include "edge/uv/loop.h"

#include <stdlib.h>
#include <time.h>

#include "edge/uv/conn.h"
#include "edge/uv/turn.h"

/* Connections that one turn flushes: about a millisecond of sends. Who asks meanwhile waits for
 * these, not for all listeners of a large room; and what is committed meanwhile joins what others
 * of them have not been sent yet. */
enum { FLUSH_MAX = 256 };

/* A callback may end other connections, which are then told, too. */
static void close_connections(struct cf_loop *loop)
{
    for (struct cf_list *node; (node = cf_list_pop_front(&loop->closed)) != NULL;)
        cf_conn_finish(CF_LIST_ENTRY(node, struct cf_conn, pending));
}

static void open_connections(struct cf_loop *loop)
{
    for (struct cf_list *node; (node = cf_list_pop_front(&loop->opening)) != NULL;)
        cf_conn_announce(CF_LIST_ENTRY(node, struct cf_conn, pending));
}

/* No callback of an owner runs in here, so the list only gets shorter. */
static void flush_connections(struct cf_loop *loop)
{
    struct cf_list *node;
    for (int i = 0; i < FLUSH_MAX && (node = cf_list_pop_front(&loop->dirty)) != NULL; i++)
        cf_conn_flush(CF_LIST_ENTRY(node, struct cf_conn, pending));
}

static void on_alarm(uv_timer_t *alarm);

static bool is_pending(const struct cf_loop *loop)
{
    return !cf_list_empty(&loop->dirty) || !cf_list_empty(&loop->closed);
}

/* With connections still to be flushed or closed the poll only looks and does not wait. */
static void set_alarm(struct cf_loop *loop)
{
    cf_ms now = (cf_ms)uv_now(&loop->uv);
    cf_ms next = is_pending(loop) ? now : cf_wheel_next(&loop->wheel);
    if (next == loop->alarm_at)
        return;
    loop->alarm_at = next;
    if (next == CF_MS_NEVER) {
        uv_timer_stop(&loop->alarm);
        return;
    }
    uv_timer_start(&loop->alarm, on_alarm, next > now ? (uint64_t)(next - now) : 0, 0);
}

/* A connection that is made in turn_end itself is opened, and what that brings is handled, before
 * the poll may block. */
static void end_turn(struct cf_loop *loop)
{
    close_connections(loop);
    do {
        open_connections(loop);
        if (loop->ops->turn_end != NULL)
            loop->ops->turn_end(loop->context);
    } while (!cf_list_empty(&loop->opening));
    flush_connections(loop);
    set_alarm(loop);
    loop->now_fresh = false;
}

static void on_turn(uv_prepare_t *turn)
{
    end_turn(turn->data);
}

static void on_alarm(uv_timer_t *alarm)
{
    struct cf_loop *loop = alarm->data;
    close_connections(loop); /* before a timer of theirs */
    loop->alarm_at = CF_MS_NEVER;
    loop->now_fresh = false; /* libuv has looked at the clock again */
    loop->firing = true;
    cf_ms now = cf_loop_now(loop).ms;
    for (struct cf_timer *due; (due = cf_wheel_pop(&loop->wheel, now)) != NULL;) {
        struct cf_loop_timer *timer = CF_CONTAINER_OF(due, struct cf_loop_timer, timer);
        timer->fire(timer);
    }
    loop->firing = false;
}

static void on_wake(uv_async_t *wake)
{
    struct cf_loop *loop = wake->data;
    if (loop->ops->wake != NULL)
        loop->ops->wake(loop->context);
}

static void start_handles(struct cf_loop *loop)
{
    uv_prepare_init(&loop->uv, &loop->turn);
    uv_timer_init(&loop->uv, &loop->alarm);
    loop->turn.data = loop->alarm.data = loop->wake.data = loop;
    uv_prepare_start(&loop->turn, on_turn);
}

static void close_handles(struct cf_loop *loop)
{
    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    CF_ASSERT(uv_loop_close(&loop->uv) == 0);
}

enum cf_error cf_loop_new(const struct cf_loop_ops *ops, void *context, struct cf_loop **out_loop)
{
    struct cf_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL)
        return CF_E_NOMEM;
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop);
        return CF_E_IO;
    }
    if (uv_async_init(&loop->uv, &loop->wake, on_wake) != 0) {
        (void)uv_loop_close(&loop->uv);
        free(loop);
        return CF_E_IO;
    }
    start_handles(loop);
    if (cf_watch_open(loop) != CF_OK) {
        close_handles(loop);
        free(loop);
        return CF_E_IO;
    }
    loop->ops = ops;
    loop->context = context;
    loop->alarm_at = CF_MS_NEVER;
    cf_wheel_init(&loop->wheel, (cf_ms)uv_now(&loop->uv));
    cf_list_init(&loop->opening);
    cf_list_init(&loop->dirty);
    cf_list_init(&loop->closed);
    cf_buf_init(&loop->plain, CF_LOOP_PLAIN_MAX);
    cf_buf_init(&loop->cipher, CF_LOOP_CIPHER_MAX);
    *out_loop = loop;
    return CF_OK;
}

void cf_loop_free(struct cf_loop *loop)
{
    close_connections(loop);
    cf_watch_close(loop);
    close_handles(loop);
    cf_buf_deinit(&loop->plain);
    cf_buf_deinit(&loop->cipher);
    free(loop);
}

/* uv_stop skips the prepare of its turn: what is still to be written goes out here. */
void cf_loop_run(struct cf_loop *loop)
{
    loop->running = true;
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->running = false;
    end_turn(loop);
    while (!cf_list_empty(&loop->dirty))
        flush_connections(loop);
}

/* uv_stop outside of uv_run would end the next one. */
void cf_loop_stop(struct cf_loop *loop)
{
    if (loop->running)
        uv_stop(&loop->uv);
}

void cf_loop_wake(struct cf_loop *loop)
{
    (void)uv_async_send(&loop->wake);
}

/* Read at the first question of a turn, because nothing of ours runs between the end of the poll
 * and the first callback. The cached time is no part of what `const` promises. */
struct cf_now cf_loop_now(const struct cf_loop *loop)
{
    struct cf_loop *cache = (struct cf_loop *)loop;
    if (!cache->now_fresh) {
        struct timespec wall;
        clock_gettime(CLOCK_REALTIME, &wall);
        cache->now.ms = (cf_ms)uv_now(&loop->uv);
        cache->now.us = (cf_us)wall.tv_sec * 1000000 + wall.tv_nsec / 1000;
        cache->now_fresh = true;
    }
    return cache->now;
}

uv_loop_t *cf_loop_uv(struct cf_loop *loop)
{
    return &loop->uv;
}

void cf_loop_timer_init(struct cf_loop_timer *timer, void (*fire)(struct cf_loop_timer *timer))
{
    cf_timer_init(&timer->timer);
    timer->fire = fire;
}

/* While timers fire the earliest deadline is the next millisecond: a timer that is set to the past
 * over and over does not hold the turn. */
void cf_loop_timer_set(struct cf_loop *loop, struct cf_loop_timer *timer, cf_ms deadline)
{
    cf_ms now = cf_loop_now(loop).ms;
    if (loop->firing && deadline <= now)
        deadline = now + 1;
    cf_wheel_set(&loop->wheel, &timer->timer, deadline);
}

void cf_loop_timer_stop(struct cf_loop *loop, struct cf_loop_timer *timer)
{
    cf_wheel_stop(&loop->wheel, &timer->timer);
}
