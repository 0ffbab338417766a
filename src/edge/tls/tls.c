#include "edge/tls/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct cf_tls_context {
    atomic_uint refs;
    SSL_CTX *ssl;
    BIO_METHOD *method; /* of every connection's BIO */
    bool client;
};

/* OpenSSL's BIO reads and writes the buffers of the call under way, so that nothing is copied twice
 * and an idle connection holds none. What a call leaves unread is none: OpenSSL keeps the part of a
 * record that has come. */
struct cf_tls {
    SSL *ssl;
    struct cf_tls_context *context; /* owns the method that `ssl` uses */
    struct cf_slice in;
    struct cf_buf *out;
    enum cf_error out_error; /* why `out` did not take all */
    bool handshaken;
};

enum { RECORD_MAX = 16384, SECURITY_LEVEL_MIN = 2 };

/* ---- the BIO ---- */

static int read_cipher(BIO *bio, char *out, size_t len, size_t *out_len)
{
    struct cf_tls *tls = BIO_get_data(bio);
    struct cf_slice piece = cf_slice_head(tls->in, len);
    BIO_clear_retry_flags(bio);
    if (piece.len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, piece.ptr, piece.len);
    tls->in = cf_slice_skip(tls->in, piece.len);
    *out_len = piece.len;
    return 1;
}

static int write_cipher(BIO *bio, const char *bytes, size_t len, size_t *out_len)
{
    struct cf_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->out_error == CF_OK)
        tls->out_error = cf_buf_append(tls->out, cf_slice_of(bytes, len));
    if (tls->out_error != CF_OK)
        return 0;
    *out_len = len;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *new_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "slice and buffer");
    if (method != NULL && BIO_meth_set_read_ex(method, read_cipher) == 1 &&
        BIO_meth_set_write_ex(method, write_cipher) == 1 && BIO_meth_set_ctrl(method, control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- contexts ---- */

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
           SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
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
    context->method = new_method();
    if (context->ssl == NULL || context->method == NULL || !configure(context->ssl)) {
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
    free(context);
}

/* ---- connections ---- */

/* The certificate must name the host: as an address when it is one, else as a DNS name with SNI.
 * The subject's common name is no name (RFC 9525 section 2). To OpenSSL an empty host would mean
 * that any certificate will do. */
static bool expect_host(SSL *ssl, const char *host)
{
    uint8_t ip[16];
    if (*host == '\0')
        return false;
    if (inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool attach_bio(struct cf_tls *tls)
{
    BIO *bio = BIO_new(tls->context->method);
    if (bio == NULL)
        return false;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return true;
}

static enum cf_error take_role(struct cf_tls *tls, const char *host)
{
    if (host == NULL) {
        SSL_set_accept_state(tls->ssl);
        return CF_OK;
    }
    SSL_set_connect_state(tls->ssl);
    enum cf_error error = expect_host(tls->ssl, host) ? CF_OK : CF_E_INVALID;
    ERR_clear_error();
    return error;
}

enum cf_error cf_tls_new(struct cf_tls_context *context, const char *host, struct cf_tls **out_tls)
{
    CF_ASSERT(context->client == (host != NULL));
    struct cf_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL)
        return CF_E_NOMEM;
    tls->context = cf_tls_context_ref(context);
    tls->ssl = SSL_new(context->ssl);
    enum cf_error error = CF_E_NOMEM;
    if (tls->ssl != NULL && attach_bio(tls))
        error = take_role(tls, host);
    if (error != CF_OK) {
        cf_tls_free(tls);
        return error;
    }
    *out_tls = tls;
    return CF_OK;
}

void cf_tls_free(struct cf_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    cf_tls_context_unref(tls->context);
    free(tls);
}

/* Lends the buffers of a call to the BIO. */
static void begin(struct cf_tls *tls, struct cf_slice in, struct cf_buf *out)
{
    ERR_clear_error();
    tls->in = in;
    tls->out = out;
    tls->out_error = CF_OK;
}

/* Takes them back. That output got lost says more than what OpenSSL made of it. */
static enum cf_error end(struct cf_tls *tls, enum cf_error error)
{
    ERR_clear_error();
    tls->in = (struct cf_slice){NULL, 0};
    tls->out = NULL;
    return tls->out_error != CF_OK ? tls->out_error : error;
}

/* What a failed call means: CF_OK when it only wants more input. */
static enum cf_error meaning(const struct cf_tls *tls, int result)
{
    int error = SSL_get_error(tls->ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return CF_OK;
    return error == SSL_ERROR_ZERO_RETURN ? CF_E_CLOSED : CF_E_PROTOCOL;
}

static enum cf_error shake_hands(struct cf_tls *tls)
{
    int result = SSL_do_handshake(tls->ssl);
    if (result != 1)
        return meaning(tls, result);
    tls->handshaken = true;
    return CF_OK;
}

enum cf_error cf_tls_start(struct cf_tls *tls, struct cf_buf *cipher)
{
    CF_ASSERT(tls->context->client);
    begin(tls, (struct cf_slice){NULL, 0}, cipher);
    return end(tls, shake_hands(tls));
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
    begin(tls, bytes, cipher);
    enum cf_error error = tls->handshaken ? CF_OK : shake_hands(tls);
    if (error == CF_OK && tls->handshaken)
        error = read_plain(tls, plain);
    *out_handshaken = tls->handshaken;
    return end(tls, error);
}

enum cf_error cf_tls_send(struct cf_tls *tls, struct cf_slice plain, struct cf_buf *cipher)
{
    size_t written;
    if (!tls->handshaken)
        return CF_E_STATE;
    if (plain.len == 0)
        return CF_OK;
    begin(tls, (struct cf_slice){NULL, 0}, cipher);
    int sent = SSL_write_ex(tls->ssl, plain.ptr, plain.len, &written);
    return end(tls, sent == 1 ? CF_OK : CF_E_STATE);
}

enum cf_error cf_tls_shutdown(struct cf_tls *tls, struct cf_buf *cipher)
{
    begin(tls, (struct cf_slice){NULL, 0}, cipher);
    if (tls->handshaken)
        (void)SSL_shutdown(tls->ssl);
    return end(tls, CF_OK);
}

const char *cf_tls_version(const struct cf_tls *tls)
{
    return SSL_get_version(tls->ssl);
}
