#include "server/fanout.h"

#include "base/mutant.h"
#include "dialect/orbital/tell.h"
#include "dialect/shop/stream.h"
#include "dialect/talk/tell.h"
#include "server/exchange.h"
#include "server/lost.h"
#include "server/orbit.h"
#include "server/session.h"
#include "server/socket.h"
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

/* A shop's event, as a frame behind the others. */
static enum cf_error append_shop_event(struct cf_worker *worker, const struct cf_event *event,
                                       unsigned form, bool *out_any)
{
    enum cf_error error =
        cf_shop_event_encode(event, form_version(form), &worker->scratch, out_any);
    if (error == CF_OK && *out_any)
        error = append_frame(worker, cf_buf_peek(&worker->scratch), form_compressed(form));
    return error;
}

/* A conversation's event, as a frame, or as a packet of a payload. */
static enum cf_error append_talk_event(struct cf_worker *worker, const struct cf_event *event,
                                       unsigned form, bool *out_any)
{
    enum cf_error error = CF_OK;
    if (form == CF_FORM_LINE)
        error = cf_buf_append_byte(&worker->scratch, CF_EIO_MESSAGE);
    if (error == CF_OK)
        error = cf_talk_event_encode(event, &worker->scratch, out_any);
    if (error != CF_OK || !*out_any)
        return error;
    if (form == CF_FORM_LINE)
        return append_frame(worker, cf_buf_peek(&worker->scratch), false);
    struct cf_eio_packet packet = {CF_EIO_MESSAGE, false, cf_buf_peek(&worker->scratch)};
    return cf_eio_payload_append(&worker->frames, &packet);
}

/* A group's event, as a frame behind the others. */
static enum cf_error append_group_event(struct cf_worker *worker, const struct cf_event *event,
                                        unsigned form)
{
    enum cf_error error;
    if (event->kind == CF_EVENT_GROUP)
        error = cf_orbital_event(&event->group_event, &worker->scratch);
    else
        error = cf_orbital_typing(event->thread, event->user, event->user_name, event->on,
                                  worker->stamp_told, &worker->scratch);
    if (error != CF_OK)
        return error;
    return append_frame(worker, cf_buf_peek(&worker->scratch), form == CF_FORM_ORBIT_COMPRESSED);
}

static enum cf_error append_event(struct cf_worker *worker, const struct cf_event *event,
                                  unsigned form, bool *out_any)
{
    *out_any = true;
    cf_buf_reset(&worker->scratch);
    if (form >= CF_FORM_ORBIT)
        return append_group_event(worker, event, form);
    if (form >= CF_FORM_LINE)
        return append_talk_event(worker, event, form, out_any);
    return append_shop_event(worker, event, form, out_any);
}

/* Events of a room in one form, joined in worker->frames; *out_messages: how many. */
static enum cf_error encode_events(struct cf_worker *worker, struct cf_event *const *events,
                                   size_t count, unsigned form, uint32_t *out_messages)
{
    cf_buf_reset(&worker->frames);
    *out_messages = 0;
    for (size_t i = 0; i < count; i++) {
        bool any;
        enum cf_error error = append_event(worker, events[i], form, &any);
        if (error != CF_OK)
            return error;
        *out_messages += any ? 1 : 0;
    }
    return CF_OK;
}

/* A session that cannot take it ends at the end of the turn, when nobody walks over its seats.
 * Until then it takes nothing else: its client is recovered from the last event it was told. */
