/* What a connection remembers of its last token (server/bearer.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/bearer.h"

enum { VERIFIED = 1000, EXPIRES = 5000 };

static struct cf_identity ann(void)
{
    return cf_identity_of(CF_LIT("1"), CF_LIT("Ann"), EXPIRES);
}

static void recalls_the_same_token(void **state)
{
    (void)state;
    struct cf_bearer *bearer = NULL;
    struct cf_identity kept = ann();
    struct cf_identity found = {0};
    assert_false(cf_bearer_recall(bearer, CF_LIT("a.b.c"), VERIFIED, &found));
    cf_bearer_keep(&bearer, CF_LIT("a.b.c"), VERIFIED, &kept);
    assert_true(cf_bearer_recall(bearer, CF_LIT("a.b.c"), VERIFIED, &found));
    assert_true(cf_slice_eq(cf_identity_user(&found), CF_LIT("1")));
    assert_true(cf_slice_eq(cf_identity_name(&found), CF_LIT("Ann")));
    assert_int_equal(found.expires, EXPIRES);
    cf_bearer_free(bearer);
}

/* A prefix, a longer one, another one of the same length. */
static void no_other_token(void **state)
{
    (void)state;
    struct cf_bearer *bearer = NULL;
    struct cf_identity kept = ann();
    struct cf_identity found;
    cf_bearer_keep(&bearer, CF_LIT("a.b.c"), VERIFIED, &kept);
    assert_false(cf_bearer_recall(bearer, CF_LIT("a.b."), VERIFIED, &found));
    assert_false(cf_bearer_recall(bearer, CF_LIT("a.b.cc"), VERIFIED, &found));
    assert_false(cf_bearer_recall(bearer, CF_LIT("a.b.d"), VERIFIED, &found));
    assert_false(cf_bearer_recall(bearer, CF_LIT(""), VERIFIED, &found));
    cf_bearer_free(bearer);
}

/* Hazard V18: an expired token is refused, whatever was known before. */
static void only_while_it_holds(void **state)
{
    (void)state;
    struct cf_bearer *bearer = NULL;
    struct cf_identity kept = ann();
    struct cf_identity found;
    cf_bearer_keep(&bearer, CF_LIT("a.b.c"), VERIFIED, &kept);
    assert_true(cf_bearer_recall(bearer, CF_LIT("a.b.c"), EXPIRES - 1, &found));
    assert_false(cf_bearer_recall(bearer, CF_LIT("a.b.c"), EXPIRES, &found));
    assert_false(cf_bearer_recall(bearer, CF_LIT("a.b.c"), EXPIRES + 1, &found));
    assert_false(cf_bearer_recall(bearer, CF_LIT("a.b.c"), VERIFIED - 1, &found));
    cf_bearer_free(bearer);
}

static void the_newer_one_takes_its_place(void **state)
{
    (void)state;
    struct cf_bearer *bearer = NULL;
    struct cf_identity first = ann();
    struct cf_identity second = cf_identity_of(CF_LIT("2"), CF_LIT("Bob"), EXPIRES);
    struct cf_identity found;
    cf_bearer_keep(&bearer, CF_LIT("a.b.c"), VERIFIED, &first);
    cf_bearer_keep(&bearer, CF_LIT("d.e.f"), VERIFIED, &second);
    assert_false(cf_bearer_recall(bearer, CF_LIT("a.b.c"), VERIFIED, &found));
    assert_true(cf_bearer_recall(bearer, CF_LIT("d.e.f"), VERIFIED, &found));
    assert_true(cf_slice_eq(cf_identity_user(&found), CF_LIT("2")));
    cf_bearer_free(bearer);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(recalls_the_same_token),
    cmocka_unit_test(no_other_token),
    cmocka_unit_test(only_while_it_holds),
    cmocka_unit_test(the_newer_one_takes_its_place),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
