#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "load_measure.h"
#include "load_setup.h"

enum { SETTLE_MS = 1000 };

/* Some streams that go again, so that what the server needs once is not counted as the streams'. */
static void warm_up(const struct load_options *options, char (*shops)[CF_UUID_LEN])
{
    struct load_options few = *options;
    int fds[64];
    few.streams = sizeof(fds) / sizeof(fds[0]);
    load_open_streams(&few, shops, fds);
    for (unsigned i = 0; i < few.streams; i++)
        close(fds[i]);
    poll(NULL, 0, SETTLE_MS);
}

void load_idle(const struct load_options *options)
{
    char(*shops)[CF_UUID_LEN] = calloc(options->shops, sizeof(*shops));
    int *fds = calloc(options->streams + 1, sizeof(*fds));
    if (shops == NULL || fds == NULL || options->streams == 0)
        load_die("no memory, or no --streams");
    load_make_shops(options, shops);
    warm_up(options, shops);
    uint64_t before = load_rss_bytes(options->server), began = load_now_ns();
    load_open_streams(options, shops, fds);
    double seconds = (double)(load_now_ns() - began) / 1e9;
    poll(NULL, 0, SETTLE_MS);
    uint64_t after = load_rss_bytes(options->server);
    printf("streams %u\n", options->streams);
    printf("opened_per_s %.0f\n", options->streams / seconds);
    printf("rss_before_mib %.1f\n", (double)before / 1048576);
    printf("rss_after_mib %.1f\n", (double)after / 1048576);
    printf("bytes_per_stream %.0f\n", ((double)after - (double)before) / options->streams);
    for (unsigned i = 0; i < options->streams; i++)
        close(fds[i]);
    free(fds);
    free(shops);
}
