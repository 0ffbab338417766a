#include "dialect/shop/upload.h"

#include <stdlib.h>

#include "unit/shop/flow.h"

#define SHOP "019b847a-d4a8-7000-8000-000000000001"
#define MESSAGE "019b847a-d890-7000-8000-000000000002"

static struct world world;
static struct person ann;
static struct cf_shop_upload upload;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    person_init(&ann, &world, "ann", "Ann");
    cf_shop_upload_init(&upload);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cf_shop_upload_deinit(&upload);
    world_close(&world);
    return 0;
}

static void text_part(const char *name, const char *text)
{
    enum cf_shop_part part = CF_SHOP_PART_IMAGE;
    assert_int_equal(cf_shop_upload_part(&upload, cf_slice_cstr(name), &part), CF_OK);
    assert_int_equal(part, CF_SHOP_PART_TEXT);
    for (size_t i = 0; i < strlen(text); i++)
        assert_int_equal(cf_shop_upload_text(&upload, cf_slice_of(text + i, 1)), CF_OK);
}

static void image_part(void)
{
    enum cf_shop_part part = CF_SHOP_PART_UNKNOWN;
    assert_int_equal(cf_shop_upload_part(&upload, CF_LIT("image"), &part), CF_OK);
    assert_int_equal(part, CF_SHOP_PART_IMAGE);
}

static enum cf_error ask_for(const char *media, const char *key, struct cf_store_request **out,
                             struct cf_problem *out_problem)
{
    *out = NULL;
    *out_problem = (struct cf_problem){.status = 0};
    return cf_shop_upload_ask(&upload, maybe(media), maybe(key), &ann.asker, out, out_problem);
}

static void assert_refusal(const char *media, const char *key, const char *code, const char *field)
{
    struct cf_store_request *request;
    struct cf_problem problem;
    assert_int_not_equal(ask_for(media, key, &request, &problem), CF_OK);
    assert_null(request);
    assert_int_equal(problem.status, 422);
    assert_string_equal(problem.code, code);
    assert_string_equal(problem.field, field);
}

/* Asks, executes and answers as an upload. */
static void assert_answer(const char *media, const char *key, unsigned status, const char *json,
                          int kind)
{
    struct cf_store_request *request;
    struct reply reply = {.status = 0};
    cf_buf_init(&reply.body, 4096);
    world.now.us += 1000000;
    ann.asker.now = world.now;
    assert_int_equal(ask_for(media, key, &request, &reply.problem), CF_OK);
    finish(&world, CF_SHOP_IMAGE_UPLOAD, request, &reply);
    assert_body(&reply.body, json);
    assert_int_equal(reply.status, status);
    assert_int_equal(reply.event == NULL ? -1 : (int)reply.event->kind, kind);
    reply_deinit(&reply);
}

static void open_shop(void)
{
    struct ask what = POST("shops", .body = "{\"name\":\"Garage\"}");
    struct reply reply;
    perform(&world, &ann, &what, &reply);
    assert_int_equal(reply.status, 201);
    reply_deinit(&reply);
}

static void an_image_makes_a_message(void **state)
{
    (void)state;
    open_shop();
    text_part("shop_id", SHOP);
    image_part();
    assert_int_equal(cf_shop_upload_text(&upload, CF_LIT("not for a field")), CF_OK);
    assert_answer("a.png", "k1", 201,
                  "{\"id\":\"019b847a-d890-7000-8000-000000000002\",\"shop_id\":\"" SHOP
                  "\",\"user_id\":\"ann\",\"username\":\"Ann\",\"message\":\"\","
                  "\"created_at\":\"2026-01-03T15:30:02.000000Z\",\"updated_at\":null,"
                  "\"is_edited\":false,\"image_url\":\"/api/v1/shops/messages/image/"
                  "019b847a-d890-7000-8000-000000000002\"}",
                  CF_EVENT_MESSAGE);
    /* The retry has a file of another name, and is answered with the first. */
    assert_answer("b.png", "k1", 200,
                  "{\"id\":\"019b847a-d890-7000-8000-000000000002\",\"shop_id\":\"" SHOP
                  "\",\"user_id\":\"ann\",\"username\":\"Ann\",\"message\":\"\","
                  "\"created_at\":\"2026-01-03T15:30:02.000000Z\",\"updated_at\":null,"
                  "\"is_edited\":false,\"image_url\":\"/api/v1/shops/messages/image/"
                  "019b847a-d890-7000-8000-000000000002\"}",
                  -1);
}

