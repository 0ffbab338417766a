#include "unit/shop/flow.h"

#define ID "00000000-0000-7000-8000-000000000001"

static void every_path_is_its_operation(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        enum cf_shop_op op;
        const char *args[2];
    } cases[] = {
        {"POST", "shops", CF_SHOP_CREATE, {NULL, NULL}},
        {"GET", "shops", CF_SHOP_LIST, {NULL, NULL}},
        {"GET", "shops/" ID "/members", CF_SHOP_MEMBERS, {ID, NULL}},
        {"POST", "shops/" ID "/members", CF_SHOP_MEMBER_PUT, {ID, NULL}},
        {"DELETE", "shops/" ID "/members/bob", CF_SHOP_MEMBER_REMOVE, {ID, "bob"}},
        {"POST", "shops/messages", CF_SHOP_MESSAGE_POST, {NULL, NULL}},
        {"PUT", "shops/messages", CF_SHOP_MESSAGE_EDIT, {NULL, NULL}},
        {"DELETE", "shops/messages/" ID, CF_SHOP_MESSAGE_DELETE, {ID, NULL}},
        {"DELETE", "shops/messages/image", CF_SHOP_MESSAGE_DELETE, {"image", NULL}},
        {"GET", "shops/" ID "/messages", CF_SHOP_MESSAGES, {ID, NULL}},
        {"GET", "shops/" ID "/messages/paginated", CF_SHOP_MESSAGES_PAGE, {ID, NULL}},
        {"GET", "shops/" ID "/messages/stream", CF_SHOP_STREAM, {ID, NULL}},
        {"POST", "shops/messages/image/upload", CF_SHOP_IMAGE_UPLOAD, {NULL, NULL}},
        {"GET", "shops/messages/image/" ID, CF_SHOP_IMAGE_GET, {ID, NULL}},
        {"DELETE", "shops/messages/image/" ID, CF_SHOP_IMAGE_DELETE, {ID, NULL}},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_shop_match match = {.allow = NULL};
        assert_int_equal(match_path(cases[i].path, cases[i].method, &match), CF_OK);
        assert_int_equal(match.op, cases[i].op);
        assert_non_null(match.allow);
        for (size_t arg = 0; arg < 2 && cases[i].args[arg] != NULL; arg++)
            assert_true(cf_slice_eq(match.args[arg], cf_slice_cstr(cases[i].args[arg])));
    }
}

static void another_method_is_told_the_known_ones(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"DELETE", "shops", "GET, HEAD, POST, OPTIONS"},
        {"PUT", "shops/" ID "/members", "GET, HEAD, POST, OPTIONS"},
        {"GET", "shops/" ID "/members/bob", "DELETE, OPTIONS"},
        {"GET", "shops/messages", "POST, PUT, OPTIONS"},
        {"PATCH", "shops/messages", "POST, PUT, OPTIONS"},
        {"GET", "shops/messages/" ID, "DELETE, OPTIONS"},
        {"POST", "shops/" ID "/messages", "GET, HEAD, OPTIONS"},
        {"POST", "shops/" ID "/messages/paginated", "GET, HEAD, OPTIONS"},
        {"POST", "shops/" ID "/messages/stream", "GET, HEAD, OPTIONS"},
        {"GET", "shops/messages/image/upload", "POST, OPTIONS"},
        {"DELETE", "shops/messages/image/upload", "POST, OPTIONS"},
        {"POST", "shops/messages/image/" ID, "GET, HEAD, DELETE, OPTIONS"},
        {"get", "shops", "GET, HEAD, POST, OPTIONS"},
        {"", "shops", "GET, HEAD, POST, OPTIONS"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_shop_match match = {.allow = NULL};
        assert_int_equal(match_path(cases[i].path, cases[i].method, &match), CF_E_UNSUPPORTED);
        assert_string_equal(match.allow, cases[i].allow);
    }
}

static void other_paths_are_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "Shops",
        "shop",
        "shops/",
        "shops/" ID,
        "shops/" ID "/",
        "shops/" ID "/member",
        "shops/" ID "/messages/",
        "shops/" ID "/messages/paginated/",
        "shops/" ID "/messages/Stream",
        "shops/" ID "/members/bob/x",
        "shops/messages/image/upload/x",
        "shops/messages/images/" ID,
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(paths); i++) {
        struct cf_shop_match match = {.allow = NULL};
        assert_int_equal(match_path(paths[i], "GET", &match), CF_E_NOT_FOUND);
    }
    struct cf_shop_match match;
    assert_int_equal(cf_shop_match(NULL, 0, CF_LIT("GET"), &match), CF_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_is_its_operation),
        cmocka_unit_test(another_method_is_told_the_known_ones),
        cmocka_unit_test(other_paths_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
