/* The simulator's program: many runs, or one of them shown. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "sim/world.h"

static const char help[] = "usage: confab-sim [--seeds N] [--first S] [--seed S [--trace]]\n"
                           "Runs the server and its clients on a virtual clock, network and disk, "
                           "and checks the promises.\n"
                           "  --seeds N   so many runs (default 100), from --first on (default 1)\n"
                           "  --seed S    one run; --trace prints what happens in it\n";

static uint64_t running;

static void on_panic(const char *expression, const char *file, int line)
{
    fprintf(stderr, "confab-sim: seed %llu: broken invariant: %s (%s:%d)\n",
            (unsigned long long)running, expression, file, line);
    abort();
}

/* The fewest events after which it has failed already. */
static uint64_t shortest_prefix(uint64_t seed, uint64_t events)
{
    struct sim_result result;
    uint64_t low = 1, high = events;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        sim_world_run(seed, false, middle, &result);
        if (result.failed != NULL)
            high = middle;
        else
            low = middle + 1;
    }
    return high;
}

static void tell_failure(uint64_t seed, const struct sim_result *result)
{
    printf("seed %llu: %s: %s\n  %llu events, trace %016llx; the shortest prefix that fails has "
           "%llu\n  again: script/sim --seed %llu --trace\n",
           (unsigned long long)seed, result->failed, result->why,
           (unsigned long long)result->events, (unsigned long long)result->hash,
           (unsigned long long)shortest_prefix(seed, result->events), (unsigned long long)seed);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},  {"trace", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    uint64_t seeds = 100, first = 1, failures = 0, events = 0, said = 0;
    int64_t virtual_us = 0;
    bool tracing = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'n':
            seeds = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            first = strtoull(optarg, NULL, 10);
            break;
        case 's':
            first = strtoull(optarg, NULL, 10);
            seeds = 1;
            break;
        case 't':
            tracing = true;
            break;
        default:
            fputs(help, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    cf_panic_install(on_panic);
    for (running = first; running < first + seeds; running++) {
        struct sim_result result;
        sim_world_run(running, tracing, 0, &result);
        events += result.events;
        said += (uint64_t)result.said;
        virtual_us += result.virtual_us;
        if (result.failed != NULL) {
            failures++;
            tell_failure(running, &result);
        }
        if (seeds == 1)
            printf("seed %llu: %llu events, trace %016llx\n", (unsigned long long)running,
                   (unsigned long long)result.events, (unsigned long long)result.hash);
    }
    printf("%llu seeds, %llu failed; %.1f simulated hours, %llu events, %llu messages\n",
           (unsigned long long)seeds, (unsigned long long)failures, (double)virtual_us / 3.6e9,
           (unsigned long long)events, (unsigned long long)said);
    return failures == 0 ? 0 : 1;
}
