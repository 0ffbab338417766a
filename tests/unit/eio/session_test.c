/* A session on one transport: handshake, heartbeat, the requests of polling, its ends. Pings come
 * every 300 ms here, a pong is waited for 200 ms, an orderly close waits 2000 ms. */
#include "support.h"

/* ---- handshake ---- */

static void the_handshake_is_exact(void **state)
{
    (void)state;
    struct script script;
    struct cf_eio_config config = {.ping_interval_ms = 25000,
                                   .ping_timeout_ms = 20000,
                                   .payload_bytes_max = 1000000,
                                   .queue_bytes_max = 1000};
    script_init(&script, &config, CF_EIO_POLLING);
    script_run(&script, CF_LIT("poll"));
    assert_told(&script, "polling",
                "get=0{\"sid\":\"sid\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
                "\"pingTimeout\":20000,\"maxPayload\":1000000}");
    script_deinit(&script);
    script_init(&script, &config, CF_EIO_WEBSOCKET);
    assert_told(&script, "websocket",
                "out=0{\"sid\":\"sid\",\"upgrades\":[],\"pingInterval\":25000,"
                "\"pingTimeout\":20000,\"maxPayload\":1000000}");
    script_deinit(&script);
}

/* What is said before the first GET comes behind the handshake. */
static void the_handshake_is_first(void **state)
{
    (void)state;
    struct script script;
    script_init(&script, &SCRIPT_CONFIG, CF_EIO_POLLING);
    script_run(&script, CF_LIT("send:a poll"));
    struct cf_slice told = cf_buf_peek(&script.told);
    assert_true(cf_slice_starts(told, CF_LIT("get=0{\"sid\":\"sid\",")));
    assert_true(cf_slice_ends(told, CF_LIT("}|4a")));
    script_deinit(&script);
}

static void a_session_without_room_for_the_handshake_does_not_open(void **state)
{
    (void)state;
    struct cf_eio_config config = SCRIPT_CONFIG;
    struct cf_eio_session s;
    config.queue_bytes_max = 10;
    assert_int_equal(cf_eio_session_open(&s, &config, CF_EIO_POLLING, CF_LIT("sid"), 0),
                     CF_E_TOO_LARGE);
    assert_null(s.parts);
}

/* ---- heartbeat ---- */

