/* Paths, and calls to store requests. */
#include "dialect/orbital/rest.h"

#include "base/assert.h"
#include "json/value.h"

/* A body's wanted strings, unescaped: never more than the body, and some alignment. */
enum { ARENA_BYTES_MAX = CF_ORBITAL_BODY_MAX + 4096 };
enum { GROUPS_DEFAULT = 100, EVENTS_DEFAULT = 100, THREADS_DEFAULT = 50 };

struct ask {
    const struct cf_orbital_call *call;
    const struct cf_asker *asker;
    struct cf_arena arena;
    struct cf_store_request **out;
    struct cf_problem *problem;
};

#define ANY CF_REST_ANY

static const struct cf_rest_path paths[] = {
    {{"groups"},
     1,
     "GET, HEAD, POST, OPTIONS",
     {{"POST", CF_ORBITAL_OP_GROUP_CREATE}, {"GET", CF_ORBITAL_OP_GROUPS}}},
    {{"groups", ANY, "members"},
     3,
     "GET, HEAD, POST, OPTIONS",
     {{"GET", CF_ORBITAL_OP_MEMBERS}, {"POST", CF_ORBITAL_OP_MEMBER_ADD}}},
    {{"groups", ANY, "members", ANY},
     4,
     "DELETE, OPTIONS",
     {{"DELETE", CF_ORBITAL_OP_MEMBER_REMOVE}}},
    {{"groups", ANY, "threads"},
     3,
     "GET, HEAD, POST, OPTIONS",
     {{"POST", CF_ORBITAL_OP_THREAD_CREATE}, {"GET", CF_ORBITAL_OP_THREADS}}},
    {{"messages"},
     1,
     "GET, HEAD, POST, OPTIONS",
     {{"POST", CF_ORBITAL_OP_SEND}, {"GET", CF_ORBITAL_OP_MESSAGES}}},
    {{"events"}, 1, "GET, HEAD, OPTIONS", {{"GET", CF_ORBITAL_OP_EVENTS}}},
    {{"threads", ANY, "replies"},
     3,
     "GET, HEAD, POST, OPTIONS",
     {{"POST", CF_ORBITAL_OP_REPLY}, {"GET", CF_ORBITAL_OP_REPLIES}}},
    {{"threads", ANY, "media"}, 3, "POST, OPTIONS", {{"POST", CF_ORBITAL_OP_MEDIA_POST}}},
    {{"media", ANY},
     2,
     "GET, HEAD, DELETE, OPTIONS",
     {{"GET", CF_ORBITAL_OP_MEDIA_GET}, {"DELETE", CF_ORBITAL_OP_MEDIA_DELETE}}},
    {{"uploads", ANY},
     2,
     "GET, HEAD, PATCH, OPTIONS",
     {{"GET", CF_ORBITAL_OP_UPLOAD_HEAD}, {"PATCH", CF_ORBITAL_OP_UPLOAD_PATCH}}},
};

enum cf_error cf_orbital_match(const struct cf_slice *segments, size_t count,
                               struct cf_slice method, struct cf_rest_match *out_match)
{
    return cf_rest_match(paths, CF_ARRAY_LEN(paths), segments, count, method, out_match);
}

/* ---- rules ---- */

#define SEALED_RULE " must be base64 (RFC 4648 section 4, with padding) of 1 to 262,144 bytes."

/* The rule of each field in words for people. */
static const struct {
    const char *field, *rule;
} rules[] = {
    {"name", "name must be text of at most 200 characters, without control characters."},
    {"user_id", "user_id must be text of 1 to 128 bytes, without control characters."},
    {"username", "username must be text of at most 256 bytes, without control characters."},
    {"client_message_id",
     "client_message_id (or the Idempotency-Key header) must be 1 to 128 printable ASCII "
     "characters."},
    {"conversation_id", "conversation_id must be the id of a group, a UUID."},
    {"group_id", "group_id must be the id of a group, a UUID."},
    {"encrypted_envelope", "encrypted_envelope" SEALED_RULE},
    {"encrypted_title", "encrypted_title" SEALED_RULE},
    {"encrypted_body", "encrypted_body" SEALED_RULE},
    {"encrypted_metadata",
     "X-Encrypted-Metadata must be base64 (RFC 4648 section 4, with padding) of at most 8,192 "
     "bytes, or be left out."},
    {"size_bytes", "The upload is empty. Send at least one byte."},
    {"before", "before must be a server_timestamp: a whole number of milliseconds from 0."},
    {"limit", "limit must be a whole number from 1 to 500."},
};

static const char *rule_of(const char *field)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(rules); i++) {
        if (cf_slice_eq(cf_slice_cstr(rules[i].field), cf_slice_cstr(field)))
            return rules[i].rule;
    }
    return "The value is against a rule.";
}

