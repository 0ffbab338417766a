#include "edge/store_sqlite/queue.h"

#include <time.h>

enum cf_error cf_sqlite_queue_init(struct cf_sqlite_queue *queue)
{
    cf_list_init(&queue->list);
    queue->count = 0;
    queue->closing = queue->woken = false;
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return CF_E_NOMEM;
    bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&queue->some, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    if (!ok)
        return CF_E_NOMEM;
    if (pthread_mutex_init(&queue->lock, NULL) == 0)
        return CF_OK;
    (void)pthread_cond_destroy(&queue->some);
    return CF_E_NOMEM;
}

void cf_sqlite_queue_deinit(struct cf_sqlite_queue *queue)
{
    CF_ASSERT(cf_list_empty(&queue->list));
    (void)pthread_mutex_destroy(&queue->lock);
    (void)pthread_cond_destroy(&queue->some);
}

void cf_sqlite_queue_give(struct cf_sqlite_queue *queue, struct cf_list *requests, size_t max)
{
    (void)pthread_mutex_lock(&queue->lock);
    while (queue->count < max && !cf_list_empty(requests)) {
        cf_list_push_back(&queue->list, cf_list_pop_front(requests));
        queue->count++;
    }
    (void)pthread_cond_signal(&queue->some);
    (void)pthread_mutex_unlock(&queue->lock);
}

static struct timespec deadline_after(cf_ms wait_ms)
{
    cf_ms deadline = cf_sqlite_now_ms() + wait_ms;
    return (struct timespec){.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
}

/* With the lock held. */
static void wait_for_some(struct cf_sqlite_queue *queue, cf_ms wait_ms)
{
    if (wait_ms == CF_MS_NEVER) {
        while (queue->count == 0 && !queue->closing && !queue->woken)
            (void)pthread_cond_wait(&queue->some, &queue->lock);
        return;
    }
    struct timespec deadline = deadline_after(wait_ms);
    int rc = 0;
    while (rc == 0 && queue->count == 0 && !queue->closing && !queue->woken)
        rc = pthread_cond_timedwait(&queue->some, &queue->lock, &deadline);
}

bool cf_sqlite_queue_take(struct cf_sqlite_queue *queue, size_t max, cf_ms wait_ms,
                          struct cf_list *out_requests)
{
    cf_list_init(out_requests);
    (void)pthread_mutex_lock(&queue->lock);
    wait_for_some(queue, wait_ms);
    queue->woken = false;
    if (queue->count <= max) {
        cf_list_splice_back(out_requests, &queue->list);
        queue->count = 0;
    }
    for (size_t taken = 0; taken < max && queue->count > 0; taken++) {
        cf_list_push_back(out_requests, cf_list_pop_front(&queue->list));
        queue->count--;
    }
    /* One signal may stand for many requests: pass it on to the next taker. */
    if (queue->count > 0)
        (void)pthread_cond_signal(&queue->some);
    bool more = !queue->closing || !cf_list_empty(out_requests);
    (void)pthread_mutex_unlock(&queue->lock);
    return more;
}

void cf_sqlite_queue_wake(struct cf_sqlite_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->woken = true;
    (void)pthread_cond_signal(&queue->some);
    (void)pthread_mutex_unlock(&queue->lock);
}

void cf_sqlite_queue_close(struct cf_sqlite_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->closing = true;
    (void)pthread_cond_broadcast(&queue->some);
    (void)pthread_mutex_unlock(&queue->lock);
}

size_t cf_sqlite_queue_count(struct cf_sqlite_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}

cf_ms cf_sqlite_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (cf_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
