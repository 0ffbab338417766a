/* Calls to store requests, and what a call may not be: statuses, codes and fields, before any store
 * is asked. */
#include <stdio.h>

#include "unit/talk/call.h"

#define TALK "conversations/3"

static struct world world;
static struct person ann;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    person_init(&ann, &world, "ann", "Ann");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static void refused(struct ask what, unsigned status, const char *code, const char *field)
{
    assert_refused(&world, &ann, what, status, code, field, NULL);
}

static struct cf_store_request *asked(struct ask what, enum cf_store_op op)
{
    struct cf_store_request *request = NULL;
    struct cf_problem problem;
    int talk_op;
    assert_int_equal(ask(&ann, &what, &talk_op, &request, &problem), CF_OK);
    assert_int_equal(request->op, op);
    assert_slice_equal(request->actor, "ann");
    return request;
}

/* ---- paths ---- */

static void every_path_is_its_operation(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int op;
        const char *args[2];
    } cases[] = {
        {"POST", "conversations", CF_TALK_OP_CREATE, {NULL, NULL}},
        {"GET", "conversations", CF_TALK_OP_LIST, {NULL, NULL}},
        {"POST", TALK "/participants", CF_TALK_OP_ADD, {"3", NULL}},
        {"DELETE", TALK "/participants/bob", CF_TALK_OP_REMOVE, {"3", "bob"}},
        {"GET", TALK "/messages", CF_TALK_OP_MESSAGES, {"3", NULL}},
        {"POST", TALK "/messages", CF_TALK_OP_SEND, {"3", NULL}},
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
        {"conversations", "GET, HEAD, POST, OPTIONS"},
        {TALK "/participants", "POST, OPTIONS"},
        {TALK "/participants/bob", "DELETE, OPTIONS"},
        {TALK "/messages", "GET, HEAD, POST, OPTIONS"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_rest_match match;
        assert_int_equal(match_path(cases[i].path, "PATCH", &match), CF_E_UNSUPPORTED);
        assert_string_equal(match.allow, cases[i].allow);
    }
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",        "conversation",    "conversations/",   TALK,
        TALK "/x", TALK "/messages/", TALK "/messages/1", TALK "/participants/bob/x",
    };
    struct cf_rest_match match;
    for (size_t i = 0; i < CF_ARRAY_LEN(paths); i++)
        assert_int_equal(match_path(paths[i], "GET", &match), CF_E_NOT_FOUND);
}

/* ---- asks ---- */

static void what_is_asked_of_the_store(void **state)
{
    (void)state;
    struct cf_store_request *request =
        asked(POST("conversations", .body = "{\"kind\":\"group\",\"title\":\"T\\u00e9\","
                                            "\"participantIds\":[\"bob\",8,9007199254740993,"
                                            "\"08\"],\"x\":{}}"),
              CF_STORE_TALK_CREATE);
    assert_int_equal(request->talk_kind, CF_TALK_GROUP);
    assert_slice_equal(request->name, "T\xC3\xA9");
    assert_int_equal(request->users_count, 4);
    assert_slice_equal(request->users[0], "bob");
    assert_slice_equal(request->users[1], "8");
    assert_slice_equal(request->users[2], "9007199254740993");
    assert_slice_equal(request->users[3], "08");
    cf_store_request_free(request);

    request = asked(POST("conversations", .body = "{\"kind\":\"direct\",\"title\":null,"
                                                  "\"participantIds\":[8]}"),
                    CF_STORE_TALK_CREATE);
    assert_int_equal(request->talk_kind, CF_TALK_DIRECT);
    assert_int_equal(request->name.len, 0);
    cf_store_request_free(request);

    request = asked(GET("conversations"), CF_STORE_TALKS_OF);
    assert_int_equal(request->limit, 1000);
    cf_store_request_free(request);

    request =
        asked(POST(TALK "/participants", .body = "{\"userIds\":[\"bob\"]}"), CF_STORE_TALK_ADD);
    assert_int_equal(request->talk, 3);
    assert_slice_equal(request->users[0], "bob");
    cf_store_request_free(request);

    request = asked(DELETE(TALK "/participants/b o"), CF_STORE_TALK_REMOVE);
    assert_int_equal(request->talk, 3);
    assert_slice_equal(request->user, "b o");
    cf_store_request_free(request);

    request = asked(POST(TALK "/messages", .body = "{\"text\":\"hi\",\"clientMessageId\":"
                                                   "\"0189ABCD-EF01-4ABC-9DEF-0123456789AB\"}"),
                    CF_STORE_TALK_SEND);
    assert_int_equal(request->talk, 3);
    assert_slice_equal(request->text, "hi");
    assert_slice_equal(request->client_id, CLIENT_ID);
    cf_store_request_free(request);
}