/* What a field of the rules is called on the wire. */
static const char *name_of(int op, enum cf_chat_field field)
{
    static const char *const names[] = {
        [CF_FIELD_ROOM_NAME] = "name",        [CF_FIELD_USER] = "user_id",
        [CF_FIELD_USER_NAME] = "username",    [CF_FIELD_CLIENT_ID] = "client_message_id",
        [CF_FIELD_LIMIT] = "limit",           [CF_FIELD_TEXT] = "encrypted_body",
        [CF_FIELD_TITLE] = "encrypted_title", [CF_FIELD_METADATA] = "encrypted_metadata",
        [CF_FIELD_SIZE] = "size_bytes",
    };
    if (field == CF_FIELD_TEXT && op == CF_ORBITAL_OP_SEND)
        return "encrypted_envelope";
    return (size_t)field < CF_ARRAY_LEN(names) && names[field] != NULL ? names[field] : "id";
}

static enum cf_error refuse(const struct ask *ask, enum cf_error error, const char *field)
{
    if (error != CF_OK && error != CF_E_NOMEM)
        *ask->problem = cf_problem_field(error, field, rule_of(field));
    return error;
}

/* What a chat command has said, as the ask's own answer. */
static enum cf_error told(const struct ask *ask, enum cf_error error, enum cf_chat_field field)
{
    return refuse(ask, error, name_of(ask->call->match.op, field));
}

struct cf_problem cf_orbital_problem_field(enum cf_error error, enum cf_chat_field field)
{
    const char *name = name_of(CF_ORBITAL_OP_MEDIA_POST, field);
    if (error == CF_E_NOMEM)
        return cf_problem_of(error);
    if (field != CF_FIELD_SIZE || error != CF_E_TOO_LARGE)
        return cf_problem_field(error, name, rule_of(name));
    struct cf_problem problem = cf_problem_of(error);
    problem.message = "The upload is larger than this server takes. Send a smaller one.";
    problem.field = name;
    return problem;
}

/* ---- values ---- */

static const char *path_field(int op)
{
    switch (op) {
    case CF_ORBITAL_OP_REPLY:
    case CF_ORBITAL_OP_REPLIES:
    case CF_ORBITAL_OP_MEDIA_POST:
        return "thread_id";
    case CF_ORBITAL_OP_MEDIA_GET:
    case CF_ORBITAL_OP_MEDIA_DELETE:
    case CF_ORBITAL_OP_UPLOAD_HEAD:
    case CF_ORBITAL_OP_UPLOAD_PATCH:
        return "media_id";
    default:
        return "group_id";
    }
}

enum cf_error cf_orbital_path_id(const struct cf_rest_match *match, struct cf_uuid *out_id,
                                 struct cf_problem *out_problem)
{
    if (cf_uuid_parse(match->args[0], out_id))
        return CF_OK;
    *out_problem = (struct cf_problem){
        .status = 400,
        .code = "invalid_id",
        .message = "The id in the path is no UUID.",
        .field = path_field(match->op),
    };
    return CF_E_INVALID;
}

static enum cf_error path_id(const struct ask *ask, struct cf_uuid *out_id)
{
    return cf_orbital_path_id(&ask->call->match, out_id, ask->problem);
}

static enum cf_error read_id(const struct ask *ask, const char *field, struct cf_slice text,
                             struct cf_uuid *out_id)
{
    return cf_uuid_parse(text, out_id) ? CF_OK : refuse(ask, CF_E_INVALID, field);
}

static enum cf_error read_body(struct ask *ask, struct cf_json_field *fields, size_t count)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    const char *wrong = NULL;
    limits.bytes_max = limits.string_bytes_max = CF_ORBITAL_BODY_MAX;
    enum cf_error error = cf_json_read_object(ask->call->body, &limits, ask->call->hash_key,
                                              &ask->arena, fields, count, &wrong);
    if (error == CF_E_INVALID && wrong != NULL)
        return refuse(ask, error, wrong);
    if (error != CF_OK && error != CF_E_NOMEM)
        *ask->problem = cf_problem_body(error);
    return error;
}

/* The text of an optional string; none (ptr == NULL) when it is absent or null. */
static struct cf_slice optional_text(const struct cf_json_field *field)
{
    return field->is == CF_JSON_IS_STRING ? field->text : (struct cf_slice){NULL, 0};
}

