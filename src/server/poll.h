/* Socket.IO over HTTP: requests on the path, wherever they arrive. A session lives on one worker,
 * which its id names; a request that arrives at any is handed over to that worker by mail, and so
 * is a connection that is to become the session's WebSocket. No sticky sessions are needed.
 *
 *   the request's worker (A)                the session's worker (B), perhaps the same
 *   head of a POST       ── ASK begins ──►  a second one at a time ends the session
 *   the request is whole ── ASK ─────────►  opens, holds, takes; later exactly one answer:
 *   answers              ◄───────── TELL ──  bytes, or GO: the upgrade is granted
 *   its connection died  ── GONE ────────►
 *   GO, and A is not B   ── MOVE ────────►  the connection itself */
#ifndef CF_SERVER_POLL_H
#define CF_SERVER_POLL_H

#include "server/exchange.h"

struct cf_socket;

/* A session's id: what nobody can guess, and where it is. */
enum { CF_SID_SECRET = 16, CF_SID_LEN = 30 /* in base64url */ };
struct cf_sid {
    uint8_t secret[CF_SID_SECRET];
    uint32_t slot;
    uint32_t worker;
};

/* A request that waits for its answer. */
struct cf_caller {
    uint32_t worker;
    uint64_t ticket; /* of its session; 0: nobody waits */
};

static inline bool cf_caller_is(struct cf_caller a, struct cf_caller b)
{
    return a.ticket == b.ticket && a.worker == b.worker;
}

enum cf_tell {
    CF_TELL_PACKETS, /* 200, a payload */
    CF_TELL_OK,      /* 200, "ok" */
    CF_TELL_REFUSED, /* 400, the code's JSON */
    CF_TELL_BUSY,    /* 503 */
    CF_TELL_GO,      /* switch protocols */
};

/* For requests: what a head asks for. A refusal is no error. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_poll_read(struct cf_exchange *exchange, const struct cf_http_head *head);
/* The limit of this request's body is set: a POST announces itself. */
void cf_poll_announce(struct cf_exchange *exchange);
/* The request is whole. */
void cf_poll_end(struct cf_exchange *exchange);
/* The exchange goes; NULL poll is allowed. */
void cf_poll_free(struct cf_exchange *exchange);

/* For workers: one of CF_MAIL_ASK, TELL, GONE, MOVE. */
void cf_poll_handle(struct cf_worker *worker, struct cf_mail *mail);
/* Frees what a mail carries. */
void cf_poll_discard(struct cf_mail *mail);

/* For sessions: the one answer to a request that waits. `bytes`: of PACKETS. */
void cf_poll_tell(struct cf_worker *worker, struct cf_caller caller, enum cf_tell tell,
                  enum cf_eio_code code, struct cf_slice bytes);
/* A connection whose 101 is queued becomes the line of a socket on its worker (NULL: of one that
 * has ended meanwhile). `rest`: what the peer has sent already. */
void cf_poll_attach(struct cf_session *session, struct cf_socket *socket, struct cf_slice rest);
/* The text of a fresh id of a session in this slot of this worker, and what is to be remembered. */
void cf_poll_make_sid(struct cf_worker *worker, uint32_t slot, uint8_t out_secret[CF_SID_SECRET],
                      uint8_t out_text[CF_SID_LEN]);
/* False: no worker has made it. */
bool cf_poll_read_sid(const struct cf_server *server, struct cf_slice text, struct cf_sid *out_sid);

#endif
