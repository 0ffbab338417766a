/* TLS between the socket and the owner. Memory is lent: an idle connection has none besides its
 * struct cf_tls, the buffers are the loop's, and only what a full socket did not take stays with
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

/* The loop's buffer is empty between two calls. */
struct cf_buf *cf_conn_tls_cipher(struct cf_conn *conn)
{
    struct cf_conn_extra *extra = cf_conn_extra(conn);
    return extra != NULL && extra->cipher.len > 0 ? &extra->cipher : &cf_conn_loop(conn)->cipher;
}

enum cf_error cf_conn_tls_cipher_done(struct cf_conn *conn, struct cf_buf *cipher)
{
    struct cf_buf *lent = &cf_conn_loop(conn)->cipher;
    if (cipher->len == 0) {
        if (cipher != lent && lent->ptr == NULL)
            swap_bufs(cipher, lent);
        cf_conn_extra_shed(conn);
        return CF_OK;
    }
    if (cipher != lent)
        return CF_OK;
    struct cf_conn_extra *extra = cf_conn_extra_of(conn);
    if (extra == NULL) {
        cf_buf_reset(lent);
        return CF_E_NOMEM;
    }
    swap_bufs(&extra->cipher, lent);
    return CF_OK;
}

enum cf_error cf_conn_tls_new(struct cf_conn *conn, struct cf_tls_context *context,
                              const char *host)
{
    struct cf_conn_extra *extra = cf_conn_extra(conn);
    enum cf_error error = cf_tls_new(context, host, &extra->tls);
    if (error == CF_OK && host != NULL)
        error = cf_tls_start(extra->tls, &extra->cipher);
    return error;
}

/* The alert that says why goes out if the socket takes it. */
static void fail(struct cf_conn *conn, struct cf_buf *cipher, enum cf_error error)
{
    struct cf_slice alert = cf_buf_peek(cipher);
    if (alert.len > 0)
        (void)send(conn->fd, alert.ptr, alert.len, MSG_NOSIGNAL);
    cf_buf_reset(cipher);
    cf_conn_end(conn, error == CF_E_NOMEM ? CF_E_NOMEM : CF_E_PROTOCOL);
}

void cf_conn_tls_input(struct cf_conn *conn, struct cf_slice bytes)
{
    struct cf_buf *plain = &cf_conn_loop(conn)->plain;
    struct cf_buf *cipher = cf_conn_tls_cipher(conn);
    bool handshaken = false;
    cf_buf_reset(plain);
    enum cf_error error = cf_tls_receive(cf_conn_tls(conn), bytes, plain, cipher, &handshaken);
    if (error != CF_OK && error != CF_E_CLOSED) {
        fail(conn, cipher, error);
        return;
    }
    if (cipher->len > 0)
        cf_conn_mark_dirty(conn);
    if (cf_conn_tls_cipher_done(conn, cipher) != CF_OK) {
        cf_conn_end(conn, CF_E_NOMEM);
        return;
    }
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

bool cf_conn_tls_encrypt(struct cf_conn *conn, struct cf_buf *cipher, enum cf_error *out_error)
{
    struct cf_tls *tls = cf_conn_tls(conn);
    struct cf_buf *plain = &cf_conn_loop(conn)->plain;
    if (cf_conn_is_in(conn, CONN_HANDSHAKE))
        return false;
    enum cf_error error = CF_OK;
    if (!cf_outq_empty(&conn->outq)) {
        error = gather(conn, plain);
        if (error == CF_OK)
            error = cf_tls_send(tls, cf_buf_peek(plain), cipher);
        if (error == CF_OK)
            cf_outq_advance(&conn->outq, plain->len);
    } else if (cf_conn_is_in(conn, CONN_SHUTTING) && !conn->said_goodbye) {
        conn->said_goodbye = true;
        error = cf_tls_shutdown(tls, cipher);
    }
    *out_error = error == CF_OK || error == CF_E_NOMEM ? error : CF_E_IO;
    return error == CF_OK && cipher->len > 0;
}
