/* A disk that fails at the k-th call, for every k. */
#ifndef CF_TESTS_CRASH_FAULTS_H
#define CF_TESTS_CRASH_FAULTS_H

#include "crash/check.h"

enum faults_kind {
    FAULTS_SYNC,      /* fsync answers EIO, once */
    FAULTS_WRITE,     /* a write answers EIO, once */
    FAULTS_DISK_FULL, /* writes answer ENOSPC until there is room */
    FAULTS_QUOTA,     /* writes answer EDQUOT until there is room */
};

enum { FAULTS_IMAGES_MAX = 5 };

/* The k-th call since the store began to open, and so many disks as found afterwards. False when
 * something was not as promised, told on stderr. */
bool faults_run(enum faults_kind kind, uint64_t k, uint64_t seed, unsigned images,
                struct tally *tally);

/* The same of the making of a database, from nothing. *out_fired: it makes as many calls. */
bool faults_run_making(enum faults_kind kind, uint64_t k, uint64_t seed, unsigned images,
                       struct tally *tally, bool *out_fired);

#endif
