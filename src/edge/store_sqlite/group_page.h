/* A page of what has happened in encrypted groups. */
#ifndef CF_EDGE_STORE_SQLITE_GROUP_PAGE_H
#define CF_EDGE_STORE_SQLITE_GROUP_PAGE_H

#include "edge/store_sqlite/group.h"

/* GROUP_EVENTS. Returns as lookup.h says. */
int cf_sqlite_group_events(struct cf_sqlite_db *db, struct cf_store_request *request);

#endif
