#include "crash/faults.h"

#include <errno.h>
#include <stdio.h>

#include "crash/machine.h"
#include "crash/random.h"

enum { BATCHES_MAX = 300, TICK_EVERY = 9, MIGRATE_EVERY = 3, AFTER_RECOVERY = 3 };

struct trial {
    enum faults_kind kind;
    uint64_t k, seed;
    unsigned images;
    struct workload workload;
    struct history history;
    struct disk *disk;
    struct rig rig;
    struct text answers;
    struct tally *tally;
    uint64_t next; /* number of the next batch */
    bool fired;    /* during a making */
    bool good;
    char name[80];
};

static void expect(struct trial *trial, bool met, const char *what)
{
    if (met)
        return;
    (void)fprintf(stderr, "%s: not so: %s\n", trial->name, what);
    trial->tally->wrong++;
    trial->good = false;
}

static bool is_full(const struct trial *trial)
{
    return trial->kind == FAULTS_DISK_FULL || trial->kind == FAULTS_QUOTA;
}

static enum rig_outcome give(struct trial *trial)
{
    size_t ok;
    uint64_t number = trial->next++;
    enum rig_outcome outcome =
        rig_batch(&trial->rig, &trial->workload, number, &trial->answers, &ok);
    expect(trial, outcome != RIG_OUTCOME_MIXED, "a batch has one outcome");
    history_add(&trial->history, number, outcome, &trial->answers, ok);
    return outcome;
}

static bool is_change(const struct disk_op *op)
{
    return op->kind == DISK_WRITE || op->kind == DISK_TRUNCATE || op->kind == DISK_UNLINK;
}

/* Nothing is written any more after an error that the process has to end for: the failed call is
 * the last that changes anything. */
static void expect_untouched(struct trial *trial)
{
    size_t changes = 0;
    size_t from = trial->disk->fired_at + 1;
    for (size_t i = from; i < trial->disk->ops_count; i++)
        changes += is_change(&trial->disk->ops[i]);
    expect(trial, changes == 0, "nothing is written after the error");
}

static void readable(struct trial *trial)
{
    struct text shown = {NULL, 0, 0};
    rig_show(&trial->rig, &shown);
    expect(trial, shown.len > 0, "it can be read");
    text_deinit(&shown);
}

/* Somebody looks after the file before the server is started again, and the disk fails once more.
 */
static void migrate_before_restart(struct trial *trial)
{
    disk_set_faults(trial->disk,
                    (struct disk_faults){.kind = DISK_FAULT_SYNC, .k = 1, .error = EIO});
    bool unclean = rig_has_wal(trial->disk);
    expect(trial, rig_migrate(&trial->rig) == !unclean, "what it recovers has to be synced");
    if (unclean)
        expect_untouched(trial);
    disk_set_faults(trial->disk, (struct disk_faults){.kind = DISK_FAULT_NONE});
    expect(trial, rig_migrate(&trial->rig), "it migrates when the disk is good");
}

/* The process alone has ended: on the same kernel, which still reads back what it never wrote,
 * another goes on where this one stood. What is acknowledged from then on is as good as ever. */
static void go_on_after_restart(struct trial *trial)
{
    rig_deinit(&trial->rig);
    rig_init(&trial->rig);
    disk_set_faults(trial->disk, (struct disk_faults){.kind = DISK_FAULT_NONE});
    if (trial->k % MIGRATE_EVERY == 0)
        migrate_before_restart(trial);
    expect(trial, rig_open(&trial->rig), "it opens after a restart");
    if (trial->rig.store == NULL)
        return;
    trial->next -= 2; /* retries what was not acknowledged */
    for (int i = 0; i < AFTER_RECOVERY; i++)
        expect(trial, give(trial) == RIG_OUTCOME_OK, "writes after a restart");
    if (rig_has_wal(trial->disk))
        expect(trial, machine_tick(), "it tidies up");
    expect(trial, give(trial) == RIG_OUTCOME_OK, "writes after that");
    rig_close(&trial->rig);
}

