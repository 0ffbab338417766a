#include "bench/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/wire.h"
#include "bench/worker.h"
#include "wire/ws/frame.h"

enum { HEAD_BYTES = 16 * 1024, FIN = 0x80, COMPRESSED = 0x40, MASKED = 0x80 };

/* Any four bytes do: the mask is against proxies that are not there (RFC 6455 section 10.3). */
static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

static const struct cf_bench_plan *plan_of(const struct cf_bench_client *client)
{
    return client->worker->shared->plan;
}

/* ---- to connect ---- */

static void watch(struct cf_bench_client *client, int operation, bool write)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = client}};
    if (write)
        event.events |= EPOLLOUT;
    client->wants_write = write;
    if (epoll_ctl(client->worker->epoll, operation, client->fd, &event) != 0)
        cf_bench_stop(client->worker, "epoll: %s", strerror(errno));
}

static void want_write(struct cf_bench_client *client, bool write)
{
    if (client->wants_write != write)
        watch(client, EPOLL_CTL_MOD, write);
}

/* 127.0.0.0/8 has 2^24 addresses; the first run over `spread` of them, one a client. */
static bool choose_source(const struct cf_bench_client *client)
{
    const struct cf_bench_shared *shared = client->worker->shared;
    if (shared->plan->spread == 0)
        return true;
    int on = 1;
    unsigned offset = shared->first_source + client->number % shared->plan->spread;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(0x7f000000u | (1 + offset % 0xfffffd));
#ifdef IP_BIND_ADDRESS_NO_PORT
    (void)setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
#endif
    return bind(client->fd, (struct sockaddr *)&source, sizeof(source)) == 0;
}

static void cannot_connect(struct cf_bench_client *client, int number)
{
    (void)cf_bench_cannot_connect(plan_of(client), number, &client->worker->why);
    cf_bench_stop(client->worker, "cannot connect");
}

static void opened(struct cf_bench_client *client)
{
    if (client->role->opened != NULL)
        client->role->opened(client);
}

static void ask_upgrade(struct cf_bench_client *client)
{
    char target[512], head[HEAD_BYTES];
    const struct cf_bench_plan *plan = plan_of(client);
    const char *token = client->role->token ? cf_bench_token(client) : "";
    client->role->target(client, target, sizeof(target));
    int len = snprintf(head, sizeof(head),
                       "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
                       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s%s\r\n",
                       target, plan->authority, *token == '\0' ? "" : "Authorization: Bearer ",
                       token, *token == '\0' ? "" : "\r\n",
                       plan->deflate ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    client->state = CF_BENCH_UPGRADING;
    cf_bench_client_write(client, cf_slice_of(head, (size_t)len));
}

static void secured(struct cf_bench_client *client)
{
    want_write(client, false);
    if (client->role->target != NULL) {
        ask_upgrade(client);
        return;
    }
    client->state = CF_BENCH_TALKING;
    opened(client);
}

static void shake_hands(struct cf_bench_client *client)
{
    ERR_clear_error();
    int done = SSL_do_handshake(client->tls);
    if (done == 1) {
        secured(client);
        return;
    }
    int why = SSL_get_error(client->tls, done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        want_write(client, why == SSL_ERROR_WANT_WRITE);
        return;
    }
    (void)cf_bench_tls_refused(client->tls, &client->worker->why);
    cf_bench_stop(client->worker, "no TLS");
}

static void connected(struct cf_bench_client *client)
{
    struct ssl_ctx_st *context = client->worker->shared->tls;
    if (context == NULL) {
        secured(client);
        return;
    }
    client->tls = cf_bench_tls_session(plan_of(client), context, client->fd);
    if (client->tls == NULL) {
        cf_bench_stop(client->worker, "no memory for TLS");
        return;
    }
    client->state = CF_BENCH_SHAKING_HANDS;
    shake_hands(client);
}

void cf_bench_client_open(struct cf_bench_client *client)
{
    int on = 1;
    const struct cf_bench_plan *plan = plan_of(client);
    client->began_ns = cf_bench_now_ns();
    client->state = CF_BENCH_CONNECTING;
    client->worker->opening++;
    client->fd = socket(plan->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || !choose_source(client)) {
        cannot_connect(client, errno);
        return;
    }
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int done = connect(client->fd, (const struct sockaddr *)&plan->address, plan->address_len);
    if (done != 0 && errno != EINPROGRESS) {
        cannot_connect(client, errno);
        return;
    }
    watch(client, EPOLL_CTL_ADD, done != 0);
    if (done == 0)
        connected(client);
}

static void finish_connect(struct cf_bench_client *client)
{
    int number = 0;
    socklen_t len = sizeof(number);
    (void)getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &number, &len);
    if (number != 0)
        cannot_connect(client, number);
    else
        connected(client);
}

void cf_bench_client_close(struct cf_bench_client *client)
{
    if (client->state == CF_BENCH_CLOSED)
        return;
    if (!client->ready)
        client->worker->opening--;
    SSL_free(client->tls);
    client->tls = NULL;
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->state = CF_BENCH_CLOSED;
    client->ready = false;
    client->kept_len = 0;
    cf_buf_release(&client->unsent);
    cf_list_remove(&client->idle);
}

