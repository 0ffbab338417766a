/* A thread with its own epoll and its share of the clients; what it counts is its own until it has
 * ended. */
#ifndef CF_BENCH_WORKER_H
#define CF_BENCH_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "bench/client.h"
#include "bench/histogram.h"
#include "bench/plan.h"
#include "bench/setup.h"
#include "wire/ws/deflate.h"

struct ssl_ctx_st;

enum {
    CF_BENCH_READ_MAX = 256 * 1024,
    CF_BENCH_FRAME_MAX = 1 << 20,
};

/* The whole run goes from one to the next. */
enum cf_bench_phase {
    CF_BENCH_OPENING,  /* receivers connect */
    CF_BENCH_STAFFING, /* senders connect */
    CF_BENCH_RUNNING,  /* senders send */
    CF_BENCH_DRAINING, /* what was sent is still answered and delivered */
    CF_BENCH_ENDING,
};

struct cf_bench_counts {
    uint64_t sent, answered, deliveries, connects;
    uint64_t wire_bytes, text_bytes; /* that receivers read; of messages, inflated */
};

/* What all workers share. Once they run the phase changes, and what it brings with it: the times
 * and `once` are written before it is RUNNING, and read only then. */
struct cf_bench_shared {
    const struct cf_bench_plan *plan;
    const struct cf_bench_setup *setup;
    struct ssl_ctx_st *tls;
    unsigned receivers, senders;                             /* clients of each kind */
    const struct cf_bench_role *receiver_role, *sender_role; /* of each */
    unsigned talkers;               /* clients that send: senders, or receivers that do */
    const unsigned *room_receivers; /* in each room */
    uint64_t begin_ns;              /* the first message is due */
    uint64_t from_ns, until_ns;     /* what is sent in between is measured */
    bool once;                      /* each sender sends one message */
    unsigned first_source;          /* of --spread, in 127.0.0.0/8 */
    _Atomic int phase;              /* enum cf_bench_phase */
};

/* What others may look at while it runs. */
struct cf_bench_progress {
    _Atomic uint64_t ready, expected, deliveries, busy;
    _Atomic bool failed;
};

struct cf_bench_worker {
    struct cf_bench_shared *shared;
    unsigned index;
    pthread_t thread;
    int epoll;
    struct cf_bench_client *clients;
    unsigned count, receivers; /* clients; the first of them receive */
    unsigned next, opening;    /* the next to be opened; on their way */
    uint64_t ready;            /* clients, so far */
    struct cf_list idle;       /* senders; the one that has been idle for longest first */
    struct cf_list gone;       /* clients that are to come again */
    uint64_t reopened;         /* that have */
    unsigned busy, busy_max;   /* messages that are not answered, and the limit of a pool */
    uint64_t turns_sent;       /* with a rate: how many were due */
    struct cf_bench_counts counts, at_from, at_until;
    uint64_t from_ns, until_ns; /* when these were taken; 0: not yet */
    uint64_t expected;          /* deliveries of what it has sent */
    uint64_t late;              /* messages that were due, and no sender was free */
    uint64_t cut;               /* receivers that the server closed */
    uint64_t unanswered;        /* messages of these */
    struct cf_bench_sequence sequence;
    struct cf_bench_log *logs; /* one a room */
    struct cf_bench_histogram answer_times, delivery_times, connect_times;
    struct cf_ws_inflater *inflater; /* with deflate */
    struct cf_buf inflated, scratch;
    uint8_t *buffer; /* of CF_BENCH_FRAME_MAX + CF_BENCH_READ_MAX */
    struct cf_bench_why why;
    struct cf_bench_progress progress;
};

/* CF_E_NOMEM, CF_E_IO with why. Deinit in any case. */
enum cf_error cf_bench_worker_init(struct cf_bench_worker *worker, struct cf_bench_shared *shared,
                                   unsigned index);
void cf_bench_worker_deinit(struct cf_bench_worker *worker);
/* The thread's function, until the phase is ENDING or something has failed. */
void *cf_bench_worker_run(void *worker);

/* ---- for clients and their roles ---- */

/* Ends the worker with this line. */
void cf_bench_stop(struct cf_bench_worker *worker, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Ends it since the server refused `what`. */
void cf_bench_stop_refused(struct cf_bench_worker *worker, const char *what,
                           const struct cf_bench_answer *answer);
enum cf_bench_phase cf_bench_phase(const struct cf_bench_worker *worker);
/* The token of its user, "" without accounts. */
const char *cf_bench_token(const struct cf_bench_client *client);
const char *cf_bench_room_id(const struct cf_bench_client *client);
/* All that is to come before messages has come. */
void cf_bench_ready(struct cf_bench_client *client);
/* It may send from now on. */
void cf_bench_sender_open(struct cf_bench_client *client);
/* Its oldest message that was not answered is. */
void cf_bench_answered(struct cf_bench_client *client, uint64_t sent_ns, uint64_t now_ns);
/* The payload is a message of its room. */
void cf_bench_deliver(struct cf_bench_client *client, struct cf_slice payload, uint64_t now_ns);
/* Where the head of its message's text stands. */
struct cf_slice cf_bench_message(const struct cf_bench_client *client);

#endif
