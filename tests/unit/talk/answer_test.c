/* The REST half over a store: each row's answer, and each refusal of the store's. */
#include <stdio.h>

#include "unit/talk/call.h"

static struct world world;
static struct person ann, bob, eve;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    person_init(&ann, &world, "7", "Ann");
    person_init(&bob, &world, "bob", "Bob <b>");
    person_init(&eve, &world, "eve", "Eve");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

#define UUID(n) "00000000-0000-4000-8000-00000000000" n
#define AT(seconds) "\"2026-01-03T15:30:" seconds ".000000Z\""
#define DIRECT "{\"kind\":\"direct\",\"participantIds\":[\"bob\"]}"
#define GROUP "{\"kind\":\"group\",\"title\":\"A & B\",\"participantIds\":[\"bob\",\"eve\"]}"
#define SEND(text, n) "{\"text\":\"" text "\",\"clientMessageId\":\"" UUID(n) "\"}"

/* Ann's conversation with Bob, made in second 01, and her message in it of second 02. */
#define DIRECT_JSON                                                                              \
    "{\"id\":1,\"kind\":\"direct\",\"title\":\"\",\"createdBy\":7,"                              \
    "\"createdAt\":" AT("01") ",\"participants\":["                                              \
                              "{\"userId\":7,\"name\":\"Ann\",\"joinedAt\":" AT(                 \
                                  "01") "},"                                                     \
                                        "{\"userId\":\"bob\",\"name\":\"bob\",\"joinedAt\":" AT( \
                                            "01") "}],"                                          \
                                                  "\"unreadCount\":0,\"lastMessage\":null}"
#define HI_OPEN                                                                      \
    "{\"id\":1,\"conversationId\":1,\"senderId\":7,\"senderName\":\"Ann\","          \
    "\"text\":\"hi &lt;3\",\"clientMessageId\":\"" UUID("1") "\",\"createdAt\":" AT( \
        "02") ",\"seq\":1"

static void make_direct(void)
{
    assert_call(&world, &ann, POST("conversations", .body = DIRECT), 201, DIRECT_JSON);
}

static void say_hi(void)
{
    assert_call(&world, &ann, POST("conversations/1/messages", .body = SEND("hi <3", "1")), 201,
                "{\"success\":true,\"messageId\":1,\"message\":" HI_OPEN "}}");
}

/* Performs and forgets the answer. */
static void quietly(struct person *person, struct ask what, unsigned status)
{
    struct reply reply;
    perform(&world, person, &what, &reply);
    assert_int_equal(reply.status, status);
    cf_buf_deinit(&reply.body);
}

static void a_direct_one_is_made_once(void **state)
{
    (void)state;
    make_direct();
    assert_call(&world, &ann, POST("conversations", .body = DIRECT), 200, DIRECT_JSON);
    quietly(&bob, POST("conversations", .body = "{\"kind\":\"direct\",\"participantIds\":[7]}"),
            200);
}

static void a_message_is_stored_once(void **state)
{
    (void)state;
    make_direct();
    say_hi();
    assert_call(&world, &ann, POST("conversations/1/messages", .body = SEND("other", "1")), 200,
                "{\"success\":true,\"messageId\":1,\"message\":" HI_OPEN "}}");
}

static void talks_are_listed_with_their_last_message(void **state)
{
    (void)state;
    assert_call(&world, &ann, GET("conversations"), 200, "{\"conversations\":[]}");
    world.now.us = START_US;
    make_direct();
    say_hi();
    assert_call(&world, &bob, GET("conversations"), 200,
                "{\"conversations\":[{\"id\":1,\"kind\":\"direct\",\"title\":\"\",\"createdBy\":7,"
                "\"createdAt\":" AT(
                    "01") ",\"participants\":["
                          "{\"userId\":7,\"name\":\"Ann\",\"joinedAt\":" AT(
                              "01") "},"
                                    "{\"userId\":\"bob\",\"name\":\"bob\",\"joinedAt\":" AT(
                                        "01") "}],"
                                              "\"unreadCount\":1,\"lastMessage\":" HI_OPEN "}}]}");
    quietly(&ann, POST("conversations", .body = GROUP), 201);
    struct reply reply;
    struct ask list = GET("conversations");
    perform(&world, &ann, &list, &reply);
    assert_true(cf_slice_starts(cf_buf_peek(&reply.body),
                                CF_LIT("{\"conversations\":[{\"id\":2,\"kind\":\"group\","
                                       "\"title\":\"A &amp; B\",")));
    cf_buf_deinit(&reply.body);
}

