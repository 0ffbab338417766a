/* Follows a shop's stream as a mobile client should: connect first and hold back what arrives,
 * fetch by the server's cursor until nothing is left, then let go what was held back; each message
 * once, its newest version wins. A lost connection is tried again after 0, 1, 2, 4, 8 s; after that
 * it polls every 30 s and tries the stream every 2 minutes (seed 000, with ±20 % jitter and the
 * server's Retry-After). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/feed.h"
#include "cli/http_get.h"
#include "edge/tls/digest.h"
#include "server/text.h"
#include "wire/http/decoder.h"
#include "wire/ws/endpoint.h"
#include "wire/ws/handshake.h"

enum {
    MESSAGE_MAX = 1024 * 1024,
    HELD_MAX = 64 * 1024 * 1024,
    CONNECT_MS = 5000,
    WRITE_MS = 10000,
    SILENCE_MS = 90000, /* no ping for so long: dead (seed 000) */
    POLL_MS = 30000,
    RETRY_MS = 120000,
    UNREADABLE_MAX = 3, /* in a minute */
};

static const cf_ms backoff_ms[] = {0, 1000, 2000, 4000, 8000};

static const char help[] =
    "Usage: confab tail URL [--token TOKEN] [--ca FILE]\n\n"
    "Follows a shop's stream and prints each message as a line of JSON, from now on; an edited\n"
    "message comes again. A lost connection is taken up again, and what was missed is fetched.\n\n"
    "  URL            ws://HOST:PORT/api/v1/shops/SHOP_ID/messages/stream (or wss, http, https)\n"
    "  --token TOKEN  who you are; else ?token= of the URL\n"
    "  --ca FILE      PEM file of the authorities to trust, instead of the system's\n\n"
    "Tries again after 0, 1, 2, 4 and 8 s; then polls every 30 s and tries the stream every 2\n"
    "minutes. Gives up, exit code 1, when the token or the membership is refused.\n";

struct tail {
    struct cf_loop *loop;
    struct cf_url url;
    const char *token;
    struct cf_tls_context *tls;
    struct cf_entropy entropy;
    struct cf_feed feed;
    char list_path[CF_URL_PATH_MAX + 64]; /* …/messages/paginated */
    struct cf_loop_timer retry, poll, watch;
    uv_signal_t signals[2];
    struct cf_http_get *fetch; /* running */
    bool fetch_again;  /* one was asked for while another ran, whose answer may be too old */
    bool marked;       /* where "from now on" begins is known, also when nothing was there */
    unsigned failures; /* connections since the last one that opened */
    int status;        /* exit code, once it is over */
    bool over;
    cf_ms minute_started;
    unsigned unreadable;

    /* the stream */
    struct cf_conn conn;
    bool connected; /* conn is in use */
    bool switched;  /* the 101 came */
    bool holding;   /* the fetch behind the connect is not done */
    struct cf_http_decoder decoder;
    struct cf_ws_config ws_config;
    struct cf_ws_endpoint endpoint;
    struct cf_buf held; /* messages, a line each */
    struct cf_ws_asked asked;
    unsigned refused;       /* status of a refusal */
    unsigned retry_after_s; /* of it */
};

static void connect_stream(struct tail *tail);
static void fetch(struct tail *tail);
static void later(struct tail *tail);

static void stop(struct tail *tail, int status)
{
    if (tail->over)
        return;
    tail->over = true;
    tail->status = status;
    cf_loop_stop(tail->loop);
}

static cf_ms jittered(const struct tail *tail, cf_ms ms)
{
    uint8_t random;
    tail->entropy.fill(tail->entropy.context, &random, 1);
    return ms * (80 + random % 41) / 100;
}

static void set_timer(struct tail *tail, struct cf_loop_timer *timer, cf_ms after_ms)
{
    cf_loop_timer_set(tail->loop, timer, cf_loop_now(tail->loop).ms + after_ms);
}

/* ---- showing ---- */

