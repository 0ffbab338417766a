/* Finished store requests to statuses and JSON. */
#include "base/assert.h"
#include "dialect/orbital/rest.h"
#include "dialect/orbital/tell.h"
#include "dialect/orbital/values.h"

/* ---- what went wrong ---- */

#define NO_THREAD "There is no such thread in your groups. Check the id."
#define NO_MEDIA "There is no such media in your groups: it may have expired. Check the id."
#define NO_PLACE                                                                                 \
    "You are not in the group that before names, or not any more. Take the group_id of another " \
    "group of that page, or leave before out to begin with the newest."
#define TAKE_A_NEW_ID "Take a new one for something new."

/* What a store's refusal means here, where that is more than the error alone says. The first row
 * that fits counts; CF_STORE_OPS stands for every operation. */
static const struct {
    enum cf_store_op op;
    enum cf_error error;
    const char *message, *field;
} meanings[] = {
    {CF_STORE_OPS, CF_E_NOT_MEMBER, "You are not a member of this group. Ask a member to add you.",
     "group_id"},
    {CF_STORE_GROUP_LEAVE, CF_E_FORBIDDEN, "Only who made the group can remove somebody else.",
     NULL},
    {CF_STORE_GROUP_LEAVE, CF_E_NOT_FOUND, "This user is not a member of the group.", "user_id"},
    {CF_STORE_GROUP_MEDIA_DELETE, CF_E_FORBIDDEN,
     "Only who uploaded the media or who made the group can delete it.", NULL},
    {CF_STORE_GROUP_EVENTS, CF_E_NOT_FOUND, NO_THREAD, "thread_id"},
    {CF_STORE_GROUP_THREAD_GET, CF_E_NOT_FOUND, NO_THREAD, "thread_id"},
    {CF_STORE_GROUP_POST, CF_E_NOT_FOUND, NO_THREAD, "thread_id"},
    {CF_STORE_GROUP_MEDIA_OPEN, CF_E_NOT_FOUND, NO_THREAD, "thread_id"},
    {CF_STORE_GROUP_MEDIA_GET, CF_E_NOT_FOUND, NO_MEDIA, "media_id"},
    {CF_STORE_GROUP_MEDIA_DONE, CF_E_NOT_FOUND, NO_MEDIA, "media_id"},
    {CF_STORE_GROUP_MEDIA_DELETE, CF_E_NOT_FOUND, NO_MEDIA, "media_id"},
    {CF_STORE_GROUP_CREATE, CF_E_CONFLICT,
     "This client_message_id was used before, for a group of another name. " TAKE_A_NEW_ID,
     "client_message_id"},
    {CF_STORE_GROUP_POST, CF_E_CONFLICT,
     "This client_message_id was used before in this group, with other content. " TAKE_A_NEW_ID,
     "client_message_id"},
    {CF_STORE_GROUP_MEDIA_OPEN, CF_E_CONFLICT,
     "This Idempotency-Key was used before in this group, for another upload. " TAKE_A_NEW_ID,
     "client_message_id"},
    {CF_STORE_GROUP_MEDIA_OPEN, CF_E_FULL,
     "The group's media would take more than its quota. Delete some, or wait until some expire.",
     NULL},
    {CF_STORE_GROUP_CREATE, CF_E_UNAVAILABLE,
     "The group may or may not be stored. Send it again with the same client_message_id.", NULL},
    {CF_STORE_GROUP_POST, CF_E_UNAVAILABLE,
     "This may or may not be stored. Send it again with the same client_message_id.", NULL},
    {CF_STORE_GROUP_MEDIA_OPEN, CF_E_UNAVAILABLE,
     "The upload may or may not be stored. Send it again with the same Idempotency-Key.", NULL},
    {CF_STORE_GROUP_MEDIA_DONE, CF_E_UNAVAILABLE,
     "The upload may or may not be stored. Send it again with the same Idempotency-Key.", NULL},
    {CF_STORE_GROUP_JOIN, CF_E_UNAVAILABLE,
     "The member may or may not be added. Send it again: who is in already stays in.", NULL},
};

struct cf_problem cf_orbital_problem_of(enum cf_store_op op, enum cf_error error)
{
    if (op == CF_STORE_GROUPS_OF && error == CF_E_NOT_FOUND)
        return cf_problem_field(CF_E_INVALID, "before", NO_PLACE);
    struct cf_problem problem = cf_problem_of(error);
    for (size_t i = 0; i < CF_ARRAY_LEN(meanings); i++) {
        bool fits = meanings[i].op == op || meanings[i].op == CF_STORE_OPS;
        if (!fits || meanings[i].error != error)
            continue;
        problem.message = meanings[i].message;
        problem.field = meanings[i].field;
        break;
    }
    return problem;
}

/* The same, with the field's name in that operation. */
static struct cf_problem problem_of(enum cf_orbital_op op, const struct cf_store_request *done)
{
    struct cf_problem problem = cf_orbital_problem_of(done->op, done->error);
    bool of_messages = op == CF_ORBITAL_OP_SEND || op == CF_ORBITAL_OP_MESSAGES;
    if (of_messages && done->error == CF_E_NOT_MEMBER)
        problem.field = "conversation_id";
    return problem;
}

