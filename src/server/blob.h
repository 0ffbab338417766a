/* An upload of encrypted media: in one go, or by the tus protocol (version 1.0.0: core, creation,
 * creation-with-upload), which can be gone on with after anything.
 *
 *     the store opens it (permission, quota) ─► its file is opened ─► bytes, as they come
 *       ─► not all are there: synced, answered
 *       ─► the last one is: synced and renamed ─► the store completes it, which announces it
 *          ─► answered
 *
 * A crash between any two of these leaves what a HEAD, or PATCH, goes on with. */
#ifndef CF_SERVER_BLOB_H
#define CF_SERVER_BLOB_H

#include "server/exchange.h"

struct cf_blob;

/* The head of a MEDIA_POST, UPLOAD_HEAD or UPLOAD_PATCH: a refusal goes to exchange->refusal; else
 * the store is asked. CF_E_NOMEM. */
enum cf_error cf_blob_begin(struct cf_exchange *exchange, const struct cf_http_head *head);
/* More of the body. CF_E_NOMEM. */
enum cf_error cf_blob_body(struct cf_exchange *exchange, struct cf_slice bytes);
/* The body is over. */
void cf_blob_end(struct cf_exchange *exchange);
/* The exchange is gone; the upload lets go when what it waits for has come. NULL is allowed. */
void cf_blob_leave(struct cf_blob *blob);
/* Does it have this upload, and wait for its peer's bytes? What does not will be over soon. */
bool cf_blob_waits(const struct cf_blob *blob, const struct cf_uuid *upload);
/* What OPTIONS says about tus: header lines. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_blob_options(const struct cf_exchange *exchange, struct cf_buf *out);
/* Removes the file of media that are dead in the store; the sweeper forgets them. */
void cf_blob_discard(struct cf_worker *worker, const struct cf_uuid *media);

#endif
