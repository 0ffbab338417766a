/* The way out: queue, mark dirty, one flush at the end of the turn. The common case, one entry in
 * the queue of a plain connection, is one send(2) and no allocation. */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "edge/uv/conn_state.h"

/* Entries that go into one sendmsg(2). */
enum { BATCH_MAX = 64 };

/* A peer that never answers our FIN keeps the socket no longer. */
enum { LINGER_WAIT_MS = 1000 };

static bool takes_writes(const struct cf_conn *conn)
{
    return conn->state < CONN_SHUTTING;
}

enum cf_error cf_conn_queue(struct cf_conn *conn, struct cf_shared *bytes, uint32_t messages)
{
    if (!takes_writes(conn))
        return CF_E_STATE;
    enum cf_error error = cf_outq_push(&conn->outq, bytes, messages);
    if (error == CF_OK)
        cf_conn_mark_dirty(conn);
    return error;
}

enum cf_error cf_conn_write(struct cf_conn *conn, struct cf_slice bytes)
{
    if (!takes_writes(conn))
        return CF_E_STATE;
    struct cf_shared *shared = cf_shared_new(bytes);
    if (shared == NULL)
        return CF_E_NOMEM;
    enum cf_error error = cf_conn_queue(conn, shared, 0);
    cf_shared_unref(shared);
    return error;
}

bool cf_conn_blocked(const struct cf_conn *conn)
{
    return conn->stalled;
}

uint32_t cf_conn_drop_unsent(struct cf_conn *conn)
{
    return cf_outq_drop_unsent(&conn->outq);
}

