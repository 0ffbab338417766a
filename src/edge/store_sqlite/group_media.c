/* What a group's media take of its quota is counted in the group's row: added when one is opened,
 * taken away when it dies. */
#include "edge/store_sqlite/group_media.h"

#include "edge/store_sqlite/group_write.h"
#include "edge/store_sqlite/write_rooms.h"

static int add_bytes(struct cf_sqlite_db *db, int64_t room_key, int64_t difference)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_BYTES_ADD);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_int(&query, difference);
    return cf_sqlite_execute(&query);
}

/* Both sums stay far from where they would overflow: the database's numbers are signed. */
static bool fits(const struct cf_store_request *request, const struct cf_sqlite_group *group)
{
    uint64_t most = request->quota < INT64_MAX ? request->quota : INT64_MAX;
    return group->media_bytes <= most && request->size <= most - group->media_bytes;
}

static int insert_media(struct cf_sqlite_db *db, const struct cf_store_request *request,
                        const struct cf_sqlite_group_media *media, bool *out_inserted)
{
    const struct cf_group_media *row = &media->row;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEDIA_INSERT);
    cf_sqlite_bind_uuid(&query, &row->id);
    cf_sqlite_bind_int(&query, media->group.key);
    cf_sqlite_bind_int(&query, media->thread_key);
    cf_sqlite_bind_text(&query, row->author);
    cf_sqlite_bind_optional(&query, request->client_id);
    cf_sqlite_bind_int(&query, (int64_t)row->size);
    cf_sqlite_bind_int(&query, row->opened);
    cf_sqlite_bind_text(&query, row->metadata);
    int rc = cf_sqlite_execute(&query);
    *out_inserted = rc == SQLITE_OK && sqlite3_changes(db->handle) == 1;
    return rc;
}

/* Answers with the one that was opened with this client id and is not dead. `otherwise`: there is
 * none. */
static int answer_first(struct cf_sqlite_db *db, struct cf_store_request *request, int64_t room_key,
                        enum cf_error otherwise)
{
    request->error = otherwise;
    if (request->client_id.ptr == NULL)
        return SQLITE_OK;
    struct cf_sqlite_group_media first;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEDIA_SENT);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_text(&query, request->client_id);
    if (cf_sqlite_step(&query)) {
        request->error = cf_sqlite_group_media_read(&query, &request->arena, &first);
        bool same = request->error == CF_OK && cf_uuid_eq(&first.row.thread, &request->thread) &&
                    first.row.size == request->size &&
                    cf_slice_eq(first.row.metadata, request->text);
        if (request->error == CF_OK && !same)
            request->error = CF_E_CONFLICT;
        if (same) {
            request->media = first.row;
            if (request->actor_name.len > 0)
                request->media.author_name = request->actor_name;
        }
    }
    return cf_sqlite_finish(&query);
}

int cf_sqlite_group_media_open(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_group_media media;
    int rc =
        cf_sqlite_group_thread_for(db, request, &request->thread, &media.group, &media.thread_key);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    media.row = (struct cf_group_media){
        .id = request->message,
        .group = media.group.id,
        .thread = request->thread,
        .author = request->actor,
        .metadata = request->text,
        .size = request->size,
        .opened = request->now,
    };
    rc = cf_sqlite_name_after(db, request, request->actor, request->actor_name,
                              &media.row.author_name);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    /* A retry takes nothing of the quota, however full it is. */
    if (!fits(request, &media.group))
        return answer_first(db, request, media.group.key, CF_E_FULL);
    rc = insert_media(db, request, &media, &request->created);
    if (rc != SQLITE_OK)
        return rc;
    if (!request->created)
        return answer_first(db, request, media.group.key, CF_E_CONFLICT);
    request->media = media.row;
    return add_bytes(db, media.group.key, (int64_t)media.row.size);
}

static int update_complete(struct cf_sqlite_db *db, const struct cf_sqlite_group_media *media)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEDIA_COMPLETE);
    cf_sqlite_bind_int(&query, media->key);
    cf_sqlite_bind_int(&query, media->row.expires);
    cf_sqlite_bind_int(&query, media->event_key);
    return cf_sqlite_execute(&query);
}

