#include "chat/command.h"

#include "base/utf8.h"

enum { UTF8_BYTES_MAX = 4 }; /* of one code point */

/* ---- rules ---- */

/* C0, DEL and C1 (as UTF-8: C2 80 to C2 9F): nothing that a name on a screen may hold. */
static bool has_control(struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7F)
            return true;
        if (text.ptr[i] == 0xC2 && i + 1 < text.len && text.ptr[i + 1] < 0xA0)
            return true;
    }
    return false;
}

/* Valid UTF-8 of at most `points_max` code points. */
static enum cf_error check_points(struct cf_slice text, size_t points_max)
{
    if (text.len > points_max * UTF8_BYTES_MAX)
        return CF_E_TOO_LARGE;
    if (!cf_utf8_valid(text))
        return CF_E_UTF8;
    return cf_utf8_count(text) > points_max ? CF_E_TOO_LARGE : CF_OK;
}

static enum cf_error check_text(struct cf_slice text, bool may_be_empty)
{
    if (text.len == 0)
        return may_be_empty ? CF_OK : CF_E_INVALID;
    enum cf_error error = check_points(text, CF_CHAT_TEXT_MAX);
    if (error != CF_OK)
        return error;
    return cf_slice_find(text, '\0') < text.len ? CF_E_INVALID : CF_OK;
}

/* One line of 1 to `points_max` code points. */
static enum cf_error check_line(struct cf_slice line, size_t points_max)
{
    enum cf_error error = check_points(line, points_max);
    if (error != CF_OK)
        return error;
    return line.len == 0 || has_control(line) ? CF_E_INVALID : CF_OK;
}

enum cf_error cf_chat_reaction_check(struct cf_slice reaction)
{
    return check_line(reaction, CF_CHAT_REACTION_MAX);
}

/* What an identity may be is measured in bytes (port/identity.h). */
static enum cf_error check_label(struct cf_slice label, size_t bytes_max)
{
    if (label.len > bytes_max)
        return CF_E_TOO_LARGE;
    if (!cf_utf8_valid(label))
        return CF_E_UTF8;
    return has_control(label) ? CF_E_INVALID : CF_OK;
}

static enum cf_error check_user(struct cf_slice user)
{
    return user.len == 0 ? CF_E_INVALID : check_label(user, CF_USER_ID_MAX);
}

static enum cf_error check_client_id(struct cf_slice id)
{
    if (id.ptr == NULL)
        return CF_OK;
    if (id.len == 0)
        return CF_E_INVALID;
    if (id.len > CF_CHAT_CLIENT_ID_MAX)
        return CF_E_TOO_LARGE;
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] < 0x20 || id.ptr[i] > 0x7E)
            return CF_E_INVALID;
    }
    return CF_OK;
}

/* `error` as it is; names the field when it is one. */
static enum cf_error blame(enum cf_error error, enum cf_chat_field field,
                           enum cf_chat_field *out_field)
{
    if (error != CF_OK)
        *out_field = field;
    return error;
}

/* ---- requests ---- */

static struct cf_uuid fresh_id(const struct cf_asker *asker)
{
    uint8_t random[10];
    asker->entropy->fill(asker->entropy->context, random, sizeof(random));
    return cf_uuid_v7(asker->now.us, random);
}

static enum cf_error begin(const struct cf_asker *asker, enum cf_store_op op,
                           struct cf_store_request **out)
{
    struct cf_store_request *request = cf_store_request_new(op);
    if (request == NULL)
        return CF_E_NOMEM;
    request->now = asker->now.us;
    enum cf_error error =
        cf_arena_copy(&request->arena, cf_identity_user(asker->identity), &request->actor);
    if (error == CF_OK)
        error =
            cf_arena_copy(&request->arena, cf_identity_name(asker->identity), &request->actor_name);
    if (error != CF_OK) {
        cf_store_request_free(request);
        return error;
    }
    *out = request;
    return CF_OK;
}

/* The last step of each: hands the request out, or frees it when a copy has failed. */
static enum cf_error finish(struct cf_store_request *request, enum cf_error error,
                            struct cf_store_request **out)
{
    if (error != CF_OK)
        cf_store_request_free(request);
    else
        *out = request;
    return error;
}

/* As cf_arena_copy; none (ptr == NULL) stays none. */
static enum cf_error copy_optional(struct cf_store_request *request, struct cf_slice bytes,
                                   struct cf_slice *out_copy)
{
    return bytes.ptr == NULL ? CF_OK : cf_arena_copy(&request->arena, bytes, out_copy);
}

static enum cf_error ask_room(const struct cf_asker *asker, enum cf_store_op op,
                              struct cf_uuid room, struct cf_store_request **out)
{
    enum cf_error error = begin(asker, op, out);
    if (error == CF_OK)
        (*out)->room = room;
    return error;
}

