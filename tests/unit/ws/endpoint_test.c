/* What an endpoint does by itself: the closing handshake, pings and waits on a clock of the test's,
 * and what it sends. */
#include "support.h"

static void tick(struct rig *rig, cf_ms now)
{
    struct cf_ws_event event;
    must(cf_ws_endpoint_tick(&rig->ep, now, &rig->out, &event));
    tell_event(&rig->events, &event);
}

static void close_at(struct rig *rig, cf_ms now, unsigned code, struct cf_slice reason)
{
    must(cf_ws_endpoint_close(&rig->ep, now, code, reason, &rig->out));
}

/* Begins anew with the times set: what init derives from them starts at `now`. */
static void set_times(struct rig *rig, cf_ms ping, cf_ms pong_wait, cf_ms close_wait, cf_ms now)
{
    static const struct cf_ws_deflate_params none = {.enabled = false};
    rig->config.ping_period_ms = ping;
    rig->config.pong_wait_ms = pong_wait;
    rig->config.close_wait_ms = close_wait;
    cf_ws_endpoint_deinit(&rig->ep);
    cf_ws_endpoint_init(&rig->ep, &rig->config, &none, NULL, now);
}

/* ---- section 7: closing ---- */

static void test_7_1_2_our_close_and_its_echo(void **state)
{
    (void)state;
    for (int role = CF_WS_SERVER; role <= CF_WS_CLIENT; role++) {
        struct rig rig;
        rig_init(&rig, (enum cf_ws_role)role, 1000, NULL);
        set_times(&rig, 0, 0, 5000, 100);
        assert_true(cf_ws_endpoint_open(&rig.ep));
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), CF_MS_NEVER);
        close_at(&rig, 200, 1001, CF_LIT("bye"));
        assert_out(&rig, "88:03e9627965");
        assert_false(cf_ws_endpoint_open(&rig.ep));
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 5200);
        close_at(&rig, 300, 1000, CF_LIT("again"));
        assert_out(&rig, "");
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 5200);
        rig_hear_at(&rig, 400, "88:03e9");
        assert_events(&rig, "closed:1001+");
        assert_out(&rig, "");
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), CF_MS_NEVER);
        close_at(&rig, 500, 1000, CF_LIT(""));
        tick(&rig, 10000);
        assert_events(&rig, "");
        assert_out(&rig, "");
        rig_deinit(&rig);
    }
}

/* The peer may answer with another code, or none: its own is told. */
static void test_7_1_5_the_peers_code(void **state)
{
    static const struct {
        const char *in, *events;
    } vectors[] = {{"88:''", "closed:1005+"},
                   {"88:0fa0", "closed:4000+"},
                   {"88:03ed", "closed:1002-"},
                   {"88:03e8ff", "closed:1007-"}};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        struct rig rig;
        rig_init(&rig, CF_WS_SERVER, 1000, NULL);
        close_at(&rig, 0, 1000, CF_LIT(""));
        rig_hear(&rig, vectors[i].in);
        assert_events(&rig, vectors[i].events);
        assert_out(&rig, "88:03e8"); /* ours, and no second */
        rig_deinit(&rig);
    }
}

/* Section 1.4: after our close the peer's data is discarded until its close comes: of any size, in
 * the middle of a message too. Pings are not answered; frames still have to be frames. */
static void test_1_4_data_after_our_close_is_discarded(void **state)
{
    static const struct vector vectors[] = {
        {"data", "81:'a' 82:'b' 88:03e8", "closed:1000+", "88:03e8"},
        {"fragments", "01:'a' 00:'b' 80:ff 01:'c' 88:''", "closed:1005+", "88:03e8"},
        {"bad text", "81:ff 88:03e8", "closed:1000+", "88:03e8"},
        {"ping", "89:'a' 8a:'b' 88:03e8", "pong:'b' closed:1000+", "88:03e8"},
        {"over the limit", "82:000102030405060708090a0b 88:03e8", "closed:1000+", "88:03e8"},
        {"no frame", "83:''", "closed:1002-", "88:03e8"},
        {"continuation of nothing", "80:''", "closed:1002-", "88:03e8"},
        {"nothing but data", "82:00 82:00", "", "88:03e8"},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        for (uint64_t seed = WHOLE; seed < 8; seed++) {
            struct rig rig;
            struct cf_buf in;
            cf_buf_init(&in, 1000);
            rig_init(&rig, CF_WS_SERVER, 10, NULL);
            put_script(&in, vectors[i].in, true);
            close_at(&rig, 0, 1000, CF_LIT(""));
            rig_feed_split(&rig, cf_buf_peek(&in), seed);
            assert_null(rig.ep.parts);
            assert_events(&rig, vectors[i].events);
            assert_out(&rig, vectors[i].out);
            rig_deinit(&rig);
            cf_buf_deinit(&in);
        }
    }
}

