/* The operations that change the store.
 *
 * Each of them checks, reads and allocates all that its answer needs, and only then changes
 * anything; after the first change nothing but the database itself can fail. So one request's
 * refusal never leaves half of it in a batch, and none needs a savepoint. */
#ifndef CF_EDGE_STORE_SQLITE_WRITE_H
#define CF_EDGE_STORE_SQLITE_WRITE_H

#include "edge/store_sqlite/heads.h"
#include "edge/store_sqlite/names.h"

/* The highest that were given. */
struct cf_sqlite_counters {
    int64_t number;               /* of a message or mark of conversations */
    struct cf_group_clock clock;  /* of encrypted groups */
    struct cf_sqlite_heads heads; /* of this transaction */
};

/* Executes a request of a writing operation, inside a transaction. Returns as lookup.h says; not
 * SQLITE_OK: the transaction is to be given up. */
int cf_sqlite_write(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                    struct cf_sqlite_counters *counters, struct cf_store_request *request);

#endif
