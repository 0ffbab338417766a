#include "server/answer.h"

#include "server/exchange.h"
#include "wire/http/encoder.h"

enum {
    HEAD_MAX = 16 * 1024,
    HEAD_USUAL = 512,
    BODY_MAX = 16 * 1024 * 1024,
    INCIDENT_LEN = 16,
};

/* The first of several errors, so that a head reads as a list of its lines. */
static void also(enum cf_error *error, enum cf_error next)
{
    if (*error == CF_OK)
        *error = next;
}

void cf_answer_exchange(struct cf_answer *answer, const struct cf_exchange *exchange)
{
    if (exchange == NULL)
        return;
    answer->head_only = exchange->method == CF_HTTP_HEAD;
    answer->http_1_0_keep_alive = exchange->keep_alive && exchange->http_1_0;
    answer->close = answer->close || !exchange->keep_alive;
    answer->origin = exchange->origin;
    if (answer->extra.len == 0)
        answer->extra = exchange->extra;
}

static void write_cors(const struct cf_answer *answer, struct cf_buf *out, enum cf_error *error)
{
    if (answer->origin.ptr == NULL)
        return;
    also(error, cf_http_write_header(out, "Access-Control-Allow-Origin", answer->origin));
    also(error,
         cf_http_write_header(out, "Access-Control-Expose-Headers",
                              CF_LIT("Retry-After, Location, ETag, Content-Range, Tus-Resumable, "
                                     "Upload-Offset, Upload-Length, X-Encrypted-Metadata")));
    also(error, cf_http_write_header(out, "Vary", CF_LIT("Origin")));
}

static void write_problem_headers(const struct cf_problem *problem, struct cf_buf *out,
                                  enum cf_error *error)
{
    if (problem == NULL)
        return;
    if (problem->retry_after_s > 0)
        also(error, cf_http_write_header_u64(out, "Retry-After", problem->retry_after_s));
    if (problem->status == 401)
        also(error, cf_http_write_header(out, "WWW-Authenticate", CF_LIT("Bearer")));
    if (problem->status == 426) {
        also(error, cf_http_write_header(out, "Upgrade", CF_LIT("websocket")));
        also(error, cf_http_write_header(out, "Sec-WebSocket-Version", CF_LIT("13")));
    }
}

static enum cf_error write_head(struct cf_session *session, const struct cf_answer *answer,
                                unsigned status, uint64_t length, struct cf_buf *out)
{
    enum cf_error error = cf_http_write_status(out, status);
    also(&error, cf_http_write_date(out, cf_worker_now(session->worker).us));
    write_cors(answer, out, &error);
    write_problem_headers(answer->problem, out, &error);
    if (answer->allow != NULL)
        also(&error, cf_http_write_header(out, "Allow", cf_slice_cstr(answer->allow)));
    if (length > 0) {
        const char *type = answer->type != NULL ? answer->type : "application/json";
        also(&error, cf_http_write_header(out, "Content-Type", cf_slice_cstr(type)));
        also(&error, cf_http_write_header(out, "X-Content-Type-Options", CF_LIT("nosniff")));
    }
    if (!answer->in_pieces && status != 304) /* a download says its own, whole or known */
        also(&error, cf_http_write_header(out, "Cache-Control", CF_LIT("no-store")));
    also(&error, cf_buf_append(out, answer->extra));
    if (status != 204 && status != 304)
        also(&error, cf_http_write_header_u64(out, "Content-Length", length));
    if (answer->close)
        also(&error, cf_http_write_header(out, "Connection", CF_LIT("close")));
    else if (answer->http_1_0_keep_alive)
        also(&error, cf_http_write_header(out, "Connection", CF_LIT("keep-alive")));
    also(&error, cf_http_write_end(out));
    return error;
}

static enum cf_counter status_counter(unsigned status)
{
    if (status < 300)
        return CF_COUNT_HTTP_2XX;
    if (status < 400)
        return CF_COUNT_HTTP_3XX;
    return status < 500 ? CF_COUNT_HTTP_4XX : CF_COUNT_HTTP_5XX;
}

