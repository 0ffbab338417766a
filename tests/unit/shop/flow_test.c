/* Whole calls over the store in memory, to the byte: ask, submit, step, answer, event. */
#include "unit/shop/flow.h"

#include <stdio.h>

/* The worlds make these in their first, second … call; a call is a second. */
#define SHOP "019b847a-d4a8-7000-8000-000000000001"
#define FIRST "019b847a-d890-7000-8000-000000000002"
#define SECOND "019b847a-dc78-7000-8000-000000000003"
#define THIRD "019b847a-e060-7000-8000-000000000004"
#define NOBODYS "00000000-0000-7000-8000-0000000000ff"

#define AT(second) "2026-01-03T15:30:" second ".000000Z"
#define MESSAGE_BY(id, user, name, text, second)                                                \
    "{\"id\":\"" id "\",\"shop_id\":\"" SHOP "\",\"user_id\":\"" user "\",\"username\":\"" name \
    "\",\"message\":\"" text "\",\"created_at\":\"" AT(second) "\",\"updated_at\":null,"        \
                                                               "\"is_edited\":false}"
#define MESSAGE(id, text, second) MESSAGE_BY(id, "ann", "Ann", text, second)

#define NOT_MEMBER                                                                            \
    "{\"error\":{\"code\":\"not_member\",\"message\":\"You are not a member of this shop.\"," \
    "\"field\":\"shop_id\"},\"message\":\"You are not a member of this shop.\"}"
#define NO_MESSAGE                                                                                \
    "{\"error\":{\"code\":\"not_found\",\"message\":\"There is no such message in your shops.\"," \
    "\"field\":\"message_id\"},\"message\":\"There is no such message in your shops.\"}"

static struct world world;
static struct person ann, bob;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    person_init(&ann, &world, "ann", "Ann");
    person_init(&bob, &world, "bob", "Bob");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static void call(struct person *person, struct ask what, unsigned status, const char *json)
{
    assert_call(&world, person, what, status, json, -1);
}

static void tell(struct person *person, struct ask what, unsigned status, const char *json,
                 enum cf_event_kind kind)
{
    assert_call(&world, person, what, status, json, (int)kind);
}

static void open_shop(void)
{
    call(&ann, POST("shops", .body = "{\"name\":\"Garage\"}"), 201,
         "{\"id\":\"" SHOP "\",\"name\":\"Garage\",\"created_by\":\"ann\",\"created_at\":\"" AT(
             "01") "\",\"role\":\"admin\",\"member_count\":1}");
}

static void post(struct person *person, const char *text)
{
    char body[256];
    struct reply reply;
    snprintf(body, sizeof(body), "{\"shop_id\":\"" SHOP "\",\"message\":\"%s\"}", text);
    struct ask what = POST("shops/messages", .body = body);
    perform(&world, person, &what, &reply);
    assert_int_equal(reply.status, 201);
    reply_deinit(&reply);
}

static void add_bob(void)
{
    call(&ann, POST("shops/" SHOP "/members", .body = "{\"user_id\":\"bob\",\"username\":\"Bob\"}"),
         201,
         "{\"user_id\":\"bob\",\"username\":\"Bob\",\"role\":\"member\",\"joined_at\":\"" AT(
             "02") "\"}");
}

/* ---- shops and members ---- */

static void a_shop_is_made_and_listed(void **state)
{
    (void)state;
    call(&ann, GET("shops"), 200, "{\"shops\":[]}");
    call(&ann, POST("shops", .body = " {\"name\":\"Garage \\u00e4\"} "), 201,
         "{\"id\":\"019b847a-d890-7000-8000-000000000001\",\"name\":\"Garage \xC3\xA4\","
         "\"created_by\":\"ann\",\"created_at\":\"2026-01-03T15:30:02.000000Z\","
         "\"role\":\"admin\",\"member_count\":1}");
    call(&ann, GET("shops"), 200,
         "{\"shops\":[{\"id\":\"019b847a-d890-7000-8000-000000000001\",\"name\":\"Garage "
         "\xC3\xA4\",\"created_by\":\"ann\",\"created_at\":\"2026-01-03T15:30:02.000000Z\","
         "\"role\":\"admin\",\"member_count\":1}]}");
    call(&bob, GET("shops"), 200, "{\"shops\":[]}");
}

