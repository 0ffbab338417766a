#include "server/fanout.h"

#include "dialect/shop/stream.h"
#include "server/exchange.h"
#include "server/session.h"
#include "server/stream.h"

enum { COMPRESS_BYTES_MIN = 256 };

static enum cf_shop_version form_version(unsigned form)
{
    return form / 2 == 0 ? CF_SHOP_V1 : CF_SHOP_V2;
}

static bool form_compressed(unsigned form)
{
    return form % 2 != 0;
}

/* One payload as a frame behind the others. Compression that gains nothing is left out, as section
 * 6 of RFC 7692 allows message by message. */
static enum cf_error append_frame(struct cf_worker *worker, struct cf_slice payload, bool compress)
{
    if (!compress || payload.len < COMPRESS_BYTES_MIN)
        return cf_ws_frame_append(&worker->frames, CF_WS_TEXT, false, payload, NULL);
    cf_buf_reset(&worker->deflated);
    enum cf_error error = cf_ws_deflate(worker->deflater, payload, false, &worker->deflated);
    if (error != CF_OK)
        return error;
    bool smaller = worker->deflated.len < payload.len;
    return cf_ws_frame_append(&worker->frames, CF_WS_TEXT, smaller,
                              smaller ? cf_buf_peek(&worker->deflated) : payload, NULL);
}

/* A room's events in one form, as frames in worker->frames; *out_messages: how many. */
static enum cf_error encode_room(struct cf_worker *worker, const struct cf_hub_room *room,
                                 unsigned form, uint32_t *out_messages)
{
    cf_buf_reset(&worker->frames);
    *out_messages = 0;
    for (size_t i = 0; i < room->events_count; i++) {
        bool any;
        cf_buf_reset(&worker->scratch);
        enum cf_error error =
            cf_shop_event_encode(room->events[i], form_version(form), &worker->scratch, &any);
        if (error == CF_OK && any)
            error = append_frame(worker, cf_buf_peek(&worker->scratch), form_compressed(form));
        if (error != CF_OK)
            return error;
        *out_messages += any ? 1 : 0;
    }
    return CF_OK;
}

/* Closing a stream takes it out of the room only when its connection has gone, so that this walk is
 * safe. */
static void queue_to_form(struct cf_worker *worker, struct cf_hub_room *room, unsigned form,
                          struct cf_shared *bytes, uint32_t messages)
{
    uint64_t taken = 0;
    for (struct cf_list *node = room->subscribers.next; node != &room->subscribers;
         node = node->next) {
        struct cf_subscriber *subscriber = CF_LIST_ENTRY(node, struct cf_subscriber, in_room);
        if (subscriber->live && subscriber->form == form &&
            cf_stream_deliver(cf_stream_of_subscriber(subscriber), bytes, messages))
            taken += messages;
    }
    cf_count_add(&worker->metrics, CF_COUNT_DELIVERIES, taken);
}

static void close_room(struct cf_hub_room *room)
{
    cf_log(CF_LOG_ERROR, "no memory to tell a shop's streams: closing them",
           CF_KV_INT("streams", room->count));
    for (struct cf_list *node = room->subscribers.next; node != &room->subscribers;
         node = node->next)
        cf_stream_close(cf_stream_of_subscriber(CF_LIST_ENTRY(node, struct cf_subscriber, in_room)),
                        CF_STREAM_LOST);
}

static enum cf_error flush_form(struct cf_worker *worker, struct cf_hub_room *room, unsigned form)
{
    uint32_t messages;
    enum cf_error error = encode_room(worker, room, form, &messages);
    if (error != CF_OK || messages == 0)
        return error;
    struct cf_shared *bytes = cf_shared_new(cf_buf_peek(&worker->frames));
    if (bytes == NULL)
        return CF_E_NOMEM;
    queue_to_form(worker, room, form, bytes, messages);
    cf_shared_unref(bytes);
    return CF_OK;
}

/* What came out of the store, and not a sign that somebody types. */
static bool is_message(const struct cf_event *event)
{
    return event->kind == CF_EVENT_MESSAGE || event->kind == CF_EVENT_MESSAGE_EDITED ||
           event->kind == CF_EVENT_MESSAGE_DELETED;
}

static void note_broadcast(struct cf_worker *worker, const struct cf_hub_room *room)
{
    bool log = cf_log_enabled(CF_LOG_DEBUG);
    char shop[CF_UUID_LEN], message[CF_UUID_LEN];
    cf_uuid_format(&room->id, shop);
    for (size_t i = 0; i < room->events_count; i++) {
        if (!is_message(room->events[i]))
            continue;
        cf_count(&worker->metrics, CF_COUNT_BROADCAST);
        cf_uuid_format(&room->events[i]->message.id, message);
        if (log)
            cf_log(CF_LOG_DEBUG, "Broadcasting message",
                   CF_KV_STR("shop_id", cf_slice_of(shop, sizeof(shop))),
                   CF_KV_STR("message_id", cf_slice_of(message, sizeof(message))),
                   CF_KV_INT("recipient_count", room->count));
    }
}

static void flush_room(struct cf_worker *worker, struct cf_hub_room *room)
{
    enum cf_error error = room->lost ? CF_E_NOMEM : CF_OK;
    note_broadcast(worker, room);
    for (unsigned form = 0; form < CF_HUB_FORMS && error == CF_OK; form++) {
        if (room->live[form] > 0)
            error = flush_form(worker, room, form);
    }
    if (error != CF_OK)
        close_room(room);
    cf_hub_room_done(&worker->hub, room);
}

void cf_fanout_flush(struct cf_worker *worker)
{
    for (struct cf_hub_room *room; (room = cf_hub_dirty(&worker->hub)) != NULL;)
        flush_room(worker, room);
}

static void remove_member(struct cf_worker *worker, const struct cf_event *event)
{
    cf_fanout_flush(worker);
    struct cf_hub_room *room = cf_hub_room_get(&worker->hub, event->room);
    if (room == NULL)
        return;
    for (struct cf_list *node = room->subscribers.next; node != &room->subscribers;
         node = node->next) {
        struct cf_subscriber *subscriber = CF_LIST_ENTRY(node, struct cf_subscriber, in_room);
        if (cf_slice_eq(subscriber->user, event->user))
            cf_stream_close(cf_stream_of_subscriber(subscriber), CF_STREAM_REMOVED);
    }
}

static void close_everything(struct cf_worker *worker)
{
    for (struct cf_list *node = worker->sessions.next; node != &worker->sessions;
         node = node->next) {
        struct cf_session *session = CF_LIST_ENTRY(node, struct cf_session, link);
        if (session->stream != NULL)
            cf_stream_close(session->stream, CF_STREAM_LOST);
        else if (session->web->exchange != NULL && session->web->exchange->stream != NULL)
            cf_stream_close(session->web->exchange->stream, CF_STREAM_LOST); /* not open yet */
    }
}

void cf_fanout_batch(struct cf_worker *worker, struct cf_batch *batch)
{
    if (batch->lost)
        close_everything(worker);
    for (size_t i = 0; i < batch->count; i++) {
        struct cf_event *event = batch->events[i];
        if (event->kind == CF_EVENT_MEMBER_REMOVED)
            remove_member(worker, event);
        else
            cf_hub_publish(&worker->hub, event);
    }
    cf_us taken = cf_worker_now(worker).us - batch->made;
    if (!cf_list_empty(&worker->hub.dirty))
        cf_observe(&worker->metrics, CF_HIST_BROADCAST_MS, taken > 0 ? (uint64_t)taken * 1000 : 0);
}
