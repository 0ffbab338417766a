/* What Orbital's clients send, as the dialect reads it. The first byte chooses who reads:
 *
 *     H  a frame of the stream
 *     R  a call: a line each of method, path, Idempotency-Key, since, before, limit and group's id;
 *        the rest is the body. An empty line but the path's is an absent value
 *     W  an event: a letter for its kind, then a line each of user, name and title; the rest is the
 *        text
 *     A  an answer: the same
 *
 * Besides what the sanitizers see: every refusal says what is wrong, every request that is made
 * keeps the rules, and what is written is JSON that gives its strings back. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/base64.h"
#include "base/utf8.h"
#include "dialect/orbital/hear.h"
#include "dialect/orbital/rest.h"
#include "dialect/orbital/tell.h"
#include "json/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_MAX = 8 * 1024 * 1024, STAMP = 1767454200 };

static const uint8_t hash_key[16] = "0123456789abcde";

static void fill_ones(void *context, uint8_t *out, size_t len)
{
    (void)context;
    memset(out, 1, len);
}

static const struct cf_entropy entropy = {.fill = fill_ones};
static const struct cf_identity identity = {
    .user_id = "ann", .name = "Ann", .user_id_len = 3, .name_len = 3};
static const struct cf_asker asker = {&identity, &entropy, {.ms = 1000, .us = 1000000}};

/* The next line, or what is left. */
static struct cf_slice take_line(struct cf_slice *rest)
{
    size_t end = cf_slice_find(*rest, '\n');
    struct cf_slice line = cf_slice_head(*rest, end);
    *rest = cf_slice_skip(*rest, end + 1);
    return line;
}

static struct cf_slice take_optional(struct cf_slice *rest)
{
    struct cf_slice line = take_line(rest);
    return line.len == 0 ? (struct cf_slice){NULL, 0} : line;
}

/* ---- JSON that we wrote ---- */

static void check_object(struct cf_slice json, struct cf_arena *arena, struct cf_json_field *fields,
                         size_t count)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    const char *wrong;
    limits.bytes_max = limits.string_bytes_max = MEMORY_MAX;
    CF_ASSERT(cf_json_read_object(json, &limits, hash_key, arena, fields, count, &wrong) == CF_OK);
}

/* {"type","data","server_timestamp"}; its data. */
static struct cf_slice check_frame(struct cf_slice json, struct cf_arena *arena)
{
    struct cf_json_field fields[] = {
        {.name = "type", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "data", .types = CF_JSON_IS_OBJECT, .required = true},
        {.name = "server_timestamp", .types = CF_JSON_IS_NUMBER, .required = true},
    };
    check_object(json, arena, fields, CF_ARRAY_LEN(fields));
    return fields[1].text;
}

static void check_data(struct cf_slice data, struct cf_arena *arena, const char *name,
                       struct cf_slice wanted)
{
    struct cf_json_field field = {.name = name, .types = CF_JSON_IS_STRING, .required = true};
    check_object(data, arena, &field, 1);
    CF_ASSERT(cf_slice_eq(field.text, wanted));
}

/* ---- heard ---- */

static void check_error_frame(const struct cf_orbital_heard *heard)
{
    struct cf_buf out;
    struct cf_arena arena;
    cf_buf_init(&out, MEMORY_MAX);
    cf_arena_init(&arena, MEMORY_MAX);
    CF_ASSERT(cf_orbital_error("invalid", heard->rule, NULL, 0, STAMP, &out) == CF_OK);
    check_data(check_frame(cf_buf_peek(&out), &arena), &arena, "message",
               cf_slice_cstr(heard->rule));
    cf_arena_deinit(&arena);
    cf_buf_deinit(&out);
}

/* The ids go back to the client in either frame. */
static void check_groups(const struct cf_orbital_heard *heard)
{
    struct cf_buf out;
    struct cf_arena arena;
    CF_ASSERT(heard->groups_count <= CF_GROUP_AMONG_MAX);
    for (size_t i = 0; i < heard->groups_count; i++)
        CF_ASSERT(cf_utf8_valid(heard->groups[i]));
    cf_buf_init(&out, MEMORY_MAX);
    cf_arena_init(&arena, MEMORY_MAX);
    CF_ASSERT(cf_orbital_subscribed(heard->groups, heard->groups_count, 0, STAMP, &out) == CF_OK);
    check_frame(cf_buf_peek(&out), &arena);
    cf_buf_reset(&out);
    CF_ASSERT(cf_orbital_error("not_member", "No.", heard->groups, heard->groups_count, STAMP,
                               &out) == CF_OK);
    check_frame(cf_buf_peek(&out), &arena);
    cf_arena_deinit(&arena);
    cf_buf_deinit(&out);
}

