/* The write-ahead log as a file. */
#ifndef CF_EDGE_STORE_SQLITE_WAL_H
#define CF_EDGE_STORE_SQLITE_WAL_H

#include <sqlite3.h>

/* The errno of a write to the WAL that failed last, or 0. SQLite 3.40 does not keep that of a
 * COMMIT for sqlite3_system_errno. */
int cf_sqlite_wal_errno(sqlite3 *handle);

#endif
