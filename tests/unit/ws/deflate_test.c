/* RFC 7692, the compressed side: its own examples, both kinds of takeover, every window, limits. */
#include "support.h"

#include <zlib.h>

#define BAD_DATA "88:03ef" /* 1007 */

/* With memory, or the test ends here: what is tested is not that. */
static struct cf_ws_inflater *new_inflater(unsigned window_bits)
{
    struct cf_ws_inflater *inflater = cf_ws_inflater_new(window_bits);
    assert_non_null(inflater);
    return inflater;
}

static struct cf_ws_deflater *new_deflater(unsigned window_bits)
{
    struct cf_ws_deflater *deflater = cf_ws_deflater_new(window_bits);
    assert_non_null(deflater);
    return deflater;
}

static const struct cf_ws_deflate_params *no_takeover(void)
{
    static struct cf_ws_deflate_params params;
    params = deflate_params(false);
    return &params;
}

static const struct cf_ws_deflate_params *takeover(void)
{
    static struct cf_ws_deflate_params params;
    params = deflate_params(true);
    return &params;
}

static void test_7692_7_2_3_examples(void **state)
{
    static const struct vector vectors[] = {
        {"7692 7.2.3.1", "c1:f248cdc9c90700", "text:'Hello'", ""},
        {"7692 7.2.3.1 fragmented", "41:f248cd 80:c9c90700", "text:'Hello'", ""},
        {"7692 7.2.3.3 not compressed", "c1:000500faff48656c6c6f00", "text:'Hello'", ""},
        {"7692 7.2.3.4 final block", "c1:f348cdc9c9070000", "text:'Hello'", ""},
        {"7692 7.2.3.5 two blocks", "c1:f24805000000ffffcac9c90700", "text:'Hello'", ""},
        {"7692 7.2.3.6 empty", "c1:00", "text:''", ""},
        {"7692 7.2.3.6 empty, no byte at all", "c2:''", "binary:''", ""},
        {"7692 6.1 a ping between", "41:f248cd 89:'p' 80:c9c90700", "text:'Hello'", "8a:'p'"},
        {"7692 6.1 an empty last fragment", "42:f248cdc9c90700 80:''", "binary:'Hello'", ""},
        {"7692 6 both kinds", "c1:f248cdc9c90700 81:'a' c1:f248cdc9c90700",
         "text:'Hello' text:'a' text:'Hello'", ""},
        {"7692 two final blocks in a message", "c1:f348cdc9c90700f348cdc9c9070000",
         "text:'HelloHello'", ""},
        {"7692 a final block that the tail ends", "c1:01", "text:''", ""},
    };
    (void)state;
    check_vectors(vectors, CF_ARRAY_LEN(vectors), no_takeover());
    check_vectors(vectors, CF_ARRAY_LEN(vectors), takeover());
}

/* Section 7.2.3.2: the second message is a reference to the first. */
static void test_7692_7_2_3_2_shared_window(void **state)
{
    static const struct vector kept = {"7692 7.2.3.2 kept", "c1:f248cdc9c90700 c1:f200110000",
                                       "text:'Hello' text:'Hello'", ""};
    static const struct vector forgotten = {"7692 7.2.3.2 forgotten",
                                            "c1:f248cdc9c90700 c1:f200110000",
                                            "text:'Hello' closed:1007-", BAD_DATA};
    (void)state;
    check_vectors(&kept, 1, takeover());
    check_vectors(&forgotten, 1, no_takeover());
}

