/* A disk that is slower than this one: loaded with LD_PRELOAD, it makes each fsync and fdatasync of
 * a program take SLOW_SYNC_MS milliseconds more. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef int sync_call(int fd);

static void wait_more(void)
{
    const char *text = getenv("SLOW_SYNC_MS");
    long ms = text == NULL ? 0 : strtol(text, NULL, 10);
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    int before = errno;
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
    errno = before;
}

/* The C library's own, which ours hides. POSIX has it that a void pointer may hold a function. */
static int sync_then_wait(const char *name, int fd)
{
    sync_call *real;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    int result = real(fd);
    wait_more();
    return result;
}

int fsync(int fd)
{
    return sync_then_wait("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_then_wait("fdatasync", fd);
}