static void members_come_change_and_go(void **state)
{
    (void)state;
    open_shop();
    add_bob();
    call(&bob, GET("shops"), 200,
         "{\"shops\":[{\"id\":\"" SHOP
         "\",\"name\":\"Garage\",\"created_by\":\"ann\",\"created_at\":\"" AT(
             "01") "\",\"role\":\"member\",\"member_count\":2}]}");
    call(&ann,
         POST("shops/" SHOP "/members",
              .body = "{\"user_id\":\"bob\",\"role\":\"admin\",\"username\":null}"),
         200,
         "{\"user_id\":\"bob\",\"username\":\"Bob\",\"role\":\"admin\",\"joined_at\":\"" AT(
             "02") "\"}");
    call(&bob, GET("shops/" SHOP "/members"), 200,
         "{\"members\":[{\"user_id\":\"ann\",\"username\":\"Ann\",\"role\":\"admin\",\"joined_"
         "at\":\"" AT("01") "\"},{\"user_id\":\"bob\",\"username\":\"Bob\",\"role\":\"admin\","
                            "\"joined_at\":\"" AT("02") "\"}]}");
    tell(&ann, DELETE("shops/" SHOP "/members/bob"), 204, "", CF_EVENT_MEMBER_REMOVED);
    call(&bob, GET("shops/" SHOP "/members"), 403, NOT_MEMBER);
    assert_refused(&world, &ann, DELETE("shops/" SHOP "/members/bob"), 404, "not_found", "user_id");
    assert_refused(&world, &ann, DELETE("shops/" SHOP "/members/ann"), 409, "conflict", "user_id");
    assert_refused(&world, &ann, POST("shops/" SHOP "/members", .body = "{\"user_id\":\"ann\"}"),
                   409, "conflict", "role");
}

static void only_an_admin_manages(void **state)
{
    (void)state;
    open_shop();
    add_bob();
    assert_refused(&world, &bob, POST("shops/" SHOP "/members", .body = "{\"user_id\":\"cid\"}"),
                   403, "forbidden", NULL);
    assert_refused(&world, &bob, DELETE("shops/" SHOP "/members/ann"), 403, "forbidden", NULL);
    tell(&bob, DELETE("shops/" SHOP "/members/bob"), 204, "", CF_EVENT_MEMBER_REMOVED);
}

/* A stranger cannot tell a shop from none, nor a message from none. */
static void a_stranger_learns_nothing(void **state)
{
    (void)state;
    static const char *const shops[] = {SHOP, NOBODYS};
    static const char *const messages[] = {FIRST, NOBODYS};
    static const char *const reads[] = {"members", "messages", "messages/paginated"};
    char path[128], body[256];
    open_shop();
    post(&ann, "secret");
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(reads); j++) {
            snprintf(path, sizeof(path), "shops/%s/%s", shops[i], reads[j]);
            call(&bob, GET(path), 403, NOT_MEMBER);
        }
        snprintf(path, sizeof(path), "shops/%s/messages/stream", shops[i]);
        call(&bob, GET(path), 403, NOT_MEMBER);
        snprintf(path, sizeof(path), "shops/%s/members", shops[i]);
        call(&bob, POST(path, .body = "{\"user_id\":\"bob\"}"), 403, NOT_MEMBER);
        snprintf(path, sizeof(path), "shops/%s/members/ann", shops[i]);
        call(&bob, DELETE(path), 403, NOT_MEMBER);
        snprintf(body, sizeof(body), "{\"shop_id\":\"%s\",\"message\":\"hi\"}", shops[i]);
        call(&bob, POST("shops/messages", .body = body), 403, NOT_MEMBER);
        snprintf(body, sizeof(body), "{\"message_id\":\"%s\",\"message\":\"hi\"}", messages[i]);
        call(&bob, PUT("shops/messages", .body = body), 404, NO_MESSAGE);
        snprintf(path, sizeof(path), "shops/messages/%s", messages[i]);
        call(&bob, DELETE(path), 404, NO_MESSAGE);
        snprintf(path, sizeof(path), "shops/messages/image/%s", messages[i]);
        call(&bob, GET(path), 404, NO_MESSAGE);
        call(&bob, DELETE(path), 404,
             "{\"error\":{\"code\":\"not_found\",\"message\":\"There is no such message in your "
             "shops, or it has no image.\",\"field\":\"message_id\"},\"message\":\"There is no "
             "such message in your shops, or it has no image.\"}");
    }
}

/* ---- messages ---- */

