#include "crash/disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crash/random.h"

/* The test ends without memory: it has nothing to prove then. */
static void *must(void *memory)
{
    CF_ASSERT(memory != NULL);
    return memory;
}

static void lock(struct disk *disk)
{
    CF_ASSERT(pthread_mutex_lock(&disk->lock) == 0);
}

static void unlock(struct disk *disk)
{
    CF_ASSERT(pthread_mutex_unlock(&disk->lock) == 0);
}

struct disk *disk_new(void)
{
    struct disk *disk = must(calloc(1, sizeof(*disk)));
    CF_ASSERT(pthread_mutex_init(&disk->lock, NULL) == 0);
    return disk;
}

void disk_free(struct disk *disk)
{
    for (size_t i = 0; i < disk->files_count; i++) {
        CF_ASSERT(disk->files[i].regions_users == 0);
        free(disk->files[i].bytes);
        free(disk->files[i].base);
    }
    for (size_t i = 0; i < disk->ops_count; i++)
        free(disk->ops[i].bytes);
    free(disk->files);
    free(disk->names);
    free(disk->base_names);
    free(disk->ops);
    (void)pthread_mutex_destroy(&disk->lock);
    free(disk);
}

/* ---- the files as who runs sees them ---- */

static void set_size(struct disk_file *file, size_t size)
{
    if (size > file->cap) {
        file->cap = size + size / 2 + 4096;
        file->bytes = must(realloc(file->bytes, file->cap));
    }
    if (size > file->len)
        memset(file->bytes + file->len, 0, size - file->len);
    file->len = size;
}

static void put(struct disk_file *file, uint64_t at, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return;
    if (at + len > file->len)
        set_size(file, at + len);
    memcpy(file->bytes + at, bytes, len);
}

static int new_file(struct disk *disk)
{
    disk->files = must(realloc(disk->files, (disk->files_count + 1) * sizeof(*disk->files)));
    disk->files[disk->files_count] = (struct disk_file){0};
    return (int)disk->files_count++;
}

static struct disk_name *find_name(struct disk *disk, const char *name)
{
    for (size_t i = 0; i < disk->names_count; i++)
        if (strcmp(disk->names[i].name, name) == 0)
            return &disk->names[i];
    return NULL;
}

static void set_name(struct disk *disk, const char *name, int file)
{
    struct disk_name *entry = find_name(disk, name);
    if (entry == NULL) {
        disk->names = must(realloc(disk->names, (disk->names_count + 1) * sizeof(*disk->names)));
        entry = &disk->names[disk->names_count++];
        CF_ASSERT(strlen(name) < sizeof(entry->name));
        memcpy(entry->name, name, strlen(name) + 1);
    }
    entry->file = file;
}

static void drop_name(struct disk *disk, const char *name)
{
    struct disk_name *entry = find_name(disk, name);
    if (entry != NULL)
        *entry = disk->names[--disk->names_count];
}

/* ---- what is asked of it ---- */

static struct disk_op *log_op(struct disk *disk, enum disk_op_kind kind, int file)
{
    if (disk->ops_count == disk->ops_cap) {
        disk->ops_cap = disk->ops_cap * 2 + 256;
        disk->ops = must(realloc(disk->ops, disk->ops_cap * sizeof(*disk->ops)));
    }
    struct disk_op *op = &disk->ops[disk->ops_count++];
    *op = (struct disk_op){.kind = kind, .file = file};
    return op;
}

static void log_name(struct disk *disk, enum disk_op_kind kind, int file, const char *name)
{
    struct disk_op *op = log_op(disk, kind, file);
    CF_ASSERT(strlen(name) < sizeof(op->name));
    memcpy(op->name, name, strlen(name) + 1);
}

static void log_write(struct disk *disk, int file, uint64_t at, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    struct disk_op *op = log_op(disk, DISK_WRITE, file);
    op->at = at;
    op->len = len;
    op->bytes = must(malloc(len));
    memcpy(op->bytes, bytes, len);
    put(&disk->files[file], at, bytes, len);
}

void disk_set_faults(struct disk *disk, struct disk_faults faults)
{
    lock(disk);
    disk->faults = faults;
    disk->syncs = disk->writes = 0;
    disk->fired = disk->fired_on_folder = false;
    unlock(disk);
}

