#include "unit/base/support.h"

#include "base/error.h"

static void every_error_has_a_row(void **state)
{
    (void)state;
    for (int error = CF_OK; error <= CF_E_STATE; error++) {
        const char *name = cf_error_name((enum cf_error)error);
        assert_true(error == CF_OK ? strcmp(name, "OK") == 0 : strncmp(name, "E_", 2) == 0);
        assert_true(strlen(cf_error_text((enum cf_error)error)) > 0);
        assert_int_equal(cf_error_class((enum cf_error)error) == CF_CLASS_NONE, error == CF_OK);
    }
}

static void rows_are_in_the_order_of_the_enum(void **state)
{
    (void)state;
    assert_int_equal(CF_OK, 0);
    assert_string_equal(cf_error_name(CF_E_UTF8), "E_UTF8");
    assert_string_equal(cf_error_text(CF_E_UTF8), "text is not valid UTF-8");
    assert_int_equal(cf_error_class(CF_E_UTF8), CF_CLASS_PEER);
    assert_int_equal(cf_error_class(CF_E_NOT_MEMBER), CF_CLASS_RULE);
    assert_int_equal(cf_error_class(CF_E_TOO_LARGE), CF_CLASS_LIMIT);
    assert_string_equal(cf_error_name(CF_E_STATE), "E_STATE");
    assert_int_equal(cf_error_class(CF_E_STATE), CF_CLASS_LOCAL);
}

/* RFC 6455 section 7.4.1; 1013 is IANA's "try again later". */
static void close_codes(void **state)
{
    (void)state;
    assert_int_equal(cf_error_close_code(CF_OK), 1000);
    assert_int_equal(cf_error_close_code(CF_E_PROTOCOL), 1002);
    assert_int_equal(cf_error_close_code(CF_E_UTF8), 1007);
    assert_int_equal(cf_error_close_code(CF_E_TOO_LARGE), 1009);
    assert_int_equal(cf_error_close_code(CF_E_NOMEM), 1011);
    assert_int_equal(cf_error_close_code(CF_E_UNAVAILABLE), 1013);
}

static void a_number_outside_the_table_panics(void **state)
{
    (void)state;
    assert_panics((void)cf_error_name((enum cf_error)(CF_E_STATE + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_row),
        cmocka_unit_test(rows_are_in_the_order_of_the_enum),
        cmocka_unit_test(close_codes),
        cmocka_unit_test(a_number_outside_the_table_panics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
