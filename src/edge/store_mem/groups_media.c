#include <stdlib.h>
#include <string.h>

#include "edge/store_mem/groups.h"

static void free_media(struct mem_group_media *media)
{
    cf_mem_free(&media->metadata);
    cf_mem_free(&media->client_id);
    free(media);
}

void cf_mem_uploads_free(struct mem_store *mem)
{
    for (size_t i = 0; i < mem->uploads_count; i++)
        free_media(mem->uploads[i]);
    free(mem->uploads);
}

static struct mem_group_media *find_media(struct mem_store *mem, const struct cf_uuid *id)
{
    for (size_t i = 0; i < mem->uploads_count; i++)
        if (cf_uuid_eq(&mem->uploads[i]->id, id))
            return mem->uploads[i];
    return NULL;
}

static bool is_expired(const struct mem_group_media *media, cf_us now)
{
    return media->state == CF_MEDIA_COMPLETE && media->event->row.expires <= now;
}

/* The media, if the actor may know of it; else NULL. */
static struct mem_group_media *find_own(struct mem_store *mem,
                                        const struct cf_store_request *request)
{
    struct mem_group_media *media = find_media(mem, &request->message);
    if (media == NULL || media->state == CF_MEDIA_DEAD || is_expired(media, request->now) ||
        cf_mem_group_member_find(media->group, request->actor) == NULL)
        return NULL;
    bool own = cf_slice_eq(media->author->id, request->actor);
    return media->state == CF_MEDIA_COMPLETE || own ? media : NULL;
}

static enum cf_error answer_media(struct cf_store_request *request,
                                  const struct mem_group_media *media)
{
    struct cf_group_media *row = &request->media;
    row->id = media->id;
    row->group = media->group->id;
    row->thread = media->thread;
    row->size = media->size;
    row->opened = media->opened;
    row->expires = media->event == NULL ? 0 : media->event->row.expires;
    row->state = media->state;
    enum cf_error error = cf_arena_copy(&request->arena, media->author->id, &row->author);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, media->author->name, &row->author_name);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, media->metadata, &row->metadata);
    return error;
}

enum cf_error cf_mem_group_media_get(struct mem_store *mem, struct cf_store_request *request)
{
    const struct mem_group_media *media = find_own(mem, request);
    return media == NULL ? CF_E_NOT_FOUND : answer_media(request, media);
}

/* The one that was opened with the same client id and is not dead; NULL when there is none. */
static struct mem_group_media *find_first(struct mem_store *mem,
                                          const struct cf_store_request *request,
                                          const struct mem_group *group)
{
    if (request->client_id.ptr == NULL)
        return NULL;
    for (size_t i = 0; i < mem->uploads_count; i++) {
        struct mem_group_media *media = mem->uploads[i];
        if (media->group == group && media->state != CF_MEDIA_DEAD &&
            media->client_id.ptr != NULL && cf_slice_eq(media->author->id, request->actor) &&
            cf_slice_eq(media->client_id, request->client_id))
            return media;
    }
    return NULL;
}

static enum cf_error answer_first(struct mem_store *mem, struct cf_store_request *request,
                                  const struct mem_group_media *first)
{
    if (!cf_uuid_eq(&first->thread, &request->thread) || first->size != request->size ||
        !cf_slice_eq(first->metadata, request->text))
        return CF_E_CONFLICT;
    enum cf_error error = cf_mem_actor_put(mem, request);
    return error != CF_OK ? error : answer_media(request, first);
}

/* Would the group's media have more than the quota with this one? */
static bool is_over_quota(const struct mem_store *mem, const struct cf_store_request *request,
                          const struct mem_group *group)
{
    uint64_t left = request->quota;
    for (size_t i = 0; i < mem->uploads_count; i++) {
        const struct mem_group_media *media = mem->uploads[i];
        if (media->group != group || media->state == CF_MEDIA_DEAD)
            continue;
        if (media->size > left)
            return true;
        left -= media->size;
    }
    return request->size > left;
}

/* Fills a zeroed media and the answer. */
static enum cf_error fill_media(struct mem_store *mem, struct cf_store_request *request,
                                struct mem_group *group, struct mem_group_media *media)
{
    media->id = request->message;
    media->thread = request->thread;
    media->group = group;
    media->size = request->size;
    media->opened = request->now;
    enum cf_error error = cf_mem_user_put(mem, request->actor, request->actor_name, &media->author);
    if (error == CF_OK)
        error = cf_mem_copy(request->text, &media->metadata);
    if (error == CF_OK)
        error = cf_mem_copy(request->client_id, &media->client_id);
    return error != CF_OK ? error : answer_media(request, media);
}

