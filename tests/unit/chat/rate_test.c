/* Token buckets against a clock of the test's own. */
#include "chat/rate.h"

#include <stdio.h>

#include "unit/base/support.h"

static const uint8_t hash_key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

/* 0: one was taken; else the milliseconds to wait. */
static cf_ms take(struct cf_rates *rates, const char *user, cf_ms now)
{
    cf_ms retry_ms = -1;
    enum cf_error error = cf_rates_take(rates, cf_slice_cstr(user), now, &retry_ms);
    if (error == CF_OK) {
        assert_int_equal(retry_ms, -1);
        return 0;
    }
    assert_int_equal(error, CF_E_RATE);
    assert_true(retry_ms > 0);
    return retry_ms;
}

static struct cf_rates *ten_a_second(size_t users_max)
{
    struct cf_rates *rates = cf_rates_new(10, users_max, hash_key);
    assert_non_null(rates);
    return rates;
}

static void empty(struct cf_rates *rates, const char *user, cf_ms now)
{
    for (int i = 0; i < 10; i++)
        assert_int_equal(take(rates, user, now), 0);
    assert_int_equal(take(rates, user, now), 100);
}

static void a_burst_of_ten_then_one_in_100_ms(void **state)
{
    (void)state;
    static const cf_ms starts[] = {0, 1, 1000000, INT64_C(1) << 45};
    for (size_t i = 0; i < CF_ARRAY_LEN(starts); i++) {
        struct cf_rates *rates = ten_a_second(4);
        cf_ms now = starts[i];
        empty(rates, "ann", now);
        for (int n = 0; n < 25; n++) {
            assert_int_equal(take(rates, "ann", now + 1), 99);
            assert_int_equal(take(rates, "ann", now + 50), 50);
            assert_int_equal(take(rates, "ann", now + 99), 1);
            now += 100;
            assert_int_equal(take(rates, "ann", now), 0);
            assert_int_equal(take(rates, "ann", now), 100);
        }
        cf_rates_free(rates);
    }
}

/* Being told to wait costs nothing: who keeps asking waits no longer. */
static void a_refusal_takes_nothing(void **state)
{
    (void)state;
    struct cf_rates *rates = ten_a_second(4);
    empty(rates, "ann", 5000);
    for (cf_ms ms = 0; ms < 100; ms++)
        assert_int_equal(take(rates, "ann", 5000 + ms), 100 - ms);
    assert_int_equal(take(rates, "ann", 5100), 0);
    cf_rates_free(rates);
}

static void a_rest_fills_up_to_the_burst_and_no_further(void **state)
{
    (void)state;
    struct cf_rates *rates = ten_a_second(4);
    empty(rates, "ann", 0);
    for (int i = 0; i < 9; i++)
        assert_int_equal(take(rates, "ann", 999), 0);
    assert_int_equal(take(rates, "ann", 999), 1);
    assert_int_equal(take(rates, "ann", 1000), 0);
    empty(rates, "ann", 2000);
    empty(rates, "ann", 3600000);
    cf_rates_free(rates);
}

/* What does not divide a second: after the wait that was told there is one, a millisecond before
 * there is none. */
static void retry_times_are_exact_for_every_rate(void **state)
{
    (void)state;
    for (unsigned per_second = 1; per_second <= 1000; per_second++) {
        struct cf_rates *rates = cf_rates_new(per_second, 1, hash_key);
        assert_non_null(rates);
        cf_ms now = 777;
        for (unsigned i = 0; i < per_second; i++)
            assert_int_equal(take(rates, "ann", now), 0);
        assert_int_equal(take(rates, "ann", now), (999 + (cf_ms)per_second) / per_second);
        cf_ms first = now;
        for (unsigned i = 1; i <= 7; i++) {
            cf_ms wait = take(rates, "ann", now);
            if (wait > 1)
                assert_int_equal(take(rates, "ann", now + wait - 1), 1);
            if (wait > 0)
                assert_int_equal(take(rates, "ann", now + wait), 0);
            now += wait;
        }
        /* at most seven, and the first of them was due at 1/per_second */
        assert_true(now - first <= (7 * 1000 + (cf_ms)per_second - 1) / per_second);
        cf_rates_free(rates);
    }
}

/* Against counting: in no stretch of a second and its burst more than 2 × 10, and never less than
 * the clock has given. */
static void random_times_match_the_count(void **state)
{
    (void)state;
    uint64_t random = 20260103;
    struct cf_rates *rates = ten_a_second(4);
    cf_ms now = 1000;
    int64_t units = 10000; /* a thousandth of a token; 10 a millisecond */
    for (int step = 0; step < 20000; step++) {
        cf_ms gap = (cf_ms)random_below(&random, random_below(&random, 50) == 0 ? 2000 : 150);
        now += gap;
        units = units + 10 * gap > 10000 ? 10000 : units + 10 * gap;
        cf_ms wait = take(rates, "ann", now);
        assert_int_equal(wait, units >= 1000 ? 0 : (1000 - units + 9) / 10);
        if (wait == 0)
            units -= 1000;
    }
    cf_rates_free(rates);
}

