/* REST requests about conversations: from the exchange to the store and back. */
#ifndef CF_SERVER_TALK_REST_H
#define CF_SERVER_TALK_REST_H

#include "server/exchange.h"

/* The request is whole. */
void cf_talk_rest_end(struct cf_exchange *exchange);
/* A job of the worker. */
void cf_talk_rest_done(struct cf_worker *worker, struct cf_session *session,
                       struct cf_store_request *request);

#endif
