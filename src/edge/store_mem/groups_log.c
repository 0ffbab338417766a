/* The log of all groups: its events in the order of their commits, which is that of their stamps.
 */
#include <stdlib.h>

#include "base/mutant.h"
#include "edge/store_mem/groups.h"

static struct cf_slice uuid_key(const struct cf_uuid *uuid)
{
    return cf_slice_of(uuid->bytes, sizeof(uuid->bytes));
}

static void free_event(struct mem_group_event *event)
{
    cf_mem_free(&event->row.user_name);
    cf_mem_free(&event->row.title);
    cf_mem_free(&event->row.text);
    cf_mem_free(&event->sent_key);
    free(event);
}

void cf_mem_group_log_free(struct mem_store *mem)
{
    for (size_t i = 0; i < mem->group_log_count; i++)
        free_event(mem->group_log[i]);
    free(mem->group_log);
}

static enum cf_error copy_event(struct cf_arena *arena, const struct cf_group_event *event,
                                struct cf_group_event *row)
{
    *row = *event;
    enum cf_error error = cf_arena_copy(arena, event->user, &row->user);
    if (error == CF_OK)
        error = cf_arena_copy(arena, event->user_name, &row->user_name);
    if (error == CF_OK)
        error = cf_arena_copy(arena, event->title, &row->title);
    if (error == CF_OK)
        error = cf_arena_copy(arena, event->text, &row->text);
    return error;
}

enum cf_error cf_mem_group_answer(struct cf_store_request *request,
                                  const struct cf_group_event *event)
{
    request->group_events = cf_arena_alloc(&request->arena, sizeof(*request->group_events));
    if (request->group_events == NULL)
        return CF_E_NOMEM;
    request->group_events_count = 1;
    return copy_event(&request->arena, event, &request->group_events[0]);
}

/* Of a medium the log has only the announcement: its id is that of the upload. */
static bool is_post(const struct cf_group_event *event)
{
    return (event->kind & (CF_GROUP_MESSAGE | CF_GROUP_THREAD | CF_GROUP_REPLY)) != 0;
}

static void note_stamp(struct mem_store *mem, struct mem_group *group, int64_t stamp, size_t bytes)
{
    group->last = stamp;
    cf_group_clock_give(&mem->clock, stamp, bytes);
}

static enum cf_error link_event(struct mem_store *mem, struct mem_group_event *event)
{
    struct mem_group_event **log =
        cf_mem_grow(mem->group_log, mem->group_log_count, sizeof(struct mem_group_event *));
    if (log == NULL)
        return CF_E_NOMEM;
    mem->group_log = log;
    struct cf_slice id = uuid_key(&event->row.id);
    enum cf_error error = is_post(&event->row) ? cf_map_put(&mem->group_posts, id, event) : CF_OK;
    if (error != CF_OK)
        return error;
    if (event->sent_key.ptr != NULL) {
        error = cf_map_put(&event->group->sent, event->sent_key, event);
        if (error != CF_OK) {
            (void)cf_map_remove(&mem->group_posts, id);
            return error;
        }
    }
    mem->group_log[mem->group_log_count++] = event;
    note_stamp(mem, event->group, event->row.stamp, cf_group_event_bytes(&event->row));
    return CF_OK;
}

void cf_mem_groups_reopened(struct mem_store *mem)
{
    mem->clock = (struct cf_group_clock){0};
    for (size_t i = 0; i < mem->groups_count; i++)
        note_stamp(mem, mem->groups[i], CF_MUTANT(STAMPS_REUSED) ? 0 : mem->groups[i]->created, 0);
    for (size_t i = 0; i < mem->group_log_count && !CF_MUTANT(STAMPS_REUSED); i++) {
        const struct mem_group_event *event = mem->group_log[i];
        note_stamp(mem, event->group, event->row.stamp, cf_group_event_bytes(&event->row));
    }
}

