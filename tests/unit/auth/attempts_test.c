#include "unit/base/support.h"

#include "auth/attempts.h"

static const uint8_t hash_key[16] = {3};

enum { MINUTE = 60000, UNTOUCHED = -77 };

/* The answer in one number: 0 for an attempt that passes, else the time to wait. */
static cf_ms take(struct cf_attempts *attempts, struct cf_slice key, cf_ms now)
{
    cf_ms retry_ms = UNTOUCHED;
    enum cf_error error = cf_attempts_take(attempts, key, now, &retry_ms);
    if (error == CF_OK) {
        assert_int_equal(retry_ms, UNTOUCHED);
        return 0;
    }
    assert_int_equal(error, CF_E_RATE);
    assert_true(retry_ms > 0);
    return retry_ms;
}

static cf_ms take_ann(struct cf_attempts *attempts, cf_ms now)
{
    return take(attempts, CF_LIT("ann"), now);
}

static void up_to_the_limit(void **state)
{
    (void)state;
    static const unsigned limits[] = {1, 2, 10, 1000};
    for (size_t i = 0; i < CF_ARRAY_LEN(limits); i++) {
        struct cf_attempts *attempts = cf_attempts_new(limits[i], 10, hash_key);
        assert_non_null(attempts);
        for (unsigned n = 0; n < limits[i]; n++)
            assert_int_equal(take_ann(attempts, 5000), 0);
        assert_int_equal(take_ann(attempts, 5000), MINUTE);
        assert_int_equal(take(attempts, CF_LIT("bob"), 5000), 0);
        cf_attempts_free(attempts);
    }
    cf_attempts_free(NULL);
}

/* It slides: each attempt leaves the window by itself, to the millisecond. */
static void the_window_slides(void **state)
{
    (void)state;
    struct cf_attempts *attempts = cf_attempts_new(3, 10, hash_key);
    assert_non_null(attempts);
    assert_int_equal(take_ann(attempts, 1000), 0);
    assert_int_equal(take_ann(attempts, 21000), 0);
    assert_int_equal(take_ann(attempts, 41000), 0);
    assert_int_equal(take_ann(attempts, 41000), 20000);
    assert_int_equal(take_ann(attempts, 60999), 1);
    assert_int_equal(take_ann(attempts, 61000), 0);
    assert_int_equal(take_ann(attempts, 61000), 20000);
    assert_int_equal(take_ann(attempts, 80999), 1);
    assert_int_equal(take_ann(attempts, 81000), 0);
    assert_int_equal(take_ann(attempts, 101000), 0);
    assert_int_equal(take_ann(attempts, 101001), 61000 + MINUTE - 101001);
    cf_attempts_free(attempts);
}

static void refused_attempts_do_not_count(void **state)
{
    (void)state;
    struct cf_attempts *attempts = cf_attempts_new(2, 10, hash_key);
    assert_non_null(attempts);
    assert_int_equal(take_ann(attempts, 0), 0);
    assert_int_equal(take_ann(attempts, 0), 0);
    for (cf_ms now = 1; now < MINUTE; now += 7)
        assert_int_equal(take_ann(attempts, now), MINUTE - now);
    assert_int_equal(take_ann(attempts, MINUTE), 0);
    assert_int_equal(take_ann(attempts, MINUTE), 0);
    assert_int_equal(take_ann(attempts, MINUTE), MINUTE);
    cf_attempts_free(attempts);
}

/* Against a list of all attempts that passed: at most so many in any window, and refused only when
 * it must be. */
