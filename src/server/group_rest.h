/* Requests about encrypted groups, but for uploads: see blob.h. */
#ifndef CF_SERVER_GROUP_REST_H
#define CF_SERVER_GROUP_REST_H

#include "server/exchange.h"

/* The request is complete: asks the store. */
void cf_group_rest_end(struct cf_exchange *exchange);
/* A job of the worker: answers. */
void cf_group_rest_done(struct cf_worker *worker, struct cf_session *session,
                        struct cf_store_request *request);

#endif