/* The store has had an I/O error: it says so once, and takes nothing more. */
static void expect_dead(struct trial *trial)
{
    expect(trial, give(trial) == RIG_OUTCOME_UNKNOWN, "no writes after an I/O error");
    expect(trial, rig_check(&trial->rig) == CF_E_UNAVAILABLE, "the check says so");
    expect(trial, trial->rig.fatals == 1, "fatal is called, once");
    readable(trial);
    rig_close(&trial->rig);
    expect_untouched(trial);
    go_on_after_restart(trial);
}

/* The disk is full: it can be read, refuses writes, and takes them when there is room. */
static void expect_recovery(struct trial *trial)
{
    expect(trial, rig_check(&trial->rig) == CF_E_UNAVAILABLE, "the check says so");
    expect(trial, give(trial) == RIG_OUTCOME_UNKNOWN, "no writes without room");
    readable(trial);
    expect(trial, machine_tick(), "it tries again");
    expect(trial, give(trial) == RIG_OUTCOME_UNKNOWN, "no writes without room, still");
    disk_set_faults(trial->disk, (struct disk_faults){.kind = DISK_FAULT_NONE});
    expect(trial, machine_tick(), "it tries again");
    for (int i = 0; i < AFTER_RECOVERY; i++)
        expect(trial, give(trial) == RIG_OUTCOME_OK, "writes when there is room");
    expect(trial, rig_check(&trial->rig) == CF_OK, "the check says so, too");
    expect(trial, trial->rig.fatals == 0, "fatal is not called");
    rig_close(&trial->rig);
}

/* Batches until the disk has failed. What is answered by then, is known. */
static void live_until_fault(struct trial *trial)
{
    enum rig_outcome outcome = RIG_OUTCOME_OK;
    while (outcome == RIG_OUTCOME_OK && !trial->disk->fired && trial->next < BATCHES_MAX) {
        outcome = give(trial);
        if (outcome == RIG_OUTCOME_OK && trial->next % TICK_EVERY == 0 && rig_has_wal(trial->disk))
            (void)machine_tick();
    }
    expect(trial, trial->disk->fired, "the workload makes k calls");
    expect(trial, outcome == RIG_OUTCOME_OK || trial->disk->fired, "writes while the disk is good");
}

/* The fault met the opening: it says why, and the next one is good. */
static bool opens(struct trial *trial)
{
    bool open = rig_open(&trial->rig);
    bool ignored = trial->disk->fired_on_folder;
    expect(trial, open == (!trial->disk->fired || ignored), "it opens, or the disk has failed");
    if (open)
        return true;
    expect(trial, trial->rig.why[0] != '\0', "it says why it does not open");
    disk_set_faults(trial->disk, (struct disk_faults){.kind = DISK_FAULT_NONE});
    expect(trial, rig_open(&trial->rig), "the next opening is good");
    return false;
}

static void set_faults(struct trial *trial)
{
    const struct disk_faults faults = {
        .kind = trial->kind == FAULTS_SYNC ? DISK_FAULT_SYNC : DISK_FAULT_WRITE,
        .k = trial->k,
        .lasting = is_full(trial),
        .error = trial->kind == FAULTS_DISK_FULL ? ENOSPC
                 : trial->kind == FAULTS_QUOTA   ? EDQUOT
                                                 : EIO,
    };
    disk_set_faults(trial->disk, faults);
}

static void live(struct trial *trial)
{
    set_faults(trial);
    bool opened = opens(trial);
    if (trial->rig.store == NULL)
        return;
    if (opened)
        live_until_fault(trial);
    if (!opened || trial->disk->fired_on_folder) {
        expect(trial, give(trial) == RIG_OUTCOME_OK, "writes as if nothing had been");
        rig_close(&trial->rig);
    } else if (is_full(trial)) {
        expect_recovery(trial);
    } else {
        expect_dead(trial);
    }
}

