/* An image upload: multipart body to a temporary file as it comes, then one store request. */
#ifndef CF_SERVER_UPLOAD_H
#define CF_SERVER_UPLOAD_H

#include "server/exchange.h"

/* Reads the Content-Type; a refusal goes to exchange->refusal. CF_E_NOMEM. */
enum cf_error cf_upload_begin(struct cf_exchange *exchange, struct cf_slice content_type);
/* More of the body. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_upload_body(struct cf_exchange *exchange, struct cf_slice bytes);
/* The body is over: answers when everything is stored. */
void cf_upload_end(struct cf_exchange *exchange);
/* NULL is allowed; an unfinished file goes. */
void cf_upload_free(struct cf_upload *upload);
/* Removes the files that a finished request left without a message: a deleted message's, a replaced
 * image, the upload of a request that failed or was a retry. */
void cf_upload_clean(struct cf_worker *worker, const struct cf_store_request *request);

#endif
