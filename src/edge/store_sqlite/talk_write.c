/* Who talks with whom. */
#include "edge/store_sqlite/talk_write.h"

#include <stdlib.h>
#include <string.h>

#include "edge/store_sqlite/talk.h"
#include "edge/store_sqlite/write_rooms.h"

/* The joined time of one who is yet to be stored; behind every real one. */
#define NEW INT64_MAX

static int compare(struct cf_slice a, struct cf_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_joined(const struct cf_talk_person *a, const struct cf_talk_person *b)
{
    return (a->joined > b->joined) - (a->joined < b->joined);
}

static int by_user(const void *left, const void *right)
{
    const struct cf_talk_person *a = left, *b = right;
    int order = compare(a->user, b->user);
    return order != 0 ? order : compare_joined(a, b);
}

static int by_joined(const void *left, const void *right)
{
    const struct cf_talk_person *a = left, *b = right;
    int order = compare_joined(a, b);
    return order != 0 ? order : compare(a->user, b->user);
}

/* The row's people and request->users, by user, nobody twice; the users who were not there yet as
 * NEW. E_NOMEM. */
static void merge_users(struct cf_store_request *request, struct cf_talk_row *row)
{
    size_t count = row->people_count;
    struct cf_talk_person *people = NULL;
    if (request->users_count <= request->arena.max / sizeof(*people) - count)
        people = cf_arena_alloc(&request->arena, (count + request->users_count) * sizeof(*people));
    if (people == NULL) {
        request->error = CF_E_NOMEM;
        return;
    }
    memcpy(people, row->people, count * sizeof(*people));
    for (size_t i = 0; i < request->users_count; i++)
        people[count++] = (struct cf_talk_person){.user = request->users[i], .joined = NEW};
    qsort(people, count, sizeof(*people), by_user);
    row->people = people;
    row->people_count = 1; /* the actor at least takes part */
    for (size_t i = 1; i < count; i++) {
        if (!cf_slice_eq(people[row->people_count - 1].user, people[i].user))
            people[row->people_count++] = people[i];
    }
}

/* The names by which those who are NEW will be called. */
static int name_new(struct cf_sqlite_db *db, struct cf_store_request *request,
                    struct cf_talk_row *row)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && request->error == CF_OK && i < row->people_count; i++) {
        struct cf_talk_person *person = &row->people[i];
        bool actor = cf_slice_eq(person->user, request->actor);
        struct cf_slice name = actor ? request->actor_name : CF_LIT("");
        if (person->joined == NEW)
            rc = cf_sqlite_name_after(db, request, person->user, name, &person->name);
    }
    return rc;
}

static int insert_participant(struct cf_sqlite_db *db, int64_t talk, struct cf_slice user,
                              cf_us now)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_PARTICIPANT_INSERT);
    cf_sqlite_bind_int(&query, talk);
    cf_sqlite_bind_text(&query, user);
    cf_sqlite_bind_int(&query, now);
    return cf_sqlite_execute(&query);
}

/* Stores those who are NEW, and brings all into their order. */
static int insert_new(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                      struct cf_store_request *request, struct cf_talk_row *row)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < row->people_count; i++) {
        struct cf_talk_person *person = &row->people[i];
        if (person->joined != NEW)
            continue;
        person->joined = request->now;
        request->created = true;
        rc = cf_sqlite_put_user(db, names, person->user, CF_LIT(""));
        if (rc == SQLITE_OK)
            rc = insert_participant(db, row->id, person->user, request->now);
    }
    qsort(row->people, row->people_count, sizeof(*row->people), by_joined);
    return rc;
}

/* The actor's new name, wherever the row has the old one. */
static void rename_actor(const struct cf_store_request *request, struct cf_talk_row *row)
{
    if (request->actor_name.len == 0)
        return;
    for (size_t i = 0; i < row->people_count; i++) {
        if (cf_slice_eq(row->people[i].user, request->actor))
            row->people[i].name = request->actor_name;
    }
    if (row->last != NULL && cf_slice_eq(row->last->author, request->actor))
        row->last->author_name = request->actor_name;
}

/* request->talk as it is, for the actor. E_NOT_MEMBER, E_NOMEM. */
static int get_talk(struct cf_sqlite_db *db, struct cf_store_request *request,
                    struct cf_talk_row *row)
{
    uint64_t seq_read = 0;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_TALK_GET);
    cf_sqlite_bind_int(&query, request->talk);
    cf_sqlite_bind_text(&query, request->actor);
    request->error = cf_sqlite_step(&query)
                         ? cf_sqlite_talk_read(&query, &request->arena, row, &seq_read)
                         : CF_E_NOT_MEMBER;
    int rc = cf_sqlite_finish(&query);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    rc = cf_sqlite_talk_fill(db, request, seq_read, row);
    rename_actor(request, row);
    return rc;
}

