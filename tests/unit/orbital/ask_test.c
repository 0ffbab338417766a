/* Calls to store requests: paths, what is asked of the store, queries. */
#include <stdio.h>

#include "unit/orbital/asker.h"

#define ID_TEXT "The id in the path is no UUID."
#define LIMIT_TEXT "limit must be a whole number from 1 to 500."
#define BEFORE_TEXT "before must be a server_timestamp: a whole number of milliseconds from 0."

/* ---- paths ---- */

static void every_path_is_its_operation(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int op;
        const char *args[2];
    } cases[] = {
        {"POST", "groups", CF_ORBITAL_OP_GROUP_CREATE, {NULL, NULL}},
        {"GET", "groups", CF_ORBITAL_OP_GROUPS, {NULL, NULL}},
        {"GET", "groups/g/members", CF_ORBITAL_OP_MEMBERS, {"g", NULL}},
        {"POST", "groups/g/members", CF_ORBITAL_OP_MEMBER_ADD, {"g", NULL}},
        {"DELETE", "groups/g/members/bob", CF_ORBITAL_OP_MEMBER_REMOVE, {"g", "bob"}},
        {"POST", "messages", CF_ORBITAL_OP_SEND, {NULL, NULL}},
        {"GET", "messages", CF_ORBITAL_OP_MESSAGES, {NULL, NULL}},
        {"GET", "events", CF_ORBITAL_OP_EVENTS, {NULL, NULL}},
        {"POST", "groups/g/threads", CF_ORBITAL_OP_THREAD_CREATE, {"g", NULL}},
        {"GET", "groups/g/threads", CF_ORBITAL_OP_THREADS, {"g", NULL}},
        {"POST", "threads/t/replies", CF_ORBITAL_OP_REPLY, {"t", NULL}},
        {"GET", "threads/t/replies", CF_ORBITAL_OP_REPLIES, {"t", NULL}},
        {"POST", "threads/t/media", CF_ORBITAL_OP_MEDIA_POST, {"t", NULL}},
        {"GET", "media/m", CF_ORBITAL_OP_MEDIA_GET, {"m", NULL}},
        {"DELETE", "media/m", CF_ORBITAL_OP_MEDIA_DELETE, {"m", NULL}},
        {"GET", "uploads/m", CF_ORBITAL_OP_UPLOAD_HEAD, {"m", NULL}},
        {"PATCH", "uploads/m", CF_ORBITAL_OP_UPLOAD_PATCH, {"m", NULL}},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_rest_match match = {.op = -1};
        assert_int_equal(match_path(cases[i].path, cases[i].method, &match), CF_OK);
        assert_int_equal(match.op, cases[i].op);
        for (size_t arg = 0; arg < 2 && cases[i].args[arg] != NULL; arg++)
            assert_text_equal(match.args[arg], cases[i].args[arg]);
    }
}

static void another_method_is_told_the_known_ones(void **state)
{
    (void)state;
    static const struct {
        const char *path, *allow;
    } cases[] = {
        {"groups", "GET, HEAD, POST, OPTIONS"},
        {"groups/g/members", "GET, HEAD, POST, OPTIONS"},
        {"groups/g/members/bob", "DELETE, OPTIONS"},
        {"groups/g/threads", "GET, HEAD, POST, OPTIONS"},
        {"messages", "GET, HEAD, POST, OPTIONS"},
        {"events", "GET, HEAD, OPTIONS"},
        {"threads/t/replies", "GET, HEAD, POST, OPTIONS"},
        {"threads/t/media", "POST, OPTIONS"},
        {"media/m", "GET, HEAD, DELETE, OPTIONS"},
        {"uploads/m", "GET, HEAD, PATCH, OPTIONS"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_rest_match match;
        assert_int_equal(match_path(cases[i].path, "PUT", &match), CF_E_UNSUPPORTED);
        assert_string_equal(match.allow, cases[i].allow);
        assert_int_equal(match_path(cases[i].path, "OPTIONS", &match), CF_E_UNSUPPORTED);
        assert_string_equal(match.allow, cases[i].allow);
    }
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "group",
        "groups/",
        "groups/g",
        "groups/g/x",
        "groups/g/m/",
        "messages/1",
        "events/1",
        "threads",
        "threads/t",
        "threads/t/",
        "threads/t/media/",
        "media",
        "media/m/",
        "uploads",
        "uploads/m/",
        "groups/g/members/bob/x",
        "ws",
        "Groups",
    };
    struct cf_rest_match match;
    for (size_t i = 0; i < CF_ARRAY_LEN(paths); i++)
        assert_int_equal(match_path(paths[i], "GET", &match), CF_E_NOT_FOUND);
}

