/* Is a disk that was found after a crash what it has to be?
 *
 * The history is all batches that were ever given to the store, with what was answered. The real
 * store is opened on the disk, shows all that it has, is given the last batches again and new ones,
 * and shows all again. Then the history is told to a store in memory, where each batch whose answer
 * was "unknown" may have happened or not: one such telling has to give the same answers as were
 * given before and after the crash, and to show the same, byte for byte. Nothing that was
 * acknowledged can then be missing, nothing doubled, nothing there that was refused; client ids
 * answer their first messages; numbers, stamps and times are those promised and go on from there.
 */
#ifndef CF_TESTS_CRASH_CHECK_H
#define CF_TESTS_CRASH_CHECK_H

#include "crash/disk.h"
#include "crash/rig.h"

enum { HISTORY_MAX = 512 };

struct step {
    uint64_t number;
    bool unknown;  /* answered CF_E_UNAVAILABLE, or not yet answered when the power went */
    bool answered; /* then `answers` is the hash of what was */
    uint64_t answers;
    size_t ok; /* requests answered CF_OK */
};

struct history {
    struct step steps[HISTORY_MAX];
    size_t count;
};

struct tally {
    uint64_t images;
    uint64_t checked;          /* acknowledged requests, over all images */
    uint64_t lost;             /* of those that are gone */
    uint64_t doubled, refused; /* things there twice; things there that nobody was promised */
    uint64_t wrong;            /* answered otherwise than promised, though all was there */
    uint64_t damaged;          /* did not open, or not sound */
    uint64_t unknown_there, unknown_gone; /* batches of unknown outcome */
    uint64_t trace; /* a hash of all that the disks were asked: the same for the same seed */
    bool quiet;     /* losses are wanted: do not tell of each */
};

uint64_t text_hash(const struct text *text);
void history_add(struct history *history, uint64_t number, enum rig_outcome outcome,
                 const struct text *answers, size_t ok);
/* The history as it was known before operation `at` of the disk's log: what had been given by then,
 * on top of the first `before` steps, which are older than the log. Steps come in the order of
 * their marks. */
void history_cut(const struct history *history, size_t before, const struct disk *disk, size_t at,
                 struct history *out_known);
/* Adds the disk's log to the trace. */
void tally_trace(struct tally *tally, const struct disk *disk);
bool tally_is_clean(const struct tally *tally);

/* Checks the disk and puts the figures into the tally. The history is continued by what was done in
 * checking; false: it failed, and cannot be continued. `name` tells how to get there again. */
bool check_disk(struct disk *disk, const struct workload *workload, struct history *history,
                uint64_t seed, const char *name, struct tally *tally);

#endif
