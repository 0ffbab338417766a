/* What simulated clients speak with: a request a connection, and WebSockets, both over sim/net.h
 * and the real wire code in its client role. */
#ifndef CF_SIM_WIRE_H
#define CF_SIM_WIRE_H

#include "sim/net.h"
#include "wire/http/decoder.h"
#include "wire/ws/endpoint.h"

/* One request and what became of it. Embedded; idle between `done` and the next sim_http_send. */
struct sim_http {
    void (*done)(struct sim_http *http); /* look at status and body */
    unsigned status;                     /* 0: nothing came back, in time or at all */
    struct cf_buf body;
    unsigned retry_after_s; /* of the answer, 0: none */
    bool busy;
    const char *type; /* Content-Type of what is sent; NULL: JSON */
    struct sim_link *link;
    struct cf_buf request;
    struct cf_http_decoder decoder;
    struct sim_event timeout;
};

void sim_http_init(struct sim_http *http, void (*done)(struct sim_http *http));
/* Idle. `body` ptr == NULL: none. `user` may be empty: no token. `key`: Idempotency-Key, or empty.
 */
void sim_http_send(struct sim_http *http, const char *method, const char *target, const char *user,
                   const char *key, struct cf_slice body);
/* Gives up, without `done`. */
void sim_http_cancel(struct sim_http *http);
void sim_http_deinit(struct sim_http *http);

/* One WebSocket, from the connect to its end; then it may connect again. */
struct sim_ws {
    void (*opened)(struct sim_ws *ws);
    void (*text)(struct sim_ws *ws, struct cf_slice text);
    /* `status`: of a refused upgrade, 0: none. `code`: of the close, 1006 without one. */
    void (*closed)(struct sim_ws *ws, unsigned status, unsigned code);
    bool connecting, open;
    struct sim_link *link;
    struct cf_buf request;
    struct cf_http_decoder decoder;
    struct cf_ws_config config;
    struct cf_ws_endpoint endpoint;
    struct sim_event timer;
    int64_t silence_max; /* nothing heard for so long: the client takes it for dead; 0: never */
    int64_t deadline;    /* of the connecting, then of the silence */
};

void sim_ws_init(struct sim_ws *ws);
/* `protocol`: Sec-WebSocket-Protocol, or NULL. */
void sim_ws_connect(struct sim_ws *ws, const char *target, const char *user, const char *protocol);
void sim_ws_send(struct sim_ws *ws, struct cf_slice text);
/* Goes away without `closed`: with a close frame and a FIN, or, not `politely`, by vanishing. */
void sim_ws_leave(struct sim_ws *ws, bool politely);

#endif
