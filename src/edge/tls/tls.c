#include "edge/tls/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/assert.h"

struct cf_tls_context {
    atomic_uint refs;
    SSL_CTX *ssl;
    bool client;
};

struct cf_tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
};

enum { RECORD_MAX = 16384 };

/* One line: the file, what is wrong, and OpenSSL's own word for it. */
static void say(struct cf_buf *why, const char *path, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    cf_buf_append(why, cf_slice_cstr(path));
    cf_buf_append(why, CF_LIT(": "));
    cf_buf_append(why, cf_slice_cstr(what));
    if (reason != NULL) {
        cf_buf_append(why, CF_LIT(": "));
        cf_buf_append(why, cf_slice_cstr(reason));
    }
    ERR_clear_error();
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
    if (context->ssl == NULL) {
        free(context);
        return CF_E_NOMEM;
    }
    SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(context->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                          SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context->ssl, 0);
    /* An idle connection gives its record buffers back. */
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    *out_context = context;
    return CF_OK;
}

enum cf_error cf_tls_server_new(const char *cert_path, const char *key_path,
                                struct cf_tls_context **out_context, struct cf_buf *why)
{
    struct cf_tls_context *context;
    ERR_clear_error();
    enum cf_error error = new_context(TLS_server_method(), false, &context);
    if (error != CF_OK) {
        cf_buf_append(why, CF_LIT("TLS: out of memory"));
        return error;
    }
    error = CF_E_INVALID;
    if (SSL_CTX_use_certificate_chain_file(context->ssl, cert_path) != 1)
        say(why, cert_path, "cannot read a certificate");
    else if (SSL_CTX_use_PrivateKey_file(context->ssl, key_path, SSL_FILETYPE_PEM) != 1)
        say(why, key_path, "cannot read the certificate's private key");
    else if (SSL_CTX_check_private_key(context->ssl) != 1)
        say(why, key_path, "the key is not the certificate's");
    else
        error = CF_OK;
    if (error == CF_OK)
        *out_context = context;
    else
        cf_tls_context_unref(context);
    return error;
}

enum cf_error cf_tls_client_new(const char *ca_path, struct cf_tls_context **out_context,
                                struct cf_buf *why)
{
    struct cf_tls_context *context;
    ERR_clear_error();
    enum cf_error error = new_context(TLS_client_method(), true, &context);
    if (error != CF_OK) {
        cf_buf_append(why, CF_LIT("TLS: out of memory"));
        return error;
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    int loaded = ca_path == NULL ? SSL_CTX_set_default_verify_paths(context->ssl)
                                 : SSL_CTX_load_verify_locations(context->ssl, ca_path, NULL);
    if (loaded != 1) {
        say(why, ca_path == NULL ? "TLS" : ca_path, "cannot read the certificate authorities");
        cf_tls_context_unref(context);
        return CF_E_INVALID;
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
    free(context);
}

/* The certificate must name the host: as an address when it is one, else as a DNS name with SNI. */
static bool expect_host(SSL *ssl, const char *host)
{
    uint8_t ip[16];
    if (inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

enum cf_error cf_tls_new(struct cf_tls_context *context, const char *host, struct cf_tls **out_tls)
{
    CF_ASSERT(context->client == (host != NULL));
    struct cf_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL)
        return CF_E_NOMEM;
    tls->ssl = SSL_new(context->ssl);
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        SSL_free(tls->ssl);
        free(tls);
        return CF_E_NOMEM;
    }
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    if (!context->client) {
        SSL_set_accept_state(tls->ssl);
    } else {
        SSL_set_connect_state(tls->ssl);
        if (!expect_host(tls->ssl, host)) {
            cf_tls_free(tls);
            return CF_E_INVALID;
        }
    }
    *out_tls = tls;
    return CF_OK;
}

void cf_tls_free(struct cf_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

/* Moves what OpenSSL wants sent to `cipher`. */
static enum cf_error take_output(struct cf_tls *tls, struct cf_buf *cipher)
{
    char *bytes;
    long len = BIO_get_mem_data(tls->out, &bytes);
    if (len <= 0)
        return CF_OK;
    enum cf_error error = cf_buf_append(cipher, cf_slice_of(bytes, (size_t)len));
    BIO_reset(tls->out);
    return error;
}

/* What a failed call means: CF_OK when it only wants more input. */
static enum cf_error meaning(struct cf_tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return CF_OK;
    return error == SSL_ERROR_ZERO_RETURN ? CF_E_CLOSED : CF_E_PROTOCOL;
}

enum cf_error cf_tls_start(struct cf_tls *tls, struct cf_buf *cipher)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    enum cf_error error = result == 1 ? CF_OK : meaning(tls, result);
    enum cf_error taken = take_output(tls, cipher);
    return error != CF_OK ? error : taken;
}

static enum cf_error read_plain(struct cf_tls *tls, struct cf_buf *plain)
{
    for (;;) {
        enum cf_error error = cf_buf_reserve(plain, RECORD_MAX);
        if (error != CF_OK)
            return error;
        int len = SSL_read(tls->ssl, plain->ptr + plain->len, RECORD_MAX);
        if (len <= 0)
            return meaning(tls, len);
        plain->len += (size_t)len;
    }
}

enum cf_error cf_tls_receive(struct cf_tls *tls, struct cf_slice bytes, struct cf_buf *plain,
                             struct cf_buf *cipher, bool *out_handshaken)
{
    ERR_clear_error();
    CF_ASSERT(bytes.len <= INT32_MAX);
    if (bytes.len > 0 && BIO_write(tls->in, bytes.ptr, (int)bytes.len) != (int)bytes.len)
        return CF_E_NOMEM;
    enum cf_error error = CF_OK;
    if (!SSL_is_init_finished(tls->ssl))
        error = cf_tls_start(tls, cipher);
    *out_handshaken = SSL_is_init_finished(tls->ssl) == 1;
    if (error == CF_OK && *out_handshaken)
        error = read_plain(tls, plain);
    enum cf_error taken = take_output(tls, cipher);
    return error != CF_OK ? error : taken;
}

enum cf_error cf_tls_send(struct cf_tls *tls, struct cf_slice plain, struct cf_buf *cipher)
{
    if (!SSL_is_init_finished(tls->ssl))
        return CF_E_STATE;
    ERR_clear_error();
    while (plain.len > 0) {
        size_t written;
        if (SSL_write_ex(tls->ssl, plain.ptr, plain.len, &written) != 1) {
            ERR_clear_error();
            return CF_E_STATE;
        }
        plain = cf_slice_skip(plain, written);
        enum cf_error error = take_output(tls, cipher);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

enum cf_error cf_tls_shutdown(struct cf_tls *tls, struct cf_buf *cipher)
{
    ERR_clear_error();
    if (SSL_is_init_finished(tls->ssl))
        SSL_shutdown(tls->ssl);
    ERR_clear_error();
    return take_output(tls, cipher);
}

const char *cf_tls_version(const struct cf_tls *tls)
{
    return SSL_get_version(tls->ssl);
}
