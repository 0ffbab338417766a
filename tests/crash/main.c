/* Power loss and failing disks, with figures. script/crash builds and runs it.
 * Usage: confab-crash [--images N] [--sync-k N] [--write-k N] [--seed S] */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crash/faults.h"
#include "crash/machine.h"
#include "crash/power.h"

struct options {
    uint64_t images, sync_k, write_k, seed;
};

static void print_row(const char *name, uint64_t trials, const struct tally *tally)
{
    (void)printf("%-42s %6" PRIu64 " %7" PRIu64 " %10" PRIu64 " %6" PRIu64 " %7" PRIu64 " %7" PRIu64
                 " %6" PRIu64 " %7" PRIu64 "  %" PRIu64 "/%" PRIu64 "  %08" PRIx64 "\n",
                 name, trials, tally->images, tally->checked, tally->lost, tally->doubled,
                 tally->refused, tally->wrong, tally->damaged, tally->unknown_there,
                 tally->unknown_gone, tally->trace >> 32);
    (void)fflush(stdout);
}

static void print_head(const struct options *options)
{
    (void)printf("seed %" PRIu64 "\n", options->seed);
    (void)printf("%-42s %6s %7s %10s %6s %7s %7s %6s %7s  %s\n", "", "k", "images", "acked", "lost",
                 "doubled", "refused", "wrong", "damaged", "unknown: there/gone  trace");
}

static bool run_power(const struct options *options)
{
    struct tally tally = {0};
    power_run(POWER_AS_SHIPPED, options->seed, options->images, &tally);
    print_row("power loss, synchronous=FULL", 0, &tally);
    return tally_is_clean(&tally);
}

/* The proof that the checks look: these must lose something. */
static bool run_control(const struct options *options, enum power_weakness weakness,
                        const char *name)
{
    struct tally tally = {.quiet = true};
    uint64_t images = options->images / 10 < 100 ? 100 : options->images / 10;
    power_run(weakness, options->seed, images, &tally);
    print_row(name, 0, &tally);
    if (tally.lost == 0)
        (void)printf("nothing was lost there: the checks do not look\n");
    return tally.lost > 0;
}

static bool run_faults(const struct options *options, enum faults_kind kind, uint64_t k_max,
                       const char *name)
{
    struct tally tally = {0};
    bool good = true;
    for (uint64_t k = 1; k <= k_max; k++)
        good &= faults_run(kind, k, options->seed, FAULTS_IMAGES_MAX, &tally);
    print_row(name, k_max, &tally);
    return good && tally_is_clean(&tally);
}

/* The faults meet the making of the file: as many k as it makes calls. */
static bool run_making(const struct options *options, enum faults_kind kind, const char *name)
{
    struct tally tally = {0};
    bool good = true;
    bool fired = true;
    uint64_t k = 0;
    while (fired)
        good &= faults_run_making(kind, ++k, options->seed, FAULTS_IMAGES_MAX, &tally, &fired);
    print_row(name, k - 1, &tally);
    return good && tally_is_clean(&tally);
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"images", required_argument, NULL, 'i'},
                                          {"sync-k", required_argument, NULL, 'y'},
                                          {"write-k", required_argument, NULL, 'w'},
                                          {"seed", required_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        uint64_t *value = option == 'i'   ? &options->images
                          : option == 'y' ? &options->sync_k
                          : option == 'w' ? &options->write_k
                          : option == 's' ? &options->seed
                                          : NULL;
        if (value == NULL)
            return false;
        *value = strtoull(optarg, NULL, 10);
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    struct options options = {.images = 10000, .sync_k = 200, .write_k = 300, .seed = 1};
    if (!read_options(argc, argv, &options)) {
        (void)fprintf(stderr, "usage: %s [--images N] [--sync-k N] [--write-k N] [--seed S]\n",
                      argv[0]);
        return 2;
    }
    machine_install();
    print_head(&options);
    bool good = run_power(&options);
    good &= run_control(&options, POWER_NORMAL, "power loss, synchronous=NORMAL: must lose");
    good &= run_control(&options, POWER_LYING_DISK, "power loss, WAL not synced: must lose");
    good &= run_faults(&options, FAULTS_SYNC, options.sync_k, "fsync fails (EIO) at k");
    good &= run_faults(&options, FAULTS_WRITE, options.write_k, "write fails (EIO) at k");
    good &= run_faults(&options, FAULTS_DISK_FULL, options.write_k, "disk full (ENOSPC) from k on");
    good &= run_faults(&options, FAULTS_QUOTA, options.write_k, "quota used up (EDQUOT) from k on");
    good &= run_making(&options, FAULTS_SYNC, "fsync fails (EIO) at k of a new file");
    good &= run_making(&options, FAULTS_WRITE, "write fails (EIO) at k of a new file");
    good &= run_making(&options, FAULTS_DISK_FULL, "disk full (ENOSPC) at k of a new file");
    (void)printf("%s\n", good ? "as promised" : "NOT as promised");
    return good ? 0 : 1;
}
