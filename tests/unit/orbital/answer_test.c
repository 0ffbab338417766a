/* Finished requests to answers: each operation's JSON, and each refusal of the store's. The rows
 * are made by hand; what the store makes of a request is for its own tests, but for a few walks. */
#include <stdio.h>

#include "unit/orbital/call.h"

#define END ",\"server_timestamp\":" STAMP "}"

static struct cf_store_request *done;
static struct cf_buf body;
static struct cf_problem problem;
static unsigned status;

static int tear_down(void **state)
{
    (void)state;
    cf_store_request_free(done);
    done = NULL;
    cf_buf_deinit(&body);
    return 0;
}

static void finished(enum cf_store_op op)
{
    tear_down(NULL);
    done = cf_store_request_new(op);
    assert_non_null(done);
    cf_buf_init(&body, 65536);
    problem = (struct cf_problem){.status = 99};
    status = 0;
}

static void assert_answer(enum cf_orbital_op op, unsigned wanted, const char *json)
{
    assert_int_equal(cf_orbital_answer(op, done, &status, &body, &problem), CF_OK);
    assert_int_equal(problem.status, 0);
    assert_int_equal(status, wanted);
    assert_written(&body, json);
}

/* ---- groups and members ---- */

#define GROUP_JSON(role)                                                     \
    "{\"group_id\":\"" GROUP "\",\"name\":\"A & <B>\",\"created_by\":\"7\"," \
    "\"created_at\":\"" STAMP_TIME "\",\"member_count\":2,\"role\":\"" role "\"}"

#define NO_PLACE                                                                                 \
    "You are not in the group that before names, or not any more. Take the group_id of another " \
    "group of that page, or leave before out to begin with the newest."

static struct cf_room_row sample_group(enum cf_role role)
{
    return (struct cf_room_row){.id = uuid_of(GROUP),
                                .name = CF_LIT("A & <B>"),
                                .created_by = CF_LIT("7"),
                                .created = START_US,
                                .role = role,
                                .members = 2};
}

static void a_group(void **state)
{
    (void)state;
    struct cf_room_row group = sample_group(CF_ROLE_ADMIN);
    finished(CF_STORE_GROUP_CREATE);
    done->rooms = &group;
    done->rooms_count = 1;
    assert_answer(CF_ORBITAL_OP_GROUP_CREATE, 200, GROUP_JSON("creator"));
    done->created = true;
    assert_answer(CF_ORBITAL_OP_GROUP_CREATE, 201, GROUP_JSON("creator"));
    group.name = CF_LIT("");
    assert_answer(CF_ORBITAL_OP_GROUP_CREATE, 201,
                  "{\"group_id\":\"" GROUP "\",\"name\":\"\",\"created_by\":\"7\","
                  "\"created_at\":\"" STAMP_TIME "\",\"member_count\":2,\"role\":\"creator\"}");
}

static void groups(void **state)
{
    (void)state;
    struct cf_room_row rows[] = {sample_group(CF_ROLE_MEMBER), sample_group(CF_ROLE_ADMIN)};
    finished(CF_STORE_GROUPS_OF);
    assert_answer(CF_ORBITAL_OP_GROUPS, 200, "{\"groups\":[],\"has_more\":false}");
    done->rooms = rows;
    done->rooms_count = 2;
    done->has_more = true;
    assert_answer(
        CF_ORBITAL_OP_GROUPS, 200,
        "{\"groups\":[" GROUP_JSON("member") "," GROUP_JSON("creator") "],\"has_more\":true}");
}

static void members(void **state)
{
    (void)state;
    struct cf_member_row rows[] = {
        {CF_LIT("7"), CF_LIT("Ann"), CF_ROLE_ADMIN, START_US},
        {CF_LIT("bob"), CF_LIT("B\"b"), CF_ROLE_MEMBER, START_US + 1000},
    };
    finished(CF_STORE_GROUP_MEMBERS);
    done->members = rows;
    done->members_count = 2;
    assert_answer(CF_ORBITAL_OP_MEMBERS, 200,
                  "{\"members\":[{\"user_id\":\"7\",\"username\":\"Ann\",\"role\":\"creator\","
                  "\"joined_at\":\"" STAMP_TIME "\"},"
                  "{\"user_id\":\"bob\",\"username\":\"B\\\"b\",\"role\":\"member\","
                  "\"joined_at\":\"2026-01-03T15:30:00.001000Z\"}]}");
}

