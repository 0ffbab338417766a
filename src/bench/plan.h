/* What is to be done: the options of `confab bench`. */
#ifndef CF_BENCH_PLAN_H
#define CF_BENCH_PLAN_H

#include <sys/socket.h>

#include "base/slice.h"
#include "bench/measure.h"

enum cf_bench_workload {
    CF_BENCH_FANOUT,
    CF_BENCH_IDLE,
    CF_BENCH_ACK,
    CF_BENCH_CONNECT,
    CF_BENCH_ECHO,
};

struct cf_bench_dialect;

struct cf_bench_plan {
    enum cf_bench_workload workload;
    const struct cf_bench_dialect *dialect;
    struct sockaddr_storage address;
    socklen_t address_len;
    const char *host, *authority; /* of the certificate, of the Host header */
    uint16_t port;
    bool tls, insecure;
    const char *ca; /* NULL: the system's */
    struct cf_slice secret;
    struct cf_bench_server server;
    unsigned threads;
    unsigned rooms;
    unsigned receivers; /* in all */
    unsigned senders;   /* clients that only send, number i in room i % rooms */
    unsigned in_flight; /* of a sender; of all where it is `pool` */
    bool pool;          /* senders take turns, in_flight of all together; without senders the
                           receivers are these */
    unsigned users;     /* a multiple of rooms; user i is in room i % rooms */
    unsigned spread;    /* source addresses; 0: the system chooses */
    unsigned size;      /* bytes of a text, before base64 where it is sealed */
    unsigned rate;      /* messages a second, over all senders; 0: as soon as one is answered */
    unsigned seconds, warm_up, hold;
    bool deliver;   /* idle: one message to all */
    bool deflate;   /* receivers ask for permessage-deflate */
    bool reconnect; /* who is ready goes and comes again */
};

/* What was asked for in numbers; 0: the default of the workload and dialect. */
struct cf_bench_wishes {
    unsigned threads, rooms;
    unsigned receivers;   /* of each room */
    unsigned publishers;  /* in all */
    unsigned in_flight;   /* of a publisher; in all for ack and connect */
    unsigned connections; /* idle, echo */
    unsigned users, spread;
    uint64_t descriptors; /* that the process may have */
};

/* Fills in the plan's numbers; workload, dialect, address, size, rate, deliver and tls are there.
 * CF_E_INVALID, and why, when they do not go together. */
enum cf_error cf_bench_plan_complete(struct cf_bench_plan *plan,
                                     const struct cf_bench_wishes *wishes,
                                     struct cf_bench_why *why);

/* Does the server listen on this machine? Known for loopback addresses. */
bool cf_bench_is_local(const struct cf_bench_plan *plan);

#endif
