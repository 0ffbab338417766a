#include "chat/event.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "chat/talk.h"

/* An event's strings, in the order in which they lie behind it. */
enum { EVENT_SLICES = 17 };

static void list_slices(struct cf_event *event, struct cf_slice *out[EVENT_SLICES])
{
    out[0] = &event->message.author;
    out[1] = &event->message.author_name;
    out[2] = &event->message.text;
    out[3] = &event->message.image;
    out[4] = &event->user;
    out[5] = &event->user_name;
    out[6] = &event->reaction;
    out[7] = &event->talk_message.author;
    out[8] = &event->talk_message.author_name;
    out[9] = &event->talk_message.text;
    out[10] = &event->talk_message.client_id;
    out[11] = &event->mark.author;
    out[12] = &event->mark.user;
    out[13] = &event->group_event.user;
    out[14] = &event->group_event.user_name;
    out[15] = &event->group_event.title;
    out[16] = &event->group_event.text;
}

/* `plan`, whose slices point anywhere, as one allocation that holds their bytes. A slice without a
 * pointer (no image) stays one. */
static enum cf_error pack(const struct cf_event *plan, struct cf_event **out_event)
{
    struct cf_event head = {
        .kind = plan->kind,
        .room = plan->room,
        .message = plan->message,
        .user = plan->user,
        .user_name = plan->user_name,
        .reaction = plan->reaction,
        .talk = plan->talk,
        .talk_message = plan->talk_message,
        .mark = plan->mark,
        .group_event = plan->group_event,
        .thread = plan->thread,
        .source = plan->source,
        .on = plan->on,
        .at = plan->at,
    };
    struct cf_slice *slices[EVENT_SLICES];
    size_t len = 0;
    list_slices(&head, slices);
    for (size_t i = 0; i < EVENT_SLICES; i++) {
        if (slices[i]->len > SIZE_MAX - sizeof(head) - len)
            return CF_E_NOMEM;
        len += slices[i]->len;
    }
    struct cf_event *event = malloc(sizeof(*event) + len);
    if (event == NULL)
        return CF_E_NOMEM;
    memcpy(event, &head, sizeof(head));
    atomic_init(&event->refs, 1);
    list_slices(event, slices);
    uint8_t *at = event->bytes;
    for (size_t i = 0; i < EVENT_SLICES; i++) {
        if (slices[i]->ptr == NULL)
            continue;
        memcpy(at, slices[i]->ptr, slices[i]->len);
        slices[i]->ptr = at;
        at += slices[i]->len;
    }
    *out_event = event;
    return CF_OK;
}

static void plan_message(const struct cf_store_request *done, enum cf_event_kind kind,
                         struct cf_event *plan)
{
    const struct cf_message_row *message = &done->messages[0];
    plan->kind = kind;
    plan->message = *message;
    plan->room = message->room;
    plan->at = message->updated != 0 ? message->updated : message->created;
}

/* Who deletes a message takes its words away: only the id travels on. */
static void plan_deleted(const struct cf_store_request *done, struct cf_event *plan)
{
    plan->kind = CF_EVENT_MESSAGE_DELETED;
    plan->message.id = done->messages[0].id;
    plan->message.room = plan->room = done->messages[0].room;
    plan->at = done->now;
}

static void plan_removed(const struct cf_store_request *done, struct cf_event *plan)
{
    plan->kind = CF_EVENT_MEMBER_REMOVED;
    plan->room = done->room;
    plan->user = done->user;
    plan->at = done->now;
}

static void plan_talk_message(const struct cf_store_request *done, struct cf_event *plan)
{
    plan->kind = CF_EVENT_TALK_MESSAGE;
    plan->talk_message = done->talk_messages[0];
    plan->talk_message.receipts = NULL;
    plan->talk_message.receipts_count = 0;
    plan->talk = plan->talk_message.talk;
    plan->room = cf_talk_room(plan->talk);
    plan->at = plan->talk_message.created;
}

