#include "unit/base/support.h"

#include "base/base64.h"

struct example {
    struct cf_slice bytes, padded, url;
};

/* RFC 4648 section 10, and the two characters in which the alphabets differ. */
static const struct example examples[] = {
    {CF_LIT(""), CF_LIT(""), CF_LIT("")},
    {CF_LIT("f"), CF_LIT("Zg=="), CF_LIT("Zg")},
    {CF_LIT("fo"), CF_LIT("Zm8="), CF_LIT("Zm8")},
    {CF_LIT("foo"), CF_LIT("Zm9v"), CF_LIT("Zm9v")},
    {CF_LIT("foob"), CF_LIT("Zm9vYg=="), CF_LIT("Zm9vYg")},
    {CF_LIT("fooba"), CF_LIT("Zm9vYmE="), CF_LIT("Zm9vYmE")},
    {CF_LIT("foobar"), CF_LIT("Zm9vYmFy"), CF_LIT("Zm9vYmFy")},
    {CF_LIT("\xFB\xEF\xBE\xFF\xFF\xFF"), CF_LIT("++++////"), CF_LIT("----____")},
};

static void vectors_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(examples); i++) {
        const struct example *e = &examples[i];
        for (int kind = CF_BASE64; kind <= CF_BASE64_URL; kind++) {
            struct cf_slice text = kind == CF_BASE64 ? e->padded : e->url;
            struct cf_buf out;
            cf_buf_init(&out, 100);
            assert_int_equal(cf_base64_len((enum cf_base64)kind, e->bytes.len), text.len);
            assert_int_equal(cf_base64_encode((enum cf_base64)kind, e->bytes, &out), CF_OK);
            assert_true(cf_slice_eq(cf_buf_peek(&out), text));
            cf_buf_reset(&out);
            assert_int_equal(cf_base64_decode((enum cf_base64)kind, text, &out), CF_OK);
            assert_true(cf_slice_eq(cf_buf_peek(&out), e->bytes));
            size_t len;
            assert_int_equal(cf_base64_check((enum cf_base64)kind, text, &len), CF_OK);
            assert_int_equal(len, e->bytes.len);
            cf_buf_deinit(&out);
        }
    }
}

static void assert_refused(enum cf_base64 kind, struct cf_slice text)
{
    struct cf_buf out;
    size_t len = 7;
    assert_int_equal(cf_base64_check(kind, text, &len), CF_E_SYNTAX);
    assert_int_equal(len, 7);
    cf_buf_init(&out, 100);
    assert_int_equal(cf_buf_append(&out, CF_LIT("kept")), CF_OK);
    assert_int_equal(cf_base64_decode(kind, text, &out), CF_E_SYNTAX);
    assert_slice_equal(cf_buf_peek(&out), "kept");
    cf_buf_deinit(&out);
}

static void padding_is_exact(void **state)
{
    (void)state;
    static const struct cf_slice bad_padded[] = {
        CF_LIT("Zg"),   CF_LIT("Zg="),  CF_LIT("Zg==="),    CF_LIT("Zg===="), CF_LIT("Z==="),
        CF_LIT("===="), CF_LIT("="),    CF_LIT("=="),       CF_LIT("Zm9v="),  CF_LIT("Zm9v===="),
        CF_LIT("Zm8"),  CF_LIT("Z=8="), CF_LIT("Zg==Zg=="), CF_LIT("=Zg="),   CF_LIT("A"),
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bad_padded); i++)
        assert_refused(CF_BASE64, bad_padded[i]);
    static const struct cf_slice bad_url[] = {
        CF_LIT("Zg=="), CF_LIT("Zm8="), CF_LIT("A"), CF_LIT("Zm9vA"), CF_LIT("="), CF_LIT("Zg="),
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bad_url); i++)
        assert_refused(CF_BASE64_URL, bad_url[i]);
}

