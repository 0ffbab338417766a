/* What the tests of TLS stand on: certificates that a test makes itself, both ends of a connection
 * in memory, and an end of bare OpenSSL that may do what ours would not. */
#ifndef CF_TESTS_UNIT_TLS_RIG_H
#define CF_TESTS_UNIT_TLS_RIG_H

#include "unit/base/support.h"

#include <stdio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "edge/tls/tls.h"

enum { HOUR = 3600, DAY = 24 * HOUR, BUF_MAX = 4 << 20 };

/* ---- certificates ---- */

/* A key and its certificate; `issuer` NULL: its own. */
struct identity {
    EVP_PKEY *key;
    X509 *cert;
};

struct cert_spec {
    const char *cn;
    const char *san;         /* "DNS:a,IP:1.2.3.4"; NULL: none */
    const char *usage;       /* extended key usage; NULL: none */
    const char *constraints; /* name constraints; NULL: none */
    long from_s, to_s;       /* from now; both 0: from an hour ago to tomorrow */
    bool authority;
    unsigned rsa_bits; /* 0: EC P-256 */
    bool sha1;
};

static inline void add_extension(X509 *cert, int nid, const char *value)
{
    if (value == NULL)
        return;
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Without its signature. */
static inline struct identity draft_identity(const struct cert_spec *spec)
{
    static long serial;
    struct identity made = {
        .key = spec->rsa_bits > 0 ? EVP_RSA_gen(spec->rsa_bits) : EVP_EC_gen("P-256"),
        .cert = X509_new(),
    };
    assert_non_null(made.key);
    assert_non_null(made.cert);
    bool always = spec->from_s == 0 && spec->to_s == 0;
    X509_set_version(made.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.cert), always ? -HOUR : spec->from_s);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), always ? DAY : spec->to_s);
    X509_set_pubkey(made.cert, made.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)spec->cn, -1, -1, 0);
    add_extension(made.cert, NID_basic_constraints,
                  spec->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add_extension(made.cert, NID_subject_alt_name, spec->san);
    add_extension(made.cert, NID_ext_key_usage, spec->usage);
    add_extension(made.cert, NID_name_constraints, spec->constraints);
    return made;
}

static inline void sign_identity(const struct identity *made, const struct identity *issuer,
                                 bool sha1)
{
    issuer = issuer == NULL ? made : issuer;
    X509_set_issuer_name(made->cert, X509_get_subject_name(issuer->cert));
    assert_true(X509_sign(made->cert, issuer->key, sha1 ? EVP_sha1() : EVP_sha256()) > 0);
}

static inline struct identity make_identity(const struct cert_spec *spec,
                                            const struct identity *issuer)
{
    struct identity made = draft_identity(spec);
    sign_identity(&made, issuer, spec->sha1);
    return made;
}

static inline void free_identity(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->cert);
    *identity = (struct identity){NULL, NULL};
}

/* ---- files ---- */

struct files {
    char dir[64];
    char cert[128], key[128], ca[128];
};

static inline void files_init(struct files *files)
{
    (void)snprintf(files->dir, sizeof(files->dir), "/tmp/confab-tls-XXXXXX");
    assert_non_null(mkdtemp(files->dir));
    (void)snprintf(files->cert, sizeof(files->cert), "%s/cert.pem", files->dir);
    (void)snprintf(files->key, sizeof(files->key), "%s/key.pem", files->dir);
    (void)snprintf(files->ca, sizeof(files->ca), "%s/ca.pem", files->dir);
}

static inline void files_deinit(struct files *files)
{
    (void)unlink(files->cert);
    (void)unlink(files->key);
    (void)unlink(files->ca);
    assert_int_equal(rmdir(files->dir), 0);
}

static inline void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The certificate and those that lead to its authority; `second` may be NULL. */
static inline void write_certs(const char *path, const X509 *first, const X509 *second)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, first), 1);
    assert_true(second == NULL || PEM_write_X509(file, second) == 1);
    assert_int_equal(fclose(file), 0);
}

static inline void write_key(const char *path, const EVP_PKEY *key, const char *passphrase)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PKCS8PrivateKey(
                         file, key, passphrase == NULL ? NULL : EVP_aes_128_cbc(), passphrase,
                         passphrase == NULL ? 0 : (int)strlen(passphrase), NULL, NULL),
                     1);
    assert_int_equal(fclose(file), 0);
}

/* ---- an end of ours ---- */

struct end {
    struct cf_tls *tls;
    struct cf_buf plain;  /* what has come */
    struct cf_buf cipher; /* what is to go */
    bool handshaken;
    enum cf_error error; /* the first */
};

static inline void end_init(struct end *end, struct cf_tls_context *context, const char *host)
{
    *end = (struct end){.error = CF_OK};
    cf_buf_init(&end->plain, BUF_MAX);
    cf_buf_init(&end->cipher, BUF_MAX);
    assert_int_equal(cf_tls_new(context, host, &end->tls), CF_OK);
}

static inline void end_deinit(struct end *end)
{
    cf_tls_free(end->tls);
    cf_buf_deinit(&end->plain);
    cf_buf_deinit(&end->cipher);
}

