#include "edge/tls/ossl.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* application_traffic_secret_0 of one direction, and how many records have gone by with its keys:
 * none may have when it is handed over, or the sequence would not begin with 0. */
struct secret {
    uint8_t bytes[CF_TLS_SECRET_MAX];
    size_t len; /* 0: OpenSSL has not got as far */
    unsigned records;
};

/* As OpenSSL numbers the directions of a record. */
enum { READS, WRITES };

/* OpenSSL's BIO reads and writes the buffers of the call under way, so that nothing is copied twice
 * and an idle connection holds none. What a call leaves unread is none: OpenSSL keeps the part of a
 * record that has come. */
struct cf_tls_ossl {
    SSL *ssl;
    struct cf_slice in;
    struct cf_buf *out;
    enum cf_error out_error; /* why `out` did not take all */
    bool handshaken;
    struct secret secrets[2]; /* READS, WRITES; of a server */
};

/* ---- the BIO ---- */

static int read_cipher(BIO *bio, char *out, size_t len, size_t *out_len)
{
    struct cf_tls_ossl *ossl = BIO_get_data(bio);
    struct cf_slice piece = cf_slice_head(ossl->in, len);
    BIO_clear_retry_flags(bio);
    if (piece.len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, piece.ptr, piece.len);
    ossl->in = cf_slice_skip(ossl->in, piece.len);
    *out_len = piece.len;
    return 1;
}

static int write_cipher(BIO *bio, const char *bytes, size_t len, size_t *out_len)
{
    struct cf_tls_ossl *ossl = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (ossl->out_error == CF_OK)
        ossl->out_error = cf_buf_append(ossl->out, cf_slice_of(bytes, len));
    if (ossl->out_error != CF_OK)
        return 0;
    *out_len = len;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *cf_tls_ossl_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "slice and buffer");
    if (method != NULL && BIO_meth_set_read_ex(method, read_cipher) == 1 &&
        BIO_meth_set_write_ex(method, write_cipher) == 1 && BIO_meth_set_ctrl(method, control) == 1)
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- the hand-over ---- */

/* A line is "LABEL client-random secret", in hexadecimal (the format of SSLKEYLOGFILE). It is the
 * one way by which OpenSSL tells them. */
static void take_secret(const SSL *ssl, const char *line)
{
    static const char *const labels[] = {"CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "};
    struct cf_tls_ossl *ossl = SSL_get_app_data(ssl);
    for (unsigned i = 0; i < 2; i++) {
        if (!cf_slice_starts(cf_slice_cstr(line), cf_slice_cstr(labels[i])))
            continue;
        struct secret *secret = &ossl->secrets[i];
        if (OPENSSL_hexstr2buf_ex(secret->bytes, sizeof(secret->bytes), &secret->len,
                                  strrchr(line, ' ') + 1, '\0') != 1)
            secret->len = 0; /* which hand_over refuses */
    }
}

/* Of every record that OpenSSL reads or writes it tells the header. */
static void count_record(int written, int version, int type, const void *bytes, size_t len,
                         SSL *ssl, void *context)
{
    struct cf_tls_ossl *ossl = context;
    (void)version, (void)bytes, (void)len, (void)ssl;
    struct secret *secret = &ossl->secrets[written != 0 ? WRITES : READS];
    if (type == SSL3_RT_HEADER && secret->len > 0)
        secret->records++;
}

void cf_tls_ossl_tap(SSL_CTX *context)
{
    SSL_CTX_set_keylog_callback(context, take_secret);
    SSL_CTX_set_msg_callback(context, count_record);
}

bool cf_tls_ossl_can_hand_over(const struct cf_tls_ossl *ossl)
{
    return ossl->handshaken && SSL_is_server(ossl->ssl) == 1 &&
           SSL_version(ossl->ssl) == TLS1_3_VERSION;
}

static bool is_fresh(const struct secret *secret, const struct cf_tls_suite *suite)
{
    return secret->len == suite->secret_len && secret->records == 0;
}

/* That no byte behind the client's Finished is in OpenSSL follows from three rules: it reads whole
 * records and not ahead, it refuses a Finished that is not the end of its record (RFC 8446 section
 * 5.1), and it returns before it reads another. SSL_has_pending tells of the smallest part. */
enum cf_error cf_tls_ossl_hand_over(const struct cf_tls_ossl *ossl,
                                    const struct cf_tls_suites *suites,
                                    struct cf_tls_record *record)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ossl->ssl);
    const struct cf_tls_suite *suite =
        cf_tls_suite_find(suites, SSL_CIPHER_get_protocol_id(cipher));
    if (suite == NULL || !is_fresh(&ossl->secrets[READS], suite) ||
        !is_fresh(&ossl->secrets[WRITES], suite) || SSL_has_pending(ossl->ssl) != 0)
        return CF_E_STATE;
    return cf_tls_record_init(record, suite, ossl->secrets[READS].bytes,
                              ossl->secrets[WRITES].bytes);
}

/* ---- the life of one ---- */

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

static bool attach_bio(struct cf_tls_ossl *ossl, BIO_METHOD *method)
{
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        return false;
    BIO_set_data(bio, ossl);
    BIO_set_init(bio, 1);
    SSL_set_bio(ossl->ssl, bio, bio);
    return true;
}

