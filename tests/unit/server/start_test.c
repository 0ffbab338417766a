/* A start that fails half way, because the system gives no more threads, ends cleanly: what was
 * started is joined, and nothing else. The linker leads pthread_create and pthread_join here
 * (tests/CMakeLists.txt). */
#include "fixture.h"

#include <errno.h>
#include <pthread.h>

#include "server/server.h"

enum { WORKERS = 4, STORE_THREADS = 3, THREADS = WORKERS + STORE_THREADS };

typedef void *run_function(void *context);

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, run_function *run,
                          void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, run_function *run,
                          void *context);
int __real_pthread_join(pthread_t thread, void **out_result);
int __wrap_pthread_join(pthread_t thread, void **out_result);

static int allowed, refused, strangers_joined;
static pthread_t started[THREADS];
static int started_count, joined;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, run_function *run,
                          void *context)
{
    if (started_count == allowed) {
        refused++;
        return EAGAIN;
    }
    int rc = __real_pthread_create(thread, attributes, run, context);
    assert_int_equal(rc, 0);
    started[started_count++] = *thread;
    return 0;
}

/* A thread that was never started must not be joined (POSIX pthread_join: undefined). */
int __wrap_pthread_join(pthread_t thread, void **out_result)
{
    for (int i = 0; i < started_count; i++) {
        if (pthread_equal(started[i], thread)) {
            joined++;
            return __real_pthread_join(thread, out_result);
        }
    }
    strangers_joined++;
    return ESRCH;
}

static void remove_data(const char *dir)
{
    static const char *const files[] = {
        "confab.db", "confab.db-wal", "confab.db-shm", "confab.db.lock", "jwt_secret",
        "media/tmp", "media",         "orbital/tmp",   "orbital",        ""};
    for (size_t i = 0; i < CF_ARRAY_LEN(files); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        (void)remove(path);
    }
}

/* Whichever thread is the one that cannot be had. */
static void too_few_threads_stop_the_start(void **state)
{
    struct fixture *f = *state;
    char data[96], entry[128];
    (void)snprintf(data, sizeof(data), "%s/data", f->dir);
    (void)snprintf(entry, sizeof(entry), "CONFAB_DATA_DIR=%s", data);
    set(f, entry);
    set(f, "CONFAB_LISTEN=127.0.0.1:0");
    set(f, "CONFAB_WORKERS=4");
    set(f, "LOG_LEVEL=error");
    assert_int_equal(load(f, NULL), CF_OK);
    assert_int_equal(f->config.workers, WORKERS);
    for (allowed = 0; allowed < THREADS; allowed++) {
        refused = strangers_joined = started_count = joined = 0;
        assert_int_equal(cf_server_run(&f->config), 1);
        assert_int_equal(refused, 1);
        assert_int_equal(started_count, allowed);
        assert_int_equal(joined, allowed);
        assert_int_equal(strangers_joined, 0);
    }
    remove_data(data);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(too_few_threads_stop_the_start, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
