#include "dialect/shop/stream.h"

#include "unit/shop/flow.h"

#define SHOP "00000000-0000-7000-8000-000000000002"
#define ID "00000000-0000-7000-8000-000000000001"

static struct cf_event event_of_kind(enum cf_event_kind kind)
{
    return (struct cf_event){
        .kind = kind,
        .room = uuid_of(SHOP),
        .message = {.id = uuid_of(ID),
                    .room = uuid_of(SHOP),
                    .author = CF_LIT("ann"),
                    .author_name = CF_LIT("Ann"),
                    .text = CF_LIT("hi\n"),
                    .created = START_US},
        .user = CF_LIT("bob"),
        .user_name = CF_LIT("B\xC3\xB6"
                            "b"),
        .reaction = CF_LIT("\xF0\x9F\x91\x8D"),
        .on = true,
        .at = START_US + 1,
    };
}

/* `wanted` NULL: the version has no word for it. */
static void assert_encoded(const struct cf_event *event, enum cf_shop_version version,
                           const char *wanted)
{
    struct cf_buf out;
    bool any = wanted == NULL;
    cf_buf_init(&out, 4096);
    assert_int_equal(cf_buf_append(&out, CF_LIT("<")), CF_OK);
    assert_int_equal(cf_shop_event_encode(event, version, &out, &any), CF_OK);
    assert_int_equal(any, wanted != NULL);
    cf_buf_consume(&out, 1);
    assert_body(&out, wanted == NULL ? "" : wanted);
    cf_buf_deinit(&out);
}

#define OBJECT                                                           \
    "{\"id\":\"" ID "\",\"shop_id\":\"" SHOP                             \
    "\",\"user_id\":\"ann\",\"username\":\"Ann\",\"message\":\"hi\\n\"," \
    "\"created_at\":\"2026-01-03T15:30:00.000000Z\",\"updated_at\":null,\"is_edited\":false}"
#define EDITED                                                           \
    "{\"id\":\"" ID "\",\"shop_id\":\"" SHOP                             \
    "\",\"user_id\":\"ann\",\"username\":\"Ann\",\"message\":\"hi\\n\"," \
    "\"created_at\":\"2026-01-03T15:30:00.000000Z\","                    \
    "\"updated_at\":\"2026-01-03T15:30:07.000000Z\",\"is_edited\":true," \
    "\"image_url\":\"/api/v1/shops/messages/image/" ID "\"}"

static void a_message_is_the_seeds_object(void **state)
{
    (void)state;
    struct cf_event event = event_of_kind(CF_EVENT_MESSAGE);
    assert_encoded(&event, CF_SHOP_V1, OBJECT);
    assert_encoded(&event, CF_SHOP_V2, "{\"type\":\"message\",\"data\":" OBJECT "}");
}

static void an_edit_has_the_same_shape(void **state)
{
    (void)state;
    struct cf_event event = event_of_kind(CF_EVENT_MESSAGE_EDITED);
    event.message.updated = START_US + 7000000;
    event.message.image = CF_LIT("a.png");
    assert_encoded(&event, CF_SHOP_V1, EDITED);
    assert_encoded(&event, CF_SHOP_V2, "{\"type\":\"message_edited\",\"data\":" EDITED "}");
}

