/* How many of what a workload is: so that a server with its default limits takes it. */
#include "bench/dialect.h"
#include "bench/report.h"

#include "unit/base/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct cf_bench_plan plan;
static struct cf_bench_wishes wishes;
static struct cf_bench_why why;

static int setup(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    plan = (struct cf_bench_plan){.dialect = &cf_bench_shop,
                                  .secret = CF_LIT("0123456789abcdef0123456789abcdef"),
                                  .size = 200,
                                  .seconds = 5};
    memcpy(&plan.address, &address, sizeof(address));
    wishes = (struct cf_bench_wishes){.threads = 2, .descriptors = 20000};
    why.text[0] = '\0';
    return 0;
}

static void complete(void)
{
    assert_int_equal(cf_bench_plan_complete(&plan, &wishes, &why), CF_OK);
    assert_string_equal(why.text, "");
}

static void refused(const char *text)
{
    assert_int_equal(cf_bench_plan_complete(&plan, &wishes, &why), CF_E_INVALID);
    assert_string_equal(why.text, text);
    why.text[0] = '\0';
}

static void publishers_of_a_shop_are_connections(void **state)
{
    (void)state;
    complete();
    assert_int_equal(plan.rooms, 1);
    assert_int_equal(plan.receivers, 100);
    assert_int_equal(plan.senders, 8 * 4);
    assert_int_equal(plan.in_flight, 1);
    assert_int_equal(plan.users, 100 / 5);
    assert_int_equal(plan.spread, 0);
    assert_int_equal(plan.threads, 2);
    assert_false(plan.pool);
}

static void publishers_of_a_hub_have_a_window(void **state)
{
    (void)state;
    plan.dialect = &cf_bench_hub;
    wishes.rooms = 20;
    wishes.receivers = 10;
    complete();
    assert_int_equal(plan.receivers, 200);
    assert_int_equal(plan.senders, 20);
    assert_int_equal(plan.in_flight, 4);
}

static void sockets_take_turns(void **state)
{
    (void)state;
    plan.dialect = &cf_bench_talk;
    wishes.rooms = 3;
    complete();
    assert_int_equal(plan.receivers, 300);
    assert_int_equal(plan.senders, 0);
    assert_int_equal(plan.in_flight, 32);
    assert_int_equal(plan.users, 300);
    assert_true(plan.pool);
    plan.workload = CF_BENCH_ACK;
    complete();
    assert_int_equal(plan.receivers, 3);
    assert_int_equal(plan.senders, 2000);
    assert_int_equal(plan.in_flight, 64);
    assert_int_equal(plan.users, 2001); /* a multiple of the rooms */
}

static void each_room_has_users_of_its_own(void **state)
{
    (void)state;
    wishes.rooms = 7;
    wishes.receivers = 10;
    complete();
    assert_int_equal(plan.users % 7, 0);
    assert_int_equal(plan.users, 14);
}

static void addresses_as_limits_and_ports_ask_for(void **state)
{
    (void)state;
    plan.dialect = &cf_bench_orbital;
    complete();
    assert_int_equal(plan.spread, 25);
    plan.dialect = &cf_bench_hub;
    plan.workload = CF_BENCH_IDLE;
    wishes.connections = 50000;
    wishes.descriptors = 100000;
    complete();
    assert_int_equal(plan.spread, 50);
}

static void what_does_not_go_together(void **state)
{
    (void)state;
    wishes.rooms = 2;
    wishes.publishers = 1;
    wishes.in_flight = 1;
    refused("every room needs a publisher: more --publishers, or fewer --rooms");
    wishes.publishers = 0;
    plan.size = 32;
    refused("--size is 33 to 8192");
    plan.size = 200;
    plan.secret.len = 0;
    refused("tokens need the server's secret: JWT_SECRET in the environment, or --secret");
    plan.workload = CF_BENCH_ECHO;
    refused("only the dialect hub has an echo: --dialect hub");
    plan.dialect = &cf_bench_talk;
    plan.workload = CF_BENCH_FANOUT;
    plan.secret.len = 32;
    plan.rate = 2001;
    refused("a socket sends 10 messages a second at most: fewer --rate, or more --receivers or "
            "--publishers");
    plan.rate = 2000;
    complete();
    plan.dialect = &cf_bench_hub;
    plan.workload = CF_BENCH_IDLE;
    plan.rate = 0;
    wishes.rooms = 0;
    wishes.connections = 19937;
    refused("19937 connections need more file descriptors than this process may have, 20000: raise "
            "the hard limit (ulimit -Hn), or run several programs side by side");
    wishes.connections = 19936;
    complete();
}

static void figures_are_a_table_and_json(void **state)
{
    (void)state;
    static struct cf_bench_report report;
    struct cf_bench_histogram times = {.count = 0};
    struct cf_buf text;
    cf_buf_init(&text, 4096);
    cf_bench_report_text(&report, "dialect", "a \"hub\"");
    cf_bench_report_count(&report, "messages", 12);
    cf_bench_report_number(&report, "load_cores", 2, 0.125);
    cf_bench_report_ratio(&report, "nothing", 1, 1, 0);
    cf_bench_report_times(&report, "none", &times);
    cf_bench_histogram_add(&times, 1500000);
    cf_bench_report_times(&report, "ack", &times);
    assert_int_equal(cf_bench_report_json(&report, &text), CF_OK);
    assert_slice_equal(cf_buf_peek(&text),
                       "{\"dialect\":\"a \\\"hub\\\"\",\"messages\":12,\"load_cores\":0.12,"
                       "\"ack_p50_ms\":1.500,\"ack_p90_ms\":1.500,\"ack_p99_ms\":1.500,"
                       "\"ack_p999_ms\":1.500,\"ack_max_ms\":1.500}\n");
    cf_buf_reset(&text);
    report.count = 2;
    (void)strcpy(report.note, "Be careful.");
    assert_int_equal(cf_bench_report_table(&report, &text), CF_OK);
    assert_slice_equal(cf_buf_peek(&text),
                       "dialect                                       a \"hub\"\n"
                       "messages                                           12\nBe careful.\n");
    cf_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(publishers_of_a_shop_are_connections, setup),
        cmocka_unit_test_setup(publishers_of_a_hub_have_a_window, setup),
        cmocka_unit_test_setup(sockets_take_turns, setup),
        cmocka_unit_test_setup(each_room_has_users_of_its_own, setup),
        cmocka_unit_test_setup(addresses_as_limits_and_ports_ask_for, setup),
        cmocka_unit_test_setup(what_does_not_go_together, setup),
        cmocka_unit_test(figures_are_a_table_and_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
