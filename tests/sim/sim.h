/* The simulator: one thread, one virtual clock, one seed for everything. Whatever happens, happens
 * as an event at a virtual time; two events of one time happen in the order in which they were
 * asked for. The same seed gives the same events, and so the same trace. */
#ifndef CF_SIM_SIM_H
#define CF_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"
#include "base/time.h"

enum { SIM_MS = 1000, SIM_SECOND = 1000 * 1000 }; /* in microseconds, the unit of virtual time */

struct sim_event {
    int64_t at;
    uint64_t order;
    void (*happen)(struct sim_event *event);
    size_t place; /* in the heap, from 1; 0: it is not waited for */
};

struct sim {
    int64_t now; /* virtual microseconds since the beginning of the run */
    uint64_t random;
    uint64_t order;
    struct sim_event **heap; /* from 1 */
    size_t count, cap;
    uint64_t events;     /* that have happened */
    uint64_t hash;       /* of the trace */
    bool tracing;        /* print it */
    int64_t wall_offset; /* the server's wall clock: now + this */
};

/* The run that is going on. */
extern struct sim sim;

void sim_begin(uint64_t seed, bool tracing);
void sim_end(void);

/* Asks for an event `delay` microseconds from now; one that is waited for is moved. */
void sim_at(struct sim_event *event, int64_t delay);
void sim_cancel(struct sim_event *event);
/* Lets the next event happen. False: there is none at or before `until`; the time is `until` then.
 */
bool sim_step(int64_t until);

uint64_t sim_random(void);
/* From `low` to `high`, both included. */
int64_t sim_between(int64_t low, int64_t high);
/* True `of_thousand` times out of a thousand. */
bool sim_chance(unsigned of_thousand);

/* A line of the trace: hashed always, printed when asked for. */
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Hashed alone: what the server sends. A byte that was never written makes the hash of two runs
 * differ, or valgrind speak up where they are compared (hazard V28). */
void sim_note(const void *bytes, size_t len);

#define SIM_OF_EVENT(event, type, member) CF_CONTAINER_OF(event, type, member)

#endif
