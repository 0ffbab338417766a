/* A Socket.IO session: namespaces, events, attachments, time. Entering one may take 1000 ms here,
 * attachments 500 ms and 1000 bytes. */
#include <stdio.h>

#include "unit/base/support.h"

#include "unit/sio/script.h"

struct scene {
    const char *name;
    const char *steps;
    const char *told;
};

#define JOIN "t:0 accept:0 "
#define BOTH "t:0 accept:0 t:0/custom, accept:1 "
#define JOINED "in 0 out=0{\"sid\":\"s\"}"
#define BOTH_JOINED "in 0 out=0{\"sid\":\"s\"} in 1 out=0/custom,{\"sid\":\"s\"}"
#define P0 "{\"_placeholder\":true,\"num\":0}"
#define P1 "{\"_placeholder\":true,\"num\":1}"

static void assert_told(struct sio_script *script, const char *name, const char *expected)
{
    struct cf_slice told = cf_buf_peek(&script->told);
    if (!cf_slice_eq(told, cf_slice_cstr(expected)))
        fail_msg("%s: \"%.*s\" instead of \"%s\"", name, (int)told.len, (const char *)told.ptr,
                 expected);
    cf_buf_reset(&script->told);
}

static void check_scenes(const struct scene *scenes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sio_script script;
        sio_script_init(&script, &SIO_CONFIG);
        sio_script_run(&script, cf_slice_cstr(scenes[i].steps));
        assert_told(&script, scenes[i].name, scenes[i].told);
        sio_script_deinit(&script);
    }
}

/* Each text, said by a client that has joined both namespaces, ends its connection so. */
static void check_bad(const char *const *texts, size_t count, const char *error)
{
    for (size_t i = 0; i < count; i++) {
        struct sio_script script;
        sio_script_init(&script, &SIO_CONFIG);
        sio_script_run(&script, CF_LIT(BOTH));
        cf_buf_reset(&script.told);
        script.separator = '\n';
        sio_script_run(&script, cf_slice_cstr(texts[i]));
        assert_told(&script, texts[i], error);
        sio_script_deinit(&script);
    }
}

#define CHECK_BAD(texts, error) check_bad(texts, CF_ARRAY_LEN(texts), error)

/* ---- namespaces ---- */

static void a_client_comes_in(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"accepted", "t:0 accept:0", "in 0 out=0{\"sid\":\"s\"}"},
        {"with auth", "t:0{\"token\":\"x\"} accept:0",
         "in 0{\"token\":\"x\"} out=0{\"sid\":\"s\"}"},
        {"another namespace", "t:0/custom,{} accept:1", "in 1{} out=0/custom,{\"sid\":\"s\"}"},
        {"its comma left out", "t:0/custom accept:1", "in 1 out=0/custom,{\"sid\":\"s\"}"},
        {"the main one by name", "t:0/,{} accept:0", "in 0{} out=0{\"sid\":\"s\"}"},
        {"both", BOTH, BOTH_JOINED},
        {"both at once", "t:0 t:0/custom, accept:1 accept:0",
         "in 0 in 1 out=0/custom,{\"sid\":\"s\"} out=0{\"sid\":\"s\"}"},
        {"refused", "t:0 refuse:0", "in 0 out=4{\"message\":\"no\",\"data\":{\"code\":\"code\"}}"},
        {"refused, then accepted", "t:0/custom, refuse:1 t:0/custom, accept:1",
         "in 1 out=4/custom,{\"message\":\"no\",\"data\":{\"code\":\"code\"}} in 1 "
         "out=0/custom,{\"sid\":\"s\"}"},
        {"unknown", "t:0/x,{} t:0/x t:0/customs t:0/custom{} t:0",
         "out=4/x,{\"message\":\"Invalid namespace\"} out=4/x,{\"message\":\"Invalid namespace\"} "
         "out=4/customs,{\"message\":\"Invalid namespace\"} "
         "out=4/custom{},{\"message\":\"Invalid namespace\"} in 0"},
        {"twice", JOIN "t:0", JOINED " !PROTOCOL"},
        {"twice while it waits", "t:0 t:0", "in 0 !PROTOCOL"},
        {"twice in the other one", "t:0/custom, accept:1 t:0/custom,{}",
         "in 1 out=0/custom,{\"sid\":\"s\"} !PROTOCOL"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

static void the_packets_of_the_owner_are_exact(void **state)
{
    (void)state;
    struct sio_script script;
    sio_script_init(&script, &SIO_CONFIG);
    sio_script_run(&script, CF_LIT("t:0"));
    cf_buf_reset(&script.told);
    assert_int_equal(cf_sio_accept(&script.s, 0, CF_LIT("a\"b"), CF_LIT("pid"), &script.reply),
                     CF_OK);
    sio_tell_out(&script);
    assert_told(&script, "accept", "out=0{\"sid\":\"a\\\"b\",\"pid\":\"pid\"}");
    assert_true(cf_sio_inside(&script.s, 0));
    assert_false(cf_sio_inside(&script.s, 1));
    assert_int_equal(cf_sio_expel(&script.s, 0, script.now, &script.reply), CF_OK);
    sio_tell_out(&script);
    assert_told(&script, "expel", "out=1");
    assert_false(cf_sio_inside(&script.s, 0));
    sio_script_run(&script, CF_LIT("t:0/custom,"));
    cf_buf_reset(&script.told);
    assert_int_equal(cf_sio_refuse(&script.s, 1, "No \"way\"", NULL, script.now, &script.reply),
                     CF_OK);
    sio_tell_out(&script);
    assert_told(&script, "refuse", "out=4/custom,{\"message\":\"No \\\"way\\\"\"}");
    sio_script_deinit(&script);
}

static void bad_connects_close(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"t:0[]", "!INVALID"},
        {"t:0\"x\"", "!INVALID"},
        {"t:0null", "!INVALID"},
        {"t:0true", "!INVALID"},
        {"t:0{", "!TRUNCATED"},
        {"t:0{}x", "!SYNTAX"},
        {"t:0{\"a\":}", "!SYNTAX"},
        {"t:0x", "!SYNTAX"},
        {"t:0/custom,[]", "!INVALID"},
        {"t:0/custom,x", "!SYNTAX"},
        {"t:0{\"a\":1,\"a\":1}", "!DUPLICATE"},
        {"t:0/x,[]", "!INVALID"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        const struct scene scene = {cases[i].text, cases[i].text, cases[i].told};
        check_scenes(&scene, 1);
    }
}

