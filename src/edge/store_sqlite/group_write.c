#include "edge/store_sqlite/group_write.h"

#include "edge/store_sqlite/group_media.h"
#include "edge/store_sqlite/write_rooms.h"

enum { US_PER_MS = 1000 };

static void bind_uuid_or_null(struct cf_sqlite_query *query, const struct cf_uuid *uuid)
{
    if (cf_uuid_is_nil(uuid))
        cf_sqlite_bind_optional(query, (struct cf_slice){NULL, 0});
    else
        cf_sqlite_bind_uuid(query, uuid);
}

static void bind_key_or_null(struct cf_sqlite_query *query, int64_t key)
{
    if (key == 0)
        cf_sqlite_bind_optional(query, (struct cf_slice){NULL, 0});
    else
        cf_sqlite_bind_int(query, key);
}

static int insert_event(struct cf_sqlite_db *db, const struct cf_sqlite_group_entry *entry,
                        bool *out_inserted)
{
    const struct cf_group_event *event = entry->event;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_EVENT_INSERT);
    cf_sqlite_bind_int(&query, entry->group->key);
    cf_sqlite_bind_int(&query, event->kind);
    cf_sqlite_bind_int(&query, event->stamp);
    bind_key_or_null(&query, entry->thread_key);
    cf_sqlite_bind_text(&query, event->user);
    cf_sqlite_bind_text(&query, event->user_name);
    cf_sqlite_bind_optional(&query, entry->client_id);
    cf_sqlite_bind_int(&query, (int64_t)event->size);
    cf_sqlite_bind_int(&query, event->expires);
    bind_uuid_or_null(&query, &event->id);
    cf_sqlite_bind_optional(&query, event->title);
    cf_sqlite_bind_text(&query, event->text);
    int rc = cf_sqlite_execute(&query);
    *out_inserted = rc == SQLITE_OK && sqlite3_changes(db->handle) == 1;
    return rc;
}

static int advance_group(struct cf_sqlite_db *db, const struct cf_sqlite_group_entry *entry)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_GROUP_ADVANCE);
    cf_sqlite_bind_int(&query, entry->group->key);
    cf_sqlite_bind_int(&query, entry->event->stamp);
    cf_sqlite_bind_int(&query, entry->members_change);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_group_append(struct cf_sqlite_db *db, struct cf_sqlite_counters *counters, cf_us now,
                           const struct cf_sqlite_group_entry *entry, bool *out_inserted)
{
    struct cf_group_event *event = entry->event;
    event->group = entry->group->id;
    event->stamp = cf_group_clock_next(&counters->clock, now, entry->group->last_stamp);
    if (event->kind == CF_GROUP_MEDIA)
        event->expires += event->stamp * US_PER_MS;
    int rc = insert_event(db, entry, out_inserted);
    if (rc != SQLITE_OK || !*out_inserted)
        return rc;
    cf_group_clock_give(&counters->clock, event->stamp, cf_group_event_bytes(event));
    return advance_group(db, entry);
}

static int insert_member(struct cf_sqlite_db *db, int64_t room_key, struct cf_slice user,
                         int64_t stamp, bool *out_inserted)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEMBER_INSERT);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_text(&query, user);
    cf_sqlite_bind_int(&query, stamp);
    int rc = cf_sqlite_execute(&query);
    *out_inserted = rc == SQLITE_OK && sqlite3_changes(db->handle) == 1;
    return rc;
}

/* The insert met a key that is taken: by the first group of this client id, or else by another
 * group's id. */
static int answer_first_group(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    if (request->client_id.ptr == NULL) {
        request->error = CF_E_CONFLICT;
        return SQLITE_OK;
    }
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_GROUP_SENT);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_text(&query, request->client_id);
    request->error = cf_sqlite_step(&query) ? cf_sqlite_room_add(&query, request) : CF_E_CONFLICT;
    if (request->error == CF_OK && !cf_slice_eq(request->rooms[0].name, request->name))
        request->error = CF_E_CONFLICT;
    return cf_sqlite_finish(&query);
}