static enum cf_error show(void *context, struct cf_slice json)
{
    struct tail *tail = context;
    bool fresh = false;
    enum cf_error error = cf_feed_take(&tail->feed, json, &fresh);
    if (error == CF_OK && fresh) {
        printf("%.*s\n", (int)json.len, (const char *)json.ptr);
        fflush(stdout);
    }
    return error;
}

/* A frame that cannot be read is passed over; three in a minute end the connection. */
static void show_frame(struct tail *tail, struct cf_slice json)
{
    enum cf_error error = show(tail, json);
    if (error == CF_OK)
        return;
    cf_ms now = cf_loop_now(tail->loop).ms;
    fprintf(stderr, "confab tail: passed over an unreadable message: %s\n", cf_error_text(error));
    if (now - tail->minute_started > 60000) {
        tail->minute_started = now;
        tail->unreadable = 0;
    }
    if (++tail->unreadable >= UNREADABLE_MAX)
        cf_conn_abort(&tail->conn, CF_E_PROTOCOL);
}

static void release_held(struct tail *tail)
{
    struct cf_slice rest = cf_buf_peek(&tail->held), line;
    tail->holding = false;
    while (rest.len > 0 && cf_slice_next(&rest, '\n', &line)) {
        if (line.len > 0)
            show_frame(tail, line);
    }
    cf_buf_release(&tail->held);
}

/* ---- fetching ---- */

/* The first answer only tells where "from now on" begins. */
static enum cf_error mark(void *context, struct cf_slice json)
{
    struct tail *tail = context;
    bool fresh;
    return cf_feed_take(&tail->feed, json, &fresh);
}

/* Where trying again is no use. */
static bool hopeless(struct tail *tail, unsigned status)
{
    if (status != 401 && status != 403 && status != 400 && status != 404)
        return false;
    fprintf(stderr, "confab tail: %s\n",
            status == 401   ? "the token is missing, wrong or expired"
            : status == 403 ? "you are not a member of this shop"
                            : "that is no stream of a Confab server");
    stop(tail, CF_EXIT_FAILED);
    return true;
}

static void fetch_failed(struct tail *tail, enum cf_error error, unsigned status)
{
    if (hopeless(tail, status))
        return;
    fprintf(stderr, "confab tail: cannot fetch messages: %s\n",
            status == 0 || status == 200 ? cf_error_text(error) : "the server refused for now");
    tail->fetch_again = false;
    if (tail->connected)
        cf_conn_abort(&tail->conn, CF_E_IO);
    else if (!tail->marked)
        later(tail);
}

static void fetched(void *context, enum cf_error error, unsigned status, unsigned retry_after_s,
                    struct cf_slice body)
{
    struct tail *tail = context;
    struct cf_feed_list list = {.has_more = false};
    tail->fetch = NULL;
    tail->retry_after_s = retry_after_s;
    if (error == CF_OK && status != 200)
        error = CF_E_UNAVAILABLE;
    bool first = !tail->marked;
    char before[CF_TIME_LEN];
    memcpy(before, tail->feed.cursor, sizeof(before));
    if (error == CF_OK) {
        error = cf_feed_list_init(&list, body, tail->feed.hash_key);
        if (error == CF_OK)
            error = cf_feed_list_each(&list, tail->feed.hash_key, first ? mark : show, tail);
        cf_feed_list_deinit(&list);
    }
    bool moved = memcmp(before, tail->feed.cursor, sizeof(before)) != 0;
    if (error != CF_OK) {
        fetch_failed(tail, error, status);
    } else if (first) {
        tail->marked = true;
        connect_stream(tail);
    } else if (tail->fetch_again || (list.has_more && moved)) {
        tail->fetch_again = false;
        fetch(tail);
    } else if (tail->holding) {
        release_held(tail);
    }
}

