/* What a connection promises, plain and over TLS, with a peer that behaves. */
#include "integration/uv/cert.h"

enum { MIB = 1024 * 1024, LARGE = 10 * MIB };

static void init_with_listener(struct rig *rig, bool tls)
{
    rig_init(rig);
    if (tls)
        rig_use_tls(rig);
    rig_listen(rig, "127.0.0.1:0");
}

/* Bytes that tell where they are. */
static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 131 + (i >> 8) * 17 + (i >> 16));
}

static void write_pattern(struct end *end, size_t len)
{
    struct cf_shared *bytes = cf_shared_new_uninit(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes->bytes[i] = pattern(i);
    assert_int_equal(cf_conn_queue(&end->conn, bytes, 1), CF_OK);
    cf_shared_unref(bytes);
}

static void assert_pattern(const struct end *end, size_t len)
{
    assert_int_equal(end->got.len, len);
    for (size_t i = 0; i < len; i++) {
        if (end->got.ptr[i] != pattern(i))
            fail_msg("byte %zu differs", i);
    }
}

static void echo(struct end *end, struct cf_slice bytes)
{
    if (end != end->rig->ends[0])
        assert_int_equal(cf_conn_write(&end->conn, bytes), CF_OK);
}

static bool got_hello(struct rig *rig)
{
    return rig->ends[0]->got.len == 5;
}

static void small_echo(bool tls)
{
    struct rig rig;
    init_with_listener(&rig, tls);
    rig.read = echo;
    struct end *client = rig_dial(&rig);
    assert_int_equal(cf_conn_write(&client->conn, CF_LIT("hello")), CF_OK);
    rig_run(&rig, got_hello);
    assert_memory_equal(client->got.ptr, "hello", 5);
    assert_int_equal(rig.ends_count, 2);
    assert_int_equal(client->opened, 1);
    assert_int_equal(rig.ends[1]->opened, 1);
    assert_int_equal(client->drained, 0);
    assert_int_equal(cf_conn_is_tls(&client->conn), tls);
    assert_int_equal(cf_conn_is_tls(&rig.ends[1]->conn), tls);
    assert_true(cf_outq_empty(cf_conn_outq(&client->conn)));
    rig_deinit(&rig);
}

static void echo_plain(void **state)
{
    (void)state;
    small_echo(false);
}

static void echo_tls(void **state)
{
    (void)state;
    small_echo(true);
}

static void greet_large(struct end *end)
{
    write_pattern(end, LARGE);
}

static bool both_have_all(struct rig *rig)
{
    return rig->ends_count == 2 && rig->ends[0]->got.len >= LARGE && rig->ends[1]->got.len >= LARGE;
}

static void large_both_ways(bool tls)
{
    struct rig rig;
    init_with_listener(&rig, tls);
    rig.opened = greet_large;
    rig_dial(&rig);
    rig_run(&rig, both_have_all);
    assert_pattern(rig.ends[0], LARGE);
    assert_pattern(rig.ends[1], LARGE);
    assert_int_equal(rig.ends[0]->drained, 1);
    assert_int_equal(rig.ends[1]->drained, 1);
    assert_int_equal(cf_conn_outq(&rig.ends[0]->conn)->bytes, 0);
    assert_int_equal(cf_conn_outq(&rig.ends[0]->conn)->messages, 0);
    rig_deinit(&rig);
}

static void large_both_ways_plain(void **state)
{
    (void)state;
    large_both_ways(false);
}

static void large_both_ways_tls(void **state)
{
    (void)state;
    large_both_ways(true);
}

static void queue_three(struct end *end)
{
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("one ")), CF_OK);
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("two ")), CF_OK);
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("")), CF_OK);
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("three")), CF_OK);
}

/* All that a turn queues goes out in one write: the peer finds it in one piece. */
static void writes_of_a_turn_are_one(void **state)
{
    (void)state;
    struct rig rig;
    char text[32];
    init_with_listener(&rig, false);
    rig.opened = queue_three;
    int fd = rig_raw_connect(&rig);
    rig_run(&rig, rig_accepted);
    assert_int_equal(read(fd, text, sizeof(text)), 13);
    assert_memory_equal(text, "one two three", 13);
    close(fd);
    rig_deinit(&rig);
}

