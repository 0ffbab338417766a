/* Memory that runs out on demand. The programs of this folder are linked with --wrap=malloc (and
 * calloc, realloc, free), so that every allocation of ours is counted, and any of them can be told
 * to fail: the i-th alone ("once"), or it and all behind it ("from there on"). Libraries with
 * allocators of their own are brought in by fault_zlib.c, or by what a test gives them (fault_alloc
 * and its like).
 *
 *     fault_begin(0, false); scenario(); n = fault_end();
 *     for (i = 1; i <= n; i++) { fault_begin(i, false); scenario(); fault_end(); }
 *
 * With CONFAB_OOM_STACK in the environment a build with sanitizers prints where each one failed.
 */
#ifndef CF_OOM_FAULT_H
#define CF_OOM_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* From now on allocations are counted, and the `at`-th fails (0: none), and, if `forever`, all
 * behind it. */
void fault_begin(long at, bool forever);
/* No more failures; returns the allocations since fault_begin. */
long fault_end(void);
/* Memory is back: nothing fails any more, while counting goes on. */
void fault_heal(void);
/* What happens in between is neither counted nor fails. They nest. */
void fault_pause(void);
void fault_resume(void);
/* Allocations that failed since fault_begin. */
long fault_failed(void);
/* Blocks of ours that are not given back. */
long fault_live(void);

/* For libraries that take an allocator: they fail like ours, and are not counted as live. */
void *fault_alloc(size_t bytes);
void *fault_realloc(void *block, size_t bytes);
void fault_free(void *block);

#endif
