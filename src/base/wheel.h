/* A hierarchical timer wheel: arming, moving and stopping a timer is O(1) and allocates nothing,
 * because a connection moves its deadline far more often than it meets it. Resolution 1 ms near,
 * coarser far away; a timer never fires early.
 *
 *     cf_wheel_init(&wheel, now);
 *     cf_wheel_set(&wheel, &timer, now + 5000);
 *     while ((timer = cf_wheel_pop(&wheel, now)) != NULL) ...
 */
#ifndef CF_BASE_WHEEL_H
#define CF_BASE_WHEEL_H

#include "base/list.h"
#include "base/time.h"

struct cf_timer {
    struct cf_list link;
    cf_ms deadline;
};

enum { CF_WHEEL_LEVELS = 6, CF_WHEEL_SLOTS = 64 };

struct cf_wheel {
    cf_ms now;
    uint64_t occupied[CF_WHEEL_LEVELS]; /* a bit a slot */
    struct cf_list slots[CF_WHEEL_LEVELS][CF_WHEEL_SLOTS];
    struct cf_list due;
    struct cf_list far; /* deadlines beyond the top level */
    size_t count;       /* armed */
};

void cf_wheel_init(struct cf_wheel *wheel, cf_ms now);
void cf_timer_init(struct cf_timer *timer);
bool cf_timer_armed(const struct cf_timer *timer);
/* Arms or moves; a deadline in the past is due at the next pop, CF_MS_NEVER disarms. */
void cf_wheel_set(struct cf_wheel *wheel, struct cf_timer *timer, cf_ms deadline);
/* Harmless when not armed. */
void cf_wheel_stop(struct cf_wheel *wheel, struct cf_timer *timer);
/* The next timer that is due at `now`, disarmed, earliest first up to the resolution; NULL: none.
 */
struct cf_timer *cf_wheel_pop(struct cf_wheel *wheel, cf_ms now);
/* When to call pop again: CF_MS_NEVER when nothing is armed, the time of the last pop (or before)
 * when something is due already, and otherwise never later than the earliest deadline. It may be
 * earlier, at a point where timers change their level; pop then gives NULL and moves on. */
cf_ms cf_wheel_next(const struct cf_wheel *wheel);

#endif
