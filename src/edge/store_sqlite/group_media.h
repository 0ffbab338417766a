/* The writing operations on media of encrypted groups; for group_write.c. Return as lookup.h says.
 */
#ifndef CF_EDGE_STORE_SQLITE_GROUP_MEDIA_H
#define CF_EDGE_STORE_SQLITE_GROUP_MEDIA_H

#include "edge/store_sqlite/write.h"

int cf_sqlite_group_media_open(struct cf_sqlite_db *db, struct cf_store_request *request);
int cf_sqlite_group_media_done(struct cf_sqlite_db *db, struct cf_sqlite_counters *counters,
                               struct cf_store_request *request);
int cf_sqlite_group_media_delete(struct cf_sqlite_db *db, struct cf_store_request *request);
int cf_sqlite_group_media_condemn(struct cf_sqlite_db *db, struct cf_store_request *request);
int cf_sqlite_group_media_forget(struct cf_sqlite_db *db, struct cf_store_request *request);

#endif
