#include "chat/group.h"

#include "base/base64.h"
#include "chat/rules.h"

/* ---- rules ---- */

/* What is sealed: base64 of at most `bytes_max` bytes. The length goes first, so that what is too
 * long costs nothing. */
static enum cf_error check_sealed(struct cf_slice text, size_t bytes_max, bool may_be_empty)
{
    size_t decoded;
    if (text.len > cf_base64_len(CF_BASE64, bytes_max))
        return CF_E_TOO_LARGE;
    if (cf_base64_check(CF_BASE64, text, &decoded) != CF_OK)
        return CF_E_INVALID;
    if (decoded > bytes_max)
        return CF_E_TOO_LARGE;
    return decoded == 0 && !may_be_empty ? CF_E_INVALID : CF_OK;
}

static enum cf_error check_draft(const struct cf_group_draft *draft, enum cf_chat_field *out_field)
{
    enum cf_error error = CF_OK;
    if (draft->kind == CF_GROUP_THREAD)
        error = cf_rule_blame(check_sealed(draft->title, CF_GROUP_SEALED_MAX, false),
                              CF_FIELD_TITLE, out_field);
    if (error == CF_OK)
        error = cf_rule_blame(check_sealed(draft->text, CF_GROUP_SEALED_MAX, false), CF_FIELD_TEXT,
                              out_field);
    if (error == CF_OK)
        error = cf_rule_blame(cf_rule_client_id(draft->client_id), CF_FIELD_CLIENT_ID, out_field);
    return error;
}

static enum cf_error check_size(uint64_t size, uint64_t size_max)
{
    if (size > size_max)
        return CF_E_TOO_LARGE;
    return size == 0 ? CF_E_INVALID : CF_OK;
}

static enum cf_error check_upload(const struct cf_group_upload *upload,
                                  enum cf_chat_field *out_field)
{
    enum cf_error error =
        cf_rule_blame(check_size(upload->size, upload->size_max), CF_FIELD_SIZE, out_field);
    if (error == CF_OK)
        error = cf_rule_blame(check_sealed(upload->metadata, CF_GROUP_METADATA_MAX, true),
                              CF_FIELD_METADATA, out_field);
    if (error == CF_OK)
        error = cf_rule_blame(cf_rule_client_id(upload->client_id), CF_FIELD_CLIENT_ID, out_field);
    return error;
}

static enum cf_error check_limit(uint32_t limit)
{
    return limit < 1 || limit > CF_GROUP_LIST_MAX ? CF_E_INVALID : CF_OK;
}

static enum cf_error ask_group(const struct cf_asker *asker, enum cf_store_op op,
                               struct cf_uuid group, struct cf_store_request **out)
{
    enum cf_error error = cf_ask_begin(asker, op, out);
    if (error == CF_OK)
        (*out)->room = group;
    return error;
}

/* ---- groups and members ---- */

enum cf_error cf_group_create(const struct cf_asker *asker, struct cf_slice name,
                              struct cf_slice client_id, struct cf_store_request **out,
                              enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = name.len == 0 ? CF_OK : cf_rule_line(name, CF_GROUP_NAME_MAX);
    error = cf_rule_blame(error, CF_FIELD_ROOM_NAME, out_field);
    if (error == CF_OK)
        error = cf_rule_blame(cf_rule_client_id(client_id), CF_FIELD_CLIENT_ID, out_field);
    if (error == CF_OK)
        error = ask_group(asker, CF_STORE_GROUP_CREATE, cf_ask_new_id(asker), &request);
    if (error != CF_OK)
        return error;
    error = cf_arena_copy(&request->arena, name, &request->name);
    if (error == CF_OK)
        error = cf_ask_copy_optional(request, client_id, &request->client_id);
    return cf_ask_finish(request, error, out);
}

enum cf_error cf_group_list(const struct cf_asker *asker, struct cf_uuid before, uint32_t limit,
                            struct cf_store_request **out, enum cf_chat_field *out_field)
{
    enum cf_error error = cf_rule_blame(check_limit(limit), CF_FIELD_LIMIT, out_field);
    if (error == CF_OK)
        error = ask_group(asker, CF_STORE_GROUPS_OF, before, out);
    if (error == CF_OK)
        (*out)->limit = limit;
    return error;
}

enum cf_error cf_group_among(const struct cf_asker *asker, const struct cf_uuid *groups,
                             size_t count, struct cf_store_request **out,
                             enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = cf_rule_blame(count > CF_GROUP_AMONG_MAX ? CF_E_TOO_LARGE : CF_OK,
                                        CF_FIELD_GROUPS, out_field);
    if (error == CF_OK)
        error = cf_ask_begin(asker, CF_STORE_GROUPS_AMONG, &request);
    if (error != CF_OK)
        return error;
    request->uuids = cf_arena_alloc(&request->arena, count * sizeof(*groups));
    if (request->uuids == NULL)
        return cf_ask_finish(request, CF_E_NOMEM, out);
    if (count > 0)
        memcpy(request->uuids, groups, count * sizeof(*groups));
    request->uuids_count = count;
    *out = request;
    return CF_OK;
}