static bool deliver_to_socket(struct cf_socket *socket, struct cf_shared *bytes, uint32_t messages)
{
    enum cf_error error = CF_OK;
    if (socket->eio.end != CF_EIO_LIVE)
        error = CF_E_STATE;
    else if (socket->eio.transport == CF_EIO_POLLING)
        error = cf_eio_send_payload(&socket->eio, cf_shared_peek(bytes));
    else
        error = socket->line == NULL
                    ? CF_E_STATE
                    : cf_line_deliver(socket->line, bytes, messages, CF_QUEUED_BYTES_EACH);
    if (error == CF_E_SLOW || error == CF_E_NOMEM) {
        cf_eio_abort(&socket->eio, CF_EIO_SLOW);
        cf_count(&socket->worker->metrics, CF_COUNT_BROADCAST_ERRORS);
    }
    if (error != CF_OK || socket->eio.transport == CF_EIO_POLLING)
        cf_socket_settle_later(socket);
    cf_count_add(&socket->worker->metrics, CF_COUNT_SIO_PACKETS_OUT, error == CF_OK ? messages : 0);
    return error == CF_OK;
}

static bool deliver(struct cf_subscriber *subscriber, struct cf_shared *bytes, uint32_t messages)
{
    if (subscriber->form >= CF_FORM_ORBIT)
        return cf_orbit_deliver(cf_subscription_of(subscriber)->orbit, bytes, messages);
    if (subscriber->form >= CF_FORM_LINE)
        return deliver_to_socket(cf_talk_ear_of(subscriber)->socket, bytes, messages);
    return cf_stream_deliver(cf_stream_of_subscriber(subscriber), bytes, messages);
}

/* Who types is not told so. Nor is anybody whose own user came or went: who is in the room is
 * there, and an event that says otherwise is of before (it was on its way when the user's next
 * device joined). */
static bool is_own(const struct cf_worker *worker, const struct cf_subscriber *subscriber,
                   const struct cf_event *event)
{
    if (event == NULL || subscriber->form < CF_FORM_LINE)
        return false;
    struct cf_subscriber *it = (struct cf_subscriber *)subscriber;
    if (event->kind == CF_EVENT_TALK_HERE)
        return cf_slice_eq(cf_person_user(cf_talk_ear_of(it)->socket->person), event->user);
    const struct cf_event_source *source = &event->source;
    if (source->worker != worker->index)
        return false;
    if (subscriber->form >= CF_FORM_ORBIT)
        return source->ticket == cf_subscription_of(it)->orbit->session->ticket;
    return source->ticket == cf_talk_ear_of(it)->socket->ticket;
}

/* `except`: whose event it is, is left out; NULL: nobody is. Closing a stream, or a socket, takes
 * it out of the room only when its connection has gone, so that this walk is safe. */
static void queue_to_form(struct cf_worker *worker, struct cf_hub_room *room, unsigned form,
                          const struct cf_event *except, struct cf_shared *bytes, uint32_t messages)
{
    uint64_t taken = 0;
    for (struct cf_list *node = room->subscribers.next; node != &room->subscribers;
         node = node->next) {
        struct cf_subscriber *subscriber = CF_LIST_ENTRY(node, struct cf_subscriber, in_room);
        if (subscriber->live && subscriber->form == form && !is_own(worker, subscriber, except) &&
            deliver(subscriber, bytes, messages))
            taken += messages;
    }
    cf_count_add(&worker->metrics, CF_COUNT_DELIVERIES, taken);
}

static void close_socket(struct cf_socket *socket)
{
    cf_eio_abort(&socket->eio, CF_EIO_SLOW);
    cf_socket_settle_later(socket);
}

static void close_listener(struct cf_subscriber *subscriber)
{
    if (subscriber->form >= CF_FORM_ORBIT)
        cf_orbit_close(cf_subscription_of(subscriber)->orbit, CF_ORBIT_LOST);
    else if (subscriber->form >= CF_FORM_LINE)
        close_socket(cf_talk_ear_of(subscriber)->socket);
    else
        cf_stream_close(cf_stream_of_subscriber(subscriber), CF_STREAM_LOST);
}

static void close_room(struct cf_hub_room *room)
{
    cf_log(CF_LOG_ERROR, "no memory to tell a room's listeners: closing them",
           CF_KV_INT("listeners", room->count));
    for (struct cf_list *node = room->subscribers.next; node != &room->subscribers;
         node = node->next)
        close_listener(CF_LIST_ENTRY(node, struct cf_subscriber, in_room));
}

