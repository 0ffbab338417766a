/* The whole server: what its workers share, and its life from start to stop. */
#ifndef CF_SERVER_SERVER_H
#define CF_SERVER_SERVER_H

#include <pthread.h>

#include "auth/attempts.h"
#include "auth/jwt.h"
#include "auth/origin.h"
#include "chat/directory.h"
#include "chat/event.h"
#include "chat/rate.h"
#include "dialect/eio/session.h"
#include "dialect/sio/session.h"
#include "edge/media/media.h"
#include "edge/tls/tls.h"
#include "edge/uv/conn.h"
#include "port/entropy.h"
#include "port/store.h"
#include "server/config.h"
#include "server/proxies.h"
#include "wire/ws/endpoint.h"

struct cf_worker;

enum { CF_LISTEN_MAX = 16 };

struct cf_server {
    /* set before the workers start, not changed after */
    const struct cf_config *config;
    uint8_t hash_key[16];
    struct cf_entropy entropy;
    struct cf_jwt_verifier *verifier;
    struct cf_origin_list origins;
    struct cf_proxies proxies;
    struct cf_media media; /* images of shops */
    struct cf_media blobs; /* encrypted media */
    struct cf_store *store;
    struct cf_conn_config conn_config;
    struct cf_ws_config ws_config;
    struct cf_ws_config sio_ws_config;
    struct cf_eio_config eio_config;
    struct cf_sio_config sio_config;
    struct cf_ws_config orbital_ws_config;
    struct cf_worker **workers;
    size_t workers_count;
    cf_us started;

    /* who is connected, over all workers: one lock, taken when somebody comes or goes */
    pthread_mutex_t people_lock;
    struct cf_directory *directory;
    struct cf_attempts *attempts;
    struct cf_attempts *address_attempts; /* NULL: no limit */
    struct cf_directory *talk_people;
    struct cf_rates *talk_rates;
    struct cf_map holds;     /* holds.h: uploads that are being written */
    struct cf_map newcomers; /* newcomers.h: sockets that the store does not know yet, by pid; */
    struct cf_list newcomers_lost; /* those of them that are lost, */
    size_t newcomers_lost_count;

    /* replaced on SIGHUP */
    pthread_mutex_t tls_lock;
    struct cf_tls_context *tls;

    /* the life of the process */
    struct cf_loop *control; /* the main thread's: signals, start and stop */
    atomic_uint workers_running;
    atomic_bool store_failed; /* the process is to end with an error */
};

/* Runs a server until a signal or a fatal error ends it; returns the process's exit code. Every
 * error on the way is one line on standard error. */
int cf_server_run(const struct cf_config *config);

/* For workers, from any thread. */

/* What the store's sink does, on the store's thread: a commit, or a run of reads, is handed over.
 * Its events go to every worker, its requests back to their own, in one mail each. `context`: the
 * server. */
void cf_server_store_done(void *context, struct cf_list *requests);
/* Tells every worker's streams; takes the event's reference over. */
void cf_server_publish(struct cf_server *server, struct cf_event *event);
/* Asks the streams at these places for a sign of life; those that give none in time are dropped. */
void cf_server_probe(struct cf_server *server, const struct cf_seat_place *places, size_t count);
/* A worker's thread is about to end. */
void cf_server_worker_ended(struct cf_server *server);
/* A reference to the TLS settings in force; NULL: plain. */
struct cf_tls_context *cf_server_tls(struct cf_server *server);

#endif
