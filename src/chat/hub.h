/* The rooms of one worker: who listens, and what a turn has for them. One thread.
 *
 * Publishing only collects: a room's events of one turn stay together, so that they are encoded
 * once a form, joined, and sent as one piece to every subscriber of that form.
 *
 *     cf_hub_join(hub, room, subscriber)       not yet live: removal reaches it, messages do not
 *     cf_hub_live(subscriber)
 *     cf_hub_publish(hub, event) …
 *     while ((room = cf_hub_dirty(hub)) != NULL) {
 *         encode room->events a form; queue to room->subscribers;
 *         cf_hub_room_done(hub, room);
 *     }
 *     cf_hub_leave(hub, subscriber)
 *
 * Between cf_hub_dirty and cf_hub_room_done the room is pumped. Meanwhile it exists, with its
 * events, even if everybody leaves it. A walk over room->subscribers may let the subscriber it
 * stands at leave, if it has taken the next one before; it must not let any other leave. Joining
 * and going live are safe at any time. Publishing to the room that is being pumped is our own
 * mistake and asserts; to other rooms it is fine. */
#ifndef CF_CHAT_HUB_H
#define CF_CHAT_HUB_H

#include "base/list.h"
#include "base/map.h"
#include "chat/event.h"

/* How a subscriber wants its events encoded; what each number means is the composition's affair. */
enum { CF_HUB_FORMS = 8 };

struct cf_hub_room {
    struct cf_uuid id;
    struct cf_list subscribers; /* struct cf_subscriber.in_room, in the order of joining */
    struct cf_list dirty;
    struct cf_event **events; /* of this turn, in order */
    uint32_t events_count, events_cap;
    uint32_t live[CF_HUB_FORMS]; /* live ones by form */
    uint32_t count;              /* all of them */
    bool lost;   /* an event could not be kept (no memory): subscribers must be told to resync, i.e.
                    closed */
    bool pumped; /* the caller of cf_hub_dirty holds it */
};

struct cf_subscriber {
    struct cf_list in_room;
    struct cf_hub_room *room; /* NULL: not joined */
    uint8_t form;
    bool live;
};

struct cf_hub {
    struct cf_map rooms;
    struct cf_list dirty;
    size_t subscribers;
};

void cf_hub_init(struct cf_hub *hub, const uint8_t hash_key[16]);
/* Nobody is joined any more. */
void cf_hub_deinit(struct cf_hub *hub);
/* `form` is less than CF_HUB_FORMS. */
void cf_subscriber_init(struct cf_subscriber *subscriber, uint8_t form);
/* The subscriber is in no room. CF_E_NOMEM. */
enum cf_error cf_hub_join(struct cf_hub *hub, struct cf_uuid room,
                          struct cf_subscriber *subscriber);
/* Harmless when not joined, or live already. */
void cf_hub_live(struct cf_subscriber *subscriber);
/* Wants its events in another form from now on. */
void cf_hub_reform(struct cf_subscriber *subscriber, uint8_t form);
/* Harmless when not joined. The last one takes the room along, with what it had to say. */
void cf_hub_leave(struct cf_hub *hub, struct cf_subscriber *subscriber);
/* Takes a reference when anybody here is live in the room; else does nothing. */
void cf_hub_publish(struct cf_hub *hub, struct cf_event *event);
/* NULL when nobody here is in it. */
struct cf_hub_room *cf_hub_room_get(const struct cf_hub *hub, struct cf_uuid room);
/* The next room with something to say, NULL: none. It stays the caller's until cf_hub_room_done. */
struct cf_hub_room *cf_hub_dirty(struct cf_hub *hub);
/* Drops the room's events, and the room itself when it is empty. */
void cf_hub_room_done(struct cf_hub *hub, struct cf_hub_room *room);

#endif
