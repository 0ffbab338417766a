/* TLS between the socket and the owner. Memory is lent: an idle connection has none besides
 * OpenSSL's own, the buffers are the loop's, and only what a full socket did not take stays with
 * the connection. */
#include <sys/socket.h>

#include "edge/uv/conn_state.h"

/* Entries of the queue that go into one batch of records. */
enum { GATHER_MAX = 64 };

static void swap_bufs(struct cf_buf *a, struct cf_buf *b)
{
    struct cf_buf before = *a;
    *a = *b;
    *b = before;
}

struct cf_buf *cf_conn_tls_cipher(struct cf_conn *conn)
{
    struct cf_buf *own = &conn->extra->cipher;
    if (own->ptr == NULL)
        swap_bufs(own, &cf_conn_loop(conn)->cipher);
    return own;
}

void cf_conn_tls_cipher_done(struct cf_conn *conn)
{
    struct cf_buf *own = &conn->extra->cipher, *spare = &cf_conn_loop(conn)->cipher;
    if (own->len > 0)
        return;
    if (spare->ptr == NULL)
        swap_bufs(own, spare);
    else
        cf_buf_release(own);
}

enum cf_error cf_conn_tls_new(struct cf_conn *conn, struct cf_tls_context *context,
                              const char *host)
{
    struct cf_conn_extra *extra = conn->extra;
    cf_buf_init(&extra->cipher, CF_LOOP_CIPHER_MAX);
    enum cf_error error = cf_tls_new(context, host, &extra->tls);
    if (error == CF_OK && host != NULL)
        error = cf_tls_start(extra->tls, &extra->cipher);
    return error;
}

void cf_conn_tls_free(struct cf_conn *conn)
{
    cf_tls_free(conn->extra->tls);
    cf_buf_deinit(&conn->extra->cipher);
}

/* The alert that says why goes out if the socket takes it. */
static void fail(struct cf_conn *conn, enum cf_error error)
{
    struct cf_slice alert = cf_buf_peek(&conn->extra->cipher);
    if (alert.len > 0)
        (void)send(conn->fd, alert.ptr, alert.len, MSG_NOSIGNAL);
    cf_conn_end(conn, error == CF_E_NOMEM ? CF_E_NOMEM : CF_E_PROTOCOL);
}

void cf_conn_tls_input(struct cf_conn *conn, struct cf_slice bytes)
{
    struct cf_buf *plain = &cf_conn_loop(conn)->plain;
    struct cf_buf *cipher = cf_conn_tls_cipher(conn);
    bool handshaken = false;
    cf_buf_reset(plain);
    enum cf_error error = cf_tls_receive(conn->extra->tls, bytes, plain, cipher, &handshaken);
    if (error != CF_OK && error != CF_E_CLOSED) {
        fail(conn, error);
        return;
    }
    if (cipher->len > 0)
        cf_conn_mark_dirty(conn);
    cf_conn_tls_cipher_done(conn);
    if (handshaken && cf_conn_is_in(conn, CONN_HANDSHAKE))
        cf_conn_announce(conn);
    if (plain->len > 0 && cf_conn_is_in(conn, CONN_OPEN))
        conn->config->ops->read(conn, cf_buf_peek(plain));
    if (error == CF_E_CLOSED && !cf_conn_is_in(conn, CONN_CLOSED))
        cf_conn_peer_ended(conn);
}

/* Small entries share a record. */
static enum cf_error gather(const struct cf_conn *conn, struct cf_buf *plain)
{
    struct cf_slice slices[GATHER_MAX];
    size_t count = cf_outq_peek(&conn->outq, slices, GATHER_MAX);
    cf_buf_reset(plain);
    for (size_t i = 0; i < count && plain->len < CF_LOOP_BUFFER; i++) {
        struct cf_slice part = cf_slice_head(slices[i], CF_LOOP_BUFFER - plain->len);
        enum cf_error error = cf_buf_append(plain, part);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

bool cf_conn_tls_encrypt(struct cf_conn *conn, enum cf_error *out_error)
{
    struct cf_conn_extra *extra = conn->extra;
    struct cf_buf *plain = &cf_conn_loop(conn)->plain;
    if (cf_conn_is_in(conn, CONN_HANDSHAKE))
        return false;
    enum cf_error error = CF_OK;
    if (!cf_outq_empty(&conn->outq)) {
        error = gather(conn, plain);
        if (error == CF_OK)
            error = cf_tls_send(extra->tls, cf_buf_peek(plain), &extra->cipher);
        if (error == CF_OK)
            cf_outq_advance(&conn->outq, plain->len);
    } else if (cf_conn_is_in(conn, CONN_SHUTTING) && !extra->said_goodbye) {
        extra->said_goodbye = true;
        error = cf_tls_shutdown(extra->tls, &extra->cipher);
    }
    *out_error = error == CF_OK || error == CF_E_NOMEM ? error : CF_E_IO;
    return error == CF_OK && extra->cipher.len > 0;
}