static void test_1_4_our_close_inside_a_message(void **state)
{
    struct cf_ws_deflate_params params = deflate_params(false);
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, 10, &params);
    rig_hear(&rig, "41:f248cd");
    close_at(&rig, 0, 1000, CF_LIT(""));
    rig_hear(&rig, "00:ffffffffffffffffffffffff 80:ff 81:'12345678901' c1:ff 88:03e8");
    assert_events(&rig, "closed:1000+");
    assert_out(&rig, "88:03e8");
    rig_deinit(&rig);
}

/* Section 7.1.7: after CLOSED the input goes nowhere and nothing is sent. */
static void test_7_1_7_closed_is_the_end(void **state)
{
    static const char *const scripts[] = {"88:03e8", "83:''", "81:ff"};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(scripts); i++) {
        struct rig rig;
        rig_init(&rig, CF_WS_SERVER, 1000, NULL);
        set_times(&rig, 1000, 2000, 500, 0);
        rig_hear(&rig, scripts[i]);
        cf_buf_reset(&rig.events);
        cf_buf_reset(&rig.out);
        rig_hear(&rig, "81:'a' 89:'b' 88:03e8");
        assert_int_equal(cf_ws_endpoint_send(&rig.ep, CF_WS_TEXT, CF_LIT("x"), NULL, &rig.out),
                         CF_E_STATE);
        must(cf_ws_endpoint_ping(&rig.ep, 10, &rig.out));
        must(cf_ws_endpoint_writable(&rig.ep, &rig.out));
        close_at(&rig, 10, 1000, CF_LIT(""));
        tick(&rig, 100000);
        assert_events(&rig, "");
        assert_out(&rig, "");
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), CF_MS_NEVER);
        rig_deinit(&rig);
    }
}

static void test_5_5_1_nothing_is_sent_after_close(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_CLIENT, 1000, NULL);
    set_times(&rig, 1000, 0, 0, 0);
    rig_feed_at(&rig, 0, false, CF_LIT("\x89\x01p")); /* remembered, then overtaken by the close */
    close_at(&rig, 0, 1000, CF_LIT(""));
    assert_int_equal(cf_ws_endpoint_send(&rig.ep, CF_WS_BINARY, CF_LIT("x"), NULL, &rig.out),
                     CF_E_STATE);
    assert_null(rig.ep.parts);
    must(cf_ws_endpoint_ping(&rig.ep, 0, &rig.out));
    must(cf_ws_endpoint_writable(&rig.ep, &rig.out));
    rig_feed_at(&rig, 0, false, CF_LIT("\x89\x01q"));
    must(cf_ws_endpoint_writable(&rig.ep, &rig.out));
    tick(&rig, 5000);
    assert_out(&rig, "88:03e8");
    rig_deinit(&rig);
}

static void test_7_1_1_close_wait(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, 1000, NULL);
    set_times(&rig, 0, 0, 5000, 0);
    close_at(&rig, 1000, 1000, CF_LIT(""));
    rig_hear_at(&rig, 5000, "81:'a'"); /* being busy is no answer */
    tick(&rig, 5999);
    assert_events(&rig, "");
    tick(&rig, 6000);
    assert_events(&rig, "closed:1006-");
    assert_out(&rig, "88:03e8");
    tick(&rig, 7000);
    assert_events(&rig, "");
    rig_deinit(&rig);
}