static bool queue_many_done(struct rig *rig)
{
    return rig->ends_count == 2 && rig->ends[1]->got.len == 1000 * 7;
}

static void queue_thousand(struct end *end)
{
    char text[8];
    for (unsigned i = 0; end == end->rig->ends[0] && i < 1000; i++) {
        snprintf(text, sizeof(text), "%06u\n", i);
        assert_int_equal(cf_conn_write(&end->conn, cf_slice_of(text, 7)), CF_OK);
    }
}

static void thousand_entries(bool tls)
{
    struct rig rig;
    char text[8];
    init_with_listener(&rig, tls);
    rig.opened = queue_thousand;
    rig_dial(&rig);
    rig_run(&rig, queue_many_done);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "%06u\n", i);
        assert_memory_equal(rig.ends[1]->got.ptr + i * 7, text, 7);
    }
    rig_deinit(&rig);
}

static void more_entries_than_a_batch(void **state)
{
    (void)state;
    thousand_entries(false);
    thousand_entries(true);
}

static unsigned pause_reads;

static void pause_at_first(struct end *end, struct cf_slice bytes)
{
    (void)bytes;
    if (end != end->rig->ends[0] && ++pause_reads == 1)
        cf_conn_pause(&end->conn);
}

static bool sender_is_stuck(struct rig *rig)
{
    return pause_reads == 1 && rig->ends_count == 2 && rig->turns > 50;
}

static bool receiver_has_all(struct rig *rig)
{
    return rig->ends[1]->got.len >= LARGE;
}

static void keep_turning(struct rig *rig)
{
    cf_loop_wake(rig->loop);
}

static void pause_holds_and_resume_goes_on(bool tls)
{
    struct rig rig;
    pause_reads = 0;
    init_with_listener(&rig, tls);
    rig.read = pause_at_first;
    rig.turn_end = keep_turning;
    struct end *client = rig_dial(&rig);
    write_pattern(client, LARGE);
    rig_run(&rig, sender_is_stuck);
    assert_int_equal(rig.ends[1]->reads, 1);
    assert_in_range(rig.ends[1]->got.len, 1, 2 * 65536);
    assert_true(cf_conn_outq(&client->conn)->bytes > 0);
    rig.turn_end = NULL;
    cf_conn_resume(&rig.ends[1]->conn);
    rig_run(&rig, receiver_has_all);
    assert_pattern(rig.ends[1], LARGE);
    rig_deinit(&rig);
}

static void pause_and_resume(void **state)
{
    (void)state;
    pause_holds_and_resume_goes_on(false);
    pause_holds_and_resume_goes_on(true);
}

static void shut_after_mib(struct end *end)
{
    if (end == end->rig->ends[0])
        return;
    write_pattern(end, MIB);
    cf_conn_shut(&end->conn);
    cf_conn_shut(&end->conn);
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("late")), CF_E_STATE);
}

static bool two_closed(struct rig *rig)
{
    return rig->ends_count == 2 && rig_all_closed(rig);
}

/* The client sees all bytes, then the end; the server hears of the client's own end. */
static void shut_writes_everything_first(bool tls)
{
    struct rig rig;
    init_with_listener(&rig, tls);
    rig.opened = shut_after_mib;
    struct end *client = rig_dial(&rig);
    uint64_t begin = uv_hrtime();
    rig_run(&rig, two_closed);
    assert_true(uv_hrtime() - begin < 900000000u); /* not by the linger wait */
    assert_pattern(client, MIB);
    assert_int_equal(client->why, CF_E_CLOSED);
    assert_int_equal(rig.ends[1]->why, CF_OK);
    rig_deinit(&rig);
}

static void shut_plain_and_tls(void **state)
{
    (void)state;
    shut_writes_everything_first(false);
    shut_writes_everything_first(true);
}

static void dial_to_closed_port_fails(void **state)
{
    (void)state;
    struct rig rig;
    init_with_listener(&rig, false);
    cf_listener_stop(rig.listener);
    rig.listener = NULL;
    struct end *client = rig_dial(&rig);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(client->opened, 0);
    assert_int_equal(client->closed, 1);
    assert_int_equal(client->why, CF_E_IO);
    rig_deinit(&rig);
}

