#include "sim/wire.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "sim/server.h"
#include "wire/http/encoder.h"
#include "wire/ws/handshake.h"

enum {
    TEXT_MAX = 16 * 1024 * 1024,
    REQUEST_WAIT = 20 * SIM_SECOND,
    CONNECT_WAIT = 10 * SIM_SECOND
};
enum { TOKEN_TTL_S = 3600 };

static cf_ms now_ms(void)
{
    return sim.now / SIM_MS + 1000000;
}

/* ---- requests ---- */

static void let_go(struct sim_http *http)
{
    http->busy = false;
    http->link = NULL;
    sim_cancel(&http->timeout);
    cf_http_decoder_deinit(&http->decoder);
    cf_buf_release(&http->request);
}

static void finish(struct sim_http *http)
{
    struct sim_link *link = http->link;
    let_go(http);
    if (link != NULL)
        sim_link_close(link);
    http->done(http);
}

static void http_opened(void *context)
{
    struct sim_http *http = context;
    sim_link_send(http->link, cf_buf_peek(&http->request));
}

/* What is no whole answer is none. */
static void fail(struct sim_http *http)
{
    http->status = 0;
    finish(http);
}

static void http_bytes(void *context, struct cf_slice bytes)
{
    struct sim_http *http = context;
    struct cf_http_event event;
    do {
        enum cf_error error = cf_http_next(&http->decoder, &bytes, &event);
        CF_ASSERT(error == CF_OK);
        if (event.type == CF_HTTP_EVENT_HEAD) {
            uint64_t seconds;
            http->status = event.head->status;
            if (cf_slice_to_u64(cf_http_header_get(event.head, "Retry-After"), &seconds))
                http->retry_after_s = (unsigned)seconds;
        } else if (event.type == CF_HTTP_BODY) {
            CF_ASSERT(cf_buf_append(&http->body, event.body) == CF_OK);
        } else if (event.type == CF_HTTP_END) {
            finish(http);
            return;
        }
    } while (event.type != CF_HTTP_NEED_MORE);
}

static void http_closed(void *context)
{
    struct sim_http *http = context;
    http->link = NULL;
    fail(http);
}

static void on_timeout(struct sim_event *event)
{
    fail(CF_CONTAINER_OF(event, struct sim_http, timeout));
}

static const struct sim_link_ops http_ops = {http_opened, http_bytes, http_closed};

void sim_http_init(struct sim_http *http, void (*done)(struct sim_http *http))
{
    *http = (struct sim_http){.done = done, .timeout = {.happen = on_timeout}};
    cf_buf_init(&http->body, TEXT_MAX);
    cf_buf_init(&http->request, TEXT_MAX);
}

static void add_header(struct cf_buf *out, const char *name, const char *value)
{
    CF_ASSERT(cf_http_write_header(out, name, cf_slice_cstr(value)) == CF_OK);
}

static void begin_request(struct cf_buf *out, const char *method, const char *target,
                          const char *user)
{
    char bearer[1024];
    CF_ASSERT(cf_http_write_request(out, cf_slice_cstr(method), cf_slice_cstr(target)) == CF_OK);
    add_header(out, "Host", "sim");
    if (*user == '\0')
        return;
    struct cf_slice token = sim_server_token(user, TOKEN_TTL_S);
    (void)snprintf(bearer, sizeof(bearer), "Bearer %.*s", (int)token.len, (const char *)token.ptr);
    add_header(out, "Authorization", bearer);
}

void sim_http_send(struct sim_http *http, const char *method, const char *target, const char *user,
                   const char *key, struct cf_slice body)
{
    struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    CF_ASSERT(!http->busy);
    http->busy = true;
    http->status = http->retry_after_s = 0;
    cf_buf_reset(&http->body);
    cf_http_decoder_init(&http->decoder, CF_HTTP_RESPONSE, &limits);
    begin_request(&http->request, method, target, user);
    if (*key != '\0')
        add_header(&http->request, "Idempotency-Key", key);
    add_header(&http->request, "Connection", "close");
    if (body.ptr != NULL) {
        add_header(&http->request, "Content-Type",
                   http->type != NULL ? http->type : "application/json");
        CF_ASSERT(cf_http_write_header_u64(&http->request, "Content-Length", body.len) == CF_OK);
    }
    CF_ASSERT(cf_http_write_end(&http->request) == CF_OK);
    CF_ASSERT(cf_buf_append(&http->request, body) == CF_OK);
    http->link = sim_link_connect(&http_ops, http);
    sim_at(&http->timeout, REQUEST_WAIT);
}

