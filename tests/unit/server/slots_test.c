/* Tickets: a handle of something that is gone finds nothing, whatever took its place (V29). */
#include "server/slots.h"

#include "unit/base/support.h"

enum { FIRST_CAP = 64, MANY = 1000 };

static uint64_t put(struct cf_slots *slots, void *value)
{
    uint64_t ticket = 0;
    assert_int_equal(cf_slots_put(slots, value, &ticket), CF_OK);
    assert_true(ticket != 0);
    return ticket;
}

static void a_ticket_finds_its_value(void **state)
{
    (void)state;
    struct cf_slots slots;
    int a, b;
    cf_slots_init(&slots);
    assert_null(slots.slots); /* nothing allocated before the first put */
    uint64_t first = put(&slots, &a), second = put(&slots, &b);
    assert_true(first != second);
    assert_ptr_equal(cf_slots_get(&slots, first), &a);
    assert_ptr_equal(cf_slots_get(&slots, second), &b);
    assert_int_equal(first, (uint64_t)1 << 32);
    assert_int_equal(second, ((uint64_t)1 << 32) + 1);
    cf_slots_deinit(&slots);
}

static void tickets_that_were_never_given_find_nothing(void **state)
{
    (void)state;
    struct cf_slots slots;
    int a;
    cf_slots_init(&slots);
    assert_null(cf_slots_get(&slots, 0));
    assert_null(cf_slots_get(&slots, (uint64_t)1 << 32));
    uint64_t ticket = put(&slots, &a);
    assert_null(cf_slots_get(&slots, 0));
    assert_null(cf_slots_get(&slots, ticket + 1)); /* a free slot */
    assert_null(cf_slots_get(&slots, ticket + FIRST_CAP));
    assert_null(cf_slots_get(&slots, ticket + ((uint64_t)1 << 32)));
    assert_null(cf_slots_get(&slots, UINT64_MAX));
    cf_slots_deinit(&slots);
}

static void a_slot_is_used_again_but_not_its_ticket(void **state)
{
    (void)state;
    struct cf_slots slots;
    int a, b;
    cf_slots_init(&slots);
    uint64_t old[MANY], ticket = put(&slots, &a);
    for (size_t i = 0; i < MANY; i++) {
        old[i] = ticket;
        cf_slots_remove(&slots, ticket);
        assert_null(cf_slots_get(&slots, ticket));
        ticket = put(&slots, i % 2 == 0 ? &b : &a);
        assert_int_equal((uint32_t)ticket, (uint32_t)old[0]);
    }
    for (size_t i = 0; i < MANY; i++)
        assert_null(cf_slots_get(&slots, old[i]));
    assert_ptr_equal(cf_slots_get(&slots, ticket), &a);
    assert_int_equal(slots.used, 1);
    assert_int_equal(slots.cap, FIRST_CAP);
    cf_slots_deinit(&slots);
}

/* Generations start anew after the last one, and never with 0. */
static void generations_wrap_past_zero(void **state)
{
    (void)state;
    struct cf_slots slots;
    int a;
    cf_slots_init(&slots);
    cf_slots_remove(&slots, put(&slots, &a));
    slots.slots[0].generation = UINT32_MAX;
    uint64_t last = put(&slots, &a);
    assert_int_equal(last, (uint64_t)UINT32_MAX << 32);
    cf_slots_remove(&slots, last);
    assert_int_equal(put(&slots, &a), (uint64_t)1 << 32);
    assert_null(cf_slots_get(&slots, last));
    cf_slots_deinit(&slots);
}

