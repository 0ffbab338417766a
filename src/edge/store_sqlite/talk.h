/* Conversations as reads and writes both look them up. Functions return as lookup.h says. */
#ifndef CF_EDGE_STORE_SQLITE_TALK_H
#define CF_EDGE_STORE_SQLITE_TALK_H

#include "edge/store_sqlite/lookup.h"

/* A conversation as one who takes part in it sees it. */
struct cf_sqlite_talk {
    enum cf_talk_kind kind;
    uint64_t last_seq;
    cf_us last_created;
    bool made_by_actor;
};

/* request->talk for request->actor. E_NOT_MEMBER. */
int cf_sqlite_talk_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                       struct cf_sqlite_talk *out_talk);

/* A query on the table of this kind's messages: `direct` is one of CF_SQL_DIRECT_…, and its group's
 * twin comes right behind it. */
struct cf_sqlite_query cf_sqlite_talk_query(struct cf_sqlite_db *db, enum cf_talk_kind kind,
                                            enum cf_sqlite_statement direct);

/* The message in the columns of CF_SQL_TALK_MESSAGE_COLUMNS, which the query stands on.
 * CF_E_NOMEM. */
enum cf_error cf_sqlite_talk_message_read(const struct cf_sqlite_query *query,
                                          struct cf_arena *arena,
                                          struct cf_talk_message *out_message);
/* Appends that message to request->talk_messages. CF_E_NOMEM. */
enum cf_error cf_sqlite_talk_message_add(const struct cf_sqlite_query *query,
                                         struct cf_store_request *request);

/* The conversation in the columns of CF_SQL_TALK_COLUMNS, without what cf_sqlite_talk_fill adds.
 * CF_E_NOMEM. */
enum cf_error cf_sqlite_talk_read(const struct cf_sqlite_query *query, struct cf_arena *arena,
                                  struct cf_talk_row *out_row, uint64_t *out_seq_read);
/* Adds people, the last message, and how many of others the actor has not read. E_NOMEM. */
int cf_sqlite_talk_fill(struct cf_sqlite_db *db, struct cf_store_request *request,
                        uint64_t seq_read, struct cf_talk_row *row);

#endif
