/* The operations that change the store.
 *
 * Each of them checks, reads and allocates all that its answer needs, and only then changes
 * anything; after the first change nothing but the database itself can fail. So one request's
 * refusal never leaves half of it in a batch, and none needs a savepoint. */
#ifndef CF_EDGE_STORE_SQLITE_WRITE_H
#define CF_EDGE_STORE_SQLITE_WRITE_H

#include "edge/store_sqlite/lookup.h"
#include "edge/store_sqlite/names.h"

/* Executes a request of a writing operation, inside a transaction. *last_number is the highest
 * number that a message or mark has. Returns as lookup.h says; not SQLITE_OK: the transaction is to
 * be given up. */
int cf_sqlite_write(struct cf_sqlite_db *db, struct cf_sqlite_names *names, int64_t *last_number,
                    struct cf_store_request *request);

#endif
