#include "chat/rules.h"

enum cf_error cf_chat_reaction_check(struct cf_slice reaction)
{
    return cf_rule_line(reaction, CF_CHAT_REACTION_MAX);
}

static enum cf_error ask_room(const struct cf_asker *asker, enum cf_store_op op,
                              struct cf_uuid room, struct cf_store_request **out)
{
    enum cf_error error = cf_ask_begin(asker, op, out);
    if (error == CF_OK)
        (*out)->room = room;
    return error;
}

static enum cf_error ask_message(const struct cf_asker *asker, enum cf_store_op op,
                                 struct cf_uuid message, struct cf_store_request **out)
{
    enum cf_error error = cf_ask_begin(asker, op, out);
    if (error == CF_OK)
        (*out)->message = message;
    return error;
}

/* ---- rooms and members ---- */

enum cf_error cf_chat_room_create(const struct cf_asker *asker, struct cf_slice name,
                                  struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error =
        cf_rule_blame(cf_rule_line(name, CF_CHAT_ROOM_NAME_MAX), CF_FIELD_ROOM_NAME, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_ROOM_CREATE, cf_ask_new_id(asker), &request);
    if (error != CF_OK)
        return error;
    return cf_ask_finish(request, cf_arena_copy(&request->arena, name, &request->name), out);
}

enum cf_error cf_chat_rooms(const struct cf_asker *asker, struct cf_store_request **out)
{
    return cf_ask_begin(asker, CF_STORE_ROOMS_OF, out);
}

enum cf_error cf_chat_member_get(const struct cf_asker *asker, struct cf_uuid room,
                                 struct cf_store_request **out)
{
    return ask_room(asker, CF_STORE_MEMBER_GET, room, out);
}

enum cf_error cf_chat_members(const struct cf_asker *asker, struct cf_uuid room,
                              struct cf_store_request **out)
{
    return ask_room(asker, CF_STORE_MEMBERS_OF, room, out);
}

enum cf_error cf_chat_member_put(const struct cf_asker *asker, struct cf_uuid room,
                                 struct cf_slice user, struct cf_slice user_name, enum cf_role role,
                                 struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = cf_rule_person(user, user_name, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MEMBER_PUT, room, &request);
    if (error != CF_OK)
        return error;
    request->role = role;
    return cf_ask_finish(request, cf_ask_copy_person(request, user, user_name), out);
}

enum cf_error cf_chat_member_remove(const struct cf_asker *asker, struct cf_uuid room,
                                    struct cf_slice user, struct cf_store_request **out,
                                    enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = cf_rule_blame(cf_rule_user(user), CF_FIELD_USER, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MEMBER_REMOVE, room, &request);
    if (error != CF_OK)
        return error;
    return cf_ask_finish(request, cf_arena_copy(&request->arena, user, &request->user), out);
}

enum cf_error cf_chat_user_put(const struct cf_asker *asker, struct cf_store_request **out)
{
    return cf_ask_begin(asker, CF_STORE_USER_PUT, out);
}

/* ---- messages ---- */

enum cf_error cf_chat_post(const struct cf_asker *asker, const struct cf_chat_draft *draft,
                           struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    bool has_image = draft->image.ptr != NULL;
    enum cf_error error = cf_rule_blame(cf_rule_text(draft->text, CF_CHAT_TEXT_MAX, has_image),
                                        CF_FIELD_TEXT, out_field);
    if (error == CF_OK)
        error = cf_rule_blame(cf_rule_client_id(draft->client_id), CF_FIELD_CLIENT_ID, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MESSAGE_CREATE, draft->room, &request);
    if (error != CF_OK)
        return error;
    request->message = cf_uuid_is_nil(&draft->message) ? cf_ask_new_id(asker) : draft->message;
    error = cf_arena_copy(&request->arena, draft->text, &request->text);
    if (error == CF_OK)
        error = cf_ask_copy_optional(request, draft->client_id, &request->client_id);
    if (error == CF_OK)
        error = cf_ask_copy_optional(request, draft->image, &request->image);
    return cf_ask_finish(request, error, out);
}

enum cf_error cf_chat_edit(const struct cf_asker *asker, struct cf_uuid message,
                           struct cf_slice text, struct cf_store_request **out,
                           enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error =
        cf_rule_blame(cf_rule_text(text, CF_CHAT_TEXT_MAX, false), CF_FIELD_TEXT, out_field);
    if (error == CF_OK)
        error = ask_message(asker, CF_STORE_MESSAGE_EDIT, message, &request);
    if (error != CF_OK)
        return error;
    return cf_ask_finish(request, cf_arena_copy(&request->arena, text, &request->text), out);
}

enum cf_error cf_chat_delete(const struct cf_asker *asker, struct cf_uuid message,
                             struct cf_store_request **out)
{
    return ask_message(asker, CF_STORE_MESSAGE_DELETE, message, out);
}

enum cf_error cf_chat_image_set(const struct cf_asker *asker, const struct cf_chat_draft *draft,
                                struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error =
        cf_rule_blame(cf_rule_text(draft->text, CF_CHAT_TEXT_MAX, true), CF_FIELD_TEXT, out_field);
    if (error == CF_OK)
        error = ask_message(asker, CF_STORE_MESSAGE_IMAGE_SET, draft->message, &request);
    if (error != CF_OK)
        return error;
    request->room = draft->room;
    error = cf_arena_copy(&request->arena, draft->text, &request->text);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, draft->image, &request->image);
    return cf_ask_finish(request, error, out);
}

enum cf_error cf_chat_image_remove(const struct cf_asker *asker, struct cf_uuid message,
                                   struct cf_store_request **out)
{
    return ask_message(asker, CF_STORE_MESSAGE_IMAGE_REMOVE, message, out);
}

enum cf_error cf_chat_message_get(const struct cf_asker *asker, struct cf_uuid message,
                                  struct cf_store_request **out)
{
    return ask_message(asker, CF_STORE_MESSAGE_GET, message, out);
}

/* ---- lists ---- */

enum cf_error cf_chat_page(const struct cf_asker *asker, struct cf_uuid room, uint32_t page,
                           uint32_t limit, struct cf_store_request **out,
                           enum cf_chat_field *out_field)
{
    enum cf_error error = cf_rule_blame(page < 1 ? CF_E_INVALID : CF_OK, CF_FIELD_PAGE, out_field);
    if (error == CF_OK)
        error = cf_rule_blame(cf_rule_limit(limit), CF_FIELD_LIMIT, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MESSAGES_PAGE, room, out);
    if (error != CF_OK)
        return error;
    (*out)->page = page;
    (*out)->limit = limit;
    return CF_OK;
}

enum cf_error cf_chat_since(const struct cf_asker *asker, struct cf_uuid room, cf_us since,
                            uint32_t limit, struct cf_store_request **out,
                            enum cf_chat_field *out_field)
{
    enum cf_error error = cf_rule_blame(cf_rule_limit(limit), CF_FIELD_LIMIT, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MESSAGES_SINCE, room, out);
    if (error != CF_OK)
        return error;
    (*out)->since = since;
    (*out)->limit = limit;
    return CF_OK;
}
