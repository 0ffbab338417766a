/* Turns, timers, wake-ups and mailboxes. */
#include <pthread.h>

#include "edge/uv/mailbox.h"
#include "integration/uv/rig.h"

struct clock_timer {
    struct cf_loop_timer timer;
    struct rig *rig;
    cf_ms deadline, fired_at;
    unsigned order;
};

static unsigned fired_count;

static void on_fire(struct cf_loop_timer *timer)
{
    struct clock_timer *t = CF_CONTAINER_OF(timer, struct clock_timer, timer);
    t->fired_at = cf_loop_now(t->rig->loop).ms;
    t->order = ++fired_count;
}

static void set_timer_for(struct rig *rig, struct clock_timer *t, cf_ms wait_ms,
                          void (*fire)(struct cf_loop_timer *timer))
{
    *t = (struct clock_timer){.rig = rig, .deadline = cf_loop_now(rig->loop).ms + wait_ms};
    cf_loop_timer_init(&t->timer, fire);
    cf_loop_timer_set(rig->loop, &t->timer, t->deadline);
}

static void set_timer(struct rig *rig, struct clock_timer *t, cf_ms wait_ms)
{
    set_timer_for(rig, t, wait_ms, on_fire);
}

static bool three_fired(struct rig *rig)
{
    (void)rig;
    return fired_count == 3;
}

static void timers_fire_in_order_and_never_early(void **state)
{
    (void)state;
    struct rig rig;
    struct clock_timer a, b, c, stopped;
    fired_count = 0;
    rig_init(&rig);
    set_timer(&rig, &a, 30);
    set_timer(&rig, &b, 0);
    set_timer(&rig, &c, 10);
    set_timer(&rig, &stopped, 5);
    cf_loop_timer_stop(rig.loop, &stopped.timer);
    rig_run(&rig, three_fired);
    assert_int_equal(b.order, 1);
    assert_int_equal(c.order, 2);
    assert_int_equal(a.order, 3);
    assert_true(a.fired_at >= a.deadline);
    assert_true(b.fired_at >= b.deadline);
    assert_true(c.fired_at >= c.deadline);
    assert_true(a.fired_at < a.deadline + 1000);
    assert_int_equal(stopped.order, 0);
    rig_deinit(&rig);
}

static unsigned past_fired;

static void on_fire_again(struct cf_loop_timer *timer)
{
    struct clock_timer *t = CF_CONTAINER_OF(timer, struct clock_timer, timer);
    past_fired++;
    cf_loop_timer_set(t->rig->loop, &t->timer, cf_loop_now(t->rig->loop).ms - 1);
}

static bool ten_turns(struct rig *rig)
{
    return rig->turns >= 10;
}

/* A timer that is always due takes one firing a turn, not the loop. */
static void timer_in_the_past_leaves_the_turn_alone(void **state)
{
    (void)state;
    struct rig rig;
    struct clock_timer t;
    past_fired = 0;
    rig_init(&rig);
    set_timer_for(&rig, &t, 0, on_fire_again);
    rig_run(&rig, ten_turns);
    assert_in_range(past_fired, 1, 10);
    cf_loop_timer_stop(rig.loop, &t.timer);
    rig_deinit(&rig);
}

static struct cf_now seen[3];

static void on_fire_look(struct cf_loop_timer *timer)
{
    struct clock_timer *t = CF_CONTAINER_OF(timer, struct clock_timer, timer);
    seen[0] = cf_loop_now(t->rig->loop);
    uint64_t until = uv_hrtime() + 5000000; /* 5 ms of work */
    while (uv_hrtime() < until)
        ;
    seen[1] = cf_loop_now(t->rig->loop);
    t->order = ++fired_count;
}

/* At the end of the turn that the first timer fired in; a turn more may come before the second. */
static bool looked_again(struct rig *rig)
{
    if (fired_count == 1 && seen[2].ms == 0)
        seen[2] = cf_loop_now(rig->loop);
    return fired_count == 2;
}

