#include "edge/store_sqlite/write.h"

#include "base/map.h"
#include "edge/store_sqlite/group_write.h"
#include "edge/store_sqlite/schema.h"
#include "edge/store_sqlite/sockets.h"
#include "edge/store_sqlite/talk_write.h"
#include "edge/store_sqlite/write_rooms.h"

static cf_us later(cf_us a, cf_us b)
{
    return a > b ? a : b;
}

/* What a retry must repeat. The image counts by being there: a retried upload has another name. The
 * hash is stored in the file, so its key is fixed; whoever makes two texts collide gets their own
 * earlier message back. */
static int64_t hash_sent(const struct cf_store_request *request)
{
    const uint64_t key[2] = {0, request->image.ptr != NULL};
    return (int64_t)cf_siphash(key, request->text);
}

static int insert_message(struct cf_sqlite_db *db, const struct cf_store_request *request,
                          const struct cf_sqlite_room *room, const struct cf_message_row *row,
                          bool *out_inserted)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MESSAGE_INSERT);
    cf_sqlite_bind_uuid(&query, &row->id);
    cf_sqlite_bind_int(&query, room->key);
    cf_sqlite_bind_int(&query, (int64_t)row->seq);
    cf_sqlite_bind_text(&query, row->author);
    cf_sqlite_bind_optional(&query, request->client_id);
    cf_sqlite_bind_int(&query, hash_sent(request));
    cf_sqlite_bind_int(&query, row->created);
    cf_sqlite_bind_optional(&query, row->image);
    cf_sqlite_bind_text(&query, row->text);
    int rc = cf_sqlite_execute(&query);
    *out_inserted = rc == SQLITE_OK && sqlite3_changes(db->handle) == 1;
    return rc;
}

/* The insert met a key that is taken: by the first message of this client id, or else by another
 * message's id. */
static int answer_first(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                        struct cf_store_request *request, const struct cf_sqlite_room *room,
                        struct cf_message_row *row)
{
    if (request->client_id.ptr == NULL) {
        request->error = CF_E_CONFLICT;
        return SQLITE_OK;
    }
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MESSAGE_SENT);
    cf_sqlite_bind_int(&query, room->key);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_text(&query, request->client_id);
    bool same = cf_sqlite_step(&query) &&
                cf_sqlite_column_int(&query, CF_SQLITE_MESSAGE_COLUMNS) == hash_sent(request) &&
                cf_sqlite_column_int(&query, CF_SQLITE_MESSAGE_COLUMNS + 1) == 0;
    request->error =
        same ? cf_sqlite_message_read(&query, &request->arena, &request->room, row) : CF_E_CONFLICT;
    int rc = cf_sqlite_finish(&query);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (request->actor_name.len > 0)
        row->author_name = request->actor_name;
    cf_sqlite_answer_message(request, row);
    return cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

/* The busiest path: two statements, as long as the actor's name is known to be stored. */
static int create_message(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_sqlite_heads *heads, struct cf_store_request *request)
{
    struct cf_sqlite_room room;
    int rc = cf_sqlite_heads_room_for(db, heads, request, &room);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_slice name;
    rc = cf_sqlite_name_after(db, request, request->actor, request->actor_name, &name);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_message_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL) {
        request->error = CF_E_NOMEM;
        return SQLITE_OK;
    }
    *row = (struct cf_message_row){
        .id = request->message,
        .room = request->room,
        .seq = room.last_seq + 1,
        .author = request->actor,
        .author_name = name,
        .text = request->text,
        .created = later(request->now, room.last_created + 1),
        .image = request->image,
    };
    bool inserted;
    rc = insert_message(db, request, &room, row, &inserted);
    if (rc != SQLITE_OK)
        return rc;
    if (!inserted)
        return answer_first(db, names, request, &room, row);
    request->created = true;
    cf_sqlite_answer_message(request, row);
    rc = cf_sqlite_heads_room_advance(db, heads, &room, row);
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

/* Its author may change a message, an admin may also take from it. E_FORBIDDEN. */
static void check_right(struct cf_store_request *request, struct cf_sqlite_message *message,
                        bool admin_too)
{
    bool own = cf_slice_eq(message->row->author, request->actor);
    if (!own && !(admin_too && message->role == CF_ROLE_ADMIN))
        request->error = CF_E_FORBIDDEN;
    if (own && request->actor_name.len > 0)
        message->row->author_name = request->actor_name;
}

static int find_changeable(struct cf_sqlite_db *db, struct cf_store_request *request,
                           bool admin_too, struct cf_sqlite_message *out_message)
{
    int rc = cf_sqlite_message_for(db, request, out_message);
    if (rc == SQLITE_OK && request->error == CF_OK)
        check_right(request, out_message, admin_too);
    return rc;
}

/* Stores the row's text and image as they are now, and answers with it. */
static int update_message(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request, struct cf_sqlite_message *message)
{
    struct cf_message_row *row = message->row;
    row->updated = later(request->now, later(row->created, row->updated));
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MESSAGE_UPDATE);
    cf_sqlite_bind_int(&query, message->key);
    cf_sqlite_bind_text(&query, row->text);
    cf_sqlite_bind_optional(&query, row->image);
    cf_sqlite_bind_int(&query, row->updated);
    int rc = cf_sqlite_execute(&query);
    cf_sqlite_answer_message(request, row);
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

