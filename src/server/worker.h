/* One worker: a loop on a thread of its own with its listeners, sessions and rooms. It shares
 * nothing with the others but what struct cf_server says; they talk through mailboxes. */
#ifndef CF_SERVER_WORKER_H
#define CF_SERVER_WORKER_H

#include "chat/hub.h"
#include "edge/uv/listener.h"
#include "edge/uv/mailbox.h"
#include "server/mail.h"
#include "server/metrics.h"
#include "server/server.h"
#include "server/slots.h"

struct cf_session;

/* What becomes of a finished store request: its owner points here. `session` is NULL when it is
 * gone. The callee owns the request. */
struct cf_job {
    struct cf_worker *worker;
    void (*done)(struct cf_worker *worker, struct cf_session *session,
                 struct cf_store_request *request);
};

enum { CF_SIGHTINGS = 8192 };

/* A user whose row is known to be fresh: hashes of the id and of the name. */
struct cf_sighting {
    uint32_t user, name;
};

enum cf_order {
    CF_ORDER_DRAIN = 1, /* stop accepting, say goodbye, finish */
    CF_ORDER_CUT = 2,   /* the time for that is over */
};

struct cf_worker {
    struct cf_server *server;
    unsigned index;
    pthread_t thread;
    bool started; /* there is such a thread, to be joined */
    struct cf_loop *loop;
    struct cf_mailbox mailbox;
    struct cf_mailbox returns; /* cf_worker_return: requests, by their own links */
    atomic_bool events_lost;
    atomic_uint orders; /* enum cf_order, or-ed */
    struct cf_listener *listeners[CF_LISTEN_MAX];
    size_t listeners_count;
    struct cf_slots slots; /* sessions by ticket */
    size_t sessions_count;
    struct cf_slots socket_slots; /* Socket.IO sockets by ticket, */
    struct cf_map lives;          /* and by pid, lost ones too: struct cf_life */
    struct cf_list unsettled;     /* sockets */
    struct cf_list strangers;     /* sockets that nobody has connected by: stranger.h */
    size_t strangers_count;
    cf_ms strangers_told;       /* the log is told of a crowd again from then on */
    struct cf_loop_timer sweep; /* the first worker's: sockets of earlier processes are forgotten */
    struct cf_list lost;        /* struct cf_lost */
    struct cf_uuid run;         /* the conversation, or group, whose events the hub is collecting */
    int64_t number_taken;       /* of the last event of a conversation that came */
    int64_t stamp_taken;        /* of the last event of a group that came, */
    int64_t stamp_told;  /* and of the last that is in the queues: a cursor for all its clients */
    size_t jobs_running; /* store requests that have not come back */
    size_t works;        /* uploads, and what else works on files, that have not ended */
    struct cf_loop_timer media_sweep; /* the first worker's: sweep.h */
    bool draining;
    struct cf_hub hub;
    struct cf_metrics metrics;
    struct cf_ws_deflater *deflater; /* NULL: compression is off */
    struct cf_ws_inflater *inflater;
    struct cf_list submits; /* store requests of this turn */
    struct cf_buf frames;   /* what a room's turn is encoded into */
    struct cf_buf deflated; /* one event, compressed */
    struct cf_buf scratch;  /* one event, one answer */
    struct cf_sighting sightings[CF_SIGHTINGS];
    struct cf_buf actions; /* what a socket's session wants sent */
    struct cf_buf decoded; /* a binary packet of a POST */
    struct cf_buf packet;  /* a Socket.IO packet on its way out */
    struct cf_job rest_job, upgrade_job, sight_job, ready_job, talk_rest_job, group_rest_job,
        noted_job;
};

/* CF_E_NOMEM, CF_E_IO. */
enum cf_error cf_worker_new(struct cf_server *server, unsigned index,
                            struct cf_worker **out_worker);
/* After its thread has ended. */
void cf_worker_free(struct cf_worker *worker);
/* Takes over a listening socket; before the thread starts. CF_E_IO, CF_E_NOMEM. */
enum cf_error cf_worker_listen(struct cf_worker *worker, int fd);
/* Starts the thread. CF_E_IO. */
enum cf_error cf_worker_start(struct cf_worker *worker);
/* From any thread. */
void cf_worker_post(struct cf_worker *worker, struct cf_mail *mail);
/* The same of finished store requests (NULL: none), when there is no memory for a mail. `lost`:
 * there were events, too, which cannot be told: everybody here must come again and fetch. */
void cf_worker_return(struct cf_worker *worker, struct cf_list *requests, bool lost);
/* From any thread, and without memory. */
void cf_worker_order(struct cf_worker *worker, enum cf_order order);

/* For sessions, on the worker's thread. */

/* Queues a store request for the end of the turn; `job` is told when it is done. */
void cf_worker_submit(struct cf_worker *worker, struct cf_job *job, uint64_t ticket,
                      struct cf_store_request *request);
/* Stores or refreshes the asker's row unless that was done lately. */
void cf_worker_sight(struct cf_worker *worker, const struct cf_identity *identity);
struct cf_now cf_worker_now(const struct cf_worker *worker);
/* When the wall clock will have come to `at`, as far as one can say now. */
cf_ms cf_worker_when(const struct cf_worker *worker, cf_us at);
/* A socket ended; the same. */
void cf_worker_socket_gone(struct cf_worker *worker);
/* One of `works` has ended; the same. */
void cf_worker_work_done(struct cf_worker *worker);
/* A session ended; while draining the last one lets the loop go. */
void cf_worker_session_gone(struct cf_worker *worker);

#endif