static int complete(struct cf_sqlite_db *db, struct cf_sqlite_counters *counters,
                    struct cf_store_request *request, struct cf_sqlite_group_media *media)
{
    struct cf_group_media *row = &media->row;
    struct cf_group_event *event = cf_sqlite_group_event_answer(request);
    if (event == NULL)
        return SQLITE_OK;
    *event = (struct cf_group_event){
        .kind = CF_GROUP_MEDIA,
        .id = row->id,
        .thread = row->thread,
        .user = row->author,
        .user_name = row->author_name,
        .text = row->metadata,
        .size = row->size,
        .expires = request->ttl, /* after its stamp */
    };
    const struct cf_sqlite_group_entry entry = {
        .group = &media->group, .event = event, .thread_key = media->thread_key};
    int rc = cf_sqlite_group_append(db, counters, request->now, &entry, &request->created);
    if (rc != SQLITE_OK)
        return rc;
    media->event_key = sqlite3_last_insert_rowid(db->handle);
    row->expires = event->expires;
    row->state = CF_MEDIA_COMPLETE;
    return update_complete(db, media);
}

int cf_sqlite_group_media_done(struct cf_sqlite_db *db, struct cf_sqlite_counters *counters,
                               struct cf_store_request *request)
{
    struct cf_sqlite_group_media media;
    int rc = cf_sqlite_group_media_for(db, request, &media);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (!cf_slice_eq(media.row.author, request->actor)) {
        request->error = CF_E_NOT_FOUND;
        return SQLITE_OK;
    }
    if (request->actor_name.len > 0)
        media.row.author_name = request->actor_name;
    rc = media.row.state == CF_MEDIA_COMPLETE
             ? cf_sqlite_group_event_add(db, request, media.event_key)
             : complete(db, counters, request, &media);
    request->media = media.row;
    return rc;
}

/* One that is not dead yet. */
static int kill_media(struct cf_sqlite_db *db, int64_t key, int64_t room_key, int64_t size)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEDIA_KILL);
    cf_sqlite_bind_int(&query, key);
    int rc = cf_sqlite_execute(&query);
    return rc == SQLITE_OK ? add_bytes(db, room_key, -size) : rc;
}

int cf_sqlite_group_media_delete(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_group_media media;
    int rc = cf_sqlite_group_media_for(db, request, &media);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (!cf_sqlite_group_media_shows(&media.row, request))
        request->error = CF_E_NOT_FOUND;
    else if (!media.group.made_by_actor && !cf_slice_eq(media.row.author, request->actor))
        request->error = CF_E_FORBIDDEN;
    if (request->error != CF_OK)
        return SQLITE_OK;
    return kill_media(db, media.key, media.group.key, (int64_t)media.row.size);
}

/* One that CONDEMN has found. */
struct due {
    int64_t key, room_key, size;
    bool dead; /* before */
};

struct found {
    struct due *rows;
    size_t count;
};

static enum cf_error add_due(const struct cf_sqlite_query *query, struct cf_store_request *request,
                             struct found *found)
{
    struct cf_arena *arena = &request->arena;
    struct due *rows = cf_sqlite_rows_grow(arena, found->rows, found->count, sizeof(*rows));
    struct cf_uuid *uuids =
        cf_sqlite_rows_grow(arena, request->uuids, found->count, sizeof(*uuids));
    if (rows == NULL || uuids == NULL)
        return CF_E_NOMEM;
    found->rows = rows;
    request->uuids = uuids;
    if (!cf_sqlite_column_uuid(query, 1, &uuids[found->count]))
        return CF_E_NOMEM;
    rows[found->count++] = (struct due){
        .key = cf_sqlite_column_int(query, 0),
        .room_key = cf_sqlite_column_int(query, 2),
        .size = cf_sqlite_column_int(query, 3),
        .dead = cf_sqlite_column_int(query, 4) == CF_MEDIA_DEAD,
    };
    request->uuids_count = found->count;
    return CF_OK;
}

/* Whoever is swept regularly writes nothing as long as nothing is due. */
int cf_sqlite_group_media_condemn(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct found found = {NULL, 0};
    request->uuids_count = 0;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEDIA_DUE);
    cf_sqlite_bind_int(&query, request->now);
    cf_sqlite_bind_int(&query, request->since);
    cf_sqlite_bind_int(&query, request->limit);
    while (request->error == CF_OK && cf_sqlite_step(&query))
        request->error = add_due(&query, request, &found);
    int rc = cf_sqlite_finish(&query);
    if (request->error != CF_OK)
        return rc;
    for (size_t i = 0; rc == SQLITE_OK && i < found.count; i++) {
        const struct due *due = &found.rows[i];
        if (!due->dead)
            rc = kill_media(db, due->key, due->room_key, due->size);
    }
    return rc;
}

int cf_sqlite_group_media_forget(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < request->uuids_count; i++) {
        struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEDIA_FORGET);
        cf_sqlite_bind_uuid(&query, &request->uuids[i]);
        rc = cf_sqlite_execute(&query);
    }
    return rc;
}
