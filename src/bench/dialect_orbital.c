/* Encrypted groups of Confab: posts by REST, receivers subscribe over the JSON WebSocket. */
#include <stdio.h>

#include "bench/dialect.h"

static void target(const struct cf_bench_client *client, char *out, size_t size)
{
    (void)client;
    (void)snprintf(out, size, "/ws");
}

static void subscribe(struct cf_bench_client *client)
{
    char text[128];
    int len =
        snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"data\":{\"group_ids\":[\"%s\"]}}",
                 cf_bench_room_id(client));
    cf_bench_client_write_text(client, cf_slice_of(text, (size_t)len));
}

/* Who only connects wants nothing but to be let in. */
static void welcome(struct cf_bench_client *client)
{
    if (client->worker->shared->plan->reconnect)
        cf_bench_ready(client);
    else
        subscribe(client);
}

static void hear(struct cf_bench_client *client, struct cf_slice frame, uint64_t now_ns)
{
    if (cf_slice_starts(frame, CF_LIT("{\"type\":\"new_message\",")))
        cf_bench_deliver(client, frame, now_ns);
    else if (cf_slice_starts(frame, CF_LIT("{\"type\":\"auth_success\",")))
        welcome(client);
    else if (cf_slice_starts(frame, CF_LIT("{\"type\":\"subscribed\",")))
        cf_bench_ready(client);
    else if (cf_slice_starts(frame, CF_LIT("{\"type\":\"ping\",")))
        cf_bench_client_write_text(client, CF_LIT("{\"type\":\"pong\",\"data\":{}}"));
    else
        cf_bench_stop(client->worker, "a receiver got a frame that it has not asked for: %.*s",
                      (int)cf_slice_head(frame, 200).len, (const char *)frame.ptr);
}

static enum cf_error compose(struct cf_bench_client *client)
{
    char before[160];
    int len =
        snprintf(before, sizeof(before), "{\"conversation_id\":\"%s\",\"encrypted_envelope\":\"",
                 cf_bench_room_id(client));
    return cf_bench_post_compose(client, "/v1/messages", cf_slice_of(before, (size_t)len),
                                 CF_LIT("\"}"));
}

/* server_timestamp, the last member of every frame. */
static uint64_t stamp(struct cf_slice frame)
{
    uint64_t value = 0, place = 1;
    for (size_t i = frame.len; i-- > 1 && frame.ptr[i - 1] >= '0' && frame.ptr[i - 1] <= '9';) {
        value += (uint64_t)(frame.ptr[i - 1] - '0') * place;
        place *= 10;
    }
    return value;
}

static const struct cf_bench_room_form form = {.rooms = "/v1/groups",
                                               .id_key = "\"group_id\":\"",
                                               .members = "members",
                                               .first = "{\"name\":\"Bench\""};
static const struct cf_bench_role receiver = {
    .what = "a receiver", .target = target, .token = true, .hear = hear};
static const struct cf_bench_role sender = {.what = "a connection that posts",
                                            .opened = cf_bench_sender_ready,
                                            .answered = cf_bench_post_answered,
                                            .compose = compose,
                                            .send = cf_bench_send_bytes};

const struct cf_bench_dialect cf_bench_orbital = {.name = "orbital",
                                                  .text_key = "\"encrypted_envelope\":\"",
                                                  .sealed = true,
                                                  .posts = true,
                                                  .address_streams = 4,
                                                  .form = &form,
                                                  .receiver = &receiver,
                                                  .sender = &sender,
                                                  .stamp = stamp};
