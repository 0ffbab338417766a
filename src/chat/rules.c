#include "chat/rules.h"

#include "base/utf8.h"

enum { UTF8_BYTES_MAX = 4 }; /* of one code point */

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

enum cf_error cf_rule_points(struct cf_slice text, size_t points_max)
{
    if (text.len > points_max * UTF8_BYTES_MAX)
        return CF_E_TOO_LARGE;
    if (!cf_utf8_valid(text))
        return CF_E_UTF8;
    return cf_utf8_count(text) > points_max ? CF_E_TOO_LARGE : CF_OK;
}

enum cf_error cf_rule_text(struct cf_slice text, size_t points_max, bool may_be_empty)
{
    if (text.len == 0)
        return may_be_empty ? CF_OK : CF_E_INVALID;
    enum cf_error error = cf_rule_points(text, points_max);
    if (error != CF_OK)
        return error;
    return cf_slice_find(text, '\0') < text.len ? CF_E_INVALID : CF_OK;
}

enum cf_error cf_rule_line(struct cf_slice line, size_t points_max)
{
    enum cf_error error = cf_rule_points(line, points_max);
    if (error != CF_OK)
        return error;
    return line.len == 0 || has_control(line) ? CF_E_INVALID : CF_OK;
}

enum cf_error cf_rule_label(struct cf_slice label, size_t bytes_max)
{
    if (label.len > bytes_max)
        return CF_E_TOO_LARGE;
    if (!cf_utf8_valid(label))
        return CF_E_UTF8;
    return has_control(label) ? CF_E_INVALID : CF_OK;
}

enum cf_error cf_rule_user(struct cf_slice user)
{
    return user.len == 0 ? CF_E_INVALID : cf_rule_label(user, CF_USER_ID_MAX);
}

enum cf_error cf_rule_client_id(struct cf_slice id)
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

enum cf_error cf_rule_blame(enum cf_error error, enum cf_chat_field field,
                            enum cf_chat_field *out_field)
{
    if (error != CF_OK)
        *out_field = field;
    return error;
}

enum cf_error cf_rule_person(struct cf_slice user, struct cf_slice user_name,
                             enum cf_chat_field *out_field)
{
    enum cf_error error = cf_rule_blame(cf_rule_user(user), CF_FIELD_USER, out_field);
    if (error == CF_OK)
        error = cf_rule_blame(cf_rule_label(user_name, CF_USER_NAME_MAX), CF_FIELD_USER_NAME,
                              out_field);
    return error;
}

/* ---- requests ---- */

enum cf_error cf_ask_begin(const struct cf_asker *asker, enum cf_store_op op,
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

enum cf_error cf_ask_finish(struct cf_store_request *request, enum cf_error error,
                            struct cf_store_request **out)
{
    if (error != CF_OK)
        cf_store_request_free(request);
    else
        *out = request;
    return error;
}

enum cf_error cf_ask_copy_optional(struct cf_store_request *request, struct cf_slice bytes,
                                   struct cf_slice *out_copy)
{
    return bytes.ptr == NULL ? CF_OK : cf_arena_copy(&request->arena, bytes, out_copy);
}

enum cf_error cf_ask_copy_person(struct cf_store_request *request, struct cf_slice user,
                                 struct cf_slice user_name)
{
    enum cf_error error = cf_arena_copy(&request->arena, user, &request->user);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, user_name, &request->user_name);
    return error;
}

struct cf_uuid cf_ask_new_id(const struct cf_asker *asker)
{
    uint8_t random[10];
    asker->entropy->fill(asker->entropy->context, random, sizeof(random));
    return cf_uuid_v7(asker->now.us, random);
}

enum cf_error cf_rule_limit(uint32_t limit)
{
    return limit < 1 || limit > CF_CHAT_LIST_MAX ? CF_E_INVALID : CF_OK;
}
