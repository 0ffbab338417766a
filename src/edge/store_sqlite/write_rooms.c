#include "edge/store_sqlite/write_rooms.h"

int cf_sqlite_put_name(struct cf_sqlite_db *db, struct cf_sqlite_names *names, struct cf_slice user,
                       struct cf_slice name)
{
    if (name.len == 0 || cf_sqlite_names_has(names, user, name))
        return SQLITE_OK;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_USER_PUT);
    cf_sqlite_bind_text(&query, user);
    cf_sqlite_bind_text(&query, name);
    int rc = cf_sqlite_execute(&query);
    if (rc == SQLITE_OK)
        cf_sqlite_names_put(names, user, name);
    return rc;
}

int cf_sqlite_ensure_user(struct cf_sqlite_db *db, struct cf_slice user, struct cf_slice name)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_USER_ENSURE);
    cf_sqlite_bind_text(&query, user);
    cf_sqlite_bind_text(&query, name);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_put_user(struct cf_sqlite_db *db, struct cf_sqlite_names *names, struct cf_slice user,
                       struct cf_slice name)
{
    return name.len > 0 ? cf_sqlite_put_name(db, names, user, name)
                        : cf_sqlite_ensure_user(db, user, user);
}

/* The stored name, in the request's arena; `fallback` for a user who is not known. E_NOMEM. */
static int find_name(struct cf_sqlite_db *db, struct cf_store_request *request,
                     struct cf_slice user, struct cf_slice fallback, struct cf_slice *out_name)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_USER_NAME);
    cf_sqlite_bind_text(&query, user);
    if (cf_sqlite_step(&query))
        request->error = cf_sqlite_column_text(&query, 0, &request->arena, out_name);
    else
        *out_name = fallback;
    return cf_sqlite_finish(&query);
}

int cf_sqlite_name_after(struct cf_sqlite_db *db, struct cf_store_request *request,
                         struct cf_slice user, struct cf_slice name, struct cf_slice *out_name)
{
    if (name.len == 0)
        return find_name(db, request, user, user, out_name);
    *out_name = name;
    return SQLITE_OK;
}

int cf_sqlite_user_name_after(struct cf_sqlite_db *db, struct cf_store_request *request,
                              struct cf_slice *out_name)
{
    if (cf_slice_eq(request->actor, request->user))
        return cf_sqlite_name_after(db, request, request->user, request->actor_name, out_name);
    struct cf_slice first = request->user_name.len > 0 ? request->user_name : request->user;
    return find_name(db, request, request->user, first, out_name);
}

static int add_member(struct cf_sqlite_db *db, int64_t room_key, struct cf_slice user,
                      enum cf_role role, cf_us now)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MEMBER_INSERT);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_text(&query, user);
    cf_sqlite_bind_int(&query, role);
    cf_sqlite_bind_int(&query, now);
    int rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK)
        return rc;
    query = cf_sqlite_query(db, CF_SQL_ROOM_MEMBERS_ADD);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_int(&query, 1);
    return cf_sqlite_execute(&query);
}

int cf_sqlite_room_create(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request)
{
    struct cf_room_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL) {
        request->error = CF_E_NOMEM;
        return SQLITE_OK;
    }
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ROOM_INSERT);
    cf_sqlite_bind_uuid(&query, &request->room);
    cf_sqlite_bind_text(&query, request->name);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_int(&query, request->now);
    int rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_changes(db->handle) == 0) {
        request->error = CF_E_CONFLICT;
        return SQLITE_OK;
    }
    int64_t room_key = sqlite3_last_insert_rowid(db->handle);
    rc = cf_sqlite_put_user(db, names, request->actor, request->actor_name);
    if (rc == SQLITE_OK)
        rc = add_member(db, room_key, request->actor, CF_ROLE_ADMIN, request->now);
    *row = (struct cf_room_row){request->room, request->name, request->actor,
                                request->now,  CF_ROLE_ADMIN, 1};
    request->rooms = row;
    request->rooms_count = 1;
    return rc;
}

/* Would the room have an admin without this one? */
static int find_other_admin(struct cf_sqlite_db *db, int64_t room_key, struct cf_slice user,
                            bool *out_found)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ADMIN_BESIDE);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_text(&query, user);
    *out_found = cf_sqlite_step(&query);
    return cf_sqlite_finish(&query);
}

struct member {
    enum cf_role role; /* CF_ROLE_NONE: none */
    cf_us joined;
};

