/* Latencies: every value has a bucket, whose end is at most 1/128 above it. */
#include "bench/histogram.h"

#include "unit/base/support.h"

static struct cf_bench_histogram histogram, other;

static int setup(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    memset(&other, 0, sizeof(other));
    return 0;
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t ns = 0; ns < 256; ns++) {
        assert_int_equal(cf_bench_bucket(ns), ns);
        assert_int_equal(cf_bench_bucket_end((size_t)ns), ns);
    }
}

static void a_bucket_ends_where_the_next_begins(void **state)
{
    (void)state;
    uint64_t end = 0;
    for (size_t i = 0; i + 1 < CF_BENCH_BUCKETS; i++) {
        end = cf_bench_bucket_end(i);
        assert_int_equal(cf_bench_bucket(end), i);
        assert_int_equal(cf_bench_bucket(end + 1), i + 1);
    }
    assert_int_equal(end, cf_bench_bucket_end(CF_BENCH_BUCKETS - 2));
    assert_int_equal(cf_bench_bucket_end(CF_BENCH_BUCKETS - 1), (UINT64_C(1) << 42) - 1);
}

static void a_value_is_told_within_one_128th(void **state)
{
    (void)state;
    uint64_t value = 3;
    for (unsigned i = 0; value < UINT64_C(1) << 42; i++) {
        uint64_t end = cf_bench_bucket_end(cf_bench_bucket(value));
        assert_true(end >= value);
        assert_true(end - value <= value / 128);
        value += value / 3 + i;
    }
}

static void what_is_too_long_is_in_the_last_bucket(void **state)
{
    (void)state;
    assert_int_equal(cf_bench_bucket(UINT64_MAX), CF_BENCH_BUCKETS - 1);
    assert_int_equal(cf_bench_bucket(UINT64_C(1) << 42), CF_BENCH_BUCKETS - 1);
}

static void percentiles_of_one_to_a_hundred(void **state)
{
    (void)state;
    for (uint64_t ns = 100; ns > 0; ns--)
        cf_bench_histogram_add(&histogram, ns);
    assert_int_equal(cf_bench_percentile(&histogram, 0), 1);
    assert_int_equal(cf_bench_percentile(&histogram, 0.5), 50);
    assert_int_equal(cf_bench_percentile(&histogram, 0.99), 99);
    assert_int_equal(cf_bench_percentile(&histogram, 0.999), 100);
    assert_int_equal(cf_bench_percentile(&histogram, 1), 100);
}

static void without_values_there_is_nothing(void **state)
{
    (void)state;
    assert_int_equal(cf_bench_percentile(&histogram, 0.5), 0);
    assert_int_equal(cf_bench_percentile(&histogram, 1), 0);
}

static void no_percentile_is_above_the_maximum(void **state)
{
    (void)state;
    cf_bench_histogram_add(&histogram, 1000001);
    assert_int_equal(cf_bench_percentile(&histogram, 0.5), 1000001);
    assert_int_equal(histogram.max_ns, 1000001);
}

static void merged_is_as_if_added(void **state)
{
    (void)state;
    for (uint64_t ns = 1; ns <= 50; ns++)
        cf_bench_histogram_add(&histogram, ns);
    for (uint64_t ns = 51; ns <= 100; ns++)
        cf_bench_histogram_add(&other, ns);
    cf_bench_histogram_merge(&histogram, &other);
    assert_int_equal(histogram.count, 100);
    assert_int_equal(histogram.max_ns, 100);
    assert_int_equal(cf_bench_percentile(&histogram, 0.9), 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(small_values_are_exact, setup),
        cmocka_unit_test_setup(a_bucket_ends_where_the_next_begins, setup),
        cmocka_unit_test_setup(a_value_is_told_within_one_128th, setup),
        cmocka_unit_test_setup(what_is_too_long_is_in_the_last_bucket, setup),
        cmocka_unit_test_setup(percentiles_of_one_to_a_hundred, setup),
        cmocka_unit_test_setup(without_values_there_is_nothing, setup),
        cmocka_unit_test_setup(no_percentile_is_above_the_maximum, setup),
        cmocka_unit_test_setup(merged_is_as_if_added, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