static void ranges_of_messages(void **state)
{
    (void)state;
    static const struct {
        const char *since, *after_seq, *before, *limit;
        enum cf_talk_range range;
        int64_t from;
        uint32_t wanted;
    } cases[] = {
        {NULL, NULL, NULL, NULL, CF_TALK_NEWEST, 0, 50},
        {NULL, NULL, NULL, "1", CF_TALK_NEWEST, 0, 1},
        {NULL, NULL, NULL, "100", CF_TALK_NEWEST, 0, 100},
        {"2026-01-03T15:30:00Z", NULL, NULL, NULL, CF_TALK_SINCE, START_US, 50},
        {"2026-01-03T16:30:00.000001+01:00", NULL, NULL, "7", CF_TALK_SINCE, START_US + 1, 7},
        {NULL, "0", NULL, NULL, CF_TALK_AFTER_SEQ, 0, 50},
        {NULL, "9223372036854775807", NULL, NULL, CF_TALK_AFTER_SEQ, INT64_MAX, 50},
        {NULL, NULL, "0", NULL, CF_TALK_BEFORE, 0, 50},
        {NULL, NULL, "41", "2", CF_TALK_BEFORE, 41, 2},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_store_request *request =
            asked(GET(TALK "/messages", .since = cases[i].since, .after_seq = cases[i].after_seq,
                      .before = cases[i].before, .limit = cases[i].limit),
                  CF_STORE_TALK_MESSAGES);
        assert_int_equal(request->talk, 3);
        assert_int_equal(request->range, cases[i].range);
        assert_int_equal(request->from, cases[i].from);
        assert_int_equal(request->limit, cases[i].wanted);
        cf_store_request_free(request);
    }
}

/* ---- refusals ---- */

static void a_query_against_the_rules_is_422(void **state)
{
    (void)state;
    static const struct {
        const char *since, *after_seq, *before, *limit, *field;
    } cases[] = {
        {"", NULL, NULL, NULL, "since"},
        {"2026-01-03", NULL, NULL, NULL, "since"},
        {"1767454200", NULL, NULL, NULL, "since"},
        {"2026-02-30T00:00:00Z", NULL, NULL, NULL, "since"},
        {NULL, "", NULL, NULL, "afterSeq"},
        {NULL, "-1", NULL, NULL, "afterSeq"},
        {NULL, "01", NULL, NULL, "afterSeq"},
        {NULL, "1.0", NULL, NULL, "afterSeq"},
        {NULL, "9223372036854775808", NULL, NULL, "afterSeq"},
        {NULL, NULL, "", NULL, "before"},
        {NULL, NULL, "-1", NULL, "before"},
        {NULL, NULL, "x", NULL, "before"},
        {NULL, NULL, NULL, "", "limit"},
        {NULL, NULL, NULL, "0", "limit"},
        {NULL, NULL, NULL, "101", "limit"},
        {NULL, NULL, NULL, "-1", "limit"},
        {NULL, NULL, NULL, "4294967297", "limit"},
        {NULL, NULL, NULL, "18446744073709551616", "limit"},
        {NULL, NULL, NULL, "ten", "limit"},
        {"2026-01-03T15:30:00Z", "1", NULL, NULL, "since"},
        {"2026-01-03T15:30:00Z", NULL, "1", NULL, "since"},
        {NULL, "1", "1", NULL, "since"},
        {"", "", "", NULL, "since"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        refused(GET(TALK "/messages", .since = cases[i].since, .after_seq = cases[i].after_seq,
                    .before = cases[i].before, .limit = cases[i].limit),
                422, "invalid", cases[i].field);
}

/* Before anything else of the call is looked at. */
static void an_id_in_the_path_that_is_none_is_400(void **state)
{
    (void)state;
    static const char *const ids[] = {"0",
                                      "-1",
                                      "x",
                                      "",
                                      "1.0",
                                      "01",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "1e3",
                                      "0x1",
                                      "null",
                                      "9223372036854775808",
                                      "99999999999999999999999"};
    char path[80];
    for (size_t i = 0; i < CF_ARRAY_LEN(ids); i++) {
        snprintf(path, sizeof(path), "conversations/%s/messages", ids[i]);
        refused(GET(path, .limit = "0"), 400, "invalid_id", "id");
        refused(POST(path, .body = "{"), 400, "invalid_id", "id");
        snprintf(path, sizeof(path), "conversations/%s/participants", ids[i]);
        refused(POST(path, .body = "{"), 400, "invalid_id", "id");
        snprintf(path, sizeof(path), "conversations/%s/participants/", ids[i]);
        refused(DELETE(path), 400, "invalid_id", "id");
    }
}

static void a_broken_body_is_400(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        " ",
        "{",
        "{}x",
        "{\"text\":\"a\",\"text\":\"a\"}",
        "{\"x\":\"\xFF\"}",
        "{\"x\":\"\\ud800\"}",
        "{'x':1}",
        "{\"x\":01}",
        "\xEF\xBB\xBF{}",
        "[]",
        "null",
        "\"x\"",
        "7",
    };
    static const char *const paths[] = {"conversations", TALK "/participants", TALK "/messages"};
    for (size_t i = 0; i < CF_ARRAY_LEN(bodies); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(paths); j++)
            refused((struct ask){.method = "POST", .path = paths[j], .body = bodies[i]}, 400,
                    "malformed_json", NULL);
    }
    refused(POST("conversations"), 400, "malformed_json", NULL);
}

