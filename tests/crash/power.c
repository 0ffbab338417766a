#include "crash/power.h"

#include <stdio.h>
#include <string.h>

#include "crash/machine.h"
#include "crash/random.h"

enum { BATCHES = 36, IMAGES_A_RUN = 24, LARGE_EVERY = 12, NEW_FILE_EVERY = 4 };

/* One life of a store, and what is known of it. */
struct life {
    struct disk *disk;
    struct workload workload;
    struct history history;
    uint64_t seed;
};

/* What happens between two batches: nothing, an idle second, a reader, a restart. */
static void pause_between(struct rig *rig, struct life *life, uint64_t *random)
{
    uint32_t fate = random_below(random, 100);
    if (fate < 12 && rig_has_wal(life->disk)) {
        CF_ASSERT(machine_tick());
    } else if (fate < 18) {
        struct text shown = {NULL, 0, 0};
        rig_show(rig, &shown);
        text_deinit(&shown);
    } else if (fate < 22) {
        rig_close(rig);
        CF_ASSERT(rig_open(rig));
    }
}

static void live(struct life *life)
{
    struct rig rig;
    struct text answers = {NULL, 0, 0};
    uint64_t random = random_part(life->seed, 1);
    rig_init(&rig);
    machine_mount(life->disk, random_part(life->seed, 2));
    CF_ASSERT(rig_open(&rig));
    for (uint64_t number = 0; number < BATCHES; number++) {
        size_t ok;
        enum rig_outcome outcome = rig_batch(&rig, &life->workload, number, &answers, &ok);
        CF_ASSERT(outcome == RIG_OUTCOME_OK);
        history_add(&life->history, number, outcome, &answers, ok);
        pause_between(&rig, life, &random);
    }
    text_deinit(&answers);
    rig_deinit(&rig);
}

/* Where the power goes: anywhere, or just after something was acknowledged. */
static size_t pick_moment(const struct disk *disk, uint64_t *random)
{
    size_t at = random_below(random, (uint32_t)disk->ops_count + 1);
    if (random_below(random, 5) < 3)
        return at;
    while (at < disk->ops_count && !rig_is_mark(&disk->ops[at], RIG_ACKNOWLEDGED))
        at++;
    return at == disk->ops_count ? at : at + 1;
}

static struct disk_crash pick_crash(uint64_t *random)
{
    static const unsigned percents[] = {0, 0, 5, 30, 50, 70, 95, 100};
    struct disk_crash how = {.seed = random_next(random)};
    how.survive_percent = percents[random_below(random, 8)];
    how.sectors = random_below(random, 4) != 0;
    how.torn = random_below(random, 2) == 0;
    return how;
}

/* Steps that are older than the disk's log. */
static size_t steps_before(const struct history *history, const struct disk *disk)
{
    size_t given = 0;
    for (size_t i = 0; i < disk->ops_count; i++)
        given += rig_is_mark(&disk->ops[i], RIG_SUBMITTED);
    return history->count - given;
}

/* Loses the power in this life; true: checked and good, and *out_next is the life that went on on
 * the found disk. The caller frees its disk in any case. */
static bool crash_once(struct life *life, size_t before, uint64_t seed, const char *name,
                       struct tally *tally, struct life *out_next)
{
    uint64_t random = seed;
    size_t at = pick_moment(life->disk, &random);
    struct disk_crash how = pick_crash(&random);
    *out_next = (struct life){.workload = life->workload, .seed = random_next(&random)};
    out_next->disk = disk_crash(life->disk, at, &how);
    out_next->disk->ignore_wal_syncs = life->disk->ignore_wal_syncs;
    history_cut(&life->history, before, life->disk, at, &out_next->history);
    return check_disk(out_next->disk, &out_next->workload, &out_next->history, out_next->seed, name,
                      tally);
}

/* An image of the life, and now and then one of the life that went on after that. */
static void crash_twice(struct life *life, uint64_t seed, const char *name, struct tally *tally)
{
    struct life next, last;
    bool good = crash_once(life, 0, seed, name, tally, &next);
    if (good && seed % 4 == 0) {
        size_t before = steps_before(&next.history, next.disk);
        (void)crash_once(&next, before, random_part(seed, 1), name, tally, &last);
        disk_free(last.disk);
    }
    tally_trace(tally, next.disk);
    disk_free(next.disk);
}

void power_run(enum power_weakness weakness, uint64_t seed, uint64_t images, struct tally *tally)
{
    uint64_t end = tally->images + images;
    machine_weaken(weakness == POWER_NORMAL);
    for (uint64_t run = 0; tally->images < end; run++) {
        struct life life = {.seed = random_part(seed, run)};
        life.workload = (struct workload){random_part(seed, run), run % LARGE_EVERY == 7};
        life.disk = run % NEW_FILE_EVERY == 1 ? disk_new() : rig_new_disk();
        life.disk->ignore_wal_syncs = weakness == POWER_LYING_DISK;
        live(&life);
        for (uint64_t i = 0; i < IMAGES_A_RUN && tally->images < end; i++) {
            char name[96];
            (void)snprintf(name, sizeof(name), "seed %llu, run %llu, image %llu",
                           (unsigned long long)seed, (unsigned long long)run,
                           (unsigned long long)i);
            crash_twice(&life, random_part(life.seed, 100 + i), name, tally);
        }
        tally_trace(tally, life.disk);
        disk_free(life.disk);
    }
    machine_weaken(false);
}
