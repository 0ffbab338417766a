/* Conversations as JSON: what the events and the REST answers have in common. What people have
 * written goes out with `& < > " '` escaped for HTML (seed 003, 3.4.3); it is stored as it was
 * sent. */
#ifndef CF_DIALECT_TALK_ROWS_H
#define CF_DIALECT_TALK_ROWS_H

#include "port/store.h"
#include "json/writer.h"

/* A user id: a number when it is all digits and a client can hold it exactly, else a string. */
void cf_talk_write_user(struct cf_json_writer *w, struct cf_slice user);
/* {"id","conversationId","senderId","senderName","text","clientMessageId","createdAt","seq"}, with
 * "receipts" when they are wanted. */
void cf_talk_write_message(struct cf_json_writer *w, const struct cf_talk_message *message,
                           bool receipts);
/* {"messageId","conversationId","readBy","readAt"}, or deliveredTo and deliveredAt. */
void cf_talk_write_mark(struct cf_json_writer *w, const struct cf_talk_mark *mark);
void cf_talk_write_talk(struct cf_json_writer *w, const struct cf_talk_row *talk);

#endif