static void a_body_over_64_kib_is_413(void **state)
{
    (void)state;
    char *body = malloc(65538);
    assert_non_null(body);
    memset(body, ' ', 65537);
    memcpy(body, "{}", 2);
    body[65537] = '\0';
    refused(POST("conversations", .body = body), 413, "too_large", NULL);
    body[65536] = '\0';
    refused(POST("conversations", .body = body), 422, "invalid", "kind");
    free(body);
}

static void a_creation_against_the_rules_is_422(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"{}", "kind"},
        {"{\"kind\":7,\"participantIds\":[\"b\"]}", "kind"},
        {"{\"kind\":\"Direct\",\"participantIds\":[\"b\"]}", "kind"},
        {"{\"kind\":\"\",\"participantIds\":[\"b\"]}", "kind"},
        {"{\"kind\":\"group\"}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":null}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":\"b\"}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":{\"0\":\"b\"}}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[\"\"]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[\"b\",null]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[true]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[[\"b\"]]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[{\"userId\":\"b\"}]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[1.5]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[1e3]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[9223372036854775808]}", "participantIds"},
        {"{\"kind\":\"group\",\"participantIds\":[\"a\\nb\"]}", "participantIds"},
        {"{\"kind\":\"group\",\"title\":7,\"participantIds\":[\"b\"]}", "title"},
        {"{\"kind\":\"group\",\"title\":[],\"participantIds\":[\"b\"]}", "title"},
        {"{\"kind\":\"group\",\"title\":\"a\\u0000\",\"participantIds\":[\"b\"]}", "title"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        refused(POST("conversations", .body = cases[i].body), 422, "invalid", cases[i].field);
}

/* `count` times `unit`, between `head` and `tail`. */
static char *repeated(const char *head, const char *unit, size_t count, const char *tail)
{
    char *body = malloc(strlen(head) + strlen(unit) * count + strlen(tail) + 1);
    assert_non_null(body);
    char *at = body + sprintf(body, "%s", head);
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, "%s", unit);
    strcpy(at, tail);
    return body;
}

static void at_most_1000_people(void **state)
{
    (void)state;
    for (size_t count = 999; count <= 1001; count++) {
        char *body =
            repeated("{\"kind\":\"group\",\"participantIds\":[\"b\"", ",8", count - 1, "]}");
        if (count <= 1000)
            cf_store_request_free(asked(POST("conversations", .body = body), CF_STORE_TALK_CREATE));
        else
            refused(POST("conversations", .body = body), 422, "too_long", "participantIds");
        free(body);
        body = repeated("{\"userIds\":[\"b\"", ",8", count - 1, "]}");
        if (count <= 1000)
            cf_store_request_free(
                asked(POST(TALK "/participants", .body = body), CF_STORE_TALK_ADD));
        else
            refused(POST(TALK "/participants", .body = body), 422, "too_long", "userIds");
        free(body);
    }
}

static void what_is_too_long_says_so(void **state)
{
    (void)state;
    char path[200];
    char *body =
        repeated("{\"kind\":\"group\",\"title\":\"", "x", 201, "\",\"participantIds\":[\"b\"]}");
    refused(POST("conversations", .body = body), 422, "too_long", "title");
    free(body);
    body = repeated("{\"userIds\":[\"", "x", 129, "\"]}");
    refused(POST(TALK "/participants", .body = body), 422, "too_long", "userIds");
    free(body);
    body = repeated("{\"clientMessageId\":\"" CLIENT_ID "\",\"text\":\"", "\\u00e9", 1001, "\"}");
    refused(POST(TALK "/messages", .body = body), 422, "too_long", "text");
    free(body);
    body = repeated("{\"clientMessageId\":\"" CLIENT_ID "\",\"text\":\"", "\\u00e9", 1000, "\"}");
    cf_store_request_free(asked(POST(TALK "/messages", .body = body), CF_STORE_TALK_SEND));
    free(body);
    char *user = repeated("", "u", 129, "");
    snprintf(path, sizeof(path), TALK "/participants/%s", user);
    refused(DELETE(path), 422, "too_long", "userId");
    path[strlen(path) - 1] = '\0';
    cf_store_request_free(asked(DELETE(path), CF_STORE_TALK_REMOVE));
    free(user);
}

