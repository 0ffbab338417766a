/* The table that REST dialects are matched with. */
#include "dialect/rest/match.h"

#include "unit/base/support.h"

enum { LIST = 1, MAKE, SPECIAL, ANY_GET, ANY_DELETE, DEEP };

static const struct cf_rest_path paths[] = {
    {{"things"}, 1, "GET, POST", {{"GET", LIST}, {"POST", MAKE}}},
    {{"things", "special"}, 2, "GET", {{"GET", SPECIAL}}},
    {{"things", CF_REST_ANY}, 2, "GET, DELETE", {{"GET", ANY_GET}, {"DELETE", ANY_DELETE}}},
    {{CF_REST_ANY, "x", CF_REST_ANY, "y"}, 4, "PUT", {{"PUT", DEEP}}},
};

static enum cf_error match(const char *path, const char *method, struct cf_rest_match *out_match)
{
    struct cf_slice segments[8], rest = cf_slice_cstr(path);
    size_t count = 0;
    *out_match = (struct cf_rest_match){.op = -1};
    while (count < 8 && cf_slice_next(&rest, '/', &segments[count]))
        count++;
    return cf_rest_match(paths, CF_ARRAY_LEN(paths), segments, count, cf_slice_cstr(method),
                         out_match);
}

static void path_and_method_are_the_operation(void **state)
{
    (void)state;
    struct cf_rest_match got;
    assert_int_equal(match("things", "GET", &got), CF_OK);
    assert_int_equal(got.op, LIST);
    assert_string_equal(got.allow, "GET, POST");
    assert_int_equal(match("things", "POST", &got), CF_OK);
    assert_int_equal(got.op, MAKE);
    assert_int_equal(match("things/7", "DELETE", &got), CF_OK);
    assert_int_equal(got.op, ANY_DELETE);
    assert_slice_equal(got.args[0], "7");
    assert_int_equal(match("things/", "GET", &got), CF_OK); /* an empty segment is one */
    assert_int_equal(got.op, ANY_GET);
    assert_int_equal(got.args[0].len, 0);
}

static void arguments_come_in_order(void **state)
{
    (void)state;
    struct cf_rest_match got;
    assert_int_equal(match("a/x/b/y", "PUT", &got), CF_OK);
    assert_int_equal(got.op, DEEP);
    assert_slice_equal(got.args[0], "a");
    assert_slice_equal(got.args[1], "b");
    assert_int_equal(match("a/x/b/z", "PUT", &got), CF_E_NOT_FOUND);
    assert_int_equal(match("a/z/b/y", "PUT", &got), CF_E_NOT_FOUND);
}

/* The row of the fixed word decides, although the one below knows the method. */
static void the_first_row_that_fits_decides(void **state)
{
    (void)state;
    struct cf_rest_match got;
    assert_int_equal(match("things/special", "GET", &got), CF_OK);
    assert_int_equal(got.op, SPECIAL);
    assert_int_equal(match("things/special", "DELETE", &got), CF_E_UNSUPPORTED);
    assert_string_equal(got.allow, "GET");
    assert_int_equal(got.op, -1);
}

static void another_method_is_told_the_known_ones(void **state)
{
    (void)state;
    static const char *const methods[] = {"PUT", "HEAD", "OPTIONS", "get",
                                          "GE",  "GETT", "",        "GET "};
    struct cf_rest_match got;
    for (size_t i = 0; i < CF_ARRAY_LEN(methods); i++) {
        assert_int_equal(match("things", methods[i], &got), CF_E_UNSUPPORTED);
        assert_string_equal(got.allow, "GET, POST");
        assert_int_equal(match("things/7", methods[i], &got), CF_E_UNSUPPORTED);
        assert_string_equal(got.allow, "GET, DELETE");
    }
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    static const char *const others[] = {"",         "thing",     "Things",       "things ",
                                         "/things",  "things/7/", "things/7/x",   "a/x/b",
                                         "a/x/b/y/", "a/x/b/y/z", "a/x/b/y/1/2/3"};
    struct cf_rest_match got;
    for (size_t i = 0; i < CF_ARRAY_LEN(others); i++) {
        assert_int_equal(match(others[i], "GET", &got), CF_E_NOT_FOUND);
        assert_null(got.allow);
    }
    assert_int_equal(cf_rest_match(paths, CF_ARRAY_LEN(paths), NULL, 0, CF_LIT("GET"), &got),
                     CF_E_NOT_FOUND);
    struct cf_slice things = CF_LIT("things");
    assert_int_equal(cf_rest_match(NULL, 0, &things, 1, CF_LIT("GET"), &got), CF_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_and_method_are_the_operation),
        cmocka_unit_test(arguments_come_in_order),
        cmocka_unit_test(the_first_row_that_fits_decides),
        cmocka_unit_test(another_method_is_told_the_known_ones),
        cmocka_unit_test(other_paths_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
