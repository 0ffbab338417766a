/* What a call may not be: statuses, codes and fields, before any store is asked. */
#include <stdio.h>
#include <stdlib.h>

#include "unit/shop/flow.h"

#define ID "00000000-0000-7000-8000-000000000001"

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
    assert_refused(&world, &ann, what, status, code, field);
}

static void post_refused(const char *body, unsigned status, const char *code, const char *field)
{
    refused(POST("shops/messages", .body = body), status, code, field);
}

static void a_broken_body_is_400(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        " ",
        "{",
        "{}x",
        "{} {}",
        "{\"message\":\"a\",\"message\":\"a\"}",
        "{\"x\":{\"a\":1,\"a\":2}}",
        "{\"message\":\"\xFF\"}",
        "{\"message\":\"\\ud800\"}",
        "{'message':1}",
        "{\"message\":01}",
        "\xEF\xBB\xBF{}",
        "[]",
        "null",
        "\"text\"",
        "7",
    };
    static const struct {
        const char *method, *path;
    } calls[] = {
        {"POST", "shops"},
        {"POST", "shops/messages"},
        {"PUT", "shops/messages"},
        {"POST", "shops/" ID "/members"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bodies); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(calls); j++)
            refused(
                (struct ask){.method = calls[j].method, .path = calls[j].path, .body = bodies[i]},
                400, "malformed_json", NULL);
    }
}

static void the_400_says_what_a_body_must_be(void **state)
{
    (void)state;
    assert_call(&world, &ann, POST("shops", .body = "{"), 400,
                "{\"error\":{\"code\":\"malformed_json\",\"message\":\"The body must be one JSON "
                "object in UTF-8, without duplicate keys, at most 32 levels deep.\"},"
                "\"message\":\"The body must be one JSON object in UTF-8, without duplicate keys, "
                "at most 32 levels deep.\"}",
                -1);
}

/* V25: the depth is counted, not recursed into. */
static void the_depth_of_a_body_is_limited(void **state)
{
    (void)state;
    static char body[20000];
    for (size_t depth = 31; depth <= 33; depth++) {
        size_t arrays = depth - 1, at = (size_t)sprintf(body, "{\"name\":\"n\",\"x\":");
        memset(body + at, '[', arrays);
        memset(body + at + arrays, ']', arrays);
        strcpy(body + at + 2 * arrays, "}");
        struct ask what = POST("shops", .body = body);
        struct reply reply;
        perform(&world, &ann, &what, &reply);
        assert_int_equal(reply.status, depth <= 32 ? 201 : 400);
        reply_deinit(&reply);
    }
    memset(body, '[', sizeof(body) - 1);
    post_refused(body, 400, "malformed_json", NULL);
}

static void a_body_over_64_kib_is_413(void **state)
{
    (void)state;
    char *body = malloc(65538);
    for (size_t len = 65535; len <= 65537; len++) {
        memset(body, ' ', len);
        memcpy(body, "{\"name\":\"n\"}", 12);
        body[len] = '\0';
        struct ask what = POST("shops", .body = body);
        struct reply reply;
        perform(&world, &ann, &what, &reply);
        assert_int_equal(reply.status, len <= 65536 ? 201 : 413);
        if (len > 65536)
            assert_string_equal(reply.problem.code, "too_large");
        reply_deinit(&reply);
    }
    free(body);
}

