#include "unit/base/support.h"

#include "base/list.h"

struct item {
    int number;
    struct cf_list link;
};

static struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};

static void init_items(struct cf_list *head)
{
    cf_list_init(head);
    for (size_t i = 0; i < CF_ARRAY_LEN(items); i++)
        cf_list_init(&items[i].link);
}

static void assert_pops(struct cf_list *head, int number)
{
    struct cf_list *node = cf_list_pop_front(head);
    assert_non_null(node);
    assert_int_equal(CF_LIST_ENTRY(node, struct item, link)->number, number);
    assert_true(cf_list_empty(node));
}

static void first_in_first_out(void **state)
{
    (void)state;
    struct cf_list head;
    init_items(&head);
    assert_null(cf_list_pop_front(&head));
    cf_list_push_back(&head, &items[0].link);
    cf_list_push_back(&head, &items[1].link);
    assert_false(cf_list_empty(&head));
    assert_pops(&head, 0);
    assert_pops(&head, 1);
    assert_true(cf_list_empty(&head));
}

static void removal_anywhere_and_twice(void **state)
{
    (void)state;
    struct cf_list head;
    init_items(&head);
    for (size_t i = 0; i < 4; i++)
        cf_list_push_back(&head, &items[i].link);
    cf_list_remove(&items[1].link);
    cf_list_remove(&items[1].link);
    cf_list_remove(&items[3].link);
    assert_pops(&head, 0);
    assert_pops(&head, 2);
    assert_null(cf_list_pop_front(&head));
}

static void splice_keeps_the_order(void **state)
{
    (void)state;
    struct cf_list head, other;
    init_items(&head);
    cf_list_init(&other);
    cf_list_splice_back(&head, &other);
    assert_true(cf_list_empty(&head));
    cf_list_push_back(&head, &items[0].link);
    for (size_t i = 1; i < 4; i++)
        cf_list_push_back(&other, &items[i].link);
    cf_list_splice_back(&head, &other);
    assert_true(cf_list_empty(&other));
    cf_list_splice_back(&other, &head);
    for (int i = 0; i < 4; i++)
        assert_pops(&other, i);
    assert_true(cf_list_empty(&head) && cf_list_empty(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(removal_anywhere_and_twice),
        cmocka_unit_test(splice_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