void sim_http_cancel(struct sim_http *http)
{
    if (!http->busy)
        return;
    struct sim_link *link = http->link;
    let_go(http);
    if (link != NULL)
        sim_link_close(link);
}

void sim_http_deinit(struct sim_http *http)
{
    sim_http_cancel(http);
    cf_buf_deinit(&http->body);
    cf_buf_deinit(&http->request);
}

/* ---- WebSockets ---- */

static void fill(void *context, uint8_t *out, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)sim_random();
}

static void set_timer(struct sim_ws *ws)
{
    int64_t at = ws->deadline;
    if (ws->open) {
        cf_ms due = cf_ws_endpoint_deadline(&ws->endpoint);
        int64_t endpoint_at = due == CF_MS_NEVER ? INT64_MAX : (due - 1000000) * SIM_MS;
        at = endpoint_at < at ? endpoint_at : at;
    }
    if (at == INT64_MAX)
        sim_cancel(&ws->timer);
    else
        sim_at(&ws->timer, at - sim.now);
}

static void heard(struct sim_ws *ws)
{
    ws->deadline = ws->silence_max > 0 ? sim.now + ws->silence_max : INT64_MAX;
}

/* Leaves the link to itself; it is over for this WebSocket. */
static struct sim_link *detach(struct sim_ws *ws)
{
    struct sim_link *link = ws->link;
    if (ws->connecting)
        cf_http_decoder_deinit(&ws->decoder);
    if (ws->open)
        cf_ws_endpoint_deinit(&ws->endpoint);
    ws->connecting = ws->open = false;
    ws->link = NULL;
    cf_buf_release(&ws->request);
    sim_cancel(&ws->timer);
    return link;
}

static void end(struct sim_ws *ws, unsigned status, unsigned code)
{
    struct sim_link *link = detach(ws);
    if (link != NULL)
        sim_link_close(link);
    ws->closed(ws, status, code);
}

static void write_out(struct sim_ws *ws, struct cf_buf *out)
{
    if (out->len > 0)
        sim_link_send(ws->link, cf_buf_peek(out));
    cf_buf_deinit(out);
}

static void read_frames(struct sim_ws *ws, struct cf_slice bytes)
{
    struct cf_ws_event event;
    heard(ws);
    do {
        struct cf_buf out;
        cf_buf_init(&out, TEXT_MAX);
        CF_ASSERT(cf_ws_endpoint_next(&ws->endpoint, now_ms(), true, &bytes, &out, &event) ==
                  CF_OK);
        write_out(ws, &out);
        if (event.type == CF_WS_EVENT_TEXT)
            ws->text(ws, event.payload);
        else if (event.type == CF_WS_EVENT_CLOSED)
            end(ws, 0, event.close_code);
    } while (event.type != CF_WS_EVENT_NEED_MORE && ws->open);
    if (ws->open)
        set_timer(ws);
}

static void read_answer(struct sim_ws *ws, struct cf_slice bytes)
{
    struct cf_http_event event;
    CF_ASSERT(cf_http_next(&ws->decoder, &bytes, &event) == CF_OK);
    if (event.type != CF_HTTP_EVENT_HEAD)
        return;
    unsigned status = event.head->status;
    if (status != 101) {
        end(ws, status, CF_WS_CLOSE_ABNORMAL);
        return;
    }
    struct cf_ws_deflate_params plain = {.enabled = false};
    cf_http_decoder_deinit(&ws->decoder);
    ws->connecting = false;
    ws->open = true;
    heard(ws);
    cf_ws_endpoint_init(&ws->endpoint, &ws->config, &plain, NULL, now_ms());
    ws->opened(ws);
    if (ws->open && bytes.len > 0)
        read_frames(ws, bytes);
    else if (ws->open)
        set_timer(ws);
}

