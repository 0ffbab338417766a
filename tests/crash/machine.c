#include "crash/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "crash/vfs.h"

/* Descriptors of the mounted disk: above any of the kernel's. */
enum { FD_FOLDER = 1 << 20, FD_LOCK, FD_DATABASE };
enum { TICK_MS = 1001 };

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __real_flock(int fd, int operation);
int __real_stat(const char *path, struct stat *out);
int __real_fsync(int fd);
int __real_pthread_cond_wait(pthread_cond_t *some, pthread_mutex_t *lock);
void *__real_sqlite3_wal_hook(sqlite3 *handle, int (*hook)(void *, sqlite3 *, const char *, int),
                              void *context);

int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_flock(int fd, int operation);
int __wrap_stat(const char *path, struct stat *out);
int __wrap_fsync(int fd);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_pthread_cond_wait(pthread_cond_t *some, pthread_mutex_t *lock);
int __wrap_pthread_cond_timedwait(pthread_cond_t *some, pthread_mutex_t *lock,
                                  const struct timespec *deadline);
void *__wrap_sqlite3_wal_hook(sqlite3 *handle, int (*hook)(void *, sqlite3 *, const char *, int),
                              void *context);

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct disk *disk;
    bool flocked;
    bool weak;
    int64_t wall_us, monotonic_ms;
    pthread_cond_t *writers; /* what the writer waits on: nobody else has a timeout */
    pthread_mutex_t *writers_lock;
    bool resting; /* the writer waits */
    bool timed;   /* with a timeout */
    bool tick;    /* which is to be over */
} machine = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .changed = PTHREAD_COND_INITIALIZER,
             .wall_us = INT64_C(1700000000000000)};

static void lock(void)
{
    CF_ASSERT(pthread_mutex_lock(&machine.lock) == 0);
}

static void unlock(void)
{
    CF_ASSERT(pthread_mutex_unlock(&machine.lock) == 0);
}

void machine_install(void)
{
    vfs_install();
}

void machine_mount(struct disk *disk, uint64_t seed)
{
    CF_ASSERT(!machine.flocked);
    machine.disk = disk;
    vfs_seed(seed);
}

struct disk *machine_disk(void)
{
    CF_ASSERT(machine.disk != NULL);
    return machine.disk;
}

void machine_weaken(bool weaken)
{
    machine.weak = weaken;
}

/* ---- files, as far as src/edge/store_sqlite/file.c handles them itself ---- */

static bool is_ours(const char *path)
{
    return strncmp(path, MACHINE_FOLDER, strlen(MACHINE_FOLDER) - 1) == 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(arguments, int) : 0;
    va_end(arguments);
    if (!is_ours(path))
        return __real_open(path, flags, mode);
    size_t len = strlen(path);
    if ((flags & O_DIRECTORY) != 0)
        return FD_FOLDER;
    /* Nobody cares whether the lock file outlives a crash: it is not on the disk. */
    if (len > 5 && strcmp(path + len - 5, ".lock") == 0)
        return FD_LOCK;
    const char *name = path + strlen(MACHINE_FOLDER);
    CF_ASSERT((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL));
    if (disk_find(machine_disk(), name) != DISK_NO_FILE) {
        errno = EEXIST;
        return -1;
    }
    (void)disk_create(machine_disk(), name);
    return FD_DATABASE;
}

int __wrap_close(int fd)
{
    if (fd < FD_FOLDER)
        return __real_close(fd);
    if (fd == FD_LOCK)
        machine.flocked = false;
    return 0;
}

int __wrap_flock(int fd, int operation)
{
    if (fd < FD_FOLDER)
        return __real_flock(fd, operation);
    CF_ASSERT(fd == FD_LOCK && operation == (LOCK_EX | LOCK_NB));
    if (machine.flocked) {
        errno = EWOULDBLOCK;
        return -1;
    }
    machine.flocked = true;
    return 0;
}

