#include "edge/store_sqlite/wal.h"

#include <stddef.h>

/* NULL: none is open. */
static sqlite3_file *wal_of(sqlite3 *handle)
{
    sqlite3_file *wal = NULL;
    int rc = sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    return rc == SQLITE_OK && wal != NULL && wal->pMethods != NULL ? wal : NULL;
}

int cf_sqlite_wal_errno(sqlite3 *handle)
{
    int error = 0;
    sqlite3_file *wal = wal_of(handle);
    if (wal != NULL)
        (void)wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &error);
    return error;
}
