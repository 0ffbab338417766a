/* KeyUpdate (RFC 8446 section 4.6.3) by both sides, and the ends of buffers. */
#include "unit/tls/record_rig.h"

static void say_and_expect(struct talk *t, const char *text)
{
    struct cf_slice bytes = cf_slice_cstr(text);
    assert_int_equal(cf_tls_record_send(&t->record, bytes, &t->cipher), CF_OK);
    expect_data(t, bytes);
    assert_int_equal(t->cipher.len, 0);
}

static void hear_and_expect(struct talk *t, const char *text, size_t piece)
{
    cf_buf_reset(&t->plain);
    peer_say(t, DATA, cf_slice_cstr(text));
    assert_int_equal(deliver(t, piece, 0), CF_OK);
    assert_int_equal(t->plain.len, strlen(text));
    assert_memory_equal(t->plain.ptr, text, t->plain.len);
}

static void the_peer_changes_its_key(void **state)
{
    (void)state;
    static const uint16_t ids[] = {0x1301, 0x1302, 0x1303};
    for (size_t i = 0; i < CF_ARRAY_LEN(ids); i++) {
        struct talk t;
        talk_any(&t, ids[i]);
        for (unsigned round = 0; round < 100; round++) {
            hear_and_expect(&t, "before", 9);
            peer_key_update(&t, 0);
            assert_int_equal(deliver(&t, 9, 0), CF_OK);
            assert_int_equal(t.record.in.sequence, 0);
            hear_and_expect(&t, "after", SIZE_MAX);
            say_and_expect(&t, "as ever");
        }
        assert_int_equal(t.record.out.sequence, 100);
        talk_end(&t);
    }
}

/* The old key is good for nothing any more. */
static void the_old_key_is_over(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    struct peer_keys old = t.to;
    peer_key_update(&t, 0);
    assert_int_equal(deliver_whole(&t), CF_OK);
    t.to = old;
    peer_say(&t, DATA, CF_LIT("x"));
    expect_refused(&t, 20);
    talk_end(&t);
}

/* However often it asks while we are silent, it gets one. */
static void an_update_that_is_asked_for(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1302);
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned i = 0; i < 1 + round % 7; i++)
            peer_key_update(&t, round % 2 == 0 || i == 0);
        assert_int_equal(deliver_whole(&t), CF_OK);
        assert_int_equal(t.cipher.len, 0);
        assert_int_equal(cf_tls_record_send(&t.record, CF_LIT("answer"), &t.cipher), CF_OK);
        expect_key_update(&t);
        expect_data(&t, CF_LIT("answer"));
        say_and_expect(&t, "with the same key");
        hear_and_expect(&t, "go on", SIZE_MAX);
    }
    talk_end(&t);
}

/* It goes before data, and only before data. */
static void a_goodbye_needs_no_update(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    peer_key_update(&t, 1);
    assert_int_equal(deliver_whole(&t), CF_OK);
    assert_int_equal(cf_tls_record_send(&t.record, CF_LIT(""), &t.cipher), CF_OK);
    assert_int_equal(t.cipher.len, 0);
    assert_int_equal(cf_tls_record_shutdown(&t.record, &t.cipher), CF_OK);
    expect_alert(&t, 1, 0);
    talk_end(&t);
}

static void a_flood_of_updates(void **state)
{
    (void)state;
    for (uint8_t request = 0; request < 2; request++) {
        struct talk t;
        talk_any(&t, 0x1301);
        for (unsigned round = 0; round < 3; round++) {
            for (unsigned i = 0; i < 32; i++)
                peer_key_update(&t, request);
            peer_say(&t, DATA, CF_LIT("."));
        }
        assert_int_equal(deliver_whole(&t), CF_OK);
        assert_slice_equal(cf_buf_peek(&t.plain), "...");
        for (unsigned i = 0; i < 33; i++)
            peer_key_update(&t, request);
        expect_refused(&t, 10);
        talk_end(&t);
    }
}

/* 5.1: a handshake message may come in fragments, whole records though they are. */
static void in_fragments(void **state)
{
    (void)state;
    static const uint8_t message[] = {24, 0, 0, 1, 1};
    for (unsigned cuts = 0; cuts < 16; cuts++) {
        struct talk t;
        talk_any(&t, 0x1301);
        for (size_t at = 0, from = 0; at < 5; at++) {
            if (at < 4 && (cuts >> at & 1) == 0)
                continue;
            peer_say(&t, HANDSHAKE, cf_slice_of(message + from, at + 1 - from));
            from = at + 1;
        }
        peer_update(&t.to, t.suite);
        assert_int_equal(deliver(&t, 11, 0), CF_OK);
        hear_and_expect(&t, "with the new one", SIZE_MAX);
        assert_int_equal(cf_tls_record_send(&t.record, CF_LIT("ours"), &t.cipher), CF_OK);
        expect_key_update(&t);
        expect_data(&t, CF_LIT("ours"));
        talk_end(&t);
    }
}

/* 5.1: nothing may come between them. */
static void fragments_are_not_interleaved(void **state)
{
    (void)state;
    static const uint8_t types[] = {DATA, ALERT, CCS};
    for (size_t i = 0; i < CF_ARRAY_LEN(types); i++) {
        struct talk t;
        talk_any(&t, 0x1301);
        peer_say(&t, HANDSHAKE, CF_LIT("\30\0"));
        peer_say(&t, types[i], CF_LIT("\1\0"));
        expect_refused(&t, 10);
        talk_end(&t);
    }
}

