#include <stdio.h>
#include <stdlib.h>

#include "load_poster.h"
#include "load_setup.h"

#define SUBSCRIBE_NS UINT64_C(10000000000)

struct crowd {
    char (*rooms)[CF_UUID_LEN];
    struct load_poster *posters;
    struct load_listener *listeners;
};

static void subscribe(struct load_run *run, const struct load_dialect *dialect, struct crowd *crowd)
{
    const struct load_options *options = run->options;
    uint64_t end = load_now_ns() + SUBSCRIBE_NS;
    for (unsigned i = 0; i < options->streams; i++)
        dialect->subscribe(&crowd->listeners[i], crowd->rooms[i % options->rooms]);
    while (run->subscribed < options->streams) {
        load_turn(run, 10);
        if (run->cut > 0 || load_now_ns() > end)
            load_die("a stream is not subscribed");
    }
}

static void gather(struct load_run *run, const struct load_dialect *dialect, struct crowd *crowd)
{
    const struct load_options *options = run->options;
    crowd->rooms = load_new_array(options->rooms, sizeof(*crowd->rooms));
    crowd->posters = load_new_array(options->posters, sizeof(*crowd->posters));
    crowd->listeners = load_new_array(options->streams, sizeof(*crowd->listeners));
    int *fds = load_new_array(options->streams, sizeof(*fds));
    load_make_rooms(options, dialect, crowd->rooms);
    load_open_streams(options, dialect, crowd->rooms, fds);
    for (unsigned i = 0; i < options->streams; i++)
        load_listener_open(&crowd->listeners[i], run, fds[i], &run->sequences[i % options->rooms],
                           dialect->take);
    if (dialect->subscribe != NULL)
        subscribe(run, dialect, crowd);
    for (unsigned i = 0; i < options->posters; i++)
        load_poster_open(&crowd->posters[i], run, i, dialect, crowd->rooms[i % options->rooms]);
    free(fds);
}

static void dismiss(const struct load_options *options, struct crowd *crowd)
{
    for (unsigned i = 0; i < options->posters; i++)
        load_poster_close(&crowd->posters[i]);
    free(crowd->rooms);
    free(crowd->posters);
    free(crowd->listeners);
}

static void talk(const struct load_options *options, const struct load_dialect *dialect)
{
    struct load_run run;
    struct crowd crowd;
    char mark[64];
    if (options->posters == 0 || options->streams < options->rooms)
        load_die("--posters is at least 1, --streams at least --rooms");
    snprintf(mark, sizeof(mark), "\"%s\":\"", dialect->text_name);
    load_run_open(&run, options, options->posters, mark);
    gather(&run, dialect, &crowd);
    run.busy_max = options->posters;
    load_run_measure(&run);
    dismiss(options, &crowd);
    load_run_close(&run);
}

void load_talk(const struct load_options *options)
{
    talk(options, &load_shops);
}

void load_relay(const struct load_options *options)
{
    talk(options, &load_groups);
}
