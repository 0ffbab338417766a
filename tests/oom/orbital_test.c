/* Memory runs out under Orbital: REST calls over the store in memory, and what sockets say. */
#include "unit/orbital/call.h"

#include "dialect/orbital/hear.h"
#include "dialect/orbital/tell.h"
#include "oom/steps.h"

static enum cf_error answer(int op, const struct cf_store_request *done, unsigned *out_status,
                            struct cf_buf *body, struct cf_problem *out_problem)
{
    return cf_orbital_answer((enum cf_orbital_op)op, done, out_status, body, out_problem);
}

static enum cf_error tell(const struct cf_event *event, struct cf_buf *out)
{
    return cf_orbital_event(&event->group_event, out);
}

static const struct steps_dialect dialect = {answer, tell};

static void orbital_calls(struct scenario *s)
{
    struct steps steps;
    struct person ann, bob;
    steps_init(&steps, s, &dialect);
    person_init(&ann, &steps.world, "7", "Ann");
    person_init(&bob, &steps.world, "bob", "Bob");
    steps_call(&steps, &ann, POST("groups", .body = "{\"name\":\"G\"}"), 201);
    struct cf_uuid group = steps.room;
    const char *members = steps_text("groups/%s/members", steps_uuid(&group));
    const char *threads = steps_text("groups/%s/threads", steps_uuid(&group));
    steps_call(&steps, &ann, POST(members, .body = "{\"user_id\":\"bob\"}"), 201);
    for (int i = 0; i < 10; i++) {
        const char *body = steps_text(
            "{\"conversation_id\":\"%s\",\"encrypted_envelope\":\"aGk+\"}", steps_uuid(&group));
        steps_call(&steps, &bob, POST("messages", .body = body, .key = steps_text("k%d", i)), 201);
        assert_true(steps.created);
    }
    steps_call(&steps, &ann,
               POST(threads, .body = "{\"encrypted_title\":\"dA==\",\"encrypted_body\":\"aGk=\"}"),
               201);
    const char *replies = steps_text("threads/%s/replies", steps_uuid(&steps.message));
    steps_call(&steps, &ann, POST(replies, .body = "{\"encrypted_body\":\"aGk=\"}"), 201);
    steps_call(&steps, &ann, GET("messages"), 200);
    assert_int_equal(steps_count(&steps, "\"message_id\":"), 10);
    steps_call(&steps, &bob, GET("events", .since = "0"), 200);
    steps_call(&steps, &bob, GET(threads), 200);
    steps_call(&steps, &bob, GET(replies), 200);
    steps_call(&steps, &bob, GET(members), 200);
    assert_int_equal(steps_count(&steps, "\"user_id\":"), 2);
    steps_call(&steps, &ann, DELETE(steps_text("%s/bob", members)), 204);
    steps_call(&steps, &ann, GET("groups"), 200);
    steps_deinit(&steps);
}

/* ---- sockets ---- */

static void orbital_hearing(struct scenario *s)
{
    static const char *const texts[] = {
        "{\"type\":\"subscribe\",\"data\":{\"group_ids\":[\"" GROUP "\",\"\\u0041\"]}}",
        "{\"type\":\"typing\",\"data\":{\"thread_id\":\"" THREAD "\",\"typing\":true}}",
        "{\"type\":\"ping\",\"data\":{},\"timestamp\":1}",
        "{\"type\":\"what\"}",
        "no JSON",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(texts); i++) {
        struct cf_arena arena;
        struct cf_orbital_heard heard;
        cf_arena_init(&arena, 65536);
        if (RETRIED(s, cf_orbital_hear(cf_slice_cstr(texts[i]), hash_key, &arena, &heard)) &&
            i == 0)
            assert_int_equal(heard.groups_count, 2);
        cf_arena_deinit(&arena);
    }
}

static void orbital_telling(struct scenario *s)
{
    static const enum cf_group_event_kind kinds[] = {CF_GROUP_MESSAGE, CF_GROUP_THREAD,
                                                     CF_GROUP_REPLY,   CF_GROUP_MEDIA,
                                                     CF_GROUP_JOINED,  CF_GROUP_LEFT};
    struct cf_slice groups[] = {CF_LIT(GROUP), CF_LIT(THREAD)};
    struct cf_buf out;
    cf_buf_init(&out, 65536);
    for (size_t i = 0; i < CF_ARRAY_LEN(kinds); i++) {
        struct cf_group_event event = sample_event(kinds[i]);
        (void)TRIED(s, cf_orbital_event(&event, &out));
        cf_buf_release(&out);
    }
    (void)TRIED(s, cf_orbital_auth_success(CF_LIT("7"), CF_LIT("Ann"), START_US, 5, &out));
    cf_buf_release(&out);
    (void)TRIED(s, cf_orbital_subscribed(groups, 2, START_US, 5, &out));
    cf_buf_release(&out);
    (void)TRIED(s, cf_orbital_error("not_member", "no", groups, 2, 5, &out));
    cf_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(orbital_calls),
        SCENARIO(orbital_hearing),
        SCENARIO(orbital_telling),
    };
    return cmocka_run_group_tests_name("oom orbital", tests, NULL, NULL);
}
