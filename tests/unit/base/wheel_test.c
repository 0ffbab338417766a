#include "unit/base/support.h"

#include "base/wheel.h"

static const cf_ms range = (cf_ms)1 << 36; /* what the levels cover */

static void an_empty_wheel_never_calls(void **state)
{
    (void)state;
    struct cf_wheel wheel;
    cf_wheel_init(&wheel, 1000);
    assert_true(cf_wheel_next(&wheel) == CF_MS_NEVER);
    assert_null(cf_wheel_pop(&wheel, 5000));
    assert_null(cf_wheel_pop(&wheel, CF_MS_NEVER));
    assert_true(cf_wheel_next(&wheel) == CF_MS_NEVER);
    assert_panics(cf_wheel_init(&wheel, -1));
}

/* One timer at each distance around every power of two, from several starts: it is due at its
 * deadline and not a millisecond before. */
static void exact_to_the_millisecond(void **state)
{
    (void)state;
    static const cf_ms starts[] = {0, 1, 63, 64, 4095, 1767454200123, ((cf_ms)1 << 36) - 1};
    for (size_t s = 0; s < CF_ARRAY_LEN(starts); s++) {
        for (unsigned bits = 0; bits < 45; bits++) {
            for (cf_ms offset = -1; offset <= 1; offset++) {
                cf_ms deadline = starts[s] + ((cf_ms)1 << bits) + offset;
                struct cf_wheel wheel;
                struct cf_timer timer;
                cf_wheel_init(&wheel, starts[s]);
                cf_timer_init(&timer);
                cf_wheel_set(&wheel, &timer, deadline);
                assert_true(cf_wheel_next(&wheel) <= deadline);
                if (deadline > starts[s])
                    assert_null(cf_wheel_pop(&wheel, deadline - 1));
                assert_true(cf_timer_armed(&timer));
                assert_true(cf_wheel_next(&wheel) <= deadline);
                assert_ptr_equal(cf_wheel_pop(&wheel, deadline), &timer);
                assert_false(cf_timer_armed(&timer));
                assert_null(cf_wheel_pop(&wheel, deadline));
                assert_int_equal(wheel.count, 0);
            }
        }
    }
}

static void the_past_is_due_at_the_next_pop(void **state)
{
    (void)state;
    struct cf_wheel wheel;
    struct cf_timer timers[3];
    cf_wheel_init(&wheel, 5000);
    for (size_t i = 0; i < 3; i++)
        cf_timer_init(&timers[i]);
    cf_wheel_set(&wheel, &timers[0], 5000);
    cf_wheel_set(&wheel, &timers[1], 10);
    cf_wheel_set(&wheel, &timers[2], -7);
    assert_true(cf_wheel_next(&wheel) <= 5000);
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(cf_wheel_pop(&wheel, 5000), &timers[i]);
    assert_null(cf_wheel_pop(&wheel, 5000));
}

static void never_disarms(void **state)
{
    (void)state;
    struct cf_wheel wheel;
    struct cf_timer timer;
    cf_wheel_init(&wheel, 0);
    cf_timer_init(&timer);
    cf_wheel_set(&wheel, &timer, CF_MS_NEVER);
    assert_false(cf_timer_armed(&timer));
    cf_wheel_set(&wheel, &timer, 10);
    cf_wheel_set(&wheel, &timer, CF_MS_NEVER);
    assert_false(cf_timer_armed(&timer));
    assert_true(cf_wheel_next(&wheel) == CF_MS_NEVER);
    assert_null(cf_wheel_pop(&wheel, CF_MS_NEVER - 1));
    assert_int_equal(wheel.count, 0);
}

/* The latest deadline that is one, and a wheel at the end of time. */
static void the_end_of_time(void **state)
{
    (void)state;
    struct cf_wheel wheel;
    struct cf_timer timer;
    cf_wheel_init(&wheel, 0);
    cf_timer_init(&timer);
    cf_wheel_set(&wheel, &timer, CF_MS_NEVER - 1);
    assert_true(cf_wheel_next(&wheel) == range);
    assert_null(cf_wheel_pop(&wheel, CF_MS_NEVER - 2));
    assert_true(cf_wheel_next(&wheel) == CF_MS_NEVER - 1);
    assert_ptr_equal(cf_wheel_pop(&wheel, CF_MS_NEVER - 1), &timer);
}

