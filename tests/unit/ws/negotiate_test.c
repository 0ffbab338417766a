#include "support.h"

struct accept_vector {
    const char *offer;
    enum cf_error error;
    const char *answer; /* "" for none */
};

static void check_accept(const struct accept_vector *vectors, size_t count,
                         const struct cf_ws_deflate_policy *policy)
{
    for (size_t i = 0; i < count; i++) {
        struct cf_ws_deflate_params params;
        struct cf_buf out;
        cf_buf_init(&out, 1024);
        enum cf_error error =
            cf_ws_deflate_accept(cf_slice_cstr(vectors[i].offer), policy, &params, &out);
        bool accepted = vectors[i].answer[0] != '\0';
        if (error != vectors[i].error || params.enabled != accepted ||
            !cf_slice_eq(cf_buf_peek(&out), cf_slice_cstr(vectors[i].answer)))
            fail_msg("%s: %s, %.*s", vectors[i].offer, cf_error_name(error), (int)out.len,
                     (const char *)out.ptr);
        cf_buf_deinit(&out);
    }
}

#define PMD "permessage-deflate"
#define NO_TAKEOVER "; server_no_context_takeover; client_no_context_takeover"

static const struct cf_ws_deflate_policy takeover_policy = {
    .allow_server_takeover = true, .allow_client_takeover = true, .server_window_bits_max = 15};

/* RFC 7692 section 7.1, with a policy that demands nothing. */
static void test_7692_7_1_parameters(void **state)
{
    static const struct accept_vector vectors[] = {
        {"", CF_OK, ""},
        {PMD, CF_OK, PMD},
        {"Permessage-Deflate", CF_OK, PMD},
        {"  " PMD "\t", CF_OK, PMD},
        {PMD ";server_no_context_takeover", CF_OK, PMD "; server_no_context_takeover"},
        {PMD " ; client_no_context_takeover", CF_OK, PMD "; client_no_context_takeover"},
        {PMD "; client_no_context_takeover; server_no_context_takeover", CF_OK, PMD NO_TAKEOVER},
        {PMD "; server_max_window_bits=15", CF_OK, PMD "; server_max_window_bits=15"},
        {PMD "; server_max_window_bits=9", CF_OK, PMD "; server_max_window_bits=9"},
        {PMD "; server_max_window_bits = 10", CF_OK, PMD "; server_max_window_bits=10"},
        {PMD "; server_max_window_bits=\"10\"", CF_OK, PMD "; server_max_window_bits=10"},
        {PMD "; client_max_window_bits", CF_OK, PMD},
        {PMD "; client_max_window_bits=15", CF_OK, PMD},
        {PMD "; client_max_window_bits=\"11\"", CF_OK, PMD "; client_max_window_bits=11"},
        {PMD "; client_max_window_bits=8", CF_OK, PMD},
        {PMD "; server_max_window_bits=12; client_max_window_bits=10; server_no_context_takeover"
             "; client_no_context_takeover",
         CF_OK, PMD NO_TAKEOVER "; server_max_window_bits=12; client_max_window_bits=10"},
    };
    (void)state;
    check_accept(vectors, CF_ARRAY_LEN(vectors), &takeover_policy);
}

/* Section 7.1: an offer with an unknown, repeated or bad parameter is declined, and the next is
 * looked at. Section 7.1.2.1: 8 bits are legal; zlib cannot do them. */