/* Before anything else of the call is looked at. */
static void an_id_in_the_path_that_is_none_is_400(void **state)
{
    (void)state;
    static const char *const ids[] = {"",
                                      "1",
                                      "undefined",
                                      (GROUP "0"),
                                      (" " GROUP),
                                      "0189abcdef017abc9def000000000001",
                                      "{0189abcd-ef01-7abc-9def-000000000001}"};
    static const struct {
        const char *method, *format, *field;
    } cases[] = {
        {"GET", "groups/%s/members", "group_id"},     {"POST", "groups/%s/members", "group_id"},
        {"DELETE", "groups/%s/members/", "group_id"}, {"POST", "groups/%s/threads", "group_id"},
        {"GET", "groups/%s/threads", "group_id"},     {"POST", "threads/%s/replies", "thread_id"},
        {"GET", "threads/%s/replies", "thread_id"},   {"GET", "media/%s", "media_id"},
        {"DELETE", "media/%s", "media_id"},           {"GET", "uploads/%s", "media_id"},
        {"PATCH", "uploads/%s", "media_id"},
    };
    char path[100];
    for (size_t i = 0; i < CF_ARRAY_LEN(ids); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(cases); j++) {
            snprintf(path, sizeof(path), cases[j].format, ids[i]);
            refused((struct ask){.method = cases[j].method,
                                 .path = path,
                                 .body = "{",
                                 .limit = "0",
                                 .before = "x"},
                    400, "invalid_id", cases[j].field, ID_TEXT);
        }
    }
}

static void the_id_of_a_media_post(void **state)
{
    (void)state;
    struct cf_rest_match match;
    struct cf_problem problem = {.status = 0};
    struct cf_uuid id;
    assert_int_equal(match_path("threads/" THREAD "/media", "POST", &match), CF_OK);
    assert_int_equal(cf_orbital_path_id(&match, &id, &problem), CF_OK);
    assert_uuid(id, THREAD);
    assert_int_equal(problem.status, 0);
    assert_int_equal(match_path("threads/x/media", "POST", &match), CF_OK);
    assert_int_equal(cf_orbital_path_id(&match, &id, &problem), CF_E_INVALID);
    assert_problem(&problem, 400, "invalid_id", "thread_id", ID_TEXT);
    /* the composition's: there is no JSON to ask with */
    struct ask what = POST("threads/" THREAD "/media");
    struct cf_store_request *request = NULL;
    int op;
    assert_int_equal(ask(&ann, &what, &op, &request, &problem), CF_E_STATE);
    assert_int_equal(problem.status, 500);
    assert_null(request);
}

/* ---- asks ---- */

