/* Memory runs out under shops: REST calls over the store in memory, streams, uploads. */
#include "unit/shop/flow.h"

#include "dialect/shop/stream.h"
#include "dialect/shop/upload.h"
#include "oom/steps.h"

static enum cf_error answer(int op, const struct cf_store_request *done, unsigned *out_status,
                            struct cf_buf *body, struct cf_problem *out_problem)
{
    return cf_shop_answer((enum cf_shop_op)op, done, out_status, body, out_problem);
}

static enum cf_error tell(const struct cf_event *event, struct cf_buf *out)
{
    bool any;
    enum cf_error error = cf_shop_event_encode(event, CF_SHOP_V1, out, &any);
    return error != CF_OK ? error : cf_shop_event_encode(event, CF_SHOP_V2, out, &any);
}

static const struct steps_dialect dialect = {answer, tell};

static void shop_calls(struct scenario *s)
{
    struct steps steps;
    struct person ann, bob;
    steps_init(&steps, s, &dialect);
    person_init(&ann, &steps.world, "ann", "Ann");
    person_init(&bob, &steps.world, "bob", "Bob");
    steps_call(&steps, &ann, POST("shops", .body = "{\"name\":\"Garage\"}"), 201);
    const char *shop = steps_text("shops/%s", steps_uuid(&steps.room));
    struct cf_uuid room = steps.room;
    steps_call(&steps, &ann, POST(steps_text("%s/members", shop), .body = "{\"user_id\":\"bob\"}"),
               201);
    for (int i = 0; i < 12; i++) {
        const char *body =
            steps_text("{\"shop_id\":\"%s\",\"message\":\"message %d\"}", steps_uuid(&room), i);
        const char *key = steps_text("key %d", i);
        steps_call(&steps, i % 2 == 0 ? &ann : &bob,
                   POST("shops/messages", .body = body, .key = key), 201);
    }
    const char *message = steps_uuid(&steps.message);
    steps_call(&steps, &bob,
               PUT("shops/messages",
                   .body = steps_text("{\"message_id\":\"%s\",\"message\":\"edited\"}", message)),
               200);
    steps_call(&steps, &bob, DELETE(steps_text("shops/messages/%s", message)), 204);
    steps_call(&steps, &ann, GET(steps_text("%s/messages", shop)), 200);
    assert_int_equal(steps_count(&steps, "\"message\":"), 11);
    steps_call(&steps, &ann, GET(steps_text("%s/messages/paginated", shop), .page = "1"), 200);
    steps_call(&steps, &ann, GET(steps_text("%s/members", shop)), 200);
    assert_int_equal(steps_count(&steps, "\"user_id\":"), 2);
    steps_call(&steps, &ann, DELETE(steps_text("%s/members/bob", shop)), 204);
    steps_call(&steps, &ann, GET("shops"), 200);
    assert_int_equal(steps_count(&steps, "\"member_count\":1"), 1);
    steps_deinit(&steps);
}

/* ---- streams ---- */

#define MESSAGE "0189abcd-ef01-7abc-9def-000000000002"

static void hear_one(struct scenario *s, struct cf_shop_talker *talker, const char *text)
{
    static const struct cf_now now = {.ms = 1000000, .us = START_US};
    struct cf_identity identity = identity_of("ann", "Ann");
    struct cf_uuid room = uuid_of("0189abcd-ef01-7abc-9def-000000000001");
    enum cf_shop_said said;
    struct cf_event like, *event = NULL;
    struct cf_arena arena;
    struct cf_buf reply;
    cf_arena_init(&arena, 65536);
    cf_buf_init(&reply, 65536);
    if (TRIED(s, cf_shop_hear(talker, cf_slice_cstr(text), room, &identity, now, hash_key, &arena,
                              &said, &like, &reply)) &&
        said != CF_SHOP_SAID_NOTHING && TRIED(s, cf_event_new(&like, &event)))
        (void)TRIED(s, tell(event, &reply));
    cf_event_unref(event);
    cf_arena_deinit(&arena);
    cf_buf_deinit(&reply);
}

static void shop_hearing(struct scenario *s)
{
    static const char *const texts[] = {
        "{\"type\":\"typing\",\"data\":{\"typing\":true}}",
        "{\"type\":\"read\",\"data\":{\"message_id\":\"" MESSAGE "\"}}",
        "{\"type\":\"reaction\",\"data\":{\"reaction\":\"\\ud83d\\ude00\",\"action\":\"add\"}}",
        "{\"type\":\"reaction\",\"data\":{\"reaction\":\"x\",\"message_id\":\"" MESSAGE "\"}}",
        "{\"type\":\"what\",\"data\":{}}",
        "no JSON",
    };
    struct cf_shop_talker talker = {0};
    for (size_t i = 0; i < CF_ARRAY_LEN(texts); i++)
        hear_one(s, &talker, texts[i]);
}

static void shop_presence(struct scenario *s)
{
    struct cf_buf out;
    struct cf_uuid room = uuid_of("0189abcd-ef01-7abc-9def-000000000001");
    cf_buf_init(&out, 65536);
    bool ok = TRIED(s, cf_shop_presence_begin(room, &out));
    for (int i = 0; ok && i < 20; i++)
        ok = TRIED(s, cf_shop_presence_user(CF_LIT("ann"), CF_LIT("Ann of \"A\""), i == 0, &out));
    (void)(ok && TRIED(s, cf_shop_presence_end(&out)));
    cf_buf_deinit(&out);
}

/* ---- uploads ---- */

static bool put_text(struct scenario *s, struct cf_shop_upload *upload, const char *name,
                     const char *text)
{
    enum cf_shop_part part;
    return TRIED(s, cf_shop_upload_part(upload, cf_slice_cstr(name), &part)) &&
           RETRIED(s, cf_shop_upload_text(upload, cf_slice_cstr(text)));
}

static void shop_upload(struct scenario *s)
{
    struct steps steps;
    struct person ann;
    struct cf_shop_upload upload;
    struct cf_store_request *request = NULL;
    struct cf_problem problem;
    enum cf_shop_part part;
    steps_init(&steps, s, &dialect);
    person_init(&ann, &steps.world, "ann", "Ann");
    cf_shop_upload_init(&upload);
    if (put_text(s, &upload, "shop_id", "0189abcd-ef01-7abc-9def-000000000001") &&
        put_text(s, &upload, "message", "an image that is told with some words") &&
        TRIED(s, cf_shop_upload_part(&upload, CF_LIT("image"), &part)))
        (void)RETRIED(s, cf_shop_upload_ask(&upload, CF_LIT("name.png"), CF_LIT("key"), &ann.asker,
                                            &request, &problem));
    assert_non_null(request);
    cf_store_request_free(request);
    cf_shop_upload_deinit(&upload);
    steps_deinit(&steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(shop_calls),
        SCENARIO(shop_hearing),
        SCENARIO(shop_presence),
        SCENARIO(shop_upload),
    };
    return cmocka_run_group_tests_name("oom shop", tests, NULL, NULL);
}
