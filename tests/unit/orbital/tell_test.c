/* What the server says, byte by byte in the shapes of seed 004. */
#include "dialect/orbital/tell.h"

#include "unit/orbital/support.h"

#define END ",\"server_timestamp\":" STAMP "}"
#define FRAME(type, data) "{\"type\":\"" type "\",\"data\":" data END

static struct cf_buf out;

static int set_up(void **state)
{
    (void)state;
    cf_buf_init(&out, 4096);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cf_buf_deinit(&out);
    return 0;
}

static const struct {
    enum cf_group_event_kind kind;
    const char *frame, *data, *stamped;
} events[] = {
    {CF_GROUP_MESSAGE, FRAME("new_message", MESSAGE_DATA), MESSAGE_DATA, MESSAGE_DATA},
    {CF_GROUP_THREAD, FRAME("new_thread", THREAD_OPEN "}"), THREAD_OPEN "}", THREAD_OPEN END},
    {CF_GROUP_REPLY, FRAME("new_reply", REPLY_OPEN "}"), REPLY_OPEN "}", REPLY_OPEN END},
    {CF_GROUP_MEDIA, FRAME("media_uploaded", MEDIA_OPEN "}"), MEDIA_OPEN "}", MEDIA_OPEN END},
    {CF_GROUP_JOINED, FRAME("member_joined", JOINED_OPEN "}"), JOINED_OPEN "}", JOINED_OPEN END},
    {CF_GROUP_LEFT, FRAME("member_left", LEFT_OPEN "}"), LEFT_OPEN "}", LEFT_OPEN END},
};

static void every_event_in_the_seeds_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(events); i++) {
        struct cf_group_event event = sample_event(events[i].kind);
        assert_int_equal(cf_orbital_event(&event, &out), CF_OK);
        assert_written(&out, events[i].frame);
    }
}

static void events_as_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(events); i++) {
        struct cf_group_event event = sample_event(events[i].kind);
        struct cf_json_writer w;
        cf_json_writer_init(&w, &out);
        cf_json_array_begin(&w);
        cf_orbital_write_event(&w, &event);
        cf_json_array_end(&w);
        assert_int_equal(cf_json_writer_finish(&w), CF_OK);
        assert_true(cf_slice_starts(cf_buf_peek(&out), CF_LIT("[{\"type\":")));
        cf_buf_reset(&out);

        cf_json_writer_init(&w, &out);
        cf_orbital_write_data(&w, &event);
        assert_int_equal(cf_json_writer_finish(&w), CF_OK);
        assert_written(&out, events[i].data);

        cf_json_writer_init(&w, &out);
        cf_orbital_write_stamped(&w, &event);
        assert_int_equal(cf_json_writer_finish(&w), CF_OK);
        assert_written(&out, events[i].stamped);
    }
}

static void the_beginning_of_a_connection(void **state)
{
    (void)state;
    assert_int_equal(
        cf_orbital_auth_success(CF_LIT("7"), CF_LIT("Ann"), START_US + 123456, STAMP_MS, &out),
        CF_OK);
    assert_written(&out,
                   FRAME("auth_success", "{\"user_id\":\"7\",\"username\":\"Ann\","
                                         "\"connected_at\":\"2026-01-03T15:30:00.123456Z\"}"));
}

static void subscriptions_are_confirmed(void **state)
{
    (void)state;
    static const struct cf_slice groups[] = {CF_LIT(GROUP), CF_LIT("0189ABCD-EF01")};
    assert_int_equal(cf_orbital_subscribed(groups, 2, START_US, STAMP_MS, &out), CF_OK);
    assert_written(&out, FRAME("subscribed", "{\"group_ids\":[\"" GROUP "\",\"0189ABCD-EF01\"],"
                                             "\"subscribed_at\":\"" STAMP_TIME "\"}"));
    assert_int_equal(cf_orbital_subscribed(NULL, 0, START_US, STAMP_MS, &out), CF_OK);
    assert_written(&out,
                   FRAME("subscribed", "{\"group_ids\":[],\"subscribed_at\":\"" STAMP_TIME "\"}"));
}

