/* Peers that misbehave, and owners that end a connection at an awkward moment (V11, V12, V29). */
#include <pthread.h>

#include "integration/uv/cert.h"

enum { MIB = 1024 * 1024 };

static void init_with_listener(struct rig *rig, bool tls)
{
    rig_init(rig);
    if (tls)
        rig_use_tls(rig);
    rig_listen(rig, "127.0.0.1:0");
}

/* One raw peer, and the end that was accepted for it. */
static struct end *accept_raw(struct rig *rig, int *out_fd)
{
    init_with_listener(rig, false);
    *out_fd = rig_raw_connect(rig);
    rig_run(rig, rig_accepted);
    return rig->ends[0];
}

static void queue_bytes(struct end *end, size_t len, uint8_t byte)
{
    struct cf_shared *bytes = cf_shared_new_uninit(len);
    assert_non_null(bytes);
    memset(bytes->bytes, byte, len);
    assert_int_equal(cf_conn_queue(&end->conn, bytes, 1), CF_OK);
    cf_shared_unref(bytes);
}

static bool twenty_turns(struct rig *rig)
{
    cf_loop_wake(rig->loop);
    return rig->turns >= 20;
}

/* V11: a peer that does not read makes the queue grow, in plain sight, until the write wait ends
 * it; the wait begins when the socket is full, and no earlier write counts. */
static void peer_that_does_not_read_is_timed_out(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    rig.config.write_wait_ms = 1000; /* twenty turns are over long before, on a busy machine too */
    cf_ms before = cf_loop_now(rig.loop).ms;
    for (int i = 0; i < 16; i++)
        queue_bytes(end, MIB, 'x');
    rig.turns = 0;
    rig_run(&rig, twenty_turns);
    size_t stuck = cf_conn_outq(&end->conn)->bytes;
    assert_in_range(stuck, MIB, 16 * MIB);
    assert_int_equal(cf_conn_outq(&end->conn)->messages, (stuck + MIB - 1) / MIB);
    queue_bytes(end, MIB, 'x');
    assert_int_equal(cf_conn_outq(&end->conn)->bytes, stuck + MIB);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_TIMEOUT);
    assert_in_range(cf_loop_now(rig.loop).ms - before, 1000, 20000);
    assert_int_equal(end->drained, 0);
    close(fd);
    rig_deinit(&rig);
}

struct slow_reader {
    struct cf_loop_timer timer;
    struct rig *rig;
    int fd;
    size_t total;
};

static void read_slowly(struct cf_loop_timer *timer)
{
    static uint8_t sink[MIB];
    struct slow_reader *reader = CF_CONTAINER_OF(timer, struct slow_reader, timer);
    ssize_t got = recv(reader->fd, sink, sizeof(sink), MSG_DONTWAIT);
    reader->total += got > 0 ? (size_t)got : 0;
    cf_loop_timer_set(reader->rig->loop, timer, cf_loop_now(reader->rig->loop).ms + 60);
}

static bool drained_once(struct rig *rig)
{
    return rig->ends[0]->drained == 1 || rig->ends[0]->closed == 1;
}

/* Slow is not stuck: every bit of progress starts the wait anew. */
static void peer_that_reads_slowly_is_served(void **state)
{
    (void)state;
    struct rig rig;
    struct slow_reader reader = {.rig = &rig};
    struct end *end = accept_raw(&rig, &reader.fd);
    rig.config.write_wait_ms = 600;
    cf_ms before = cf_loop_now(rig.loop).ms;
    queue_bytes(end, 32 * MIB, 'x');
    cf_loop_timer_init(&reader.timer, read_slowly);
    cf_loop_timer_set(rig.loop, &reader.timer, before);
    rig_run(&rig, drained_once);
    assert_int_equal(end->closed, 0);
    assert_int_equal(end->drained, 1);
    assert_true(cf_loop_now(rig.loop).ms - before > rig.config.write_wait_ms);
    assert_true(reader.total > 16 * MIB);
    assert_true(cf_outq_empty(cf_conn_outq(&end->conn)));
    cf_loop_timer_stop(rig.loop, &reader.timer);
    close(reader.fd);
    rig_deinit(&rig);
}

/* A peer on a thread of its own that reads until the end. */
struct reader {
    pthread_t thread;
    int fd;
    uint8_t *bytes;
    size_t len, max;
};

static void *read_all(void *context)
{
    struct reader *reader = context;
    while (reader->len < reader->max) {
        ssize_t got = read(reader->fd, reader->bytes + reader->len, reader->max - reader->len);
        if (got <= 0)
            break;
        reader->len += (size_t)got;
    }
    close(reader->fd);
    return NULL;
}

static void reader_start(struct reader *reader, int fd)
{
    *reader = (struct reader){.fd = fd, .bytes = malloc(17 * MIB), .max = 17 * MIB};
    assert_non_null(reader->bytes);
    assert_int_equal(pthread_create(&reader->thread, NULL, read_all, reader), 0);
}

