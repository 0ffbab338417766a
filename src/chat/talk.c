#include "chat/talk.h"

#include "base/map.h"
#include "chat/rules.h"

/* The version digit of a UUID; ours are no versions that a shop's id has. */
enum { VERSION_BYTE = 6, VERSION_TALK = 0x00, VERSION_USER = 0xF0 };

static void put_u64(uint8_t *out, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

struct cf_uuid cf_talk_room(int64_t talk)
{
    struct cf_uuid room = {.bytes = {[0] = 'T', [VERSION_BYTE] = VERSION_TALK}};
    put_u64(room.bytes + 8, (uint64_t)talk);
    return room;
}

struct cf_uuid cf_talk_user_room(const uint8_t hash_key[16], struct cf_slice user)
{
    uint64_t keys[2][2] = {{0}};
    struct cf_uuid room;
    for (size_t i = 0; i < 16; i++)
        keys[0][i / 8] |= (uint64_t)hash_key[i] << (8 * (i % 8));
    keys[1][0] = ~keys[0][0];
    keys[1][1] = keys[0][1];
    put_u64(room.bytes, cf_siphash(keys[0], user));
    put_u64(room.bytes + 8, cf_siphash(keys[1], user));
    room.bytes[VERSION_BYTE] = VERSION_USER;
    return room;
}

/* Ids are what the store has given: never 0 or negative. */
static enum cf_error begin(const struct cf_asker *asker, enum cf_store_op op, int64_t talk,
                           struct cf_store_request **out, enum cf_chat_field *out_field)
{
    enum cf_error error = cf_rule_blame(talk < 1 ? CF_E_INVALID : CF_OK, CF_FIELD_TALK, out_field);
    if (error == CF_OK)
        error = cf_ask_begin(asker, op, out);
    if (error == CF_OK)
        (*out)->talk = talk;
    return error;
}

static enum cf_error check_people(const struct cf_slice *users, size_t count)
{
    if (count > CF_TALK_PEOPLE_MAX)
        return CF_E_TOO_LARGE;
    for (size_t i = 0; i < count; i++) {
        enum cf_error error = cf_rule_user(users[i]);
        if (error != CF_OK)
            return error;
    }
    return count == 0 ? CF_E_INVALID : CF_OK;
}

static enum cf_error copy_people(struct cf_store_request *request, const struct cf_slice *users,
                                 size_t count)
{
    request->users = cf_arena_alloc(&request->arena, count * sizeof(*request->users));
    if (request->users == NULL)
        return CF_E_NOMEM;
    enum cf_error error = CF_OK;
    for (; request->users_count < count && error == CF_OK; request->users_count++)
        error = cf_arena_copy(&request->arena, users[request->users_count],
                              &request->users[request->users_count]);
    return error;
}

enum cf_error cf_talk_create(const struct cf_asker *asker, enum cf_talk_kind kind,
                             struct cf_slice title, const struct cf_slice *users, size_t count,
                             struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = title.len == 0 ? CF_OK : cf_rule_line(title, CF_TALK_TITLE_MAX);
    error = cf_rule_blame(error, CF_FIELD_TITLE, out_field);
    if (error == CF_OK)
        error = cf_rule_blame(check_people(users, count), CF_FIELD_PEOPLE, out_field);
    if (error == CF_OK)
        error = cf_ask_begin(asker, CF_STORE_TALK_CREATE, &request);
    if (error != CF_OK)
        return error;
    request->talk_kind = kind;
    error = cf_arena_copy(&request->arena, title, &request->name);
    if (error == CF_OK)
        error = copy_people(request, users, count);
    return cf_ask_finish(request, error, out);
}

enum cf_error cf_talk_list(const struct cf_asker *asker, struct cf_store_request **out)
{
    enum cf_error error = cf_ask_begin(asker, CF_STORE_TALKS_OF, out);
    if (error == CF_OK)
        (*out)->limit = CF_TALK_TALKS_MAX;
    return error;
}

enum cf_error cf_talk_add(const struct cf_asker *asker, int64_t talk, const struct cf_slice *users,
                          size_t count, struct cf_store_request **out,
                          enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = cf_rule_blame(check_people(users, count), CF_FIELD_PEOPLE, out_field);
    if (error == CF_OK)
        error = begin(asker, CF_STORE_TALK_ADD, talk, &request, out_field);
    if (error != CF_OK)
        return error;
    return cf_ask_finish(request, copy_people(request, users, count), out);
}

enum cf_error cf_talk_remove(const struct cf_asker *asker, int64_t talk, struct cf_slice user,
                             struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = cf_rule_blame(cf_rule_user(user), CF_FIELD_USER, out_field);
    if (error == CF_OK)
        error = begin(asker, CF_STORE_TALK_REMOVE, talk, &request, out_field);
    if (error != CF_OK)
        return error;
    return cf_ask_finish(request, cf_arena_copy(&request->arena, user, &request->user), out);
}

enum cf_error cf_talk_messages(const struct cf_asker *asker, int64_t talk, enum cf_talk_range range,
                               int64_t from, uint32_t limit, struct cf_store_request **out,
                               enum cf_chat_field *out_field)
{
    enum cf_error error = cf_rule_blame(cf_rule_limit(limit), CF_FIELD_LIMIT, out_field);
    if (error == CF_OK)
        error = begin(asker, CF_STORE_TALK_MESSAGES, talk, out, out_field);
    if (error != CF_OK)
        return error;
    (*out)->range = range;
    (*out)->from = from;
    (*out)->limit = limit;
    return CF_OK;
}

enum cf_error cf_talk_send(const struct cf_asker *asker, int64_t talk, struct cf_slice text,
                           struct cf_slice client_id, struct cf_store_request **out,
                           enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    struct cf_uuid id;
    char id_text[CF_UUID_LEN];
    enum cf_error error = cf_rule_blame(cf_uuid_parse(client_id, &id) ? CF_OK : CF_E_INVALID,
                                        CF_FIELD_CLIENT_ID, out_field);
    if (error == CF_OK)
        error =
            cf_rule_blame(cf_rule_text(text, CF_TALK_TEXT_MAX, false), CF_FIELD_TEXT, out_field);
    if (error == CF_OK)
        error = begin(asker, CF_STORE_TALK_SEND, talk, &request, out_field);
    if (error != CF_OK)
        return error;
    cf_uuid_format(&id, id_text);
    error = cf_arena_copy(&request->arena, text, &request->text);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, cf_slice_of(id_text, sizeof(id_text)),
                              &request->client_id);
    return cf_ask_finish(request, error, out);
}

enum cf_error cf_talk_mark(const struct cf_asker *asker, int64_t message,
                           enum cf_talk_mark_kind mark, struct cf_store_request **out,
                           enum cf_chat_field *out_field)
{
    enum cf_error error =
        cf_rule_blame(message < 1 ? CF_E_INVALID : CF_OK, CF_FIELD_MESSAGE, out_field);
    if (error == CF_OK)
        error = cf_ask_begin(asker, CF_STORE_TALK_MARK, out);
    if (error != CF_OK)
        return error;
    (*out)->number = message;
    (*out)->mark = mark;
    return CF_OK;
}

enum cf_error cf_talk_socket(const struct cf_asker *asker, enum cf_store_op op, struct cf_slice pid,
                             int64_t talk, struct cf_store_request **out,
                             enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    bool of_talk = op == CF_STORE_SOCKET_JOIN || op == CF_STORE_SOCKET_LEAVE;
    enum cf_error error =
        of_talk ? begin(asker, op, talk, &request, out_field) : cf_ask_begin(asker, op, &request);
    if (error != CF_OK)
        return error;
    return cf_ask_finish(request, cf_arena_copy(&request->arena, pid, &request->pid), out);
}
