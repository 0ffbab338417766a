/* The calibration of bench/compare: what a hub costs here when it does nothing but its system
 * calls. One thread, epoll, frames parsed and unmasked where they were read, no allocation per
 * message.
 *
 *   limit send [PORT]   one plain send() for each delivery, at once
 *   limit join [PORT]   what a turn of the loop has for a socket goes out in one send(); a room's
 *                       frames of the turn are joined once and shared by its receivers
 *   limit store FILE [PORT]
 *                       as join, but SQLite has the turn's messages on disk first, in one
 *                       transaction with synchronous=FULL: a row each, found by room and number
 *
 * The protocol is in bench/README.md. It checks nobody, keeps no promise but these, and closes a
 * connection that splits messages into fragments, as no load program does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ROOMS = 65536,
    EVENTS = 1024,
    BACKLOG = 4096,
    READ_BYTES = 256 * 1024,
    HEAD_BYTES_MAX = 8192,
    UNSENT_BYTES_MAX = 16 * 1024 * 1024, /* of a receiver that has stopped to read */
    KEY_LEN = 24,
};

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FINAL = 0x80, MASKED = 0x80 };

enum role { ASKING, RECEIVER, PUBLISHER, ECHO };

struct bytes {
    uint8_t *ptr;
    size_t len, room;
};

struct connection {
    int fd;
    enum role role;
    bool dead;
    uint32_t place; /* among its room's receivers */
    struct room *room;
    struct bytes part;            /* of a head or a frame that is not whole yet */
    struct bytes unsent;          /* what the socket did not take */
    size_t said_at, said;         /* join: its frames of this turn among the room's */
    struct connection *next_said; /* join: of those that have said something in this turn */
    struct connection *next_dead;
};

struct room {
    struct connection **receivers;
    uint32_t count, space;
    struct bytes joined; /* join: this turn's frames */
    struct room *next;   /* join: of those that have some */
    int64_t number, seq; /* store: of its last message */
};

static struct {
    int poll, listener;
    bool join;
    sqlite3 *db; /* store */
    sqlite3_stmt *insert;
    bool storing; /* a transaction is open */
    struct room *rooms[ROOMS];
    struct room *spoken;     /* rooms with frames of this turn */
    struct connection *said; /* publishers with frames of this turn */
    struct connection *dead; /* closed at the end of the turn: events may still point to them */
    uint8_t in[READ_BYTES];
} hub;

struct frame {
    uint8_t opcode;
    uint8_t *payload;
    size_t payload_bytes;
    size_t bytes; /* with its header */
};

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void bytes_append(struct bytes *to, const uint8_t *ptr, size_t len)
{
    if (len > to->room - to->len) {
        to->room = to->len + len < 2 * to->room ? 2 * to->room : to->len + len;
        to->ptr = must(realloc(to->ptr, to->room));
    }
    memcpy(to->ptr + to->len, ptr, len);
    to->len += len;
}

static void bytes_free(struct bytes *bytes)
{
    free(bytes->ptr);
    *bytes = (struct bytes){0};
}

/* Nothing more is sent to it or read; it goes at the end of the turn. */
static void give_up(struct connection *c)
{
    if (c->dead)
        return;
    c->dead = true;
    c->next_dead = hub.dead;
    hub.dead = c;
}

static void leave_room(struct connection *c)
{
    struct room *room = c->room;
    if (c->role != RECEIVER)
        return;
    room->receivers[c->place] = room->receivers[--room->count];
    room->receivers[c->place]->place = c->place;
}

static void close_dead(void)
{
    while (hub.dead != NULL) {
        struct connection *c = hub.dead;
        hub.dead = c->next_dead;
        leave_room(c);
        close(c->fd);
        bytes_free(&c->part);
        bytes_free(&c->unsent);
        free(c);
    }
}

static void watch(struct connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(hub.poll, operation, c->fd, &event) != 0)
        give_up(c);
}

static void keep_unsent(struct connection *c, const uint8_t *bytes, size_t len)
{
    if (len > UNSENT_BYTES_MAX - c->unsent.len) {
        give_up(c);
        return;
    }
    if (c->unsent.len == 0)
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    bytes_append(&c->unsent, bytes, len);
}