/* 5.5: our own key is changed long before it has sealed too much. */
static void our_own_update(void **state)
{
    (void)state;
    struct talk t;
    static const uint8_t data[3 * 16384];
    talk_any(&t, 0x1301);
    t.record.out.sequence = t.from.sequence = (1 << 24) - 2;
    assert_int_equal(cf_tls_record_send(&t.record, cf_slice_of(data, sizeof(data)), &t.cipher),
                     CF_OK);
    expect_data(&t, cf_slice_of(data, 16384));
    expect_data(&t, cf_slice_of(data, 16384));
    assert_int_equal(t.from.sequence, 1 << 24);
    expect_key_update(&t);
    expect_data(&t, cf_slice_of(data, 16384));
    say_and_expect(&t, "and so on");
    assert_int_equal(t.record.out.sequence, 2);
    talk_end(&t);
}

/* ---- buffers ---- */

static void sent_in_records(void **state)
{
    (void)state;
    static uint8_t data[40000];
    struct talk t;
    talk_any(&t, 0x1303);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    assert_int_equal(cf_tls_record_send(&t.record, cf_slice_of(data, sizeof(data)), &t.cipher),
                     CF_OK);
    assert_int_equal(t.cipher.len, sizeof(data) + 3 * 22);
    expect_data(&t, cf_slice_of(data, 16384));
    expect_data(&t, cf_slice_of(data + 16384, 16384));
    expect_data(&t, cf_slice_of(data + 32768, sizeof(data) - 32768));
    talk_end(&t);
}

/* What does not fit leaves nothing behind, and the connection is spent. */
static void no_room_to_send(void **state)
{
    (void)state;
    static const uint8_t data[2 * 16384];
    struct talk t;
    talk_any(&t, 0x1301);
    t.cipher.max = 7 + sizeof(data) + 2 * 22;
    cf_buf_append(&t.cipher, CF_LIT("waiting"));
    assert_int_equal(cf_tls_record_send(&t.record, cf_slice_of(data, sizeof(data)), &t.cipher),
                     CF_OK);
    t.cipher.len = 8;
    assert_int_equal(cf_tls_record_send(&t.record, cf_slice_of(data, sizeof(data)), &t.cipher),
                     CF_E_TOO_LARGE);
    assert_int_equal(t.cipher.len, 8);
    assert_int_equal(cf_tls_record_send(&t.record, CF_LIT("x"), &t.cipher), CF_E_STATE);
    talk_end(&t);
}

/* An alert without room for it: the connection ends all the same. */
static void no_room_for_an_alert(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    t.cipher.max = 23;
    peer_say(&t, CCS, CF_LIT("\1"));
    assert_int_equal(deliver_whole(&t), CF_E_PROTOCOL);
    assert_int_equal(t.cipher.len, 0);
    expect_over(&t);
    talk_end(&t);
}

static void no_room_for_the_plaintext(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    t.plain.max = 5; /* with its type */
    peer_say(&t, DATA, CF_LIT("four"));
    assert_int_equal(deliver_whole(&t), CF_OK);
    assert_slice_equal(cf_buf_peek(&t.plain), "four");
    cf_buf_reset(&t.plain);
    peer_say(&t, DATA, CF_LIT("five!"));
    assert_int_equal(deliver_whole(&t), CF_E_TOO_LARGE);
    assert_int_equal(t.plain.len, 0);
    t.plain.max = 100;
    peer_say(&t, DATA, CF_LIT("x"));
    assert_int_equal(deliver_whole(&t), CF_E_TOO_LARGE);
    talk_end(&t);
}

/* ---- all of it at random ---- */

static void random_conversations(void **state)
{
    (void)state;
    static const uint16_t ids[] = {0x1301, 0x1302, 0x1303};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct talk t;
        uint64_t random = seed;
        size_t said = 0;
        static uint8_t data[16384];
        talk_any(&t, ids[seed % 3]);
        print_message("seed %u\n", (unsigned)seed);
        for (unsigned i = 0; i < 40; i++) {
            size_t len = 1 + random_below(&random, i % 5 == 0 ? sizeof(data) : 100);
            memset(data, (int)(said % 251), len);
            if (random_below(&random, 4) == 0)
                peer_key_update(&t, (uint8_t)random_below(&random, 2));
            if (random_below(&random, 4) == 0)
                peer_say(&t, DATA, CF_LIT(""));
            peer_say(&t, DATA, cf_slice_of(data, len));
            said += len;
        }
        assert_int_equal(deliver(&t, 1 + random_below(&random, 20000), seed), CF_OK);
        assert_int_equal(t.plain.len, said);
        for (size_t at = 0; at < said;) {
            uint8_t mark = (uint8_t)(at % 251);
            while (at < said && t.plain.ptr[at] == mark)
                at++;
            assert_true(at == said || t.plain.ptr[at] == (uint8_t)(at % 251));
        }
        assert_int_equal(t.record.part.cap, 0);
        talk_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peer_changes_its_key),
        cmocka_unit_test(the_old_key_is_over),
        cmocka_unit_test(an_update_that_is_asked_for),
        cmocka_unit_test(a_goodbye_needs_no_update),
        cmocka_unit_test(a_flood_of_updates),
        cmocka_unit_test(in_fragments),
        cmocka_unit_test(fragments_are_not_interleaved),
        cmocka_unit_test(our_own_update),
        cmocka_unit_test(sent_in_records),
        cmocka_unit_test(no_room_to_send),
        cmocka_unit_test(no_room_for_an_alert),
        cmocka_unit_test(no_room_for_the_plaintext),
        cmocka_unit_test(random_conversations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
