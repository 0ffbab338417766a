#include "server/people.h"

#include "dialect/shop/stream.h"

enum { PROBES_MAX = 64, PRESENT_MAX = 1000 };

enum cf_error cf_people_attempt(struct cf_server *server, struct cf_slice user, cf_ms now,
                                cf_ms *out_retry_ms)
{
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error = cf_attempts_take(server->attempts, user, now, out_retry_ms);
    pthread_mutex_unlock(&server->people_lock);
    return error;
}

enum cf_error cf_people_sit(struct cf_server *server, struct cf_slice user, struct cf_slice name,
                            struct cf_uuid room, struct cf_seat_place place,
                            struct cf_seat **out_seat, bool *out_came)
{
    struct cf_seat_place places[PROBES_MAX];
    size_t places_count = 0;
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error =
        cf_directory_sit(server->directory, user, name, room, place, out_seat, out_came);
    if (error == CF_E_TOO_MANY)
        places_count = cf_directory_places(server->directory, user, places, PROBES_MAX);
    pthread_mutex_unlock(&server->people_lock);
    cf_server_probe(server, places, places_count);
    return error;
}

void cf_people_rise(struct cf_server *server, struct cf_seat *seat, bool *out_went)
{
    pthread_mutex_lock(&server->people_lock);
    cf_directory_rise(server->directory, seat, out_went);
    pthread_mutex_unlock(&server->people_lock);
}

struct presence {
    struct cf_buf *out;
    enum cf_error error;
    bool any;
};

static void add_present(void *context, struct cf_slice user, struct cf_slice name)
{
    struct presence *presence = context;
    if (presence->error == CF_OK)
        presence->error = cf_shop_presence_user(user, name, !presence->any, presence->out);
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