static void test_7692_7_1_declined(void **state)
{
    static const struct accept_vector vectors[] = {
        {"x-webkit-deflate-frame", CF_OK, ""},
        {PMD "x", CF_OK, ""},
        {PMD "; unknown", CF_OK, ""},
        {PMD "; unknown=1", CF_OK, ""},
        {PMD "; server_no_context_takeover; server_no_context_takeover", CF_OK, ""},
        {PMD "; client_no_context_takeover; client_no_context_takeover", CF_OK, ""},
        {PMD "; server_max_window_bits=10; server_max_window_bits=10", CF_OK, ""},
        {PMD "; client_max_window_bits; client_max_window_bits", CF_OK, ""},
        {PMD "; client_max_window_bits; client_max_window_bits=10", CF_OK, ""},
        {PMD "; server_no_context_takeover=true", CF_OK, ""},
        {PMD "; client_no_context_takeover=1", CF_OK, ""},
        {PMD "; server_max_window_bits", CF_OK, ""},
        {PMD "; server_max_window_bits=8", CF_OK, ""},
        {PMD "; server_max_window_bits=7", CF_OK, ""},
        {PMD "; server_max_window_bits=16", CF_OK, ""},
        {PMD "; server_max_window_bits=09", CF_OK, ""},
        {PMD "; server_max_window_bits=1x", CF_OK, ""},
        {PMD "; server_max_window_bits=18446744073709551625", CF_OK, ""},
        {PMD "; client_max_window_bits=7", CF_OK, ""},
        {PMD "; client_max_window_bits=16", CF_OK, ""},
        {PMD "; client_max_window_bits=0", CF_OK, ""},
    };
    (void)state;
    check_accept(vectors, CF_ARRAY_LEN(vectors), &takeover_policy);
}

/* RFC 6455 section 9.1: several offers, in the order of preference; the first that will do. */
static void test_9_1_several_offers(void **state)
{
    static const struct accept_vector vectors[] = {
        {"foo, " PMD, CF_OK, PMD},
        {PMD "; unknown, " PMD, CF_OK, PMD},
        {PMD "; server_max_window_bits=8," PMD "; server_max_window_bits=9", CF_OK,
         PMD "; server_max_window_bits=9"},
        {PMD "; server_no_context_takeover, " PMD, CF_OK, PMD "; server_no_context_takeover"},
        {PMD ", " PMD "; server_no_context_takeover", CF_OK, PMD},
        {", ," PMD ",", CF_OK, PMD}, /* empty elements: RFC 9110 section 5.6.1 */
        {"foo; bar=\"baz\"; x, bar", CF_OK, ""},
    };
    (void)state;
    check_accept(vectors, CF_ARRAY_LEN(vectors), &takeover_policy);
}

/* Section 9.1: what is no list of extensions at all, wherever in it. */
static void test_9_1_malformed(void **state)
{
    static const struct accept_vector vectors[] = {
        {";", CF_E_SYNTAX, ""},
        {"=", CF_E_SYNTAX, ""},
        {PMD ";", CF_E_SYNTAX, ""},
        {PMD "; ", CF_E_SYNTAX, ""},
        {PMD ";; server_no_context_takeover", CF_E_SYNTAX, ""},
        {PMD "; =10", CF_E_SYNTAX, ""},
        {PMD "; server_max_window_bits=", CF_E_SYNTAX, ""},
        {PMD "; server_max_window_bits=\"\"", CF_E_SYNTAX, ""},
        {PMD "; server_max_window_bits=\"10", CF_E_SYNTAX, ""},
        {PMD "; server_max_window_bits=10\"", CF_E_SYNTAX, ""},
        {PMD "; server_max_window_bits=\"", CF_E_SYNTAX, ""},
        {PMD "; server_max_window_bits=1=0", CF_E_SYNTAX, ""},
        {PMD "; server max", CF_E_SYNTAX, ""},
        {PMD " server_no_context_takeover", CF_E_SYNTAX, ""},
        {PMD "; x=\"a,b\"", CF_E_SYNTAX, ""},
        {PMD "; x=\"a;b\"", CF_E_SYNTAX, ""},
        {PMD "; x=\x80", CF_E_SYNTAX, ""},
        {PMD ", foo bar", CF_E_SYNTAX, ""}, /* behind one that would do */
        {"foo/bar, " PMD, CF_E_SYNTAX, ""},
    };
    (void)state;
    check_accept(vectors, CF_ARRAY_LEN(vectors), &takeover_policy);
}

