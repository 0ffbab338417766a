/* The store in one SQLite file.
 *
 * One writer thread owns the only connection that writes and checkpoints (Debian 12's SQLite can
 * corrupt a WAL otherwise); it takes all that has queued up and commits it as one transaction:
 * group commit without an artificial delay. Reader threads have read-only connections of their own
 * and never wait for it. WAL, synchronous=FULL, both read back at open.
 *
 * When a COMMIT fails its outcome is unknown: every request in it is answered CF_E_UNAVAILABLE and
 * nothing more is written through that connection. Disk full: the store stays up for reading and
 * tries a fresh connection once a second. Any other I/O error or corruption: it calls `fatal`,
 * once, after the answers are handed over, and the process is to end and let recovery decide. A
 * file that another process has locked costs the writes that meet the lock, and nothing else. */
#ifndef CF_EDGE_STORE_SQLITE_H
#define CF_EDGE_STORE_SQLITE_H

#include "base/buf.h"
#include "port/store.h"

struct cf_store_sqlite_config {
    const char *path;
    unsigned readers; /* threads, 1 to 16 */
    size_t queue_max; /* writes waiting, and as many reads; over: CF_E_UNAVAILABLE at once */
    /* Called on the writer's thread when the process should end. */
    void (*fatal)(void *context, const char *why);
    void *fatal_context;
};

/* The schema that this program wants. */
unsigned cf_store_sqlite_schema_version(void);
/* Reads the file's schema version; 0: no file, an empty one, or one whose making was cut short.
 * CF_E_IO with one line in `why` (appended). */
enum cf_error cf_store_sqlite_inspect(const char *path, unsigned *out_version, struct cf_buf *why);
/* Brings the file to the current schema, creating it with mode 0600, one transaction a step, a new
 * one in one. CF_E_IO, or CF_E_UNSUPPORTED for a file of a newer program, with one line in `why`.
 */
enum cf_error cf_store_sqlite_migrate(const char *path, struct cf_buf *why);
/* Opens (the schema must be current) and starts the threads. CF_E_IO, CF_E_STATE (schema),
 * CF_E_NOMEM, with one line in `why` that says what is wrong and what to do. The sink is borrowed.
 */
enum cf_error cf_store_sqlite_open(const struct cf_store_sqlite_config *config,
                                   const struct cf_store_sink *sink, struct cf_store **out_store,
                                   struct cf_buf *why);

#endif
