/* What clients say: each event as it should be, and with arguments that are missing, wrong or too
 * many. */
#include "dialect/talk/hear.h"

#include <limits.h>
#include <stdio.h>

#include "unit/talk/support.h"

#define TALK_RULE "The conversation's id must be a whole number from 1."
#define MESSAGE_RULE "The message's id must be a whole number from 1."
#define TEXT_RULE "text must be 1 to 1,000 characters, without NUL."
#define CLIENT_ID_RULE "clientMessageId must be a UUID."
#define OBJECT_RULE "The second argument must be an object with text and clientMessageId."

static struct cf_arena arena;
static struct cf_talk_heard heard;
static const char *why;

static int set_up(void **state)
{
    (void)state;
    cf_arena_init(&arena, 65536);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cf_arena_deinit(&arena);
    return 0;
}

static enum cf_error hear(const char *json)
{
    struct cf_sio_args args;
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    why = NULL;
    assert_int_equal(
        cf_sio_args_read(cf_slice_cstr(json), UINT_MAX, &limits, hash_key, &arena, &args), CF_OK);
    return cf_talk_hear(&args, &limits, hash_key, &arena, &heard, &why);
}

static void assert_refused(const char *json, enum cf_talk_verb verb, const char *wanted)
{
    assert_int_equal(hear(json), CF_E_INVALID);
    assert_int_equal(heard.verb, verb);
    assert_string_equal(why, wanted);
}

/* ---- those with an id alone ---- */

static const struct {
    const char *name;
    enum cf_talk_verb verb;
    const char *rule;
} plain[] = {
    {"conversation:join", CF_TALK_JOIN, TALK_RULE},
    {"conversation:leave", CF_TALK_LEAVE, TALK_RULE},
    {"typing:start", CF_TALK_TYPING_ON, TALK_RULE},
    {"typing:stop", CF_TALK_TYPING_OFF, TALK_RULE},
    {"message:delivered", CF_TALK_DELIVERED, MESSAGE_RULE},
    {"message:read", CF_TALK_READ, MESSAGE_RULE},
};

static void ids_are_numbers_or_their_digits(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        int64_t id;
    } cases[] = {
        {"1", 1},
        {"\"1\"", 1},
        {"9007199254740991", 9007199254740991},
        {"\"9223372036854775807\"", INT64_MAX},
        {"9223372036854775807", INT64_MAX},
        {"3,{},null,\"more\"", 3},
        {"3,1,2,3,4,5,6,7,8,9,10", 3},
    };
    char json[128];
    for (size_t i = 0; i < CF_ARRAY_LEN(plain); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(cases); j++) {
            snprintf(json, sizeof(json), "[\"%s\",%s]", plain[i].name, cases[j].args);
            assert_int_equal(hear(json), CF_OK);
            assert_int_equal(heard.verb, plain[i].verb);
            assert_int_equal(heard.id, cases[j].id);
            assert_null(heard.text.ptr);
            assert_null(heard.client_id.ptr);
        }
    }
}

static void other_ids_are_refused(void **state)
{
    (void)state;
    static const char *const args[] = {
        "",
        ",0",
        ",-1",
        ",\"0\"",
        ",\"-1\"",
        ",1.0",
        ",1e2",
        ",1.5",
        ",\"01\"",
        ",\"\"",
        ",\" 1\"",
        ",\"1 \"",
        ",\"+1\"",
        ",\"one\"",
        ",\"1\\u0000\"",
        ",null",
        ",true",
        ",false",
        ",{}",
        ",{\"id\":1}",
        ",[1]",
        ",[]",
        ",-9223372036854775808",
        ",9223372036854775808",
        ",99999999999999999999999999",
        ",\"9223372036854775808\"",
        ",null,1",
    };
    char json[128];
    for (size_t i = 0; i < CF_ARRAY_LEN(plain); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(args); j++) {
            snprintf(json, sizeof(json), "[\"%s\"%s]", plain[i].name, args[j]);
            assert_refused(json, plain[i].verb, plain[i].rule);
        }
    }
}

static void other_events_are_not_ours(void **state)
{
    (void)state;
    static const char *const events[] = {
        "[\"\"]",
        "[\"message\"]",
        "[\"message:\",1]",
        "[\"message:sent\",1]",
        "[\"Message:Send\"]",
        "[\"message:send \",1]",
        "[\"message:new\",{}]",
        "[\"typing:start\\u0000\",1]",
        "[\"connect\"]",
        "[\"x\",{\"a\":[1,2]},null]",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(events); i++) {
        assert_int_equal(hear(events[i]), CF_OK);
        assert_int_equal(heard.verb, CF_TALK_UNKNOWN);
        assert_int_equal(heard.id, 0);
        assert_null(why);
    }
}

/* ---- message:send ---- */