static enum cf_error add_media(struct mem_store *mem, struct cf_store_request *request,
                               struct mem_group *group)
{
    struct mem_group_media **uploads =
        cf_mem_grow(mem->uploads, mem->uploads_count, sizeof(struct mem_group_media *));
    if (uploads == NULL)
        return CF_E_NOMEM;
    mem->uploads = uploads;
    struct mem_group_media *media = calloc(1, sizeof(*media));
    if (media == NULL)
        return CF_E_NOMEM;
    enum cf_error error = fill_media(mem, request, group, media);
    if (error != CF_OK) {
        free_media(media);
        return error;
    }
    mem->uploads[mem->uploads_count++] = media;
    request->created = true;
    return CF_OK;
}

enum cf_error cf_mem_group_media_open(struct mem_store *mem, struct cf_store_request *request)
{
    const struct mem_group_event *thread =
        cf_mem_thread_find_own(mem, &request->thread, request->actor);
    if (thread == NULL)
        return CF_E_NOT_FOUND;
    const struct mem_group_media *first = find_first(mem, request, thread->group);
    if (first != NULL)
        return answer_first(mem, request, first);
    if (is_over_quota(mem, request, thread->group))
        return CF_E_FULL;
    if (find_media(mem, &request->message) != NULL)
        return CF_E_CONFLICT;
    return add_media(mem, request, thread->group);
}

static enum cf_error complete(struct mem_store *mem, struct cf_store_request *request,
                              struct mem_group_media *media)
{
    struct cf_group_event draft = {.kind = CF_GROUP_MEDIA,
                                   .id = media->id,
                                   .thread = media->thread,
                                   .user = media->author->id,
                                   .user_name = media->author->name,
                                   .text = media->metadata,
                                   .size = media->size};
    struct mem_group_event *event;
    enum cf_error error =
        cf_mem_group_append(mem, request, media->group, &draft, (struct cf_slice){NULL, 0}, &event);
    if (error != CF_OK)
        return error;
    media->state = CF_MEDIA_COMPLETE;
    media->event = event;
    request->created = true;
    return CF_OK;
}

enum cf_error cf_mem_group_media_done(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_group_media *media = find_media(mem, &request->message);
    if (media == NULL || media->state == CF_MEDIA_DEAD ||
        !cf_slice_eq(media->author->id, request->actor) ||
        cf_mem_group_member_find(media->group, request->actor) == NULL)
        return CF_E_NOT_FOUND;
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error != CF_OK)
        return error;
    error = media->state == CF_MEDIA_COMPLETE ? cf_mem_group_answer(request, &media->event->row)
                                              : complete(mem, request, media);
    return error != CF_OK ? error : answer_media(request, media);
}

enum cf_error cf_mem_group_media_delete(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_group_media *media = find_own(mem, request);
    if (media == NULL)
        return CF_E_NOT_FOUND;
    if (!cf_slice_eq(media->author->id, request->actor) &&
        !cf_slice_eq(media->group->creator->id, request->actor))
        return CF_E_FORBIDDEN;
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error == CF_OK)
        media->state = CF_MEDIA_DEAD;
    return error;
}

/* A sweep is nobody's, unless it says whose it is. */
static enum cf_error put_sweeper(struct mem_store *mem, const struct cf_store_request *request)
{
    return request->actor_name.len > 0 ? cf_mem_actor_put(mem, request) : CF_OK;
}

static bool is_to_die(const struct mem_group_media *media, const struct cf_store_request *request)
{
    if (media->state == CF_MEDIA_INCOMPLETE)
        return media->opened < request->since;
    return media->state == CF_MEDIA_DEAD || is_expired(media, request->now);
}

enum cf_error cf_mem_group_media_condemn(struct mem_store *mem, struct cf_store_request *request)
{
    struct cf_uuid *uuids = cf_arena_alloc(&request->arena, mem->uploads_count * sizeof(*uuids));
    if (uuids == NULL)
        return CF_E_NOMEM;
    enum cf_error error = put_sweeper(mem, request);
    if (error != CF_OK)
        return error;
    size_t count = 0;
    for (size_t i = 0; i < mem->uploads_count && count < request->limit; i++) {
        struct mem_group_media *media = mem->uploads[i];
        if (!is_to_die(media, request))
            continue;
        media->state = CF_MEDIA_DEAD;
        uuids[count++] = media->id;
    }
    request->uuids = uuids;
    request->uuids_count = count;
    return CF_OK;
}

static bool is_among(const struct cf_store_request *request, const struct cf_uuid *id)
{
    for (size_t i = 0; i < request->uuids_count; i++)
        if (cf_uuid_eq(&request->uuids[i], id))
            return true;
    return false;
}

enum cf_error cf_mem_group_media_forget(struct mem_store *mem, struct cf_store_request *request)
{
    enum cf_error error = put_sweeper(mem, request);
    if (error != CF_OK)
        return error;
    size_t kept = 0;
    for (size_t i = 0; i < mem->uploads_count; i++) {
        struct mem_group_media *media = mem->uploads[i];
        if (media->state == CF_MEDIA_DEAD && is_among(request, &media->id))
            free_media(media);
        else
            mem->uploads[kept++] = media;
    }
    mem->uploads_count = kept;
    return CF_OK;
}