static enum cf_error ask_message(const struct cf_asker *asker, enum cf_store_op op,
                                 struct cf_uuid message, struct cf_store_request **out)
{
    enum cf_error error = begin(asker, op, out);
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
        blame(check_line(name, CF_CHAT_ROOM_NAME_MAX), CF_FIELD_ROOM_NAME, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_ROOM_CREATE, fresh_id(asker), &request);
    if (error != CF_OK)
        return error;
    return finish(request, cf_arena_copy(&request->arena, name, &request->name), out);
}

enum cf_error cf_chat_rooms(const struct cf_asker *asker, struct cf_store_request **out)
{
    return begin(asker, CF_STORE_ROOMS_OF, out);
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
    enum cf_error error = blame(check_user(user), CF_FIELD_USER, out_field);
    if (error == CF_OK)
        error = blame(check_label(user_name, CF_USER_NAME_MAX), CF_FIELD_USER_NAME, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MEMBER_PUT, room, &request);
    if (error != CF_OK)
        return error;
    request->role = role;
    error = cf_arena_copy(&request->arena, user, &request->user);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, user_name, &request->user_name);
    return finish(request, error, out);
}

enum cf_error cf_chat_member_remove(const struct cf_asker *asker, struct cf_uuid room,
                                    struct cf_slice user, struct cf_store_request **out,
                                    enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = blame(check_user(user), CF_FIELD_USER, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MEMBER_REMOVE, room, &request);
    if (error != CF_OK)
        return error;
    return finish(request, cf_arena_copy(&request->arena, user, &request->user), out);
}

enum cf_error cf_chat_user_put(const struct cf_asker *asker, struct cf_store_request **out)
{
    return begin(asker, CF_STORE_USER_PUT, out);
}

/* ---- messages ---- */

enum cf_error cf_chat_post(const struct cf_asker *asker, const struct cf_chat_draft *draft,
                           struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    bool has_image = draft->image.ptr != NULL;
    enum cf_error error = blame(check_text(draft->text, has_image), CF_FIELD_TEXT, out_field);
    if (error == CF_OK)
        error = blame(check_client_id(draft->client_id), CF_FIELD_CLIENT_ID, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MESSAGE_CREATE, draft->room, &request);
    if (error != CF_OK)
        return error;
    request->message = cf_uuid_is_nil(&draft->message) ? fresh_id(asker) : draft->message;
    error = cf_arena_copy(&request->arena, draft->text, &request->text);
    if (error == CF_OK)
        error = copy_optional(request, draft->client_id, &request->client_id);
    if (error == CF_OK)
        error = copy_optional(request, draft->image, &request->image);
    return finish(request, error, out);
}

enum cf_error cf_chat_edit(const struct cf_asker *asker, struct cf_uuid message,
                           struct cf_slice text, struct cf_store_request **out,
                           enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = blame(check_text(text, false), CF_FIELD_TEXT, out_field);
    if (error == CF_OK)
        error = ask_message(asker, CF_STORE_MESSAGE_EDIT, message, &request);
    if (error != CF_OK)
        return error;
    return finish(request, cf_arena_copy(&request->arena, text, &request->text), out);
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
    enum cf_error error = blame(check_text(draft->text, true), CF_FIELD_TEXT, out_field);
    if (error == CF_OK)
        error = ask_message(asker, CF_STORE_MESSAGE_IMAGE_SET, draft->message, &request);
    if (error != CF_OK)
        return error;
    request->room = draft->room;
    error = cf_arena_copy(&request->arena, draft->text, &request->text);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, draft->image, &request->image);
    return finish(request, error, out);
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

static enum cf_error check_limit(uint32_t limit)
{
    return limit < 1 || limit > CF_CHAT_LIST_MAX ? CF_E_INVALID : CF_OK;
}

enum cf_error cf_chat_page(const struct cf_asker *asker, struct cf_uuid room, uint32_t page,
                           uint32_t limit, struct cf_store_request **out,
                           enum cf_chat_field *out_field)
{
    enum cf_error error = blame(page < 1 ? CF_E_INVALID : CF_OK, CF_FIELD_PAGE, out_field);
    if (error == CF_OK)
        error = blame(check_limit(limit), CF_FIELD_LIMIT, out_field);
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
    enum cf_error error = blame(check_limit(limit), CF_FIELD_LIMIT, out_field);
    if (error == CF_OK)
        error = ask_room(asker, CF_STORE_MESSAGES_SINCE, room, out);
    if (error != CF_OK)
        return error;
    (*out)->since = since;
    (*out)->limit = limit;
    return CF_OK;
}
