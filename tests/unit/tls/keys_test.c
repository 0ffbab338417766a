/* The trace of RFC 8448 section 3: keys from the secrets printed there, and the records of both
 * sides, sealed and opened; what else is no record of a suite. */
#include "unit/tls/record_rig.h"

static const uint8_t client_secret[] = {
    0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0, 0x5a, 0xf8, 0x88, 0x9b, 0xce, 0x65, 0x52,
    0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf, 0x00, 0x87, 0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5};
static const uint8_t client_key[] = {0x17, 0x42, 0x2d, 0xda, 0x59, 0x6e, 0xd5, 0xd9,
                                     0xac, 0xd8, 0x90, 0xe3, 0xc6, 0x3f, 0x50, 0x51};
static const uint8_t client_iv[] = {0x5b, 0x78, 0x92, 0x3d, 0xee, 0x08,
                                    0x57, 0x90, 0x33, 0xe5, 0x23, 0xd9};
static const uint8_t server_secret[] = {
    0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad, 0x47, 0x11, 0x6b, 0x45, 0xa9, 0x50, 0x32,
    0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb, 0x6b, 0x3a, 0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43};
static const uint8_t server_key[] = {0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef,
                                     0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56};
static const uint8_t server_iv[] = {0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83,
                                    0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84};

/* Records of the client: data with sequence 0, close_notify with 1. */
static const uint8_t client_records[] =
    "\x17\x03\x03\x00\x43\xa2\x3f\x70\x54\xb6\x2c\x94\xd0\xaf\xfa\xfe\x82\x28\xba\x55\xcb\xef\xac"
    "\xea\x42\xf9\x14\xaa\x66\xbc\xab\x3f\x2b\x98\x19\xa8\xa5\xb4\x6b\x39\x5b\xd5\x4a\x9a\x20\x44"
    "\x1e\x2b\x62\x97\x4e\x1f\x5a\x62\x92\xa2\x97\x70\x14\xbd\x1e\x3d\xea\xe6\x3a\xee\xbb\x21\x69"
    "\x49\x15\xe4"
    "\x17\x03\x03\x00\x13\xc9\x87\x27\x60\x65\x56\x66\xb7\x4d\x7f\xf1\x15\x3e\xfd\x6d\xb6\xd0\xb0"
    "\xe3";
/* Of the server, behind a NewSessionTicket with sequence 0: data, close_notify. */
static const uint8_t server_records[] =
    "\x17\x03\x03\x00\x43\x2e\x93\x7e\x11\xef\x4a\xc7\x40\xe5\x38\xad\x36\x00\x5f\xc4\xa4\x69\x32"
    "\xfc\x32\x25\xd0\x5f\x82\xaa\x1b\x36\xe3\x0e\xfa\xf9\x7d\x90\xe6\xdf\xfc\x60\x2d\xcb\x50\x1a"
    "\x59\xa8\xfc\xc4\x9c\x4b\xf2\xe5\xf0\xa2\x1c\x00\x47\xc2\xab\xf3\x32\x54\x0d\xd0\x32\xe1\x67"
    "\xc2\x95\x5d"
    "\x17\x03\x03\x00\x13\xb5\x8f\xd6\x71\x66\xeb\xf5\x99\xd2\x47\x20\xcf\xbe\x7e\xfa\x7a\x88\x64"
    "\xa9";

static void fifty(uint8_t out[50])
{
    for (uint8_t i = 0; i < 50; i++)
        out[i] = i;
}

static void keys_of_the_trace(void **state)
{
    (void)state;
    struct talk t;
    talk_begin(&t, 0x1301, client_secret, server_secret);
    assert_memory_equal(t.record.in.key, client_key, sizeof(client_key));
    assert_memory_equal(t.record.in.iv, client_iv, sizeof(client_iv));
    assert_memory_equal(t.record.out.key, server_key, sizeof(server_key));
    assert_memory_equal(t.record.out.iv, server_iv, sizeof(server_iv));
    assert_int_equal(t.record.in.sequence + t.record.out.sequence, 0);
    talk_end(&t);
}

static void check_client_records(size_t piece, uint64_t seed)
{
    struct talk t;
    uint8_t data[50];
    fifty(data);
    talk_begin(&t, 0x1301, client_secret, server_secret);
    assert_int_equal(
        cf_buf_append(&t.wire, cf_slice_of(client_records, sizeof(client_records) - 1)), CF_OK);
    assert_int_equal(deliver(&t, piece, seed), CF_E_CLOSED);
    assert_int_equal(t.plain.len, 50);
    assert_memory_equal(t.plain.ptr, data, 50);
    assert_int_equal(t.record.in.sequence, 2);
    assert_int_equal(t.record.part.cap, 0);
    talk_end(&t);
}

static void what_the_client_of_the_trace_sends(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof(client_records); piece++)
        check_client_records(piece, 0);
    for (uint64_t seed = 1; seed <= 100; seed++)
        check_client_records(40, seed);
}

static void what_the_server_of_the_trace_sends(void **state)
{
    (void)state;
    struct talk t;
    uint8_t data[50];
    fifty(data);
    talk_begin(&t, 0x1301, client_secret, server_secret);
    t.record.out.sequence = 1;
    assert_int_equal(cf_tls_record_send(&t.record, cf_slice_of(data, 50), &t.cipher), CF_OK);
    assert_int_equal(cf_tls_record_shutdown(&t.record, &t.cipher), CF_OK);
    assert_int_equal(t.cipher.len, sizeof(server_records) - 1);
    assert_memory_equal(t.cipher.ptr, server_records, t.cipher.len);
    talk_end(&t);
}

