/* TLS: ciphertext in, plaintext out and the reverse, apart from any socket. TLS 1.2 and newer, no
 * renegotiation, no session cache that grows (hazard V30).
 *
 * OpenSSL shakes hands (ossl.h), and keeps a client's connection and one of TLS 1.2. A server's
 * connection of TLS 1.3 then goes on without it (record.h): its keys are all that an idle one owns.
 *
 *     cf_tls_new(context, host, &tls);
 *     cf_tls_start(tls, &cipher);                                   client role
 *     cf_tls_receive(tls, bytes, &plain, &cipher, &handshaken);     on every read
 *     cf_tls_send(tls, plain, &cipher);                             once handshaken
 *
 * Whatever is appended to `cipher` is to be sent, also when the call fails (an alert). */
#ifndef CF_EDGE_TLS_H
#define CF_EDGE_TLS_H

#include "base/buf.h"

/* Certificates and settings; reference-counted, so that a reload leaves live connections alone. */
struct cf_tls_context;

/* Server role, from PEM files: certificate first, then its chain. CF_E_IO (cannot be read),
 * CF_E_INVALID (no key or certificate, or they do not belong together), CF_E_NOMEM, with one line
 * appended to `why`. */
enum cf_error cf_tls_server_new(const char *cert_path, const char *key_path,
                                struct cf_tls_context **out_context, struct cf_buf *why);
/* Client role: the peer's chain and host name are verified. `ca_path`: a PEM file of authorities;
 * NULL: the system's. Errors as above. */
enum cf_error cf_tls_client_new(const char *ca_path, struct cf_tls_context **out_context,
                                struct cf_buf *why);
struct cf_tls_context *cf_tls_context_ref(struct cf_tls_context *context);
/* NULL is allowed. */
void cf_tls_context_unref(struct cf_tls_context *context);

/* One connection. */
struct cf_tls;

/* `host`: what the certificate must name (a DNS name, or an address without brackets), for the
 * client role; NULL for the server. The connection keeps a reference of the context. CF_E_NOMEM,
 * CF_E_INVALID (host, an empty one too). */
enum cf_error cf_tls_new(struct cf_tls_context *context, const char *host, struct cf_tls **out_tls);
/* NULL is allowed. */
void cf_tls_free(struct cf_tls *tls);
/* Client role: begins the handshake. */
enum cf_error cf_tls_start(struct cf_tls *tls, struct cf_buf *cipher);
/* Bytes of the peer. *out_handshaken: the handshake is complete (before any plaintext comes).
 * CF_E_CLOSED: the peer has said goodbye, and `plain` may hold its last bytes; CF_E_PROTOCOL:
 * broken TLS, or a certificate that is not trusted; CF_E_NOMEM, CF_E_TOO_LARGE (of the buffers);
 * CF_E_STATE: OpenSSL has not handed over as it does. */
enum cf_error cf_tls_receive(struct cf_tls *tls, struct cf_slice bytes, struct cf_buf *plain,
                             struct cf_buf *cipher, bool *out_handshaken);
/* CF_E_STATE before the handshake is complete, and once either end has failed or said goodbye by
 * cf_tls_shutdown; CF_E_NOMEM, CF_E_TOO_LARGE (of `cipher`): the connection is then spent. */
enum cf_error cf_tls_send(struct cf_tls *tls, struct cf_slice plain, struct cf_buf *cipher);
/* Says goodbye: close_notify; nothing before the handshake is complete. Bytes of the peer may still
 * come. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_tls_shutdown(struct cf_tls *tls, struct cf_buf *cipher);
/* "TLSv1.3", … */
const char *cf_tls_version(const struct cf_tls *tls);

#endif
