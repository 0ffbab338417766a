#include "dialect/talk/rest.h"

#include "base/assert.h"
#include "dialect/talk/hear.h"
#include "dialect/talk/tell.h"

/* A body's wanted strings, unescaped: never more than the body, and some alignment. */
enum { ARENA_BYTES_MAX = 256 * 1024, LIMIT_DEFAULT = 50 };

struct ask {
    const struct cf_talk_call *call;
    const struct cf_asker *asker;
    struct cf_arena arena;
    struct cf_store_request **out;
    struct cf_problem *problem;
    const char *people; /* what this body calls its users */
};

#define ANY CF_REST_ANY

static const struct cf_rest_path paths[] = {
    {{"conversations"},
     1,
     "GET, HEAD, POST, OPTIONS",
     {{"POST", CF_TALK_OP_CREATE}, {"GET", CF_TALK_OP_LIST}}},
    {{"conversations", ANY, "participants"}, 3, "POST, OPTIONS", {{"POST", CF_TALK_OP_ADD}}},
    {{"conversations", ANY, "participants", ANY},
     4,
     "DELETE, OPTIONS",
     {{"DELETE", CF_TALK_OP_REMOVE}}},
    {{"conversations", ANY, "messages"},
     3,
     "GET, HEAD, POST, OPTIONS",
     {{"GET", CF_TALK_OP_MESSAGES}, {"POST", CF_TALK_OP_SEND}}},
};

enum cf_error cf_talk_match(const struct cf_slice *segments, size_t count, struct cf_slice method,
                            struct cf_rest_match *out_match)
{
    return cf_rest_match(paths, CF_ARRAY_LEN(paths), segments, count, method, out_match);
}

/* ---- values ---- */

static enum cf_error refuse(const struct ask *ask, enum cf_error error, const char *field,
                            const char *rule)
{
    if (error != CF_OK && error != CF_E_NOMEM)
        *ask->problem = cf_problem_field(error, field, rule);
    return error;
}

static const char *name_of(const struct ask *ask, enum cf_chat_field field)
{
    switch (field) {
    case CF_FIELD_TEXT:
        return "text";
    case CF_FIELD_CLIENT_ID:
        return "clientMessageId";
    case CF_FIELD_TITLE:
        return "title";
    case CF_FIELD_PEOPLE:
        return ask->people;
    case CF_FIELD_USER:
        return "userId";
    case CF_FIELD_LIMIT:
        return "limit";
    default:
        return "id";
    }
}

/* What a chat command has said, as the ask's own answer. */
static enum cf_error told(const struct ask *ask, enum cf_error error, enum cf_chat_field field)
{
    return refuse(ask, error, name_of(ask, field), cf_talk_rule(field));
}

static enum cf_error path_id(const struct ask *ask, int64_t *out_id)
{
    if (cf_json_to_i64(ask->call->match.args[0], out_id) == CF_OK && *out_id >= 1)
        return CF_OK;
    *ask->problem = (struct cf_problem){.status = 400,
                                        .code = "invalid_id",
                                        .message = "The id in the path is no whole number from 1.",
                                        .field = "id"};
    return CF_E_INVALID;
}

static enum cf_error read_body(struct ask *ask, struct cf_json_field *fields, size_t count)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    const char *wrong = NULL;
    enum cf_error error = cf_json_read_object(ask->call->body, &limits, ask->call->hash_key,
                                              &ask->arena, fields, count, &wrong);
    if (error == CF_E_INVALID && wrong != NULL)
        return refuse(ask, error, wrong,
                      "This field is missing, or of another type than it must be.");
    if (error != CF_OK && error != CF_E_NOMEM)
        *ask->problem = cf_problem_body(error);
    return error;
}

/* ---- lists of users ---- */

struct people {
    struct cf_slice *users;
    size_t count;
};

static enum cf_error add_user(struct ask *ask, struct people *people,
                              const struct cf_json_event *event)
{
    int64_t number;
    bool text = event->type == CF_JSON_STRING;
    if (!text && (event->type != CF_JSON_NUMBER || cf_json_to_i64(event->text, &number) != CF_OK))
        return CF_E_INVALID;
    if (people->count == CF_TALK_PEOPLE_MAX)
        return CF_E_TOO_LARGE;
    return cf_arena_copy(&ask->arena, event->text, &people->users[people->count++]);
}

