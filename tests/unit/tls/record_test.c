/* What may come after the handshake, and what is answered with which alert (RFC 8446 sections
 * 4.6.3, 5 and 6). */
#include "unit/tls/record_rig.h"

/* ---- the header of a record ---- */

struct header_case {
    const char *what;
    uint8_t header[5];
    uint8_t alert;
};

static const struct header_case header_cases[] = {
    {"5: change_cipher_spec after the handshake", {20, 3, 3, 0, 1}, 10},
    {"5.2: an alert in the clear", {21, 3, 3, 0, 2}, 10},
    {"5.2: a handshake in the clear", {22, 3, 3, 0, 5}, 10},
    {"5.2: no type", {0, 3, 3, 0, 30}, 10},
    {"5.2: an unknown type", {24, 3, 3, 0, 30}, 10},
    {"an HTTP request", {'G', 'E', 'T', ' ', '/'}, 10},
    {"5.2: version 1.0", {23, 3, 1, 0, 30}, 50},
    {"5.2: version 1.3", {23, 3, 4, 0, 30}, 50},
    {"5.2: version 2.3", {23, 2, 3, 0, 30}, 50},
    {"5.2: one byte too long", {23, 3, 3, 0x41, 0x01}, 22},
    {"5.2: the longest there is", {23, 3, 3, 0xff, 0xff}, 22},
    {"5.2: too short for a tag", {23, 3, 3, 0, 15}, 20},
    {"5.2: empty", {23, 3, 3, 0, 0}, 20},
};

/* Nothing of the body is waited for. */
static void headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(header_cases); i++) {
        for (size_t piece = 1; piece <= 5; piece += 2) {
            struct talk t;
            print_message("%s\n", header_cases[i].what);
            talk_any(&t, 0x1301);
            cf_buf_append(&t.wire, cf_slice_of(header_cases[i].header, 5));
            assert_int_equal(deliver(&t, piece, 0), CF_E_PROTOCOL);
            expect_alert(&t, 2, header_cases[i].alert);
            expect_over(&t);
            talk_end(&t);
        }
    }
}

/* A whole record with such a header, so that it is taken in place; sealed with it, too. */
static void headers_of_sealed_records(void **state)
{
    (void)state;
    static const uint8_t ccs[] = {20, 3, 3, 0, 22}, old[] = {23, 3, 1, 0, 22};
    struct talk t;
    talk_any(&t, 0x1302);
    peer_seal(&t, ccs, CF_LIT("hello\x17"));
    expect_refused(&t, 10);
    talk_end(&t);
    talk_any(&t, 0x1302);
    peer_seal(&t, old, CF_LIT("hello\x17"));
    expect_refused(&t, 50);
    talk_end(&t);
}

/* ---- sizes ---- */

/* `content` bytes of data and `padding` zeros behind the type. */
static void say_padded(struct talk *t, size_t content, size_t padding)
{
    uint8_t *inner = calloc(1, content + 1 + padding);
    assert_non_null(inner);
    memset(inner, 'd', content);
    inner[content] = DATA;
    peer_seal(t, NULL, cf_slice_of(inner, content + 1 + padding));
    free(inner);
}

/* 5.4: content, type and padding are at most 2^14 + 1 bytes. */
static void sizes_of_the_plaintext(void **state)
{
    (void)state;
    static const size_t content[] = {16383, 16384, 16385};
    for (size_t i = 0; i < CF_ARRAY_LEN(content); i++) {
        for (size_t piece = 0; piece < 2; piece++) {
            struct talk t;
            talk_any(&t, 0x1301);
            say_padded(&t, content[i], 0);
            if (content[i] <= 16384) {
                assert_int_equal(deliver(&t, piece == 0 ? SIZE_MAX : 1000, 0), CF_OK);
                assert_int_equal(t.plain.len, content[i]);
                assert_int_equal(t.record.part.cap, 0);
            } else {
                expect_refused(&t, 22);
            }
            talk_end(&t);
        }
    }
}

