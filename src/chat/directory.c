/* Three kinds of entries hang together by lists: a user and a room, each found in a map, and the
 * presence of the one in the other, which is in a list of both. A user has at most seats_max
 * presences, so that finding one is a short walk and needs no third map.
 *
 * Every connection has a seat here, and most are their user's only one: so a presence has its seats
 * in a ring without a head, and they are told by a number which of a user's was taken first. */
#include "chat/directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mutant.h"

struct user {
    struct cf_list presences; /* struct presence.in_user */
    unsigned seats_count;
    uint32_t id_len;
    uint8_t id[];
};

struct room {
    struct cf_uuid id;
    struct cf_list presences; /* struct presence.in_room, in the order of coming */
    size_t streams;
};

struct presence {
    struct cf_list in_user, in_room;
    struct user *user;
    struct room *room;
    struct cf_seat *newest; /* before it in the ring is the one before, behind it the oldest */
};

struct cf_seat {
    struct cf_list ring; /* the seats of the presence */
    struct presence *presence;
    uint64_t ticket;
    uint32_t worker;
    uint32_t serial; /* grows from seat to seat, and may wrap */
    uint32_t name_len;
    uint8_t name[];
};

struct cf_directory {
    struct cf_map users, rooms;
    size_t streams;
    unsigned seats_max;
    uint32_t serial; /* of the next seat */
};

static struct cf_slice room_key(const struct cf_uuid *id)
{
    return cf_slice_of(id->bytes, sizeof(id->bytes));
}

static struct cf_slice user_key(const struct user *user)
{
    return cf_slice_of(user->id, user->id_len);
}

struct cf_directory *cf_directory_new(unsigned seats_max, const uint8_t hash_key[16])
{
    CF_ASSERT(seats_max >= 1);
    struct cf_directory *directory = calloc(1, sizeof(*directory));
    if (directory == NULL)
        return NULL;
    cf_map_init(&directory->users, hash_key);
    cf_map_init(&directory->rooms, hash_key);
    directory->seats_max = seats_max;
    return directory;
}

/* ---- making and dropping entries ---- */

static struct user *add_user(struct cf_directory *directory, struct cf_slice id)
{
    if (id.len > UINT32_MAX)
        return NULL;
    struct user *user = malloc(sizeof(*user) + id.len);
    if (user == NULL)
        return NULL;
    cf_list_init(&user->presences);
    user->seats_count = 0;
    user->id_len = (uint32_t)id.len;
    if (id.len > 0)
        memcpy(user->id, id.ptr, id.len);
    if (cf_map_put(&directory->users, user_key(user), user) != CF_OK) {
        free(user);
        return NULL;
    }
    return user;
}

static struct room *add_room(struct cf_directory *directory, struct cf_uuid id)
{
    struct room *room = malloc(sizeof(*room));
    if (room == NULL)
        return NULL;
    cf_list_init(&room->presences);
    room->id = id;
    room->streams = 0;
    if (cf_map_put(&directory->rooms, room_key(&room->id), room) != CF_OK) {
        free(room);
        return NULL;
    }
    return room;
}

static struct presence *add_presence(struct user *user, struct room *room)
{
    struct presence *presence = malloc(sizeof(*presence));
    if (presence == NULL)
        return NULL;
    presence->newest = NULL;
    presence->user = user;
    presence->room = room;
    cf_list_push_back(&user->presences, &presence->in_user);
    cf_list_push_back(&room->presences, &presence->in_room);
    return presence;
}

static struct cf_seat *seat_of(struct cf_list *ring)
{
    return CF_LIST_ENTRY(ring, struct cf_seat, ring);
}

static struct cf_seat *add_seat(struct cf_directory *directory, struct presence *presence,
                                struct cf_slice name, struct cf_seat_place place)
{
    if (name.len > UINT32_MAX)
        return NULL;
    struct cf_seat *seat = malloc(sizeof(*seat) + name.len);
    if (seat == NULL)
        return NULL;
    cf_list_init(&seat->ring);
    seat->presence = presence;
    seat->worker = place.worker;
    seat->ticket = place.ticket;
    seat->serial = directory->serial++;
    seat->name_len = (uint32_t)name.len;
    if (name.len > 0)
        memcpy(seat->name, name.ptr, name.len);
    if (presence->newest != NULL)
        cf_list_push_back(presence->newest->ring.next, &seat->ring); /* before the oldest */
    presence->newest = seat;
    return seat;
}