static void a_path_id_that_is_no_uuid_is_400(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *field;
    } cases[] = {
        {"GET", "shops/x/members", "shop_id"},
        {"POST", "shops/x/members", "shop_id"},
        {"DELETE", "shops/x/members/bob", "shop_id"},
        {"GET", "shops/x/messages", "shop_id"},
        {"GET", "shops//messages", "shop_id"},
        {"GET", "shops/x/messages/paginated", "shop_id"},
        {"GET", "shops/x/messages/stream", "shop_id"},
        {"GET", "shops/" ID "0/messages", "shop_id"},
        {"GET", "shops/00000000-0000-7000-8000-00000000000g/messages", "shop_id"},
        {"DELETE", "shops/messages/x", "message_id"},
        {"GET", "shops/messages/image/x", "message_id"},
        {"DELETE", "shops/messages/image/..", "message_id"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        refused((struct ask){.method = cases[i].method,
                             .path = cases[i].path,
                             .body = "{\"user_id\":\"bob\"}"},
                400, "invalid_id", cases[i].field);
}

static void a_field_against_its_rule_is_422(void **state)
{
    (void)state;
    post_refused("{}", 422, "invalid", "shop_id");
    post_refused("{\"message\":\"hi\"}", 422, "invalid", "shop_id");
    post_refused("{\"shop_id\":\"" ID "\"}", 422, "invalid", "message");
    post_refused("{\"shop_id\":\"x\",\"message\":\"hi\"}", 422, "invalid", "shop_id");
    post_refused("{\"shop_id\":7,\"message\":\"hi\"}", 422, "invalid", "shop_id");
    post_refused("{\"shop_id\":null,\"message\":\"hi\"}", 422, "invalid", "shop_id");
    post_refused("{\"shop_id\":\"" ID "\",\"message\":\"\"}", 422, "invalid", "message");
    post_refused("{\"shop_id\":\"" ID "\",\"message\":[\"hi\"]}", 422, "invalid", "message");
    post_refused("{\"shop_id\":\"" ID "\",\"message\":\"\\u0000\"}", 422, "invalid", "message");
    post_refused("{\"shop_id\":\"" ID "\",\"message\":\"hi\",\"client_message_id\":\"\"}", 422,
                 "invalid", "client_message_id");
    post_refused("{\"shop_id\":\"" ID "\",\"message\":\"hi\",\"client_message_id\":5}", 422,
                 "invalid", "client_message_id");
    refused(
        POST("shops/messages", .body = "{\"shop_id\":\"" ID "\",\"message\":\"hi\"}", .key = ""),
        422, "invalid", "client_message_id");
    refused(PUT("shops/messages", .body = "{\"message\":\"hi\"}"), 422, "invalid", "message_id");
    refused(PUT("shops/messages", .body = "{\"message_id\":\"\",\"message\":\"hi\"}"), 422,
            "invalid", "message_id");
    refused(PUT("shops/messages", .body = "{\"message_id\":\"" ID "\",\"message\":\"\"}"), 422,
            "invalid", "message");
    refused(POST("shops", .body = "{}"), 422, "invalid", "name");
    refused(POST("shops", .body = "{\"name\":\"\"}"), 422, "invalid", "name");
    refused(POST("shops", .body = "{\"name\":true}"), 422, "invalid", "name");
}

static void a_member_against_the_rules_is_422(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } cases[] = {
        {"{}", "user_id"},
        {"{\"user_id\":\"\"}", "user_id"},
        {"{\"user_id\":7}", "user_id"},
        {"{\"user_id\":\"a\\nb\"}", "user_id"},
        {"{\"user_id\":\"bob\",\"username\":7}", "username"},
        {"{\"user_id\":\"bob\",\"username\":\"\\u001b\"}", "username"},
        {"{\"user_id\":\"bob\",\"role\":\"\"}", "role"},
        {"{\"user_id\":\"bob\",\"role\":\"Admin\"}", "role"},
        {"{\"user_id\":\"bob\",\"role\":\"owner\"}", "role"},
        {"{\"user_id\":\"bob\",\"role\":1}", "role"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        refused(POST("shops/" ID "/members", .body = cases[i].body), 422, "invalid",
                cases[i].field);
    refused(DELETE("shops/" ID "/members/"), 422, "invalid", "user_id");
    refused(DELETE("shops/" ID "/members/\xFF"), 422, "invalid", "user_id");
}

static void what_is_too_long_says_so(void **state)
{
    (void)state;
    char *body = malloc(65536), *text = malloc(40004);
    memset(text, 'a', 10001);
    text[10001] = '\0';
    sprintf(body, "{\"shop_id\":\"" ID "\",\"message\":\"%s\"}", text);
    post_refused(body, 422, "too_long", "message");
    text[201] = '\0';
    sprintf(body, "{\"name\":\"%s\"}", text);
    refused(POST("shops", .body = body), 422, "too_long", "name");
    text[129] = '\0';
    sprintf(body, "{\"shop_id\":\"" ID "\",\"message\":\"a\",\"client_message_id\":\"%s\"}", text);
    post_refused(body, 422, "too_long", "client_message_id");
    sprintf(body, "{\"user_id\":\"%s\"}", text);
    refused(POST("shops/" ID "/members", .body = body), 422, "too_long", "user_id");
    /* The longest there is, 4 bytes a character, fits into a body. */
    for (size_t i = 0; i < 10000; i++)
        memcpy(text + 4 * i, "\xF0\x9F\x98\x80", 5);
    sprintf(body, "{\"shop_id\":\"" ID "\",\"message\":\"%s\"}", text);
    post_refused(body, 403, "not_member", "shop_id");
    free(body);
    free(text);
}

static void a_query_against_the_rules_is_422(void **state)
{
    (void)state;
    static const struct {
        const char *page, *limit, *since, *field;
    } cases[] = {
        {"0", NULL, NULL, "page"},
        {"", NULL, NULL, "page"},
        {"-1", NULL, NULL, "page"},
        {"1.5", NULL, NULL, "page"},
        {" 1", NULL, NULL, "page"},
        {"4294967296", NULL, NULL, "page"},
        {"99999999999999999999999", NULL, NULL, "page"},
        {NULL, "0", NULL, "limit"},
        {NULL, "101", NULL, "limit"},
        {NULL, "", NULL, "limit"},
        {NULL, "4294967346", NULL, "limit"},
        {NULL, "ten", NULL, "limit"},
        {NULL, "101", "2026-01-03T15:30:00Z", "limit"},
        {NULL, NULL, "", "since"},
        {NULL, NULL, "1767454200", "since"},
        {NULL, NULL, "2026-01-03", "since"},
        {NULL, NULL, "2026-02-30T00:00:00Z", "since"},
        {NULL, NULL, "2026-01-03T15:30:00", "since"},
        {"1", NULL, "2026-01-03T15:30:00Z", "since"},
        {"x", NULL, "2026-01-03T15:30:00Z", "since"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        refused(GET("shops/" ID "/messages/paginated", .page = cases[i].page,
                    .limit = cases[i].limit, .since = cases[i].since),
                422, "invalid", cases[i].field);
}

static void the_newest_know_no_query(void **state)
{
    (void)state;
    struct ask what = GET("shops/" ID "/messages", .page = "x", .limit = "x", .since = "x");
    struct cf_store_request *request = NULL;
    struct cf_problem problem;
    enum cf_shop_op op;
    assert_int_equal(ask(&ann, &what, &op, &request, &problem), CF_OK);
    assert_int_equal(request->op, CF_STORE_MESSAGES_PAGE);
    assert_int_equal(request->page, 1);
    assert_int_equal(request->limit, 100);
    cf_store_request_free(request);
}

static void an_upload_is_not_asked_here(void **state)
{
    (void)state;
    struct ask what = POST("shops/messages/image/upload");
    struct cf_store_request *request = NULL;
    struct cf_problem problem;
    enum cf_shop_op op;
    assert_int_equal(ask(&ann, &what, &op, &request, &problem), CF_E_STATE);
    assert_int_equal(problem.status, 500);
    assert_null(request);
}

/* V26: keys that nobody asked for are read past, whatever they are called. */
static void unknown_keys_are_inert(void **state)
{
    (void)state;
    assert_call(&world, &ann,
                POST("shops", .body = "{\"__proto__\":{\"name\":\"x\"},\"constructor\":[],"
                                      "\"id\":\"x\",\"name\":\"n\",\"role\":null}"),
                201,
                "{\"id\":\"019b847a-d4a8-7000-8000-000000000001\",\"name\":\"n\","
                "\"created_by\":\"ann\",\"created_at\":\"2026-01-03T15:30:01.000000Z\","
                "\"role\":\"admin\",\"member_count\":1}",
                -1);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_broken_body_is_400),
        IN_A_WORLD(the_400_says_what_a_body_must_be),
        IN_A_WORLD(the_depth_of_a_body_is_limited),
        IN_A_WORLD(a_body_over_64_kib_is_413),
        IN_A_WORLD(a_path_id_that_is_no_uuid_is_400),
        IN_A_WORLD(a_field_against_its_rule_is_422),
        IN_A_WORLD(a_member_against_the_rules_is_422),
        IN_A_WORLD(what_is_too_long_says_so),
        IN_A_WORLD(a_query_against_the_rules_is_422),
        IN_A_WORLD(the_newest_know_no_query),
        IN_A_WORLD(an_upload_is_not_asked_here),
        IN_A_WORLD(unknown_keys_are_inert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
