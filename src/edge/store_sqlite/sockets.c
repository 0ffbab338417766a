#include "edge/store_sqlite/sockets.h"

#include <stdlib.h>

#include "edge/store_sqlite/talk.h"
#include "edge/store_sqlite/write_rooms.h"

/* Nothing when the pid is taken, which *out_inserted tells. */
static int insert_socket(struct cf_sqlite_db *db, const struct cf_store_request *request,
                         bool *out_inserted)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_SOCKET_INSERT);
    cf_sqlite_bind_text(&query, request->pid);
    cf_sqlite_bind_text(&query, request->sid);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_int(&query, request->now);
    cf_sqlite_bind_int(&query, request->number);
    int rc = cf_sqlite_execute(&query);
    *out_inserted = rc == SQLITE_OK && sqlite3_changes(db->handle) == 1;
    return rc;
}

/* `taken`: what a pid that is there means. */
static int open_new(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                    struct cf_store_request *request, enum cf_error taken)
{
    bool inserted;
    int rc = insert_socket(db, request, &inserted);
    if (rc != SQLITE_OK)
        return rc;
    if (!inserted) {
        request->error = taken;
        return SQLITE_OK;
    }
    return cf_sqlite_put_user(db, names, request->actor, request->actor_name);
}

int cf_sqlite_socket_open(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request)
{
    return open_new(db, names, request, CF_E_CONFLICT);
}

static int insert_joined(struct cf_sqlite_db *db, const struct cf_store_request *request)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_SOCKET_ROOM_INSERT);
    cf_sqlite_bind_text(&query, request->pid);
    cf_sqlite_bind_int(&query, request->talk);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_int(&query, request->last_number);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_socket_join(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          int64_t last_number, struct cf_store_request *request)
{
    struct cf_sqlite_talk talk;
    int rc = cf_sqlite_talk_for(db, request, &talk);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    request->last_number = last_number;
    if (request->sid.len > 0)
        rc = insert_socket(db, request, &(bool){false});
    if (rc == SQLITE_OK)
        rc = insert_joined(db, request);
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

int cf_sqlite_socket_leave(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                           struct cf_store_request *request)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_SOCKET_ROOM_DELETE);
    cf_sqlite_bind_text(&query, request->pid);
    cf_sqlite_bind_int(&query, request->talk);
    cf_sqlite_bind_text(&query, request->actor);
    int rc = cf_sqlite_execute(&query);
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

static int close_one(struct cf_sqlite_db *db, const struct cf_store_request *request)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_SOCKET_DELETE);
    cf_sqlite_bind_text(&query, request->pid);
    cf_sqlite_bind_int(&query, request->now);
    int rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK || sqlite3_changes(db->handle) == 0)
        return rc;
    query = cf_sqlite_query(db, CF_SQL_SOCKET_ROOMS_DELETE);
    cf_sqlite_bind_text(&query, request->pid);
    return cf_sqlite_execute(&query);
}

static int close_old(struct cf_sqlite_db *db, const struct cf_store_request *request)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_OLD_SOCKET_ROOMS_DELETE);
    cf_sqlite_bind_int(&query, request->now);
    int rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK)
        return rc;
    query = cf_sqlite_query(db, CF_SQL_OLD_SOCKETS_DELETE);
    cf_sqlite_bind_int(&query, request->now);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_socket_close(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                           struct cf_store_request *request)
{
    int rc = request->pid.len > 0 ? close_one(db, request) : close_old(db, request);
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

/* A conversation that a socket was in. */
struct joined {
    int64_t talk;
    enum cf_talk_kind kind;
    int64_t number; /* the last one given when it joined */
};

/* What a socket comes back to. */
struct socket {
    bool known;
    int64_t opened_number;
    struct joined *joined;
    size_t joined_count;
};

static int find_socket(struct cf_sqlite_db *db, struct cf_store_request *request,
                       struct socket *socket)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_SOCKET_FOR);
    cf_sqlite_bind_text(&query, request->pid);
    cf_sqlite_bind_text(&query, request->actor);
    socket->known = cf_sqlite_step(&query);
    if (socket->known) {
        request->error = cf_sqlite_column_text(&query, 0, &request->arena, &request->sid);
        socket->opened_number = cf_sqlite_column_int(&query, 1);
    } else if (request->sid.len > 0) {
        socket->opened_number = request->number;
    } else {
        request->error = CF_E_NOT_FOUND;
    }
    return cf_sqlite_finish(&query);
}

static enum cf_error add_joined(const struct cf_sqlite_query *query,
                                struct cf_store_request *request, struct socket *socket)
{
    size_t count = socket->joined_count;
    struct joined *joined =
        cf_sqlite_rows_grow(&request->arena, socket->joined, count, sizeof(*joined));
    struct cf_talk_row *talks =
        cf_sqlite_rows_grow(&request->arena, request->talks, count, sizeof(*talks));
    if (joined == NULL || talks == NULL)
        return CF_E_NOMEM;
    joined[count] = (struct joined){
        .talk = cf_sqlite_column_int(query, 0),
        .kind = cf_sqlite_column_int(query, 1) == CF_TALK_GROUP ? CF_TALK_GROUP : CF_TALK_DIRECT,
        .number = cf_sqlite_column_int(query, 2),
    };
    talks[count] = (struct cf_talk_row){.id = joined[count].talk};
    socket->joined = joined;
    request->talks = talks;
    socket->joined_count = request->talks_count = count + 1;
    return CF_OK;
}

