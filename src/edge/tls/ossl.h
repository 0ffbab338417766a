/* The part of a connection that is OpenSSL's: every handshake, and all of a client's connection and
 * of TLS 1.2. A server's connection of TLS 1.3 is handed over when its handshake is complete: an
 * SSL object and what it owns are some 14,000 bytes, the keys 300. Nobody outside this folder
 * includes it. */
#ifndef CF_EDGE_TLS_OSSL_H
#define CF_EDGE_TLS_OSSL_H

#include "edge/tls/context.h"
#include "edge/tls/record.h"

struct cf_tls_ossl;

/* The BIO_METHOD of a context; NULL without memory. */
BIO_METHOD *cf_tls_ossl_method(void);
/* Has a server's context tell each connection its secrets. */
void cf_tls_ossl_tap(SSL_CTX *context);

/* As cf_tls_new; the context is borrowed for life. */
enum cf_error cf_tls_ossl_new(const struct cf_tls_context *context, const char *host,
                              struct cf_tls_ossl **out_ossl);
/* NULL is allowed. */
void cf_tls_ossl_free(struct cf_tls_ossl *ossl);
/* As the functions of tls.h. Of one that is complete and can be handed over nothing is received:
 * *bytes are then what is behind the handshake, else none. */
enum cf_error cf_tls_ossl_start(struct cf_tls_ossl *ossl, struct cf_buf *cipher);
enum cf_error cf_tls_ossl_receive(struct cf_tls_ossl *ossl, struct cf_slice *bytes,
                                  struct cf_buf *plain, struct cf_buf *cipher,
                                  bool *out_handshaken);
enum cf_error cf_tls_ossl_send(struct cf_tls_ossl *ossl, struct cf_slice plain,
                               struct cf_buf *cipher);
enum cf_error cf_tls_ossl_shutdown(struct cf_tls_ossl *ossl, struct cf_buf *cipher);
const char *cf_tls_ossl_version(const struct cf_tls_ossl *ossl);
/* The server's side of a complete handshake of TLS 1.3. */
bool cf_tls_ossl_can_hand_over(const struct cf_tls_ossl *ossl);
/* To `record`, which cf_tls_record_deinit lets go of in any case; `ossl` is then to be freed.
 * CF_E_STATE: OpenSSL has used the keys or holds bytes that are not ours then, which nothing that
 * it does today explains; CF_E_NOMEM. */
enum cf_error cf_tls_ossl_hand_over(const struct cf_tls_ossl *ossl,
                                    const struct cf_tls_suites *suites,
                                    struct cf_tls_record *record);

#endif