/* 5.2: 2^14 + 256 bytes may come, and are then too much; one more is not waited for. */
static void sizes_of_the_ciphertext(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    say_padded(&t, 16384 + 256 - 16 - 1, 0);
    assert_int_equal(t.wire.len, 5 + 16640);
    t.wire.len--;
    struct cf_slice last = cf_slice_of(t.wire.ptr + t.wire.len, 1);
    uint8_t byte = *last.ptr;
    assert_int_equal(deliver_whole(&t), CF_OK);
    assert_int_equal(cf_buf_append(&t.wire, cf_slice_of(&byte, 1)), CF_OK);
    expect_refused(&t, 22);
    talk_end(&t);
}

static void padding_is_stripped(void **state)
{
    (void)state;
    static const size_t paddings[] = {1, 2, 255, 16384 - 100};
    for (size_t i = 0; i < CF_ARRAY_LEN(paddings); i++) {
        struct talk t;
        talk_any(&t, 0x1303);
        say_padded(&t, 100, paddings[i]);
        assert_int_equal(deliver_whole(&t), CF_OK);
        assert_int_equal(t.plain.len, 100);
        assert_int_equal(t.plain.ptr[99], 'd');
        talk_end(&t);
    }
    struct talk t;
    talk_any(&t, 0x1303);
    say_padded(&t, 100, 16384 - 100 + 1);
    expect_refused(&t, 22);
    talk_end(&t);
}

/* 5.4: nothing but zeros has no type; nor has nothing. */
static void zeros_are_no_message(void **state)
{
    (void)state;
    static const uint8_t zeros[16385];
    static const size_t lens[] = {0, 1, 2, 16385};
    for (size_t i = 0; i < CF_ARRAY_LEN(lens); i++) {
        struct talk t;
        talk_any(&t, 0x1301);
        peer_seal(&t, NULL, cf_slice_of(zeros, lens[i]));
        expect_refused(&t, 10);
        talk_end(&t);
    }
}

/* ---- contents ---- */

struct content_case {
    const char *what;
    uint8_t type;
    const char *bytes;
    size_t len;
    uint8_t alert;
};

static const struct content_case content_cases[] = {
    {"5: a protected change_cipher_spec", CCS, "\1", 1, 10},
    {"5: an unknown type", 24, "x", 1, 10},
    {"5: type 255", 255, "x", 1, 10},
    {"5.4: an empty alert", ALERT, "", 0, 10},
    {"5.4: an empty handshake", HANDSHAKE, "", 0, 10},
    {"5.1: half an alert", ALERT, "\1", 1, 50},
    {"5.1: two alerts", ALERT, "\1\0\1\0", 4, 50},
    {"4.6: a ClientHello", HANDSHAKE, "\1\0\0\0", 4, 10},
    {"4.6: a ticket from a client", HANDSHAKE, "\4", 1, 10},
    {"4.6: a certificate that nobody asked for", HANDSHAKE, "\13\0\0\0", 4, 10},
    {"4.6: a Finished", HANDSHAKE, "\24\0\0\40", 4, 10},
    {"4.6.3: a KeyUpdate of no byte", HANDSHAKE, "\30\0\0\0", 4, 50},
    {"4.6.3: a KeyUpdate of two bytes", HANDSHAKE, "\30\0\0\2\0\0", 6, 50},
    {"4.6.3: a KeyUpdate of many", HANDSHAKE, "\30\1", 2, 50},
    {"4.6.3: a request of 2", HANDSHAKE, "\30\0\0\1\2", 5, 47},
    {"4.6.3: a request of 255", HANDSHAKE, "\30\0\0\1\377", 5, 47},
    {"5.1: a key change inside a record", HANDSHAKE, "\30\0\0\1\0\30", 6, 10},
    {"5.1: two key changes in a record", HANDSHAKE, "\30\0\0\1\1\30\0\0\1\1", 10, 10},
};

static void contents(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(content_cases); i++) {
        const struct content_case *c = &content_cases[i];
        struct talk t;
        print_message("%s\n", c->what);
        talk_any(&t, 0x1302);
        peer_say(&t, c->type, cf_slice_of(c->bytes, c->len));
        expect_refused(&t, c->alert);
        talk_end(&t);
    }
}