void cf_bench_client_deinit(struct cf_bench_client *client)
{
    cf_bench_client_close(client);
    cf_buf_deinit(&client->unsent);
    cf_buf_deinit(&client->message);
    free(client->kept);
}

/* The server has ended it. A receiver that is cut has lost what comes after. */
static void end(struct cf_bench_client *client)
{
    struct cf_bench_worker *worker = client->worker;
    bool receives = client->role == worker->shared->receiver_role;
    if (cf_bench_phase(worker) == CF_BENCH_ENDING)
        return;
    if (!client->ready || !receives) {
        cf_bench_stop(worker, "the server closed the connection of %s; see its log",
                      client->role->what);
        return;
    }
    worker->cut++;
    worker->busy -= client->busy;
    worker->unanswered += client->busy;
    client->busy = 0;
    cf_bench_client_close(client);
}

/* ---- to send ---- */

/* How many bytes went; 0: there is no room; -1: it has ended. */
static ssize_t send_some(struct cf_bench_client *client, struct cf_slice bytes)
{
    if (client->tls == NULL) {
        ssize_t sent = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        return sent < 0 && errno == EAGAIN ? 0 : sent;
    }
    ERR_clear_error();
    int sent = SSL_write(client->tls, bytes.ptr, (int)bytes.len);
    if (sent > 0)
        return sent;
    int why = SSL_get_error(client->tls, sent);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

void cf_bench_client_write(struct cf_bench_client *client, struct cf_slice bytes)
{
    if (client->unsent.len == 0) {
        ssize_t sent = send_some(client, bytes);
        if (sent < 0) {
            end(client);
            return;
        }
        bytes = cf_slice_skip(bytes, (size_t)sent);
    }
    if (bytes.len == 0)
        return;
    if (cf_buf_append(&client->unsent, bytes) != CF_OK)
        cf_bench_stop(client->worker, "the server does not read what it is sent");
    else
        want_write(client, true);
}

static void flush(struct cf_bench_client *client)
{
    while (client->unsent.len > 0) {
        ssize_t sent = send_some(client, cf_buf_peek(&client->unsent));
        if (sent < 0)
            end(client);
        if (sent <= 0)
            return;
        cf_buf_consume(&client->unsent, (size_t)sent);
    }
    cf_buf_release(&client->unsent);
    want_write(client, false);
}

static void write_frame(struct cf_bench_client *client, enum cf_ws_opcode opcode,
                        struct cf_slice payload)
{
    struct cf_buf *frame = &client->worker->scratch;
    cf_buf_reset(frame);
    if (cf_ws_frame_append(frame, opcode, false, payload, mask) != CF_OK)
        cf_bench_stop(client->worker, "no memory for a frame");
    else
        cf_bench_client_write(client, cf_buf_peek(frame));
}

void cf_bench_client_write_text(struct cf_bench_client *client, struct cf_slice text)
{
    write_frame(client, CF_WS_TEXT, text);
}

/* ---- to receive ---- */

/* Every message by itself: the server never keeps its window (RFC 7692 section 7.1.1.1). */
static struct cf_slice inflate_payload(struct cf_bench_worker *worker, struct cf_slice payload)
{
    cf_buf_reset(&worker->inflated);
    if (worker->inflater == NULL ||
        cf_ws_inflate(worker->inflater, payload, true, false, &worker->inflated) != CF_OK)
        cf_bench_stop(worker, "the server sent a compressed frame that cannot be inflated");
    return cf_buf_peek(&worker->inflated);
}

static void take_frame(struct cf_bench_client *client, unsigned first, struct cf_slice payload,
                       uint64_t now_ns)
{
    if (first == (FIN | CF_WS_TEXT))
        client->role->hear(client, payload, now_ns);
    else if (first == (FIN | COMPRESSED | CF_WS_TEXT))
        client->role->hear(client, inflate_payload(client->worker, payload), now_ns);
    else if (first == (FIN | CF_WS_PING))
        write_frame(client, CF_WS_PONG, payload);
    else if (first == (FIN | CF_WS_CLOSE))
        end(client);
    else if (first != (FIN | CF_WS_PONG))
        cf_bench_stop(client->worker, "the server sent a frame that is no whole text (0x%02x)",
                      first);
}

/* The length of the frame at `bytes` (RFC 6455 section 5.2), 0 when it is not whole. */
static size_t read_frame(struct cf_bench_client *client, const uint8_t *bytes, size_t len,
                         struct cf_slice *out_payload)
{
    if (len < 2)
        return 0;
    size_t payload = bytes[1], head = 2;
    if (payload >= 126) {
        head = payload == 126 ? 4 : 10;
        if (len < head)
            return 0;
        bool masked = (payload & MASKED) != 0;
        payload = 0;
        for (size_t i = 2; i < head; i++)
            payload = payload << 8 | bytes[i];
        if (masked || payload > CF_BENCH_FRAME_MAX - head) {
            cf_bench_stop(client->worker, "the server sent a frame that is masked or too long");
            return 0;
        }
    }
    if (len - head < payload)
        return 0;
    *out_payload = cf_slice_of(bytes + head, payload);
    return head + payload;
}

static size_t take_frames(struct cf_bench_client *client, struct cf_slice bytes, uint64_t now_ns)
{
    size_t used = 0;
    struct cf_slice payload;
    while (client->state == CF_BENCH_STREAMING) {
        const uint8_t *frame = bytes.ptr + used;
        size_t len = read_frame(client, frame, bytes.len - used, &payload);
        if (len == 0)
            break;
        used += len;
        take_frame(client, frame[0], payload, now_ns);
    }
    return used;
}

/* The head of the answer, and nothing behind it. */
static size_t take_upgrade(struct cf_bench_client *client, struct cf_slice bytes)
{
    struct cf_bench_answer answer;
    enum cf_error error = cf_bench_answer_read(bytes, &answer);
    if (error == CF_E_TRUNCATED)
        return 0;
    if (error == CF_OK && answer.status == 101) {
        client->state = CF_BENCH_STREAMING;
        opened(client);
        return answer.len;
    }
    if (error == CF_OK)
        (void)cf_bench_refused(&client->worker->why, client->role->what, &answer);
    cf_bench_stop(client->worker, "the server's answer to an upgrade is no HTTP");
    return bytes.len;
}

static size_t take_answers(struct cf_bench_client *client, struct cf_slice bytes)
{
    size_t used = 0;
    struct cf_bench_answer answer;
    while (used < bytes.len && client->state == CF_BENCH_TALKING) {
        enum cf_error error = cf_bench_answer_read(cf_slice_skip(bytes, used), &answer);
        if (error == CF_E_TRUNCATED)
            break;
        if (error != CF_OK) {
            cf_bench_stop(client->worker, "the server sent an answer without a length");
            break;
        }
        used += answer.len;
        client->role->answered(client, &answer);
    }
    return used;
}

static size_t take(struct cf_bench_client *client, struct cf_slice bytes, uint64_t now_ns)
{
    size_t used = 0;
    if (client->state == CF_BENCH_TALKING)
        return take_answers(client, bytes);
    if (client->state == CF_BENCH_UPGRADING)
        used = take_upgrade(client, bytes);
    return used + take_frames(client, cf_slice_skip(bytes, used), now_ns);
}

static void keep(struct cf_bench_client *client, struct cf_slice rest)
{
    client->kept_len = 0;
    if (rest.len == 0 || client->state == CF_BENCH_CLOSED)
        return;
    if (rest.len > client->kept_cap) {
        uint8_t *kept = rest.len > CF_BENCH_FRAME_MAX ? NULL : realloc(client->kept, rest.len);
        if (kept == NULL) {
            cf_bench_stop(client->worker, "no room for half a frame of %zu bytes", rest.len);
            return;
        }
        client->kept = kept;
        client->kept_cap = rest.len;
    }
    memcpy(client->kept, rest.ptr, rest.len);
    client->kept_len = rest.len;
}

/* What is there, at most CF_BENCH_READ_MAX; 0: nothing; -1: the end. TLS gives a record a call. */
static ssize_t receive_some(struct cf_bench_client *client, uint8_t *out)
{
    if (client->tls == NULL) {
        ssize_t got = recv(client->fd, out, CF_BENCH_READ_MAX, 0);
        if (got < 0 && errno == EAGAIN)
            return 0;
        return got <= 0 ? -1 : got;
    }
    int total = 0, got;
    ERR_clear_error();
    do {
        got = SSL_read(client->tls, out + total, CF_BENCH_READ_MAX - total);
        total += got > 0 ? got : 0;
    } while (got > 0 && total < CF_BENCH_READ_MAX);
    if (total > 0)
        return total;
    return SSL_get_error(client->tls, got) == SSL_ERROR_WANT_READ ? 0 : -1;
}

static void receive(struct cf_bench_client *client)
{
    uint8_t *buffer = client->worker->buffer;
    size_t kept = client->kept_len;
    ssize_t got = receive_some(client, buffer + kept);
    if (got < 0)
        end(client);
    if (got <= 0)
        return;
    if (kept > 0)
        memcpy(buffer, client->kept, kept);
    if (client->role == client->worker->shared->receiver_role)
        client->worker->counts.wire_bytes += (uint64_t)got;
    struct cf_slice bytes = cf_slice_of(buffer, kept + (size_t)got);
    keep(client, cf_slice_skip(bytes, take(client, bytes, cf_bench_now_ns())));
}

void cf_bench_client_happen(struct cf_bench_client *client, unsigned events)
{
    if (client->state == CF_BENCH_CONNECTING) {
        finish_connect(client);
        return;
    }
    if (client->state == CF_BENCH_SHAKING_HANDS) {
        shake_hands(client);
        return;
    }
    if ((events & EPOLLOUT) != 0)
        flush(client);
    if (client->state == CF_BENCH_CLOSED || (events & ~(unsigned)EPOLLOUT) == 0)
        return;
    do {
        receive(client);
    } while (client->tls != NULL && SSL_pending(client->tls) > 0);
}
