/* What a peer may make us keep: the message limit at its edges, and hazards V4, V5, V6, V8, V10. */
#include "support.h"

#define TOO_BIG "88:03f1" /* 1009 */

enum { LIMIT = 1000 };

static struct cf_slice zeros(size_t len)
{
    static const uint8_t bytes[70000];
    return cf_slice_of(bytes, len);
}

/* One frame, and the same in two, three, each of one byte. */
static void test_limit_at_its_edges(void **state)
{
    (void)state;
    for (size_t len = LIMIT - 1; len <= LIMIT + 1; len++) {
        for (size_t step = len; step > 0; step /= 2) {
            struct rig rig;
            struct cf_buf in;
            cf_buf_init(&in, 1 << 20);
            rig_init(&rig, CF_WS_SERVER, LIMIT, NULL);
            for (size_t at = 0; at < len; at += step) {
                bool last = len - at <= step;
                put_frame(&in, (last ? 0x80 : 0) | (at == 0 ? 0x02 : 0x00),
                          zeros(last ? len - at : step), true);
            }
            rig_feed(&rig, cf_buf_peek(&in));
            assert_int_equal(rig.ep.closed, len > LIMIT);
            assert_out(&rig, len > LIMIT ? TOO_BIG : "");
            rig_deinit(&rig);
            cf_buf_deinit(&in);
        }
    }
}

/* The limit is a message's, not a connection's. */
static void test_limit_of_each_message(void **state)
{
    struct rig rig;
    struct cf_buf in;
    (void)state;
    cf_buf_init(&in, 1 << 20);
    rig_init(&rig, CF_WS_CLIENT, LIMIT, NULL);
    for (unsigned i = 0; i < 5; i++)
        put_frame(&in, 0x82, zeros(LIMIT), false);
    rig_feed(&rig, cf_buf_peek(&in));
    assert_true(cf_ws_endpoint_open(&rig.ep));
    rig_deinit(&rig);
    cf_buf_deinit(&in);
}

static void test_limit_of_nothing(void **state)
{
    static const struct vector vectors[] = {
        {"empty messages pass", "81:'' 01:'' 80:''", "text:'' text:''", ""},
        {"no byte does", "81:'a'", "closed:1009-", TOO_BIG},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        struct rig rig;
        rig_init(&rig, CF_WS_SERVER, 0, NULL);
        rig_hear(&rig, vectors[i].in);
        assert_events(&rig, vectors[i].events);
        assert_out(&rig, vectors[i].out);
        rig_deinit(&rig);
    }
}

/* Hazards V4 and V5: every length that could wrap a sum, announced by the first frame and by a
 * continuation. The header alone decides, and nothing is allocated for it. */
static void test_v4_announced_lengths(void **state)
{
    static const uint64_t lens[] = {125,
                                    126,
                                    127,
                                    65535,
                                    65536,
                                    INT32_MAX,
                                    (uint64_t)1 << 31,
                                    UINT32_MAX,
                                    (uint64_t)1 << 32,
                                    INT64_MAX,
                                    (uint64_t)1 << 63,
                                    UINT64_MAX};
    static const size_t limits[] = {100, 65536, SIZE_MAX};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(lens) * CF_ARRAY_LEN(limits) * 2; i++) {
        uint64_t len = lens[i / 2 % CF_ARRAY_LEN(lens)];
        size_t limit = limits[i / 2 / CF_ARRAY_LEN(lens)];
        size_t have = i % 2; /* bytes of the message before this frame */
        const char *expected = len > INT64_MAX      ? "closed:1002-"
                               : len > limit - have ? "closed:1009-"
                                                    : "";
        struct rig rig;
        struct cf_buf in;
        cf_buf_init(&in, 100);
        rig_init(&rig, CF_WS_SERVER, limit, NULL);
        if (have > 0)
            put_frame(&in, 0x02, zeros(have), true);
        put_header(&in, have > 0 ? 0x80 : 0x82, len, len < 126 ? 0 : len < 65536 ? 2 : 8, true);
        rig_feed(&rig, cf_buf_peek(&in));
        assert_events(&rig, expected);
        rig_feed(&rig, CF_LIT("x"));
        assert_true(rig_message_cap(&rig) <= 64);
        rig_deinit(&rig);
        cf_buf_deinit(&in);
    }
}

/* Hazard V4: nor does the room that compressed bytes have over the limit wrap. */
static void test_v4_compressed_room(void **state)
{
    static const size_t limits[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 8 * 7 + 1};
    struct cf_ws_deflate_params params = deflate_params(false);
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(limits); i++) {
        struct rig rig;
        struct cf_buf in;
        cf_buf_init(&in, 100);
        rig_init(&rig, CF_WS_CLIENT, limits[i], &params);
        put_header(&in, 0xc2, INT64_MAX, 8, false);
        rig_feed(&rig, cf_buf_peek(&in));
        assert_events(&rig, "");
        rig_deinit(&rig);
        cf_buf_deinit(&in);
    }
}

/* Hazard V5: memory follows what came, not what was announced. */
static void test_v5_memory_follows_what_came(void **state)
{
    struct rig rig;
    struct cf_buf in;
    (void)state;
    cf_buf_init(&in, 100);
    rig_init(&rig, CF_WS_SERVER, 1 << 20, NULL);
    put_header(&in, 0x82, 1 << 20, 8, true);
    rig_feed(&rig, cf_buf_peek(&in));
    assert_int_equal(rig_message_cap(&rig), 0);
    for (size_t got = 1; got <= 10000; got++) {
        rig_feed(&rig, zeros(1));
        assert_true(rig_message_cap(&rig) <= 64 || rig_message_cap(&rig) <= 2 * got);
    }
    rig_deinit(&rig);
    cf_buf_deinit(&in);
}