static void fuzz_hear(struct cf_slice input)
{
    struct cf_arena arena;
    struct cf_orbital_heard heard;
    cf_arena_init(&arena, MEMORY_MAX);
    CF_ASSERT(cf_orbital_hear(input, hash_key, &arena, &heard) == CF_OK);
    CF_ASSERT((heard.rule != NULL) == (heard.verb == CF_ORBITAL_INVALID));
    bool of_groups = heard.verb == CF_ORBITAL_SUBSCRIBE || heard.verb == CF_ORBITAL_UNSUBSCRIBE;
    CF_ASSERT(of_groups || heard.groups_count == 0);
    if (heard.verb == CF_ORBITAL_INVALID)
        check_error_frame(&heard);
    else if (of_groups)
        check_groups(&heard);
    cf_arena_deinit(&arena);
}

/* ---- asked ---- */

static void check_line(struct cf_slice line, size_t points_max)
{
    CF_ASSERT(cf_utf8_valid(line) && cf_utf8_count(line) <= points_max);
    for (size_t i = 0; i < line.len; i++)
        CF_ASSERT(line.ptr[i] >= 0x20 && line.ptr[i] != 0x7F);
}

static void check_sealed(struct cf_slice text)
{
    size_t len;
    CF_ASSERT(cf_base64_check(CF_BASE64, text, &len) == CF_OK);
    CF_ASSERT(len >= 1 && len <= CF_GROUP_SEALED_MAX);
}

static void check_post(const struct cf_store_request *request)
{
    bool reply = request->group_kind == CF_GROUP_REPLY;
    check_sealed(request->text);
    if (request->group_kind == CF_GROUP_THREAD)
        check_sealed(request->name);
    else
        CF_ASSERT(request->name.ptr == NULL);
    CF_ASSERT(!cf_uuid_is_nil(&request->message));
    CF_ASSERT(cf_uuid_is_nil(reply ? &request->room : &request->thread));
}

static void check_request(const struct cf_store_request *request)
{
    CF_ASSERT(cf_slice_eq(request->actor, CF_LIT("ann")));
    check_line(request->user, CF_USER_ID_MAX);
    check_line(request->user_name, CF_USER_NAME_MAX);
    check_line(request->client_id, CF_CHAT_CLIENT_ID_MAX);
    CF_ASSERT(request->client_id.ptr == NULL || request->client_id.len > 0);
    if (request->op == CF_STORE_GROUP_POST)
        check_post(request);
    if (request->op == CF_STORE_GROUP_CREATE)
        check_line(request->name, CF_GROUP_NAME_MAX);
    if (request->op == CF_STORE_GROUP_JOIN || request->op == CF_STORE_GROUP_LEAVE)
        CF_ASSERT(request->user.len > 0);
    if (request->op == CF_STORE_GROUP_EVENTS) {
        CF_ASSERT(request->limit >= 1 && request->limit <= CF_GROUP_LIST_MAX);
        CF_ASSERT(request->from >= 0 && request->kinds != 0);
        CF_ASSERT(request->group_range != CF_GROUP_NEWEST || request->from == 0);
    }
}

static void check_problem(enum cf_error error, const struct cf_problem *problem)
{
    struct cf_buf out;
    CF_ASSERT(error != CF_E_NOMEM && error != CF_E_STATE);
    CF_ASSERT(problem->status == 400 || problem->status == 413 || problem->status == 422);
    CF_ASSERT(problem->code != NULL && problem->message != NULL);
    CF_ASSERT(problem->status != 422 || problem->field != NULL);
    cf_buf_init(&out, MEMORY_MAX);
    CF_ASSERT(cf_problem_write(problem, CF_LIT(""), &out) == CF_OK);
    cf_buf_deinit(&out);
}

static void ask(const struct cf_orbital_call *call)
{
    struct cf_store_request *request = NULL;
    struct cf_problem problem = {.status = 0};
    enum cf_error error = cf_orbital_ask(call, &asker, &request, &problem);
    if (error == CF_OK)
        check_request(request);
    else
        check_problem(error, &problem);
    CF_ASSERT((error == CF_OK) == (request != NULL));
    cf_store_request_free(request);
}

static void fuzz_call(struct cf_slice input)
{
    struct cf_orbital_call call = {.hash_key = hash_key};
    struct cf_slice segments[8], element;
    size_t count = 0;
    struct cf_slice method = take_line(&input), path = take_line(&input);
    call.idempotency_key = take_optional(&input);
    call.since = take_optional(&input);
    call.before = take_optional(&input);
    call.limit = take_optional(&input);
    call.group_id = take_optional(&input);
    call.body = input;
    while (count < CF_ARRAY_LEN(segments) && cf_slice_next(&path, '/', &element))
        segments[count++] = element;
    enum cf_error error = cf_orbital_match(segments, count, method, &call.match);
    CF_ASSERT(error == CF_OK || error == CF_E_NOT_FOUND || error == CF_E_UNSUPPORTED);
    CF_ASSERT(error == CF_E_NOT_FOUND || call.match.allow != NULL);
    if (error == CF_OK && call.match.op != CF_ORBITAL_OP_MEDIA_POST)
        ask(&call);
}

/* ---- written ---- */