static void test_5_5_1_longest_reason(void **state)
{
    char reason[125], hex[2 * 125 + 1], expected[300];
    struct rig rig;
    (void)state;
    memset(reason, 'r', sizeof(reason));
    rig_init(&rig, CF_WS_SERVER, 1000, NULL);
    close_at(&rig, 0, 1000, cf_slice_of(reason, 123));
    for (size_t i = 0; i < 123; i++)
        memcpy(hex + 2 * i, "72", 3);
    snprintf(expected, sizeof(expected), "88:03e8%s", hex);
    assert_out(&rig, expected);
    rig_deinit(&rig);
}

/* What close is given is our own doing. */
static void test_7_4_close_takes_what_the_wire_may_carry(void **state)
{
    static const char reason[124] = "too long";
    static struct rig rig;
    const struct cf_slice long_reason = cf_slice_of(reason, sizeof(reason));
    const struct cf_slice none = {NULL, 0};
    (void)state;
    rig_init(&rig, CF_WS_SERVER, 1000, NULL);
    assert_panics(close_at(&rig, 0, 1000, long_reason));
    assert_panics(close_at(&rig, 0, 1005, none));
    assert_panics(close_at(&rig, 0, 999, none));
    assert_out(&rig, "");
    rig_deinit(&rig);
}

/* ---- pings and silence ---- */

static void test_5_5_2_ping_period(void **state)
{
    (void)state;
    for (int role = CF_WS_SERVER; role <= CF_WS_CLIENT; role++) {
        struct rig rig;
        rig_init(&rig, (enum cf_ws_role)role, 1000, NULL);
        set_times(&rig, 54000, 0, 0, 1000);
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 55000);
        tick(&rig, 54999);
        assert_out(&rig, "");
        tick(&rig, 55000);
        assert_out(&rig, "89:''");
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 109000);
        rig_hear_at(&rig, 60000, "81:'a' 8a:''"); /* the period does not wait for silence */
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 109000);
        tick(&rig, 110000);
        assert_out(&rig, "89:''");
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 164000);
        must(cf_ws_endpoint_ping(&rig.ep, 111000, &rig.out)); /* one besides */
        assert_out(&rig, "89:''");
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 164000);
        close_at(&rig, 112000, 1000, CF_LIT(""));
        assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), CF_MS_NEVER);
        rig_deinit(&rig);
    }
}

static void test_pong_wait(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, 1000, NULL);
    set_times(&rig, 0, 60000, 0, 1000);
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 61000);
    tick(&rig, 60999);
    assert_events(&rig, "");
    tick(&rig, 61000);
    assert_events(&rig, "closed:1006-");
    assert_out(&rig, ""); /* nobody is there to be told */
    rig_deinit(&rig);
}

/* Any byte is a sign of life; an empty read and our own pings are none. */
static void test_pong_wait_whatever_is_heard(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_CLIENT, 1000, NULL);
    set_times(&rig, 20000, 60000, 0, 0);
    rig_feed_at(&rig, 10000, true, CF_LIT("\x8a"));
    assert_int_equal(cf_ws_endpoint_heard(&rig.ep), 10000);
    rig_feed_at(&rig, 12000, true, CF_LIT("\x00"));
    assert_int_equal(cf_ws_endpoint_heard(&rig.ep), 12000);
    rig_feed_at(&rig, 14000, true, CF_LIT("\x02\x00"));
    assert_int_equal(cf_ws_endpoint_heard(&rig.ep), 14000);
    rig_feed_at(&rig, 16000, true, (struct cf_slice){NULL, 0});
    assert_int_equal(cf_ws_endpoint_heard(&rig.ep), 14000);
    for (cf_ms now = 20000; now < 74000; now += 18000)
        tick(&rig, now);
    assert_events(&rig, "pong:''");
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 74000);
    tick(&rig, 74000);
    assert_events(&rig, "closed:1006-");
    rig_deinit(&rig);
}

static void test_pong_wait_goes_on_after_our_close(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, 1000, NULL);
    set_times(&rig, 0, 3000, 5000, 0);
    close_at(&rig, 1000, 1000, CF_LIT(""));
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 3000);
    rig_hear_at(&rig, 2500, "8a:''");
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 5500);
    rig_hear_at(&rig, 4500, "8a:''");
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 6000);
    rig_deinit(&rig);
}