static int create_group(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                        struct cf_sqlite_counters *counters, struct cf_store_request *request)
{
    struct cf_room_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL) {
        request->error = CF_E_NOMEM;
        return SQLITE_OK;
    }
    int64_t stamp = cf_group_clock_next(&counters->clock, request->now, 0);
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_GROUP_INSERT);
    cf_sqlite_bind_uuid(&query, &request->room);
    cf_sqlite_bind_text(&query, request->name);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_optional(&query, request->client_id);
    cf_sqlite_bind_int(&query, stamp);
    int rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_changes(db->handle) == 0)
        return answer_first_group(db, request);
    int64_t room_key = sqlite3_last_insert_rowid(db->handle);
    cf_group_clock_give(&counters->clock, stamp, 0);
    request->created = true;
    *row = (struct cf_room_row){request->room,     request->name, request->actor,
                                stamp * US_PER_MS, CF_ROLE_ADMIN, 1};
    request->rooms = row;
    request->rooms_count = 1;
    rc = cf_sqlite_put_user(db, names, request->actor, request->actor_name);
    bool inserted;
    return rc == SQLITE_OK ? insert_member(db, room_key, request->actor, stamp, &inserted) : rc;
}

static int find_joined(struct cf_sqlite_db *db, int64_t room_key, struct cf_group_event *event)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEMBER_JOINED);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_text(&query, event->user);
    if (cf_sqlite_step(&query))
        event->stamp = cf_sqlite_column_int(&query, 0);
    return cf_sqlite_finish(&query);
}

/* The group for the actor, and an event about the user, by the name that the user will have. */
static int prepare_membership(struct cf_sqlite_db *db, struct cf_store_request *request,
                              enum cf_group_event_kind kind, struct cf_sqlite_group *out_group)
{
    int rc = cf_sqlite_group_for(db, request, out_group);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_group_event *event = cf_sqlite_group_event_answer(request);
    if (event == NULL)
        return SQLITE_OK;
    *event = (struct cf_group_event){.kind = kind, .group = out_group->id, .user = request->user};
    return cf_sqlite_user_name_after(db, request, &event->user_name);
}

static int join_group(struct cf_sqlite_db *db, struct cf_sqlite_counters *counters,
                      struct cf_store_request *request)
{
    struct cf_sqlite_group group;
    int rc = prepare_membership(db, request, CF_GROUP_JOINED, &group);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_group_event *event = request->group_events;
    /* the event's, too */
    int64_t stamp = cf_group_clock_next(&counters->clock, request->now, group.last_stamp);
    rc = insert_member(db, group.key, request->user, stamp, &request->created);
    if (rc != SQLITE_OK)
        return rc;
    if (!request->created)
        return find_joined(db, group.key, event);
    rc = cf_sqlite_ensure_user(db, request->user, event->user_name);
    if (rc != SQLITE_OK)
        return rc;
    const struct cf_sqlite_group_entry entry = {
        .group = &group, .event = event, .members_change = 1};
    bool inserted;
    return cf_sqlite_group_append(db, counters, request->now, &entry, &inserted);
}

static int leave_group(struct cf_sqlite_db *db, struct cf_sqlite_counters *counters,
                       struct cf_store_request *request)
{
    struct cf_sqlite_group group;
    int rc = prepare_membership(db, request, CF_GROUP_LEFT, &group);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (!group.made_by_actor && !cf_slice_eq(request->actor, request->user)) {
        request->error = CF_E_FORBIDDEN;
        return SQLITE_OK;
    }
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_MEMBER_DELETE);
    cf_sqlite_bind_int(&query, group.key);
    cf_sqlite_bind_text(&query, request->user);
    rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_changes(db->handle) == 0) {
        request->error = CF_E_NOT_FOUND;
        return SQLITE_OK;
    }
    const struct cf_sqlite_group_entry entry = {
        .group = &group, .event = request->group_events, .members_change = -1};
    bool inserted;
    return cf_sqlite_group_append(db, counters, request->now, &entry, &inserted);
}