static void people_against_the_rules_are_422(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "{\"userIds\":null}",
        "{\"userIds\":\"b\"}",
        "{\"userIds\":[]}",
        "{\"userIds\":[\"\"]}",
        "{\"userIds\":[null]}",
        "{\"participantIds\":[\"b\"]}",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bodies); i++)
        refused(POST(TALK "/participants", .body = bodies[i]), 422, "invalid", "userIds");
    refused(DELETE(TALK "/participants/"), 422, "invalid", "userId");
    refused(DELETE(TALK "/participants/a\tb"), 422, "invalid", "userId");
    refused(DELETE(TALK "/participants/\xFF"), 422, "invalid", "userId");
}

static void a_message_against_the_rules_is_422(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"{}", "text"},
        {"{\"clientMessageId\":\"" CLIENT_ID "\"}", "text"},
        {"{\"text\":7,\"clientMessageId\":\"" CLIENT_ID "\"}", "text"},
        {"{\"text\":null,\"clientMessageId\":\"" CLIENT_ID "\"}", "text"},
        {"{\"text\":\"\",\"clientMessageId\":\"" CLIENT_ID "\"}", "text"},
        {"{\"text\":\"a\\u0000\",\"clientMessageId\":\"" CLIENT_ID "\"}", "text"},
        {"{\"text\":\"a\"}", "clientMessageId"},
        {"{\"text\":\"a\",\"clientMessageId\":null}", "clientMessageId"},
        {"{\"text\":\"a\",\"clientMessageId\":7}", "clientMessageId"},
        {"{\"text\":\"a\",\"clientMessageId\":\"\"}", "clientMessageId"},
        {"{\"text\":\"a\",\"clientMessageId\":\"x\"}", "clientMessageId"},
        {"{\"text\":\"a\",\"clientMessageId\":\"" CLIENT_ID "0\"}", "clientMessageId"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        refused(POST(TALK "/messages", .body = cases[i].body), 422, "invalid", cases[i].field);
}

static void refusals_are_told_in_words(void **state)
{
    (void)state;
    assert_refused(&world, &ann, POST("conversations", .body = "{}"), 422, "invalid", "kind",
                   "This field is missing, or of another type than it must be.");
    assert_refused(&world, &ann,
                   POST("conversations", .body = "{\"kind\":\"x\",\"participantIds\":[1]}"), 422,
                   "invalid", "kind", "kind must be \"direct\" or \"group\".");
    assert_refused(&world, &ann, GET(TALK "/messages", .before = "x"), 422, "invalid", "before",
                   "afterSeq and before must be whole numbers from 0: the seq of a message.");
    assert_refused(&world, &ann, GET("conversations/x/messages"), 400, "invalid_id", "id",
                   "The id in the path is no whole number from 1.");
    assert_refused(&world, &ann, POST(TALK "/participants", .body = "{\"userIds\":[]}"), 422,
                   "invalid", "userIds", "Name 1 to 1,000 users by their ids.");
}

/* V26: keys that nobody asked for are read past, whatever they are called. */
static void unknown_keys_are_inert(void **state)
{
    (void)state;
    struct cf_store_request *request = asked(
        POST(TALK "/messages",
             .body = "{\"__proto__\":{\"text\":\"x\"},\"constructor\":[],\"senderId\":\"bob\","
                     "\"conversationId\":9,\"createdAt\":0,\"text\":\"a\","
                     "\"clientMessageId\":\"" CLIENT_ID "\"}"),
        CF_STORE_TALK_SEND);
    assert_int_equal(request->talk, 3);
    assert_slice_equal(request->text, "a");
    assert_int_equal(request->now, START_US);
    cf_store_request_free(request);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_its_operation),
        cmocka_unit_test(another_method_is_told_the_known_ones),
        cmocka_unit_test(other_paths_are_not_found),
        IN_A_WORLD(what_is_asked_of_the_store),
        IN_A_WORLD(ranges_of_messages),
        IN_A_WORLD(a_query_against_the_rules_is_422),
        IN_A_WORLD(an_id_in_the_path_that_is_none_is_400),
        IN_A_WORLD(a_broken_body_is_400),
        IN_A_WORLD(a_body_over_64_kib_is_413),
        IN_A_WORLD(a_creation_against_the_rules_is_422),
        IN_A_WORLD(at_most_1000_people),
        IN_A_WORLD(what_is_too_long_says_so),
        IN_A_WORLD(people_against_the_rules_are_422),
        IN_A_WORLD(a_message_against_the_rules_is_422),
        IN_A_WORLD(refusals_are_told_in_words),
        IN_A_WORLD(unknown_keys_are_inert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
