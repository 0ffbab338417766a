/* One HTTP request of a small client, for `confab tail`: GET over a connection of its own. */
#ifndef CF_CLI_HTTP_GET_H
#define CF_CLI_HTTP_GET_H

#include "cli/url.h"
#include "edge/uv/conn.h"

struct cf_http_get;

/* The answer: error CF_OK with status, Retry-After (0: none) and body (for the call only), or why
 * there is none. */
typedef void cf_http_get_done(void *context, enum cf_error error, unsigned status,
                              unsigned retry_after_s, struct cf_slice body);

/* Asks for `target`, the token in the header. NULL without memory or when no connection can be
 * begun. `done` is called once, unless the request is cancelled before. */
struct cf_http_get *cf_http_get_new(struct cf_loop *loop, const struct cf_url *url,
                                    struct cf_tls_context *tls, const char *token,
                                    const char *target, cf_http_get_done *done, void *context);

#endif
