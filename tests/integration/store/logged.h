/* Collects what is logged, so that a test can ask for a line. Install before threads start. */
#ifndef CF_TESTS_STORE_LOGGED_H
#define CF_TESTS_STORE_LOGGED_H

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

static struct {
    pthread_mutex_t lock;
    char text[65536];
    size_t len;
} logged = {.lock = PTHREAD_MUTEX_INITIALIZER};

static cf_us log_now(void *context)
{
    (void)context;
    return 0;
}

static void log_line(void *context, struct cf_slice line)
{
    (void)context;
    (void)pthread_mutex_lock(&logged.lock);
    if (line.len < sizeof(logged.text) - logged.len) {
        memcpy(logged.text + logged.len, line.ptr, line.len);
        logged.len += line.len;
        logged.text[logged.len] = '\0';
    }
    (void)pthread_mutex_unlock(&logged.lock);
}

static const struct cf_log_sink logged_sink = {
    .level = CF_LOG_INFO, .format = CF_LOG_TEXT, .now = log_now, .write = log_line};

static inline void reset_logged(void)
{
    (void)pthread_mutex_lock(&logged.lock);
    logged.len = 0;
    logged.text[0] = '\0';
    (void)pthread_mutex_unlock(&logged.lock);
}

/* How often the text has been logged since the last reset. */
static inline size_t count_logged(const char *text)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&logged.lock);
    for (const char *at = logged.text; (at = strstr(at, text)) != NULL; at++)
        count++;
    (void)pthread_mutex_unlock(&logged.lock);
    return count;
}

#endif
