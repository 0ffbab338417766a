/* Encrypted groups as reads and writes both look them up. Functions return as lookup.h says. */
#ifndef CF_EDGE_STORE_SQLITE_GROUP_H
#define CF_EDGE_STORE_SQLITE_GROUP_H

#include "edge/store_sqlite/lookup.h"

/* A group as one of its members sees it. */
struct cf_sqlite_group {
    int64_t key;
    struct cf_uuid id;
    int64_t last_stamp;
    uint64_t media_bytes; /* of media that are not dead */
    bool made_by_actor;
};

/* The group in the columns of CF_SQL_ORBITAL_GROUP_COLUMNS, which the query stands on. CF_E_NOMEM.
 */
enum cf_error cf_sqlite_group_get(const struct cf_sqlite_query *query,
                                  struct cf_sqlite_group *out_group);
enum { CF_SQLITE_GROUP_COLUMNS = 5 };

/* request->room for request->actor. E_NOT_MEMBER. */
int cf_sqlite_group_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                        struct cf_sqlite_group *out_group);
/* The group of a thread for request->actor, and the thread's key. E_NOT_FOUND. */
int cf_sqlite_group_thread_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                               const struct cf_uuid *thread, struct cf_sqlite_group *out_group,
                               int64_t *out_thread_key);

/* The event in the columns of CF_SQL_ORBITAL_EVENT, which the query stands on. CF_E_NOMEM. */
enum cf_error cf_sqlite_group_event_read(const struct cf_sqlite_query *query,
                                         struct cf_arena *arena, struct cf_group_event *out_event);
/* Appends the event of this key to request->group_events. E_NOMEM. */
int cf_sqlite_group_event_add(struct cf_sqlite_db *db, struct cf_store_request *request,
                              int64_t key);
/* An event that is the request's answer. NULL without memory: E_NOMEM. */
struct cf_group_event *cf_sqlite_group_event_answer(struct cf_store_request *request);

struct cf_sqlite_group_media {
    struct cf_sqlite_group group;
    int64_t key, thread_key;
    int64_t event_key; /* 0: not complete */
    struct cf_group_media row;
};

/* The media in the columns of CF_SQL_ORBITAL_MEDIA, which the query stands on. CF_E_NOMEM. */
enum cf_error cf_sqlite_group_media_read(const struct cf_sqlite_query *query,
                                         struct cf_arena *arena,
                                         struct cf_sqlite_group_media *out_media);
/* request->message for request->actor, expired or not. E_NOT_FOUND (also: dead), E_NOMEM. */
int cf_sqlite_group_media_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                              struct cf_sqlite_group_media *out_media);
/* Is it there for the actor? It has not expired, and is complete or the actor's own. */
bool cf_sqlite_group_media_shows(const struct cf_group_media *media,
                                 const struct cf_store_request *request);

#endif
