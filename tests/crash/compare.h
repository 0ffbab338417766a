/* What a store shows that is not what its history says: how much of it is lost, twice there, or
 * there without ever having been promised. */
#ifndef CF_TESTS_CRASH_COMPARE_H
#define CF_TESTS_CRASH_COMPARE_H

#include "crash/check.h"

struct difference {
    size_t lost;    /* acknowledged requests, if only the newest are missing; else things */
    size_t doubled; /* things */
    size_t extra;   /* things */
    char example[200];
};

/* `shown` is what the store showed after the first `steps` steps of the history. */
void compare_with_history(const struct workload *workload, const struct history *history,
                          size_t steps, const struct text *shown,
                          struct difference *out_difference);

#endif