static void deliver(struct connection *c, const uint8_t *bytes, size_t len)
{
    ssize_t sent = 0;
    if (c->dead)
        return;
    if (c->unsent.len == 0) {
        sent = send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (sent == (ssize_t)len)
            return;
        if (sent < 0 && errno != EAGAIN) {
            give_up(c);
            return;
        }
    }
    if (sent < 0)
        sent = 0;
    keep_unsent(c, bytes + sent, len - (size_t)sent);
}

static void send_unsent(struct connection *c)
{
    ssize_t sent = send(c->fd, c->unsent.ptr, c->unsent.len, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN)
            give_up(c);
        return;
    }
    c->unsent.len -= (size_t)sent;
    if (c->unsent.len > 0) {
        memmove(c->unsent.ptr, c->unsent.ptr + sent, c->unsent.len);
        return;
    }
    bytes_free(&c->unsent);
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void deliver_to_room(struct room *room, const uint8_t *bytes, size_t len)
{
    for (uint32_t i = 0; i < room->count; i++)
        deliver(room->receivers[i], bytes, len);
}

/* Whole frames of one publisher: to the room, then back as their acknowledgements. */
static void publish(struct connection *c, const uint8_t *frames, size_t len)
{
    struct room *room = c->room;
    if (!hub.join) {
        deliver_to_room(room, frames, len);
        deliver(c, frames, len);
        return;
    }
    if (room->joined.len == 0) {
        room->next = hub.spoken;
        hub.spoken = room;
    }
    c->said_at = room->joined.len;
    c->said = len;
    c->next_said = hub.said;
    hub.said = c;
    bytes_append(&room->joined, frames, len);
}

static void must_sql(const char *sql)
{
    if (sqlite3_exec(hub.db, sql, NULL, NULL, NULL) != SQLITE_OK)
        abort();
}

static void store(struct room *room, const struct frame *frame)
{
    if (!hub.storing)
        must_sql("BEGIN IMMEDIATE");
    hub.storing = true;
    sqlite3_bind_int64(hub.insert, 1, room->number);
    sqlite3_bind_int64(hub.insert, 2, ++room->seq);
    sqlite3_bind_blob64(hub.insert, 3, frame->payload, frame->payload_bytes, SQLITE_STATIC);
    if (sqlite3_step(hub.insert) != SQLITE_DONE)
        abort();
    sqlite3_reset(hub.insert);
}

static void commit_turn(void)
{
    if (hub.storing)
        must_sql("COMMIT");
    hub.storing = false;
}

/* What the turn has joined: each receiver's in one send, then each publisher's acknowledgements. */
static void flush_turn(void)
{
    for (struct room *room = hub.spoken; room != NULL; room = room->next)
        deliver_to_room(room, room->joined.ptr, room->joined.len);
    for (; hub.said != NULL; hub.said = hub.said->next_said)
        deliver(hub.said, hub.said->room->joined.ptr + hub.said->said_at, hub.said->said);
    for (; hub.spoken != NULL; hub.spoken = hub.spoken->next)
        hub.spoken->joined.len = 0;
}

static void unmask(uint8_t *bytes, size_t len, const uint8_t key[4])
{
    uint64_t word, mask;
    uint32_t half;
    size_t i = 0;
    memcpy(&half, key, sizeof half);
    mask = (uint64_t)half << 32 | half;
    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        word ^= mask;
        memcpy(bytes + i, &word, sizeof word);
    }
    for (; i < len; i++)
        bytes[i] ^= key[i % 4];
}

