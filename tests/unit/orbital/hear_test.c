/* What clients say: each type as it should be, and with data that are missing, wrong or too many.
 */
#include "dialect/orbital/hear.h"

#include <stdio.h>

#include "unit/orbital/support.h"

#define DATA_RULE "data must be an object."
#define GROUPS_RULE "data.group_ids must be an array of the ids of groups, each a string."
#define COUNT_RULE \
    "data.group_ids has more than 1,000 ids. Send several messages of at most 1,000 each."
#define TYPING_RULE "data must have the thread_id, a UUID, and is_typing, true or false."
#define SIZE_RULE "A message may have at most 65,536 bytes. Send several."

static struct cf_arena arena;
static struct cf_orbital_heard heard;

static int set_up(void **state)
{
    (void)state;
    cf_arena_init(&arena, 256 * 1024);
    memset(&heard, 0xFF, sizeof(heard));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cf_arena_deinit(&arena);
    return 0;
}

static void hear(struct cf_slice text, enum cf_orbital_verb wanted)
{
    cf_arena_deinit(&arena);
    assert_int_equal(cf_orbital_hear(text, hash_key, &arena, &heard), CF_OK);
    if (heard.verb != wanted)
        print_error("of %.*s\n", (int)text.len, (const char *)text.ptr);
    assert_int_equal(heard.verb, wanted);
    assert_true((heard.rule != NULL) == (wanted == CF_ORBITAL_INVALID));
}

static void assert_heard(const char *text, enum cf_orbital_verb wanted)
{
    hear(cf_slice_cstr(text), wanted);
}

static void assert_invalid(const char *text, const char *rule)
{
    assert_heard(text, CF_ORBITAL_INVALID);
    assert_string_equal(heard.rule, rule);
    assert_int_equal(heard.groups_count, 0);
}

/* ---- frames ---- */

static void what_is_no_object_with_a_type_is_bad_json(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "ping",
        "\"ping\"",
        "7",
        "null",
        "[]",
        "[{\"type\":\"ping\"}]",
        "{}",
        "{\"type\":null}",
        "{\"type\":7}",
        "{\"type\":[\"ping\"]}",
        "{\"data\":{}}",
        "{\"type\":\"ping\"",
        "{\"type\":\"ping\"}x",
        "{\"type\":\"ping\",}",
        "{'type':'ping'}",
        "{\"type\":\"ping\",\"type\":\"ping\"}",
        "{\"type\":\"ping\",\"t\":1,\"t\":2}",
        "{\"type\":\"ping\",\"data\":{\"a\":1,\"a\":2}}",
        "{\"type\":\"ping\",\"data\":{\"x\":{\"a\":1,\"\\u0061\":2}}}",
        "{\"type\":\"ping\",\"x\":\"\xFF\"}",
        "{\"type\":\"ping\",\"x\":\"\\ud800\"}",
        "{\"type\":\"ping\",\"x\":012}",
        "{\"type\":\"ping\",\"x\":123456789012345678901234567890123}",
        "\xEF\xBB\xBF{\"type\":\"ping\"}",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++)
        assert_heard(bad[i], CF_ORBITAL_BAD_JSON);
    hear(CF_LIT("{\"type\":\"ping\"}\0"), CF_ORBITAL_BAD_JSON);
}

static void types_that_are_not_ours(void **state)
{
    (void)state;
    static const char *const types[] = {
        "",
        "Ping",
        "ping ",
        "subscribed",
        "auth_success",
        "new_message",
        "subscribe\\u0000",
        "error",
        "typing",
        "unsubscribed",
    };
    char text[100];
    for (size_t i = 0; i < CF_ARRAY_LEN(types); i++) {
        snprintf(text, sizeof(text), "{\"type\":\"%s\",\"data\":{\"group_ids\":[]}}", types[i]);
        assert_heard(text, CF_ORBITAL_UNKNOWN);
        snprintf(text, sizeof(text), "{\"type\":\"%s\",\"data\":7}", types[i]);
        assert_heard(text, CF_ORBITAL_UNKNOWN);
    }
}

static void at_most_32_levels(void **state)
{
    (void)state;
    for (size_t depth = 31; depth <= 33; depth++) {
        char *open = repeated("{\"type\":\"ping\",\"x\":", "[", depth - 1, "");
        char *text = repeated(open, "]", depth - 1, "}");
        assert_heard(text, depth <= 32 ? CF_ORBITAL_PING : CF_ORBITAL_BAD_JSON);
        free(open);
        free(text);
    }
}