/* Each suite with each length, the one way against OpenSSL's AEAD and the other. */
static void every_suite_both_ways(void **state)
{
    (void)state;
    static const uint16_t ids[] = {0x1301, 0x1302, 0x1303};
    static const size_t lens[] = {1, 2, 15, 16, 17, 300, 16383, 16384};
    static uint8_t data[16384];
    uint64_t seed = 3;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)next_random(&seed);
    for (size_t i = 0; i < CF_ARRAY_LEN(ids); i++) {
        struct talk t;
        talk_any(&t, ids[i]);
        for (size_t l = 0; l < CF_ARRAY_LEN(lens); l++) {
            struct cf_slice part = cf_slice_of(data, lens[l]);
            assert_int_equal(cf_tls_record_send(&t.record, part, &t.cipher), CF_OK);
            expect_data(&t, part);
            cf_buf_reset(&t.plain);
            peer_say(&t, DATA, part);
            assert_int_equal(deliver_whole(&t), CF_OK);
            assert_int_equal(t.plain.len, part.len);
            assert_memory_equal(t.plain.ptr, data, part.len);
            assert_int_equal(t.record.in.sequence, l + 1);
            assert_int_equal(t.record.out.sequence, l + 1);
        }
        talk_end(&t);
    }
}

/* The nonce takes all of the sequence number. */
static void sequence_numbers_are_in_the_nonce(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        struct talk t;
        talk_any(&t, 0x1303);
        t.record.in.sequence = t.to.sequence = UINT64_C(1) << bit;
        peer_say(&t, DATA, CF_LIT("there"));
        assert_int_equal(deliver_whole(&t), CF_OK);
        assert_slice_equal(cf_buf_peek(&t.plain), "there");
        talk_end(&t);
    }
}

static void other_suites_are_none(void **state)
{
    (void)state;
    struct cf_tls_suites suites;
    assert_int_equal(cf_tls_suites_init(&suites), CF_OK);
    assert_null(cf_tls_suite_find(&suites, 0x1300));
    assert_null(cf_tls_suite_find(&suites, 0x1304));
    assert_null(cf_tls_suite_find(&suites, 0xc02b));
    cf_tls_suites_deinit(&suites);
}

/* A record twice, one left out, two swapped: none is taken for another. */
static void order_is_part_of_a_record(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        struct talk t;
        talk_any(&t, 0x1301);
        peer_say(&t, DATA, CF_LIT("one"));
        size_t len = t.wire.len;
        peer_say(&t, DATA, CF_LIT("two"));
        assert_int_equal(t.wire.len, 2 * len);
        uint8_t one[64], two[64];
        memcpy(one, t.wire.ptr, len);
        memcpy(two, t.wire.ptr + len, len);
        cf_buf_reset(&t.wire);
        if (which == 0) {
            assert_int_equal(cf_buf_append(&t.wire, cf_slice_of(one, len)), CF_OK);
            assert_int_equal(cf_buf_append(&t.wire, cf_slice_of(one, len)), CF_OK);
            assert_int_equal(deliver_whole(&t), CF_E_PROTOCOL);
            assert_slice_equal(cf_buf_peek(&t.plain), "one");
            expect_alert(&t, 2, 20);
        } else {
            assert_int_equal(cf_buf_append(&t.wire, cf_slice_of(two, len)), CF_OK);
            if (which == 2)
                assert_int_equal(cf_buf_append(&t.wire, cf_slice_of(one, len)), CF_OK);
            expect_refused(&t, 20);
        }
        talk_end(&t);
    }
}

/* One changed bit anywhere: refused, or, in the length, at most waited for. */
static void no_changed_record_is_believed(void **state)
{
    (void)state;
    static const uint16_t ids[] = {0x1301, 0x1302, 0x1303};
    size_t len = 5 + 6 + 1 + 16;
    for (size_t bit = 0; bit < 8 * len * CF_ARRAY_LEN(ids); bit++) {
        struct talk t;
        size_t at = bit / 8 % len;
        talk_any(&t, ids[bit / 8 / len]);
        peer_say(&t, DATA, CF_LIT("secret"));
        assert_int_equal(t.wire.len, len);
        t.wire.ptr[at] ^= (uint8_t)(1 << bit % 8);
        enum cf_error error = deliver_whole(&t);
        assert_true(error == CF_E_PROTOCOL || ((at == 3 || at == 4) && error == CF_OK));
        assert_int_equal(t.plain.len, 0);
        talk_end(&t);
    }
}

static void a_cut_record_is_waited_for(void **state)
{
    (void)state;
    for (size_t len = 0; len < 5 + 6 + 1 + 16; len++) {
        struct talk t;
        talk_any(&t, 0x1301);
        peer_say(&t, DATA, CF_LIT("secret"));
        t.wire.len = len;
        assert_int_equal(deliver(&t, 3, 0), CF_OK);
        assert_int_equal(t.plain.len + t.cipher.len, 0);
        assert_int_equal(t.record.part.len, len);
        talk_end(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_the_trace),
        cmocka_unit_test(what_the_client_of_the_trace_sends),
        cmocka_unit_test(what_the_server_of_the_trace_sends),
        cmocka_unit_test(every_suite_both_ways),
        cmocka_unit_test(sequence_numbers_are_in_the_nonce),
        cmocka_unit_test(other_suites_are_none),
        cmocka_unit_test(order_is_part_of_a_record),
        cmocka_unit_test(no_changed_record_is_believed),
        cmocka_unit_test(a_cut_record_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
