#include <stdlib.h>

#include "base/mutant.h"
#include "edge/store_mem/groups.h"
#include "edge/store_mem/talks.h"

static int compare_rooms(const void *left, const void *right)
{
    const struct mem_room *a = *(const struct mem_room *const *)left;
    const struct mem_room *b = *(const struct mem_room *const *)right;
    if (a->created != b->created)
        return a->created > b->created ? -1 : 1;
    return a->number > b->number ? -1 : 1;
}

static enum cf_error answer_rooms(struct mem_store *mem, struct cf_store_request *request)
{
    struct cf_arena *arena = &request->arena;
    if (mem->rooms.count == 0)
        return CF_OK;
    struct mem_room **found = cf_arena_alloc(arena, mem->rooms.count * sizeof(struct mem_room *));
    struct cf_room_row *rows = cf_arena_alloc(arena, mem->rooms.count * sizeof(*rows));
    if (found == NULL || rows == NULL)
        return CF_E_NOMEM;
    size_t count = 0;
    size_t cursor = 0;
    struct mem_room *room;
    while ((room = cf_map_next(&mem->rooms, &cursor)) != NULL)
        if (cf_mem_member_find(room, request->actor) != NULL)
            found[count++] = room;
    qsort(found, count, sizeof(struct mem_room *), compare_rooms);
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < count && error == CF_OK; i++) {
        rows[i].id = found[i]->id;
        rows[i].created = found[i]->created;
        rows[i].role = cf_mem_member_find(found[i], request->actor)->role;
        rows[i].members = found[i]->members_count;
        error = cf_arena_copy(arena, found[i]->name, &rows[i].name);
        if (error == CF_OK)
            error = cf_arena_copy(arena, found[i]->creator->id, &rows[i].created_by);
    }
    request->rooms = rows;
    request->rooms_count = count;
    return error;
}

static int compare_members(const void *left, const void *right)
{
    const struct cf_member_row *a = left;
    const struct cf_member_row *b = right;
    if (a->joined != b->joined)
        return a->joined < b->joined ? -1 : 1;
    return cf_mem_slice_compare(a->user, b->user);
}

static enum cf_error answer_members(const struct mem_room *room, struct cf_store_request *request)
{
    struct cf_arena *arena = &request->arena;
    struct cf_member_row *rows = cf_arena_alloc(arena, room->members_count * sizeof(*rows));
    if (rows == NULL)
        return CF_E_NOMEM;
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < room->members_count && error == CF_OK; i++) {
        const struct mem_member *member = &room->members[i];
        rows[i].role = member->role;
        rows[i].joined = member->joined;
        error = cf_arena_copy(arena, member->user->id, &rows[i].user);
        if (error == CF_OK)
            error = cf_arena_copy(arena, member->user->name, &rows[i].name);
    }
    if (error != CF_OK)
        return error;
    qsort(rows, room->members_count, sizeof(*rows), compare_members);
    request->members = rows;
    request->members_count = room->members_count;
    return CF_OK;
}

static enum cf_error copy_message(struct cf_arena *arena, const struct mem_message *message,
                                  struct cf_message_row *row)
{
    row->id = message->id;
    row->room = message->room->id;
    row->seq = message->seq;
    row->created = message->created;
    row->updated = message->updated;
    row->image = (struct cf_slice){NULL, 0};
    enum cf_error error = cf_arena_copy(arena, message->author->id, &row->author);
    if (error == CF_OK)
        error = cf_arena_copy(arena, message->author->name, &row->author_name);
    if (error == CF_OK)
        error = cf_arena_copy(arena, message->text, &row->text);
    if (error == CF_OK && message->image.ptr != NULL)
        error = cf_arena_copy(arena, message->image, &row->image);
    return error;
}

enum cf_error cf_mem_answer_message(struct cf_store_request *request,
                                    const struct mem_message *message)
{
    struct cf_message_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL)
        return CF_E_NOMEM;
    request->messages = row;
    request->messages_count = 1;
    return copy_message(&request->arena, message, row);
}

static enum cf_error answer_message(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_message *message = cf_mem_message_find(mem, &request->message);
    if (message == NULL || message->deleted ||
        cf_mem_member_find(message->room, request->actor) == NULL)
        return CF_E_NOT_FOUND;
    return cf_mem_answer_message(request, message);
}