/* The wait begins with the first bytes, whatever comes in between, and ends with the last. */
static void test_v6_a_message_has_to_end(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, 1000, NULL);
    rig.config.message_wait_ms = 60000;
    set_times(&rig, 0, 0, 5000, 1000);
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), CF_MS_NEVER);
    rig_hear_at(&rig, 2000, "01:'Hel'");
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 62000);
    rig_hear_at(&rig, 50000, "89:'' 00:'l'");
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 62000);
    rig_hear_at(&rig, 61000, "80:'o'");
    assert_events(&rig, "text:'Hello'");
    assert_out(&rig, "8a:''");
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), CF_MS_NEVER);
    rig_hear_at(&rig, 70000, "81:'whole' 02:'H'");
    assert_events(&rig, "text:'whole'");
    assert_int_equal(cf_ws_endpoint_deadline(&rig.ep), 130000);
    tick(&rig, 129999);
    assert_events(&rig, "");
    tick(&rig, 130000);
    assert_events(&rig, "closed:1008-");
    assert_out(&rig, "88:03f0");
    rig_deinit(&rig);
}

/* ---- sending ---- */

static void test_6_1_send(void **state)
{
    (void)state;
    for (int role = CF_WS_SERVER; role <= CF_WS_CLIENT; role++) {
        struct rig rig;
        rig_init(&rig, (enum cf_ws_role)role, 1000, NULL);
        must(cf_ws_endpoint_send(&rig.ep, CF_WS_TEXT, CF_LIT("Hello"), NULL, &rig.out));
        must(cf_ws_endpoint_send(&rig.ep, CF_WS_BINARY, CF_LIT(""), NULL, &rig.out));
        assert_out(&rig, "81:'Hello' 82:''");
        rig_deinit(&rig);
    }
}

/* Section 5.3: each frame of a client has a key of its own. */
static void test_5_3_fresh_masks(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_CLIENT, 1000, NULL);
    must(cf_ws_endpoint_send(&rig.ep, CF_WS_TEXT, CF_LIT(""), NULL, &rig.out));
    must(cf_ws_endpoint_ping(&rig.ep, 0, &rig.out));
    assert_int_equal(rig.out.len, 12);
    assert_memory_not_equal(rig.out.ptr + 2, rig.out.ptr + 8, 4);
    rig_deinit(&rig);
}

/* RFC 7692 section 6: compressed when that gains, told by RSV1; never without negotiation. */
static void test_7692_6_send_compressed_when_smaller(void **state)
{
    static uint8_t message[1000];
    struct cf_ws_deflate_params params = deflate_params(false);
    struct cf_ws_deflater *deflater = cf_ws_deflater_new(15);
    assert_non_null(deflater);
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, 1000, &params);
    must(cf_ws_endpoint_send(&rig.ep, CF_WS_TEXT, CF_LIT("Hello"), deflater, &rig.out));
    assert_out(&rig, "81:'Hello'"); /* 7 bytes deflated */
    must(cf_ws_endpoint_send(&rig.ep, CF_WS_TEXT, CF_LIT(""), deflater, &rig.out));
    assert_out(&rig, "81:''");
    must(cf_ws_endpoint_send(&rig.ep, CF_WS_BINARY, cf_slice_of(message, 1000), NULL, &rig.out));
    assert_int_equal(rig.out.ptr[0], 0x82);
    cf_buf_reset(&rig.out);
    must(
        cf_ws_endpoint_send(&rig.ep, CF_WS_BINARY, cf_slice_of(message, 1000), deflater, &rig.out));
    assert_int_equal(rig.out.ptr[0], 0xc2);
    assert_true(rig.out.len < 30);
    rig_deinit(&rig);
    rig_init(&rig, CF_WS_SERVER, 1000, NULL);
    must(
        cf_ws_endpoint_send(&rig.ep, CF_WS_BINARY, cf_slice_of(message, 1000), deflater, &rig.out));
    assert_int_equal(rig.out.ptr[0], 0x82);
    rig_deinit(&rig);
    cf_ws_deflater_free(deflater);
}