/* Takes it out of its presence's ring and frees it. */
static void drop_seat(struct cf_seat *seat)
{
    struct presence *presence = seat->presence;
    if (cf_list_empty(&seat->ring))
        presence->newest = NULL;
    else if (presence->newest == seat)
        presence->newest = seat_of(seat->ring.prev);
    cf_list_remove(&seat->ring);
    free(seat);
}

/* Each drops an entry that nobody needs any more; NULL is allowed. */

static void drop_user(struct cf_directory *directory, struct user *user)
{
    if (user == NULL || !cf_list_empty(&user->presences))
        return;
    cf_map_remove(&directory->users, user_key(user));
    free(user);
}

static void drop_room(struct cf_directory *directory, struct room *room)
{
    if (room == NULL || !cf_list_empty(&room->presences))
        return;
    cf_map_remove(&directory->rooms, room_key(&room->id));
    free(room);
}

static void drop_presence(struct presence *presence)
{
    if (presence == NULL || presence->newest != NULL)
        return;
    cf_list_remove(&presence->in_user);
    cf_list_remove(&presence->in_room);
    free(presence);
}

/* ---- coming and going ---- */

static struct presence *find_presence(const struct user *user, const struct room *room)
{
    for (struct cf_list *node = user->presences.next; node != &user->presences; node = node->next) {
        struct presence *presence = CF_LIST_ENTRY(node, struct presence, in_user);
        if (presence->room == room)
            return presence;
    }
    return NULL;
}

enum cf_error cf_directory_sit(struct cf_directory *directory, struct cf_slice user_id,
                               struct cf_slice name, struct cf_uuid room_id,
                               struct cf_seat_place place, struct cf_seat **out_seat,
                               bool *out_came)
{
    struct user *user = cf_map_get(&directory->users, user_id);
    struct room *room = cf_map_get(&directory->rooms, room_key(&room_id));
    if (user != NULL && user->seats_count >= directory->seats_max)
        return CF_E_TOO_MANY;
    if (user == NULL)
        user = add_user(directory, user_id);
    if (room == NULL)
        room = add_room(directory, room_id);
    struct presence *presence = NULL;
    if (user != NULL && room != NULL)
        presence = find_presence(user, room);
    bool came = presence == NULL;
    if (came && user != NULL && room != NULL)
        presence = add_presence(user, room);
    struct cf_seat *seat = presence == NULL ? NULL : add_seat(directory, presence, name, place);
    if (seat == NULL) {
        drop_presence(presence);
        drop_room(directory, room);
        drop_user(directory, user);
        return CF_E_NOMEM;
    }
    user->seats_count++;
    room->streams++;
    directory->streams++;
    *out_seat = seat;
    *out_came = came;
    return CF_OK;
}

void cf_directory_rise(struct cf_directory *directory, struct cf_seat *seat, bool *out_went)
{
    struct presence *presence = seat->presence;
    struct user *user = presence->user;
    struct room *room = presence->room;
    drop_seat(seat);
    user->seats_count--;
    room->streams--;
    directory->streams--;
    *out_went = presence->newest == NULL || CF_MUTANT(PRESENCE_PER_SOCKET);
    drop_presence(presence);
    drop_room(directory, room);
    drop_user(directory, user);
}

/* The user's entry goes with the last seat. */
static void raise_all(struct cf_directory *directory, const struct user *user)
{
    bool went;
    for (unsigned left = user->seats_count; left > 0; left--)
        cf_directory_rise(directory,
                          CF_LIST_ENTRY(user->presences.next, struct presence, in_user)->newest,
                          &went);
}

void cf_directory_free(struct cf_directory *directory)
{
    if (directory == NULL)
        return;
    while (directory->users.count > 0) {
        size_t cursor = 0;
        raise_all(directory, cf_map_next(&directory->users, &cursor));
    }
    cf_map_deinit(&directory->users);
    cf_map_deinit(&directory->rooms);
    free(directory);
}