static void fetch(struct tail *tail)
{
    char target[sizeof(tail->list_path) + 64];
    if (tail->fetch != NULL) {
        tail->fetch_again = true;
        return;
    }
    if (tail->feed.has_cursor)
        snprintf(target, sizeof(target), "%s?since=%.*s&limit=100", tail->list_path, CF_TIME_LEN,
                 tail->feed.cursor);
    else if (tail->marked)
        snprintf(target, sizeof(target), "%s?since=1970-01-01T00:00:00Z&limit=100",
                 tail->list_path);
    else
        snprintf(target, sizeof(target), "%s?page=1&limit=1", tail->list_path);
    tail->fetch =
        cf_http_get_new(tail->loop, &tail->url, tail->tls, tail->token, target, fetched, tail);
    if (tail->fetch == NULL && tail->connected)
        cf_conn_abort(&tail->conn, CF_E_NOMEM);
}

/* ---- the stream ---- */

static void later(struct tail *tail)
{
    size_t steps = CF_ARRAY_LEN(backoff_ms);
    cf_ms wait = tail->failures < steps ? backoff_ms[tail->failures] : RETRY_MS;
    if (tail->refused == 503 && tail->failures < steps)
        tail->failures = (unsigned)steps; /* switched off: poll */
    wait = jittered(tail, wait);
    if (wait < (cf_ms)tail->retry_after_s * 1000)
        wait = (cf_ms)tail->retry_after_s * 1000;
    tail->failures++;
    if (tail->failures == steps + 1)
        set_timer(tail, &tail->poll, jittered(tail, POLL_MS));
    fprintf(stderr, "confab tail: connection lost, trying again in %.1f s\n", (double)wait / 1000);
    set_timer(tail, &tail->retry, wait);
}

static void on_closed(struct cf_conn *conn, enum cf_error why)
{
    struct tail *tail = CF_CONTAINER_OF(conn, struct tail, conn);
    if (tail->switched)
        cf_ws_endpoint_deinit(&tail->endpoint);
    cf_http_decoder_deinit(&tail->decoder);
    tail->connected = tail->switched = tail->holding = false;
    cf_buf_release(&tail->held);
    cf_loop_timer_stop(tail->loop, &tail->watch);
    if (tail->over)
        return;
    fprintf(stderr, "confab tail: %s: %s\n", tail->refused != 0 ? "refused" : "connection ended",
            cf_error_text(why));
    if (!hopeless(tail, tail->refused))
        later(tail);
}

static void watch_ms(struct tail *tail, cf_ms ms)
{
    set_timer(tail, &tail->watch, ms);
}

static void on_opened(struct cf_conn *conn)
{
    struct tail *tail = CF_CONTAINER_OF(conn, struct tail, conn);
    uint8_t random[16];
    char key[CF_WS_KEY_LEN];
    tail->entropy.fill(tail->entropy.context, random, sizeof(random));
    cf_ws_key(random, key);
    cf_ws_accept(cf_digest_sha1, cf_slice_of(key, sizeof(key)), tail->asked.accept);
    struct cf_buf request;
    cf_buf_init(&request, 16384);
    enum cf_error error = cf_text_append(
        &request,
        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %.*s\r\nAuthorization: Bearer %s\r\n\r\n",
        tail->url.path, tail->url.authority, CF_WS_KEY_LEN, key, tail->token);
    if (error == CF_OK)
        error = cf_conn_write(conn, cf_buf_peek(&request));
    cf_buf_deinit(&request);
    if (error != CF_OK)
        cf_conn_abort(conn, error);
}

static void switched(struct tail *tail)
{
    struct cf_ws_deflate_params none = {.enabled = false};
    cf_ws_endpoint_init(&tail->endpoint, &tail->ws_config, &none, NULL, cf_loop_now(tail->loop).ms);
    tail->switched = true;
    tail->holding = true;
    tail->failures = 0;
    tail->refused = tail->retry_after_s = 0;
    cf_loop_timer_stop(tail->loop, &tail->poll);
    watch_ms(tail, SILENCE_MS);
    fprintf(stderr, "confab tail: connected\n");
    fetch(tail);
}

