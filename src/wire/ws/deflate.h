/* permessage-deflate (RFC 7692) on zlib, level 1.
 *
 * Context takeover costs a zlib context a connection (17 to 37 KB), so the server's default answer
 * is no takeover both ways: one compressor and one decompressor of the worker then serve all its
 * connections, and a broadcast is compressed once. */
#ifndef CF_WIRE_WS_DEFLATE_H
#define CF_WIRE_WS_DEFLATE_H

#include "base/buf.h"

struct cf_ws_deflate_params {
    bool enabled;
    bool server_no_takeover, client_no_takeover;
    unsigned server_window_bits, client_window_bits; /* 9 to 15 */
};

/* What this side allows. */
struct cf_ws_deflate_policy {
    bool allow_server_takeover, allow_client_takeover;
    unsigned server_window_bits_max; /* 9 to 15 */
};

#define CF_WS_DEFLATE_POLICY_DEFAULT ((struct cf_ws_deflate_policy){.server_window_bits_max = 15})

/* Server: picks the first acceptable offer of Sec-WebSocket-Extensions (all lines joined by commas)
 * and appends the answer's value to `out`. Not acceptable or none: params.enabled is false and
 * nothing is appended. server_max_window_bits=8 is declined (zlib cannot do it). A malformed
 * header: CF_E_SYNTAX. */
enum cf_error cf_ws_deflate_accept(struct cf_slice offers,
                                   const struct cf_ws_deflate_policy *policy,
                                   struct cf_ws_deflate_params *out_params, struct cf_buf *out);
/* Client: checks the server's answer to our offer "permessage-deflate; client_max_window_bits".
 * CF_E_PROTOCOL: fail the connection. An empty answer: disabled. */
enum cf_error cf_ws_deflate_confirm(struct cf_slice answer,
                                    struct cf_ws_deflate_params *out_params);

struct cf_ws_deflater; /* a zlib stream */
struct cf_ws_inflater;

/* NULL without memory. `window_bits` 9 to 15. */
struct cf_ws_deflater *cf_ws_deflater_new(unsigned window_bits);
void cf_ws_deflater_free(struct cf_ws_deflater *deflater);
/* Compresses one message, without the closing 00 00 FF FF (section 7.2.1). `takeover`: keep the
 * window for the next message. CF_E_TOO_LARGE, CF_E_NOMEM. */
enum cf_error cf_ws_deflate(struct cf_ws_deflater *deflater, struct cf_slice message, bool takeover,
                            struct cf_buf *out);
struct cf_ws_inflater *cf_ws_inflater_new(unsigned window_bits);
void cf_ws_inflater_free(struct cf_ws_inflater *inflater);
/* Inflates a piece of a message's payload; `last` at its end. `out` grows to its own cap and no
 * further: over it CF_E_TOO_LARGE (hazard V7: at most one byte of room more is ever inflated).
 * CF_E_SYNTAX: no deflate data, or cut off inside a block. After `last` without `takeover`, and
 * after an error, the window is forgotten. */
enum cf_error cf_ws_inflate(struct cf_ws_inflater *inflater, struct cf_slice piece, bool last,
                            bool takeover, struct cf_buf *out);

#endif