static int find_joined(struct cf_sqlite_db *db, struct cf_store_request *request,
                       struct socket *socket)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_SOCKET_ROOMS_OF);
    cf_sqlite_bind_text(&query, request->pid);
    cf_sqlite_bind_text(&query, request->actor);
    while (request->error == CF_OK && cf_sqlite_step(&query))
        request->error = add_joined(&query, request, socket);
    return cf_sqlite_finish(&query);
}

/* One more thing was missed, at `at`. E_NOT_FOUND: it is too old, or one too many. */
static bool may_miss(struct cf_store_request *request, cf_us at)
{
    size_t missed = request->talk_messages_count + request->marks_count;
    if (at < request->since || missed >= request->limit)
        request->error = CF_E_NOT_FOUND;
    return request->error == CF_OK;
}

static int64_t highest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* From the newest down to the last one seen: ids grow with seq, so what was missed is found by
 * (conversation, seq). */
static int add_messages(struct cf_sqlite_db *db, struct cf_store_request *request,
                        const struct joined *joined)
{
    int64_t seen = highest(request->from, joined->number);
    struct cf_sqlite_query query = cf_sqlite_talk_query(db, joined->kind, CF_SQL_DIRECT_DOWN);
    cf_sqlite_bind_int(&query, joined->talk);
    cf_sqlite_bind_int(&query, INT64_MAX);
    cf_sqlite_bind_int(&query, (int64_t)request->limit + 1);
    while (request->error == CF_OK && cf_sqlite_step(&query) &&
           cf_sqlite_column_int(&query, 0) > seen) {
        if (may_miss(request, cf_sqlite_column_int(&query, 6)))
            request->error = cf_sqlite_talk_message_add(&query, request);
    }
    return cf_sqlite_finish(&query);
}

static enum cf_error add_mark(const struct cf_sqlite_query *query, struct cf_store_request *request)
{
    struct cf_talk_mark *marks =
        cf_sqlite_rows_grow(&request->arena, request->marks, request->marks_count, sizeof(*marks));
    if (marks == NULL)
        return CF_E_NOMEM;
    request->marks = marks;
    struct cf_talk_mark *mark = &marks[request->marks_count];
    *mark = (struct cf_talk_mark){
        .number = cf_sqlite_column_int(query, 0),
        .message = cf_sqlite_column_int(query, 1),
        .talk = cf_sqlite_column_int(query, 2),
        .author = request->actor,
        .kind = cf_sqlite_column_int(query, 4) == CF_MARK_READ ? CF_MARK_READ : CF_MARK_DELIVERED,
        .at = cf_sqlite_column_int(query, 5),
    };
    request->marks_count++;
    return cf_sqlite_column_text(query, 3, &request->arena, &mark->user);
}

static int add_marks(struct cf_sqlite_db *db, struct cf_store_request *request,
                     const struct socket *socket)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MARKS_AFTER);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_int(&query, highest(request->from, socket->opened_number));
    cf_sqlite_bind_int(&query, (int64_t)request->limit + 1);
    while (request->error == CF_OK && cf_sqlite_step(&query)) {
        if (may_miss(request, cf_sqlite_column_int(&query, 5)))
            request->error = add_mark(&query, request);
    }
    return cf_sqlite_finish(&query);
}

static int by_id(const void *left, const void *right)
{
    const struct cf_talk_message *a = left, *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

static int add_missed(struct cf_sqlite_db *db, struct cf_store_request *request,
                      const struct socket *socket)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && request->error == CF_OK && i < socket->joined_count; i++)
        rc = add_messages(db, request, &socket->joined[i]);
    if (rc == SQLITE_OK && request->error == CF_OK)
        rc = add_marks(db, request, socket);
    if (request->talk_messages_count > 1)
        qsort(request->talk_messages, request->talk_messages_count, sizeof(*request->talk_messages),
              by_id);
    return rc;
}

/* Only the time of opening moves. The numbers stay: whoever dies again before the answer has
 * arrived comes back with the same `from`, and has then missed the same. */
int cf_sqlite_socket_recover(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                             int64_t last_number, struct cf_store_request *request)
{
    struct socket socket = {.joined_count = 0};
    int rc = find_socket(db, request, &socket);
    if (rc == SQLITE_OK && request->error == CF_OK)
        rc = find_joined(db, request, &socket);
    if (rc == SQLITE_OK && request->error == CF_OK)
        rc = add_missed(db, request, &socket);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    request->last_number = last_number;
    if (!socket.known)
        return open_new(db, names, request, CF_E_NOT_FOUND); /* it is another user's */
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_SOCKET_REOPEN);
    cf_sqlite_bind_text(&query, request->pid);
    cf_sqlite_bind_int(&query, request->now);
    rc = cf_sqlite_execute(&query);
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}
