/* Socket.IO over one WebSocket (Engine.IO protocol 4, Socket.IO protocol 5): a socket connects,
 * joins a conversation, sends messages and receives those of all. talk: Confab's conversations.
 * socketio: a chat of the same events without accounts. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "bench/dialect.h"

enum { JOIN_ID = 0, PACKET_MAX = 10 * 1024 };

#define NEW_MESSAGE "42[\"message:new\",{\"id\":"

/* Receivers join, senders do not; who does both does. */
static const struct cf_bench_role receiver, sender, both;

static void target(const struct cf_bench_client *client, char *out, size_t size)
{
    (void)client;
    (void)snprintf(out, size, "/socket.io/?EIO=4&transport=websocket");
}

static void emit(struct cf_bench_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void emit(struct cf_bench_client *client, const char *format, ...)
{
    char packet[PACKET_MAX];
    va_list values;
    va_start(values, format);
    int len = vsnprintf(packet, sizeof(packet), format, values);
    va_end(values);
    if (len < 0 || (size_t)len >= sizeof(packet))
        cf_bench_stop(client->worker, "a packet is too long");
    else
        cf_bench_client_write_text(client, cf_slice_of(packet, (size_t)len));
}

static enum cf_error compose(struct cf_bench_client *client)
{
    client->text_at = 0;
    return cf_bench_text_append(&client->message, client->worker->shared->plan->size, false,
                                client->number);
}

/* Unique over all runs: no two messages of a sender are sent in the same microsecond. */
static void write_client_id(const struct cf_bench_client *client, char out[CF_UUID_LEN])
{
    uint8_t random[10] = {(uint8_t)(client->number >> 8), (uint8_t)client->number,
                          (uint8_t)(client->counter >> 8), (uint8_t)client->counter};
    struct cf_uuid id = cf_uuid_v7((cf_us)(client->sent_ns / 1000), random);
    cf_uuid_format(&id, out);
}

static void send_message(struct cf_bench_client *client)
{
    char id[CF_UUID_LEN];
    struct cf_slice text = cf_bench_message(client);
    write_client_id(client, id);
    emit(client,
         "42%" PRIu32 "[\"message:send\",%s,{\"text\":\"%.*s\",\"clientMessageId\":\"%.*s\"}]",
         JOIN_ID + client->counter, cf_bench_room_id(client), (int)text.len, (const char *)text.ptr,
         CF_UUID_LEN, id);
}

static void connect_namespace(struct cf_bench_client *client)
{
    const char *token = cf_bench_token(client);
    if (*token == '\0')
        emit(client, "40");
    else
        emit(client, "40{\"token\":\"%s\"}", token);
}

static void join(struct cf_bench_client *client)
{
    emit(client, "42%d[\"conversation:join\",%s]", JOIN_ID, cf_bench_room_id(client));
}

/* Who only connects wants nothing but to be let in, who only sends nothing else either. */
static void enter(struct cf_bench_client *client)
{
    if (client->worker->shared->plan->reconnect)
        cf_bench_ready(client);
    else if (client->role == &sender)
        cf_bench_sender_ready(client);
    else
        join(client);
}

static void refuse(struct cf_bench_client *client, struct cf_slice packet)
{
    cf_bench_stop(client->worker, "the server refused what a socket asked for: %.*s%s",
                  (int)cf_slice_head(packet, 200).len, (const char *)packet.ptr,
                  cf_slice_starts(packet, CF_LIT("44"))
                      ? "; sign with the server's JWT_SECRET (in the environment, or --secret)"
                      : "");
}

static void take_ack(struct cf_bench_client *client, struct cf_slice packet, uint64_t now_ns)
{
    struct cf_slice rest = cf_slice_skip(packet, 2);
    size_t digits = cf_slice_find(rest, '[');
    uint64_t id;
    if (!cf_slice_to_u64(cf_slice_head(rest, digits), &id) ||
        !cf_slice_starts(cf_slice_skip(rest, digits), CF_LIT("[{\"success\":true")))
        refuse(client, packet);
    else if (id != JOIN_ID)
        cf_bench_answered(client, client->sent_ns, now_ns);
    else if (client->role == &both)
        cf_bench_sender_ready(client);
    else
        cf_bench_ready(client);
}

/* Engine.IO's packet type is the first character; behind 4, a message, comes Socket.IO's. */
static void hear(struct cf_bench_client *client, struct cf_slice packet, uint64_t now_ns)
{
    if (cf_slice_starts(packet, CF_LIT(NEW_MESSAGE)))
        cf_bench_deliver(client, packet, now_ns);
    else if (cf_slice_starts(packet, CF_LIT("43")))
        take_ack(client, packet, now_ns);
    else if (cf_slice_starts(packet, CF_LIT("2")))
        cf_bench_client_write_text(client, CF_LIT("3"));
    else if (cf_slice_starts(packet, CF_LIT("0")))
        connect_namespace(client);
    else if (cf_slice_starts(packet, CF_LIT("40")))
        enter(client);
    else if (!cf_slice_starts(packet, CF_LIT("42[")))
        refuse(client, packet);
}

/* Ids of messages grow over all conversations. */
static uint64_t stamp(struct cf_slice packet)
{
    uint64_t id = 0;
    for (size_t i = sizeof(NEW_MESSAGE) - 1;
         i < packet.len && packet.ptr[i] >= '0' && packet.ptr[i] <= '9'; i++)
        id = id * 10 + (uint64_t)(packet.ptr[i] - '0');
    return id;
}

static const struct cf_bench_room_form form = {.rooms = "/api/conversations",
                                               .id_key = "\"id\":",
                                               .members = "participants",
                                               .people = "\"userIds\":",
                                               .first = "{\"kind\":\"group\",\"title\":\"Bench\",",
                                               .first_people = "\"participantIds\":"};

static const struct cf_bench_role receiver = {.what = "a socket", .target = target, .hear = hear};
static const struct cf_bench_role sender = {.what = "a socket that sends",
                                            .target = target,
                                            .hear = hear,
                                            .compose = compose,
                                            .send = send_message};
static const struct cf_bench_role both = {
    .what = "a socket", .target = target, .hear = hear, .compose = compose, .send = send_message};

const struct cf_bench_dialect cf_bench_talk = {.name = "talk",
                                               .text_key = "\"text\":\"",
                                               .rest_ns = CF_BENCH_SECOND_NS / 10,
                                               .user_rate = 10,
                                               .form = &form,
                                               .receiver = &receiver,
                                               .sender = &sender,
                                               .both = &both,
                                               .stamp = stamp};
const struct cf_bench_dialect cf_bench_socketio = {.name = "socketio",
                                                   .text_key = "\"text\":\"",
                                                   .rest_ns = CF_BENCH_SECOND_NS / 10,
                                                   .user_rate = 10,
                                                   .receiver = &receiver,
                                                   .sender = &sender,
                                                   .both = &both,
                                                   .stamp = stamp};
