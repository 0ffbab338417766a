/* What reads and writes both look up.
 *
 * Functions here and in read.h and write.h return an SQLite result code. SQLITE_OK: the request's
 * own outcome is in request->error. Anything else is trouble with the database, and the request's
 * outcome is the caller's to decide. */
#ifndef CF_EDGE_STORE_SQLITE_LOOKUP_H
#define CF_EDGE_STORE_SQLITE_LOOKUP_H

#include "edge/store_sqlite/db.h"
#include "port/store.h"

/* A room as one of its members sees it. */
struct cf_sqlite_room {
    int64_t key;
    enum cf_role role;
    uint64_t message_count;
    uint64_t last_seq;
    cf_us last_created;
};

/* request->room for request->actor. E_NOT_MEMBER. */
int cf_sqlite_room_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                       struct cf_sqlite_room *out_room);

struct cf_sqlite_message {
    struct cf_message_row *row; /* in the request's arena */
    int64_t key;
    int64_t room_key;
    enum cf_role role; /* the actor's */
};

/* request->message for request->actor. E_NOT_FOUND, E_NOMEM. */
int cf_sqlite_message_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                          struct cf_sqlite_message *out_message);

/* The message in the columns of CF_SQL_MESSAGE_COLUMNS, which the query stands on. CF_E_NOMEM. */
enum cf_error cf_sqlite_message_read(const struct cf_sqlite_query *query, struct cf_arena *arena,
                                     const struct cf_uuid *room, struct cf_message_row *out_row);
enum { CF_SQLITE_MESSAGE_COLUMNS = 8 };

/* The array with room for one row more than `count`: itself, or a copy of twice the size. NULL
 * without memory. */
void *cf_sqlite_rows_grow(struct cf_arena *arena, void *rows, size_t count, size_t row_bytes);

/* Appends the room to request->rooms: id, name, creator, created, role and number of members are
 * the columns that the query stands on. CF_E_NOMEM. */
enum cf_error cf_sqlite_room_add(const struct cf_sqlite_query *query,
                                 struct cf_store_request *request);
/* Appends the member to request->members: user, name, role, joined. CF_E_NOMEM. */
enum cf_error cf_sqlite_member_add(const struct cf_sqlite_query *query,
                                   struct cf_store_request *request);

/* The request's answer is this one message. */
void cf_sqlite_answer_message(struct cf_store_request *request, struct cf_message_row *row);

#endif