static void heartbeat_over_polling(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"not a moment early", "poll +299", ""},
        {"at the interval", "poll +300", "get=2"},
        {"without a GET it waits", "+300 poll", "get=2"},
        {"silence ends it", "poll +300 +199 +1", "get=2 END:PING_TIMEOUT"},
        {"silence, the next GET open", "poll +300 poll +200", "get=2 get=1 END:PING_TIMEOUT"},
        {"silence without any GET", "+300 +200", "END:PING_TIMEOUT"},
        {"a pong", "poll +300 +199 post:3 poll +299 +1", "get=2 get=2"},
        {"a pong, counted from when it came", "poll +300 +100 post:3 poll +200 +99 +1",
         "get=2 get=2"},
        {"a pong with data", "poll +300 post:3probe +200 poll +99", "get=2"},
        {"pongs for ever", "poll due post:3 poll due post:3 poll due post:3", "get=2 get=2 get=2"},
        {"a pong that nobody asked for puts the ping off", "+200 post:3 poll +299 +1", "get=2"},
        {"a late pong is too late", "poll +500", "get=2"},
        {"a GET is no sign of life", "poll +300 poll poll-gone", "get=2 END:LOST"},
        {"one tick for all that is late", "poll +5000", "get=2"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

/* Whatever else comes prolongs the wait for a pong, once a ping. */
static void other_packets_prolong_the_wait_once(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"a message", "poll +300 +199 post:4a +199 +1", "get=2 up=a END:PING_TIMEOUT"},
        {"only the first one", "poll +300 +100 post:4a +100 post:4b +99 +1",
         "get=2 up=a up=b END:PING_TIMEOUT"},
        {"a noop, too", "poll +300 +199 post:6 +199 +1", "get=2 END:PING_TIMEOUT"},
        {"then the pong", "poll +300 +199 post:4a +199 post:3 +299", "get=2 up=a"},
        {"once more at the next ping",
         "poll +300 +199 post:4a +199 post:3 poll +300 +199 post:4b +199 +1",
         "get=2 up=a get=2 up=b END:PING_TIMEOUT"},
        {"not before the ping", "post:4a +300 +199 +1", "up=a END:PING_TIMEOUT"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

static void heartbeat_over_websocket(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"at the interval", "+299 +1", "out=2"},
        {"silence", "+300 +199 +1", "out=2 END:PING_TIMEOUT"},
        {"a pong", "+300 ws:3 +299 +1", "out=2 out=2"},
        {"text prolongs", "+300 +199 ws:4a +199 +1", "out=2 up=a END:PING_TIMEOUT"},
        {"binary prolongs", "+300 +199 wsb:a +199 +1", "out=2 upb=a END:PING_TIMEOUT"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_WEBSOCKET);
}

static void the_deadline_is_the_next_thing_to_happen(void **state)
{
    (void)state;
    struct script script;
    begin(&script, CF_EIO_POLLING);
    assert_int_equal(cf_eio_deadline(&script.s), 1300);
    script_run(&script, CF_LIT("due"));
    assert_int_equal(cf_eio_deadline(&script.s), 1500);
    script_run(&script, CF_LIT("+50 post:6"));
    assert_int_equal(cf_eio_deadline(&script.s), 1550);
    script_run(&script, CF_LIT("post:3"));
    assert_int_equal(cf_eio_deadline(&script.s), 1650);
    script_run(&script, CF_LIT("close"));
    assert_int_equal(cf_eio_deadline(&script.s), 3350);
    script_run(&script, CF_LIT("due"));
    assert_int_equal(cf_eio_deadline(&script.s), CF_MS_NEVER);
    script_deinit(&script);
}

/* ---- polling ---- */

static void a_get_is_held_until_there_is_something(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"held", "poll", ""},
        {"answered", "poll send:a", "get=4a"},
        {"with what waited", "send:a sendb:bc send:d poll", "get=4a|bYmM=|4d"},
        {"an empty message", "send: sendb: poll", "get=4|b"},
        {"a payload", "payload:4a|4b poll", "get=4a|4b"},
        {"a payload among messages", "send:a payload:4b|bAQID send:c poll", "get=4a|4b|bAQID|4c"},
        {"each is answered once", "poll send:a send:b poll send:c poll", "get=4a get=4b get=4c"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

static void a_second_request_ends_the_session(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"GET", "poll poll", "!PROTOCOL get=1 END:PROTOCOL"},
        {"POST", "begin begin", "!PROTOCOL END:PROTOCOL"},
        {"POST, a GET open", "poll begin begin", "!PROTOCOL get=1 END:PROTOCOL"},
        {"what the first POST still brings", "begin begin body:4a end",
         "!PROTOCOL END:PROTOCOL !SYNTAX"},
        {"GET and POST do not overlap", "poll begin body:4a end", "up=a"},
        {"POST after POST", "begin body:4a end begin body:4b end", "up=a up=b"},
        {"GET while what is sent waits", "send:a poll poll poll",
         "get=4a !PROTOCOL get=1 END:PROTOCOL"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

static void a_request_that_goes_away_ends_the_session(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"GET", "poll poll-gone", "END:LOST"},
        {"POST", "begin post-gone", "END:LOST"},
        {"POST, a GET open", "poll begin post-gone", "get=1 END:LOST"},
        {"GET, a POST coming", "poll begin poll-gone", "END:LOST"},
        {"an answered GET", "poll send:a poll-gone send:b poll", "get=4a get=4b"},
        {"a finished POST", "post:4a post-gone send:b poll", "up=a get=4b"},
        {"none", "poll-gone post-gone ws-gone probe-gone send:a poll", "get=4a"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

/* ---- the end ---- */

static void the_client_closes(void **state)
{
    (void)state;
    static const struct scene polling[] = {
        {"a GET open", "poll post:1", "get=6 END:BY_CLIENT"},
        {"none open", "post:1", "END:BY_CLIENT"},
        {"behind messages", "poll post:4a|1|4b", "up=a get=6 END:BY_CLIENT"},
        {"while the server closes", "close post:1", "END:BY_CLIENT"},
        {"while a pong is waited for", "+300 post:1", "END:BY_CLIENT"},
    };
    static const struct scene websocket[] = {
        {"close", "ws:1", "END:BY_CLIENT"},
        {"what follows is not heard", "ws:1 ws:4a wsb:a", "END:BY_CLIENT"},
        {"the connection is gone", "ws-gone", "END:LOST"},
    };
    check_scenes(polling, CF_ARRAY_LEN(polling), CF_EIO_POLLING);
    check_scenes(websocket, CF_ARRAY_LEN(websocket), CF_EIO_WEBSOCKET);
}

static void the_server_closes_in_order(void **state)
{
    (void)state;
    static const struct scene polling[] = {
        {"a GET open", "poll close", "get=1 END:BY_SERVER"},
        {"none open", "close poll", "get=1 END:BY_SERVER"},
        {"behind what waits", "send:a send:b close poll poll", "get=4a|4b get=1 END:BY_SERVER"},
        {"nothing follows", "close send:a sendb:a payload:4a poll",
         "!STATE !STATE !STATE get=1 END:BY_SERVER"},
        {"nothing is heard", "close post:4a|4b|3|6", ""},
        {"a packet that is none", "close post:x", "!SYNTAX END:PROTOCOL"},
        {"twice", "close close poll close", "get=1 END:BY_SERVER"},
        {"nobody comes", "close +1999 +1", "END:BY_SERVER"},
        {"again is not longer", "close +1999 close +1", "END:BY_SERVER"},
        {"no ping meanwhile", "close +300 +300 poll", "get=1 END:BY_SERVER"},
        {"the pong is late meanwhile", "+300 close +200", "END:PING_TIMEOUT"},
        {"the pong comes meanwhile", "+300 close post:3 +1999 +1", "END:BY_SERVER"},
        {"the GET goes away", "send:a close poll-gone poll poll", "get=4a get=1 END:BY_SERVER"},
        {"a POST goes away", "begin close post-gone", "END:LOST"},
    };
    static const struct scene websocket[] = {
        {"at once", "close", "END:BY_SERVER"},
        {"nothing follows", "close send:a ws:4a ws-gone", "END:BY_SERVER !STATE"},
    };
    check_scenes(polling, CF_ARRAY_LEN(polling), CF_EIO_POLLING);
    check_scenes(websocket, CF_ARRAY_LEN(websocket), CF_EIO_WEBSOCKET);
}

static void an_abort_tells_an_open_get(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"a GET open", "poll abort", "get=1 END:LOST"},
        {"none open", "abort poll post:4a", "END:LOST !STATE !STATE"},
        {"what waits is gone", "send:a abort", "END:LOST"},
        {"the first end counts", "abort close abort", "END:LOST"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

/* What is said in one step before it settles goes out with the end. */
static void what_was_said_goes_out_with_the_end(void **state)
{
    (void)state;
    struct script script;
    begin(&script, CF_EIO_POLLING);
    script_run(&script, CF_LIT("poll"));
    assert_int_equal(cf_eio_send(&script.s, CF_LIT("a"), false), CF_OK);
    cf_eio_abort(&script.s, CF_EIO_PROTOCOL);
    script_settle(&script);
    assert_told(&script, "abort", "get=4a|1 END:PROTOCOL");
    script_deinit(&script);
    begin(&script, CF_EIO_WEBSOCKET);
    assert_int_equal(cf_eio_send(&script.s, CF_LIT("a"), false), CF_OK);
    assert_int_equal(cf_eio_send(&script.s, CF_LIT("b"), true), CF_OK);
    cf_eio_close(&script.s, 0);
    script_settle(&script);
    assert_told(&script, "close", "out=4a outb=b END:BY_SERVER");
    script_deinit(&script);
}

/* ---- WebSocket ---- */

static void messages_over_websocket(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"up", "ws:4a wsb:a ws:4 wsb: ws:4bAQID", "up=a upb=a up= upb= up=bAQID"},
        {"down", "send:a sendb:a send: sendb:", "out=4a outb=a out=4 outb="},
        {"a payload", "payload:4a|bAQID|4", "out=4a outb=\1\2\3 out=4"},
        {"base64 is as good", "ws:bAQID ws:b ws:4a", "upb=\1\2\3 upb= up=a"},
        {"a separator is text like any other", "ws:4a|4b send:a|4b send:| wsb:| sendb:|",
         "up=a|4b out=4a|4b out=4| upb=| outb=|"},
        {"what means nothing", "ws:0 ws:3 ws:5 ws:6 ws:4a", "up=a"},
        {"requests are refused", "poll begin post:4a send:a", "!STATE !STATE !STATE out=4a"},
        {"a probe is refused", "probe p:2probe p:5 send:a", "!STATE out=4a"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_WEBSOCKET);
}

/* An owner's mistake, which no peer can make, ends the session and no more. */
static void a_payload_that_is_none_closes(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"empty packets", "payload:4a||4b", "out=4a END:SLOW"},
        {"a separator", "payload:|", "END:SLOW"},
        {"bad base64", "payload:bA", "END:SLOW"},
        {"nothing", "payload: send:a", "out=4a"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_WEBSOCKET);
}

static void bad_websocket_messages_close(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"empty", "ws:", "!SYNTAX END:PROTOCOL"},
        {"unknown type", "ws:7", "!SYNTAX END:PROTOCOL"},
        {"a ping", "ws:2", "END:PROTOCOL"},
        {"a probe", "ws:2probe", "END:PROTOCOL"},
        {"a separator", "ws:|", "!SYNTAX END:PROTOCOL"},
        {"bad base64", "ws:bA", "!SYNTAX END:PROTOCOL"},
        {"what was heard before", "ws:4a ws:7 ws:4b", "up=a !SYNTAX END:PROTOCOL"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_WEBSOCKET);
}

/* A payload cannot carry it: two packets would come out. */
static void a_separator_in_text_is_refused_over_polling(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"text", "send:a|4b poll send:c", "!INVALID get=4c"},
        {"binary", "sendb:| poll", "get=bHg=="},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

/* ---- the queue's limit ---- */

enum { QUEUE_MAX = 1000 };

static void begin_limited(struct script *script)
{
    struct cf_eio_config config = SCRIPT_CONFIG;
    config.queue_bytes_max = QUEUE_MAX;
    script_init(script, &config, CF_EIO_POLLING);
    script_run(script, CF_LIT("poll"));
    cf_buf_reset(&script->told);
}

/* Sends what takes `len` bytes of the queue: type and text, or `b` and base64. */
static enum cf_error send_len(struct script *script, size_t len, bool binary, bool payload)
{
    uint8_t bytes[QUEUE_MAX + 100];
    memset(bytes, '4', sizeof(bytes));
    enum cf_error error;
    if (payload)
        error = cf_eio_send_payload(&script->s, cf_slice_of(bytes, len));
    else
        error = cf_eio_send(&script->s, cf_slice_of(bytes, binary ? (len - 1) / 4 * 3 : len - 1),
                            binary);
    script_settle(script);
    return error;
}

static void check_limit(size_t first, size_t second, bool binary, bool payload)
{
    struct script script;
    begin_limited(&script);
    size_t total = first + second + (first > 0 ? 1 : 0);
    if (first > 0)
        assert_int_equal(send_len(&script, first, false, false), CF_OK);
    enum cf_error error = send_len(&script, second, binary, payload);
    if (total <= QUEUE_MAX) {
        assert_int_equal(error, CF_OK);
        assert_int_equal(script_queued(&script.s)->len, total);
        script_run(&script, CF_LIT("poll"));
        assert_int_equal(script.told.len, strlen("get=") + total);
    } else {
        assert_int_equal(error, CF_E_TOO_LARGE);
        assert_told(&script, "over the limit", "END:SLOW");
        assert_int_equal(send_len(&script, 10, false, false), CF_E_STATE);
    }
    script_deinit(&script);
}

static void the_queue_is_limited(void **state)
{
    (void)state;
    for (size_t total = QUEUE_MAX - 1; total <= QUEUE_MAX + 1; total++) {
        for (unsigned payload = 0; payload < 2; payload++) {
            check_limit(0, total, false, payload);
            check_limit(500, total - 501, false, payload);
        }
    }
    for (size_t total = QUEUE_MAX - 1; total <= QUEUE_MAX + 1; total++)
        check_limit(total - 402, 401, true, false); /* 300 bytes of binary */
}

/* The limit is for what waits, not for what is said over time. */
static void an_emptied_queue_has_all_its_room(void **state)
{
    (void)state;
    struct script script;
    begin_limited(&script);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(send_len(&script, QUEUE_MAX, false, false), CF_OK);
        script_run(&script, CF_LIT("poll"));
        assert_null(script_queued(&script.s)->ptr);
    }
    script_deinit(&script);
}

/* A full queue has room for the word that it was the last. */
static void a_full_queue_still_closes_in_order(void **state)
{
    (void)state;
    struct script script;
    begin_limited(&script);
    assert_int_equal(send_len(&script, QUEUE_MAX, false, false), CF_OK);
    script_run(&script, CF_LIT("close poll poll"));
    assert_int_equal(script.told.len, strlen("get=") + QUEUE_MAX + strlen(" get=1 END:BY_SERVER"));
    assert_true(cf_slice_ends(cf_buf_peek(&script.told), CF_LIT("4 get=1 END:BY_SERVER")));
    script_deinit(&script);
}

/* A ping that does not fit is no other packet. */
static void a_full_queue_ends_at_the_ping(void **state)
{
    (void)state;
    struct script script;
    begin_limited(&script);
    assert_int_equal(send_len(&script, QUEUE_MAX - 2, false, false), CF_OK);
    script_run(&script, CF_LIT("+300 poll"));
    assert_true(cf_slice_ends(cf_buf_peek(&script.told), CF_LIT("|2")));
    script_deinit(&script);
    begin_limited(&script);
    assert_int_equal(send_len(&script, QUEUE_MAX - 1, false, false), CF_OK);
    script_run(&script, CF_LIT("+300"));
    assert_told(&script, "one byte less", "END:SLOW");
    script_deinit(&script);
}

/* What cannot be handed over ends the session. */
static void a_scratch_that_is_too_small_ends_it(void **state)
{
    (void)state;
    struct script script;
    begin(&script, CF_EIO_POLLING);
    cf_buf_deinit(&script.scratch);
    cf_buf_init(&script.scratch, 4);
    script_run(&script, CF_LIT("poll send:abc poll send:abcd"));
    assert_told(&script, "polling", "get=4abc get=1 END:SLOW");
    script_deinit(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_handshake_is_exact),
        cmocka_unit_test(the_handshake_is_first),
        cmocka_unit_test(a_session_without_room_for_the_handshake_does_not_open),
        cmocka_unit_test(heartbeat_over_polling),
        cmocka_unit_test(other_packets_prolong_the_wait_once),
        cmocka_unit_test(heartbeat_over_websocket),
        cmocka_unit_test(the_deadline_is_the_next_thing_to_happen),
        cmocka_unit_test(a_get_is_held_until_there_is_something),
        cmocka_unit_test(a_second_request_ends_the_session),
        cmocka_unit_test(a_request_that_goes_away_ends_the_session),
        cmocka_unit_test(the_client_closes),
        cmocka_unit_test(the_server_closes_in_order),
        cmocka_unit_test(an_abort_tells_an_open_get),
        cmocka_unit_test(what_was_said_goes_out_with_the_end),
        cmocka_unit_test(messages_over_websocket),
        cmocka_unit_test(a_payload_that_is_none_closes),
        cmocka_unit_test(bad_websocket_messages_close),
        cmocka_unit_test(a_separator_in_text_is_refused_over_polling),
        cmocka_unit_test(the_queue_is_limited),
        cmocka_unit_test(an_emptied_queue_has_all_its_room),
        cmocka_unit_test(a_full_queue_still_closes_in_order),
        cmocka_unit_test(a_full_queue_ends_at_the_ping),
        cmocka_unit_test(a_scratch_that_is_too_small_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