/* The live messages of indices [first, end), oldest first. */
static enum cf_error answer_range(struct cf_store_request *request, const struct mem_room *room,
                                  size_t first, size_t end, size_t live)
{
    struct cf_message_row *rows = cf_arena_alloc(&request->arena, live * sizeof(*rows));
    if (rows == NULL)
        return CF_E_NOMEM;
    request->messages = rows;
    for (size_t i = first; i < end; i++) {
        if (room->messages[i]->deleted)
            continue;
        enum cf_error error =
            copy_message(&request->arena, room->messages[i], &rows[request->messages_count++]);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

static enum cf_error answer_page(const struct mem_room *room, struct cf_store_request *request)
{
    uint64_t total = room->messages_count - room->deleted_count;
    uint64_t offset = request->page == 0 ? 0 : (uint64_t)(request->page - 1) * request->limit;
    request->total = total;
    if (offset >= total || request->limit == 0) {
        request->has_more = offset < total;
        return CF_OK;
    }
    uint64_t wanted = total - offset < request->limit ? total - offset : request->limit;
    request->has_more = offset + wanted < total;
    /* Down from the newest: past `offset` live ones, then past those of the page. */
    size_t end = room->messages_count;
    for (uint64_t skipped = 0; skipped < offset; end--)
        skipped += !room->messages[end - 1]->deleted;
    size_t first = end;
    for (uint64_t found = 0; found < wanted; first--)
        found += !room->messages[first - 1]->deleted;
    return answer_range(request, room, first, end, (size_t)wanted);
}

static enum cf_error answer_since(const struct mem_room *room, struct cf_store_request *request)
{
    size_t first = 0;
    while (first < room->messages_count && room->messages[first]->created < request->since)
        first++;
    size_t end = first;
    size_t live = 0;
    for (; end < room->messages_count; end++) {
        bool is_live = !room->messages[end]->deleted;
        if (is_live && live == request->limit) {
            request->has_more = !CF_MUTANT(LAST_OF_PAGE);
            break;
        }
        live += is_live;
    }
    return live == 0 ? CF_OK : answer_range(request, room, first, end, live);
}

static enum cf_error read_room(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_room *room = cf_mem_room_find(mem, &request->room);
    struct mem_member *own = room == NULL ? NULL : cf_mem_member_find(room, request->actor);
    if (own == NULL)
        return CF_E_NOT_MEMBER;
    switch (request->op) {
    case CF_STORE_MEMBER_GET:
        request->role = own->role;
        return CF_OK;
    case CF_STORE_MEMBERS_OF:
        return answer_members(room, request);
    case CF_STORE_MESSAGES_PAGE:
        return answer_page(room, request);
    default:
        return answer_since(room, request);
    }
}

void cf_mem_read(struct mem_store *mem, struct cf_store_request *request)
{
    switch (request->op) {
    case CF_STORE_ROOMS_OF:
        request->error = answer_rooms(mem, request);
        break;
    case CF_STORE_MESSAGE_GET:
        request->error = answer_message(mem, request);
        break;
    case CF_STORE_CHECK:
        request->error = mem->stats.writable ? CF_OK : CF_E_UNAVAILABLE;
        break;
    case CF_STORE_TALKS_OF:
        request->error = cf_mem_talks_of(mem, request);
        break;
    case CF_STORE_TALK_MESSAGES:
        request->error = cf_mem_talk_messages(mem, request);
        break;
    case CF_STORE_GROUPS_OF:
        request->error = cf_mem_groups_of(mem, request);
        break;
    case CF_STORE_GROUPS_AMONG:
        request->error = cf_mem_groups_among(mem, request);
        break;
    case CF_STORE_GROUP_MEMBERS:
        request->error = cf_mem_group_members(mem, request);
        break;
    case CF_STORE_GROUP_EVENTS:
        request->error = cf_mem_group_events(mem, request);
        break;
    case CF_STORE_GROUP_THREAD_GET:
        request->error = cf_mem_group_thread_get(mem, request);
        break;
    case CF_STORE_GROUP_MEDIA_GET:
        request->error = cf_mem_group_media_get(mem, request);
        break;
    default:
        request->error = read_room(mem, request);
    }
}