enum cf_error cf_group_members(const struct cf_asker *asker, struct cf_uuid group,
                               struct cf_store_request **out)
{
    return ask_group(asker, CF_STORE_GROUP_MEMBERS, group, out);
}

enum cf_error cf_group_join(const struct cf_asker *asker, struct cf_uuid group,
                            struct cf_slice user, struct cf_slice user_name,
                            struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = cf_rule_person(user, user_name, out_field);
    if (error == CF_OK)
        error = ask_group(asker, CF_STORE_GROUP_JOIN, group, &request);
    if (error != CF_OK)
        return error;
    return cf_ask_finish(request, cf_ask_copy_person(request, user, user_name), out);
}

enum cf_error cf_group_leave(const struct cf_asker *asker, struct cf_uuid group,
                             struct cf_slice user, struct cf_store_request **out,
                             enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = cf_rule_blame(cf_rule_user(user), CF_FIELD_USER, out_field);
    if (error == CF_OK)
        error = ask_group(asker, CF_STORE_GROUP_LEAVE, group, &request);
    if (error != CF_OK)
        return error;
    return cf_ask_finish(request, cf_arena_copy(&request->arena, user, &request->user), out);
}

/* ---- the log ---- */

static enum cf_error copy_draft(struct cf_store_request *request,
                                const struct cf_group_draft *draft)
{
    enum cf_error error = CF_OK;
    if (draft->kind == CF_GROUP_THREAD)
        error = cf_arena_copy(&request->arena, draft->title, &request->name);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, draft->text, &request->text);
    if (error == CF_OK)
        error = cf_ask_copy_optional(request, draft->client_id, &request->client_id);
    return error;
}

enum cf_error cf_group_post(const struct cf_asker *asker, const struct cf_group_draft *draft,
                            struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = check_draft(draft, out_field);
    if (error == CF_OK)
        error = cf_ask_begin(asker, CF_STORE_GROUP_POST, &request);
    if (error != CF_OK)
        return error;
    request->group_kind = draft->kind;
    if (draft->kind == CF_GROUP_REPLY)
        request->thread = draft->room;
    else
        request->room = draft->room;
    request->message = cf_ask_new_id(asker);
    return cf_ask_finish(request, copy_draft(request, draft), out);
}

enum cf_error cf_group_events(const struct cf_asker *asker, const struct cf_group_query *query,
                              struct cf_store_request **out, enum cf_chat_field *out_field)
{
    enum cf_error error = cf_rule_blame(check_limit(query->limit), CF_FIELD_LIMIT, out_field);
    if (error == CF_OK)
        error = ask_group(asker, CF_STORE_GROUP_EVENTS, query->group, out);
    if (error != CF_OK)
        return error;
    (*out)->message = query->thread;
    (*out)->kinds = query->kinds;
    (*out)->group_range = query->range;
    (*out)->from = query->from;
    (*out)->limit = query->limit;
    return CF_OK;
}

enum cf_error cf_group_thread_get(const struct cf_asker *asker, struct cf_uuid thread,
                                  struct cf_store_request **out)
{
    enum cf_error error = cf_ask_begin(asker, CF_STORE_GROUP_THREAD_GET, out);
    if (error == CF_OK)
        (*out)->message = thread;
    return error;
}

/* ---- media ---- */

enum cf_error cf_group_media_open(const struct cf_asker *asker,
                                  const struct cf_group_upload *upload,
                                  struct cf_store_request **out, enum cf_chat_field *out_field)
{
    struct cf_store_request *request;
    enum cf_error error = check_upload(upload, out_field);
    if (error == CF_OK)
        error = cf_ask_begin(asker, CF_STORE_GROUP_MEDIA_OPEN, &request);
    if (error != CF_OK)
        return error;
    request->thread = upload->thread;
    request->message = cf_ask_new_id(asker);
    request->size = upload->size;
    request->quota = upload->quota;
    error = cf_arena_copy(&request->arena, upload->metadata, &request->text);
    if (error == CF_OK)
        error = cf_ask_copy_optional(request, upload->client_id, &request->client_id);
    return cf_ask_finish(request, error, out);
}

enum cf_error cf_group_media(const struct cf_asker *asker, enum cf_store_op op,
                             struct cf_uuid media, cf_us ttl, struct cf_store_request **out)
{
    enum cf_error error = cf_ask_begin(asker, op, out);
    if (error != CF_OK)
        return error;
    (*out)->message = media;
    (*out)->ttl = ttl;
    return CF_OK;
}
