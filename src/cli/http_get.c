#include "cli/http_get.h"

#include <stdlib.h>
#include <string.h>

#include "server/text.h"
#include "wire/http/decoder.h"

enum { BODY_MAX = 64 * 1024 * 1024, REQUEST_MAX = 32 * 1024, WAIT_MS = 10000, ANSWER_MS = 30000 };

struct cf_http_get {
    struct cf_conn conn;
    struct cf_loop *loop;
    struct cf_loop_timer deadline;
    struct cf_http_decoder decoder;
    struct cf_buf request, body;
    unsigned status, retry_after_s;
    bool complete;
    cf_http_get_done *done;
    void *context;
};

static struct cf_http_get *of_conn(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct cf_http_get, conn);
}

static void on_opened(struct cf_conn *conn)
{
    struct cf_http_get *get = of_conn(conn);
    if (cf_conn_write(conn, cf_buf_peek(&get->request)) != CF_OK)
        cf_conn_abort(conn, CF_E_NOMEM);
}

static void take_head(struct cf_http_get *get, const struct cf_http_head *head)
{
    uint64_t seconds = 0;
    get->status = head->status;
    if (cf_slice_to_u64(cf_http_header_get(head, "Retry-After"), &seconds) && seconds < 86400)
        get->retry_after_s = (unsigned)seconds;
}

static void on_read(struct cf_conn *conn, struct cf_slice bytes)
{
    struct cf_http_get *get = of_conn(conn);
    struct cf_http_event event = {.type = CF_HTTP_END};
    enum cf_error error = CF_OK;
    while (error == CF_OK && !get->complete && event.type != CF_HTTP_NEED_MORE) {
        error = cf_http_next(&get->decoder, &bytes, &event);
        if (error != CF_OK)
            break;
        if (event.type == CF_HTTP_EVENT_HEAD)
            take_head(get, event.head);
        else if (event.type == CF_HTTP_BODY)
            error = cf_buf_append(&get->body, event.body);
        else if (event.type == CF_HTTP_END)
            get->complete = get->status >= 200;
    }
    if (error != CF_OK || get->complete)
        cf_conn_abort(conn, error);
}

static void on_deadline(struct cf_loop_timer *timer)
{
    cf_conn_abort(&CF_CONTAINER_OF(timer, struct cf_http_get, deadline)->conn, CF_E_TIMEOUT);
}

static void on_closed(struct cf_conn *conn, enum cf_error why)
{
    struct cf_http_get *get = of_conn(conn);
    cf_loop_timer_stop(get->loop, &get->deadline);
    bool ended = false;
    if (!get->complete && why == CF_E_CLOSED)
        get->complete = cf_http_finish(&get->decoder, &ended) == CF_OK && ended;
    if (!get->complete && why == CF_OK)
        why = CF_E_TRUNCATED;
    get->done(get->context, get->complete ? CF_OK : why, get->status, get->retry_after_s,
              cf_buf_peek(&get->body));
    cf_http_decoder_deinit(&get->decoder);
    cf_buf_deinit(&get->request);
    cf_buf_deinit(&get->body);
    free(get);
}

static const struct cf_conn_ops ops = {.opened = on_opened, .read = on_read, .closed = on_closed};
static const struct cf_conn_config config = {
    .ops = &ops, .write_wait_ms = WAIT_MS, .handshake_wait_ms = WAIT_MS};

struct cf_http_get *cf_http_get_new(struct cf_loop *loop, const struct cf_url *url,
                                    struct cf_tls_context *tls, const char *token,
                                    const char *target, cf_http_get_done *done, void *context)
{
    struct cf_http_get *get = calloc(1, sizeof(*get));
    if (get == NULL)
        return NULL;
    struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    cf_http_decoder_init(&get->decoder, CF_HTTP_RESPONSE, &limits);
    cf_buf_init(&get->request, REQUEST_MAX);
    cf_buf_init(&get->body, BODY_MAX);
    get->loop = loop;
    cf_loop_timer_init(&get->deadline, on_deadline);
    get->done = done;
    get->context = context;
    enum cf_error error = cf_text_append(&get->request,
                                         "GET %s HTTP/1.1\r\nHost: %s\r\n"
                                         "Authorization: Bearer %s\r\nConnection: close\r\n\r\n",
                                         target, url->authority, token);
    if (error == CF_OK)
        error = cf_conn_dial(&get->conn, loop, &config, url->host, url->port, tls);
    if (error == CF_OK) {
        cf_loop_timer_set(loop, &get->deadline, cf_loop_now(loop).ms + ANSWER_MS);
        return get;
    }
    cf_http_decoder_deinit(&get->decoder);
    cf_buf_deinit(&get->request);
    free(get);
    return NULL;
}
