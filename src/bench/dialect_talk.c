#include "load_socket.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/uuid.h"
#include "load_setup.h"

enum { JOIN_ID = 0 };

/* One text frame. */
static void emit(struct load_socket *socket, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void emit(struct load_socket *socket, const char *format, ...)
{
    char packet[LOAD_SENT_MAX + 1];
    va_list values;
    va_start(values, format);
    int printed = vsnprintf(packet, sizeof(packet), format, values);
    va_end(values);
    if (printed < 0 || printed > LOAD_SENT_MAX)
        load_die("a packet that is too long");
    load_listener_send(&socket->listener, cf_slice_of(packet, (size_t)printed));
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
    char text[LOAD_TEXT_MAX], id[CF_UUID_LEN];
    unsigned bytes = socket->listener.run->options->text;
    load_text_fill(text, bytes, false, sender->number);
    load_sender_begin(sender, text);
    write_client_id(sender, id);
    emit(socket,
         "42%" PRIu32 "[\"message:send\",%" PRIu64
         ",{\"text\":\"%.*s\",\"clientMessageId\":\"%.*s\"}]",
         JOIN_ID + sender->counter, socket->conversation, (int)bytes, text, CF_UUID_LEN, id);
}

static void connect_namespace(struct load_socket *socket)
{
    const struct load_options *options = socket->listener.run->options;
    struct cf_buf token;
    if (options->secret.len == 0) {
        emit(socket, "40");
        return;
    }
    cf_buf_init(&token, LOAD_SENT_MAX);
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