static void a_message_is_heard(void **state)
{
    (void)state;
    assert_int_equal(
        hear("[\"message:send\",3,{\"text\":\"h\\u00e9 <b>\",\"clientMessageId\":\"" CLIENT_ID
             "\"}]"),
        CF_OK);
    assert_int_equal(heard.verb, CF_TALK_SAY);
    assert_int_equal(heard.id, 3);
    assert_slice_equal(heard.text, "h\xC3\xA9 <b>");
    assert_slice_equal(heard.client_id, CLIENT_ID);
    /* more of everything; rules of content are not applied here */
    assert_int_equal(hear("[ \"message:send\" , \"3\" , {\"x\":{\"text\":1},\"clientMessageId\":"
                          "\"any\",\"__proto__\":[],\"text\":\"\"} , null, 5]"),
                     CF_OK);
    assert_int_equal(heard.id, 3);
    assert_int_equal(heard.text.len, 0);
    assert_slice_equal(heard.client_id, "any");
}

static void a_message_without_its_object(void **state)
{
    (void)state;
    static const char *const args[] = {"", ",null", ",\"hello\"", ",7", ",true", ",[]", ",[{}]"};
    char json[128];
    for (size_t i = 0; i < CF_ARRAY_LEN(args); i++) {
        snprintf(json, sizeof(json), "[\"message:send\",3%s]", args[i]);
        assert_refused(json, CF_TALK_SAY, OBJECT_RULE);
        assert_int_equal(heard.id, 3);
        assert_null(heard.client_id.ptr);
    }
    assert_refused("[\"message:send\"]", CF_TALK_SAY, TALK_RULE);
}

/* The id is given back wherever there is one, so that the sender knows which was refused. */
static void a_message_with_wrong_fields(void **state)
{
    (void)state;
    static const struct {
        const char *object, *rule, *client_id;
    } cases[] = {
        {"{}", CLIENT_ID_RULE, NULL},
        {"{\"text\":\"x\"}", CLIENT_ID_RULE, NULL},
        {"{\"text\":\"x\",\"clientMessageId\":7}", CLIENT_ID_RULE, NULL},
        {"{\"text\":\"x\",\"clientMessageId\":null}", CLIENT_ID_RULE, NULL},
        {"{\"text\":\"x\",\"clientMessageId\":[\"a\"]}", CLIENT_ID_RULE, NULL},
        {"{\"text\":\"x\",\"clientmessageid\":\"a\"}", CLIENT_ID_RULE, NULL},
        {"{\"clientMessageId\":\"a\"}", TEXT_RULE, "a"},
        {"{\"clientMessageId\":\"a\",\"text\":null}", TEXT_RULE, "a"},
        {"{\"clientMessageId\":\"a\",\"text\":5}", TEXT_RULE, "a"},
        {"{\"clientMessageId\":\"a\",\"text\":{}}", TEXT_RULE, "a"},
        {"{\"clientMessageId\":\"a\",\"text\":true}", TEXT_RULE, "a"},
    };
    char json[128];
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        snprintf(json, sizeof(json), "[\"message:send\",3,%s]", cases[i].object);
        assert_refused(json, CF_TALK_SAY, cases[i].rule);
        if (cases[i].client_id == NULL)
            assert_null(heard.client_id.ptr);
        else
            assert_text_equal(heard.client_id, cases[i].client_id);
    }
}

static void a_message_to_no_talk_still_names_itself(void **state)
{
    (void)state;
    static const char *const ids[] = {"0", "null", "\"x\"", "{}"};
    char json[128];
    for (size_t i = 0; i < CF_ARRAY_LEN(ids); i++) {
        snprintf(json, sizeof(json),
                 "[\"message:send\",%s,{\"text\":\"x\",\"clientMessageId\":\"a\"}]", ids[i]);
        assert_refused(json, CF_TALK_SAY, TALK_RULE);
        assert_slice_equal(heard.client_id, "a");
        snprintf(json, sizeof(json), "[\"message:send\",%s,{\"clientMessageId\":\"a\"}]", ids[i]);
        assert_refused(json, CF_TALK_SAY, TALK_RULE);
        assert_slice_equal(heard.client_id, "a");
    }
}

static void a_full_arena_is_no_memory(void **state)
{
    (void)state;
    struct cf_sio_args args;
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_arena small;
    static char json[4000];
    int head = snprintf(json, sizeof(json),
                        "[\"message:send\",0,{\"clientMessageId\":\"a\","
                        "\"text\":\"");
    memset(json + head, 'x', 3500);
    strcpy(json + head + 3500, "\"}]");
    assert_int_equal(
        cf_sio_args_read(cf_slice_cstr(json), UINT_MAX, &limits, hash_key, &arena, &args), CF_OK);
    cf_arena_init(&small, 1000);
    assert_int_equal(cf_talk_hear(&args, &limits, hash_key, &small, &heard, &why), CF_E_NOMEM);
    assert_int_equal(heard.verb, CF_TALK_SAY);
    cf_arena_deinit(&small);
}

