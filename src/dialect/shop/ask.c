/* Calls to store requests. */
#include "dialect/shop/refuse.h"
#include "dialect/shop/rest.h"
#include "json/value.h"

/* A body's wanted strings, unescaped: never more than the body, and some alignment. */
enum { ARENA_BYTES_MAX = 128 * 1024 };
enum { NEWEST = 100, LIMIT_DEFAULT = 50 };

struct ask {
    const struct cf_shop_call *call;
    const struct cf_asker *asker;
    struct cf_arena arena;
    struct cf_store_request **out;
    struct cf_problem *problem;
};

/* ---- values ---- */

static enum cf_error path_id(const struct ask *ask, const char *field, struct cf_uuid *out_id)
{
    if (cf_uuid_parse(ask->call->match.args[0], out_id))
        return CF_OK;
    return cf_shop_refuse_path_id(field, ask->problem);
}

static enum cf_error body_id(const struct ask *ask, const struct cf_json_field *field,
                             struct cf_uuid *out_id)
{
    if (cf_uuid_parse(field->text, out_id))
        return CF_OK;
    return cf_shop_refuse_field(CF_E_INVALID, field->name, ask->problem);
}

static enum cf_error read_body(struct ask *ask, struct cf_json_field *fields, size_t count)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    const char *wrong = NULL;
    enum cf_error error = cf_json_read_object(ask->call->body, &limits, ask->call->hash_key,
                                              &ask->arena, fields, count, &wrong);
    return cf_shop_refuse_body(error, wrong, ask->problem);
}

/* The text of an optional string; none (ptr == NULL) when it is absent or null. */
static struct cf_slice optional_text(const struct cf_json_field *field)
{
    return field->is == CF_JSON_IS_STRING ? field->text : (struct cf_slice){NULL, 0};
}

static enum cf_error query_number(const struct ask *ask, struct cf_slice text, const char *field,
                                  uint32_t absent, uint32_t *out_value)
{
    uint64_t value = absent;
    if (text.ptr != NULL && (!cf_slice_to_u64(text, &value) || value > UINT32_MAX))
        return cf_shop_refuse_field(CF_E_INVALID, field, ask->problem);
    *out_value = (uint32_t)value;
    return CF_OK;
}

/* What a chat command has said, as the ask's own answer. */
static enum cf_error told(const struct ask *ask, enum cf_error error, enum cf_chat_field field)
{
    return cf_shop_refuse_command(error, field, ask->problem);
}

/* ---- shops and members ---- */

static enum cf_error ask_create(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "name", .types = CF_JSON_IS_STRING, .required = true},
    };
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error != CF_OK)
        return error;
    error = cf_chat_room_create(ask->asker, fields[0].text, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_members(struct ask *ask)
{
    struct cf_uuid shop;
    enum cf_error error = path_id(ask, "shop_id", &shop);
    return error == CF_OK ? cf_chat_members(ask->asker, shop, ask->out) : error;
}

static enum cf_error read_role(const struct ask *ask, struct cf_slice text, enum cf_role *out_role)
{
    if (text.ptr == NULL || cf_slice_eq(text, CF_LIT("member")))
        *out_role = CF_ROLE_MEMBER;
    else if (cf_slice_eq(text, CF_LIT("admin")))
        *out_role = CF_ROLE_ADMIN;
    else
        return cf_shop_refuse_field(CF_E_INVALID, "role", ask->problem);
    return CF_OK;
}

static enum cf_error ask_member_put(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "user_id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "username", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
        {.name = "role", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
    };
    struct cf_uuid shop;
    enum cf_role role = CF_ROLE_NONE;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, "shop_id", &shop);
    if (error == CF_OK)
        error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error == CF_OK)
        error = read_role(ask, optional_text(&fields[2]), &role);
    if (error != CF_OK)
        return error;
    error = cf_chat_member_put(ask->asker, shop, fields[0].text, optional_text(&fields[1]), role,
                               ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_member_remove(struct ask *ask)
{
    struct cf_uuid shop;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, "shop_id", &shop);
    if (error != CF_OK)
        return error;
    error = cf_chat_member_remove(ask->asker, shop, ask->call->match.args[1], ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_stream(struct ask *ask)
{
    struct cf_uuid shop;
    enum cf_error error = path_id(ask, "shop_id", &shop);
    return error == CF_OK ? cf_chat_member_get(ask->asker, shop, ask->out) : error;
}

/* ---- messages ---- */

/* The body's client_message_id and the Idempotency-Key header name the same thing. */
static enum cf_error pick_client_id(const struct ask *ask, struct cf_slice in_body,
                                    struct cf_slice *out_id)
{
    struct cf_slice in_header = ask->call->idempotency_key;
    if (in_body.ptr != NULL && in_header.ptr != NULL && !cf_slice_eq(in_body, in_header))
        return cf_shop_refuse_because("client_message_id",
                                      "client_message_id and the Idempotency-Key header differ. "
                                      "Send one of them, or the same in both.",
                                      ask->problem);
    *out_id = in_body.ptr != NULL ? in_body : in_header;
    return CF_OK;
}

static enum cf_error ask_post(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "shop_id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "message", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "client_message_id", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
    };
    struct cf_chat_draft draft = {.text = {NULL, 0}};
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error == CF_OK)
        error = body_id(ask, &fields[0], &draft.room);
    if (error == CF_OK)
        error = pick_client_id(ask, optional_text(&fields[2]), &draft.client_id);
    if (error != CF_OK)
        return error;
    draft.text = fields[1].text;
    error = cf_chat_post(ask->asker, &draft, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_edit(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "message_id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "message", .types = CF_JSON_IS_STRING, .required = true},
    };
    struct cf_uuid message;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error == CF_OK)
        error = body_id(ask, &fields[0], &message);
    if (error != CF_OK)
        return error;
    error = cf_chat_edit(ask->asker, message, fields[1].text, ask->out, &field);
    return told(ask, error, field);
}