static int edit_message(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                        struct cf_store_request *request)
{
    struct cf_sqlite_message message;
    int rc = find_changeable(db, request, false, &message);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    message.row->text = request->text;
    return update_message(db, names, request, &message);
}

static int set_image(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                     struct cf_store_request *request)
{
    struct cf_sqlite_message message;
    int rc = cf_sqlite_message_for(db, request, &message);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (cf_uuid_eq(&message.row->room, &request->room))
        check_right(request, &message, false);
    else
        request->error = CF_E_NOT_FOUND;
    if (request->error != CF_OK)
        return SQLITE_OK;
    request->old_image = message.row->image;
    message.row->image = request->image;
    if (request->text.len > 0)
        message.row->text = request->text;
    return update_message(db, names, request, &message);
}

static int remove_image(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                        struct cf_store_request *request)
{
    struct cf_sqlite_message message;
    int rc = find_changeable(db, request, true, &message);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (message.row->image.ptr == NULL) {
        request->error = CF_E_NOT_FOUND;
        return SQLITE_OK;
    }
    request->old_image = message.row->image;
    message.row->image = (struct cf_slice){NULL, 0};
    return update_message(db, names, request, &message);
}

static int delete_message(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request)
{
    struct cf_sqlite_message message;
    int rc = find_changeable(db, request, true, &message);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MESSAGE_ERASE);
    cf_sqlite_bind_int(&query, message.key);
    rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK)
        return rc;
    query = cf_sqlite_query(db, CF_SQL_GAP_ADD);
    cf_sqlite_bind_int(&query, message.room_key);
    cf_sqlite_bind_int(&query, (int64_t)(message.row->seq / CF_SQLITE_GAP_SEQS));
    rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK)
        return rc;
    query = cf_sqlite_query(db, CF_SQL_ROOM_MESSAGE_GONE);
    cf_sqlite_bind_int(&query, message.room_key);
    rc = cf_sqlite_execute(&query);
    cf_sqlite_answer_message(request, message.row);
    return rc != SQLITE_OK ? rc
                           : cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

static int write_talk(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                      struct cf_sqlite_counters *counters, struct cf_store_request *request)
{
    int64_t *last_number = &counters->number;
    switch (request->op) {
    case CF_STORE_TALK_CREATE:
        return cf_sqlite_talk_create(db, names, request);
    case CF_STORE_TALK_ADD:
        return cf_sqlite_talk_add(db, names, request);
    case CF_STORE_TALK_REMOVE:
        return cf_sqlite_talk_remove(db, names, request);
    case CF_STORE_TALK_SEND:
        return cf_sqlite_talk_send(db, names, counters, request);
    case CF_STORE_TALK_MARK:
        return cf_sqlite_talk_mark(db, names, last_number, request);
    case CF_STORE_SOCKET_OPEN:
        return cf_sqlite_socket_open(db, names, request);
    case CF_STORE_SOCKET_JOIN:
        return cf_sqlite_socket_join(db, names, *last_number, request);
    case CF_STORE_SOCKET_LEAVE:
        return cf_sqlite_socket_leave(db, names, request);
    case CF_STORE_SOCKET_CLOSE:
        return cf_sqlite_socket_close(db, names, request);
    case CF_STORE_SOCKET_RECOVER:
        return cf_sqlite_socket_recover(db, names, *last_number, request);
    default:
        return cf_sqlite_group_write(db, names, counters, request);
    }
}

/* Does it do without what heads keep from the rows of rooms and conversations? */
static bool leaves_heads(enum cf_store_op op)
{
    switch (op) {
    case CF_STORE_USER_PUT:
    case CF_STORE_MESSAGE_CREATE:
    case CF_STORE_MESSAGE_EDIT:
    case CF_STORE_TALK_SEND:
    case CF_STORE_TALK_MARK:
    case CF_STORE_SOCKET_OPEN:
    case CF_STORE_SOCKET_LEAVE:
    case CF_STORE_SOCKET_CLOSE:
    case CF_STORE_GROUP_POST:
        return true;
    default:
        return false;
    }
}

int cf_sqlite_write(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                    struct cf_sqlite_counters *counters, struct cf_store_request *request)
{
    int rc = leaves_heads(request->op) ? SQLITE_OK : cf_sqlite_heads_write(db, &counters->heads);
    if (rc != SQLITE_OK)
        return rc;
    switch (request->op) {
    case CF_STORE_USER_PUT:
        return cf_sqlite_put_user(db, names, request->actor, request->actor_name);
    case CF_STORE_ROOM_CREATE:
        return cf_sqlite_room_create(db, names, request);
    case CF_STORE_MEMBER_PUT:
        return cf_sqlite_member_put(db, names, request);
    case CF_STORE_MEMBER_REMOVE:
        return cf_sqlite_member_remove(db, names, request);
    case CF_STORE_MESSAGE_CREATE:
        return create_message(db, names, &counters->heads, request);
    case CF_STORE_MESSAGE_EDIT:
        return edit_message(db, names, request);
    case CF_STORE_MESSAGE_DELETE:
        return delete_message(db, names, request);
    case CF_STORE_MESSAGE_IMAGE_SET:
        return set_image(db, names, request);
    case CF_STORE_MESSAGE_IMAGE_REMOVE:
        return remove_image(db, names, request);
    default:
        return write_talk(db, names, counters, request);
    }
}