static void at_most_64_kib(void **state)
{
    (void)state;
    static const char head[] = "{\"type\":\"ping\"}";
    for (size_t len = 65535; len <= 65537; len++) {
        char *text = repeated(head, " ", len - (sizeof(head) - 1), "");
        if (len <= 65536)
            assert_heard(text, CF_ORBITAL_PING);
        else
            assert_invalid(text, SIZE_RULE);
        free(text);
    }
}

/* ---- heartbeat ---- */

static void pings_and_pongs_need_no_data(void **state)
{
    (void)state;
    assert_heard("{\"type\":\"ping\"}", CF_ORBITAL_PING);
    assert_heard("{\"type\":\"pong\"}", CF_ORBITAL_PONG);
    assert_heard(" { \"data\" : null , \"type\" : \"\\u0070ong\" } ", CF_ORBITAL_PONG);
    assert_heard("{\"type\":\"pong\",\"data\":[]}", CF_ORBITAL_PONG);
    /* as the seed's manager sends it */
    assert_heard("{\"type\":\"pong\",\"data\":{\"client_time\":1699123456789},"
                 "\"timestamp\":1699123456789}",
                 CF_ORBITAL_PONG);
}

/* ---- groups ---- */

static void groups_are_named_as_they_were_sent(void **state)
{
    (void)state;
    assert_heard("{\"type\":\"subscribe\",\"data\":{\"group_ids\":[\"" GROUP "\",\"\",\"\\u00e9\","
                 "\"" GROUP "\"],\"more\":[[{}]]},\"timestamp\":1}",
                 CF_ORBITAL_SUBSCRIBE);
    assert_int_equal(heard.groups_count, 4);
    assert_slice_equal(heard.groups[0], GROUP);
    assert_int_equal(heard.groups[1].len, 0);
    assert_slice_equal(heard.groups[2], "\xC3\xA9");
    assert_slice_equal(heard.groups[3], GROUP);

    assert_heard("{\"data\":{\"group_ids\":[ \"a\" ]},\"type\":\"unsubscribe\"}",
                 CF_ORBITAL_UNSUBSCRIBE);
    assert_int_equal(heard.groups_count, 1);
    assert_slice_equal(heard.groups[0], "a");

    assert_heard("{\"type\":\"subscribe\",\"data\":{\"group_ids\":[]}}", CF_ORBITAL_SUBSCRIBE);
    assert_int_equal(heard.groups_count, 0);
}

static void the_ids_outlive_the_frame(void **state)
{
    (void)state;
    char text[] = "{\"type\":\"subscribe\",\"data\":{\"group_ids\":[\"abc\"]}}";
    assert_heard(text, CF_ORBITAL_SUBSCRIBE);
    memset(text, '-', sizeof(text) - 1);
    assert_slice_equal(heard.groups[0], "abc");
}

static void groups_are_an_array_of_strings(void **state)
{
    (void)state;
    static const struct {
        const char *data, *rule;
    } cases[] = {
        {"null", DATA_RULE},
        {"7", DATA_RULE},
        {"[]", DATA_RULE},
        {"[\"" GROUP "\"]", DATA_RULE},
        {"\"" GROUP "\"", DATA_RULE},
        {"{}", GROUPS_RULE},
        {"{\"group_id\":\"" GROUP "\"}", GROUPS_RULE},
        {"{\"group_ids\":null}", GROUPS_RULE},
        {"{\"group_ids\":\"" GROUP "\"}", GROUPS_RULE},
        {"{\"group_ids\":{\"0\":\"" GROUP "\"}}", GROUPS_RULE},
        {"{\"group_ids\":[7]}", GROUPS_RULE},
        {"{\"group_ids\":[null]}", GROUPS_RULE},
        {"{\"group_ids\":[true]}", GROUPS_RULE},
        {"{\"group_ids\":[[\"" GROUP "\"]]}", GROUPS_RULE},
        {"{\"group_ids\":[{}]}", GROUPS_RULE},
        {"{\"group_ids\":[\"" GROUP "\",7]}", GROUPS_RULE},
    };
    static const char *const types[] = {"subscribe", "unsubscribe"};
    char text[200];
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(types); j++) {
            snprintf(text, sizeof(text), "{\"type\":\"%s\",\"data\":%s}", types[j], cases[i].data);
            assert_invalid(text, cases[i].rule);
        }
    }
    assert_invalid("{\"type\":\"subscribe\"}", DATA_RULE);
    assert_invalid("{\"type\":\"unsubscribe\"}", DATA_RULE);
}