static void messages_come_with_receipts(void **state)
{
    (void)state;
    struct cf_store_request *mark;
    enum cf_chat_field field;
    make_direct();
    assert_call(&world, &ann, GET("conversations/1/messages"), 200,
                "{\"messages\":[],\"hasMore\":false}");
    world.now.us = START_US + 1000000;
    say_hi();
    bob.asker.now.us = START_US + 5000000;
    assert_int_equal(cf_talk_mark(&bob.asker, 1, CF_MARK_READ, &mark, &field), CF_OK);
    cf_store_request_free(world_run(&world, mark));
    assert_call(&world, &ann, GET("conversations/1/messages"), 200,
                "{\"messages\":[" HI_OPEN ",\"receipts\":[{\"userId\":\"bob\",\"deliveredAt\":" AT(
                    "05") ",\"readAt\":" AT("05") "}]}],\"hasMore\":false}");
    quietly(&ann, POST("conversations/1/messages", .body = SEND("two", "2")), 201);
    assert_call(&world, &ann, GET("conversations/1/messages", .after_seq = "0", .limit = "1"), 200,
                "{\"messages\":[" HI_OPEN ",\"receipts\":[{\"userId\":\"bob\",\"deliveredAt\":" AT(
                    "05") ",\"readAt\":" AT("05") "}]}],\"hasMore\":true}");
    assert_call(&world, &ann, GET("conversations/1/messages", .before = "1"), 200,
                "{\"messages\":[],\"hasMore\":false}");
    assert_call(&world, &ann, GET("conversations/1/messages", .since = "2027-01-01T00:00:00Z"), 200,
                "{\"messages\":[],\"hasMore\":false}");
}

static void people_come_and_go(void **state)
{
    (void)state;
    quietly(&ann,
            POST("conversations", .body = "{\"kind\":\"group\",\"participantIds\":[\"bob\"]}"),
            201);
    assert_call(&world, &ann, POST("conversations/1/participants", .body = "{\"userIds\":[8]}"),
                200,
                "{\"id\":1,\"kind\":\"group\",\"title\":\"\",\"createdBy\":7,"
                "\"createdAt\":" AT(
                    "01") ",\"participants\":["
                          "{\"userId\":7,\"name\":\"Ann\",\"joinedAt\":" AT(
                              "01") "},"
                                    "{\"userId\":\"bob\",\"name\":\"bob\",\"joinedAt\":" AT(
                                        "01") "},"
                                              "{\"userId\":8,\"name\":\"8\",\"joinedAt\":" AT(
                                                  "02") "}],"
                                                        "\"unreadCount\":0,\"lastMessage\":null}");
    assert_call(&world, &ann, DELETE("conversations/1/participants/8"), 204, "");
    assert_call(&world, &bob, DELETE("conversations/1/participants/bob"), 204, "");
}

/* ---- what the store refuses ---- */

static void strangers_are_403(void **state)
{
    (void)state;
    static const char *const paths[] = {"conversations/1/", "conversations/99/"};
    const char *message = "You do not take part in this conversation.";
    make_direct();
    for (size_t i = 0; i < CF_ARRAY_LEN(paths); i++) {
        char messages[64], people[64], person[64];
        snprintf(messages, sizeof(messages), "%smessages", paths[i]);
        snprintf(people, sizeof(people), "%sparticipants", paths[i]);
        snprintf(person, sizeof(person), "%sparticipants/bob", paths[i]);
        assert_refused(&world, &eve, GET(messages), 403, "not_participant", NULL, message);
        assert_refused(&world, &eve, POST(messages, .body = SEND("x", "1")), 403, "not_participant",
                       NULL, message);
        assert_refused(&world, &eve, POST(people, .body = "{\"userIds\":[\"eve\"]}"), 403,
                       "not_participant", NULL, message);
        assert_refused(&world, &eve, DELETE(person), 403, "not_participant", NULL, message);
    }
}

static void a_direct_one_has_two(void **state)
{
    (void)state;
    static const char *const people[] = {"[7]", "[\"bob\",\"eve\"]", "[7,\"bob\",\"eve\"]"};
    char body[80];
    for (size_t i = 0; i < CF_ARRAY_LEN(people); i++) {
        snprintf(body, sizeof(body), "{\"kind\":\"direct\",\"participantIds\":%s}", people[i]);
        assert_refused(&world, &ann, POST("conversations", .body = body), 422, "invalid",
                       "participantIds",
                       "A direct conversation has exactly one other participant.");
    }
    world.now.us = START_US;
    make_direct();
    const char *fixed = "The participants of a direct conversation are fixed.";
    assert_refused(&world, &ann, POST("conversations/1/participants", .body = "{\"userIds\":[8]}"),
                   409, "conflict", NULL, fixed);
    assert_refused(&world, &ann, DELETE("conversations/1/participants/bob"), 409, "conflict", NULL,
                   fixed);
}

static void one_client_id_is_one_message(void **state)
{
    (void)state;
    make_direct();
    say_hi();
    quietly(&ann, POST("conversations", .body = GROUP), 201);
    assert_refused(&world, &ann, POST("conversations/2/messages", .body = SEND("x", "1")), 409,
                   "conflict", "clientMessageId",
                   "This clientMessageId was used in another conversation. Take a new one.");
    quietly(&bob, POST("conversations/2/messages", .body = SEND("x", "1")), 201);
}

