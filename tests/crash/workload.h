/* What the store is asked: batch `number` of a workload, always the same requests from the same
 * seed. So a batch given again is a retry of all of it, with the same ids and client ids.
 *
 * Few users, rooms, conversations and client ids, so that every rule is met often, refusals
 * included; each new message has a text of its own, by which it is recognised. Times of a batch are
 * later than those of the batches with smaller numbers. */
#ifndef CF_TESTS_CRASH_WORKLOAD_H
#define CF_TESTS_CRASH_WORKLOAD_H

#include "port/store.h"

enum { WORKLOAD_BATCH_MAX = 12 };

struct workload {
    uint64_t seed;
    bool large; /* texts that fill the WAL until it is checkpointed while in use */
};

/* Appends the requests of the batch. The first, number 0, makes what the others need. */
void workload_batch(const struct workload *workload, uint64_t number, struct cf_list *requests);
/* Appends the reads that together show all of the store. */
void workload_reads(struct cf_list *requests);

#endif
