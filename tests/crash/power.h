/* Power loss: workloads on the real store, and the disks that are found after crashes in them. */
#ifndef CF_TESTS_CRASH_POWER_H
#define CF_TESTS_CRASH_POWER_H

#include "crash/check.h"

enum power_weakness {
    POWER_AS_SHIPPED, /* synchronous=FULL, a disk that does what it is told */
    POWER_NORMAL,     /* synchronous=NORMAL behind the store's back */
    POWER_LYING_DISK, /* syncs of the WAL do nothing */
};

/* Adds to the tally until it has `images` more. The same seed gives the same images. */
void power_run(enum power_weakness weakness, uint64_t seed, uint64_t images, struct tally *tally);

#endif