/* Just after the last answer. */
static size_t after_last_answer(const struct disk *disk)
{
    size_t at = disk->ops_count;
    while (at > 0 && disk->ops[at - 1].kind != DISK_MARK)
        at--;
    return at;
}

/* What is found when the power was lost: after the last answer, at any moment since the failure, at
 * the end; and when the process alone has ended. */
static void check_images(struct trial *trial)
{
    static const struct disk_crash hows[FAULTS_IMAGES_MAX] = {
        {.survive_percent = 0},
        {.survive_percent = 80, .sectors = true, .torn = true},
        {.survive_percent = 50, .sectors = true},
        {.survive_percent = 0},
        {.survive_percent = 100},
    };
    size_t end = trial->disk->ops_count;
    uint32_t since_fault = (uint32_t)(end - trial->disk->fired_at) + 1;
    for (size_t i = 0; i < trial->images; i++) {
        struct disk_crash how = hows[i];
        uint64_t random = random_part(trial->seed, i);
        how.seed = random_next(&random);
        size_t at = i == 0  ? after_last_answer(trial->disk)
                    : i < 4 ? end - random_below(&random, since_fault)
                            : end;
        struct history known;
        history_cut(&trial->history, 0, trial->disk, at, &known);
        struct disk *found = disk_crash(trial->disk, at, &how);
        trial->good &=
            check_disk(found, &trial->workload, &known, how.seed, trial->name, trial->tally);
        disk_free(found);
    }
}

/* The fault meets the making of the file. The next try is good, and what is then acknowledged
 * stays. */
static void make(struct trial *trial)
{
    set_faults(trial);
    bool made = rig_open(&trial->rig);
    trial->fired = trial->disk->fired;
    expect(trial, made || trial->fired, "it is made, or the disk has failed");
    disk_set_faults(trial->disk, (struct disk_faults){.kind = DISK_FAULT_NONE});
    if (!made)
        expect(trial, rig_open(&trial->rig), "it is made when the disk is good");
    if (trial->rig.store == NULL)
        return;
    for (int i = 0; i < AFTER_RECOVERY; i++)
        expect(trial, give(trial) == RIG_OUTCOME_OK, "it takes writes");
    rig_close(&trial->rig);
}

static void begin(struct trial *trial, enum faults_kind kind, uint64_t k, uint64_t seed,
                  unsigned images, struct tally *tally)
{
    static const char *const kinds[] = {"fsync EIO", "write EIO", "disk full", "quota"};
    *trial = (struct trial){.kind = kind, .k = k, .images = images, .tally = tally, .good = true};
    trial->seed = random_part(seed, k);
    trial->workload = (struct workload){random_part(seed, kind), false};
    (void)snprintf(trial->name, sizeof(trial->name), "seed %llu, %s, k = %llu",
                   (unsigned long long)seed, kinds[kind], (unsigned long long)k);
    rig_init(&trial->rig);
}

static bool end(struct trial *trial)
{
    rig_deinit(&trial->rig);
    check_images(trial);
    tally_trace(trial->tally, trial->disk);
    text_deinit(&trial->answers);
    disk_free(trial->disk);
    return trial->good;
}

bool faults_run(enum faults_kind kind, uint64_t k, uint64_t seed, unsigned images,
                struct tally *tally)
{
    struct trial trial;
    begin(&trial, kind, k, seed, images, tally);
    trial.disk = rig_new_disk();
    machine_mount(trial.disk, trial.seed);
    live(&trial);
    return end(&trial);
}

bool faults_run_making(enum faults_kind kind, uint64_t k, uint64_t seed, unsigned images,
                       struct tally *tally, bool *out_fired)
{
    struct trial trial;
    begin(&trial, kind, k, seed, images, tally);
    trial.disk = disk_new();
    machine_mount(trial.disk, trial.seed);
    make(&trial);
    *out_fired = trial.fired;
    return end(&trial);
}
