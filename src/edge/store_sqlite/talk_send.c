/* Messages of conversations and the marks on them: what is given a number. */
#include "edge/store_sqlite/talk.h"
#include "edge/store_sqlite/talk_write.h"
#include "edge/store_sqlite/write_rooms.h"

/* As wide as the column. */
enum { CLIENT_ID_BYTES_MAX = 36 };

static void answer_message(struct cf_store_request *request, struct cf_talk_message *row)
{
    request->talk_messages = row;
    request->talk_messages_count = 1;
}

/* Looks among the messages of a kind for the actor's one with this client id, and answers with it
 * if it is of request->talk. E_CONFLICT: it is of another. */
static int find_sent(struct cf_sqlite_db *db, struct cf_store_request *request,
                     enum cf_talk_kind kind, struct cf_talk_message *row)
{
    struct cf_sqlite_query query = cf_sqlite_talk_query(db, kind, CF_SQL_DIRECT_SENT);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_optional(&query, request->client_id);
    if (cf_sqlite_step(&query)) {
        request->error = cf_sqlite_talk_message_read(&query, &request->arena, row);
        if (request->error == CF_OK && row->talk != request->talk)
            request->error = CF_E_CONFLICT;
        if (request->actor_name.len > 0)
            row->author_name = request->actor_name;
        answer_message(request, row);
    }
    return cf_sqlite_finish(&query);
}

/* What TALK_SEND checks and makes up before it inserts. A client id that is taken within the same
 * kind is left for the insert to find. */
static int prepare(struct cf_sqlite_db *db, const struct cf_sqlite_heads *heads,
                   struct cf_store_request *request, struct cf_sqlite_talk *out_talk,
                   struct cf_talk_message *row)
{
    int rc = cf_sqlite_heads_talk_for(db, heads, request, out_talk);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (request->client_id.len > CLIENT_ID_BYTES_MAX) {
        request->error = CF_E_INVALID;
        return SQLITE_OK;
    }
    bool direct = out_talk->kind == CF_TALK_DIRECT;
    rc = find_sent(db, request, direct ? CF_TALK_GROUP : CF_TALK_DIRECT, row);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    cf_us after = out_talk->last_created + 1;
    *row = (struct cf_talk_message){
        .talk = request->talk,
        .seq = out_talk->last_seq + 1,
        .author = request->actor,
        .text = request->text,
        .client_id = request->client_id,
        .created = request->now > after ? request->now : after,
    };
    return cf_sqlite_name_after(db, request, request->actor, request->actor_name,
                                &row->author_name);
}

static int insert(struct cf_sqlite_db *db, enum cf_talk_kind kind,
                  const struct cf_talk_message *row, bool *out_inserted)
{
    struct cf_sqlite_query query = cf_sqlite_talk_query(db, kind, CF_SQL_DIRECT_INSERT);
    cf_sqlite_bind_int(&query, row->id);
    cf_sqlite_bind_int(&query, row->talk);
    cf_sqlite_bind_int(&query, (int64_t)row->seq);
    cf_sqlite_bind_text(&query, row->author);
    cf_sqlite_bind_optional(&query, row->client_id);
    cf_sqlite_bind_int(&query, row->created);
    cf_sqlite_bind_text(&query, row->text);
    int rc = cf_sqlite_execute(&query);
    *out_inserted = rc == SQLITE_OK && sqlite3_changes(db->handle) == 1;
    return rc;
}

/* The busiest path: three statements, as long as the actor's name is known to be stored. */
int cf_sqlite_talk_send(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                        struct cf_sqlite_counters *counters, struct cf_store_request *request)
{
    struct cf_talk_message *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL) {
        request->error = CF_E_NOMEM;
        return SQLITE_OK;
    }
    struct cf_sqlite_talk talk;
    int rc = prepare(db, &counters->heads, request, &talk, row);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    row->id = counters->number + 1;
    rc = insert(db, talk.kind, row, &request->created);
    if (rc == SQLITE_OK && !request->created)
        rc = find_sent(db, request, talk.kind, row);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (request->created) {
        counters->number = row->id;
        answer_message(request, row);
        rc = cf_sqlite_heads_talk_advance(db, &counters->heads, &talk, row);
    }
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