static enum cf_error take_role(struct cf_tls_ossl *ossl, const char *host)
{
    if (host == NULL) {
        SSL_set_accept_state(ossl->ssl);
        return CF_OK;
    }
    SSL_set_connect_state(ossl->ssl);
    enum cf_error error = expect_host(ossl->ssl, host) ? CF_OK : CF_E_INVALID;
    ERR_clear_error();
    return error;
}

enum cf_error cf_tls_ossl_new(const struct cf_tls_context *context, const char *host,
                              struct cf_tls_ossl **out_ossl)
{
    struct cf_tls_ossl *ossl = calloc(1, sizeof(*ossl));
    if (ossl == NULL)
        return CF_E_NOMEM;
    ossl->ssl = SSL_new(context->ssl);
    enum cf_error error = CF_E_NOMEM;
    if (ossl->ssl != NULL && SSL_set_app_data(ossl->ssl, ossl) == 1 &&
        attach_bio(ossl, context->method)) {
        SSL_set_msg_callback_arg(ossl->ssl, ossl);
        error = take_role(ossl, host);
    }
    if (error != CF_OK) {
        cf_tls_ossl_free(ossl);
        return error;
    }
    *out_ossl = ossl;
    return CF_OK;
}

void cf_tls_ossl_free(struct cf_tls_ossl *ossl)
{
    if (ossl == NULL)
        return;
    SSL_free(ossl->ssl);
    OPENSSL_cleanse(ossl->secrets, sizeof(ossl->secrets));
    free(ossl);
}

/* Lends the buffers of a call to the BIO. */
static void begin(struct cf_tls_ossl *ossl, struct cf_slice in, struct cf_buf *out)
{
    ERR_clear_error();
    ossl->in = in;
    ossl->out = out;
    ossl->out_error = CF_OK;
}

/* Takes them back. That output got lost says more than what OpenSSL made of it. */
static enum cf_error end(struct cf_tls_ossl *ossl, enum cf_error error)
{
    ERR_clear_error();
    ossl->in = (struct cf_slice){NULL, 0};
    ossl->out = NULL;
    return ossl->out_error != CF_OK ? ossl->out_error : error;
}

/* What a failed call means: CF_OK when it only wants more input. */
static enum cf_error meaning(const struct cf_tls_ossl *ossl, int result)
{
    int error = SSL_get_error(ossl->ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return CF_OK;
    return error == SSL_ERROR_ZERO_RETURN ? CF_E_CLOSED : CF_E_PROTOCOL;
}

static enum cf_error shake_hands(struct cf_tls_ossl *ossl)
{
    int result = SSL_do_handshake(ossl->ssl);
    if (result != 1)
        return meaning(ossl, result);
    ossl->handshaken = true;
    return CF_OK;
}

enum cf_error cf_tls_ossl_start(struct cf_tls_ossl *ossl, struct cf_buf *cipher)
{
    begin(ossl, (struct cf_slice){NULL, 0}, cipher);
    return end(ossl, shake_hands(ossl));
}

static enum cf_error read_plain(struct cf_tls_ossl *ossl, struct cf_buf *plain)
{
    for (;;) {
        enum cf_error error = cf_buf_reserve(plain, CF_TLS_PLAIN_MAX);
        if (error != CF_OK)
            return error;
        int len = SSL_read(ossl->ssl, plain->ptr + plain->len, CF_TLS_PLAIN_MAX);
        if (len <= 0)
            return meaning(ossl, len);
        plain->len += (size_t)len;
    }
}

enum cf_error cf_tls_ossl_receive(struct cf_tls_ossl *ossl, struct cf_slice *bytes,
                                  struct cf_buf *plain, struct cf_buf *cipher, bool *out_handshaken)
{
    begin(ossl, *bytes, cipher);
    enum cf_error error = ossl->handshaken ? CF_OK : shake_hands(ossl);
    if (error == CF_OK && ossl->handshaken && !cf_tls_ossl_can_hand_over(ossl))
        error = read_plain(ossl, plain);
    *out_handshaken = ossl->handshaken;
    *bytes = ossl->in;
    return end(ossl, error);
}

enum cf_error cf_tls_ossl_send(struct cf_tls_ossl *ossl, struct cf_slice plain,
                               struct cf_buf *cipher)
{
    size_t written;
    if (!ossl->handshaken)
        return CF_E_STATE;
    if (plain.len == 0)
        return CF_OK;
    begin(ossl, (struct cf_slice){NULL, 0}, cipher);
    int sent = SSL_write_ex(ossl->ssl, plain.ptr, plain.len, &written);
    return end(ossl, sent == 1 ? CF_OK : CF_E_STATE);
}

enum cf_error cf_tls_ossl_shutdown(struct cf_tls_ossl *ossl, struct cf_buf *cipher)
{
    begin(ossl, (struct cf_slice){NULL, 0}, cipher);
    if (ossl->handshaken)
        (void)SSL_shutdown(ossl->ssl);
    return end(ossl, CF_OK);
}

const char *cf_tls_ossl_version(const struct cf_tls_ossl *ossl)
{
    return SSL_get_version(ossl->ssl);
}
