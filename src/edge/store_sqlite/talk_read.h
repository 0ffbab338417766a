/* The reading operations on conversations; for read.c. Return as lookup.h says. */
#ifndef CF_EDGE_STORE_SQLITE_TALK_READ_H
#define CF_EDGE_STORE_SQLITE_TALK_READ_H

#include "edge/store_sqlite/talk.h"

int cf_sqlite_talks_of(struct cf_sqlite_db *db, struct cf_store_request *request);
int cf_sqlite_talk_messages(struct cf_sqlite_db *db, struct cf_store_request *request);

#endif
