#include "dialect/rest/problem.h"

#include "unit/base/support.h"

static void assert_written(const struct cf_problem *problem, struct cf_slice incident,
                           const char *wanted)
{
    struct cf_buf out;
    cf_buf_init(&out, 4096);
    assert_int_equal(cf_problem_write(problem, incident, &out), CF_OK);
    assert_int_equal(out.len, strlen(wanted));
    assert_memory_equal(out.ptr, wanted, out.len);
    cf_buf_deinit(&out);
}

static void the_json_is_the_contracts(void **state)
{
    (void)state;
    struct cf_problem problem = {
        .status = 403,
        .code = "not_member",
        .message = "You are not a member of this shop.",
        .field = "shop_id",
    };
    struct cf_slice none = {NULL, 0};
    assert_written(&problem, none,
                   "{\"error\":{\"code\":\"not_member\",\"message\":\"You are not a member of this "
                   "shop.\",\"field\":\"shop_id\"},\"message\":\"You are not a member of this "
                   "shop.\"}");
    problem.field = NULL;
    problem.message = "Say \"please\".";
    assert_written(&problem, none,
                   "{\"error\":{\"code\":\"not_member\",\"message\":\"Say \\\"please\\\".\"},"
                   "\"message\":\"Say \\\"please\\\".\"}");
    problem = cf_problem_of(CF_E_IO);
    assert_written(&problem, CF_LIT("0f3a"),
                   "{\"error\":{\"code\":\"internal\",\"message\":\"Something went wrong on our "
                   "side. Try again later.\",\"incident\":\"0f3a\"},\"message\":\"Something went "
                   "wrong on our side. Try again later.\"}");
}

static void a_body_over_the_cap_is_an_error(void **state)
{
    (void)state;
    struct cf_problem problem = cf_problem_of(CF_E_NOT_FOUND);
    struct cf_buf out;
    cf_buf_init(&out, 40);
    assert_int_equal(cf_problem_write(&problem, (struct cf_slice){NULL, 0}, &out), CF_E_TOO_LARGE);
    cf_buf_deinit(&out);
}

static void each_error_has_its_status(void **state)
{
    (void)state;
    static const struct {
        enum cf_error error;
        unsigned status;
        const char *code;
        unsigned retry_after_s;
    } cases[] = {
        {CF_OK, 500, "internal", 0},
        {CF_E_SYNTAX, 400, "malformed", 0},
        {CF_E_UTF8, 400, "malformed", 0},
        {CF_E_DUPLICATE, 400, "malformed", 0},
        {CF_E_TRUNCATED, 400, "malformed", 0},
        {CF_E_UNSUPPORTED, 415, "unsupported_media_type", 0},
        {CF_E_PROTOCOL, 400, "malformed", 0},
        {CF_E_TIMEOUT, 408, "timeout", 0},
        {CF_E_CLOSED, 400, "malformed", 0},
        {CF_E_UNAUTHENTICATED, 401, "unauthorized", 0},
        {CF_E_EXPIRED, 401, "token_expired", 0},
        {CF_E_NOT_MEMBER, 403, "not_member", 0},
        {CF_E_FORBIDDEN, 403, "forbidden", 0},
        {CF_E_NOT_FOUND, 404, "not_found", 0},
        {CF_E_INVALID, 422, "invalid", 0},
        {CF_E_CONFLICT, 409, "conflict", 0},
        {CF_E_TOO_LARGE, 413, "too_large", 0},
        {CF_E_TOO_DEEP, 400, "malformed", 0},
        {CF_E_TOO_MANY, 429, "rate_limited", 1},
        {CF_E_RATE, 429, "rate_limited", 1},
        {CF_E_SLOW, 503, "unavailable", 1},
        {CF_E_FULL, 507, "insufficient_storage", 0},
        {CF_E_NOMEM, 503, "unavailable", 1},
        {CF_E_IO, 500, "internal", 0},
        {CF_E_UNAVAILABLE, 503, "unavailable", 1},
        {CF_E_STATE, 500, "internal", 0},
    };
    assert_int_equal(CF_ARRAY_LEN(cases), CF_E_STATE + 1);
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_problem problem = cf_problem_of(cases[i].error);
        assert_int_equal(cases[i].error, i);
        assert_int_equal(problem.status, cases[i].status);
        assert_string_equal(problem.code, cases[i].code);
        assert_int_equal(problem.retry_after_s, cases[i].retry_after_s);
        assert_true(strlen(problem.message) > 10);
        assert_null(problem.field);
    }
}

static void each_status_has_its_problem(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *code;
    } cases[] = {
        {400, "bad_request"},
        {404, "not_found"},
        {405, "method_not_allowed"},
        {408, "timeout"},
        {413, "too_large"},
        {414, "uri_too_long"},
        {415, "unsupported_media_type"},
        {417, "expectation_failed"},
        {426, "upgrade_required"},
        {431, "headers_too_large"},
        {500, "internal"},
        {501, "not_implemented"},
        {503, "unavailable"},
        {505, "http_version"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_problem problem = cf_problem_status(cases[i].status);
        assert_int_equal(problem.status, cases[i].status);
        assert_string_equal(problem.code, cases[i].code);
        assert_int_equal(problem.retry_after_s, cases[i].status == 503 ? 1 : 0);
        assert_true(strlen(problem.message) > 10);
    }
    assert_int_equal(cf_problem_status(0).status, 500);
    assert_int_equal(cf_problem_status(299).status, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_is_the_contracts),
        cmocka_unit_test(a_body_over_the_cap_is_an_error),
        cmocka_unit_test(each_error_has_its_status),
        cmocka_unit_test(each_status_has_its_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
