/* The directory and the attempt limits behind their lock: who is connected, over all workers. */
#ifndef CF_SERVER_PEOPLE_H
#define CF_SERVER_PEOPLE_H

#include "server/server.h"

/* One more upgrade attempt of a user; errors as cf_attempts_take. */
enum cf_error cf_people_attempt(struct cf_server *server, struct cf_slice user, cf_ms now,
                                cf_ms *out_retry_ms);
/* One more upgrade attempt from an address (of IPv6 its /64, which is what one customer has). */
enum cf_error cf_people_attempt_from(struct cf_server *server, const struct cf_address *address,
                                     cf_ms now, cf_ms *out_retry_ms);
/* As cf_directory_sit; the room is told when somebody came. When the user's seats are all taken,
 * their streams are asked for a sign of life, so that those of a phone that changed networks are
 * gone at its next try. */
enum cf_error cf_people_sit(struct cf_server *server, struct cf_slice user, struct cf_slice name,
                            struct cf_uuid room, struct cf_seat_place place,
                            struct cf_seat **out_seat);
/* Frees the seat of that user in that room; the room is told when they are gone. */
void cf_people_rise(struct cf_server *server, struct cf_seat *seat, struct cf_slice user,
                    struct cf_slice name, struct cf_uuid room);
/* The first frame's payload of a v2 stream: who is in the room. */
enum cf_error cf_people_present(struct cf_server *server, struct cf_uuid room, struct cf_buf *out);
/* A socket's presence in a conversation: the participants who are there are told when somebody came
 * or went, but not the socket that did, at `place`. CF_E_TOO_MANY, CF_E_NOMEM. */
enum cf_error cf_people_come(struct cf_server *server, struct cf_slice user, int64_t talk,
                             struct cf_seat_place place, struct cf_presence **out_presence);
void cf_people_go(struct cf_server *server, struct cf_presence *presence, struct cf_slice user,
                  int64_t talk, struct cf_seat_place place);
/* Calls `visit` for each user who is in the conversation; `name` is empty. */
void cf_people_in_talk(struct cf_server *server, int64_t talk,
                       void (*visit)(void *context, struct cf_slice user, struct cf_slice name),
                       void *context);
/* Takes one of the user's messages of this second; errors as cf_rates_take. */
enum cf_error cf_people_rate(struct cf_server *server, struct cf_slice user, cf_ms now,
                             cf_ms *out_retry_ms);
void cf_people_counts(struct cf_server *server, size_t *out_streams, size_t *out_rooms);
/* The busiest rooms, as cf_directory_busiest. */
size_t cf_people_busiest(struct cf_server *server, struct cf_directory_room *out_rooms, size_t max);

#endif
