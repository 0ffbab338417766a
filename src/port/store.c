#include "port/store.h"

#include <stdlib.h>

/* A page of group events, which goes over its bytes by those of a stamp and an event, and its rows.
 */
enum { REQUEST_BYTES_MAX = 8 * 1024 * 1024, GROUP_EVENTS_BYTES_MAX = 16 * 1024 * 1024 };

enum { US_PER_MS = 1000, ROW_BYTES = 512 };

struct cf_store_request *cf_store_request_new(enum cf_store_op op)
{
    struct cf_store_request *request = malloc(sizeof(*request));
    if (request == NULL)
        return NULL;
    *request = (struct cf_store_request){.op = op};
    cf_list_init(&request->link);
    cf_arena_init(&request->arena, op == CF_STORE_GROUP_EVENTS ? (size_t)GROUP_EVENTS_BYTES_MAX
                                                               : (size_t)REQUEST_BYTES_MAX);
    return request;
}

void cf_store_request_free(struct cf_store_request *request)
{
    if (request == NULL)
        return;
    cf_arena_deinit(&request->arena);
    free(request);
}

/* What FORGET was asked to forget is known to who asked. */
void cf_store_request_refuse(struct cf_store_request *request, enum cf_error error)
{
    request->error = error;
    request->created = request->has_more = false;
    request->total = 0;
    request->rooms_count = request->members_count = request->messages_count = 0;
    request->talks_count = request->talk_messages_count = request->marks_count = 0;
    request->last_number = 0;
    request->group_events_count = 0;
    request->media = (struct cf_group_media){0};
    if (request->op != CF_STORE_GROUP_MEDIA_FORGET)
        request->uuids_count = 0;
    request->old_image = (struct cf_slice){NULL, 0};
}

size_t cf_group_event_bytes(const struct cf_group_event *event)
{
    return event->user.len + event->user_name.len + event->title.len + event->text.len;
}

int64_t cf_group_clock_next(const struct cf_group_clock *clock, cf_us now, int64_t last)
{
    int64_t least = clock->bytes < CF_GROUP_STAMP_BYTES ? clock->stamp : clock->stamp + 1;
    int64_t stamp = now / US_PER_MS;
    if (stamp < least)
        stamp = least;
    return stamp > last ? stamp : last + 1;
}

void cf_group_clock_give(struct cf_group_clock *clock, int64_t stamp, size_t bytes)
{
    if (stamp > clock->stamp)
        *clock = (struct cf_group_clock){.stamp = stamp};
    clock->bytes += bytes + ROW_BYTES;
}
