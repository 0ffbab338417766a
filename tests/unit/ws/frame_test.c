#include "support.h"

struct header_vector {
    uint64_t len;
    const char *hex; /* of an unmasked binary frame */
};

/* Section 5.2: the minimal number of bytes must be used. */
static void test_5_2_shortest_length(void **state)
{
    static const struct header_vector vectors[] = {
        {0, "8200"},
        {1, "8201"},
        {125, "827d"},
        {126, "827e007e"},
        {127, "827e007f"},
        {255, "827e00ff"},
        {256, "827e0100"},
        {65535, "827effff"},
        {65536, "827f0000000000010000"},
        {UINT32_MAX, "827f00000000ffffffff"},
        {(uint64_t)1 << 32, "827f0000000100000000"},
        {INT64_MAX, "827f7fffffffffffffff"},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        uint8_t header[CF_WS_HEADER_MAX];
        struct cf_buf expected;
        cf_buf_init(&expected, 64);
        put_hex(&expected, vectors[i].hex, strlen(vectors[i].hex));
        size_t len = cf_ws_header_write(header, CF_WS_BINARY, false, vectors[i].len, NULL);
        assert_slice_equal(cf_slice_of(header, len), cf_buf_peek(&expected));

        /* The client's: the mask bit and the key behind it. */
        expected.ptr[1] |= 0x80;
        put(&expected, test_mask, 4);
        len = cf_ws_header_write(header, CF_WS_BINARY, false, vectors[i].len, test_mask);
        assert_slice_equal(cf_slice_of(header, len), cf_buf_peek(&expected));
        cf_buf_deinit(&expected);
    }
}

static void test_5_2_first_byte(void **state)
{
    static const struct {
        enum cf_ws_opcode opcode;
        bool compressed;
        uint8_t first;
    } vectors[] = {
        {CF_WS_TEXT, false, 0x81},  {CF_WS_TEXT, true, 0xc1},  {CF_WS_BINARY, true, 0xc2},
        {CF_WS_CLOSE, false, 0x88}, {CF_WS_PING, false, 0x89}, {CF_WS_PONG, false, 0x8a},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        uint8_t header[CF_WS_HEADER_MAX];
        assert_int_equal(
            cf_ws_header_write(header, vectors[i].opcode, vectors[i].compressed, 0, NULL), 2);
        assert_int_equal(header[0], vectors[i].first);
    }
}

/* Section 5.3, against the definition, at every alignment, length and offset that a word-wise loop
 * can meet. Bytes before and behind stay as they are. */
static void test_5_3_mask_as_defined(void **state)
{
    (void)state;
    for (size_t align = 0; align < 8; align++) {
        for (size_t len = 0; len < 40; len++) {
            for (size_t offset = 0; offset < 9; offset++) {
                uint8_t bytes[64], expected[64];
                for (size_t i = 0; i < sizeof(bytes); i++)
                    bytes[i] = expected[i] = (uint8_t)(i * 37 + 11);
                for (size_t i = 0; i < len; i++)
                    expected[8 + align + i] ^= test_mask[(offset + i) % 4];
                cf_ws_mask(bytes + 8 + align, len, test_mask, offset);
                assert_memory_equal(bytes, expected, sizeof(bytes));
            }
        }
    }
}

static void test_5_3_mask_at_a_large_offset(void **state)
{
    uint8_t bytes[9] = {0};
    static const uint8_t expected[9] = {0x3d, 0x37, 0xfa, 0x21, 0x3d, 0x37, 0xfa, 0x21, 0x3d};
    (void)state;
    cf_ws_mask(bytes, sizeof(bytes), test_mask, UINT64_MAX); /* 3 modulo 4 */
    assert_memory_equal(bytes, expected, sizeof(bytes));
}

/* Section 5.7, byte for byte. */
static void test_5_7_examples(void **state)
{
    struct cf_buf out, expected;
    (void)state;
    cf_buf_init(&out, 1024);
    cf_buf_init(&expected, 1024);
    must(cf_ws_frame_append(&out, CF_WS_TEXT, false, CF_LIT("Hello"), NULL));
    put_script(&expected, "=810548656c6c6f", false);
    must(cf_ws_frame_append(&out, CF_WS_TEXT, false, CF_LIT("Hello"), test_mask));
    put_script(&expected, "=818537fa213d7f9f4d5158", false);
    must(cf_ws_frame_append(&out, CF_WS_PONG, false, CF_LIT("Hello"), test_mask));
    put_script(&expected, "=8a8537fa213d7f9f4d5158", false);
    must(cf_ws_frame_append(&out, CF_WS_PING, false, (struct cf_slice){NULL, 0}, NULL));
    put_script(&expected, "=8900", false);
    assert_slice_equal(cf_buf_peek(&out), cf_buf_peek(&expected));
    cf_buf_deinit(&out);
    cf_buf_deinit(&expected);
}

/* A frame goes in whole or not at all, masked or not. */
static void test_frame_at_the_cap(void **state)
{
    static const uint8_t payload[200];
    (void)state;
    for (size_t spare = 0; spare < 3; spare++) {
        struct cf_buf out;
        cf_buf_init(&out, 10 + 4 + 4 + sizeof(payload) - 1 + spare);
        put(&out, "0123456789", 10);
        enum cf_error error =
            cf_ws_frame_append(&out, CF_WS_BINARY, false, cf_slice_of(payload, 200), test_mask);
        assert_int_equal(error, spare == 0 ? CF_E_TOO_LARGE : CF_OK);
        assert_int_equal(out.len, spare == 0 ? 10 : 10 + 8 + 200);
        assert_memory_equal(out.ptr, "0123456789", 10);
        cf_buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_5_2_shortest_length),
        cmocka_unit_test(test_5_2_first_byte),
        cmocka_unit_test(test_5_3_mask_as_defined),
        cmocka_unit_test(test_5_3_mask_at_a_large_offset),
        cmocka_unit_test(test_5_7_examples),
        cmocka_unit_test(test_frame_at_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
