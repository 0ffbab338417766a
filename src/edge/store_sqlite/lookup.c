#include "edge/store_sqlite/lookup.h"

#include <string.h>

int cf_sqlite_room_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                       struct cf_sqlite_room *out_room)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ROOM_FOR);
    cf_sqlite_bind_uuid(&query, &request->room);
    cf_sqlite_bind_text(&query, request->actor);
    if (cf_sqlite_step(&query)) {
        out_room->key = cf_sqlite_column_int(&query, 0);
        out_room->role = (enum cf_role)cf_sqlite_column_int(&query, 1);
        out_room->message_count = (uint64_t)cf_sqlite_column_int(&query, 2);
        out_room->last_seq = (uint64_t)cf_sqlite_column_int(&query, 3);
        out_room->last_created = cf_sqlite_column_int(&query, 4);
    } else {
        request->error = CF_E_NOT_MEMBER;
    }
    return cf_sqlite_finish(&query);
}

enum cf_error cf_sqlite_message_read(const struct cf_sqlite_query *query, struct cf_arena *arena,
                                     const struct cf_uuid *room, struct cf_message_row *out_row)
{
    if (!cf_sqlite_column_uuid(query, 0, &out_row->id))
        return CF_E_NOMEM;
    out_row->room = *room;
    out_row->seq = (uint64_t)cf_sqlite_column_int(query, 1);
    out_row->created = cf_sqlite_column_int(query, 5);
    out_row->updated = cf_sqlite_column_int(query, 6);
    enum cf_error error = cf_sqlite_column_text(query, 2, arena, &out_row->author);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 3, arena, &out_row->author_name);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 4, arena, &out_row->text);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 7, arena, &out_row->image);
    return error;
}

static enum cf_error read_found(const struct cf_sqlite_query *query,
                                struct cf_store_request *request,
                                struct cf_sqlite_message *out_message)
{
    struct cf_message_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    struct cf_uuid room;
    if (row == NULL || !cf_sqlite_column_uuid(query, CF_SQLITE_MESSAGE_COLUMNS + 2, &room))
        return CF_E_NOMEM;
    out_message->row = row;
    out_message->key = cf_sqlite_column_int(query, CF_SQLITE_MESSAGE_COLUMNS);
    out_message->room_key = cf_sqlite_column_int(query, CF_SQLITE_MESSAGE_COLUMNS + 1);
    out_message->role = (enum cf_role)cf_sqlite_column_int(query, CF_SQLITE_MESSAGE_COLUMNS + 3);
    return cf_sqlite_message_read(query, &request->arena, &room, row);
}

int cf_sqlite_message_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                          struct cf_sqlite_message *out_message)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MESSAGE_FOR);
    cf_sqlite_bind_uuid(&query, &request->message);
    cf_sqlite_bind_text(&query, request->actor);
    request->error =
        cf_sqlite_step(&query) ? read_found(&query, request, out_message) : CF_E_NOT_FOUND;
    return cf_sqlite_finish(&query);
}

void *cf_sqlite_rows_grow(struct cf_arena *arena, void *rows, size_t count, size_t row_bytes)
{
    /* The capacity follows from the count: 8, then the next power of two. */
    enum { FIRST = 8 };
    bool full = count == 0 || (count >= FIRST && (count & (count - 1)) == 0);
    if (!full)
        return rows;
    size_t cap = count == 0 ? FIRST : 2 * count;
    if (cap > arena->max / row_bytes)
        return NULL;
    void *bigger = cf_arena_alloc(arena, cap * row_bytes);
    if (bigger != NULL && count > 0)
        memcpy(bigger, rows, count * row_bytes);
    return bigger;
}

enum cf_error cf_sqlite_room_add(const struct cf_sqlite_query *query,
                                 struct cf_store_request *request)
{
    struct cf_room_row *rows =
        cf_sqlite_rows_grow(&request->arena, request->rooms, request->rooms_count, sizeof(*rows));
    if (rows == NULL)
        return CF_E_NOMEM;
    request->rooms = rows;
    struct cf_room_row *row = &rows[request->rooms_count];
    if (!cf_sqlite_column_uuid(query, 0, &row->id))
        return CF_E_NOMEM;
    row->created = cf_sqlite_column_int(query, 3);
    row->role = (enum cf_role)cf_sqlite_column_int(query, 4);
    row->members = (uint64_t)cf_sqlite_column_int(query, 5);
    enum cf_error error = cf_sqlite_column_text(query, 1, &request->arena, &row->name);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 2, &request->arena, &row->created_by);
    if (error == CF_OK)
        request->rooms_count++;
    return error;
}

enum cf_error cf_sqlite_member_add(const struct cf_sqlite_query *query,
                                   struct cf_store_request *request)
{
    struct cf_member_row *rows = cf_sqlite_rows_grow(&request->arena, request->members,
                                                     request->members_count, sizeof(*rows));
    if (rows == NULL)
        return CF_E_NOMEM;
    request->members = rows;
    struct cf_member_row *row = &rows[request->members_count];
    row->role = (enum cf_role)cf_sqlite_column_int(query, 2);
    row->joined = cf_sqlite_column_int(query, 3);
    enum cf_error error = cf_sqlite_column_text(query, 0, &request->arena, &row->user);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 1, &request->arena, &row->name);
    if (error == CF_OK)
        request->members_count++;
    return error;
}

void cf_sqlite_answer_message(struct cf_store_request *request, struct cf_message_row *row)
{
    request->messages = row;
    request->messages_count = 1;
}