static void time_stands_still_in_a_turn_and_moves_between(void **state)
{
    (void)state;
    struct rig rig;
    struct clock_timer first, second;
    fired_count = 0;
    seen[2] = (struct cf_now){0};
    rig_init(&rig);
    set_timer_for(&rig, &first, 1, on_fire_look);
    set_timer(&rig, &second, 20);
    rig_run(&rig, looked_again);
    assert_int_equal(seen[0].ms, seen[1].ms);
    assert_int_equal(seen[0].us, seen[1].us);
    assert_int_equal(seen[0].ms, seen[2].ms);
    struct cf_now later = cf_loop_now(rig.loop);
    assert_true(later.ms >= seen[0].ms + 5);
    assert_true(later.us >= seen[0].us + 5000);
    assert_true(later.us > 1700000000000000);
    rig_deinit(&rig);
}

struct item {
    struct cf_list link;
    unsigned sender, number;
};

enum { SENDERS = 4, ITEMS = 20000, POST_SIZE = 10 };

struct post_office {
    struct cf_mailbox mailbox;
    struct item items[SENDERS][ITEMS];
    unsigned next[SENDERS];
    unsigned taken, wakes;
    bool in_order;
};

static struct post_office office;

static void *send_items(void *context)
{
    struct item *items = context;
    for (unsigned i = 0; i < ITEMS; i += POST_SIZE) {
        struct cf_list batch;
        cf_list_init(&batch);
        for (unsigned k = 0; k < POST_SIZE; k++)
            cf_list_push_back(&batch, &items[i + k].link);
        cf_mailbox_post(&office.mailbox, &batch);
    }
    return NULL;
}

static void on_mail(struct rig *rig)
{
    (void)rig;
    struct cf_list items;
    cf_list_init(&items);
    cf_mailbox_take(&office.mailbox, &items);
    office.wakes++;
    for (struct cf_list *node; (node = cf_list_pop_front(&items)) != NULL;) {
        struct item *item = CF_LIST_ENTRY(node, struct item, link);
        office.in_order = office.in_order && item->number == office.next[item->sender];
        office.next[item->sender]++;
        office.taken++;
    }
}

static bool all_taken(struct rig *rig)
{
    (void)rig;
    return office.taken == SENDERS * ITEMS;
}

static void mail_of_four_threads_arrives_once_and_in_order(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t threads[SENDERS];
    memset(&office, 0, sizeof(office));
    office.in_order = true;
    rig_init(&rig);
    rig.wake = on_mail;
    cf_mailbox_init(&office.mailbox, rig.loop);
    for (unsigned s = 0; s < SENDERS; s++) {
        for (unsigned i = 0; i < ITEMS; i++) {
            office.items[s][i].sender = s;
            office.items[s][i].number = i;
        }
        assert_int_equal(pthread_create(&threads[s], NULL, send_items, office.items[s]), 0);
    }
    rig_run(&rig, all_taken);
    for (unsigned s = 0; s < SENDERS; s++) {
        assert_int_equal(pthread_join(threads[s], NULL), 0);
        assert_int_equal(office.next[s], ITEMS);
    }
    assert_true(office.in_order);
    assert_in_range(office.wakes, 1, SENDERS * ITEMS / POST_SIZE);
    cf_mailbox_deinit(&office.mailbox);
    rig_deinit(&rig);
}

static unsigned wakes;

static void count_wake(struct rig *rig)
{
    (void)rig;
    wakes++;
}

static bool woken(struct rig *rig)
{
    (void)rig;
    return wakes > 0;
}

static void many_wakes_are_one(void **state)
{
    (void)state;
    struct rig rig;
    wakes = 0;
    rig_init(&rig);
    rig.wake = count_wake;
    for (int i = 0; i < 100; i++)
        cf_loop_wake(rig.loop);
    rig_run(&rig, woken);
    assert_int_equal(wakes, 1);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_and_never_early),
        cmocka_unit_test(timer_in_the_past_leaves_the_turn_alone),
        cmocka_unit_test(time_stands_still_in_a_turn_and_moves_between),
        cmocka_unit_test(mail_of_four_threads_arrives_once_and_in_order),
        cmocka_unit_test(many_wakes_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
