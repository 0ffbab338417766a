/* The reading operations on encrypted groups; for read.c. Return as lookup.h says. */
#ifndef CF_EDGE_STORE_SQLITE_GROUP_READ_H
#define CF_EDGE_STORE_SQLITE_GROUP_READ_H

#include "edge/store_sqlite/group.h"

/* E_UNSUPPORTED: it is none of them. */
int cf_sqlite_group_read(struct cf_sqlite_db *db, struct cf_store_request *request);

#endif
