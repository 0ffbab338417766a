/* What the threads of one store share. */
#ifndef CF_EDGE_STORE_SQLITE_SHARED_H
#define CF_EDGE_STORE_SQLITE_SHARED_H

#include <stdatomic.h>

#include "edge/store_sqlite/queue.h"
#include "edge/store_sqlite/store_sqlite.h"

struct cf_sqlite_shared {
    struct cf_store_sqlite_config config; /* its path is a copy */
    const struct cf_store_sink *sink;
    struct cf_sqlite_queue writes;
    struct cf_sqlite_queue reads; /* also what is answered already and only waits for hand-over */
    atomic_bool writable;
    atomic_bool read_failed;    /* a reader met damage: the writer is to report it */
    atomic_int_fast64_t number; /* the highest given, to messages and marks of conversations */
    atomic_int_fast64_t
        stamp; /* the highest given; before the first one, the time of the opening */
    atomic_uint_fast64_t commits, writes_done, reads_done, failures, commit_us;
};

/* Is this SQLite result the sort that the process should not go on with? */
bool cf_sqlite_is_fatal(int rc);

#endif
