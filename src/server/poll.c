#include "server/poll.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "server/socket.h"

enum {
    SID_SLOT = 4,
    SID_WORKER = 2,
    SID_BYTES = CF_SID_SECRET + SID_SLOT + SID_WORKER,
    TOKEN_MAX = 8192,
    REST_MAX = 1024 * 1024,
};

/* What an exchange has with all this. */
struct cf_poll {
    enum cf_eio_wish wish;
    bool refused;
    enum cf_eio_code code; /* why */
    bool websocket;        /* an OPEN over WebSocket */
    bool asked;            /* a GONE is owed when the exchange goes */
    struct told *early;    /* the answer, when it came before the body was whole */
    uint32_t target;       /* the session's worker */
    uint8_t sid[CF_SID_LEN];
    struct cf_slice token; /* in the exchange's arena */
};

struct ask {
    enum cf_eio_wish wish;
    bool begins; /* of a POST whose body is still to come */
    struct cf_caller caller;
    uint8_t sid[CF_SID_LEN];
    struct cf_buf text; /* POST: the body; OPEN: the handshake's token */
};

struct told {
    uint64_t ticket;
    enum cf_tell tell;
    enum cf_eio_code code;
    struct cf_buf bytes;
};

struct gone {
    struct cf_caller caller;
    uint8_t sid[CF_SID_LEN];
};

struct move {
    struct cf_conn_parcel parcel;
    uint8_t sid[CF_SID_LEN];
    struct cf_buf rest; /* what the peer has sent behind its request */
};

static struct cf_worker *worker_of(const struct cf_exchange *exchange)
{
    return exchange->web->session->worker;
}

/* False without memory: the content is then not taken. */
static bool post(struct cf_worker *from, uint32_t to, enum cf_mail_kind kind, void *content)
{
    struct cf_mail *mail = cf_mail_new(kind);
    if (mail == NULL)
        return false;
    mail->poll = content;
    cf_worker_post(from->server->workers[to], mail);
    return true;
}

/* ---- session ids ---- */

static void put_be(uint8_t *out, size_t len, uint32_t value)
{
    for (size_t i = len; i-- > 0; value >>= 8)
        out[i] = (uint8_t)value;
}