/* Fills a zeroed event and the answer, and puts it where it belongs. */
static enum cf_error fill_event(struct mem_store *mem, struct cf_store_request *request,
                                const struct cf_group_event *draft, struct mem_group_event *event)
{
    struct cf_group_event *row = &event->row;
    *row = *draft;
    row->user_name = row->title = row->text = (struct cf_slice){NULL, 0};
    row->group = event->group->id;
    row->stamp = cf_mem_group_stamp(mem, event->group, request->now);
    if (row->kind == CF_GROUP_MEDIA)
        row->expires = row->stamp * 1000 + request->ttl;
    enum cf_error error = cf_mem_copy(draft->user_name, &row->user_name);
    if (error == CF_OK)
        error = cf_mem_copy(draft->title, &row->title);
    if (error == CF_OK)
        error = cf_mem_copy(draft->text, &row->text);
    if (error == CF_OK)
        error = cf_mem_group_answer(request, row);
    return error != CF_OK ? error : link_event(mem, event);
}

enum cf_error cf_mem_group_append(struct mem_store *mem, struct cf_store_request *request,
                                  struct mem_group *group, const struct cf_group_event *draft,
                                  struct cf_slice sent_key, struct mem_group_event **out_event)
{
    struct mem_group_event *event = calloc(1, sizeof(*event));
    if (event == NULL) {
        cf_mem_free(&sent_key);
        return CF_E_NOMEM;
    }
    event->group = group;
    event->sent_key = sent_key;
    enum cf_error error = fill_event(mem, request, draft, event);
    if (error != CF_OK) {
        free_event(event);
        return error;
    }
    *out_event = event;
    return CF_OK;
}

struct mem_group_event *cf_mem_thread_find_own(struct mem_store *mem, const struct cf_uuid *id,
                                               struct cf_slice actor)
{
    struct mem_group_event *event = cf_map_get(&mem->group_posts, uuid_key(id));
    if (event == NULL || event->row.kind != CF_GROUP_THREAD)
        return NULL;
    return cf_mem_group_member_find(event->group, actor) == NULL ? NULL : event;
}

enum cf_error cf_mem_group_thread_get(struct mem_store *mem, struct cf_store_request *request)
{
    const struct mem_group_event *thread =
        cf_mem_thread_find_own(mem, &request->message, request->actor);
    return thread == NULL ? CF_E_NOT_FOUND : cf_mem_group_answer(request, &thread->row);
}

/* What the post says; the author is filled in when it is stored. */
static struct cf_group_event draft_post(const struct cf_store_request *request)
{
    struct cf_group_event draft = {.kind = request->group_kind, .text = request->text};
    draft.id = request->message;
    if (draft.kind == CF_GROUP_REPLY)
        draft.thread = request->thread;
    if (draft.kind == CF_GROUP_THREAD) {
        draft.thread = request->message;
        draft.title = request->name;
    }
    return draft;
}

/* A thread's own id is new with every try. */
static bool says_the_same(const struct cf_group_event *first, const struct cf_group_event *draft)
{
    return first->kind == draft->kind && cf_slice_eq(first->text, draft->text) &&
           cf_slice_eq(first->title, draft->title) &&
           (first->kind == CF_GROUP_THREAD || cf_uuid_eq(&first->thread, &draft->thread));
}

/* Takes sent_key, in any case. */
static enum cf_error add_post(struct mem_store *mem, struct cf_store_request *request,
                              struct mem_group *group, struct cf_slice sent_key)
{
    struct mem_user *author;
    enum cf_error error = cf_mem_user_put(mem, request->actor, request->actor_name, &author);
    if (error != CF_OK) {
        cf_mem_free(&sent_key);
        return error;
    }
    struct cf_group_event draft = draft_post(request);
    draft.user = author->id;
    draft.user_name = author->name;
    struct mem_group_event *event;
    error = cf_mem_group_append(mem, request, group, &draft, sent_key, &event);
    request->created = error == CF_OK;
    return error;
}

/* The group of a thread, or the one that is named. NULL when the actor is not in it. */
static struct mem_group *find_posts_group(struct mem_store *mem,
                                          const struct cf_store_request *request)
{
    if (request->group_kind != CF_GROUP_REPLY)
        return cf_mem_group_find_own(mem, request);
    const struct mem_group_event *thread =
        cf_mem_thread_find_own(mem, &request->thread, request->actor);
    return thread == NULL ? NULL : thread->group;
}

