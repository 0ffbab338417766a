/* A thread that serves reads from a connection of its own. */
#ifndef CF_EDGE_STORE_SQLITE_READER_H
#define CF_EDGE_STORE_SQLITE_READER_H

#include "edge/store_sqlite/db.h"
#include "edge/store_sqlite/shared.h"

struct cf_sqlite_reader {
    struct cf_sqlite_shared *shared;
    struct cf_sqlite_db db;
    pthread_t thread;
};

/* CF_E_IO, CF_E_STATE, CF_E_NOMEM with one line; nothing is to be stopped then. */
enum cf_error cf_sqlite_reader_start(struct cf_sqlite_reader *reader,
                                     struct cf_sqlite_shared *shared, struct cf_buf *why);
/* After the read queue is closed: waits for the thread, closes the connection. */
void cf_sqlite_reader_stop(struct cf_sqlite_reader *reader);

#endif