static uint32_t get_be(const uint8_t *bytes, size_t len)
{
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* Hides the slot, which would tell how many sockets there are. */
static uint32_t veil_of(const struct cf_server *server, const uint8_t secret[CF_SID_SECRET])
{
    uint64_t key[2];
    memcpy(key, server->hash_key, sizeof(key));
    return (uint32_t)cf_siphash(key, cf_slice_of(secret, CF_SID_SECRET));
}

void cf_poll_make_sid(struct cf_worker *worker, uint32_t slot, uint8_t out_secret[CF_SID_SECRET],
                      uint8_t out_text[CF_SID_LEN])
{
    uint8_t bytes[SID_BYTES];
    struct cf_buf text = {.ptr = out_text, .cap = CF_SID_LEN, .max = CF_SID_LEN};
    const struct cf_entropy *entropy = &worker->server->entropy;
    entropy->fill(entropy->context, bytes, CF_SID_SECRET);
    memcpy(out_secret, bytes, CF_SID_SECRET);
    put_be(bytes + CF_SID_SECRET, SID_SLOT, slot ^ veil_of(worker->server, bytes));
    put_be(bytes + CF_SID_SECRET + SID_SLOT, SID_WORKER, worker->index);
    enum cf_error error = cf_base64_encode(CF_BASE64_URL, cf_slice_of(bytes, sizeof(bytes)), &text);
    CF_ASSERT(error == CF_OK && text.len == CF_SID_LEN);
}

bool cf_poll_read_sid(const struct cf_server *server, struct cf_slice text, struct cf_sid *out_sid)
{
    uint8_t bytes[SID_BYTES];
    struct cf_buf decoded = {.ptr = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    if (text.len != CF_SID_LEN || cf_base64_decode(CF_BASE64_URL, text, &decoded) != CF_OK)
        return false;
    memcpy(out_sid->secret, bytes, CF_SID_SECRET);
    out_sid->slot = get_be(bytes + CF_SID_SECRET, SID_SLOT) ^ veil_of(server, bytes);
    out_sid->worker = get_be(bytes + CF_SID_SECRET + SID_SLOT, SID_WORKER);
    return out_sid->worker < server->workers_count;
}

/* ---- the request's side ---- */

static void judge(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    struct cf_poll *poll = exchange->poll;
    const struct cf_http_target *target = &exchange->target;
    struct cf_eio_ask ask = {
        .version = cf_http_param_get(target, "EIO"),
        .transport = cf_http_param_get(target, "transport"),
        .sid = cf_http_param_get(target, "sid"),
        .jsonp = cf_http_param_get(target, "j"),
        .get = head->method == CF_HTTP_GET,
        .post = head->method == CF_HTTP_POST,
        .websocket = exchange->ws_offer == CF_OK,
    };
    poll->websocket = ask.websocket;
    poll->target = worker_of(exchange)->index;
    poll->refused = cf_eio_ask_judge(&ask, &poll->wish, &poll->code) != CF_OK;
    if (exchange->origin_refused) {
        poll->refused = true;
        poll->code = CF_EIO_FORBIDDEN;
    }
    if (poll->refused || poll->wish == CF_EIO_WISH_OPEN)
        return;
    struct cf_sid sid;
    poll->refused = !cf_poll_read_sid(worker_of(exchange)->server, ask.sid, &sid);
    poll->target = poll->refused ? poll->target : sid.worker;
    poll->code = CF_EIO_UNKNOWN_SID;
    if (!poll->refused)
        memcpy(poll->sid, ask.sid.ptr, CF_SID_LEN);
}

enum cf_error cf_poll_read(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    const struct cf_config *config = worker_of(exchange)->server->config;
    exchange->poll = calloc(1, sizeof(*exchange->poll));
    if (exchange->poll == NULL)
        return CF_E_NOMEM;
    judge(exchange, head);
    if (exchange->poll->websocket && !config->ws_enabled)
        exchange->refusal = cf_problem_of(CF_E_UNAVAILABLE);
    if (head->method == CF_HTTP_POST) {
        exchange->plan = CF_BODY_KEEP;
        exchange->body.max = config->sio_max_payload;
    }
    struct cf_slice token = exchange->bearer;
    if (token.len == 0 || token.len > TOKEN_MAX || exchange->poll->wish != CF_EIO_WISH_OPEN)
        return CF_OK;
    return cf_arena_copy(&exchange->arena, token, &exchange->poll->token);
}

static enum cf_error send_ask(struct cf_exchange *exchange, bool begins)
{
    struct cf_worker *worker = worker_of(exchange);
    struct cf_poll *poll = exchange->poll;
    struct ask *ask = calloc(1, sizeof(*ask));
    if (ask == NULL)
        return CF_E_NOMEM;
    ask->wish = poll->wish;
    ask->begins = begins;
    ask->caller = (struct cf_caller){worker->index, exchange->web->session->ticket};
    memcpy(ask->sid, poll->sid, sizeof(ask->sid));
    cf_buf_init(&ask->text, TOKEN_MAX);
    enum cf_error error = cf_buf_append(&ask->text, poll->token);
    if (error == CF_OK && poll->wish == CF_EIO_WISH_POST) {
        ask->text = exchange->body;
        cf_buf_init(&exchange->body, 0);
    }
    if (error == CF_OK && post(worker, poll->target, CF_MAIL_ASK, ask)) {
        poll->asked = true;
        return CF_OK;
    }
    cf_buf_deinit(&ask->text);
    free(ask);
    return CF_E_NOMEM;
}

void cf_poll_announce(struct cf_exchange *exchange)
{
    struct cf_poll *poll = exchange->poll;
    if (poll == NULL || poll->refused || poll->wish != CF_EIO_WISH_POST)
        return;
    struct cf_buf body = exchange->body;
    if (send_ask(exchange, true) != CF_OK)
        exchange->refusal = cf_problem_of(CF_E_NOMEM);
    exchange->body = body; /* nothing has come of it yet */
}

static void answer(struct cf_exchange *exchange, unsigned status, const char *type,
                   struct cf_slice body)
{
    struct cf_answer answer = {.status = status, .type = type, .body = body};
    exchange->poll->asked = false;
    cf_exchange_answer(exchange, &answer);
}

static void refuse(struct cf_exchange *exchange, enum cf_eio_code code)
{
    answer(exchange, code == CF_EIO_FORBIDDEN ? 403 : 400, NULL, cf_eio_code_body(code));
}

static void carry_out(struct cf_exchange *exchange, struct told *told);

/* An OPEN over WebSocket needs no other worker, but the end of this step: what the peer has sent
 * behind its request is not in the backlog yet. */
static enum cf_error go_later(struct cf_exchange *exchange)
{
    struct cf_worker *worker = worker_of(exchange);
    struct told *told = calloc(1, sizeof(*told));
    if (told == NULL)
        return CF_E_NOMEM;
    told->ticket = exchange->web->session->ticket;
    told->tell = CF_TELL_GO;
    if (post(worker, worker->index, CF_MAIL_TELL, told))
        return CF_OK;
    free(told);
    return CF_E_NOMEM;
}

void cf_poll_end(struct cf_exchange *exchange)
{
    struct cf_poll *poll = exchange->poll;
    struct told *early = poll->early;
    enum cf_error error = CF_OK;
    if (poll->refused) {
        refuse(exchange, poll->code);
    } else if (worker_of(exchange)->draining) {
        cf_exchange_fail(exchange, CF_E_UNAVAILABLE);
    } else if (early != NULL) {
        poll->early = NULL;
        carry_out(exchange, early);
        cf_buf_deinit(&early->bytes);
        free(early);
    } else {
        bool here = poll->wish == CF_EIO_WISH_OPEN && poll->websocket;
        error = here ? go_later(exchange) : send_ask(exchange, false);
    }
    if (error != CF_OK)
        cf_exchange_fail(exchange, error);
}

static void send_gone(struct cf_exchange *exchange)
{
    struct cf_worker *worker = worker_of(exchange);
    const struct cf_poll *poll = exchange->poll;
    struct gone *gone = calloc(1, sizeof(*gone));
    if (gone == NULL)
        return; /* the heartbeat will find out */
    gone->caller = (struct cf_caller){worker->index, exchange->web->session->ticket};
    memcpy(gone->sid, poll->sid, sizeof(gone->sid));
    if (!post(worker, poll->target, CF_MAIL_GONE, gone))
        free(gone);
}

void cf_poll_free(struct cf_exchange *exchange)
{
    struct cf_poll *poll = exchange->poll;
    if (poll == NULL)
        return;
    if (poll->asked && poll->wish != CF_EIO_WISH_UPGRADE)
        send_gone(exchange);
    if (poll->early != NULL) {
        cf_buf_deinit(&poll->early->bytes);
        free(poll->early);
    }
    free(poll);
    exchange->poll = NULL;
}

/* ---- the answer ---- */

void cf_poll_tell(struct cf_worker *worker, struct cf_caller caller, enum cf_tell tell,
                  enum cf_eio_code code, struct cf_slice bytes)
{
    struct told *told = calloc(1, sizeof(*told));
    if (told == NULL)
        return; /* the client's own timeout will end its wait */
    *told = (struct told){.ticket = caller.ticket, .tell = tell, .code = code};
    cf_buf_init(&told->bytes, bytes.len);
    if (cf_buf_append(&told->bytes, bytes) == CF_OK &&
        post(worker, caller.worker, CF_MAIL_TELL, told))
        return;
    cf_buf_deinit(&told->bytes);
    free(told);
}

static struct cf_socket *find_moved(const struct cf_worker *worker, const struct move *move)
{
    return cf_socket_find(worker, cf_slice_of(move->sid, sizeof(move->sid)));
}

/* Takes the move's content; without memory the connection is dropped. */
static void send_away(struct cf_session *session, uint32_t target, struct move *move)
{
    struct move *moved = calloc(1, sizeof(*moved));
    if (moved == NULL || cf_conn_pack(&session->conn, &move->parcel) != CF_OK) {
        free(moved);
        cf_conn_abort(&session->conn, CF_E_NOMEM);
        return;
    }
    *moved = *move;
    cf_buf_init(&move->rest, 0);
    if (post(session->worker, target, CF_MAIL_MOVE, moved))
        return;
    cf_conn_parcel_drop(&moved->parcel);
    cf_buf_deinit(&moved->rest);
    free(moved);
}

/* The 101 could not be queued. */
static void refuse_line(struct cf_session *session, struct cf_socket *opened, enum cf_error why)
{
    cf_conn_abort(&session->conn, why);
    if (opened != NULL)
        cf_socket_lost(opened);
}

/* The connection becomes a line, here or on the session's worker. */
static void become_line(struct cf_exchange *exchange)
{
    struct cf_session *session = exchange->web->session;
    struct cf_worker *worker = session->worker;
    bool opens = exchange->poll->wish == CF_EIO_WISH_OPEN;
    uint32_t target = exchange->poll->target;
    struct cf_socket *socket = NULL;
    struct move move = {.parcel = {.fd = -1}};
    memcpy(move.sid, exchange->poll->sid, sizeof(move.sid));
    exchange->poll->asked = false;
    if (opens && !worker->draining)
        socket = cf_socket_open(worker, CF_EIO_WEBSOCKET, exchange->poll->token);
    if (opens && socket == NULL) {
        cf_exchange_fail(exchange, CF_E_UNAVAILABLE);
        return;
    }
    enum cf_error error = cf_answer_switch(exchange, CF_LIT(""), CF_LIT(""));
    cf_web_leave(exchange->web, &move.rest);
    if (error != CF_OK)
        refuse_line(session, socket, error);
    else if (target == worker->index)
        cf_poll_attach(session, opens ? socket : find_moved(worker, &move),
                       cf_buf_peek(&move.rest));
    else
        send_away(session, target, &move);
    cf_buf_deinit(&move.rest);
}

static void carry_out(struct cf_exchange *exchange, struct told *told)
{
    switch (told->tell) {
    case CF_TELL_PACKETS:
        answer(exchange, 200, "text/plain; charset=UTF-8", cf_buf_peek(&told->bytes));
        break;
    case CF_TELL_OK:
        answer(exchange, 200, "text/html", CF_LIT("ok"));
        break;
    case CF_TELL_REFUSED:
        refuse(exchange, told->code);
        break;
    case CF_TELL_BUSY:
        exchange->poll->asked = false;
        cf_exchange_fail(exchange, CF_E_UNAVAILABLE);
        break;
    case CF_TELL_GO:
        become_line(exchange);
        break;
    }
}

static void take_answer(struct cf_worker *worker, struct told *told)
{
    struct cf_session *session = cf_slots_get(&worker->slots, told->ticket);
    struct cf_exchange *exchange = NULL;
    if (session != NULL && session->web != NULL)
        exchange = session->web->exchange;
    if (exchange != NULL && exchange->poll != NULL && session->web->phase == CF_WEB_BODY) {
        exchange->poll->early = told; /* the answer to its announcement: a refusal */
        exchange->poll->asked = false;
        return;
    }
    if (exchange != NULL && exchange->poll != NULL)
        carry_out(exchange, told);
    cf_buf_deinit(&told->bytes);
    free(told);
}

/* ---- the session's side ---- */

static void open_session(struct cf_worker *worker, const struct ask *ask)
{
    struct cf_socket *socket = NULL;
    if (!worker->draining)
        socket = cf_socket_open(worker, CF_EIO_POLLING, cf_buf_peek(&ask->text));
    if (socket != NULL)
        cf_socket_poll(socket, ask->caller);
    else
        cf_poll_tell(worker, ask->caller, CF_TELL_BUSY, CF_EIO_BAD_REQUEST, CF_LIT(""));
}

static void take_ask(struct cf_worker *worker, const struct ask *ask)
{
    if (ask->wish == CF_EIO_WISH_OPEN) {
        open_session(worker, ask);
        return;
    }
    struct cf_socket *socket = cf_socket_find(worker, cf_slice_of(ask->sid, sizeof(ask->sid)));
    /* A POST without a session was refused at its announcement, or when the session ended. A second
     * answer would be taken for that of the connection's next request. */
    bool answered = socket == NULL && ask->wish == CF_EIO_WISH_POST && !ask->begins;
    if (answered)
        return;
    if (socket == NULL)
        cf_poll_tell(worker, ask->caller, CF_TELL_REFUSED, CF_EIO_UNKNOWN_SID, CF_LIT(""));
    else if (ask->wish == CF_EIO_WISH_POLL)
        cf_socket_poll(socket, ask->caller);
    else if (ask->wish == CF_EIO_WISH_UPGRADE)
        cf_poll_tell(worker, ask->caller, CF_TELL_GO, CF_EIO_BAD_REQUEST, CF_LIT(""));
    else if (ask->begins)
        cf_socket_post_begin(socket, ask->caller);
    else
        cf_socket_post(socket, ask->caller, cf_buf_peek(&ask->text));
}

void cf_poll_attach(struct cf_session *session, struct cf_socket *socket, struct cf_slice rest)
{
    struct cf_worker *worker = session->worker;
    struct cf_ws_deflate_params plain = {.enabled = false};
    cf_ws_endpoint_init(&session->line.endpoint, &worker->server->sio_ws_config, &plain, NULL,
                        cf_worker_now(worker).ms);
    cf_socket_line(socket, &session->line);
    if (rest.len > 0)
        cf_line_read(&session->line, rest);
}

static void take_connection(struct cf_worker *worker, struct move *move)
{
    struct cf_session *session = cf_session_adopt(worker, &move->parcel);
    struct cf_socket *socket = find_moved(worker, move);
    if (session != NULL)
        cf_poll_attach(session, worker->draining ? NULL : socket, cf_buf_peek(&move->rest));
}

static void take_gone(struct cf_worker *worker, const struct gone *gone)
{
    struct cf_socket *socket = cf_socket_find(worker, cf_slice_of(gone->sid, sizeof(gone->sid)));
    if (socket != NULL)
        cf_socket_gone(socket, gone->caller);
}

/* ---- mail ---- */

void cf_poll_handle(struct cf_worker *worker, struct cf_mail *mail)
{
    void *content = mail->poll;
    switch (mail->kind) {
    case CF_MAIL_ASK:
        take_ask(worker, content);
        cf_buf_deinit(&((struct ask *)content)->text);
        break;
    case CF_MAIL_TELL:
        take_answer(worker, content);
        content = NULL;
        break;
    case CF_MAIL_GONE:
        take_gone(worker, content);
        break;
    case CF_MAIL_MOVE:
        take_connection(worker, content);
        cf_buf_deinit(&((struct move *)content)->rest);
        break;
    default:
        break;
    }
    free(content);
    mail->poll = NULL;
}

void cf_poll_discard(struct cf_mail *mail)
{
    if (mail->kind == CF_MAIL_ASK)
        cf_buf_deinit(&((struct ask *)mail->poll)->text);
    if (mail->kind == CF_MAIL_TELL)
        cf_buf_deinit(&((struct told *)mail->poll)->bytes);
    if (mail->kind == CF_MAIL_MOVE) {
        cf_conn_parcel_drop(&((struct move *)mail->poll)->parcel);
        cf_buf_deinit(&((struct move *)mail->poll)->rest);
    }
    free(mail->poll);
    mail->poll = NULL;
}
