#include "crash/vfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crash/random.h"

enum { SECTOR_BYTES = 4096 }; /* the unix VFS's answer */

struct vfs_file {
    sqlite3_file base;
    struct disk *disk;
    int file;
    bool wal, read_only;
    int error;                      /* the last errno */
    bool folder_to_sync;            /* with the next sync */
    int level;                      /* SQLITE_LOCK_… */
    unsigned regions;               /* 1: uses the shared memory */
    unsigned shm_shared, shm_alone; /* locks held, as bits */
};

static uint64_t random_state;
static _Thread_local int last_error;

static struct vfs_file *of(sqlite3_file *file)
{
    return (struct vfs_file *)file;
}

static struct disk_file *begin(struct vfs_file *file)
{
    CF_ASSERT(pthread_mutex_lock(&file->disk->lock) == 0);
    return &file->disk->files[file->file];
}

static int end(struct vfs_file *file, int rc)
{
    CF_ASSERT(pthread_mutex_unlock(&file->disk->lock) == 0);
    return rc;
}

static const char *name_of(const char *path)
{
    CF_ASSERT(strncmp(path, MACHINE_FOLDER, strlen(MACHINE_FOLDER)) == 0);
    return path + strlen(MACHINE_FOLDER);
}

/* ---- bytes ---- */

static int vfs_read(sqlite3_file *base, void *bytes, int len, sqlite3_int64 at)
{
    struct vfs_file *file = of(base);
    size_t count = disk_read(file->disk, file->file, (uint64_t)at, bytes, (size_t)len);
    return count == (size_t)len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int vfs_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    struct vfs_file *file = of(base);
    int error = disk_write(file->disk, file->file, (uint64_t)at, bytes, (size_t)len);
    if (error == 0)
        return SQLITE_OK;
    /* The unix VFS gives no errno along with this one. */
    last_error = file->error = error == ENOSPC ? 0 : error;
    return error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct vfs_file *file = of(base);
    disk_truncate(file->disk, file->file, (uint64_t)size);
    return SQLITE_OK;
}

static int vfs_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    struct vfs_file *file = of(base);
    int error = disk_sync(file->disk, file->file, file->wal);
    if (error != 0) {
        last_error = file->error = error;
        return SQLITE_IOERR_FSYNC;
    }
    if (file->folder_to_sync)
        (void)disk_sync_folder(file->disk, true);
    file->folder_to_sync = false;
    return SQLITE_OK;
}

static int vfs_size(sqlite3_file *base, sqlite3_int64 *out_size)
{
    struct vfs_file *file = of(base);
    *out_size = (sqlite3_int64)disk_size(file->disk, file->file);
    return SQLITE_OK;
}

/* ---- locks of the database file ---- */

static bool by_other(const void *owner, const struct vfs_file *file)
{
    return owner != NULL && owner != file;
}

static int lock_alone(struct vfs_file *file, struct disk_file *on)
{
    if (by_other(on->pending, file))
        return SQLITE_BUSY;
    on->pending = file;
    if (on->database.shared > 1) {
        file->level = SQLITE_LOCK_PENDING;
        return SQLITE_BUSY;
    }
    on->database.owner = file;
    return SQLITE_OK;
}

static int vfs_lock(sqlite3_file *base, int level)
{
    struct vfs_file *file = of(base);
    if (file->level >= level)
        return SQLITE_OK;
    /* POSIX locks for writing need a descriptor for writing. */
    if (level > SQLITE_LOCK_SHARED && file->read_only)
        return SQLITE_IOERR_LOCK;
    struct disk_file *on = begin(file);
    int rc = SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED) {
        if (by_other(on->pending, file) || by_other(on->database.owner, file))
            rc = SQLITE_BUSY;
        else
            on->database.shared++;
    } else if (by_other(on->reserved, file)) {
        rc = SQLITE_BUSY;
    } else if (level == SQLITE_LOCK_RESERVED) {
        on->reserved = file;
    } else {
        rc = lock_alone(file, on);
    }
    if (rc == SQLITE_OK)
        file->level = level;
    return end(file, rc);
}

static int vfs_unlock(sqlite3_file *base, int level)
{
    struct vfs_file *file = of(base);
    if (file->level <= level)
        return SQLITE_OK;
    struct disk_file *on = begin(file);
    if (on->database.owner == file)
        on->database.owner = NULL;
    if (on->pending == file)
        on->pending = NULL;
    if (on->reserved == file)
        on->reserved = NULL;
    if (level == SQLITE_LOCK_NONE)
        on->database.shared--;
    file->level = level;
    return end(file, SQLITE_OK);
}

static int vfs_check_reserved(sqlite3_file *base, int *out_reserved)
{
    struct vfs_file *file = of(base);
    *out_reserved = begin(file)->reserved != NULL;
    return end(file, SQLITE_OK);
}

/* ---- the shared memory of the WAL's index ---- */

