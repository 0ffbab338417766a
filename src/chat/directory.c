/* Three kinds of entries hang together by lists: a user and a room, each found in a map, and the
 * presence of the one in the other, which is in a list of both. A user has at most seats_max
 * presences, so that finding one is a short walk and needs no third map.
 *
 * Most connections are their user's only one: so a user's presences are linked one way, a presence
 * has its seats in a ring without a head, and they are told by a number which of a user's was taken
 * first. */
#include "chat/directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mutant.h"

struct user {
    struct cf_presence *presences;
    unsigned seats_count;
    uint32_t id_len;
    uint8_t id[];
};

struct room {
    struct cf_uuid id;
    struct cf_list presences; /* struct cf_presence.in_room, in the order of coming */
    size_t streams;
};

struct cf_presence {
    struct cf_presence *next; /* of the user */
    struct cf_list in_room;
    struct user *user;
    struct room *room;
    struct cf_seat *newest; /* before it in the ring is the one before, behind it the oldest; NULL:
                               it has no seats */
    uint32_t count;         /* who count on it, those with seats included */
};

struct cf_seat {
    struct cf_list ring; /* the seats of the presence */
    struct cf_presence *presence;
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
    user->presences = NULL;
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

static struct cf_presence *add_presence(struct user *user, struct room *room)
{
    struct cf_presence *presence = malloc(sizeof(*presence));
    if (presence == NULL)
        return NULL;
    presence->newest = NULL;
    presence->count = 0;
    presence->user = user;
    presence->room = room;
    presence->next = user->presences;
    user->presences = presence;
    cf_list_push_back(&room->presences, &presence->in_room);
    return presence;
}

static struct cf_seat *seat_of(struct cf_list *ring)
{
    return CF_LIST_ENTRY(ring, struct cf_seat, ring);
}

static struct cf_seat *add_seat(struct cf_directory *directory, struct cf_presence *presence,
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
    struct cf_presence *presence = seat->presence;
    if (cf_list_empty(&seat->ring))
        presence->newest = NULL;
    else if (presence->newest == seat)
        presence->newest = seat_of(seat->ring.prev);
    cf_list_remove(&seat->ring);
    free(seat);
}

/* Each drops an entry that nobody needs any more; of a user and a room NULL is allowed. */

static void drop_user(struct cf_directory *directory, struct user *user)
{
    if (user == NULL || user->presences != NULL)
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

static void drop_presence(struct cf_presence *presence)
{
    if (presence->count > 0)
        return;
    struct cf_presence **at = &presence->user->presences;
    while (*at != presence)
        at = &(*at)->next;
    *at = presence->next;
    cf_list_remove(&presence->in_room);
    free(presence);
}

/* ---- coming and going ---- */

static struct cf_presence *find_presence(const struct user *user, const struct room *room)
{
    struct cf_presence *presence = user->presences;
    while (presence != NULL && presence->room != room)
        presence = presence->next;
    return presence;
}

enum cf_error cf_directory_come(struct cf_directory *directory, struct cf_slice user_id,
                                struct cf_uuid room_id, struct cf_presence **out_presence,
                                bool *out_came)
{
    struct user *user = cf_map_get(&directory->users, user_id);
    struct room *room = cf_map_get(&directory->rooms, room_key(&room_id));
    struct cf_presence *presence = NULL;
    if (user != NULL && user->seats_count >= directory->seats_max)
        return CF_E_TOO_MANY;
    if (user == NULL)
        user = add_user(directory, user_id);
    if (room == NULL)
        room = add_room(directory, room_id);
    if (user != NULL && room != NULL)
        presence = find_presence(user, room);
    if (presence == NULL && user != NULL && room != NULL)
        presence = add_presence(user, room);
    if (presence == NULL) {
        drop_room(directory, room);
        drop_user(directory, user);
        return CF_E_NOMEM;
    }
    *out_came = presence->count == 0;
    *out_presence = presence;
    presence->count++;
    user->seats_count++;
    room->streams++;
    directory->streams++;
    return CF_OK;
}

void cf_directory_go(struct cf_directory *directory, struct cf_presence *presence, bool *out_went)
{
    struct user *user = presence->user;
    struct room *room = presence->room;
    presence->count--;
    user->seats_count--;
    room->streams--;
    directory->streams--;
    *out_went = presence->count == 0 || CF_MUTANT(PRESENCE_PER_SOCKET);
    drop_presence(presence);
    drop_room(directory, room);
    drop_user(directory, user);
}

enum cf_error cf_directory_sit(struct cf_directory *directory, struct cf_slice user_id,
                               struct cf_slice name, struct cf_uuid room_id,
                               struct cf_seat_place place, struct cf_seat **out_seat,
                               bool *out_came)
{
    struct cf_presence *presence;
    bool came, went;
    enum cf_error error = cf_directory_come(directory, user_id, room_id, &presence, &came);
    if (error != CF_OK)
        return error;
    struct cf_seat *seat = add_seat(directory, presence, name, place);
    if (seat == NULL) {
        cf_directory_go(directory, presence, &went);
        return CF_E_NOMEM;
    }
    *out_seat = seat;
    *out_came = came;
    return CF_OK;
}

void cf_directory_rise(struct cf_directory *directory, struct cf_seat *seat, bool *out_went)
{
    struct cf_presence *presence = seat->presence;
    drop_seat(seat);
    cf_directory_go(directory, presence, out_went);
}

static void free_presence(struct cf_presence *presence)
{
    while (presence->newest != NULL)
        drop_seat(presence->newest);
    free(presence);
}

static void free_user(struct user *user)
{
    for (struct cf_presence *presence; (presence = user->presences) != NULL;) {
        user->presences = presence->next;
        free_presence(presence);
    }
    free(user);
}

void cf_directory_free(struct cf_directory *directory)
{
    if (directory == NULL)
        return;
    size_t cursor = 0;
    for (struct user *user; (user = cf_map_next(&directory->users, &cursor)) != NULL;)
        free_user(user);
    cursor = 0;
    for (struct room *room; (room = cf_map_next(&directory->rooms, &cursor)) != NULL;)
        free(room);
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
    for (const struct cf_presence *it = user->presences; it != NULL; it = it->next) {
        const struct cf_seat *seat = it->newest;
        if (seat == NULL)
            continue;
        do {
            if ((after == NULL || is_older(after, seat)) &&
                (found == NULL || is_older(seat, found)))
                found = seat;
            seat = seat_of(seat->ring.next);
        } while (seat != it->newest);
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

static struct cf_slice name_of(const struct cf_presence *presence)
{
    const struct cf_seat *newest = presence->newest;
    return newest == NULL ? CF_LIT("") : cf_slice_of(newest->name, newest->name_len);
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
        const struct cf_presence *presence = CF_LIST_ENTRY(node, struct cf_presence, in_room);
        visit(context, user_key(presence->user), name_of(presence));
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
