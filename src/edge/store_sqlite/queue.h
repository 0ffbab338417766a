/* Requests that wait for a thread of the store. */
#ifndef CF_EDGE_STORE_SQLITE_QUEUE_H
#define CF_EDGE_STORE_SQLITE_QUEUE_H

#include <pthread.h>

#include "base/time.h"
#include "port/store.h"

struct cf_sqlite_queue {
    pthread_mutex_t lock;
    pthread_cond_t some; /* waits by the monotonic clock */
    struct cf_list list;
    size_t count;
    bool closing;
    bool woken;
};

enum cf_error cf_sqlite_queue_init(struct cf_sqlite_queue *queue);
void cf_sqlite_queue_deinit(struct cf_sqlite_queue *queue);
/* Moves requests in until `max` wait; what has no room stays in `requests`. SIZE_MAX: all. */
void cf_sqlite_queue_give(struct cf_sqlite_queue *queue, struct cf_list *requests, size_t max);
/* Waits until there is something, or for `wait_ms` (CF_MS_NEVER: for ever), or for a wake, and
 * moves at most `max` requests to `out_requests` (initialised here; may stay empty). False: the
 * queue is closing and empty. */
bool cf_sqlite_queue_take(struct cf_sqlite_queue *queue, size_t max, cf_ms wait_ms,
                          struct cf_list *out_requests);
/* Ends one wait of a taker. */
void cf_sqlite_queue_wake(struct cf_sqlite_queue *queue);
/* Nothing is given any more; takers end once it is empty. */
void cf_sqlite_queue_close(struct cf_sqlite_queue *queue);
size_t cf_sqlite_queue_count(struct cf_sqlite_queue *queue);

/* The clock that the waits go by. */
cf_ms cf_sqlite_now_ms(void);

#endif