/* Milliseconds, cut; and a stamp of its own. */
static void pings_and_pongs(void **state)
{
    (void)state;
    assert_int_equal(cf_orbital_ping(START_US + 1999, 5, &out), CF_OK);
    assert_written(&out, "{\"type\":\"ping\",\"data\":{\"server_time\":1767454200001},"
                         "\"server_timestamp\":5}");
    assert_int_equal(cf_orbital_pong(START_US, 0, &out), CF_OK);
    assert_written(&out, "{\"type\":\"pong\",\"data\":{\"server_time\":1767454200000},"
                         "\"server_timestamp\":0}");
}

static void who_types(void **state)
{
    (void)state;
    assert_int_equal(
        cf_orbital_typing(uuid_of(THREAD), CF_LIT("7"), CF_LIT("A\n"), true, STAMP_MS, &out),
        CF_OK);
    assert_written(&out,
                   FRAME("typing_indicator", "{\"thread_id\":\"" THREAD "\",\"user_id\":\"7\","
                                             "\"username\":\"A\\n\",\"is_typing\":true}"));
    assert_int_equal(
        cf_orbital_typing(uuid_of(THREAD), CF_LIT("7"), CF_LIT("A"), false, STAMP_MS, &out), CF_OK);
    assert_written(&out,
                   FRAME("typing_indicator", "{\"thread_id\":\"" THREAD "\",\"user_id\":\"7\","
                                             "\"username\":\"A\",\"is_typing\":false}"));
}

static void errors_name_their_groups(void **state)
{
    (void)state;
    static const struct cf_slice groups[] = {CF_LIT("\"x"), CF_LIT(GROUP)};
    assert_int_equal(cf_orbital_error("not_member", "No.", groups, 2, STAMP_MS, &out), CF_OK);
    assert_written(&out, FRAME("error", "{\"code\":\"not_member\",\"message\":\"No.\","
                                        "\"group_ids\":[\"\\\"x\",\"" GROUP "\"]}"));
    assert_int_equal(cf_orbital_error("bad_json", "No.", NULL, 0, STAMP_MS, &out), CF_OK);
    assert_written(&out, FRAME("error", "{\"code\":\"bad_json\",\"message\":\"No.\"}"));
}

/* Full and one byte short, for each kind of frame. */
static void a_buffer_that_is_too_small(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(events); i++) {
        struct cf_group_event event = sample_event(events[i].kind);
        size_t len = strlen(events[i].frame);
        for (size_t max = len - 1; max <= len; max++) {
            struct cf_buf small;
            cf_buf_init(&small, max);
            assert_int_equal(cf_orbital_event(&event, &small), max == len ? CF_OK : CF_E_TOO_LARGE);
            cf_buf_deinit(&small);
        }
    }
}

/* 256 KiB, as it is relayed. */
static void the_largest_envelope(void **state)
{
    (void)state;
    char *text = repeated("", "AAAA", 349528 / 4, "");
    struct cf_group_event event = sample_event(CF_GROUP_MESSAGE);
    struct cf_buf large;
    event.text = cf_slice_cstr(text);
    cf_buf_init(&large, 400000);
    assert_int_equal(cf_orbital_event(&event, &large), CF_OK);
    assert_int_equal(large.len, strlen(events[0].frame) - 8 + 349528);
    cf_buf_deinit(&large);
    free(text);
}

#define WRITTEN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITTEN(every_event_in_the_seeds_shape),
        WRITTEN(events_as_values),
        WRITTEN(the_beginning_of_a_connection),
        WRITTEN(subscriptions_are_confirmed),
        WRITTEN(pings_and_pongs),
        WRITTEN(who_types),
        WRITTEN(errors_name_their_groups),
        WRITTEN(a_buffer_that_is_too_small),
        WRITTEN(the_largest_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