static void a_member_is_added(void **state)
{
    (void)state;
    struct cf_group_event event = sample_event(CF_GROUP_JOINED);
    finished(CF_STORE_GROUP_JOIN);
    done->group_events = &event;
    done->group_events_count = 1;
    assert_answer(CF_ORBITAL_OP_MEMBER_ADD, 200, JOINED_OPEN "}");
    done->created = true;
    assert_answer(CF_ORBITAL_OP_MEMBER_ADD, 201, JOINED_OPEN "}");
}

static void what_is_removed_has_no_body(void **state)
{
    (void)state;
    finished(CF_STORE_GROUP_LEAVE);
    assert_answer(CF_ORBITAL_OP_MEMBER_REMOVE, 204, "");
    finished(CF_STORE_GROUP_MEDIA_DELETE);
    assert_answer(CF_ORBITAL_OP_MEDIA_DELETE, 204, "");
}

/* ---- the log ---- */

static void what_is_posted(void **state)
{
    (void)state;
    static const struct {
        enum cf_orbital_op op;
        enum cf_store_op store_op;
        enum cf_group_event_kind kind;
        const char *json;
    } cases[] = {
        {CF_ORBITAL_OP_SEND, CF_STORE_GROUP_POST, CF_GROUP_MESSAGE, MESSAGE_DATA},
        {CF_ORBITAL_OP_THREAD_CREATE, CF_STORE_GROUP_POST, CF_GROUP_THREAD, THREAD_OPEN END},
        {CF_ORBITAL_OP_REPLY, CF_STORE_GROUP_POST, CF_GROUP_REPLY, REPLY_OPEN END},
        {CF_ORBITAL_OP_MEDIA_POST, CF_STORE_GROUP_MEDIA_DONE, CF_GROUP_MEDIA, MEDIA_OPEN END},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_group_event event = sample_event(cases[i].kind);
        finished(cases[i].store_op);
        done->group_events = &event;
        done->group_events_count = 1;
        assert_answer(cases[i].op, 200, cases[i].json);
        done->created = true;
        assert_answer(cases[i].op, 201, cases[i].json);
    }
}

