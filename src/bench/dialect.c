#include "bench/dialect.h"

#include <stdio.h>
#include <stdlib.h>

const struct load_dialect load_shops = {
    .rooms = "/api/v1/shops",
    .room_id = "\"id\":\"",
    .stream = "/api/v1/shops/",
    .stream_end = "/messages/stream",
    .messages = "/api/v1/shops/messages",
    .room_name = "shop_id",
    .text_name = "message",
    .take = load_listener_deliver,
};

static void subscribe(struct load_listener *listener, const char room[CF_UUID_LEN])
{
    char text[128];
    int len =
        snprintf(text, sizeof(text), "{\"type\":\"subscribe\",\"data\":{\"group_ids\":[\"%.*s\"]}}",
                 CF_UUID_LEN, room);
    load_listener_send(listener, cf_slice_of(text, (size_t)len));
}

/* The last member of every frame. */
static uint64_t stamp_of(struct cf_slice frame)
{
    static const char name[] = "\"server_timestamp\":";
    size_t digits = 0;
    uint64_t stamp;
    while (digits + 1 < frame.len && frame.ptr[frame.len - 2 - digits] >= '0' &&
           frame.ptr[frame.len - 2 - digits] <= '9')
        digits++;
    struct cf_slice rest = cf_slice_skip(frame, frame.len - 1 - digits);
    struct cf_slice before = cf_slice_head(frame, frame.len - 1 - digits);
    size_t name_len = sizeof(name) - 1;
    if (before.len < name_len ||
        !cf_slice_eq(cf_slice_skip(before, before.len - name_len), cf_slice_cstr(name)) ||
        !cf_slice_to_u64(cf_slice_head(rest, digits), &stamp))
        load_die("a frame without server_timestamp");
    return stamp;
}

/* Of one group: each is greater than the one before. */
static void check_stamp(struct load_listener *listener, struct cf_slice frame)
{
    uint64_t stamp = stamp_of(frame);
    if (stamp == listener->stamp)
        listener->run->faults.doubled++;
    if (stamp < listener->stamp)
        listener->run->faults.disordered++;
    listener->stamp = stamp;
}

static void take_frame(struct load_listener *listener, struct cf_slice frame, uint64_t now_ns)
{
    if (cf_slice_starts(frame, CF_LIT("{\"type\":\"new_message\","))) {
        check_stamp(listener, frame);
        load_listener_deliver(listener, frame, now_ns);
    } else if (cf_slice_starts(frame, CF_LIT("{\"type\":\"subscribed\","))) {
        listener->run->subscribed++;
    } else if (cf_slice_starts(frame, CF_LIT("{\"type\":\"ping\","))) {
        load_listener_send(listener, CF_LIT("{\"type\":\"pong\",\"data\":{}}"));
    } else if (!cf_slice_starts(frame, CF_LIT("{\"type\":\"auth_success\","))) {
        fprintf(stderr, "%.*s\n", (int)frame.len, (const char *)frame.ptr);
        load_die("a frame that nobody asked for");
    }
}

const struct load_dialect load_groups = {
    .rooms = "/v1/groups",
    .room_id = "\"group_id\":\"",
    .stream = "/ws",
    .messages = "/v1/messages",
    .room_name = "conversation_id",
    .text_name = "encrypted_envelope",
    .sealed = true,
    .take = take_frame,
    .subscribe = subscribe,
};