/* A NUL is no character of a token. */
static void test_9_1_nul(void **state)
{
    struct cf_ws_deflate_params params;
    struct cf_buf out;
    (void)state;
    cf_buf_init(&out, 1024);
    assert_int_equal(cf_ws_deflate_accept(CF_LIT(PMD "; a\0b"), &takeover_policy, &params, &out),
                     CF_E_SYNTAX);
    assert_false(params.enabled);
    assert_int_equal(out.len, 0);
    cf_buf_deinit(&out);
}

/* Hazard V8: the default keeps no context for anybody, whatever was offered. */
static void test_v8_default_policy_keeps_nothing(void **state)
{
    static const struct accept_vector vectors[] = {
        {PMD, CF_OK, PMD NO_TAKEOVER},
        {PMD "; client_max_window_bits", CF_OK, PMD NO_TAKEOVER},
        {PMD "; server_no_context_takeover", CF_OK, PMD NO_TAKEOVER},
        {PMD "; server_max_window_bits=10", CF_OK, PMD NO_TAKEOVER "; server_max_window_bits=10"},
    };
    (void)state;
    check_accept(vectors, CF_ARRAY_LEN(vectors), &CF_WS_DEFLATE_POLICY_DEFAULT);
}

/* A smaller window of ours is told even to who did not ask (section 7.1.2.1). */
static void test_7692_7_1_2_1_policy_window(void **state)
{
    static const struct accept_vector vectors[] = {
        {PMD, CF_OK, PMD "; server_max_window_bits=11"},
        {PMD "; server_max_window_bits=15", CF_OK, PMD "; server_max_window_bits=11"},
        {PMD "; server_max_window_bits=10", CF_OK, PMD "; server_max_window_bits=10"},
    };
    struct cf_ws_deflate_policy policy = takeover_policy;
    (void)state;
    policy.server_window_bits_max = 11;
    check_accept(vectors, CF_ARRAY_LEN(vectors), &policy);
}

static void test_accepted_params(void **state)
{
    struct cf_ws_deflate_params params;
    struct cf_buf out;
    (void)state;
    cf_buf_init(&out, 1024);
    must(cf_ws_deflate_accept(CF_LIT(PMD "; server_max_window_bits=12; client_max_window_bits=10; "
                                         "client_no_context_takeover"),
                              &takeover_policy, &params, &out));
    assert_true(params.enabled);
    assert_false(params.server_no_takeover);
    assert_true(params.client_no_takeover);
    assert_int_equal(params.server_window_bits, 12);
    assert_int_equal(params.client_window_bits, 10);

    /* 8 of the client's inflate with the 15 that we keep; they are never below 9. */
    must(cf_ws_deflate_accept(CF_LIT(PMD "; client_max_window_bits=8"), &takeover_policy, &params,
                              &out));
    assert_int_equal(params.client_window_bits, 15);
    cf_buf_deinit(&out);
}