static void dial_of_a_name_is_resolved(void **state)
{
    (void)state;
    struct rig rig;
    init_with_listener(&rig, false);
    rig.read = echo;
    struct end *client = rig_end_new(&rig);
    rig.ends[rig.ends_count++] = client;
    assert_int_equal(
        cf_conn_dial(&client->conn, rig.loop, &rig.config, "localhost", rig.port, NULL), CF_OK);
    assert_int_equal(cf_conn_write(&client->conn, CF_LIT("hello")), CF_OK);
    rig_run(&rig, got_hello);
    rig_deinit(&rig);
}

static void ended_while_resolving(void **state)
{
    (void)state;
    struct rig rig;
    init_with_listener(&rig, true);
    struct end *aborted = rig_dial(&rig), *shut = rig_dial(&rig);
    cf_conn_pause(&aborted->conn);
    cf_conn_abort(&aborted->conn, CF_E_TIMEOUT);
    cf_conn_shut(&shut->conn);
    assert_int_equal(aborted->closed, 0);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(aborted->why, CF_E_TIMEOUT);
    assert_int_equal(shut->why, CF_OK);
    rig_deinit(&rig);
}

static void dial_refuses_what_is_no_host(void **state)
{
    (void)state;
    struct rig rig;
    struct cf_conn conn;
    char host[300];
    memset(host, 'a', sizeof(host));
    host[256] = '\0';
    rig_init(&rig);
    assert_int_equal(cf_conn_dial(&conn, rig.loop, &rig.config, host, 1, NULL), CF_E_INVALID);
    assert_int_equal(cf_conn_dial(&conn, rig.loop, &rig.config, "", 1, NULL), CF_E_INVALID);
    rig_deinit(&rig);
}

static bool accepted_two(struct rig *rig)
{
    return rig->ends_count == 2 && rig->ends[0]->opened == 1 && rig->ends[1]->opened == 1;
}

static void peer_address(void **state)
{
    (void)state;
    struct rig rig;
    struct cf_address address;
    char text[CF_ADDRESS_TEXT];
    init_with_listener(&rig, false);
    struct end *client = rig_dial(&rig);
    rig_run(&rig, accepted_two);
    cf_conn_peer(&client->conn, &address);
    assert_int_equal(address.port, rig.port);
    assert_false(address.is_unix);
    cf_address_text(&address, text);
    assert_string_equal(text, "127.0.0.1");
    assert_true(cf_address_is_loopback(&address));
    cf_conn_peer(&rig.ends[1]->conn, &address);
    assert_true(cf_address_is_loopback(&address));
    assert_int_not_equal(address.port, rig.port);
    rig_deinit(&rig);
}

static void address_texts(void **state)
{
    (void)state;
    char text[CF_ADDRESS_TEXT];
    struct cf_address v4 = {.ip = {[10] = 0xff, 0xff, 192, 0, 2, 1}};
    cf_address_text(&v4, text);
    assert_string_equal(text, "192.0.2.1");
    assert_false(cf_address_is_loopback(&v4));
    v4.ip[12] = 127;
    assert_true(cf_address_is_loopback(&v4));
    struct cf_address v6 = {.ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    cf_address_text(&v6, text);
    assert_string_equal(text, "2001:db8::1");
    assert_false(cf_address_is_loopback(&v6));
    struct cf_address local = {.ip = {[15] = 1}};
    cf_address_text(&local, text);
    assert_string_equal(text, "::1");
    assert_true(cf_address_is_loopback(&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_plain),
        cmocka_unit_test(echo_tls),
        cmocka_unit_test(large_both_ways_plain),
        cmocka_unit_test(large_both_ways_tls),
        cmocka_unit_test(writes_of_a_turn_are_one),
        cmocka_unit_test(more_entries_than_a_batch),
        cmocka_unit_test(pause_and_resume),
        cmocka_unit_test(shut_plain_and_tls),
        cmocka_unit_test(dial_to_closed_port_fails),
        cmocka_unit_test(dial_of_a_name_is_resolved),
        cmocka_unit_test(ended_while_resolving),
        cmocka_unit_test(dial_refuses_what_is_no_host),
        cmocka_unit_test(peer_address),
        cmocka_unit_test(address_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