/* One of the requests that want nothing but a message's id. */
static enum cf_error ask_message(struct ask *ask,
                                 enum cf_error (*command)(const struct cf_asker *, struct cf_uuid,
                                                          struct cf_store_request **))
{
    struct cf_uuid message;
    enum cf_error error = path_id(ask, "message_id", &message);
    return error == CF_OK ? command(ask->asker, message, ask->out) : error;
}

/* ---- lists ---- */

static enum cf_error ask_newest(struct ask *ask)
{
    struct cf_uuid shop;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, "shop_id", &shop);
    if (error != CF_OK)
        return error;
    error = cf_chat_page(ask->asker, shop, 1, NEWEST, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_since(struct ask *ask, struct cf_uuid shop, uint32_t limit)
{
    cf_us since;
    enum cf_chat_field field = CF_FIELD_NONE;
    if (ask->call->page.ptr != NULL)
        return cf_shop_refuse_because("since", "Ask by page or by since, not by both.",
                                      ask->problem);
    if (cf_us_parse(ask->call->since, &since) != CF_OK)
        return cf_shop_refuse_field(CF_E_INVALID, "since", ask->problem);
    enum cf_error error = cf_chat_since(ask->asker, shop, since, limit, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_page(struct ask *ask)
{
    struct cf_uuid shop;
    uint32_t page = 0, limit = 0;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, "shop_id", &shop);
    if (error == CF_OK)
        error = query_number(ask, ask->call->limit, "limit", LIMIT_DEFAULT, &limit);
    if (error == CF_OK && ask->call->since.ptr != NULL)
        return ask_since(ask, shop, limit);
    if (error == CF_OK)
        error = query_number(ask, ask->call->page, "page", 1, &page);
    if (error != CF_OK)
        return error;
    error = cf_chat_page(ask->asker, shop, page, limit, ask->out, &field);
    return told(ask, error, field);
}

/* ---- all of them ---- */

static enum cf_error ask_op(struct ask *ask)
{
    switch (ask->call->match.op) {
    case CF_SHOP_CREATE:
        return ask_create(ask);
    case CF_SHOP_LIST:
        return cf_chat_rooms(ask->asker, ask->out);
    case CF_SHOP_MEMBERS:
        return ask_members(ask);
    case CF_SHOP_MEMBER_PUT:
        return ask_member_put(ask);
    case CF_SHOP_MEMBER_REMOVE:
        return ask_member_remove(ask);
    case CF_SHOP_MESSAGE_POST:
        return ask_post(ask);
    case CF_SHOP_MESSAGE_EDIT:
        return ask_edit(ask);
    case CF_SHOP_MESSAGE_DELETE:
        return ask_message(ask, cf_chat_delete);
    case CF_SHOP_MESSAGES:
        return ask_newest(ask);
    case CF_SHOP_MESSAGES_PAGE:
        return ask_page(ask);
    case CF_SHOP_IMAGE_GET:
        return ask_message(ask, cf_chat_message_get);
    case CF_SHOP_IMAGE_DELETE:
        return ask_message(ask, cf_chat_image_remove);
    case CF_SHOP_STREAM:
        return ask_stream(ask);
    case CF_SHOP_IMAGE_UPLOAD:
        break;
    }
    *ask->problem = cf_problem_of(CF_E_STATE);
    return CF_E_STATE;
}

enum cf_error cf_shop_ask(const struct cf_shop_call *call, const struct cf_asker *asker,
                          struct cf_store_request **out_request, struct cf_problem *out_problem)
{
    struct ask ask = {.call = call, .asker = asker, .out = out_request, .problem = out_problem};
    cf_arena_init(&ask.arena, ARENA_BYTES_MAX);
    enum cf_error error = ask_op(&ask);
    cf_arena_deinit(&ask.arena);
    return error;
}
