#include <stdio.h>

#include "dialect/shop/stream.h"
#include "unit/shop/flow.h"

#define SHOP "00000000-0000-7000-8000-000000000002"
#define ID "00000000-0000-7000-8000-000000000001"

#define TYPING "{\"type\":\"typing\",\"data\":{\"typing\":true}}"
#define STOPPED "{\"type\":\"typing\",\"data\":{\"typing\":false}}"
#define READ "{\"type\":\"read\",\"data\":{\"message_id\":\"" ID "\"}}"
#define REACTION "{\"type\":\"reaction\",\"data\":{\"message_id\":\"" ID "\",\"reaction\":\"+1\"}}"

struct heard {
    struct cf_shop_talker talker;
    struct cf_identity identity;
    struct cf_arena arena;
    struct cf_buf reply;
    enum cf_shop_said said;
    cf_ms now;
    struct cf_event event;
};

static void heard_init(struct heard *heard)
{
    memset(heard, 0, sizeof(*heard));
    heard->identity = identity_of("ann", "Ann");
    heard->now = 5000000;
    cf_arena_init(&heard->arena, 65536);
    cf_buf_init(&heard->reply, 4096);
}

static void heard_deinit(struct heard *heard)
{
    cf_arena_deinit(&heard->arena);
    cf_buf_deinit(&heard->reply);
}

static enum cf_error hear(struct heard *heard, const char *text)
{
    struct cf_now now = {.ms = heard->now, .us = START_US};
    cf_buf_reset(&heard->reply);
    return cf_shop_hear(&heard->talker, cf_slice_cstr(text), uuid_of(SHOP), &heard->identity, now,
                        hash_key, &heard->arena, &heard->said, &heard->event, &heard->reply);
}

static void assert_said(struct heard *heard, const char *text, enum cf_shop_said said)
{
    assert_int_equal(hear(heard, text), CF_OK);
    assert_body(&heard->reply, "");
    assert_int_equal(heard->said, said);
}

static void assert_code(struct heard *heard, const char *text, const char *code)
{
    char wanted[64];
    int len =
        snprintf(wanted, sizeof(wanted), "{\"type\":\"error\",\"data\":{\"code\":\"%s\",", code);
    assert_int_equal(hear(heard, text), CF_OK);
    assert_int_equal(heard->said, CF_SHOP_SAID_NOTHING);
    assert_true(cf_slice_starts(cf_buf_peek(&heard->reply), cf_slice_of(wanted, (size_t)len)));
}

static void typing_is_heard(void **state)
{
    (void)state;
    struct heard heard;
    heard_init(&heard);
    assert_said(&heard, TYPING, CF_SHOP_SAID_TYPING);
    assert_int_equal(heard.event.kind, CF_EVENT_TYPING);
    assert_true(heard.event.on);
    struct cf_uuid shop = uuid_of(SHOP);
    assert_true(cf_uuid_eq(&heard.event.room, &shop));
    assert_slice_equal(heard.event.user, "ann");
    assert_slice_equal(heard.event.user_name, "Ann");
    assert_int_equal(heard.event.at, START_US);
    assert_said(&heard, STOPPED, CF_SHOP_SAID_TYPING);
    assert_false(heard.event.on);
    heard_deinit(&heard);
}

static void a_receipt_and_a_reaction_are_heard(void **state)
{
    (void)state;
    struct heard heard;
    struct cf_uuid id = uuid_of(ID);
    heard_init(&heard);
    assert_said(&heard, READ, CF_SHOP_SAID_READ);
    assert_int_equal(heard.event.kind, CF_EVENT_READ);
    assert_true(cf_uuid_eq(&heard.event.message.id, &id));
    assert_said(&heard, REACTION, CF_SHOP_SAID_REACTION);
    assert_int_equal(heard.event.kind, CF_EVENT_REACTION);
    assert_true(cf_uuid_eq(&heard.event.message.id, &id));
    assert_slice_equal(heard.event.reaction, "+1");
    assert_true(heard.event.on);
    assert_said(&heard,
                "{\"data\":{\"action\":\"remove\",\"reaction\":\"\\ud83d\\udc4d\",\"x\":[1],"
                "\"message_id\":\"" ID "\"},\"type\":\"reaction\",\"id\":7}",
                CF_SHOP_SAID_REACTION);
    assert_slice_equal(heard.event.reaction, "\xF0\x9F\x91\x8D");
    assert_false(heard.event.on);
    struct cf_event *event;
    assert_int_equal(cf_event_new(&heard.event, &event), CF_OK);
    heard_deinit(&heard);
    assert_slice_equal(event->reaction, "\xF0\x9F\x91\x8D");
    assert_slice_equal(event->user, "ann");
    cf_event_unref(event);
}