/* 5.1 allows data of no byte; a flood of it is none. */
static void floods_of_nothing(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 32; i++)
            peer_say(&t, DATA, CF_LIT(""));
        peer_say(&t, DATA, CF_LIT("."));
    }
    assert_int_equal(deliver_whole(&t), CF_OK);
    assert_slice_equal(cf_buf_peek(&t.plain), "...");
    for (unsigned i = 0; i < 33; i++)
        peer_say(&t, DATA, CF_LIT(""));
    expect_refused(&t, 10);
    talk_end(&t);
}

/* ---- alerts ---- */

/* 6.1: what follows is not looked at; we may still speak. */
static void close_notify(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    peer_say(&t, DATA, CF_LIT("last"));
    peer_say(&t, ALERT, CF_LIT("\1\0"));
    cf_buf_append(&t.wire, CF_LIT("no record"));
    assert_int_equal(deliver_whole(&t), CF_E_CLOSED);
    assert_slice_equal(cf_buf_peek(&t.plain), "last");
    cf_buf_append(&t.wire, CF_LIT("nor this"));
    assert_int_equal(deliver_whole(&t), CF_E_CLOSED);
    assert_int_equal(t.cipher.len, 0);
    assert_int_equal(cf_tls_record_send(&t.record, CF_LIT("bye"), &t.cipher), CF_OK);
    expect_data(&t, CF_LIT("bye"));
    assert_int_equal(cf_tls_record_shutdown(&t.record, &t.cipher), CF_OK);
    expect_alert(&t, 1, 0);
    talk_end(&t);
}

static void our_close_notify(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    assert_int_equal(cf_tls_record_shutdown(&t.record, &t.cipher), CF_OK);
    expect_alert(&t, 1, 0);
    assert_int_equal(cf_tls_record_shutdown(&t.record, &t.cipher), CF_OK);
    assert_int_equal(cf_tls_record_send(&t.record, CF_LIT("x"), &t.cipher), CF_E_STATE);
    peer_say(&t, DATA, CF_LIT("still"));
    assert_int_equal(deliver_whole(&t), CF_OK);
    assert_slice_equal(cf_buf_peek(&t.plain), "still");
    /* Nothing is said of what breaks a rule now. */
    peer_say(&t, CCS, CF_LIT("\1"));
    assert_int_equal(deliver_whole(&t), CF_E_PROTOCOL);
    assert_int_equal(t.cipher.len, 0);
    talk_end(&t);
}

/* 6.2, and 6: "unknown alert types MUST be treated as error alerts", whatever their level. */
static void fatal_alerts(void **state)
{
    (void)state;
    for (unsigned alert = 1; alert < 256; alert++) {
        if (alert == 90)
            continue;
        struct talk t;
        const uint8_t content[] = {alert % 2 == 0 ? 1 : 2, (uint8_t)alert};
        talk_any(&t, 0x1301);
        peer_say(&t, ALERT, cf_slice_of(content, 2));
        assert_int_equal(deliver_whole(&t), CF_E_PROTOCOL);
        assert_int_equal(t.cipher.len, 0);
        expect_over(&t);
        talk_end(&t);
    }
}

/* 6.1: user_canceled is followed by close_notify. */
static void user_canceled(void **state)
{
    (void)state;
    struct talk t;
    talk_any(&t, 0x1301);
    peer_say(&t, ALERT, CF_LIT("\1\x5a"));
    peer_say(&t, DATA, CF_LIT("."));
    for (unsigned i = 0; i < 32; i++)
        peer_say(&t, ALERT, CF_LIT("\1\x5a"));
    assert_int_equal(deliver_whole(&t), CF_OK);
    assert_int_equal(t.cipher.len, 0);
    peer_say(&t, ALERT, CF_LIT("\1\x5a"));
    expect_refused(&t, 10);
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(headers_of_sealed_records),
        cmocka_unit_test(sizes_of_the_plaintext),
        cmocka_unit_test(sizes_of_the_ciphertext),
        cmocka_unit_test(padding_is_stripped),
        cmocka_unit_test(zeros_are_no_message),
        cmocka_unit_test(contents),
        cmocka_unit_test(floods_of_nothing),
        cmocka_unit_test(close_notify),
        cmocka_unit_test(our_close_notify),
        cmocka_unit_test(fatal_alerts),
        cmocka_unit_test(user_canceled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
