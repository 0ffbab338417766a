#include "edge/store_mem/talks.h"

#include <stdlib.h>
#include <string.h>

void cf_mem_talks_init(struct mem_store *mem)
{
    cf_map_init(&mem->talk_sent, mem->hash_key);
    cf_list_init(&mem->sockets);
}

static void free_talk(struct mem_talk *talk)
{
    cf_mem_free(&talk->title);
    free(talk->people);
    free(talk->messages);
    free(talk);
}

struct mem_person *cf_mem_person_find(const struct mem_talk *talk, struct cf_slice user)
{
    for (size_t i = 0; i < talk->people_count; i++)
        if (cf_slice_eq(talk->people[i].user->id, user))
            return &talk->people[i];
    return NULL;
}

struct mem_talk *cf_mem_talk_find_own(struct mem_store *mem, const struct cf_store_request *request)
{
    if (request->talk < 1 || (uint64_t)request->talk > mem->talks_count)
        return NULL;
    struct mem_talk *talk = mem->talks[request->talk - 1];
    return cf_mem_person_find(talk, request->actor) == NULL ? NULL : talk;
}

/* By others, behind the furthest one that the user has read. */
static uint64_t count_unread(const struct mem_talk *talk, struct cf_slice user)
{
    uint64_t unread = 0;
    for (size_t i = talk->messages_count; i > 0; i--) {
        const struct mem_talk_message *message = talk->messages[i - 1];
        for (size_t j = 0; j < message->receipts_count; j++)
            if (message->receipts[j].read != 0 && cf_slice_eq(message->receipts[j].user->id, user))
                return unread;
        unread += !cf_slice_eq(message->author->id, user);
    }
    return unread;
}

static int compare_people(const void *left, const void *right)
{
    const struct cf_talk_person *a = left;
    const struct cf_talk_person *b = right;
    if (a->joined != b->joined)
        return a->joined < b->joined ? -1 : 1;
    return cf_mem_slice_compare(a->user, b->user);
}

static enum cf_error copy_people(struct cf_arena *arena, const struct mem_talk *talk,
                                 struct cf_talk_row *row)
{
    struct cf_talk_person *people = cf_arena_alloc(arena, talk->people_count * sizeof(*people));
    if (people == NULL)
        return CF_E_NOMEM;
    for (size_t i = 0; i < talk->people_count; i++) {
        people[i].joined = talk->people[i].joined;
        enum cf_error error = cf_arena_copy(arena, talk->people[i].user->id, &people[i].user);
        if (error == CF_OK)
            error = cf_arena_copy(arena, talk->people[i].user->name, &people[i].name);
        if (error != CF_OK)
            return error;
    }
    qsort(people, talk->people_count, sizeof(*people), compare_people);
    row->people = people;
    row->people_count = talk->people_count;
    return CF_OK;
}

static enum cf_error copy_last(struct cf_arena *arena, const struct mem_talk *talk,
                               struct cf_talk_row *row)
{
    if (talk->messages_count == 0)
        return CF_OK;
    row->last = cf_arena_alloc(arena, sizeof(*row->last));
    if (row->last == NULL)
        return CF_E_NOMEM;
    return cf_mem_talk_message_copy(arena, talk->messages[talk->messages_count - 1], row->last);
}

/* The talk as the actor sees it, into a zeroed row. */
static enum cf_error copy_talk(struct cf_store_request *request, const struct mem_talk *talk,
                               struct cf_talk_row *row)
{
    struct cf_arena *arena = &request->arena;
    row->id = talk->id;
    row->kind = talk->kind;
    row->created = talk->created;
    row->last_seq = talk->messages_count;
    row->unread = count_unread(talk, request->actor);
    enum cf_error error = cf_arena_copy(arena, talk->title, &row->title);
    if (error == CF_OK)
        error = cf_arena_copy(arena, talk->creator->id, &row->created_by);
    if (error == CF_OK)
        error = copy_people(arena, talk, row);
    return error != CF_OK ? error : copy_last(arena, talk, row);
}

