/* A disk in memory that can lose its power.
 *
 * It keeps one folder of files as everybody who runs sees them, and a log of all that was asked of
 * it: writes, truncations, names made and removed, syncs. disk_crash makes of any moment of that
 * log a disk as it may be found after the power came back:
 *
 *   - what a sync of the file covered is there; so is a name that a sync of the folder covered
 *   - of everything else any part may be there: whole operations, single sectors, a sector torn at
 *     a byte, rubbish where a write was under way; a later one without an earlier one
 *   - what a failed sync should have covered stays in doubt for good, whatever sync follows: the
 *     kernel has marked those pages clean. (Of names a later sync of the folder decides: a file
 *     system whose journal failed takes no more.)
 *
 * Bytes that a write did not change are not in danger: SQLite is told
 * SQLITE_IOCAP_POWERSAFE_OVERWRITE on every real Linux disk, and so here. All functions may be
 * called from any thread. */
#ifndef CF_TESTS_CRASH_DISK_H
#define CF_TESTS_CRASH_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_NAME_BYTES = 64, DISK_SECTOR_BYTES = 512, DISK_NO_FILE = -1 };

enum disk_op_kind {
    DISK_WRITE,
    DISK_TRUNCATE,
    DISK_SYNC,
    DISK_SYNC_FAILED,
    DISK_LINK,
    DISK_UNLINK,
    DISK_SYNC_FOLDER,
    DISK_MARK, /* nothing of the disk's: what the test knows at this moment */
};

struct disk_op {
    enum disk_op_kind kind;
    int file;
    uint64_t at; /* WRITE; TRUNCATE: the new size; MARK: the test's number */
    int mark;    /* MARK: the test's kind */
    size_t len;
    uint8_t *bytes;
    char name[DISK_NAME_BYTES]; /* LINK, UNLINK */
};

/* Which call fails. Counted from the moment that the faults are set. */
enum disk_fault_kind { DISK_FAULT_NONE, DISK_FAULT_SYNC, DISK_FAULT_WRITE };

struct disk_faults {
    enum disk_fault_kind kind;
    uint64_t k;   /* the k-th such call fails, 1 is the first */
    bool lasting; /* and all after it */
    int error;    /* an errno */
};

struct disk_lock {
    const void *owner; /* who holds it alone */
    unsigned shared;
};

enum { DISK_SHM_LOCKS = 8, DISK_SHM_REGIONS_MAX = 64 };

struct disk_file {
    uint8_t *bytes; /* as seen by who runs */
    size_t len, cap;
    uint8_t *base; /* on the disk when the log began */
    size_t base_len;
    /* The locks and the shared memory of SQLite's VFS; no part of the disk. */
    struct disk_lock database, shm[DISK_SHM_LOCKS];
    const void *reserved, *pending;
    void *regions[DISK_SHM_REGIONS_MAX];
    unsigned regions_users;
};

struct disk_name {
    char name[DISK_NAME_BYTES];
    int file;
};

struct disk {
    pthread_mutex_t lock;
    struct disk_file *files;
    size_t files_count;
    struct disk_name *names;
    size_t names_count;
    struct disk_name *base_names;
    size_t base_names_count;
    struct disk_op *ops;
    size_t ops_count, ops_cap;
    struct disk_faults faults;
    uint64_t syncs, writes; /* since the faults were set */
    bool fired;             /* a call has failed */
    size_t fired_at;        /* in the log, then */
    bool fired_on_folder;   /* it was SQLite's own sync of the folder, whose failure it ignores */
    bool ignore_wal_syncs;  /* a disk that lies: syncs of the WAL do nothing */
};

/* How much of what was in doubt is found. */
struct disk_crash {
    uint64_t seed;
    unsigned survive_percent;
    bool sectors; /* a write may be there in part */
    bool torn;    /* and a sector, too; and rubbish */
};

struct disk *disk_new(void);
void disk_free(struct disk *disk);
/* The disk after the power was lost before operation `at` of the log (at most ops_count). */
struct disk *disk_crash(struct disk *disk, size_t at, const struct disk_crash *how);
/* The disk as who runs sees it, all of it synced, with an empty log. */
struct disk *disk_settled(struct disk *disk);

void disk_set_faults(struct disk *disk, struct disk_faults faults);

/* The file of this name, or DISK_NO_FILE. */
int disk_find(struct disk *disk, const char *name);
/* As disk_find; makes an empty one when there is none. */
int disk_create(struct disk *disk, const char *name);
/* False: there is no such name. Who has the file open keeps it. */
bool disk_unlink(struct disk *disk, const char *name);
uint64_t disk_size(struct disk *disk, int file);
/* Bytes read; the rest of `out` is zeroed. */
size_t disk_read(struct disk *disk, int file, uint64_t at, void *out, size_t len);
/* 0, or the errno of the fault; a part may have been written then. */
int disk_write(struct disk *disk, int file, uint64_t at, const void *bytes, size_t len);
void disk_truncate(struct disk *disk, int file, uint64_t size);
/* 0 or the errno of the fault. `wal`: the file was opened as a write-ahead log. */
int disk_sync(struct disk *disk, int file, bool wal);
int disk_sync_folder(struct disk *disk, bool by_sqlite);
void disk_mark(struct disk *disk, int mark, uint64_t number);
/* Where the log is now. */
size_t disk_now(struct disk *disk);

#endif
