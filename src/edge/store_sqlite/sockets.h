/* Sockets that can be recovered; for write.c. Return as lookup.h says. `last_number` is the highest
 * number that a message or mark has. */
#ifndef CF_EDGE_STORE_SQLITE_SOCKETS_H
#define CF_EDGE_STORE_SQLITE_SOCKETS_H

#include "edge/store_sqlite/write.h"

int cf_sqlite_socket_open(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request);
int cf_sqlite_socket_join(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          int64_t last_number, struct cf_store_request *request);
int cf_sqlite_socket_leave(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                           struct cf_store_request *request);
int cf_sqlite_socket_close(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                           struct cf_store_request *request);
int cf_sqlite_socket_recover(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                             int64_t last_number, struct cf_store_request *request);

#endif
