/* A socket's places in conversations: in the worker's hub, so that it is told, and in the
 * directory, so that the others know that its user is there. */
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "chat/talk.h"
#include "server/lost.h"
#include "server/people.h"
#include "server/stranger.h"

enum { TYPING_ENDS_MS = 5000, TYPING_TOLD_MS = 100 };

struct cf_slice cf_person_user(const struct cf_person *person)
{
    return cf_slice_of(person->people, person->user_len);
}

struct cf_slice cf_person_name(const struct cf_person *person)
{
    return cf_slice_of(person->people + person->user_len, person->name_len);
}

struct cf_identity cf_person_identity(const struct cf_person *person)
{
    return cf_identity_of(cf_person_user(person), cf_person_name(person), person->expires);
}

struct cf_seat_place cf_socket_place(const struct cf_socket *socket)
{
    return (struct cf_seat_place){socket->worker->index, socket->ticket};
}

struct cf_person *cf_person_new(struct cf_socket *socket, const struct cf_identity *identity)
{
    struct cf_slice user = cf_identity_user(identity), name = cf_identity_name(identity);
    struct cf_person *person = calloc(1, sizeof(*person) + user.len + name.len);
    if (person == NULL)
        return NULL;
    person->expires = identity->expires;
    person->user_len = (uint16_t)user.len;
    person->name_len = (uint16_t)name.len;
    memcpy(person->people, user.ptr, user.len);
    memcpy(person->people + user.len, name.ptr, name.len);
    cf_stranger_leave(socket);
    person->own.socket = socket;
    cf_subscriber_init(&person->own.subscriber, cf_socket_form(socket));
    return person;
}

enum cf_error cf_person_listen(struct cf_socket *socket)
{
    struct cf_worker *worker = socket->worker;
    struct cf_talk_ear *own = &socket->person->own;
    struct cf_uuid room =
        cf_talk_user_room(worker->server->hash_key, cf_person_user(socket->person));
    cf_hub_reform(&own->subscriber, cf_socket_form(socket));
    enum cf_error error = cf_hub_join(&worker->hub, room, &own->subscriber);
    if (error == CF_OK)
        cf_hub_live(&own->subscriber);
    return error;
}

struct cf_talk_seat *cf_seats_find(const struct cf_socket *socket, int64_t talk)
{
    struct cf_talk_seat *seat = socket->person->seats;
    while (seat != NULL && seat->talk != talk)
        seat = seat->next;
    return seat;
}

static struct cf_talk_seat *new_seat(struct cf_socket *socket, int64_t talk)
{
    struct cf_talk_seat *seat = calloc(1, sizeof(*seat));
    if (seat == NULL)
        return NULL;
    seat->ear.socket = socket;
    seat->talk = talk;
    cf_subscriber_init(&seat->ear.subscriber, cf_socket_form(socket));
    return seat;
}

enum cf_error cf_seats_take(struct cf_socket *socket, int64_t talk)
{
    struct cf_worker *worker = socket->worker;
    struct cf_person *person = socket->person;
    if (cf_seats_find(socket, talk) != NULL)
        return CF_OK;
    if (person->seats_count >= CF_SOCKET_SEATS_MAX)
        return CF_E_TOO_MANY;
    struct cf_talk_seat *seat = new_seat(socket, talk);
    if (seat == NULL)
        return CF_E_NOMEM;
    enum cf_error error = cf_hub_join(&worker->hub, cf_talk_room(talk), &seat->ear.subscriber);
    if (error == CF_OK)
        error = cf_people_come(worker->server, cf_person_user(person), talk,
                               cf_socket_place(socket), &seat->presence);
    if (error != CF_OK) {
        cf_hub_leave(&worker->hub, &seat->ear.subscriber);
        free(seat);
        return error;
    }
    cf_hub_live(&seat->ear.subscriber);
    seat->next = person->seats;
    person->seats = seat;
    person->seats_count++;
    return CF_OK;
}

/* ---- typing ---- */

static void tell_typing(const struct cf_talk_seat *seat, bool on)
{
    struct cf_worker *worker = seat->ear.socket->worker;
    struct cf_seat_place place = cf_socket_place(seat->ear.socket);
    struct cf_event like = {.kind = CF_EVENT_TALK_TYPING,
                            .room = cf_talk_room(seat->talk),
                            .talk = seat->talk,
                            .user = cf_person_user(seat->ear.socket->person),
                            .source = {place.worker, place.ticket},
                            .on = on,
                            .at = cf_worker_now(worker).us};
    struct cf_event *event;
    if (cf_event_new(&like, &event) == CF_OK)
        cf_server_publish(worker->server, event);
}

