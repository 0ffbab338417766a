#include "edge/store_sqlite/checkpoint.h"

#include "base/log.h"
#include "edge/store_sqlite/file.h"

enum {
    PASSIVE_PAGES = 1000,  /* a checkpoint each 4 MiB, SQLite's own habit */
    RESTART_PAGES = 4000,  /* past 16 MiB, wait for readers so that the WAL begins anew */
    RESTART_WAIT_MS = 100, /* and no longer than that: writes wait meanwhile */
    ALARM_PAGES = 16000,   /* 64 MiB: something reads without end */
};

static int note_commit(void *context, sqlite3 *handle, const char *name, int pages)
{
    (void)handle;
    (void)name;
    struct cf_sqlite_writer *writer = context;
    /* The WAL has begun anew. */
    if (pages < writer->wal_pages)
        writer->wal_pages_checkpointed = 0;
    writer->wal_pages = pages;
    return SQLITE_OK;
}

void cf_sqlite_checkpoint_watch(struct cf_sqlite_writer *writer)
{
    writer->wal_pages = writer->wal_pages_checkpointed = 0;
    (void)sqlite3_wal_hook(writer->db.handle, note_commit, writer);
}

static int checkpoint(struct cf_sqlite_writer *writer, int mode, int wait_ms)
{
    sqlite3 *handle = writer->db.handle;
    (void)sqlite3_busy_timeout(handle, wait_ms);
    int rc = sqlite3_wal_checkpoint_v2(handle, NULL, mode, NULL, NULL);
    (void)sqlite3_busy_timeout(handle, CF_SQLITE_BUSY_TIMEOUT_MS);
    return (rc & 0xff) == SQLITE_BUSY ? SQLITE_BUSY : rc;
}

static void watch_size(struct cf_sqlite_writer *writer)
{
    bool large = writer->wal_pages >= ALARM_PAGES;
    if (large && !writer->wal_alarm)
        cf_log(CF_LOG_WARN, "Write-ahead log is not getting smaller, a long read holds it up",
               CF_KV_CSTR("path", writer->shared->config.path),
               CF_KV_INT("bytes", cf_sqlite_file_bytes(writer->shared->config.path, "-wal")));
    writer->wal_alarm = large;
}

int cf_sqlite_checkpoint_after_batch(struct cf_sqlite_writer *writer)
{
    if (writer->wal_pages - writer->wal_pages_checkpointed < PASSIVE_PAGES)
        return SQLITE_OK;
    writer->wal_pages_checkpointed = writer->wal_pages;
    watch_size(writer);
    int rc = checkpoint(writer, SQLITE_CHECKPOINT_PASSIVE, 0);
    if (rc == SQLITE_OK && writer->wal_pages >= RESTART_PAGES)
        rc = checkpoint(writer, SQLITE_CHECKPOINT_RESTART, RESTART_WAIT_MS);
    return rc == SQLITE_BUSY ? SQLITE_OK : rc;
}

int cf_sqlite_checkpoint_idle(struct cf_sqlite_writer *writer)
{
    if (writer->wal_pages == 0)
        return SQLITE_OK;
    int rc = checkpoint(writer, SQLITE_CHECKPOINT_TRUNCATE, 0);
    if (rc == SQLITE_OK)
        writer->wal_pages = writer->wal_pages_checkpointed = 0;
    return rc == SQLITE_BUSY ? SQLITE_OK : rc;
}
