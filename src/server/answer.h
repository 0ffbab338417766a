/* Writes responses: status line, the headers that every answer has, the body. */
#ifndef CF_SERVER_ANSWER_H
#define CF_SERVER_ANSWER_H

#include "dialect/rest/problem.h"
#include "server/session.h"

struct cf_exchange;

struct cf_answer {
    unsigned status;  /* a problem's own when there is one */
    const char *type; /* NULL with a body: JSON */
    struct cf_slice body;
    const struct cf_problem *problem; /* NULL: none; else it is the body */
    const char *allow;                /* NULL: no Allow */
    struct cf_slice extra;            /* whole header lines, or empty */
    uint64_t length;                  /* of a body that follows in pieces; body is then empty */
    bool in_pieces;
    bool close;
    /* of the request */
    bool head_only;
    bool http_1_0_keep_alive;
    struct cf_slice origin; /* to allow (CORS); ptr == NULL: none */
};

/* Takes over what the request says about its answer. NULL is allowed. */
void cf_answer_exchange(struct cf_answer *answer, const struct cf_exchange *exchange);
/* Queues the 101 of a WebSocket handshake; `protocol` and `extensions` may be empty. CF_E_NOMEM,
 * CF_E_TOO_LARGE. */
enum cf_error cf_answer_switch(const struct cf_exchange *exchange, struct cf_slice protocol,
                               struct cf_slice extensions);
/* Queues it. Without memory the connection is dropped. */
void cf_answer_send(struct cf_session *session, const struct cf_answer *answer);

#endif
