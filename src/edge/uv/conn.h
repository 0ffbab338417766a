/* One stream connection (TCP or a Unix socket, plain or TLS) on a loop: own non-blocking socket,
 * watched by its loop. Embed it in the session that owns it.
 *
 *   init ─► start (accepted fd) or dial ─► [opened] ─► read … ─► closed
 *
 * Callbacks come from the loop only, never from inside a call of the owner's: a write or close
 * never calls back at once (hazard V29). `closed` is the last one; the owner frees itself in it.
 * Writes queue references and go out at the end of the turn. An idle plain connection owns no heap
 * memory, one over TLS its struct cf_tls; the buffers are the loop's, one for all. */
#ifndef CF_EDGE_UV_CONN_H
#define CF_EDGE_UV_CONN_H

#include "base/outq.h"
#include "edge/tls/tls.h"
#include "edge/uv/loop.h"

struct cf_conn;
struct cf_conn_extra; /* what only a dialled or a waiting connection has */

/* What a connection has beyond a struct cf_conn. Of the two that are idle one needs nothing and the
 * other only its TLS, which then stands here and not in an extra. */
union cf_conn_rest {
    struct cf_conn_extra *extra; /* NULL: plain, accepted, and nothing is waited for */
    struct cf_tls *tls;          /* tls_only */
};

struct cf_conn_ops {
    /* The connection is usable: at once for an accepted plain one, else after connect and TLS. May
     * be NULL. */
    void (*opened)(struct cf_conn *conn);
    /* Bytes of the peer, borrowed for the call. The owner takes all of them, or keeps the rest
     * itself. */
    void (*read)(struct cf_conn *conn, struct cf_slice bytes);
    /* The write queue ran empty after it could not be written in one go, or there is room again for
     * more of a file. May be NULL. */
    void (*drained)(struct cf_conn *conn);
    /* It is over: CF_OK after our own shut, CF_E_CLOSED by the peer, CF_E_TIMEOUT (write wait, TLS
     * handshake or connect), CF_E_IO, CF_E_PROTOCOL (TLS), CF_E_NOMEM. */
    void (*closed)(struct cf_conn *conn, enum cf_error why);
};

struct cf_conn_config {
    const struct cf_conn_ops *ops;
    cf_ms write_wait_ms;     /* a write that makes no progress for so long ends the connection */
    cf_ms handshake_wait_ms; /* connect and TLS handshake together */
};

struct cf_address {
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint16_t port;
    bool is_unix; /* a Unix socket: ip is ::1 */
};

/* Members are the connection's own. 88 bytes on a 64-bit machine. */
struct cf_conn {
    struct cf_loop *loop;
    struct cf_outq outq;
    struct cf_list pending; /* in a list of the loop: to be opened, flushed or closed */
    const struct cf_conn_config *config;
    union cf_conn_rest rest;
    int fd;
    uint8_t state;
    uint8_t watched; /* events that the loop tells of */
    uint8_t why;     /* enum cf_error, once it is closed */
    bool paused : 1;
    bool ended : 1;   /* the peer has sent its FIN */
    bool stalled : 1; /* the socket took no more: a flush waits for it to be writable */
    bool tls_only : 1;
    bool said_goodbye : 1; /* close_notify was queued */
};

/* Longest text of an address, with its NUL. */
enum { CF_ADDRESS_TEXT = 64 };

/* Takes over the accepted, non-blocking `fd` and begins to read. `tls` NULL: plain; else a
 * reference is taken. `config` is borrowed. On an error the fd is closed and no callback comes.
 * CF_E_IO, CF_E_NOMEM. */
enum cf_error cf_conn_start(struct cf_conn *conn, struct cf_loop *loop,
                            const struct cf_conn_config *config, int fd,
                            struct cf_tls_context *tls);
/* A connection on its way from one loop to another: its socket, TLS state and what is queued. */
struct cf_conn_parcel {
    int fd;
    bool tls_only;
    union cf_conn_rest rest;
    struct cf_outq outq;
};

/* Takes a connection that is open off its loop, as it is. `closed` comes later, with CF_OK, for
 * what is left here. CF_E_STATE: it is not open, or its socket takes no more. */
enum cf_error cf_conn_pack(struct cf_conn *conn, struct cf_conn_parcel *out_parcel);
/* Puts it on this loop, whose thread calls; `opened` comes. The parcel is used up in any case; on
 * an error the connection is closed and no callback comes. CF_E_IO. */
enum cf_error cf_conn_unpack(struct cf_conn *conn, struct cf_loop *loop,
                             const struct cf_conn_config *config, struct cf_conn_parcel *parcel);
/* Closes one that will not be unpacked. */
void cf_conn_parcel_drop(struct cf_conn_parcel *parcel);
/* Resolves and connects. `closed` tells of a failure later. */
enum cf_error cf_conn_dial(struct cf_conn *conn, struct cf_loop *loop,
                           const struct cf_conn_config *config, const char *host, uint16_t port,
                           struct cf_tls_context *tls);
/* Queues a copy. CF_E_NOMEM, CF_E_STATE after shut or abort. */
enum cf_error cf_conn_write(struct cf_conn *conn, struct cf_slice bytes);
/* Queues a reference of its own, counted as `messages`. */
enum cf_error cf_conn_queue(struct cf_conn *conn, struct cf_shared *bytes, uint32_t messages);
/* Sends up to `len` bytes of an open file from *offset on straight from the page cache,
 * sendfile(2); *offset moves on. Only on a plain connection (CF_E_UNSUPPORTED) that is open and
 * whose queue is empty (CF_E_STATE, also after shut or abort). Moved less than `len`: the socket is
 * full, `drained` will tell. A file that ends before: CF_E_TRUNCATED. CF_E_CLOSED and what else a
 * send meets: abort. Pages that are not in memory are waited for, so `len` is kept small. sendfile
 * knows no MSG_NOSIGNAL: the program ignores SIGPIPE. */
enum cf_error cf_conn_send_file(struct cf_conn *conn, int file, uint64_t *offset, size_t len);
/* Messages and bytes that wait, for backpressure. */
static inline const struct cf_outq *cf_conn_outq(const struct cf_conn *conn)
{
    return &conn->outq;
}
/* The socket took no more: `drained` will tell when it has. */
bool cf_conn_blocked(const struct cf_conn *conn);
/* Drops what has not been written at all (a partly written entry stays); returns the messages
 * dropped. */
uint32_t cf_conn_drop_unsent(struct cf_conn *conn);
/* Stops and resumes reading: backpressure towards the peer. */
void cf_conn_pause(struct cf_conn *conn);
void cf_conn_resume(struct cf_conn *conn);
bool cf_conn_paused(const struct cf_conn *conn);
/* Writes what is queued (at most write_wait without progress), says goodbye (TLS close_notify,
 * FIN), waits at most 1 s for the peer's FIN so that the last bytes are not cut off by a reset,
 * then closes. */
void cf_conn_shut(struct cf_conn *conn);
/* Closes now; `closed` comes in the loop's next turn with `why`. */
void cf_conn_abort(struct cf_conn *conn, enum cf_error why);
bool cf_conn_is_tls(const struct cf_conn *conn);
/* The peer's address, asked of the kernel. */
void cf_conn_peer(const struct cf_conn *conn, struct cf_address *out_address);
/* "127.0.0.1", "2001:db8::1", without port; NUL-terminated. */
void cf_address_text(const struct cf_address *address, char out[CF_ADDRESS_TEXT]);
bool cf_address_is_loopback(const struct cf_address *address);

#endif
