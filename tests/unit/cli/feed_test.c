/* What a follower shows: each version of each message once, however often and in whatever order
 * they come. */
#include "cli/feed.h"

#include "unit/base/support.h"

#include <stdio.h>

static const uint8_t hash_key[16] = "feed_test.c hash";

#define NEW_YEAR "2026-01-01T00:00:00.000000Z"

static struct cf_feed feed;

static int setup(void **state)
{
    (void)state;
    cf_feed_init(&feed, hash_key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cf_feed_deinit(&feed);
    return 0;
}

/* Is it to be shown? */
static bool take(const char *json)
{
    bool fresh = false;
    assert_int_equal(cf_feed_take(&feed, cf_slice_cstr(json), &fresh), CF_OK);
    return fresh;
}

static bool take_message(size_t number, const char *created, const char *updated)
{
    char json[512];
    bool edited = *updated != '\0';
    (void)snprintf(json, sizeof(json),
                   "{\"id\":\"%036zu\",\"message\":\"\\\"id\\\":\",\"created_at\":\"%s\","
                   "\"updated_at\":%s%s%s,\"is_edited\":%s}",
                   number, created, edited ? "\"" : "", edited ? updated : "null",
                   edited ? "\"" : "", edited ? "true" : "false");
    return take(json);
}

static void assert_cursor(const char *time)
{
    assert_true(feed.has_cursor);
    assert_memory_equal(feed.cursor, time, CF_TIME_LEN);
}

static void a_message_is_shown_once(void **state)
{
    (void)state;
    assert_true(take_message(1, NEW_YEAR, ""));
    assert_false(take_message(1, NEW_YEAR, ""));
    assert_true(take_message(2, NEW_YEAR, ""));
    assert_false(take_message(1, NEW_YEAR, ""));
    assert_true(take("{\"id\":\"m\",\"created_at\":\"" NEW_YEAR "\"}")); /* never edited */
    assert_false(take("{\"updated_at\":null,\"created_at\":\"" NEW_YEAR "\",\"id\":\"\\u006d\"}"));
}

static void each_version_is_shown_once_and_none_that_is_older(void **state)
{
    (void)state;
    assert_true(take_message(1, NEW_YEAR, ""));
    assert_true(take_message(1, NEW_YEAR, "2026-01-01T00:00:05Z"));
    assert_false(take_message(1, NEW_YEAR, "2026-01-01T00:00:05.000000Z"));
    assert_false(take_message(1, NEW_YEAR, "2026-01-01T01:00:05+01:00"));
    assert_false(take_message(1, NEW_YEAR, "2026-01-01T00:00:04.999999Z"));
    assert_false(take_message(1, NEW_YEAR, ""));
    assert_true(take_message(1, NEW_YEAR, "2026-01-01T00:00:05.000001Z"));
    assert_true(take_message(2, NEW_YEAR, "2026-01-01T00:00:05Z")); /* first seen when edited */
    assert_false(take_message(2, NEW_YEAR, ""));
}

static void the_cursor_is_the_newest_creation(void **state)
{
    (void)state;
    assert_false(feed.has_cursor);
    assert_true(take_message(1, "2026-01-01T00:00:05Z", ""));
    assert_cursor("2026-01-01T00:00:05.000000Z");
    assert_true(take_message(2, "2026-01-01T00:00:04.5Z", "2026-02-01T00:00:00Z"));
    assert_cursor("2026-01-01T00:00:05.000000Z");
    assert_true(take_message(3, "2026-01-01T01:00:05.000001+01:00", ""));
    assert_cursor("2026-01-01T00:00:05.000001Z");
    assert_false(take_message(1, "2026-01-01T00:00:06Z", ""));
    assert_cursor("2026-01-01T00:00:06.000000Z");
}

static void a_thousand_messages_are_remembered(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_FEED_SEEN; i++)
        assert_true(take_message(i, NEW_YEAR, ""));
    for (size_t i = 0; i < CF_FEED_SEEN; i++)
        assert_false(take_message(i, NEW_YEAR, ""));
    assert_true(take_message(CF_FEED_SEEN, NEW_YEAR, "")); /* the oldest one gives way */
    for (size_t i = 1; i <= CF_FEED_SEEN; i++)
        assert_false(take_message(i, NEW_YEAR, ""));
    assert_int_equal(feed.seen.count, CF_FEED_SEEN);
    assert_true(take_message(0, NEW_YEAR, ""));
    assert_true(take_message(1, NEW_YEAR, ""));
    assert_false(take_message(3, NEW_YEAR, ""));
    for (size_t i = 0; i < 3 * CF_FEED_SEEN; i++)
        assert_true(take_message(10000 + i, NEW_YEAR, ""));
    assert_int_equal(feed.seen.count, CF_FEED_SEEN);
}

