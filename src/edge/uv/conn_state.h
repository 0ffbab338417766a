/* What the files of a connection share: its states and the steps between them. Nobody outside
 * includes it.
 *
 *   RESOLVING ─► CONNECTING ─┐
 *                            ├─► HANDSHAKE ─┐
 *                 accepted ──┤              ├─► OPEN ─┬─► SHUTTING ─► LINGERING ─► CLOSED
 *                            └─► OPENING ───┘         └─► ENDING ────────────────────┘
 *
 * Any state may go to CLOSED at once. Two rules keep it small: a stalled connection is not on the
 * dirty list (it is flushed when the socket is writable), and callbacks of the owner run only from
 * the poll, a timer, the closing or the opening step, never from a flush at the end of a turn.
 */
#ifndef CF_EDGE_UV_CONN_STATE_H
#define CF_EDGE_UV_CONN_STATE_H

#include "base/buf.h"
#include "edge/uv/conn.h"
#include "edge/uv/turn.h"

enum conn_state {
    CONN_RESOLVING,
    CONN_CONNECTING,
    CONN_OPENING,   /* accepted, plain and usable, but the owner was not told yet */
    CONN_HANDSHAKE, /* of TLS */
    CONN_OPEN,
    CONN_ENDING,    /* the peer has ended; what was queued is still written */
    CONN_SHUTTING,  /* our shut: what is queued is written, what comes is ignored */
    CONN_LINGERING, /* our FIN is sent, the peer's is waited for */
    CONN_CLOSED,
};

struct cf_dial;

struct cf_conn_extra {
    struct cf_loop_timer timer; /* handshake, write or goodbye, whichever is waited for */
    struct cf_conn *conn;       /* whose it is, once it is armed */
    struct cf_tls *tls;         /* NULL: plain */
    struct cf_dial *dial;       /* NULL: accepted, or connected by now */
    struct cf_buf cipher;       /* encrypted but not written */
};

static inline struct cf_loop *cf_conn_loop(const struct cf_conn *conn)
{
    return conn->loop;
}

/* NULL: none. */
static inline struct cf_conn_extra *cf_conn_extra(const struct cf_conn *conn)
{
    return conn->tls_only ? NULL : conn->rest.extra;
}

/* NULL: plain, or TLS has not begun. */
static inline struct cf_tls *cf_conn_tls(const struct cf_conn *conn)
{
    if (conn->tls_only)
        return conn->rest.tls;
    return conn->rest.extra == NULL ? NULL : conn->rest.extra->tls;
}

static inline bool cf_conn_is_in(const struct cf_conn *conn, enum conn_state state)
{
    return conn->state == state;
}

/* conn.c; cf_conn_announce and cf_conn_flush are in turn.h */

void cf_conn_init(struct cf_conn *conn, struct cf_loop *loop, const struct cf_conn_config *config);
void cf_conn_rest_free(struct cf_conn *conn);
/* Gives the extra back when nothing is in it that is needed. */
void cf_conn_extra_shed(struct cf_conn *conn);
/* To CLOSED: the owner hears of it in one of the loop's next steps. */
void cf_conn_end(struct cf_conn *conn, enum cf_error why);
/* Has the loop tell what the state asks for. */
void cf_conn_watch(struct cf_conn *conn);
/* Has the end of the turn flush it. */
void cf_conn_mark_dirty(struct cf_conn *conn);
/* The peer has sent its FIN or close_notify. */
void cf_conn_peer_ended(struct cf_conn *conn);
/* The extra, made if there is none; NULL without memory. */
struct cf_conn_extra *cf_conn_extra_of(struct cf_conn *conn);
/* (Re)starts the wait that ends the connection; CF_MS_NEVER: it does not. Without memory for it the
 * connection ends at once. */
void cf_conn_wait(struct cf_conn *conn, cf_ms wait_ms);
void cf_conn_wait_stop(struct cf_conn *conn);
/* The error of an errno: CF_E_CLOSED when the peer is gone, CF_E_TIMEOUT, CF_E_NOMEM, else CF_E_IO
 * with a line in the log. */
enum cf_error cf_conn_error_of(int system_error);

/* conn_tls.c */

/* Begins the handshake. `host`: whom a client expects, NULL for the server's side. CF_E_NOMEM,
 * CF_E_INVALID (host). */
enum cf_error cf_conn_tls_new(struct cf_conn *conn, struct cf_tls_context *context,
                              const char *host);
/* Bytes of the socket: continues the handshake, then decrypts and hands on. */
void cf_conn_tls_input(struct cf_conn *conn, struct cf_slice bytes);
/* Where what is encrypted gathers: its own buffer when something waits there, else the loop's; and
 * what keeps what is left in it. CF_E_NOMEM. */
struct cf_buf *cf_conn_tls_cipher(struct cf_conn *conn);
enum cf_error cf_conn_tls_cipher_done(struct cf_conn *conn, struct cf_buf *cipher);
/* Encrypts the next batch of the queue, or the goodbye. False: there is nothing to encrypt, or
 * *out_error. */
bool cf_conn_tls_encrypt(struct cf_conn *conn, struct cf_buf *cipher, enum cf_error *out_error);

/* conn_dial.c */

/* The socket that is being connected is writable or has failed. */
void cf_conn_dial_step(struct cf_conn *conn);
/* Lets go of what is left of dialling. */
void cf_conn_dial_free(struct cf_conn *conn);

#endif