static void groups_and_members(void **state)
{
    (void)state;
    struct cf_store_request *request = asked(
        POST("groups", .body = "{\"name\":\"T\\u00e9\",\"client_message_id\":\"c\",\"x\":{}}"),
        CF_STORE_GROUP_CREATE);
    assert_slice_equal(request->name, "T\xC3\xA9");
    assert_slice_equal(request->client_id, "c");
    assert_false(cf_uuid_is_nil(&request->room));
    cf_store_request_free(request);

    request = asked(POST("groups", .body = "{\"name\":null,\"client_message_id\":null}"),
                    CF_STORE_GROUP_CREATE);
    assert_int_equal(request->name.len, 0);
    assert_null(request->client_id.ptr);
    cf_store_request_free(request);

    request = asked(GET(MEMBERS), CF_STORE_GROUP_MEMBERS);
    assert_uuid(request->room, GROUP);
    cf_store_request_free(request);

    request = asked(POST(MEMBERS, .body = "{\"user_id\":\"bob\",\"username\":\"Bob\"}"),
                    CF_STORE_GROUP_JOIN);
    assert_uuid(request->room, GROUP);
    assert_slice_equal(request->user, "bob");
    assert_slice_equal(request->user_name, "Bob");
    cf_store_request_free(request);

    request = asked(POST(MEMBERS, .body = "{\"user_id\":\"bob\",\"username\":null}"),
                    CF_STORE_GROUP_JOIN);
    assert_int_equal(request->user_name.len, 0);
    cf_store_request_free(request);

    request = asked(DELETE(MEMBERS "/b o"), CF_STORE_GROUP_LEAVE);
    assert_uuid(request->room, GROUP);
    assert_slice_equal(request->user, "b o");
    cf_store_request_free(request);
}

static void messages_threads_and_replies(void **state)
{
    (void)state;
    struct cf_store_request *request = asked(
        POST("messages", .body = "{\"conversation_id\":\"" GROUP
                                 "\",\"encrypted_envelope\":\"aGk=\",\"client_message_id\":\"c\"}"),
        CF_STORE_GROUP_POST);
    assert_int_equal(request->group_kind, CF_GROUP_MESSAGE);
    assert_uuid(request->room, GROUP);
    assert_slice_equal(request->text, "aGk=");
    assert_slice_equal(request->client_id, "c");
    cf_store_request_free(request);

    request = asked(POST(THREADS, .body = "{\"encrypted_title\":\"dA==\","
                                          "\"encrypted_body\":\"\\u0061Gk\\u003d\"}"),
                    CF_STORE_GROUP_POST);
    assert_int_equal(request->group_kind, CF_GROUP_THREAD);
    assert_uuid(request->room, GROUP);
    assert_slice_equal(request->name, "dA==");
    assert_slice_equal(request->text, "aGk=");
    assert_null(request->client_id.ptr);
    cf_store_request_free(request);

    /* as encoders write it that escape the slash */
    request =
        asked(POST(REPLIES, .body = "{\"encrypted_body\":\"\\/\\/\\/\\/\"}"), CF_STORE_GROUP_POST);
    assert_int_equal(request->group_kind, CF_GROUP_REPLY);
    assert_uuid(request->thread, THREAD);
    assert_uuid(request->room, NULL);
    assert_slice_equal(request->text, "////");
    cf_store_request_free(request);
}

static void media_by_its_id(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        enum cf_store_op op;
    } cases[] = {
        {"GET", "media/" ITEM, CF_STORE_GROUP_MEDIA_GET},
        {"DELETE", "media/" ITEM, CF_STORE_GROUP_MEDIA_DELETE},
        {"GET", "uploads/" ITEM, CF_STORE_GROUP_MEDIA_GET},
        {"PATCH", "uploads/" ITEM, CF_STORE_GROUP_MEDIA_GET},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_store_request *request =
            asked((struct ask){.method = cases[i].method, .path = cases[i].path}, cases[i].op);
        assert_uuid(request->message, ITEM);
        assert_int_equal(request->ttl, 0);
        cf_store_request_free(request);
    }
}

/* ---- the log ---- */