/* V18: every byte outside the alphabet is refused at each of the four places. */
static void only_the_alphabet(void **state)
{
    (void)state;
    static const char shared[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (int kind = CF_BASE64; kind <= CF_BASE64_URL; kind++) {
        for (int c = 0; c < 256; c++) {
            bool good = c > 0 && (strchr(shared, c) != NULL ||
                                  strchr(kind == CF_BASE64 ? "+/" : "-_", c) != NULL);
            for (size_t at = 0; at < 4; at++) {
                uint8_t text[8] = "AAAABBBB";
                text[at] = (uint8_t)c;
                struct cf_buf out;
                cf_buf_init(&out, 6);
                assert_int_equal(cf_base64_decode((enum cf_base64)kind, cf_slice_of(text, 8), &out),
                                 good ? CF_OK : CF_E_SYNTAX);
                assert_int_equal(out.len, good ? 6 : 0);
                size_t len;
                assert_int_equal(cf_base64_check((enum cf_base64)kind, cf_slice_of(text, 8), &len),
                                 good ? CF_OK : CF_E_SYNTAX);
                cf_buf_deinit(&out);
            }
        }
    }
}

/* V18: of all 4096 spellings of two characters 256 are right, of all 262144 of three 65536. */
static void unused_bits_must_be_zero(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct cf_buf out;
    cf_buf_init(&out, 4);
    unsigned two = 0, three = 0;
    for (unsigned n = 0; n < 64 * 64 * 64; n++) {
        char text[3] = {alphabet[n >> 12], alphabet[n >> 6 & 63], alphabet[n & 63]};
        cf_buf_reset(&out);
        if (cf_base64_decode(CF_BASE64_URL, cf_slice_of(text, 3), &out) == CF_OK) {
            assert_int_equal(n & 3, 0);
            assert_int_equal(out.ptr[0] << 8 | out.ptr[1], n >> 2);
            three++;
        }
        cf_buf_reset(&out);
        if (n < 64 * 64 && cf_base64_decode(CF_BASE64_URL, cf_slice_of(text + 1, 2), &out) == CF_OK)
            two++;
    }
    assert_int_equal(two, 256);
    assert_int_equal(three, 65536);
    cf_buf_deinit(&out);
    assert_refused(CF_BASE64, CF_LIT("Zh=="));
    assert_refused(CF_BASE64, CF_LIT("Zm9="));
}

/* Decoding refuses exactly what a check refuses, and gives as many bytes as it says. */
static void a_check_is_a_decoding_without_bytes(void **state)
{
    (void)state;
    static const char characters[] = "ABgwQ/9+-_= \n";
    uint64_t seed = 6;
    unsigned good = 0;
    for (unsigned round = 0; round < 100000; round++) {
        enum cf_base64 kind = round % 2 == 0 ? CF_BASE64 : CF_BASE64_URL;
        uint8_t text[9];
        size_t text_len = random_below(&seed, sizeof(text) + 1), len = 99;
        for (size_t i = 0; i < text_len; i++)
            text[i] = (uint8_t)characters[random_below(&seed, sizeof(characters) - 1)];
        struct cf_buf out;
        cf_buf_init(&out, 9);
        struct cf_slice slice = cf_slice_of(text, text_len);
        enum cf_error error = cf_base64_decode(kind, slice, &out);
        assert_int_equal(cf_base64_check(kind, slice, &len), error);
        assert_int_equal(len, error == CF_OK ? out.len : 99);
        good += error == CF_OK;
        cf_buf_deinit(&out);
    }
    assert_true(good > 1000 && good < 99000);
}

static void limits_of_the_buffer(void **state)
{
    (void)state;
    struct cf_buf out;
    cf_buf_init(&out, 7);
    assert_int_equal(cf_base64_encode(CF_BASE64, CF_LIT("foob"), &out), CF_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    assert_int_equal(cf_base64_encode(CF_BASE64_URL, CF_LIT("fooba"), &out), CF_OK);
    cf_buf_deinit(&out);
    cf_buf_init(&out, 3);
    assert_int_equal(cf_base64_decode(CF_BASE64, CF_LIT("Zm9vYg=="), &out), CF_E_TOO_LARGE);
    assert_int_equal(cf_base64_decode(CF_BASE64, CF_LIT("Zm9v"), &out), CF_OK);
    cf_buf_deinit(&out);
}

static void bytes_come_back(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (unsigned round = 0; round < 2000; round++) {
        enum cf_base64 kind = round % 2 == 0 ? CF_BASE64 : CF_BASE64_URL;
        uint8_t bytes[64];
        size_t len = random_below(&seed, sizeof(bytes) + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)next_random(&seed);
        struct cf_buf text, back;
        cf_buf_init(&text, 100);
        cf_buf_init(&back, 64);
        assert_int_equal(cf_base64_encode(kind, cf_slice_of(bytes, len), &text), CF_OK);
        assert_int_equal(text.len, cf_base64_len(kind, len));
        assert_int_equal(cf_base64_decode(kind, cf_buf_peek(&text), &back), CF_OK);
        assert_true(cf_slice_eq(cf_buf_peek(&back), cf_slice_of(bytes, len)));
        cf_buf_deinit(&text);
        cf_buf_deinit(&back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc),
        cmocka_unit_test(padding_is_exact),
        cmocka_unit_test(only_the_alphabet),
        cmocka_unit_test(unused_bits_must_be_zero),
        cmocka_unit_test(limits_of_the_buffer),
        cmocka_unit_test(bytes_come_back),
        cmocka_unit_test(a_check_is_a_decoding_without_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
