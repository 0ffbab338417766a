/* The write-ahead log as a file. */
#ifndef CF_EDGE_STORE_SQLITE_WAL_H
#define CF_EDGE_STORE_SQLITE_WAL_H

#include <sqlite3.h>

/* Makes sure that what is read from the WAL is on the disk, too: of a connection that has just been
 * opened on a file that was not closed cleanly, before anything is written or checkpointed.
 *
 * When fsync fails, the kernel takes the pages that it could not write for clean. As long as the
 * machine runs they are read back, and no later fsync writes them: without this a process that
 * takes over acknowledges on top of what a loss of power takes away. Written again they are dirty.
 * Their bytes stay the same, so nothing is in danger meanwhile. Nobody else writes meanwhile: it
 * happens under the write lock. An SQLite result code; SQLITE_OK when there is no WAL. */
int cf_sqlite_wal_rewrite(sqlite3 *handle);
/* The errno of a write to the WAL that failed last, or 0. SQLite 3.40 does not keep that of a
 * COMMIT for sqlite3_system_errno. */
int cf_sqlite_wal_errno(sqlite3 *handle);

#endif
