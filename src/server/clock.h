/* The wall clock, for those who have no turn of a loop whose time they could use. */
#ifndef CF_SERVER_CLOCK_H
#define CF_SERVER_CLOCK_H

#include <time.h>

#include "base/time.h"

static inline cf_us cf_wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (cf_us)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