/* What one endpoint sends the other tells, in both directions, in any pieces. */
static void check_pair(enum cf_ws_role sender, const struct cf_ws_deflate_params *params,
                       uint64_t seed)
{
    struct cf_ws_deflater *deflater = cf_ws_deflater_new(12);
    assert_non_null(deflater);
    struct rig from, to;
    uint64_t random = seed;
    rig_init(&from, sender, 65536, params);
    rig_init(&to, sender == CF_WS_SERVER ? CF_WS_CLIENT : CF_WS_SERVER, 65536, params);
    for (unsigned i = 0; i < 30; i++) {
        static uint8_t message[3000];
        size_t len = random_below(&random, sizeof(message));
        for (size_t at = 0; at < len; at++)
            message[at] = (uint8_t)('a' + random_below(&random, i % 2 == 0 ? 2 : 26));
        struct cf_ws_event like = {.type = CF_WS_EVENT_TEXT, .payload = cf_slice_of(message, len)};
        struct cf_buf told;
        cf_buf_init(&told, SCRIPT_BYTES_MAX);
        tell_event(&told, &like);
        put_byte(&told, 0);
        /* Now and then one that is not compressed. */
        must(cf_ws_endpoint_send(&from.ep, CF_WS_TEXT, like.payload, i % 5 == 4 ? NULL : deflater,
                                 &from.out));
        rig_feed_split(&to, cf_buf_peek(&from.out), seed);
        cf_buf_reset(&from.out);
        assert_events(&to, (const char *)told.ptr);
        cf_buf_deinit(&told);
    }
    rig_deinit(&from);
    rig_deinit(&to);
    cf_ws_deflater_free(deflater);
}

static void test_pairs(void **state)
{
    (void)state;
    for (uint64_t seed = WHOLE; seed < 10; seed++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            struct cf_ws_deflate_params params = deflate_params(true);
            params.server_no_takeover = (kind & 1) != 0;
            params.client_no_takeover = (kind & 2) != 0;
            check_pair(CF_WS_SERVER, &params, seed);
            check_pair(CF_WS_CLIENT, &params, seed);
        }
        check_pair(CF_WS_SERVER, NULL, seed);
        check_pair(CF_WS_CLIENT, NULL, seed);
    }
}

/* An event's payload may be sent back before the next call. */
static void test_echo(void **state)
{
    struct rig rig;
    struct cf_buf in;
    struct cf_ws_event event;
    (void)state;
    cf_buf_init(&in, 100);
    rig_init(&rig, CF_WS_SERVER, 1000, NULL);
    put_script(&in, "81:'Hello' 8a:'p'", true);
    struct cf_slice input = cf_buf_peek(&in);
    must(cf_ws_endpoint_next(&rig.ep, 0, true, &input, &rig.out, &event));
    must(cf_ws_endpoint_ping(&rig.ep, 0, &rig.out));
    must(cf_ws_endpoint_send(&rig.ep, CF_WS_TEXT, event.payload, NULL, &rig.out));
    close_at(&rig, 0, 1000, event.payload);
    assert_slice_equal(event.payload, CF_LIT("Hello"));
    assert_out(&rig, "89:'' 81:'Hello' 88:03e848656c6c6f");
    rig_deinit(&rig);
    cf_buf_deinit(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_7_1_2_our_close_and_its_echo),
        cmocka_unit_test(test_7_1_5_the_peers_code),
        cmocka_unit_test(test_1_4_data_after_our_close_is_discarded),
        cmocka_unit_test(test_1_4_our_close_inside_a_message),
        cmocka_unit_test(test_7_1_7_closed_is_the_end),
        cmocka_unit_test(test_5_5_1_nothing_is_sent_after_close),
        cmocka_unit_test(test_7_1_1_close_wait),
        cmocka_unit_test(test_5_5_1_longest_reason),
        cmocka_unit_test(test_7_4_close_takes_what_the_wire_may_carry),
        cmocka_unit_test(test_5_5_2_ping_period),
        cmocka_unit_test(test_pong_wait),
        cmocka_unit_test(test_pong_wait_whatever_is_heard),
        cmocka_unit_test(test_pong_wait_goes_on_after_our_close),
        cmocka_unit_test(test_v6_a_message_has_to_end),
        cmocka_unit_test(test_6_1_send),
        cmocka_unit_test(test_5_3_fresh_masks),
        cmocka_unit_test(test_7692_6_send_compressed_when_smaller),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_echo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