static void take_head(struct tail *tail, const struct cf_http_head *head)
{
    uint64_t seconds = 0;
    struct cf_ws_answer answer = {
        .status = head->status,
        .connection_upgrade = head->upgrade,
        .upgrade = cf_http_header_get(head, "Upgrade"),
        .accept = cf_http_header_get(head, "Sec-WebSocket-Accept"),
        .protocol = cf_http_header_get(head, "Sec-WebSocket-Protocol"),
        .extensions = cf_http_header_get(head, "Sec-WebSocket-Extensions"),
        .accept_count = cf_http_header_count(head, "Sec-WebSocket-Accept"),
        .protocol_count = cf_http_header_count(head, "Sec-WebSocket-Protocol"),
    };
    if (cf_ws_answer_check(&answer, &tail->asked) == CF_OK) {
        switched(tail);
        return;
    }
    tail->refused = head->status;
    if (cf_slice_to_u64(cf_http_header_get(head, "Retry-After"), &seconds) && seconds < 86400)
        tail->retry_after_s = (unsigned)seconds;
    cf_conn_abort(&tail->conn, CF_E_PROTOCOL);
}

static void take_frames(struct tail *tail, struct cf_slice bytes)
{
    struct cf_ws_event event;
    enum cf_error error;
    do {
        struct cf_buf out;
        cf_buf_init(&out, 65536);
        error = cf_ws_endpoint_next(&tail->endpoint, cf_loop_now(tail->loop).ms, true, &bytes, &out,
                                    &event);
        if (error == CF_OK && out.len > 0)
            error = cf_conn_write(&tail->conn, cf_buf_peek(&out));
        cf_buf_deinit(&out);
        if (error == CF_OK && event.type == CF_WS_EVENT_TEXT && tail->holding) {
            error = cf_buf_append(&tail->held, event.payload);
            if (error == CF_OK)
                error = cf_buf_append_byte(&tail->held, '\n');
        } else if (error == CF_OK && event.type == CF_WS_EVENT_TEXT) {
            show_frame(tail, event.payload);
        } else if (error == CF_OK && event.type == CF_WS_EVENT_CLOSED) {
            cf_conn_shut(&tail->conn);
        }
    } while (error == CF_OK && event.type != CF_WS_EVENT_NEED_MORE);
    if (error != CF_OK)
        cf_conn_abort(&tail->conn, error);
    watch_ms(tail, SILENCE_MS);
}

static void on_read(struct cf_conn *conn, struct cf_slice bytes)
{
    struct tail *tail = CF_CONTAINER_OF(conn, struct tail, conn);
    struct cf_http_event event = {.type = CF_HTTP_BODY};
    while (!tail->switched && event.type != CF_HTTP_NEED_MORE && tail->refused == 0) {
        enum cf_error error = cf_http_next(&tail->decoder, &bytes, &event);
        if (error != CF_OK) {
            cf_conn_abort(conn, error);
            return;
        }
        if (event.type == CF_HTTP_EVENT_HEAD)
            take_head(tail, event.head);
    }
    if (tail->switched)
        take_frames(tail, bytes);
}

static const struct cf_conn_ops ops = {.opened = on_opened, .read = on_read, .closed = on_closed};
static const struct cf_conn_config conn_config = {
    .ops = &ops, .write_wait_ms = WRITE_MS, .handshake_wait_ms = CONNECT_MS};

static void connect_stream(struct tail *tail)
{
    struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    tail->refused = tail->retry_after_s = 0;
    cf_http_decoder_init(&tail->decoder, CF_HTTP_RESPONSE, &limits);
    if (cf_conn_dial(&tail->conn, tail->loop, &conn_config, tail->url.host, tail->url.port,
                     tail->tls) != CF_OK) {
        later(tail);
        return;
    }
    tail->connected = true;
    watch_ms(tail, CONNECT_MS);
}

/* ---- timers, signals, start ---- */

static void on_retry(struct cf_loop_timer *timer)
{
    struct tail *tail = CF_CONTAINER_OF(timer, struct tail, retry);
    if (tail->marked)
        connect_stream(tail);
    else
        fetch(tail);
}

static void on_poll(struct cf_loop_timer *timer)
{
    struct tail *tail = CF_CONTAINER_OF(timer, struct tail, poll);
    if (tail->marked)
        fetch(tail);
    set_timer(tail, timer, jittered(tail, POLL_MS));
}

