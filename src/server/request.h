/* Reads a request's head into its exchange: where it goes, who asks, what its body is for, and
 * whether it is refused before anything is done. */
#ifndef CF_SERVER_REQUEST_H
#define CF_SERVER_REQUEST_H

#include "server/exchange.h"

enum {
    CF_REQUEST_BODY_MAX = 64 * 1024,
    CF_UPLOAD_BODY_MAX = 10 * 1024 * 1024 + 128 * 1024, /* the image, the fields, the delimiters */
};

/* A refusal is no error: it is in exchange->refusal. CF_E_NOMEM. */
enum cf_error cf_request_read(struct cf_exchange *exchange, const struct cf_http_head *head);

#endif
