/* The schema and its versions. `PRAGMA application_id` says that a file is ours, `PRAGMA
 * user_version` which step of the schema it has reached. */
#ifndef CF_EDGE_STORE_SQLITE_SCHEMA_H
#define CF_EDGE_STORE_SQLITE_SCHEMA_H

#include <sqlite3.h>

#include "base/buf.h"

/* shop_gaps counts the deleted by so many seqs. */
enum { CF_SQLITE_GAP_SEQS = 1024 };

/* The file's version; 0: an empty file. CF_E_IO for what is no database or another program's. */
enum cf_error cf_sqlite_schema_read(sqlite3 *handle, const char *path, unsigned *out_version,
                                    struct cf_buf *why);
/* A commit that changes nothing but reaches the disk, so that the first real one meets no file that
 * has yet to be created. An SQLite result code. */
int cf_sqlite_schema_touch(sqlite3 *handle);

#endif