static int vfs_shm_map(sqlite3_file *base, int region, int bytes, int extend,
                       void volatile **out_region)
{
    struct vfs_file *file = of(base);
    CF_ASSERT(region < DISK_SHM_REGIONS_MAX);
    struct disk_file *on = begin(file);
    on->regions_users += file->regions == 0;
    file->regions = 1;
    if (on->regions[region] == NULL && extend != 0)
        on->regions[region] = calloc(1, (size_t)bytes);
    *out_region = on->regions[region];
    return end(file, SQLITE_OK);
}

static int vfs_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct vfs_file *file = of(base);
    struct disk_file *on = begin(file);
    bool alone = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (int i = first; i < first + count; i++) {
        struct disk_lock *lock = &on->shm[i];
        bool shared_by_me = (file->shm_shared >> i & 1) != 0;
        if ((flags & SQLITE_SHM_LOCK) == 0)
            continue;
        if (by_other(lock->owner, file) || (alone && lock->shared > shared_by_me))
            return end(file, SQLITE_BUSY);
    }
    for (int i = first; i < first + count; i++) {
        struct disk_lock *lock = &on->shm[i];
        unsigned bit = 1u << i;
        unsigned *held = alone ? &file->shm_alone : &file->shm_shared;
        bool wanted = (flags & SQLITE_SHM_LOCK) != 0;
        if (wanted == ((*held & bit) != 0))
            continue;
        *held ^= bit;
        if (alone)
            lock->owner = wanted ? file : NULL;
        else
            lock->shared += wanted ? 1u : -1u;
    }
    return end(file, SQLITE_OK);
}

static void vfs_shm_barrier(sqlite3_file *base)
{
    struct vfs_file *file = of(base);
    (void)begin(file);
    (void)end(file, SQLITE_OK);
}

/* The last to go takes the index with it: it is built anew from the WAL. */
static int vfs_shm_unmap(sqlite3_file *base, int delete_it)
{
    (void)delete_it;
    struct vfs_file *file = of(base);
    struct disk_file *on = begin(file);
    on->regions_users -= file->regions;
    file->regions = 0;
    for (size_t i = 0; on->regions_users == 0 && i < DISK_SHM_REGIONS_MAX; i++) {
        free(on->regions[i]);
        on->regions[i] = NULL;
    }
    return end(file, SQLITE_OK);
}

static int vfs_close(sqlite3_file *base)
{
    (void)vfs_unlock(base, SQLITE_LOCK_NONE);
    return vfs_shm_unmap(base, 0);
}

/* ---- the rest ---- */

static int vfs_control(sqlite3_file *base, int op, void *argument)
{
    if (op != SQLITE_FCNTL_LAST_ERRNO)
        return SQLITE_NOTFOUND;
    *(int *)argument = of(base)->error;
    return SQLITE_OK;
}

static int vfs_sector(sqlite3_file *base)
{
    (void)base;
    return SECTOR_BYTES;
}

static int vfs_device(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_reserved,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector,
    .xDeviceCharacteristics = vfs_device,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                    int *out_flags)
{
    (void)vfs;
    CF_ASSERT(path != NULL); /* temp_store = MEMORY: no file without a name */
    struct disk *disk = machine_disk();
    bool create = (flags & SQLITE_OPEN_CREATE) != 0;
    int found = create ? disk_create(disk, name_of(path)) : disk_find(disk, name_of(path));
    base->pMethods = NULL;
    if (found == DISK_NO_FILE) {
        last_error = ENOENT;
        return SQLITE_CANTOPEN;
    }
    bool wal = (flags & SQLITE_OPEN_WAL) != 0;
    *of(base) = (struct vfs_file){
        .base.pMethods = &methods,
        .disk = disk,
        .file = found,
        .wal = wal,
        .read_only = (flags & SQLITE_OPEN_READONLY) != 0,
        .folder_to_sync = create && (wal || (flags & SQLITE_OPEN_MAIN_JOURNAL) != 0),
    };
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    (void)vfs;
    if (!disk_unlink(machine_disk(), name_of(path)))
        return SQLITE_IOERR_DELETE_NOENT;
    if (sync_folder != 0 && disk_sync_folder(machine_disk(), false) != 0)
        return SQLITE_IOERR_DIR_FSYNC;
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out_there)
{
    (void)vfs;
    int file = disk_find(machine_disk(), name_of(path));
    *out_there = file != DISK_NO_FILE;
    /* As the unix VFS: an empty file is none. */
    if (*out_there && flags == SQLITE_ACCESS_EXISTS)
        *out_there = disk_size(machine_disk(), file) > 0;
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int out_bytes, char *out_path)
{
    (void)vfs;
    if (strlen(path) >= (size_t)out_bytes)
        return SQLITE_CANTOPEN;
    memcpy(out_path, path, strlen(path) + 1);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    for (int i = 0; i < len; i++)
        out[i] = (char)random_next(&random_state);
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int vfs_time(sqlite3_vfs *vfs, double *out_day)
{
    (void)vfs;
    *out_day = 2460000.5;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    (void)len;
    (void)out;
    return last_error;
}

void vfs_install(void)
{
    static sqlite3_vfs vfs = {
        .iVersion = 1,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = 256,
        .zName = "crash",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    CF_ASSERT(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

void vfs_seed(uint64_t seed)
{
    random_state = seed;
    sqlite3_randomness(0, NULL);
}