int __wrap_stat(const char *path, struct stat *out)
{
    if (!is_ours(path))
        return __real_stat(path, out);
    int file = disk_find(machine_disk(), path + strlen(MACHINE_FOLDER));
    if (file == DISK_NO_FILE) {
        errno = ENOENT;
        return -1;
    }
    memset(out, 0, sizeof(*out));
    out->st_size = (off_t)disk_size(machine_disk(), file);
    return 0;
}

int __wrap_fsync(int fd)
{
    if (fd < FD_FOLDER)
        return __real_fsync(fd);
    CF_ASSERT(fd == FD_FOLDER);
    int error = disk_sync_folder(machine_disk(), false);
    errno = error;
    return error == 0 ? 0 : -1;
}

/* ---- time ---- */

void machine_set_wall(int64_t now_us)
{
    lock();
    machine.wall_us = now_us;
    unlock();
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    lock();
    int64_t us = clock == CLOCK_REALTIME ? machine.wall_us : machine.monotonic_ms * 1000;
    unlock();
    out->tv_sec = us / 1000000;
    out->tv_nsec = us % 1000000 * 1000;
    return 0;
}

void machine_boot(void)
{
    lock();
    machine.writers = NULL;
    machine.resting = machine.timed = machine.tick = false;
    unlock();
}

static void set_resting(bool resting, bool timed)
{
    machine.resting = resting;
    machine.timed = timed;
    (void)pthread_cond_broadcast(&machine.changed);
}

/* Whoever ticks cannot give the writer work before it has seen its timeout: the writer holds the
 * lock of its queue from here on. */
static bool take_tick(void)
{
    lock();
    bool ticked = machine.tick;
    machine.tick = false;
    set_resting(false, false);
    unlock();
    return ticked;
}

int __wrap_pthread_cond_wait(pthread_cond_t *some, pthread_mutex_t *with)
{
    lock();
    bool writer = some == machine.writers;
    if (writer)
        set_resting(true, false);
    unlock();
    int rc = __real_pthread_cond_wait(some, with);
    if (writer)
        (void)take_tick();
    return rc;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *some, pthread_mutex_t *with,
                                  const struct timespec *deadline)
{
    (void)deadline;
    lock();
    machine.writers = some;
    machine.writers_lock = with;
    set_resting(true, true);
    unlock();
    int rc = __real_pthread_cond_wait(some, with);
    return take_tick() ? ETIMEDOUT : rc;
}

/* With the machine locked. */
static void await_rest(void)
{
    while (!machine.resting)
        CF_ASSERT(__real_pthread_cond_wait(&machine.changed, &machine.lock) == 0);
}

void machine_settle(void)
{
    lock();
    await_rest();
    unlock();
}

bool machine_tick(void)
{
    lock();
    await_rest();
    bool timed = machine.timed;
    if (timed) {
        machine.monotonic_ms += TICK_MS;
        machine.tick = true;
    }
    pthread_cond_t *writers = machine.writers;
    pthread_mutex_t *writers_lock = machine.writers_lock;
    unlock();
    if (!timed)
        return false;
    /* Through its lock: it is inside its wait. */
    CF_ASSERT(pthread_mutex_lock(writers_lock) == 0);
    (void)pthread_cond_broadcast(writers);
    CF_ASSERT(pthread_mutex_unlock(writers_lock) == 0);
    lock();
    while (machine.tick)
        CF_ASSERT(__real_pthread_cond_wait(&machine.changed, &machine.lock) == 0);
    await_rest();
    unlock();
    return true;
}

/* ---- the negative control ---- */

/* The store hooks in after it has read back that its connection is synchronous=FULL. */
void *__wrap_sqlite3_wal_hook(sqlite3 *handle, int (*hook)(void *, sqlite3 *, const char *, int),
                              void *context)
{
    if (machine.weak)
        CF_ASSERT(sqlite3_exec(handle, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL) ==
                  SQLITE_OK);
    return __real_sqlite3_wal_hook(handle, hook, context);
}