static uint64_t read_big_endian(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The next frame, unmasked (RFC 6455 section 5.2). False: there is no whole one; sets c->dead when
 * there never will be. */
static bool next_frame(struct connection *c, uint8_t *in, size_t len, struct frame *out)
{
    if (len < 2)
        return false;
    size_t code = in[1] & 0x7F;
    size_t extra = code < 126 ? 0 : code == 126 ? 2 : 8;
    if ((in[0] & 0xF0) != FINAL || (in[0] & 0x0F) == 0 || !(in[1] & MASKED)) {
        give_up(c);
        return false;
    }
    size_t head = 2 + extra + 4;
    if (len < head)
        return false;
    uint64_t payload = extra == 0 ? code : read_big_endian(in + 2, extra);
    if (payload > READ_BYTES - head) {
        give_up(c);
        return false;
    }
    if (payload > len - head)
        return false;
    *out = (struct frame){in[0] & 0x0F, in + head, payload, head + payload};
    unmask(out->payload, payload, in + head - 4);
    return true;
}

/* A server's header is shorter than the client's by the mask, so that it fits before the payload.
 * Returns where it begins. */
static uint8_t *head_before(const struct frame *frame, uint8_t opcode)
{
    size_t len = frame->payload_bytes;
    uint8_t *head;
    if (len < 126) {
        head = frame->payload - 2;
        head[1] = (uint8_t)len;
    } else if (len < 65536) {
        head = frame->payload - 4;
        head[1] = 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
    } else {
        head = frame->payload - 10;
        head[1] = 127;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)(len >> (56 - 8 * i));
    }
    head[0] = FINAL | opcode;
    return head;
}

static void answer_control(struct connection *c, const struct frame *frame)
{
    if (frame->opcode != PING && frame->opcode != CLOSE)
        return;
    uint8_t *head = head_before(frame, frame->opcode == PING ? PONG : CLOSE);
    deliver(c, head, (size_t)(frame->payload - head) + frame->payload_bytes);
    if (frame->opcode == CLOSE)
        give_up(c);
}

static void pass_on(struct connection *c, const uint8_t *frames, size_t len)
{
    if (len == 0)
        return;
    if (c->role == ECHO)
        deliver(c, frames, len);
    else if (c->role == PUBLISHER)
        publish(c, frames, len);
}

/* Frames as they are to go out are made of those that came in, in place: each alone, or moved
 * together to the beginning of what was read. Returns how many bytes are dealt with. */
static size_t take_frames(struct connection *c, uint8_t *in, size_t len)
{
    struct frame frame;
    size_t at = 0, together = 0;
    while (!c->dead && next_frame(c, in + at, len - at, &frame)) {
        at += frame.bytes;
        if (frame.opcode != TEXT && frame.opcode != BINARY) {
            answer_control(c, &frame);
            continue;
        }
        if (hub.db != NULL && c->role == PUBLISHER)
            store(c->room, &frame);
        uint8_t *head = head_before(&frame, frame.opcode);
        size_t bytes = (size_t)(frame.payload - head) + frame.payload_bytes;
        if (hub.join)
            memmove(in + together, head, bytes);
        else
            pass_on(c, head, bytes);
        together += bytes;
    }
    if (hub.join)
        pass_on(c, in, together);
    return at;
}

static void accept_key(const char *key, char out[32])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */
    uint8_t text[KEY_LEN + sizeof guid - 1], digest[SHA_DIGEST_LENGTH];
    memcpy(text, key, KEY_LEN);
    memcpy(text + KEY_LEN, guid, sizeof guid - 1);
    SHA1(text, sizeof text, digest);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

static struct room *room_of(unsigned long number)
{
    struct room **room = &hub.rooms[number % ROOMS];
    if (*room == NULL)
        *room = must(calloc(1, sizeof **room));
    (*room)->number = (int64_t)(number % ROOMS);
    return *room;
}

static void enter_room(struct connection *c)
{
    struct room *room = c->room;
    if (room->count == room->space) {
        room->space = room->space == 0 ? 16 : 2 * room->space;
        room->receivers = must(realloc(room->receivers, room->space * sizeof *room->receivers));
    }
    c->place = room->count;
    room->receivers[room->count++] = c;
}

/* The role that a request asks for; ASKING: none that there is. */
static enum role take_target(struct connection *c, const char *head)
{
    if (strncmp(head, "GET /echo ", 10) == 0)
        return ECHO;
    bool receives = strncmp(head, "GET /sub?room=", 14) == 0;
    if (!receives && strncmp(head, "GET /pub?room=", 14) != 0)
        return ASKING;
    c->room = room_of(strtoul(head + 14, NULL, 10));
    return receives ? RECEIVER : PUBLISHER;
}

