/* Faults of a room, as its receivers see them: each is counted once for each receiver that it
 * concerns, in one thread and over threads. */
#include "bench/sequence.h"

#include "unit/base/support.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY "\"text\":\""

enum { SENDERS = 4, THREADS = 3, RECEIVERS = 3 };

/* A thread: its receivers of one room. */
struct ear {
    struct cf_bench_sequence sequence;
    struct cf_bench_log log;
    struct cf_bench_place places[RECEIVERS];
};

static struct ear ears[THREADS];

/* The number before the text. */
static uint64_t stamp(struct cf_slice payload)
{
    return strtoull((const char *)payload.ptr, NULL, 10);
}

static int setup(void **state)
{
    (void)state;
    memset(ears, 0, sizeof(ears));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(cf_bench_sequence_init(&ears[i].sequence, SENDERS, KEY, stamp), CF_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        cf_bench_sequence_deinit(&ears[i].sequence);
        cf_bench_log_deinit(&ears[i].log);
    }
    return 0;
}

static enum cf_error take(struct ear *ear, size_t receiver, unsigned sender, uint32_t counter,
                          unsigned number)
{
    char payload[128];
    uint8_t head[CF_BENCH_HEAD_LEN];
    const struct cf_bench_message *message = NULL;
    cf_bench_text_head(head, sender, counter, 7000 + counter);
    int len = snprintf(payload, sizeof(payload), "%u," KEY "%.*s and more\"}", number,
                       CF_BENCH_HEAD_LEN, (const char *)head);
    enum cf_error error = cf_bench_sequence_take(&ear->sequence, &ear->log, &ear->places[receiver],
                                                 cf_slice_of(payload, (size_t)len), &message);
    if (error == CF_OK)
        assert_int_equal(message->sent_ns, 7000 + counter);
    return error;
}

/* Messages of sender 0, as digits; '-' passes one over. A message's stamp is its counter + 1. */
static void hear(struct ear *ear, size_t receiver, const char *counters)
{
    for (; *counters != '\0'; counters++)
        assert_int_equal(
            take(ear, receiver, 0, (uint32_t)(*counters - '0'), (unsigned)(*counters - '0') + 1),
            CF_OK);
}

static void assert_faults(struct cf_bench_faults faults, uint64_t lost, uint64_t doubled,
                          uint64_t reordered)
{
    assert_int_equal(faults.lost, lost);
    assert_int_equal(faults.doubled, doubled);
    assert_int_equal(faults.reordered, reordered);
}

/* The first `threads` ears end, each with its receivers; so many messages were sent. */
static struct cf_bench_faults finish(size_t threads, size_t receivers, uint64_t sent)
{
    struct cf_bench_faults all = {0, 0, 0};
    struct cf_bench_log *logs[THREADS];
    for (size_t i = 0; i < threads; i++) {
        ears[i].log.receivers = receivers;
        logs[i] = &ears[i].log;
        for (size_t j = 0; j < receivers; j++)
            cf_bench_place_finish(&ears[i].log, &ears[i].places[j], &ears[i].sequence.faults);
        all.lost += ears[i].sequence.faults.lost;
        all.doubled += ears[i].sequence.faults.doubled;
        all.reordered += ears[i].sequence.faults.reordered;
    }
    assert_int_equal(cf_bench_logs_compare(logs, threads, sent, &all), CF_OK);
    return all;
}

/* ---- one thread ---- */

static void all_is_well(void **state)
{
    (void)state;
    hear(&ears[0], 0, "0123");
    hear(&ears[0], 1, "01");
    hear(&ears[0], 2, "0123");
    hear(&ears[0], 1, "23");
    assert_faults(finish(1, 3, 4), 0, 0, 0);
}

static void one_receiver_loses_one(void **state)
{
    (void)state;
    hear(&ears[0], 0, "0123");
    hear(&ears[0], 1, "013");
    assert_faults(finish(1, 2, 4), 1, 0, 0);
}

static void one_receiver_loses_the_end(void **state)
{
    (void)state;
    hear(&ears[0], 0, "0123");
    hear(&ears[0], 1, "01");
    assert_faults(finish(1, 2, 4), 2, 0, 0);
}

static void what_nobody_gets_is_lost_by_all(void **state)
{
    (void)state;
    hear(&ears[0], 0, "013");
    hear(&ears[0], 1, "013");
    hear(&ears[0], 2, "013");
    assert_faults(finish(1, 3, 5), 6, 0, 0);
}

static void the_first_receiver_gets_one_twice(void **state)
{
    (void)state;
    hear(&ears[0], 0, "0112");
    hear(&ears[0], 1, "012");
    assert_faults(finish(1, 2, 3), 0, 1, 0);
}

static void a_later_receiver_gets_one_twice(void **state)
{
    (void)state;
    hear(&ears[0], 0, "012");
    hear(&ears[0], 1, "0122");
    assert_faults(finish(1, 2, 3), 0, 1, 0);
}

static void a_sender_is_out_of_order_for_all(void **state)
{
    (void)state;
    assert_int_equal(take(&ears[0], 0, 0, 0, 1), CF_OK);
    assert_int_equal(take(&ears[0], 0, 0, 2, 2), CF_OK);
    assert_int_equal(take(&ears[0], 0, 0, 1, 3), CF_OK);
    assert_faults(finish(1, 1, 3), 0, 0, 1);
}

