#include "edge/store_sqlite/wal.h"

#include <stddef.h>

enum { CHUNK_BYTES = 65536 };

/* NULL: none is open. */
static sqlite3_file *wal_of(sqlite3 *handle)
{
    sqlite3_file *wal = NULL;
    int rc = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    return rc == SQLITE_OK && wal != NULL && wal->pMethods != NULL ? wal : NULL;
}

static int rewrite(sqlite3_file *wal)
{
    unsigned char *chunk = sqlite3_malloc(CHUNK_BYTES);
    if (chunk == NULL)
        return SQLITE_NOMEM;
    sqlite3_int64 size = 0;
    int rc = wal->pMethods->xFileSize(wal, &size);
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += CHUNK_BYTES) {
        int len = size - at < CHUNK_BYTES ? (int)(size - at) : CHUNK_BYTES;
        rc = wal->pMethods->xRead(wal, chunk, len, at);
        if (rc == SQLITE_OK)
            rc = wal->pMethods->xWrite(wal, chunk, len, at);
    }
    if (rc == SQLITE_OK && size > 0)
        rc = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
    sqlite3_free(chunk);
    return rc;
}

int cf_sqlite_wal_rewrite(sqlite3 *handle)
{
    int rc = sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_file *wal = wal_of(handle);
    rc = wal == NULL ? SQLITE_OK : rewrite(wal);
    int ended = sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return rc != SQLITE_OK ? rc : ended;
}

int cf_sqlite_wal_errno(sqlite3 *handle)
{
    int error = 0;
    sqlite3_file *wal = wal_of(handle);
    if (wal != NULL)
        (void)wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}