/* `array`: JSON text that is known to be an array; its elements are strings or whole numbers. */
static enum cf_error read_people(struct ask *ask, struct cf_slice array, struct people *people)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_json_reader reader;
    struct cf_json_event event;
    *people = (struct people){
        .users = cf_arena_alloc(&ask->arena, CF_TALK_PEOPLE_MAX * sizeof(struct cf_slice))};
    if (people->users == NULL)
        return CF_E_NOMEM;
    cf_json_reader_init(&reader, &limits, ask->call->hash_key);
    enum cf_error error = cf_json_next(&reader, &array, &event);
    while (error == CF_OK && (error = cf_json_next(&reader, &array, &event)) == CF_OK &&
           event.type != CF_JSON_ARRAY_END)
        error = add_user(ask, people, &event);
    cf_json_reader_deinit(&reader);
    return told(ask, error, CF_FIELD_PEOPLE);
}

/* ---- operations ---- */

static enum cf_error ask_create(struct ask *ask)
{
    ask->people = "participantIds";
    struct cf_json_field fields[] = {
        {.name = "kind", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "title", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
        {.name = "participantIds", .types = CF_JSON_IS_ARRAY, .required = true},
    };
    struct people people;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error == CF_OK)
        error = read_people(ask, fields[2].text, &people);
    if (error != CF_OK)
        return error;
    bool direct = cf_slice_eq(fields[0].text, CF_LIT("direct"));
    if (!direct && !cf_slice_eq(fields[0].text, CF_LIT("group")))
        return refuse(ask, CF_E_INVALID, "kind", "kind must be \"direct\" or \"group\".");
    struct cf_slice title = fields[1].is == CF_JSON_IS_STRING ? fields[1].text : CF_LIT("");
    error = cf_talk_create(ask->asker, direct ? CF_TALK_DIRECT : CF_TALK_GROUP, title, people.users,
                           people.count, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_add(struct ask *ask)
{
    ask->people = "userIds";
    struct cf_json_field fields[] = {
        {.name = "userIds", .types = CF_JSON_IS_ARRAY, .required = true},
    };
    struct people people;
    int64_t talk;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, &talk);
    if (error == CF_OK)
        error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error == CF_OK)
        error = read_people(ask, fields[0].text, &people);
    if (error != CF_OK)
        return error;
    error = cf_talk_add(ask->asker, talk, people.users, people.count, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_remove(struct ask *ask)
{
    int64_t talk;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, &talk);
    if (error != CF_OK)
        return error;
    error = cf_talk_remove(ask->asker, talk, ask->call->match.args[1], ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_send(struct ask *ask)
{
    struct cf_json_field fields[] = {
        {.name = "text", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "clientMessageId", .types = CF_JSON_IS_STRING, .required = true},
    };
    int64_t talk;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, &talk);
    if (error == CF_OK)
        error = read_body(ask, fields, CF_ARRAY_LEN(fields));
    if (error != CF_OK)
        return error;
    error = cf_talk_send(ask->asker, talk, fields[0].text, fields[1].text, ask->out, &field);
    return told(ask, error, field);
}

/* At most one of since, afterSeq and before says where to begin. */
static enum cf_error read_range(const struct ask *ask, enum cf_talk_range *out_range,
                                int64_t *out_from)
{
    const struct cf_talk_call *call = ask->call;
    int given =
        (call->since.ptr != NULL) + (call->after_seq.ptr != NULL) + (call->before.ptr != NULL);
    if (given > 1)
        return refuse(ask, CF_E_INVALID, "since", "Ask by one of since, afterSeq and before.");
    *out_range = CF_TALK_NEWEST;
    *out_from = 0;
    if (call->since.ptr != NULL) {
        *out_range = CF_TALK_SINCE;
        return refuse(ask, cf_us_parse(call->since, out_from), "since",
                      "since must be an RFC 3339 time, like 2026-01-03T15:30:00.123456Z.");
    }
    if (given == 0)
        return CF_OK;
    bool after = call->after_seq.ptr != NULL;
    *out_range = after ? CF_TALK_AFTER_SEQ : CF_TALK_BEFORE;
    enum cf_error error = cf_json_to_i64(after ? call->after_seq : call->before, out_from);
    if (error == CF_OK && *out_from < 0)
        error = CF_E_INVALID;
    return refuse(ask, error, after ? "afterSeq" : "before",
                  "afterSeq and before must be whole numbers from 0: the seq of a message.");
}

static enum cf_error ask_messages(struct ask *ask)
{
    int64_t talk, from;
    uint64_t limit = LIMIT_DEFAULT;
    enum cf_talk_range range;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = path_id(ask, &talk);
    if (error == CF_OK)
        error = read_range(ask, &range, &from);
    if (error != CF_OK)
        return error;
    if (ask->call->limit.ptr != NULL &&
        (!cf_slice_to_u64(ask->call->limit, &limit) || limit > UINT32_MAX))
        return told(ask, CF_E_INVALID, CF_FIELD_LIMIT);
    error = cf_talk_messages(ask->asker, talk, range, from, (uint32_t)limit, ask->out, &field);
    return told(ask, error, field);
}

static enum cf_error ask_op(struct ask *ask)
{
    switch ((enum cf_talk_op)ask->call->match.op) {
    case CF_TALK_OP_CREATE:
        return ask_create(ask);
    case CF_TALK_OP_LIST:
        return cf_talk_list(ask->asker, ask->out);
    case CF_TALK_OP_ADD:
        return ask_add(ask);
    case CF_TALK_OP_REMOVE:
        return ask_remove(ask);
    case CF_TALK_OP_MESSAGES:
        return ask_messages(ask);
    case CF_TALK_OP_SEND:
        return ask_send(ask);
    }
    return CF_E_STATE;
}

enum cf_error cf_talk_ask(const struct cf_talk_call *call, const struct cf_asker *asker,
                          struct cf_store_request **out_request, struct cf_problem *out_problem)
{
    struct ask ask = {.call = call, .asker = asker, .out = out_request, .problem = out_problem};
    cf_arena_init(&ask.arena, ARENA_BYTES_MAX);
    enum cf_error error = ask_op(&ask);
    cf_arena_deinit(&ask.arena);
    return error;
}

/* ---- answers ---- */

static struct cf_problem problem_of(enum cf_store_op op, enum cf_error error)
{
    struct cf_problem problem = cf_problem_of(error);
    if (error == CF_E_NOT_MEMBER) {
        problem.code = cf_talk_code(error);
        problem.message = cf_talk_text(error);
    } else if (op == CF_STORE_TALK_CREATE && error == CF_E_INVALID) {
        problem.message = "A direct conversation has exactly one other participant.";
        problem.field = "participantIds";
    } else if (op == CF_STORE_TALK_SEND && error == CF_E_CONFLICT) {
        problem.message = cf_talk_text(error);
        problem.field = "clientMessageId";
    } else if (op == CF_STORE_TALK_SEND && error == CF_E_UNAVAILABLE) {
        problem.message = "The message may or may not be stored. Send it again with the same "
                          "clientMessageId.";
    } else if (error == CF_E_CONFLICT) {
        problem.message = "The participants of a direct conversation are fixed.";
    } else if (error == CF_E_FORBIDDEN) {
        problem.message = "Only who made the conversation can remove somebody else.";
    } else if (error == CF_E_NOT_FOUND) {
        problem.message = "This user takes no part in the conversation.";
        problem.field = "userId";
    }
    return problem;
}

struct cf_problem cf_talk_too_often(cf_ms retry_ms)
{
    struct cf_problem problem = cf_problem_of(CF_E_RATE);
    problem.message = cf_talk_text(CF_E_RATE);
    problem.retry_after_s = (unsigned)((retry_ms + 999) / 1000);
    return problem;
}

static void write_talks(struct cf_json_writer *w, const struct cf_store_request *done)
{
    cf_json_object_begin(w);
    cf_json_key(w, CF_LIT("conversations"));
    cf_json_array_begin(w);
    for (size_t i = 0; i < done->talks_count; i++)
        cf_talk_write_talk(w, &done->talks[i]);
    cf_json_array_end(w);
    cf_json_object_end(w);
}

static void write_messages(struct cf_json_writer *w, const struct cf_store_request *done)
{
    cf_json_object_begin(w);
    cf_json_key(w, CF_LIT("messages"));
    cf_json_array_begin(w);
    for (size_t i = 0; i < done->talk_messages_count; i++)
        cf_talk_write_message(w, &done->talk_messages[i], true);
    cf_json_array_end(w);
    cf_json_member_bool(w, "hasMore", done->has_more);
    cf_json_object_end(w);
}

enum cf_error cf_talk_answer(enum cf_talk_op op, const struct cf_store_request *done,
                             unsigned *out_status, struct cf_buf *body,
                             struct cf_problem *out_problem)
{
    *out_problem = (struct cf_problem){.status = 0};
    if (done->error != CF_OK) {
        *out_problem = problem_of(done->op, done->error);
        return CF_OK;
    }
    struct cf_json_writer w;
    cf_json_writer_init(&w, body);
    *out_status = 200;
    switch (op) {
    case CF_TALK_OP_CREATE:
        *out_status = done->created ? 201 : 200;
        cf_talk_write_talk(&w, &done->talks[0]);
        break;
    case CF_TALK_OP_ADD:
        cf_talk_write_talk(&w, &done->talks[0]);
        break;
    case CF_TALK_OP_LIST:
        write_talks(&w, done);
        break;
    case CF_TALK_OP_REMOVE:
        *out_status = 204;
        break;
    case CF_TALK_OP_MESSAGES:
        write_messages(&w, done);
        break;
    case CF_TALK_OP_SEND:
        *out_status = done->created ? 201 : 200;
        cf_talk_write_sent(&w, &done->talk_messages[0]);
        break;
    }
    return cf_json_writer_finish(&w);
}