static inline enum cf_error end_receive(struct end *end, struct cf_slice bytes)
{
    enum cf_error error =
        cf_tls_receive(end->tls, bytes, &end->plain, &end->cipher, &end->handshaken);
    if (end->error == CF_OK)
        end->error = error;
    return error;
}

/* How a stream is cut: `piece` bytes at a time, or at random up to it when *seed is not 0. */
struct cut {
    size_t piece;
    uint64_t seed;
};

static inline size_t next_piece(struct cut *cut)
{
    return cut->seed == 0 ? cut->piece : 1 + random_below(&cut->seed, cut->piece);
}

/* What `from` has to send goes to `to`, until there is an error. */
static inline void carry(struct end *from, struct end *to, struct cut *cut)
{
    while (from->cipher.len > 0 && to->error == CF_OK) {
        struct cf_slice piece = cf_slice_head(cf_buf_peek(&from->cipher), next_piece(cut));
        (void)end_receive(to, piece);
        cf_buf_consume(&from->cipher, piece.len);
    }
}

/* Both ways until nothing is left to say. */
static inline void carry_all(struct end *a, struct end *b, struct cut *cut)
{
    while ((a->cipher.len > 0 && b->error == CF_OK) || (b->cipher.len > 0 && a->error == CF_OK)) {
        carry(a, b, cut);
        carry(b, a, cut);
    }
}

/* ---- both contexts, for a server called localhost; rsa_bits 0: with a P-256 key ---- */

struct pair {
    struct cf_tls_context *server_context, *client_context;
    struct end server, client;
};

static inline void contexts_new(struct pair *pair, unsigned rsa_bits)
{
    struct files files;
    struct cf_buf why;
    cf_buf_init(&why, 1024);
    struct identity own = make_identity(
        &(struct cert_spec){.cn = "test", .san = "DNS:localhost", .rsa_bits = rsa_bits}, NULL);
    files_init(&files);
    write_certs(files.cert, own.cert, NULL);
    write_key(files.key, own.key, NULL);
    assert_int_equal(cf_tls_server_new(files.cert, files.key, &pair->server_context, &why), CF_OK);
    assert_int_equal(cf_tls_client_new(files.cert, &pair->client_context, &why), CF_OK);
    assert_int_equal(why.len, 0);
    cf_buf_deinit(&why);
    free_identity(&own);
    files_deinit(&files);
}

static inline void contexts_unref(struct pair *pair)
{
    cf_tls_context_unref(pair->server_context);
    cf_tls_context_unref(pair->client_context);
}

static inline void pair_connect(struct pair *pair, struct cut *cut)
{
    end_init(&pair->server, pair->server_context, NULL);
    end_init(&pair->client, pair->client_context, "localhost");
    assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_OK);
    carry_all(&pair->client, &pair->server, cut);
    assert_int_equal(pair->client.error, CF_OK);
    assert_int_equal(pair->server.error, CF_OK);
    assert_true(pair->client.handshaken);
    assert_true(pair->server.handshaken);
}

static inline void pair_end(struct pair *pair)
{
    end_deinit(&pair->server);
    end_deinit(&pair->client);
}

/* ---- an end of bare OpenSSL ---- */

struct raw {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
};

/* With everything allowed that our contexts forbid. */
static inline SSL_CTX *raw_context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    assert_non_null(context);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    return context;
}

/* Takes the context. */
static inline void raw_init(struct raw *raw, SSL_CTX *context, bool server)
{
    raw->context = context;
    raw->ssl = SSL_new(context);
    raw->in = BIO_new(BIO_s_mem());
    raw->out = BIO_new(BIO_s_mem());
    SSL_set_bio(raw->ssl, raw->in, raw->out);
    if (server)
        SSL_set_accept_state(raw->ssl);
    else
        SSL_set_connect_state(raw->ssl);
}

static inline void raw_deinit(struct raw *raw)
{
    SSL_free(raw->ssl);
    SSL_CTX_free(raw->context);
}

/* A step of the handshake, with what our end sent; its answer goes to our end. */
static inline void raw_step(struct raw *raw, struct end *end)
{
    if (end->cipher.len > 0)
        (void)BIO_write(raw->in, end->cipher.ptr, (int)end->cipher.len);
    cf_buf_reset(&end->cipher);
    (void)SSL_do_handshake(raw->ssl);
    ERR_clear_error();
    char *bytes;
    long len = BIO_get_mem_data(raw->out, &bytes);
    if (len > 0 && end->error == CF_OK)
        (void)end_receive(end, cf_slice_of(bytes, (size_t)len));
    (void)BIO_reset(raw->out);
}

static inline void raw_handshake(struct raw *raw, struct end *end)
{
    for (unsigned i = 0; i < 8; i++)
        raw_step(raw, end);
}

/* What `text` becomes on the wire, once shaken hands. */
static inline void raw_send(struct raw *raw, const char *text, struct end *end)
{
    assert_int_equal(SSL_write(raw->ssl, text, (int)strlen(text)), (int)strlen(text));
    char *bytes;
    long len = BIO_get_mem_data(raw->out, &bytes);
    assert_int_equal(end_receive(end, cf_slice_of(bytes, (size_t)len)), CF_OK);
    (void)BIO_reset(raw->out);
}

#endif