/* A row that is the request's answer. NULL without memory. */
static struct cf_talk_row *answer(struct cf_store_request *request)
{
    struct cf_talk_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL) {
        request->error = CF_E_NOMEM;
        return NULL;
    }
    request->talks = row;
    request->talks_count = 1;
    return row;
}

/* The conversation of these two; 0: they have none. */
static int find_pair(struct cf_sqlite_db *db, const struct cf_talk_person *pair, int64_t *out_talk)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_TALK_OF_PAIR);
    cf_sqlite_bind_text(&query, pair[0].user);
    cf_sqlite_bind_text(&query, pair[1].user);
    *out_talk = cf_sqlite_step(&query) ? cf_sqlite_column_int(&query, 0) : 0;
    return cf_sqlite_finish(&query);
}

static int insert_talk(struct cf_sqlite_db *db, struct cf_talk_row *row)
{
    const struct cf_slice none = {NULL, 0};
    bool direct = row->kind == CF_TALK_DIRECT;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_TALK_INSERT);
    cf_sqlite_bind_int(&query, row->kind);
    cf_sqlite_bind_text(&query, row->title);
    cf_sqlite_bind_text(&query, row->created_by);
    cf_sqlite_bind_int(&query, row->created);
    cf_sqlite_bind_optional(&query, direct ? row->people[0].user : none);
    cf_sqlite_bind_optional(&query, direct ? row->people[1].user : none);
    int rc = cf_sqlite_execute(&query);
    row->id = sqlite3_last_insert_rowid(db->handle);
    return rc;
}

static int create_new(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                      struct cf_store_request *request, struct cf_talk_row *row)
{
    int rc = name_new(db, request, row);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    rc = cf_sqlite_put_name(db, names, request->actor, request->actor_name);
    if (rc == SQLITE_OK)
        rc = insert_talk(db, row);
    return rc == SQLITE_OK ? insert_new(db, names, request, row) : rc;
}

int cf_sqlite_talk_create(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request)
{
    struct cf_talk_row *row = answer(request);
    if (row == NULL)
        return SQLITE_OK;
    struct cf_talk_person actor = {.user = request->actor, .joined = NEW};
    *row = (struct cf_talk_row){
        .kind = request->talk_kind,
        .title = request->name,
        .created_by = request->actor,
        .created = request->now,
        .people = &actor,
        .people_count = 1,
    };
    merge_users(request, row);
    if (request->error != CF_OK)
        return SQLITE_OK;
    if (row->kind == CF_TALK_GROUP)
        return create_new(db, names, request, row);
    if (row->people_count != 2) {
        request->error = CF_E_INVALID;
        return SQLITE_OK;
    }
    int rc = find_pair(db, row->people, &request->talk);
    if (rc != SQLITE_OK)
        return rc;
    if (request->talk == 0)
        return create_new(db, names, request, row);
    rc = get_talk(db, request, row);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    return cf_sqlite_put_name(db, names, request->actor, request->actor_name);
}

int cf_sqlite_talk_add(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                       struct cf_store_request *request)
{
    struct cf_talk_row *row = answer(request);
    if (row == NULL)
        return SQLITE_OK;
    int rc = get_talk(db, request, row);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (row->kind == CF_TALK_DIRECT)
        request->error = CF_E_CONFLICT;
    else
        merge_users(request, row);
    if (request->error != CF_OK)
        return SQLITE_OK;
    rc = name_new(db, request, row);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    rc = cf_sqlite_put_name(db, names, request->actor, request->actor_name);
    return rc == SQLITE_OK ? insert_new(db, names, request, row) : rc;
}

/* What TALK_REMOVE checks: that the actor may, that the user is there, and that it is a group. */
static int check_remove(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_talk talk;
    int rc = cf_sqlite_talk_for(db, request, &talk);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    if (!talk.made_by_actor && !cf_slice_eq(request->actor, request->user)) {
        request->error = CF_E_FORBIDDEN;
        return SQLITE_OK;
    }
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_PARTICIPANT_GET);
    cf_sqlite_bind_int(&query, request->talk);
    cf_sqlite_bind_text(&query, request->user);
    if (!cf_sqlite_step(&query))
        request->error = CF_E_NOT_FOUND;
    else if (talk.kind == CF_TALK_DIRECT)
        request->error = CF_E_CONFLICT;
    return cf_sqlite_finish(&query);
}

int cf_sqlite_talk_remove(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_store_request *request)
{
    int rc = check_remove(db, request);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    rc = cf_sqlite_put_name(db, names, request->actor, request->actor_name);
    if (rc != SQLITE_OK)
        return rc;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_PARTICIPANT_DELETE);
    cf_sqlite_bind_int(&query, request->talk);
    cf_sqlite_bind_text(&query, request->user);
    return cf_sqlite_execute(&query);
}