static void what_is_no_message_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum cf_error error;
    } cases[] = {
        {"", CF_E_TRUNCATED},
        {"{", CF_E_TRUNCATED},
        {"x", CF_E_SYNTAX},
        {"[]", CF_E_INVALID},
        {"{}", CF_E_INVALID},
        {"{\"id\":\"a\"}", CF_E_INVALID},
        {"{\"created_at\":\"" NEW_YEAR "\"}", CF_E_INVALID},
        {"{\"id\":7,\"created_at\":\"" NEW_YEAR "\"}", CF_E_INVALID},
        {"{\"id\":\"\",\"created_at\":\"" NEW_YEAR "\"}", CF_E_INVALID},
        {"{\"id\":\"0123456789012345678901234567890123456\",\"created_at\":\"" NEW_YEAR "\"}",
         CF_E_INVALID},
        {"{\"id\":\"a\",\"created_at\":\"yesterday\"}", CF_E_SYNTAX},
        {"{\"id\":\"a\",\"created_at\":\"" NEW_YEAR "\",\"updated_at\":\"\"}", CF_E_SYNTAX},
        {"{\"id\":\"a\",\"created_at\":\"" NEW_YEAR "\",\"updated_at\":0}", CF_E_INVALID},
        {"{\"id\":\"a\",\"id\":\"b\",\"created_at\":\"" NEW_YEAR "\"}", CF_E_DUPLICATE},
        {"{\"id\":\"a\",\"created_at\":\"" NEW_YEAR "\"} x", CF_E_SYNTAX},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        bool fresh = true;
        assert_int_equal(cf_feed_take(&feed, cf_slice_cstr(cases[i].json), &fresh), cases[i].error);
        assert_false(feed.has_cursor);
        assert_int_equal(feed.seen.count, 0);
    }
}

/* ---- lists ---- */

struct visits {
    size_t count, stop_at;
    char texts[8][128];
};

static enum cf_error visit(void *context, struct cf_slice message)
{
    struct visits *visits = context;
    assert_true(visits->count < CF_ARRAY_LEN(visits->texts));
    (void)snprintf(visits->texts[visits->count], sizeof(visits->texts[0]), "%.*s", (int)message.len,
                   (const char *)message.ptr);
    visits->count++;
    return visits->count == visits->stop_at ? CF_E_NOMEM : CF_OK;
}

static enum cf_error visit_all(const char *json, struct visits *visits, bool *out_more)
{
    struct cf_feed_list list;
    enum cf_error error = cf_feed_list_init(&list, cf_slice_cstr(json), hash_key);
    if (error == CF_OK) {
        *out_more = list.has_more;
        error = cf_feed_list_each(&list, hash_key, visit, visits);
    }
    cf_feed_list_deinit(&list);
    return error;
}

static void a_list_gives_its_messages(void **state)
{
    (void)state;
    struct visits visits = {.count = 0};
    bool more = false;
    assert_int_equal(visit_all("{\"total\":3,\"messages\": [ {\"id\":\"a\"} ,"
                               "{\"b\":{\"c\":[{}],\"}\":\"]}{\"}}\n,\t{}],\"has_more\":true}",
                               &visits, &more),
                     CF_OK);
    assert_true(more);
    assert_int_equal(visits.count, 3);
    assert_string_equal(visits.texts[0], "{\"id\":\"a\"}");
    assert_string_equal(visits.texts[1], "{\"b\":{\"c\":[{}],\"}\":\"]}{\"}}");
    assert_string_equal(visits.texts[2], "{}");

    visits = (struct visits){.count = 0};
    assert_int_equal(visit_all("{\"messages\":[],\"has_more\":false}", &visits, &more), CF_OK);
    assert_false(more);
    assert_int_equal(visits.count, 0);
}

static void an_error_of_the_visitor_ends_the_visit(void **state)
{
    (void)state;
    struct visits visits = {.stop_at = 2};
    bool more;
    assert_int_equal(visit_all("{\"messages\":[{},{},{}],\"has_more\":false}", &visits, &more),
                     CF_E_NOMEM);
    assert_int_equal(visits.count, 2);
}

static void what_is_no_list_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum cf_error error;
    } cases[] = {
        {"{\"messages\":[{}", CF_E_TRUNCATED},
        {"{\"messages\":[{]}", CF_E_SYNTAX},
        {"{\"messages\":{},\"has_more\":false}", CF_E_INVALID},
        {"{\"messages\":[]}", CF_E_INVALID},
        {"{\"has_more\":true}", CF_E_INVALID},
        {"{\"messages\":[],\"has_more\":\"no\"}", CF_E_INVALID},
        {"[{}]", CF_E_INVALID},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct visits visits = {.count = 0};
        bool more;
        assert_int_equal(visit_all(cases[i].json, &visits, &more), cases[i].error);
        assert_int_equal(visits.count, 0);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_message_is_shown_once),
        CASE(each_version_is_shown_once_and_none_that_is_older),
        CASE(the_cursor_is_the_newest_creation),
        CASE(a_thousand_messages_are_remembered),
        CASE(what_is_no_message_changes_nothing),
        cmocka_unit_test(a_list_gives_its_messages),
        cmocka_unit_test(an_error_of_the_visitor_ends_the_visit),
        cmocka_unit_test(what_is_no_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
