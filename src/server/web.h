/* The HTTP half of a session: requests in order, one being answered at a time, with the deadlines
 * that keep slow and silent peers from holding on to anything (hazard V12). */
#ifndef CF_SERVER_WEB_H
#define CF_SERVER_WEB_H

#include "server/session.h"
#include "wire/http/decoder.h"

struct cf_exchange;
struct cf_bearer;

enum cf_web_phase {
    CF_WEB_IDLE,    /* between requests */
    CF_WEB_HEAD,    /* a request's head is coming */
    CF_WEB_BODY,    /* its body is coming */
    CF_WEB_ANSWER,  /* it is being answered */
    CF_WEB_HELD,    /* between requests, until enough of the answers has been written */
    CF_WEB_CLOSING, /* the last answer is on its way; input is dropped */
};

struct cf_web {
    struct cf_session *session;
    struct cf_http_decoder decoder;
    struct cf_buf backlog; /* input that came while a request was being answered */
    struct cf_exchange *exchange;
    struct cf_bearer *bearer; /* of the last request; NULL: none */
    enum cf_web_phase phase;
    bool served;   /* a request has been answered on this connection */
    bool decoding; /* decode() is on the stack */
    cf_ms body_started;
    uint64_t body_bytes;
};

/* NULL without memory. */
struct cf_web *cf_web_new(struct cf_session *session);
/* The connection has started: the first deadline. */
void cf_web_begin(struct cf_web *web);
/* NULL is allowed. */
void cf_web_free(struct cf_web *web);
void cf_web_read(struct cf_web *web, struct cf_slice bytes);
void cf_web_drained(struct cf_web *web);
void cf_web_timer(struct cf_web *web);
void cf_web_drain(struct cf_web *web);
/* The exchange has been answered and is freed; `close` ends the connection once that is written.
 * The next pipelined request, if there is one, is taken up at once. */
void cf_web_answered(struct cf_web *web, bool close);
/* Has the exchange that is being answered go on when everything else of this turn is done. */
void cf_web_next_turn(struct cf_web *web);
/* The exchange became a stream: what the peer has sent already is left in *out_rest (to be
 * deinited), and this half frees itself. */
void cf_web_leave(struct cf_web *web, struct cf_buf *out_rest);

#endif
