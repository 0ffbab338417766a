/* The operations that only read. */
#ifndef CF_EDGE_STORE_SQLITE_READ_H
#define CF_EDGE_STORE_SQLITE_READ_H

#include "edge/store_sqlite/lookup.h"

/* Executes a request of a reading operation, inside a transaction. Returns as lookup.h says. */
int cf_sqlite_read(struct cf_sqlite_db *db, struct cf_store_request *request);

#endif