static bool types(const struct cf_talk_seat *seat)
{
    return seat->typing != NULL && seat->typing->until != CF_MS_NEVER;
}

/* What a seat needs that types. False without memory. */
static bool begin_typing(struct cf_talk_seat *seat, cf_ms now)
{
    if (seat->typing != NULL)
        return true;
    seat->typing = malloc(sizeof(*seat->typing));
    if (seat->typing == NULL)
        return false;
    *seat->typing = (struct cf_typing){.until = CF_MS_NEVER, .told = now - TYPING_TOLD_MS};
    return true;
}

static void end_typing(struct cf_talk_seat *seat)
{
    if (!types(seat))
        return;
    seat->typing->until = CF_MS_NEVER;
    seat->ear.socket->person->typing_count--;
    tell_typing(seat, false);
}

void cf_seats_type(struct cf_talk_seat *seat, bool on)
{
    cf_ms now = cf_worker_now(seat->ear.socket->worker).ms;
    if (!on) {
        end_typing(seat);
        return;
    }
    bool typed = types(seat);
    if (!begin_typing(seat, now))
        return; /* the next sign will do */
    if (!typed)
        seat->ear.socket->person->typing_count++;
    seat->typing->until = now + TYPING_ENDS_MS;
    if (now - seat->typing->told < TYPING_TOLD_MS)
        return;
    seat->typing->told = now;
    tell_typing(seat, true);
}

/* The first seat of these that types. */
static struct cf_talk_seat *first_typing(struct cf_talk_seat *seat)
{
    while (seat != NULL && !types(seat))
        seat = seat->next;
    return seat;
}

void cf_seats_tick(struct cf_socket *socket, cf_ms now)
{
    struct cf_person *person = socket->person;
    if (person == NULL || person->typing_count == 0)
        return;
    for (struct cf_talk_seat *it = person->seats; (it = first_typing(it)) != NULL; it = it->next) {
        if (now >= it->typing->until && !CF_MUTANT(TYPING_STAYS))
            end_typing(it);
    }
}

cf_ms cf_seats_deadline(const struct cf_socket *socket)
{
    const struct cf_person *person = socket->person;
    cf_ms deadline = CF_MS_NEVER;
    if (person == NULL || person->typing_count == 0)
        return deadline;
    for (struct cf_talk_seat *it = person->seats; (it = first_typing(it)) != NULL; it = it->next)
        deadline = cf_ms_earlier(deadline, it->typing->until);
    return deadline;
}

/* ---- leaving ---- */

void cf_seats_drop(struct cf_talk_seat *seat)
{
    struct cf_socket *socket = seat->ear.socket;
    struct cf_talk_seat **at = &socket->person->seats;
    end_typing(seat);
    cf_hub_leave(&socket->worker->hub, &seat->ear.subscriber);
    while (*at != seat)
        at = &(*at)->next;
    *at = seat->next;
    socket->person->seats_count--;
    free(seat->typing);
    free(seat);
}

void cf_seats_leave(struct cf_talk_seat *seat)
{
    struct cf_socket *socket = seat->ear.socket;
    struct cf_presence *presence = seat->presence;
    int64_t talk = seat->talk;
    cf_seats_drop(seat);
    cf_people_go(socket->worker->server, presence, cf_person_user(socket->person), talk,
                 cf_socket_place(socket));
}

void cf_seats_reform(struct cf_socket *socket)
{
    if (socket->person == NULL)
        return;
    uint8_t form = cf_socket_form(socket);
    cf_hub_reform(&socket->person->own.subscriber, form);
    for (struct cf_talk_seat *it = socket->person->seats; it != NULL; it = it->next)
        cf_hub_reform(&it->ear.subscriber, form);
}

void cf_seats_end(struct cf_socket *socket)
{
    struct cf_person *person = socket->person;
    struct cf_worker *worker = socket->worker;
    if (person == NULL)
        return;
    struct cf_identity identity = cf_person_identity(person);
    cf_hub_leave(&worker->hub, &person->own.subscriber);
    cf_life_leave(worker, &person->life);
    if (!socket->clean)
        cf_lost_keep(socket);
    else if (worker->draining)
        cf_life_save(worker, &identity, &person->life);
    else
        cf_lost_forget(worker, &identity, &person->life);
    while (person->seats != NULL)
        cf_seats_leave(person->seats);
    free(person);
    socket->person = NULL;
    bool live = socket->eio.end == CF_EIO_LIVE;
    if (live && cf_stranger_return(socket) != CF_OK)
        cf_eio_abort(&socket->eio, CF_EIO_SLOW);
}
