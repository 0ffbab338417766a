/* The way from polling to WebSocket, in every order. A probe has 1000 ms here. */
#include "support.h"

static void scenes_on_polling(const struct scene *scenes, size_t count)
{
    check_scenes(scenes, count, CF_EIO_POLLING);
}

static void the_probe_is_confirmed(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"no GET open", "probe p:2probe", "probe=3probe"},
        {"a GET open is let go at once", "poll probe p:2probe", "probe=3probe get=6"},
        {"a GET that comes afterwards, too", "probe p:2probe poll", "probe=3probe get=6"},
        {"then every 100 ms", "poll probe p:2probe poll +99 +1 poll +99 +1",
         "probe=3probe get=6 get=6 get=6"},
        {"a late GET at once", "poll probe p:2probe +150 poll poll +100",
         "probe=3probe get=6 get=6 get=6"},
        {"with what waits instead", "send:a probe p:2probe poll", "probe=3probe get=4a"},
        {"with what is said", "poll probe p:2probe poll send:a", "probe=3probe get=6 get=4a"},
        {"asked twice, told twice", "probe p:2probe p:2probe", "probe=3probe probe=3probe"},
        {"a probe that says nothing lets nothing go", "poll probe +100 +100", ""},
    };
    scenes_on_polling(scenes, CF_ARRAY_LEN(scenes));
}

static void the_upgrade(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"in order", "poll probe p:2probe p:5 send:a ws:4b",
         "probe=3probe get=6 upgraded out=4a up=b"},
        {"without a probe packet", "probe p:5 send:a", "upgraded out=4a"},
        {"what waits comes first, binary as binary",
         "send:a sendb:bc send: sendb: send:d probe p:2probe p:5 send:e",
         "probe=3probe upgraded out=4a outb=bc out=4 outb= out=4d out=4e"},
        {"a payload that waits", "payload:4a|bAQID|4b probe p:5",
         "upgraded out=4a outb=\1\2\3 out=4b"},
        {"said while it probes", "probe send:a p:2probe sendb:b p:5 send:c",
         "probe=3probe upgraded out=4a outb=b out=4c"},
        {"a GET open ends", "probe p:2probe poll poll p:5", "probe=3probe get=6 upgraded get=6"},
        {"a GET open ends before what is said", "poll probe p:5 send:a", "upgraded get=6 out=4a"},
        {"requests are refused", "probe p:5 poll begin post:4a", "upgraded !STATE !STATE !STATE"},
        {"another probe is refused", "probe p:5 probe p:2probe", "upgraded !STATE"},
        {"a close packet", "probe p:5 ws:1", "upgraded END:BY_CLIENT"},
        {"its connection goes", "probe p:5 ws-gone", "upgraded END:LOST"},
        {"the server closes", "send:a probe p:5 close", "upgraded out=4a END:BY_SERVER"},
    };
    scenes_on_polling(scenes, CF_ARRAY_LEN(scenes));
}

/* A POST that had begun is read to its end; what becomes of its connection says nothing about the
 * session any more. */
static void a_post_during_the_upgrade(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"is heard", "begin probe p:5 body:4a end ws:4b", "upgraded up=a up=b"},
        {"goes away", "begin probe p:5 post-gone ws:4b", "upgraded up=b"},
        {"is wrong", "begin probe p:5 body:x", "upgraded !SYNTAX END:PROTOCOL"},
    };
    scenes_on_polling(scenes, CF_ARRAY_LEN(scenes));
}

static void the_heartbeat_goes_on(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"the next ping", "+200 probe p:5 +99 +1", "upgraded out=2"},
        {"a pong that was due has its whole time again", "poll +300 +199 probe p:5 +199 +1",
         "get=2 upgraded END:PING_TIMEOUT"},
        {"it comes over the WebSocket", "poll +300 probe p:5 ws:3 +299 +1", "get=2 upgraded out=2"},
        {"a ping that waited goes over the WebSocket", "+300 probe p:5 ws:3 +300",
         "upgraded out=2 out=2"},
        {"the probe's packets are none of the session's", "poll +300 +199 probe p:2probe +1",
         "get=2 probe=3probe drop END:PING_TIMEOUT"},
    };
    scenes_on_polling(scenes, CF_ARRAY_LEN(scenes));
}