static void at_most_1000_groups(void **state)
{
    (void)state;
    for (size_t count = 999; count <= 1001; count++) {
        char *text = repeated("{\"type\":\"subscribe\",\"data\":{\"group_ids\":[\"" GROUP "\"",
                              ",\"" GROUP "\"", count - 1, "]}}");
        if (count <= 1000) {
            assert_heard(text, CF_ORBITAL_SUBSCRIBE);
            assert_int_equal(heard.groups_count, count);
            assert_slice_equal(heard.groups[count - 1], GROUP);
        } else {
            assert_invalid(text, COUNT_RULE);
        }
        free(text);
    }
}

/* ---- typing ---- */

static void who_types_where(void **state)
{
    (void)state;
    struct cf_uuid thread = uuid_of(THREAD);
    assert_heard("{\"type\":\"typing_indicator\",\"data\":{\"thread_id\":\"" THREAD "\","
                 "\"user_id\":\"somebody else\",\"is_typing\":true}}",
                 CF_ORBITAL_TYPING);
    assert_true(heard.typing && cf_uuid_eq(&heard.thread, &thread));
    assert_heard("{\"type\":\"typing_indicator\",\"data\":{\"is_typing\":false,"
                 "\"thread_id\":\"0189ABCD-EF01-7ABC-9DEF-000000000002\"}}",
                 CF_ORBITAL_TYPING);
    assert_true(!heard.typing && cf_uuid_eq(&heard.thread, &thread));
}

static void typing_needs_a_thread_and_a_boolean(void **state)
{
    (void)state;
    static const char *const data[] = {
        "{}",
        "{\"is_typing\":true}",
        "{\"thread_id\":\"" THREAD "\"}",
        "{\"thread_id\":\"\",\"is_typing\":true}",
        "{\"thread_id\":\"thread\",\"is_typing\":true}",
        "{\"thread_id\":\"" THREAD "0\",\"is_typing\":true}",
        "{\"thread_id\":7,\"is_typing\":true}",
        "{\"thread_id\":null,\"is_typing\":true}",
        "{\"thread_id\":\"" THREAD "\",\"is_typing\":1}",
        "{\"thread_id\":\"" THREAD "\",\"is_typing\":\"true\"}",
        "{\"thread_id\":\"" THREAD "\",\"is_typing\":null}",
    };
    char text[200];
    for (size_t i = 0; i < CF_ARRAY_LEN(data); i++) {
        snprintf(text, sizeof(text), "{\"type\":\"typing_indicator\",\"data\":%s}", data[i]);
        assert_invalid(text, TYPING_RULE);
    }
    assert_invalid("{\"type\":\"typing_indicator\"}", DATA_RULE);
}

/* ---- memory ---- */

/* An arena that gets full on the way, wherever that is. */
static void no_memory_is_told(void **state)
{
    (void)state;
    static const char text[] =
        "{\"type\":\"subscribe\",\"data\":{\"group_ids\":[\"" GROUP "\",\"" GROUP "\"]}}";
    unsigned refused = 0;
    for (size_t max = 0; max < 20000; max += 16) {
        struct cf_arena small;
        cf_arena_init(&small, max);
        enum cf_error error = cf_orbital_hear(cf_slice_cstr(text), hash_key, &small, &heard);
        assert_true(error == CF_E_NOMEM || (error == CF_OK && heard.verb == CF_ORBITAL_SUBSCRIBE));
        refused += error == CF_E_NOMEM;
        cf_arena_deinit(&small);
    }
    assert_true(refused > 1000 && refused < 1250);
}

#define HEARD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEARD(what_is_no_object_with_a_type_is_bad_json),
        HEARD(types_that_are_not_ours),
        HEARD(at_most_32_levels),
        HEARD(at_most_64_kib),
        HEARD(pings_and_pongs_need_no_data),
        HEARD(groups_are_named_as_they_were_sent),
        HEARD(the_ids_outlive_the_frame),
        HEARD(groups_are_an_array_of_strings),
        HEARD(at_most_1000_groups),
        HEARD(who_types_where),
        HEARD(typing_needs_a_thread_and_a_boolean),
        HEARD(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
