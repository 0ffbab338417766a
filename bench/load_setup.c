#include "load_setup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "auth/jwt.h"
#include "bench/wire.h"

enum { REQUEST_MAX = 64 * 1024, TOKEN_SECONDS = 3600 };

int load_connect(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
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

void load_sign(const struct load_options *options, unsigned user, struct cf_buf *out)
{
    char claims[128];
    int len = snprintf(claims, sizeof(claims),
                       "{\"user_id\":\"bench-%04u\",\"username\":\"Bench %04u\",\"exp\":%lld}",
                       user, user, (long long)time(NULL) + TOKEN_SECONDS);
    if (cf_jwt_sign(options->secret, cf_slice_of(claims, (size_t)len), out) != CF_OK)
        load_die("cannot sign a token: is JWT_SECRET at least 32 bytes long?");
}

static void append(struct cf_buf *out, const char *text)
{
    if (cf_buf_append(out, cf_slice_cstr(text)) != CF_OK)
        load_die("no memory");
}

void load_authorize(const struct load_options *options, unsigned user, struct cf_buf *out)
{
    if (options->secret.len == 0)
        return;
    append(out, "Authorization: Bearer ");
    load_sign(options, user, out);
    append(out, "\r\n");
}

size_t load_answer_length(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    if (end == NULL)
        return 0;
    if (strncmp(answer, "HTTP/1.1 204 ", 13) == 0)
        return (size_t)(end + 4 - answer);
    for (const char *line = answer; line < end; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            return (size_t)(end + 4 - answer) + strtoul(line + 15, NULL, 10);
    }
    load_die("an answer without Content-Length");
}

/* Until the connection ends, or nothing more fits. */
static void receive_all(struct load_wire *wire, char *out, size_t size)
{
    size_t len = 0, got = 1;
    for (; got > 0 && len < size - 1; len += got)
        got = load_wire_receive(wire, out + len, size - 1 - len);
    out[len] = '\0';
}

/* Takes the head and leaves what follows it. */
static void receive_head(int fd, char *out, size_t size)
{
    const char *end = NULL;
    while (end == NULL) {
        ssize_t got = recv(fd, out, size - 1, MSG_PEEK);
        if (got <= 0)
            load_die("no answer to an upgrade");
        out[got] = '\0';
        end = strstr(out, "\r\n\r\n");
    }
    if (recv(fd, out, (size_t)(end + 4 - out), 0) != end + 4 - out)
        load_die_errno("recv");
}

static void demand_status(const char *answer, const char *status)
{
    if (strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0)
        return;
    fprintf(stderr, "%s\n", answer);
    load_die("the server refused a request of the set-up");
}

void load_request(const struct load_options *options, unsigned user, const char *method,
                  const char *path, const char *headers, const char *body, char *out_answer)
{
    char head[512];
    struct cf_buf request;
    struct load_wire wire;
    cf_buf_init(&request, REQUEST_MAX);
    snprintf(head, sizeof(head),
             "%s %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n%sContent-Length: %zu\r\n",
             method, path, headers, strlen(body));
    append(&request, head);
    load_authorize(options, user, &request);
    append(&request, "\r\n");
    append(&request, body);
    load_wire_open(&wire, options);
    load_wire_send(&wire, cf_buf_peek(&request));
    receive_all(&wire, out_answer, LOAD_REPLY_MAX);
    demand_status(out_answer, "201");
    load_wire_close(&wire);
    cf_buf_deinit(&request);
}

static void post_json(const struct load_options *options, unsigned user, const char *path,
                      const char *json, char *out_answer)
{
    load_request(options, user, "POST", path, "Content-Type: application/json\r\n", json,
                 out_answer);
}

void load_find_id(const char *answer, const char *before, char out_id[CF_UUID_LEN])
{
    const char *id = strstr(answer, before);
    if (id == NULL || strlen(id + strlen(before)) < CF_UUID_LEN)
        load_die("an answer without an id");
    memcpy(out_id, id + strlen(before), CF_UUID_LEN);
}

static void make_room(const struct load_options *options, const struct load_dialect *dialect,
                      char out_id[CF_UUID_LEN])
{
    char answer[LOAD_REPLY_MAX], path[LOAD_PATH_MAX], json[64];
    post_json(options, 0, dialect->rooms, "{\"name\":\"Bench\"}", answer);
    load_find_id(answer, dialect->room_id, out_id);
    snprintf(path, sizeof(path), "%s/%.*s/members", dialect->rooms, CF_UUID_LEN, out_id);
    for (unsigned user = 1; user < options->users; user++) {
        snprintf(json, sizeof(json), "{\"user_id\":\"bench-%04u\"}", user);
        post_json(options, 0, path, json, answer);
    }
}

void load_make_rooms(const struct load_options *options, const struct load_dialect *dialect,
                     char (*out_ids)[CF_UUID_LEN])
{
    for (unsigned i = 0; i < options->rooms; i++) {
        if (options->secret.len > 0)
            make_room(options, dialect, out_ids[i]);
        else
            memcpy(out_ids[i], "00000000-0000-0000-0000-000000000000", CF_UUID_LEN);
    }
}

static uint64_t make_conversation(const struct load_options *options, unsigned room)
{
    char answer[LOAD_REPLY_MAX], participant[32];
    struct cf_buf json;
    cf_buf_init(&json, REQUEST_MAX);
    append(&json, "{\"kind\":\"group\",\"title\":\"Bench\",\"participantIds\":[");
    for (unsigned user = room; user < options->users; user += options->rooms) {
        snprintf(participant, sizeof(participant), "%s\"bench-%04u\"", user == room ? "" : ",",
                 user);
        append(&json, participant);
    }
    append(&json, "]}");
    if (cf_buf_append_byte(&json, '\0') != CF_OK)
        load_die("no memory");
    post_json(options, room, "/api/conversations", (const char *)json.ptr, answer);
    cf_buf_deinit(&json);
    const char *id = strstr(answer, "\"id\":");
    if (id == NULL)
        load_die("a conversation without an id");
    return strtoull(id + 5, NULL, 10);
}

void load_make_conversations(const struct load_options *options, uint64_t *out_ids)
{
    for (unsigned i = 0; i < options->rooms; i++)
        out_ids[i] = options->secret.len > 0 ? make_conversation(options, i) : i + 1;
}

int load_ask_upgrade(unsigned port, const char *path, struct cf_slice headers)
{
    char head[512];
    int len = snprintf(head, sizeof(head),
                       "GET %s HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\n"
                       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                       path);
    struct cf_buf request;
    cf_buf_init(&request, REQUEST_MAX);
    if (cf_buf_append(&request, cf_slice_of(head, (size_t)len)) != CF_OK ||
        cf_buf_append(&request, headers) != CF_OK)
        load_die("no memory");
    append(&request, "\r\n");
    struct load_wire wire = {.fd = load_connect(port)};
    load_wire_send(&wire, cf_buf_peek(&request));
    cf_buf_deinit(&request);
    return wire.fd;
}

void load_await_upgrade(int fd)
{
    char answer[LOAD_REPLY_MAX];
    receive_head(fd, answer, sizeof(answer));
    demand_status(answer, "101");
    load_set_nonblocking(fd);
}

static int ask_stream(const struct load_options *options, const struct load_dialect *dialect,
                      const char room[CF_UUID_LEN], unsigned user)
{
    char path[LOAD_PATH_MAX];
    struct cf_buf headers;
    cf_buf_init(&headers, REQUEST_MAX);
    load_authorize(options, user, &headers);
    if (options->deflate != 0)
        append(&headers, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    if (dialect->stream_end == NULL)
        snprintf(path, sizeof(path), "%s", dialect->stream);
    else
        snprintf(path, sizeof(path), "%s%.*s%s", dialect->stream, CF_UUID_LEN, room,
                 dialect->stream_end);
    int fd = load_ask_upgrade(options->port, path, cf_buf_peek(&headers));
    cf_buf_deinit(&headers);
    return fd;
}

void load_open_streams(const struct load_options *options, const struct load_dialect *dialect,
                       char (*rooms)[CF_UUID_LEN], int *out_fds)
{
    unsigned opened = 0;
    for (unsigned asked = 0; opened < options->streams;) {
        for (; asked < options->streams && asked < opened + LOAD_UPGRADES_AT_ONCE; asked++)
            out_fds[asked] =
                ask_stream(options, dialect, rooms[asked % options->rooms], asked % options->users);
        for (; opened < asked; opened++)
            load_await_upgrade(out_fds[opened]);
    }
}