static void a_probe_that_leads_nowhere(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"too late, unconfirmed", "probe +300 post:3 +300 post:3 +300 post:3 +99 +1 poll",
         "drop get=2|2|2"},
        {"too late, confirmed", "probe p:2probe +300 post:3 +300 post:3 +300 post:3 +99 +1",
         "probe=3probe drop"},
        {"it goes", "poll probe probe-gone send:a", "get=4a"},
        {"it goes, confirmed", "probe p:2probe probe-gone poll +100 send:a", "probe=3probe get=4a"},
        {"and no noop follows", "poll probe p:2probe poll probe-gone +100 +100",
         "probe=3probe get=6"},
        {"another one succeeds", "probe p:2probe probe-gone probe p:2probe p:5",
         "probe=3probe probe=3probe upgraded"},
        {"another one after a dropped one", "probe p:x probe p:5", "drop upgraded"},
        {"a second one beside it", "probe probe p:5", "!STATE upgraded"},
        {"a second one beside a confirmed one", "probe p:2probe probe p:5",
         "probe=3probe !STATE upgraded"},
        {"a new one has the whole time",
         "probe +250 p:x probe +250 post:3 +250 post:3 +250 post:3 +249 +1", "drop drop"},
    };
    scenes_on_polling(scenes, CF_ARRAY_LEN(scenes));
}

/* Until the owner has closed the one, another would be closed for it. */
static void a_probe_before_the_last_one_is_dropped(void **state)
{
    (void)state;
    struct script script;
    bool upgraded;
    begin(&script, CF_EIO_POLLING);
    script_run(&script, CF_LIT("probe"));
    cf_eio_probe_packet(&script.s, CF_LIT("x"), false, script.now, &upgraded);
    assert_false(upgraded);
    assert_int_equal(cf_eio_probe_begin(&script.s, script.now), CF_E_STATE);
    script_settle(&script);
    script_run(&script, CF_LIT("probe p:5"));
    assert_told(&script, "afterwards", "drop upgraded");
    script_deinit(&script);
}

/* V13: whatever else the probe says drops it, and nothing more happens. */
static void bad_probe_packets(void **state)
{
    (void)state;
    static const char *const packets[] = {
        "p:",  "p:2", "p:2prob", "p:2probes", "p:3probe",   "p:4a",      "p:1",  "p:0", "p:6",
        "p:x", "p:b", "p:5x",    "p:|",       "p:2probe|5", "pb:2probe", "pb:5", "pb:",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(packets); i++) {
        for (unsigned confirmed = 0; confirmed < 2; confirmed++) {
            struct script script;
            begin(&script, CF_EIO_POLLING);
            script_run(&script, confirmed ? CF_LIT("probe p:2probe") : CF_LIT("probe"));
            cf_buf_reset(&script.told);
            script_run(&script, cf_slice_cstr(packets[i]));
            script_run(&script, CF_LIT("poll send:a post:4b p:5"));
            assert_told(&script, packets[i], "drop get=4a up=b");
            script_deinit(&script);
        }
    }
}

static void the_probe_ends_with_its_session(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"the client closes", "probe post:1", "drop END:BY_CLIENT"},
        {"a GET open", "poll probe post:1", "drop get=6 END:BY_CLIENT"},
        {"lost", "poll probe p:2probe poll poll-gone", "probe=3probe get=6 drop END:LOST"},
        {"a wrong payload", "poll probe post:x", "!SYNTAX drop get=1 END:PROTOCOL"},
        {"aborted", "probe p:2probe abort", "probe=3probe drop END:LOST"},
        {"silence", "probe +300 +200", "drop END:PING_TIMEOUT"},
        {"overlap", "poll probe poll", "!PROTOCOL drop get=1 END:PROTOCOL"},
        {"no probe afterwards", "abort probe p:2probe p:5", "END:LOST !STATE"},
    };
    scenes_on_polling(scenes, CF_ARRAY_LEN(scenes));
}

