#include "support.h"

/* RFC 6455 section 7.4 and the IANA registry: 1004 is reserved, 1005, 1006 and 1015 are never sent,
 * 1012 to 1014 were registered later, 3000 to 4999 are for libraries and applications. */
static void test_7_4_every_code(void **state)
{
    (void)state;
    for (unsigned code = 0; code <= 70000; code++) {
        bool valid = code == 1000 || code == 1001 || code == 1002 || code == 1003 || code == 1007 ||
                     code == 1008 || code == 1009 || code == 1010 || code == 1011 || code == 1012 ||
                     code == 1013 || code == 1014 || (code > 2999 && code < 5000);
        assert_int_equal(cf_ws_close_valid(code), valid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_7_4_every_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