static void growth_keeps_the_tickets(void **state)
{
    (void)state;
    struct cf_slots slots;
    static int values[MANY];
    static uint64_t tickets[MANY];
    cf_slots_init(&slots);
    for (size_t i = 0; i < MANY; i++) {
        tickets[i] = put(&slots, &values[i]);
        assert_int_equal((uint32_t)tickets[i], i);
        uint32_t cap = FIRST_CAP;
        while (cap <= i)
            cap *= 2;
        assert_int_equal(slots.cap, cap);
    }
    for (size_t i = 0; i < MANY; i++)
        assert_ptr_equal(cf_slots_get(&slots, tickets[i]), &values[i]);
    for (size_t i = 0; i < MANY; i += 3)
        cf_slots_remove(&slots, tickets[i]);
    for (size_t i = 0; i < MANY; i++)
        assert_ptr_equal(cf_slots_get(&slots, tickets[i]), i % 3 == 0 ? NULL : &values[i]);
    for (size_t i = 0; i < MANY; i += 3)
        (void)put(&slots, &values[i]);
    assert_int_equal(slots.used, MANY); /* what was given back was taken again */
    assert_int_equal(slots.cap, 1024);
    cf_slots_deinit(&slots);
    assert_null(slots.slots);
    cf_slots_deinit(&slots);
}

/* Random puts and removes beside a plain table. */
static void random_use_agrees_with_a_table(void **state)
{
    (void)state;
    enum { STEPS = 100000, LIVE = 300 };
    struct cf_slots slots;
    uint64_t seed = 7, live[LIVE] = {0}, gone = 0;
    static int values[LIVE];
    cf_slots_init(&slots);
    for (int i = 0; i < STEPS; i++) {
        size_t at = random_below(&seed, LIVE);
        if (live[at] == 0) {
            live[at] = put(&slots, &values[at]);
        } else {
            assert_ptr_equal(cf_slots_get(&slots, live[at]), &values[at]);
            gone = live[at];
            cf_slots_remove(&slots, live[at]);
            live[at] = 0;
        }
        if (gone != 0)
            assert_null(cf_slots_get(&slots, gone));
    }
    assert_true(slots.cap <= 512);
    cf_slots_deinit(&slots);
}

static void misuse_is_a_broken_invariant(void **state)
{
    (void)state;
    struct cf_slots slots;
    int a;
    cf_slots_init(&slots);
    uint64_t ticket;
    assert_panics(cf_slots_put(&slots, NULL, &ticket));
    ticket = put(&slots, &a);
    cf_slots_remove(&slots, ticket);
    assert_panics(cf_slots_remove(&slots, ticket));
    assert_panics(cf_slots_remove(&slots, ticket + 1));
    cf_slots_deinit(&slots);
}

/* A walk meets each value once, in the order of the slots, and what is taken out behind it does not
 * disturb it. */
static void a_walk_meets_each_value(void **state)
{
    (void)state;
    struct cf_slots slots;
    uint64_t tickets[MANY];
    int values[MANY];
    uint32_t cursor = 0;
    cf_slots_init(&slots);
    assert_null(cf_slots_next(&slots, &cursor));
    for (size_t i = 0; i < MANY; i++)
        tickets[i] = put(&slots, &values[i]);
    assert_int_equal(slots.count, MANY);
    for (size_t i = 0; i < MANY; i += 3)
        cf_slots_remove(&slots, tickets[i]);
    assert_null(cf_slots_at(&slots, 0));
    assert_ptr_equal(cf_slots_at(&slots, 1), &values[1]);
    assert_null(cf_slots_at(&slots, UINT32_MAX));
    for (size_t i = 0; i < MANY; i++) {
        if (i % 3 == 0)
            continue;
        assert_ptr_equal(cf_slots_next(&slots, &cursor), &values[i]);
        cf_slots_remove(&slots, tickets[i]);
    }
    assert_null(cf_slots_next(&slots, &cursor));
    assert_int_equal(slots.count, 0);
    cf_slots_deinit(&slots);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_finds_its_value),
        cmocka_unit_test(tickets_that_were_never_given_find_nothing),
        cmocka_unit_test(a_slot_is_used_again_but_not_its_ticket),
        cmocka_unit_test(generations_wrap_past_zero),
        cmocka_unit_test(growth_keeps_the_tickets),
        cmocka_unit_test(random_use_agrees_with_a_table),
        cmocka_unit_test(misuse_is_a_broken_invariant),
        cmocka_unit_test(a_walk_meets_each_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