/* ---- rules in words ---- */

static void every_rule_has_words(void **state)
{
    (void)state;
    static const struct {
        enum cf_chat_field field;
        const char *rule;
    } cases[] = {
        {CF_FIELD_TEXT, TEXT_RULE},
        {CF_FIELD_CLIENT_ID, CLIENT_ID_RULE},
        {CF_FIELD_TALK, TALK_RULE},
        {CF_FIELD_MESSAGE, MESSAGE_RULE},
        {CF_FIELD_TITLE,
         "title must be text of at most 200 characters, without control characters."},
        {CF_FIELD_PEOPLE, "Name 1 to 1,000 users by their ids."},
        {CF_FIELD_USER, "A user's id must be text of 1 to 128 bytes, or a whole number."},
        {CF_FIELD_LIMIT, "limit must be a whole number from 1 to 100."},
        {CF_FIELD_NONE, "A value is against a rule."},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        assert_string_equal(cf_talk_rule(cases[i].field), cases[i].rule);
}

/* ---- auth ---- */

static void assert_auth(const char *json, const char *token, const char *pid, const char *offset)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_talk_auth auth;
    const char *const wanted[] = {token, pid, offset};
    struct cf_slice given = json == NULL ? NO_SLICE : cf_slice_cstr(json);
    assert_int_equal(cf_talk_auth_read(given, &limits, hash_key, &arena, &auth), CF_OK);
    const struct cf_slice got[] = {auth.token, auth.pid, auth.offset};
    for (size_t i = 0; i < CF_ARRAY_LEN(wanted); i++) {
        if (wanted[i] == NULL)
            assert_null(got[i].ptr);
        else
            assert_text_equal(got[i], wanted[i]);
    }
}

static void auth_has_three_parts(void **state)
{
    (void)state;
    assert_auth(NULL, NULL, NULL, NULL);
    assert_auth("{}", NULL, NULL, NULL);
    assert_auth("{\"token\":\"t\"}", "t", NULL, NULL);
    assert_auth("{\"offset\":\"41\",\"x\":1,\"pid\":\"p\",\"token\":\"t\\u002e\"}", "t.", "p",
                "41");
    assert_auth("{\"pid\":\"p\"}", NULL, "p", NULL);
}

/* Something that is no text is a bad token, and not a missing one; a pid and an offset are simply
 * not there. */
static void what_is_no_text_is_a_bad_token(void **state)
{
    (void)state;
    assert_auth("{\"token\":7}", "7", NULL, NULL);
    assert_auth("{\"token\":{\"a\":1}}", "{\"a\":1}", NULL, NULL);
    assert_auth("{\"token\":[]}", "[]", NULL, NULL);
    assert_auth("{\"token\":null}", NULL, NULL, NULL);
    assert_auth("{\"token\":false,\"pid\":\"p\"}", NULL, "p", NULL);
    assert_auth("{\"token\":\"t\",\"pid\":7,\"offset\":41}", "t", NULL, NULL);
    assert_auth("{\"token\":\"t\",\"pid\":null,\"offset\":[]}", "t", NULL, NULL);
}

static void what_is_no_object_says_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "null", "7", "[]", "\"token\"", "[{\"token\":\"t\"}]", "{",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(wrong); i++)
        assert_auth(wrong[i], NULL, NULL, NULL);
}

static void auth_without_memory(void **state)
{
    (void)state;
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_talk_auth auth;
    struct cf_arena small;
    static char json[3000];
    int head = snprintf(json, sizeof(json), "{\"token\":\"");
    memset(json + head, 'x', 2000);
    strcpy(json + head + 2000, "\"}");
    cf_arena_init(&small, 1000);
    assert_int_equal(cf_talk_auth_read(cf_slice_cstr(json), &limits, hash_key, &small, &auth),
                     CF_E_NOMEM);
    cf_arena_deinit(&small);
}

#define HEARING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEARING(ids_are_numbers_or_their_digits),
        HEARING(other_ids_are_refused),
        HEARING(other_events_are_not_ours),
        HEARING(a_message_is_heard),
        HEARING(a_message_without_its_object),
        HEARING(a_message_with_wrong_fields),
        HEARING(a_message_to_no_talk_still_names_itself),
        HEARING(a_full_arena_is_no_memory),
        HEARING(every_rule_has_words),
        HEARING(auth_has_three_parts),
        HEARING(what_is_no_text_is_a_bad_token),
        HEARING(what_is_no_object_says_nothing),
        HEARING(auth_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