static void drop_unsent_keeps_the_partly_written(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    queue_bytes(end, 16 * MIB, 'a');
    for (int i = 0; i < 5; i++)
        queue_bytes(end, 100, 'b');
    rig.turns = 0;
    rig_run(&rig, twenty_turns);
    assert_int_equal(cf_conn_outq(&end->conn)->messages, 6);
    size_t stuck = cf_conn_outq(&end->conn)->bytes;
    assert_in_range(stuck, 1000, 16 * MIB + 499);
    assert_int_equal(cf_conn_drop_unsent(&end->conn), 5);
    assert_int_equal(cf_conn_outq(&end->conn)->messages, 1);
    assert_int_equal(cf_conn_outq(&end->conn)->bytes, stuck - 500);
    queue_bytes(end, 3, 'c');
    cf_conn_shut(&end->conn);
    struct reader reader;
    reader_start(&reader, fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_OK);
    assert_int_equal(pthread_join(reader.thread, NULL), 0);
    assert_int_equal(reader.len, 16 * MIB + 3);
    assert_int_equal(reader.bytes[16 * MIB - 1], 'a');
    assert_memory_equal(reader.bytes + 16 * MIB, "ccc", 3);
    free(reader.bytes);
    rig_deinit(&rig);
}

static void reset_by_the_peer(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_CLOSED);
    rig_deinit(&rig);
}

static void bytes_before_the_end_are_read(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    assert_int_equal(write(fd, "last words", 10), 10);
    close(fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_CLOSED);
    assert_int_equal(end->got.len, 10);
    assert_memory_equal(end->got.ptr, "last words", 10);
    rig_deinit(&rig);
}

static void answer(struct end *end, struct cf_slice bytes)
{
    (void)bytes;
    queue_bytes(end, 16 * MIB, 'z');
}

/* A client that ends its side after the request (`nc -N`) still gets what was queued. */
static void half_closed_peer_gets_its_answer(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    rig.read = answer;
    assert_int_equal(write(fd, "request", 7), 7);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    struct reader reader;
    reader_start(&reader, fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_CLOSED);
    assert_int_equal(pthread_join(reader.thread, NULL), 0);
    assert_int_equal(reader.len, 16 * MIB);
    assert_int_equal(reader.bytes[16 * MIB - 1], 'z');
    free(reader.bytes);
    rig_deinit(&rig);
}

/* The peer's end came while we were still writing: nothing is left to wait for. */
static void peer_that_ended_first_is_not_waited_for(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    queue_bytes(end, 16 * MIB, 'x');
    cf_conn_shut(&end->conn);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    rig.turns = 0;
    rig_run(&rig, twenty_turns);
    assert_int_equal(end->closed, 0);
    struct reader reader;
    cf_ms before = cf_loop_now(rig.loop).ms;
    reader_start(&reader, fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_OK);
    assert_true(cf_loop_now(rig.loop).ms - before < 900);
    assert_int_equal(pthread_join(reader.thread, NULL), 0);
    assert_int_equal(reader.len, 16 * MIB);
    free(reader.bytes);
    rig_deinit(&rig);
}

/* Our FIN is out, the peer keeps sending and never ends: a second, no more. */
static void goodbye_waits_a_second_at_most(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    char text[16];
    struct end *end = accept_raw(&rig, &fd);
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("bye")), CF_OK);
    cf_conn_shut(&end->conn);
    assert_int_equal(write(fd, "not listening", 13), 13);
    cf_ms before = cf_loop_now(rig.loop).ms;
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_OK);
    assert_int_equal(end->reads, 0);
    assert_in_range(cf_loop_now(rig.loop).ms - before, 1000, 3000);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    close(fd);
    rig_deinit(&rig);
}

/* V12: a peer that connects to a TLS port and says nothing. */
static void silent_tls_peer_is_timed_out(void **state)
{
    (void)state;
    struct rig rig;
    init_with_listener(&rig, true);
    rig.config.handshake_wait_ms = 50;
    int fd = rig_raw_connect(&rig);
    while (rig.ends_count == 0) {
        rig.turns = 0;
        rig_run(&rig, twenty_turns);
    }
    rig_run(&rig, rig_all_closed);
    assert_int_equal(rig.ends[0]->why, CF_E_TIMEOUT);
    assert_int_equal(rig.ends[0]->opened, 0);
    close(fd);
    rig_deinit(&rig);
}

static bool one_accepted_and_closed(struct rig *rig)
{
    return rig->ends_count == 1 && rig->ends[0]->closed == 1;
}

/* The peer is told by an alert (RFC 8446 section 6): a record of type 21. */
static void garbage_on_a_tls_port_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    uint8_t alert[16];
    init_with_listener(&rig, true);
    int fd = rig_raw_connect(&rig);
    assert_int_equal(write(fd, "\x16\x03\x01\x00\x05hello", 10), 10);
    rig_run(&rig, one_accepted_and_closed);
    assert_int_equal(rig.ends[0]->why, CF_E_PROTOCOL);
    assert_int_equal(rig.ends[0]->opened, 0);
    assert_int_equal(read(fd, alert, sizeof(alert)), 7);
    assert_int_equal(alert[0], 21);
    close(fd);
    rig_deinit(&rig);
}

