/* What a context is to the files of this folder. Nobody outside includes it. */
#ifndef CF_EDGE_TLS_CONTEXT_H
#define CF_EDGE_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "edge/tls/keys.h"
#include "edge/tls/tls.h"

struct cf_tls_context {
    atomic_uint refs;
    SSL_CTX *ssl;
    BIO_METHOD *method; /* of every connection's BIO */
    struct cf_tls_suites suites;
    bool client;
};

#endif