static ssize_t send_many(int fd, const struct cf_slice *slices, size_t count)
{
    struct iovec parts[BATCH_MAX];
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct iovec){.iov_base = (void *)slices[i].ptr, .iov_len = slices[i].len};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Writes as much as the socket takes now. *out_sent is less than all exactly when it is full. */
static enum cf_error send_now(int fd, const struct cf_slice *slices, size_t count, size_t *out_sent)
{
    ssize_t sent;
    do {
        sent = count == 1 ? send(fd, slices[0].ptr, slices[0].len, MSG_NOSIGNAL)
                          : send_many(fd, slices, count);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
        return cf_conn_error_of(errno);
    *out_sent = sent < 0 ? 0 : (size_t)sent;
    return CF_OK;
}

/* The progress of one flush. */
struct flush {
    bool progress; /* at least one byte went out */
    bool full;     /* the socket takes no more */
};

static size_t total_len(const struct cf_slice *slices, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += slices[i].len;
    return total;
}

static enum cf_error flush_plain(struct cf_conn *conn, struct flush *flush)
{
    while (!cf_outq_empty(&conn->outq)) {
        struct cf_slice slices[BATCH_MAX];
        size_t count = cf_outq_peek(&conn->outq, slices, BATCH_MAX);
        size_t total = total_len(slices, count), sent = 0;
        enum cf_error error = send_now(conn->fd, slices, count, &sent);
        if (error != CF_OK)
            return error;
        cf_outq_advance(&conn->outq, sent);
        flush->progress = flush->progress || sent > 0;
        flush->full = sent < total;
        if (flush->full)
            return CF_OK;
    }
    return CF_OK;
}

/* The next batch is encrypted only when the one before has been written, so that what the queue
 * says is waiting is true up to one batch. */
static enum cf_error write_tls(struct cf_conn *conn, struct cf_buf *cipher, struct flush *flush)
{
    enum cf_error error = CF_OK;
    while (cipher->len > 0 || cf_conn_tls_encrypt(conn, cipher, &error)) {
        struct cf_slice bytes = cf_buf_peek(cipher);
        size_t sent = 0;
        error = send_now(conn->fd, &bytes, 1, &sent);
        if (error != CF_OK)
            return error;
        cf_buf_consume(cipher, sent);
        flush->progress = flush->progress || sent > 0;
        flush->full = cipher->len > 0;
        if (flush->full)
            return CF_OK;
    }
    return error;
}

static enum cf_error flush_tls(struct cf_conn *conn, struct flush *flush)
{
    struct cf_buf *cipher = cf_conn_tls_cipher(conn);
    enum cf_error error = write_tls(conn, cipher, flush);
    enum cf_error kept = cf_conn_tls_cipher_done(conn, cipher);
    return error != CF_OK ? error : kept;
}

/* The handshake has one deadline over all, which no progress moves. */
static bool in_handshake(const struct cf_conn *conn)
{
    return cf_conn_is_in(conn, CONN_HANDSHAKE);
}

static void stall(struct cf_conn *conn, bool progress)
{
    bool first = !conn->stalled;
    conn->stalled = true;
    if ((first || progress) && !in_handshake(conn))
        cf_conn_wait(conn, conn->config->write_wait_ms);
    if (first)
        cf_conn_watch(conn);
}

/* Everything is written: our FIN follows, unless the peer's is here already. */
static void say_goodbye(struct cf_conn *conn)
{
    if (conn->ended) {
        cf_conn_end(conn, CF_OK);
        return;
    }
    (void)shutdown(conn->fd, SHUT_WR);
    conn->state = CONN_LINGERING;
    cf_conn_wait(conn, LINGER_WAIT_MS);
    cf_conn_watch(conn);
}

static void finish_flush(struct cf_conn *conn)
{
    bool was_stalled = conn->stalled;
    if (was_stalled) {
        conn->stalled = false;
        if (!in_handshake(conn))
            cf_conn_wait_stop(conn);
        cf_conn_watch(conn);
    }
    if (cf_conn_is_in(conn, CONN_SHUTTING))
        say_goodbye(conn);
    else if (cf_conn_is_in(conn, CONN_ENDING))
        cf_conn_end(conn, CF_E_CLOSED);
    else if (was_stalled && cf_conn_is_in(conn, CONN_OPEN) && conn->config->ops->drained != NULL)
        conn->config->ops->drained(conn);
}

void cf_conn_flush(struct cf_conn *conn)
{
    struct flush flush = {false, false};
    enum cf_error error =
        cf_conn_is_tls(conn) ? flush_tls(conn, &flush) : flush_plain(conn, &flush);
    if (error != CF_OK)
        cf_conn_end(conn, error);
    else if (flush.full)
        stall(conn, flush.progress);
    else
        finish_flush(conn);
}

/* Until `len` bytes are sent or the socket is full, which flush->full tells. The file's own
 * position is not used, so that one descriptor may serve many. */
static enum cf_error send_pages(int fd, int file, uint64_t *offset, size_t len, struct flush *flush)
{
    while (len > 0) {
        off_t at = (off_t)*offset;
        ssize_t sent = sendfile(fd, file, &at, len);
        if (sent < 0 && errno == EINTR)
            continue;
        flush->full = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (flush->full)
            return CF_OK;
        if (sent < 0)
            return cf_conn_error_of(errno);
        if (sent == 0)
            return CF_E_TRUNCATED;
        flush->progress = true;
        *offset += (uint64_t)sent;
        len -= (size_t)sent;
    }
    return CF_OK;
}

enum cf_error cf_conn_send_file(struct cf_conn *conn, int file, uint64_t *offset, size_t len)
{
    struct flush flush = {false, false};
    if (cf_conn_is_tls(conn))
        return CF_E_UNSUPPORTED;
    if (!cf_conn_is_in(conn, CONN_OPEN) || !cf_outq_empty(&conn->outq))
        return CF_E_STATE;
    if (conn->stalled) /* the poll has not told yet that there is room */
        return CF_OK;
    enum cf_error error = send_pages(conn->fd, file, offset, len, &flush);
    if (flush.full)
        stall(conn, flush.progress);
    return error;
}