static void stop_and_move(void **state)
{
    (void)state;
    struct cf_wheel wheel;
    struct cf_timer a, b;
    cf_wheel_init(&wheel, 0);
    cf_timer_init(&a);
    cf_timer_init(&b);
    cf_wheel_stop(&wheel, &a);
    cf_wheel_set(&wheel, &a, 100);
    cf_wheel_set(&wheel, &b, 100);
    cf_wheel_set(&wheel, &a, 200000);
    assert_int_equal(wheel.count, 2);
    assert_ptr_equal(cf_wheel_pop(&wheel, 150), &b);
    assert_null(cf_wheel_pop(&wheel, 199999));
    cf_wheel_stop(&wheel, &a);
    cf_wheel_stop(&wheel, &a);
    assert_true(cf_wheel_next(&wheel) == CF_MS_NEVER);
    assert_null(cf_wheel_pop(&wheel, 300000));
    assert_int_equal(wheel.count, 0);
}

/* The handler of one timer may stop or move another that is due at the same pop. */
static void a_due_timer_can_be_stopped_and_moved(void **state)
{
    (void)state;
    struct cf_wheel wheel;
    struct cf_timer timers[3];
    cf_wheel_init(&wheel, 0);
    for (size_t i = 0; i < 3; i++) {
        cf_timer_init(&timers[i]);
        cf_wheel_set(&wheel, &timers[i], 50);
    }
    assert_ptr_equal(cf_wheel_pop(&wheel, 70), &timers[0]);
    cf_wheel_stop(&wheel, &timers[1]);
    cf_wheel_set(&wheel, &timers[2], 71);
    assert_null(cf_wheel_pop(&wheel, 70));
    assert_int_equal(wheel.count, 1);
    assert_ptr_equal(cf_wheel_pop(&wheel, 71), &timers[2]);
    assert_null(cf_wheel_pop(&wheel, 1000));
}

static void time_that_goes_back_changes_nothing(void **state)
{
    (void)state;
    struct cf_wheel wheel;
    struct cf_timer timer;
    cf_wheel_init(&wheel, 1000);
    cf_timer_init(&timer);
    cf_wheel_set(&wheel, &timer, 1500);
    assert_null(cf_wheel_pop(&wheel, 1400));
    assert_null(cf_wheel_pop(&wheel, 900));
    /* By now the timer is at the lowest level, where a time before its slot would misplace it. */
    assert_null(cf_wheel_pop(&wheel, 1480));
    assert_null(cf_wheel_pop(&wheel, 900));
    assert_true(cf_wheel_next(&wheel) == 1500);
    assert_null(cf_wheel_pop(&wheel, 1499));
    assert_ptr_equal(cf_wheel_pop(&wheel, 1500), &timer);
}

enum { TIMERS = 300 };

struct model {
    struct cf_wheel wheel;
    struct cf_timer timers[TIMERS];
    bool armed[TIMERS];
    cf_ms deadline[TIMERS];
    cf_ms now;
    size_t fired;
};

/* A span of any size up to 2^40 ms: each power of two as likely as the next. */
static cf_ms random_span(uint64_t *seed)
{
    return (cf_ms)(next_random(seed) >> (24 + random_below(seed, 40)));
}

static void set_random(struct model *model, uint64_t *seed)
{
    size_t i = random_below(seed, TIMERS);
    cf_ms deadline = model->now + random_span(seed);
    if (random_below(seed, 20) == 0)
        deadline = model->now - random_span(seed);
    if (random_below(seed, 50) == 0)
        deadline = CF_MS_NEVER;
    cf_wheel_set(&model->wheel, &model->timers[i], deadline);
    model->armed[i] = deadline != CF_MS_NEVER;
    model->deadline[i] = deadline;
}

static void stop_random(struct model *model, uint64_t *seed)
{
    size_t i = random_below(seed, TIMERS);
    cf_wheel_stop(&model->wheel, &model->timers[i]);
    model->armed[i] = false;
}

/* The number of armed timers and their earliest deadline. */
static size_t survey(const struct model *model, cf_ms *out_earliest)
{
    size_t count = 0;
    *out_earliest = CF_MS_NEVER;
    for (size_t i = 0; i < TIMERS; i++) {
        assert_int_equal(cf_timer_armed(&model->timers[i]), model->armed[i]);
        if (!model->armed[i])
            continue;
        count++;
        *out_earliest = model->deadline[i] < *out_earliest ? model->deadline[i] : *out_earliest;
    }
    return count;
}

