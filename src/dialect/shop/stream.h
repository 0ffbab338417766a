/* The WebSocket half of shop streams: events to frames' payloads, and what a v2 client may say.
 *
 * v1 (no subprotocol): one message object a text frame, for MESSAGE and MESSAGE_EDITED; nothing
 * else. v2 (confab.shop.v2): {"type":…,"data":{…}} for every kind. */
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

/* What a v2 client said. */
enum cf_shop_said {
    CF_SHOP_SAID_NOTHING, /* too often, dropped; or refused, with an answer in `reply` */
    CF_SHOP_SAID_TYPING,  /* {"type":"typing","data":{"typing":true}}: relay at once */
    CF_SHOP_SAID_READ, /* {"type":"read","data":{"message_id":…}}: check the message, then relay */
    CF_SHOP_SAID_REACTION /* {"type":"reaction","data":{"message_id":…,"reaction":"👍","action":"add"|"remove"}}:
                             same */
};

/* A client's allowance: typing every 100 ms, the rest 10 a second with a burst of 20. Zeroed at the
 * start. */
struct cf_shop_talker {
    cf_ms typing_next;
    cf_ms refilled;
    uint32_t spent;
    uint32_t bad; /* malformed ones; the tenth in a row closes the stream */
};

/* Reads one text message. *out_event (kind, room, user, user_name, message.id, reaction, on, at)
 * borrows `text`'s arena; pass it to cf_event_new. A refusal appends
 * {"type":"error","data":{"code":…,"message":…}} to `reply`. CF_E_PROTOCOL: close the stream
 * (1008). CF_E_NOMEM. */
enum cf_error cf_shop_hear(struct cf_shop_talker *talker, struct cf_slice text, struct cf_uuid room,
                           const struct cf_identity *identity, struct cf_now now,
                           const uint8_t hash_key[16], struct cf_arena *arena,
                           enum cf_shop_said *out_said, struct cf_event *out_event,
                           struct cf_buf *reply);

#endif