static void the_rest_is_v2_only(void **state)
{
    (void)state;
    static const struct {
        enum cf_event_kind kind;
        const char *v2;
    } cases[] = {
        {CF_EVENT_MESSAGE_DELETED,
         "{\"type\":\"message_deleted\",\"data\":{\"id\":\"" ID "\",\"shop_id\":\"" SHOP "\"}}"},
        {CF_EVENT_MEMBER_REMOVED, NULL},
        {CF_EVENT_PRESENCE, "{\"type\":\"presence\",\"data\":{\"shop_id\":\"" SHOP
                            "\",\"user_id\":\"bob\",\"username\":\"B\xC3\xB6"
                            "b\",\"online\":true,"
                            "\"at\":\"2026-01-03T15:30:00.000001Z\"}}"},
        {CF_EVENT_TYPING, "{\"type\":\"typing\",\"data\":{\"shop_id\":\"" SHOP
                          "\",\"user_id\":\"bob\",\"username\":\"B\xC3\xB6"
                          "b\",\"typing\":true}}"},
        {CF_EVENT_READ, "{\"type\":\"read\",\"data\":{\"shop_id\":\"" SHOP "\",\"message_id\":\"" ID
                        "\",\"user_id\":\"bob\",\"username\":\"B\xC3\xB6"
                        "b\","
                        "\"at\":\"2026-01-03T15:30:00.000001Z\"}}"},
        {CF_EVENT_REACTION,
         "{\"type\":\"reaction\",\"data\":{\"shop_id\":\"" SHOP "\",\"message_id\":\"" ID
         "\",\"user_id\":\"bob\",\"username\":\"B\xC3\xB6"
         "b\","
         "\"reaction\":\"\xF0\x9F\x91\x8D\",\"action\":\"add\","
         "\"at\":\"2026-01-03T15:30:00.000001Z\"}}"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_event event = event_of_kind(cases[i].kind);
        assert_encoded(&event, CF_SHOP_V1, NULL);
        assert_encoded(&event, CF_SHOP_V2, cases[i].v2);
    }
}

static void off_is_told_too(void **state)
{
    (void)state;
    struct cf_event event = event_of_kind(CF_EVENT_PRESENCE);
    event.on = false;
    assert_encoded(&event, CF_SHOP_V2,
                   "{\"type\":\"presence\",\"data\":{\"shop_id\":\"" SHOP
                   "\",\"user_id\":\"bob\",\"username\":\"B\xC3\xB6"
                   "b\",\"online\":false,"
                   "\"at\":\"2026-01-03T15:30:00.000001Z\"}}");
    event.kind = CF_EVENT_TYPING;
    assert_encoded(&event, CF_SHOP_V2,
                   "{\"type\":\"typing\",\"data\":{\"shop_id\":\"" SHOP
                   "\",\"user_id\":\"bob\",\"username\":\"B\xC3\xB6"
                   "b\",\"typing\":false}}");
    event.kind = CF_EVENT_REACTION;
    assert_encoded(&event, CF_SHOP_V2,
                   "{\"type\":\"reaction\",\"data\":{\"shop_id\":\"" SHOP "\",\"message_id\":\"" ID
                   "\",\"user_id\":\"bob\",\"username\":\"B\xC3\xB6"
                   "b\","
                   "\"reaction\":\"\xF0\x9F\x91\x8D\",\"action\":\"remove\","
                   "\"at\":\"2026-01-03T15:30:00.000001Z\"}}");
}

static void an_event_over_the_cap_is_an_error(void **state)
{
    (void)state;
    struct cf_event event = event_of_kind(CF_EVENT_MESSAGE);
    struct cf_buf out;
    bool any;
    cf_buf_init(&out, sizeof(OBJECT) - 1);
    assert_int_equal(cf_shop_event_encode(&event, CF_SHOP_V1, &out, &any), CF_OK);
    cf_buf_deinit(&out);
    cf_buf_init(&out, sizeof(OBJECT) - 2);
    assert_int_equal(cf_shop_event_encode(&event, CF_SHOP_V1, &out, &any), CF_E_TOO_LARGE);
    cf_buf_deinit(&out);
}

static void who_is_there_is_one_object(void **state)
{
    (void)state;
    struct cf_buf out;
    cf_buf_init(&out, 4096);
    assert_int_equal(cf_shop_presence_begin(uuid_of(SHOP), &out), CF_OK);
    assert_int_equal(cf_shop_presence_end(&out), CF_OK);
    assert_body(&out,
                "{\"type\":\"presence_state\",\"data\":{\"shop_id\":\"" SHOP "\",\"online\":[]}}");
    cf_buf_reset(&out);
    assert_int_equal(cf_shop_presence_begin(uuid_of(SHOP), &out), CF_OK);
    assert_int_equal(cf_shop_presence_user(CF_LIT("ann"), CF_LIT("\"Ann\""), true, &out), CF_OK);
    assert_int_equal(cf_shop_presence_user(CF_LIT("bob"), CF_LIT("Bob"), false, &out), CF_OK);
    assert_int_equal(cf_shop_presence_end(&out), CF_OK);
    assert_body(&out, "{\"type\":\"presence_state\",\"data\":{\"shop_id\":\"" SHOP
                      "\",\"online\":[{\"user_id\":\"ann\",\"username\":\"\\\"Ann\\\"\"},"
                      "{\"user_id\":\"bob\",\"username\":\"Bob\"}]}}");
    cf_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_the_seeds_object),
        cmocka_unit_test(an_edit_has_the_same_shape),
        cmocka_unit_test(the_rest_is_v2_only),
        cmocka_unit_test(off_is_told_too),
        cmocka_unit_test(an_event_over_the_cap_is_an_error),
        cmocka_unit_test(who_is_there_is_one_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