static void pages(void **state)
{
    (void)state;
    static const struct {
        enum cf_orbital_op op;
        enum cf_group_event_kind kind;
        const char *empty, *json;
    } cases[] = {
        {CF_ORBITAL_OP_MESSAGES, CF_GROUP_MESSAGE, "{\"messages\":[],\"has_more\":false}",
         "{\"messages\":[" MESSAGE_DATA "," MESSAGE_DATA "],\"has_more\":true}"},
        {CF_ORBITAL_OP_EVENTS, CF_GROUP_LEFT, "{\"events\":[],\"has_more\":false}",
         "{\"events\":[{\"type\":\"member_left\",\"data\":" LEFT_OPEN "}" END
         ",{\"type\":\"member_left\",\"data\":" LEFT_OPEN "}" END "],\"has_more\":true}"},
        {CF_ORBITAL_OP_THREADS, CF_GROUP_THREAD, "{\"threads\":[],\"has_more\":false}",
         "{\"threads\":[" THREAD_OPEN END "," THREAD_OPEN END "],\"has_more\":true}"},
        {CF_ORBITAL_OP_REPLIES, CF_GROUP_REPLY, "{\"replies\":[],\"has_more\":false}",
         "{\"replies\":[" REPLY_OPEN END "," REPLY_OPEN END "],\"has_more\":true}"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_group_event events[] = {sample_event(cases[i].kind), sample_event(cases[i].kind)};
        finished(CF_STORE_GROUP_EVENTS);
        assert_answer(cases[i].op, 200, cases[i].empty);
        done->group_events = events;
        done->group_events_count = 2;
        done->has_more = true;
        assert_answer(cases[i].op, 200, cases[i].json);
    }
}

static void bytes_are_the_compositions(void **state)
{
    (void)state;
    static const enum cf_orbital_op ops[] = {CF_ORBITAL_OP_MEDIA_GET, CF_ORBITAL_OP_UPLOAD_HEAD,
                                             CF_ORBITAL_OP_UPLOAD_PATCH};
    for (size_t i = 0; i < CF_ARRAY_LEN(ops); i++) {
        finished(CF_STORE_GROUP_MEDIA_GET);
        assert_int_equal(cf_orbital_answer(ops[i], done, &status, &body, &problem), CF_E_STATE);
        assert_int_equal(body.len, 0);
    }
}

static void an_answer_that_does_not_fit(void **state)
{
    (void)state;
    struct cf_group_event event = sample_event(CF_GROUP_THREAD);
    size_t len = strlen(THREAD_OPEN END);
    for (size_t max = len - 1; max <= len; max++) {
        struct cf_buf small;
        finished(CF_STORE_GROUP_POST);
        done->group_events = &event;
        done->group_events_count = 1;
        cf_buf_init(&small, max);
        assert_int_equal(
            cf_orbital_answer(CF_ORBITAL_OP_THREAD_CREATE, done, &status, &small, &problem),
            max == len ? CF_OK : CF_E_TOO_LARGE);
        cf_buf_deinit(&small);
    }
}

/* ---- what the store refuses ---- */

#define NO_MEMBER "You are not a member of this group. Ask a member to add you."
#define NO_THREAD "There is no such thread in your groups. Check the id."
#define NO_MEDIA "There is no such media in your groups: it may have expired. Check the id."
#define UPLOAD_UNKNOWN \
    "The upload may or may not be stored. Send it again with the same Idempotency-Key."
#define LATER "The service cannot do this just now. Try again in a moment."

static const struct {
    enum cf_store_op op;
    enum cf_error error;
    unsigned status;
    const char *code, *field, *message;
} refusals[] = {
    {CF_STORE_GROUP_MEMBERS, CF_E_NOT_MEMBER, 403, "not_member", "group_id", NO_MEMBER},
    {CF_STORE_GROUP_EVENTS, CF_E_NOT_MEMBER, 403, "not_member", "group_id", NO_MEMBER},
    {CF_STORE_GROUP_JOIN, CF_E_NOT_MEMBER, 403, "not_member", "group_id", NO_MEMBER},
    {CF_STORE_GROUP_LEAVE, CF_E_NOT_MEMBER, 403, "not_member", "group_id", NO_MEMBER},
    {CF_STORE_GROUP_POST, CF_E_NOT_MEMBER, 403, "not_member", "group_id", NO_MEMBER},
    {CF_STORE_GROUP_LEAVE, CF_E_FORBIDDEN, 403, "forbidden", NULL,
     "Only who made the group can remove somebody else."},
    {CF_STORE_GROUP_MEDIA_DELETE, CF_E_FORBIDDEN, 403, "forbidden", NULL,
     "Only who uploaded the media or who made the group can delete it."},
    {CF_STORE_GROUP_LEAVE, CF_E_NOT_FOUND, 404, "not_found", "user_id",
     "This user is not a member of the group."},
    {CF_STORE_GROUP_EVENTS, CF_E_NOT_FOUND, 404, "not_found", "thread_id", NO_THREAD},
    {CF_STORE_GROUP_THREAD_GET, CF_E_NOT_FOUND, 404, "not_found", "thread_id", NO_THREAD},
    {CF_STORE_GROUP_POST, CF_E_NOT_FOUND, 404, "not_found", "thread_id", NO_THREAD},
    {CF_STORE_GROUP_MEDIA_OPEN, CF_E_NOT_FOUND, 404, "not_found", "thread_id", NO_THREAD},
    {CF_STORE_GROUP_MEDIA_GET, CF_E_NOT_FOUND, 404, "not_found", "media_id", NO_MEDIA},
    {CF_STORE_GROUP_MEDIA_DONE, CF_E_NOT_FOUND, 404, "not_found", "media_id", NO_MEDIA},
    {CF_STORE_GROUP_MEDIA_DELETE, CF_E_NOT_FOUND, 404, "not_found", "media_id", NO_MEDIA},
    {CF_STORE_GROUP_CREATE, CF_E_CONFLICT, 409, "conflict", "client_message_id",
     "This client_message_id was used before, for a group of another name. Take a new one for "
     "something new."},
    {CF_STORE_GROUP_POST, CF_E_CONFLICT, 409, "conflict", "client_message_id",
     "This client_message_id was used before in this group, with other content. Take a new one for "
     "something new."},
    {CF_STORE_GROUP_MEDIA_OPEN, CF_E_CONFLICT, 409, "conflict", "client_message_id",
     "This Idempotency-Key was used before in this group, for another upload. Take a new one for "
     "something new."},
    {CF_STORE_GROUP_MEDIA_OPEN, CF_E_FULL, 507, "insufficient_storage", NULL,
     "The group's media would take more than its quota. Delete some, or wait until some expire."},
    {CF_STORE_GROUP_CREATE, CF_E_UNAVAILABLE, 503, "unavailable", NULL,
     "The group may or may not be stored. Send it again with the same client_message_id."},
    {CF_STORE_GROUP_POST, CF_E_UNAVAILABLE, 503, "unavailable", NULL,
     "This may or may not be stored. Send it again with the same client_message_id."},
    {CF_STORE_GROUP_MEDIA_OPEN, CF_E_UNAVAILABLE, 503, "unavailable", NULL, UPLOAD_UNKNOWN},
    {CF_STORE_GROUP_MEDIA_DONE, CF_E_UNAVAILABLE, 503, "unavailable", NULL, UPLOAD_UNKNOWN},
    {CF_STORE_GROUP_JOIN, CF_E_UNAVAILABLE, 503, "unavailable", NULL,
     "The member may or may not be added. Send it again: who is in already stays in."},
    {CF_STORE_GROUPS_OF, CF_E_NOT_FOUND, 422, "invalid", "before", NO_PLACE},
    {CF_STORE_GROUPS_OF, CF_E_UNAVAILABLE, 503, "unavailable", NULL, LATER},
    {CF_STORE_GROUP_LEAVE, CF_E_UNAVAILABLE, 503, "unavailable", NULL, LATER},
    {CF_STORE_GROUP_MEDIA_DELETE, CF_E_UNAVAILABLE, 503, "unavailable", NULL, LATER},
    {CF_STORE_GROUP_POST, CF_E_NOMEM, 503, "unavailable", NULL, LATER},
    {CF_STORE_GROUP_POST, CF_E_IO, 500, "internal", NULL,
     "Something went wrong on our side. Try again later."},
};

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(refusals); i++) {
        problem = cf_orbital_problem_of(refusals[i].op, refusals[i].error);
        assert_problem(&problem, refusals[i].status, refusals[i].code, refusals[i].field,
                       refusals[i].message);
        assert_int_equal(problem.retry_after_s, refusals[i].status == 503 ? 1 : 0);
    }
}