/* The body's client_message_id and the Idempotency-Key header name the same thing. */
static enum cf_error pick_client_id(const struct ask *ask, const struct cf_json_field *field,
                                    struct cf_slice *out_id)
{
    struct cf_slice in_body = optional_text(field), in_header = ask->call->idempotency_key;
    *out_id = in_body.ptr != NULL ? in_body : in_header;
    if (in_body.ptr == NULL || in_header.ptr == NULL || cf_slice_eq(in_body, in_header))
        return CF_OK;
    *ask->problem = cf_problem_field(CF_E_INVALID, "client_message_id",
                                     "client_message_id and the Idempotency-Key header differ. "
                                     "Send one of them, or the same in both.");
    return CF_E_INVALID;
}

/* A time of ours: milliseconds. */
static bool read_stamp(struct cf_slice text, int64_t *out_stamp)
{
    uint64_t value;
    if (!cf_slice_to_u64(text, &value) || value > INT64_MAX)
        return false;
    *out_stamp = (int64_t)value;
    return true;
}

static enum cf_error read_limit(const struct ask *ask, uint32_t absent, uint32_t *out_limit)
{
    uint64_t value = absent;
    struct cf_slice text = ask->call->limit;
    if (text.ptr != NULL && (!cf_slice_to_u64(text, &value) || value > UINT32_MAX))
        return refuse(ask, CF_E_INVALID, "limit");
    *out_limit = (uint32_t)value;
    return CF_OK;
}

/* ---- groups and members ---- */

static enum cf_error ask_create(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "name", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
        {.name = "client_message_id", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
    };
    struct cf_slice client_id;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error == CF_OK)
        error = pick_client_id(ask, &fields[1], &client_id);
    if (error != CF_OK)
        return error;
    error = cf_group_create(ask->asker, optional_text(&fields[0]), client_id, ask->out, &field);
    return told(ask, error, field);
}

/* `before` is a group here, not a time: groups may be of one millisecond. */
static enum cf_error ask_groups(struct ask *ask)
{
    struct cf_uuid before = {{0}};
    struct cf_slice text = ask->call->before;
    uint32_t limit;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = read_limit(ask, GROUPS_DEFAULT, &limit);
    if (error != CF_OK)
        return error;
    if (text.ptr != NULL && (!cf_uuid_parse(text, &before) || cf_uuid_is_nil(&before))) {
        *ask->problem = cf_problem_field(CF_E_INVALID, "before",
                                         "before must be the group_id of the last group of the "
                                         "page before. Leave it out to begin with the newest.");
        return CF_E_INVALID;
    }
    error = cf_group_list(ask->asker, before, limit, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_members(struct ask *ask)
{
    struct cf_uuid group;
    enum cf_error error = path_id(ask, &group);
    return error == CF_OK ? cf_group_members(ask->asker, group, ask->out) : error;
}

static enum cf_error ask_member_add(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "user_id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "username", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
    };
    struct cf_uuid group;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, &group);
    if (error == CF_OK)
        error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error != CF_OK)
        return error;
    error = cf_group_join(ask->asker, group, fields[0].text, optional_text(&fields[1]), ask->out,
                          &field);
    return told(ask, error, field);
}

static enum cf_error ask_member_remove(struct ask *ask)
{
    struct cf_uuid group;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, &group);
    if (error != CF_OK)
        return error;
    error = cf_group_leave(ask->asker, group, ask->call->match.args[1], ask->out, &field);
    return told(ask, error, field);
}

/* ---- what is posted ---- */

/* A draft whose id, title and text are right so far; the last of `fields` is the client's id. */
static enum cf_error post(struct ask *ask, struct cf_group_draft *draft,
                          const struct cf_json_field *client_id)
{
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = pick_client_id(ask, client_id, &draft->client_id);
    if (error != CF_OK)
        return error;
    error = cf_group_post(ask->asker, draft, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_send(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "conversation_id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "encrypted_envelope", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "client_message_id", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
    };
    struct cf_group_draft draft = {.kind = CF_GROUP_MESSAGE};
    enum cf_error error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error == CF_OK)
        error = read_id(ask, "conversation_id", fields[0].text, &draft.room);
    if (error != CF_OK)
        return error;
    draft.text = fields[1].text;
    return post(ask, &draft, &fields[2]);
}

static enum cf_error ask_thread(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "encrypted_title", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "encrypted_body", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "client_message_id", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
    };
    struct cf_group_draft draft = {.kind = CF_GROUP_THREAD};
    enum cf_error error = path_id(ask, &draft.room);
    if (error == CF_OK)
        error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error != CF_OK)
        return error;
    draft.title = fields[0].text;
    draft.text = fields[1].text;
    return post(ask, &draft, &fields[2]);
}