static void ws_opened(void *context)
{
    struct sim_ws *ws = context;
    sim_link_send(ws->link, cf_buf_peek(&ws->request));
}

static void ws_bytes(void *context, struct cf_slice bytes)
{
    struct sim_ws *ws = context;
    if (ws->connecting)
        read_answer(ws, bytes);
    else if (ws->open)
        read_frames(ws, bytes);
}

static void ws_closed(void *context)
{
    struct sim_ws *ws = context;
    ws->link = NULL;
    end(ws, 0, CF_WS_CLOSE_ABNORMAL);
}

static const struct sim_link_ops ws_ops = {ws_opened, ws_bytes, ws_closed};

static void on_timer(struct sim_event *event)
{
    struct sim_ws *ws = CF_CONTAINER_OF(event, struct sim_ws, timer);
    if (sim.now >= ws->deadline) {
        struct sim_link *link = detach(ws);
        if (link != NULL)
            sim_link_vanish(link);
        ws->closed(ws, 0, CF_WS_CLOSE_ABNORMAL);
        return;
    }
    struct cf_ws_event event_of_tick;
    struct cf_buf out;
    cf_buf_init(&out, TEXT_MAX);
    CF_ASSERT(cf_ws_endpoint_tick(&ws->endpoint, now_ms(), &out, &event_of_tick) == CF_OK);
    write_out(ws, &out);
    if (event_of_tick.type == CF_WS_EVENT_CLOSED)
        end(ws, 0, event_of_tick.close_code);
    else
        set_timer(ws);
}

void sim_ws_init(struct sim_ws *ws)
{
    ws->timer.happen = on_timer;
    ws->config = (struct cf_ws_config){
        .role = CF_WS_CLIENT, .message_bytes_max = TEXT_MAX, .close_wait_ms = 5000, .random = fill};
    cf_buf_init(&ws->request, TEXT_MAX);
}

void sim_ws_connect(struct sim_ws *ws, const char *target, const char *user, const char *protocol)
{
    struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    uint8_t random[16];
    char key[CF_WS_KEY_LEN + 1] = "";
    CF_ASSERT(!ws->connecting && !ws->open);
    fill(NULL, random, sizeof(random));
    cf_ws_key(random, key);
    ws->connecting = true;
    cf_http_decoder_init(&ws->decoder, CF_HTTP_RESPONSE, &limits);
    begin_request(&ws->request, "GET", target, user);
    add_header(&ws->request, "Connection", "Upgrade");
    add_header(&ws->request, "Upgrade", "websocket");
    add_header(&ws->request, "Sec-WebSocket-Version", "13");
    add_header(&ws->request, "Sec-WebSocket-Key", key);
    if (protocol != NULL)
        add_header(&ws->request, "Sec-WebSocket-Protocol", protocol);
    CF_ASSERT(cf_http_write_end(&ws->request) == CF_OK);
    ws->link = sim_link_connect(&ws_ops, ws);
    ws->deadline = sim.now + CONNECT_WAIT;
    set_timer(ws);
}

void sim_ws_send(struct sim_ws *ws, struct cf_slice text)
{
    struct cf_buf out;
    if (!ws->open)
        return;
    cf_buf_init(&out, TEXT_MAX);
    enum cf_error error = cf_ws_endpoint_send(&ws->endpoint, CF_WS_TEXT, text, NULL, &out);
    CF_ASSERT(error == CF_OK || error == CF_E_STATE);
    write_out(ws, &out);
    set_timer(ws);
}

void sim_ws_leave(struct sim_ws *ws, bool politely)
{
    if (!ws->connecting && !ws->open)
        return;
    if (politely && ws->open) {
        struct cf_buf out;
        cf_buf_init(&out, TEXT_MAX);
        CF_ASSERT(cf_ws_endpoint_close(&ws->endpoint, now_ms(), 1000, CF_LIT(""), &out) == CF_OK);
        write_out(ws, &out);
    }
    struct sim_link *link = detach(ws);
    if (link == NULL)
        return;
    if (politely)
        sim_link_close(link);
    else
        sim_link_vanish(link);
}
