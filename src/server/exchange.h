/* One HTTP request and its answer: routing, identity, the body, the store request. */
#ifndef CF_SERVER_EXCHANGE_H
#define CF_SERVER_EXCHANGE_H

#include "dialect/rest/match.h"
#include "dialect/shop/rest.h"
#include "server/answer.h"
#include "server/web.h"
#include "wire/http/target.h"

struct cf_upload;
struct cf_blob;
struct cf_poll;
struct cf_download;

enum cf_route {
    CF_ROUTE_NONE,
    CF_ROUTE_HEALTHZ,
    CF_ROUTE_READYZ,
    CF_ROUTE_METRICS,
    CF_ROUTE_STREAM_HEALTH,
    CF_ROUTE_SHOP,
    CF_ROUTE_TALK,   /* REST about conversations */
    CF_ROUTE_SOCKET, /* Socket.IO */
    CF_ROUTE_ORBIT,  /* Orbital's stream */
    CF_ROUTE_GROUP,  /* REST about encrypted groups */
};

enum cf_body_plan { CF_BODY_DROP, CF_BODY_KEEP, CF_BODY_UPLOAD, CF_BODY_BLOB };

struct cf_exchange {
    struct cf_web *web;
    struct cf_arena arena; /* copies of what the head said */
    struct cf_http_target target;
    enum cf_http_method method;
    bool keep_alive, http_1_0;
    bool expects_continue;  /* BLOB: it is told to when the upload is open */
    struct cf_slice bearer; /* SOCKET: the token as it came, while the head is read */
    struct cf_slice origin; /* the header's, when it is allowed */
    bool origin_refused;
    enum cf_route route;
    struct cf_shop_match match;      /* SHOP; its `allow` is every route's */
    struct cf_rest_match rest_match; /* TALK, GROUP */
    struct cf_slice idempotency_key;
    struct cf_slice range, if_range, if_none_match; /* of a download */
    struct cf_slice extra;                          /* header lines that every answer to it has */
    struct cf_address client;                       /* ORBIT: who asks, behind proxies of ours */
    struct cf_slice ws_protocols, ws_extensions, ws_accept_key; /* of an upgrade */
    enum cf_error ws_offer;                                     /* how the handshake looks */
    enum cf_error auth;                                         /* CF_OK: identity is who asks */
    struct cf_identity identity;
    enum cf_body_plan plan;
    struct cf_buf body;
    struct cf_problem refusal; /* status 0: none; answered when the body is over */
    struct cf_upload *upload;
    struct cf_blob *blob;
    struct cf_download *download;
    struct cf_poll *poll;     /* SOCKET */
    struct cf_stream *stream; /* an upgrade that waits for the membership */
};

/* A head has come: sets web->exchange and decides what becomes of the request. Errors end the
 * connection. */
enum cf_error cf_exchange_begin(struct cf_web *web, const struct cf_http_head *head);
enum cf_error cf_exchange_body(struct cf_exchange *exchange, struct cf_slice bytes);
/* The request is complete: carries it out. */
void cf_exchange_end(struct cf_exchange *exchange);
/* The connection's queue has drained, or the next turn has come. */
void cf_exchange_go_on(struct cf_exchange *exchange);
/* NULL is allowed. */
void cf_exchange_free(struct cf_exchange *exchange);

/* Tells a client that waits for it to send its body. */
void cf_exchange_continue(struct cf_exchange *exchange);

/* The exchange of a session that waits for its answer; NULL when its connection is gone. */
struct cf_exchange *cf_exchange_waiting(struct cf_session *session);
/* Answer and let go of the exchange. */
void cf_exchange_answer(struct cf_exchange *exchange, struct cf_answer *answer);
void cf_exchange_refuse(struct cf_exchange *exchange, const struct cf_problem *problem);
void cf_exchange_fail(struct cf_exchange *exchange, enum cf_error error);

/* Jobs of the worker: a REST operation, and readiness. */
void cf_exchange_store_done(struct cf_worker *worker, struct cf_session *session,
                            struct cf_store_request *request);
void cf_exchange_ready_done(struct cf_worker *worker, struct cf_session *session,
                            struct cf_store_request *request);

#endif