enum cf_error cf_mem_group_post(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_group *group = find_posts_group(mem, request);
    if (group == NULL)
        return request->group_kind == CF_GROUP_REPLY ? CF_E_NOT_FOUND : CF_E_NOT_MEMBER;
    struct cf_slice sent_key;
    enum cf_error error = cf_mem_sent_key(request, &sent_key);
    if (error != CF_OK)
        return error;
    const struct mem_group_event *first =
        sent_key.ptr == NULL ? NULL : cf_map_get(&group->sent, sent_key);
    bool id_taken = cf_map_get(&mem->group_posts, uuid_key(&request->message)) != NULL;
    if (first == NULL && !id_taken)
        return add_post(mem, request, group, sent_key);
    cf_mem_free(&sent_key);
    struct cf_group_event draft = draft_post(request);
    if (first == NULL || !says_the_same(&first->row, &draft))
        return CF_E_CONFLICT;
    error = cf_mem_actor_put(mem, request);
    return error != CF_OK ? error : cf_mem_group_answer(request, &first->row);
}

/* Is it among those that the actor, who may ask, asks for? */
static bool is_wanted(const struct cf_store_request *request, const struct mem_group_event *event)
{
    const struct cf_group_event *row = &event->row;
    if ((row->kind & request->kinds) == 0 ||
        (request->group_range == CF_GROUP_SINCE &&
         row->stamp < request->from + (CF_MUTANT(SINCE_EXCLUSIVE) ? 1 : 0)) ||
        (request->group_range == CF_GROUP_BEFORE && row->stamp >= request->from))
        return false;
    if (!cf_uuid_is_nil(&request->message))
        return row->kind == CF_GROUP_REPLY && cf_uuid_eq(&row->thread, &request->message);
    if (!cf_uuid_is_nil(&request->room))
        return cf_uuid_eq(&row->group, &request->room);
    return cf_mem_group_member_find(event->group, request->actor) != NULL;
}

/* What is on a page, walking from the end that is surely on it. */
struct page {
    const struct mem_group_event **events;
    size_t count, bytes;
};

/* False when the page ends before the event. */
static bool add_to_page(const struct cf_store_request *request, struct page *page,
                        const struct mem_group_event *event)
{
    const struct cf_group_event *row = &event->row;
    bool full = page->count >= request->limit || page->bytes >= CF_GROUP_PAGE_BYTES;
    bool same_stamp = page->count > 0 && page->events[page->count - 1]->row.stamp == row->stamp;
    if (full && !same_stamp)
        return false;
    page->events[page->count++] = event;
    page->bytes += cf_group_event_bytes(row);
    return true;
}

static enum cf_error answer_page(struct cf_store_request *request, const struct page *page,
                                 bool backwards)
{
    struct cf_arena *arena = &request->arena;
    request->group_events = cf_arena_alloc(arena, page->count * sizeof(*request->group_events));
    if (request->group_events == NULL)
        return CF_E_NOMEM;
    request->group_events_count = page->count;
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < page->count && error == CF_OK; i++) {
        size_t at = backwards ? page->count - 1 - i : i;
        error = copy_event(arena, &page->events[at]->row, &request->group_events[i]);
    }
    return error;
}

enum cf_error cf_mem_group_events(struct mem_store *mem, struct cf_store_request *request)
{
    bool of_thread = !cf_uuid_is_nil(&request->message);
    if (of_thread && cf_mem_thread_find_own(mem, &request->message, request->actor) == NULL)
        return CF_E_NOT_FOUND;
    if (!of_thread && !cf_uuid_is_nil(&request->room) &&
        cf_mem_group_find_own(mem, request) == NULL)
        return CF_E_NOT_MEMBER;
    size_t count = mem->group_log_count;
    struct page page = {.events = cf_arena_alloc(&request->arena, count * sizeof(*page.events))};
    if (page.events == NULL)
        return CF_E_NOMEM;
    bool backwards = request->group_range != CF_GROUP_SINCE;
    for (size_t i = 0; i < count && !request->has_more; i++) {
        const struct mem_group_event *event = mem->group_log[backwards ? count - 1 - i : i];
        if (is_wanted(request, event))
            request->has_more = !add_to_page(request, &page, event);
    }
    return answer_page(request, &page, backwards);
}
