/* What the server says on a socket, to the byte. */
#include "dialect/talk/tell.h"

#include <stdio.h>

#include "unit/talk/support.h"

static struct cf_buf out;

static int set_up(void **state)
{
    (void)state;
    cf_buf_init(&out, 65536);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cf_buf_deinit(&out);
    return 0;
}

static void assert_event(const struct cf_event *event, const char *wanted)
{
    bool any = false;
    assert_int_equal(cf_talk_event_encode(event, &out, &any), CF_OK);
    assert_true(any);
    assert_written(&out, wanted);
}

/* The offset is the last argument, and a string. */
static void a_message_carries_its_offset(void **state)
{
    (void)state;
    struct cf_event event = {.kind = CF_EVENT_TALK_MESSAGE, .talk_message = sample_message()};
    assert_event(&event, "2[\"message:new\"," SAMPLE_JSON ",\"41\"]");
    assert_int_equal(cf_talk_message_packet(&event.talk_message, &out), CF_OK);
    assert_written(&out, "2[\"message:new\"," SAMPLE_JSON ",\"41\"]");
    event.talk_message.id = INT64_MAX;
    assert_int_equal(cf_talk_message_packet(&event.talk_message, &out), CF_OK);
    assert_true(cf_slice_ends(cf_buf_peek(&out), CF_LIT(",\"9223372036854775807\"]")));
}

#define READ_PACKET                                                                 \
    "2[\"message:read\",{\"messageId\":41,\"conversationId\":3,\"readBy\":\"bob\"," \
    "\"readAt\":\"2026-01-03T15:30:00.000001Z\"},\"42\"]"

#define DELIVERED_PACKET                                                                      \
    "2[\"message:delivered\",{\"messageId\":41,\"conversationId\":3,\"deliveredTo\":\"bob\"," \
    "\"deliveredAt\":\"2026-01-03T15:30:00.000001Z\"},\"42\"]"

static void a_mark_carries_its_own_number(void **state)
{
    (void)state;
    struct cf_event event = {.kind = CF_EVENT_TALK_MARK, .mark = sample_mark(CF_MARK_READ)};
    assert_event(&event, READ_PACKET);
    assert_int_equal(cf_talk_mark_packet(&event.mark, &out), CF_OK);
    assert_written(&out, READ_PACKET);
    event.mark = sample_mark(CF_MARK_DELIVERED);
    assert_event(&event, DELIVERED_PACKET);
    assert_int_equal(cf_talk_mark_packet(&event.mark, &out), CF_OK);
    assert_written(&out, DELIVERED_PACKET);
}

