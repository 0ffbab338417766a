/* How far the logs of rooms have got in the transaction that is open. A room's row is written once,
 * when the transaction ends, and not with every message in it, and is not read again for each: of
 * messages to a busy room that saves two of four statements.
 *
 * Whoever else reads a room's row within the transaction must not look at its last_seq,
 * last_created_us and message_count. Functions return as lookup.h says. */
#ifndef CF_EDGE_STORE_SQLITE_HEADS_H
#define CF_EDGE_STORE_SQLITE_HEADS_H

#include "edge/store_sqlite/lookup.h"

/* Searched one by one. Rooms beyond these are written with every message. */
enum { CF_SQLITE_HEADS_MAX = 32 };

struct cf_sqlite_heads {
    size_t count;
    struct cf_sqlite_head {
        struct cf_uuid id;
        int64_t key;
        uint64_t last_seq;
        cf_us last_created;
        int64_t added; /* messages */
    } rooms[CF_SQLITE_HEADS_MAX];
};

/* A transaction has begun. */
void cf_sqlite_heads_reset(struct cf_sqlite_heads *heads);
/* As cf_sqlite_room_for; message_count is left out. E_NOT_MEMBER. */
int cf_sqlite_heads_room_for(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads,
                             struct cf_store_request *request, struct cf_sqlite_room *out_room);
/* A message was inserted into the room. */
int cf_sqlite_heads_advance(struct cf_sqlite_db *db, struct cf_sqlite_heads *heads,
                            const struct cf_sqlite_room *room, const struct cf_message_row *row);
/* The transaction is about to be committed. */
int cf_sqlite_heads_write(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads);

#endif
