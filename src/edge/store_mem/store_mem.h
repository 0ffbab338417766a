/* The store in memory: for unit tests, the simulator, and as the plainest statement of what a store
 * does. Nothing happens by itself: submit queues, cf_store_mem_step executes and hands over, in one
 * thread. */
#ifndef CF_EDGE_STORE_MEM_H
#define CF_EDGE_STORE_MEM_H

#include "port/store.h"

/* NULL without memory. The sink is borrowed. */
struct cf_store *cf_store_mem_open(const struct cf_store_sink *sink, const uint8_t hash_key[16]);
/* Executes everything queued, in order, all of it one commit. */
void cf_store_mem_step(struct cf_store *store);
/* From now on every write fails as a failed commit does (true), or no longer (false). */
void cf_store_mem_fail_writes(struct cf_store *store, bool fail);
/* A new process finds what is stored, and works out the rest of it again. */
void cf_store_mem_reopened(struct cf_store *store);

#endif