/* Counts the call; the errno that it is to fail with, or 0. */
static int fault(struct disk *disk, enum disk_fault_kind kind)
{
    uint64_t count = kind == DISK_FAULT_SYNC ? ++disk->syncs : ++disk->writes;
    const struct disk_faults *faults = &disk->faults;
    if (faults->kind != kind || count < faults->k || (count > faults->k && !faults->lasting))
        return 0;
    if (!disk->fired)
        disk->fired_at = disk->ops_count;
    disk->fired = true;
    return faults->error;
}

int disk_find(struct disk *disk, const char *name)
{
    lock(disk);
    struct disk_name *entry = find_name(disk, name);
    int file = entry == NULL ? DISK_NO_FILE : entry->file;
    unlock(disk);
    return file;
}

int disk_create(struct disk *disk, const char *name)
{
    lock(disk);
    struct disk_name *entry = find_name(disk, name);
    int file = entry == NULL ? new_file(disk) : entry->file;
    if (entry == NULL) {
        set_name(disk, name, file);
        log_name(disk, DISK_LINK, file, name);
    }
    unlock(disk);
    return file;
}

bool disk_unlink(struct disk *disk, const char *name)
{
    lock(disk);
    struct disk_name *entry = find_name(disk, name);
    bool found = entry != NULL;
    if (found) {
        log_name(disk, DISK_UNLINK, entry->file, name);
        drop_name(disk, name);
    }
    unlock(disk);
    return found;
}

uint64_t disk_size(struct disk *disk, int file)
{
    lock(disk);
    uint64_t size = disk->files[file].len;
    unlock(disk);
    return size;
}

size_t disk_read(struct disk *disk, int file, uint64_t at, void *out, size_t len)
{
    lock(disk);
    const struct disk_file *from = &disk->files[file];
    size_t there = at < from->len ? from->len - (size_t)at : 0;
    size_t count = there < len ? there : len;
    if (count > 0)
        memcpy(out, from->bytes + at, count);
    memset((uint8_t *)out + count, 0, len - count);
    unlock(disk);
    return count;
}

int disk_write(struct disk *disk, int file, uint64_t at, const void *bytes, size_t len)
{
    lock(disk);
    int error = fault(disk, DISK_FAULT_WRITE);
    /* A write that fails may have begun: half of it. */
    log_write(disk, file, at, bytes, error == 0 ? len : len / 2);
    unlock(disk);
    return error;
}

void disk_truncate(struct disk *disk, int file, uint64_t size)
{
    lock(disk);
    log_op(disk, DISK_TRUNCATE, file)->at = size;
    set_size(&disk->files[file], size);
    unlock(disk);
}

int disk_sync(struct disk *disk, int file, bool wal)
{
    lock(disk);
    int error = fault(disk, DISK_FAULT_SYNC);
    if (!wal || !disk->ignore_wal_syncs)
        (void)log_op(disk, error == 0 ? DISK_SYNC : DISK_SYNC_FAILED, file);
    unlock(disk);
    return error;
}

int disk_sync_folder(struct disk *disk, bool by_sqlite)
{
    lock(disk);
    int error = fault(disk, DISK_FAULT_SYNC);
    if (error == 0)
        (void)log_op(disk, DISK_SYNC_FOLDER, DISK_NO_FILE);
    else
        disk->fired_on_folder = by_sqlite;
    unlock(disk);
    return error;
}

void disk_mark(struct disk *disk, int mark, uint64_t number)
{
    lock(disk);
    struct disk_op *op = log_op(disk, DISK_MARK, DISK_NO_FILE);
    op->mark = mark;
    op->at = number;
    unlock(disk);
}

size_t disk_now(struct disk *disk)
{
    lock(disk);
    size_t now = disk->ops_count;
    unlock(disk);
    return now;
}

/* ---- losing the power ---- */

/* Which operations before `at` a sync has made sure of. */
static bool *find_sure(const struct disk *disk, size_t at)
{
    bool *sure = must(calloc(at + 1, sizeof(*sure)));
    bool *file_synced = must(calloc(disk->files_count + 1, sizeof(*file_synced)));
    bool folder_synced = false;
    for (size_t i = at; i-- > 0;) {
        const struct disk_op *op = &disk->ops[i];
        if (op->kind == DISK_SYNC || op->kind == DISK_SYNC_FAILED)
            file_synced[op->file] = op->kind == DISK_SYNC;
        else if (op->kind == DISK_SYNC_FOLDER)
            folder_synced = true;
        else if (op->kind == DISK_LINK || op->kind == DISK_UNLINK)
            sure[i] = folder_synced;
        else if (op->kind == DISK_WRITE || op->kind == DISK_TRUNCATE)
            sure[i] = file_synced[op->file];
    }
    free(file_synced);
    return sure;
}

