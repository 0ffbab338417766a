/* One event loop: what a worker thread stands on.
 *
 * A turn is: poll, handle what came, then turn_end, then one flush that writes dirty connections,
 * each once (all that a turn has for a socket goes out in one writev). Where many are dirty, as
 * after a message to a large room, the longest dirty ones are flushed, and the others in the next
 * turns, which do not wait. Timers are in a wheel, not in handles. */
#ifndef CF_EDGE_UV_LOOP_H
#define CF_EDGE_UV_LOOP_H

#include <uv.h>

#include "base/wheel.h"

struct cf_loop;

struct cf_loop_ops {
    void (*wake)(void *context);     /* somebody called cf_loop_wake; once for many calls */
    void (*turn_end)(void *context); /* everything of this turn was handled; the flush comes next */
};

/* A timer that tells its owner: embed it. */
struct cf_loop_timer {
    struct cf_timer timer;
    void (*fire)(struct cf_loop_timer *timer);
};

/* `ops` may have NULL members; it and `context` are borrowed. CF_E_IO, CF_E_NOMEM. */
enum cf_error cf_loop_new(const struct cf_loop_ops *ops, void *context, struct cf_loop **out_loop);
/* Every handle on it must be closed before. Waits for those that close and for a name that is still
 * being resolved. */
void cf_loop_free(struct cf_loop *loop);
/* Until cf_loop_stop; returns when the current turn is over. May be called again. */
void cf_loop_run(struct cf_loop *loop);
/* From the loop's own thread; does nothing while it does not run. */
void cf_loop_stop(struct cf_loop *loop);
/* From any thread. */
void cf_loop_wake(struct cf_loop *loop);
/* The time of this turn: both clocks, read once a turn. */
struct cf_now cf_loop_now(const struct cf_loop *loop);
uv_loop_t *cf_loop_uv(struct cf_loop *loop);

void cf_loop_timer_init(struct cf_loop_timer *timer, void (*fire)(struct cf_loop_timer *timer));
void cf_loop_timer_set(struct cf_loop *loop, struct cf_loop_timer *timer, cf_ms deadline);
void cf_loop_timer_stop(struct cf_loop *loop, struct cf_loop_timer *timer);

#endif
