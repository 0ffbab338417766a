#include "edge/tls/context.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "edge/tls/ossl.h"

enum { SECURITY_LEVEL_MIN = 2 };

/* One line: the file, what is wrong, and OpenSSL's or the system's own word for it. */
static enum cf_error say(struct cf_buf *why, const char *path, const char *what)
{
    unsigned long first = ERR_peek_error();
    bool system = ERR_SYSTEM_ERROR(first);
    char text[128] = "";
    const char *reason = system ? text : ERR_reason_error_string(first);
    if (system && strerror_r(ERR_GET_REASON(first), text, sizeof(text)) != 0)
        reason = NULL;
    cf_buf_append(why, cf_slice_cstr(path));
    cf_buf_append(why, CF_LIT(": "));
    cf_buf_append(why, cf_slice_cstr(what));
    if (reason != NULL) {
        cf_buf_append(why, CF_LIT(": "));
        cf_buf_append(why, cf_slice_cstr(reason));
    }
    ERR_clear_error();
    return system ? CF_E_IO : CF_E_INVALID;
}

/* No start of a server is worth waiting at a terminal for a passphrase. */
static int refuse_passphrase(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}

static bool configure(SSL_CTX *ssl)
{
    /* Client-initiated renegotiation was CVE-2021-3449 and costs the server more than the client;
     * tickets and the session cache are memory that clients fill (CVE-2024-2511). */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    /* An idle connection gives its record buffers back. */
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(ssl, refuse_passphrase);
    if (SSL_CTX_get_security_level(ssl) < SECURITY_LEVEL_MIN)
        SSL_CTX_set_security_level(ssl, SECURITY_LEVEL_MIN);
    /* Of TLS 1.2 only what RFC 9325 section 4.2 recommends: forward secrecy and AEAD. */
    return SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
           SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set_ciphersuites(ssl, cf_tls_suite_names) == 1;
}

static enum cf_error new_context(const SSL_METHOD *method, bool client,
                                 struct cf_tls_context **out_context)
{
    struct cf_tls_context *context = calloc(1, sizeof(*context));
    if (context == NULL)
        return CF_E_NOMEM;
    atomic_init(&context->refs, 1);
    context->client = client;
    context->ssl = SSL_CTX_new(method);
    context->method = cf_tls_ossl_method();
    enum cf_error error = cf_tls_suites_init(&context->suites);
    if (error != CF_OK || context->ssl == NULL || context->method == NULL ||
        !configure(context->ssl)) {
        cf_tls_context_unref(context);
        return CF_E_NOMEM;
    }
    *out_context = context;
    return CF_OK;
}

/* What is wrong with the files, as say() has it. */
static enum cf_error load_files(SSL_CTX *ssl, const char *cert_path, const char *key_path,
                                struct cf_buf *why)
{
    if (SSL_CTX_use_certificate_chain_file(ssl, cert_path) != 1)
        return say(why, cert_path, "no usable certificate");
    /* It also finds that the key is not the certificate's. */
    if (SSL_CTX_use_PrivateKey_file(ssl, key_path, SSL_FILETYPE_PEM) != 1)
        return say(why, key_path, "no usable private key of the certificate");
    return CF_OK;
}

enum cf_error cf_tls_server_new(const char *cert_path, const char *key_path,
                                struct cf_tls_context **out_context, struct cf_buf *why)
{
    struct cf_tls_context *context;
    ERR_clear_error();
    enum cf_error error = new_context(TLS_server_method(), false, &context);
    if (error != CF_OK) {
        say(why, "TLS", cf_error_text(error));
        return error;
    }
    cf_tls_ossl_tap(context->ssl);
    error = load_files(context->ssl, cert_path, key_path, why);
    if (error != CF_OK) {
        cf_tls_context_unref(context);
        return error;
    }
    *out_context = context;
    return CF_OK;
}

enum cf_error cf_tls_client_new(const char *ca_path, struct cf_tls_context **out_context,
                                struct cf_buf *why)
{
    struct cf_tls_context *context;
    ERR_clear_error();
    enum cf_error error = new_context(TLS_client_method(), true, &context);
    if (error != CF_OK) {
        say(why, "TLS", cf_error_text(error));
        return error;
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    int loaded = ca_path == NULL ? SSL_CTX_set_default_verify_paths(context->ssl)
                                 : SSL_CTX_load_verify_file(context->ssl, ca_path);
    if (loaded != 1) {
        error = say(why, ca_path == NULL ? "TLS" : ca_path, "no usable certificate authorities");
        cf_tls_context_unref(context);
        return error;
    }
    *out_context = context;
    return CF_OK;
}

struct cf_tls_context *cf_tls_context_ref(struct cf_tls_context *context)
{
    atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
    return context;
}

void cf_tls_context_unref(struct cf_tls_context *context)
{
    if (context == NULL || atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->method);
    cf_tls_suites_deinit(&context->suites);
    free(context);
}
