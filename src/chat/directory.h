/* Who is connected, over all workers: seats (a user has at most so many live streams), presence (a
 * user is in a room while any of their streams is), and the counts that operators ask for. A plain
 * data structure; the composition guards it with one lock, taken only when somebody comes or goes.
 */
#ifndef CF_CHAT_DIRECTORY_H
#define CF_CHAT_DIRECTORY_H

#include "base/error.h"
#include "base/slice.h"
#include "base/uuid.h"

struct cf_directory;

/* Where a stream lives: enough to post to it. */
struct cf_seat_place {
    uint32_t worker;
    uint64_t ticket;
};

struct cf_presence; /* a user in a room */
struct cf_seat;     /* one live stream there */

struct cf_directory_room {
    struct cf_uuid id;
    size_t streams;
};

/* NULL without memory. `seats_max` at least 1. */
struct cf_directory *cf_directory_new(unsigned seats_max, const uint8_t hash_key[16]);
/* Frees the seats that are left, too. NULL is allowed. */
void cf_directory_free(struct cf_directory *directory);
/* Comes into a room, to be there until cf_directory_go. *out_came: it is the user's first time
 * there. CF_E_TOO_MANY: the user's seats are all taken. CF_E_NOMEM. `user` is copied. */
enum cf_error cf_directory_come(struct cf_directory *directory, struct cf_slice user,
                                struct cf_uuid room, struct cf_presence **out_presence,
                                bool *out_came);
/* Takes one coming back, the presence being the user's and the room's. *out_went: it was the last.
 */
void cf_directory_go(struct cf_directory *directory, struct cf_presence *presence, bool *out_went);
/* Comes into a room and takes a seat there, which has a name and is found by its user. Errors and
 * *out_came as above. user and name are copied. */
enum cf_error cf_directory_sit(struct cf_directory *directory, struct cf_slice user,
                               struct cf_slice name, struct cf_uuid room,
                               struct cf_seat_place place, struct cf_seat **out_seat,
                               bool *out_came);
/* Frees the seat, and goes. */
void cf_directory_rise(struct cf_directory *directory, struct cf_seat *seat, bool *out_went);
/* The places of a user's seats, the longest taken first, at most `max`; returns how many. */
size_t cf_directory_places(const struct cf_directory *directory, struct cf_slice user,
                           struct cf_seat_place *out_places, size_t max);
/* Calls `visit` for each user in the room (once a user, with the name of the newest seat there, if
 * there is one), in the order in which they came, at most `max`. */
void cf_directory_present(const struct cf_directory *directory, struct cf_uuid room, size_t max,
                          void (*visit)(void *context, struct cf_slice user, struct cf_slice name),
                          void *context);
size_t cf_directory_streams(const struct cf_directory *directory);
size_t cf_directory_rooms(const struct cf_directory *directory);
/* The rooms with the most streams, most first, equal ones by id, at most `max`; returns how many.
 * Time grows with the number of rooms and the logarithm of `max`; nothing is allocated. */
size_t cf_directory_busiest(const struct cf_directory *directory,
                            struct cf_directory_room *out_rooms, size_t max);

#endif