static enum cf_error tell_form(struct cf_worker *worker, struct cf_hub_room *room,
                               struct cf_event *const *events, size_t count, unsigned form,
                               const struct cf_event *except)
{
    uint32_t messages;
    enum cf_error error = encode_events(worker, events, count, form, &messages);
    if (error != CF_OK || messages == 0)
        return error;
    struct cf_shared *bytes = cf_shared_new(cf_buf_peek(&worker->frames));
    if (bytes == NULL)
        return CF_E_NOMEM;
    queue_to_form(worker, room, form, except, bytes, messages);
    cf_shared_unref(bytes);
    return CF_OK;
}

static enum cf_error tell_room(struct cf_worker *worker, struct cf_hub_room *room,
                               struct cf_event *const *events, size_t count,
                               const struct cf_event *except)
{
    enum cf_error error = CF_OK;
    for (unsigned form = 0; form < CF_HUB_FORMS && error == CF_OK; form++) {
        if (room->live[form] > 0)
            error = tell_form(worker, room, events, count, form, except);
    }
    return error;
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
    note_broadcast(worker, room);
    enum cf_error error = CF_E_NOMEM;
    if (!room->lost)
        error = tell_room(worker, room, room->events, room->events_count, NULL);
    if (error != CF_OK)
        close_room(room);
    cf_hub_room_done(&worker->hub, room);
}

void cf_fanout_flush(struct cf_worker *worker)
{
    for (struct cf_hub_room *room; (room = cf_hub_dirty(&worker->hub)) != NULL;)
        flush_room(worker, room);
    worker->stamp_told = worker->stamp_taken;
    if (CF_MUTANT(CURSOR_AHEAD))
        worker->stamp_told = cf_worker_now(worker).us / 1000;
}

static void remove_member(struct cf_worker *worker, const struct cf_event *event)
{
    cf_fanout_flush(worker);
    struct cf_hub_room *room = cf_hub_room_get(&worker->hub, event->room);
    if (room == NULL || CF_MUTANT(REMOVED_KEPT))
        return;
    for (struct cf_list *node = room->subscribers.next; node != &room->subscribers;
         node = node->next) {
        struct cf_stream *stream =
            cf_stream_of_subscriber(CF_LIST_ENTRY(node, struct cf_subscriber, in_room));
        if (cf_slice_eq(cf_stream_user(stream), event->user))
            cf_stream_close(stream, CF_STREAM_REMOVED);
    }
}

void cf_fanout_lost(struct cf_worker *worker)
{
    uint32_t cursor = 0;
    for (struct cf_session *session; (session = cf_slots_next(&worker->slots, &cursor)) != NULL;) {
        struct cf_stream *stream = cf_stream_of_session(session);
        struct cf_orbit *orbit = cf_orbit_of_session(session);
        if (stream != NULL)
            cf_stream_close(stream, CF_STREAM_LOST);
        else if (orbit != NULL)
            cf_orbit_close(orbit, CF_ORBIT_LOST);
        else if (session->web != NULL && session->web->exchange != NULL &&
                 session->web->exchange->stream != NULL)
            cf_stream_close(session->web->exchange->stream, CF_STREAM_LOST); /* not open yet */
    }
    cursor = 0;
    for (struct cf_socket *it; (it = cf_slots_next(&worker->socket_slots, &cursor)) != NULL;)
        close_socket(it);
}

/* ---- conversations and groups ---- */

/* A socket, or an Orbital connection, is in many rooms, and knows of one number only, the last it
 * was told: so it is told events in the order of their numbers, over all rooms. What comes in a row
 * for one room is still told at once. */
static void publish_in_order(struct cf_worker *worker, struct cf_event *event)
{
    if (!cf_uuid_eq(&worker->run, &event->room))
        cf_fanout_flush(worker);
    worker->run = event->room;
    cf_hub_publish(&worker->hub, event);
}

