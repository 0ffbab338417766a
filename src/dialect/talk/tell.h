/* What the server says on a socket: Socket.IO packets, without what carries them. */
#ifndef CF_DIALECT_TALK_TELL_H
#define CF_DIALECT_TALK_TELL_H

#include "chat/event.h"
#include "dialect/talk/rows.h"

/* Appends the event's packet. *out_any false: it is not told on sockets. What has a number in the
 * store carries it as its last argument, the offset of connection state recovery. CF_E_TOO_LARGE,
 * CF_E_NOMEM. */
enum cf_error cf_talk_event_encode(const struct cf_event *event, struct cf_buf *out, bool *out_any);
/* The same packets, out of the store. */
enum cf_error cf_talk_message_packet(const struct cf_talk_message *message, struct cf_buf *out);
enum cf_error cf_talk_mark_packet(const struct cf_talk_mark *mark, struct cf_buf *out);

/* `presence:state`, and the ack of a join or leave (its `packet` begun): who is there, a user a
 * call in between. */
struct cf_talk_present {
    struct cf_json_writer w;
    bool is_ack;
};
enum cf_error cf_talk_present_begin(struct cf_talk_present *present, int64_t talk, bool is_ack,
                                    struct cf_buf *out);
void cf_talk_present_add(struct cf_talk_present *present, struct cf_slice user);
enum cf_error cf_talk_present_end(struct cf_talk_present *present);

/* The arguments of an ack, `[{…}]`. */
enum cf_error cf_talk_ack_done(struct cf_buf *out);
enum cf_error cf_talk_ack_sent(const struct cf_talk_message *message, struct cf_buf *out);
/* `retry_ms` 0: none. */
enum cf_error cf_talk_ack_refused(enum cf_error why, const char *message, cf_ms retry_ms,
                                  struct cf_buf *out);
/* `message:ack` to the sender's socket; `message` NULL: it was refused. */
enum cf_error cf_talk_sent_packet(struct cf_slice client_id, const struct cf_talk_message *message,
                                  enum cf_error why, struct cf_buf *out);
/* {"success":true,"messageId":…,"message":{…}}: the ack's object, and the HTTP answer. */
void cf_talk_write_sent(struct cf_json_writer *w, const struct cf_talk_message *message);
/* The code of an error: not_participant, invalid, too_long, rate_limited, conflict, unavailable. */
const char *cf_talk_code(enum cf_error error);
/* What it means, for people. */
const char *cf_talk_text(enum cf_error error);

#endif