/* Answers a request whose head is whole. */
static size_t take_head(struct connection *c, uint8_t *in, size_t len)
{
    static const char name[] = "\r\nsec-websocket-key: ";
    char head[HEAD_BYTES_MAX + 1], accept[32], answer[160];
    const uint8_t *end = memmem(in, len, "\r\n\r\n", 4);
    size_t head_bytes = end == NULL ? len : (size_t)(end - in) + 4;
    if (head_bytes > HEAD_BYTES_MAX)
        give_up(c);
    if (end == NULL || c->dead)
        return 0;
    memcpy(head, in, head_bytes);
    head[head_bytes] = '\0';
    enum role role = take_target(c, head);
    const char *key = strcasestr(head, name);
    if (role == ASKING || key == NULL || strlen(key) < sizeof name - 1 + KEY_LEN) {
        give_up(c);
        return 0;
    }
    accept_key(key + sizeof name - 1, accept);
    int answer_bytes = snprintf(answer, sizeof answer,
                                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                                accept);
    deliver(c, (const uint8_t *)answer, (size_t)answer_bytes);
    c->role = role;
    if (role == RECEIVER)
        enter_room(c);
    return head_bytes;
}

static void take(struct connection *c, uint8_t *in, size_t len)
{
    size_t at = 0;
    if (c->role == ASKING)
        at = take_head(c, in, len);
    if (c->role != ASKING)
        at += take_frames(c, in + at, len - at);
    if (!c->dead && at < len)
        bytes_append(&c->part, in + at, len - at);
}

/* One read a turn; what was left of the one before goes first. */
static void read_some(struct connection *c)
{
    size_t before = c->part.len;
    ssize_t got = recv(c->fd, hub.in + before, READ_BYTES - before, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            give_up(c);
        return;
    }
    if (before > 0) {
        memcpy(hub.in, c->part.ptr, before);
        bytes_free(&c->part);
    }
    take(c, hub.in, before + (size_t)got);
}

static void accept_all(void)
{
    int fd, yes = 1;
    while ((fd = accept4(hub.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *c = must(calloc(1, sizeof *c));
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void serve(void)
{
    static struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(hub.poll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (c == NULL) {
                accept_all();
                continue;
            }
            if (!c->dead && (events[i].events & EPOLLOUT))
                send_unsent(c);
            if (!c->dead && (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
                read_some(c);
        }
        commit_turn();
        flush_turn();
        close_dead();
    }
}

static bool start(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN};
    socklen_t len = sizeof address;
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    hub.poll = epoll_create1(EPOLL_CLOEXEC);
    hub.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(hub.listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(hub.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(hub.listener, BACKLOG) != 0 ||
        getsockname(hub.listener, (struct sockaddr *)&address, &len) != 0 ||
        epoll_ctl(hub.poll, EPOLL_CTL_ADD, hub.listener, &event) != 0)
        return false;
    printf("limit: listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return true;
}

/* The settings of Confab; the disk's word for every commit. */
static bool open_store(const char *file)
{
    if (sqlite3_open(file, &hub.db) != SQLITE_OK ||
        sqlite3_exec(hub.db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
                     "CREATE TABLE messages (id INTEGER PRIMARY KEY, room INTEGER NOT NULL,"
                     "  seq INTEGER NOT NULL, text BLOB NOT NULL, UNIQUE (room, seq))",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v3(hub.db, "INSERT INTO messages (room, seq, text) VALUES (?1, ?2, ?3)", -1,
                           SQLITE_PREPARE_PERSISTENT, &hub.insert, NULL) != SQLITE_OK) {
        fprintf(stderr, "limit: %s: %s\n", file, sqlite3_errmsg(hub.db));
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    bool stores = strcmp(mode, "store") == 0;
    int at = stores ? 3 : 2;
    const char *port = argc > at ? argv[at] : getenv("PORT");
    if (argc < at || (!stores && strcmp(mode, "send") != 0 && strcmp(mode, "join") != 0)) {
        fprintf(stderr, "usage: limit send|join [PORT]\n       limit store FILE [PORT]\n");
        return 2;
    }
    hub.join = strcmp(mode, "send") != 0;
    if (stores && !open_store(argv[2]))
        return 1;
    if (!start(port == NULL ? 0 : (uint16_t)strtoul(port, NULL, 10))) {
        perror("limit");
        return 1;
    }
    serve();
}
