/* How far the logs of rooms and conversations have got in the transaction that is open. A row is
 * written once, when the transaction ends, and not with every message, and is not read again for
 * each: of messages to a busy room that saves two of four statements.
 *
 * Until heads are written, last_seq, last_created_us and message_count of the rows are those of
 * before the transaction. Functions return as lookup.h says. */
#ifndef CF_EDGE_STORE_SQLITE_HEADS_H
#define CF_EDGE_STORE_SQLITE_HEADS_H

#include "edge/store_sqlite/lookup.h"
#include "edge/store_sqlite/talk.h"

/* Of each; searched one by one. Those beyond are written with every message. */
enum { CF_SQLITE_HEADS_MAX = 32 };

struct cf_sqlite_heads {
    size_t rooms_count, talks_count;
    struct cf_sqlite_room_head {
        struct cf_uuid id;
        int64_t key;
        uint64_t last_seq;
        cf_us last_created;
        int64_t added; /* messages */
    } rooms[CF_SQLITE_HEADS_MAX];
    struct cf_sqlite_talk_head {
        int64_t id;
        struct cf_sqlite_talk talk; /* as it is for nobody: made_by_actor is false */
    } talks[CF_SQLITE_HEADS_MAX];
};

/* A transaction has begun. */
void cf_sqlite_heads_reset(struct cf_sqlite_heads *heads);
/* Writes what is not in the rows, and forgets it: others are to read them, or the transaction is
 * about to be committed. */
int cf_sqlite_heads_write(struct cf_sqlite_db *db, struct cf_sqlite_heads *heads);

/* As cf_sqlite_room_for; message_count is left out. E_NOT_MEMBER. */
int cf_sqlite_heads_room_for(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads,
                             struct cf_store_request *request, struct cf_sqlite_room *out_room);
/* A message was inserted into the room. */
int cf_sqlite_heads_room_advance(struct cf_sqlite_db *db, struct cf_sqlite_heads *heads,
                                 const struct cf_sqlite_room *room,
                                 const struct cf_message_row *row);

/* As cf_sqlite_talk_for; made_by_actor is left out. E_NOT_MEMBER. */
int cf_sqlite_heads_talk_for(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads,
                             struct cf_store_request *request, struct cf_sqlite_talk *out_talk);
/* A message was inserted into the conversation. */
int cf_sqlite_heads_talk_advance(struct cf_sqlite_db *db, struct cf_sqlite_heads *heads,
                                 const struct cf_sqlite_talk *talk,
                                 const struct cf_talk_message *row);

#endif