static void test_accept_needs_room(void **state)
{
    struct cf_ws_deflate_params params;
    struct cf_buf out;
    (void)state;
    cf_buf_init(&out, sizeof(PMD NO_TAKEOVER) - 2);
    assert_int_equal(
        cf_ws_deflate_accept(CF_LIT(PMD), &CF_WS_DEFLATE_POLICY_DEFAULT, &params, &out),
        CF_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    cf_buf_deinit(&out);
}

/* Section 7.1 from the client's side: the answer may hold what our offer allows, once each. */
static void test_7692_7_1_confirm(void **state)
{
    static const struct {
        const char *answer;
        struct cf_ws_deflate_params params;
    } vectors[] = {
        {"", {.enabled = false}},
        {"  ", {.enabled = false}},
        {PMD, {true, false, false, 15, 15}},
        {PMD NO_TAKEOVER, {true, true, true, 15, 15}},
        {PMD "; server_max_window_bits=10", {true, false, false, 10, 15}},
        {PMD "; server_max_window_bits=8", {true, false, false, 9, 15}},
        {PMD "; client_max_window_bits=\"9\"", {true, false, false, 15, 9}},
        {PMD "; server_no_context_takeover; client_max_window_bits=12",
         {true, true, false, 15, 12}},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        struct cf_ws_deflate_params params;
        const struct cf_ws_deflate_params *expected = &vectors[i].params;
        must(cf_ws_deflate_confirm(cf_slice_cstr(vectors[i].answer), &params));
        assert_int_equal(params.enabled, expected->enabled);
        assert_int_equal(params.server_no_takeover, expected->server_no_takeover);
        assert_int_equal(params.client_no_takeover, expected->client_no_takeover);
        assert_int_equal(params.server_window_bits, expected->server_window_bits);
        assert_int_equal(params.client_window_bits, expected->client_window_bits);
    }
}

static void test_7692_7_1_confirm_refused(void **state)
{
    static const char *const answers[] = {
        "foo",
        (PMD ", " PMD),
        PMD ", foo",
        PMD "; unknown",
        PMD "; server_max_window_bits",
        PMD "; server_max_window_bits=7",
        PMD "; server_max_window_bits=16",
        PMD "; client_max_window_bits",   /* in an answer it has a value (section 7.1.2.2) */
        PMD "; client_max_window_bits=8", /* zlib cannot compress so */
        PMD "; client_max_window_bits=10; client_max_window_bits=10",
        PMD "; server_no_context_takeover; server_no_context_takeover",
        PMD "; server_no_context_takeover=1",
        PMD ";",
        "; " PMD,
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(answers); i++) {
        struct cf_ws_deflate_params params;
        assert_int_equal(cf_ws_deflate_confirm(cf_slice_cstr(answers[i]), &params), CF_E_PROTOCOL);
        assert_false(params.enabled);
    }
}

/* Hazard V3: thousands of offers and 16 MiB of spaces are read once. */
static void test_v3_long_offers_are_linear(void **state)
{
    enum { LEN = 16 * 1024 * 1024 };
    struct cf_ws_deflate_params params;
    struct cf_buf out;
    (void)state;
    uint8_t *offer = malloc(LEN);
    assert_non_null(offer);
    cf_buf_init(&out, 1024);
    memset(offer, ' ', LEN);
    assert_int_equal(cf_ws_deflate_accept(cf_slice_of(offer, LEN), &takeover_policy, &params, &out),
                     CF_OK);
    for (size_t i = 0; i < LEN; i += 2)
        memcpy(offer + i, "x;", 2);
    assert_int_equal(cf_ws_deflate_accept(cf_slice_of(offer, LEN), &takeover_policy, &params, &out),
                     CF_E_SYNTAX);
    for (size_t i = 0; i < LEN; i += 2)
        memcpy(offer + i, "x,", 2);
    assert_int_equal(cf_ws_deflate_accept(cf_slice_of(offer, LEN), &takeover_policy, &params, &out),
                     CF_OK);
    assert_false(params.enabled);
    cf_buf_deinit(&out);
    free(offer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_7692_7_1_parameters),
        cmocka_unit_test(test_7692_7_1_declined),
        cmocka_unit_test(test_9_1_several_offers),
        cmocka_unit_test(test_9_1_malformed),
        cmocka_unit_test(test_9_1_nul),
        cmocka_unit_test(test_v8_default_policy_keeps_nothing),
        cmocka_unit_test(test_7692_7_1_2_1_policy_window),
        cmocka_unit_test(test_accepted_params),
        cmocka_unit_test(test_accept_needs_room),
        cmocka_unit_test(test_7692_7_1_confirm),
        cmocka_unit_test(test_7692_7_1_confirm_refused),
        cmocka_unit_test(test_v3_long_offers_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