/* ---- what went well ---- */

static void write_role(struct cf_json_writer *w, enum cf_role role)
{
    cf_json_member_string(w, "role", role == CF_ROLE_ADMIN ? CF_LIT("creator") : CF_LIT("member"));
}

static void write_group(struct cf_json_writer *w, const struct cf_room_row *group)
{
    cf_json_object_begin(w);
    cf_orbital_write_uuid(w, "group_id", &group->id);
    cf_json_member_string(w, "name", group->name);
    cf_json_member_string(w, "created_by", group->created_by);
    cf_orbital_write_time(w, "created_at", group->created);
    cf_json_member_i64(w, "member_count", (int64_t)group->members);
    write_role(w, group->role);
    cf_json_object_end(w);
}

static void begin_list(struct cf_json_writer *w, const char *key)
{
    cf_json_object_begin(w);
    cf_json_key(w, cf_slice_cstr(key));
    cf_json_array_begin(w);
}

static void end_list(struct cf_json_writer *w)
{
    cf_json_array_end(w);
    cf_json_object_end(w);
}

static void end_page(struct cf_json_writer *w, const struct cf_store_request *done)
{
    cf_json_array_end(w);
    cf_json_member_bool(w, "has_more", done->has_more);
    cf_json_object_end(w);
}

static void write_groups(struct cf_json_writer *w, const struct cf_store_request *done)
{
    begin_list(w, "groups");
    for (size_t i = 0; i < done->rooms_count; i++)
        write_group(w, &done->rooms[i]);
    end_page(w, done);
}

static void write_members(struct cf_json_writer *w, const struct cf_store_request *done)
{
    begin_list(w, "members");
    for (size_t i = 0; i < done->members_count; i++) {
        const struct cf_member_row *member = &done->members[i];
        cf_json_object_begin(w);
        cf_json_member_string(w, "user_id", member->user);
        cf_json_member_string(w, "username", member->name);
        write_role(w, member->role);
        cf_orbital_write_time(w, "joined_at", member->joined);
        cf_json_object_end(w);
    }
    end_list(w);
}

typedef void write_event_fn(struct cf_json_writer *w, const struct cf_group_event *event);

static void write_page(struct cf_json_writer *w, const char *key,
                       const struct cf_store_request *done, write_event_fn *write_event)
{
    begin_list(w, key);
    for (size_t i = 0; i < done->group_events_count; i++)
        write_event(w, &done->group_events[i]);
    end_page(w, done);
}

static enum cf_error write_answer(enum cf_orbital_op op, const struct cf_store_request *done,
                                  unsigned *out_status, struct cf_json_writer *w)
{
    unsigned created = done->created ? 201 : 200;
    *out_status = 200;
    switch (op) {
    case CF_ORBITAL_OP_GROUP_CREATE:
        *out_status = created;
        write_group(w, &done->rooms[0]);
        break;
    case CF_ORBITAL_OP_GROUPS:
        write_groups(w, done);
        break;
    case CF_ORBITAL_OP_MEMBERS:
        write_members(w, done);
        break;
    case CF_ORBITAL_OP_MEMBER_ADD:
        *out_status = created;
        cf_orbital_write_data(w, &done->group_events[0]);
        break;
    case CF_ORBITAL_OP_SEND:
    case CF_ORBITAL_OP_THREAD_CREATE:
    case CF_ORBITAL_OP_REPLY:
    case CF_ORBITAL_OP_MEDIA_POST:
        *out_status = created;
        cf_orbital_write_stamped(w, &done->group_events[0]);
        break;
    case CF_ORBITAL_OP_MESSAGES:
        write_page(w, "messages", done, cf_orbital_write_stamped);
        break;
    case CF_ORBITAL_OP_EVENTS:
        write_page(w, "events", done, cf_orbital_write_event);
        break;
    case CF_ORBITAL_OP_THREADS:
        write_page(w, "threads", done, cf_orbital_write_stamped);
        break;
    case CF_ORBITAL_OP_REPLIES:
        write_page(w, "replies", done, cf_orbital_write_stamped);
        break;
    case CF_ORBITAL_OP_MEMBER_REMOVE:
    case CF_ORBITAL_OP_MEDIA_DELETE:
        *out_status = 204;
        break;
    case CF_ORBITAL_OP_MEDIA_GET:
    case CF_ORBITAL_OP_UPLOAD_HEAD:
    case CF_ORBITAL_OP_UPLOAD_PATCH:
        return CF_E_STATE;
    }
    return cf_json_writer_finish(w);
}

enum cf_error cf_orbital_answer(enum cf_orbital_op op, const struct cf_store_request *done,
                                unsigned *out_status, struct cf_buf *body,
                                struct cf_problem *out_problem)
{
    *out_problem = (struct cf_problem){.status = 0};
    if (done->error != CF_OK) {
        *out_problem = problem_of(op, done);
        return CF_OK;
    }
    struct cf_json_writer w;
    cf_json_writer_init(&w, body);
    return write_answer(op, done, out_status, &w);
}
