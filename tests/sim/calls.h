/* What the real edge/uv stands on: libuv and the system calls, over sim/net.h and the virtual
 * clock. The functions have libuv's own names, and those of the linker's --wrap. */
#ifndef CF_SIM_CALLS_H
#define CF_SIM_CALLS_H

#include <stdbool.h>

/* Runs what is due on every loop that is not held up, until none has anything to do; asks to be
 * called again for the timers. */
void sim_loops_run(void);
/* The loop that was opened as the `index`-th of those that are open does nothing for so long. */
void sim_loop_hold(unsigned index, long long microseconds);
unsigned sim_loops_count(void);

#endif
