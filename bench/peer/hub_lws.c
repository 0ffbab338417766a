/* The hub on libwebsockets, as its examples have it: what is to go out waits in a queue of each
 * connection, and each time that the library calls a connection writable one message is written.
 * A message is kept once for all its receivers. It is acknowledged when it has been written to the
 * last of them; else publishers, who are heard in every turn, would run ever further ahead. On the
 * library's own poll loop: over its libuv plug-in a delivery costs twice as much, for an epoll_ctl
 * before and after. The protocol is in bench/README.md. */
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROOMS = 65536,
    RX_BYTES = 4096,
    HANDSHAKES = 256, /* at the same time */
    WAITING_MAX = 65536,
};

enum role { NOBODY, RECEIVER, PUBLISHER, ECHO };

struct message {
    uint32_t users;
    struct session *publisher; /* to be told when all have it; NULL: nobody */
    struct message *next;      /* of that publisher's */
    enum lws_write_protocol kind;
    size_t len, room;
    uint8_t bytes[]; /* LWS_PRE for the library, then the text */
};

struct session {
    struct lws *wsi;
    enum role role;
    uint32_t place; /* among its room's receivers */
    struct room *room;
    struct message *coming;    /* not whole yet */
    struct message *published; /* not acknowledged yet, newest first */
    struct message **waiting;
    uint32_t first, count, space;
};

struct room {
    struct session **receivers;
    uint32_t count, space;
};

static struct room *rooms[ROOMS];
static struct lws_context *context;

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

/* The queue is a ring; it grows when it is full. */
static void queue_grow(struct session *s)
{
    uint32_t space = s->space == 0 ? 16 : 2 * s->space;
    struct message **grown = must(malloc(space * sizeof *grown));
    for (uint32_t i = 0; i < s->count; i++)
        grown[i] = s->waiting[(s->first + i) % s->space];
    free(s->waiting);
    s->waiting = grown;
    s->first = 0;
    s->space = space;
}

static void deliver(struct session *s, struct message *message)
{
    if (s->count == WAITING_MAX) {
        lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
        return;
    }
    if (s->count == s->space)
        queue_grow(s);
    s->waiting[(s->first + s->count++) % s->space] = message;
    message->users++;
    lws_callback_on_writable(s->wsi);
}

static void acknowledge(struct message *message)
{
    struct session *s = message->publisher;
    struct message **at = &s->published;
    while (*at != message)
        at = &(*at)->next;
    *at = message->next;
    message->publisher = NULL;
    deliver(s, message);
}

static void unref(struct message *message)
{
    if (--message->users > 0)
        return;
    if (message->publisher != NULL)
        acknowledge(message);
    else
        free(message);
}

static int write_next(struct session *s)
{
    if (s->count == 0)
        return 0;
    struct message *message = s->waiting[s->first];
    s->first = (s->first + 1) % s->space;
    s->count--;
    int written = lws_write(s->wsi, message->bytes + LWS_PRE, message->len, message->kind);
    unref(message);
    if (s->count > 0)
        lws_callback_on_writable(s->wsi);
    return written < 0 ? -1 : 0;
}

static void take_message(struct session *s, struct message *message)
{
    message->users = 1;
    message->publisher = NULL;
    if (s->role == ECHO)
        deliver(s, message);
    if (s->role == PUBLISHER) {
        message->publisher = s;
        message->next = s->published;
        s->published = message;
        for (uint32_t i = 0; i < s->room->count; i++)
            deliver(s->room->receivers[i], message);
    }
    unref(message);
}

/* A part of a message, as much as the library had read. */
static void take_part(struct session *s, const void *part, size_t len)
{
    struct message *message = s->coming;
    size_t left = lws_remaining_packet_payload(s->wsi);
    size_t before = message == NULL ? 0 : message->len;
    if (message == NULL || message->room - before < len) {
        size_t room = before + len + left;
        message = must(realloc(message, sizeof *message + LWS_PRE + room));
        message->room = room;
    }
    memcpy(message->bytes + LWS_PRE + before, part, len);
    message->len = before + len;
    message->kind = lws_frame_is_binary(s->wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    s->coming = message;
    if (left > 0 || !lws_is_final_fragment(s->wsi))
        return;
    s->coming = NULL;
    take_message(s, message);
}

static struct room *room_of(unsigned long number)
{
    struct room **room = &rooms[number % ROOMS];
    if (*room == NULL)
        *room = must(calloc(1, sizeof **room));
    return *room;
}

static void enter_room(struct session *s)
{
    struct room *room = s->room;
    if (room->count == room->space) {
        room->space = room->space == 0 ? 16 : 2 * room->space;
        room->receivers = must(realloc(room->receivers, room->space * sizeof *room->receivers));
    }
    s->place = room->count;
    room->receivers[room->count++] = s;
}

static int begin(struct session *s, struct lws *wsi)
{
    char path[64], argument[64];
    *s = (struct session){.wsi = wsi};
    if (lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI) <= 0)
        return -1;
    if (strcmp(path, "/echo") == 0) {
        s->role = ECHO;
        return 0;
    }
    const char *number = lws_get_urlarg_by_name(wsi, "room=", argument, sizeof argument);
    if (number == NULL || (strcmp(path, "/sub") != 0 && strcmp(path, "/pub") != 0))
        return -1;
    s->room = room_of(strtoul(number, NULL, 10));
    s->role = path[1] == 's' ? RECEIVER : PUBLISHER;
    if (s->role == RECEIVER)
        enter_room(s);
    return 0;
}

static void end(struct session *s)
{
    if (s->role == RECEIVER) {
        struct room *room = s->room;
        room->receivers[s->place] = room->receivers[--room->count];
        room->receivers[s->place]->place = s->place;
    }
    for (; s->published != NULL; s->published = s->published->next)
        s->published->publisher = NULL;
    for (; s->count > 0; s->count--) {
        unref(s->waiting[s->first]);
        s->first = (s->first + 1) % s->space;
    }
    free(s->waiting);
    free(s->coming);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return begin(user, wsi);
    case LWS_CALLBACK_RECEIVE:
        take_part(user, in, len);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return write_next(user);
    case LWS_CALLBACK_CLOSED:
        end(user);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

int main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {
        {"hub", on_event, sizeof(struct session), RX_BYTES, 0, NULL, 0}, {0}};
    const char *port = argc > 1 ? argv[1] : getenv("PORT");
    struct lws_context_creation_info info = {
        .port = port == NULL ? 0 : atoi(port),
        .iface = "127.0.0.1",
        .protocols = protocols,
        .max_http_header_pool = HANDSHAKES,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
    };
    lws_set_log_level(LLL_ERR, NULL);
    context = lws_create_context(&info);
    struct lws_vhost *vhost = context == NULL ? NULL : lws_create_vhost(context, &info);
    if (vhost == NULL)
        return 1;
    printf("hub-lws: listening on 127.0.0.1:%d\n", lws_get_vhost_listen_port(vhost));
    fflush(stdout);
    while (lws_service(context, 0) >= 0)
        continue;
    return 0;
}