static void a_failed_request_is_a_problem(void **state)
{
    (void)state;
    static const struct {
        enum cf_orbital_op op;
        enum cf_store_op store_op;
        enum cf_error error;
        unsigned status;
        const char *field;
    } cases[] = {
        {CF_ORBITAL_OP_MEMBERS, CF_STORE_GROUP_MEMBERS, CF_E_NOT_MEMBER, 403, "group_id"},
        {CF_ORBITAL_OP_EVENTS, CF_STORE_GROUP_EVENTS, CF_E_NOT_MEMBER, 403, "group_id"},
        {CF_ORBITAL_OP_THREAD_CREATE, CF_STORE_GROUP_POST, CF_E_NOT_MEMBER, 403, "group_id"},
        {CF_ORBITAL_OP_SEND, CF_STORE_GROUP_POST, CF_E_NOT_MEMBER, 403, "conversation_id"},
        {CF_ORBITAL_OP_MESSAGES, CF_STORE_GROUP_EVENTS, CF_E_NOT_MEMBER, 403, "conversation_id"},
        {CF_ORBITAL_OP_SEND, CF_STORE_GROUP_POST, CF_E_CONFLICT, 409, "client_message_id"},
        {CF_ORBITAL_OP_MEDIA_GET, CF_STORE_GROUP_MEDIA_GET, CF_E_NOT_FOUND, 404, "media_id"},
        {CF_ORBITAL_OP_UPLOAD_PATCH, CF_STORE_GROUP_MEDIA_GET, CF_E_NOT_FOUND, 404, "media_id"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        finished(cases[i].store_op);
        done->error = cases[i].error;
        assert_int_equal(cf_orbital_answer(cases[i].op, done, &status, &body, &problem), CF_OK);
        assert_int_equal(problem.status, cases[i].status);
        assert_string_equal(problem.field, cases[i].field);
        assert_int_equal(body.len, 0);
    }
}

/* ---- over a store ---- */

static struct world world;
static struct person ann, bob;
static char group[CF_UUID_LEN + 1];

#define NO_MESSAGES "{\"messages\":[],\"has_more\":false}"

/* Posts, and takes the id of what was made out of the answer. */
static void make(struct person *person, struct ask what, const char *key, char id[CF_UUID_LEN + 1])
{
    struct reply reply;
    char start[40];
    perform(&world, person, &what, &reply);
    assert_int_equal(reply.status, 201);
    int len = snprintf(start, sizeof(start), "{\"%s\":\"", key);
    assert_true(cf_slice_starts(cf_buf_peek(&reply.body), cf_slice_of(start, (size_t)len)));
    memcpy(id, reply.body.ptr + len, CF_UUID_LEN);
    id[CF_UUID_LEN] = '\0';
    cf_buf_deinit(&reply.body);
}

static int open_group(void **state)
{
    (void)state;
    world_open(&world);
    person_init(&ann, &world, "7", "Ann");
    person_init(&bob, &world, "bob", "Bob");
    make(&ann, POST("groups", .body = "{\"name\":\"G\"}"), "group_id", group);
    return 0;
}

static int close_group(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static void add_bob(unsigned wanted_status)
{
    char path[100], wanted[200];
    snprintf(path, sizeof(path), "groups/%s/members", group);
    snprintf(wanted, sizeof(wanted),
             "{\"group_id\":\"%s\",\"user_id\":\"bob\",\"username\":\"Bob\","
             "\"joined_at\":\"2026-01-03T15:30:02.000000Z\"}",
             group);
    assert_call(&world, &ann, POST(path, .body = "{\"user_id\":\"bob\",\"username\":\"Bob\"}"),
                wanted_status, wanted);
}

static void groups_are_listed_in_pages(void **state)
{
    (void)state;
    char newer[CF_UUID_LEN + 1], row[2][300], page[700];
    make(&ann, POST("groups", .body = "{\"name\":\"G\"}"), "group_id", newer);
    for (int i = 0; i < 2; i++)
        snprintf(row[i], sizeof(row[i]),
                 "{\"group_id\":\"%s\",\"name\":\"G\",\"created_by\":\"7\","
                 "\"created_at\":\"2026-01-03T15:30:0%d.000000Z\",\"member_count\":1,"
                 "\"role\":\"creator\"}",
                 i == 0 ? newer : group, i == 0 ? 2 : 1);
    snprintf(page, sizeof(page), "{\"groups\":[%s,%s],\"has_more\":false}", row[0], row[1]);
    assert_call(&world, &ann, GET("groups"), 200, page);
    snprintf(page, sizeof(page), "{\"groups\":[%s],\"has_more\":true}", row[0]);
    assert_call(&world, &ann, GET("groups", .limit = "1"), 200, page);
    snprintf(page, sizeof(page), "{\"groups\":[%s],\"has_more\":false}", row[1]);
    assert_call(&world, &ann, GET("groups", .limit = "1", .before = newer), 200, page);
    assert_call(&world, &ann, GET("groups", .before = group), 200,
                "{\"groups\":[],\"has_more\":false}");
    assert_refused(&world, &bob, GET("groups", .before = group), 422, "invalid", "before",
                   NO_PLACE);
}

static void members_come_and_go(void **state)
{
    (void)state;
    char path[100];
    add_bob(201);
    add_bob(200);
    snprintf(path, sizeof(path), "groups/%s/members/bob", group);
    assert_call(&world, &bob, DELETE(path), 204, "");
    snprintf(path, sizeof(path), "groups/%s/members", group);
    assert_refused(&world, &bob, GET(path), 403, "not_member", "group_id", NO_MEMBER);
}

static void a_message_is_stored_once_and_found_by_its_time(void **state)
{
    (void)state;
    char text[200], id[CF_UUID_LEN + 1], message[300], page[400];
    add_bob(201);
    snprintf(text, sizeof(text), "{\"conversation_id\":\"%s\",\"encrypted_envelope\":\"aGk=\"}",
             group);
    make(&bob, POST("messages", .body = text, .key = "k"), "message_id", id);
    snprintf(message, sizeof(message),
             "{\"message_id\":\"%s\",\"conversation_id\":\"%s\",\"encrypted_envelope\":\"aGk=\","
             "\"server_timestamp\":1767454203000}",
             id, group);
    assert_call(&world, &bob, POST("messages", .body = text, .key = "k"), 200, message);
    snprintf(page, sizeof(page), "{\"messages\":[%s],\"has_more\":false}", message);
    assert_call(&world, &ann, GET("messages"), 200, page);
    assert_call(&world, &ann, GET("messages", .since = "1767454203000"), 200, page);
    assert_call(&world, &ann, GET("messages", .since = "1767454203001"), 200, NO_MESSAGES);
}

static void a_reply_is_found_in_its_thread(void **state)
{
    (void)state;
    char path[100], thread[CF_UUID_LEN + 1], reply[CF_UUID_LEN + 1], page[400];
    snprintf(path, sizeof(path), "groups/%s/threads", group);
    make(&ann, POST(path, .body = "{\"encrypted_title\":\"dA==\",\"encrypted_body\":\"aGk=\"}"),
         "thread_id", thread);
    snprintf(path, sizeof(path), "threads/%s/replies", thread);
    make(&ann, POST(path, .body = "{\"encrypted_body\":\"aGk=\"}"), "reply_id", reply);
    snprintf(page, sizeof(page),
             "{\"replies\":[{\"reply_id\":\"%s\",\"thread_id\":\"%s\",\"author_id\":\"7\","
             "\"author_username\":\"Ann\",\"encrypted_body\":\"aGk=\","
             "\"created_at\":\"2026-01-03T15:30:03.000000Z\",\"server_timestamp\":1767454203000}],"
             "\"has_more\":false}",
             reply, thread);
    assert_call(&world, &ann, GET(path), 200, page);
    assert_refused(&world, &bob, GET(path), 404, "not_found", "thread_id", NO_THREAD);
}

#define ANSWERED(test) cmocka_unit_test_teardown(test, tear_down)
#define STORED(test) cmocka_unit_test_setup_teardown(test, open_group, close_group)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ANSWERED(a_group),
        ANSWERED(groups),
        ANSWERED(members),
        ANSWERED(a_member_is_added),
        ANSWERED(what_is_removed_has_no_body),
        ANSWERED(what_is_posted),
        ANSWERED(pages),
        ANSWERED(bytes_are_the_compositions),
        ANSWERED(an_answer_that_does_not_fit),
        cmocka_unit_test(refusals_say_what_to_do),
        ANSWERED(a_failed_request_is_a_problem),
        STORED(groups_are_listed_in_pages),
        STORED(members_come_and_go),
        STORED(a_message_is_stored_once_and_found_by_its_time),
        STORED(a_reply_is_found_in_its_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
