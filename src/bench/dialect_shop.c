/* Shop streams of Confab: posts by REST, receivers are v1 streams. */
#include <stdio.h>

#include "bench/dialect.h"

/* …,"created_at":"2026-11-21T12:24:34.906127Z","updated_at":null,"is_edited":false} */
#define CREATED_END "\",\"updated_at\":null,\"is_edited\":false}"
enum { TIME_LEN = 27, CENTURY_LEN = 2 };

static void target(const struct cf_bench_client *client, char *out, size_t size)
{
    (void)snprintf(out, size, "/api/v1/shops/%s/messages/stream", cf_bench_room_id(client));
}

static enum cf_error compose(struct cf_bench_client *client)
{
    char before[128];
    int len = snprintf(before, sizeof(before), "{\"shop_id\":\"%s\",\"message\":\"",
                       cf_bench_room_id(client));
    return cf_bench_post_compose(client, "/api/v1/shops/messages", cf_slice_of(before, (size_t)len),
                                 CF_LIT("\"}"));
}

/* created_at: its digits, without the century, which would not fit. */
static uint64_t stamp(struct cf_slice message)
{
    uint64_t digits = 0;
    if (message.len < sizeof(CREATED_END) + TIME_LEN ||
        !cf_slice_ends(message, CF_LIT(CREATED_END)))
        return 0;
    const uint8_t *time = message.ptr + message.len - (sizeof(CREATED_END) - 1) - TIME_LEN;
    for (size_t i = CENTURY_LEN; i < TIME_LEN; i++) {
        if (time[i] >= '0' && time[i] <= '9')
            digits = digits * 10 + (uint64_t)(time[i] - '0');
    }
    return digits;
}

static const struct cf_bench_room_form form = {.rooms = "/api/v1/shops",
                                               .id_key = "\"id\":\"",
                                               .members = "members",
                                               .first = "{\"name\":\"Bench\""};
static const struct cf_bench_role receiver = {.what = "a stream",
                                              .target = target,
                                              .token = true,
                                              .opened = cf_bench_ready,
                                              .hear = cf_bench_deliver};
static const struct cf_bench_role sender = {.what = "a connection that posts",
                                            .opened = cf_bench_sender_ready,
                                            .answered = cf_bench_post_answered,
                                            .compose = compose,
                                            .send = cf_bench_send_bytes};

const struct cf_bench_dialect cf_bench_shop = {.name = "shop",
                                               .text_key = "\"message\":\"",
                                               .posts = true,
                                               .user_streams = 5,
                                               .form = &form,
                                               .receiver = &receiver,
                                               .sender = &sender,
                                               .stamp = stamp};
