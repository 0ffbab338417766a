/* A run: rooms and people are made in fair weather; then a storm, in which they talk while the
 * network, the disk and the server fail; then calm, until everybody says that they are up to date;
 * then the checks. Each dialect brings its own clients. */
#ifndef CF_SIM_WORLD_H
#define CF_SIM_WORLD_H

#include "sim/book.h"

enum sim_phase { SIM_SETUP, SIM_STORM, SIM_CALM };
extern enum sim_phase phase;

struct sim_dialect {
    const char *name;
    /* Makes the clients and begins to make their room. */
    void (*begin)(void);
    /* The room is there, with everybody in it. */
    bool (*is_set_up)(void);
    /* The storm begins, or the calm: clients begin to talk, or stop and come to rest. */
    void (*phase_changed)(void);
    /* Calm only: what was said is acknowledged, and everybody has fetched all. */
    bool (*is_at_rest)(void);
    /* At rest: the views and whatever else must be true. */
    void (*check)(void);
    /* Clients go, without a word; memory is given back. */
    void (*end)(void);
};
extern const struct sim_dialect sim_shop, sim_talk, sim_orbital;

/* How a client that has lost its connection waits: 0.5 s doubled up to 30 s, 20 % up or down. */
int64_t sim_backoff(unsigned attempt);

struct sim_result {
    const char *failed; /* the property; NULL: all held */
    char why[512];
    uint64_t events, hash;
    int64_t virtual_us;
    int said, acknowledged;
};
/* `events_max` 0: no limit; else the run is over, unchecked at its end, after so many events. */
void sim_world_run(uint64_t seed, bool tracing, uint64_t events_max, struct sim_result *out_result);

#endif
