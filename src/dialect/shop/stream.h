/* The WebSocket half of shop streams: events to frames' payloads, and what a v2 client may say.
 *
 * v1 (no subprotocol): one message object a text frame, for MESSAGE and MESSAGE_EDITED; nothing
 * else. v2 (confab.shop.v2): {"type":…,"data":{…}} for every kind but MEMBER_REMOVED, which is told
 * by closing:
 *
 *     message, message_edited   the message object
 *     message_deleted           id, shop_id
 *     presence                  shop_id, user_id, username, online, at
 *     presence_state            shop_id, online: [{user_id, username} …]
 *     typing                    shop_id, user_id, username, typing
 *     read                      shop_id, message_id, user_id, username, at
 *     reaction                  shop_id, message_id, user_id, username, reaction, action, at
 *     error                     code, message */
#ifndef CF_DIALECT_SHOP_STREAM_H
#define CF_DIALECT_SHOP_STREAM_H

#include "base/buf.h"
#include "base/time.h"
#include "chat/event.h"
#include "port/identity.h"

enum cf_shop_version { CF_SHOP_V1 = 1, CF_SHOP_V2 = 2 };

#define CF_SHOP_V2_PROTOCOL "confab.shop.v2"

/* Appends the JSON of an event in that version; *out_any = false (and nothing appended) when the
 * version has no word for it. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_shop_event_encode(const struct cf_event *event, enum cf_shop_version version,
                                   struct cf_buf *out, bool *out_any);
/* Who is there, the first thing that a v2 stream gets: begin, one user a call, end. */
enum cf_error cf_shop_presence_begin(struct cf_uuid room, struct cf_buf *out);
enum cf_error cf_shop_presence_user(struct cf_slice user, struct cf_slice name, bool first,
                                    struct cf_buf *out);
enum cf_error cf_shop_presence_end(struct cf_buf *out);

/* The answer when a message that was read or reacted to is not there for this client. */
#define CF_SHOP_NO_SUCH_MESSAGE                             \
    "{\"type\":\"error\",\"data\":{\"code\":\"not_found\"," \
    "\"message\":\"There is no such message in this shop.\"}}"

/* What a v2 client said. */
enum cf_shop_said {
    /* too often, dropped; or refused, with an answer in `reply` */
    CF_SHOP_SAID_NOTHING,
    /* {"type":"typing","data":{"typing":true}}: relay at once */
    CF_SHOP_SAID_TYPING,
    /* {"type":"read","data":{"message_id":…}}: check the message, then relay */
    CF_SHOP_SAID_READ,
    /* {"type":"reaction","data":{"message_id":…,"reaction":"👍","action":"add"|"remove"}}: same. An
     * absent action is "add". */
    CF_SHOP_SAID_REACTION,
};

/* A client's allowance: that somebody types every 100 ms, the rest (that they stopped, too) 10 a
 * second with a burst of 20. Typing above it is dropped, the rest refused. Zeroed at the start. */
struct cf_shop_talker {
    cf_ms typing_next;
    cf_ms refilled;
    uint32_t spent;
    uint32_t bad; /* malformed ones in a row; the tenth closes the stream */
};

/* Reads one text message, of at most 4 KiB. *out_event (kind, room, user, user_name, message.id,
 * reaction, on, at) borrows the arena and the identity; pass it to cf_event_new. A refusal appends
 * {"type":"error","data":{"code":…,"message":…}} to `reply`; codes bad_json, too_large,
 * unknown_type, invalid, rate_limited. CF_E_PROTOCOL: close the stream (1008), behind the reply.
 * CF_E_NOMEM; CF_E_TOO_LARGE when the reply does not fit. */
enum cf_error cf_shop_hear(struct cf_shop_talker *talker, struct cf_slice text, struct cf_uuid room,
                           const struct cf_identity *identity, struct cf_now now,
                           const uint8_t hash_key[16], struct cf_arena *arena,
                           enum cf_shop_said *out_said, struct cf_event *out_event,
                           struct cf_buf *reply);

#endif
