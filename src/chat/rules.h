/* What the commands of all dialects are made with: rules for values, and the beginning and end of a
 * store request. The folder's own. */
#ifndef CF_CHAT_RULES_H
#define CF_CHAT_RULES_H

#include "chat/command.h"

/* Valid UTF-8 of at most `points_max` code points: CF_E_TOO_LARGE, CF_E_UTF8. */
enum cf_error cf_rule_points(struct cf_slice text, size_t points_max);
/* Text of 1 to `points_max` code points without NUL (of none, when it may be empty). */
enum cf_error cf_rule_text(struct cf_slice text, size_t points_max, bool may_be_empty);
/* One line of 1 to `points_max` code points, without control characters. */
enum cf_error cf_rule_line(struct cf_slice line, size_t points_max);
/* What an identity may be, measured in bytes (port/identity.h). */
enum cf_error cf_rule_label(struct cf_slice label, size_t bytes_max);
enum cf_error cf_rule_user(struct cf_slice user);
/* Somebody who is to be let in, under a name. */
enum cf_error cf_rule_person(struct cf_slice user, struct cf_slice user_name,
                             enum cf_chat_field *out_field);
/* What a client calls its request: 1 to CF_CHAT_CLIENT_ID_MAX printable ASCII characters, or none
 * (ptr == NULL). */
enum cf_error cf_rule_client_id(struct cf_slice id);
/* 1 to CF_CHAT_LIST_MAX. */
enum cf_error cf_rule_limit(uint32_t limit);
/* `error` as it is; names the field when it is one. */
enum cf_error cf_rule_blame(enum cf_error error, enum cf_chat_field field,
                            enum cf_chat_field *out_field);

/* A request of the asker's. CF_E_NOMEM. */
enum cf_error cf_ask_begin(const struct cf_asker *asker, enum cf_store_op op,
                           struct cf_store_request **out);
/* As cf_arena_copy; none (ptr == NULL) stays none. */
enum cf_error cf_ask_copy_optional(struct cf_store_request *request, struct cf_slice bytes,
                                   struct cf_slice *out_copy);
/* As cf_arena_copy, of a user's id and name. */
enum cf_error cf_ask_copy_person(struct cf_store_request *request, struct cf_slice user,
                                 struct cf_slice user_name);
/* An id for what is to be made. */
struct cf_uuid cf_ask_new_id(const struct cf_asker *asker);
/* The last step of each: hands the request out, or frees it when a copy has failed. */
enum cf_error cf_ask_finish(struct cf_store_request *request, enum cf_error error,
                            struct cf_store_request **out);

#endif
