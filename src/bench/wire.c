#include "bench/wire.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_setup.h"

/* The certificate is one that the caller has just made: nobody vouches for it. */
static SSL_CTX *tls_context(void)
{
    static SSL_CTX *context;
    if (context == NULL)
        context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        load_die("no TLS");
    return context;
}

void load_wire_open(struct load_wire *wire, const struct load_options *options)
{
    *wire = (struct load_wire){.fd = load_connect(options->port)};
    if (options->tls == 0)
        return;
    wire->tls = SSL_new(tls_context());
    if (wire->tls == NULL || SSL_set_fd(wire->tls, wire->fd) != 1 || SSL_connect(wire->tls) != 1)
        load_die("no TLS with the server");
}

void load_wire_send(struct load_wire *wire, struct cf_slice bytes)
{
    while (bytes.len > 0) {
        int part = (int)(bytes.len < 1 << 30 ? bytes.len : 1 << 30);
        ssize_t sent = wire->tls == NULL ? send(wire->fd, bytes.ptr, (size_t)part, 0)
                                         : SSL_write(wire->tls, bytes.ptr, part);
        if (sent <= 0)
            load_die_errno("cannot send");
        bytes = cf_slice_skip(bytes, (size_t)sent);
    }
}

size_t load_wire_receive(struct load_wire *wire, void *out, size_t size)
{
    ssize_t got =
        wire->tls == NULL ? recv(wire->fd, out, size, 0) : SSL_read(wire->tls, out, (int)size);
    if (wire->tls != NULL && got <= 0 &&
        SSL_get_error(wire->tls, (int)got) == SSL_ERROR_ZERO_RETURN)
        return 0;
    if (got < 0)
        load_die_errno("no answer");
    return (size_t)got;
}

void load_wire_close(struct load_wire *wire)
{
    if (wire->tls != NULL)
        SSL_shutdown(wire->tls);
    SSL_free(wire->tls);
    close(wire->fd);
}