static void each_refusal_has_its_code(void **state)
{
    (void)state;
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"", "bad_json"},
        {"hello", "bad_json"},
        {"[]", "bad_json"},
        {"{\"type\":\"typing\",\"type\":\"typing\"}", "bad_json"},
        {TYPING "x", "bad_json"},
        {"{\"type\":\"\\ud800\"}", "bad_json"},
        {"{\"type\":[[[[[[[[[]]]]]]]]]}", "bad_json"},
        {"{}", "invalid"},
        {"{\"type\":7}", "invalid"},
        {"{\"type\":\"typing\",\"data\":[]}", "invalid"},
        {"{\"type\":\"typing\",\"data\":null}", "invalid"},
        {"{\"type\":\"\"}", "unknown_type"},
        {"{\"type\":\"Typing\",\"data\":{\"typing\":true}}", "unknown_type"},
        {"{\"type\":\"message\",\"data\":{\"message\":\"hi\"}}", "unknown_type"},
        {"{\"type\":\"__proto__\"}", "unknown_type"},
        {"{\"type\":\"typing\"}", "invalid"},
        {"{\"type\":\"typing\",\"data\":{}}", "invalid"},
        {"{\"type\":\"typing\",\"data\":{\"typing\":\"true\"}}", "invalid"},
        {"{\"type\":\"typing\",\"data\":{\"typing\":1}}", "invalid"},
        {"{\"type\":\"read\",\"data\":{}}", "invalid"},
        {"{\"type\":\"read\",\"data\":{\"message_id\":7}}", "invalid"},
        {"{\"type\":\"read\",\"data\":{\"message_id\":\"x\"}}", "invalid"},
        {"{\"type\":\"reaction\",\"data\":{\"message_id\":\"" ID "\"}}", "invalid"},
        {"{\"type\":\"reaction\",\"data\":{\"reaction\":\"+1\"}}", "invalid"},
        {"{\"type\":\"reaction\",\"data\":{\"message_id\":\"" ID "\",\"reaction\":\"\"}}",
         "invalid"},
        {"{\"type\":\"reaction\",\"data\":{\"message_id\":\"" ID
         "\",\"reaction\":\"12345678901234567\"}}",
         "invalid"},
        {"{\"type\":\"reaction\",\"data\":{\"message_id\":\"" ID
         "\",\"reaction\":\"a\",\"action\":\"ad\"}}",
         "invalid"},
        {"{\"type\":\"reaction\",\"data\":{\"message_id\":\"" ID
         "\",\"reaction\":\"a\",\"action\":null}}",
         "invalid"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct heard heard;
        heard_init(&heard);
        assert_code(&heard, cases[i].text, cases[i].code);
        assert_int_equal(heard.talker.bad, 1);
        heard_deinit(&heard);
    }
}

static void a_refusal_is_json_to_the_byte(void **state)
{
    (void)state;
    struct heard heard;
    heard_init(&heard);
    assert_int_equal(hear(&heard, "{\"type\":\"join\"}"), CF_OK);
    assert_body(&heard.reply,
                "{\"type\":\"error\",\"data\":{\"code\":\"unknown_type\",\"message\":\"type must "
                "be \\\"typing\\\", \\\"read\\\" or \\\"reaction\\\".\"}}");
    heard_deinit(&heard);
    assert_string_equal(CF_SHOP_NO_SUCH_MESSAGE,
                        "{\"type\":\"error\",\"data\":{\"code\":\"not_found\",\"message\":\"There "
                        "is no such message in this shop.\"}}");
}

static void a_message_over_4096_bytes_is_too_large(void **state)
{
    (void)state;
    char text[4098];
    struct heard heard;
    heard_init(&heard);
    for (size_t len = 4095; len <= 4097; len++) {
        memset(text, ' ', len);
        memcpy(text, STOPPED, sizeof(STOPPED) - 1);
        text[len] = '\0';
        if (len <= 4096)
            assert_said(&heard, text, CF_SHOP_SAID_TYPING);
        else
            assert_code(&heard, text, "too_large");
    }
    heard_deinit(&heard);
}

