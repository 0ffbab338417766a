#include "bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

enum cf_error cf_bench_tls_new(const struct cf_bench_plan *plan, struct ssl_ctx_st **out_context,
                               struct cf_bench_why *why)
{
    *out_context = NULL;
    if (!plan->tls)
        return CF_OK;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        return cf_bench_fail(why, "no memory for TLS");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(context, plan->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    int loaded = plan->ca == NULL ? SSL_CTX_set_default_verify_paths(context)
                                  : SSL_CTX_load_verify_locations(context, plan->ca, NULL);
    if (loaded != 1) {
        SSL_CTX_free(context);
        return cf_bench_fail(why, "cannot read the authorities in %s: it must be a PEM file",
                             plan->ca == NULL ? "the system's store" : plan->ca);
    }
    *out_context = context;
    return CF_OK;
}

void cf_bench_tls_free(struct ssl_ctx_st *context)
{
    SSL_CTX_free(context);
}

struct ssl_st *cf_bench_tls_session(const struct cf_bench_plan *plan, struct ssl_ctx_st *context,
                                    int fd)
{
    struct in6_addr address;
    bool numeric = inet_pton(AF_INET, plan->host, &address) == 1 ||
                   inet_pton(AF_INET6, plan->host, &address) == 1;
    SSL *tls = SSL_new(context);
    bool named = tls != NULL && SSL_set_fd(tls, fd) == 1 &&
                 (numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), plan->host) == 1
                          : SSL_set1_host(tls, plan->host) == 1 &&
                                SSL_set_tlsext_host_name(tls, plan->host) == 1);
    if (!named) {
        SSL_free(tls);
        return NULL;
    }
    SSL_set_connect_state(tls);
    return tls;
}

enum cf_error cf_bench_tls_refused(const struct ssl_st *tls, struct cf_bench_why *why)
{
    long verified = SSL_get_verify_result(tls);
    if (verified != X509_V_OK)
        return cf_bench_fail(why,
                             "the server's certificate is not trusted: %s; give its authority "
                             "with --ca FILE, or --insecure",
                             X509_verify_cert_error_string(verified));
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return cf_bench_fail(why, "no TLS with the server: %s; does it speak TLS on this port?",
                         reason == NULL ? "the connection ended" : reason);
}

enum cf_error cf_bench_cannot_connect(const struct cf_bench_plan *plan, int number,
                                      struct cf_bench_why *why)
{
    const char *hint = "is the server running? (--url)";
    if (number == EADDRNOTAVAIL)
        hint = "the ports of this address are used up: give more addresses with --spread";
    else if (number == EMFILE || number == ENFILE)
        hint = "raise the limit of file descriptors (ulimit -n), or open fewer";
    return cf_bench_fail(why, "cannot connect to %s: %s; %s", plan->authority, strerror(number),
                         hint);
}

enum cf_error cf_bench_wire_open(struct cf_bench_wire *wire, const struct cf_bench_plan *plan,
                                 struct ssl_ctx_st *context, struct cf_bench_why *why)
{
    int on = 1;
    *wire = (struct cf_bench_wire){.fd = socket(plan->address.ss_family, SOCK_STREAM, 0)};
    if (wire->fd < 0 ||
        connect(wire->fd, (const struct sockaddr *)&plan->address, plan->address_len) != 0)
        return cf_bench_cannot_connect(plan, errno, why);
    (void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (context == NULL)
        return CF_OK;
    wire->tls = cf_bench_tls_session(plan, context, wire->fd);
    if (wire->tls == NULL)
        return cf_bench_fail(why, "no memory for TLS");
    return SSL_do_handshake(wire->tls) == 1 ? CF_OK : cf_bench_tls_refused(wire->tls, why);
}

enum cf_error cf_bench_wire_send(struct cf_bench_wire *wire, struct cf_slice bytes,
                                 struct cf_bench_why *why)
{
    while (bytes.len > 0) {
        int part = (int)(bytes.len < 1 << 30 ? bytes.len : 1 << 30);
        ssize_t sent = wire->tls == NULL ? send(wire->fd, bytes.ptr, (size_t)part, MSG_NOSIGNAL)
                                         : SSL_write(wire->tls, bytes.ptr, part);
        if (sent <= 0)
            return cf_bench_fail(why, "cannot send to the server: %s; see its log",
                                 strerror(errno));
        bytes = cf_slice_skip(bytes, (size_t)sent);
    }
    return CF_OK;
}

enum cf_error cf_bench_wire_receive(struct cf_bench_wire *wire, void *out, size_t size,
                                    size_t *out_len, struct cf_bench_why *why)
{
    ssize_t got =
        wire->tls == NULL ? recv(wire->fd, out, size, 0) : SSL_read(wire->tls, out, (int)size);
    if (wire->tls != NULL && got <= 0 &&
        SSL_get_error(wire->tls, (int)got) == SSL_ERROR_ZERO_RETURN)
        got = 0;
    if (got < 0)
        return cf_bench_fail(why, "no answer of the server: %s; see its log", strerror(errno));
    *out_len = (size_t)got;
    return CF_OK;
}

void cf_bench_wire_close(struct cf_bench_wire *wire)
{
    if (wire->tls != NULL)
        SSL_shutdown(wire->tls);
    SSL_free(wire->tls);
    if (wire->fd >= 0)
        close(wire->fd);
    *wire = (struct cf_bench_wire){.fd = -1};
}
