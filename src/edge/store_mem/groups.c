#include "edge/store_mem/groups.h"
#include "base/mutant.h"

#include <stdlib.h>
#include <string.h>

enum { US_PER_MS = 1000 };

void cf_mem_groups_init(struct mem_store *mem)
{
    cf_map_init(&mem->group_sent, mem->hash_key);
    cf_map_init(&mem->group_posts, mem->hash_key);
}

static void free_group(struct mem_group *group)
{
    cf_mem_free(&group->name);
    cf_mem_free(&group->sent_key);
    free(group->members);
    cf_map_deinit(&group->sent);
    free(group);
}

void cf_mem_groups_deinit(struct mem_store *mem)
{
    cf_mem_uploads_free(mem);
    cf_mem_group_log_free(mem);
    for (size_t i = 0; i < mem->groups_count; i++)
        free_group(mem->groups[i]);
    free(mem->groups);
    cf_map_deinit(&mem->group_sent);
    cf_map_deinit(&mem->group_posts);
}

static struct mem_group *find_group(struct mem_store *mem, const struct cf_uuid *id)
{
    for (size_t i = 0; i < mem->groups_count; i++)
        if (cf_uuid_eq(&mem->groups[i]->id, id))
            return mem->groups[i];
    return NULL;
}

struct mem_group_member *cf_mem_group_member_find(const struct mem_group *group,
                                                  struct cf_slice user)
{
    for (size_t i = 0; i < group->members_count; i++)
        if (cf_slice_eq(group->members[i].user->id, user))
            return &group->members[i];
    return NULL;
}

struct mem_group *cf_mem_group_find_own(struct mem_store *mem,
                                        const struct cf_store_request *request)
{
    struct mem_group *group = find_group(mem, &request->room);
    if (group == NULL || cf_mem_group_member_find(group, request->actor) == NULL)
        return NULL;
    return group;
}

int64_t cf_mem_group_stamp(const struct mem_store *mem, const struct mem_group *group, cf_us now)
{
    return cf_group_clock_next(&mem->clock, now, CF_MUTANT(STAMP_REPEATS) ? 0 : group->last);
}

static enum cf_role role_of(const struct mem_group *group, struct cf_slice user)
{
    return cf_slice_eq(group->creator->id, user) ? CF_ROLE_ADMIN : CF_ROLE_MEMBER;
}

static enum cf_error copy_group(struct cf_store_request *request, const struct mem_group *group,
                                struct cf_room_row *row)
{
    row->id = group->id;
    row->created = group->created * US_PER_MS;
    row->role = role_of(group, request->actor);
    row->members = group->members_count;
    enum cf_error error = cf_arena_copy(&request->arena, group->name, &row->name);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, group->creator->id, &row->created_by);
    return error;
}

/* How many groups were made before request->room; nil: all. */
static size_t count_before(const struct mem_store *mem, const struct cf_store_request *request)
{
    size_t count = mem->groups_count;
    if (cf_uuid_is_nil(&request->room))
        return count;
    while (count > 0 && !cf_uuid_eq(&mem->groups[count - 1]->id, &request->room))
        count--;
    return count > 0 ? count - 1 : 0;
}

