#include "chat/hub.h"

#include <stdlib.h>

/* What a room keeps of its array of events between turns: a usual turn allocates nothing, and a
 * burst's memory goes back. */
enum { EVENTS_FIRST = 8, EVENTS_KEPT = 64 };

static struct cf_slice room_key(const struct cf_uuid *id)
{
    return cf_slice_of(id->bytes, sizeof(id->bytes));
}

static void drop_events(struct cf_hub_room *room)
{
    for (size_t i = 0; i < room->events_count; i++)
        cf_event_unref(room->events[i]);
    room->events_count = 0;
    room->lost = false;
}

static enum cf_error add_room(struct cf_hub *hub, struct cf_uuid id, struct cf_hub_room **out_room)
{
    struct cf_hub_room *room = calloc(1, sizeof(*room));
    if (room == NULL)
        return CF_E_NOMEM;
    room->id = id;
    cf_list_init(&room->subscribers);
    cf_list_init(&room->dirty);
    enum cf_error error = cf_map_put(&hub->rooms, room_key(&room->id), room);
    if (error != CF_OK) {
        free(room);
        return error;
    }
    *out_room = room;
    return CF_OK;
}

static void remove_room(struct cf_hub *hub, struct cf_hub_room *room)
{
    cf_map_remove(&hub->rooms, room_key(&room->id));
    cf_list_remove(&room->dirty);
    drop_events(room);
    free(room->events);
    free(room);
}

void cf_hub_init(struct cf_hub *hub, const uint8_t hash_key[16])
{
    cf_map_init(&hub->rooms, hash_key);
    cf_list_init(&hub->dirty);
    hub->subscribers = 0;
}

void cf_hub_deinit(struct cf_hub *hub)
{
    CF_ASSERT(hub->subscribers == 0 && hub->rooms.count == 0);
    cf_map_deinit(&hub->rooms);
}

void cf_subscriber_init(struct cf_subscriber *subscriber, uint8_t form)
{
    CF_ASSERT(form < CF_HUB_FORMS);
    *subscriber = (struct cf_subscriber){.form = form};
    cf_list_init(&subscriber->in_room);
}

enum cf_error cf_hub_join(struct cf_hub *hub, struct cf_uuid room_id,
                          struct cf_subscriber *subscriber)
{
    CF_ASSERT(subscriber->room == NULL);
    struct cf_hub_room *room = cf_hub_room_get(hub, room_id);
    if (room == NULL) {
        enum cf_error error = add_room(hub, room_id, &room);
        if (error != CF_OK)
            return error;
    }
    cf_list_push_back(&room->subscribers, &subscriber->in_room);
    subscriber->room = room;
    subscriber->live = false;
    room->count++;
    hub->subscribers++;
    return CF_OK;
}

void cf_hub_live(struct cf_subscriber *subscriber)
{
    if (subscriber->room == NULL || subscriber->live)
        return;
    subscriber->live = true;
    subscriber->room->live[subscriber->form]++;
}

void cf_hub_reform(struct cf_subscriber *subscriber, uint8_t form)
{
    CF_ASSERT(form < CF_HUB_FORMS);
    if (subscriber->live) {
        subscriber->room->live[subscriber->form]--;
        subscriber->room->live[form]++;
    }
    subscriber->form = form;
}

void cf_hub_leave(struct cf_hub *hub, struct cf_subscriber *subscriber)
{
    struct cf_hub_room *room = subscriber->room;
    if (room == NULL)
        return;
    cf_list_remove(&subscriber->in_room);
    if (subscriber->live)
        room->live[subscriber->form]--;
    subscriber->live = false;
    subscriber->room = NULL;
    room->count--;
    hub->subscribers--;
    if (room->count == 0 && !room->pumped)
        remove_room(hub, room);
}

static bool anybody_live(const struct cf_hub_room *room)
{
    for (unsigned form = 0; form < CF_HUB_FORMS; form++) {
        if (room->live[form] > 0)
            return true;
    }
    return false;
}

/* False without memory. */
static bool make_space(struct cf_hub_room *room)
{
    if (room->events_count < room->events_cap)
        return true;
    uint32_t cap = room->events_cap == 0 ? EVENTS_FIRST : room->events_cap * 2;
    if (cap > UINT32_MAX / sizeof(struct cf_event *))
        return false;
    struct cf_event **events = realloc(room->events, cap * sizeof(struct cf_event *));
    if (events == NULL)
        return false;
    room->events = events;
    room->events_cap = cap;
    return true;
}

void cf_hub_publish(struct cf_hub *hub, struct cf_event *event)
{
    struct cf_hub_room *room = cf_hub_room_get(hub, event->room);
    if (room == NULL || !anybody_live(room))
        return;
    CF_ASSERT(!room->pumped);
    if (make_space(room))
        room->events[room->events_count++] = cf_event_ref(event);
    else
        room->lost = true;
    if (cf_list_empty(&room->dirty))
        cf_list_push_back(&hub->dirty, &room->dirty);
}

struct cf_hub_room *cf_hub_room_get(const struct cf_hub *hub, struct cf_uuid room)
{
    return cf_map_get(&hub->rooms, room_key(&room));
}

struct cf_hub_room *cf_hub_dirty(struct cf_hub *hub)
{
    struct cf_list *node = cf_list_pop_front(&hub->dirty);
    if (node == NULL)
        return NULL;
    struct cf_hub_room *room = CF_LIST_ENTRY(node, struct cf_hub_room, dirty);
    room->pumped = true;
    return room;
}

void cf_hub_room_done(struct cf_hub *hub, struct cf_hub_room *room)
{
    CF_ASSERT(room->pumped);
    room->pumped = false;
    drop_events(room);
    if (room->count == 0) {
        remove_room(hub, room);
        return;
    }
    if (room->events_cap > EVENTS_KEPT) {
        free(room->events);
        room->events = NULL;
        room->events_cap = 0;
    }
}
