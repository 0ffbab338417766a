/* What people can ask for, as rules see it: each function checks its values and gives the store
 * request that does it, or says which value is against which rule. The permission itself is the
 * store's to check, in the transaction. */
#ifndef CF_CHAT_COMMAND_H
#define CF_CHAT_COMMAND_H

#include "port/entropy.h"
#include "port/identity.h"
#include "port/store.h"

enum {
    CF_CHAT_TEXT_MAX = 10000,    /* code points of a shop message */
    CF_CHAT_ROOM_NAME_MAX = 200, /* code points */
    CF_CHAT_CLIENT_ID_MAX = 128, /* bytes, printable ASCII */
    CF_CHAT_REACTION_MAX = 16,   /* code points: one emoji with all its modifiers */
    CF_CHAT_LIST_MAX = 100,
};

enum cf_chat_field {
    CF_FIELD_NONE,
    CF_FIELD_ROOM_NAME,
    CF_FIELD_TEXT,
    CF_FIELD_USER,
    CF_FIELD_USER_NAME,
    CF_FIELD_CLIENT_ID,
    CF_FIELD_PAGE,
    CF_FIELD_LIMIT,
    CF_FIELD_TALK,
    CF_FIELD_TITLE,
    CF_FIELD_PEOPLE,
    CF_FIELD_MESSAGE,
    CF_FIELD_GROUPS,
    CF_FIELD_SINCE,
    CF_FIELD_METADATA,
    CF_FIELD_SIZE,
};

/* Who asks, and with what. */
struct cf_asker {
    const struct cf_identity *identity;
    const struct cf_entropy *entropy;
    struct cf_now now;
};

/* Each: CF_E_INVALID (empty, control characters), CF_E_TOO_LARGE (too long) or CF_E_UTF8 with
 * *out_field, CF_E_NOMEM. Slices are copied. */
enum cf_error cf_chat_room_create(const struct cf_asker *asker, struct cf_slice name,
                                  struct cf_store_request **out, enum cf_chat_field *out_field);
enum cf_error cf_chat_rooms(const struct cf_asker *asker, struct cf_store_request **out);
enum cf_error cf_chat_member_get(const struct cf_asker *asker, struct cf_uuid room,
                                 struct cf_store_request **out);
enum cf_error cf_chat_members(const struct cf_asker *asker, struct cf_uuid room,
                              struct cf_store_request **out);
enum cf_error cf_chat_member_put(const struct cf_asker *asker, struct cf_uuid room,
                                 struct cf_slice user, struct cf_slice user_name, enum cf_role role,
                                 struct cf_store_request **out, enum cf_chat_field *out_field);
enum cf_error cf_chat_member_remove(const struct cf_asker *asker, struct cf_uuid room,
                                    struct cf_slice user, struct cf_store_request **out,
                                    enum cf_chat_field *out_field);

/* A message's words. `client_id` and `image`: ptr == NULL when there is none. With an image the
 * text may be empty. `message`: the id to give, nil for a new one. */
struct cf_chat_draft {
    struct cf_uuid room, message;
    struct cf_slice text, client_id, image;
};
enum cf_error cf_chat_post(const struct cf_asker *asker, const struct cf_chat_draft *draft,
                           struct cf_store_request **out, enum cf_chat_field *out_field);
enum cf_error cf_chat_edit(const struct cf_asker *asker, struct cf_uuid message,
                           struct cf_slice text, struct cf_store_request **out,
                           enum cf_chat_field *out_field);
enum cf_error cf_chat_delete(const struct cf_asker *asker, struct cf_uuid message,
                             struct cf_store_request **out);
/* draft->message is the message that gets the image; an empty text leaves the old one. */
enum cf_error cf_chat_image_set(const struct cf_asker *asker, const struct cf_chat_draft *draft,
                                struct cf_store_request **out, enum cf_chat_field *out_field);
enum cf_error cf_chat_image_remove(const struct cf_asker *asker, struct cf_uuid message,
                                   struct cf_store_request **out);
enum cf_error cf_chat_message_get(const struct cf_asker *asker, struct cf_uuid message,
                                  struct cf_store_request **out);
/* `page` from 1, `limit` 1 to CF_CHAT_LIST_MAX. */
enum cf_error cf_chat_page(const struct cf_asker *asker, struct cf_uuid room, uint32_t page,
                           uint32_t limit, struct cf_store_request **out,
                           enum cf_chat_field *out_field);
enum cf_error cf_chat_since(const struct cf_asker *asker, struct cf_uuid room, cf_us since,
                            uint32_t limit, struct cf_store_request **out,
                            enum cf_chat_field *out_field);
/* 1 to CF_CHAT_REACTION_MAX code points without control characters; errors as above. */
enum cf_error cf_chat_reaction_check(struct cf_slice reaction);
/* Stores or refreshes the asker's row. */
enum cf_error cf_chat_user_put(const struct cf_asker *asker, struct cf_store_request **out);

#endif
