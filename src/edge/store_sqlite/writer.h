/* The thread that writes: the only connection that ever changes or checkpoints the file.
 *
 *   UP ──(another process holds the file)──► LOCKED ──(free again)──► UP
 *   UP ──(disk full, no memory, …)─────────► DOWN ───(a fresh connection can commit)──► UP
 *   any ─(I/O error, corruption)───────────► DEAD
 *
 * In DOWN and DEAD writes are refused at once; LOCKED tries each batch, without waiting for the
 * lock again. A transaction that failed at any point leaves its connection for good (but for a lock
 * that was not given, when nothing has been written): after a failed COMMIT it is unknown what is
 * in the file, and a later success on the same connection could cover it up. */
#ifndef CF_EDGE_STORE_SQLITE_WRITER_H
#define CF_EDGE_STORE_SQLITE_WRITER_H

#include "edge/store_sqlite/db.h"
#include "edge/store_sqlite/names.h"
#include "edge/store_sqlite/shared.h"
#include "edge/store_sqlite/write.h"

enum cf_sqlite_writer_state {
    CF_SQLITE_UP,
    CF_SQLITE_LOCKED,
    CF_SQLITE_DOWN,
    CF_SQLITE_DEAD,
};

struct cf_sqlite_writer {
    struct cf_sqlite_shared *shared;
    struct cf_sqlite_db db; /* open in UP and LOCKED */
    struct cf_sqlite_names names;
    struct cf_sqlite_counters counters; /* read with every connection; a stamp never goes back */
    enum cf_sqlite_writer_state state;
    cf_ms retry_at;             /* DOWN: when to try a fresh connection */
    int wal_pages;              /* in the WAL after the last commit */
    int wal_pages_checkpointed; /* of those when a checkpoint was last tried */
    bool wal_alarm;             /* the WAL's size has been complained about */
    char fault[256];            /* what went wrong last */
    pthread_t thread;
};

/* Opens the connection, looks the file over after an unclean stop, commits once, and starts the
 * thread. CF_E_IO, CF_E_STATE, CF_E_NOMEM with one line; nothing is to be stopped then. */
enum cf_error cf_sqlite_writer_start(struct cf_sqlite_writer *writer,
                                     struct cf_sqlite_shared *shared, struct cf_buf *why);
/* After the write queue is closed: waits for the thread to finish what is queued. */
void cf_sqlite_writer_join(struct cf_sqlite_writer *writer);
/* When no reader has the file open any more: checkpoints, and closes. */
void cf_sqlite_writer_close(struct cf_sqlite_writer *writer);

#endif