static void test_7692_bad_data(void **state)
{
    static const struct vector vectors[] = {
        {"7692 block of no type", "c1:ff", "closed:1007-", BAD_DATA},
        {"7692 stored lengths differ", "c1:000500faf048656c6c6f00", "closed:1007-", BAD_DATA},
        {"7692 reference before the start", "c1:f200110000", "closed:1007-", BAD_DATA},
        {"7692 cut off in a block", "c1:f248cdc9c9", "closed:1007-", BAD_DATA},
        {"7692 cut off in a stored block", "c1:000500faff4865", "closed:1007-", BAD_DATA},
        {"7692 first bad fragment", "41:ffff 80:00", "closed:1007-", BAD_DATA},
        {"8.1 text that is none", "c1:000200fdffc32800", "closed:1007-", BAD_DATA},
        {"8.1 text cut off", "c1:000200fdffe28200", "closed:1007-", BAD_DATA},
        {"8.1 binary is free", "c2:000200fdffc32800", "binary:c328", ""},
        {"8.1 text in parts", "41:000300fcffe2 80:82ac00", "text:e282ac", ""},
    };
    (void)state;
    check_vectors(vectors, CF_ARRAY_LEN(vectors), no_takeover());
}

/* The worker's decompressor, shared: what one connection broke the next does not feel. */
static void test_shared_inflater_after_an_error(void **state)
{
    struct rig bad, good;
    (void)state;
    rig_init(&bad, CF_WS_SERVER, 65536, no_takeover());
    rig_init(&good, CF_WS_SERVER, 65536, no_takeover());
    good.ep.inflater = bad.inflater;
    rig_hear(&good, "41:f248cd"); /* half a message, then the other connection */
    rig_hear(&bad, "c1:000500faff4865");
    assert_events(&bad, "closed:1007-");
    rig_hear(&good, "80:c9c90700 c1:f248cdc9c90700");
    assert_events(&good, "text:'Hello' text:'Hello'");
    rig_deinit(&good);
    rig_deinit(&bad);
}

/* An error forgets the message wherever in it, and whatever was agreed. */
static void test_inflater_after_an_error(void **state)
{
    struct cf_ws_inflater *inflater = new_inflater(15);
    struct cf_slice half = CF_LIT("\xf2\x48\xcd"), hello = CF_LIT("\xf2\x48\xcd\xc9\xc9\x07\x00");
    struct cf_buf out;
    (void)state;
    cf_buf_init(&out, 3);
    for (unsigned keep = 0; keep <= 1; keep++) {
        assert_int_equal(cf_ws_inflate(inflater, CF_LIT("\xff"), false, keep != 0, &out),
                         CF_E_SYNTAX);
        must(cf_ws_inflate(inflater, half, false, keep != 0, &out));
        assert_int_equal(cf_ws_inflate(inflater, cf_slice_skip(hello, 3), false, keep != 0, &out),
                         CF_E_TOO_LARGE);
        cf_buf_deinit(&out);
        cf_buf_init(&out, 5);
        must(cf_ws_inflate(inflater, hello, true, false, &out));
        assert_slice_equal(cf_buf_peek(&out), CF_LIT("Hello"));
        cf_buf_deinit(&out);
        cf_buf_init(&out, 3);
    }
    cf_buf_deinit(&out);
    cf_ws_inflater_free(inflater);
}

/* ---- our compressor ---- */

static void fill(uint8_t *bytes, size_t len, bool compressible, uint64_t seed)
{
    static const char words[] = "the quick brown fox ";
    for (size_t i = 0; i < len; i++)
        bytes[i] = compressible ? (uint8_t)words[(i * i / 97) % 20] : (uint8_t)next_random(&seed);
}

/* Message after message through one pair, in pieces of `step` bytes. */
static void check_round_trip(unsigned window_bits, bool keep, bool compressible)
{
    static const size_t lens[] = {0,    1,    0, 5,     100,   4090,  4096,  4097,
                                  8192, 9000, 0, 16383, 32768, 40000, 70000, 3};
    struct cf_ws_deflater *deflater = new_deflater(window_bits);
    struct cf_ws_inflater *inflater = new_inflater(window_bits);
    uint8_t *message = malloc(70000);
    assert_true(deflater != NULL && inflater != NULL && message != NULL);
    for (size_t i = 0; i < CF_ARRAY_LEN(lens); i++) {
        struct cf_buf deflated, inflated;
        cf_buf_init(&deflated, 100000);
        cf_buf_init(&inflated, lens[i]); /* exactly enough */
        fill(message, lens[i], compressible, i);
        must(cf_ws_deflate(deflater, cf_slice_of(message, lens[i]), keep, &deflated));
        assert_true(deflated.len > 0);
        struct cf_slice rest = cf_buf_peek(&deflated);
        size_t step = 1 + i * 1000;
        do {
            struct cf_slice piece = cf_slice_head(rest, step);
            rest = cf_slice_skip(rest, piece.len);
            must(cf_ws_inflate(inflater, piece, rest.len == 0, keep, &inflated));
        } while (rest.len > 0);
        assert_slice_equal(cf_buf_peek(&inflated), cf_slice_of(message, lens[i]));
        cf_buf_deinit(&deflated);
        cf_buf_deinit(&inflated);
    }
    free(message);
    cf_ws_deflater_free(deflater);
    cf_ws_inflater_free(inflater);
}