/* A client that has its pong no longer polls: it must hear of the end over the WebSocket. */
static void an_orderly_close_during_the_probe(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"a GET open is told", "poll probe close", "get=1 drop END:BY_SERVER"},
        {"a GET that comes is told", "send:a probe p:2probe close poll poll",
         "probe=3probe get=4a get=1 drop END:BY_SERVER"},
        {"the upgrade comes", "probe p:2probe send:a close p:5",
         "probe=3probe upgraded out=4a END:BY_SERVER"},
        {"confirmed only now", "send:a probe close p:2probe p:5",
         "probe=3probe upgraded out=4a END:BY_SERVER"},
        {"the probe goes", "probe p:2probe close probe-gone poll",
         "probe=3probe get=1 END:BY_SERVER"},
        {"the probe's time is over", "probe p:2probe close +999 +1 +999 +1",
         "probe=3probe drop END:BY_SERVER"},
        {"both times", "probe +900 post:3 close +100 poll poll", "drop get=2 get=1 END:BY_SERVER"},
        {"a bad probe packet", "probe close p:x poll", "drop get=1 END:BY_SERVER"},
        {"a new probe is refused", "close probe poll", "!STATE get=1 END:BY_SERVER"},
    };
    scenes_on_polling(scenes, CF_ARRAY_LEN(scenes));
}

/* V15: a full queue goes out in one pass however small its packets are, and gives its memory back.
 * When each SEND moved the rest of the queue, this took minutes. */
static void v15_a_long_queue_goes_out_in_one_pass(void **state)
{
    (void)state;
    enum { COUNT = 700000 };
    struct script script;
    struct cf_eio_config config = SCRIPT_CONFIG;
    struct cf_eio_action action;
    size_t count = 0;
    bool upgraded;
    config.queue_bytes_max = (size_t)COUNT * 3 + 1000;
    script_init(&script, &config, CF_EIO_POLLING);
    script_run(&script, CF_LIT("poll"));
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(cf_eio_send(&script.s, CF_LIT("a"), false), CF_OK);
    assert_int_equal(cf_eio_probe_begin(&script.s, script.now), CF_OK);
    cf_eio_probe_packet(&script.s, CF_LIT("5"), false, script.now, &upgraded);
    assert_true(upgraded);
    for (; cf_eio_act(&script.s, &script.scratch, &action); count++)
        assert_slice_equal(action.bytes, "4a");
    assert_int_equal(count, COUNT);
    assert_null(script.s.parts);
    script_deinit(&script);
}

/* An owner may send while SEND actions are left: the order is kept, and so is the limit. */
static void sending_between_send_actions(void **state)
{
    (void)state;
    struct script script;
    struct cf_eio_action action;
    struct cf_eio_config config = SCRIPT_CONFIG;
    bool upgraded;
    config.queue_bytes_max = 200;
    script_init(&script, &config, CF_EIO_POLLING);
    script_run(&script, CF_LIT("poll send:1 send:2 probe"));
    cf_eio_probe_packet(&script.s, CF_LIT("5"), false, script.now, &upgraded);
    for (uint8_t next = '1'; next < '9'; next++) {
        uint8_t after_next = (uint8_t)(next + 2), expected[] = {'4', next};
        assert_true(cf_eio_act(&script.s, &script.scratch, &action));
        assert_int_equal(action.what, CF_EIO_SEND);
        assert_int_equal(action.bytes.len, 2);
        assert_memory_equal(action.bytes.ptr, expected, 2);
        assert_int_equal(cf_eio_send(&script.s, cf_slice_of(&after_next, 1), false), CF_OK);
        assert_int_equal(script_queued(&script.s)->len, 5);
    }
    script_deinit(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_probe_is_confirmed),
        cmocka_unit_test(the_upgrade),
        cmocka_unit_test(a_post_during_the_upgrade),
        cmocka_unit_test(the_heartbeat_goes_on),
        cmocka_unit_test(a_probe_that_leads_nowhere),
        cmocka_unit_test(a_probe_before_the_last_one_is_dropped),
        cmocka_unit_test(bad_probe_packets),
        cmocka_unit_test(the_probe_ends_with_its_session),
        cmocka_unit_test(an_orderly_close_during_the_probe),
        cmocka_unit_test(v15_a_long_queue_goes_out_in_one_pass),
        cmocka_unit_test(sending_between_send_actions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