/* The message that is to be marked. */
struct markable {
    int64_t seq;
    bool author_takes_part;
};

/* E_NOT_MEMBER, E_NOMEM. */
static int find_markable(struct cf_sqlite_db *db, struct cf_store_request *request,
                         struct cf_talk_mark *mark, struct markable *out_message)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MARKABLE);
    cf_sqlite_bind_int(&query, request->number);
    cf_sqlite_bind_text(&query, request->actor);
    if (cf_sqlite_step(&query)) {
        mark->talk = cf_sqlite_column_int(&query, 0);
        out_message->seq = cf_sqlite_column_int(&query, 1);
        out_message->author_takes_part = cf_sqlite_column_int(&query, 3) != 0;
        request->error = cf_sqlite_column_text(&query, 2, &request->arena, &mark->author);
    } else {
        request->error = CF_E_NOT_MEMBER;
    }
    return cf_sqlite_finish(&query);
}

/* The first mark that says as much: reading says that it was delivered, too. */
static int find_mark(struct cf_sqlite_db *db, struct cf_talk_mark *mark, bool *out_found)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MARK_GET);
    cf_sqlite_bind_int(&query, mark->message);
    cf_sqlite_bind_text(&query, mark->user);
    cf_sqlite_bind_int(&query, mark->kind);
    *out_found = cf_sqlite_step(&query);
    if (*out_found) {
        mark->number = cf_sqlite_column_int(&query, 0);
        mark->at = cf_sqlite_column_int(&query, 1);
    }
    return cf_sqlite_finish(&query);
}

static int insert_mark(struct cf_sqlite_db *db, const struct cf_talk_mark *mark)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MARK_INSERT);
    cf_sqlite_bind_int(&query, mark->number);
    cf_sqlite_bind_int(&query, mark->message);
    cf_sqlite_bind_int(&query, mark->talk);
    cf_sqlite_bind_text(&query, mark->author);
    cf_sqlite_bind_text(&query, mark->user);
    cf_sqlite_bind_int(&query, mark->kind);
    cf_sqlite_bind_int(&query, mark->at);
    return cf_sqlite_execute(&query);
}

static int advance_read(struct cf_sqlite_db *db, const struct cf_talk_mark *mark, int64_t seq)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_READ_ADVANCE);
    cf_sqlite_bind_int(&query, mark->talk);
    cf_sqlite_bind_text(&query, mark->user);
    cf_sqlite_bind_int(&query, seq);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_talk_mark(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                        int64_t *last_number, struct cf_store_request *request)
{
    struct cf_talk_mark *mark = cf_arena_alloc(&request->arena, sizeof(*mark));
    if (mark == NULL) {
        request->error = CF_E_NOMEM;
        return SQLITE_OK;
    }
    *mark = (struct cf_talk_mark){
        .message = request->number,
        .user = request->actor,
        .kind = request->mark,
    };
    request->marks = mark;
    request->marks_count = 1;
    struct markable message = {0, false};
    int rc = find_markable(db, request, mark, &message);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    bool settled = cf_slice_eq(mark->author, mark->user);
    if (!settled)
        rc = find_mark(db, mark, &settled);
    if (rc == SQLITE_OK && !settled) {
        request->created = true;
        mark->number = ++*last_number;
        mark->at = request->now;
        rc = insert_mark(db, mark);
        if (rc == SQLITE_OK && mark->kind == CF_MARK_READ)
            rc = advance_read(db, mark, message.seq);
    }
    if (!message.author_takes_part)
        mark->author = (struct cf_slice){NULL, 0};
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}
