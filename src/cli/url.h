/* The address of a stream, as people type it. */
#ifndef CF_CLI_URL_H
#define CF_CLI_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { CF_URL_HOST_MAX = 256, CF_URL_PATH_MAX = 2048, CF_URL_TOKEN_MAX = 8192 };

struct cf_url {
    bool tls;
    char host[CF_URL_HOST_MAX];
    uint16_t port;
    char authority[CF_URL_HOST_MAX + sizeof("[]:65535")]; /* as the Host header has it */
    char path[CF_URL_PATH_MAX];                           /* without the query */
    char token[CF_URL_TOKEN_MAX + 1];                     /* of ?token=, else empty */
};

/* ws, wss, http and https; visible ASCII without user information and fragment (RFC 6455 section 3
 * forbids one). CF_E_INVALID with one line in `why`. */
enum cf_error cf_url_parse(const char *text, struct cf_url *out_url, struct cf_buf *why);

#endif