static enum cf_error answer_talk(struct cf_store_request *request, const struct mem_talk *talk)
{
    request->talks = cf_arena_alloc(&request->arena, sizeof(*request->talks));
    if (request->talks == NULL)
        return CF_E_NOMEM;
    request->talks_count = 1;
    return copy_talk(request, talk, &request->talks[0]);
}

/* The time of the last message, or of the talk itself. */
static cf_us newest_event(const struct mem_talk *talk)
{
    size_t count = talk->messages_count;
    cf_us last = count == 0 ? talk->created : talk->messages[count - 1]->created;
    return last > talk->created ? last : talk->created;
}

static int compare_talks(const void *left, const void *right)
{
    const struct mem_talk *a = *(const struct mem_talk *const *)left;
    const struct mem_talk *b = *(const struct mem_talk *const *)right;
    if (newest_event(a) != newest_event(b))
        return newest_event(a) > newest_event(b) ? -1 : 1;
    return a->id > b->id ? -1 : 1;
}

enum cf_error cf_mem_talks_of(struct mem_store *mem, struct cf_store_request *request)
{
    struct cf_arena *arena = &request->arena;
    if (mem->talks_count == 0 || request->limit == 0)
        return CF_OK;
    struct mem_talk **found = cf_arena_alloc(arena, mem->talks_count * sizeof(struct mem_talk *));
    if (found == NULL)
        return CF_E_NOMEM;
    size_t count = 0;
    for (size_t i = 0; i < mem->talks_count; i++)
        if (cf_mem_person_find(mem->talks[i], request->actor) != NULL)
            found[count++] = mem->talks[i];
    if (count == 0)
        return CF_OK;
    qsort(found, count, sizeof(struct mem_talk *), compare_talks);
    count = count < request->limit ? count : request->limit;
    request->talks = cf_arena_alloc(arena, count * sizeof(*request->talks));
    if (request->talks == NULL)
        return CF_E_NOMEM;
    request->talks_count = count;
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < count && error == CF_OK; i++)
        error = copy_talk(request, found[i], &request->talks[i]);
    return error;
}

/* Whoever is not in it yet. The count before tells how to undo it. */
static enum cf_error add_people(struct mem_store *mem, const struct cf_store_request *request,
                                struct mem_talk *talk, const struct cf_slice *users, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cf_mem_person_find(talk, users[i]) != NULL)
            continue;
        struct mem_user *user;
        enum cf_error error = cf_mem_user_ensure(mem, users[i], (struct cf_slice){NULL, 0}, &user);
        if (error != CF_OK)
            return error;
        struct mem_person *people =
            cf_mem_grow(talk->people, talk->people_count, sizeof(*talk->people));
        if (people == NULL)
            return CF_E_NOMEM;
        talk->people = people;
        talk->people[talk->people_count++] = (struct mem_person){user, request->now};
    }
    return CF_OK;
}

/* Fills a zeroed talk and the answer. */
static enum cf_error fill_talk(struct mem_store *mem, struct cf_store_request *request,
                               struct mem_talk *talk)
{
    talk->id = (int64_t)mem->talks_count + 1;
    talk->kind = request->talk_kind;
    talk->creator = cf_mem_user_find(mem, request->actor);
    talk->created = request->now;
    enum cf_error error = cf_mem_copy(request->name, &talk->title);
    if (error == CF_OK)
        error = add_people(mem, request, talk, &request->actor, 1);
    if (error == CF_OK)
        error = add_people(mem, request, talk, request->users, request->users_count);
    return error != CF_OK ? error : answer_talk(request, talk);
}