static enum cf_error ask_reply(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "encrypted_body", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "client_message_id", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
    };
    struct cf_group_draft draft = {.kind = CF_GROUP_REPLY};
    enum cf_error error = path_id(ask, &draft.room);
    if (error == CF_OK)
        error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error != CF_OK)
        return error;
    draft.text = fields[0].text;
    return post(ask, &draft, &fields[1]);
}

/* ---- lists ---- */

static enum cf_error query_events(struct ask *ask, const struct cf_group_query *query)
{
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = cf_group_events(ask->asker, query, ask->out, &field);
    return told(ask, error, field);
}

/* What comes after a time, over one group or all. A client that has no time yet, or has lost it
 * ("undefined"), begins with the newest. */
static enum cf_error ask_since(struct ask *ask, unsigned kinds, const char *group_field)
{
    struct cf_group_query query = {.kinds = kinds, .range = CF_GROUP_NEWEST};
    enum cf_error error = read_limit(ask, EVENTS_DEFAULT, &query.limit);
    if (error == CF_OK && ask->call->group_id.ptr != NULL)
        error = read_id(ask, group_field, ask->call->group_id, &query.group);
    if (error != CF_OK)
        return error;
    if (read_stamp(ask->call->since, &query.from))
        query.range = CF_GROUP_SINCE;
    return query_events(ask, &query);
}

/* What came before a time, of one group or thread. */
static enum cf_error ask_before(struct ask *ask, enum cf_group_event_kind kind)
{
    struct cf_group_query query = {.kinds = kind, .range = CF_GROUP_NEWEST};
    enum cf_error error = path_id(ask, kind == CF_GROUP_REPLY ? &query.thread : &query.group);
    if (error == CF_OK)
        error = read_limit(ask, THREADS_DEFAULT, &query.limit);
    if (error != CF_OK)
        return error;
    if (ask->call->before.ptr != NULL) {
        query.range = CF_GROUP_BEFORE;
        if (!read_stamp(ask->call->before, &query.from))
            return refuse(ask, CF_E_INVALID, "before");
    }
    return query_events(ask, &query);
}

/* ---- media ---- */

static enum cf_error ask_media(struct ask *ask, enum cf_store_op op)
{
    struct cf_uuid media;
    enum cf_error error = path_id(ask, &media);
    return error == CF_OK ? cf_group_media(ask->asker, op, media, 0, ask->out) : error;
}

/* ---- all of them ---- */

static enum cf_error ask_op(struct ask *ask)
{
    switch ((enum cf_orbital_op)ask->call->match.op) {
    case CF_ORBITAL_OP_GROUP_CREATE:
        return ask_create(ask);
    case CF_ORBITAL_OP_GROUPS:
        return ask_groups(ask);
    case CF_ORBITAL_OP_MEMBERS:
        return ask_members(ask);
    case CF_ORBITAL_OP_MEMBER_ADD:
        return ask_member_add(ask);
    case CF_ORBITAL_OP_MEMBER_REMOVE:
        return ask_member_remove(ask);
    case CF_ORBITAL_OP_SEND:
        return ask_send(ask);
    case CF_ORBITAL_OP_MESSAGES:
        return ask_since(ask, CF_GROUP_MESSAGE, "conversation_id");
    case CF_ORBITAL_OP_EVENTS:
        return ask_since(ask, CF_GROUP_ALL, "group_id");
    case CF_ORBITAL_OP_THREAD_CREATE:
        return ask_thread(ask);
    case CF_ORBITAL_OP_THREADS:
        return ask_before(ask, CF_GROUP_THREAD);
    case CF_ORBITAL_OP_REPLY:
        return ask_reply(ask);
    case CF_ORBITAL_OP_REPLIES:
        return ask_before(ask, CF_GROUP_REPLY);
    case CF_ORBITAL_OP_MEDIA_GET:
    case CF_ORBITAL_OP_UPLOAD_HEAD:
    case CF_ORBITAL_OP_UPLOAD_PATCH:
        return ask_media(ask, CF_STORE_GROUP_MEDIA_GET);
    case CF_ORBITAL_OP_MEDIA_DELETE:
        return ask_media(ask, CF_STORE_GROUP_MEDIA_DELETE);
    case CF_ORBITAL_OP_MEDIA_POST:
        break;
    }
    *ask->problem = cf_problem_of(CF_E_STATE);
    return CF_E_STATE;
}

enum cf_error cf_orbital_ask(const struct cf_orbital_call *call, const struct cf_asker *asker,
                             struct cf_store_request **out_request, struct cf_problem *out_problem)
{
    struct ask ask = {.call = call, .asker = asker, .out = out_request, .problem = out_problem};
    cf_arena_init(&ask.arena, ARENA_BYTES_MAX);
    enum cf_error error = ask_op(&ask);
    cf_arena_deinit(&ask.arena);
    return error;
}
