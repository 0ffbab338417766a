/* What people can ask for in conversations ("talks"), as rules see it: the counterpart of
 * command.h. Each function checks its values and gives the store request that does it, or says
 * which value is against which rule. Whether the asker takes part is the store's to check. */
#ifndef CF_CHAT_TALK_H
#define CF_CHAT_TALK_H

#include "chat/command.h"

enum {
    CF_TALK_TEXT_MAX = 1000,   /* code points (seed 001, 6.3) */
    CF_TALK_TITLE_MAX = 200,   /* code points */
    CF_TALK_PEOPLE_MAX = 1000, /* named in one request */
    CF_TALK_LIST_MAX = 100,    /* messages of one answer */
    CF_TALK_TALKS_MAX = 1000,  /* talks of one answer */
    CF_TALK_REPLAY_MAX = 1000, /* events replayed to a recovered socket */
    CF_TALK_REPLAY_SECONDS = 120,
};

/* The rooms in which a talk's, and a user's own events are told. Neither is ever a shop's id. A
 * user's is a keyed hash of 120 bits: two users in one room are as likely as a guessed session. */
struct cf_uuid cf_talk_room(int64_t talk);
struct cf_uuid cf_talk_user_room(const uint8_t hash_key[16], struct cf_slice user);

/* Each: CF_E_INVALID, CF_E_TOO_LARGE or CF_E_UTF8 with *out_field, CF_E_NOMEM. Slices are copied.
 */

/* `title` may be empty. */
enum cf_error cf_talk_create(const struct cf_asker *asker, enum cf_talk_kind kind,
                             struct cf_slice title, const struct cf_slice *users, size_t count,
                             struct cf_store_request **out, enum cf_chat_field *out_field);
enum cf_error cf_talk_list(const struct cf_asker *asker, struct cf_store_request **out);
enum cf_error cf_talk_add(const struct cf_asker *asker, int64_t talk, const struct cf_slice *users,
                          size_t count, struct cf_store_request **out,
                          enum cf_chat_field *out_field);
enum cf_error cf_talk_remove(const struct cf_asker *asker, int64_t talk, struct cf_slice user,
                             struct cf_store_request **out, enum cf_chat_field *out_field);
enum cf_error cf_talk_messages(const struct cf_asker *asker, int64_t talk, enum cf_talk_range range,
                               int64_t from, uint32_t limit, struct cf_store_request **out,
                               enum cf_chat_field *out_field);
/* `client_id`: a UUID in any case; stored in lower case. */
enum cf_error cf_talk_send(const struct cf_asker *asker, int64_t talk, struct cf_slice text,
                           struct cf_slice client_id, struct cf_store_request **out,
                           enum cf_chat_field *out_field);
enum cf_error cf_talk_mark(const struct cf_asker *asker, int64_t message,
                           enum cf_talk_mark_kind mark, struct cf_store_request **out,
                           enum cf_chat_field *out_field);

/* A socket's memory in the store: `op` is one of CF_STORE_SOCKET_*. What the operation does not use
 * may be empty or 0. */
enum cf_error cf_talk_socket(const struct cf_asker *asker, enum cf_store_op op, struct cf_slice pid,
                             int64_t talk, struct cf_store_request **out,
                             enum cf_chat_field *out_field);

#endif
