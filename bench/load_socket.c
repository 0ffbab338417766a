#include "load_socket.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/uuid.h"
#include "load_setup.h"
#include "wire/ws/frame.h"

enum { PACKET_MAX = 2048, JOIN_ID = 0 };

/* One text frame. */
static void emit(struct load_socket *socket, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void emit(struct load_socket *socket, const char *format, ...)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t frame[CF_WS_HEADER_MAX + PACKET_MAX];
    char packet[PACKET_MAX];
    va_list values;
    va_start(values, format);
    int printed = vsnprintf(packet, sizeof(packet), format, values);
    va_end(values);
    if (printed < 0 || printed >= PACKET_MAX)
        load_die("a packet that is too long");
    size_t len = (size_t)printed;
    size_t head = cf_ws_header_write(frame, CF_WS_TEXT, false, len, mask);
    memcpy(frame + head, packet, len);
    cf_ws_mask(frame + head, len, mask, 0);
    if (send(socket->listener.source.fd, frame, head + len, 0) != (ssize_t)(head + len))
        load_die_errno("cannot send a packet");
}

/* Unique over all runs: no two messages of a sender are sent in the same microsecond. */
static void write_client_id(const struct load_sender *sender, char out[CF_UUID_LEN])
{
    uint8_t random[10] = {(uint8_t)(sender->number >> 8), (uint8_t)sender->number};
    struct cf_uuid id = cf_uuid_v7((cf_us)(sender->sent_ns / 1000), random);
    cf_uuid_format(&id, out);
}

static void send_message(struct load_sender *sender)
{
    struct load_socket *socket = CF_CONTAINER_OF(sender, struct load_socket, sender);
    char text[LOAD_TEXT_LEN], id[CF_UUID_LEN];
    load_sender_begin(sender, text);
    write_client_id(sender, id);
    emit(socket,
         "42%" PRIu32 "[\"message:send\",%" PRIu64
         ",{\"text\":\"%.*s\",\"clientMessageId\":\"%.*s\"}]",
         JOIN_ID + sender->counter, socket->conversation, LOAD_TEXT_LEN, text, CF_UUID_LEN, id);
}

static void connect_namespace(struct load_socket *socket)
{
    const struct load_options *options = socket->listener.run->options;
    struct cf_buf token;
    if (options->secret.len == 0) {
        emit(socket, "40");
        return;
    }
    cf_buf_init(&token, PACKET_MAX);
    load_sign(options, socket->number % options->users, &token);
    emit(socket, "40{\"token\":\"%.*s\"}", (int)token.len, (const char *)token.ptr);
    cf_buf_deinit(&token);
}

static void refuse(struct cf_slice packet)
{
    fprintf(stderr, "%.*s\n", (int)packet.len, (const char *)packet.ptr);
    load_die("an answer that is no success");
}

static void take_ack(struct load_socket *socket, struct cf_slice packet)
{
    static const char success[] = "[{\"success\":true";
    struct cf_slice rest = cf_slice_skip(packet, 2);
    size_t digits = cf_slice_find(rest, '[');
    uint64_t id;
    if (!cf_slice_to_u64(cf_slice_head(rest, digits), &id) ||
        !cf_slice_starts(cf_slice_skip(rest, digits), cf_slice_cstr(success)))
        refuse(packet);
    if (id != JOIN_ID)
        load_sender_answered(&socket->sender);
    else
        load_sender_open(&socket->sender, socket->listener.run, socket->number, send_message);
}

/* Engine.IO's packet type is the first character; behind 4, a message, comes Socket.IO's. */
static void take_packet(struct load_listener *listener, struct cf_slice packet, uint64_t now_ns)
{
    struct load_socket *socket = (struct load_socket *)listener;
    if (cf_slice_starts(packet, CF_LIT("42[\"message:new\",")))
        load_listener_deliver(listener, packet, now_ns);
    else if (cf_slice_starts(packet, CF_LIT("43")))
        take_ack(socket, packet);
    else if (cf_slice_starts(packet, CF_LIT("2")))
        emit(socket, "3");
    else if (cf_slice_starts(packet, CF_LIT("0")))
        connect_namespace(socket);
    else if (cf_slice_starts(packet, CF_LIT("40")))
        emit(socket, "42%d[\"conversation:join\",%" PRIu64 "]", JOIN_ID, socket->conversation);
    else if (!cf_slice_starts(packet, CF_LIT("42[")))
        refuse(packet);
}

void load_socket_open(struct load_socket *socket, struct load_run *run, int fd, unsigned number,
                      uint64_t conversation)
{
    socket->number = number;
    socket->conversation = conversation;
    load_listener_open(&socket->listener, run, fd, &run->sequences[number % run->options->rooms],
                       take_packet);
}