static enum cf_error add_talk(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_talk **talks = cf_mem_grow(mem->talks, mem->talks_count, sizeof(struct mem_talk *));
    if (talks == NULL)
        return CF_E_NOMEM;
    mem->talks = talks;
    struct mem_talk *talk = calloc(1, sizeof(*talk));
    if (talk == NULL)
        return CF_E_NOMEM;
    enum cf_error error = fill_talk(mem, request, talk);
    if (error != CF_OK) {
        free_talk(talk);
        return error;
    }
    mem->talks[mem->talks_count++] = talk;
    request->created = true;
    return CF_OK;
}

/* The one user beside the actor; false when there is none, or another one too. */
static bool find_other(const struct cf_store_request *request, struct cf_slice *out_other)
{
    const struct cf_slice *other = NULL;
    for (size_t i = 0; i < request->users_count; i++) {
        const struct cf_slice *user = &request->users[i];
        if (cf_slice_eq(*user, request->actor))
            continue;
        if (other != NULL && !cf_slice_eq(*user, *other))
            return false;
        other = user;
    }
    if (other == NULL)
        return false;
    *out_other = *other;
    return true;
}

static struct mem_talk *find_direct(struct mem_store *mem, struct cf_slice one,
                                    struct cf_slice other)
{
    for (size_t i = 0; i < mem->talks_count; i++) {
        struct mem_talk *talk = mem->talks[i];
        if (talk->kind == CF_TALK_DIRECT && cf_mem_person_find(talk, one) != NULL &&
            cf_mem_person_find(talk, other) != NULL)
            return talk;
    }
    return NULL;
}

enum cf_error cf_mem_talk_create(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_talk *known = NULL;
    if (request->talk_kind == CF_TALK_DIRECT) {
        struct cf_slice other;
        if (!find_other(request, &other))
            return CF_E_INVALID;
        known = find_direct(mem, request->actor, other);
    }
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error != CF_OK)
        return error;
    return known != NULL ? answer_talk(request, known) : add_talk(mem, request);
}

enum cf_error cf_mem_talk_add(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_talk *talk = cf_mem_talk_find_own(mem, request);
    if (talk == NULL)
        return CF_E_NOT_MEMBER;
    if (talk->kind == CF_TALK_DIRECT)
        return CF_E_CONFLICT;
    size_t before = talk->people_count;
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error == CF_OK)
        error = add_people(mem, request, talk, request->users, request->users_count);
    if (error == CF_OK)
        error = answer_talk(request, talk);
    if (error != CF_OK)
        talk->people_count = before;
    request->created = talk->people_count > before;
    return error;
}

enum cf_error cf_mem_talk_remove(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_talk *talk = cf_mem_talk_find_own(mem, request);
    if (talk == NULL)
        return CF_E_NOT_MEMBER;
    if (!cf_slice_eq(talk->creator->id, request->actor) &&
        !cf_slice_eq(request->user, request->actor))
        return CF_E_FORBIDDEN;
    struct mem_person *person = cf_mem_person_find(talk, request->user);
    if (person == NULL)
        return CF_E_NOT_FOUND;
    if (talk->kind == CF_TALK_DIRECT)
        return CF_E_CONFLICT;
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error != CF_OK)
        return error;
    size_t behind = talk->people_count - (size_t)(person - talk->people) - 1;
    memmove(person, person + 1, behind * sizeof(*person));
    talk->people_count--;
    return CF_OK;
}

static void free_messages(struct mem_talk *talk)
{
    for (size_t i = 0; i < talk->messages_count; i++) {
        struct mem_talk_message *message = talk->messages[i];
        cf_mem_free(&message->text);
        cf_mem_free(&message->client_id);
        cf_mem_free(&message->sent_key);
        free(message->receipts);
        free(message);
    }
}

void cf_mem_talks_deinit(struct mem_store *mem)
{
    for (size_t i = 0; i < mem->talks_count; i++) {
        free_messages(mem->talks[i]);
        free_talk(mem->talks[i]);
    }
    free(mem->talks);
    free(mem->events);
    cf_map_deinit(&mem->talk_sent);
    cf_mem_sockets_free(mem);
}
