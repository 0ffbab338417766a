/* The database file as a file: what SQLite does not do for it. */
#ifndef CF_EDGE_STORE_SQLITE_FILE_H
#define CF_EDGE_STORE_SQLITE_FILE_H

#include "base/buf.h"

/* Makes sure that only one process serves the file: an flock on `PATH.lock`, which the kernel drops
 * when the process ends however it ends. Not on the file itself: closing any descriptor of it would
 * drop SQLite's own POSIX locks. CF_E_IO with one line in `why`. */
enum cf_error cf_sqlite_file_lock(const char *path, int *out_fd, struct cf_buf *why);
/* -1 is allowed. */
void cf_sqlite_file_unlock(int fd);
/* Creates an empty file of mode 0600 (SQLite gives its -wal and -shm the same) if there is none.
 * CF_E_IO. */
enum cf_error cf_sqlite_file_create(const char *path, struct cf_buf *why);
/* Makes the names of the file and its -wal durable. SQLite syncs the folder only after it has
 * created the -wal, and ignores a failure. CF_E_IO. */
enum cf_error cf_sqlite_file_sync_folder(const char *path, struct cf_buf *why);
/* Size of `PATH` + `suffix`; 0 when there is none. */
uint64_t cf_sqlite_file_bytes(const char *path, const char *suffix);

#endif