static void a_receiver_sees_another_order(void **state)
{
    (void)state;
    hear(&ears[0], 0, "0123");
    hear(&ears[0], 1, "0213");
    assert_faults(finish(1, 2, 4), 0, 0, 1);
}

static void orders_of_two_senders_must_agree(void **state)
{
    (void)state;
    assert_int_equal(take(&ears[0], 0, 0, 0, 1), CF_OK);
    assert_int_equal(take(&ears[0], 0, 1, 0, 2), CF_OK);
    assert_int_equal(take(&ears[0], 1, 1, 0, 2), CF_OK);
    assert_int_equal(take(&ears[0], 1, 0, 0, 1), CF_OK);
    assert_faults(finish(1, 2, 2), 0, 0, 1);
}

static void a_stamp_must_grow(void **state)
{
    (void)state;
    assert_int_equal(take(&ears[0], 0, 0, 0, 5), CF_OK);
    assert_int_equal(take(&ears[0], 0, 1, 0, 5), CF_OK);
    assert_int_equal(take(&ears[0], 0, 2, 0, 6), CF_OK);
    assert_int_equal(take(&ears[0], 0, 3, 0, 4), CF_OK);
    assert_faults(finish(1, 1, 4), 0, 0, 2);
}

static void what_nobody_sent_is_refused(void **state)
{
    (void)state;
    const struct cf_bench_message *message;
    struct ear *ear = &ears[0];
    assert_int_equal(take(ear, 0, SENDERS, 0, 1), CF_E_INVALID);
    assert_int_equal(cf_bench_sequence_take(&ear->sequence, &ear->log, &ear->places[0],
                                            CF_LIT("{\"text\":\"hello\"}"), &message),
                     CF_E_INVALID);
    assert_int_equal(cf_bench_sequence_take(
                         &ear->sequence, &ear->log, &ear->places[0],
                         CF_LIT("{\"text\":\"hello hello hello hello hello hello\"}"), &message),
                     CF_E_INVALID);
    assert_faults(finish(1, 1, 0), 0, 0, 0);
}

/* ---- over threads ---- */

static void threads_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        hear(&ears[i], 0, "01234");
        hear(&ears[i], 1, "01234");
    }
    assert_faults(finish(THREADS, 2, 5), 0, 0, 0);
}

static void a_thread_without_receivers_has_lost_nothing(void **state)
{
    (void)state;
    hear(&ears[1], 0, "012");
    ears[1].log.receivers = 1;
    cf_bench_place_finish(&ears[1].log, &ears[1].places[0], &ears[1].sequence.faults);
    struct cf_bench_log *logs[] = {&ears[0].log, &ears[1].log};
    struct cf_bench_faults faults = {0, 0, 0};
    assert_int_equal(cf_bench_logs_compare(logs, 2, 3, &faults), CF_OK);
    assert_faults(faults, 0, 0, 0);
}

static void order_is_compared_although_a_thread_has_no_receivers(void **state)
{
    (void)state;
    struct cf_bench_log *logs[THREADS];
    struct cf_bench_faults faults = {0, 0, 0};
    for (size_t i = 0; i < THREADS; i++)
        logs[i] = &ears[i].log;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(take(&ears[1], 0, i, 0, i + 1), CF_OK);
        assert_int_equal(take(&ears[2], 0, 1 - i, 0, i + 1), CF_OK);
    }
    logs[1]->receivers = logs[2]->receivers = 1;
    assert_int_equal(cf_bench_logs_compare(logs, THREADS, 2, &faults), CF_OK);
    assert_faults(faults, 0, 0, 1);
}

static void a_whole_thread_loses_one(void **state)
{
    (void)state;
    hear(&ears[0], 0, "0123");
    hear(&ears[0], 1, "0123");
    hear(&ears[1], 0, "013");
    hear(&ears[1], 1, "013");
    assert_faults(finish(2, 2, 4), 2, 0, 0);
}

/* Each has what the other has not: all have lost one. */
static void threads_lose_different_ones(void **state)
{
    (void)state;
    hear(&ears[0], 0, "01245");
    hear(&ears[1], 0, "01235");
    hear(&ears[2], 0, "0123");
    assert_faults(finish(3, 1, 6), 1 + 1 + 2, 0, 0);
}

static void threads_see_different_orders(void **state)
{
    (void)state;
    assert_int_equal(take(&ears[0], 0, 0, 0, 1), CF_OK);
    assert_int_equal(take(&ears[0], 0, 1, 0, 2), CF_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(take(&ears[1], i, 1, 0, 1), CF_OK);
        assert_int_equal(take(&ears[1], i, 0, 0, 2), CF_OK);
    }
    hear(&ears[0], 1, "0");
    assert_int_equal(take(&ears[0], 1, 1, 0, 2), CF_OK);
    assert_faults(finish(2, 2, 2), 0, 0, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_is_well, setup, teardown),
        cmocka_unit_test_setup_teardown(one_receiver_loses_one, setup, teardown),
        cmocka_unit_test_setup_teardown(one_receiver_loses_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_gets_is_lost_by_all, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_receiver_gets_one_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_later_receiver_gets_one_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sender_is_out_of_order_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receiver_sees_another_order, setup, teardown),
        cmocka_unit_test_setup_teardown(orders_of_two_senders_must_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stamp_must_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_sent_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(a_thread_without_receivers_has_lost_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(order_is_compared_although_a_thread_has_no_receivers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_whole_thread_loses_one, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_lose_different_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_see_different_orders, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