static void test_round_trips_in_every_window(void **state)
{
    (void)state;
    for (unsigned bits = 9; bits <= 15; bits++) {
        for (unsigned kind = 0; kind < 4; kind++)
            check_round_trip(bits, (kind & 1) != 0, (kind & 2) != 0);
    }
}

/* Around the steps in which the output grows: no length loses or doubles a byte. */
static void test_round_trips_of_every_length(void **state)
{
    struct cf_ws_deflater *deflater = new_deflater(15);
    struct cf_ws_inflater *inflater = new_inflater(15);
    static uint8_t message[8300];
    (void)state;
    fill(message, sizeof(message), false, 7);
    for (size_t len = 0; len <= sizeof(message); len += len > 4000 && len < 4200 ? 1 : 7) {
        struct cf_buf deflated, inflated;
        cf_buf_init(&deflated, 100000);
        cf_buf_init(&inflated, 100000);
        must(cf_ws_deflate(deflater, cf_slice_of(message, len), false, &deflated));
        must(cf_ws_inflate(inflater, cf_buf_peek(&deflated), true, false, &inflated));
        assert_slice_equal(cf_buf_peek(&inflated), cf_slice_of(message, len));
        cf_buf_deinit(&deflated);
        cf_buf_deinit(&inflated);
    }
    cf_ws_deflater_free(deflater);
    cf_ws_inflater_free(inflater);
}

/* Section 7.2.1: the four bytes of the flush are not sent, and an empty message is one zero byte,
 * also when the window is kept and nothing is left to flush. */
static void test_7692_7_2_1_what_is_sent(void **state)
{
    (void)state;
    for (unsigned keep = 0; keep <= 1; keep++) {
        struct cf_ws_deflater *deflater = new_deflater(15);
        struct cf_buf out;
        cf_buf_init(&out, 100);
        for (unsigned i = 0; i < 3; i++)
            must(cf_ws_deflate(deflater, CF_LIT(""), keep != 0, &out));
        assert_slice_equal(cf_buf_peek(&out), CF_LIT("\0\0\0"));
        must(cf_ws_deflate(deflater, CF_LIT("Hello"), keep != 0, &out));
        assert_slice_equal(cf_buf_peek(&out), CF_LIT("\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00"));
        cf_buf_reset(&out);
        must(cf_ws_deflate(deflater, CF_LIT("Hello"), keep != 0, &out));
        if (keep != 0)
            assert_true(out.len < 7); /* a reference */
        else
            assert_slice_equal(cf_buf_peek(&out), CF_LIT("\xf2\x48\xcd\xc9\xc9\x07\x00"));
        cf_buf_deinit(&out);
        cf_ws_deflater_free(deflater);
    }
}