static void a_message_is_posted_edited_and_deleted(void **state)
{
    (void)state;
    open_shop();
    tell(&ann,
         POST("shops/messages",
              .body = "{\"shop_id\":\"" SHOP "\",\"message\":\" Hi \\\"team\\\"\\n\"}"),
         201,
         "{\"id\":\"019b847a-d890-7000-8000-000000000002\","
         "\"shop_id\":\"019b847a-d4a8-7000-8000-000000000001\",\"user_id\":\"ann\","
         "\"username\":\"Ann\",\"message\":\" Hi \\\"team\\\"\\n\","
         "\"created_at\":\"2026-01-03T15:30:02.000000Z\",\"updated_at\":null,\"is_edited\":false}",
         CF_EVENT_MESSAGE);
    tell(&ann,
         PUT("shops/messages", .body = "{\"message_id\":\"" FIRST "\",\"message\":\"Hello\"}"), 200,
         "{\"id\":\"019b847a-d890-7000-8000-000000000002\","
         "\"shop_id\":\"019b847a-d4a8-7000-8000-000000000001\",\"user_id\":\"ann\","
         "\"username\":\"Ann\",\"message\":\"Hello\","
         "\"created_at\":\"2026-01-03T15:30:02.000000Z\","
         "\"updated_at\":\"2026-01-03T15:30:03.000000Z\",\"is_edited\":true}",
         CF_EVENT_MESSAGE_EDITED);
    tell(&ann, DELETE("shops/messages/" FIRST), 204, "", CF_EVENT_MESSAGE_DELETED);
    call(&ann, DELETE("shops/messages/" FIRST), 404, NO_MESSAGE);
    call(&ann, GET("shops/" SHOP "/messages"), 200,
         "{\"messages\":[],\"limit\":100,\"has_more\":false}");
}

static void only_the_author_edits_and_an_admin_deletes(void **state)
{
    (void)state;
    open_shop();
    add_bob();
    post(&bob, "mine");
    const char *edit =
        "{\"message_id\":\"019b847a-dc78-7000-8000-000000000002\",\"message\":\"x\"}";
    assert_refused(&world, &ann, PUT("shops/messages", .body = edit), 403, "forbidden", NULL);
    post(&ann, "hers");
    assert_refused(&world, &bob, DELETE("shops/messages/019b847a-e448-7000-8000-000000000003"), 403,
                   "forbidden", NULL);
    tell(&ann, DELETE("shops/messages/019b847a-dc78-7000-8000-000000000002"), 204, "",
         CF_EVENT_MESSAGE_DELETED);
}

static void a_retry_answers_the_first_again(void **state)
{
    (void)state;
    open_shop();
    struct ask in_body =
        POST("shops/messages",
             .body = "{\"shop_id\":\"" SHOP "\",\"message\":\"hi\",\"client_message_id\":\"c1\"}");
    struct ask in_header = POST(
        "shops/messages", .body = "{\"shop_id\":\"" SHOP "\",\"message\":\"hi\"}", .key = "c1");
    struct ask in_both = in_body;
    in_both.key = "c1";
    tell(&ann, in_body, 201, MESSAGE(FIRST, "hi", "02"), CF_EVENT_MESSAGE);
    call(&ann, in_body, 200, MESSAGE(FIRST, "hi", "02"));
    call(&ann, in_header, 200, MESSAGE(FIRST, "hi", "02"));
    call(&ann, in_both, 200, MESSAGE(FIRST, "hi", "02"));
    in_header.body = "{\"shop_id\":\"" SHOP "\",\"message\":\"other\",\"client_message_id\":null}";
    assert_refused(&world, &ann, in_header, 409, "conflict", "client_message_id");
    in_both.key = "c2";
    assert_refused(&world, &ann, in_both, 422, "invalid", "client_message_id");
    call(&ann, GET("shops/" SHOP "/messages"), 200,
         "{\"messages\":[" MESSAGE(FIRST, "hi", "02") "],\"limit\":100,\"has_more\":false}");
}

static void an_unknown_outcome_is_503_with_retry_after(void **state)
{
    (void)state;
    open_shop();
    cf_store_mem_fail_writes(world.store, true);
    struct ask what =
        POST("shops/messages", .body = "{\"shop_id\":\"" SHOP "\",\"message\":\"hi\"}");
    struct reply reply;
    perform(&world, &ann, &what, &reply);
    assert_int_equal(reply.status, 503);
    assert_int_equal(reply.problem.retry_after_s, 1);
    assert_null(reply.event);
    assert_body(&reply.body,
                "{\"error\":{\"code\":\"unavailable\",\"message\":\"The message may or may not be "
                "stored. Send it again with the same client_message_id.\"},\"message\":\"The "
                "message may or may not be stored. Send it again with the same "
                "client_message_id.\"}");
    reply_deinit(&reply);
    cf_store_mem_fail_writes(world.store, false);
}