/* A 500 says nothing but an id; the log line with that id says the rest. */
static struct cf_slice new_incident(struct cf_session *session, char out[INCIDENT_LEN])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t random[INCIDENT_LEN / 2];
    const struct cf_entropy *entropy = &session->worker->server->entropy;
    entropy->fill(entropy->context, random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        out[2 * i] = digits[random[i] >> 4];
        out[2 * i + 1] = digits[random[i] & 15];
    }
    struct cf_slice incident = cf_slice_of(out, INCIDENT_LEN);
    cf_log(CF_LOG_ERROR, "request failed", CF_KV_STR("incident", incident));
    return incident;
}

static enum cf_error write_problem(struct cf_session *session, const struct cf_problem *problem,
                                   struct cf_buf *out)
{
    char text[INCIDENT_LEN];
    struct cf_slice incident = {NULL, 0};
    if (problem->status == 500)
        incident = new_incident(session, text);
    return cf_problem_write(problem, incident, out);
}

/* Head and body in one piece: one allocation, and one more in the connection's queue. */
static enum cf_error write_answer(struct cf_session *session, const struct cf_answer *answer,
                                  unsigned status, struct cf_slice body, struct cf_buf *out)
{
    uint64_t length = answer->in_pieces ? answer->length : body.len;
    enum cf_error error = cf_buf_reserve(out, HEAD_USUAL + body.len);
    also(&error, write_head(session, answer, status, length, out));
    if (!answer->head_only)
        also(&error, cf_buf_append(out, body));
    return error;
}

void cf_answer_send(struct cf_session *session, const struct cf_answer *answer)
{
    unsigned status = answer->problem != NULL ? answer->problem->status : answer->status;
    enum cf_error error = CF_OK;
    struct cf_buf problem, text;
    cf_buf_init(&problem, HEAD_MAX);
    cf_buf_init(&text, HEAD_MAX + BODY_MAX);
    if (answer->problem != NULL)
        error = write_problem(session, answer->problem, &problem);
    struct cf_slice body = answer->problem != NULL ? cf_buf_peek(&problem) : answer->body;
    also(&error, write_answer(session, answer, status, body, &text));
    if (error == CF_OK) /* of half a head nobody must see anything */
        error = cf_conn_write(&session->conn, cf_buf_peek(&text));
    cf_buf_deinit(&problem);
    cf_buf_deinit(&text);
    cf_count(&session->worker->metrics, status_counter(status));
    if (error != CF_OK && error != CF_E_STATE)
        cf_conn_abort(&session->conn, error);
}

static enum cf_error write_switch(const struct cf_exchange *exchange, struct cf_slice protocol,
                                  struct cf_slice extensions, struct cf_buf *out)
{
    enum cf_error error = cf_http_write_status(out, 101);
    also(&error, cf_http_write_header(out, "Upgrade", CF_LIT("websocket")));
    also(&error, cf_http_write_header(out, "Connection", CF_LIT("Upgrade")));
    also(&error, cf_http_write_header(out, "Sec-WebSocket-Accept", exchange->ws_accept_key));
    if (protocol.len > 0)
        also(&error, cf_http_write_header(out, "Sec-WebSocket-Protocol", protocol));
    if (extensions.len > 0)
        also(&error, cf_http_write_header(out, "Sec-WebSocket-Extensions", extensions));
    also(&error, cf_http_write_end(out));
    return error;
}

enum cf_error cf_answer_switch(const struct cf_exchange *exchange, struct cf_slice protocol,
                               struct cf_slice extensions)
{
    struct cf_buf head;
    cf_buf_init(&head, HEAD_MAX);
    enum cf_error error = write_switch(exchange, protocol, extensions, &head);
    if (error == CF_OK) /* of half a head nobody must see anything */
        error = cf_conn_write(&exchange->web->session->conn, cf_buf_peek(&head));
    cf_buf_deinit(&head);
    return error;
}