static void users_do_not_share(void **state)
{
    (void)state;
    enum { USERS = 2000 };
    struct cf_rates *rates = ten_a_second(USERS);
    char user[16];
    for (int round = 0; round < 11; round++) {
        for (int i = 0; i < USERS; i++) {
            snprintf(user, sizeof(user), "user%d", i);
            assert_int_equal(take(rates, user, 100), round < 10 ? 0 : 100);
        }
    }
    empty(rates, "", 100); /* the one longest untouched, user0, gives way */
    assert_int_equal(take(rates, "user1", 100), 100);
    assert_int_equal(take(rates, "user0", 100), 0);
    cf_rates_free(rates);
}

/* Names are bytes: nothing is cut at a NUL, and the bucket keeps its own copy. */
static void a_user_is_its_bytes(void **state)
{
    (void)state;
    struct cf_rates *rates = ten_a_second(8);
    char name[] = {'a', '\0', 'b'};
    cf_ms retry_ms;
    for (int i = 0; i < 10; i++)
        assert_int_equal(cf_rates_take(rates, cf_slice_of(name, 3), 0, &retry_ms), CF_OK);
    name[2] = 'c';
    assert_int_equal(cf_rates_take(rates, cf_slice_of(name, 3), 0, &retry_ms), CF_OK);
    assert_int_equal(cf_rates_take(rates, cf_slice_of(name, 1), 0, &retry_ms), CF_OK);
    name[2] = 'b';
    assert_int_equal(cf_rates_take(rates, cf_slice_of(name, 3), 0, &retry_ms), CF_E_RATE);
    assert_int_equal(retry_ms, 100);
    cf_rates_free(rates);
}

/* Of busy ones the one that has been silent longest gives way; it then begins anew. */
static void the_oldest_gives_way(void **state)
{
    (void)state;
    struct cf_rates *rates = ten_a_second(3);
    empty(rates, "a", 1000);
    empty(rates, "b", 1001);
    empty(rates, "c", 1002);
    assert_int_equal(take(rates, "a", 1003), 97); /* a refusal counts as being heard */
    assert_int_equal(take(rates, "d", 1004), 0);  /* b goes */
    assert_int_equal(take(rates, "a", 1004), 96);
    assert_int_equal(take(rates, "c", 1004), 98);
    assert_int_equal(take(rates, "b", 1004), 0); /* d goes, which was heard before a and c */
    assert_int_equal(take(rates, "a", 1004), 96);
    assert_int_equal(take(rates, "c", 1004), 98);
    cf_rates_free(rates);
}

static void one_user_is_enough(void **state)
{
    (void)state;
    struct cf_rates *rates = ten_a_second(1);
    empty(rates, "a", 1000);
    assert_int_equal(take(rates, "a", 1000), 100);
    assert_int_equal(take(rates, "b", 1000), 0);
    assert_int_equal(take(rates, "a", 1000), 0);
    cf_rates_free(rates);
}

/* Full buckets are forgotten before any busy one has to give way: whoever is still busy keeps it,
 * although it is among the oldest. */
static void the_full_are_forgotten_first(void **state)
{
    (void)state;
    struct cf_rates *rates = ten_a_second(4);
    assert_int_equal(take(rates, "quiet", 1000), 0);
    assert_int_equal(take(rates, "silent", 1000), 0);
    empty(rates, "busy", 1001);
    assert_int_equal(take(rates, "new", 1101), 0); /* both are full again, and go */
    empty(rates, "newer", 1101);
    empty(rates, "newest", 1101);
    assert_int_equal(take(rates, "busy", 1101), 0);
    assert_int_equal(take(rates, "busy", 1101), 100);
    assert_int_equal(take(rates, "newer", 1101), 100);
    cf_rates_free(rates);
}

static void none_is_freed_harmlessly(void **state)
{
    (void)state;
    cf_rates_free(NULL);
    cf_rates_free(ten_a_second(1));
    assert_panics(cf_rates_new(0, 1, hash_key));
    assert_panics(cf_rates_new(1001, 1, hash_key));
    assert_panics(cf_rates_new(10, 0, hash_key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_of_ten_then_one_in_100_ms),
        cmocka_unit_test(a_refusal_takes_nothing),
        cmocka_unit_test(a_rest_fills_up_to_the_burst_and_no_further),
        cmocka_unit_test(retry_times_are_exact_for_every_rate),
        cmocka_unit_test(random_times_match_the_count),
        cmocka_unit_test(users_do_not_share),
        cmocka_unit_test(a_user_is_its_bytes),
        cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(one_user_is_enough),
        cmocka_unit_test(the_full_are_forgotten_first),
        cmocka_unit_test(none_is_freed_harmlessly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