/* The client trusts another authority than the one that made the server's certificate. */
static void untrusted_certificate_is_refused(void **state)
{
    (void)state;
    struct rig rig, other;
    init_with_listener(&rig, true);
    rig_init(&other);
    rig_use_tls(&other);
    struct cf_tls_context *trusted = rig.client_tls;
    rig.client_tls = other.client_tls;
    struct end *client = rig_dial(&rig);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(client->why, CF_E_PROTOCOL);
    assert_int_equal(client->opened, 0);
    rig.client_tls = trusted;
    rig_deinit(&rig);
    rig_deinit(&other);
}

/* V29: the owner ends the connection inside each of its callbacks, from both sides, in both ways,
 * plain and over TLS. The rig asserts that no callback nests and that none comes after `closed`. */
enum moment { AT_OPENED, AT_READ, AT_DRAINED, AT_TURN_END, MOMENTS };
enum manner { BY_ABORT, BY_SHUT, BY_BOTH, MANNERS };

static struct scenario {
    enum moment moment;
    enum manner manner;
    bool by_client;
    unsigned ended;
} scenario;

static void end_it(struct end *end)
{
    scenario.ended++;
    if (scenario.manner != BY_ABORT)
        cf_conn_shut(&end->conn);
    if (scenario.manner != BY_SHUT)
        cf_conn_abort(&end->conn, CF_E_RATE);
    assert_int_equal(end->closed, 0);
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("more")), CF_E_STATE);
    cf_conn_pause(&end->conn);
    cf_conn_resume(&end->conn);
    if (scenario.manner != BY_SHUT)
        assert_int_equal(cf_conn_drop_unsent(&end->conn), 0);
}

static bool is_actor(const struct end *end)
{
    return (end == end->rig->ends[0]) == scenario.by_client;
}

static void opened_in_scenario(struct end *end)
{
    if (is_actor(end) && scenario.moment == AT_OPENED)
        end_it(end);
    else
        queue_bytes(end, is_actor(end) && scenario.moment == AT_DRAINED ? 8 * MIB : 1000, 'q');
}

static void read_in_scenario(struct end *end, struct cf_slice bytes)
{
    (void)bytes;
    if (is_actor(end) && scenario.moment == AT_READ && scenario.ended == 0)
        end_it(end);
}

static void drained_in_scenario(struct end *end)
{
    if (is_actor(end) && scenario.moment == AT_DRAINED && scenario.ended == 0)
        end_it(end);
}

static void turn_end_in_scenario(struct rig *rig)
{
    for (size_t i = 0; i < rig->ends_count; i++) {
        struct end *end = rig->ends[i];
        if (is_actor(end) && scenario.moment == AT_TURN_END && scenario.ended == 0 &&
            end->opened == 1)
            end_it(end);
    }
}

static bool scenario_over(struct rig *rig)
{
    return scenario.ended == 1 && rig->ends_count > 0 && rig_all_closed(rig);
}

static void run_scenario(enum moment moment, enum manner manner, bool by_client, bool tls)
{
    struct rig rig;
    scenario = (struct scenario){.moment = moment, .manner = manner, .by_client = by_client};
    init_with_listener(&rig, tls);
    rig.opened = opened_in_scenario;
    rig.read = read_in_scenario;
    rig.drained = drained_in_scenario;
    rig.turn_end = turn_end_in_scenario;
    struct end *client = rig_dial(&rig);
    rig_run(&rig, scenario_over);
    struct end *actor = by_client ? client : rig.ends[1];
    assert_int_equal(actor->closed, 1);
    assert_int_equal(actor->why, manner == BY_SHUT ? CF_OK : CF_E_RATE);
    rig.opened = NULL;
    rig_deinit(&rig);
}

static void ended_inside_each_callback(void **state)
{
    (void)state;
    for (int moment = 0; moment < MOMENTS; moment++) {
        for (int manner = 0; manner < MANNERS; manner++) {
            for (int variant = 0; variant < 4; variant++)
                run_scenario((enum moment)moment, (enum manner)manner, variant & 1, variant & 2);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_that_does_not_read_is_timed_out),
        cmocka_unit_test(peer_that_reads_slowly_is_served),
        cmocka_unit_test(drop_unsent_keeps_the_partly_written),
        cmocka_unit_test(reset_by_the_peer),
        cmocka_unit_test(bytes_before_the_end_are_read),
        cmocka_unit_test(half_closed_peer_gets_its_answer),
        cmocka_unit_test(peer_that_ended_first_is_not_waited_for),
        cmocka_unit_test(goodbye_waits_a_second_at_most),
        cmocka_unit_test(silent_tls_peer_is_timed_out),
        cmocka_unit_test(garbage_on_a_tls_port_is_refused),
        cmocka_unit_test(untrusted_certificate_is_refused),
        cmocka_unit_test(ended_inside_each_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