/* What is missing or cannot be read begins with the newest. */
static void events_since(void **state)
{
    (void)state;
    static const struct {
        const char *since, *limit, *group_id;
        enum cf_group_range range;
        int64_t from;
        uint32_t wanted;
    } cases[] = {
        {NULL, NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {NULL, "7", NULL, CF_GROUP_NEWEST, 0, 7},
        {"", NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {"undefined", NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {"NaN", "500", NULL, CF_GROUP_NEWEST, 0, 500},
        {"-1", NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {"1.5", NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {" 1", NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {"2026-01-03T15:30:00Z", NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {"9223372036854775808", NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {"18446744073709551616", NULL, NULL, CF_GROUP_NEWEST, 0, 100},
        {"0", NULL, NULL, CF_GROUP_SINCE, 0, 100},
        {STAMP, "1", GROUP, CF_GROUP_SINCE, STAMP_MS, 1},
        {"9223372036854775807", "499", GROUP, CF_GROUP_SINCE, INT64_MAX, 499},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        for (int messages = 0; messages <= 1; messages++) {
            struct cf_store_request *request = asked(
                GET(messages ? "messages" : "events", .since = cases[i].since,
                    .limit = cases[i].limit, .group_id = cases[i].group_id, .before = "unread"),
                CF_STORE_GROUP_EVENTS);
            assert_uuid(request->room, cases[i].group_id);
            assert_uuid(request->message, NULL);
            assert_int_equal(request->kinds, messages ? CF_GROUP_MESSAGE : CF_GROUP_ALL);
            assert_int_equal(request->group_range, cases[i].range);
            assert_int_equal(request->from, cases[i].from);
            assert_int_equal(request->limit, cases[i].wanted);
            cf_store_request_free(request);
        }
    }
}

static void pages_before(void **state)
{
    (void)state;
    static const struct {
        const char *before, *limit;
        enum cf_group_range range;
        int64_t from;
        uint32_t wanted;
    } cases[] = {
        {NULL, NULL, CF_GROUP_NEWEST, 0, 50},
        {NULL, "500", CF_GROUP_NEWEST, 0, 500},
        {"0", NULL, CF_GROUP_BEFORE, 0, 50},
        {STAMP, "1", CF_GROUP_BEFORE, STAMP_MS, 1},
        {"9223372036854775807", NULL, CF_GROUP_BEFORE, INT64_MAX, 50},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        for (int replies = 0; replies <= 1; replies++) {
            struct cf_store_request *request =
                asked(GET(replies ? REPLIES : THREADS, .before = cases[i].before,
                          .limit = cases[i].limit, .since = "unread", .group_id = "unread"),
                      CF_STORE_GROUP_EVENTS);
            assert_uuid(request->room, replies ? NULL : GROUP);
            assert_uuid(request->message, replies ? THREAD : NULL);
            assert_int_equal(request->kinds, replies ? CF_GROUP_REPLY : CF_GROUP_THREAD);
            assert_int_equal(request->group_range, cases[i].range);
            assert_int_equal(request->from, cases[i].from);
            assert_int_equal(request->limit, cases[i].wanted);
            cf_store_request_free(request);
        }
    }
}

static void groups_before(void **state)
{
    (void)state;
    static const struct {
        const char *before, *limit;
        uint32_t wanted;
    } cases[] = {
        {NULL, NULL, 100}, {NULL, "1", 1}, {NULL, "500", 500}, {GROUP, NULL, 100}, {GROUP, "7", 7}};
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_store_request *request =
            asked(GET("groups", .before = cases[i].before, .limit = cases[i].limit,
                      .since = "unread", .group_id = "unread"),
                  CF_STORE_GROUPS_OF);
        assert_uuid(request->room, cases[i].before);
        assert_int_equal(request->limit, cases[i].wanted);
        cf_store_request_free(request);
    }
}

static void a_group_that_cannot_be_before_is_422(void **state)
{
    (void)state;
    static const char *const befores[] = {
        "", "x", STAMP, (GROUP "0"), " " GROUP, "00000000-0000-0000-0000-000000000000"};
    for (size_t i = 0; i < CF_ARRAY_LEN(befores); i++)
        refused(GET("groups", .before = befores[i]), 422, "invalid", "before",
                "before must be the group_id of the last group of the page before. Leave it out to "
                "begin with the newest.");
}

static void a_query_against_the_rules_is_422(void **state)
{
    (void)state;
    static const char *const lists[] = {"groups", "messages", "events", THREADS, REPLIES};
    static const char *const limits[] = {"",    "0",   "501", "-1",         "+1",
                                         "1.0", "1e2", " 1",  "4294967297", "18446744073709551616",
                                         "ten"};
    static const char *const befores[] = {"",          "-1",  "x",    "1.0", " 1",
                                          "undefined", "1e3", "null", "0x1", "9223372036854775808"};
    static const char *const groups[] = {"", "x", (GROUP "0")};
    for (size_t i = 0; i < CF_ARRAY_LEN(lists); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(limits); j++)
            refused(GET(lists[i], .limit = limits[j]), 422, "invalid", "limit", LIMIT_TEXT);
    }
    for (size_t i = 0; i < CF_ARRAY_LEN(befores); i++) {
        refused(GET(THREADS, .before = befores[i]), 422, "invalid", "before", BEFORE_TEXT);
        refused(GET(REPLIES, .before = befores[i]), 422, "invalid", "before", BEFORE_TEXT);
    }
    for (size_t i = 0; i < CF_ARRAY_LEN(groups); i++) {
        refused(GET("messages", .group_id = groups[i]), 422, "invalid", "conversation_id",
                "conversation_id must be the id of a group, a UUID.");
        refused(GET("events", .group_id = groups[i]), 422, "invalid", "group_id",
                "group_id must be the id of a group, a UUID.");
    }
}

/* ---- the rules of uploads ---- */

static void what_an_upload_may_not_be(void **state)
{
    (void)state;
    const char *metadata =
        "X-Encrypted-Metadata must be base64 (RFC 4648 section 4, with padding) of at most 8,192 "
        "bytes, or be left out.";
    struct cf_problem problem = cf_orbital_problem_field(CF_E_TOO_LARGE, CF_FIELD_SIZE);
    assert_problem(&problem, 413, "too_large", "size_bytes",
                   "The upload is larger than this server takes. Send a smaller one.");
    problem = cf_orbital_problem_field(CF_E_INVALID, CF_FIELD_SIZE);
    assert_problem(&problem, 422, "invalid", "size_bytes",
                   "The upload is empty. Send at least one byte.");
    problem = cf_orbital_problem_field(CF_E_INVALID, CF_FIELD_METADATA);
    assert_problem(&problem, 422, "invalid", "encrypted_metadata", metadata);
    problem = cf_orbital_problem_field(CF_E_TOO_LARGE, CF_FIELD_METADATA);
    assert_problem(&problem, 422, "too_long", "encrypted_metadata", metadata);
    problem = cf_orbital_problem_field(CF_E_INVALID, CF_FIELD_CLIENT_ID);
    assert_problem(&problem, 422, "invalid", "client_message_id", CLIENT_ID_TEXT);
    problem = cf_orbital_problem_field(CF_E_NOMEM, CF_FIELD_NONE);
    assert_int_equal(problem.status, 503);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_its_operation),
        cmocka_unit_test(another_method_is_told_the_known_ones),
        cmocka_unit_test(other_paths_are_not_found),
        IN_A_WORLD(an_id_in_the_path_that_is_none_is_400),
        IN_A_WORLD(the_id_of_a_media_post),
        IN_A_WORLD(groups_and_members),
        IN_A_WORLD(messages_threads_and_replies),
        IN_A_WORLD(media_by_its_id),
        IN_A_WORLD(events_since),
        IN_A_WORLD(pages_before),
        IN_A_WORLD(groups_before),
        IN_A_WORLD(a_group_that_cannot_be_before_is_422),
        IN_A_WORLD(a_query_against_the_rules_is_422),
        cmocka_unit_test(what_an_upload_may_not_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
