#include "dialect/orbital/hear.h"

#include "base/assert.h"
#include "chat/group.h"
#include "json/value.h"

/* A thousand ids need 39 KB. */
static const struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;

static const char rule_data[] = "data must be an object.";
static const char rule_groups[] =
    "data.group_ids must be an array of the ids of groups, each a string.";
static const char rule_groups_count[] =
    "data.group_ids has more than 1,000 ids. Send several messages of at most 1,000 each.";
static const char rule_typing[] =
    "data must have the thread_id, a UUID, and is_typing, true or false.";
static const char rule_size[] = "A message may have at most 65,536 bytes. Send several.";

struct hearing {
    const uint8_t *hash_key;
    struct cf_arena *arena;
    struct cf_orbital_heard *heard;
};

static const struct {
    const char *type;
    enum cf_orbital_verb verb;
} types[] = {
    {"subscribe", CF_ORBITAL_SUBSCRIBE},
    {"unsubscribe", CF_ORBITAL_UNSUBSCRIBE},
    {"ping", CF_ORBITAL_PING},
    {"pong", CF_ORBITAL_PONG},
    {"typing_indicator", CF_ORBITAL_TYPING},
};

static enum cf_orbital_verb verb_of(struct cf_slice type)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(types); i++) {
        if (cf_slice_eq(type, cf_slice_cstr(types[i].type)))
            return types[i].verb;
    }
    return CF_ORBITAL_UNKNOWN;
}

static enum cf_error refuse(struct hearing *hearing, const char *rule)
{
    *hearing->heard = (struct cf_orbital_heard){.verb = CF_ORBITAL_INVALID, .rule = rule};
    return CF_OK;
}

/* CF_E_INVALID: refused. */
static enum cf_error read_data(struct hearing *hearing, struct cf_slice data,
                               struct cf_json_field *fields, size_t count, const char *rule)
{
    const char *wrong;
    enum cf_error error = cf_json_read_object(data, &limits, hearing->hash_key, hearing->arena,
                                              fields, count, &wrong);
    if (error == CF_OK || error == CF_E_NOMEM)
        return error;
    refuse(hearing, rule);
    return CF_E_INVALID;
}

/* ---- groups ---- */

static enum cf_error add_group(struct hearing *hearing, const struct cf_json_event *event)
{
    struct cf_orbital_heard *heard = hearing->heard;
    if (event->type != CF_JSON_STRING)
        return CF_E_INVALID;
    if (heard->groups_count == CF_GROUP_AMONG_MAX)
        return CF_E_TOO_LARGE;
    return cf_arena_copy(hearing->arena, event->text, &heard->groups[heard->groups_count++]);
}

/* `array`: JSON text that is known to be an array. */
static enum cf_error read_groups(struct hearing *hearing, struct cf_slice array)
{
    struct cf_json_reader reader;
    struct cf_json_event event;
    cf_json_reader_init(&reader, &limits, hearing->hash_key);
    enum cf_error error = cf_json_next(&reader, &array, &event);
    while (error == CF_OK && (error = cf_json_next(&reader, &array, &event)) == CF_OK &&
           event.type != CF_JSON_ARRAY_END)
        error = add_group(hearing, &event);
    cf_json_reader_deinit(&reader);
    return error;
}

static enum cf_error hear_groups(struct hearing *hearing, struct cf_slice data)
{
    struct cf_json_field fields[] = {
        {.name = "group_ids", .types = CF_JSON_IS_ARRAY, .required = true},
    };
    enum cf_error error = read_data(hearing, data, fields, CF_ARRAY_LEN(fields), rule_groups);
    if (error != CF_OK)
        return error;
    hearing->heard->groups =
        cf_arena_alloc(hearing->arena, CF_GROUP_AMONG_MAX * sizeof(struct cf_slice));
    if (hearing->heard->groups == NULL)
        return CF_E_NOMEM;
    error = read_groups(hearing, fields[0].text);
    if (error == CF_OK || error == CF_E_NOMEM)
        return error;
    return refuse(hearing, error == CF_E_TOO_LARGE ? rule_groups_count : rule_groups);
}

/* ---- the others ---- */

static enum cf_error hear_typing(struct hearing *hearing, struct cf_slice data)
{
    struct cf_json_field fields[] = {
        {.name = "thread_id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "is_typing", .types = CF_JSON_IS_BOOL, .required = true},
    };
    enum cf_error error = read_data(hearing, data, fields, CF_ARRAY_LEN(fields), rule_typing);
    if (error != CF_OK)
        return error;
    if (!cf_uuid_parse(fields[0].text, &hearing->heard->thread))
        return refuse(hearing, rule_typing);
    hearing->heard->typing = cf_slice_eq(fields[1].text, CF_LIT("true"));
    return CF_OK;
}

/* `data`: as far as it is an object; ptr == NULL when there is none. */
static enum cf_error hear_type(struct hearing *hearing, struct cf_slice type, struct cf_slice data)
{
    enum cf_orbital_verb verb = verb_of(type);
    hearing->heard->verb = verb;
    if (verb == CF_ORBITAL_UNKNOWN || verb == CF_ORBITAL_PING || verb == CF_ORBITAL_PONG)
        return CF_OK;
    if (data.ptr == NULL)
        return refuse(hearing, rule_data);
    return verb == CF_ORBITAL_TYPING ? hear_typing(hearing, data) : hear_groups(hearing, data);
}

enum cf_error cf_orbital_hear(struct cf_slice text, const uint8_t hash_key[16],
                              struct cf_arena *arena, struct cf_orbital_heard *out_heard)
{
    struct cf_json_field fields[] = {
        {.name = "type", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "data", .types = CF_JSON_IS_OBJECT},
    };
    struct hearing hearing = {.hash_key = hash_key, .arena = arena, .heard = out_heard};
    const char *wrong;
    *out_heard = (struct cf_orbital_heard){.verb = CF_ORBITAL_BAD_JSON};
    if (text.len > limits.bytes_max)
        return refuse(&hearing, rule_size);
    enum cf_error error =
        cf_json_read_object(text, &limits, hash_key, arena, fields, CF_ARRAY_LEN(fields), &wrong);
    if (error == CF_E_NOMEM)
        return error;
    bool readable = error == CF_OK || error == CF_E_INVALID;
    if (!readable || fields[0].is != CF_JSON_IS_STRING)
        return CF_OK;
    error = hear_type(&hearing, fields[0].text, fields[1].text);
    return error == CF_E_INVALID ? CF_OK : error;
}