/* Everything due comes, in the order of the deadlines behind those that were armed in the past. */
static void advance(struct model *model, cf_ms to)
{
    cf_ms before = model->now, last = before;
    model->now = to;
    struct cf_timer *timer;
    while ((timer = cf_wheel_pop(&model->wheel, to)) != NULL) {
        size_t i = (size_t)(timer - model->timers);
        assert_true(model->armed[i]);
        assert_true(model->deadline[i] <= to);
        assert_true(model->deadline[i] >= last || (model->deadline[i] <= before && last == before));
        last = model->deadline[i] > before ? model->deadline[i] : last;
        model->armed[i] = false;
        model->fired++;
    }
    cf_ms earliest;
    survey(model, &earliest);
    assert_true(earliest > to);
}

static void check_next(const struct model *model)
{
    cf_ms earliest, next = cf_wheel_next(&model->wheel);
    assert_int_equal(survey(model, &earliest), model->wheel.count);
    if (earliest == CF_MS_NEVER)
        assert_true(next == CF_MS_NEVER);
    else if (earliest <= model->now)
        assert_true(next <= model->now);
    else
        assert_true(next <= earliest && next > model->now);
}

static void it_does_as_the_model(void **state)
{
    (void)state;
    static struct model model;
    size_t fired = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        uint64_t random = seed;
        memset(&model, 0, sizeof(model));
        model.now = random_span(&random);
        cf_wheel_init(&model.wheel, model.now);
        for (size_t i = 0; i < TIMERS; i++)
            cf_timer_init(&model.timers[i]);
        for (unsigned step = 0; step < 5000; step++) {
            size_t choice = random_below(&random, 10);
            if (choice < 7)
                set_random(&model, &random);
            else if (choice < 8)
                stop_random(&model, &random);
            else
                advance(&model, model.now + (random_span(&random) >> random_below(&random, 20)));
            check_next(&model);
        }
        fired += model.fired;
    }
    assert_true(fired > 5000);
}

/* A driver that sleeps until cf_wheel_next meets every deadline exactly, and is not woken more
 * often than a timer can change its place: once a level and once for the far. */
static void a_driver_that_follows_next_is_exact(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static struct cf_timer timers[COUNT];
    uint64_t seed = 77;
    struct cf_wheel wheel;
    cf_wheel_init(&wheel, 123456789);
    for (size_t i = 0; i < COUNT; i++) {
        cf_timer_init(&timers[i]);
        cf_wheel_set(&wheel, &timers[i], 123456789 + (random_span(&seed) >> 3));
    }
    size_t fired = 0, wakes = 0;
    while (wheel.count > 0) {
        cf_ms now = cf_wheel_next(&wheel);
        struct cf_timer *timer;
        for (wakes++; (timer = cf_wheel_pop(&wheel, now)) != NULL; fired++)
            assert_true(timer->deadline == now);
    }
    assert_int_equal(fired, COUNT);
    assert_true(wakes <= COUNT * (CF_WHEEL_LEVELS + 1));
}

/* Jumps of thousands of years: a wheel that walked its slots would not come back from this. */
static void huge_jumps_cost_what_is_armed(void **state)
{
    (void)state;
    struct cf_wheel wheel;
    struct cf_timer near, far;
    cf_wheel_init(&wheel, 0);
    cf_timer_init(&near);
    cf_timer_init(&far);
    for (cf_ms now = 0; now < CF_MS_NEVER / 2; now += (cf_ms)1 << 53) {
        cf_wheel_set(&wheel, &near, now + 5000);
        cf_wheel_set(&wheel, &far, now + ((cf_ms)1 << 53));
        assert_ptr_equal(cf_wheel_pop(&wheel, now + ((cf_ms)1 << 53) - 1), &near);
        assert_null(cf_wheel_pop(&wheel, now + ((cf_ms)1 << 53) - 1));
        assert_ptr_equal(cf_wheel_pop(&wheel, now + ((cf_ms)1 << 53)), &far);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_wheel_never_calls),
        cmocka_unit_test(exact_to_the_millisecond),
        cmocka_unit_test(the_past_is_due_at_the_next_pop),
        cmocka_unit_test(never_disarms),
        cmocka_unit_test(the_end_of_time),
        cmocka_unit_test(stop_and_move),
        cmocka_unit_test(a_due_timer_can_be_stopped_and_moved),
        cmocka_unit_test(time_that_goes_back_changes_nothing),
        cmocka_unit_test(it_does_as_the_model),
        cmocka_unit_test(a_driver_that_follows_next_is_exact),
        cmocka_unit_test(huge_jumps_cost_what_is_armed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