/* ---- questions ---- */

static bool is_older(const struct cf_seat *a, const struct cf_seat *b)
{
    return (int32_t)(a->serial - b->serial) < 0;
}

/* The user's oldest seat that is newer than `after` (NULL: of all); NULL: none. */
static const struct cf_seat *oldest_after(const struct user *user, const struct cf_seat *after)
{
    const struct cf_seat *found = NULL;
    for (struct cf_list *node = user->presences.next; node != &user->presences; node = node->next) {
        const struct cf_seat *newest = CF_LIST_ENTRY(node, struct presence, in_user)->newest;
        const struct cf_seat *seat = newest;
        do {
            if ((after == NULL || is_older(after, seat)) &&
                (found == NULL || is_older(seat, found)))
                found = seat;
            seat = seat_of(seat->ring.next);
        } while (seat != newest);
    }
    return found;
}

size_t cf_directory_places(const struct cf_directory *directory, struct cf_slice user_id,
                           struct cf_seat_place *out_places, size_t max)
{
    const struct user *user = cf_map_get(&directory->users, user_id);
    const struct cf_seat *seat = NULL;
    size_t count = 0;
    while (user != NULL && count < max && (seat = oldest_after(user, seat)) != NULL)
        out_places[count++] = (struct cf_seat_place){seat->worker, seat->ticket};
    return count;
}

void cf_directory_present(const struct cf_directory *directory, struct cf_uuid room_id, size_t max,
                          void (*visit)(void *context, struct cf_slice user, struct cf_slice name),
                          void *context)
{
    const struct room *room = cf_map_get(&directory->rooms, room_key(&room_id));
    if (room == NULL)
        return;
    size_t count = 0;
    for (struct cf_list *node = room->presences.next; node != &room->presences && count < max;
         node = node->next, count++) {
        const struct presence *presence = CF_LIST_ENTRY(node, struct presence, in_room);
        const struct cf_seat *newest = presence->newest;
        visit(context, user_key(presence->user), cf_slice_of(newest->name, newest->name_len));
    }
}

size_t cf_directory_streams(const struct cf_directory *directory)
{
    return directory->streams;
}

size_t cf_directory_rooms(const struct cf_directory *directory)
{
    return directory->rooms.count;
}

/* ---- the busiest rooms ---- */

/* The order of the answer; equal rooms by their id, so that it does not depend on the map's. */
static bool is_busier(const struct cf_directory_room *a, const struct cf_directory_room *b)
{
    if (a->streams != b->streams)
        return a->streams > b->streams;
    return memcmp(a->id.bytes, b->id.bytes, sizeof(a->id.bytes)) < 0;
}

/* Puts `room` into the heap of `count` rooms, with the least busy one on top, whose place at the
 * top is free. */
static void sift_down(struct cf_directory_room *heap, size_t count, struct cf_directory_room room)
{
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_busier(&heap[child], &heap[child + 1]))
            child++;
        if (!is_busier(&room, &heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = room;
}

static void sift_up(struct cf_directory_room *heap, size_t at, struct cf_directory_room room)
{
    while (at > 0 && is_busier(&heap[(at - 1) / 2], &room)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = room;
}

size_t cf_directory_busiest(const struct cf_directory *directory,
                            struct cf_directory_room *out_rooms, size_t max)
{
    size_t count = 0, cursor = 0;
    if (max == 0)
        return 0;
    for (const struct room *room; (room = cf_map_next(&directory->rooms, &cursor)) != NULL;) {
        struct cf_directory_room entry = {.id = room->id, .streams = room->streams};
        if (count < max)
            sift_up(out_rooms, count++, entry);
        else if (is_busier(&entry, &out_rooms[0]))
            sift_down(out_rooms, count, entry);
    }
    for (size_t left = count; left > 1; left--) {
        struct cf_directory_room least = out_rooms[0];
        sift_down(out_rooms, left - 1, out_rooms[left - 1]);
        out_rooms[left - 1] = least;
    }
    return count;
}