/* Not stored, and not told to whose event it is. */
static void tell_others(struct cf_worker *worker, struct cf_event *event)
{
    cf_fanout_flush(worker);
    struct cf_hub_room *room = cf_hub_room_get(&worker->hub, event->room);
    if (room != NULL && tell_room(worker, room, &event, 1, event) != CF_OK)
        close_room(room);
}

/* The walk takes the next one before the one it stands at leaves; the last one takes the room
 * along.
 */
static void remove_participant(struct cf_worker *worker, const struct cf_event *event)
{
    cf_fanout_flush(worker);
    struct cf_hub_room *room = cf_hub_room_get(&worker->hub, event->room);
    uint32_t left = room == NULL || CF_MUTANT(TALK_REMOVED_KEPT) ? 0 : room->count;
    struct cf_list *node = room == NULL ? NULL : room->subscribers.next;
    for (; left > 0; left--) {
        struct cf_talk_seat *seat =
            cf_talk_seat_of(CF_LIST_ENTRY(node, struct cf_subscriber, in_room));
        node = node->next;
        if (cf_slice_eq(cf_person_user(seat->ear.socket->person), event->user))
            cf_seats_leave(seat);
    }
    cf_lost_remove(worker, event->talk, event->user);
}

/* In the order of their stamps. Who is removed is told of it, and hears no more. */
static void take_group_event(struct cf_worker *worker, struct cf_event *event)
{
    publish_in_order(worker, event);
    worker->stamp_taken = event->group_event.stamp;
    if (event->group_event.kind != CF_GROUP_LEFT || CF_MUTANT(GROUP_REMOVED_KEPT))
        return;
    cf_fanout_flush(worker);
    struct cf_hub_room *room = cf_hub_room_get(&worker->hub, event->room);
    uint32_t left = room == NULL ? 0 : room->count;
    struct cf_list *node = room == NULL ? NULL : room->subscribers.next;
    for (; left > 0; left--) {
        struct cf_subscription *subscription =
            cf_subscription_of(CF_LIST_ENTRY(node, struct cf_subscriber, in_room));
        node = node->next;
        if (cf_slice_eq(cf_orbit_user(subscription->orbit), event->group_event.user))
            cf_orbit_removed(subscription);
    }
}

static void take_event(struct cf_worker *worker, struct cf_event *event)
{
    switch (event->kind) {
    case CF_EVENT_MEMBER_REMOVED:
        remove_member(worker, event);
        break;
    case CF_EVENT_TALK_LEFT:
        remove_participant(worker, event);
        break;
    case CF_EVENT_TALK_HERE:
    case CF_EVENT_TALK_TYPING:
    case CF_EVENT_GROUP_TYPING:
        tell_others(worker, event);
        break;
    case CF_EVENT_TALK_MESSAGE:
        worker->number_taken = event->talk_message.id;
        publish_in_order(worker, event);
        break;
    case CF_EVENT_TALK_MARK:
        worker->number_taken = event->mark.number;
        publish_in_order(worker, event);
        break;
    case CF_EVENT_GROUP:
        take_group_event(worker, event);
        break;
    default:
        cf_hub_publish(&worker->hub, event);
        break;
    }
}

void cf_fanout_begin(struct cf_worker *worker, const struct cf_batch *batch)
{
    if (batch->lost)
        cf_fanout_lost(worker);
}

void cf_fanout_events(struct cf_worker *worker, struct cf_event *const *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_event(worker, events[i]);
}

void cf_fanout_end(struct cf_worker *worker, const struct cf_batch *batch)
{
    cf_us taken = cf_worker_now(worker).us - batch->made;
    if (!cf_list_empty(&worker->hub.dirty))
        cf_observe(&worker->metrics, CF_HIST_BROADCAST_MS, taken > 0 ? (uint64_t)taken * 1000 : 0);
}