static struct cf_group_event take_event(struct cf_slice *input)
{
    static const enum cf_group_event_kind kinds[] = {CF_GROUP_MESSAGE, CF_GROUP_THREAD,
                                                     CF_GROUP_REPLY,   CF_GROUP_MEDIA,
                                                     CF_GROUP_JOINED,  CF_GROUP_LEFT};
    struct cf_slice kind = take_line(input);
    struct cf_group_event event = {
        .kind = kinds[kind.len == 0 ? 0 : kind.ptr[0] % CF_ARRAY_LEN(kinds)],
        .stamp = STAMP,
        .size = kind.len,
        .expires = STAMP,
    };
    event.user = take_line(input);
    event.user_name = take_line(input);
    event.title = take_line(input);
    event.text = *input;
    return event;
}

/* The strings of the data, by kind; NULL: it has none such. */
static void check_event(struct cf_slice data, const struct cf_group_event *event)
{
    static const struct {
        enum cf_group_event_kind kind;
        const char *user, *name, *title, *text;
    } rows[] = {
        {CF_GROUP_MESSAGE, NULL, NULL, NULL, "encrypted_envelope"},
        {CF_GROUP_THREAD, "author_id", "author_username", "encrypted_title", "encrypted_body"},
        {CF_GROUP_REPLY, "author_id", "author_username", NULL, "encrypted_body"},
        {CF_GROUP_MEDIA, "author_id", NULL, NULL, "encrypted_metadata"},
        {CF_GROUP_JOINED, "user_id", "username", NULL, NULL},
        {CF_GROUP_LEFT, "user_id", "username", NULL, NULL},
    };
    struct cf_arena arena;
    cf_arena_init(&arena, MEMORY_MAX);
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        if (rows[i].kind != event->kind)
            continue;
        if (rows[i].user != NULL)
            check_data(data, &arena, rows[i].user, event->user);
        if (rows[i].name != NULL)
            check_data(data, &arena, rows[i].name, event->user_name);
        if (rows[i].title != NULL)
            check_data(data, &arena, rows[i].title, event->title);
        if (rows[i].text != NULL)
            check_data(data, &arena, rows[i].text, event->text);
    }
    cf_arena_deinit(&arena);
}

static bool is_text(const struct cf_group_event *event)
{
    return cf_utf8_valid(event->user) && cf_utf8_valid(event->user_name) &&
           cf_utf8_valid(event->title) && cf_utf8_valid(event->text);
}

static void fuzz_write(struct cf_slice input)
{
    struct cf_group_event event = take_event(&input);
    struct cf_arena arena;
    struct cf_buf out;
    cf_arena_init(&arena, MEMORY_MAX);
    cf_buf_init(&out, MEMORY_MAX);
    enum cf_error error = cf_orbital_event(&event, &out);
    CF_ASSERT(error == CF_OK || (error == CF_E_UTF8 && !is_text(&event)));
    if (error == CF_OK)
        check_event(check_frame(cf_buf_peek(&out), &arena), &event);
    cf_buf_reset(&out);
    if (cf_utf8_valid(event.user) && cf_utf8_valid(event.user_name)) {
        CF_ASSERT(cf_orbital_auth_success(event.user, event.user_name, 0, STAMP, &out) == CF_OK);
        check_data(check_frame(cf_buf_peek(&out), &arena), &arena, "username", event.user_name);
    }
    cf_buf_deinit(&out);
    cf_arena_deinit(&arena);
}

/* The one event as a page of events, and as what was posted. */
static void fuzz_answer(struct cf_slice input)
{
    static const enum cf_orbital_op ops[] = {CF_ORBITAL_OP_EVENTS, CF_ORBITAL_OP_MESSAGES,
                                             CF_ORBITAL_OP_SEND, CF_ORBITAL_OP_MEMBER_ADD};
    struct cf_group_event event = take_event(&input);
    struct cf_store_request done = {
        .op = CF_STORE_GROUP_EVENTS, .group_events = &event, .group_events_count = 1};
    for (size_t i = 0; i < CF_ARRAY_LEN(ops); i++) {
        struct cf_problem problem;
        struct cf_arena arena;
        struct cf_buf out;
        unsigned status;
        cf_arena_init(&arena, MEMORY_MAX);
        cf_buf_init(&out, MEMORY_MAX);
        enum cf_error error = cf_orbital_answer(ops[i], &done, &status, &out, &problem);
        CF_ASSERT(error == CF_OK || (error == CF_E_UTF8 && !is_text(&event)));
        if (error == CF_OK && i < 2)
            check_object(cf_buf_peek(&out), &arena, NULL, 0);
        else if (error == CF_OK)
            check_event(cf_buf_peek(&out), &event);
        cf_buf_deinit(&out);
        cf_arena_deinit(&arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_slice input = cf_slice_skip(cf_slice_of(data, size), 1);
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'H':
        fuzz_hear(input);
        break;
    case 'R':
        fuzz_call(input);
        break;
    case 'W':
        fuzz_write(input);
        break;
    case 'A':
        fuzz_answer(input);
        break;
    default:
        break;
    }
    return 0;
}
