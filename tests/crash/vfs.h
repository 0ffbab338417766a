/* SQLite's VFS over the disk that is mounted. As the unix one of SQLite 3.40 does: the first sync
 * of a new WAL syncs the folder, too, and a failure of that is ignored. */
#ifndef CF_TESTS_CRASH_VFS_H
#define CF_TESTS_CRASH_VFS_H

#include <sqlite3.h>

#include "crash/machine.h"

/* Becomes the default. */
void vfs_install(void);
/* What xRandomness gives from now on. */
void vfs_seed(uint64_t seed);

#endif
