/* The simulator's program: many runs, or one of them shown. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mutant.h"
#include "sim/world.h"

enum { SEEDS = 100, MUTANT_SEEDS = 500 };

static const char help[] =
    "usage: confab-sim [--seeds N] [--first S] [--seed S [--trace]] [--mutants[=NAME]]\n"
    "Runs the server and its clients on a virtual clock, network and disk, "
    "and checks the promises.\n"
    "  --seeds N   so many runs (default 100), from --first on (default 1)\n"
    "  --seed S    one run; --trace prints what happens in it\n"
    "  --twice     runs each seed twice: both must have the same trace\n"
    "  --mutants   switches each deliberate mistake of base/mutant.h on in turn, and looks for a "
    "seed\n"
    "              that finds it (--mutants=NAME: that one; --seeds N: at most so many, 500)\n";

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

struct totals {
    uint64_t seeds, failed, events, said;
    int64_t virtual_us;
};

/* A run is what its seed says, and nothing else. */
static void run_again(const struct sim_result *before)
{
    struct sim_result result;
    sim_world_run(running, false, 0, &result);
    if (result.hash == before->hash && result.events == before->events)
        return;
    printf("seed %llu: trace %016llx, and %016llx when it is run again\n",
           (unsigned long long)running, (unsigned long long)before->hash,
           (unsigned long long)result.hash);
    exit(1);
}

static void run_seeds(uint64_t first, uint64_t count, bool tracing, bool twice,
                      struct totals *totals)
{
    for (running = first; running < first + count; running++) {
        struct sim_result result;
        sim_world_run(running, tracing, 0, &result);
        if (twice)
            run_again(&result);
        totals->seeds++;
        totals->events += result.events;
        totals->said += (uint64_t)result.said;
        totals->virtual_us += result.virtual_us;
        if (result.failed != NULL) {
            totals->failed++;
            tell_failure(running, &result);
        }
        if (count == 1)
            printf("seed %llu: %llu events, trace %016llx\n", (unsigned long long)running,
                   (unsigned long long)result.events, (unsigned long long)result.hash);
    }
}

static int tell_totals(const struct totals *totals)
{
    printf("%llu seeds, %llu failed; %.1f simulated hours, %llu events, %llu messages\n",
           (unsigned long long)totals->seeds, (unsigned long long)totals->failed,
           (double)totals->virtual_us / 3.6e9, (unsigned long long)totals->events,
           (unsigned long long)totals->said);
    return totals->failed == 0 ? 0 : 1;
}

#ifdef CONFAB_MUTANTS

struct mutant {
    const char *name, *text;
};
static const struct mutant mutants[CF_MUTANTS] = {
#define MUTANT(name, text) [CF_MUTANT_##name] = {#name, text},
    CF_MUTANT_MAP(MUTANT)
#undef MUTANT
};

/* False: no seed of so many has found it. A broken invariant would have ended the program. */
static bool find_mutant(int mutant, uint64_t seeds)
{
    struct sim_result result = {.failed = NULL};
    cf_mutant = (enum cf_mutant)mutant;
    for (running = 1; running <= seeds && result.failed == NULL; running++)
        sim_world_run(running, false, 0, &result);
    cf_mutant = CF_MUTANT_NONE;
    bool found = result.failed != NULL;
    printf("%-19s %-63s %s", mutants[mutant].name, mutants[mutant].text,
           found ? "found" : "NOT FOUND");
    if (found)
        printf(" with seed %llu: %s", (unsigned long long)running - 1, result.failed);
    printf("\n");
    fflush(stdout);
    return found;
}

static int find_mutants(const char *only, uint64_t seeds)
{
    int found = 0, tried = 0;
    for (int mutant = 1; mutant < CF_MUTANTS; mutant++) {
        if (only != NULL && strcmp(only, mutants[mutant].name) != 0)
            continue;
        tried++;
        found += find_mutant(mutant, seeds);
    }
    printf("%d mutants, %d found, within %llu seeds each\n", tried, found,
           (unsigned long long)seeds);
    return found == tried ? 0 : 1;
}

#else

static int find_mutants(const char *only, uint64_t seeds)
{
    (void)only;
    (void)seeds;
    fprintf(stderr, "confab-sim: built without the mutants; use script/sim --mutants\n");
    return 1;
}

#endif

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'}, {"first", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},  {"trace", no_argument, NULL, 't'},
        {"twice", no_argument, NULL, 'w'},       {"mutants", optional_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    uint64_t seeds = 0, first = 1;
    bool tracing = false, mutate = false, twice = false;
    const char *only = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'n') {
            seeds = strtoull(optarg, NULL, 10);
        } else if (option == 'f') {
            first = strtoull(optarg, NULL, 10);
        } else if (option == 's') {
            first = strtoull(optarg, NULL, 10);
            seeds = 1;
        } else if (option == 't') {
            tracing = true;
        } else if (option == 'w') {
            twice = true;
        } else if (option == 'm') {
            mutate = true;
            only = optarg;
        } else {
            fputs(help, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    cf_panic_install(on_panic);
    if (mutate)
        return find_mutants(only, seeds > 0 ? seeds : MUTANT_SEEDS);
    struct totals totals = {0};
    run_seeds(first, seeds > 0 ? seeds : SEEDS, tracing, twice, &totals);
    return tell_totals(&totals);
}
