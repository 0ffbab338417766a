/* The writing operations on users, rooms and members; for write.c. Return as lookup.h says. */
#ifndef CF_EDGE_STORE_SQLITE_WRITE_ROOMS_H
#define CF_EDGE_STORE_SQLITE_WRITE_ROOMS_H

#include "edge/store_sqlite/write.h"

/* Stores or refreshes a name; an empty one changes nothing. */
int cf_sqlite_put_name(struct cf_sqlite_db *db, struct cf_sqlite_names *names, struct cf_slice user,
                       struct cf_slice name);
/* As put_name, and makes sure that the user has a row. */
int cf_sqlite_put_user(struct cf_sqlite_db *db, struct cf_sqlite_names *names, struct cf_slice user,
                       struct cf_slice name);
/* Makes sure that the user has a row; a known user's name stays. */
int cf_sqlite_ensure_user(struct cf_sqlite_db *db, struct cf_slice user, struct cf_slice name);
/* The name by which the user will be called once `name` is put, in the request's arena. E_NOMEM. */
int cf_sqlite_name_after(struct cf_sqlite_db *db, struct cf_store_request *request,
                         struct cf_slice user, struct cf_slice name, struct cf_slice *out_name);

/* The same of request->user, once request->actor is put and request->user ensured: a user_name is
 * for one who is not known yet. */
int cf_sqlite_user_name_after(struct cf_sqlite_db *db, struct cf_store_request *request,
                              struct cf_slice *out_name);

int cf_sqlite_room_create(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request);
int cf_sqlite_member_put(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                         struct cf_store_request *request);
int cf_sqlite_member_remove(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                            struct cf_store_request *request);

#endif