/* Hazard V6: a message of one-byte fragments ends at the limit, in one flat buffer. */
static void test_v6_endless_fragments(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, LIMIT, NULL);
    rig_hear(&rig, "02:00");
    for (size_t i = 1; i < LIMIT; i++) {
        rig_hear(&rig, "00:00");
        assert_true(rig_message_cap(&rig) <= LIMIT);
    }
    assert_events(&rig, "");
    rig_hear(&rig, "00:00");
    assert_events(&rig, "closed:1009-");
    assert_int_equal(rig_message_cap(&rig), 0);
    rig_deinit(&rig);
}

/* Hazard V6: fragments of no byte at all. 1000 in a message pass, whichever frames of it they are;
 * the next message has 1000 of its own. */
static void test_v6_endless_empty_fragments(void **state)
{
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, LIMIT, NULL);
    for (unsigned message = 0; message < 2; message++) {
        rig_hear(&rig, "01:''");
        for (unsigned i = 1; i < 1000; i++)
            rig_hear(&rig, "00:''");
        rig_hear(&rig, "00:'a' 80:''");
        assert_events(&rig, "text:'a'");
    }
    rig_hear(&rig, "01:'a'");
    for (unsigned i = 0; i < 1000; i++)
        rig_hear(&rig, "00:''");
    assert_events(&rig, "");
    rig_hear(&rig, "00:''");
    assert_events(&rig, "closed:1009-");
    assert_out(&rig, TOO_BIG);
    rig_deinit(&rig);
}

/* An idle endpoint holds no memory of its own: between messages, after pings of both kinds. */
static void test_v8_idle_owns_nothing(void **state)
{
    static const char *const scripts[] = {"81:'Hello'", "01:'Hel' 80:'lo'", "89:'ping'",
                                          "8a:'pong'", "02:00 89:'p' 80:00"};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(scripts); i++) {
        for (uint64_t seed = WHOLE; seed <= BYTEWISE; seed++) {
            struct rig rig;
            struct cf_buf in;
            cf_buf_init(&in, 1000);
            rig_init(&rig, CF_WS_SERVER, LIMIT, NULL);
            put_script(&in, scripts[i], true);
            rig_feed_split(&rig, cf_buf_peek(&in), seed);
            assert_null(rig.ep.parts);
            rig_deinit(&rig);
            cf_buf_deinit(&in);
        }
    }
    assert_int_equal(sizeof(struct cf_ws_endpoint), 72);
}

/* Hazard V10: a million pings from a peer that reads nothing. One answer waits, the latest. */
static void test_v10_pings_are_coalesced(void **state)
{
    struct rig rig;
    struct cf_buf in;
    (void)state;
    cf_buf_init(&in, 100);
    rig_init(&rig, CF_WS_SERVER, LIMIT, NULL);
    for (uint32_t i = 0; i < 1000000; i++) {
        cf_buf_reset(&in);
        put_frame(&in, 0x89, cf_slice_of(&i, sizeof(i)), true);
        rig_feed_at(&rig, 0, false, cf_buf_peek(&in));
    }
    assert_int_equal(rig.out.len, 0);
    must(cf_ws_endpoint_writable(&rig.ep, &rig.out));
    assert_out(&rig, "8a:3f420f00"); /* 999999 */
    must(cf_ws_endpoint_writable(&rig.ep, &rig.out));
    assert_out(&rig, "");
    assert_null(rig.ep.parts);
    rig_deinit(&rig);
    cf_buf_deinit(&in);
}

/* A remembered ping is overtaken by one that can be answered at once. */
static void test_v10_latest_wins(void **state)
{
    struct rig rig;
    struct cf_buf in;
    (void)state;
    cf_buf_init(&in, 100);
    rig_init(&rig, CF_WS_SERVER, LIMIT, NULL);
    put_script(&in, "89:'long-old-payload' 89:''", true);
    rig_feed_at(&rig, 0, false, cf_buf_peek(&in));
    assert_out(&rig, "");
    rig_hear(&rig, "89:'new'");
    assert_out(&rig, "8a:'new'");
    must(cf_ws_endpoint_writable(&rig.ep, &rig.out));
    assert_out(&rig, "");
    rig_deinit(&rig);
    cf_buf_deinit(&in);
}

/* Out of room for our own answer is our trouble, not the peer's mistake. */
static void test_no_room_for_an_answer(void **state)
{
    static const char *const scripts[] = {"89:'Hello'", "88:03e8", "83:''"};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(scripts); i++) {
        struct rig rig;
        struct cf_buf in, out;
        struct cf_ws_event event;
        cf_buf_init(&in, 100);
        cf_buf_init(&out, 3);
        rig_init(&rig, CF_WS_SERVER, LIMIT, NULL);
        put_script(&in, scripts[i], true);
        struct cf_slice input = cf_buf_peek(&in);
        assert_int_equal(cf_ws_endpoint_next(&rig.ep, 0, true, &input, &out, &event),
                         CF_E_TOO_LARGE);
        assert_int_equal(out.len, 0);
        rig_deinit(&rig);
        cf_buf_deinit(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_at_its_edges),
        cmocka_unit_test(test_limit_of_each_message),
        cmocka_unit_test(test_limit_of_nothing),
        cmocka_unit_test(test_v4_announced_lengths),
        cmocka_unit_test(test_v4_compressed_room),
        cmocka_unit_test(test_v5_memory_follows_what_came),
        cmocka_unit_test(test_v6_endless_fragments),
        cmocka_unit_test(test_v6_endless_empty_fragments),
        cmocka_unit_test(test_v8_idle_owns_nothing),
        cmocka_unit_test(test_v10_pings_are_coalesced),
        cmocka_unit_test(test_v10_latest_wins),
        cmocka_unit_test(test_no_room_for_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
