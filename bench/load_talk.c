#include <stdlib.h>

#include "load_listener.h"
#include "load_poster.h"
#include "load_setup.h"

struct crowd {
    char (*shops)[CF_UUID_LEN];
    struct load_poster *posters;
    struct load_listener *listeners;
};

static void gather(struct load_run *run, struct crowd *crowd)
{
    const struct load_options *options = run->options;
    crowd->shops = load_new_array(options->rooms, sizeof(*crowd->shops));
    crowd->posters = load_new_array(options->posters, sizeof(*crowd->posters));
    crowd->listeners = load_new_array(options->streams, sizeof(*crowd->listeners));
    int *fds = load_new_array(options->streams, sizeof(*fds));
    load_make_shops(options, crowd->shops);
    load_open_streams(options, crowd->shops, fds);
    for (unsigned i = 0; i < options->streams; i++)
        load_listener_open(&crowd->listeners[i], run, fds[i], &run->sequences[i % options->rooms],
                           load_listener_deliver);
    for (unsigned i = 0; i < options->posters; i++)
        load_poster_open(&crowd->posters[i], run, i, crowd->shops[i % options->rooms]);
    free(fds);
}

static void dismiss(const struct load_options *options, struct crowd *crowd)
{
    for (unsigned i = 0; i < options->posters; i++)
        load_poster_close(&crowd->posters[i]);
    free(crowd->shops);
    free(crowd->posters);
    free(crowd->listeners);
}

void load_talk(const struct load_options *options)
{
    struct load_run run;
    struct crowd crowd;
    if (options->posters == 0 || options->streams < options->rooms)
        load_die("talk: --posters is at least 1, --streams at least --rooms");
    load_run_open(&run, options, options->posters, "\"message\":\"");
    gather(&run, &crowd);
    run.busy_max = options->posters;
    load_run_measure(&run);
    dismiss(options, &crowd);
    load_run_close(&run);
}
