#include "edge/store_sqlite/heads.h"

void cf_sqlite_heads_reset(struct cf_sqlite_heads *heads)
{
    heads->rooms_count = heads->talks_count = 0;
}

/* ---- rooms ---- */

/* Its place; heads->rooms_count: there is none. */
static size_t find_room(const struct cf_sqlite_heads *heads, const struct cf_uuid *room)
{
    size_t i = 0;
    while (i < heads->rooms_count && !cf_uuid_eq(&heads->rooms[i].id, room))
        i++;
    return i;
}

int cf_sqlite_heads_room_for(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads,
                             struct cf_store_request *request, struct cf_sqlite_room *out_room)
{
    size_t i = find_room(heads, &request->room);
    if (i == heads->rooms_count)
        return cf_sqlite_room_for(db, request, out_room);
    const struct cf_sqlite_room_head *head = &heads->rooms[i];
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

static int write_room(struct cf_sqlite_db *db, const struct cf_sqlite_room_head *head)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ROOM_ADVANCE);
    cf_sqlite_bind_int(&query, head->key);
    cf_sqlite_bind_int(&query, (int64_t)head->last_seq);
    cf_sqlite_bind_int(&query, head->last_created);
    cf_sqlite_bind_int(&query, head->added);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_heads_room_advance(struct cf_sqlite_db *db, struct cf_sqlite_heads *heads,
                                 const struct cf_sqlite_room *room,
                                 const struct cf_message_row *row)
{
    struct cf_sqlite_room_head head = {row->room, room->key, row->seq, row->created, 1};
    size_t i = find_room(heads, &row->room);
    if (i == CF_SQLITE_HEADS_MAX)
        return write_room(db, &head);
    if (i == heads->rooms_count)
        heads->rooms_count++;
    else
        head.added += heads->rooms[i].added;
    heads->rooms[i] = head;
    return SQLITE_OK;
}

/* ---- conversations ---- */

/* Its place; heads->talks_count: there is none. */
static size_t find_talk(const struct cf_sqlite_heads *heads, int64_t talk)
{
    size_t i = 0;
    while (i < heads->talks_count && heads->talks[i].id != talk)
        i++;
    return i;
}

int cf_sqlite_heads_talk_for(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads,
                             struct cf_store_request *request, struct cf_sqlite_talk *out_talk)
{
    size_t i = find_talk(heads, request->talk);
    if (i == heads->talks_count)
        return cf_sqlite_talk_for(db, request, out_talk);
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_PARTICIPANT_GET);
    cf_sqlite_bind_int(&query, request->talk);
    cf_sqlite_bind_text(&query, request->actor);
    if (cf_sqlite_step(&query))
        *out_talk = heads->talks[i].talk;
    else
        request->error = CF_E_NOT_MEMBER;
    return cf_sqlite_finish(&query);
}

static int write_talk(struct cf_sqlite_db *db, const struct cf_sqlite_talk_head *head)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_TALK_ADVANCE);
    cf_sqlite_bind_int(&query, head->id);
    cf_sqlite_bind_int(&query, (int64_t)head->talk.last_seq);
    cf_sqlite_bind_int(&query, head->talk.last_created);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_heads_talk_advance(struct cf_sqlite_db *db, struct cf_sqlite_heads *heads,
                                 const struct cf_sqlite_talk *talk,
                                 const struct cf_talk_message *row)
{
    struct cf_sqlite_talk_head head = {
        row->talk, {.kind = talk->kind, .last_seq = row->seq, .last_created = row->created}};
    size_t i = find_talk(heads, row->talk);
    if (i == CF_SQLITE_HEADS_MAX)
        return write_talk(db, &head);
    if (i == heads->talks_count)
        heads->talks_count++;
    heads->talks[i] = head;
    return SQLITE_OK;
}

int cf_sqlite_heads_write(struct cf_sqlite_db *db, struct cf_sqlite_heads *heads)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < heads->rooms_count; i++)
        rc = write_room(db, &heads->rooms[i]);
    for (size_t i = 0; rc == SQLITE_OK && i < heads->talks_count; i++)
        rc = write_talk(db, &heads->talks[i]);
    cf_sqlite_heads_reset(heads);
    return rc;
}
