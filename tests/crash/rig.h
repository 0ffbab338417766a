/* A store that is put to work one batch at a time: the real one on the mounted disk, or the one in
 * memory, which is the plainest statement of what a store does. */
#ifndef CF_TESTS_CRASH_RIG_H
#define CF_TESTS_CRASH_RIG_H

#include <pthread.h>

#include "base/buf.h"
#include "crash/answers.h"
#include "crash/disk.h"
#include "crash/workload.h"

#define RIG_DATABASE "confab.db"

/* What the log of the disk is marked with, and the number of the batch. */
enum rig_mark { RIG_SUBMITTED, RIG_ACKNOWLEDGED, RIG_UNKNOWN };

enum rig_outcome {
    RIG_OUTCOME_OK,      /* each request was answered CF_OK or refused for a reason of its own */
    RIG_OUTCOME_UNKNOWN, /* all of them were answered CF_E_UNAVAILABLE */
    RIG_OUTCOME_MIXED,   /* neither: never to happen */
};

struct rig {
    struct cf_store *store;
    bool mem;
    struct cf_store_sink sink;
    pthread_mutex_t lock;
    pthread_cond_t handed_over;
    struct cf_list finished;
    size_t finished_count;
    bool writing;    /* a batch is on its way */
    uint64_t number; /* that one */
    unsigned fatals; /* calls of the store's `fatal` */
    size_t fatal_at; /* in the log of the disk, at the first */
    char why[256];   /* what was said when it did not open */
};

void rig_init(struct rig *rig);
void rig_deinit(struct rig *rig);
/* Makes the database if there is none. False: see rig->why. */
bool rig_open(struct rig *rig);
/* As `confab migrate` does. */
bool rig_migrate(struct rig *rig);
void rig_open_mem(struct rig *rig);
void rig_close(struct rig *rig);

/* Runs the batch, and marks the log when it is given and when it is answered. The answers as text;
 * how many were CF_OK. */
enum rig_outcome rig_batch(struct rig *rig, const struct workload *workload, uint64_t number,
                           struct text *out_answers, size_t *out_ok);
/* All that the store shows, as text. */
void rig_show(struct rig *rig, struct text *out_shown);
/* A disk with a closed database without a batch in it. The log is empty. */
struct disk *rig_new_disk(void);
bool rig_has_wal(struct disk *disk);
bool rig_is_mark(const struct disk_op *op, enum rig_mark mark);
/* CF_STORE_CHECK. */
enum cf_error rig_check(struct rig *rig);

#endif