static void as_a_plain_list_would_have_it(void **state)
{
    (void)state;
    enum { LIMIT = 5, STEPS = 20000 };
    static cf_ms passed[STEPS];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        uint64_t random = seed;
        struct cf_attempts *attempts = cf_attempts_new(LIMIT, 10, hash_key);
        assert_non_null(attempts);
        size_t count = 0;
        cf_ms now = 1000;
        for (unsigned i = 0; i < STEPS; i++) {
            now += (cf_ms)random_below(&random, seed % 2 == 0 ? 12000 : 40000);
            cf_ms wait = take_ann(attempts, now);
            if (count >= LIMIT && now - passed[count - LIMIT] < MINUTE) {
                assert_int_equal(wait, passed[count - LIMIT] + MINUTE - now);
            } else {
                assert_int_equal(wait, 0);
                passed[count++] = now;
            }
        }
        assert_true(count > STEPS / 3 && count < STEPS);
        cf_attempts_free(attempts);
    }
}

static struct cf_slice numbered(unsigned number)
{
    static char text[20];
    return cf_slice_of(text, cf_u64_format(number, text));
}

/* A full table forgets who has been quiet longest; who was refused was not quiet. */
static void the_idlest_gives_way(void **state)
{
    (void)state;
    struct cf_attempts *attempts = cf_attempts_new(1, 3, hash_key);
    assert_non_null(attempts);
    assert_int_equal(take(attempts, CF_LIT("a"), 0), 0);
    assert_int_equal(take(attempts, CF_LIT("b"), 1), 0);
    assert_int_equal(take(attempts, CF_LIT("c"), 2), 0);
    assert_int_equal(take(attempts, CF_LIT("a"), 3), MINUTE - 3);
    assert_int_equal(take(attempts, CF_LIT("d"), 4), 0); /* instead of b */
    assert_int_equal(take(attempts, CF_LIT("a"), 5), MINUTE - 5);
    assert_int_equal(take(attempts, CF_LIT("c"), 6), 2 + MINUTE - 6);
    assert_int_equal(take(attempts, CF_LIT("d"), 7), 4 + MINUTE - 7);
    assert_int_equal(take(attempts, CF_LIT("b"), 8), 0); /* instead of a */
    assert_int_equal(take(attempts, CF_LIT("a"), 9), 0); /* instead of c */
    assert_int_equal(take(attempts, CF_LIT("d"), 10), 4 + MINUTE - 10);
    cf_attempts_free(attempts);
}

static void one_key_at_a_time(void **state)
{
    (void)state;
    struct cf_attempts *attempts = cf_attempts_new(1, 1, hash_key);
    assert_non_null(attempts);
    assert_int_equal(take(attempts, CF_LIT("a"), 0), 0);
    assert_int_equal(take(attempts, CF_LIT("a"), 1), MINUTE - 1);
    assert_int_equal(take(attempts, CF_LIT("b"), 2), 0);
    assert_int_equal(take(attempts, CF_LIT("a"), 3), 0);
    cf_attempts_free(attempts);
}

/* At keys_max - 1, keys_max and keys_max + 1. */
static void the_limit_of_keys(void **state)
{
    (void)state;
    enum { KEYS = 1000 };
    for (unsigned keys = KEYS - 1; keys <= KEYS + 1; keys++) {
        struct cf_attempts *attempts = cf_attempts_new(1, KEYS, hash_key);
        assert_non_null(attempts);
        for (unsigned i = 0; i < keys; i++)
            assert_int_equal(take(attempts, numbered(i), 100), 0);
        /* The last first, or every question would push out the next. */
        for (unsigned i = keys; i-- > 1;)
            assert_int_equal(take(attempts, numbered(i), 200), MINUTE - 100);
        assert_int_equal(take(attempts, numbered(0), 200), keys > KEYS ? 0 : MINUTE - 100);
        cf_attempts_free(attempts);
    }
}

/* Forgotten is who can be: a millisecond earlier the attempt still counts. */
static void nobody_is_forgotten_early(void **state)
{
    (void)state;
    struct cf_attempts *attempts = cf_attempts_new(1, 10, hash_key);
    assert_non_null(attempts);
    assert_int_equal(take_ann(attempts, 0), 0);
    assert_int_equal(take(attempts, CF_LIT("bob"), MINUTE - 1), 0);
    assert_int_equal(take_ann(attempts, MINUTE - 1), 1);
    cf_attempts_free(attempts);
}

