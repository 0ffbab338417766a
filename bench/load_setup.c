#include "load_setup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "auth/jwt.h"

enum { ANSWER_MAX = 16 * 1024, TOKEN_SECONDS = 3600, UPGRADES_AT_ONCE = 64 };

int load_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        load_die_errno("cannot connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

void load_set_nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        load_die_errno("fcntl");
}

void load_authorize(const struct load_options *options, unsigned user, struct cf_buf *out)
{
    char claims[128];
    if (options->secret.len == 0)
        return;
    int len = snprintf(claims, sizeof(claims),
                       "{\"user_id\":\"bench-%04u\",\"username\":\"Bench %04u\",\"exp\":%lld}",
                       user, user, (long long)time(NULL) + TOKEN_SECONDS);
    enum cf_error error = cf_buf_append(out, CF_LIT("Authorization: Bearer "));
    if (error == CF_OK)
        error = cf_jwt_sign(options->secret, cf_slice_of(claims, (size_t)len), out);
    if (error == CF_OK)
        error = cf_buf_append(out, CF_LIT("\r\n"));
    if (error != CF_OK)
        load_die("cannot sign a token: is JWT_SECRET at least 32 bytes long?");
}

static void append(struct cf_buf *out, const char *text)
{
    if (cf_buf_append(out, cf_slice_cstr(text)) != CF_OK)
        load_die("no memory");
}

static void send_whole(int fd, struct cf_slice bytes)
{
    if (send(fd, bytes.ptr, bytes.len, 0) != (ssize_t)bytes.len)
        load_die_errno("cannot send a request");
}

/* Reads until `end` has come; NULL: until the connection ends. */
static void receive_until(int fd, const char *end, char *out, size_t size)
{
    size_t len = 0;
    ssize_t got;
    do {
        got = recv(fd, out + len, size - 1 - len, 0);
        if (got < 0)
            load_die_errno("no answer");
        len += (size_t)got;
        out[len] = '\0';
    } while (got > 0 && len < size - 1 && (end == NULL || strstr(out, end) == NULL));
}

static void demand_status(const char *answer, const char *status)
{
    if (strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0)
        return;
    fprintf(stderr, "%s\n", answer);
    load_die("the server refused a request of the set-up");
}

static void post_json(const struct load_options *options, const char *path, const char *json,
                      char *out_answer)
{
    char head[256];
    struct cf_buf request;
    cf_buf_init(&request, ANSWER_MAX);
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n",
             path, strlen(json));
    append(&request, head);
    load_authorize(options, 0, &request);
    append(&request, "\r\n");
    append(&request, json);
    int fd = load_connect(options->port);
    send_whole(fd, cf_buf_peek(&request));
    receive_until(fd, NULL, out_answer, ANSWER_MAX);
    demand_status(out_answer, "201");
    close(fd);
    cf_buf_deinit(&request);
}

static void make_shop(const struct load_options *options, char out_id[CF_UUID_LEN])
{
    char answer[ANSWER_MAX], path[LOAD_PATH_MAX], json[64];
    post_json(options, "/api/v1/shops", "{\"name\":\"Bench\"}", answer);
    const char *id = strstr(answer, "\"id\":\"");
    if (id == NULL)
        load_die("a shop without an id");
    memcpy(out_id, id + 6, CF_UUID_LEN);
    snprintf(path, sizeof(path), "/api/v1/shops/%.*s/members", CF_UUID_LEN, out_id);
    for (unsigned user = 1; user < options->users; user++) {
        snprintf(json, sizeof(json), "{\"user_id\":\"bench-%04u\"}", user);
        post_json(options, path, json, answer);
    }
}

void load_make_shops(const struct load_options *options, char (*out_ids)[CF_UUID_LEN])
{
    for (unsigned i = 0; i < options->shops; i++) {
        if (options->secret.len > 0)
            make_shop(options, out_ids[i]);
        else
            memcpy(out_ids[i], "00000000-0000-0000-0000-000000000000", CF_UUID_LEN);
    }
}

static void ask_stream(const struct load_options *options, const char shop[CF_UUID_LEN],
                       unsigned user, int fd)
{
    char head[256];
    struct cf_buf request;
    cf_buf_init(&request, ANSWER_MAX);
    snprintf(head, sizeof(head), "GET /api/v1/shops/%.*s/messages/stream HTTP/1.1\r\n", CF_UUID_LEN,
             shop);
    append(&request, head);
    append(&request, "Host: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    load_authorize(options, user, &request);
    append(&request, "\r\n");
    send_whole(fd, cf_buf_peek(&request));
    cf_buf_deinit(&request);
}

void load_open_streams(const struct load_options *options, char (*shops)[CF_UUID_LEN], int *out_fds)
{
    char answer[ANSWER_MAX];
    unsigned opened = 0;
    for (unsigned asked = 0; opened < options->streams;) {
        for (; asked < options->streams && asked < opened + UPGRADES_AT_ONCE; asked++) {
            out_fds[asked] = load_connect(options->port);
            ask_stream(options, shops[asked % options->shops], asked % options->users,
                       out_fds[asked]);
        }
        for (; opened < asked; opened++) {
            receive_until(out_fds[opened], "\r\n\r\n", answer, sizeof(answer));
            demand_status(answer, "101");
            load_set_nonblocking(out_fds[opened]);
        }
    }
}