/* They lie in the order of creation: newest first is from the end. */
enum cf_error cf_mem_groups_of(struct mem_store *mem, struct cf_store_request *request)
{
    if (!cf_uuid_is_nil(&request->room) && cf_mem_group_find_own(mem, request) == NULL)
        return CF_E_NOT_FOUND;
    size_t before = count_before(mem, request);
    size_t rows = before < request->limit ? before : request->limit;
    request->rooms = cf_arena_alloc(&request->arena, rows * sizeof(*request->rooms));
    if (request->rooms == NULL)
        return CF_E_NOMEM;
    for (size_t i = before; i > 0; i--) {
        const struct mem_group *group = mem->groups[i - 1];
        if (cf_mem_group_member_find(group, request->actor) == NULL)
            continue;
        request->has_more = request->rooms_count == request->limit;
        if (request->has_more)
            break;
        enum cf_error error = copy_group(request, group, &request->rooms[request->rooms_count++]);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

enum cf_error cf_mem_groups_among(struct mem_store *mem, struct cf_store_request *request)
{
    size_t count = 0;
    for (size_t i = 0; i < request->uuids_count; i++) {
        const struct mem_group *group = find_group(mem, &request->uuids[i]);
        if (group != NULL && cf_mem_group_member_find(group, request->actor) != NULL)
            request->uuids[count++] = request->uuids[i];
    }
    request->uuids_count = count;
    return CF_OK;
}

enum cf_error cf_mem_group_members(struct mem_store *mem, struct cf_store_request *request)
{
    const struct mem_group *group = cf_mem_group_find_own(mem, request);
    if (group == NULL)
        return CF_E_NOT_MEMBER;
    struct cf_arena *arena = &request->arena;
    struct cf_member_row *rows = cf_arena_alloc(arena, group->members_count * sizeof(*rows));
    if (rows == NULL)
        return CF_E_NOMEM;
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < group->members_count && error == CF_OK; i++) {
        const struct mem_group_member *member = &group->members[i];
        rows[i].role = role_of(group, member->user->id);
        rows[i].joined = member->joined * US_PER_MS;
        error = cf_arena_copy(arena, member->user->id, &rows[i].user);
        if (error == CF_OK)
            error = cf_arena_copy(arena, member->user->name, &rows[i].name);
    }
    request->members = rows;
    request->members_count = group->members_count;
    return error;
}

static enum cf_error answer_group(struct cf_store_request *request, const struct mem_group *group)
{
    request->rooms = cf_arena_alloc(&request->arena, sizeof(*request->rooms));
    if (request->rooms == NULL)
        return CF_E_NOMEM;
    request->rooms_count = 1;
    return copy_group(request, group, &request->rooms[0]);
}

/* Space for one member more. */
static enum cf_error reserve_member(struct mem_group *group)
{
    struct mem_group_member *members =
        cf_mem_grow(group->members, group->members_count, sizeof(*members));
    if (members == NULL)
        return CF_E_NOMEM;
    group->members = members;
    return CF_OK;
}

/* Fills a zeroed group and the answer, and puts it where it belongs. */
static enum cf_error fill_group(struct mem_store *mem, struct cf_store_request *request,
                                struct mem_group *group)
{
    group->id = request->room;
    group->created = group->last = cf_mem_group_stamp(mem, group, request->now);
    cf_map_init(&group->sent, mem->hash_key);
    enum cf_error error =
        cf_mem_user_put(mem, request->actor, request->actor_name, &group->creator);
    if (error == CF_OK)
        error = cf_mem_copy(request->name, &group->name);
    if (error == CF_OK)
        error = reserve_member(group);
    if (error != CF_OK)
        return error;
    group->members[group->members_count++] =
        (struct mem_group_member){group->creator, group->created};
    error = answer_group(request, group);
    if (error == CF_OK && group->sent_key.ptr != NULL)
        error = cf_map_put(&mem->group_sent, group->sent_key, group);
    return error;
}

/* Takes sent_key, in any case. */
static enum cf_error add_group(struct mem_store *mem, struct cf_store_request *request,
                               struct cf_slice sent_key)
{
    struct mem_group **groups =
        cf_mem_grow(mem->groups, mem->groups_count, sizeof(struct mem_group *));
    if (groups != NULL)
        mem->groups = groups;
    struct mem_group *group = groups == NULL ? NULL : calloc(1, sizeof(*group));
    if (group == NULL) {
        cf_mem_free(&sent_key);
        return CF_E_NOMEM;
    }
    group->sent_key = sent_key;
    enum cf_error error = fill_group(mem, request, group);
    if (error != CF_OK) {
        free_group(group);
        return error;
    }
    mem->groups[mem->groups_count++] = group;
    cf_group_clock_give(&mem->clock, group->created, 0);
    request->created = true;
    return CF_OK;
}

enum cf_error cf_mem_group_create(struct mem_store *mem, struct cf_store_request *request)
{
    struct cf_slice sent_key;
    enum cf_error error = cf_mem_sent_key(request, &sent_key);
    if (error != CF_OK)
        return error;
    const struct mem_group *first =
        sent_key.ptr == NULL ? NULL : cf_map_get(&mem->group_sent, sent_key);
    if (first == NULL && find_group(mem, &request->room) == NULL)
        return add_group(mem, request, sent_key);
    cf_mem_free(&sent_key);
    if (first == NULL || !cf_slice_eq(first->name, request->name))
        return CF_E_CONFLICT;
    error = cf_mem_actor_put(mem, request);
    return error != CF_OK ? error : answer_group(request, first);
}

static struct cf_group_event draft_of(enum cf_group_event_kind kind, const struct mem_user *user)
{
    return (struct cf_group_event){.kind = kind, .user = user->id, .user_name = user->name};
}

static enum cf_error answer_joined(struct cf_store_request *request, const struct mem_group *group,
                                   const struct mem_group_member *member)
{
    struct cf_group_event event = draft_of(CF_GROUP_JOINED, member->user);
    event.group = group->id;
    event.stamp = member->joined;
    return cf_mem_group_answer(request, &event);
}

enum cf_error cf_mem_group_join(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_group *group = cf_mem_group_find_own(mem, request);
    if (group == NULL)
        return CF_E_NOT_MEMBER;
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error != CF_OK)
        return error;
    const struct mem_group_member *member = cf_mem_group_member_find(group, request->user);
    if (member != NULL)
        return answer_joined(request, group, member);
    struct mem_user *user;
    error = cf_mem_user_ensure(mem, request->user, request->user_name, &user);
    if (error == CF_OK)
        error = reserve_member(group);
    if (error != CF_OK)
        return error;
    struct cf_group_event draft = draft_of(CF_GROUP_JOINED, user);
    struct mem_group_event *event;
    error = cf_mem_group_append(mem, request, group, &draft, (struct cf_slice){NULL, 0}, &event);
    if (error != CF_OK)
        return error;
    group->members[group->members_count++] = (struct mem_group_member){user, event->row.stamp};
    request->created = true;
    return CF_OK;
}

enum cf_error cf_mem_group_leave(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_group *group = cf_mem_group_find_own(mem, request);
    if (group == NULL)
        return CF_E_NOT_MEMBER;
    if (!cf_slice_eq(group->creator->id, request->actor) &&
        !cf_slice_eq(request->user, request->actor))
        return CF_E_FORBIDDEN;
    struct mem_group_member *member = cf_mem_group_member_find(group, request->user);
    if (member == NULL)
        return CF_E_NOT_FOUND;
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error != CF_OK)
        return error;
    struct cf_group_event draft = draft_of(CF_GROUP_LEFT, member->user);
    struct mem_group_event *event;
    error = cf_mem_group_append(mem, request, group, &draft, (struct cf_slice){NULL, 0}, &event);
    if (error != CF_OK)
        return error;
    size_t behind = group->members_count - (size_t)(member - group->members) - 1;
    memmove(member, member + 1, behind * sizeof(*member));
    group->members_count--;
    return CF_OK;
}
