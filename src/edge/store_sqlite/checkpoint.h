/* When the WAL is copied back into the database. */
#ifndef CF_EDGE_STORE_SQLITE_CHECKPOINT_H
#define CF_EDGE_STORE_SQLITE_CHECKPOINT_H

#include "edge/store_sqlite/writer.h"

/* Keeps writer->wal_pages current for the connection. */
void cf_sqlite_checkpoint_watch(struct cf_sqlite_writer *writer);
/* After a batch was handed over: a checkpoint if the WAL has grown enough since the last. An SQLite
 * result code; SQLITE_OK also when readers kept it from finishing. */
int cf_sqlite_checkpoint_after_batch(struct cf_sqlite_writer *writer);
/* While nothing is queued: everything, and the WAL back to nothing. */
int cf_sqlite_checkpoint_idle(struct cf_sqlite_writer *writer);

#endif