/* Over the cap nothing is left behind, and the next message is whole. */
static void test_deflate_over_the_cap(void **state)
{
    static uint8_t noise[20000];
    struct cf_ws_deflater *deflater = new_deflater(15);
    struct cf_ws_inflater *inflater = new_inflater(15);
    (void)state;
    fill(noise, sizeof(noise), false, 3);
    for (size_t cap = 0; cap < 20010; cap = cap * 2 + 1) {
        struct cf_buf out, inflated;
        cf_buf_init(&out, cap + 2);
        cf_buf_init(&inflated, 100);
        put(&out, "ab", 2);
        assert_int_equal(cf_ws_deflate(deflater, cf_slice_of(noise, sizeof(noise)), true, &out),
                         CF_E_TOO_LARGE);
        assert_slice_equal(cf_buf_peek(&out), CF_LIT("ab"));
        cf_buf_deinit(&out);
        cf_buf_init(&out, 100);
        must(cf_ws_deflate(deflater, CF_LIT("Hello"), false, &out));
        must(cf_ws_inflate(inflater, cf_buf_peek(&out), true, false, &inflated));
        assert_slice_equal(cf_buf_peek(&inflated), CF_LIT("Hello"));
        cf_buf_deinit(&out);
        cf_buf_deinit(&inflated);
    }
    cf_ws_deflater_free(deflater);
    cf_ws_inflater_free(inflater);
}

/* ---- limits of what is inflated ---- */

static void test_inflate_at_the_cap(void **state)
{
    static uint8_t message[10000];
    struct cf_ws_deflater *deflater = new_deflater(15);
    struct cf_ws_inflater *inflater = new_inflater(15);
    struct cf_buf deflated;
    (void)state;
    fill(message, sizeof(message), true, 0);
    cf_buf_init(&deflated, 20000);
    must(cf_ws_deflate(deflater, cf_slice_of(message, sizeof(message)), false, &deflated));
    for (size_t cap = sizeof(message) - 1; cap <= sizeof(message) + 1; cap++) {
        struct cf_buf inflated;
        cf_buf_init(&inflated, cap);
        assert_int_equal(cf_ws_inflate(inflater, cf_buf_peek(&deflated), true, false, &inflated),
                         cap < sizeof(message) ? CF_E_TOO_LARGE : CF_OK);
        assert_true(inflated.len <= cap);
        cf_buf_deinit(&inflated);
    }
    cf_buf_deinit(&deflated);
    cf_ws_deflater_free(deflater);
    cf_ws_inflater_free(inflater);
}

/* Zeros, compressed as far as deflate can: 64 MiB in about 64 KiB. */
static void make_bomb(struct cf_buf *out, size_t zeros)
{
    static uint8_t block[65536];
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    must(cf_buf_reserve(out, 1 << 20));
    stream.next_out = out->ptr;
    stream.avail_out = 1 << 20;
    for (size_t done = 0; done < zeros; done += sizeof(block)) {
        stream.next_in = block;
        stream.avail_in = sizeof(block);
        assert_int_equal(deflate(&stream, done + sizeof(block) < zeros ? Z_NO_FLUSH : Z_SYNC_FLUSH),
                         Z_OK);
    }
    assert_true(stream.avail_out > 0);
    out->len = (1 << 20) - stream.avail_out - 4;
    deflateEnd(&stream);
}

/* Hazard V7: 64 MiB of zeros. Neither more than the limit is kept nor more than a byte over it is
 * produced, and the connection ends with 1009. */
static void test_v7_bomb(void **state)
{
    enum { LIMIT = 524288 };
    struct cf_buf bomb, in, inflated;
    struct cf_ws_inflater *inflater = new_inflater(15);
    (void)state;
    cf_buf_init(&bomb, 1 << 21);
    cf_buf_init(&in, 1 << 21);
    cf_buf_init(&inflated, LIMIT);
    make_bomb(&bomb, 64 * 1024 * 1024);
    assert_true(bomb.len < 70000);
    assert_int_equal(cf_ws_inflate(inflater, cf_buf_peek(&bomb), true, false, &inflated),
                     CF_E_TOO_LARGE);
    assert_int_equal(inflated.len, LIMIT);
    assert_true(inflated.cap <= LIMIT);
    for (unsigned keep = 0; keep <= 1; keep++) {
        struct rig rig;
        rig_init(&rig, CF_WS_SERVER, LIMIT, keep != 0 ? takeover() : no_takeover());
        cf_buf_reset(&in);
        put_frame(&in, 0xc2, cf_buf_peek(&bomb), true);
        rig_feed(&rig, cf_buf_peek(&in));
        assert_events(&rig, "closed:1009-");
        assert_out(&rig, "88:03f1");
        assert_int_equal(rig_message_cap(&rig), 0);
        rig_deinit(&rig);
    }
    cf_ws_inflater_free(inflater);
    cf_buf_deinit(&bomb);
    cf_buf_deinit(&in);
    cf_buf_deinit(&inflated);
}