static void who_may_remove_whom(void **state)
{
    (void)state;
    quietly(&ann, POST("conversations", .body = GROUP), 201);
    assert_refused(&world, &bob, DELETE("conversations/1/participants/eve"), 403, "forbidden", NULL,
                   "Only who made the conversation can remove somebody else.");
    assert_refused(&world, &ann, DELETE("conversations/1/participants/dan"), 404, "not_found",
                   "userId", "This user takes no part in the conversation.");
}

/* ---- what cannot be provoked in a healthy store ---- */

static void assert_failed(enum cf_store_op op, enum cf_talk_op talk_op, enum cf_error error,
                          unsigned status, const char *code, unsigned retry_after_s,
                          const char *message)
{
    struct cf_store_request *done = cf_store_request_new(op);
    struct cf_problem problem;
    struct cf_buf body;
    unsigned out_status = 0;
    assert_non_null(done);
    cf_buf_init(&body, 1024);
    done->error = error;
    assert_int_equal(cf_talk_answer(talk_op, done, &out_status, &body, &problem), CF_OK);
    assert_int_equal(problem.status, status);
    assert_string_equal(problem.code, code);
    assert_int_equal(problem.retry_after_s, retry_after_s);
    if (message != NULL)
        assert_string_equal(problem.message, message);
    assert_int_equal(body.len, 0);
    cf_store_request_free(done);
    cf_buf_deinit(&body);
}

static void a_store_that_fails_is_503(void **state)
{
    (void)state;
    static const struct {
        enum cf_store_op op;
        enum cf_talk_op talk_op;
    } rows[] = {
        {CF_STORE_TALK_CREATE, CF_TALK_OP_CREATE},     {CF_STORE_TALKS_OF, CF_TALK_OP_LIST},
        {CF_STORE_TALK_ADD, CF_TALK_OP_ADD},           {CF_STORE_TALK_REMOVE, CF_TALK_OP_REMOVE},
        {CF_STORE_TALK_MESSAGES, CF_TALK_OP_MESSAGES}, {CF_STORE_TALK_SEND, CF_TALK_OP_SEND},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        const char *message = rows[i].op == CF_STORE_TALK_SEND
                                  ? "The message may or may not be stored. Send it again with the "
                                    "same clientMessageId."
                                  : "The service cannot do this just now. Try again in a moment.";
        assert_failed(rows[i].op, rows[i].talk_op, CF_E_UNAVAILABLE, 503, "unavailable", 1,
                      message);
        assert_failed(rows[i].op, rows[i].talk_op, CF_E_NOMEM, 503, "unavailable", 1, NULL);
        assert_failed(rows[i].op, rows[i].talk_op, CF_E_IO, 500, "internal", 0, NULL);
    }
}

static void too_often_is_429(void **state)
{
    (void)state;
    static const struct {
        cf_ms retry_ms;
        unsigned seconds;
    } cases[] = {{1, 1}, {100, 1}, {999, 1}, {1000, 1}, {1001, 2}, {2000, 2}, {2001, 3}};
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_problem problem = cf_talk_too_often(cases[i].retry_ms);
        assert_int_equal(problem.status, 429);
        assert_string_equal(problem.code, "rate_limited");
        assert_string_equal(problem.message, "Too many messages. Wait before the next.");
        assert_int_equal(problem.retry_after_s, cases[i].seconds);
        assert_null(problem.field);
    }
}

/* An answer that does not fit is an error, not half of one. */
static void no_room_is_an_error(void **state)
{
    (void)state;
    struct cf_talk_message message = sample_message();
    struct cf_store_request *done = cf_store_request_new(CF_STORE_TALK_MESSAGES);
    struct cf_problem problem;
    struct cf_buf body;
    unsigned status;
    assert_non_null(done);
    done->talk_messages = &message;
    done->talk_messages_count = 1;
    cf_buf_init(&body, 100);
    assert_int_equal(cf_talk_answer(CF_TALK_OP_MESSAGES, done, &status, &body, &problem),
                     CF_E_TOO_LARGE);
    assert_int_equal(problem.status, 0);
    cf_store_request_free(done);
    cf_buf_deinit(&body);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_direct_one_is_made_once),
        IN_A_WORLD(a_message_is_stored_once),
        IN_A_WORLD(talks_are_listed_with_their_last_message),
        IN_A_WORLD(messages_come_with_receipts),
        IN_A_WORLD(people_come_and_go),
        IN_A_WORLD(strangers_are_403),
        IN_A_WORLD(a_direct_one_has_two),
        IN_A_WORLD(one_client_id_is_one_message),
        IN_A_WORLD(who_may_remove_whom),
        cmocka_unit_test(a_store_that_fails_is_503),
        cmocka_unit_test(too_often_is_429),
        cmocka_unit_test(no_room_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