static bool survives(const struct disk_crash *how, uint64_t *random)
{
    return random_below(random, 100) < how->survive_percent;
}

/* A piece of a write that never was finished. */
static void put_torn(struct disk_file *file, uint64_t at, const uint8_t *bytes, size_t len,
                     uint64_t *random)
{
    uint8_t rubbish[DISK_SECTOR_BYTES];
    uint32_t fate = random_below(random, 16);
    if (fate == 0) {
        for (size_t i = 0; i < len; i++) {
            bool same = at + i < file->len && file->bytes[at + i] == bytes[i];
            rubbish[i] = same ? bytes[i] : (uint8_t)random_next(random);
        }
        put(file, at, rubbish, len);
    } else if (fate < 4) {
        put(file, at, bytes, random_below(random, (uint32_t)len));
    } else {
        put(file, at, bytes, len);
    }
}

static void put_unsure(struct disk_file *file, const struct disk_op *op,
                       const struct disk_crash *how, uint64_t *random)
{
    if (!how->sectors) {
        if (survives(how, random))
            put(file, op->at, op->bytes, op->len);
        return;
    }
    for (size_t done = 0; done < op->len;) {
        uint64_t at = op->at + done;
        size_t len = DISK_SECTOR_BYTES - (size_t)(at % DISK_SECTOR_BYTES);
        len = len < op->len - done ? len : op->len - done;
        if (!survives(how, random))
            ;
        else if (how->torn)
            put_torn(file, at, op->bytes + done, len, random);
        else
            put(file, at, op->bytes + done, len);
        done += len;
    }
}

static void apply(struct disk *after, const struct disk_op *op, bool sure,
                  const struct disk_crash *how, uint64_t *random)
{
    struct disk_file *file = op->file == DISK_NO_FILE ? NULL : &after->files[op->file];
    if (op->kind == DISK_WRITE && sure)
        put(file, op->at, op->bytes, op->len);
    else if (op->kind == DISK_WRITE)
        put_unsure(file, op, how, random);
    else if (op->kind == DISK_TRUNCATE && (sure || survives(how, random)))
        set_size(file, op->at);
    else if (op->kind == DISK_LINK && (sure || survives(how, random)))
        set_name(after, op->name, op->file);
    else if (op->kind == DISK_UNLINK && (sure || survives(how, random)))
        drop_name(after, op->name);
}

/* What is there now is what the log begins with. */
static void begin_log(struct disk *disk)
{
    for (size_t i = 0; i < disk->files_count; i++) {
        struct disk_file *file = &disk->files[i];
        file->base = must(malloc(file->len + 1));
        file->base_len = file->len;
        if (file->len > 0)
            memcpy(file->base, file->bytes, file->len);
    }
    size_t bytes = disk->names_count * sizeof(*disk->names);
    disk->base_names = must(malloc(bytes + 1));
    disk->base_names_count = disk->names_count;
    if (bytes > 0)
        memcpy(disk->base_names, disk->names, bytes);
}

struct disk *disk_crash(struct disk *disk, size_t at, const struct disk_crash *how)
{
    lock(disk);
    CF_ASSERT(at <= disk->ops_count);
    struct disk *after = disk_new();
    for (size_t i = 0; i < disk->files_count; i++) {
        int file = new_file(after);
        put(&after->files[file], 0, disk->files[i].base, disk->files[i].base_len);
    }
    for (size_t i = 0; i < disk->base_names_count; i++)
        set_name(after, disk->base_names[i].name, disk->base_names[i].file);
    bool *sure = find_sure(disk, at);
    uint64_t random = how->seed;
    for (size_t i = 0; i < at; i++)
        apply(after, &disk->ops[i], sure[i], how, &random);
    free(sure);
    unlock(disk);
    begin_log(after);
    return after;
}

struct disk *disk_settled(struct disk *disk)
{
    const struct disk_crash nothing_lost = {.survive_percent = 100};
    return disk_crash(disk, disk_now(disk), &nothing_lost);
}