/* ---- lists ---- */

static void lists_have_pages_and_cursors(void **state)
{
    (void)state;
    open_shop();
    post(&ann, "one");
    post(&ann, "two");
    post(&ann, "three");
#define ONE MESSAGE(FIRST, "one", "02")
#define TWO MESSAGE(SECOND, "two", "03")
#define THREE MESSAGE(THIRD, "three", "04")
    call(&ann, GET("shops/" SHOP "/messages"), 200,
         "{\"messages\":[" ONE "," TWO "," THREE "],\"limit\":100,\"has_more\":false}");
    struct ask page = GET("shops/" SHOP "/messages/paginated");
    call(&ann, page, 200,
         "{\"messages\":[" ONE "," TWO "," THREE
         "],\"page\":1,\"limit\":50,\"total\":3,\"has_more\":false}");
    page.limit = "2";
    call(&ann, page, 200,
         "{\"messages\":[" TWO "," THREE "],\"page\":1,\"limit\":2,\"total\":3,\"has_more\":true}");
    page.page = "2";
    call(&ann, page, 200,
         "{\"messages\":[" ONE "],\"page\":2,\"limit\":2,\"total\":3,\"has_more\":false}");
    page.page = "4294967295";
    call(&ann, page, 200,
         "{\"messages\":[],\"page\":4294967295,\"limit\":2,\"total\":3,\"has_more\":false}");
    struct ask since = GET("shops/" SHOP "/messages/paginated", .since = AT("03"));
    call(&ann, since, 200, "{\"messages\":[" TWO "," THREE "],\"limit\":50,\"has_more\":false}");
    since.limit = "1";
    call(&ann, since, 200, "{\"messages\":[" TWO "],\"limit\":1,\"has_more\":true}");
    since.since = "2026-01-03T16:30:04+01:00";
    call(&ann, since, 200, "{\"messages\":[" THREE "],\"limit\":1,\"has_more\":false}");
    since.since = "2030-01-01T00:00:00Z";
    call(&ann, since, 200, "{\"messages\":[],\"limit\":1,\"has_more\":false}");
}

/* ---- what the composition answers itself ---- */

static void images_and_streams_are_answered_elsewhere(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum cf_shop_op op;
    } cases[] = {
        {"shops/" SHOP "/messages/stream", CF_SHOP_STREAM},
        {"shops/messages/image/" FIRST, CF_SHOP_IMAGE_GET},
    };
    open_shop();
    post(&ann, "one");
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct ask what = GET(cases[i].path);
        struct cf_store_request *request = NULL;
        struct cf_problem problem;
        struct cf_buf body;
        enum cf_shop_op op;
        unsigned status;
        cf_buf_init(&body, 4096);
        assert_int_equal(ask(&ann, &what, &op, &request, &problem), CF_OK);
        assert_int_equal(op, cases[i].op);
        request = world_run(&world, request);
        assert_int_equal(request->error, CF_OK);
        assert_int_equal(cf_shop_answer(op, request, &status, &body, &problem), CF_E_STATE);
        cf_store_request_free(request);
        cf_buf_deinit(&body);
    }
}

static void an_answer_over_the_cap_is_an_error(void **state)
{
    (void)state;
    struct ask what = GET("shops/" SHOP "/messages");
    struct cf_store_request *request = NULL;
    struct cf_problem problem;
    struct cf_buf body;
    enum cf_shop_op op;
    unsigned status;
    open_shop();
    post(&ann, "one");
    assert_int_equal(ask(&ann, &what, &op, &request, &problem), CF_OK);
    request = world_run(&world, request);
    cf_buf_init(&body, 100);
    assert_int_equal(cf_shop_answer(op, request, &status, &body, &problem), CF_E_TOO_LARGE);
    cf_buf_deinit(&body);
    cf_store_request_free(request);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_shop_is_made_and_listed),
        IN_A_WORLD(members_come_change_and_go),
        IN_A_WORLD(only_an_admin_manages),
        IN_A_WORLD(a_stranger_learns_nothing),
        IN_A_WORLD(a_message_is_posted_edited_and_deleted),
        IN_A_WORLD(only_the_author_edits_and_an_admin_deletes),
        IN_A_WORLD(a_retry_answers_the_first_again),
        IN_A_WORLD(an_unknown_outcome_is_503_with_retry_after),
        IN_A_WORLD(lists_have_pages_and_cursors),
        IN_A_WORLD(images_and_streams_are_answered_elsewhere),
        IN_A_WORLD(an_answer_over_the_cap_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
