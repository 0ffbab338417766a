/* The plain protocols of servers that are no Confab.
 *
 * hub: GET /sub?room=R is a receiver of room R; GET /pub?room=R a publisher, whose messages go
 * verbatim to all receivers and then back to itself, as its acknowledgement; GET /echo sends back
 * what it is sent. All are WebSockets.
 *
 * nchan (nginx): GET /sub?id=R is a receiver; POST /pub?id=R publishes, 2xx is the acknowledgement.
 */
#include <stdio.h>

#include "bench/dialect.h"

static void receiver_target(const struct cf_bench_client *client, char *out, size_t size)
{
    (void)snprintf(out, size, "/sub?room=%s", cf_bench_room_id(client));
}

static void publisher_target(const struct cf_bench_client *client, char *out, size_t size)
{
    (void)snprintf(out, size, "/pub?room=%s", cf_bench_room_id(client));
}

static void echo_target(const struct cf_bench_client *client, char *out, size_t size)
{
    (void)client;
    (void)snprintf(out, size, "/echo");
}

static enum cf_error compose(struct cf_bench_client *client)
{
    client->text_at = 0;
    return cf_bench_text_append(&client->message, client->worker->shared->plan->size, false,
                                client->number);
}

/* What comes back is what was sent, in order. */
static void hear_own(struct cf_bench_client *client, struct cf_slice text, uint64_t now_ns)
{
    unsigned sender;
    uint32_t counter;
    uint64_t sent_ns;
    if (text.len < CF_BENCH_HEAD_LEN ||
        !cf_bench_text_parse(text.ptr, &sender, &counter, &sent_ns) || sender != client->number) {
        cf_bench_stop(client->worker, "%s got what it has not sent: %.*s", client->role->what,
                      (int)cf_slice_head(text, 200).len, (const char *)text.ptr);
        return;
    }
    if (counter != client->answers)
        client->worker->sequence.faults.reordered++;
    client->answers++;
    cf_bench_answered(client, sent_ns, now_ns);
}

static const struct cf_bench_role receiver = {.what = "a receiver",
                                              .target = receiver_target,
                                              .opened = cf_bench_ready,
                                              .hear = cf_bench_deliver};
static const struct cf_bench_role publisher = {.what = "a publisher",
                                               .target = publisher_target,
                                               .opened = cf_bench_sender_ready,
                                               .hear = hear_own,
                                               .compose = compose,
                                               .send = cf_bench_send_frame};
static const struct cf_bench_role echo = {.what = "an echo",
                                          .target = echo_target,
                                          .opened = cf_bench_sender_ready,
                                          .hear = hear_own,
                                          .compose = compose,
                                          .send = cf_bench_send_frame};

const struct cf_bench_dialect cf_bench_hub = {
    .name = "hub", .text_key = "", .receiver = &receiver, .sender = &publisher, .echo = &echo};

static void nchan_target(const struct cf_bench_client *client, char *out, size_t size)
{
    (void)snprintf(out, size, "/sub?id=%s", cf_bench_room_id(client));
}

static enum cf_error nchan_compose(struct cf_bench_client *client)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/pub?id=%s", cf_bench_room_id(client));
    return cf_bench_post_compose(client, path, CF_LIT(""), CF_LIT(""));
}

static const struct cf_bench_role nchan_receiver = {.what = "a receiver",
                                                    .target = nchan_target,
                                                    .opened = cf_bench_ready,
                                                    .hear = cf_bench_deliver};
static const struct cf_bench_role nchan_publisher = {.what = "a publisher",
                                                     .opened = cf_bench_sender_ready,
                                                     .answered = cf_bench_post_answered,
                                                     .compose = nchan_compose,
                                                     .send = cf_bench_send_bytes};

const struct cf_bench_dialect cf_bench_nchan = {.name = "nchan",
                                                .text_key = "",
                                                .posts = true,
                                                .receiver = &nchan_receiver,
                                                .sender = &nchan_publisher};
