#include "edge/store_sqlite/group_read.h"

#include "edge/store_sqlite/group_page.h"

/* Keys are given in the order of creation. */
static int read_groups(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_group before = {.key = INT64_MAX};
    if (!cf_uuid_is_nil(&request->room)) {
        int rc = cf_sqlite_group_for(db, request, &before);
        if (request->error == CF_E_NOT_MEMBER)
            request->error = CF_E_NOT_FOUND;
        if (rc != SQLITE_OK || request->error != CF_OK)
            return rc;
    }
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_GROUPS_OF);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_int(&query, before.key);
    cf_sqlite_bind_int(&query, (int64_t)request->limit + 1);
    while (request->error == CF_OK && !request->has_more && cf_sqlite_step(&query)) {
        if (request->rooms_count == request->limit)
            request->has_more = true;
        else
            request->error = cf_sqlite_room_add(&query, request);
    }
    return cf_sqlite_finish(&query);
}

static int read_among(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    size_t kept = 0;
    for (size_t i = 0; i < request->uuids_count; i++) {
        struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_GROUP_FOR);
        cf_sqlite_bind_uuid(&query, &request->uuids[i]);
        cf_sqlite_bind_text(&query, request->actor);
        bool among = cf_sqlite_step(&query);
        int rc = cf_sqlite_finish(&query);
        if (rc != SQLITE_OK)
            return rc;
        if (among)
            request->uuids[kept++] = request->uuids[i];
    }
    request->uuids_count = kept;
    return SQLITE_OK;
}

static int read_members(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_group group;
    int rc = cf_sqlite_group_for(db, request, &group);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEMBERS_OF);
    cf_sqlite_bind_int(&query, group.key);
    while (request->error == CF_OK && cf_sqlite_step(&query))
        request->error = cf_sqlite_member_add(&query, request);
    return cf_sqlite_finish(&query);
}

static int read_thread(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_group group;
    int64_t thread_key;
    int rc = cf_sqlite_group_thread_for(db, request, &request->message, &group, &thread_key);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    return cf_sqlite_group_event_add(db, request, thread_key);
}

static int read_media(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_group_media media;
    int rc = cf_sqlite_group_media_for(db, request, &media);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (cf_sqlite_group_media_shows(&media.row, request))
        request->media = media.row;
    else
        request->error = CF_E_NOT_FOUND;
    return SQLITE_OK;
}

int cf_sqlite_group_read(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    switch (request->op) {
    case CF_STORE_GROUPS_OF:
        return read_groups(db, request);
    case CF_STORE_GROUPS_AMONG:
        return read_among(db, request);
    case CF_STORE_GROUP_MEMBERS:
        return read_members(db, request);
    case CF_STORE_GROUP_EVENTS:
        return cf_sqlite_group_events(db, request);
    case CF_STORE_GROUP_THREAD_GET:
        return read_thread(db, request);
    case CF_STORE_GROUP_MEDIA_GET:
        return read_media(db, request);
    default:
        request->error = CF_E_UNSUPPORTED;
        return SQLITE_OK;
    }
}