/* Who comes back after a minute starts anew, however many others there are. */
static void quiet_keys_are_forgotten(void **state)
{
    (void)state;
    struct cf_attempts *attempts = cf_attempts_new(2, 100000, hash_key);
    assert_non_null(attempts);
    for (unsigned i = 0; i < 5000; i++) {
        assert_int_equal(take(attempts, numbered(i), i), 0);
        assert_int_equal(take(attempts, numbered(i), i), 0);
        assert_int_equal(take(attempts, numbered(i), i), MINUTE);
    }
    for (unsigned i = 0; i < 5000; i++) {
        cf_ms now = (cf_ms)i + MINUTE;
        assert_int_equal(take(attempts, numbered(i), now), 0);
        assert_int_equal(take(attempts, numbered(i), now), 0);
        assert_int_equal(take(attempts, numbered(i), now), MINUTE);
    }
    cf_attempts_free(attempts);
}

static void keys_are_bytes(void **state)
{
    (void)state;
    uint8_t key[256];
    struct cf_attempts *attempts = cf_attempts_new(1, 10, hash_key);
    assert_non_null(attempts);
    memset(key, 'k', sizeof(key));
    assert_int_equal(take(attempts, (struct cf_slice){NULL, 0}, 0), 0);
    assert_int_equal(take(attempts, CF_LIT(""), 0), MINUTE);
    assert_int_equal(take(attempts, cf_slice_of("a\0b", 3), 0), 0);
    assert_int_equal(take(attempts, cf_slice_of("a\0c", 3), 0), 0);
    assert_int_equal(take(attempts, cf_slice_of("a", 1), 0), 0);
    /* 254 and 255 bytes differ; of 256 only 255 count. */
    assert_int_equal(take(attempts, cf_slice_of(key, 254), 0), 0);
    assert_int_equal(take(attempts, cf_slice_of(key, 255), 0), 0);
    assert_int_equal(take(attempts, cf_slice_of(key, 256), 0), MINUTE);
    /* The key is copied. */
    memset(key, 'x', sizeof(key));
    assert_int_equal(take(attempts, cf_slice_of(key, 255), 0), 0);
    cf_attempts_free(attempts);
}

/* The loops of several workers share a table, and their clocks are some milliseconds apart. */
static void clocks_that_differ_a_little(void **state)
{
    (void)state;
    struct cf_attempts *attempts = cf_attempts_new(2, 10, hash_key);
    assert_non_null(attempts);
    assert_int_equal(take_ann(attempts, 1005), 0);
    assert_int_equal(take_ann(attempts, 1000), 0);
    assert_int_equal(take_ann(attempts, 1002), 1005 + MINUTE - 1002);
    assert_int_equal(take_ann(attempts, 1005 + MINUTE), 0);
    cf_attempts_free(attempts);
}

static void limits_are_ours(void **state)
{
    (void)state;
    assert_panics((void)cf_attempts_new(0, 1, hash_key));
    assert_panics((void)cf_attempts_new(1001, 1, hash_key));
    assert_panics((void)cf_attempts_new(1, 0, hash_key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_the_limit),
        cmocka_unit_test(the_window_slides),
        cmocka_unit_test(refused_attempts_do_not_count),
        cmocka_unit_test(as_a_plain_list_would_have_it),
        cmocka_unit_test(the_idlest_gives_way),
        cmocka_unit_test(one_key_at_a_time),
        cmocka_unit_test(the_limit_of_keys),
        cmocka_unit_test(nobody_is_forgotten_early),
        cmocka_unit_test(quiet_keys_are_forgotten),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(clocks_that_differ_a_little),
        cmocka_unit_test(limits_are_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