static void an_image_is_put_to_a_message_and_taken_away(void **state)
{
    (void)state;
    open_shop();
    struct ask post =
        POST("shops/messages", .body = "{\"shop_id\":\"" SHOP "\",\"message\":\"look\"}");
    struct reply reply;
    perform(&world, &ann, &post, &reply);
    assert_int_equal(reply.status, 201);
    reply_deinit(&reply);
    image_part();
    text_part("message_id", MESSAGE);
    text_part("shop_id", SHOP);
    assert_answer("a.png", NULL, 201,
                  "{\"id\":\"" MESSAGE "\",\"shop_id\":\"" SHOP
                  "\",\"user_id\":\"ann\",\"username\":\"Ann\",\"message\":\"look\","
                  "\"created_at\":\"2026-01-03T15:30:02.000000Z\","
                  "\"updated_at\":\"2026-01-03T15:30:03.000000Z\",\"is_edited\":true,"
                  "\"image_url\":\"/api/v1/shops/messages/image/" MESSAGE "\"}",
                  CF_EVENT_MESSAGE_EDITED);
    assert_call(&world, &ann, DELETE("shops/messages/image/" MESSAGE), 204, "",
                CF_EVENT_MESSAGE_EDITED);
    assert_refused(&world, &ann, DELETE("shops/messages/image/" MESSAGE), 404, "not_found",
                   "message_id");
}

static void an_upload_needs_an_image_and_a_shop(void **state)
{
    (void)state;
    assert_refusal(NULL, NULL, "invalid", "image");
    assert_refusal("a.png", NULL, "invalid", "shop_id");
    text_part("shop_id", "not-a-uuid");
    assert_refusal("a.png", NULL, "invalid", "shop_id");
}

static void fields_are_against_their_rules(void **state)
{
    (void)state;
    text_part("shop_id", SHOP);
    text_part("message_id", MESSAGE "0");
    assert_refusal("a.png", NULL, "invalid", "message_id");
    cf_buf_reset(&upload.message_id);
    text_part("message", "\xFF");
    assert_refusal("a.png", NULL, "invalid", "message");
    cf_buf_reset(&upload.message);
    assert_refusal("a.png", "", "invalid", "client_message_id");
}

static void an_empty_message_id_is_none(void **state)
{
    (void)state;
    struct cf_store_request *request;
    struct cf_problem problem;
    text_part("shop_id", SHOP);
    text_part("message_id", "");
    assert_int_equal(ask_for("a.png", "k", &request, &problem), CF_OK);
    assert_int_equal(request->op, CF_STORE_MESSAGE_CREATE);
    assert_slice_equal(request->client_id, "k");
    cf_store_request_free(request);
}

/* However much comes, no more is kept than it takes to see that it is too much. */
static void a_text_without_end_is_too_long(void **state)
{
    (void)state;
    enum cf_shop_part part;
    char *text = malloc(50000);
    struct cf_store_request *request;
    struct cf_problem problem;
    memset(text, 'a', 50000);
    text_part("shop_id", SHOP);
    assert_int_equal(cf_shop_upload_part(&upload, CF_LIT("message"), &part), CF_OK);
    assert_int_equal(cf_shop_upload_text(&upload, cf_slice_of(text, 9999)), CF_OK);
    assert_int_equal(cf_shop_upload_text(&upload, cf_slice_of(text, 1)), CF_OK);
    assert_int_equal(ask_for("a.png", NULL, &request, &problem), CF_OK);
    cf_store_request_free(request);
    assert_int_equal(cf_shop_upload_text(&upload, cf_slice_of(text, 1)), CF_OK);
    assert_refusal("a.png", NULL, "too_long", "message");
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(cf_shop_upload_text(&upload, cf_slice_of(text, 50000)), CF_OK);
    assert_int_equal(upload.message.len, 40001);
    assert_refusal("a.png", NULL, "too_long", "message");
    free(text);
}

static void the_same_part_twice_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"image", "shop_id", "message", "message_id"};
    for (size_t i = 0; i < CF_ARRAY_LEN(names); i++) {
        enum cf_shop_part part = CF_SHOP_PART_TEXT;
        struct cf_slice name = cf_slice_cstr(names[i]);
        assert_int_equal(cf_shop_upload_part(&upload, name, &part), CF_OK);
        assert_int_equal(cf_shop_upload_part(&upload, name, &part), CF_E_DUPLICATE);
        assert_int_equal(part, CF_SHOP_PART_UNKNOWN);
    }
}

static void unknown_parts_are_read_past(void **state)
{
    (void)state;
    enum cf_shop_part part = CF_SHOP_PART_TEXT;
    text_part("shop_id", SHOP);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(cf_shop_upload_part(&upload, CF_LIT("Shop_id"), &part), CF_OK);
        assert_int_equal(part, CF_SHOP_PART_UNKNOWN);
        assert_int_equal(cf_shop_upload_text(&upload, CF_LIT("x")), CF_OK);
    }
    assert_slice_equal(cf_buf_peek(&upload.shop_id), SHOP);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(an_image_makes_a_message),
        IN_A_WORLD(an_image_is_put_to_a_message_and_taken_away),
        IN_A_WORLD(an_upload_needs_an_image_and_a_shop),
        IN_A_WORLD(fields_are_against_their_rules),
        IN_A_WORLD(an_empty_message_id_is_none),
        IN_A_WORLD(a_text_without_end_is_too_long),
        IN_A_WORLD(the_same_part_twice_is_refused),
        IN_A_WORLD(unknown_parts_are_read_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
