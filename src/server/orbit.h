/* An Orbital connection: who owns the line of a session, as stream.h does. It listens to as many
 * groups as its client subscribes to; all of them share one cursor, the server_timestamp of the
 * last frame. */
#ifndef CF_SERVER_ORBIT_H
#define CF_SERVER_ORBIT_H

#include "chat/hub.h"
#include "server/session.h"

struct cf_exchange;

/* Why it ends, when it is our doing or the peer's. */
enum cf_orbit_end {
    CF_ORBIT_LIVE, /* it does not */
    CF_ORBIT_BY_CLIENT,
    CF_ORBIT_PROTOCOL,
    CF_ORBIT_PONG,
    CF_ORBIT_SLOW,
    CF_ORBIT_EXPIRED,
    CF_ORBIT_SHUTDOWN,
    CF_ORBIT_LOST, /* we could not tell it everything */
};

struct cf_orbit {
    struct cf_session *session;
    struct cf_map groups; /* struct cf_subscription, by its group */
    cf_us expires;        /* the token's */
    cf_ms opened;
    cf_ms next_ping;
    cf_ms typing_since;           /* what typing has spent is from then on */
    struct cf_uuid typing_thread; /* the last sign that was passed on, and what it said */
    bool typing_on;
    uint8_t typing_spent; /* of a burst of signs */
    bool compressed;
    uint8_t pings;      /* sent since the last pong */
    uint8_t bad_frames; /* in a row */
    uint8_t end;        /* enum cf_orbit_end */
    uint16_t asks;      /* requests at the store that wait */
    uint32_t serial;    /* of the last subscribe */
    uint16_t user_len, name_len;
    uint8_t people[]; /* user id, then name */
};

/* One group that a connection has asked for. It is in the hub's room from the asking on, so that a
 * removal reaches it, but not live before the store has said that the user is a member. */
struct cf_subscription {
    struct cf_orbit *orbit;
    struct cf_subscriber subscriber;
    struct cf_uuid group;
    uint32_t serial; /* of the subscribe that decides about it */
};

/* The request on the stream's path: refuses it, or makes its connection an Orbital one. */
void cf_orbit_open(struct cf_exchange *exchange);
/* NULL: the session's line is none. */
struct cf_orbit *cf_orbit_of_session(const struct cf_session *session);
/* Queues shared frames, or cuts the connection off as a slow consumer (false). */
bool cf_orbit_deliver(struct cf_orbit *orbit, struct cf_shared *bytes, uint32_t messages);
/* Says goodbye with the close code and text of that end; once. */
void cf_orbit_close(struct cf_orbit *orbit, enum cf_orbit_end end);
/* Takes a subscription out of its room and frees it. */
void cf_orbit_unsubscribe(struct cf_subscription *subscription);

/* orbit_hear.c: the user is no member any more; who was not live yet hears why. */
void cf_orbit_removed(struct cf_subscription *subscription);
/* A text frame's payload has come, or a binary one's. */
void cf_orbit_hear(struct cf_orbit *orbit, struct cf_slice text);
void cf_orbit_hear_binary(struct cf_orbit *orbit);

/* Sends one frame's text; `error` is that of making it. */
void cf_orbit_send(struct cf_orbit *orbit, struct cf_slice text, enum cf_error error);
struct cf_slice cf_orbit_user(const struct cf_orbit *orbit);
struct cf_slice cf_orbit_name(const struct cf_orbit *orbit);

static inline struct cf_subscription *cf_subscription_of(struct cf_subscriber *subscriber)
{
    return CF_CONTAINER_OF(subscriber, struct cf_subscription, subscriber);
}

#endif