/* Hazard V7 across messages: a kept window makes each small and the limit holds for each. */
static void test_v7_limit_with_takeover(void **state)
{
    static uint8_t message[1001];
    struct cf_ws_deflater *deflater = new_deflater(15);
    struct rig rig;
    (void)state;
    rig_init(&rig, CF_WS_SERVER, 1000, takeover());
    for (unsigned i = 0; i < 4; i++) {
        struct cf_buf deflated, in;
        cf_buf_init(&deflated, 10000);
        cf_buf_init(&in, 10000);
        must(cf_ws_deflate(deflater, cf_slice_of(message, i < 3 ? 1000 : 1001), true, &deflated));
        put_frame(&in, 0xc2, cf_buf_peek(&deflated), true);
        rig_feed(&rig, cf_buf_peek(&in));
        if (i < 3)
            assert_non_null(strstr((const char *)rig.events.ptr, "binary:"));
        cf_buf_reset(&rig.events);
        cf_buf_deinit(&deflated);
        cf_buf_deinit(&in);
    }
    assert_out(&rig, "88:03f1");
    rig_deinit(&rig);
    cf_ws_deflater_free(deflater);
}

/* What does not compress is longer on the wire than the limit, and still within it. */
static void test_noise_at_the_limit(void **state)
{
    enum { LIMIT = 50000 };
    static uint8_t noise[LIMIT + 1];
    (void)state;
    fill(noise, sizeof(noise), false, 11);
    for (size_t len = LIMIT - 1; len <= LIMIT + 1; len++) {
        struct cf_ws_deflater *deflater = new_deflater(15);
        struct cf_buf deflated, in;
        struct rig rig;
        cf_buf_init(&deflated, 100000);
        cf_buf_init(&in, 100000);
        must(cf_ws_deflate(deflater, cf_slice_of(noise, len), false, &deflated));
        assert_true(deflated.len > LIMIT);
        rig_init(&rig, CF_WS_SERVER, LIMIT, no_takeover());
        put_frame(&in, 0xc2, cf_buf_peek(&deflated), true);
        rig_feed(&rig, cf_buf_peek(&in));
        assert_out(&rig, len <= LIMIT ? "" : "88:03f1");
        assert_int_equal(rig.ep.closed, len > LIMIT);
        rig_deinit(&rig);
        cf_buf_deinit(&deflated);
        cf_buf_deinit(&in);
        cf_ws_deflater_free(deflater);
    }
}

static void test_windows_of_zlib_only(void **state)
{
    (void)state;
    assert_panics(cf_ws_deflater_new(8));
    assert_panics(cf_ws_deflater_new(16));
    assert_panics(cf_ws_inflater_new(8));
    assert_panics(cf_ws_inflater_new(16));
    cf_ws_deflater_free(NULL);
    cf_ws_inflater_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_7692_7_2_3_examples),
        cmocka_unit_test(test_7692_7_2_3_2_shared_window),
        cmocka_unit_test(test_7692_bad_data),
        cmocka_unit_test(test_shared_inflater_after_an_error),
        cmocka_unit_test(test_inflater_after_an_error),
        cmocka_unit_test(test_round_trips_in_every_window),
        cmocka_unit_test(test_round_trips_of_every_length),
        cmocka_unit_test(test_7692_7_2_1_what_is_sent),
        cmocka_unit_test(test_deflate_over_the_cap),
        cmocka_unit_test(test_inflate_at_the_cap),
        cmocka_unit_test(test_v7_bomb),
        cmocka_unit_test(test_v7_limit_with_takeover),
        cmocka_unit_test(test_noise_at_the_limit),
        cmocka_unit_test(test_windows_of_zlib_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