/* The event that POST would make. E_NOT_MEMBER, E_NOT_FOUND, E_INVALID, E_NOMEM. */
static int prepare_post(struct cf_sqlite_db *db, struct cf_store_request *request,
                        struct cf_sqlite_group *out_group, int64_t *out_thread_key)
{
    bool thread = request->group_kind == CF_GROUP_THREAD;
    bool reply = request->group_kind == CF_GROUP_REPLY;
    *out_thread_key = 0;
    int rc =
        reply ? cf_sqlite_group_thread_for(db, request, &request->thread, out_group, out_thread_key)
              : cf_sqlite_group_for(db, request, out_group);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (!thread && !reply && request->group_kind != CF_GROUP_MESSAGE) {
        request->error = CF_E_INVALID;
        return SQLITE_OK;
    }
    struct cf_group_event *event = cf_sqlite_group_event_answer(request);
    if (event == NULL)
        return SQLITE_OK;
    *event = (struct cf_group_event){
        .kind = request->group_kind,
        .id = request->message,
        .user = request->actor,
        .text = request->text,
    };
    if (thread) {
        event->thread = request->message;
        event->title = request->name;
    } else if (reply) {
        event->thread = request->thread;
    }
    return cf_sqlite_name_after(db, request, request->actor, request->actor_name,
                                &event->user_name);
}

static bool says_the_same(const struct cf_group_event *first, const struct cf_group_event *event)
{
    /* The thread of a thread is its own id, which a retry makes anew. */
    return first->kind == event->kind &&
           (first->kind == CF_GROUP_THREAD || cf_uuid_eq(&first->thread, &event->thread)) &&
           cf_slice_eq(first->title, event->title) && cf_slice_eq(first->text, event->text);
}

/* The insert met a key that is taken: by the first event of this client id, or else by another
 * event's id. */
static int answer_first_post(struct cf_sqlite_db *db, struct cf_store_request *request,
                             int64_t room_key)
{
    if (request->client_id.ptr == NULL) {
        request->error = CF_E_CONFLICT;
        return SQLITE_OK;
    }
    struct cf_group_event first;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ORBITAL_EVENT_SENT);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_text(&query, request->client_id);
    request->error = cf_sqlite_step(&query)
                         ? cf_sqlite_group_event_read(&query, &request->arena, &first)
                         : CF_E_CONFLICT;
    if (request->error == CF_OK && !says_the_same(&first, &request->group_events[0]))
        request->error = CF_E_CONFLICT;
    if (request->error == CF_OK)
        request->group_events[0] = first;
    return cf_sqlite_finish(&query);
}

/* The busiest path: three statements, as long as the actor's name is known to be stored. */
static int post(struct cf_sqlite_db *db, struct cf_sqlite_counters *counters,
                struct cf_store_request *request)
{
    struct cf_sqlite_group group;
    int64_t thread_key;
    int rc = prepare_post(db, request, &group, &thread_key);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    const struct cf_sqlite_group_entry entry = {
        .group = &group,
        .event = request->group_events,
        .thread_key = thread_key,
        .client_id = request->client_id,
    };
    rc = cf_sqlite_group_append(db, counters, request->now, &entry, &request->created);
    return rc != SQLITE_OK || request->created ? rc : answer_first_post(db, request, group.key);
}

static int dispatch(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                    struct cf_sqlite_counters *counters, struct cf_store_request *request)
{
    switch (request->op) {
    case CF_STORE_GROUP_CREATE:
        return create_group(db, names, counters, request);
    case CF_STORE_GROUP_JOIN:
        return join_group(db, counters, request);
    case CF_STORE_GROUP_LEAVE:
        return leave_group(db, counters, request);
    case CF_STORE_GROUP_POST:
        return post(db, counters, request);
    case CF_STORE_GROUP_MEDIA_OPEN:
        return cf_sqlite_group_media_open(db, request);
    case CF_STORE_GROUP_MEDIA_DONE:
        return cf_sqlite_group_media_done(db, counters, request);
    case CF_STORE_GROUP_MEDIA_DELETE:
        return cf_sqlite_group_media_delete(db, request);
    case CF_STORE_GROUP_MEDIA_CONDEMN:
        return cf_sqlite_group_media_condemn(db, request);
    case CF_STORE_GROUP_MEDIA_FORGET:
        return cf_sqlite_group_media_forget(db, request);
    default:
        request->error = CF_E_UNSUPPORTED;
        return SQLITE_OK;
    }
}

int cf_sqlite_group_write(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_sqlite_counters *counters, struct cf_store_request *request)
{
    int rc = dispatch(db, names, counters, request);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    return cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}
