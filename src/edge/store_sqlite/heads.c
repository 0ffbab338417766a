#include "edge/store_sqlite/heads.h"

void cf_sqlite_heads_reset(struct cf_sqlite_heads *heads)
{
    heads->count = 0;
}

/* Its place; heads->count: there is none. */
static size_t find_head(const struct cf_sqlite_heads *heads, const struct cf_uuid *room)
{
    size_t i = 0;
    while (i < heads->count && !cf_uuid_eq(&heads->rooms[i].id, room))
        i++;
    return i;
}

int cf_sqlite_heads_room_for(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads,
                             struct cf_store_request *request, struct cf_sqlite_room *out_room)
{
    size_t i = find_head(heads, &request->room);
    if (i == heads->count)
        return cf_sqlite_room_for(db, request, out_room);
    const struct cf_sqlite_head *head = &heads->rooms[i];
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MEMBER_GET);
    cf_sqlite_bind_int(&query, head->key);
    cf_sqlite_bind_text(&query, request->actor);
    if (cf_sqlite_step(&query))
        *out_room = (struct cf_sqlite_room){.key = head->key,
                                            .role = (enum cf_role)cf_sqlite_column_int(&query, 0),
                                            .last_seq = head->last_seq,
                                            .last_created = head->last_created};
    else
        request->error = CF_E_NOT_MEMBER;
    return cf_sqlite_finish(&query);
}

static int write_head(struct cf_sqlite_db *db, const struct cf_sqlite_head *head)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ROOM_ADVANCE);
    cf_sqlite_bind_int(&query, head->key);
    cf_sqlite_bind_int(&query, (int64_t)head->last_seq);
    cf_sqlite_bind_int(&query, head->last_created);
    cf_sqlite_bind_int(&query, head->added);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_heads_advance(struct cf_sqlite_db *db, struct cf_sqlite_heads *heads,
                            const struct cf_sqlite_room *room, const struct cf_message_row *row)
{
    struct cf_sqlite_head head = {row->room, room->key, row->seq, row->created, 1};
    size_t i = find_head(heads, &row->room);
    if (i == CF_SQLITE_HEADS_MAX)
        return write_head(db, &head);
    if (i == heads->count)
        heads->count++;
    else
        head.added += heads->rooms[i].added;
    heads->rooms[i] = head;
    return SQLITE_OK;
}

int cf_sqlite_heads_write(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < heads->count; i++)
        rc = write_head(db, &heads->rooms[i]);
    return rc;
}
