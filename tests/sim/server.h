/* The real server: its workers, over the simulated network, and a store whose disk outlives it. */
#ifndef CF_SIM_SERVER_H
#define CF_SIM_SERVER_H

#include "sim/sim.h"

/* What the disk and the process do wrong; all 0: nothing. */
struct sim_trouble {
    int64_t commit_min, commit_max; /* how long a commit takes */
    unsigned slow;                  /* of a thousand commits: seconds */
    unsigned fail;                  /* of a thousand commits: the outcome is unknown */
    unsigned full;                  /* of a thousand commits: refused, the disk is full a while */
    unsigned hold;                  /* of a thousand commits: a worker is held up */
};
extern struct sim_trouble trouble;

/* A disk with nothing on it, and a server on it. */
void sim_server_begin(unsigned workers);
/* Kills the process, or has it told to stop, with so long for its goodbyes. Nothing of what was not
 * committed survives; a commit that was under way may. */
void sim_server_kill(void);
void sim_server_stop(int64_t wait);
bool sim_server_is_up(void);
/* A new process on the same disk, once the old one has ended. True: there is one. */
bool sim_server_start_if_ended(void);
/* The kernel hands a connection to a worker. False: nobody listens. */
bool sim_server_accept(int fd);
/* What comes after every step: the loops run; a server that is told to stop ends when it is done.
 */
void sim_server_run(void);
/* Gives everything back. */
void sim_server_end(void);

/* A token of the user's, HS256, good for `ttl_s` seconds of the server's wall clock; static text
 * until the next call. */
struct cf_slice sim_server_token(const char *user, int64_t ttl_s);
/* The process, to be looked into; NULL: there is none. */
const struct cf_server *sim_server_get(void);
/* The store, to be read when nothing goes on any more. */
struct cf_store *sim_server_store(void);

#endif
