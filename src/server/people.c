#include "server/people.h"

#include <string.h>

#include "chat/talk.h"
#include "dialect/shop/stream.h"
#include "server/clock.h"

enum { PROBES_MAX = 64, PRESENT_MAX = 1000, PRESENT_BYTES_MAX = 192 * 1024 };

enum cf_error cf_people_attempt(struct cf_server *server, struct cf_slice user, cf_ms now,
                                cf_ms *out_retry_ms)
{
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error = cf_attempts_take(server->attempts, user, now, out_retry_ms);
    pthread_mutex_unlock(&server->people_lock);
    return error;
}

enum cf_error cf_people_attempt_from(struct cf_server *server, const struct cf_address *address,
                                     cf_ms now, cf_ms *out_retry_ms)
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    bool ipv4 = memcmp(address->ip, mapped, sizeof(mapped)) == 0;
    if (server->address_attempts == NULL)
        return CF_OK;
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error = cf_attempts_take(server->address_attempts,
                                           cf_slice_of(address->ip, ipv4 ? sizeof(address->ip) : 8),
                                           now, out_retry_ms);
    pthread_mutex_unlock(&server->people_lock);
    return error;
}

/* Under the lock, so that everybody is told of coming and going in the order in which it happened.
 */
static void publish(struct cf_server *server, struct cf_slice user, struct cf_slice name,
                    struct cf_uuid room, bool on)
{
    struct cf_event like = {.kind = CF_EVENT_PRESENCE,
                            .room = room,
                            .user = user,
                            .user_name = name,
                            .on = on,
                            .at = cf_wall_clock()};
    struct cf_event *event;
    if (cf_event_new(&like, &event) == CF_OK)
        cf_server_publish(server, event);
}

enum cf_error cf_people_sit(struct cf_server *server, struct cf_slice user, struct cf_slice name,
                            struct cf_uuid room, struct cf_seat_place place,
                            struct cf_seat **out_seat)
{
    struct cf_seat_place places[PROBES_MAX];
    size_t places_count = 0;
    bool came;
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error =
        cf_directory_sit(server->directory, user, name, room, place, out_seat, &came);
    if (error == CF_OK && came)
        publish(server, user, name, room, true);
    if (error == CF_E_TOO_MANY)
        places_count = cf_directory_places(server->directory, user, places, PROBES_MAX);
    pthread_mutex_unlock(&server->people_lock);
    cf_server_probe(server, places, places_count);
    return error;
}

void cf_people_rise(struct cf_server *server, struct cf_seat *seat, struct cf_slice user,
                    struct cf_slice name, struct cf_uuid room)
{
    bool went;
    pthread_mutex_lock(&server->people_lock);
    cf_directory_rise(server->directory, seat, &went);
    if (went)
        publish(server, user, name, room, false);
    pthread_mutex_unlock(&server->people_lock);
}

struct presence {
    struct cf_buf *out;
    enum cf_error error;
    bool any;
    bool full; /* the rest is left out, as beyond PRESENT_MAX */
};

static void add_present(void *context, struct cf_slice user, struct cf_slice name)
{
    struct presence *presence = context;
    size_t before = presence->out->len;
    if (presence->error != CF_OK || presence->full)
        return;
    presence->error = cf_shop_presence_user(user, name, !presence->any, presence->out);
    presence->full = presence->error == CF_E_TOO_LARGE || presence->out->len > PRESENT_BYTES_MAX;
    if (presence->full) {
        presence->out->len = before;
        presence->error = CF_OK;
    }
    presence->any = true;
}

enum cf_error cf_people_present(struct cf_server *server, struct cf_uuid room, struct cf_buf *out)
{
    struct presence presence = {.out = out};
    presence.error = cf_shop_presence_begin(room, out);
    pthread_mutex_lock(&server->people_lock);
    cf_directory_present(server->directory, room, PRESENT_MAX, add_present, &presence);
    pthread_mutex_unlock(&server->people_lock);
    return presence.error == CF_OK ? cf_shop_presence_end(out) : presence.error;
}

static void publish_here(struct cf_server *server, struct cf_slice user, int64_t talk,
                         struct cf_seat_place place, bool on)
{
    struct cf_event like = {.kind = CF_EVENT_TALK_HERE,
                            .room = cf_talk_room(talk),
                            .talk = talk,
                            .user = user,
                            .source = {place.worker, place.ticket},
                            .on = on,
                            .at = cf_wall_clock()};
    struct cf_event *event;
    if (cf_event_new(&like, &event) == CF_OK)
        cf_server_publish(server, event);
}

enum cf_error cf_people_come(struct cf_server *server, struct cf_slice user, int64_t talk,
                             struct cf_seat_place place, struct cf_presence **out_presence)
{
    bool came;
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error =
        cf_directory_come(server->talk_people, user, cf_talk_room(talk), out_presence, &came);
    if (error == CF_OK && came)
        publish_here(server, user, talk, place, true);
    pthread_mutex_unlock(&server->people_lock);
    return error;
}

void cf_people_go(struct cf_server *server, struct cf_presence *presence, struct cf_slice user,
                  int64_t talk, struct cf_seat_place place)
{
    bool went;
    pthread_mutex_lock(&server->people_lock);
    cf_directory_go(server->talk_people, presence, &went);
    if (went)
        publish_here(server, user, talk, place, false);
    pthread_mutex_unlock(&server->people_lock);
}

void cf_people_in_talk(struct cf_server *server, int64_t talk,
                       void (*visit)(void *context, struct cf_slice user, struct cf_slice name),
                       void *context)
{
    pthread_mutex_lock(&server->people_lock);
    cf_directory_present(server->talk_people, cf_talk_room(talk), PRESENT_MAX, visit, context);
    pthread_mutex_unlock(&server->people_lock);
}

enum cf_error cf_people_rate(struct cf_server *server, struct cf_slice user, cf_ms now,
                             cf_ms *out_retry_ms)
{
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error = cf_rates_take(server->talk_rates, user, now, out_retry_ms);
    pthread_mutex_unlock(&server->people_lock);
    return error;
}

void cf_people_counts(struct cf_server *server, size_t *out_streams, size_t *out_rooms)
{
    pthread_mutex_lock(&server->people_lock);
    *out_streams = cf_directory_streams(server->directory);
    *out_rooms = cf_directory_rooms(server->directory);
    pthread_mutex_unlock(&server->people_lock);
}

size_t cf_people_busiest(struct cf_server *server, struct cf_directory_room *out_rooms, size_t max)
{
    pthread_mutex_lock(&server->people_lock);
    size_t count = cf_directory_busiest(server->directory, out_rooms, max);
    pthread_mutex_unlock(&server->people_lock);
    return count;
}