/* Before it is in, a client may say nothing there. */
static void packets_for_other_namespaces_close(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"event first", "t:2[\"a\"]", "!PROTOCOL"},
        {"ack first", "t:31[]", "!PROTOCOL"},
        {"disconnect first", "t:1", "!PROTOCOL"},
        {"binary first", "b:x", "!PROTOCOL"},
        {"binary event first", "t:51-[\"a\"," P0 "]", "!PROTOCOL"},
        {"while it waits", "t:0 t:2[\"a\"]", "in 0 !PROTOCOL"},
        {"disconnect while it waits", "t:0 t:1", "in 0 !PROTOCOL"},
        {"after a refusal", "t:0 refuse:0 t:2[\"a\"]",
         "in 0 out=4{\"message\":\"no\",\"data\":{\"code\":\"code\"}} !PROTOCOL"},
        {"the other one", JOIN "t:2/custom,[\"a\"]", JOINED " !PROTOCOL"},
        {"an unknown one", JOIN "t:2/x,[\"a\"]", JOINED " !PROTOCOL"},
        {"after it left", JOIN "t:1 t:2[\"a\"]", JOINED " left 0 !PROTOCOL"},
        {"after it was put out", JOIN "expel:0 t:2[\"a\"]", JOINED " out=1 !PROTOCOL"},
        {"only the server refuses", JOIN "t:4{\"message\":\"x\"}", JOINED " !PROTOCOL"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

static void a_client_leaves(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"the only one", JOIN "t:1", JOINED " left 0"},
        {"one of two", BOTH "t:1/custom, t:2[\"a\"]", BOTH_JOINED " left 1 event 0[\"a\"]"},
        {"and comes back", JOIN "t:1 t:0 accept:0 t:2[\"a\"]",
         JOINED " left 0 " JOINED " event 0[\"a\"]"},
        {"put out and back", BOTH "expel:1 t:0/custom, accept:1",
         BOTH_JOINED " out=1/custom, in 1 out=0/custom,{\"sid\":\"s\"}"},
        {"with more to say", JOIN "t:1{}", JOINED " !SYNTAX"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

/* ---- events and acks ---- */

static void events_happen(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"plain", JOIN "t:2[\"a\"]", JOINED " event 0[\"a\"]"},
        {"with an id", JOIN "t:212[\"a\",{\"x\":[1]}]", JOINED " event 0#12[\"a\",{\"x\":[1]}]"},
        {"id 0", JOIN "t:20[\"a\"]", JOINED " event 0#0[\"a\"]"},
        {"the greatest id", JOIN "t:29007199254740991[\"a\"]",
         JOINED " event 0#9007199254740991[\"a\"]"},
        {"in both namespaces", BOTH "t:2/custom,7[\"b\"] t:2[\"a\"]",
         BOTH_JOINED " event 1#7[\"b\"] event 0[\"a\"]"},
        {"an empty name", JOIN "t:2[\"\"]", JOINED " event 0[\"\"]"},
        {"names of objects", JOIN "t:2[\"__proto__\"] t:2[\"constructor\"]",
         JOINED " event 0[\"__proto__\"] event 0[\"constructor\"]"},
        {"reserved words as arguments", JOIN "t:2[\"a\",\"connect\",\"disconnect\"]",
         JOINED " event 0[\"a\",\"connect\",\"disconnect\"]"},
        {"reserved in another case", JOIN "t:2[\"Connect\"]", JOINED " event 0[\"Connect\"]"},
        {"a placeholder that is none", JOIN "t:2[\"a\"," P0 "]", JOINED " event 0[\"a\"," P0 "]"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

static void acks_are_heard(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"empty", JOIN "t:31[]", JOINED " ack 0#1[]"},
        {"with arguments", JOIN "t:30[1,\"connect\",{}]", JOINED " ack 0#0[1,\"connect\",{}]"},
        {"in the other namespace", BOTH "t:3/custom,12[1]", BOTH_JOINED " ack 1#12[1]"},
        {"of nothing that was asked", JOIN "t:39007199254740991[] t:31[] t:31[]",
         JOINED " ack 0#9007199254740991[] ack 0#1[] ack 0#1[]"},
        {"with an attachment", JOIN "t:61-5[" P0 "] b:x", JOINED " ack 0#5[" P0 "](x)"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

/* V14, V26: whatever is no event and no ack closes the connection. */
static void bad_packets_close(void **state)
{
    (void)state;
    static const char *const syntax[] = {
        "t:",
        "t:7",
        "t:abc",
        "t:2{}",
        "t:2\"a\"",
        "t:2[]",
        "t:2[null]",
        "t:2[true]",
        "t:2[1]",
        "t:2[0,\"a\"]",
        "t:2[{}]",
        "t:2[[\"a\"]]",
        "t:2[\"a\",]",
        "t:2['a']",
        "t:2[\"a\"]x",
        "t:2[\"a\"][]",
        "t:2null",
        "t:2-1[\"a\"]",
        "t:2x",
        "t:3[]",
        "t:31{}",
        "t:31\"x\"",
        "t:31null",
        "t:31x",
        "t:31-1",
        "t:1{}",
        "t:1x",
        "t:1/custom,x",
        "t:2[\"a\",01]",
        "t:2 [\"a\"]x",
        "t:29007199254740992[\"a\"]",
        "t:318446744073709551616[]",
    };
    static const char *const truncated[] = {"t:2",  "t:21",        "t:2[",  "t:2[\"a\"",
                                            "t:31", "t:2/custom,", "t:51-", "t:61-1"};
    static const char *const reserved[] = {
        "t:2[\"connect\"]",          "t:2[\"connect_error\"]",        "t:2[\"disconnect\"]",
        "t:2[\"disconnecting\"]",    "t:2[\"newListener\"]",          "t:2[\"removeListener\"]",
        "t:2[\"\\u0063onnect\"]",    "t:21[\"disconnect\",1]",        "t:2/custom,[\"connect\"]",
        "t:51-[\"connect\"," P0 "]", "t:51-[\"newListener\"," P0 "]",
    };
    CHECK_BAD(syntax, "!SYNTAX");
    CHECK_BAD(truncated, "!TRUNCATED");
    CHECK_BAD(reserved, "!SYNTAX");
}

/* ---- attachments ---- */

static void attachments_are_put_together(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"one", JOIN "t:51-[\"a\"," P0 "] b:xyz", JOINED " event 0[\"a\"," P0 "](xyz)"},
        {"two, in another order", JOIN "t:52-7[\"a\"," P1 "," P0 "] b:x b:y",
         JOINED " event 0#7[\"a\"," P1 "," P0 "](x)(y)"},
        {"empty ones",
         JOIN "t:52-[\"a\"," P0 "," P1 "] b: b:", JOINED " event 0[\"a\"," P0 "," P1 "]()()"},
        {"an empty one between", JOIN "t:52-[\"a\"," P0 "," P1 "] b: b:y",
         JOINED " event 0[\"a\"," P0 "," P1 "]()(y)"},
        {"one after the other", JOIN "t:51-[\"a\"," P0 "] b:x t:51-[\"b\"," P0 "] b:y t:2[\"c\"]",
         JOINED " event 0[\"a\"," P0 "](x) event 0[\"b\"," P0 "](y) event 0[\"c\"]"},
        {"nothing before the last", JOIN "t:52-[\"a\"," P0 "," P1 "] b:x", JOINED},
        {"in the other namespace", BOTH "t:51-/custom,[\"a\"," P0 "] b:x",
         BOTH_JOINED " event 1[\"a\"," P0 "](x)"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

static void ten_attachments_are_the_most(void **state)
{
    (void)state;
    struct sio_script script;
    char text[1024] = "t:510-[\"a\"";
    sio_script_init(&script, &SIO_CONFIG);
    sio_script_run(&script, CF_LIT(JOIN));
    for (unsigned i = 0; i < 10; i++)
        sprintf(text + strlen(text), ",{\"_placeholder\":true,\"num\":%u}", i);
    strcat(text, "]");
    sio_script_run(&script, cf_slice_cstr(text));
    sio_script_run(&script, CF_LIT("b:0 b:1 b:2 b:3 b:4 b:5 b:6 b:7 b:8"));
    cf_buf_reset(&script.told);
    sio_script_run(&script, CF_LIT("b:9"));
    assert_true(
        cf_slice_ends(cf_buf_peek(&script.told), CF_LIT("](0)(1)(2)(3)(4)(5)(6)(7)(8)(9)")));
    sio_script_deinit(&script);
}

static void bad_attachments_close(void **state)
{
    (void)state;
    static const char *const protocol[] = {
        "b:x",
        "b:",
        "t:51-[\"a\"," P0 "]\nb:x\nb:y",
        "t:51-[\"a\"," P0 "]\nt:2[\"b\"]",
        "t:51-[\"a\"," P0 "]\nt:1",
        "t:51-[\"a\"," P0 "]\nt:0",
        "t:51-[\"a\"," P0 "]\nt:51-[\"a\"," P0 "]",
        "t:51-[\"a\"," P0 "]\nt:",
        "t:52-[\"a\"," P0 "," P1 "]\nb:x\nt:2[\"b\"]",
    };
    static const char *const counts[] = {"t:59999999999-", "t:511-[\"a\"]", "t:611-1[]"};
    /* told by the text alone: nothing is kept for what can come to nothing */
    static const char *const syntax[] = {
        "t:50-[\"a\"]",
        "t:51[\"a\"]",
        "t:51-{}",
        "t:51-[]",
        "t:51-[\"a\"]",
        "t:51-[\"a\"," P1 "]",
        "t:51-[" P0 "]",
        "t:51-[1]",
        "t:61-[" P0 "]",
        "t:61-1[]",
        "t:51-[\"a\"," P0 "]x",
        "t:51-[\"a\",{\"_placeholder\":true,\"num\":\"splice\"}]",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(protocol); i++) {
        struct sio_script script;
        sio_script_init(&script, &SIO_CONFIG);
        sio_script_run(&script, CF_LIT(BOTH));
        script.separator = '\n';
        sio_script_run(&script, cf_slice_cstr(protocol[i]));
        assert_true(cf_slice_ends(cf_buf_peek(&script.told), CF_LIT(" !PROTOCOL")));
        sio_script_deinit(&script);
    }
    CHECK_BAD(counts, "!TOO_MANY");
    CHECK_BAD(syntax, "!SYNTAX");
}

static void a_client_that_is_put_out_has_no_attachments(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"before the last one", JOIN "t:51-[\"a\"," P0 "] expel:0 b:x", JOINED " out=1 !PROTOCOL"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

/* The bytes of a packet's attachments together, at the limit and beyond. */
static void the_bytes_of_attachments_are_limited(void **state)
{
    (void)state;
    static uint8_t bytes[1001];
    for (size_t total = 999; total <= 1001; total++) {
        for (size_t first = 0; first <= total; first += total / 3) {
            struct sio_script script;
            sio_script_init(&script, &SIO_CONFIG);
            sio_script_run(&script, CF_LIT(JOIN "t:52-[\"a\"," P0 "," P1 "]"));
            cf_buf_reset(&script.told);
            sio_script_message(&script, cf_slice_of(bytes, first), true);
            if (!script.over)
                sio_script_message(&script, cf_slice_of(bytes, total - first), true);
            assert_int_equal(script.over, total > 1000);
            if (total > 1000)
                assert_told(&script, "over the limit", "!TOO_LARGE");
            sio_script_deinit(&script);
        }
    }
}

/* An idle session owns nothing. */
static void the_parts_are_given_back(void **state)
{
    (void)state;
    struct sio_script script;
    sio_script_init(&script, &SIO_CONFIG);
    sio_script_run(&script, CF_LIT(JOIN "t:51-[\"a\"," P0 "] b:x"));
    assert_non_null(script.s.parts); /* the event borrowed it */
    sio_script_run(&script, CF_LIT("t:2[\"b\"]"));
    assert_null(script.s.parts);
    sio_script_deinit(&script);
}

/* ---- time ---- */

static void a_client_must_come_in_in_time(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"in time", "+999 " JOIN "+100000", JOINED},
        {"too late", "+999 +1", "!TIMEOUT"},
        {"a refused namespace does not count", "+999 t:0/x, +1",
         "out=4/x,{\"message\":\"Invalid namespace\"} !TIMEOUT"},
        {"nor one that refuses", "+999 t:0 refuse:0 +1",
         "in 0 out=4{\"message\":\"no\",\"data\":{\"code\":\"code\"}} !TIMEOUT"},
        {"nor an answer that takes too long", "t:0 +1000", "in 0 !TIMEOUT"},
        {"who left may come back", JOIN "t:1 +100000", JOINED " left 0"},
        {"who was put out has the time again", JOIN "+5000 expel:0 +999 +1",
         JOINED " out=1 !TIMEOUT"},
        {"and may come back", JOIN "+5000 expel:0 +999 " JOIN "+5000", JOINED " out=1 " JOINED},
        {"not while there is another namespace", BOTH "+5000 expel:0 +5000", BOTH_JOINED " out=1"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

static void attachments_must_come_in_time(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"in time", JOIN "t:51-[\"a\"," P0 "] +499 b:x +100000",
         JOINED " event 0[\"a\"," P0 "](x)"},
        {"too late", JOIN "t:51-[\"a\"," P0 "] +499 +1", JOINED " !TIMEOUT"},
        {"all of them", JOIN "t:52-[\"a\"," P0 "," P1 "] +499 b:x +1", JOINED " !TIMEOUT"},
        {"each packet anew", JOIN "t:51-[\"a\"," P0 "] +499 b: t:51-[\"a\"," P0 "] +499 b: +9999",
         JOINED " event 0[\"a\"," P0 "]() event 0[\"a\"," P0 "]()"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes));
}

static void the_deadline_is_the_next_thing_to_happen(void **state)
{
    (void)state;
    struct sio_script script;
    sio_script_init(&script, &SIO_CONFIG);
    assert_int_equal(cf_sio_deadline(&script.s), 2000);
    sio_script_run(&script, CF_LIT("t:0"));
    assert_int_equal(cf_sio_deadline(&script.s), 2000);
    sio_script_run(&script, CF_LIT("accept:0"));
    assert_int_equal(cf_sio_deadline(&script.s), CF_MS_NEVER);
    sio_script_run(&script, CF_LIT("+3000 t:51-[\"a\"," P0 "]"));
    assert_int_equal(cf_sio_deadline(&script.s), 4500);
    sio_script_run(&script, CF_LIT("expel:0"));
    assert_int_equal(cf_sio_deadline(&script.s), 4500);
    sio_script_deinit(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_comes_in),
        cmocka_unit_test(the_packets_of_the_owner_are_exact),
        cmocka_unit_test(bad_connects_close),
        cmocka_unit_test(packets_for_other_namespaces_close),
        cmocka_unit_test(a_client_leaves),
        cmocka_unit_test(events_happen),
        cmocka_unit_test(acks_are_heard),
        cmocka_unit_test(bad_packets_close),
        cmocka_unit_test(attachments_are_put_together),
        cmocka_unit_test(ten_attachments_are_the_most),
        cmocka_unit_test(bad_attachments_close),
        cmocka_unit_test(a_client_that_is_put_out_has_no_attachments),
        cmocka_unit_test(the_bytes_of_attachments_are_limited),
        cmocka_unit_test(the_parts_are_given_back),
        cmocka_unit_test(a_client_must_come_in_in_time),
        cmocka_unit_test(attachments_must_come_in_time),
        cmocka_unit_test(the_deadline_is_the_next_thing_to_happen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
