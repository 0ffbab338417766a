/* Encrypted media that nobody may read any more are looked for again and again, from the start on:
 * the store declares them dead, their files go, then the store forgets them. A crash in between is
 * gone over by the next round. The first worker's affair. */
#ifndef CF_SERVER_SWEEP_H
#define CF_SERVER_SWEEP_H

#include "server/worker.h"

/* Starts it. */
void cf_sweep_begin(struct cf_worker *worker);
/* The server is stopping: no new round. */
void cf_sweep_stop(struct cf_worker *worker);

#endif