static void who_comes_goes_and_types(void **state)
{
    (void)state;
    static const struct {
        enum cf_event_kind kind;
        bool on;
        const char *user, *wanted;
    } cases[] = {
        {CF_EVENT_TALK_HERE, true, "7", "2[\"user:online\",7,3]"},
        {CF_EVENT_TALK_HERE, false, "bob", "2[\"user:offline\",\"bob\",3]"},
        {CF_EVENT_TALK_TYPING, true, "07", "2[\"typing:start\",\"07\",3]"},
        {CF_EVENT_TALK_TYPING, false, "0", "2[\"typing:stop\",0,3]"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_event event = {.kind = cases[i].kind,
                                 .user = cf_slice_cstr(cases[i].user),
                                 .talk = 3,
                                 .on = cases[i].on};
        assert_event(&event, cases[i].wanted);
    }
}

static void the_rest_is_not_told_on_sockets(void **state)
{
    (void)state;
    static const enum cf_event_kind kinds[] = {
        CF_EVENT_MESSAGE,        CF_EVENT_MESSAGE_EDITED, CF_EVENT_MESSAGE_DELETED,
        CF_EVENT_MEMBER_REMOVED, CF_EVENT_PRESENCE,       CF_EVENT_TYPING,
        CF_EVENT_READ,           CF_EVENT_REACTION,       CF_EVENT_TALK_LEFT,
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(kinds); i++) {
        struct cf_event event = {.kind = kinds[i], .user = CF_LIT("bob"), .talk = 3, .on = true};
        bool any = true;
        assert_int_equal(cf_talk_event_encode(&event, &out, &any), CF_OK);
        assert_false(any);
        assert_int_equal(out.len, 0);
    }
}

/* ---- who is there ---- */

static void assert_present(bool is_ack, size_t count, const char *wanted)
{
    static const char *const users[] = {"7", "bob", "<x>"};
    struct cf_talk_present present;
    assert_int_equal(cf_talk_present_begin(&present, 3, is_ack, &out), CF_OK);
    for (size_t i = 0; i < count; i++)
        cf_talk_present_add(&present, cf_slice_cstr(users[i]));
    assert_int_equal(cf_talk_present_end(&present), CF_OK);
    assert_written(&out, wanted);
}

static void presence_as_event_and_as_ack(void **state)
{
    (void)state;
    assert_present(false, 0, "2[\"presence:state\",{\"conversationId\":3,\"online\":[]}]");
    assert_present(false, 1, "2[\"presence:state\",{\"conversationId\":3,\"online\":[7]}]");
    assert_present(false, 3,
                   "2[\"presence:state\",{\"conversationId\":3,\"online\":[7,\"bob\",\"<x>\"]}]");
    assert_present(true, 0, "[{\"success\":true,\"online\":[]}]");
    assert_present(true, 2, "[{\"success\":true,\"online\":[7,\"bob\"]}]");
}

/* An ack stands behind the packet's head that is there already. */
static void an_ack_is_appended(void **state)
{
    (void)state;
    struct cf_talk_present present;
    assert_int_equal(cf_buf_append(&out, CF_LIT("312")), CF_OK);
    assert_int_equal(cf_talk_present_begin(&present, 3, true, &out), CF_OK);
    assert_int_equal(cf_talk_present_end(&present), CF_OK);
    assert_written(&out, "312[{\"success\":true,\"online\":[]}]");
    assert_int_equal(cf_buf_append(&out, CF_LIT("30")), CF_OK);
    assert_int_equal(cf_talk_ack_done(&out), CF_OK);
    assert_written(&out, "30[{\"success\":true}]");
}

/* ---- acks ---- */

static void what_was_sent_is_acked(void **state)
{
    (void)state;
    struct cf_talk_message message = sample_message();
    assert_int_equal(cf_talk_ack_sent(&message, &out), CF_OK);
    assert_written(&out, "[{\"success\":true,\"messageId\":41,\"message\":" SAMPLE_JSON "}]");
    /* the id as the sender spelt it, whatever the store has made of it */
    assert_int_equal(cf_talk_sent_packet(CF_LIT("AB"), &message, CF_OK, &out), CF_OK);
    assert_written(&out, "2[\"message:ack\",{\"clientMessageId\":\"AB\",\"messageId\":41,"
                         "\"success\":true}]");
}

static void every_refusal_has_a_code(void **state)
{
    (void)state;
    static const char *const codes[] = {
        [CF_E_SYNTAX] = "invalid",
        [CF_E_UTF8] = "invalid",
        [CF_E_DUPLICATE] = "invalid",
        [CF_E_TRUNCATED] = "invalid",
        [CF_E_TOO_DEEP] = "invalid",
        [CF_E_TOO_MANY] = "invalid",
        [CF_E_INVALID] = "invalid",
        [CF_E_TOO_LARGE] = "too_long",
        [CF_E_NOT_MEMBER] = "not_participant",
        [CF_E_NOT_FOUND] = "not_participant",
        [CF_E_FORBIDDEN] = "not_participant",
        [CF_E_CONFLICT] = "conflict",
        [CF_E_RATE] = "rate_limited",
        [CF_E_NOMEM] = "unavailable",
        [CF_E_IO] = "unavailable",
        [CF_E_UNAVAILABLE] = "unavailable",
        [CF_E_STATE] = "unavailable",
    };
    char wanted[256];
    for (size_t i = 0; i < CF_ARRAY_LEN(codes); i++) {
        if (codes[i] == NULL)
            continue;
        enum cf_error error = (enum cf_error)i;
        assert_string_equal(cf_talk_code(error), codes[i]);
        assert_int_equal(cf_talk_ack_refused(error, "Why \"so\".", 0, &out), CF_OK);
        snprintf(wanted, sizeof(wanted),
                 "[{\"success\":false,\"error\":\"%s\",\"message\":\"Why \\\"so\\\".\"}]",
                 codes[i]);
        assert_written(&out, wanted);
        assert_int_equal(cf_talk_sent_packet(CF_LIT(CLIENT_ID), NULL, error, &out), CF_OK);
        snprintf(wanted, sizeof(wanted),
                 "2[\"message:ack\",{\"clientMessageId\":\"" CLIENT_ID "\",\"success\":false,"
                 "\"error\":\"%s\"}]",
                 codes[i]);
        assert_written(&out, wanted);
        assert_true(strlen(cf_talk_text(error)) > 0);
    }
}

static void who_sends_too_much_is_told_when_to_go_on(void **state)
{
    (void)state;
    assert_int_equal(cf_talk_ack_refused(CF_E_RATE, cf_talk_text(CF_E_RATE), 100, &out), CF_OK);
    assert_written(&out, "[{\"success\":false,\"error\":\"rate_limited\","
                         "\"message\":\"Too many messages. Wait before the next.\","
                         "\"retryAfterMs\":100}]");
}

static void no_room_is_an_error(void **state)
{
    (void)state;
    struct cf_talk_message message = sample_message();
    struct cf_talk_mark mark = sample_mark(CF_MARK_READ);
    struct cf_talk_present present;
    for (size_t max = 0; max < 17; max++) {
        struct cf_buf little;
        cf_buf_init(&little, max);
        assert_int_equal(cf_talk_message_packet(&message, &little), CF_E_TOO_LARGE);
        cf_buf_reset(&little);
        assert_int_equal(cf_talk_mark_packet(&mark, &little), CF_E_TOO_LARGE);
        cf_buf_reset(&little);
        assert_int_equal(cf_talk_ack_sent(&message, &little), CF_E_TOO_LARGE);
        cf_buf_reset(&little);
        assert_int_equal(cf_talk_ack_done(&little), CF_E_TOO_LARGE);
        cf_buf_reset(&little);
        assert_int_equal(cf_talk_sent_packet(CF_LIT("x"), NULL, CF_E_IO, &little), CF_E_TOO_LARGE);
        cf_buf_reset(&little);
        if (cf_talk_present_begin(&present, 3, false, &little) == CF_OK)
            assert_int_equal(cf_talk_present_end(&present), CF_E_TOO_LARGE);
        cf_buf_deinit(&little);
    }
}

#define TELLING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TELLING(a_message_carries_its_offset),
        TELLING(a_mark_carries_its_own_number),
        TELLING(who_comes_goes_and_types),
        TELLING(the_rest_is_not_told_on_sockets),
        TELLING(presence_as_event_and_as_ack),
        TELLING(an_ack_is_appended),
        TELLING(what_was_sent_is_acked),
        TELLING(every_refusal_has_a_code),
        TELLING(who_sends_too_much_is_told_when_to_go_on),
        TELLING(no_room_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
