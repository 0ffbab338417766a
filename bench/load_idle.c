#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "load_chat.h"
#include "bench/measure.h"
#include "load_setup.h"

enum { SETTLE_MS = 1000, WARM_UP = 64 };

struct footprint {
    uint64_t before_bytes, after_bytes, began_ns, ended_ns;
};

static void print_footprint(const struct footprint *print, unsigned connections)
{
    double seconds = (double)(print->ended_ns - print->began_ns) / 1e9;
    double grown = (double)print->after_bytes - (double)print->before_bytes;
    printf("connections %u\n", connections);
    printf("opened_per_s %.0f\n", connections / seconds);
    printf("rss_before_mib %.1f\n", (double)print->before_bytes / 1048576);
    printf("rss_after_mib %.1f\n", (double)print->after_bytes / 1048576);
    printf("bytes_per_connection %.0f\n", grown / connections);
}

/* Some streams that go again, so that what the server needs once is not counted as the streams'. */
static void warm_up_streams(const struct load_options *options, char (*shops)[CF_UUID_LEN])
{
    struct load_options few = *options;
    int fds[WARM_UP];
    few.streams = WARM_UP;
    load_open_streams(&few, &load_shops, shops, fds);
    for (unsigned i = 0; i < WARM_UP; i++)
        close(fds[i]);
    poll(NULL, 0, SETTLE_MS);
}

static void idle_streams(const struct load_options *options)
{
    char(*shops)[CF_UUID_LEN] = load_new_array(options->rooms, sizeof(*shops));
    int *fds = load_new_array(options->streams, sizeof(*fds));
    load_make_rooms(options, &load_shops, shops);
    warm_up_streams(options, shops);
    struct footprint print = {.before_bytes = load_rss_bytes(options->server),
                              .began_ns = load_now_ns()};
    load_open_streams(options, &load_shops, shops, fds);
    print.ended_ns = load_now_ns();
    poll(NULL, 0, SETTLE_MS);
    print.after_bytes = load_rss_bytes(options->server);
    print_footprint(&print, options->streams);
    for (unsigned i = 0; i < options->streams; i++)
        close(fds[i]);
    free(fds);
    free(shops);
}

/* Pings are answered meanwhile. */
static void settle(struct load_run *run)
{
    for (uint64_t end = load_now_ns() + SETTLE_MS * UINT64_C(1000000); load_now_ns() < end;)
        load_turn(run, 10);
}

static void warm_up_sockets(const struct load_options *options)
{
    struct load_options few = *options;
    struct load_chat chat;
    few.rooms = 1;
    few.sockets = few.users = WARM_UP;
    load_chat_open(&chat, &few);
    load_chat_join(&chat);
    load_chat_close(&chat);
}

static void idle_sockets(const struct load_options *options)
{
    struct load_chat chat;
    warm_up_sockets(options);
    load_chat_open(&chat, options);
    settle(&chat.run);
    struct footprint print = {.before_bytes = load_rss_bytes(options->server),
                              .began_ns = load_now_ns()};
    load_chat_join(&chat);
    print.ended_ns = load_now_ns();
    settle(&chat.run);
    print.after_bytes = load_rss_bytes(options->server);
    print_footprint(&print, options->sockets);
    load_chat_close(&chat);
}

void load_idle(const struct load_options *options)
{
    if (options->sockets > 0)
        idle_sockets(options);
    else
        idle_streams(options);
}
