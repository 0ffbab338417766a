/* The short version of script/crash: power loss, failing syncs, failing writes, full disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crash/faults.h"
#include "crash/machine.h"
#include "crash/power.h"

enum { SEED = 1, SAME_IMAGES = 8, IMAGES = 160, CONTROL_IMAGES = 24, SYNCS = 40, WRITES = 40 };

static void assert_clean(const struct tally *tally)
{
    assert_int_equal(tally->lost, 0);
    assert_int_equal(tally->doubled, 0);
    assert_int_equal(tally->refused, 0);
    assert_int_equal(tally->wrong, 0);
    assert_int_equal(tally->damaged, 0);
    assert_true(tally->checked > 0);
}

static void nothing_acknowledged_is_lost(void **state)
{
    (void)state;
    struct tally tally = {0};
    print_message("seed %d\n", SEED);
    power_run(POWER_AS_SHIPPED, SEED, IMAGES, &tally);
    assert_true(tally.images >= IMAGES);
    assert_clean(&tally);
    /* Both come up: a commit that the crash cut short, and one that it came too late for. */
    assert_true(tally.unknown_there > 0);
    assert_true(tally.unknown_gone > 0);
}

/* The proof that the checks look. */
static void less_than_full_loses(void **state)
{
    (void)state;
    struct tally normal = {.quiet = true};
    power_run(POWER_NORMAL, SEED, CONTROL_IMAGES, &normal);
    assert_true(normal.lost > 0);
    assert_int_equal(normal.damaged, 0);
    struct tally lying = {.quiet = true};
    power_run(POWER_LYING_DISK, SEED, CONTROL_IMAGES, &lying);
    assert_true(lying.lost > 0);
}

static void the_same_seed_is_the_same_run(void **state)
{
    (void)state;
    struct tally tallies[2] = {{0}};
    for (size_t i = 0; i < 2; i++) {
        power_run(POWER_AS_SHIPPED, SEED + 1, SAME_IMAGES, &tallies[i]);
        (void)faults_run(FAULTS_DISK_FULL, 50, SEED, 1, &tallies[i]);
    }
    assert_true(tallies[0].trace != 0);
    assert_true(tallies[0].trace == tallies[1].trace);
}

static void run_faults(enum faults_kind kind, uint64_t k_max)
{
    struct tally tally = {0};
    for (uint64_t k = 1; k <= k_max; k++)
        assert_true(faults_run(kind, k, SEED, 1, &tally));
    assert_clean(&tally);
}

static void a_sync_that_fails(void **state)
{
    (void)state;
    run_faults(FAULTS_SYNC, SYNCS);
}

static void a_write_that_fails(void **state)
{
    (void)state;
    run_faults(FAULTS_WRITE, WRITES);
}

static void a_full_disk(void **state)
{
    (void)state;
    run_faults(FAULTS_DISK_FULL, WRITES);
    run_faults(FAULTS_QUOTA, WRITES / 8);
}

static void a_new_file(void **state)
{
    (void)state;
    struct tally tally = {0};
    bool fired = true;
    uint64_t k = 0;
    while (fired)
        assert_true(faults_run_making(FAULTS_SYNC, ++k, SEED, 1, &tally, &fired));
    assert_clean(&tally);
    assert_true(k > 8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost),
        cmocka_unit_test(less_than_full_loses),
        cmocka_unit_test(a_sync_that_fails),
        cmocka_unit_test(a_write_that_fails),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_new_file),
        cmocka_unit_test(the_same_seed_is_the_same_run),
    };
    machine_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
