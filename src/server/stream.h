/* A shop stream: who owns the line of a session, from the upgrade request to the last close frame.
 */
#ifndef CF_SERVER_STREAM_H
#define CF_SERVER_STREAM_H

#include "chat/hub.h"
#include "dialect/shop/stream.h"
#include "server/session.h"

struct cf_exchange;

/* Why a stream ends, when it is our doing or the peer's. */
enum cf_stream_end {
    CF_STREAM_LIVE, /* it does not */
    CF_STREAM_BY_CLIENT,
    CF_STREAM_PROTOCOL,
    CF_STREAM_PONG,
    CF_STREAM_SLOW,
    CF_STREAM_EXPIRED,
    CF_STREAM_REMOVED,
    CF_STREAM_SHUTDOWN,
    CF_STREAM_PROBED, /* silent when a sixth stream asked for its seat */
    CF_STREAM_LOST,   /* we could not tell it everything */
};

struct cf_stream {
    struct cf_session *session;
    struct cf_subscriber subscriber;
    struct cf_seat *seat;
    struct cf_uuid shop;
    cf_us expires;                /* the token's */
    cf_ms opened;                 /* 0: the upgrade has not been answered yet */
    cf_ms probe_until;            /* CF_MS_NEVER: no probe is out */
    bool probe_answered;          /* something was heard since the probe */
    struct cf_shop_talker talker; /* v2 */
    uint8_t version;
    uint8_t end; /* enum cf_stream_end */
    uint16_t user_len, name_len;
    uint8_t people[]; /* user id, then name */
};

/* The request on a stream path: checks it, and either answers the refusal or asks the store for the
 * membership. */
void cf_stream_ask(struct cf_session *session, struct cf_exchange *exchange);
/* The store has answered (a job of the worker). */
void cf_stream_member_done(struct cf_worker *worker, struct cf_session *session,
                           struct cf_store_request *request);
/* The 101 is queued: the stream is live. `bytes`: what the peer sent behind its request. */
void cf_stream_begin(struct cf_stream *stream, struct cf_slice bytes);
/* Queues shared frames, or cuts the stream off as a slow consumer (false). */
bool cf_stream_deliver(struct cf_stream *stream, struct cf_shared *bytes, uint32_t messages);
/* Says goodbye with the close code and text of that end; once. */
void cf_stream_close(struct cf_stream *stream, enum cf_stream_end end);
/* Pings; silence for 5 s from now drops it. */
void cf_stream_probe(struct cf_stream *stream);
struct cf_slice cf_stream_user(const struct cf_stream *stream);
/* NULL: the session's line is no stream's. */
struct cf_stream *cf_stream_of_session(const struct cf_session *session);
/* The connection is gone, or has never become a stream's. */
void cf_stream_free(struct cf_stream *stream, enum cf_error why);

static inline struct cf_stream *cf_stream_of_subscriber(struct cf_subscriber *subscriber)
{
    return CF_CONTAINER_OF(subscriber, struct cf_stream, subscriber);
}

#endif