/* False when nobody is to be told: it is not new, or the author takes no part any more. */
static bool plan_mark(const struct cf_store_request *done, const uint8_t hash_key[16],
                      struct cf_event *plan)
{
    if (!done->created || done->marks[0].author.ptr == NULL)
        return false;
    plan->kind = CF_EVENT_TALK_MARK;
    plan->mark = done->marks[0];
    plan->talk = plan->mark.talk;
    plan->room = cf_talk_user_room(hash_key, plan->mark.author);
    plan->at = plan->mark.at;
    return true;
}

static void plan_left(const struct cf_store_request *done, struct cf_event *plan)
{
    plan->kind = CF_EVENT_TALK_LEFT;
    plan->talk = done->talk;
    plan->room = cf_talk_room(done->talk);
    plan->user = done->user;
    plan->at = done->now;
}

static void plan_group_event(const struct cf_store_request *done, struct cf_event *plan)
{
    plan->kind = CF_EVENT_GROUP;
    plan->group_event = done->group_events[0];
    plan->room = plan->group_event.group;
    plan->at = plan->group_event.stamp * 1000;
}

/* False when there is nothing to tell. */
static bool plan_of(const struct cf_store_request *done, const uint8_t hash_key[16],
                    struct cf_event *plan)
{
    switch (done->op) {
    case CF_STORE_MESSAGE_CREATE:
        if (!done->created && !CF_MUTANT(REPLAY_TOLD))
            return false;
        plan_message(done, CF_EVENT_MESSAGE, plan);
        return true;
    case CF_STORE_MESSAGE_EDIT:
    case CF_STORE_MESSAGE_IMAGE_SET:
    case CF_STORE_MESSAGE_IMAGE_REMOVE:
        plan_message(done, CF_EVENT_MESSAGE_EDITED, plan);
        return true;
    case CF_STORE_MESSAGE_DELETE:
        plan_deleted(done, plan);
        return true;
    case CF_STORE_MEMBER_REMOVE:
        plan_removed(done, plan);
        return true;
    case CF_STORE_TALK_SEND:
        if (!done->created)
            return false;
        plan_talk_message(done, plan);
        return true;
    case CF_STORE_TALK_MARK:
        return plan_mark(done, hash_key, plan);
    case CF_STORE_TALK_REMOVE:
        plan_left(done, plan);
        return true;
    case CF_STORE_GROUP_JOIN:
    case CF_STORE_GROUP_POST:
    case CF_STORE_GROUP_MEDIA_DONE:
        if (!done->created)
            return false;
        plan_group_event(done, plan);
        return true;
    case CF_STORE_GROUP_LEAVE:
        plan_group_event(done, plan);
        return true;
    default:
        return false;
    }
}

enum cf_error cf_event_of(const struct cf_store_request *done, const uint8_t hash_key[16],
                          struct cf_event **out_event)
{
    struct cf_event plan = {.kind = CF_EVENT_MESSAGE};
    if (done->error != CF_OK || !plan_of(done, hash_key, &plan)) {
        *out_event = NULL;
        return CF_OK;
    }
    return pack(&plan, out_event);
}

enum cf_error cf_event_new(const struct cf_event *like, struct cf_event **out_event)
{
    struct cf_event plan = {
        .kind = like->kind,
        .room = like->room,
        .message = {.id = like->message.id, .room = like->room},
        .user = like->user,
        .user_name = like->user_name,
        .reaction = like->reaction,
        .talk = like->talk,
        .thread = like->thread,
        .source = like->source,
        .on = like->on,
        .at = like->at,
    };
    return pack(&plan, out_event);
}

/* Relaxed is enough: whoever hands a reference to another thread orders it by the hand-over. */
struct cf_event *cf_event_ref(struct cf_event *event)
{
    unsigned before = atomic_fetch_add_explicit(&event->refs, 1, memory_order_relaxed);
    CF_ASSERT(before > 0 && before < UINT_MAX);
    return event;
}

/* Release: our reads come before the free. Acquire: the one who frees sees all of theirs done. */
void cf_event_unref(struct cf_event *event)
{
    if (event == NULL)
        return;
    unsigned before = atomic_fetch_sub_explicit(&event->refs, 1, memory_order_acq_rel);
    CF_ASSERT(before > 0);
    if (before == 1)
        free(event);
}
