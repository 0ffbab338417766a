/* The disk of disk.h as SQLite's VFS, and as what the store itself calls of the C library.
 *
 * Everything below MACHINE_FOLDER is on the disk that is mounted. The rest of the machine is the
 * test's own, too: its clocks stand still unless they are told, so that the same seed gives the
 * same run. The program is linked with --wrap for MACHINE_WRAPPED (tests/CMakeLists.txt). */
#ifndef CF_TESTS_CRASH_MACHINE_H
#define CF_TESTS_CRASH_MACHINE_H

#include "crash/disk.h"

#define MACHINE_FOLDER "/crash/"

/* Makes the VFS SQLite's default. Once, before anything else. */
void machine_install(void);
/* NULL: none. Nothing of the one before may be open. Seeds SQLite's randomness. */
void machine_mount(struct disk *disk, uint64_t seed);
struct disk *machine_disk(void);

/* The wall clock, in microseconds. */
void machine_set_wall(int64_t now_us);
/* Before a store is opened: nobody waits yet. */
void machine_boot(void);
/* Waits until the store's writer has nothing to do, whatever it does after its answers. */
void machine_settle(void);
/* A second goes by for the writer, and what it does then is done. False: it does not wait for any
 * time to go by. */
bool machine_tick(void);
/* From now on every connection that the store writes through is set to synchronous=NORMAL behind
 * its back. */
void machine_weaken(bool weaken);

#endif