static int find_member(struct cf_sqlite_db *db, int64_t room_key, struct cf_slice user,
                       struct member *out_member)
{
    *out_member = (struct member){CF_ROLE_NONE, 0};
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MEMBER_GET);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_text(&query, user);
    if (cf_sqlite_step(&query)) {
        out_member->role = (enum cf_role)cf_sqlite_column_int(&query, 0);
        out_member->joined = cf_sqlite_column_int(&query, 1);
    }
    return cf_sqlite_finish(&query);
}

/* E_CONFLICT when the member is the room's last admin. */
static int check_last_admin(struct cf_sqlite_db *db, struct cf_store_request *request,
                            int64_t room_key, const struct member *member)
{
    if (member->role != CF_ROLE_ADMIN)
        return SQLITE_OK;
    bool other;
    int rc = find_other_admin(db, room_key, request->user, &other);
    if (rc == SQLITE_OK && !other)
        request->error = CF_E_CONFLICT;
    return rc;
}

static int set_role(struct cf_sqlite_db *db, int64_t room_key, struct cf_slice user,
                    enum cf_role role)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MEMBER_ROLE_SET);
    cf_sqlite_bind_int(&query, room_key);
    cf_sqlite_bind_text(&query, user);
    cf_sqlite_bind_int(&query, role);
    return cf_sqlite_execute(&query);
}

/* What MEMBER_PUT checks: the actor's right, the role, and that an admin stays. */
static int check_member_put(struct cf_sqlite_db *db, struct cf_store_request *request,
                            struct cf_sqlite_room *out_room, struct member *out_member)
{
    int rc = cf_sqlite_room_for(db, request, out_room);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (out_room->role != CF_ROLE_ADMIN) {
        request->error = CF_E_FORBIDDEN;
        return SQLITE_OK;
    }
    if (request->role != CF_ROLE_MEMBER && request->role != CF_ROLE_ADMIN) {
        request->error = CF_E_INVALID;
        return SQLITE_OK;
    }
    rc = find_member(db, out_room->key, request->user, out_member);
    if (rc == SQLITE_OK && request->role != CF_ROLE_ADMIN)
        rc = check_last_admin(db, request, out_room->key, out_member);
    return rc;
}

int cf_sqlite_member_put(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                         struct cf_store_request *request)
{
    struct cf_sqlite_room room;
    struct member member;
    int rc = check_member_put(db, request, &room, &member);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_slice name;
    rc = cf_sqlite_user_name_after(db, request, &name);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_member_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL) {
        request->error = CF_E_NOMEM;
        return SQLITE_OK;
    }
    request->created = member.role == CF_ROLE_NONE;
    *row = (struct cf_member_row){request->user, name, request->role,
                                  request->created ? request->now : member.joined};
    request->members = row;
    request->members_count = 1;
    rc = cf_sqlite_put_name(db, names, request->actor, request->actor_name);
    if (rc == SQLITE_OK)
        rc = cf_sqlite_ensure_user(db, request->user, name);
    if (rc != SQLITE_OK)
        return rc;
    return request->created ? add_member(db, room.key, request->user, request->role, request->now)
                            : set_role(db, room.key, request->user, request->role);
}

int cf_sqlite_member_remove(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                            struct cf_store_request *request)
{
    struct cf_sqlite_room room;
    int rc = cf_sqlite_room_for(db, request, &room);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (room.role != CF_ROLE_ADMIN && !cf_slice_eq(request->actor, request->user)) {
        request->error = CF_E_FORBIDDEN;
        return SQLITE_OK;
    }
    struct member member;
    rc = find_member(db, room.key, request->user, &member);
    if (rc == SQLITE_OK && member.role == CF_ROLE_NONE)
        request->error = CF_E_NOT_FOUND;
    if (rc == SQLITE_OK)
        rc = check_last_admin(db, request, room.key, &member);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    rc = cf_sqlite_put_name(db, names, request->actor, request->actor_name);
    if (rc != SQLITE_OK)
        return rc;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MEMBER_DELETE);
    cf_sqlite_bind_int(&query, room.key);
    cf_sqlite_bind_text(&query, request->user);
    rc = cf_sqlite_execute(&query);
    if (rc != SQLITE_OK)
        return rc;
    query = cf_sqlite_query(db, CF_SQL_ROOM_MEMBERS_ADD);
    cf_sqlite_bind_int(&query, room.key);
    cf_sqlite_bind_int(&query, -1);
    return cf_sqlite_execute(&query);
}