static void on_watch(struct cf_loop_timer *timer)
{
    struct tail *tail = CF_CONTAINER_OF(timer, struct tail, watch);
    cf_conn_abort(&tail->conn, CF_E_TIMEOUT);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    stop(handle->data, CF_EXIT_OK);
}

static void fill_random(void *context, uint8_t *out, size_t len)
{
    struct tail *tail = context;
    tail->entropy.fill(tail->entropy.context, out, len);
}

/* …/stream is beside …/paginated. */
static bool find_list(struct tail *tail, struct cf_buf *why)
{
    struct cf_slice path = cf_slice_cstr(tail->url.path);
    if (!cf_slice_ends(path, CF_LIT("/messages/stream"))) {
        cf_text_append(why, "the URL's path must end in /messages/stream");
        return false;
    }
    snprintf(tail->list_path, sizeof(tail->list_path), "%.*s/paginated",
             (int)(path.len - strlen("/stream")), tail->url.path);
    return true;
}

static const struct cf_loop_ops loop_ops = {.wake = NULL};

static bool set_up(struct tail *tail, const char *url, const char *token, const char *ca,
                   struct cf_buf *why)
{
    if (cf_url_parse(url, &tail->url, why) != CF_OK || !find_list(tail, why))
        return false;
    tail->token = token != NULL ? token : tail->url.token;
    if (*tail->token == '\0') {
        cf_text_append(why, "no token: give --token, for example from `confab token --user me`");
        return false;
    }
    if (tail->url.tls && cf_tls_client_new(ca, &tail->tls, why) != CF_OK)
        return false;
    if (cf_loop_new(&loop_ops, tail, &tail->loop) != CF_OK) {
        cf_text_append(why, "cannot make the event loop");
        return false;
    }
    return true;
}

static void run(struct tail *tail)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    cf_buf_init(&tail->held, HELD_MAX);
    cf_loop_timer_init(&tail->retry, on_retry);
    cf_loop_timer_init(&tail->poll, on_poll);
    cf_loop_timer_init(&tail->watch, on_watch);
    tail->ws_config = (struct cf_ws_config){.role = CF_WS_CLIENT,
                                            .message_bytes_max = MESSAGE_MAX,
                                            .close_wait_ms = WRITE_MS,
                                            .random = fill_random,
                                            .random_context = tail};
    for (size_t i = 0; i < CF_ARRAY_LEN(numbers); i++) {
        uv_signal_init(cf_loop_uv(tail->loop), &tail->signals[i]);
        tail->signals[i].data = tail;
        uv_signal_start(&tail->signals[i], on_signal, numbers[i]);
    }
    fetch(tail); /* where "from now on" begins; then the stream */
    cf_loop_run(tail->loop);
}

static int follow(const char *url, const char *token, const char *ca)
{
    struct cf_buf why;
    uint8_t hash_key[16];
    struct tail *tail = calloc(1, sizeof(*tail));
    if (tail == NULL)
        return CF_EXIT_FAILED;
    cf_buf_init(&why, 4096);
    tail->entropy = cf_entropy_system();
    tail->entropy.fill(tail->entropy.context, hash_key, sizeof(hash_key));
    cf_feed_init(&tail->feed, hash_key);
    signal(SIGPIPE, SIG_IGN);
    if (set_up(tail, url, token, ca, &why))
        run(tail);
    else
        tail->status = cf_cli_failed(&why);
    cf_buf_deinit(&why);
    return tail->status; /* the process ends: the system takes the rest back */
}

int cf_command_tail(int argc, char **argv)
{
    static const struct option options[] = {{"token", required_argument, NULL, 't'},
                                            {"ca", required_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *token = NULL, *ca = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 't':
            token = optarg;
            break;
        case 'a':
            ca = optarg;
            break;
        case 'h':
            printf("%s", help);
            return CF_EXIT_OK;
        default:
            return CF_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "confab tail: one URL is needed\n\n%s", help);
        return CF_EXIT_USAGE;
    }
    return follow(argv[optind], token, ca);
}
