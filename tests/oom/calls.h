/* System calls, and libuv's, that fail on demand: the k-th of them, whichever it is, does what the
 * mode says. The programs that use it are linked with --wrap for each of the calls of calls.c. */
#ifndef CF_OOM_CALLS_H
#define CF_OOM_CALLS_H

#include <stdbool.h>

enum calls_mode {
    CALLS_WELL,
    CALLS_INTERRUPTED, /* EINTR, of those that move bytes or accept */
    CALLS_BUSY,        /* EAGAIN, of the same */
    CALLS_SHORT,       /* one byte is moved */
    CALLS_RESET,       /* ECONNRESET of those that move bytes */
    CALLS_NO_MEMORY,   /* ENOMEM of any */
    CALLS_NO_FDS,      /* EMFILE of those that make a descriptor */
};

/* The `at`-th call from now on that the mode concerns, and every `again`-th behind it (0: none). */
void calls_begin(enum calls_mode mode, long at, long again);
/* No more faults; returns how many calls the mode concerned. */
long calls_end(void);
long calls_failed(void);

#endif
