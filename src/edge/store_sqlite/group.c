#include "edge/store_sqlite/group.h"

enum cf_error cf_sqlite_group_get(const struct cf_sqlite_query *query,
                                  struct cf_sqlite_group *out_group)
{
    out_group->key = cf_sqlite_column_int(query, 0);
    out_group->last_stamp = cf_sqlite_column_int(query, 2);
    out_group->media_bytes = (uint64_t)cf_sqlite_column_int(query, 3);
    out_group->made_by_actor = cf_sqlite_column_int(query, 4) != 0;
    return cf_sqlite_column_uuid(query, 1, &out_group->id) ? CF_OK : CF_E_NOMEM;
}

int cf_sqlite_group_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                        struct cf_sqlite_group *out_group)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_GROUP_FOR);
    cf_sqlite_bind_uuid(&query, &request->room);
    cf_sqlite_bind_text(&query, request->actor);
    request->error =
        cf_sqlite_step(&query) ? cf_sqlite_group_get(&query, out_group) : CF_E_NOT_MEMBER;
    return cf_sqlite_finish(&query);
}

int cf_sqlite_group_thread_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                               const struct cf_uuid *thread, struct cf_sqlite_group *out_group,
                               int64_t *out_thread_key)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_THREAD_FOR);
    cf_sqlite_bind_uuid(&query, thread);
    cf_sqlite_bind_text(&query, request->actor);
    if (cf_sqlite_step(&query)) {
        *out_thread_key = cf_sqlite_column_int(&query, CF_SQLITE_GROUP_COLUMNS);
        request->error = cf_sqlite_group_get(&query, out_group);
    } else {
        request->error = CF_E_NOT_FOUND;
    }
    return cf_sqlite_finish(&query);
}

enum cf_error cf_sqlite_group_event_read(const struct cf_sqlite_query *query,
                                         struct cf_arena *arena, struct cf_group_event *out_event)
{
    *out_event = (struct cf_group_event){
        .kind = (enum cf_group_event_kind)cf_sqlite_column_int(query, 0),
        .stamp = cf_sqlite_column_int(query, 1),
        .size = (uint64_t)cf_sqlite_column_int(query, 7),
        .expires = cf_sqlite_column_int(query, 8),
    };
    if (!cf_sqlite_column_uuid(query, 2, &out_event->group))
        return CF_E_NOMEM;
    /* NULL is nil. */
    (void)cf_sqlite_column_uuid(query, 3, &out_event->id);
    (void)cf_sqlite_column_uuid(query, 4, &out_event->thread);
    if (out_event->kind == CF_GROUP_THREAD)
        out_event->thread = out_event->id;
    enum cf_error error = cf_sqlite_column_text(query, 5, arena, &out_event->user);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 6, arena, &out_event->user_name);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 9, arena, &out_event->title);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 10, arena, &out_event->text);
    return error;
}

static enum cf_error add_event(const struct cf_sqlite_query *query,
                               struct cf_store_request *request)
{
    struct cf_group_event *rows = cf_sqlite_rows_grow(&request->arena, request->group_events,
                                                      request->group_events_count, sizeof(*rows));
    if (rows == NULL)
        return CF_E_NOMEM;
    request->group_events = rows;
    enum cf_error error =
        cf_sqlite_group_event_read(query, &request->arena, &rows[request->group_events_count]);
    if (error == CF_OK)
        request->group_events_count++;
    return error;
}

int cf_sqlite_group_event_add(struct cf_sqlite_db *db, struct cf_store_request *request,
                              int64_t key)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_EVENT_AT);
    cf_sqlite_bind_int(&query, key);
    if (cf_sqlite_step(&query))
        request->error = add_event(&query, request);
    return cf_sqlite_finish(&query);
}

struct cf_group_event *cf_sqlite_group_event_answer(struct cf_store_request *request)
{
    struct cf_group_event *event = cf_arena_alloc(&request->arena, sizeof(*event));
    if (event == NULL) {
        request->error = CF_E_NOMEM;
        return NULL;
    }
    request->group_events = event;
    request->group_events_count = 1;
    return event;
}

enum cf_error cf_sqlite_group_media_read(const struct cf_sqlite_query *query,
                                         struct cf_arena *arena,
                                         struct cf_sqlite_group_media *out_media)
{
    enum { FIRST = CF_SQLITE_GROUP_COLUMNS };
    enum cf_error error = cf_sqlite_group_get(query, &out_media->group);
    if (error != CF_OK)
        return error;
    out_media->key = cf_sqlite_column_int(query, FIRST);
    out_media->thread_key = cf_sqlite_column_int(query, FIRST + 2);
    out_media->event_key = cf_sqlite_column_int(query, FIRST + 3);
    struct cf_group_media *row = &out_media->row;
    *row = (struct cf_group_media){
        .group = out_media->group.id,
        .size = (uint64_t)cf_sqlite_column_int(query, FIRST + 7),
        .opened = cf_sqlite_column_int(query, FIRST + 8),
        .expires = cf_sqlite_column_int(query, FIRST + 9),
        .state = (enum cf_group_media_state)cf_sqlite_column_int(query, FIRST + 10),
    };
    if (!cf_sqlite_column_uuid(query, FIRST + 1, &row->id) ||
        !cf_sqlite_column_uuid(query, FIRST + 4, &row->thread))
        return CF_E_NOMEM;
    error = cf_sqlite_column_text(query, FIRST + 5, arena, &row->author);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, FIRST + 6, arena, &row->author_name);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, FIRST + 11, arena, &row->metadata);
    return error;
}

int cf_sqlite_group_media_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                              struct cf_sqlite_group_media *out_media)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEDIA_FOR);
    cf_sqlite_bind_uuid(&query, &request->message);
    cf_sqlite_bind_text(&query, request->actor);
    request->error = cf_sqlite_step(&query)
                         ? cf_sqlite_group_media_read(&query, &request->arena, out_media)
                         : CF_E_NOT_FOUND;
    return cf_sqlite_finish(&query);
}

bool cf_sqlite_group_media_shows(const struct cf_group_media *media,
                                 const struct cf_store_request *request)
{
    if (media->state == CF_MEDIA_COMPLETE)
        return media->expires > request->now;
    return cf_slice_eq(media->author, request->actor);
}