static void the_tenth_malformed_in_a_row_ends_it(void **state)
{
    (void)state;
    static const char *const bad[] = {"x", "{\"type\":\"x\"}", "{\"type\":\"read\",\"data\":{}}"};
    struct heard heard;
    heard_init(&heard);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(hear(&heard, bad[i % 3]), CF_OK);
    assert_said(&heard, TYPING, CF_SHOP_SAID_TYPING);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(hear(&heard, bad[i % 3]), CF_OK);
    /* One that comes too often is well-formed. */
    assert_said(&heard, TYPING, CF_SHOP_SAID_NOTHING);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(hear(&heard, bad[i % 3]), CF_OK);
    assert_int_equal(hear(&heard, bad[2]), CF_E_PROTOCOL);
    assert_int_equal(heard.said, CF_SHOP_SAID_NOTHING);
    assert_true(heard.reply.len > 0);
    heard_deinit(&heard);
}

static void what_is_refused_as_too_often_is_not_malformed(void **state)
{
    (void)state;
    struct heard heard;
    heard_init(&heard);
    for (unsigned i = 0; i < 20; i++)
        assert_said(&heard, READ, CF_SHOP_SAID_READ);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(hear(&heard, "x"), CF_OK);
    assert_code(&heard, READ, "rate_limited");
    assert_code(&heard, "x", "bad_json");
    assert_int_equal(heard.talker.bad, 1);
    heard_deinit(&heard);
}

static void typing_is_relayed_every_100_ms(void **state)
{
    (void)state;
    struct heard heard;
    heard_init(&heard);
    assert_said(&heard, TYPING, CF_SHOP_SAID_TYPING);
    heard.now += 99;
    assert_said(&heard, TYPING, CF_SHOP_SAID_NOTHING);
    heard.now += 1;
    assert_said(&heard, TYPING, CF_SHOP_SAID_TYPING);
    assert_said(&heard, TYPING, CF_SHOP_SAID_NOTHING);
    /* That somebody stopped is not lost. */
    assert_said(&heard, STOPPED, CF_SHOP_SAID_TYPING);
    heard_deinit(&heard);
}

static void the_rest_is_10_a_second_with_a_burst_of_20(void **state)
{
    (void)state;
    struct heard heard;
    heard_init(&heard);
    for (unsigned i = 0; i < 20; i++)
        assert_said(&heard, i % 2 == 0 ? READ : REACTION,
                    i % 2 == 0 ? CF_SHOP_SAID_READ : CF_SHOP_SAID_REACTION);
    assert_code(&heard, READ, "rate_limited");
    assert_code(&heard, REACTION, "rate_limited");
    assert_said(&heard, STOPPED, CF_SHOP_SAID_NOTHING);
    heard.now += 99;
    assert_code(&heard, READ, "rate_limited");
    heard.now += 1;
    assert_said(&heard, READ, CF_SHOP_SAID_READ);
    assert_code(&heard, READ, "rate_limited");
    heard.now += 350;
    for (unsigned i = 0; i < 3; i++)
        assert_said(&heard, READ, CF_SHOP_SAID_READ);
    assert_code(&heard, READ, "rate_limited");
    heard.now += 50;
    assert_said(&heard, READ, CF_SHOP_SAID_READ);
    heard.now += 1000000;
    for (unsigned i = 0; i < 20; i++)
        assert_said(&heard, READ, CF_SHOP_SAID_READ);
    assert_code(&heard, READ, "rate_limited");
    heard_deinit(&heard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typing_is_heard),
        cmocka_unit_test(a_receipt_and_a_reaction_are_heard),
        cmocka_unit_test(each_refusal_has_its_code),
        cmocka_unit_test(a_refusal_is_json_to_the_byte),
        cmocka_unit_test(a_message_over_4096_bytes_is_too_large),
        cmocka_unit_test(the_tenth_malformed_in_a_row_ends_it),
        cmocka_unit_test(what_is_refused_as_too_often_is_not_malformed),
        cmocka_unit_test(typing_is_relayed_every_100_ms),
        cmocka_unit_test(the_rest_is_10_a_second_with_a_burst_of_20),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
