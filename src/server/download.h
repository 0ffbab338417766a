/* An image on its way to a client: read in pieces by the thread pool, the next piece when the one
 * before is on its way. */
#ifndef CF_SERVER_DOWNLOAD_H
#define CF_SERVER_DOWNLOAD_H

#include "server/exchange.h"

/* The store has found the message: opens its image and answers. */
void cf_download_begin(struct cf_exchange *exchange, const struct cf_store_request *request);
/* The connection's queue has drained. */
void cf_download_drained(struct cf_download *download);
/* NULL is allowed. */
void cf_download_free(struct cf_download *download);

#endif
