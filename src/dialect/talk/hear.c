#include "dialect/talk/hear.h"

#include "base/assert.h"

static const struct {
    const char *name;
    enum cf_talk_verb verb;
} events[] = {
    {"message:send", CF_TALK_SAY},
    {"message:read", CF_TALK_READ},
    {"message:delivered", CF_TALK_DELIVERED},
    {"typing:start", CF_TALK_TYPING_ON},
    {"typing:stop", CF_TALK_TYPING_OFF},
    {"conversation:join", CF_TALK_JOIN},
    {"conversation:leave", CF_TALK_LEAVE},
};

static enum cf_talk_verb verb_of(struct cf_slice name)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(events); i++) {
        if (cf_slice_eq(name, cf_slice_cstr(events[i].name)))
            return events[i].verb;
    }
    return CF_TALK_UNKNOWN;
}

const char *cf_talk_rule(enum cf_chat_field field)
{
    switch (field) {
    case CF_FIELD_TEXT:
        return "text must be 1 to 1,000 characters, without NUL.";
    case CF_FIELD_CLIENT_ID:
        return "clientMessageId must be a UUID.";
    case CF_FIELD_TALK:
        return "The conversation's id must be a whole number from 1.";
    case CF_FIELD_MESSAGE:
        return "The message's id must be a whole number from 1.";
    case CF_FIELD_TITLE:
        return "title must be text of at most 200 characters, without control characters.";
    case CF_FIELD_PEOPLE:
        return "Name 1 to 1,000 users by their ids.";
    case CF_FIELD_USER:
        return "A user's id must be text of 1 to 128 bytes, or a whole number.";
    case CF_FIELD_LIMIT:
        return "limit must be a whole number from 1 to 100.";
    default:
        return "A value is against a rule.";
    }
}

/* An id as the first argument: a number, or the same in digits. */
static enum cf_error read_id(const struct cf_sio_args *args, int64_t *out_id)
{
    if (args->count < 2)
        return CF_E_INVALID;
    const struct cf_sio_arg *arg = &args->items[1];
    if (arg->is != CF_JSON_IS_NUMBER && arg->is != CF_JSON_IS_STRING)
        return CF_E_INVALID;
    enum cf_error error = cf_json_to_i64(arg->text, out_id);
    return error == CF_OK && *out_id < 1 ? CF_E_INVALID : error;
}

static enum cf_error read_message(const struct cf_sio_args *args,
                                  const struct cf_json_limits *limits, const uint8_t hash_key[16],
                                  struct cf_arena *arena, struct cf_talk_heard *heard,
                                  const char **out_why)
{
    struct cf_json_field fields[] = {
        {.name = "clientMessageId", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "text", .types = CF_JSON_IS_STRING, .required = true},
    };
    const char *wrong = NULL;
    *out_why = "The second argument must be an object with text and clientMessageId.";
    if (args->count < 3 || args->items[2].is != CF_JSON_IS_OBJECT)
        return CF_E_INVALID;
    enum cf_error error = cf_json_read_object(args->items[2].text, limits, hash_key, arena, fields,
                                              CF_ARRAY_LEN(fields), &wrong);
    if (fields[0].is == CF_JSON_IS_STRING)
        heard->client_id = fields[0].text;
    if (fields[1].is == CF_JSON_IS_STRING)
        heard->text = fields[1].text;
    if (error == CF_E_INVALID && wrong == fields[0].name)
        *out_why = cf_talk_rule(CF_FIELD_CLIENT_ID);
    else if (error == CF_E_INVALID && wrong == fields[1].name)
        *out_why = cf_talk_rule(CF_FIELD_TEXT);
    return error;
}

enum cf_error cf_talk_hear(const struct cf_sio_args *args, const struct cf_json_limits *limits,
                           const uint8_t hash_key[16], struct cf_arena *arena,
                           struct cf_talk_heard *out_heard, const char **out_why)
{
    *out_heard = (struct cf_talk_heard){.verb = verb_of(args->items[0].text)};
    if (out_heard->verb == CF_TALK_UNKNOWN)
        return CF_OK;
    bool of_message = out_heard->verb == CF_TALK_READ || out_heard->verb == CF_TALK_DELIVERED;
    enum cf_error id = read_id(args, &out_heard->id);
    enum cf_error error = CF_OK;
    if (out_heard->verb == CF_TALK_SAY)
        error = read_message(args, limits, hash_key, arena, out_heard, out_why);
    if (id == CF_OK || error == CF_E_NOMEM)
        return error;
    *out_why = cf_talk_rule(of_message ? CF_FIELD_MESSAGE : CF_FIELD_TALK);
    return id;
}

/* What is no text, but something, is a bad token, and not a missing one. */
enum cf_error cf_talk_auth_read(struct cf_slice auth, const struct cf_json_limits *limits,
                                const uint8_t hash_key[16], struct cf_arena *arena,
                                struct cf_talk_auth *out_auth)
{
    struct cf_json_field fields[] = {
        {.name = "token",
         .types = CF_JSON_IS_STRING | CF_JSON_IS_NUMBER | CF_JSON_IS_OBJECT | CF_JSON_IS_ARRAY},
        {.name = "pid", .types = CF_JSON_IS_STRING},
        {.name = "offset", .types = CF_JSON_IS_STRING},
    };
    const char *wrong;
    *out_auth = (struct cf_talk_auth){.token = {NULL, 0}};
    if (auth.ptr == NULL)
        return CF_OK;
    enum cf_error error =
        cf_json_read_object(auth, limits, hash_key, arena, fields, CF_ARRAY_LEN(fields), &wrong);
    if (error == CF_E_NOMEM)
        return error;
    struct cf_slice *slots[] = {&out_auth->token, &out_auth->pid, &out_auth->offset};
    for (size_t i = 0; i < CF_ARRAY_LEN(fields); i++) {
        if ((fields[i].is & fields[i].types) != 0)
            *slots[i] = fields[i].text;
    }
    return CF_OK;
}
