#include "unit/base/support.h"

#include <pthread.h>

#include "base/shared.h"

static void a_copy_with_one_reference(void **state)
{
    (void)state;
    char text[] = "hello";
    struct cf_shared *shared = cf_shared_new(cf_slice_of(text, 5));
    assert_non_null(shared);
    text[0] = 'j';
    assert_slice_equal(cf_shared_peek(shared), "hello");
    assert_int_equal(atomic_load(&shared->refs), 1);
    assert_ptr_equal(cf_shared_ref(shared), shared);
    assert_int_equal(atomic_load(&shared->refs), 2);
    cf_shared_unref(shared);
    assert_slice_equal(cf_shared_peek(shared), "hello");
    cf_shared_unref(shared);
    cf_shared_unref(NULL);
}

static void empty_and_huge(void **state)
{
    (void)state;
    struct cf_shared *shared = cf_shared_new((struct cf_slice){NULL, 0});
    assert_non_null(shared);
    assert_int_equal(cf_shared_peek(shared).len, 0);
    cf_shared_unref(shared);
    assert_null(cf_shared_new_uninit(SIZE_MAX));
    assert_null(cf_shared_new_uninit(SIZE_MAX / 2));
}

static void *ref_and_unref(void *argument)
{
    struct cf_shared *shared = argument;
    for (unsigned i = 0; i < 100000; i++)
        cf_shared_unref(cf_shared_ref(shared));
    cf_shared_unref(shared);
    return NULL;
}

/* The thread that happens to be last frees, and none before: the sanitizers look on. */
static void threads_share_the_count(void **state)
{
    (void)state;
    struct cf_shared *shared = cf_shared_new(CF_LIT("shared"));
    assert_non_null(shared);
    pthread_t threads[4];
    for (size_t i = 0; i < CF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, cf_shared_ref(shared)),
                         0);
    cf_shared_unref(shared);
    for (size_t i = 0; i < CF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_with_one_reference),
        cmocka_unit_test(empty_and_huge),
        cmocka_unit_test(threads_share_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
