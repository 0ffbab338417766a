#include "dialect/shop/refuse.h"

#include "base/assert.h"

/* The rule of each field in words for people. */
static const struct {
    const char *field, *rule;
} rules[] = {
    {"message", "message must be text of 1 to 10,000 characters, without NUL."},
    {"shop_id", "shop_id must be the id of a shop, a UUID."},
    {"message_id", "message_id must be the id of a message, a UUID."},
    {"name", "name must be text of 1 to 200 characters, without control characters."},
    {"user_id", "user_id must be text of 1 to 128 bytes, without control characters."},
    {"username", "username must be text of at most 256 bytes, without control characters."},
    {"role", "role must be \"admin\" or \"member\"."},
    {"client_message_id",
     "client_message_id (or the Idempotency-Key header) must be 1 to 128 printable ASCII "
     "characters."},
    {"page", "page must be a whole number from 1."},
    {"limit", "limit must be a whole number from 1 to 100."},
    {"since", "since must be an RFC 3339 time, like 2026-01-03T15:30:00.123456Z."},
    {"image", "Send the picture as the part named image."},
};

static const char *rule_of(const char *field)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(rules); i++) {
        if (cf_slice_eq(cf_slice_cstr(rules[i].field), cf_slice_cstr(field)))
            return rules[i].rule;
    }
    return "The value is against a rule.";
}

enum cf_error cf_shop_refuse_field(enum cf_error error, const char *field,
                                   struct cf_problem *out_problem)
{
    if (error == CF_E_NOMEM)
        return error;
    *out_problem = cf_problem_field(error, field, rule_of(field));
    return error;
}

enum cf_error cf_shop_refuse_because(const char *field, const char *message,
                                     struct cf_problem *out_problem)
{
    *out_problem = cf_problem_field(CF_E_INVALID, field, message);
    return CF_E_INVALID;
}

enum cf_error cf_shop_refuse_command(enum cf_error error, enum cf_chat_field field,
                                     struct cf_problem *out_problem)
{
    static const char *const names[] = {
        [CF_FIELD_NONE] = NULL,
        [CF_FIELD_ROOM_NAME] = "name",
        [CF_FIELD_TEXT] = "message",
        [CF_FIELD_USER] = "user_id",
        [CF_FIELD_USER_NAME] = "username",
        [CF_FIELD_CLIENT_ID] = "client_message_id",
        [CF_FIELD_PAGE] = "page",
        [CF_FIELD_LIMIT] = "limit",
    };
    if (error == CF_OK || names[field] == NULL)
        return error;
    return cf_shop_refuse_field(error, names[field], out_problem);
}

enum cf_error cf_shop_refuse_path_id(const char *field, struct cf_problem *out_problem)
{
    *out_problem = (struct cf_problem){
        .status = 400,
        .code = "invalid_id",
        .message = "The id in the path is no UUID.",
        .field = field,
    };
    return CF_E_INVALID;
}

enum cf_error cf_shop_refuse_body(enum cf_error error, const char *wrong,
                                  struct cf_problem *out_problem)
{
    if (error == CF_OK || error == CF_E_NOMEM)
        return error;
    if (error == CF_E_INVALID && wrong != NULL)
        return cf_shop_refuse_field(error, wrong, out_problem);
    *out_problem = cf_problem_body(error);
    return error;
}
