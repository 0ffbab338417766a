#include "edge/store_sqlite/talk.h"

static enum cf_talk_kind kind_of(int64_t stored)
{
    return stored == CF_TALK_GROUP ? CF_TALK_GROUP : CF_TALK_DIRECT;
}

int cf_sqlite_talk_for(struct cf_sqlite_db *db, struct cf_store_request *request,
                       struct cf_sqlite_talk *out_talk)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_TALK_FOR);
    cf_sqlite_bind_int(&query, request->talk);
    cf_sqlite_bind_text(&query, request->actor);
    if (cf_sqlite_step(&query)) {
        out_talk->kind = kind_of(cf_sqlite_column_int(&query, 0));
        out_talk->last_seq = (uint64_t)cf_sqlite_column_int(&query, 1);
        out_talk->last_created = cf_sqlite_column_int(&query, 2);
        out_talk->made_by_actor = cf_sqlite_column_int(&query, 3) != 0;
    } else {
        request->error = CF_E_NOT_MEMBER;
    }
    return cf_sqlite_finish(&query);
}

struct cf_sqlite_query cf_sqlite_talk_query(struct cf_sqlite_db *db, enum cf_talk_kind kind,
                                            enum cf_sqlite_statement direct)
{
    return cf_sqlite_query(db, direct + (kind == CF_TALK_GROUP));
}

enum cf_error cf_sqlite_talk_message_read(const struct cf_sqlite_query *query,
                                          struct cf_arena *arena,
                                          struct cf_talk_message *out_message)
{
    *out_message = (struct cf_talk_message){
        .id = cf_sqlite_column_int(query, 0),
        .talk = cf_sqlite_column_int(query, 1),
        .seq = (uint64_t)cf_sqlite_column_int(query, 2),
        .created = cf_sqlite_column_int(query, 6),
    };
    enum cf_error error = cf_sqlite_column_text(query, 3, arena, &out_message->author);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 4, arena, &out_message->author_name);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 5, arena, &out_message->text);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 7, arena, &out_message->client_id);
    return error;
}

enum cf_error cf_sqlite_talk_message_add(const struct cf_sqlite_query *query,
                                         struct cf_store_request *request)
{
    struct cf_talk_message *rows = cf_sqlite_rows_grow(&request->arena, request->talk_messages,
                                                       request->talk_messages_count, sizeof(*rows));
    if (rows == NULL)
        return CF_E_NOMEM;
    request->talk_messages = rows;
    enum cf_error error =
        cf_sqlite_talk_message_read(query, &request->arena, &rows[request->talk_messages_count]);
    if (error == CF_OK)
        request->talk_messages_count++;
    return error;
}

enum cf_error cf_sqlite_talk_read(const struct cf_sqlite_query *query, struct cf_arena *arena,
                                  struct cf_talk_row *out_row, uint64_t *out_seq_read)
{
    *out_row = (struct cf_talk_row){
        .id = cf_sqlite_column_int(query, 0),
        .kind = kind_of(cf_sqlite_column_int(query, 1)),
        .created = cf_sqlite_column_int(query, 4),
        .last_seq = (uint64_t)cf_sqlite_column_int(query, 5),
    };
    *out_seq_read = (uint64_t)cf_sqlite_column_int(query, 6);
    enum cf_error error = cf_sqlite_column_text(query, 2, arena, &out_row->title);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 3, arena, &out_row->created_by);
    return error;
}

static enum cf_error add_person(const struct cf_sqlite_query *query, struct cf_arena *arena,
                                struct cf_talk_row *row)
{
    struct cf_talk_person *people =
        cf_sqlite_rows_grow(arena, row->people, row->people_count, sizeof(*people));
    if (people == NULL)
        return CF_E_NOMEM;
    row->people = people;
    struct cf_talk_person *person = &people[row->people_count];
    person->joined = cf_sqlite_column_int(query, 2);
    enum cf_error error = cf_sqlite_column_text(query, 0, arena, &person->user);
    if (error == CF_OK)
        error = cf_sqlite_column_text(query, 1, arena, &person->name);
    if (error == CF_OK)
        row->people_count++;
    return error;
}

static int fill_people(struct cf_sqlite_db *db, struct cf_store_request *request,
                       struct cf_talk_row *row)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_PEOPLE_OF);
    cf_sqlite_bind_int(&query, row->id);
    while (request->error == CF_OK && cf_sqlite_step(&query))
        request->error = add_person(&query, &request->arena, row);
    return cf_sqlite_finish(&query);
}

static int fill_last(struct cf_sqlite_db *db, struct cf_store_request *request,
                     struct cf_talk_row *row)
{
    struct cf_talk_message *last = cf_arena_alloc(&request->arena, sizeof(*last));
    if (last == NULL) {
        request->error = CF_E_NOMEM;
        return SQLITE_OK;
    }
    struct cf_sqlite_query query = cf_sqlite_talk_query(db, row->kind, CF_SQL_DIRECT_DOWN);
    cf_sqlite_bind_int(&query, row->id);
    cf_sqlite_bind_int(&query, (int64_t)row->last_seq);
    cf_sqlite_bind_int(&query, 1);
    if (cf_sqlite_step(&query)) {
        request->error = cf_sqlite_talk_message_read(&query, &request->arena, last);
        row->last = last;
    }
    return cf_sqlite_finish(&query);
}

/* Of so many messages each one is looked at; of more, the actor's own in all conversations, which
 * are fewer as a rule: whoever has not read a million has not written them. */
enum { BEHIND_COUNTED = 512 };

static int fill_unread(struct cf_sqlite_db *db, const struct cf_store_request *request,
                       uint64_t seq_read, struct cf_talk_row *row)
{
    uint64_t behind = row->last_seq - seq_read;
    bool few = behind <= BEHIND_COUNTED;
    struct cf_sqlite_query query =
        cf_sqlite_talk_query(db, row->kind, few ? CF_SQL_DIRECT_UNREAD : CF_SQL_DIRECT_OWN_BEHIND);
    cf_sqlite_bind_int(&query, row->id);
    cf_sqlite_bind_int(&query, (int64_t)seq_read);
    cf_sqlite_bind_text(&query, request->actor);
    uint64_t count = 0;
    if (cf_sqlite_step(&query))
        count = (uint64_t)cf_sqlite_column_int(&query, 0);
    row->unread = few ? count : behind - count;
    return cf_sqlite_finish(&query);
}

int cf_sqlite_talk_fill(struct cf_sqlite_db *db, struct cf_store_request *request,
                        uint64_t seq_read, struct cf_talk_row *row)
{
    int rc = fill_people(db, request, row);
    if (rc != SQLITE_OK || request->error != CF_OK || row->last_seq == 0)
        return rc;
    rc = fill_last(db, request, row);
    if (rc != SQLITE_OK || request->error != CF_OK || row->last_seq <= seq_read)
        return rc;
    return fill_unread(db, request, seq_read, row);
}
