/* The writing operations on conversations; for write.c. Return as lookup.h says.
 *
 * `last_number` is the highest number given so far, which the writer keeps in memory: it is read
 * from the tables with every new connection, and so after every transaction that failed. */
#ifndef CF_EDGE_STORE_SQLITE_TALK_WRITE_H
#define CF_EDGE_STORE_SQLITE_TALK_WRITE_H

#include "edge/store_sqlite/write.h"

int cf_sqlite_talk_create(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request);
int cf_sqlite_talk_add(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                       struct cf_store_request *request);
int cf_sqlite_talk_remove(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request);
int cf_sqlite_talk_send(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                        struct cf_sqlite_counters *counters, struct cf_store_request *request);
int cf_sqlite_talk_mark(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                        int64_t *last_number, struct cf_store_request *request);

#endif
